/* Calls that were made with a key: done once, and answered the same for a week. What is left of one that takes several
 * commits is kept with each of them. */
#include "store/calls.h"

#include "base/errors.h"

#define KEPT_SECONDS (7 * 24 * 3600)

/**
 * surel_key_copy:
 * @copy: (out caller-allocates): cleared with surel_key_clear()
 */
void
surel_key_copy (const SurelKey *self, SurelKey *copy)
{
  copy->key = g_strdup (self->key);
  copy->call = self->call != NULL ? g_bytes_ref (self->call) : NULL;
}

void
surel_key_clear (SurelKey *self)
{
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->call, g_bytes_unref);
}

/**
 * surel_calls_find:
 * @key: of a call
 * @reply: (out) (nullable): what it was answered with; %NULL where it wasn't made, or not to its end
 *
 * Returns: %FALSE with %SUREL_ERROR_CONFLICT where the key was given to another call
 */
gboolean
surel_calls_find (SurelSql *sql, const SurelKey *key, GVariant **reply, GError **error)
{
  sqlite3_stmt *statement
      = surel_sql_start (sql, error, "SELECT call, CASE WHEN NOT unfinished THEN reply END FROM call_key WHERE key = ?", "s", key->key);
  int found = statement != NULL ? surel_sql_step (sql, statement, error) : -1;
  g_autoptr (GBytes) before = found > 0 ? surel_sql_column_bytes (statement, 0) : NULL;
  g_autoptr (GBytes) octets = found > 0 ? surel_sql_column_bytes (statement, 1) : NULL;

  *reply = NULL;
  if (found <= 0)
    return found == 0;
  sqlite3_reset (statement);
  if (!g_bytes_equal (before, key->call))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT, "The key `%s` was given to another call", key->key);
      return FALSE;
    }
  if (octets != NULL)
    *reply = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARIANT, octets, FALSE));
  return TRUE;
}

/**
 * surel_calls_keep:
 * @reply: (transfer none): what the call is answered with
 *
 * Has the call done once: in the transaction that does what it asks for. Does nothing where the call has no key.
 */
gboolean
surel_calls_keep (SurelTxn *txn, const SurelKey *key, GVariant *reply, GError **error)
{
  g_autoptr (GVariant) boxed = NULL;
  g_autoptr (GBytes) octets = NULL;

  if (key->key == NULL)
    return TRUE;
  boxed = g_variant_ref_sink (g_variant_new_variant (reply));
  octets = g_variant_get_data_as_bytes (boxed);
  return surel_sql_run (txn->sql, error, "INSERT OR REPLACE INTO call_key (key, call, reply, time) VALUES (?, ?, ?, ?)",
                        "sbbi", key->key, key->call, octets, txn->time)
         && surel_sql_run (txn->sql, error, "DELETE FROM call_messages WHERE key = ?", "s", key->key);
}

/**
 * surel_calls_keep_part:
 * @key: of a call that has one
 * @messages: (nullable): with the first part, all that the call is about
 * @so_far: (transfer none): how far it has come
 *
 * Has the call go on from here where it is made again: in the transaction that brings it so far.
 */
gboolean
surel_calls_keep_part (SurelTxn *txn, const SurelKey *key, GBytes *messages, GVariant *so_far, GError **error)
{
  g_autoptr (GBytes) octets = g_variant_get_data_as_bytes (so_far);

  return (messages == NULL
          || surel_sql_run (txn->sql, error, "INSERT OR REPLACE INTO call_messages (key, messages) VALUES (?, ?)", "sb",
                            key->key, messages))
         && surel_sql_run (txn->sql, error,
                           "INSERT OR REPLACE INTO call_key (key, call, reply, time, unfinished) VALUES (?, ?, ?, ?, 1)",
                           "sbbi", key->key, key->call, octets, txn->time);
}

/**
 * surel_calls_find_part:
 * @type: of what was kept
 * @messages: (out) (nullable): all that the call is about
 * @so_far: (out) (nullable): how far it has come; %NULL where it wasn't begun
 */
gboolean
surel_calls_find_part (SurelTxn *txn, const SurelKey *key, const GVariantType *type, GBytes **messages, GVariant **so_far,
                       GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error, "SELECT m.messages, c.reply FROM call_key c JOIN call_messages m ON m.key = c.key WHERE c.key = ? AND c.unfinished",
      "s", key->key);
  int found = statement != NULL ? surel_sql_step (txn->sql, statement, error) : -1;
  g_autoptr (GBytes) octets = found > 0 ? surel_sql_column_bytes (statement, 1) : NULL;

  *messages = found > 0 ? surel_sql_column_bytes (statement, 0) : NULL;
  *so_far = found > 0 ? g_variant_ref_sink (g_variant_new_from_bytes (type, octets, FALSE)) : NULL;
  if (found > 0)
    sqlite3_reset (statement);
  return found >= 0;
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
                        txn->time - KEPT_SECONDS)
         && surel_sql_run (txn->sql, error, "DELETE FROM call_messages WHERE key NOT IN (SELECT key FROM call_key)", "");
}
