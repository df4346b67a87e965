/* What becomes of intents whose message is gone, or is somewhere else, and whose folder or account goes. */
#include "base/errors.h"
#include "store/intents-private.h"
#include "store/intents.h"
#include "store/layers.h"
#include "store/operations.h"

/* A server takes an invitation away with the answer to it, which may not be all that is to be done. */
#define IS_BEING_ANSWERED "(kind = 8 AND evidence NOTNULL)"

/**
 * surel_intents_gone:
 *
 * The message is nowhere any more: there is nothing left to do with it.
 */
gboolean
surel_intents_gone (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) rows = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "message = ? AND state < 2 AND NOT " IS_BEING_ANSWERED, message, error);
  g_autoptr (GArray) copies = NULL;

  if (!surel_intents_drop_all (txn, rows, error))
    return FALSE;
  /* Copies that were to be made of it can't be any more. */
  copies = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "source = ? AND state < 2 AND kind IN (4, 5) AND " SUREL_INTENT_NEEDS_SOURCE, message, error);
  return surel_intents_refuse_all (txn, copies, "What was to be copied was deleted before", error);
}

/**
 * surel_intents_forget:
 * @message: one that is nowhere but here
 *
 * It goes without a trace; what was to be copied of it is copied of what it was to be a copy of.
 */
gboolean
surel_intents_forget (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_intents_hand_down (txn, message, error) && surel_intents_destroy_message (txn, message, error);
}

/**
 * surel_intents_forget_unsent:
 * @change: what is to be done next, as it was read in this transaction
 * @forgotten: (out): whether any of it isn't to be done any more: it is to be read anew
 *
 * What no server has heard of, and is to be destroyed, needn't be put there; but where that is the end of its move to another
 * account. Up to now it could be taken back.
 */
gboolean
surel_intents_forget_unsent (SurelTxn *txn, SurelChange *change, gboolean *forgotten, GError **error)
{
  *forgotten = FALSE;
  if (change->kind != SUREL_CHANGE_COPY && change->kind != SUREL_CHANGE_APPEND && change->kind != SUREL_CHANGE_REPLACE)
    return TRUE;
  for (guint i = 0; i < change->items->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (change, i);
      gint64 doomed = 0;

      if (!surel_sql_get (txn->sql, &doomed, error,
                          "SELECT 1 FROM intent i JOIN intent d ON d.message = i.message AND d.kind = 3 AND d.state = 0 WHERE i.id = ? AND "
                          "i.state = 0 AND i.evidence IS NULL AND NOT i.doubt AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message = "
                          "i.message AND p.epoch < " SUREL_EPOCH_HERE_SQL ") AND NOT EXISTS (SELECT 1 FROM intent e WHERE e.source = i.message AND "
                          "e.operation = d.operation AND e.kind IN (4, 5) AND e.kind = 5 AND e.state < 2) LIMIT 1",
                          "i", item->intent))
        return FALSE;
      if (doomed && !surel_intents_forget (txn, item->message, error))
        return FALSE;
      *forgotten = *forgotten || doomed;
    }
  return TRUE;
}

/* All of @rows (nullable: an error is set) are done, by whoever it was. */
static gboolean
end_all (SurelTxn *txn, const GArray *rows, GError **error)
{
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const SurelOpenIntent *row = &g_array_index (rows, SurelOpenIntent, i);

      if (!surel_intents_set_state (txn, row->id, SUREL_INTENT_DONE, error) || !surel_operations_settle (txn, row->operation, 1, 0, error))
        return FALSE;
    }
  return rows != NULL;
}

/**
 * surel_intents_arrived:
 * @folder: where another device has put the message, which vanished from where it was
 *
 * If it was to go there, that is done, and all moves before it. A copy that was to be made there isn't any more: the message
 * is there.
 */
gboolean
surel_intents_arrived (SurelTxn *txn, gint64 message, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows = surel_intents_read_open (
      txn,
      surel_sql_start (txn->sql, error,
                       SUREL_OPEN_INTENTS "message = ?1 AND state < 2 AND kind = 2 AND id <= (SELECT max(e.id) FROM intent e WHERE e.message = ?1 "
                            "AND e.state < 2 AND e.kind = 2 AND e.target = ?2)",
                       "ii", message, folder),
      error);
  g_autoptr (GArray) copies = NULL;

  if (!end_all (txn, rows, error) || !surel_intents_drop_elsewhere (txn, message, folder, error))
    return FALSE;
  copies = surel_intents_read_open (
      txn,
      surel_sql_start (txn->sql, error, SUREL_OPEN_INTENTS "source = ? AND target = ? AND state < 2 AND kind IN (4, 5) AND kind = 4 AND evidence IS NULL",
                       "ii", message, folder),
      error);
  return surel_intents_refuse_all (txn, copies, "Another program had moved the message there before", error);
}

/**
 * surel_intents_lost:
 * @alike: whether others that are the same came at the same time
 *
 * Another program has destroyed the message. That it wasn't moved is told, as it is where the server says so. Where it may
 * be one of several that came elsewhere, which one can't be known: then all that was to be done with it is told.
 */
gboolean
surel_intents_lost (SurelTxn *txn, gint64 message, gboolean alike, GError **error)
{
  g_autoptr (GArray) rows
      = surel_intents_read_open (txn,
                   surel_sql_start (txn->sql, error, SUREL_OPEN_INTENTS "message = ? AND state < 2 AND (kind IN (2, 8) OR (? AND kind < 4)) AND NOT " IS_BEING_ANSWERED,
                                    "ii",
                                    message, (gint64) alike),
                   error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const SurelOpenIntent *row = &g_array_index (rows, SurelOpenIntent, i);

      if (!surel_intents_mark_failed (txn, row->id, row->operation, SUREL_ERROR_PREFIX "NotFound",
                        alike ? "Another program had moved the message, and others like it" : "Another program had deleted the message before",
                        error))
        return FALSE;
    }
  return rows != NULL && surel_intents_gone (txn, message, error);
}

/**
 * surel_intents_outlived:
 * @message: one that the server may have no version of any more, while a newer one is to be put there
 *
 * What was to be done with the old version before mustn't keep the new one waiting: it comes where it was to be moved, and copies
 * can't be made of what is gone. Keywords are put on it once it is there.
 */
gboolean
surel_intents_outlived (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) moves = NULL;
  g_autoptr (GArray) copies = NULL;
  gint64 replace = 0;

  if (!surel_sql_get (txn->sql, &replace, error,
                      "SELECT id FROM intent WHERE message = ?1 AND state < 2 AND kind IN (5, 6) AND kind = 6 AND NOT EXISTS (SELECT 1 FROM "
                      "placement WHERE message = ?1 AND epoch < " SUREL_EPOCH_HERE_SQL ") ORDER BY id DESC LIMIT 1",
                      "i", message))
    return FALSE;
  if (replace == 0)
    return TRUE;
  moves = surel_intents_read_open (
      txn, surel_sql_start (txn->sql, error, SUREL_OPEN_INTENTS "message = ? AND state < 2 AND kind = 2 AND id < ?", "ii", message, replace), error);
  copies = surel_intents_read_open (
      txn,
      surel_sql_start (txn->sql, error,
                       SUREL_OPEN_INTENTS "source = ? AND state < 2 AND kind IN (4, 5) AND kind = 4 AND evidence IS NULL AND iif (as_of, as_of, id) < ?",
                       "ii", message, replace),
      error);
  return end_all (txn, moves, error) && surel_intents_refuse_all (txn, copies, "What was to be copied was deleted before", error);
}

/**
 * surel_intents_drop_of_folder:
 *
 * There is nothing to be done any more with the folder itself.
 */
gboolean
surel_intents_drop_of_folder (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows
      = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "target = ? AND state < 2 AND kind >= 10", folder, error);

  return surel_intents_drop_all (txn, rows, error);
}

/**
 * surel_intents_replay_of_target:
 *
 * Shows where they are the messages that are on their way to the folder.
 */
gboolean
surel_intents_replay_of_target (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows
      = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "target = ? AND state < 2 AND kind < 10", folder, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (!surel_layers_replay_place (txn, g_array_index (rows, SurelOpenIntent, i).message, error))
      return FALSE;
  return rows != NULL;
}

/* What a server wouldn't take, and is shown in the folder alone, waits again. */
static gboolean
reopen_refused (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows
      = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "message IN (SELECT message FROM placement WHERE folder = ? AND epoch = " SUREL_EPOCH_HERE_SQL
                             ") AND kind = 5 AND state = 3 AND source = 0 AND operation != 0", folder, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const SurelOpenIntent *row = &g_array_index (rows, SurelOpenIntent, i);

      if (!surel_intents_set_state (txn, row->id, SUREL_INTENT_WAITING, error)
          || !surel_sql_run (txn->sql, error,
                             "UPDATE operation SET open = open + 1, failed = failed - 1, ended = NULL, attempts = 0, "
                             "next_attempt = 0 WHERE id = ?",
                             "i", row->operation))
        return FALSE;
      surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) row->operation, SUREL_UPDATED);
    }
  return rows != NULL;
}

/* What lives here alone doesn't go with its folder either. */
static gboolean
keep_here (SurelTxn *txn, gint64 folder, gint64 inbox, GError **error)
{
  g_autoptr (GArray) rows
      = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "message IN (SELECT message FROM placement WHERE folder = ? AND epoch = " SUREL_EPOCH_HERE_SQL
                             " AND NOT leaving) AND state = 3 AND kind = 5 AND operation = 0", folder, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (!surel_layers_put_here (txn, g_array_index (rows, SurelOpenIntent, i).message, inbox, error))
      return FALSE;
  return rows != NULL;
}

/* What no server has yet isn't to go with a folder that another program deletes: it goes to the inbox. */
static gboolean
put_into_inbox (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows = NULL;
  gint64 inbox = 0;

  if (!reopen_refused (txn, folder, error)
      || (rows = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "target = ? AND state < 2 AND kind < 10 AND kind IN (5, 6) AND source = 0", folder,
                            error)) == NULL
      || !surel_sql_get (txn->sql, &inbox, error,
                         "SELECT i.id FROM folder f JOIN folder i ON i.account = f.account AND coalesce(i.role_set, i.role) = "
                         "'inbox' AND i.id != f.id WHERE f.id = ?",
                         "i", folder)
      || (inbox != 0 && !keep_here (txn, folder, inbox, error)))
    return FALSE;
  for (guint i = 0; inbox != 0 && i < rows->len; i++)
    {
      const SurelOpenIntent *row = &g_array_index (rows, SurelOpenIntent, i);

      if (!surel_sql_run (txn->sql, error, "UPDATE intent SET state = 0, evidence = NULL, target = ? WHERE id = ?", "ii",
                          inbox, row->id)
          || !surel_layers_replay_place (txn, row->message, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * surel_intents_fail_target:
 *
 * The folder is gone: what was on its way there stays where it was.
 */
gboolean
surel_intents_fail_target (SurelTxn *txn, gint64 folder, GError **error)
{
  /* Of a draft that was saved after it had been moved there the move alone is lost. */
  g_autoptr (GArray) moves = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "target = ? AND state < 2 AND kind < 10 AND kind = 2", folder, error);
  g_autoptr (GArray) rows = NULL;

  if (!surel_intents_refuse_all (txn, moves, "The folder it was to go to was deleted", error) || !put_into_inbox (txn, folder, error))
    return FALSE;
  rows = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "target = ? AND state < 2 AND kind < 10", folder, error);
  return surel_intents_refuse_all (txn, rows, "The folder it was to go to was deleted", error);
}

/**
 * surel_intents_fail_source:
 *
 * The account is being removed: what was to go from it to others can't any more, where its bytes weren't brought yet.
 */
gboolean
surel_intents_fail_source (SurelTxn *txn, gint64 account, GError **error)
{
  g_autoptr (GArray) rows = surel_intents_find_open (
      txn, "SELECT i.id, i.operation, i.message, i.kind FROM " SUREL_INTENTS_FROM_ACCOUNT, account, error);

  return surel_intents_refuse_all (txn, rows, "The account it was to come from was removed before", error);
}

/**
 * surel_intents_remove_of_account:
 *
 * The account is being removed, with all that waits to be done there.
 */
gboolean
surel_intents_remove_of_account (SurelTxn *txn, gint64 account, GError **error)
{
  g_autoptr (GArray) rows
      = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "account = ? AND state < 2", account, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const SurelOpenIntent *row = &g_array_index (rows, SurelOpenIntent, i);

      if (!surel_intents_mark_failed (txn, row->id, row->operation, SUREL_ERROR_PREFIX "NotFound", "The account was removed before", error))
        return FALSE;
    }
  /* What was on its way there from other accounts stays in them. */
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (g_array_index (rows, SurelOpenIntent, i).kind == SUREL_CHANGE_APPEND
        && !surel_intents_roll_back_append (txn, g_array_index (rows, SurelOpenIntent, i).message, error))
      return FALSE;
  return rows != NULL && surel_sql_run (txn->sql, error, "DELETE FROM intent WHERE account = ?", "i", account);
}
