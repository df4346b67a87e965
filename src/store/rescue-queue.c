/* What people did and no server has yet outlives a damaged database, too. A copy of it is kept beside the database: a
 * small database of the same form, with the operations that haven't ended, the messages that no server took or takes, and of
 * the rest just the rows that these refer to. It is written anew a moment after operations changed, by a thread of its
 * own; where the damaged database can still be read so far, once more from that.
 *
 * In a new database the copy's folders are as after a change of UIDVALIDITY: their messages await their match in the
 * listings that follow, with their ids and all that is to be done with them (store/messages.c). */
#include "store/rescue.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "base/clock.h"
#include "base/errors.h"
#include "store/folder-layers.h"
#include "store/intents.h"
#include "store/schema.h"
#include "store/store-private.h"

#define COPY_NAME "queue"
#define GATHER (1 * G_USEC_PER_SEC) /* for changes that come together */
#define REST 10 /* times as long as a copy took, before the next */

/* Not ended, or refused and of a message that is nowhere but here. */
#define IS_WANTED                                                                                        \
  "o.ended IS NULL OR ((o.failed > 0 OR o.unknown > 0) AND NOT o.cancelled AND EXISTS (SELECT 1 FROM store.intent r WHERE r.operation = "  \
  "o.id AND r.state = 3 AND r.kind IN (5, 6, 7)))"

static const char *const save_statements[] = {
  "CREATE TEMP TABLE wanted (id INTEGER PRIMARY KEY)",
  ("INSERT INTO main.operation SELECT o.* FROM store.operation o WHERE " IS_WANTED),
  ("INSERT INTO main.intent SELECT i.* FROM store.intent i WHERE i.operation IN (SELECT id FROM main.operation) OR "
   SUREL_INTENT_STAYS),
  "INSERT OR IGNORE INTO wanted SELECT message FROM main.intent WHERE state < 2 OR (state = 3 AND kind IN (5, 6, 7))",
  "INSERT OR IGNORE INTO wanted SELECT source FROM main.intent WHERE state < 2 AND kind IN (4, 5)",
  "INSERT INTO main.message SELECT m.* FROM wanted w CROSS JOIN store.message m ON m.id = w.id",
  "INSERT INTO main.placement SELECT p.* FROM wanted w CROSS JOIN store.placement p ON p.message = w.id",
  "INSERT INTO main.message_keyword SELECT k.* FROM wanted w CROSS JOIN store.message_keyword k ON k.message = w.id",
  "INSERT INTO main.keyword SELECT * FROM store.keyword",
  "INSERT INTO main.content SELECT * FROM store.content WHERE id IN (SELECT content FROM main.message)",
  "INSERT INTO main.folder SELECT * FROM store.folder",
  "INSERT INTO main.meta SELECT * FROM store.meta WHERE key = 'ids-end'",
};

/* By the time the copy is needed a step that can't be repeated may have been taken: nothing was noted before it. */
#define DOUBT                                                                                            \
  "UPDATE main.intent SET state = 1, evidence = '' WHERE state < 2 AND kind IN (4, 5, 6, 7) AND evidence IS NULL AND operation NOT IN " \
  "(SELECT id FROM main.operation WHERE kind = 'send' AND next_attempt > unixepoch ())"

/* New folders have no listing before them. */
#define IS_ON_SERVER "substr (remote_id, 1, 1) != char (1)"

static const char *const load_statements[] = {
  "INSERT INTO main.folder SELECT * FROM copy.folder WHERE account IN (SELECT id FROM main.account)",
  "INSERT INTO main.placement SELECT * FROM copy.placement WHERE folder IN (SELECT id FROM main.folder)",
  "INSERT INTO main.message SELECT * FROM copy.message WHERE id IN (SELECT message FROM main.placement)",
  "INSERT INTO main.message_keyword SELECT * FROM copy.message_keyword WHERE message IN (SELECT id FROM main.message)",
  "INSERT INTO main.keyword SELECT * FROM copy.keyword",
  "INSERT INTO main.content SELECT * FROM copy.content",
  "INSERT INTO main.intent SELECT * FROM copy.intent WHERE account IN (SELECT id FROM main.account)",
  "INSERT INTO main.operation SELECT * FROM copy.operation WHERE id IN (SELECT operation FROM main.intent)",
  /* What was to go later may have gone since the copy was written. */
  ("UPDATE main.intent SET state = 1, evidence = '' WHERE state < 2 AND kind = 7 AND evidence IS NULL AND operation IN (SELECT id FROM "
   "main.operation WHERE next_attempt BETWEEN 1 AND unixepoch ())"),
  "UPDATE main.operation SET attempts = 0, next_attempt = CASE WHEN kind = 'send' THEN next_attempt ELSE 0 END WHERE ended IS NULL",
  "UPDATE main.content SET count = (SELECT count(*) FROM main.message m WHERE m.content = content.id)",
  ("UPDATE main.folder SET epoch = epoch + 1, token = NULL, listed = 0, removing = 0, server_messages = 0, last_sync = 0, "
   "last_proven = 0 WHERE " IS_ON_SERVER),
  /* $seen and $draft are bits 1 and 16 (base/keywords.h). */
  ("UPDATE main.folder SET (total, unread) = (SELECT count(*), coalesce(sum(m.flags & 17 = 0), 0) FROM main.placement p "
   "JOIN main.message m ON m.id = p.message WHERE p.folder = folder.id AND p.shown)"),
};

static gboolean
run_all (SurelSql *sql, const char *const *statements, guint n, GError **error)
{
  for (guint i = 0; i < n; i++)
    if (!surel_sql_exec (sql, statements[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
attach (SurelSql *sql, const char *path, const char *statement, GError **error)
{
  gboolean attached = surel_sql_run (sql, error, statement, "s", path);

  surel_sql_reset_all (sql);
  return attached;
}

/* Returns whether there is anything to be kept; -1 with @error set. */
static int
is_any_wanted (const char *path, GError **error)
{
  g_autoptr (SurelSql) sql = surel_sql_open (path, FALSE, error);
  gint64 wanted = 0;

  if (sql == NULL
      || !surel_sql_get (sql, &wanted, error,
                         "SELECT EXISTS (SELECT 1 FROM operation WHERE ended IS NULL OR failed > 0) OR EXISTS (SELECT 1 FROM intent i "
                         "WHERE " SUREL_INTENT_STAYS ")",
                         ""))
    return -1;
  return wanted != 0;
}

static gboolean
write_copy (const char *path, const char *copy, gboolean last, GError **error)
{
  g_autoptr (SurelSql) sql = surel_sql_open (copy, TRUE, error);

  /* One that isn't whole is never seen, and made anew. */
  return sql != NULL && surel_sql_exec (sql, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF", error)
         && surel_schema_bring_up (sql, error) && attach (sql, path, "ATTACH ? AS store", error)
         && surel_sql_exec (sql, "BEGIN", error)
         && run_all (sql, save_statements, G_N_ELEMENTS (save_statements), error)
         && (last || surel_sql_exec (sql, DOUBT, error)) && surel_sql_exec (sql, "COMMIT", error);
}

/**
 * surel_rescue_save_queue:
 * @path: the database's file
 * @last: whether it isn't going to be used any more
 *
 * Writes the copy of what waits; takes it away where nothing does. Where this fails the last one stays.
 */
gboolean
surel_rescue_save_queue (const char *path, const char *data_dir, gboolean last, GError **error)
{
  g_autofree char *copy = g_build_filename (data_dir, COPY_NAME, NULL);
  g_autofree char *half = g_strconcat (copy, ".new", NULL);
  int wanted = is_any_wanted (path, error);

  if (wanted < 0)
    return FALSE;
  if (wanted == 0)
    return g_unlink (copy) == 0 || errno == ENOENT;
  g_unlink (half);
  if (write_copy (path, half, last, error) && g_rename (half, copy) == 0)
    return TRUE;
  g_unlink (half);
  return FALSE;
}

/* A damaged one would make the new database one in turn. */
static gboolean
is_whole (SurelSql *sql)
{
  sqlite3_stmt *statement = surel_sql_start (sql, NULL, "PRAGMA quick_check(1)", "");
  gboolean whole = statement != NULL && surel_sql_step (sql, statement, NULL) > 0
                   && g_str_equal ((const char *) sqlite3_column_text (statement, 0), "ok");

  surel_sql_reset_all (sql);
  if (!whole)
    g_message ("The copy of what waited for the servers is damaged, too");
  return whole;
}

/**
 * surel_rescue_attach_queue:
 * @sql: a new database, not in a transaction
 *
 * Returns: whether there is a copy of what waited, and surel_rescue_load_queue() can take it
 */
gboolean
surel_rescue_attach_queue (SurelSql *sql, const char *data_dir)
{
  g_autofree char *copy = g_build_filename (data_dir, COPY_NAME, NULL);
  g_autoptr (SurelSql) own = g_file_test (copy, G_FILE_TEST_IS_REGULAR) ? surel_sql_open (copy, TRUE, NULL) : NULL;

  return own != NULL && surel_schema_bring_up (own, NULL) && is_whole (own) && attach (sql, copy, "ATTACH ? AS copy", NULL);
}

/**
 * surel_rescue_load_queue:
 * @sql: a new database, in a transaction
 * @ids_end: (inout): raised behind all ids that were given
 *
 * Takes what waited from the copy that is attached; all of it, or nothing where it doesn't fit together.
 */
gboolean
surel_rescue_load_queue (SurelSql *sql, gint64 *ids_end, GError **error)
{
  g_autoptr (GError) own = NULL;
  gint64 end = 0;

  if (!surel_sql_exec (sql, "SAVEPOINT queue", error))
    return FALSE;
  if (surel_sql_get (sql, &end, &own, "SELECT value FROM copy.meta WHERE key = 'ids-end'", "")
      && run_all (sql, load_statements, G_N_ELEMENTS (load_statements), &own))
    *ids_end = MAX (*ids_end, end);
  else
    {
      g_message ("What waited for the servers is lost with the mail store: %s", own->message);
      if (!surel_sql_exec (sql, "ROLLBACK TO queue", error))
        return FALSE;
    }
  return surel_sql_exec (sql, "RELEASE queue", error);
}

/* The thread that keeps the copy. */
gpointer
surel_store_copier_main (gpointer data)
{
  SurelStore *self = data;
  gint64 took = 0;

  while (surel_queue_pop (self->copies, -1) != NULL)
    {
      gint64 begin = surel_clock_monotonic ();
      gint64 until = begin + MAX (GATHER, took * REST);
      g_autoptr (GError) error = NULL;

      /* Nothing comes before the time is over, or the store is closed. */
      while (surel_queue_pop (self->copies, MAX (0, until - surel_clock_monotonic ())) != NULL)
        ;
      begin = surel_clock_monotonic ();
      if (!surel_rescue_save_queue (self->path, self->dir, FALSE, &error) && error != NULL)
        g_debug ("store: what waits isn't copied: %s", error->message);
      took = surel_clock_monotonic () - begin;
    }
  return NULL;
}
