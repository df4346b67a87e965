/* COPY and MOVE, each by UID. Neither can be repeated: what is noted before tells afterwards what came to the target
 * (imap-target.c). Nothing is taken out of where it was before it was seen where it was to go, and what a server refuses it
 * may have done all the same: that is looked for before it is given again. */
#include "remote/imap/imap-apply-private.h"

#include <string.h>

#include "base/errors.h"
#include "remote/imap/imap-token.h"

typedef SurelImapApply Apply;

/* Which UIDs became which (RFC 4315 §3): in the order the server gave them. What was there before may be it, as Gmail has each
 * message once: it is looked at. */
static void
note_copyuid (Apply *self, const SurelImapCode *code)
{
  SurelImapEvidence evidence = surel_imap_target_read_evidence (self->evidence);
  SurelImapToken token;
  g_autoptr (GArray) from = NULL;
  g_autoptr (GArray) to = NULL;
  gboolean known;

  if (code->name == NULL || strcmp (code->name, "COPYUID") != 0)
    return;
  if (!surel_imap_code_copied (code, &from, &to))
    return;
  /* Ids of another UIDVALIDITY than is known aren't those that the next list is compared with. */
  known = surel_imap_token_parse (self->change->target_token, &token) && token.uidvalidity == code->uidvalidity;
  for (guint i = 0; i < from->len; i++)
    for (guint k = 0; k < self->change->items->len; k++)
      {
        SurelChangeItem *item = surel_change_item (self->change, k);

        if (item->remote_id.number == g_array_index (from, guint32, i) && !item->told)
          {
            if (code->uidvalidity == evidence.uidvalidity && g_array_index (to, guint32, i) < evidence.uidnext)
              {
                surel_uid_set_add (self->named, g_array_index (to, guint32, i));
                break;
              }
            item->told = TRUE;
            item->new_remote_id.number = known ? g_array_index (to, guint32, i) : 0;
            break;
          }
      }
}

static gboolean
send_to_target (Apply *self, const char *name, const GArray *some, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new (name);
  g_autoptr (SurelUidSet) set = surel_imap_apply_set_of (self, some);
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_command_set (command, set);
  surel_imap_command_mailbox (command, self->change->target_remote_id);
  tag = surel_imap_session_send (self->session, command, self->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    note_copyuid (self, &response->code);
  if (tag == 0 || result < 0)
    return FALSE;
  note_copyuid (self, surel_imap_session_get_last_code (self->session));
  surel_imap_apply_set_done (self, some);
  return TRUE;
}

static gboolean
send_copy (Apply *self, const GArray *some, GError **error)
{
  return send_to_target (self, "UID COPY", some, error);
}

static gboolean
send_move (Apply *self, const GArray *some, GError **error)
{
  return send_to_target (self, "UID MOVE", some, error);
}

/* Those of @some that are in the target, though they were refused. What the server named before it said NO isn't believed. */
static GArray *
find_refused (Apply *self, const GArray *some, GError **error)
{
  SurelImapEvidence evidence = surel_imap_target_read_evidence (self->evidence);
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      item->told = FALSE;
      item->new_remote_id.number = 0;
    }
  if (!surel_imap_target_find_refused (self, some, &evidence, error))
    return NULL;
  for (guint i = 0; i < some->len; i++)
    if (surel_change_item (self->change, g_array_index (some, guint, i))->told)
      g_array_append_val (found, g_array_index (some, guint, i));
  surel_imap_target_forget_foreign (self, &evidence);
  return g_steal_pointer (&found);
}

static gboolean
look_for_copies (Apply *self, const GArray *some, GError **error)
{
  g_autoptr (GArray) found = find_refused (self, some, error);
  gboolean fit;

  if (found == NULL)
    return FALSE;
  surel_imap_apply_set_done (self, found);
  return surel_imap_apply_open_source (self, &fit, error);
}

/* A MOVE that is refused may have been done in part (RFC 6851 §3.3). */
static gboolean
look_for_moved (Apply *self, const GArray *some, GError **error)
{
  g_autoptr (GArray) found = find_refused (self, some, error);

  return found != NULL && surel_imap_take_out_copied (self, found, error);
}

/**
 * surel_imap_take_out_copied:
 * @some: what was seen in the target, and may be where it was, too; of them nothing is known yet
 *
 * Takes them out of where they were. Where that can't be it is kept that they were copied.
 */
gboolean
surel_imap_take_out_copied (SurelImapApply *self, const GArray *some, GError **error)
{
  gboolean fit;
  gboolean success = surel_imap_apply_open_source (self, &fit, error) && (!fit || surel_imap_apply_destroy (self, some, error));

  for (guint i = 0; i < some->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (some, guint, i));

      item->halfway = item->outcome == SUREL_OUTCOME_NOT_DONE || item->outcome == SUREL_OUTCOME_REFUSED;
    }
  return success;
}

/* Without MOVE (RFC 6851) it is a copy, and then the originals go. */
static gboolean
take_out_originals (Apply *self, const GArray *all, GError **error)
{
  g_autoptr (GArray) some = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < all->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, g_array_index (all, guint, i));

      if (item->outcome != SUREL_OUTCOME_DONE)
        continue;
      item->outcome = SUREL_OUTCOME_OPEN;
      g_array_append_val (some, g_array_index (all, guint, i));
    }
  return some->len == 0 || surel_imap_take_out_copied (self, some, error);
}

/**
 * surel_imap_apply_to_target:
 *
 * Copies or moves what is open, out of the mailbox that is.
 */
gboolean
surel_imap_apply_to_target (SurelImapApply *self, SurelBeforeFunc before, gpointer user_data, GError **error)
{
  g_autoptr (GArray) some = surel_imap_apply_all_open (self);
  g_autofree char *evidence = NULL;
  gboolean moves = self->change->kind == SUREL_CHANGE_MOVE;
  gboolean at_once = moves && surel_imap_session_can (self->session, SUREL_IMAP_CAN_MOVE);
  GError *own = NULL;

  if (self->change->target_remote_id == NULL)
    {
      surel_imap_apply_note_reason (self, SUREL_ERROR_NOT_FOUND, "The folder it was to go to was deleted");
      surel_change_set_all (self->change, SUREL_OUTCOME_REFUSED);
      return TRUE;
    }
  if (!surel_imap_target_describe (self, &evidence, &own))
    return surel_imap_apply_take_refused_folder (self, own, error);
  if (evidence == NULL)
    return TRUE;
  if (!before (evidence, user_data, error))
    return FALSE;
  self->evidence = evidence;
  return surel_imap_apply_in_pieces (self, some, at_once ? send_move : send_copy, at_once ? look_for_moved : look_for_copies,
                                     error)
         && surel_imap_prove_arrived (self, evidence, error) && (!moves || at_once || take_out_originals (self, some, error));
}
