/* Messages put into a mailbox (RFC 9051 §6.3.12), several in one command where a server takes that (RFC 3502), and new
 * versions of drafts: the new one first, then the old one goes. */
#include "remote/imap/imap-append.h"

#include <string.h>

#include "remote/imap/imap-apply-private.h"
#include "remote/imap/imap-keywords.h"
#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-status.h"
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
add_flags (SurelImapCommand *command, SurelImapSession *session, const SurelChangeItem *item)
{
  g_auto (GStrv) flags
      = surel_imap_keywords_spell (surel_imap_session_get_mailbox (session), item->flags, item->words);

  surel_imap_command_open (command);
  for (guint i = 0; flags[i] != NULL; i++)
    surel_imap_command_atom (command, flags[i]);
  surel_imap_command_close (command);
}

/* APPENDLIMIT (RFC 7889): what a server says it won't take isn't sent. */
static void
refuse_larger (SurelImapApply *self, guint64 limit)
{
  g_autofree char *size = g_format_size (limit);
  g_autofree char *message = g_strdup_printf ("The server takes no message of more than %s", size);

  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, i);

      if (limit == 0 || item->outcome != SUREL_OUTCOME_OPEN || g_bytes_get_size (item->octets) <= limit)
        continue;
      surel_imap_apply_end (self, i, SUREL_OUTCOME_REFUSED, SUREL_ERROR_TOO_LARGE, message);
    }
}

static gboolean
refuse_too_large (SurelImapApply *self, GError **error)
{
  guint64 limit = surel_imap_session_get_append_limit (self->session);

  if (surel_imap_session_can (self->session, SUREL_IMAP_HAS_APPEND_LIMITS)
      && !surel_imap_ask_append_limit (self->session, self->change->target_remote_id, &limit, self->cancellable, error))
    return FALSE;
  refuse_larger (self, limit);
  return TRUE;
}

/* UIDs go up (RFC 9051 §2.3.1.1): a server that names one twice isn't believed any of them. One that was there before may be
 * it, as Gmail has each message once: it is looked at. */
static gboolean
go_up (SurelImapApply *self, const GArray *uids, guint32 first)
{
  if (uids->len > 0 && g_array_index (uids, guint32, 0) < first)
    {
      for (guint i = 0; i < uids->len; i++)
        surel_uid_set_add (self->named, g_array_index (uids, guint32, i));
      return FALSE;
    }
  for (guint i = 1; i < uids->len; i++)
    if (g_array_index (uids, guint32, i) <= g_array_index (uids, guint32, i - 1))
      return FALSE;
  return TRUE;
}

static void
note_uids (SurelImapApply *self, const GArray *some)
{
  const SurelImapCode *code = surel_imap_session_get_last_code (self->session);
  SurelImapEvidence evidence = surel_imap_target_read_evidence (self->evidence);
  SurelImapToken token;
  g_autoptr (GArray) uids = NULL;

  if (code->name == NULL || strcmp (code->name, "APPENDUID") != 0)
    return;
  uids = surel_imap_code_appended (code);
  /* An id of another UIDVALIDITY than is known isn't one that the next list is compared with. */
  if (uids == NULL || uids->len != some->len || !go_up (self, uids, evidence.uidnext) || !surel_imap_token_parse (self->change->target_token, &token)
      || token.uidvalidity != code->uidvalidity)
    return;
  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      item->new_remote_id.number = g_array_index (uids, guint32, i);
      item->told = TRUE;
    }
}

static gboolean
send_append (SurelImapApply *self, const GArray *some, GError **error)
{
  SurelChange *change = self->change;
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("APPEND");
  guint tag;

  surel_imap_command_mailbox (command, change->target_remote_id);
  for (guint i = 0; i < some->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (change, g_array_index (some, guint, i));
      g_autofree char *date = date_time (item->received);

      add_flags (command, self->session, item);
      if (date != NULL)
        surel_imap_command_string (command, date, -1);
      surel_imap_command_literal (command, item->octets);
    }
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  if (tag == 0 || !surel_imap_session_finish (self->session, tag, self->cancellable, error))
    return FALSE;
  note_uids (self, some);
  for (guint i = 0; i < some->len; i++)
    surel_change_item (change, g_array_index (some, guint, i))->outcome = SUREL_OUTCOME_DONE;
  return TRUE;
}

/* What was refused may be there all the same: then it isn't sent again. Of several that were refused together one may be why,
 * and none should be there (RFC 3502 §6.3.11). */
static gboolean
take_found (SurelImapApply *self, const GArray *some, GError **error)
{
  SurelImapEvidence evidence = surel_imap_target_read_evidence (self->evidence);

  if (!surel_imap_target_find_refused (self, some, &evidence, error))
    return FALSE;
  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (item->told)
        item->outcome = SUREL_OUTCOME_DONE;
    }
  surel_imap_target_forget_foreign (self, &evidence);
  return TRUE;
}

/* Where it is refused that is what came of it, and of all others where the server wants to be asked later. */
static gboolean
send_one (SurelImapApply *self, guint index, GError **error)
{
  g_autoptr (GArray) one = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (GError) own = NULL;
  SurelError public;
  SurelOutcome outcome;

  g_array_append_val (one, index);
  if (send_append (self, one, &own))
    return TRUE;
  if (!surel_imap_error_is_refusal (own))
    {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  outcome = surel_imap_judge (surel_imap_session_get_code (self->session), &public);
  if (!take_found (self, one, error))
    return FALSE;
  if (surel_change_item (self->change, index)->outcome == SUREL_OUTCOME_DONE)
    return TRUE;
  surel_imap_apply_end (self, index, outcome, public, own->message);
  if (outcome == SUREL_OUTCOME_NOT_DONE)
    {
      surel_imap_apply_note_reason (self, public, own->message);
      surel_change_set_all (self->change, outcome);
    }
  return TRUE;
}

static gboolean
send_all (SurelImapApply *self, GError **error)
{
  g_autoptr (GArray) some = surel_imap_apply_all_open (self);

  if (some->len > 1 && surel_imap_session_can (self->session, SUREL_IMAP_CAN_MULTIAPPEND))
    {
      g_autoptr (GError) own = NULL;

      if (send_append (self, some, &own))
        return TRUE;
      if (!surel_imap_error_is_refusal (own))
        {
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
      if (!take_found (self, some, error))
        return FALSE;
    }
  for (guint i = 0; i < self->change->items->len; i++)
    if (surel_change_item (self->change, i)->outcome == SUREL_OUTCOME_OPEN && !send_one (self, i, error))
      return FALSE;
  return TRUE;
}

/* The conversation broke off: what the server has taken without saying where is looked for before it is done. */
static void
doubt_untold (SurelChange *change)
{
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);

      if (item->outcome == SUREL_OUTCOME_DONE && !item->told)
        item->outcome = SUREL_OUTCOME_OPEN;
    }
}

/* --- A draft's old version --- */

typedef struct
{
  gboolean there;
  guint flags;
  char *words; /* nullable */
} Keywords;

static void
keywords_clear (Keywords *self)
{
  g_free (self->words);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Keywords, keywords_clear)

static gboolean
fetch_keywords (SurelImapApply *self, const SurelChangeItem *item, Keywords *old, Keywords *new, GError **error)
{
  g_autoptr (SurelImapCommand) command = NULL;
  g_autoptr (SurelUidSet) both = surel_uid_set_new ();
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_uid_set_add (both, (guint32) item->remote_id.number);
  surel_uid_set_add (both, (guint32) item->new_remote_id.number);
  command = surel_imap_flags_command (both);
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_FETCH && response->fetch.has_flags && response->fetch.uid > 0)
      {
        Keywords *one = response->fetch.uid == item->remote_id.number       ? old
                        : response->fetch.uid == item->new_remote_id.number ? new
                                                                             : NULL;

        if (one == NULL)
          continue;
        g_free (one->words);
        one->flags = surel_imap_keywords_of (&response->fetch.flags, &one->words) & ~(guint) SUREL_KEYWORD_DELETED;
        one->there = TRUE;
      }
  return tag != 0 && result == 0;
}

static gboolean
store_keywords (SurelImapApply *self, gint64 uid, const char *how, guint flags, const char *words, GError **error)
{
  g_auto (GStrv) names = surel_imap_keywords_spell (surel_imap_session_get_mailbox (self->session), flags, words);
  g_autoptr (SurelImapCommand) command = NULL;
  g_autoptr (SurelUidSet) one = surel_uid_set_new ();
  guint tag;

  if (names[0] == NULL)
    return TRUE;
  surel_uid_set_add (one, (guint32) uid);
  command = surel_imap_store_command (one, how, (const char *const *) names);
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  return tag != 0 && surel_imap_session_finish (self->session, tag, self->cancellable, error);
}

/* What another device did to the old version since it was last looked at is done to the new one. Both are in the mailbox
 * that is open. Where the new one has been there for a while, as after a crash, a mark that the old one lacks may be
 * another device's, too: then nothing is taken away. */
static gboolean
hand_keywords_down (SurelImapApply *self, const SurelChangeItem *item, GError **error)
{
  g_auto (Keywords) old = { 0 };
  g_auto (Keywords) new = { 0 };
  g_autofree char *added = NULL;
  g_autofree char *removed = NULL;
  g_autoptr (GError) own = NULL;
  gboolean is_just_put = self->change->evidence == NULL;

  if (item->new_remote_id.number == 0 || g_strcmp0 (self->change->folder_remote_id, self->change->target_remote_id) != 0)
    return TRUE;
  if (!fetch_keywords (self, item, &old, &new, error))
    return FALSE;
  if (!old.there || !new.there)
    return TRUE;
  added = surel_keywords_combine (old.words, NULL, new.words);
  removed = surel_keywords_combine (new.words, NULL, old.words);
  if ((store_keywords (self, item->new_remote_id.number, "+FLAGS", old.flags & ~new.flags, added, &own)
       && (!is_just_put
           || store_keywords (self, item->new_remote_id.number, "-FLAGS", new.flags & ~old.flags, removed, &own)))
      || surel_imap_error_is_refusal (own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static gboolean
destroy_replaced (SurelImapApply *self, SurelChangeItem *item, GError **error)
{
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (self->session);
  g_autoptr (GArray) one = g_array_new (FALSE, FALSE, sizeof (guint));
  SurelImapToken token;
  guint index = 0;

  g_array_append_val (one, index);
  if (!surel_imap_select_for_writing (self->session, self->change->folder_remote_id, self->cancellable, error))
    return FALSE;
  if (!surel_imap_token_parse (self->change->folder_token, &token)
      || !surel_imap_token_is_of (&token, mailbox->uidvalidity, mailbox->id))
    return TRUE; /* that id means another message now, or none */
  if (!hand_keywords_down (self, item, error) || !surel_imap_apply_destroy (self, one, error))
    return FALSE;
  item->halfway = self->refused;
  return TRUE;
}

/* A list that came meanwhile, of a mailbox numbered anew, has the draft where its new version is: the old one is gone. */
static gboolean
is_new_version (const SurelChange *change, const SurelChangeItem *item)
{
  return item->remote_id.number == item->new_remote_id.number && g_strcmp0 (change->folder_remote_id, change->target_remote_id) == 0;
}

/**
 * surel_imap_take_out_replaced:
 * @change: a draft whose new version is on the server
 *
 * Takes out the old version, where it is there still. Where that is refused the change is done all the same, and it is noted.
 */
gboolean
surel_imap_take_out_replaced (SurelImapSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  SurelImapApply self = { session, change, cancellable, FALSE, NULL, NULL };
  SurelChangeItem *item = surel_change_item (change, 0);
  GError *own = NULL;

  item->outcome = SUREL_OUTCOME_DONE;
  if (item->remote_id.number == 0 || change->folder_remote_id == NULL || is_new_version (change, item)
      || destroy_replaced (&self, item, &own))
    return TRUE;
  item->halfway = surel_imap_error_is_refusal (own);
  if (item->halfway)
    {
      g_error_free (own);
      return TRUE;
    }
  /* Which version the server has is in doubt until the old one is known to be gone. */
  item->outcome = SUREL_OUTCOME_OPEN;
  g_propagate_error (error, own);
  return FALSE;
}

/* Where the old version has another UID by now it would be left beside the new one: the list that says which comes first. A folder
 * that can't be opened is for surel_imap_take_out_replaced() to judge. */
static gboolean
find_replaced (SurelImapApply *self, gboolean *fit, GError **error)
{
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (self->session);
  g_autoptr (GError) own = NULL;
  SurelImapToken token;

  *fit = TRUE;
  if (self->change->kind != SUREL_CHANGE_REPLACE || surel_change_item (self->change, 0)->remote_id.number == 0
      || self->change->folder_remote_id == NULL)
    return TRUE;
  if (!surel_imap_select_for_writing (self->session, self->change->folder_remote_id, self->cancellable, &own))
    {
      if (surel_imap_error_is_refusal (own))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  if (surel_imap_token_parse (self->change->folder_token, &token)
      && surel_imap_token_is_of (&token, mailbox->uidvalidity, mailbox->id))
    return TRUE;
  *fit = FALSE;
  surel_imap_apply_note_reason (self, SUREL_ERROR_SERVER_REJECTED, SUREL_IMAP_NUMBERED_ANEW);
  surel_change_set_all (self->change, SUREL_OUTCOME_NOT_DONE);
  return TRUE;
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
  g_autoptr (SurelUidSet) named = surel_uid_set_new ();
  SurelImapApply self = { session, change, cancellable, FALSE, NULL, named };
  g_autofree char *place = NULL;
  g_autoptr (GArray) open = NULL;
  GError *own = NULL;
  gboolean fit;

  if (!find_replaced (&self, &fit, error) || (fit && !refuse_too_large (&self, error)))
    return FALSE;
  if (!fit)
    return TRUE;
  open = surel_imap_apply_all_open (&self);
  if (open->len == 0)
    return TRUE;
  if (!surel_imap_target_describe (&self, &place, &own))
    return surel_imap_apply_take_refused_folder (&self, own, error);
  if (place == NULL)
    return TRUE;
  /* A draft may be saved again before it is known whether this version got there: that is what is looked for. */
  for (guint i = 0; i < open->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, g_array_index (open, guint, i));

      g_autofree char *digest = change->kind == SUREL_CHANGE_REPLACE
                                    ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, item->octets)
                                    : g_strdup ("-");

      item->evidence = g_strdup_printf ("%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s", place,
                                        item->identity, item->likeness, item->size, digest);
    }
  if (!before (place, user_data, error))
    return FALSE;
  self.evidence = place;
  if (!send_all (&self, error) || !surel_imap_prove_appended (&self, place, error))
    {
      doubt_untold (change);
      return FALSE;
    }
  return change->kind != SUREL_CHANGE_REPLACE || surel_change_item (change, 0)->outcome != SUREL_OUTCOME_DONE
         || surel_imap_take_out_replaced (session, change, cancellable, error);
}
