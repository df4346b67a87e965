/* The next messages that wait to be put on a server, with their bytes. New and small ones of one folder go together, and
 * those that may be there already, as they went together, are looked for together; but never two that are alike, for
 * they couldn't be told apart. */
#include "store/append-intents.h"

#include <string.h>

#include "base/message.h"
#include "store/intents.h"
#include "store/message-row.h"

#define GROUP_MAX 50 /* messages */
#define SMALL (256 * 1024) /* octets of a message that goes with others */
#define GROUP_OCTETS_MAX (4 * 1024 * 1024)

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

static SurelChangeItem
read_item (sqlite3_stmt *s)
{
  SurelChangeItem item = { 0 };

  item.intent = sqlite3_column_int64 (s, 0);
  item.operation = sqlite3_column_int64 (s, 1);
  item.message = sqlite3_column_int64 (s, 2);
  item.identity = (guint64) sqlite3_column_int64 (s, 5);
  item.received = sqlite3_column_int64 (s, 6);
  /* A mark to be deleted was for what the server had then, not for what it is handed now. */
  item.flags = (guint) sqlite3_column_int64 (s, 7) & ~(guint) SUREL_KEYWORD_DELETED;
  item.words = surel_sql_column_text (s, 8);
  item.digest = surel_sql_column_bytes (s, 9);
  if (sqlite3_column_type (s, 14) != SQLITE_NULL)
    item.remote_id = surel_sql_column_remote_id (s, 13);
  item.evidence = surel_sql_column_text (s, 4);
  item.likeness = read_likeness (s, 17);
  item.size = (guint64) sqlite3_column_int64 (s, 21);
  return item;
}

static SurelChange *
read_change (sqlite3_stmt *s, gint64 account)
{
  SurelChange *change = surel_change_new ();

  change->account = account;
  change->kind = (SurelChangeKind) sqlite3_column_int (s, 3);
  change->evidence = surel_sql_column_text (s, 4);
  change->target = sqlite3_column_int64 (s, 10);
  change->target_remote_id = surel_sql_column_text (s, 11);
  change->target_token = surel_sql_column_bytes (s, 12);
  change->folder = sqlite3_column_int64 (s, 14);
  change->folder_remote_id = surel_sql_column_text (s, 15);
  change->folder_token = surel_sql_column_bytes (s, 16);
  change->target_top = sqlite3_column_int64 (s, 22);
  return change;
}

/* Whether the row is a message that may go, or be looked for, with others. */
static gboolean
is_for_group (sqlite3_stmt *s)
{
  return sqlite3_column_int (s, 3) == SUREL_CHANGE_APPEND
         && (sqlite3_column_type (s, 4) != SQLITE_NULL
             || (sqlite3_column_int64 (s, 21) <= SMALL && sqlite3_column_int64 (s, 23) == 0));
}

/* The same words up to the second space: they went to the same place at the same time. */
static gboolean
is_of_one_step (const char *one, const char *other)
{
  const char *space = one != NULL && other != NULL ? strchr (one, ' ') : NULL;
  gsize length = space != NULL ? (gsize) (space - one) + 1 + strcspn (space + 1, " ") : 0;

  return one == NULL || other == NULL ? one == other : strncmp (one, other, length) == 0 && strchr (" ", other[length]);
}

/* Whether @one, which the row is about, goes with what is in @change. */
static gboolean
goes_along (sqlite3_stmt *s, SurelChange *change, const SurelChangeItem *one)
{
  guint64 octets = one->size;

  if (!is_for_group (s) || sqlite3_column_int64 (s, 10) != change->target
      || !is_of_one_step (change->evidence, one->evidence))
    return FALSE;
  for (guint i = 0; i < change->items->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (change, i);

      octets += item->size;
      if (item->identity == one->identity || item->likeness == one->likeness)
        return FALSE;
    }
  return octets <= GROUP_OCTETS_MAX;
}

/**
 * surel_append_intents_next:
 * @now: seconds since the epoch: those that were put off beyond it are passed over
 * @listed: whether a whole list came since any of them was in doubt: else those are passed over, too
 * @next: (out) (nullable): what goes to the server next; %NULL where there is nothing
 */
gboolean
surel_append_intents_next (
    SurelReader *reader, gint64 account, gint64 now, gboolean listed, SurelChange **next, GError **error)
{
  g_autoptr (SurelChange) change = NULL;
  gboolean group = FALSE;
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT i.id, i.operation, i.message, i.kind, i.evidence, m.identity, m.received, coalesce(m.server_flags, m.flags), "
      "CASE WHEN m.server_flags IS NULL THEN m.keywords ELSE m.server_keywords END, c.digest, t.id, t.remote_id, t.token, "
      "p.rid, f.id, f.remote_id, f.token, m.message_id, m.subject, m.from_, m.sent, m.size, (SELECT max(top.rid) FROM placement "
      "top WHERE top.folder = t.id AND top.epoch = t.epoch), o.attempts + i.doubt FROM intent i CROSS JOIN operation o ON o.id = i.operation CROSS JOIN message m ON "
      "m.id = i.message CROSS JOIN folder t ON t.id = i.target LEFT JOIN content c ON c.id = m.content LEFT JOIN placement p "
      "ON p.message = i.message AND p.leaving LEFT JOIN folder f ON f.id = p.folder AND f.epoch = p.epoch WHERE i.account = "
      "?1 AND i.state < 2 AND i.kind IN (5, 6) AND (i.source = 0 OR c.id IS NOT NULL) AND ((i.evidence IS NOT NULL AND i.doubt < 2) OR (o.next_attempt <= ?2 AND i.doubt <= ?4)) AND NOT EXISTS (SELECT 1 FROM intent "
      "e WHERE e.message = i.message AND e.state < 2 AND e.id < i.id AND (e.kind != 1 OR EXISTS (SELECT 1 FROM placement h WHERE h.message = "
      "i.message AND h.epoch < " SUREL_EPOCH_HERE_SQL "))) AND NOT EXISTS (SELECT 1 FROM intent e WHERE e.message = "
      "i.source AND e.state < 2 AND e.kind IN (4, 5, 6) AND e.id < iif (i.as_of, i.as_of, i.id)) AND NOT EXISTS (SELECT 1 FROM intent e WHERE e.source = "
      "i.message AND e.kind IN (4, 5) AND e.state < 2 AND iif (e.as_of, e.as_of, e.id) < i.id) AND NOT EXISTS (SELECT 1 FROM intent e INDEXED BY "
      "intent_of_folder WHERE e.target = i.target AND e.kind >= 10 AND e.kind = 10 AND e.state < 2) ORDER BY i.state = 0, i.id "
      "LIMIT ?3",
      "iiii", account, now, (gint64) GROUP_MAX,
      (gint64) surel_intents_doubt_max (listed));
  int result = -1;

  *next = NULL;
  while (s != NULL && (result = surel_sql_step (reader->sql, s, error)) > 0 && (change == NULL || group))
    {
      SurelChangeItem item = read_item (s);

      if (change == NULL)
        {
          change = read_change (s, account);
          group = is_for_group (s);
        }
      else
        group = goes_along (s, change, &item);
      if (change->items->len == 0 || group)
        g_array_append_val (change->items, item);
      else
        surel_change_item_clear (&item);
    }
  if (result < 0)
    return FALSE;
  sqlite3_reset (s);
  *next = g_steal_pointer (&change);
  return TRUE;
}
