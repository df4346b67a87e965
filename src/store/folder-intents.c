/* Intents that are about folders. Those of one folder go in their order, a folder's after its parent was made; one
 * that is deleted goes when nothing is left to do in it; and a name is given when who has it has left it. */
#include "store/folder-intents.h"

#include <string.h>

#include "base/errors.h"
#include "store/accounts.h"
#include "store/folder-layers.h"
#include "store/intents-private.h"
#include "store/intents.h"
#include "store/message-row.h"
#include "store/operations.h"

#define IS_FREE                                                                                          \
  "NOT EXISTS (SELECT 1 FROM intent e WHERE e.target = i.target AND e.kind >= 10 AND e.state < 2 AND e.id < i.id) AND NOT " \
  "EXISTS (SELECT 1 FROM intent e WHERE e.target = i.source AND e.kind >= 10 AND e.kind = 10 AND e.state < 2) AND (i.kind != 12 OR (NOT "   \
  "EXISTS (SELECT 1 FROM placement p JOIN intent e ON e.message = p.message AND e.state < 2 WHERE p.folder = i.target) "    \
  "AND NOT EXISTS (SELECT 1 FROM intent e WHERE e.target = i.target AND e.kind < 10 AND e.state < 2) AND NOT EXISTS "       \
  "(SELECT 1 FROM folder f JOIN intent e ON e.target = f.id AND e.kind >= 10 AND e.state < 2 WHERE f.parent = i.target) " \
  "AND NOT EXISTS (SELECT 1 FROM intent e JOIN intent d ON d.message = e.message AND d.target = i.target AND d.state = 2 " \
  "AND d.kind < 10 WHERE e.account = i.account AND e.state < 2 AND e.kind < 10 AND NOT EXISTS (SELECT 1 FROM placement p " \
  "WHERE p.message = e.message AND p.epoch < " SUREL_EPOCH_HERE_SQL ")))) AND (i.kind NOT IN (10, 11) OR "        \
  "NOT EXISTS (SELECT 1 FROM intent e JOIN folder f ON f.id = e.target WHERE e.account = i.account AND e.state < 2 AND "   \
  "e.kind >= 10 AND e.kind IN (11, 12) AND e.id < i.id AND e.target != i.target AND f.server_name = i.add_words AND "      \
  "f.server_parent = i.source))"

/**
 * surel_folder_intents_next:
 * @now: seconds since the epoch: those that were put off beyond it are passed over
 * @next: (out) (nullable): what is to be done with a folder next; %NULL where there is nothing
 */
gboolean
surel_folder_intents_next (SurelReader *reader, gint64 account, gint64 now, SurelChange **next, GError **error)
{
  g_autoptr (SurelChange) change = surel_change_new ();
  SurelChangeItem item = { 0 };
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT i.id, i.operation, i.kind, i.target, f.remote_id, f.token, i.source, p.remote_id, i.add_words, "
      "i.add_flags, i.evidence, (SELECT folders_token FROM account WHERE id = i.account) "
      "FROM intent i CROSS JOIN operation o ON o.id = i.operation CROSS JOIN folder f ON f.id = i.target "
      "LEFT JOIN folder p ON p.id = i.source WHERE i.account = ?1 AND i.state < 2 AND i.kind >= 10 AND o.next_attempt <= ?2 "
      "AND " IS_FREE " ORDER BY i.id LIMIT 1",
      "ii", account, now);
  int result = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;

  *next = NULL;
  if (result <= 0)
    return result == 0;
  item.intent = sqlite3_column_int64 (s, 0);
  item.operation = sqlite3_column_int64 (s, 1);
  change->account = account;
  change->kind = (SurelChangeKind) sqlite3_column_int (s, 2);
  change->folder = sqlite3_column_int64 (s, 3);
  change->folder_remote_id = surel_sql_column_text (s, 4);
  change->folder_token = surel_sql_column_bytes (s, 5);
  change->target = sqlite3_column_int64 (s, 6);
  change->target_remote_id = surel_sql_column_text (s, 7);
  change->name = surel_sql_column_text (s, 8);
  change->subscribed = sqlite3_column_int (s, 9);
  change->evidence = surel_sql_column_text (s, 10);
  change->list_token = surel_sql_column_bytes (s, 11);
  sqlite3_reset (s);
  g_array_append_val (change->items, item);
  *next = g_steal_pointer (&change);
  return TRUE;
}

/**
 * surel_folder_intents_are_open:
 * @open: (out): whether anything is to be done with the folder
 */
gboolean
surel_folder_intents_are_open (SurelTxn *txn, gint64 folder, gboolean *open, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (txn->sql, &found, error, "SELECT 1 FROM intent WHERE target = ? AND kind >= 10 AND state < 2", "i",
                      folder))
    return FALSE;
  *open = found != 0;
  return TRUE;
}

typedef struct
{
  gint64 intent;
  gint64 operation;
  SurelChangeKind kind;
  gint64 folder;
} FolderIntent;

static GArray *
read_open (SurelTxn *txn, const char *statement, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (FolderIntent));
  sqlite3_stmt *s = surel_sql_start (txn->sql, error, statement, "i", folder);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      FolderIntent row = { sqlite3_column_int64 (s, 0), sqlite3_column_int64 (s, 1), (SurelChangeKind) sqlite3_column_int (s, 2),
                           sqlite3_column_int64 (s, 3) };

      g_array_append_val (rows, row);
    }
  return result == 0 ? g_steal_pointer (&rows) : NULL;
}

static gboolean
mark_failed (SurelTxn *txn, const FolderIntent *row, const char *name, const char *text, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET state = 3, error = ?, error_text = ? WHERE id = ?", "ssi", name, text, row->intent)
         && surel_operations_fail (txn, row->operation, name, text, error)
         && surel_operations_settle (txn, row->operation, 0, 1, error);
}

/* What can't be made takes along what was to be done in it, and with it. */
static gboolean
refuse (SurelTxn *txn, gint64 account, const FolderIntent *row, const char *name, const char *text, GError **error)
{
  if (!mark_failed (txn, row, name, text, error))
    return FALSE;
  if (row->kind == SUREL_CHANGE_CREATE_FOLDER)
    return surel_intents_fail_target (txn, row->folder, error) && surel_folder_intents_gone (txn, account, row->folder, error)
           && surel_folder_intents_drop_new (txn, account, row->folder, error);
  return surel_folder_layers_replay (txn, row->folder, error);
}

/**
 * surel_folder_intents_gone:
 * @folder: one that another program has deleted, or that couldn't be made
 *
 * Nothing more can be done with it, nor can folders be put into it. That it was to be deleted is done.
 */
gboolean
surel_folder_intents_gone (SurelTxn *txn, gint64 account, gint64 folder, GError **error)
{
  static const char *const text = "The folder was deleted before, or could not be made";
  g_autoptr (GArray) own = read_open (txn, "SELECT id, operation, kind, target FROM intent WHERE target = ? AND kind >= 10 AND state < 2 AND kind "
                                           "IN (11, 13)", folder, error);
  g_autoptr (GArray) below = read_open (txn, "SELECT id, operation, kind, target FROM intent WHERE source = ? AND kind >= 10 AND state < 2 AND "
                                             "kind IN (10, 11) ORDER BY id", folder, error);

  for (guint i = 0; own != NULL && i < own->len; i++)
    if (!mark_failed (txn, &g_array_index (own, FolderIntent, i), SUREL_ERROR_PREFIX "NotFound", text, error))
      return FALSE;
  for (guint i = 0; below != NULL && i < below->len; i++)
    {
      const FolderIntent *row = &g_array_index (below, FolderIntent, i);
      gint64 open = 0; /* one of them may have failed with another */

      if (!surel_sql_get (txn->sql, &open, error, "SELECT 1 FROM intent WHERE id = ? AND state < 2", "i", row->intent)
          || (open && !refuse (txn, account, row, SUREL_ERROR_PREFIX "NotFound", text, error)))
        return FALSE;
    }
  return own != NULL && below != NULL;
}

/**
 * surel_folder_intents_drop_new:
 * @folder: one that no server has heard of
 *
 * Takes it away, with what was to be done with it and in it.
 */
gboolean
surel_folder_intents_drop_new (SurelTxn *txn, gint64 account, gint64 folder, GError **error)
{
  surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (account, folder), SUREL_DESTROYED);
  g_hash_table_remove (txn->folder_counts, (gpointer) (guintptr) folder);
  return surel_intents_drop_of_folder (txn, folder, error)
         && surel_sql_run (txn->sql, error, "UPDATE folder SET parent = 0, server_parent = 0 WHERE parent = ?", "i", folder)
         && surel_sql_run (txn->sql, error, "DELETE FROM folder WHERE id = ?", "i", folder)
         && surel_folder_layers_name_paths (txn, account, error);
}

/* What was on its way to one folder goes to another, and what was to be done with it is. */
static gboolean
redirect (SurelTxn *txn, gint64 from, gint64 to, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET target = ?1 WHERE target = ?2 AND state < 2 AND kind != 10", "ii",
                        to, from)
         && surel_sql_run (txn->sql, error, "UPDATE intent SET source = ?1 WHERE source = ?2 AND state < 2 AND kind >= 10", "ii", to, from)
         && surel_intents_replay_of_target (txn, to, error) && surel_folder_layers_replay (txn, to, error);
}

/* A list came first and took the new folder for one that another device made: it is one and the same. */
static gboolean
merge (SurelTxn *txn, SurelChange *change, gint64 other, GError **error)
{
  return redirect (txn, change->folder, other, error)
         && surel_folder_intents_drop_new (txn, change->account, change->folder, error);
}

/* A folder that is deleted has the name still, or a list came first and took the renamed one for a new one: it goes, as
 * one that a list lacks does. */
static gboolean
set_aside (SurelTxn *txn, SurelChange *change, gint64 other, gboolean deleted, GError **error)
{
  gint64 hidden = 0;

  if (!surel_sql_get (txn->sql, &hidden, error, "SELECT deleting FROM folder WHERE id = ?", "i", other))
    return FALSE;
  if (!hidden)
    surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (change->account, other), SUREL_DESTROYED);
  return surel_sql_run (txn->sql, error,
                        "UPDATE folder SET remote_id = '" SUREL_FOLDER_OLD_PREFIX "' || id, removing = 1, deleting = 1 WHERE id = ?",
                        "i", other)
         && (deleted || redirect (txn, other, change->folder, error));
}

/* Another folder may have the name in the store. */
static gboolean
find_other (SurelTxn *txn, SurelChange *change, gint64 *other, gboolean *deleted, GError **error)
{
  gint64 removing = 0;

  *other = 0;
  if (!surel_sql_get (txn->sql, other, error, "SELECT id FROM folder WHERE account = ? AND remote_id = ? AND id != ?", "isi",
                      change->account, change->new_folder_id, change->folder)
      || !surel_sql_get (txn->sql, &removing, error, "SELECT removing FROM folder WHERE id = ?", "i", *other))
    return FALSE;
  *deleted = removing != 0;
  return TRUE;
}

static gboolean
take_name (SurelTxn *txn, SurelChange *change, GError **error)
{
  gboolean deleted;
  gint64 other;

  if (change->new_folder_id == NULL)
    return TRUE;
  if (!find_other (txn, change, &other, &deleted, error))
    return FALSE;
  if (other != 0 && !deleted && change->kind == SUREL_CHANGE_CREATE_FOLDER)
    return merge (txn, change, other, error);
  if (other != 0 && !set_aside (txn, change, other, deleted, error))
    return FALSE;
  return surel_sql_run (txn->sql, error,
                        "UPDATE folder SET remote_id = ?, server_name = ?, server_parent = ? WHERE id = ?", "ssii",
                        change->new_folder_id, change->name, change->target, change->folder)
         && (change->old_prefix == NULL
             || surel_sql_run (txn->sql, error,
                               "UPDATE folder SET remote_id = ?1 || substr(remote_id, length(?2) + 1) WHERE account = ?3 AND "
                               "substr(remote_id, 1, length(?2)) = ?2",
                               "ssi", change->new_prefix, change->old_prefix, change->account));
}

static gboolean
take_effect (SurelTxn *txn, SurelChange *change, GError **error)
{
  switch (change->kind)
    {
    case SUREL_CHANGE_CREATE_FOLDER:
    case SUREL_CHANGE_RENAME_FOLDER:
      return take_name (txn, change, error);
    case SUREL_CHANGE_DELETE_FOLDER: /* it stays out of sight; the rest is done with those that a list lacks */
      return surel_sql_run (txn->sql, error, "UPDATE folder SET removing = 1 WHERE id = ?", "i", change->folder);
    case SUREL_CHANGE_SUBSCRIBE_FOLDER:
      return surel_sql_run (txn->sql, error, "UPDATE folder SET server_subscribed = ? WHERE id = ?", "ii",
                            (gint64) change->subscribed, change->folder);
    default:
      g_assert_not_reached ();
    }
}

/**
 * surel_folder_intents_record:
 * @change: with the outcome
 *
 * Writes what a server did.
 */
gboolean
surel_folder_intents_record (SurelTxn *txn, SurelChange *change, GError **error)
{
  const SurelChangeItem *item = surel_change_item (change, 0);
  FolderIntent row = { item->intent, item->operation, change->kind, change->folder };
  const char *name = change->error != NULL ? surel_error_name (change->error) : "";
  const char *text = change->error != NULL ? change->error->message : "";
  gint64 open = 0;
  gint64 attempts = 0;

  if (!surel_sql_get (txn->sql, &open, error, "SELECT 1 FROM intent WHERE id = ? AND state < 2", "i", item->intent)
      || (change->new_list_token != NULL
          && !surel_accounts_set_folders_token (txn, change->account, change->new_list_token, error)))
    return FALSE;
  switch (item->outcome)
    {
    case SUREL_OUTCOME_DONE:
      return (!open
              || (surel_sql_run (txn->sql, error, "UPDATE intent SET state = 2 WHERE id = ?", "i", item->intent)
                  && surel_operations_settle (txn, item->operation, 1, 0, error)))
             && take_effect (txn, change, error) && surel_folder_layers_replay (txn, change->folder, error);
    case SUREL_OUTCOME_NOT_DONE:
      if (!surel_sql_get (txn->sql, &attempts, error, "SELECT attempts FROM operation WHERE id = ?", "i", item->operation))
        return FALSE;
      if (attempts < SUREL_REJECTED_ATTEMPTS || !surel_intents_is_a_no (change->error))
        return !open || surel_operations_put_off_refused (txn, item->operation, change->error, error);
      return !open || refuse (txn, change->account, &row, name, text, error);
    case SUREL_OUTCOME_REFUSED:
      return !open || refuse (txn, change->account, &row, name, text, error);
    case SUREL_OUTCOME_OPEN:
    default:
      return TRUE;
    }
}
