/* What people did, done on the server: STORE and EXPUNGE, each by UID; copies and moves are in imap-move.c. A command that
 * is refused for several messages is given again for fewer, so that one of them doesn't hold up the others. */
#include "remote/imap/imap-apply-private.h"

#include <string.h>

#include "base/errors.h"
#include "base/folder.h"
#include "base/mutation.h"
#include "remote/imap/imap-append.h"
#include "remote/imap/imap-folders.h"
#include "remote/imap/imap-keywords.h"
#include "remote/imap/imap-message.h"
#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-quirks.h"
#include "remote/imap/imap-rights.h"
#include "remote/imap/imap-token.h"

typedef SurelImapApply Apply;

#define NOT_TAKEN_OUT "The server lets nothing be taken out of that folder"

/* Below, `some` are indices into the change's items, with their UIDs going up. */

/* --- Refusals --- */

/**
 * surel_imap_judge:
 * @code: (nullable): the response code of a NO (RFC 5530)
 * @public: (out): what it is for clients
 *
 * Returns: whether it is for good
 */
SurelOutcome
surel_imap_judge (const char *code, SurelError *public)
{
  static const struct
  {
    const char *code;
    SurelOutcome outcome;
    SurelError error;
  } codes[] = {
    { "UNAVAILABLE", SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_OFFLINE },
    { "INUSE", SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_OFFLINE },
    { "SERVERBUG", SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_SERVER_REJECTED },
    { "LIMIT", SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_RATE_LIMITED },
    { "THROTTLED", SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_RATE_LIMITED },
    { "EXPUNGEISSUED", SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_SERVER_REJECTED },
    { "OVERQUOTA", SUREL_OUTCOME_REFUSED, SUREL_ERROR_QUOTA_EXCEEDED },
    { "NOPERM", SUREL_OUTCOME_REFUSED, SUREL_ERROR_PERMISSION_DENIED },
    { "TRYCREATE", SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_NOT_FOUND },
    { "NONEXISTENT", SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_NOT_FOUND },
    { "ALREADYEXISTS", SUREL_OUTCOME_REFUSED, SUREL_ERROR_EXISTS },
    { "TOOBIG", SUREL_OUTCOME_REFUSED, SUREL_ERROR_TOO_LARGE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_strcmp0 (code, codes[i].code) == 0)
      {
        *public = codes[i].error;
        return codes[i].outcome;
      }
  *public = SUREL_ERROR_SERVER_REJECTED;
  return SUREL_OUTCOME_REFUSED;
}

void
surel_imap_apply_note_reason (Apply *self, SurelError code, const char *message)
{
  g_clear_error (&self->change->error);
  self->change->error = g_error_new_literal (SUREL_ERROR, (gint) code, message);
}

/* Notes why one of them wasn't done. */
void
surel_imap_apply_end (Apply *self, guint index, SurelOutcome outcome, SurelError code, const char *message)
{
  SurelChangeItem *item = surel_change_item (self->change, index);

  item->outcome = outcome;
  g_clear_error (&item->error);
  item->error = g_error_new_literal (SUREL_ERROR, (gint) code, message);
}

static void
end_some (Apply *self, const GArray *some, SurelOutcome outcome, SurelError code, const char *message)
{
  for (guint i = 0; i < some->len; i++)
    if (surel_change_item (self->change, g_array_index (some, guint, i))->outcome == SUREL_OUTCOME_OPEN)
      surel_imap_apply_end (self, g_array_index (some, guint, i), outcome, code, message);
}

void
surel_imap_apply_set_done (Apply *self, const GArray *some)
{
  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (item->outcome == SUREL_OUTCOME_OPEN)
        item->outcome = SUREL_OUTCOME_DONE;
    }
}

/* --- Sets --- */

int
surel_imap_apply_compare_uids (gconstpointer a, gconstpointer b, gpointer data)
{
  SurelChange *change = data;
  gint64 x = surel_change_item (change, *(const guint *) a)->remote_id.number;
  gint64 y = surel_change_item (change, *(const guint *) b)->remote_id.number;

  return (x > y) - (x < y);
}

GArray *
surel_imap_apply_all_open (Apply *self)
{
  GArray *some = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < self->change->items->len; i++)
    if (surel_change_item (self->change, i)->outcome == SUREL_OUTCOME_OPEN)
      g_array_append_val (some, i);
  g_array_sort_with_data (some, surel_imap_apply_compare_uids, self->change);
  return some;
}

SurelUidSet *
surel_imap_apply_set_of (Apply *self, const GArray *some)
{
  SurelUidSet *set = surel_uid_set_new ();

  for (guint i = 0; i < some->len; i++)
    surel_uid_set_add (set, (guint32) surel_change_item (self->change, g_array_index (some, guint, i))->remote_id.number);
  return set;
}

static GArray *
part_of (const GArray *some, guint first, guint last)
{
  GArray *part = g_array_new (FALSE, FALSE, sizeof (guint));

  g_array_append_vals (part, &g_array_index (some, guint, first), last - first);
  return part;
}

/* --- One command for some of the messages --- */

/* A server that takes no command in a folder may say in words alone that another device has renamed or deleted it. Where
 * that is so the next list tells. STATUS doesn't help: some answer it of the folder that is open still. */
static gboolean
look_for_folder (Apply *self, SurelOutcome *outcome, SurelError *public, GError **error)
{
  g_autoptr (GError) own = NULL;
  gboolean there = FALSE;
  gboolean opens = FALSE;

  if (!surel_imap_folder_exists (self->session, self->change->folder_remote_id, &there, &opens, self->cancellable, &own))
    {
      if (surel_imap_error_is_refusal (own))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  if (!opens)
    {
      *outcome = SUREL_OUTCOME_NOT_DONE;
      *public = SUREL_ERROR_NOT_FOUND;
    }
  return TRUE;
}

/* Dovecot says that it has a bug, or that others expunged, of what one may not expunge. */
static gboolean
look_at_rights (Apply *self, SurelOutcome *outcome, SurelError *public, GError **error)
{
  guint rights;

  if (self->change->kind != SUREL_CHANGE_DESTROY && self->change->kind != SUREL_CHANGE_MOVE)
    return TRUE;
  if (!surel_imap_ask_rights_of (self->session, self->change->folder_remote_id, &rights, self->cancellable, error))
    return FALSE;
  if ((rights & SUREL_RIGHT_REMOVE_ITEMS) == 0)
    {
      *outcome = SUREL_OUTCOME_REFUSED;
      *public = SUREL_ERROR_PERMISSION_DENIED;
    }
  return TRUE;
}

/* Those of @some of which nothing is known yet. */
GArray *
surel_imap_apply_open_of (Apply *self, const GArray *some)
{
  GArray *open = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < some->len; i++)
    if (surel_change_item (self->change, g_array_index (some, guint, i))->outcome == SUREL_OUTCOME_OPEN)
      g_array_append_val (open, g_array_index (some, guint, i));
  return open;
}

/**
 * surel_imap_apply_in_pieces:
 * @look: (nullable): called with what was refused: notes what of it was done all the same, or a part of it
 *
 * Does @send for all of @some: in pieces a line can hold, and where the server refuses it for fewer, until those
 * it refuses stand alone.
 */
gboolean
surel_imap_apply_in_pieces (Apply *self, const GArray *some, SurelImapSendFunc send, SurelImapSendFunc look, GError **error)
{
  g_autoptr (SurelUidSet) set = surel_imap_apply_set_of (self, some);
  g_autofree char *text = surel_uid_set_to_string (set);
  gboolean fits = strlen (text) <= SUREL_IMAP_SET_MAX;
  g_autoptr (GError) own = NULL;
  g_autoptr (GArray) open = NULL;
  g_autoptr (GArray) lower = NULL;
  g_autoptr (GArray) upper = NULL;
  SurelError public;
  SurelOutcome outcome;
  gboolean wordy;

  if (some->len == 0 || (fits && send (self, some, &own)))
    return TRUE;
  if (fits)
    {
      if (!surel_imap_error_is_refusal (own))
        {
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
      wordy = surel_imap_session_get_code (self->session) == NULL;
      outcome = surel_imap_judge (surel_imap_session_get_code (self->session), &public);
      if ((wordy && !look_for_folder (self, &outcome, &public, error))
          || (!wordy && outcome == SUREL_OUTCOME_NOT_DONE && !look_at_rights (self, &outcome, &public, error))
          || (look != NULL && !look (self, some, error)))
        return FALSE;
      self->refused = TRUE;
      if (outcome == SUREL_OUTCOME_NOT_DONE || some->len == 1)
        {
          end_some (self, some, outcome, public, own->message);
          return TRUE;
        }
    }
  open = surel_imap_apply_open_of (self, some);
  lower = part_of (open, 0, open->len / 2);
  upper = part_of (open, open->len / 2, open->len);
  return surel_imap_apply_in_pieces (self, lower, send, look, error)
         && surel_imap_apply_in_pieces (self, upper, send, look, error);
}

/* --- Keywords --- */

/* What the server says the flags are now: a keyword that it took without a word and didn't keep has no place. */
static void
note_flags (Apply *self, const SurelImapFetch *fetch, gboolean adding)
{
  SurelChange *change = self->change;
  g_autofree char *words = NULL;
  guint flags;

  if (fetch->uid == 0 || !fetch->has_flags)
    return;
  flags = surel_imap_keywords_of (&fetch->flags, &words);
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);
      g_autofree char *missing = NULL;
      char *all;

      if (item->remote_id.number != fetch->uid)
        continue;
      item->told = TRUE;
      if (!adding)
        continue;
      missing = surel_keywords_combine (change->add_words, NULL, words);
      all = surel_keywords_combine (item->here_words, missing, NULL);
      g_free (item->here_words);
      item->here_words = all;
      item->here_flags |= change->add_flags & ~flags;
    }
}

/**
 * surel_imap_store_command:
 * @how: `+FLAGS` or `-FLAGS` (RFC 9051 §6.4.6)
 * @flags: as the server spells them
 */
SurelImapCommand *
surel_imap_store_command (const SurelUidSet *set, const char *how, const char *const *flags)
{
  SurelImapCommand *command = surel_imap_command_new ("UID STORE");

  surel_imap_command_set (command, set);
  surel_imap_command_atom (command, how);
  surel_imap_command_open (command);
  for (guint i = 0; flags[i] != NULL; i++)
    surel_imap_command_atom (command, flags[i]);
  surel_imap_command_close (command);
  return command;
}

SurelImapCommand *
surel_imap_flags_command (const SurelUidSet *set)
{
  SurelImapCommand *command = surel_imap_command_new ("UID FETCH");

  surel_imap_command_set (command, set);
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "UID");
  surel_imap_command_atom (command, "FLAGS");
  surel_imap_command_close (command);
  return command;
}

static gboolean
store (Apply *self, const GArray *some, const char *how, const char *const *flags, GError **error)
{
  g_autoptr (SurelUidSet) set = surel_imap_apply_set_of (self, some);
  g_autoptr (SurelImapCommand) command = surel_imap_store_command (set, how, flags);
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_FETCH)
      note_flags (self, &response->fetch, self->change->kind == SUREL_CHANGE_KEYWORDS && how[0] == '+');
  return tag != 0 && result == 0;
}

/* A server that says OK needn't have done it: of what it didn't tell the flags are asked for. Those of which it tells none
 * aren't there any more. */
static gboolean
ask_untold (Apply *self, const GArray *some, gboolean adding, GError **error)
{
  g_autoptr (SurelImapCommand) command = NULL;
  g_autoptr (GArray) untold = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (SurelUidSet) set = NULL;
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  for (guint i = 0; i < some->len; i++)
    if (!surel_change_item (self->change, g_array_index (some, guint, i))->told)
      g_array_append_val (untold, g_array_index (some, guint, i));
  if (untold->len == 0)
    return TRUE;
  set = surel_imap_apply_set_of (self, untold);
  command = surel_imap_flags_command (set);
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_FETCH)
      note_flags (self, &response->fetch, adding);
  return tag != 0 && result == 0;
}

static gboolean
send_keywords (Apply *self, const GArray *some, GError **error)
{
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (self->session);
  SurelChange *change = self->change;
  g_auto (GStrv) add = surel_imap_keywords_spell (mailbox, change->add_flags, change->add_words);
  g_auto (GStrv) remove = surel_imap_keywords_spell (mailbox, change->remove_flags, change->remove_words);

  if ((add[0] != NULL && !store (self, some, "+FLAGS", (const char *const *) add, error))
      || (remove[0] != NULL && !store (self, some, "-FLAGS", (const char *const *) remove, error))
      || !ask_untold (self, some, add[0] != NULL, error) || !surel_imap_prove_present (self, some, error))
    return FALSE;
  surel_imap_apply_set_done (self, some);
  return TRUE;
}

/* What the server has no place for is kept here; what it doesn't let be taken away stays. */
static gboolean
apply_keywords (Apply *self, GError **error)
{
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (self->session);
  SurelChange *change = self->change;
  g_autoptr (GArray) some = surel_imap_apply_all_open (self);
  g_autofree char *add_words = g_strdup (change->add_words);
  g_autofree char *no_words = NULL;
  g_autofree char *fixed_words = NULL;
  guint add_flags = change->add_flags;
  guint no_flags = surel_imap_keywords_unfit (mailbox, add_flags, add_words, &no_words);
  gboolean success;

  if (surel_imap_keywords_unfit (mailbox, change->remove_flags, change->remove_words, &fixed_words) != 0
      || fixed_words != NULL)
    {
      surel_imap_apply_note_reason (self, SUREL_ERROR_PERMISSION_DENIED, "The server doesn't let these keywords be changed in that folder");
      surel_change_set_all (change, SUREL_OUTCOME_REFUSED);
      return TRUE;
    }
  for (guint i = 0; i < change->items->len; i++)
    {
      surel_change_item (change, i)->here_flags = no_flags;
      surel_change_item (change, i)->here_words = g_strdup (no_words);
    }
  /* Only what fits is sent and listened for. */
  g_free (change->add_words);
  change->add_words = surel_keywords_combine (add_words, NULL, no_words);
  change->add_flags = add_flags & ~no_flags;
  success = surel_imap_apply_in_pieces (self, some, send_keywords, NULL, error);
  g_free (change->add_words);
  change->add_words = g_steal_pointer (&add_words);
  change->add_flags = add_flags;
  return success;
}

/* --- Taking out --- */

static gboolean
mark_deleted (Apply *self, const GArray *some, GError **error)
{
  static const char *const deleted[] = { "\\Deleted", NULL };

  return store (self, some, "+FLAGS", deleted, error);
}

/* Whether all that is marked \Deleted there is ours to take out. */
static gboolean
are_all_ours (Apply *self, const SurelUidSet *ours, gboolean *all, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID SEARCH");
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  *all = TRUE;
  surel_imap_command_atom (command, "DELETED");
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    for (guint i = 0;
         response->kind == SUREL_IMAP_SEARCH && response->search.all != NULL
         && i < surel_uid_set_n_ranges (response->search.all);
         i++)
      {
        const SurelUidRange *range = surel_uid_set_range (response->search.all, i);

        for (guint64 uid = range->first; *all && uid <= range->last; uid++)
          *all = surel_uid_set_contains (ours, (guint32) uid);
      }
  return tag != 0 && result == 0;
}

/* Counts what the server says is gone. Takes @command over. */
static gboolean
run_expunge (Apply *self, SurelImapCommand *command, guint64 *gone, GError **error)
{
  g_autoptr (SurelImapCommand) owned = command;
  const SurelImapResponse *response;
  int result = -1;
  guint tag = surel_imap_session_send (self->session, owned, self->cancellable, error);

  *gone = 0;
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_EXPUNGE)
      (*gone)++;
    else if (response->kind == SUREL_IMAP_VANISHED && !response->vanished.earlier)
      *gone += surel_uid_set_count (response->vanished.uids);
  return tag != 0 && result == 0;
}

/* What is there still, though the server said that it took it out. */
static gboolean
refuse_present (Apply *self, const GArray *some, GError **error)
{
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  guint rights = SUREL_RIGHT_ALL;
  gboolean may;

  if (!surel_imap_find_in_source (self, some, there, error)
      || (surel_uid_set_count (there) > 0
          && !surel_imap_ask_rights_of (self->session, self->change->folder_remote_id, &rights, self->cancellable, error)))
    return FALSE;
  may = (rights & SUREL_RIGHT_REMOVE_ITEMS) != 0;
  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (item->outcome != SUREL_OUTCOME_OPEN || !surel_uid_set_contains (there, (guint32) item->remote_id.number))
        continue;
      surel_imap_apply_end (self, g_array_index (some, guint, i), SUREL_OUTCOME_REFUSED,
                            may ? SUREL_ERROR_SERVER_MISBEHAVED : SUREL_ERROR_PERMISSION_DENIED,
                            may ? SUREL_IMAP_DID_NOTHING : NOT_TAKEN_OUT);
      self->refused = TRUE;
    }
  return TRUE;
}

/* Without UIDPLUS EXPUNGE takes out whatever anybody has marked: it is only for where that is all ours. Else they
 * stay marked, and so out of sight, until somebody expunges. */
static gboolean
expunge (Apply *self, const GArray *some, GError **error)
{
  g_autoptr (SurelUidSet) set = surel_imap_apply_set_of (self, some);
  SurelImapCommand *command;
  guint64 gone;
  gboolean all;

  if (surel_imap_session_can (self->session, SUREL_IMAP_CAN_UIDPLUS))
    {
      command = surel_imap_command_new ("UID EXPUNGE");
      surel_imap_command_set (command, set);
    }
  else
    {
      if (!are_all_ours (self, set, &all, error))
        return FALSE;
      if (!all)
        return TRUE;
      command = surel_imap_command_new ("EXPUNGE");
    }
  return run_expunge (self, command, &gone, error) && (gone >= some->len || refuse_present (self, some, error));
}

/* Where it ends something else, as a draft's old version or what was copied, one that is gone is what was wanted. */
static gboolean
send_destroy (Apply *self, const GArray *some, GError **error)
{
  if (!mark_deleted (self, some, error)
      || (self->change->kind == SUREL_CHANGE_DESTROY && !surel_imap_prove_present (self, some, error))
      || !expunge (self, some, error))
    return FALSE;
  surel_imap_apply_set_done (self, some);
  return TRUE;
}

/* What is marked and couldn't be taken out would be out of sight, here and there. */
static gboolean
unmark (Apply *self, const GArray *some, GError **error)
{
  static const char *const deleted[] = { "\\Deleted", NULL };
  g_autoptr (GArray) left = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (GError) own = NULL;

  for (guint i = 0; self->refused && i < some->len; i++)
    if (surel_change_item (self->change, g_array_index (some, guint, i))->outcome != SUREL_OUTCOME_DONE)
      g_array_append_val (left, g_array_index (some, guint, i));
  if (left->len == 0 || store (self, left, "-FLAGS", deleted, &own) || surel_imap_error_is_refusal (own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/**
 * surel_imap_apply_destroy:
 *
 * Takes @some out of the mailbox that is open. Those of which that is refused are as they were.
 */
gboolean
surel_imap_apply_destroy (SurelImapApply *self, const GArray *some, GError **error)
{
  self->refused = FALSE;
  return surel_imap_apply_in_pieces (self, some, send_destroy, NULL, error) && unmark (self, some, error);
}

/* --- What is refused --- */

/* Gives all that is open the outcome that the server's words say, where it is but a refusal. */
gboolean
surel_imap_apply_take_refusal (Apply *self, GError *own, GError **error)
{
  SurelError public;
  SurelOutcome outcome;

  if (!surel_imap_error_is_refusal (own))
    {
      g_propagate_error (error, own);
      return FALSE;
    }
  outcome = surel_imap_judge (surel_imap_session_get_code (self->session), &public);
  surel_imap_apply_note_reason (self, public, own->message);
  surel_change_set_all (self->change, outcome);
  g_error_free (own);
  return TRUE;
}

/* Many servers say that a folder isn't there in words alone. */
gboolean
surel_imap_apply_take_refused_folder (Apply *self, GError *own, GError **error)
{
  if (!surel_imap_error_is_refusal (own) || surel_imap_session_get_code (self->session) != NULL)
    return surel_imap_apply_take_refusal (self, own, error);
  surel_imap_apply_note_reason (self, SUREL_ERROR_NOT_FOUND, own->message);
  surel_change_set_all (self->change, SUREL_OUTCOME_NOT_DONE);
  g_error_free (own);
  return TRUE;
}

/* What may not be marked may not be moved either (RFC 6851 §3.4). */
static gboolean
may_take_out (Apply *self, const SurelImapMailbox *mailbox)
{
  gboolean takes_out = self->change->kind == SUREL_CHANGE_DESTROY || self->change->kind == SUREL_CHANGE_MOVE;

  return !takes_out || !mailbox->says_permanent || (mailbox->permanent & SUREL_IMAP_FLAG_DELETED) != 0;
}

/**
 * surel_imap_apply_open_source:
 * @fit: (out): whether the ids are those of its messages still, and they may be changed; else it is noted why not
 *
 * Opens for writing the folder where the messages are.
 */
gboolean
surel_imap_apply_open_source (SurelImapApply *self, gboolean *fit, GError **error)
{
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (self->session);
  SurelImapToken token;
  GError *own = NULL;

  *fit = FALSE;
  if (!surel_imap_select_for_writing (self->session, self->change->folder_remote_id, self->cancellable, &own))
    return surel_imap_apply_take_refused_folder (self, own, error);
  if (!surel_imap_token_parse (self->change->folder_token, &token)
      || (!surel_imap_token_is_of (&token, mailbox->uidvalidity, mailbox->id)
          && !surel_mutation ("ignore-uidvalidity"))) /* it is done to what has that UID now */
    {
      surel_imap_apply_note_reason (self, SUREL_ERROR_SERVER_REJECTED, SUREL_IMAP_NUMBERED_ANEW);
      surel_change_set_all (self->change, SUREL_OUTCOME_NOT_DONE);
      return TRUE;
    }
  if (mailbox->read_only && self->change->kind != SUREL_CHANGE_COPY)
    {
      surel_imap_apply_note_reason (self, SUREL_ERROR_PERMISSION_DENIED, "The server lets nothing be changed in that folder");
      surel_change_set_all (self->change, SUREL_OUTCOME_REFUSED);
      return TRUE;
    }
  if (!may_take_out (self, mailbox))
    {
      surel_imap_apply_note_reason (self, SUREL_ERROR_PERMISSION_DENIED, NOT_TAKEN_OUT);
      surel_change_set_all (self->change, SUREL_OUTCOME_REFUSED);
      return TRUE;
    }
  *fit = TRUE;
  return TRUE;
}

/**
 * surel_imap_apply:
 *
 * Implements surel_remote_apply(); errors may be of %SUREL_IMAP_ERROR.
 */
gboolean
surel_imap_apply (SurelImapSession *session,
                  SurelChange *change,
                  SurelBeforeFunc before,
                  gpointer user_data,
                  GCancellable *cancellable,
                  GError **error)
{
  g_autoptr (SurelUidSet) named = surel_uid_set_new ();
  Apply self = { session, change, cancellable, FALSE, NULL, named };
  g_autoptr (GArray) some = NULL;
  gboolean fit;

  if (change->kind == SUREL_CHANGE_APPEND || change->kind == SUREL_CHANGE_REPLACE)
    return surel_imap_append (session, change, before, user_data, cancellable, error);
  if (change->kind == SUREL_CHANGE_SEND || change->kind == SUREL_CHANGE_RESPOND)
    {
      change->error = g_error_new (SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "Mail isn't sent, and no invitation answered, by IMAP");
      surel_change_set_all (change, SUREL_OUTCOME_REFUSED);
      return TRUE;
    }
  if (!surel_imap_apply_open_source (&self, &fit, error))
    return FALSE;
  if (!fit)
    return TRUE;
  switch (change->kind)
    {
    case SUREL_CHANGE_KEYWORDS:
      return apply_keywords (&self, error);
    case SUREL_CHANGE_DESTROY:
      some = surel_imap_apply_all_open (&self);
      return surel_imap_apply_destroy (&self, some, error);
    case SUREL_CHANGE_MOVE:
    case SUREL_CHANGE_COPY:
      return surel_imap_apply_to_target (&self, before, user_data, error);
    default:
      g_assert_not_reached ();
    }
}
