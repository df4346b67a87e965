/* Queries: a window of the results, counted and placed. They are made a statement (query-sql.c), whose list is gone along here; where
 * threads are collapsed what was there of a thread is passed over. */
#include "store/query-private.h"

#include "base/errors.h"
#include "store/search.h"
#include "store/threads.h"

SurelFilter *
surel_filter_new (SurelFilterKind kind)
{
  SurelFilter *self = g_new0 (SurelFilter, 1);

  self->kind = kind;
  if (kind <= SUREL_FILTER_NOT)
    self->children = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_filter_free);
  return self;
}

void
surel_filter_free (SurelFilter *self)
{
  g_clear_pointer (&self->children, g_ptr_array_unref);
  g_clear_pointer (&self->numbers, g_array_unref);
  g_free (self->text);
  g_strfreev (self->texts);
  g_free (self);
}

static void
sort_clear (gpointer data)
{
  g_free (((SurelSort *) data)->keyword);
}

SurelQuery *
surel_query_new (void)
{
  SurelQuery *self = g_new0 (SurelQuery, 1);

  self->sort = g_array_new (FALSE, TRUE, sizeof (SurelSort));
  g_array_set_clear_func (self->sort, sort_clear);
  return self;
}

void
surel_query_free (SurelQuery *self)
{
  g_clear_pointer (&self->filter, surel_filter_free);
  g_array_unref (self->sort);
  g_free (self);
}

void
surel_query_result_free (SurelQueryResult *self)
{
  g_hash_table_unref (self->answers);
  g_array_unref (self->ids);
  g_free (self);
}

static gboolean
count_total (SurelReader *reader, const SurelQuery *query, SurelQueryResult *found, GError **error)
{
  g_auto (SurelQuerySql) build = { 0 };
  g_autofree char *sql = NULL;
  sqlite3_stmt *statement;

  surel_query_sql_init (&build, reader, query, found);
  sql = surel_query_sql_count (&build);
  statement = surel_query_sql_start (&build, sql, error);
  if (statement == NULL || surel_sql_step (reader->sql, statement, error) < 0)
    return FALSE;
  found->total = (guint64) sqlite3_column_int64 (statement, 0);
  sqlite3_reset (statement);
  return TRUE;
}

/* --- Going along the results --- */

typedef struct
{
  SurelReader *reader;
  sqlite3_stmt *statement;
  GHashTable *threads; /* set of threads that were there already; NULL where they aren't collapsed */
} Walk;

static void
walk_clear (Walk *walk)
{
  if (walk->statement != NULL)
    sqlite3_reset (walk->statement);
  g_clear_pointer (&walk->threads, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Walk, walk_clear)

/* @statement may be NULL, with an error set that walk_next() then leaves. */
static Walk
walk_start (SurelReader *reader, const SurelQuery *query, sqlite3_stmt *statement)
{
  return (Walk){ reader, statement, query->collapse ? g_hash_table_new (NULL, NULL) : NULL };
}

/* Whether its thread wasn't there yet; it is from now on. */
static gboolean
is_first_of_thread (Walk *walk)
{
  gint64 thread = sqlite3_column_int64 (walk->statement, 1);

  return thread == 0 || g_hash_table_add (walk->threads, (gpointer) (guintptr) thread);
}

/* Returns 1 where @id is set, 0 at the end, -1 with @error set. */
static int
walk_next (Walk *walk, gint64 *id, GError **error)
{
  int result = -1;

  while (walk->statement != NULL && (result = surel_sql_step (walk->reader->sql, walk->statement, error)) > 0)
    if (walk->threads == NULL || is_first_of_thread (walk))
      {
        *id = sqlite3_column_int64 (walk->statement, 0);
        return 1;
      }
  return result;
}

/* Where the window begins: before it, all is stepped over. */
static gboolean
find_position (SurelReader *reader, const SurelQuery *query, SurelQueryResult *found, gint64 *position, GError **error)
{
  g_auto (SurelQuerySql) build = { 0 };
  g_auto (Walk) walk = { 0 };
  g_autofree char *sql = NULL;
  gint64 index = 0;
  gint64 id;
  int result;

  *position = query->position;
  if (query->anchor == 0)
    return TRUE;
  surel_query_sql_init (&build, reader, query, found);
  sql = surel_query_sql_list (&build);
  walk = walk_start (reader, query, surel_query_sql_start (&build, sql, error));
  while ((result = walk_next (&walk, &id, error)) > 0)
    {
      if (id == query->anchor)
        {
          *position = MAX (0, index + query->anchor_offset);
          return TRUE;
        }
      index++;
    }
  if (result == 0)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND,
                 "The anchor, message %" G_GINT64_FORMAT ", is not among the results", query->anchor);
  return FALSE;
}

/* The window's statement: SQLite steps over what is before it, where each row is a result. */
static sqlite3_stmt *
start_window (SurelQuerySql *build, const SurelQuery *query, gint64 *position, GError **error)
{
  g_autofree char *list = surel_query_sql_list (build);
  g_autofree char *sql = NULL;

  if (query->collapse)
    return surel_query_sql_start (build, list, error);
  sql = g_strconcat (list, " LIMIT ? OFFSET ?", NULL);
  surel_query_sql_bind_number (build, (gint64) query->limit + 1);
  surel_query_sql_bind_number (build, *position);
  *position = 0;
  return surel_query_sql_start (build, sql, error);
}

/* Whether @is holds for any condition of @filter, which may be NULL. */
static gboolean
holds_for_any (const SurelFilter *filter, gboolean (*is) (const SurelFilter *filter))
{
  gboolean holds = filter != NULL && is (filter);

  for (guint i = 0; !holds && filter != NULL && filter->children != NULL && i < filter->children->len; i++)
    holds = holds_for_any (filter->children->pdata[i], is);
  return holds;
}

static gboolean
is_of_text (const SurelFilter *filter)
{
  return filter->kind == SUREL_FILTER_TEXT || filter->kind == SUREL_FILTER_TEXT_OF_BODY;
}

static gboolean
is_of_body (const SurelFilter *filter)
{
  return filter->kind == SUREL_FILTER_TEXT_OF_BODY;
}

static gboolean
is_of_threads (const SurelFilter *filter)
{
  return filter->kind >= SUREL_FILTER_THREAD && filter->kind <= SUREL_FILTER_NONE_IN_THREAD;
}

static gboolean
is_by_lack (const SurelFilter *filter)
{
  return filter->kind == SUREL_FILTER_NOT || filter->kind == SUREL_FILTER_ALL_IN_THREAD || filter->kind == SUREL_FILTER_NONE_IN_THREAD;
}

static gboolean
see_whether_complete (SurelReader *reader, const SurelQuery *query, gboolean *complete, GError **error)
{
  const SurelFilter *filter = query->filter;

  *complete = TRUE;
  if (holds_for_any (filter, is_of_text) && !surel_search_is_complete (reader, holds_for_any (filter, is_of_body), complete, error))
    return FALSE;
  if (query->collapse || holds_for_any (filter, is_of_threads))
    *complete = *complete && !surel_threads_are_behind (reader->sql);
  return TRUE;
}

/**
 * surel_query_excludes:
 *
 * Returns: whether there are results by what they have not: too many of them, where the result isn't complete
 */
gboolean
surel_query_excludes (const SurelQuery *self)
{
  return holds_for_any (self->filter, is_by_lack);
}

/**
 * surel_query_run:
 *
 * Returns: (transfer full) (nullable): the ids of a window of the results; %NULL with
 *   %SUREL_ERROR_NOT_FOUND where the anchor is none of them
 */
SurelQueryResult *
surel_query_run (SurelReader *reader, const SurelQuery *query, GError **error)
{
  g_autoptr (SurelQueryResult) found = g_new0 (SurelQueryResult, 1);
  g_auto (SurelQuerySql) build = { 0 };
  g_auto (Walk) walk = { 0 };
  gint64 position;
  gint64 id;
  int result = 0;

  found->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  found->answers = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_hash_table_unref);
  surel_query_sql_init (&build, reader, query, found);
  if (!see_whether_complete (reader, query, &found->complete, error) || !find_position (reader, query, found, &position, error)
      || (query->calculate_total && !count_total (reader, query, found, error)))
    return NULL;
  walk = walk_start (reader, query, start_window (&build, query, &position, error));
  while (!found->has_more && (result = walk_next (&walk, &id, error)) > 0)
    if (position > 0)
      position--;
    else if (found->ids->len == query->limit)
      found->has_more = TRUE;
    else
      g_array_append_val (found->ids, id);
  return found->has_more || result == 0 ? g_steal_pointer (&found) : NULL;
}

/**
 * surel_query_explain:
 *
 * Returns: (transfer full) (nullable): how SQLite would go about it, a line a step; for tests
 */
char *
surel_query_explain (SurelReader *reader, const SurelQuery *query, GError **error)
{
  SurelQueryResult found = { 0 };
  g_auto (SurelQuerySql) build = { 0 };
  g_autofree char *list = NULL;
  g_autofree char *sql = NULL;
  GString *plan = g_string_new (NULL);
  sqlite3_stmt *statement;

  surel_query_sql_init (&build, reader, query, &found);
  list = surel_query_sql_list (&build);
  sql = g_strconcat ("EXPLAIN QUERY PLAN ", list, NULL);
  statement = surel_query_sql_start (&build, sql, error);
  while (statement != NULL && surel_sql_step (reader->sql, statement, error) > 0)
    g_string_append_printf (plan, "%s\n", (const char *) sqlite3_column_text (statement, 3));
  return g_string_free (plan, FALSE);
}
