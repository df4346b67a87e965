#pragma once

#include <gio/gio.h>
#include <sqlite3.h>

#include "base/remote-id.h"

G_BEGIN_DECLS

/**
 * SurelSql:
 *
 * A connection to the database with its prepared statements. It belongs to one thread.
 */
typedef struct _SurelSql SurelSql;

/* What a statement asks its caller, in `surel_check(?, id)`: bound as a pointer of that type. */
#define SUREL_SQL_CHECK "surel-check"
typedef struct
{
  gboolean (*func) (gint64 id, gpointer data);
  gpointer data;
} SurelSqlCheck;

SurelSql *surel_sql_open (const char *path, gboolean writable, GError **error);
void surel_sql_close (SurelSql *self);
sqlite3 *surel_sql_handle (SurelSql *self);
gboolean surel_sql_is_broken (SurelSql *self);
gboolean surel_sql_is_damaged (SurelSql *self);
gboolean surel_sql_is_damage (const GError *error);
gboolean surel_sql_take_index_damage (SurelSql *self);
void surel_sql_fail (SurelSql *self, GError **error);

sqlite3_stmt *surel_sql_prepare (SurelSql *self, const char *sql, GError **error);
sqlite3_stmt *surel_sql_start (SurelSql *self, GError **error, const char *sql, const char *types, ...);
gboolean surel_sql_run (SurelSql *self, GError **error, const char *sql, const char *types, ...);
gboolean
surel_sql_get (SurelSql *self, gint64 *value, GError **error, const char *sql, const char *types, ...);
gboolean surel_sql_checkpoint (SurelSql *self, int mode, GError **error);
gboolean surel_sql_exec (SurelSql *self, const char *sql, GError **error);
void surel_sql_reset_all (SurelSql *self);
int surel_sql_step (SurelSql *self, sqlite3_stmt *statement, GError **error);
GBytes *surel_sql_column_bytes (sqlite3_stmt *statement, int column);
char *surel_sql_column_text (sqlite3_stmt *statement, int column);
SurelRemoteId surel_sql_column_remote_id (sqlite3_stmt *statement, int column);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelSql, surel_sql_close)

G_END_DECLS
