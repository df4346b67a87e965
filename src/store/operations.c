/* Operations: what a person asked for in one call, and how far it has got. What it wants of each message are its
 * intents (store/intents.c); here is only their number. */
#include "store/operations.h"

#include "base/errors.h"

#define RETRY_MIN 15 /* seconds until what a server may take later is tried again */
#define RETRY_MAX 900 /* seconds, at most */
#define TRIM_ROWS 1000 /* operations to one commit */
#define REFUSED_ATTEMPTS 3 /* for now: with a list in between it may be done at once */

SurelOperationRow *
surel_operation_row_ref (SurelOperationRow *self)
{
  surel_ref_count_inc (&self->references);
  return self;
}

void
surel_operation_row_unref (SurelOperationRow *self)
{
  if (!surel_ref_count_dec (&self->references))
    return;
  g_free (self->kind);
  g_free (self->client);
  g_array_unref (self->accounts);
  g_free (self->error);
  g_free (self->error_text);
  g_free (self);
}

/**
 * surel_operation_row_has_ended:
 *
 * Returns: whether nothing of it is going to be tried any more, unless someone asks for that
 */
gboolean
surel_operation_row_has_ended (const SurelOperationRow *self)
{
  return self->state != SUREL_OPERATION_PENDING && self->state != SUREL_OPERATION_RUNNING;
}

#define COLUMNS                                                                                          \
  "o.id, o.kind, o.client, o.ended, o.cancelled, o.messages, o.failed, o.unknown, o.attempts, o.next_attempt, "  \
  "o.error, o.error_text, EXISTS (SELECT 1 FROM intent WHERE operation = o.id AND state = 1)"

static SurelOperationState
state_of (sqlite3_stmt *statement)
{
  gint64 messages = sqlite3_column_int64 (statement, 5);
  gint64 failed = sqlite3_column_int64 (statement, 6);

  if (sqlite3_column_type (statement, 3) == SQLITE_NULL)
    return sqlite3_column_int (statement, 12) ? SUREL_OPERATION_RUNNING : SUREL_OPERATION_PENDING;
  if (sqlite3_column_int64 (statement, 7) > 0)
    return SUREL_OPERATION_UNKNOWN;
  if (sqlite3_column_int (statement, 4))
    return SUREL_OPERATION_CANCELLED;
  return failed == 0 ? SUREL_OPERATION_DONE : failed < messages ? SUREL_OPERATION_PARTIAL : SUREL_OPERATION_FAILED;
}

static gboolean
load_accounts (SurelSql *sql, SurelOperationRow *row, GError **error)
{
  sqlite3_stmt *statement
      = surel_sql_start (sql, error,
                         "SELECT DISTINCT account FROM intent WHERE operation = ?",
                         "i", row->id);
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (sql, statement, error)) > 0)
    {
      gint64 account = sqlite3_column_int64 (statement, 0);

      g_array_append_val (row->accounts, account);
    }
  return result == 0;
}

static gboolean
load (SurelSql *sql, sqlite3_stmt *statement, GPtrArray *rows, GError **error)
{
  guint first = rows->len;
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (sql, statement, error)) > 0)
    {
      SurelOperationRow *row = g_new0 (SurelOperationRow, 1);

      surel_ref_count_init (&row->references);
      row->id = sqlite3_column_int64 (statement, 0);
      row->kind = surel_sql_column_text (statement, 1);
      row->client = surel_sql_column_text (statement, 2);
      row->state = state_of (statement);
      row->attempts = (guint) sqlite3_column_int (statement, 8);
      row->next_attempt = sqlite3_column_int64 (statement, 9);
      row->error = surel_sql_column_text (statement, 10);
      row->error_text = surel_sql_column_text (statement, 11);
      row->accounts = g_array_new (FALSE, FALSE, sizeof (gint64));
      g_ptr_array_add (rows, row);
    }
  for (guint i = first; result == 0 && i < rows->len; i++)
    if (!load_accounts (sql, rows->pdata[i], error))
      return FALSE;
  return result == 0;
}

/**
 * surel_operations_load:
 * @rows: (element-type SurelOperationRow): where the row is added, if there is such an operation
 */
gboolean
surel_operations_load (SurelSql *sql, gint64 id, GPtrArray *rows, GError **error)
{
  return load (sql, surel_sql_start (sql, error, "SELECT " COLUMNS " FROM operation o WHERE o.id = ?", "i", id), rows,
               error);
}

/**
 * surel_operations_load_open:
 * @rows: (element-type SurelOperationRow): where the rows of those that haven't ended are added
 */
gboolean
surel_operations_load_open (SurelSql *sql, GPtrArray *rows, GError **error)
{
  return load (sql,
               surel_sql_start (sql, error, "SELECT " COLUMNS " FROM operation o WHERE o.ended IS NULL ORDER BY o.id", ""),
               rows, error);
}

/**
 * surel_operations_add:
 * @kind: what it does, as `Operations.List` names it
 * @client: who asked for it
 *
 * Returns: a new operation's id; 0 with @error set
 */
gint64
surel_operations_add (SurelTxn *txn, const char *kind, const char *client, GError **error)
{
  gint64 id = surel_txn_new_id (txn, error);

  if (id == 0
      || !surel_sql_run (txn->sql, error,
                         "INSERT INTO operation (id, kind, client, created, messages, open) VALUES (?, ?, ?, ?, 0, 0)",
                         "issi", id, kind, client, txn->time))
    return 0;
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) id, SUREL_UPDATED);
  return id;
}

/**
 * surel_operations_opened:
 * @count: how many intents were added to it
 */
gboolean
surel_operations_opened (SurelTxn *txn, gint64 id, guint count, GError **error)
{
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) id, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error,
                        "UPDATE operation SET open = open + ?1, messages = messages + ?1, ended = NULL WHERE id = ?2",
                        "ii", (gint64) count, id);
}

/**
 * surel_operations_settle:
 * @done: how many of its intents aren't open any more, and well
 * @failed: how many aren't, and not well
 *
 * Ends the operation with its last intent. What went well has the rest tried again at once, but not before its time.
 */
gboolean
surel_operations_settle (SurelTxn *txn, gint64 id, guint done, guint failed, GError **error)
{
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) id, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error,
                        "UPDATE operation SET open = open - ?1 - ?2, failed = failed + ?2, attempts = attempts * (?1 = 0), next_attempt = "
                        "next_attempt * (next_attempt > ?3 AND (?1 = 0 OR attempts = 0)), error = CASE WHEN open "
                        "- ?1 - ?2 <= 0 AND failed + ?2 = 0 THEN '' ELSE error END, error_text = CASE WHEN open - ?1 - ?2 <= 0 "
                        "AND failed + ?2 = 0 THEN '' ELSE error_text END, ended = CASE WHEN open - ?1 - "
                        "?2 <= 0 THEN ?3 END WHERE id = ?4",
                        "iiii", (gint64) done, (gint64) failed, txn->time, id);
}

/**
 * surel_operations_withdraw:
 *
 * One of its intents is no longer part of it.
 */
gboolean
surel_operations_withdraw (SurelTxn *txn, gint64 id, GError **error)
{
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) id, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error,
                        "UPDATE operation SET open = open - 1, messages = messages - 1, ended = CASE WHEN open <= 1 THEN ? END "
                        "WHERE id = ?",
                        "ii", txn->time, id);
}

/**
 * surel_operations_fail:
 * @error_name: a public name
 * @text: what was tried, what came back, what a person can do
 *
 * Says why some of it failed; the first reason stays.
 */
gboolean
surel_operations_fail (SurelTxn *txn, gint64 id, const char *error_name, const char *text, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE operation SET error = ?1, error_text = ?2 WHERE id = ?3 AND (failed = 0 OR error = '')",
                        "ssi", error_name, text, id);
}

/**
 * surel_operations_put_off:
 * @spared: how many attempts in a row may fail with a pause of a second only
 *
 * Notes an attempt that failed and may pass later: it is made again later and later. Why some of it failed for good is
 * said all the same.
 */
gboolean
surel_operations_put_off (
    SurelTxn *txn, gint64 id, guint spared, const char *error_name, const char *text, GError **error)
{
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) id, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error,
                        "UPDATE operation SET attempts = attempts + 1, next_attempt = CASE WHEN attempts < ?7 THEN ?1 + 1 ELSE ?1 + "
                        "min(?2, ?3 << min(attempts - ?7, 10)) END, error = iif(failed, error, ?4), error_text = iif(failed, error_text, ?5) "
                        "WHERE id = ?6 AND next_attempt <= ?1",
                        "iiissii", txn->time, (gint64) RETRY_MAX, (gint64) RETRY_MIN, error_name, text, id,
                        (gint64) spared);
}

/**
 * surel_operations_put_off_refused:
 * @why: what the server said
 *
 * Notes that it was refused for now. After a list it may be done at once, but where the server has too much to do.
 */
gboolean
surel_operations_put_off_refused (SurelTxn *txn, gint64 id, const GError *why, GError **error)
{
  gboolean limited = g_error_matches (why, SUREL_ERROR, SUREL_ERROR_RATE_LIMITED);

  return surel_operations_put_off (txn, id, limited ? 0 : REFUSED_ATTEMPTS, surel_error_name (why), why->message, error);
}

/**
 * surel_operations_name:
 * @id: an operation that this transaction has begun; 0 for none
 * @kind: what it does in the end: it may have begun with a folder to be made
 */
gboolean
surel_operations_name (SurelTxn *txn, gint64 id, const char *kind, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE operation SET kind = ? WHERE id = ?", "si", kind, id);
}

/**
 * surel_operations_trim:
 *
 * Forgets those that were done, or cancelled, more than a day ago. Failed ones stay until someone acts.
 */
gboolean
surel_operations_trim (SurelTxn *txn, GError **error)
{
#define OLD                                                                                              \
  "SELECT id FROM operation WHERE ended < ?1 AND (failed = 0 OR cancelled) AND unknown = 0 ORDER BY ended LIMIT ?2"
  return surel_sql_run (txn->sql, error, "DELETE FROM intent WHERE operation IN (" OLD ")", "ii",
                        txn->time - SUREL_OPERATION_KEPT_SECONDS, (gint64) TRIM_ROWS)
         && surel_sql_run (txn->sql, error, "DELETE FROM operation WHERE id IN (" OLD ")", "ii",
                           txn->time - SUREL_OPERATION_KEPT_SECONDS, (gint64) TRIM_ROWS);
#undef OLD
}
