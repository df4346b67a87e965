/* Which mailbox has a name now, and how much there is in it: by its name alone it may be another than the one that was
 * listed last. */
#include "remote/imap/imap-status.h"

#include "remote/imap/imap-quirks.h"
#include "remote/imap/imap-token.h"

static guint
send_status (SurelImapSession *session, const char *wire_name, gboolean id, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("STATUS");

  surel_imap_command_mailbox (command, wire_name);
  if (id)
    surel_imap_quirk_ask_mailbox_id_alone (command);
  else
    {
      surel_imap_command_open (command);
      surel_imap_command_atom (command, "MESSAGES");
      surel_imap_command_atom (command, "UIDNEXT");
      surel_imap_command_atom (command, "UIDVALIDITY");
      surel_imap_command_close (command);
    }
  return surel_imap_session_send (session, command, cancellable, error);
}

/* A server may tell of others at any time. */
static gboolean
read_status (SurelImapSession *session, guint tag, const char *wire_name, SurelImapStatus *status, GCancellable *cancellable, GError **error)
{
  const SurelImapResponse *response;
  int result = -1;

  while (tag != 0 && (result = surel_imap_session_next (session, tag, &response, cancellable, error)) > 0)
    {
      if (response->kind != SUREL_IMAP_STATUS || g_ascii_strcasecmp (response->status.name, wire_name) != 0)
        continue;
      status->messages = MAX (status->messages, response->status.messages);
      status->uidvalidity = MAX (status->uidvalidity, response->status.uidvalidity);
      status->uidnext = MAX (status->uidnext, response->status.uidnext);
      if (response->status.mailbox_id != NULL)
        status->id = surel_imap_token_id_of (response->status.mailbox_id);
    }
  return tag != 0 && result == 0;
}

/**
 * surel_imap_ask_status:
 * @wire_name: a mailbox; of the one that is open a server may tell what it told last
 * @status: (out): of what the server doesn't say there is none
 *
 * Where the server has MAILBOXID that is asked for, too: both are sent before either is read.
 */
gboolean
surel_imap_ask_status (
    SurelImapSession *session, const char *wire_name, SurelImapStatus *status, GCancellable *cancellable, GError **error)
{
  gboolean has_id = surel_imap_session_can (session, SUREL_IMAP_CAN_OBJECTID);
  guint tag = send_status (session, wire_name, FALSE, cancellable, error);
  guint second = tag != 0 && has_id ? send_status (session, wire_name, TRUE, cancellable, error) : 0;
  g_autoptr (GError) ignored = NULL;

  *status = (SurelImapStatus){ 0 };
  if (tag == 0 || (has_id && second == 0))
    return FALSE;
  /* Without it UIDVALIDITY has to do. */
  if (second != 0 && !read_status (session, second, wire_name, status, cancellable, &ignored) && !surel_imap_error_is_refusal (ignored))
    {
      g_propagate_error (error, g_steal_pointer (&ignored));
      return FALSE;
    }
  return read_status (session, tag, wire_name, status, cancellable, error);
}

/**
 * surel_imap_ask_append_limit:
 * @wire_name: a mailbox
 * @limit: (out): the most octets a message may have there (RFC 7889); 0 where the server doesn't say
 *
 * Also of the mailbox that is open: nothing but STATUS tells it. A server that refuses that judges each message itself.
 */
gboolean
surel_imap_ask_append_limit (
    SurelImapSession *session, const char *wire_name, guint64 *limit, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("STATUS");
  g_autoptr (GError) own = NULL;
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  *limit = 0;
  surel_imap_command_mailbox (command, wire_name);
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "APPENDLIMIT");
  surel_imap_command_close (command);
  tag = surel_imap_session_send (session, command, cancellable, &own);
  while (tag != 0 && (result = surel_imap_session_next (session, tag, &response, cancellable, &own)) > 0)
    if (response->kind == SUREL_IMAP_STATUS && g_ascii_strcasecmp (response->status.name, wire_name) == 0)
      *limit = (guint64) MAX (response->status.append_limit, 0);
  if ((tag != 0 && result == 0) || surel_imap_error_is_refusal (own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/**
 * surel_imap_status_is_of:
 * @token: (nullable): of a mailbox
 *
 * Returns: whether it is that mailbox, as far as that is known
 */
gboolean
surel_imap_status_is_of (const SurelImapStatus *self, GBytes *token)
{
  SurelImapToken known;

  return self->uidvalidity <= 0 || !surel_imap_token_parse (token, &known)
         || surel_imap_token_is_of (&known, (guint32) self->uidvalidity, self->id);
}
