/* Conditions that SQLite can't see by itself: it asks for each message, or each thread, and gets the same answer as before where it
 * asks again. A result is gone along more than once, and messages have their thread in common. */
#include "base/keywords.h"
#include "store/query-private.h"

typedef gboolean (*AnswerFunc) (SurelQueryCheck *check, gint64 id);

static GHashTable *
answers_of (SurelQueryCheck *check)
{
  GHashTable *all = check->sql->found->answers;
  GHashTable *answers = g_hash_table_lookup (all, check->filter);

  if (answers == NULL)
    {
      answers = g_hash_table_new (NULL, NULL);
      g_hash_table_insert (all, (gpointer) check->filter, answers);
    }
  return answers;
}

static gboolean
answer (SurelQueryCheck *check, gint64 id, AnswerFunc func)
{
  GHashTable *answers = answers_of (check);
  gpointer key = (gpointer) (guintptr) id;
  gpointer known;

  if (!g_hash_table_lookup_extended (answers, key, NULL, &known))
    {
      known = GINT_TO_POINTER (func (check, id));
      g_hash_table_insert (answers, key, known);
    }
  return GPOINTER_TO_INT (known);
}

static gboolean
has_header (SurelQueryCheck *check, gint64 id)
{
  const SurelQuery *query = check->sql->query;
  SurelQueryResult *found = check->sql->found;

  return query->has_header (check->sql->reader, id, (const char *const *) check->filter->texts, &found->looked, &found->complete,
                            query->has_header_data);
}

static gboolean
check_header (gint64 id, gpointer check)
{
  return answer (check, id, has_header);
}

/* Whether any message of the thread has the keyword; of SUREL_FILTER_ALL_IN_THREAD whether any lacks it. */
static gboolean
has_in_thread (SurelQueryCheck *check, gint64 thread)
{
#define OF_THREAD "SELECT EXISTS (SELECT 1 FROM message t INDEXED BY message_thread WHERE t.thread = ?1 AND t.shown AND "
#define HAS_WORD                                                                                         \
  "EXISTS (SELECT 1 FROM message_keyword k WHERE k.message = t.id AND k.keyword = (SELECT id FROM keyword WHERE name = lower(?2)))"
  const char *keyword = check->filter->text;
  SurelSql *sql = check->sql->reader->sql;
  gint64 bit = surel_keyword_bit (keyword);
  gboolean lacks = check->filter->kind == SUREL_FILTER_ALL_IN_THREAD;
  gboolean known;
  gint64 has = 0;

  if (bit != 0 && lacks)
    known = surel_sql_get (sql, &has, NULL, OF_THREAD "(t.flags & ?2) = 0)", "ii", thread, bit);
  else if (bit != 0)
    known = surel_sql_get (sql, &has, NULL, OF_THREAD "(t.flags & ?2) != 0)", "ii", thread, bit);
  else if (lacks)
    known = surel_sql_get (sql, &has, NULL, OF_THREAD "NOT " HAS_WORD ")", "is", thread, keyword);
  else
    known = surel_sql_get (sql, &has, NULL, OF_THREAD HAS_WORD ")", "is", thread, keyword);
  if (!known)
    check->sql->found->complete = FALSE;
  return has != 0;
}

static gboolean
check_thread (gint64 thread, gpointer check)
{
  return answer (check, thread, has_in_thread);
}

/**
 * surel_query_check_new:
 * @sql: is not owned, and must outlive it
 * @filter: about a header field, to be asked of messages, or a keyword in a thread, to be asked of threads
 */
SurelQueryCheck *
surel_query_check_new (SurelQuerySql *sql, const SurelFilter *filter)
{
  SurelQueryCheck *self = g_new0 (SurelQueryCheck, 1);

  *self = (SurelQueryCheck){ { filter->kind == SUREL_FILTER_HEADER ? check_header : check_thread, self }, filter, sql };
  return self;
}
