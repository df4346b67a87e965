/* The next intents that wait to be done with messages on a server: alike ones go together. Messages that are put there go
 * one by one (store/append-intents.c). */
#include "store/intents-next.h"

#include "store/accounts.h"
#include "store/intents.h"

#define BATCH_MAX 1000 /* intents that go to a server together */

/* A copy is made from its source's place, all others are done at their own. CROSS JOIN keeps the planner, which
 * knows no statistics, on the open intents. A second copy into the same folder goes after the first: one COPY makes one; and one
 * of a draft after the version that is to be copied. CASE: that is looked at for copies alone. */
#define FROM                                                                                             \
  " FROM intent i CROSS JOIN operation o ON o.id = i.operation CROSS JOIN placement p ON p.message = CASE i.kind WHEN 4 " \
  "THEN i.source ELSE i.message END CROSS JOIN folder f ON f.id = p.folder AND f.epoch = p.epoch "
#define IS_FREE                                                                                          \
  " AND ((i.evidence IS NOT NULL AND i.doubt < 2) OR (o.next_attempt <= ?2 AND i.doubt <= ?3)) AND NOT EXISTS (SELECT 1 FROM intent e WHERE e.message = i.message AND e.state < 2 AND e.id " \
  "< i.id) AND NOT EXISTS (SELECT 1 FROM intent e WHERE e.source = i.message AND e.kind IN (4, 5) AND e.state < 2 AND "        \
  "iif (e.as_of, e.as_of, e.id) < i.id) AND NOT EXISTS (SELECT 1 FROM intent e INDEXED BY intent_of_folder WHERE e.target = i.target AND e.kind >= 10 AND e.kind = 10 AND e.state < 2) " \
  "AND CASE WHEN i.kind = 4 THEN NOT EXISTS (SELECT 1 FROM intent e WHERE e.source = i.source AND e.kind IN (4, 5) AND e.kind = 4 AND "  \
  "+e.target = i.target AND e.state < 2 AND (iif (e.as_of, e.as_of, e.id), e.id) < (iif (i.as_of, i.as_of, i.id), i.id)) AND NOT EXISTS " \
  "(SELECT 1 FROM intent e WHERE e.message = i.source AND e.state < 2 AND +e.kind = 6 AND e.id < iif (i.as_of, i.as_of, i.id)) ELSE 1 END "

#define FIRST                                                                                            \
  "SELECT i.kind, p.folder, f.remote_id, f.token, i.target, i.add_flags, i.remove_flags, i.add_words, i.remove_words, "  \
  "i.evidence, i.state" FROM "WHERE i.account = ?1 AND i.state < 2 AND i.kind < 5" IS_FREE

/* The first that can go: those that were sent before all others. */
static int
find_first (
    SurelReader *reader, gint64 account, gint64 now, gboolean listed, SurelChange *batch, gint64 *state, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (reader->sql, error, FIRST "AND i.state = 1 ORDER BY i.id LIMIT 1", "iii", account, now,
                                     (gint64) surel_intents_doubt_max (listed));
  int result = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;

  if (result == 0)
    {
      s = surel_sql_start (reader->sql, error, FIRST "AND i.state = 0 ORDER BY i.id LIMIT 1", "iii", account, now, (gint64) surel_intents_doubt_max (listed));
      result = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;
    }
  if (result <= 0)
    return result;
  batch->account = account;
  batch->kind = (SurelChangeKind) sqlite3_column_int (s, 0);
  batch->folder = sqlite3_column_int64 (s, 1);
  batch->folder_remote_id = surel_sql_column_text (s, 2);
  batch->folder_token = surel_sql_column_bytes (s, 3);
  batch->target = sqlite3_column_int64 (s, 4);
  batch->add_flags = (guint) sqlite3_column_int64 (s, 5);
  batch->remove_flags = (guint) sqlite3_column_int64 (s, 6);
  batch->add_words = surel_sql_column_text (s, 7);
  batch->remove_words = surel_sql_column_text (s, 8);
  batch->evidence = surel_sql_column_text (s, 9);
  *state = sqlite3_column_int64 (s, 10);
  sqlite3_reset (s);
  return 1;
}

static gboolean
find_target (SurelReader *reader, SurelChange *batch, GError **error)
{
  sqlite3_stmt *s;
  int result;

  if (batch->target == 0)
    return TRUE;
  s = surel_sql_start (reader->sql, error,
                       "SELECT remote_id, token, (SELECT max(p.rid) FROM placement p WHERE p.folder = f.id AND p.epoch = "
                       "f.epoch) FROM folder f WHERE id = ?",
                       "i", batch->target);
  result = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;
  if (result <= 0)
    return result == 0;
  batch->target_remote_id = surel_sql_column_text (s, 0);
  batch->target_token = surel_sql_column_bytes (s, 1);
  batch->target_top = sqlite3_column_int64 (s, 2);
  sqlite3_reset (s);
  return TRUE;
}

/* All that are like the first. A draft that was saved since is there still as it was. `+p.folder`: by the message, not by all
 * that is in the folder. `+?`: an index of some kinds or states may depend on a bare parameter, which would have SQLite
 * plan the statement anew each time. */
static gboolean
find_items (SurelReader *reader, SurelChange *batch, gint64 state, gint64 now, gboolean listed, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT i.id, i.operation, i.message, p.rid, coalesce (p.identity, m.identity), CASE WHEN m.server_flags IS NULL THEN m.keywords ELSE "
      "m.server_keywords END" FROM "CROSS JOIN message m ON m.id = i.message WHERE "
      "i.account = ?1 AND i.state < 2" IS_FREE "AND i.state = +?4 AND i.kind = +?5 AND +p.folder = ?6 AND i.target = ?7 AND "
      "i.add_flags = ?8 AND i.remove_flags = ?9 AND i.add_words = ?10 AND i.remove_words = ?11 AND i.evidence IS ?12 "
      "ORDER BY i.id LIMIT ?13",
      "iiiiiiiiisssi", batch->account, now, (gint64) surel_intents_doubt_max (listed), state, (gint64) batch->kind, batch->folder, batch->target,
      (gint64) batch->add_flags, (gint64) batch->remove_flags, batch->add_words, batch->remove_words, batch->evidence,
      (gint64) BATCH_MAX);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (reader->sql, s, error)) > 0)
    {
      SurelChangeItem item = { .intent = sqlite3_column_int64 (s, 0),
                               .operation = sqlite3_column_int64 (s, 1),
                               .message = sqlite3_column_int64 (s, 2),
                               .remote_id = surel_sql_column_remote_id (s, 3),
                               .identity = (guint64) sqlite3_column_int64 (s, 4),
                               .server_words = surel_sql_column_text (s, 5) };

      g_array_append_val (batch->items, item);
    }
  return result == 0;
}

/**
 * surel_intents_next:
 * @now: seconds since the epoch: those that were put off beyond it are passed over
 * @listed: whether a whole list came since any of them was in doubt: else those are passed over, too
 * @next: (out) (nullable): what goes to the server next, in one step; %NULL where there is nothing
 */
gboolean
surel_intents_next (
    SurelReader *reader, gint64 account, gint64 now, gboolean listed, SurelChange **next, GError **error)
{
  g_autoptr (SurelChange) batch = surel_change_new ();
  gint64 state = SUREL_INTENT_WAITING;
  int found;

  *next = NULL;
  found = find_first (reader, account, now, listed, batch, &state, error);
  if (found <= 0)
    return found == 0;
  if (!find_target (reader, batch, error) || !find_items (reader, batch, state, now, listed, error))
    return FALSE;
  if (batch->add_words[0] != '\0' || batch->remove_words[0] != '\0')
    batch->keyword_names = surel_accounts_load_keyword_names (reader->sql, account);
  *next = g_steal_pointer (&batch);
  return TRUE;
}

/**
 * surel_intents_next_due:
 * @when: (out): seconds since the epoch when the next one that was put off is due; 0 for none
 */
gboolean
surel_intents_next_due (SurelReader *reader, gint64 account, gint64 *when, GError **error)
{
  *when = 0;
  return surel_sql_get (reader->sql, when, error,
                        "SELECT min(o.next_attempt) FROM intent i CROSS JOIN operation o ON o.id = i.operation WHERE "
                        "i.account = ? AND i.state < 2 AND o.next_attempt > 0",
                        "i", account);
}

/**
 * surel_intents_are_in_doubt:
 * @doubt: (out): whether any that is due waits for a whole list
 */
gboolean
surel_intents_are_in_doubt (SurelReader *reader, gint64 account, gint64 now, gboolean *doubt, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (reader->sql, &found, error,
                      "SELECT EXISTS (SELECT 1 FROM intent i INDEXED BY intent_doubt CROSS JOIN operation o ON o.id = i.operation "
                      "WHERE i.account = ? AND i.state < 2 AND i.doubt AND (i.doubt = 2 OR i.evidence IS NULL) AND o.next_attempt <= ?)",
                      "ii", account, now))
    return FALSE;
  *doubt = found != 0;
  return TRUE;
}
