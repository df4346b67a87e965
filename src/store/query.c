/* Queries: a checked tree of conditions made into one statement. Its text is put together from
 * constants alone; every value is bound. It goes along one list: that of a folder, of a thread, of what the text index finds, newest
 * first, or of all messages. Where threads are collapsed the list is gone through here, and what was there of a thread passed
 * over. */
#include "store/query.h"

#include <string.h>

#include "base/errors.h"
#include "base/keywords.h"
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

typedef struct
{
  GString *where;
  GString *order;
  GArray *numbers; /* what is bound, in order: gint64 where the text is NULL */
  GPtrArray *texts; /* borrowed strings, NULL for a number */
  gint64 folder; /* the list that drives the query; 0 for another */
  gint64 thread; /* likewise */
  const SurelFilter *driver; /* the condition that named it */
  SurelReader *reader;
  const SurelQuery *query;
  SurelQueryResult *found; /* gets what it took */
  GPtrArray *checks; /* Check: those that are bound, NULL for others */
  GString *match; /* what the text index is asked for, and drives the query; NULL where it doesn't */
} Build;

/* A condition that SQLite leaves to us: of a message or a thread. */
typedef struct
{
  SurelSqlCheck asked;
  const SurelFilter *filter;
  Build *build; /* whose it is */
} Check;

/* What came of it before: a result is gone along more than once, and messages have their thread in common. NULL where it wasn't
 * asked yet. */
static GHashTable *
answers_of (Check *check)
{
  GHashTable *all = check->build->found->answers;
  GHashTable *answers = g_hash_table_lookup (all, check->filter);

  if (answers == NULL)
    {
      answers = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
      g_hash_table_insert (all, (gpointer) check->filter, answers);
    }
  return answers;
}

static void
bind_value (Build *build, gint64 number, const char *text, Check *check)
{
  g_array_append_val (build->numbers, number);
  g_ptr_array_add (build->texts, (gpointer) text);
  g_ptr_array_add (build->checks, check);
}

static void
bind_number (Build *build, gint64 number)
{
  bind_value (build, number, NULL, NULL);
}

static void
bind_text (Build *build, const char *text)
{
  bind_value (build, 0, text, NULL);
}

typedef gboolean (*AnswerFunc) (Check *check, gint64 id);

static gboolean
answer (Check *check, gint64 id, AnswerFunc func)
{
  GHashTable *answers = answers_of (check);
  gpointer known;

  if (!g_hash_table_lookup_extended (answers, &id, NULL, &known))
    {
      known = GINT_TO_POINTER (func (check, id));
      g_hash_table_insert (answers, g_memdup2 (&id, sizeof id), known);
    }
  return GPOINTER_TO_INT (known);
}

static gboolean
has_header (Check *check, gint64 id)
{
  Build *build = check->build;

  return build->query->has_header (build->reader, id, (const char *const *) check->filter->texts, &build->found->looked,
                                   &build->found->complete, build->query->has_header_data);
}

static gboolean
check_header (gint64 id, gpointer check)
{
  return answer (check, id, has_header);
}

/* Whether any message of the thread has the keyword; of SUREL_FILTER_ALL_IN_THREAD whether any lacks it. */
static gboolean
has_in_thread (Check *check, gint64 thread)
{
#define OF_THREAD "SELECT EXISTS (SELECT 1 FROM message t INDEXED BY message_thread WHERE t.thread = ?1 AND t.shown AND "
#define HAS_WORD                                                                                         \
  "EXISTS (SELECT 1 FROM message_keyword k WHERE k.message = t.id AND k.keyword = (SELECT id FROM keyword WHERE name = lower(?2)))"
  const char *keyword = check->filter->text;
  SurelSql *sql = check->build->reader->sql;
  gint64 bit = surel_keyword_bit (keyword);
  gboolean lacks = check->filter->kind == SUREL_FILTER_ALL_IN_THREAD;
  gint64 has = 0;

  if (bit != 0 && lacks)
    surel_sql_get (sql, &has, NULL, OF_THREAD "(t.flags & ?2) = 0)", "ii", thread, bit);
  else if (bit != 0)
    surel_sql_get (sql, &has, NULL, OF_THREAD "(t.flags & ?2) != 0)", "ii", thread, bit);
  else if (lacks)
    surel_sql_get (sql, &has, NULL, OF_THREAD "NOT " HAS_WORD ")", "is", thread, keyword);
  else
    surel_sql_get (sql, &has, NULL, OF_THREAD HAS_WORD ")", "is", thread, keyword);
  return has != 0;
}

static gboolean
check_thread (gint64 thread, gpointer check)
{
  return answer (check, thread, has_in_thread);
}

static void
add_check (Build *build, const SurelFilter *filter, gboolean (*func) (gint64 id, gpointer check), const char *id)
{
  Check *check = g_new0 (Check, 1);

  *check = (Check){ { func, check }, filter, build };
  g_string_append_printf (build->where, "surel_check (?, %s)", id);
  bind_value (build, 0, NULL, check);
}

static void
add_numbers (Build *build, GArray *numbers)
{
  g_string_append_c (build->where, '(');
  for (guint i = 0; i < numbers->len; i++)
    {
      g_string_append (build->where, i > 0 ? ",?" : "?");
      bind_number (build, g_array_index (numbers, gint64, i));
    }
  g_string_append_c (build->where, ')');
}

/* Folds to lower case: user keywords are kept so. */
static void
add_keyword (Build *build, GString *to, const char *keyword)
{
  guint bit = surel_keyword_bit (keyword);

  if (bit != 0)
    {
      g_string_append (to, "(m.flags & ?) != 0");
      bind_number (build, bit);
    }
  else
    {
      g_string_append (to, "EXISTS (SELECT 1 FROM message_keyword k WHERE k.message = m.id AND "
                           "k.keyword = (SELECT id FROM keyword WHERE name = lower(?)))");
      bind_text (build, keyword);
    }
}

/* Whether a message of the thread has the keyword, or one hasn't, where all are to have it. One whose thread isn't known is alone. */
static void
add_in_thread (Build *build, const SurelFilter *filter)
{
  g_string_append_printf (build->where, "CASE WHEN m.thread = 0 THEN %s", filter->kind == SUREL_FILTER_ALL_IN_THREAD ? "NOT " : "");
  add_keyword (build, build->where, filter->text);
  g_string_append (build->where, " ELSE ");
  add_check (build, filter, check_thread, "m.thread");
  g_string_append (build->where, " END");
}

static void
add_number_condition (Build *build, const char *sql, gint64 number)
{
  g_string_append (build->where, sql);
  bind_number (build, number);
}

/* For all messages at once, where the text index doesn't drive the query: to open it takes as long as what it finds is long. */
static void
add_text (Build *build, const char *expression)
{
  g_string_append (build->where, "m.doc * 2 + (m.texted != 0) IN (SELECT rowid FROM search WHERE search MATCH ?)");
  bind_text (build, expression);
}

#define IN_FOLDER "EXISTS (SELECT 1 FROM placement q WHERE q.message = m.id AND NOT q.leaving AND q.folder "
#define IN_ROLE IN_FOLDER "IN (SELECT id FROM folder WHERE coalesce(role_set, role) "

static void add_filter (Build *build, const SurelFilter *filter, gboolean is_driving);

/* Whether it may take long to see. */
static gboolean
is_slow (const SurelFilter *filter)
{
  gboolean slow = filter->kind == SUREL_FILTER_HEADER;

  for (guint i = 0; !slow && filter->children != NULL && i < filter->children->len; i++)
    slow = is_slow (filter->children->pdata[i]);
  return slow;
}

static guint
add_all (Build *build, const SurelFilter *filter, gboolean is_driving, gboolean slow)
{
  guint n = 0;

  for (guint i = 0; i < filter->children->len; i++)
    {
      const SurelFilter *child = filter->children->pdata[i];

      if (is_slow (child) != slow)
        continue;
      if (n++ > 0)
        g_string_append (build->where, " AND ");
      add_filter (build, child, is_driving);
    }
  return n;
}

/* What is slow is looked at where all else is met: SQLite would take it when it likes. */
static void
add_and (Build *build, const SurelFilter *filter, gboolean is_driving)
{
  g_string_append (build->where, is_slow (filter) ? "CASE WHEN (" : "(");
  if (add_all (build, filter, is_driving, FALSE) == 0)
    g_string_append_c (build->where, '1');
  g_string_append_c (build->where, ')');
  if (!is_slow (filter))
    return;
  g_string_append (build->where, " THEN (");
  add_all (build, filter, is_driving, TRUE);
  g_string_append (build->where, ") ELSE 0 END");
}

/* @is_driving: every result has to fulfil it, so what drives the query may have seen to it already. */
static void
add_filter (Build *build, const SurelFilter *filter, gboolean is_driving)
{
  switch (filter->kind)
    {
    case SUREL_FILTER_AND:
      add_and (build, filter, is_driving);
      break;
    case SUREL_FILTER_OR:
    case SUREL_FILTER_NOT:
      g_string_append (build->where, filter->kind == SUREL_FILTER_NOT ? "NOT (" : "(");
      for (guint i = 0; i < filter->children->len; i++)
        {
          if (i > 0)
            g_string_append (build->where, " OR ");
          add_filter (build, filter->children->pdata[i], FALSE);
        }
      if (filter->children->len == 0)
        g_string_append_c (build->where, '0');
      g_string_append_c (build->where, ')');
      break;
    case SUREL_FILTER_IN_MAILBOX:
      if (filter == build->driver)
        g_string_append_c (build->where, '1');
      else
        add_number_condition (build, IN_FOLDER "= ?)", filter->number);
      break;
    case SUREL_FILTER_IN_OTHER_THAN:
      g_string_append (build->where, IN_FOLDER "NOT IN ");
      add_numbers (build, filter->numbers);
      g_string_append_c (build->where, ')');
      break;
    case SUREL_FILTER_IN_ROLE:
      g_string_append (build->where, IN_ROLE "= ?))");
      bind_text (build, filter->text);
      break;
    case SUREL_FILTER_NOT_IN_ROLES:
      g_string_append (build->where, "NOT " IN_ROLE "IN (");
      for (guint i = 0; filter->texts[i] != NULL; i++)
        {
          g_string_append (build->where, i > 0 ? ",?" : "?");
          bind_text (build, filter->texts[i]);
        }
      g_string_append (build->where, ")))");
      break;
    case SUREL_FILTER_ACCOUNT:
      add_number_condition (build, "m.account = ?", filter->number);
      break;
    case SUREL_FILTER_BEFORE:
      add_number_condition (build, "m.received < ?", filter->number);
      break;
    case SUREL_FILTER_AFTER:
      add_number_condition (build, "m.received >= ?", filter->number);
      break;
    case SUREL_FILTER_MIN_SIZE:
      add_number_condition (build, "m.size >= ?", filter->number);
      break;
    case SUREL_FILTER_MAX_SIZE:
      add_number_condition (build, "m.size < ?", filter->number);
      break;
    case SUREL_FILTER_HAS_KEYWORD:
      add_keyword (build, build->where, filter->text);
      break;
    case SUREL_FILTER_NOT_KEYWORD:
      g_string_append (build->where, "NOT ");
      add_keyword (build, build->where, filter->text);
      break;
    case SUREL_FILTER_HAS_ATTACHMENT:
      add_number_condition (build, "m.has_attachment = ?", filter->number);
      break;
    case SUREL_FILTER_THREAD:
      if (filter == build->driver)
        g_string_append_c (build->where, '1');
      else
        add_number_condition (build, "m.thread = ?", filter->number);
      break;
    case SUREL_FILTER_ALL_IN_THREAD:
    case SUREL_FILTER_NONE_IN_THREAD:
      g_string_append (build->where, "NOT ");
      add_in_thread (build, filter);
      break;
    case SUREL_FILTER_SOME_IN_THREAD:
      add_in_thread (build, filter);
      break;
    case SUREL_FILTER_HEADER:
      add_check (build, filter, check_header, "m.id");
      break;
    case SUREL_FILTER_TEXT:
    case SUREL_FILTER_TEXT_OF_BODY:
      if (build->match != NULL && is_driving)
        g_string_append_c (build->where, '1');
      else
        add_text (build, filter->text);
      break;
    default:
      g_assert_not_reached ();
    }
}

/* The condition of @kind that every result has to fulfil; NULL where there is none. */
static const SurelFilter *
find_driver (const SurelFilter *filter, SurelFilterKind kind)
{
  const SurelFilter *driver = filter != NULL && filter->kind == kind ? filter : NULL;

  for (guint i = 0; driver == NULL && filter != NULL && filter->kind == SUREL_FILTER_AND && i < filter->children->len; i++)
    driver = find_driver (filter->children->pdata[i], kind);
  return driver;
}

static void
add_sort (Build *build, const SurelSort *sort)
{
  static const char *const columns[] = {
    [SUREL_SORT_SENT] = "m.sent",
    [SUREL_SORT_FROM] = "surel_sort_name(m.from_)",
    [SUREL_SORT_TO] = "surel_sort_name(m.to_)",
    [SUREL_SORT_SUBJECT] = "surel_sort_subject(m.subject)",
    [SUREL_SORT_SIZE] = "m.size",
  };

  if (build->order->len > 0)
    g_string_append (build->order, ", ");
  if (sort->key == SUREL_SORT_RECEIVED)
    g_string_append (build->order, "m.received");
  else if (sort->key == SUREL_SORT_KEYWORD)
    add_keyword (build, build->order, sort->keyword);
  else
    g_string_append (build->order, columns[sort->key]);
  if (sort->descending)
    g_string_append (build->order, " DESC");
}

/* Whether the condition that drives the query is all there is. */
static gboolean
is_driver_alone (const SurelFilter *filter, const SurelFilter *driver)
{
  return driver != NULL
         && (filter == driver
             || (filter->kind == SUREL_FILTER_AND && filter->children->len == 1
                 && is_driver_alone (filter->children->pdata[0], driver)));
}

static gboolean
is_text (const SurelFilter *filter)
{
  return filter->kind == SUREL_FILTER_TEXT || filter->kind == SUREL_FILTER_TEXT_OF_BODY;
}

/* Adds to @match, which may be NULL, what every result has to have in its text. */
static GString *
find_match (const SurelFilter *filter, GString *match)
{
  if (filter != NULL && is_text (filter))
    {
      if (match == NULL)
        match = g_string_new (NULL);
      g_string_append_printf (match, match->len > 0 ? " AND (%s)" : "(%s)", filter->text);
    }
  for (guint i = 0; filter != NULL && filter->kind == SUREL_FILTER_AND && i < filter->children->len; i++)
    match = find_match (filter->children->pdata[i], match);
  return match;
}

/* Passes over what the text index finds before the first and after the last message of @folder. */
static void
add_range (Build *build, gint64 folder)
{
  add_number_condition (build, " AND s.rowid >= 2 * (SELECT min(doc) FROM placement WHERE folder = ? AND shown)", folder);
  add_number_condition (build, " AND s.rowid <= 2 * (SELECT max(doc) FROM placement WHERE folder = ? AND shown) + 1", folder);
}

static void
build_start (Build *build, SurelReader *reader, const SurelQuery *query, SurelQueryResult *found)
{
  const SurelFilter *folder = find_driver (query->filter, SUREL_FILTER_IN_MAILBOX);
  const SurelFilter *thread = find_driver (query->filter, SUREL_FILTER_THREAD);

  *build = (Build){ .where = g_string_new (NULL),
                    .order = g_string_new (NULL),
                    .numbers = g_array_new (FALSE, FALSE, sizeof (gint64)),
                    .texts = g_ptr_array_new (),
                    .checks = g_ptr_array_new_with_free_func (g_free),
                    .reader = reader,
                    .query = query,
                    .found = found };
  build->match = thread == NULL ? find_match (query->filter, NULL) : NULL;
  if (thread != NULL)
    {
      build->driver = thread;
      build->thread = thread->number;
      bind_number (build, build->thread);
    }
  else if (build->match != NULL)
    {
      bind_text (build, build->match->str);
      if (folder != NULL) /* what the index finds is older, or newer, than all of it */
        add_range (build, folder->number);
    }
  else if (folder != NULL)
    {
      build->driver = folder;
      build->folder = folder->number;
      bind_number (build, build->folder);
    }
  if (query->filter != NULL && !is_driver_alone (query->filter, build->driver))
    {
      g_string_append (build->where, " AND ");
      add_filter (build, query->filter, TRUE);
    }
}

static void
build_clear (Build *build)
{
  if (build->where == NULL)
    return;
  g_string_free (build->where, TRUE);
  g_string_free (build->order, TRUE);
  g_array_unref (build->numbers);
  g_ptr_array_unref (build->texts);
  g_ptr_array_unref (build->checks);
  if (build->match != NULL)
    g_string_free (build->match, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Build, build_clear)

/* The order of the index, or one that has to be sorted. */
static gboolean
is_by_index (const SurelQuery *query)
{
  const SurelSort *sort = query->sort->len > 0 ? &g_array_index (query->sort, SurelSort, 0) : NULL;

  return sort == NULL || (sort->key == SUREL_SORT_RECEIVED && sort->descending);
}

/* Whether all that is asked for is in the index of a folder's list. */
static gboolean
goes_by_list_alone (const Build *build, const SurelQuery *query)
{
  return build->folder != 0 && build->where->len == 0 && is_by_index (query) && !query->collapse;
}

/* CROSS JOIN keeps the planner, which knows no statistics, on the list's own index. */
static char *
make_sql (Build *build, const SurelQuery *query, const char *what, gboolean ordered)
{
  const char *doc = build->match != NULL ? "s.rowid" : build->folder != 0 ? "p.doc" : "m.doc";
  GString *sql = g_string_new ("SELECT ");

  g_string_append (sql, what);
  if (build->match != NULL)
    g_string_append (sql, " FROM search s CROSS JOIN message m ON m.doc = s.rowid >> 1 WHERE s.search MATCH ? AND m.shown AND (s.rowid & 1) "
                          "= (m.texted != 0)");
  else if (build->driver == NULL)
    g_string_append (sql, " FROM message m WHERE m.shown");
  else if (build->driver->kind == SUREL_FILTER_THREAD)
    g_string_append (sql, " FROM message m INDEXED BY message_thread WHERE m.thread = ? AND m.shown");
  else if (goes_by_list_alone (build, query))
    g_string_append (sql, " FROM placement p WHERE p.folder = ? AND p.shown");
  else
    g_string_append (sql, " FROM placement p CROSS JOIN message m ON m.id = p.message WHERE p.folder = ? "
                          "AND p.shown");
  g_string_append (sql, build->where->str);
  if (!ordered)
    return g_string_free (sql, FALSE);
  g_string_append (sql, " ORDER BY ");
  if (is_by_index (query))
    g_string_append_printf (sql, "%s DESC", doc);
  else
    {
      for (guint i = 0; i < query->sort->len; i++)
        add_sort (build, &g_array_index (query->sort, SurelSort, i));
      g_string_append_printf (sql, "%s, m.id", build->order->str);
    }
  return g_string_free (sql, FALSE);
}

static sqlite3_stmt *
start (SurelReader *reader, Build *build, const char *sql, GError **error)
{
  sqlite3_stmt *statement = surel_sql_prepare (reader->sql, sql, error);

  for (guint i = 0; statement != NULL && i < build->texts->len; i++)
    {
      int position = (int) i + 1;

      if (build->checks->pdata[i] != NULL)
        sqlite3_bind_pointer (statement, position, build->checks->pdata[i], SUREL_SQL_CHECK, NULL);
      else if (build->texts->pdata[i] != NULL)
        sqlite3_bind_text (statement, position, build->texts->pdata[i], -1, SQLITE_STATIC);
      else
        sqlite3_bind_int64 (statement, position, g_array_index (build->numbers, gint64, i));
    }
  return statement;
}

static char *
make_list_sql (Build *build, const SurelQuery *query)
{
  const char *what = goes_by_list_alone (build, query) ? "p.message" : query->collapse ? "m.id, m.thread" : "m.id";

  return make_sql (build, query, what, TRUE);
}

static gboolean
count_total (SurelReader *reader, const SurelQuery *query, SurelQueryResult *found, GError **error)
{
  const char *what = query->collapse ? "count(DISTINCT CASE WHEN m.thread = 0 THEN -m.id ELSE m.thread END)" : "count(*)";
  g_auto (Build) build = { 0 };
  g_autofree char *sql = NULL;
  sqlite3_stmt *statement;

  build_start (&build, reader, query, found);
  sql = make_sql (&build, query, what, FALSE);
  statement = start (reader, &build, sql, error);
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
  return (Walk){ reader, statement, query->collapse ? g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL) : NULL };
}

/* Whether its thread wasn't there yet; it is from now on. */
static gboolean
is_first_of_thread (Walk *walk)
{
  gint64 thread = sqlite3_column_int64 (walk->statement, 1);

  return thread == 0 || g_hash_table_add (walk->threads, g_memdup2 (&thread, sizeof thread));
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
  g_auto (Build) build = { 0 };
  g_auto (Walk) walk = { 0 };
  g_autofree char *sql = NULL;
  gint64 index = 0;
  gint64 id;
  int result;

  *position = query->position;
  if (query->anchor == 0)
    return TRUE;
  build_start (&build, reader, query, found);
  sql = make_list_sql (&build, query);
  walk = walk_start (reader, query, start (reader, &build, sql, error));
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
start_window (SurelReader *reader, Build *build, const SurelQuery *query, gint64 *position, GError **error)
{
  g_autofree char *list = make_list_sql (build, query);
  g_autofree char *sql = NULL;

  if (query->collapse)
    return start (reader, build, list, error);
  sql = g_strconcat (list, " LIMIT ? OFFSET ?", NULL);
  bind_number (build, (gint64) query->limit + 1);
  bind_number (build, *position);
  *position = 0;
  return start (reader, build, sql, error);
}

static gboolean
looks_for_text (const SurelFilter *filter, gboolean in_bodies)
{
  gboolean looks = filter->kind == SUREL_FILTER_TEXT_OF_BODY || (filter->kind == SUREL_FILTER_TEXT && !in_bodies);

  for (guint i = 0; !looks && filter->children != NULL && i < filter->children->len; i++)
    looks = looks_for_text (filter->children->pdata[i], in_bodies);
  return looks;
}

static gboolean
looks_at_threads (const SurelFilter *filter)
{
  gboolean looks = filter->kind >= SUREL_FILTER_THREAD && filter->kind <= SUREL_FILTER_NONE_IN_THREAD;

  for (guint i = 0; !looks && filter->children != NULL && i < filter->children->len; i++)
    looks = looks_at_threads (filter->children->pdata[i]);
  return looks;
}

static gboolean
see_whether_complete (SurelReader *reader, const SurelQuery *query, gboolean *complete, GError **error)
{
  const SurelFilter *filter = query->filter;

  *complete = TRUE;
  if (filter != NULL && looks_for_text (filter, FALSE)
      && !surel_search_is_complete (reader, looks_for_text (filter, TRUE), complete, error))
    return FALSE;
  if (query->collapse || (filter != NULL && looks_at_threads (filter)))
    *complete = *complete && !surel_threads_are_behind (reader->sql);
  return TRUE;
}

static gboolean
has_not (const SurelFilter *filter)
{
  gboolean has = filter->kind == SUREL_FILTER_NOT || filter->kind == SUREL_FILTER_ALL_IN_THREAD || filter->kind == SUREL_FILTER_NONE_IN_THREAD;

  for (guint i = 0; !has && filter->children != NULL && i < filter->children->len; i++)
    has = has_not (filter->children->pdata[i]);
  return has;
}

/**
 * surel_query_excludes:
 *
 * Returns: whether there are results by what they have not: too many of them, where the result isn't complete
 */
gboolean
surel_query_excludes (const SurelQuery *self)
{
  return self->filter != NULL && has_not (self->filter);
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
  g_auto (Build) build = { 0 };
  g_auto (Walk) walk = { 0 };
  gint64 position;
  gint64 id;
  int result = 0;

  found->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  found->answers = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_hash_table_unref);
  build_start (&build, reader, query, found);
  if (!see_whether_complete (reader, query, &found->complete, error) || !find_position (reader, query, found, &position, error)
      || (query->calculate_total && !count_total (reader, query, found, error)))
    return NULL;
  walk = walk_start (reader, query, start_window (reader, &build, query, &position, error));
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
  g_auto (Build) build = { 0 };
  g_autofree char *list = NULL;
  g_autofree char *sql = NULL;
  GString *plan = g_string_new (NULL);
  sqlite3_stmt *statement;

  build_start (&build, reader, query, &found);
  list = make_list_sql (&build, query);
  sql = g_strconcat ("EXPLAIN QUERY PLAN ", list, NULL);
  statement = start (reader, &build, sql, error);
  while (statement != NULL && surel_sql_step (reader->sql, statement, error) > 0)
    g_string_append_printf (plan, "%s\n", (const char *) sqlite3_column_text (statement, 3));
  return g_string_free (plan, FALSE);
}
