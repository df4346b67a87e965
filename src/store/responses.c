/* Answers to invitations, on their way: intents about a message that is shown as it was, whatever becomes of them. The
 * answer is in `add_flags`, as base/change.h numbers it. */
#include "store/responses.h"

#include "base/errors.h"
#include "store/accounts.h"
#include "store/intents-private.h"
#include "store/intents.h"
#include "store/message-row.h"
#include "store/operations.h"

#define IS_OPEN "i.state < 2 AND i.kind = 8"

/* An answer that waits is replaced by the new one: the organizer hears of that alone. */
static gboolean
drop_waiting (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) rows
      = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "i.message = ? AND i.state = 0 AND " IS_OPEN, message, error);

  return surel_intents_drop_all (txn, rows, error);
}

/**
 * surel_response_add:
 * @message: an invitation's id: whether it is one is for the server to say
 *
 * Accepts the answer: %FALSE with %SUREL_ERROR_NOT_FOUND, or with %SUREL_ERROR_NOT_SUPPORTED where the account's server
 * answers none.
 */
gboolean
surel_response_add (
    SurelTxn *txn, gint64 message, SurelAnswer answer, const char *client, SurelModified *result, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  int found = surel_message_row_load (txn, message, &row, error);
  gint64 intent;

  if (found == 0 || (found > 0 && !row.shown))
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "There is no such message (any more)");
  if (found <= 0 || !row.shown || !surel_accounts_need (txn, row.account, "respond", error) || !drop_waiting (txn, message, error)
      || (result->operation = surel_operations_add (txn, "respond", client, error)) == 0
      || (intent = surel_intents_add (txn, result->operation, row.account, message, SUREL_CHANGE_RESPOND, 0, 0, error)) == 0)
    return FALSE;
  g_array_append_val (result->accounts, row.account);
  return surel_sql_run (txn->sql, error, "UPDATE intent SET add_flags = ? WHERE id = ?", "ii", (gint64) answer, intent);
}

/* The addresses that an invitation may be for: the account's first. */
static GStrv
read_addresses (sqlite3_stmt *statement, int settings, int addresses)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GVariant) dict
      = g_variant_parse (G_VARIANT_TYPE_VARDICT, (const char *) sqlite3_column_text (statement, settings), NULL, NULL, NULL);
  g_auto (GStrv) more = g_strsplit ((const char *) sqlite3_column_text (statement, addresses), " ", -1);
  const char *address = "";

  if (dict != NULL)
    g_variant_lookup (dict, "address", "&s", &address);
  if (address[0] != '\0')
    g_strv_builder_add (builder, address);
  for (guint i = 0; more[i] != NULL; i++)
    if (more[i][0] != '\0')
      g_strv_builder_add (builder, more[i]);
  return g_strv_builder_end (builder);
}

/**
 * surel_responses_next:
 * @now: seconds since the epoch: those that were put off beyond it are passed over
 * @next: (out) (nullable): the answer that is given next; %NULL where there is none
 *
 * Once it was begun the invitation may be gone: many servers take it away with the answer.
 */
gboolean
surel_responses_next (SurelReader *reader, gint64 account, gint64 now, SurelChange **next, GError **error)
{
  SurelChangeItem item = { 0 };
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT i.id, i.operation, i.message, i.add_flags, i.evidence, f.id, f.remote_id, p.rid, a.settings, a.addresses FROM intent i "
      "INDEXED BY intent_respond CROSS JOIN operation o ON o.id = i.operation CROSS JOIN account a ON a.id = i.account LEFT JOIN "
      "placement p ON p.message = i.message AND p.epoch < " SUREL_EPOCH_HERE_SQL " LEFT JOIN folder f ON f.id = p.folder AND f.epoch "
      "= p.epoch WHERE i.account = ?1 AND " IS_OPEN " AND o.next_attempt <= ?2 AND (f.id IS NOT NULL OR i.evidence IS NOT NULL) AND "
      "NOT EXISTS (SELECT 1 FROM intent e WHERE e.message = i.message AND e.state < 2 AND e.id < i.id) ORDER BY i.id, f.id IS NULL LIMIT 1",
      "ii", account, now);
  int found = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;

  *next = NULL;
  if (found <= 0)
    return found == 0;
  *next = surel_change_new ();
  (*next)->account = account;
  (*next)->kind = SUREL_CHANGE_RESPOND;
  (*next)->answer = (SurelAnswer) sqlite3_column_int (s, 3);
  (*next)->evidence = surel_sql_column_text (s, 4);
  (*next)->addresses = read_addresses (s, 8, 9);
  item.intent = sqlite3_column_int64 (s, 0);
  item.operation = sqlite3_column_int64 (s, 1);
  item.message = sqlite3_column_int64 (s, 2);
  if (sqlite3_column_type (s, 5) != SQLITE_NULL)
    {
      (*next)->folder = sqlite3_column_int64 (s, 5);
      (*next)->folder_remote_id = surel_sql_column_text (s, 6);
      item.remote_id = surel_sql_column_remote_id (s, 7);
    }
  sqlite3_reset (s);
  g_array_append_val ((*next)->items, item);
  return TRUE;
}
