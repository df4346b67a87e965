/* Reading, one consistent view a call, on connections of its own: threads read for the main thread, which never blocks;
 * a thread that may block reads by itself, for handing a read over and back takes longer than most reads. */
#include "store/store-private.h"

#include "base/errors.h"
#include "store/search.h"

typedef struct
{
  SurelReadFunc func;
  gpointer data;
  GDestroyNotify destroy;
  GCancellable *cancellable; /* nullable */
} Read;

void
surel_store_read_free (gpointer data)
{
  Read *read = data;

  if (read->destroy != NULL)
    read->destroy (read->data);
  g_clear_object (&read->cancellable);
  g_free (read);
}

/* --- Readers --- */

static gboolean
make_index_anew (SurelTxn *txn, gpointer data G_GNUC_UNUSED, GError **error)
{
  return surel_search_forget (txn, error);
}

static int
is_cancelled (void *data)
{
  return g_cancellable_is_cancelled (data);
}

static void
read_one (SurelStore *self, SurelSql **sql, Read *read)
{
  SurelReader reader = { 0 };
  gint64 state = 0;
  sqlite3 *db;

  if (*sql != NULL && surel_sql_is_broken (*sql))
    g_clear_pointer (sql, surel_sql_close);
  if (*sql == NULL)
    *sql = surel_sql_open (self->path, FALSE, &reader.error);
  if (*sql != NULL)
    {
      db = surel_sql_handle (*sql);
      reader.sql = *sql;
      sqlite3_progress_handler (db, 10000, read->cancellable != NULL ? is_cancelled : NULL,
                                read->cancellable);
      if (surel_sql_run (*sql, &reader.error, "BEGIN", ""))
        surel_sql_get (*sql, &state, &reader.error, "SELECT max(state) FROM log", "");
      reader.state = (guint64) state;
    }
  read->func (&reader, read->data);
  if (*sql != NULL ? surel_sql_is_damaged (*sql) : surel_sql_is_damage (reader.error))
    surel_store_report_damage (self);
  if (*sql != NULL)
    {
      if (surel_sql_take_index_damage (*sql))
        surel_store_write (self, make_index_anew, NULL, NULL, NULL, NULL);
      sqlite3_progress_handler (surel_sql_handle (*sql), 0, NULL, NULL);
      surel_sql_reset_all (*sql);
      if (!sqlite3_get_autocommit (surel_sql_handle (*sql)))
        surel_sql_run (*sql, NULL, "COMMIT", "");
    }
  g_clear_error (&reader.error);
}

gpointer
surel_store_reader_main (gpointer data)
{
  SurelStore *self = data;
  SurelSql *sql = NULL;
  Read *read;

  while ((read = surel_turns_pop (self->reads)) != NULL)
    {
      read_one (self, &sql, read);
      surel_store_read_free (read);
    }
  g_clear_pointer (&sql, surel_sql_close);
  return NULL;
}

/**
 * surel_store_read:
 * @func: runs in a reader thread, on one consistent view of the store
 * @data: for @func
 * @destroy: (nullable): frees @data
 * @cancellable: (nullable): stops a long statement. Reads with the same one are one client's, and clients
 *   take turns: one with a thousand reads under way doesn't keep another waiting for more than the one
 *   that runs
 *
 * May be called from any thread.
 */
void
surel_store_read (SurelStore *self,
                  SurelReadFunc func,
                  gpointer data,
                  GDestroyNotify destroy,
                  GCancellable *cancellable)
{
  Read *read = g_new0 (Read, 1);

  *read = (Read){ func, data, destroy, cancellable != NULL ? g_object_ref (cancellable) : NULL };
  if (self->reads == NULL || !surel_turns_push (self->reads, cancellable, read))
    surel_store_read_free (read);
}

/**
 * surel_store_read_sync:
 *
 * Like surel_store_read(), but @func runs at once, in the calling thread. Not for the main thread once the bus is
 * served.
 */
void
surel_store_read_sync (SurelStore *self, SurelReadFunc func, gpointer data)
{
  SurelSql *sql = surel_queue_try_pop (self->spare);

  read_one (self, &sql, &(Read){ func, data, NULL, NULL });
  if (sql != NULL && !surel_queue_try_push (self->spare, sql))
    surel_sql_close (sql);
}
