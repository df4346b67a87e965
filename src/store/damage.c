/* Whether a database is damaged. SQLite says so, too, where nothing is wrong but that the disk failed to read
 * (SQLITE_IOERR_CORRUPTFS becomes SQLITE_CORRUPT, with no trace of the former): of a cable that was loose for a
 * moment, of a network's file system that is away. What can't be read isn't damaged, and is never removed for that.
 *
 * The files are read by SQLite's own descriptors: closing another one of the same file would take the locks away
 * that the process holds on it (POSIX, fcntl). */
#include "store/damage.h"

#include "base/errors.h"
#include "store/sql.h"

#define PIECE 1048576 /* octets read at once */
#define STEPS 10000 /* of SQLite's machine between two looks at whether to go on */

static gboolean
read_file (sqlite3_file *file)
{
  g_autofree char *piece = g_malloc (PIECE);
  sqlite3_int64 size = 0;
  int result = SQLITE_OK;

  if (file == NULL || file->pMethods == NULL) /* it isn't open, so nothing of it was read */
    return TRUE;
  result = file->pMethods->xFileSize (file, &size);
  for (sqlite3_int64 at = 0; at < size && result == SQLITE_OK; at += PIECE)
    result = file->pMethods->xRead (file, piece, (int) MIN (PIECE, size - at), at);
  return result == SQLITE_OK || result == SQLITE_IOERR_SHORT_READ; /* it has been cut since */
}

/**
 * surel_damage_can_read:
 * @path: the database's file
 *
 * Returns: whether the disk gives the database and its log out, whatever they hold; %FALSE with
 *   %SUREL_ERROR_FAILED
 */
gboolean
surel_damage_can_read (const char *path, GError **error)
{
  sqlite3 *db = NULL;
  sqlite3_file *file = NULL;
  sqlite3_file *log = NULL;
  gboolean is_read;

  is_read = sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) == SQLITE_OK;
  if (is_read)
    {
      sqlite3_exec (db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL); /* opens the log, if it can */
      sqlite3_file_control (db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
      sqlite3_file_control (db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
      is_read = read_file (file) && read_file (log);
    }
  sqlite3_close (db);
  if (!is_read)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The disk that holds the mail store failed: %s can't be read",
                 path);
  return is_read;
}

static int
is_cancelled (void *cancellable)
{
  return g_cancellable_is_cancelled (cancellable);
}

static gboolean
says_damaged (const char *path, gboolean thorough, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) own = NULL;
  SurelSql *sql = surel_sql_open (path, FALSE, &own);
  sqlite3_stmt *statement;
  gboolean is_damaged = FALSE;

  if (sql != NULL)
    {
      sqlite3_progress_handler (surel_sql_handle (sql), STEPS, is_cancelled, cancellable);
      statement = surel_sql_start (sql, &own, thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", "");
      if (statement != NULL && surel_sql_step (sql, statement, &own) > 0
          && !g_str_equal ((const char *) sqlite3_column_text (statement, 0), "ok"))
        {
          is_damaged = TRUE;
          g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The mail store is damaged: %s",
                       sqlite3_column_text (statement, 0));
        }
      surel_sql_reset_all (sql);
      surel_sql_close (sql);
    }
  if (!is_damaged && surel_sql_is_damage (own))
    {
      is_damaged = TRUE;
      g_propagate_error (error, g_steal_pointer (&own));
    }
  return is_damaged;
}

/**
 * surel_damage_judge:
 * @path: the database's file, which may be in use
 * @thorough: whether the indexes are compared with their tables, too, which takes several times as long
 * @cancellable: (nullable): ends it as %SUREL_SOUND
 *
 * Returns: what it is; but for %SUREL_SOUND with an error that says what was found
 */
SurelDamage
surel_damage_judge (const char *path, gboolean thorough, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) found = NULL;

  if (!surel_damage_can_read (path, error))
    return SUREL_UNREADABLE;
  if (!says_damaged (path, thorough, cancellable, &found))
    return SUREL_SOUND;
  if (!surel_damage_can_read (path, error))
    return SUREL_UNREADABLE;
  g_clear_error (&found);
  if (!says_damaged (path, thorough, cancellable, &found)) /* the disk failed for a moment only */
    return SUREL_SOUND;
  if (!surel_damage_can_read (path, error))
    return SUREL_UNREADABLE;
  g_propagate_error (error, g_steal_pointer (&found));
  return SUREL_DAMAGED;
}
