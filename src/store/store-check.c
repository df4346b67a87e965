/* The thread that looks at the database while the store is in use: after an unclean end, which may have left one that no
 * longer holds together, and files of content that it knows nothing of; and whenever SQLite says that it is damaged. */
#include "store/store-private.h"

#include <string.h>

#include "base/errors.h"
#include "base/post.h"
#include "store/content.h"
#include "store/damage.h"

#define ORPHANS_MAX 500 /* to one commit */
#define PAUSE_MIN (1 * G_USEC_PER_SEC) /* between two looks at what can't be read */
#define PAUSE_MAX (60 * G_USEC_PER_SEC)

static void
emit_damaged (gpointer data)
{
  surel_store_emit_damaged (data);
}

/**
 * surel_store_report_damage:
 *
 * Has the database looked at, as SQLite said that it is damaged. May be called from any thread.
 */
void
surel_store_report_damage (SurelStore *self)
{
  if (g_atomic_int_compare_and_exchange (&self->doubted, FALSE, TRUE))
    surel_queue_push (self->checks, self);
}

/* Until it is known whether the database is damaged; while the disk fails that can't be known. */
static void
check_database (SurelStore *self, gboolean thorough)
{
  for (gint64 pause = PAUSE_MIN;; pause = MIN (2 * pause, PAUSE_MAX))
    {
      g_autoptr (GError) error = NULL;
      SurelDamage damage;

      damage = surel_damage_judge (self->path, thorough, self->ending, &error);
      if (error != NULL)
        g_message ("%s", error->message);
      if (damage == SUREL_DAMAGED)
        {
          g_atomic_int_set (&self->damaged, TRUE);
          surel_post (NULL, emit_damaged, g_object_ref (self), g_object_unref);
        }
      if (g_cancellable_is_cancelled (self->ending) || damage == SUREL_DAMAGED)
        return;
      if (damage == SUREL_SOUND)
        {
          g_atomic_int_set (&self->doubted, FALSE);
          return;
        }
      g_atomic_int_set (&self->doubted, TRUE);
      surel_queue_pop (self->checks, pause);
    }
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

  if (self->unclean || self->is_new)
    {
      g_autoptr (SurelSql) sql = NULL;

      check_database (self, FALSE);
      sql = surel_sql_open (self->path, FALSE, NULL);
      if (sql != NULL)
        adopt_orphans (self, sql);
    }
  while (!g_atomic_int_get (&self->damaged) && surel_queue_pop (self->checks, -1) != NULL)
    check_database (self, TRUE);
  return NULL;
}
