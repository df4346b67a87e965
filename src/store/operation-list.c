/* Operations, listed for people. */
#include "store/operation-list.h"

void
surel_operation_filter_clear (SurelOperationFilter *self)
{
  g_clear_pointer (&self->ids, g_array_unref);
  g_clear_pointer (&self->kind, g_free);
}

static void
failure_free (gpointer data)
{
  g_free (((SurelOperationFailure *) data)->text);
  g_free (data);
}

static void
listed_free (gpointer data)
{
  SurelListedOperation *self = data;

  surel_operation_row_unref (self->row);
  g_array_unref (self->messages);
  g_ptr_array_unref (self->failures);
  g_free (self);
}

static gboolean
load_messages (SurelReader *reader, SurelListedOperation *listed, GError **error)
{
  sqlite3_stmt *s
      = surel_sql_start (reader->sql, error,
                         "SELECT DISTINCT message FROM intent WHERE operation = ? AND message != 0 ORDER BY id LIMIT ?", "ii",
                         listed->row->id, (gint64) SUREL_OPERATION_MESSAGES_MAX);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (reader->sql, s, error)) > 0)
    {
      guint64 id = (guint64) sqlite3_column_int64 (s, 0);

      g_array_append_val (listed->messages, id);
    }
  return result == 0;
}

static gboolean
load_failures (SurelReader *reader, SurelListedOperation *listed, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (reader->sql, error,
                                     "SELECT message, error_text FROM intent WHERE operation = ? AND state = 3 ORDER BY id "
                                     "LIMIT ?",
                                     "ii", listed->row->id, (gint64) SUREL_OPERATION_MESSAGES_MAX);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (reader->sql, s, error)) > 0)
    {
      SurelOperationFailure *failure = g_new0 (SurelOperationFailure, 1);

      failure->message = (guint64) sqlite3_column_int64 (s, 0);
      failure->text = surel_sql_column_text (s, 1);
      g_ptr_array_add (listed->failures, failure);
    }
  return result == 0;
}

static gboolean
fits (const SurelOperationFilter *filter, const SurelOperationRow *row)
{
  gboolean in_ids = filter->ids == NULL;
  gboolean in_account = filter->account == 0;

  for (guint i = 0; !in_ids && i < filter->ids->len; i++)
    in_ids = g_array_index (filter->ids, gint64, i) == row->id;
  for (guint i = 0; !in_account && i < row->accounts->len; i++)
    in_account = g_array_index (row->accounts, gint64, i) == filter->account;
  return in_ids && in_account && (filter->state < 0 || (int) row->state == filter->state)
         && (filter->kind == NULL || g_str_equal (filter->kind, row->kind));
}

static gboolean
add (SurelReader *reader, GPtrArray *list, SurelOperationRow *row, GError **error)
{
  SurelListedOperation *listed = g_new0 (SurelListedOperation, 1);

  listed->row = surel_operation_row_ref (row);
  listed->messages = g_array_new (FALSE, FALSE, sizeof (guint64));
  listed->failures = g_ptr_array_new_with_free_func (failure_free);
  g_ptr_array_add (list, listed);
  return load_messages (reader, listed, error) && load_failures (reader, listed, error)
         && surel_sql_get (reader->sql, &listed->message_count, error,
                           "SELECT count(DISTINCT message) FROM intent WHERE operation = ? AND message != 0", "i", row->id);
}

/**
 * surel_operations_list:
 * @more: (out): whether there are more than the limit
 *
 * Returns: (transfer full) (element-type SurelListedOperation) (nullable): those that fit, by id
 */
GPtrArray *
surel_operations_list (SurelReader *reader, const SurelOperationFilter *filter, gboolean *more, GError **error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (listed_free);
  gint64 after = filter->after;

  *more = FALSE;
  for (;;)
    {
      g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_operation_row_unref);
      gint64 next = 0;

      if (!surel_sql_get (reader->sql, &next, error, "SELECT min(id) FROM operation WHERE id > ?", "i", after))
        return NULL;
      if (next == 0)
        return g_steal_pointer (&list);
      if (!surel_operations_load (reader->sql, next, rows, error))
        return NULL;
      after = next;
      if (rows->len == 0 || !fits (filter, rows->pdata[0]))
        continue;
      if (list->len == filter->limit)
        {
          *more = TRUE;
          return g_steal_pointer (&list);
        }
      if (!add (reader, list, rows->pdata[0], error))
        return NULL;
    }
}
