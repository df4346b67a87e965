/* Was it done? What was noted before a step that can't be repeated tells which messages came to the target since;
 * those that are the same as the ones that were on their way are them. */
#include "remote/imap/imap-append.h"
#include "remote/imap/imap-apply-private.h"

#include <stdio.h>

#include "base/clock.h"
#include "remote/imap/imap-message.h"
#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-token.h"

typedef SurelImapApply Apply;

#define LOOK_AGAIN_MS 1000

/* What was noted before the step. */
typedef struct
{
  guint uidvalidity;
  guint uidnext;
  gboolean gaps; /* not all that came to the target since is there still */
} Evidence;

static Evidence
read_evidence (const char *text)
{
  Evidence evidence = { 0 };

  if (sscanf (text, "%u %u", &evidence.uidvalidity, &evidence.uidnext) < 2 || evidence.uidnext == 0)
    evidence.uidnext = 1;
  return evidence;
}

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

/* A server may give what it is handed another date, and some another size. The versions of a draft are alike, too:
 * those have to be of the same size. */
static gboolean
is_it (const SurelChange *change, const SurelChangeItem *item, const SurelMessage *message)
{
  if (item->identity == surel_message_identity (message) || item->identity == surel_message_fingerprint (message))
    return TRUE;
  return item->likeness != 0 && item->likeness == surel_message_likeness (message)
         && (change->kind == SUREL_CHANGE_APPEND || item->size == message->size);
}

/* Ids of another UIDVALIDITY than is known aren't those that the next list is compared with. */
static void
forget_foreign (Apply *self, const Evidence *evidence)
{
  SurelImapToken token;

  if (surel_imap_token_parse (self->change->target_token, &token) && token.uidvalidity == evidence->uidvalidity)
    return;
  for (guint i = 0; i < self->change->items->len; i++)
    surel_change_item (self->change, i)->new_remote_id.number = 0;
}

/* Notes, for each message that came to the target since, which of the items it is; each counts once. */
static gboolean
find_in_target (Apply *self, Evidence *evidence, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID FETCH");
  const SurelImapResponse *response;
  const SurelImapMailbox *mailbox;
  guint32 uidnext = evidence->uidnext;
  guint32 seen = 0;
  int result = -1;
  guint tag;

  if (!surel_imap_select (self->session, self->change->target_remote_id, self->cancellable, error))
    return FALSE;
  mailbox = surel_imap_session_get_mailbox (self->session);
  evidence->gaps = mailbox->uidvalidity != evidence->uidvalidity || mailbox->uidnext != evidence->uidnext;
  /* All of it has to be looked at where its UIDs mean something else now. */
  if (mailbox->uidvalidity != evidence->uidvalidity)
    uidnext = 1;
  if (mailbox->exists == 0)
    return TRUE;
  surel_imap_command_range (command, uidnext, G_MAXUINT32);
  surel_imap_add_items (command, self->session);
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    {
      g_autoptr (SurelMessage) message = response->kind == SUREL_IMAP_FETCH && response->fetch.uid >= uidnext
                                             ? surel_imap_message_of (&response->fetch)
                                             : NULL;

      seen += message != NULL;
      for (guint i = 0; message != NULL && i < self->change->items->len; i++)
        {
          SurelChangeItem *item = surel_change_item (self->change, i);

          if (item->new_remote_id.number == 0 && (item->outcome == SUREL_OUTCOME_OPEN || item->outcome == SUREL_OUTCOME_DONE)
              && is_it (self->change, item, message))
            {
              item->new_remote_id.number = message->remote_id.number;
              break;
            }
        }
    }
  if (mailbox->uidvalidity == evidence->uidvalidity && mailbox->uidnext == evidence->uidnext + seen)
    evidence->gaps = FALSE;
  return tag != 0 && result == 0;
}

static gboolean
is_any_missing (Apply *self)
{
  for (guint i = 0; i < self->change->items->len; i++)
    if (surel_change_item (self->change, i)->new_remote_id.number == 0)
      return TRUE;
  return FALSE;
}

/* A server may still be at what a connection that broke asked of it: what isn't there yet is looked for once more. */
static gboolean
look_again (Apply *self, Evidence *evidence, GError **error)
{
  surel_clock_wait (self->cancellable, LOOK_AGAIN_MS);
  return surel_imap_session_run (self->session, surel_imap_command_new ("NOOP"), self->cancellable, error)
         && find_in_target (self, evidence, error);
}

/**
 * surel_imap_find_appended:
 * @evidence: what was noted before it was appended
 *
 * Finds the UID of what was just appended, where the server didn't tell.
 */
gboolean
surel_imap_find_appended (SurelImapApply *self, const char *evidence, GError **error)
{
  Evidence noted = read_evidence (evidence);
  GError *own = NULL;

  if (find_in_target (self, &noted, &own))
    {
      forget_foreign (self, &noted);
      return TRUE;
    }
  if (surel_imap_error_is_refusal (own))
    {
      g_error_free (own);
      return TRUE;
    }
  g_propagate_error (error, own);
  return FALSE;
}

/* Which of the originals are there still. */
static gboolean
find_in_source (Apply *self, const GArray *some, SurelUidSet *there, GError **error)
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
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (surel_uid_set_contains (there, (guint32) item->remote_id.number))
        continue;
      surel_imap_apply_note_reason (self, SUREL_ERROR_NOT_FOUND, "Another program had deleted the message before");
      item->outcome = SUREL_OUTCOME_NOT_DONE;
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
  if (untold->len > 0 && !find_in_source (self, untold, there, error))
    return FALSE;
  note_gone (self, untold, there);
  return TRUE;
}

/* The originals can't be looked at: their folder was renamed or deleted. Those that were copied mustn't be once more. */
static gboolean
take_unopened (Apply *self, GError *own, GError **error)
{
  if (!surel_imap_apply_take_refused_folder (self, own, error))
    return FALSE;
  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, i);

      item->halfway = item->outcome == SUREL_OUTCOME_NOT_DONE && item->new_remote_id.number != 0;
    }
  return TRUE;
}

static gboolean
settle_move (Apply *self, GError **error)
{
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  g_autoptr (GArray) open = surel_imap_apply_all_open (self);
  g_autoptr (GArray) half = g_array_new (FALSE, FALSE, sizeof (guint));
  GError *own = NULL;

  if (!find_in_source (self, open, there, &own))
    return take_unopened (self, g_steal_pointer (&own), error);
  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, i);

      if (!surel_uid_set_contains (there, (guint32) item->remote_id.number))
        item->outcome = SUREL_OUTCOME_DONE;
      else if (item->new_remote_id.number == 0)
        item->outcome = SUREL_OUTCOME_NOT_DONE;
      else
        g_array_append_val (half, i); /* copied, and not yet taken out */
    }
  g_array_sort_with_data (half, surel_imap_apply_compare_uids, self->change);
  return surel_imap_apply_in_pieces (self, half, surel_imap_apply_send_destroy, error);
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
  if (find_in_source (self, some, there, &own))
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
judge_untold (Apply *self, Evidence *evidence, GError **error)
{
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  g_autoptr (GArray) some = NULL;

  if (!pass_over_gone (self, error) || !find_in_target (self, evidence, error))
    return FALSE;
  some = all_untold (self);
  if (some->len > 0 && !find_in_source (self, some, there, error))
    return FALSE;
  note_gone (self, some, there);
  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (item->outcome != SUREL_OUTCOME_DONE)
        continue;
      surel_imap_apply_note_reason (self, SUREL_ERROR_SERVER_MISBEHAVED, "The server said it was done, and did nothing");
      item->outcome = SUREL_OUTCOME_REFUSED;
    }
  return TRUE;
}

static void
doubt (Apply *self, const GArray *some)
{
  surel_imap_apply_note_reason (self, SUREL_ERROR_NOT_FOUND, "The folder can't be opened any more");
  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      if (item->new_remote_id.number == 0)
        item->outcome = SUREL_OUTCOME_NOT_DONE;
    }
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
  Evidence noted = read_evidence (evidence);
  GError *own = NULL;

  if (untold->len == 0)
    return TRUE;
  if (judge_untold (self, &noted, &own))
    {
      forget_foreign (self, &noted);
      return TRUE;
    }
  if (surel_imap_error_is_refusal (own))
    {
      /* It can't be looked at, as another device has renamed it, or deleted it. The next list says where they are. */
      doubt (self, untold);
      forget_foreign (self, &noted);
      g_error_free (own);
      return TRUE;
    }
  g_propagate_error (error, own);
  return FALSE;
}

/* A server copies all of what a command names, or nothing (RFC 9051 §6.4.7): where most are there, the others were, and
 * someone has taken them on. Others may have copied one or the other: a few prove nothing. */
static gboolean
are_most_found (Apply *self)
{
  guint found = 0;

  for (guint i = 0; i < self->change->items->len; i++)
    found += surel_change_item (self->change, i)->new_remote_id.number != 0 ? 1 : 0;
  return 2 * found > self->change->items->len;
}

/* The conversation broke off: what was found is known, and others may have moved it on when it is looked for again.
 * Of a move the original isn't looked for yet. */
static void
keep_found (Apply *self, const Evidence *evidence)
{
  gboolean all = self->change->kind == SUREL_CHANGE_COPY && are_most_found (self);

  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, i);

      if ((self->change->kind == SUREL_CHANGE_COPY || self->change->kind == SUREL_CHANGE_APPEND)
          && item->outcome == SUREL_OUTCOME_OPEN && (all || item->new_remote_id.number != 0))
        item->outcome = SUREL_OUTCOME_DONE;
    }
  forget_foreign (self, evidence);
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
  if (!find_in_source (self, open, there, &own))
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

/**
 * surel_imap_settle:
 *
 * Implements surel_remote_settle(); errors may be of %SUREL_IMAP_ERROR.
 */
gboolean
surel_imap_settle (SurelImapSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  Apply self = { session, change, cancellable };
  Evidence evidence = read_evidence (change->evidence);
  GError *own = NULL;

  read_items (change);
  if (change->target_remote_id != NULL
      && (!find_in_target (&self, &evidence, &own)
          || (is_any_missing (&self) && !look_again (&self, &evidence, &own))))
    {
      if (!surel_imap_error_is_refusal (own))
        {
          keep_found (&self, &evidence);
          g_propagate_error (error, own);
          return FALSE;
        }
      g_clear_error (&own); /* it can't be looked at: then nothing came there */
    }
  if ((change->kind == SUREL_CHANGE_MOVE && !settle_move (&self, &own))
      || (change->kind == SUREL_CHANGE_COPY && !settle_copy (&self, &own))
      || (change->kind == SUREL_CHANGE_REPLACE && surel_change_item (change, 0)->new_remote_id.number != 0
          && !surel_imap_take_out_replaced (session, change, cancellable, &own)))
    return surel_imap_apply_take_refused_folder (&self, own, error);
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);

      if (item->outcome == SUREL_OUTCOME_OPEN)
        item->outcome = item->new_remote_id.number != 0 ? SUREL_OUTCOME_DONE : SUREL_OUTCOME_NOT_DONE;
      item->doubt = evidence.gaps;
    }
  forget_foreign (&self, &evidence);
  return TRUE;
}
