/* Threads, in the writer. A message has the id of its thread in its row. `thread_key` has for each key of a message (see
 * base/thread-keys.h) the thread it was put in, so that whatever has the key in common, and comes before or after it, ends in the
 * same one. Where a late message has keys of several threads they become one, under the id of the largest: the rows of the
 * others are changed, but not their keys, of which there may be many more: `thread_join` says where those lead now.
 *
 * Keys of messages that are gone are left behind, as others may have them as well, and are swept up by the way. */
#include "store/threads.h"

#include "base/thread-keys.h"

#define ROWS_MAX (5 * SUREL_THREADS_SLICE) /* rows and keys that are written in one job, about */
#define JOIN_MAX 10000 /* messages that are taken to another thread at once: a commit names no more */

static gboolean
thread_of_key (SurelTxn *txn, gint64 key, gint64 *thread, GError **error)
{
  *thread = 0;
  return surel_sql_get (txn->sql, thread, error,
                        "SELECT coalesce(j.target, k.thread) FROM thread_key k LEFT JOIN thread_join j ON j.thread = k.thread "
                        "WHERE k.key = ?",
                        "i", key);
}

static gboolean
count_messages (SurelTxn *txn, gint64 thread, gint64 *count, GError **error)
{
  return surel_sql_get (txn->sql, count, error, "SELECT count(*) FROM message WHERE thread = ?", "i", thread);
}

/* Clients have what is in the thread as updated. */
static gboolean
tell_members (SurelTxn *txn, gint64 thread, GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (txn->sql, error, "SELECT id FROM message WHERE thread = ? AND shown", "i", thread);
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    {
      surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) sqlite3_column_int64 (statement, 0), SUREL_UPDATED);
      txn->rows++;
    }
  return result == 0;
}

static gboolean
join (SurelTxn *txn, gint64 thread, gint64 target, GError **error)
{
  return tell_members (txn, thread, error)
         && surel_sql_run (txn->sql, error, "UPDATE message SET thread = ?1 WHERE thread = ?2", "ii", target, thread)
         && surel_sql_run (txn->sql, error, "UPDATE thread_join SET target = ?1 WHERE target = ?2", "ii", target, thread)
         && surel_sql_run (txn->sql, error, "INSERT OR REPLACE INTO thread_join (thread, target) VALUES (?2, ?1)", "ii", target, thread);
}

/* Makes the threads of @threads one, and returns it. The smaller goes into the larger, so that no message is moved often; one that
 * is too large to go stays what it is. */
static gint64
join_all (SurelTxn *txn, GArray *threads, GError **error)
{
  gint64 largest = g_array_index (threads, gint64, 0);
  gint64 most = -1;

  for (guint i = 0; threads->len > 1 && i < threads->len; i++)
    {
      gint64 count = 0;

      if (!count_messages (txn, g_array_index (threads, gint64, i), &count, error))
        return 0;
      if (count > most)
        {
          largest = g_array_index (threads, gint64, i);
          most = count;
        }
    }
  for (guint i = 0; i < threads->len; i++)
    {
      gint64 thread = g_array_index (threads, gint64, i);
      gint64 count = 0;

      if (thread != largest
          && (!count_messages (txn, thread, &count, error) || (count <= JOIN_MAX && !join (txn, thread, largest, error))))
        return 0;
    }
  return largest;
}

static void
add_once (GArray *threads, gint64 thread)
{
  for (guint i = 0; i < threads->len; i++)
    if (g_array_index (threads, gint64, i) == thread)
      return;
  g_array_append_val (threads, thread);
}

/* Returns the thread that @keys lead to, and @before if it isn't 0, which are one then; 0 with @error set; @alone where they lead
 * to none. */
static gint64
thread_of_keys (SurelTxn *txn, GArray *keys, gint64 before, gint64 alone, GError **error)
{
  g_autoptr (GArray) threads = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr (GArray) unknown = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 thread;

  if (before != 0)
    add_once (threads, before);
  for (guint i = 0; i < keys->len; i++)
    {
      gint64 key = g_array_index (keys, gint64, i);

      if (!thread_of_key (txn, key, &thread, error))
        return 0;
      if (thread == 0)
        g_array_append_val (unknown, key);
      else
        add_once (threads, thread);
    }
  thread = threads->len > 0 ? join_all (txn, threads, error) : alone;
  txn->rows += unknown->len;
  for (guint i = 0; thread != 0 && i < unknown->len; i++)
    if (!surel_sql_run (txn->sql, error, "INSERT INTO thread_key (key, thread) VALUES (?, ?)", "ii",
                        g_array_index (unknown, gint64, i), thread))
      return 0;
  return thread;
}

static GArray *
keys_of (gint64 account, const SurelMessage *message)
{
  SurelThreadTraits traits = { message->thread_id, message->subject, message->message_id, message->in_reply_to, message->references };

  return surel_thread_keys (account, &traits);
}

/**
 * surel_threads_find:
 * @id: of a message of @account that gets its row next
 *
 * Returns: the thread it belongs to, which has its keys now; 0 with @error set
 */
gint64
surel_threads_find (SurelTxn *txn, gint64 account, gint64 id, const SurelMessage *message, GError **error)
{
  g_autoptr (GArray) keys = keys_of (account, message);

  return thread_of_keys (txn, keys, 0, id, error);
}

static gboolean
set_thread (SurelTxn *txn, gint64 id, gint64 thread, GError **error)
{
  gint64 shown = 0;

  txn->rows++;
  if (!surel_sql_run (txn->sql, error, "UPDATE message SET thread = ? WHERE id = ?", "ii", thread, id)
      || !surel_sql_get (txn->sql, &shown, error, "SELECT shown FROM message WHERE id = ?", "i", id))
    return FALSE;
  if (shown)
    surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) id, SUREL_UPDATED);
  return TRUE;
}

/* A thread that no key leads to: the message's own, while it has that, and never had a key; else a new one. */
static gint64
thread_alone (SurelTxn *txn, gint64 id, gint64 before, gboolean has_keys, GError **error)
{
  gint64 others = 0;
  gint64 taken = 0;

  if (before == id && !has_keys)
    {
      if (!surel_sql_get (txn->sql, &others, error, "SELECT 1 FROM message WHERE thread = ? AND id != ? LIMIT 1", "ii", id, id))
        return 0;
      if (!others)
        return id;
    }
  if (!surel_sql_get (txn->sql, &taken, error,
                      "SELECT 1 FROM message WHERE thread = ?1 UNION ALL SELECT 1 FROM thread_join WHERE thread = ?1 LIMIT 1", "i", id))
    return 0;
  return taken ? surel_txn_new_id (txn, error) : id;
}

/**
 * surel_threads_follow:
 * @id: a message whose row has another text now, or one that it came with
 *
 * Puts the message into the thread that its text says.
 */
gboolean
surel_threads_follow (SurelTxn *txn, gint64 id, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (
      txn->sql, error, "SELECT account, thread, subject, message_id, in_reply_to, refs FROM message WHERE id = ?", "i", id);
  g_autoptr (GArray) keys = NULL;
  SurelThreadTraits traits;
  gint64 before;
  gint64 alone;
  gint64 thread;
  int result = s != NULL ? surel_sql_step (txn->sql, s, error) : -1;

  if (result <= 0)
    return result == 0;
  before = sqlite3_column_int64 (s, 1);
  traits = (SurelThreadTraits){ NULL,
                                (const char *) sqlite3_column_text (s, 2),
                                (const char *) sqlite3_column_text (s, 3),
                                (const char *) sqlite3_column_text (s, 4),
                                (const char *) sqlite3_column_text (s, 5) };
  keys = surel_thread_keys (sqlite3_column_int64 (s, 0), &traits);
  sqlite3_reset (s);
  alone = thread_alone (txn, id, before, keys->len > 0, error);
  thread = alone != 0 ? thread_of_keys (txn, keys, 0, alone, error) : 0;
  return thread != 0 && (thread == before || set_thread (txn, id, thread, error));
}

/**
 * surel_threads_take_server:
 * @id: a message that is here, and that the server has as @message
 *
 * Has it in one thread with what the server says, where it says so.
 */
gboolean
surel_threads_take_server (SurelTxn *txn, gint64 id, const SurelMessage *message, GError **error)
{
  g_autoptr (GArray) keys = NULL;
  gint64 account = 0;
  gint64 before = 0;
  gint64 thread;

  if (message->thread_id == NULL)
    return TRUE;
  if (!surel_sql_get (txn->sql, &account, error, "SELECT account FROM message WHERE id = ?", "i", id)
      || !surel_sql_get (txn->sql, &before, error, "SELECT thread FROM message WHERE id = ?", "i", id))
    return FALSE;
  keys = keys_of (account, message);
  thread = thread_of_keys (txn, keys, before, id, error);
  /* Where its own went into another one its row is changed by that. */
  return thread != 0 && (before != 0 || set_thread (txn, id, thread, error));
}

/**
 * surel_threads_are_behind:
 *
 * Returns: whether there are messages of no thread, from before there were any, or that can't be told
 */
gboolean
surel_threads_are_behind (SurelSql *sql)
{
  gint64 behind = 0;

  return !surel_sql_get (sql, &behind, NULL, "SELECT 1 FROM message WHERE thread = 0 LIMIT 1", "") || behind != 0;
}

/**
 * surel_threads_fill:
 * @more: (out): whether there may be more of them
 *
 * Gives some messages that have none their thread.
 */
gboolean
surel_threads_fill (SurelTxn *txn, gboolean *more, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  sqlite3_stmt *statement
      = surel_sql_start (txn->sql, error, "SELECT id FROM message WHERE thread = 0 LIMIT ?", "i", (gint64) SUREL_THREADS_SLICE);
  gboolean rest;
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (statement, 0);

      g_array_append_val (ids, id);
    }
  rest = ids->len == SUREL_THREADS_SLICE;
  for (guint i = 0; result == 0 && i < ids->len; i++)
    {
      if (!surel_threads_follow (txn, g_array_index (ids, gint64, i), error))
        return FALSE;
      if (txn->rows > ROWS_MAX && i + 1 < ids->len)
        {
          rest = TRUE;
          break;
        }
    }
  if (result == 0)
    *more = rest;
  return result == 0;
}

/**
 * surel_threads_sweep:
 * @from: (inout): where to go on among the keys; 0 at the beginning, and again at the end
 *
 * Deletes some of the keys whose thread has no message any more.
 */
gboolean
surel_threads_sweep (SurelSql *sql, gint64 *from, GError **error)
{
  gint64 end = G_MAXINT64;

  if (!surel_sql_get (sql, &end, error, "SELECT key FROM thread_key WHERE key >= ? ORDER BY key LIMIT 1 OFFSET ?", "ii", *from,
                      (gint64) SUREL_THREADS_SLICE)
      || !surel_sql_run (sql, error,
                         "DELETE FROM thread_key WHERE key >= ? AND key < ? AND NOT EXISTS (SELECT 1 FROM message m WHERE m.thread = "
                         "coalesce((SELECT target FROM thread_join j WHERE j.thread = thread_key.thread), thread_key.thread))",
                         "ii", *from, end))
    return FALSE;
  *from = end != G_MAXINT64 ? end : 0;
  return *from != 0
         || surel_sql_run (sql, error,
                           "DELETE FROM thread_join WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.thread = thread_join.target)", "");
}
