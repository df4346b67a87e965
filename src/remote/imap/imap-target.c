/* The mailbox that messages are put into, by COPY, MOVE or APPEND: which one it is, noted before, and what came to it since.
 * Those of the newcomers that are the same as the ones that were on their way are them. */
#include "remote/imap/imap-apply-private.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/errors.h"
#include "remote/imap/imap-fetch.h"
#include "remote/imap/imap-message.h"
#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-quirks.h"
#include "remote/imap/imap-status.h"
#include "remote/imap/imap-token.h"

typedef SurelImapApply Apply;

#define LOOK_AGAIN_MS 1000

/* STATUS isn't for the mailbox that is open (RFC 9051 §6.3.11): what is known of it was told when it was opened. */
static gboolean
ask_status (Apply *self, SurelImapStatus *status, GError **error)
{
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (self->session);

  *status = (SurelImapStatus){ .uidvalidity = mailbox->uidvalidity, .id = mailbox->id };
  if (g_strcmp0 (mailbox->name, self->change->target_remote_id) == 0)
    return TRUE;
  return surel_imap_ask_status (self->session, self->change->target_remote_id, status, self->cancellable, error);
}

/**
 * surel_imap_target_describe:
 * @evidence: (out): what tells later which messages came there since; %NULL where it isn't the mailbox that was meant, which
 *   is noted with the change
 *
 * By its name alone it may be another: one that another device gave that name since the last list.
 */
gboolean
surel_imap_target_describe (SurelImapApply *self, char **evidence, GError **error)
{
  SurelImapToken token;
  SurelImapStatus status;
  gboolean known = surel_imap_token_parse (self->change->target_token, &token);
  gint64 uidnext;

  if (!ask_status (self, &status, error))
    return FALSE;
  if (!surel_imap_status_is_of (&status, self->change->target_token))
    {
      surel_imap_apply_note_reason (self, SUREL_ERROR_SERVER_REJECTED,
                                    "Another folder has the name of the one it is to go to, or its messages were numbered "
                                    "anew; it is synced first");
      surel_change_set_all (self->change, SUREL_OUTCOME_NOT_DONE);
      return TRUE;
    }
  uidnext = MAX (status.uidnext, 1);
  /* What came since the last list and is known already, by APPENDUID and COPYUID, is some other message. */
  if (known)
    uidnext = MAX (uidnext, MAX ((gint64) token.uidnext, self->change->target_top + 1));
  *evidence = g_strdup_printf ("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT,
                               status.uidvalidity > 0 || !known ? status.uidvalidity : (gint64) token.uidvalidity, uidnext);
  return TRUE;
}

SurelImapEvidence
surel_imap_target_read_evidence (const char *text)
{
  SurelImapEvidence evidence = { 0 };

  if (sscanf (text, "%u %u", &evidence.uidvalidity, &evidence.uidnext) < 2 || evidence.uidnext == 0)
    evidence.uidnext = 1;
  return evidence;
}

static gboolean
is_it (const SurelChangeItem *item, const SurelMessage *message)
{
  return item->identity == surel_message_identity (message) || item->identity == surel_message_fingerprint (message);
}

/* A server may give what it is handed another date, and some another size. */
static gboolean
is_like_it (const SurelChangeItem *item, const SurelMessage *message)
{
  return item->likeness != 0 && item->likeness == surel_message_likeness (message);
}

/**
 * surel_imap_target_forget_foreign:
 *
 * Ids of another UIDVALIDITY than is known aren't those that the next list is compared with.
 */
void
surel_imap_target_forget_foreign (SurelImapApply *self, const SurelImapEvidence *evidence)
{
  guint uidvalidity = evidence->found_under != 0 ? evidence->found_under : evidence->uidvalidity;
  SurelImapToken token;

  if (surel_imap_token_parse (self->change->target_token, &token) && token.uidvalidity == uidvalidity)
    return;
  for (guint i = 0; i < self->change->items->len; i++)
    surel_change_item (self->change, i)->new_remote_id.number = 0;
}

static gboolean
is_wanted (const SurelChangeItem *item)
{
  return item->new_remote_id.number == 0 && (item->outcome == SUREL_OUTCOME_OPEN || item->outcome == SUREL_OUTCOME_DONE);
}

static void
note_it (SurelChangeItem *item, gint64 uid)
{
  item->new_remote_id.number = uid;
  item->told = TRUE;
}

/* The versions of a draft are alike, also another device's, and may be saved in the same second: those of the same size are noted
 * in @alike. */
static void
note_found (Apply *self, const GArray *some, const SurelMessage *message, GArray *alike)
{
  gboolean is_draft = self->change->kind == SUREL_CHANGE_REPLACE;

  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (!is_wanted (item) || !(is_it (item, message) || is_like_it (item, message)))
        continue;
      if (!is_draft)
        {
          note_it (item, message->remote_id.number);
          return;
        }
      if (item->size == message->size)
        g_array_append_val (alike, message->remote_id.number);
    }
}

static gboolean
add_octets (const void *octets, gsize length, gpointer checksum, GError **error G_GNUC_UNUSED)
{
  g_checksum_update (checksum, octets, (gssize) length);
  return TRUE;
}

/* Which of @alike is the draft's version that was on its way: by its octets, but where the server has just said that it took it. */
static gboolean
look_into (Apply *self, const GArray *alike, GError **error)
{
  SurelChangeItem *item = surel_change_item (self->change, 0);
  gboolean is_just_put = self->change->evidence == NULL && item->outcome == SUREL_OUTCOME_DONE && alike->len == 1;
  char digest[65] = "";

  if (alike->len > 0 && item->evidence != NULL && !is_just_put)
    sscanf (item->evidence, "%*u %*u %*u %*u %*u %64[0-9a-f]", digest);
  for (guint i = 0; i < alike->len && is_wanted (item); i++)
    {
      gint64 uid = g_array_index (alike, gint64, i);
      g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
      g_autoptr (GError) own = NULL;

      if (digest[0] != '\0' && !surel_imap_fetch_octets (self->session, uid, add_octets, checksum, self->cancellable, &own))
        {
          if (g_error_matches (own, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
            continue;
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
      /* Without a digest, from a version that noted none, its size has to do. */
      if (digest[0] == '\0' || g_str_equal (g_checksum_get_string (checksum), digest))
        note_it (item, uid);
    }
  return TRUE;
}

/* Those that the server has named, or that were found before. */
static SurelUidSet *
find_taken (Apply *self)
{
  SurelUidSet *taken = surel_uid_set_new ();

  for (guint i = 0; i < self->change->items->len; i++)
    {
      guint32 uid = (guint32) surel_change_item (self->change, i)->new_remote_id.number;

      if (uid != 0)
        surel_uid_set_add (taken, uid);
    }
  return taken;
}

/* Whether the mailbox that is open is another than the one that was noted, and not one that was listed under its new
 * UIDVALIDITY since: the next list says where the one that was meant is. */
static gboolean
is_another (Apply *self, const SurelImapEvidence *evidence)
{
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (self->session);
  SurelImapToken token;

  return evidence->uidvalidity != 0 && mailbox->uidvalidity != evidence->uidvalidity
         && surel_imap_token_parse (self->change->target_token, &token)
         && !surel_imap_token_is_of (&token, mailbox->uidvalidity, mailbox->id);
}

/* Looks at what @command, to which the items are added, fetches; counts what is new in @seen. Takes @command over. */
static gboolean
look_at (Apply *self, SurelImapCommand *command, const GArray *some, const SurelUidSet *taken, guint32 uidnext, guint *seen, GError **error)
{
  g_autoptr (SurelImapCommand) owned = command;
  g_autoptr (GArray) alike = g_array_new (FALSE, FALSE, sizeof (gint64));
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_add_items (owned, self->session);
  tag = surel_imap_session_send (self->session, owned, self->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    {
      gboolean is_new = response->kind == SUREL_IMAP_FETCH && response->fetch.uid >= uidnext;
      gboolean is_named = response->kind == SUREL_IMAP_FETCH && self->named != NULL && response->fetch.uid > 0
                          && surel_uid_set_contains (self->named, response->fetch.uid);
      g_autoptr (SurelMessage) message = is_new || is_named ? surel_imap_message_of (&response->fetch) : NULL;

      *seen += message != NULL && is_new;
      if (message != NULL && !surel_uid_set_contains (taken, (guint32) message->remote_id.number))
        note_found (self, some, message, alike);
    }
  return tag != 0 && result == 0 && look_into (self, alike, error);
}

/* In pieces that a line can hold. */
static gboolean
look_at_named (Apply *self, const GArray *some, const SurelUidSet *taken, guint32 uidnext, GError **error)
{
  guint count = self->named != NULL ? surel_uid_set_n_ranges (self->named) : 0;
  guint seen = 0;

  for (guint i = 0; i < count;)
    {
      g_autoptr (SurelUidSet) piece = surel_uid_set_new ();
      SurelImapCommand *command = surel_imap_command_new ("UID FETCH");

      for (guint end = MIN (count, i + SUREL_IMAP_SET_MAX / 22); i < end; i++)
        surel_uid_set_add_range (piece, surel_uid_set_range (self->named, i)->first, surel_uid_set_range (self->named, i)->last);
      surel_imap_command_set (command, piece);
      if (!look_at (self, command, some, taken, uidnext, &seen, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * surel_imap_target_find:
 * @some: of these, those that aren't there yet
 *
 * Notes, for each message that came to the target since, which of the items it is; each counts once. Opens the target.
 */
gboolean
surel_imap_target_find (SurelImapApply *self, const GArray *some, SurelImapEvidence *evidence, GError **error)
{
  g_autoptr (SurelUidSet) taken = find_taken (self);
  SurelImapCommand *command;
  const SurelImapMailbox *mailbox;
  guint32 uidnext = evidence->uidnext;
  guint seen = 0;

  /* One that is open already needn't tell of what just came. */
  surel_imap_session_forget_mailbox (self->session, NULL);
  if (!surel_imap_select (self->session, self->change->target_remote_id, self->cancellable, error))
    return FALSE;
  mailbox = surel_imap_session_get_mailbox (self->session);
  evidence->another = is_another (self, evidence);
  if (evidence->another)
    return TRUE;
  evidence->found_under = mailbox->uidvalidity;
  evidence->gaps = mailbox->uidvalidity != evidence->uidvalidity || mailbox->uidnext != evidence->uidnext;
  /* All of it has to be looked at where its UIDs mean something else now. */
  if (mailbox->uidvalidity != evidence->uidvalidity)
    uidnext = 1;
  if (mailbox->exists == 0)
    return TRUE;
  command = surel_imap_command_new ("UID FETCH");
  surel_imap_command_range (command, uidnext, G_MAXUINT32);
  if (!look_at (self, command, some, taken, uidnext, &seen, error))
    return FALSE;
  if (mailbox->uidvalidity == evidence->uidvalidity && mailbox->uidnext == evidence->uidnext + seen)
    evidence->gaps = FALSE;
  return look_at_named (self, some, taken, uidnext, error);
}

/**
 * surel_imap_target_find_again:
 *
 * A server may still be at what a connection that broke asked of it: what isn't there yet is looked for once more.
 */
gboolean
surel_imap_target_find_again (SurelImapApply *self, const GArray *some, SurelImapEvidence *evidence, GError **error)
{
  surel_clock_wait (self->cancellable, LOOK_AGAIN_MS);
  return surel_imap_target_find (self, some, evidence, error);
}

/**
 * surel_imap_target_find_refused:
 * @some: what a server refused to put there
 * @evidence: what was noted before
 *
 * A server that says NO may have done it all the same. Where nothing came there it isn't opened.
 */
gboolean
surel_imap_target_find_refused (SurelImapApply *self, const GArray *some, SurelImapEvidence *evidence, GError **error)
{
  g_autoptr (GError) own = NULL;
  SurelImapStatus status;

  if (ask_status (self, &status, &own)
      && ((status.uidnext > 0 && status.uidnext == (gint64) evidence->uidnext && status.uidvalidity == (gint64) evidence->uidvalidity)
          || surel_imap_target_find (self, some, evidence, &own)))
    return TRUE;
  if (surel_imap_error_is_refusal (own))
    return TRUE; /* it isn't there, then */
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}
