/* What is to be set of accounts' absence notices: intents that are about no message and no folder. What is to be set is
 * in `add_words`, as GVariant prints it. Of those that wait there is one: a later one is merged into it. */
#include "store/vacations.h"

#include "base/errors.h"
#include "base/vacation.h"
#include "store/accounts.h"
#include "store/intents-private.h"
#include "store/intents.h"
#include "store/operations.h"

/* Of an account's intents. */
#define IS_OPEN "i.state < 2 AND i.kind >= 10 AND i.kind = 20"

static GVariant *
read_column (sqlite3_stmt *statement, int column)
{
  return g_variant_parse (G_VARIANT_TYPE_VARDICT, (const char *) sqlite3_column_text (statement, column), NULL, NULL, NULL);
}

/* Of what has ended nobody asks what it was: it may be long, and is kept for a day. */
static gboolean
forget (SurelTxn *txn, gint64 intent, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET add_words = '' WHERE id = ?", "i", intent);
}

/* Has what waits be a part of @vacation, and not wait any more. */
static GVariant *
take_waiting (SurelTxn *txn, gint64 account, GVariant *vacation, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (txn->sql, error,
                                     "SELECT i.id, i.add_words FROM intent i WHERE i.account = ? AND " IS_OPEN " AND i.state = 0", "i", account);
  int found = s != NULL ? surel_sql_step (txn->sql, s, error) : -1;
  g_autoptr (GVariant) waiting = NULL;
  gint64 intent;

  if (found <= 0)
    return found == 0 ? g_variant_ref (vacation) : NULL;
  intent = sqlite3_column_int64 (s, 0);
  waiting = read_column (s, 1);
  sqlite3_reset (s);
  if (!surel_intents_drop_one (txn, intent, error) || !forget (txn, intent, error))
    return NULL;
  return waiting != NULL ? surel_vacation_merge (waiting, vacation) : g_variant_ref (vacation);
}

/**
 * surel_vacation_set:
 * @vacation: what is to be set: see surel_vacation_check()
 *
 * Accepts it: %FALSE with %SUREL_ERROR_NOT_SUPPORTED where the account's server keeps no absence notice.
 */
gboolean
surel_vacation_set (SurelTxn *txn, gint64 account, GVariant *vacation, const char *client, SurelModified *result, GError **error)
{
  g_autoptr (GVariant) whole = NULL;
  g_autofree char *text = NULL;
  gint64 intent;

  if (!surel_accounts_need (txn, account, "vacation", error)
      || (whole = take_waiting (txn, account, vacation, error)) == NULL
      || (result->operation = surel_operations_add (txn, "set-vacation", client, error)) == 0
      || (intent = surel_intents_add (txn, result->operation, account, 0, SUREL_CHANGE_SET_VACATION, 0, 0, error)) == 0)
    return FALSE;
  text = g_variant_print (whole, TRUE);
  g_array_append_val (result->accounts, account);
  return surel_sql_run (txn->sql, error, "UPDATE intent SET add_words = ? WHERE id = ?", "si", text, intent);
}

/**
 * surel_vacations_next:
 * @now: seconds since the epoch: what was put off beyond it is passed over
 * @next: (out) (nullable): what is to be set next; %NULL where there is nothing
 */
gboolean
surel_vacations_next (SurelReader *reader, gint64 account, gint64 now, SurelChange **next, GError **error)
{
  g_autoptr (SurelChange) change = NULL;
  SurelChangeItem item = { 0 };
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT i.id, i.operation, i.add_words FROM intent i CROSS JOIN operation o ON o.id = i.operation WHERE i.account = ? AND " IS_OPEN
      " AND o.next_attempt <= ? ORDER BY i.id LIMIT 1",
      "ii", account, now);
  int found = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;

  *next = NULL;
  if (found <= 0)
    return found == 0;
  change = surel_change_new ();
  change->account = account;
  change->kind = SUREL_CHANGE_SET_VACATION;
  item.intent = sqlite3_column_int64 (s, 0);
  item.operation = sqlite3_column_int64 (s, 1);
  change->vacation = read_column (s, 2);
  sqlite3_reset (s);
  if (change->vacation == NULL)
    change->vacation = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_array_append_val (change->items, item);
  *next = g_steal_pointer (&change);
  return TRUE;
}

/**
 * surel_vacations_record:
 * @change: with the outcome
 */
gboolean
surel_vacations_record (SurelTxn *txn, SurelChange *change, GError **error)
{
  const SurelChangeItem *item = surel_change_item (change, 0);

  return surel_intents_record_lone (txn, change, error)
         && (item->outcome != SUREL_OUTCOME_DONE || forget (txn, item->intent, error));
}

/**
 * surel_vacations_apply_waiting:
 * @vacation: what the server has
 *
 * Returns: (transfer full): what it is going to have
 */
GVariant *
surel_vacations_apply_waiting (SurelReader *reader, gint64 account, GVariant *vacation)
{
  g_autoptr (GVariant) result = g_variant_ref (vacation);
  sqlite3_stmt *s = surel_sql_start (reader->sql, NULL, "SELECT i.add_words FROM intent i WHERE i.account = ? AND " IS_OPEN " ORDER BY i.id",
                                     "i", account);

  while (s != NULL && surel_sql_step (reader->sql, s, NULL) > 0)
    {
      g_autoptr (GVariant) waiting = read_column (s, 0);
      GVariant *merged = waiting != NULL ? surel_vacation_merge (result, waiting) : NULL;

      if (merged != NULL)
        {
          g_variant_unref (result);
          result = merged;
        }
    }
  return g_steal_pointer (&result);
}
