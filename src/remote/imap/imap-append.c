/* Messages put into a mailbox (RFC 9051 §6.3.12), and new versions of drafts: the new one first, then the old one
 * goes. */
#include "remote/imap/imap-append.h"

#include <string.h>

#include "remote/imap/imap-apply-private.h"
#include "remote/imap/imap-keywords.h"
#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-token.h"

/* `dd-Mmm-yyyy hh:mm:ss +0000` (RFC 9051 §9, date-time). */
static char *
date_time (gint64 seconds)
{
  static const char *const months[]
      = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);

  if (time == NULL)
    return NULL;
  return g_strdup_printf ("%2d-%s-%04d %02d:%02d:%02d +0000", g_date_time_get_day_of_month (time),
                          months[g_date_time_get_month (time) - 1], g_date_time_get_year (time),
                          g_date_time_get_hour (time), g_date_time_get_minute (time), g_date_time_get_second (time));
}

/* What the target is called is known, what it keeps isn't before it is open: what doesn't fit is kept here. */
static void
add_flags (SurelImapCommand *command, SurelImapSession *session, const SurelChange *change)
{
  g_auto (GStrv) flags
      = surel_imap_keywords_spell (surel_imap_session_get_mailbox (session), change->add_flags, change->add_words);

  surel_imap_command_open (command);
  for (guint i = 0; flags[i] != NULL; i++)
    surel_imap_command_atom (command, flags[i]);
  surel_imap_command_close (command);
}

/* APPENDLIMIT (RFC 7889): what a server says it won't take isn't sent. */
static gboolean
check_size (SurelImapApply *self, GError **error)
{
  guint64 limit = surel_imap_session_get_append_limit (self->session);
  g_autofree char *size = NULL;

  if (limit == 0 || g_bytes_get_size (self->change->octets) <= limit)
    return TRUE;
  size = g_format_size (limit);
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE, "The server takes no message of more than %s", size);
  return FALSE;
}

/* APPENDUID (RFC 4315 §3). */
static void
note_uid (SurelImapSession *session, SurelChange *change)
{
  const SurelImapCode *code = surel_imap_session_get_last_code (session);
  SurelImapToken token;
  guint64 uidvalidity = 0;
  guint64 uid = 0;
  g_auto (GStrv) words = NULL;

  if (code->name == NULL || strcmp (code->name, "APPENDUID") != 0 || code->argument == NULL)
    return;
  words = g_strsplit (code->argument, " ", 2);
  /* An id of another UIDVALIDITY than is known isn't one that the next list is compared with. */
  if (words[0] != NULL && words[1] != NULL
      && g_ascii_string_to_unsigned (words[0], 10, 1, G_MAXUINT32, &uidvalidity, NULL)
      && g_ascii_string_to_unsigned (words[1], 10, 1, G_MAXUINT32, &uid, NULL)
      && surel_imap_token_parse (change->target_token, &token) && token.uidvalidity == uidvalidity)
    surel_change_item (change, 0)->new_remote_id = (gint64) uid;
}

static gboolean
send_append (SurelImapApply *self, GError **error)
{
  SurelChange *change = self->change;
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("APPEND");
  g_autofree char *date = date_time (change->received);
  guint tag;

  surel_imap_command_mailbox (command, change->target_remote_id);
  add_flags (command, self->session, change);
  if (date != NULL)
    surel_imap_command_string (command, date, -1);
  surel_imap_command_literal (command, change->octets);
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  if (tag == 0 || !surel_imap_session_finish (self->session, tag, self->cancellable, error))
    return FALSE;
  note_uid (self->session, change);
  return TRUE;
}

/**
 * surel_imap_take_out_replaced:
 * @change: a draft whose new version is on the server
 *
 * Takes out the old version, where it is there still.
 */
gboolean
surel_imap_take_out_replaced (SurelImapSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  SurelImapApply self = { session, change, cancellable };
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (session);
  SurelChangeItem *item = surel_change_item (change, 0);
  g_autoptr (GArray) one = g_array_new (FALSE, FALSE, sizeof (guint));
  SurelImapToken token;
  guint index = 0;

  g_array_append_val (one, index);
  if (item->remote_id == 0 || change->folder_remote_id == NULL)
    return TRUE;
  if (!surel_imap_select_for_writing (session, change->folder_remote_id, cancellable, error))
    return FALSE;
  if (!surel_imap_token_parse (change->folder_token, &token)
      || !surel_imap_token_is_of (&token, mailbox->uidvalidity, mailbox->id))
    return TRUE; /* that id means another message now, or none */
  return surel_imap_apply_in_pieces (&self, one, surel_imap_apply_send_destroy, error);
}

/**
 * surel_imap_append:
 *
 * Implements surel_remote_apply() for messages that are put on the server.
 */
gboolean
surel_imap_append (SurelImapSession *session,
                   SurelChange *change,
                   SurelBeforeFunc before,
                   gpointer user_data,
                   GCancellable *cancellable,
                   GError **error)
{
  SurelImapApply self = { session, change, cancellable };
  g_autofree char *place = NULL;
  g_autofree char *evidence = NULL;
  GError *own = NULL;

  if (!check_size (&self, &own))
    {
      change->error = own;
      surel_change_set_all (change, SUREL_OUTCOME_REFUSED);
      return TRUE;
    }
  if (!surel_imap_apply_describe_target (&self, &place, &own))
    return surel_imap_apply_take_refusal (&self, own, error);
  /* A draft may be saved again before it is known whether this version got there: that is what is looked for. */
  evidence = g_strdup_printf ("%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, place,
                              surel_change_item (change, 0)->identity, change->likeness, change->size);
  if (!before (evidence, user_data, error))
    return FALSE;
  if (!send_append (&self, &own))
    return surel_imap_apply_take_refusal (&self, own, error);
  if (surel_change_item (change, 0)->new_remote_id == 0 && !surel_imap_find_appended (&self, evidence, error))
    return FALSE;
  if (change->kind == SUREL_CHANGE_REPLACE
      && !surel_imap_take_out_replaced (session, change, cancellable, &own))
    {
      if (!surel_imap_error_is_refusal (own))
        {
          g_propagate_error (error, own);
          return FALSE;
        }
      g_clear_error (&own); /* the old version can't be taken out: it is listed as a message of its own */
    }
  surel_change_item (change, 0)->outcome = SUREL_OUTCOME_DONE;
  return TRUE;
}
