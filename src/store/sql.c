/* SQLite as this layer uses it: constant statements, prepared once a connection, values bound, and
 * SQLite's result codes made errors in one place. */
#include "store/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/errors.h"
#include "store/tokenizer.h"

#define BUSY_TIMEOUT 10000 /* ms; only a checkpoint or the schema's set-up can hold us up */
#define CACHE_KIB 8192 /* page cache of a connection: what a prototype needed at a million rows */
#define READER_CACHE_KIB 4096
#define DYNAMIC_MAX 64 /* statements put together at run time that are kept prepared */

struct _SurelSql
{
  sqlite3 *db;
  GHashTable *constant; /* statement by the address of its text, which is constant */
  GHashTable *dynamic; /* statement by its text */
  gboolean broken;
  gboolean damaged; /* and broken with it */
  gboolean index_damaged; /* the text index alone */
};

static void
finalize (gpointer statement)
{
  sqlite3_finalize (statement);
}

/* What a list sorted by text goes by: without case, and a subject without its `Re:`. */
static void
sort_subject (sqlite3_context *context, int n G_GNUC_UNUSED, sqlite3_value **values)
{
  const char *text = (const char *) sqlite3_value_text (values[0]);
  g_autofree char *folded = g_utf8_casefold (text != NULL ? text : "", -1);
  const char *p = folded;

  for (;;)
    {
      gsize skip = g_str_has_prefix (p, "re:") || g_str_has_prefix (p, "fw:") ? 3
                   : g_str_has_prefix (p, "fwd:")                              ? 4
                   : *p == ' '                                                 ? 1
                                                                               : 0;

      if (skip == 0)
        break;
      p += skip;
    }
  sqlite3_result_text (context, p, -1, SQLITE_TRANSIENT);
}

/* The first name of an address list, or its address where it has none. */
static void
sort_name (sqlite3_context *context, int n G_GNUC_UNUSED, sqlite3_value **values)
{
  const char *list = sqlite3_value_blob (values[0]);
  gsize length = (gsize) sqlite3_value_bytes (values[0]);
  gsize name = list != NULL ? strnlen (list, length) : 0;
  g_autofree char *folded = NULL;

  if (list == NULL || name >= length)
    folded = g_strdup ("");
  else
    folded = g_utf8_casefold (name > 0 ? list : list + 1,
                              (gssize) (name > 0 ? name : strnlen (list + 1, length - 1)));
  sqlite3_result_text (context, folded, -1, SQLITE_TRANSIENT);
}

/* An address list as text: its names and addresses in a line each. */
static void
list_text (sqlite3_context *context, int n G_GNUC_UNUSED, sqlite3_value **values)
{
  const char *list = sqlite3_value_blob (values[0]);
  int length = sqlite3_value_bytes (values[0]);
  char *text = list != NULL ? g_memdup2 (list, (gsize) length) : NULL;

  for (int i = 0; text != NULL && i < length; i++)
    if (text[i] == '\0')
      text[i] = '\n';
  sqlite3_result_text (context, text, length, g_free);
}

static void
check (sqlite3_context *context, int n G_GNUC_UNUSED, sqlite3_value **values)
{
  SurelSqlCheck *asked = sqlite3_value_pointer (values[0], SUREL_SQL_CHECK);

  sqlite3_result_int (context, asked != NULL && asked->func (sqlite3_value_int64 (values[1]), asked->data));
}

static gboolean
set_up (SurelSql *self, gboolean writable, GError **error)
{
  g_autofree char *cache = g_strdup_printf ("PRAGMA cache_size=-%d",
                                            writable ? CACHE_KIB : READER_CACHE_KIB);

  sqlite3_create_function_v2 (self->db, "surel_sort_name", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                              sort_name, NULL, NULL, NULL);
  sqlite3_create_function_v2 (self->db, "surel_sort_subject", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                              NULL, sort_subject, NULL, NULL, NULL);
  sqlite3_create_function_v2 (self->db, "surel_list_text", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, list_text, NULL,
                              NULL, NULL);
  sqlite3_create_function_v2 (self->db, "surel_check", 2, SQLITE_UTF8, NULL, check, NULL, NULL, NULL);
  if (!surel_tokenizer_register (self->db))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "This SQLite can't search text: it was built without FTS5");
      return FALSE;
    }
  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT);
  sqlite3_extended_result_codes (self->db, 1);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  if (!surel_sql_exec (self, cache, error) || !surel_sql_exec (self, "PRAGMA mmap_size=0", error))
    return FALSE;
  /* Checkpoints run on a thread of their own, so that no commit has to wait for one. */
  return !writable
         || (surel_sql_exec (self, "PRAGMA journal_mode=WAL", error)
             && surel_sql_exec (self, "PRAGMA wal_autocheckpoint=0", error)
             && surel_sql_exec (self, "PRAGMA foreign_keys=ON", error)
             && surel_sql_exec (self, "PRAGMA synchronous=FULL", error)
             && surel_sql_exec (self, "PRAGMA temp_store=MEMORY", error));
}

/**
 * surel_sql_open:
 * @path: the database's file
 * @writable: whether it may be written to (and is made where it isn't there)
 * @error: return location
 *
 * Returns: (transfer full) (nullable): a connection for the calling thread or one it is handed to
 */
SurelSql *
surel_sql_open (const char *path, gboolean writable, GError **error)
{
  g_autoptr (SurelSql) self = g_new0 (SurelSql, 1);
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

  self->constant = g_hash_table_new_full (NULL, NULL, NULL, finalize);
  self->dynamic = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, finalize);
  flags |= writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
  if (sqlite3_open_v2 (path, &self->db, flags, NULL) != SQLITE_OK)
    {
      surel_sql_fail (self, error);
      return NULL;
    }
  if (!set_up (self, writable, error))
    return NULL;
  if (!writable && !surel_sql_exec (self, "PRAGMA query_only=ON", error))
    return NULL;
  return g_steal_pointer (&self);
}

void
surel_sql_close (SurelSql *self)
{
  g_hash_table_unref (self->constant);
  g_hash_table_unref (self->dynamic);
  sqlite3_close_v2 (self->db);
  g_free (self);
}

sqlite3 *
surel_sql_handle (SurelSql *self)
{
  return self->db;
}

/**
 * surel_sql_is_broken:
 *
 * Returns: whether reading or writing the files has failed, so that the connection may not be used
 *   any more: what a failed fsync has left is unknown
 */
gboolean
surel_sql_is_broken (SurelSql *self)
{
  return self->broken;
}

/**
 * surel_sql_is_damaged:
 *
 * Returns: whether the database was found not to hold together
 */
gboolean
surel_sql_is_damaged (SurelSql *self)
{
  return self->damaged;
}

/* Damage has a domain of its own, for those that mend it; to callers it is %SUREL_ERROR_FAILED. */
static GQuark
damage_quark (void)
{
  return g_quark_from_static_string ("surel-sql-damage");
}

/**
 * surel_sql_is_damage:
 * @error: (nullable): an error of a function of this file
 *
 * Returns: whether it says that the database doesn't hold together
 */
gboolean
surel_sql_is_damage (const GError *error)
{
  return g_error_matches (error, damage_quark (), 0);
}

/**
 * surel_sql_take_index_damage:
 *
 * Returns: whether the text index was found damaged since the last call: nothing but itself has suffered, and it can be made anew
 */
gboolean
surel_sql_take_index_damage (SurelSql *self)
{
  gboolean damaged = self->index_damaged;

  self->index_damaged = FALSE;
  return damaged;
}

/**
 * surel_sql_fail:
 * @error: return location
 *
 * Makes the connection's last result an error: a full disk is %SUREL_ERROR_STORAGE_FULL, a read
 * that was interrupted %SUREL_ERROR_CANCELLED, damage what surel_sql_is_damage() tells, all else
 * %SUREL_ERROR_FAILED.
 */
void
surel_sql_fail (SurelSql *self, GError **error)
{
  int code = self->db != NULL ? sqlite3_extended_errcode (self->db) : SQLITE_NOMEM;
  int primary = code & 0xff;
  int number = self->db != NULL ? sqlite3_system_errno (self->db) : 0;
  const char *message = self->db != NULL ? sqlite3_errmsg (self->db) : "out of memory";

  gboolean index_damaged = code == SQLITE_CORRUPT_VTAB; /* FTS5 says so: the tables themselves can be read */
  gboolean damaged = (primary == SQLITE_CORRUPT && !index_damaged) || primary == SQLITE_NOTADB;

  self->index_damaged = self->index_damaged || index_damaged;
  self->damaged = self->damaged || damaged;
  self->broken = self->broken || damaged || primary == SQLITE_IOERR;
  if (primary == SQLITE_FULL || (primary == SQLITE_IOERR && (number == ENOSPC || number == EDQUOT)))
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL,
                 "The disk that holds the mail store is full; free some space, and syncing goes on");
  else if (primary == SQLITE_INTERRUPT)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_CANCELLED, "The call was cancelled");
  else if (primary == SQLITE_IOERR)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED,
                 "The disk that holds the mail store failed (%s, error %d); it is tried again", message,
                 number);
  else if (primary == SQLITE_READONLY)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED,
                 "The disk that holds the mail store is read-only; once it can be written to, syncing goes on");
  else if (index_damaged)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The text index can't be read (%s); it is made anew: try again in a while", message);
  else if (damaged)
    g_set_error (error, damage_quark (), 0, "The mail store can't be read (%s); if it is damaged, it is made anew",
                 message);
  else
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The mail store failed: %s (%d)", message,
                 code);
}

/**
 * surel_sql_prepare:
 * @sql: one statement, put together at run time from constant parts
 *
 * Returns: (transfer none) (nullable): it, prepared and unbound; the connection keeps the last few
 */
sqlite3_stmt *
surel_sql_prepare (SurelSql *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = g_hash_table_lookup (self->dynamic, sql);

  if (statement != NULL)
    {
      sqlite3_reset (statement);
      sqlite3_clear_bindings (statement);
      return statement;
    }
  if (sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
    {
      surel_sql_fail (self, error);
      return NULL;
    }
  if (g_hash_table_size (self->dynamic) >= DYNAMIC_MAX)
    g_hash_table_remove_all (self->dynamic);
  g_hash_table_insert (self->dynamic, g_strdup (sql), statement);
  return statement;
}

static sqlite3_stmt *
prepare_constant (SurelSql *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = g_hash_table_lookup (self->constant, sql);

  if (statement != NULL)
    {
      sqlite3_reset (statement);
      return statement;
    }
  if (sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
    {
      surel_sql_fail (self, error);
      return NULL;
    }
  g_hash_table_insert (self->constant, (gpointer) sql, statement);
  return statement;
}

static void
bind_remote_id (sqlite3_stmt *statement, int parameter, const SurelRemoteId *id)
{
  if (id->text != NULL)
    sqlite3_bind_text (statement, parameter, id->text, -1, SQLITE_STATIC);
  else
    sqlite3_bind_int64 (statement, parameter, id->number);
}

static void
bind_bytes (sqlite3_stmt *statement, int i, GBytes *bytes)
{
  gsize length;
  const void *data;

  if (bytes == NULL)
    return;
  data = g_bytes_get_data (bytes, &length);
  sqlite3_bind_blob64 (statement, i, data != NULL ? data : "", length, SQLITE_STATIC);
}

/* `i` a gint64, `s` a string or NULL, `b` a GBytes or NULL: borrowed until the statement is reset. */
static void
bind_all (sqlite3_stmt *statement, const char *types, va_list values)
{
  sqlite3_clear_bindings (statement);
  for (int i = 0; types[i] != '\0'; i++)
    switch (types[i])
      {
      case 'i':
        sqlite3_bind_int64 (statement, i + 1, va_arg (values, gint64));
        break;
      case 's':
        sqlite3_bind_text (statement, i + 1, va_arg (values, const char *), -1, SQLITE_STATIC);
        break;
      case 'r':
        bind_remote_id (statement, i + 1, va_arg (values, const SurelRemoteId *));
        break;
      case 'b':
        bind_bytes (statement, i + 1, va_arg (values, GBytes *));
        break;
      default:
        g_assert_not_reached ();
      }
}

/**
 * surel_sql_step:
 * @statement: a statement of this connection
 *
 * Returns: 1 where there is a row, 0 at the end (and @statement is reset), -1 with @error set
 */
int
surel_sql_step (SurelSql *self, sqlite3_stmt *statement, GError **error)
{
  int result = sqlite3_step (statement);

  if (result == SQLITE_ROW)
    return 1;
  if (result != SQLITE_DONE)
    surel_sql_fail (self, error);
  sqlite3_reset (statement);
  return result == SQLITE_DONE ? 0 : -1;
}

/**
 * surel_sql_reset_all:
 *
 * Ends all statements that weren't stepped to their end: one that is left so keeps its view of the
 * database, and all later reads of the connection with it.
 */
void
surel_sql_reset_all (SurelSql *self)
{
  for (sqlite3_stmt *s = sqlite3_next_stmt (self->db, NULL); s != NULL; s = sqlite3_next_stmt (self->db, s))
    if (sqlite3_stmt_busy (s))
      sqlite3_reset (s);
}

/**
 * surel_sql_start:
 * @sql: a string constant: its address is its key
 * @types: a letter a value: `i` gint64, `s` const char *, `b` GBytes *, the last two perhaps %NULL;
 *   borrowed until the statement's end
 *
 * Returns: (transfer none) (nullable): the statement, bound, for surel_sql_step(); to be reset by who
 *   doesn't step to its end
 */
sqlite3_stmt *
surel_sql_start (SurelSql *self, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement = prepare_constant (self, sql, error);
  va_list values;

  if (statement == NULL)
    return NULL;
  va_start (values, types);
  bind_all (statement, types, values);
  va_end (values);
  return statement;
}

/**
 * surel_sql_run:
 *
 * Like surel_sql_start(), for a statement that gives no rows.
 */
gboolean
surel_sql_run (SurelSql *self, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement = prepare_constant (self, sql, error);
  va_list values;
  int result;

  if (statement == NULL)
    return FALSE;
  va_start (values, types);
  bind_all (statement, types, values);
  va_end (values);
  while ((result = surel_sql_step (self, statement, error)) > 0)
    ;
  return result == 0;
}

/**
 * surel_sql_get:
 * @value: (out): the first column of the first row; left as it is where there is no row or it is NULL
 *
 * Like surel_sql_start(), for a statement that gives one number.
 *
 * Returns: %FALSE with @error set
 */
gboolean
surel_sql_get (SurelSql *self, gint64 *value, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement = prepare_constant (self, sql, error);
  va_list values;
  int result;

  if (statement == NULL)
    return FALSE;
  va_start (values, types);
  bind_all (statement, types, values);
  va_end (values);
  result = surel_sql_step (self, statement, error);
  if (result > 0)
    {
      if (sqlite3_column_type (statement, 0) != SQLITE_NULL)
        *value = sqlite3_column_int64 (statement, 0);
      sqlite3_reset (statement);
    }
  return result >= 0;
}

/**
 * surel_sql_exec:
 * @sql: statements whose rows don't matter
 */
gboolean
surel_sql_exec (SurelSql *self, const char *sql, GError **error)
{
  if (sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  surel_sql_fail (self, error);
  return FALSE;
}

/**
 * surel_sql_checkpoint:
 * @mode: how far to go, of SQLite's SQLITE_CHECKPOINT_*
 *
 * Writes what the log holds into the database.
 */
gboolean
surel_sql_checkpoint (SurelSql *self, int mode, GError **error)
{
  if (sqlite3_wal_checkpoint_v2 (self->db, NULL, mode, NULL, NULL) == SQLITE_OK)
    return TRUE;
  surel_sql_fail (self, error);
  return FALSE;
}

/**
 * surel_sql_column_bytes:
 *
 * Returns: (transfer full) (nullable): a copy of the column, %NULL for NULL
 */
GBytes *
surel_sql_column_bytes (sqlite3_stmt *statement, int column)
{
  if (sqlite3_column_type (statement, column) == SQLITE_NULL)
    return NULL;
  return g_bytes_new (sqlite3_column_blob (statement, column),
                      (gsize) sqlite3_column_bytes (statement, column));
}

/**
 * surel_sql_column_text:
 *
 * Returns: (transfer full) (nullable): a copy of the column, %NULL for NULL
 */
char *
surel_sql_column_text (sqlite3_stmt *statement, int column)
{
  return g_strdup ((const char *) sqlite3_column_text (statement, column));
}

/**
 * surel_sql_column_remote_id:
 *
 * Returns: (transfer full): what a parameter of type `r` was; unknown where it is NULL
 */
SurelRemoteId
surel_sql_column_remote_id (sqlite3_stmt *statement, int column)
{
  if (sqlite3_column_type (statement, column) == SQLITE_TEXT)
    return (SurelRemoteId){ 0, surel_sql_column_text (statement, column) };
  return SUREL_REMOTE_ID_NUMBER (sqlite3_column_int64 (statement, column));
}
