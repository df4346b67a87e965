/* The next message that waits to be put on a server: these go one by one, with their bytes. */
#include "store/append-intents.h"

#include "base/message.h"

static guint64
read_likeness (sqlite3_stmt *s, int first)
{
  g_autofree char *message_id = surel_sql_column_text (s, first);
  g_autofree char *subject = surel_sql_column_text (s, first + 1);
  g_autoptr (GBytes) from = surel_sql_column_bytes (s, first + 2);
  SurelMessage message = { .message_id = message_id, .subject = subject, .from = from };

  message.sent = sqlite3_column_int64 (s, first + 3);
  return surel_message_likeness (&message);
}

/**
 * surel_append_intents_next:
 * @now: seconds since the epoch: those that were put off beyond it are passed over
 * @next: (out) (nullable): what goes to the server next; %NULL where there is nothing
 */
gboolean
surel_append_intents_next (SurelReader *reader, gint64 account, gint64 now, SurelChange **next, GError **error)
{
  g_autoptr (SurelChange) change = surel_change_new ();
  SurelChangeItem item = { 0 };
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT i.id, i.operation, i.message, i.kind, i.evidence, m.identity, m.received, coalesce(m.server_flags, m.flags), "
      "CASE WHEN m.server_flags IS NULL THEN m.keywords ELSE m.server_keywords END, c.digest, t.id, t.remote_id, t.token, "
      "p.rid, f.id, f.remote_id, f.token, m.message_id, m.subject, m.from_, m.sent, m.size, (SELECT max(top.rid) FROM placement "
      "top WHERE top.folder = t.id AND top.epoch = t.epoch) FROM intent i CROSS JOIN operation o ON o.id = i.operation CROSS JOIN message m ON "
      "m.id = i.message CROSS JOIN folder t ON t.id = i.target LEFT JOIN content c ON c.id = m.content LEFT JOIN placement p "
      "ON p.message = i.message AND p.leaving LEFT JOIN folder f ON f.id = p.folder AND f.epoch = p.epoch WHERE i.account = "
      "?1 AND i.state < 2 AND i.kind IN (5, 6) AND (i.source = 0 OR c.id IS NOT NULL) AND (i.evidence IS NOT NULL OR o.next_attempt <= ?2) AND NOT EXISTS (SELECT 1 FROM intent "
      "e WHERE e.message = i.message AND e.state < 2 AND e.id < i.id) AND NOT EXISTS (SELECT 1 FROM intent e INDEXED BY "
      "intent_of_folder WHERE e.target = i.target AND e.kind >= 10 AND e.kind = 10 AND e.state < 2) ORDER BY i.state = 0, i.id LIMIT 1",
      "ii", account, now);
  int result = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;

  *next = NULL;
  if (result <= 0)
    return result == 0;
  item.intent = sqlite3_column_int64 (s, 0);
  item.operation = sqlite3_column_int64 (s, 1);
  item.message = sqlite3_column_int64 (s, 2);
  item.identity = (guint64) sqlite3_column_int64 (s, 5);
  item.remote_id = sqlite3_column_type (s, 14) != SQLITE_NULL ? sqlite3_column_int64 (s, 13) : 0;
  change->account = account;
  change->kind = (SurelChangeKind) sqlite3_column_int (s, 3);
  change->evidence = surel_sql_column_text (s, 4);
  change->received = sqlite3_column_int64 (s, 6);
  change->add_flags = (guint) sqlite3_column_int64 (s, 7);
  change->add_words = surel_sql_column_text (s, 8);
  change->digest = surel_sql_column_bytes (s, 9);
  change->target = sqlite3_column_int64 (s, 10);
  change->target_remote_id = surel_sql_column_text (s, 11);
  change->target_token = surel_sql_column_bytes (s, 12);
  change->folder = sqlite3_column_int64 (s, 14);
  change->folder_remote_id = surel_sql_column_text (s, 15);
  change->folder_token = surel_sql_column_bytes (s, 16);
  change->likeness = read_likeness (s, 17);
  change->size = (guint64) sqlite3_column_int64 (s, 21);
  change->target_top = sqlite3_column_int64 (s, 22);
  sqlite3_reset (s);
  g_array_append_val (change->items, item);
  *next = g_steal_pointer (&change);
  return TRUE;
}
