/* Was it done? What a server says is proven by what is there, as far as it doesn't name it; and what was under way when the
 * conversation broke off is looked for where it was to go (imap-target.c), and where it was. */
#include "remote/imap/imap-append.h"
#include "remote/imap/imap-apply-private.h"

#include <stdio.h>

#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-token.h"

typedef SurelImapApply Apply;

/* What was appended is looked for as it was then: a draft may have been saved again since. */
static void
read_items (SurelChange *change)
{
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);

      if (item->evidence != NULL)
        sscanf (item->evidence, "%*u %*u %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, &item->identity,
                &item->likeness, &item->size);
    }
}

static gboolean
is_any_missing (Apply *self)
{
  for (guint i = 0; i < self->change->items->len; i++)
    if (!surel_change_item (self->change, i)->told)
      return TRUE;
  return FALSE;
}

/* What can't be looked at now is looked at when the next list says where it is. What was noted is kept. */
static void
put_off (Apply *self, const GArray *some)
{
  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (item->outcome == SUREL_OUTCOME_OPEN || item->outcome == SUREL_OUTCOME_DONE)
        item->outcome = SUREL_OUTCOME_NOT_DONE;
      item->halfway = item->outcome == SUREL_OUTCOME_NOT_DONE;
    }
}

static void
refuse_missing (Apply *self, const GArray *some)
{
  for (guint i = 0; i < some->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (!item->told && item->outcome == SUREL_OUTCOME_DONE)
        surel_imap_apply_end (self, g_array_index (some, guint, i), SUREL_OUTCOME_REFUSED, SUREL_ERROR_SERVER_MISBEHAVED,
                              SUREL_IMAP_DID_NOTHING);
    }
}

/* Those of which the server said that it was done, without naming them. */
static GArray *
all_untold (Apply *self)
{
  GArray *some = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < self->change->items->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (self->change, i);

      if (item->outcome == SUREL_OUTCOME_DONE && !item->told && item->new_remote_id.number == 0)
        g_array_append_val (some, i);
    }
  g_array_sort_with_data (some, surel_imap_apply_compare_uids, self->change);
  return some;
}

static gboolean
look_for_appended (Apply *self, const GArray *untold, SurelImapEvidence *evidence, GError **error)
{
  g_autoptr (GArray) left = NULL;

  if (!surel_imap_target_find (self, untold, evidence, error))
    return FALSE;
  left = all_untold (self);
  /* What came there and is gone again may have been it: another device has moved it on, and the list tells. */
  return left->len == 0 || evidence->gaps || evidence->another || surel_imap_target_find_again (self, left, evidence, error);
}

/**
 * surel_imap_prove_appended:
 * @evidence: what was noted before it was appended
 *
 * Finds the UID of what was just appended, where the server didn't tell: what isn't there wasn't.
 */
gboolean
surel_imap_prove_appended (SurelImapApply *self, const char *evidence, GError **error)
{
  SurelImapEvidence noted = surel_imap_target_read_evidence (evidence);
  g_autoptr (GArray) untold = all_untold (self);
  GError *own = NULL;

  if (untold->len == 0)
    return TRUE;
  if (!look_for_appended (self, untold, &noted, &own))
    {
      if (!surel_imap_error_is_refusal (own))
        {
          g_propagate_error (error, own);
          return FALSE;
        }
      surel_imap_apply_note_reason (self, SUREL_ERROR_NOT_FOUND, own->message);
      g_error_free (own);
      put_off (self, untold);
    }
  else if (noted.another)
    {
      surel_imap_apply_note_reason (self, SUREL_ERROR_NOT_FOUND, "The folder isn't where it was any more");
      put_off (self, untold);
    }
  else if (!noted.gaps)
    refuse_missing (self, untold);
  surel_imap_target_forget_foreign (self, &noted);
  return TRUE;
}

/**
 * surel_imap_find_in_source:
 * @there: gets which of the originals are there still
 */
gboolean
surel_imap_find_in_source (SurelImapApply *self, const GArray *some, SurelUidSet *there, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID SEARCH");
  g_autoptr (SurelUidSet) set = surel_imap_apply_set_of (self, some);
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  if (!surel_imap_select_for_writing (self->session, self->change->folder_remote_id, self->cancellable, error))
    return FALSE;
  surel_imap_command_atom (command, "UID");
  surel_imap_command_range (command, surel_uid_set_range (set, 0)->first,
                            surel_uid_set_range (set, surel_uid_set_n_ranges (set) - 1)->last);
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    for (guint i = 0;
         response->kind == SUREL_IMAP_SEARCH && response->search.all != NULL
         && i < surel_uid_set_n_ranges (response->search.all);
         i++)
      {
        const SurelUidRange *range = surel_uid_set_range (response->search.all, i);

        surel_uid_set_add_range (there, range->first, range->last);
      }
  return tag != 0 && result == 0;
}

/* Those of @some that aren't @there another device has taken away, or moved: then the next list finds them, and it is done
 * where they are. */
static void
note_gone (Apply *self, const GArray *some, const SurelUidSet *there)
{
  for (guint i = 0; i < some->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (!surel_uid_set_contains (there, (guint32) item->remote_id.number))
        surel_imap_apply_end (self, g_array_index (some, guint, i), SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_NOT_FOUND,
                              "Another program had deleted the message before");
    }
}

/**
 * surel_imap_prove_present:
 * @some: what was just told to have other flags
 *
 * A server says OK also where a message isn't there any more (RFC 9051 §6.4.9). Those of which it doesn't tell the
 * new flags are looked for.
 */
gboolean
surel_imap_prove_present (SurelImapApply *self, const GArray *some, GError **error)
{
  g_autoptr (GArray) untold = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();

  for (guint i = 0; i < some->len; i++)
    if (!surel_change_item (self->change, g_array_index (some, guint, i))->told)
      g_array_append_val (untold, g_array_index (some, guint, i));
  if (untold->len > 0 && !surel_imap_find_in_source (self, untold, there, error))
    return FALSE;
  note_gone (self, untold, there);
  return TRUE;
}

/* Those that were found in the target mustn't be put there once more, where nothing can be said of the originals: by MOVE none
 * is left (RFC 6851 §3.3); else what was noted is kept. */
static void
keep_halfway (Apply *self)
{
  gboolean at_once = self->change->kind == SUREL_CHANGE_MOVE && surel_imap_session_can (self->session, SUREL_IMAP_CAN_MOVE);

  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, i);

      if (!item->told || item->outcome == SUREL_OUTCOME_DONE)
        continue;
      if (at_once)
        item->outcome = SUREL_OUTCOME_DONE;
      else
        item->halfway = item->outcome == SUREL_OUTCOME_NOT_DONE;
    }
}

static gboolean
settle_move (Apply *self, GError **error)
{
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  g_autoptr (GArray) open = surel_imap_apply_all_open (self);
  g_autoptr (GArray) half = g_array_new (FALSE, FALSE, sizeof (guint));
  gboolean fit;

  if (!surel_imap_apply_open_source (self, &fit, error))
    return FALSE;
  if (!fit)
    {
      keep_halfway (self);
      return TRUE;
    }
  if (!surel_imap_find_in_source (self, open, there, error))
    return FALSE;
  for (guint i = 0; i < open->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (open, guint, i));

      if (!surel_uid_set_contains (there, (guint32) item->remote_id.number))
        item->outcome = SUREL_OUTCOME_DONE;
      else if (!item->told)
        item->outcome = SUREL_OUTCOME_NOT_DONE;
      else
        g_array_append_val (half, g_array_index (open, guint, i)); /* copied, and not yet taken out */
    }
  return half->len == 0 || surel_imap_take_out_copied (self, half, error);
}

/* Of what was to be copied, and isn't where it was, nothing in the target is the copy: another program may have moved it
 * there. A folder that was renamed or deleted since can't be asked, and the server is believed. */
static gboolean
pass_over_gone (Apply *self, GError **error)
{
  g_autoptr (GArray) some = all_untold (self);
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  g_autoptr (GError) own = NULL;

  if (self->change->kind != SUREL_CHANGE_COPY)
    return TRUE;
  if (surel_imap_find_in_source (self, some, there, &own))
    note_gone (self, some, there);
  else if (!surel_imap_error_is_refusal (own))
    {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  return TRUE;
}

/* What isn't in the target was gone before, or is where it was, whatever the server said. */
static gboolean
judge_untold (Apply *self, SurelImapEvidence *evidence, GError **error)
{
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  g_autoptr (GArray) some = NULL;
  g_autoptr (GArray) left = NULL;

  if (!pass_over_gone (self, error))
    return FALSE;
  some = all_untold (self);
  if (!surel_imap_target_find (self, some, evidence, error))
    return FALSE;
  left = all_untold (self);
  if (left->len == 0 || evidence->another)
    return TRUE;
  if (!surel_imap_find_in_source (self, left, there, error))
    return FALSE;
  note_gone (self, left, there);
  g_clear_pointer (&left, g_array_unref);
  left = all_untold (self);
  if (left->len > 0 && !surel_imap_target_find_again (self, left, evidence, error))
    return FALSE;
  refuse_missing (self, left);
  return TRUE;
}

/**
 * surel_imap_prove_arrived:
 * @evidence: what was noted before the messages were moved or copied
 *
 * A server says OK also where a message wasn't there any more (RFC 9051 §6.4.9). Those that it doesn't name in COPYUID,
 * and all where it has no UIDPLUS, are looked for.
 */
gboolean
surel_imap_prove_arrived (SurelImapApply *self, const char *evidence, GError **error)
{
  g_autoptr (GArray) untold = all_untold (self);
  g_autoptr (GArray) left = NULL;
  SurelImapEvidence noted = surel_imap_target_read_evidence (evidence);
  g_autoptr (GError) own = NULL;

  if (untold->len == 0)
    return TRUE;
  if (!judge_untold (self, &noted, &own) && !surel_imap_error_is_refusal (own))
    {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  if (own != NULL || noted.another)
    {
      /* It can't be looked at, as another device has renamed it, or deleted it. The next list says where they are. */
      surel_imap_apply_note_reason (self, SUREL_ERROR_NOT_FOUND, "The folder can't be opened any more");
      left = all_untold (self);
      put_off (self, left);
    }
  surel_imap_target_forget_foreign (self, &noted);
  return TRUE;
}

/* A server copies all of what a command names, or nothing (RFC 9051 §6.4.7): where most are there, the others were, and
 * someone has taken them on. Others may have copied one or the other: a few prove nothing. */
static gboolean
are_most_found (Apply *self)
{
  guint found = 0;

  for (guint i = 0; i < self->change->items->len; i++)
    found += surel_change_item (self->change, i)->told ? 1 : 0;
  return 2 * found > self->change->items->len;
}

/* The conversation broke off: what was found is known, and others may have moved it on when it is looked for again.
 * Of a move the original isn't looked for yet. */
static void
keep_found (Apply *self, const SurelImapEvidence *evidence)
{
  gboolean all = self->change->kind == SUREL_CHANGE_COPY && are_most_found (self);

  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, i);

      if ((self->change->kind == SUREL_CHANGE_COPY || self->change->kind == SUREL_CHANGE_APPEND)
          && item->outcome == SUREL_OUTCOME_OPEN && (all || item->told))
        item->outcome = SUREL_OUTCOME_DONE;
    }
  surel_imap_target_forget_foreign (self, evidence);
}

/* What isn't there any more was copied, if it is in the source: else it was gone before, or a list has to say where it is. */
static gboolean
settle_copy (Apply *self, GError **error)
{
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  g_autoptr (GArray) open = surel_imap_apply_all_open (self);
  g_autoptr (GError) own = NULL;

  if (!is_any_missing (self) || !are_most_found (self))
    return TRUE;
  if (!surel_imap_find_in_source (self, open, there, &own))
    {
      if (surel_imap_error_is_refusal (own))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, i);

      if (item->outcome == SUREL_OUTCOME_OPEN && surel_uid_set_contains (there, (guint32) item->remote_id.number))
        item->outcome = SUREL_OUTCOME_DONE;
    }
  return TRUE;
}

/* Looks for what was under way in the target. @known: whether anything can be said of it now. */
static gboolean
find_under_way (Apply *self, SurelImapEvidence *evidence, gboolean *known, GError **error)
{
  g_autoptr (GArray) open = surel_imap_apply_all_open (self);
  GError *own = NULL;

  *known = TRUE;
  if (self->change->target_remote_id == NULL)
    return TRUE; /* it was deleted: whatever came there is gone */
  if (!surel_imap_target_find (self, open, evidence, &own)
      || (is_any_missing (self) && !evidence->another && !surel_imap_target_find_again (self, open, evidence, &own)))
    {
      *known = FALSE;
      if (!surel_imap_apply_take_refused_folder (self, own, error))
        {
          keep_found (self, evidence);
          return FALSE;
        }
    }
  else if (evidence->another)
    {
      *known = FALSE;
      surel_imap_apply_note_reason (self, SUREL_ERROR_NOT_FOUND, "The folder isn't where it was any more");
    }
  if (!*known)
    put_off (self, open);
  return TRUE;
}

/**
 * surel_imap_settle:
 *
 * Implements surel_remote_settle(); errors may be of %SUREL_IMAP_ERROR.
 */
gboolean
surel_imap_settle (SurelImapSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  Apply self = { session, change, cancellable, FALSE, NULL, NULL };
  SurelImapEvidence evidence = surel_imap_target_read_evidence (change->evidence);
  GError *own = NULL;
  gboolean known;

  read_items (change);
  if (!find_under_way (&self, &evidence, &known, error))
    return FALSE;
  if (!known)
    return TRUE;
  if ((change->kind == SUREL_CHANGE_MOVE && !settle_move (&self, &own))
      || (change->kind == SUREL_CHANGE_COPY && !settle_copy (&self, &own))
      || (change->kind == SUREL_CHANGE_REPLACE && surel_change_item (change, 0)->told
          && !surel_imap_take_out_replaced (session, change, cancellable, &own)))
    {
      if (!surel_imap_apply_take_refused_folder (&self, own, error))
        return FALSE;
      keep_halfway (&self);
      return TRUE;
    }
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);

      if (item->outcome == SUREL_OUTCOME_OPEN)
        item->outcome = item->told ? SUREL_OUTCOME_DONE : SUREL_OUTCOME_NOT_DONE;
      item->doubt = evidence.gaps;
    }
  surel_imap_target_forget_foreign (&self, &evidence);
  return TRUE;
}
