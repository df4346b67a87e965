/* Was it done? What was noted before a step that can't be repeated tells which messages came to the target since;
 * those that are the same as the ones that were on their way are them. */
#include "remote/imap/imap-append.h"
#include "remote/imap/imap-apply-private.h"

#include <stdio.h>

#include "remote/imap/imap-message.h"
#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-token.h"

typedef SurelImapApply Apply;

/* Notes, for each message that came to the target since, which of the items it is; each counts once. */
static gboolean
find_in_target (Apply *self, guint32 uidvalidity, guint32 uidnext, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID FETCH");
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  if (!surel_imap_select (self->session, self->change->target_remote_id, self->cancellable, error))
    return FALSE;
  /* All of it has to be looked at where its UIDs mean something else now. */
  if (surel_imap_session_get_mailbox (self->session)->uidvalidity != uidvalidity)
    uidnext = 1;
  if (surel_imap_session_get_mailbox (self->session)->exists == 0)
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

      for (guint i = 0; message != NULL && i < self->change->items->len; i++)
        {
          SurelChangeItem *item = surel_change_item (self->change, i);

          if (item->new_remote_id == 0
              && (item->identity == surel_message_identity (message)
                  || item->identity == surel_message_fingerprint (message)))
            {
              item->new_remote_id = message->remote_id;
              break;
            }
        }
    }
  return tag != 0 && result == 0;
}

/* Which of the originals are there still. */
static gboolean
find_in_source (Apply *self, SurelUidSet *there, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID SEARCH");
  g_autoptr (GArray) some = surel_imap_apply_all_open (self);
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

static gboolean
settle_move (Apply *self, GError **error)
{
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  g_autoptr (GArray) half = g_array_new (FALSE, FALSE, sizeof (guint));

  if (!find_in_source (self, there, error))
    return FALSE;
  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->change, i);

      if (!surel_uid_set_contains (there, (guint32) item->remote_id))
        item->outcome = SUREL_OUTCOME_DONE;
      else if (item->new_remote_id == 0)
        item->outcome = SUREL_OUTCOME_NOT_DONE;
      else
        g_array_append_val (half, i); /* copied, and not yet taken out */
    }
  g_array_sort_with_data (half, surel_imap_apply_compare_uids, self->change);
  return surel_imap_apply_in_pieces (self, half, surel_imap_apply_send_destroy, error);
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
  SurelImapToken token;
  guint uidvalidity = 0;
  guint uidnext = 0;
  guint64 identity = 0;
  GError *own = NULL;

  if (sscanf (change->evidence, "%u %u %" G_GUINT64_FORMAT, &uidvalidity, &uidnext, &identity) < 2 || uidnext == 0)
    uidnext = 1;
  if (identity != 0)
    surel_change_item (change, 0)->identity = identity; /* of what was sent, whatever has become of it here */
  if (change->target_remote_id != NULL && !find_in_target (&self, uidvalidity, uidnext, &own))
    {
      if (!surel_imap_error_is_refusal (own))
        {
          g_propagate_error (error, own);
          return FALSE;
        }
      g_clear_error (&own); /* it can't be looked at: then nothing came there */
    }
  if ((change->kind == SUREL_CHANGE_MOVE && !settle_move (&self, &own))
      || (change->kind == SUREL_CHANGE_REPLACE && surel_change_item (change, 0)->new_remote_id != 0
          && !surel_imap_take_out_replaced (session, change, cancellable, &own)))
    return surel_imap_apply_take_refusal (&self, own, error);
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);

      if (item->outcome == SUREL_OUTCOME_OPEN)
        item->outcome = item->new_remote_id != 0 ? SUREL_OUTCOME_DONE : SUREL_OUTCOME_NOT_DONE;
      /* Ids of another UIDVALIDITY than is known aren't those that the next list is compared with. */
      if (!surel_imap_token_parse (change->target_token, &token) || token.uidvalidity != uidvalidity)
        item->new_remote_id = 0;
    }
  return TRUE;
}
