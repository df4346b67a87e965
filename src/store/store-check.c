/* The thread that looks after what an unclean end may have left: a database that no longer holds
 * together, and files of content that it knows nothing of. The store is in use meanwhile. */
#include "store/store-private.h"

#include <string.h>

#include "base/errors.h"
#include "base/post.h"
#include "store/content.h"

#define ORPHANS_MAX 500 /* to one commit */
#define STEPS 10000 /* of SQLite's machine between two looks at whether to go on */

static void
emit_damaged (gpointer data)
{
  surel_store_emit_damaged (data);
}

/**
 * surel_store_report_damage:
 *
 * Has the main thread told, once, that the database is damaged. May be called from any thread.
 */
void
surel_store_report_damage (SurelStore *self)
{
  if (g_atomic_int_compare_and_exchange (&self->damaged, FALSE, TRUE))
    surel_post (NULL, emit_damaged, g_object_ref (self), g_object_unref);
}

static int
is_ended (void *cancellable)
{
  return g_cancellable_is_cancelled (cancellable);
}

static void
check_database (SurelStore *self, SurelSql *sql)
{
  g_autoptr (GError) error = NULL;
  sqlite3_stmt *statement = surel_sql_start (sql, &error, "PRAGMA quick_check(1)", "");

  if (statement != NULL && surel_sql_step (sql, statement, &error) > 0
      && !g_str_equal ((const char *) sqlite3_column_text (statement, 0), "ok"))
    {
      g_message ("The mail store is damaged: %s", sqlite3_column_text (statement, 0));
      surel_store_report_damage (self);
    }
  surel_sql_reset_all (sql);
  if (surel_sql_is_damage (error))
    surel_store_report_damage (self);
}

static gboolean
adopt (SurelTxn *txn, gpointer data, GError **error)
{
  GPtrArray *digests = data;

  for (guint i = 0; i < digests->len; i++)
    if (!surel_content_adopt (txn, digests->pdata[i], error))
      return FALSE;
  return TRUE;
}

static void
adopt_orphans (SurelStore *self, SurelSql *sql)
{
  g_autoptr (GPtrArray) orphans = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  SurelContentWalk *walk = surel_content_walk_new (self->content_dir);
  gboolean more = TRUE;

  while (more && !g_cancellable_is_cancelled (self->ending))
    {
      GBytes *digest = surel_content_walk_next (walk);
      gint64 known = 0;

      more = digest != NULL;
      if (more)
        {
          if (!surel_sql_get (sql, &known, NULL, "SELECT 1 FROM content WHERE digest = ?", "b", digest))
            known = 1; /* nothing is done where that can't be told */
          if (!known)
            g_ptr_array_add (orphans, g_bytes_ref (digest));
          g_bytes_unref (digest);
        }
      if (orphans->len > 0 && (!more || orphans->len >= ORPHANS_MAX))
        {
          surel_store_write_sync (self, adopt, orphans, NULL);
          g_ptr_array_set_size (orphans, 0);
        }
    }
  surel_content_walk_free (walk);
}

gpointer
surel_store_check_main (gpointer data)
{
  SurelStore *self = data;
  g_autoptr (SurelSql) sql = surel_sql_open (self->path, FALSE, NULL);

  if (sql == NULL)
    return NULL;
  sqlite3_progress_handler (surel_sql_handle (sql), STEPS, is_ended, self->ending);
  check_database (self, sql);
  adopt_orphans (self, sql);
  return NULL;
}
