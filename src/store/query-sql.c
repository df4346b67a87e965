/* A checked tree of conditions made into one statement. Its text is put together from constants alone; every value is bound. It
 * goes along one list: that of a folder, of a thread, of what the text index finds, newest first, or of all messages. */
#include <string.h>

#include "base/keywords.h"
#include "store/query-private.h"

static void
bind_value (SurelQuerySql *self, gint64 number, const char *text, SurelQueryCheck *check)
{
  g_array_append_val (self->numbers, number);
  g_ptr_array_add (self->texts, (gpointer) text);
  g_ptr_array_add (self->checks, check);
}

/**
 * surel_query_sql_bind_number:
 *
 * Binds what comes next in the statement.
 */
void
surel_query_sql_bind_number (SurelQuerySql *self, gint64 number)
{
  bind_value (self, number, NULL, NULL);
}

static void
bind_text (SurelQuerySql *self, const char *text)
{
  bind_value (self, 0, text, NULL);
}

static void
add_check (SurelQuerySql *self, const SurelFilter *filter, const char *id)
{
  g_string_append_printf (self->where, "surel_check (?, %s)", id);
  bind_value (self, 0, NULL, surel_query_check_new (self, filter));
}

static void
add_numbers (SurelQuerySql *self, GArray *numbers)
{
  g_string_append_c (self->where, '(');
  for (guint i = 0; i < numbers->len; i++)
    {
      g_string_append (self->where, i > 0 ? ",?" : "?");
      surel_query_sql_bind_number (self, g_array_index (numbers, gint64, i));
    }
  g_string_append_c (self->where, ')');
}

/* Folds to lower case: user keywords are kept so. */
static void
add_keyword (SurelQuerySql *self, GString *to, const char *keyword)
{
  guint bit = surel_keyword_bit (keyword);

  if (bit != 0)
    {
      g_string_append (to, "(m.flags & ?) != 0");
      surel_query_sql_bind_number (self, bit);
    }
  else
    {
      g_string_append (to, "EXISTS (SELECT 1 FROM message_keyword k WHERE k.message = m.id AND "
                           "k.keyword = (SELECT id FROM keyword WHERE name = lower(?)))");
      bind_text (self, keyword);
    }
}

/* Whether a message of the thread has the keyword, or one hasn't, where all are to have it. One whose thread isn't known is alone. */
static void
add_in_thread (SurelQuerySql *self, const SurelFilter *filter)
{
  g_string_append_printf (self->where, "CASE WHEN m.thread = 0 THEN %s", filter->kind == SUREL_FILTER_ALL_IN_THREAD ? "NOT " : "");
  add_keyword (self, self->where, filter->text);
  g_string_append (self->where, " ELSE ");
  add_check (self, filter, "m.thread");
  g_string_append (self->where, " END");
}

static void
add_number_condition (SurelQuerySql *self, const char *sql, gint64 number)
{
  g_string_append (self->where, sql);
  surel_query_sql_bind_number (self, number);
}

/* For all messages at once, where the text index doesn't drive the query: to open it takes as long as what it finds is long. */
static void
add_text (SurelQuerySql *self, const char *expression)
{
  g_string_append (self->where, "m.doc * 2 + (m.texted != 0) IN (SELECT rowid FROM search WHERE search MATCH ?)");
  bind_text (self, expression);
}

#define IN_FOLDER "EXISTS (SELECT 1 FROM placement q WHERE q.message = m.id AND NOT q.leaving AND q.folder "
#define IN_ROLE IN_FOLDER "IN (SELECT id FROM folder WHERE coalesce(role_set, role) "

static void add_filter (SurelQuerySql *self, const SurelFilter *filter, gboolean is_driving);

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
add_all (SurelQuerySql *self, const SurelFilter *filter, gboolean is_driving, gboolean slow)
{
  guint n = 0;

  for (guint i = 0; i < filter->children->len; i++)
    {
      const SurelFilter *child = filter->children->pdata[i];

      if (is_slow (child) != slow)
        continue;
      if (n++ > 0)
        g_string_append (self->where, " AND ");
      add_filter (self, child, is_driving);
    }
  return n;
}

/* What is slow is looked at where all else is met: SQLite would take it when it likes. */
static void
add_and (SurelQuerySql *self, const SurelFilter *filter, gboolean is_driving)
{
  g_string_append (self->where, is_slow (filter) ? "CASE WHEN (" : "(");
  if (add_all (self, filter, is_driving, FALSE) == 0)
    g_string_append_c (self->where, '1');
  g_string_append_c (self->where, ')');
  if (!is_slow (filter))
    return;
  g_string_append (self->where, " THEN (");
  add_all (self, filter, is_driving, TRUE);
  g_string_append (self->where, ") ELSE 0 END");
}

/* @is_driving: every result has to fulfil it, so what drives the query may have seen to it already. */
static void
add_filter (SurelQuerySql *self, const SurelFilter *filter, gboolean is_driving)
{
  switch (filter->kind)
    {
    case SUREL_FILTER_AND:
      add_and (self, filter, is_driving);
      break;
    case SUREL_FILTER_OR:
    case SUREL_FILTER_NOT:
      g_string_append (self->where, filter->kind == SUREL_FILTER_NOT ? "NOT (" : "(");
      for (guint i = 0; i < filter->children->len; i++)
        {
          if (i > 0)
            g_string_append (self->where, " OR ");
          add_filter (self, filter->children->pdata[i], FALSE);
        }
      if (filter->children->len == 0)
        g_string_append_c (self->where, '0');
      g_string_append_c (self->where, ')');
      break;
    case SUREL_FILTER_IN_MAILBOX:
      if (filter == self->driver)
        g_string_append_c (self->where, '1');
      else
        add_number_condition (self, IN_FOLDER "= ?)", filter->number);
      break;
    case SUREL_FILTER_IN_OTHER_THAN:
      g_string_append (self->where, IN_FOLDER "NOT IN ");
      add_numbers (self, filter->numbers);
      g_string_append_c (self->where, ')');
      break;
    case SUREL_FILTER_IN_ROLE:
      g_string_append (self->where, IN_ROLE "= ?))");
      bind_text (self, filter->text);
      break;
    case SUREL_FILTER_NOT_IN_ROLES:
      g_string_append (self->where, "NOT " IN_ROLE "IN (");
      for (guint i = 0; filter->texts[i] != NULL; i++)
        {
          g_string_append (self->where, i > 0 ? ",?" : "?");
          bind_text (self, filter->texts[i]);
        }
      g_string_append (self->where, ")))");
      break;
    case SUREL_FILTER_ACCOUNT:
      add_number_condition (self, "m.account = ?", filter->number);
      break;
    case SUREL_FILTER_BEFORE:
      add_number_condition (self, "m.received < ?", filter->number);
      break;
    case SUREL_FILTER_AFTER:
      add_number_condition (self, "m.received >= ?", filter->number);
      break;
    case SUREL_FILTER_MIN_SIZE:
      add_number_condition (self, "m.size >= ?", filter->number);
      break;
    case SUREL_FILTER_MAX_SIZE:
      add_number_condition (self, "m.size < ?", filter->number);
      break;
    case SUREL_FILTER_HAS_KEYWORD:
      add_keyword (self, self->where, filter->text);
      break;
    case SUREL_FILTER_NOT_KEYWORD:
      g_string_append (self->where, "NOT ");
      add_keyword (self, self->where, filter->text);
      break;
    case SUREL_FILTER_HAS_ATTACHMENT:
      add_number_condition (self, "m.has_attachment = ?", filter->number);
      break;
    case SUREL_FILTER_THREAD:
      if (filter == self->driver)
        g_string_append_c (self->where, '1');
      else
        add_number_condition (self, "m.thread = ?", filter->number);
      break;
    case SUREL_FILTER_ALL_IN_THREAD:
    case SUREL_FILTER_NONE_IN_THREAD:
      g_string_append (self->where, "NOT ");
      add_in_thread (self, filter);
      break;
    case SUREL_FILTER_SOME_IN_THREAD:
      add_in_thread (self, filter);
      break;
    case SUREL_FILTER_HEADER:
      add_check (self, filter, "m.id");
      break;
    case SUREL_FILTER_TEXT:
    case SUREL_FILTER_TEXT_OF_BODY:
      if (self->match != NULL && is_driving)
        g_string_append_c (self->where, '1');
      else
        add_text (self, filter->text);
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
add_sort (SurelQuerySql *self, const SurelSort *sort)
{
  static const char *const columns[] = {
    [SUREL_SORT_SENT] = "m.sent",
    [SUREL_SORT_FROM] = "surel_sort_name(m.from_)",
    [SUREL_SORT_TO] = "surel_sort_name(m.to_)",
    [SUREL_SORT_SUBJECT] = "surel_sort_subject(m.subject)",
    [SUREL_SORT_SIZE] = "m.size",
  };

  if (self->order->len > 0)
    g_string_append (self->order, ", ");
  if (sort->key == SUREL_SORT_RECEIVED)
    g_string_append (self->order, "m.received");
  else if (sort->key == SUREL_SORT_KEYWORD)
    add_keyword (self, self->order, sort->keyword);
  else
    g_string_append (self->order, columns[sort->key]);
  if (sort->descending)
    g_string_append (self->order, " DESC");
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
add_range (SurelQuerySql *self, gint64 folder)
{
  add_number_condition (self, " AND s.rowid >= 2 * (SELECT min(doc) FROM placement WHERE folder = ? AND shown)", folder);
  add_number_condition (self, " AND s.rowid <= 2 * (SELECT max(doc) FROM placement WHERE folder = ? AND shown) + 1", folder);
}

/**
 * surel_query_sql_init:
 * @found: gets what it takes; is not owned, nor is @query, and both must outlive it
 */
void
surel_query_sql_init (SurelQuerySql *self, SurelReader *reader, const SurelQuery *query, SurelQueryResult *found)
{
  const SurelFilter *folder = find_driver (query->filter, SUREL_FILTER_IN_MAILBOX);
  const SurelFilter *thread = find_driver (query->filter, SUREL_FILTER_THREAD);

  *self = (SurelQuerySql){ .where = g_string_new (NULL),
                    .order = g_string_new (NULL),
                    .numbers = g_array_new (FALSE, FALSE, sizeof (gint64)),
                    .texts = g_ptr_array_new (),
                    .checks = g_ptr_array_new_with_free_func (g_free),
                    .reader = reader,
                    .query = query,
                    .found = found };
  self->match = thread == NULL ? find_match (query->filter, NULL) : NULL;
  if (thread != NULL)
    {
      self->driver = thread;
      surel_query_sql_bind_number (self, thread->number);
    }
  else if (self->match != NULL)
    {
      bind_text (self, self->match->str);
      if (folder != NULL) /* what the index finds is older, or newer, than all of it */
        add_range (self, folder->number);
    }
  else if (folder != NULL)
    {
      self->driver = folder;
      surel_query_sql_bind_number (self, folder->number);
    }
  if (query->filter != NULL && !is_driver_alone (query->filter, self->driver))
    {
      g_string_append (self->where, " AND ");
      add_filter (self, query->filter, TRUE);
    }
}

void
surel_query_sql_clear (SurelQuerySql *self)
{
  if (self->where == NULL)
    return;
  g_string_free (self->where, TRUE);
  g_string_free (self->order, TRUE);
  g_array_unref (self->numbers);
  g_ptr_array_unref (self->texts);
  g_ptr_array_unref (self->checks);
  if (self->match != NULL)
    g_string_free (self->match, TRUE);
}

/* The order of the index, or one that has to be sorted. */
static gboolean
is_by_index (const SurelQuery *query)
{
  const SurelSort *sort = query->sort->len > 0 ? &g_array_index (query->sort, SurelSort, 0) : NULL;

  return sort == NULL || (sort->key == SUREL_SORT_RECEIVED && sort->descending);
}

/* Whether all that is asked for is in the index of a folder's list. */
static gboolean
goes_by_list_alone (const SurelQuerySql *self)
{
  const SurelQuery *query = self->query;

  return self->driver != NULL && self->driver->kind == SUREL_FILTER_IN_MAILBOX && self->where->len == 0 && is_by_index (query)
         && !query->collapse;
}

/* CROSS JOIN keeps the planner, which knows no statistics, on the list's own index. */
static char *
make_sql (SurelQuerySql *self, const char *what, gboolean ordered)
{
  const SurelQuery *query = self->query;
  gboolean of_folder = self->driver != NULL && self->driver->kind == SUREL_FILTER_IN_MAILBOX;
  const char *doc = self->match != NULL ? "s.rowid" : of_folder ? "p.doc" : "m.doc";
  GString *sql = g_string_new ("SELECT ");

  g_string_append (sql, what);
  if (self->match != NULL)
    g_string_append (sql, " FROM search s CROSS JOIN message m ON m.doc = s.rowid >> 1 WHERE s.search MATCH ? AND m.shown AND (s.rowid & 1) "
                          "= (m.texted != 0)");
  else if (self->driver == NULL)
    g_string_append (sql, " FROM message m WHERE m.shown");
  else if (!of_folder)
    g_string_append (sql, " FROM message m INDEXED BY message_thread WHERE m.thread = ? AND m.shown");
  else if (goes_by_list_alone (self))
    g_string_append (sql, " FROM placement p WHERE p.folder = ? AND p.shown");
  else
    g_string_append (sql, " FROM placement p CROSS JOIN message m ON m.id = p.message WHERE p.folder = ? "
                          "AND p.shown");
  g_string_append (sql, self->where->str);
  if (!ordered)
    return g_string_free (sql, FALSE);
  g_string_append (sql, " ORDER BY ");
  if (is_by_index (query))
    g_string_append_printf (sql, "%s DESC", doc);
  else
    {
      for (guint i = 0; i < query->sort->len; i++)
        add_sort (self, &g_array_index (query->sort, SurelSort, i));
      g_string_append_printf (sql, "%s, m.id", self->order->str);
    }
  return g_string_free (sql, FALSE);
}

/**
 * surel_query_sql_list:
 *
 * Returns: (transfer full): the results in their order: their ids and, where they are collapsed, their threads
 */
char *
surel_query_sql_list (SurelQuerySql *self)
{
  return make_sql (self, goes_by_list_alone (self) ? "p.message" : self->query->collapse ? "m.id, m.thread" : "m.id", TRUE);
}

/**
 * surel_query_sql_count:
 *
 * Returns: (transfer full): how many there are
 */
char *
surel_query_sql_count (SurelQuerySql *self)
{
  return make_sql (self, self->query->collapse ? "count(DISTINCT CASE WHEN m.thread = 0 THEN -m.id ELSE m.thread END)" : "count(*)", FALSE);
}

/**
 * surel_query_sql_start:
 * @text: that of the statement, with all that was bound
 *
 * Returns: (transfer none) (nullable): the statement; %NULL with @error set
 */
sqlite3_stmt *
surel_query_sql_start (SurelQuerySql *self, const char *text, GError **error)
{
  sqlite3_stmt *statement = surel_sql_prepare (self->reader->sql, text, error);

  for (guint i = 0; statement != NULL && i < self->texts->len; i++)
    {
      int position = (int) i + 1;

      if (self->checks->pdata[i] != NULL)
        sqlite3_bind_pointer (statement, position, self->checks->pdata[i], SUREL_SQL_CHECK, NULL);
      else if (self->texts->pdata[i] != NULL)
        sqlite3_bind_text (statement, position, self->texts->pdata[i], -1, SQLITE_STATIC);
      else
        sqlite3_bind_int64 (statement, position, g_array_index (self->numbers, gint64, i));
    }
  return statement;
}
