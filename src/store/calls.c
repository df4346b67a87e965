/* Calls that were made with a key: done once, and answered the same for a week. */
#include "store/calls.h"

#include "base/errors.h"

#define KEPT_SECONDS (7 * 24 * 3600)

/**
 * surel_calls_find:
 * @key: of a call
 * @call: what it asks for, or a digest of that
 * @reply: (out) (nullable): what it was answered with; %NULL where it wasn't made
 *
 * Returns: %FALSE with %SUREL_ERROR_CONFLICT where the key was given to another call
 */
gboolean
surel_calls_find (SurelSql *sql, const char *key, GBytes *call, GVariant **reply, GError **error)
{
  sqlite3_stmt *statement
      = surel_sql_start (sql, error, "SELECT call, reply FROM call_key WHERE key = ?", "s", key);
  int found = statement != NULL ? surel_sql_step (sql, statement, error) : -1;
  g_autoptr (GBytes) before = found > 0 ? surel_sql_column_bytes (statement, 0) : NULL;
  g_autoptr (GBytes) octets = found > 0 ? surel_sql_column_bytes (statement, 1) : NULL;

  *reply = NULL;
  if (found <= 0)
    return found == 0;
  sqlite3_reset (statement);
  if (!g_bytes_equal (before, call))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT, "The key `%s` was given to another call", key);
      return FALSE;
    }
  *reply = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARIANT, octets, FALSE));
  return TRUE;
}

/**
 * surel_calls_put:
 * @reply: (transfer none): what the call is answered with
 */
gboolean
surel_calls_put (SurelTxn *txn, const char *key, GBytes *call, GVariant *reply, GError **error)
{
  g_autoptr (GVariant) boxed = g_variant_ref_sink (g_variant_new_variant (reply));
  g_autoptr (GBytes) octets = g_variant_get_data_as_bytes (boxed);

  return surel_sql_run (txn->sql, error, "INSERT OR REPLACE INTO call_key (key, call, reply, time) VALUES (?, ?, ?, ?)",
                        "sbbi", key, call, octets, txn->time);
}

/**
 * surel_calls_trim:
 *
 * Forgets those of more than a week ago.
 */
gboolean
surel_calls_trim (SurelTxn *txn, GError **error)
{
  return surel_sql_run (txn->sql, error, "DELETE FROM call_key WHERE time < ?", "i",
                        txn->time - KEPT_SECONDS);
}
