#pragma once

#include "store/query.h"

G_BEGIN_DECLS

/* What the files of queries share: query-sql.c makes statements of them, query-check.c answers what SQLite leaves to us, query.c goes
 * along the results. */

/* A query's statement in the making: its conditions, and all that is bound. */
typedef struct
{
  SurelReader *reader;
  const SurelQuery *query;
  SurelQueryResult *found; /* gets what it took */
  const SurelFilter *driver; /* the condition whose list is gone along: of a folder or a thread; NULL for another list */
  GString *match; /* what the text index is asked for, where that is gone along; else NULL */
  GString *where;
  GString *order;
  GArray *numbers; /* what is bound, in order: gint64 where the text and the check are NULL */
  GPtrArray *texts; /* borrowed strings, or NULL */
  GPtrArray *checks; /* SurelQueryCheck, or NULL */
} SurelQuerySql;

/* A condition that SQLite leaves to us: of a message or a thread. */
typedef struct
{
  SurelSqlCheck asked;
  const SurelFilter *filter;
  SurelQuerySql *sql; /* whose it is */
} SurelQueryCheck;

SurelQueryCheck *surel_query_check_new (SurelQuerySql *sql, const SurelFilter *filter);

void surel_query_sql_init (SurelQuerySql *self, SurelReader *reader, const SurelQuery *query, SurelQueryResult *found);
void surel_query_sql_clear (SurelQuerySql *self);
void surel_query_sql_bind_number (SurelQuerySql *self, gint64 number);
char *surel_query_sql_list (SurelQuerySql *self);
char *surel_query_sql_count (SurelQuerySql *self);
sqlite3_stmt *surel_query_sql_start (SurelQuerySql *self, const char *text, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SurelQuerySql, surel_query_sql_clear)

G_END_DECLS
