/* Messages that are brought because somebody asked for them, many at once: those that are here are passed over, and of the rest a
 * few are asked for at a time, so that who opens one meanwhile doesn't wait for all. */
#include "engine/fetch-job.h"

#include "base/errors.h"
#include "base/post.h"
#include "store/rows.h"

#define IN_FLIGHT 4 /* messages that are asked for at once */

typedef struct
{
  gint64 message;
  gint64 account;
} Wanted;

typedef struct
{
  SurelEngine *engine;
  SurelJob *job;
  GCancellable *cancellable;
  GArray *ids; /* gint64: what was asked for */
  GArray *wanted; /* Wanted: what isn't here */
  guint next; /* of those, not asked for yet */
  guint in_flight;
  guint here; /* of @ids */
  GError *error; /* why the first failed; nullable */
} Fetching;

static void
fetching_free (Fetching *self)
{
  g_signal_handlers_disconnect_by_data (self->job, self);
  g_object_unref (self->engine);
  g_object_unref (self->job);
  g_object_unref (self->cancellable);
  g_array_unref (self->ids);
  g_array_unref (self->wanted);
  g_clear_error (&self->error);
  g_free (self);
}

static void go_on (Fetching *self);

static void
on_fetched (const GError *error, gpointer data)
{
  Fetching *self = data;

  self->in_flight--;
  /* What is gone meanwhile is nothing that could be brought. */
  if (error == NULL)
    {
      self->here++;
      surel_job_add_count (self->job, 1);
    }
  else if (self->error == NULL && !g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
    self->error = g_error_copy (error);
  go_on (self);
}

static void
pass_over (gpointer data)
{
  g_autoptr (GError) error = g_error_new (SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The message's account is gone");

  on_fetched (error, data);
}

/* Asks for one: its account may be gone. */
static void
fetch (Fetching *self, const Wanted *wanted)
{
  SurelAccount *account = surel_engine_find_account (self->engine, wanted->account);

  self->in_flight++;
  if (account != NULL)
    surel_account_fetch (account, wanted->message, self->cancellable, on_fetched, self);
  else
    surel_post (NULL, pass_over, self, NULL);
}

/* An answer may come at once, and go on from here itself: so there is one way out, behind the last of them. */
static void
go_on (Fetching *self)
{
  gboolean stops = self->error != NULL || surel_job_has_ended (self->job);

  if (!stops)
    surel_job_set_progress (self->job, self->ids->len > 0 ? (double) self->here / self->ids->len : 1, "");
  if (!stops && self->next < self->wanted->len)
    {
      if (self->in_flight < IN_FLIGHT)
        {
          const Wanted *wanted = &g_array_index (self->wanted, Wanted, self->next++);

          fetch (self, wanted);
        }
      return;
    }
  if (self->in_flight > 0)
    return;
  surel_job_finish (self->job, self->error);
  fetching_free (self);
}

static void
begin (gpointer data)
{
  Fetching *self = data;

  surel_job_add_count (self->job, self->here);
  self->in_flight++; /* holds it until all of the first are asked for */
  for (guint i = 0; i < IN_FLIGHT; i++)
    go_on (self);
  self->in_flight--;
  go_on (self);
}

static void
look (SurelReader *reader, gpointer data)
{
  Fetching *self = data;
  SurelRow row;

  if (reader->error != NULL)
    self->error = g_error_copy (reader->error);
  for (guint i = 0; self->error == NULL && i < self->ids->len; i++)
    {
      Wanted wanted = { .message = g_array_index (self->ids, gint64, i) };
      int found = surel_row_read (reader, wanted.message, &row, &self->error);

      if (found <= 0)
        continue;
      wanted.account = row.account;
      self->here += row.digest != NULL;
      if (row.digest == NULL)
        g_array_append_val (self->wanted, wanted);
    }
  surel_post (NULL, begin, self, NULL);
}

static void
on_cancelled (SurelJob *job G_GNUC_UNUSED, gpointer data)
{
  g_cancellable_cancel (((Fetching *) data)->cancellable);
}

/* Each once. */
static void
take_ids (Fetching *self, const guint64 *ids, gsize n)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_int64_hash, g_int64_equal);

  for (gsize i = 0; i < n; i++)
    {
      gint64 id = (gint64) MIN (ids[i], (guint64) G_MAXINT64);

      if (g_hash_table_add (seen, (gpointer) &ids[i]))
        g_array_append_val (self->ids, id);
    }
}

/**
 * surel_engine_fetch:
 * @ids: %SUREL_FETCH_MAX at most; those that are gone are passed over
 *
 * Returns: (transfer full): a job that ends when the messages' bytes are here, or as soon as one can't be had
 */
SurelJob *
surel_engine_fetch (SurelEngine *engine, const guint64 *ids, gsize n)
{
  Fetching *self = g_new0 (Fetching, 1);

  self->engine = g_object_ref (engine);
  self->job = surel_job_new ("fetch", 0);
  self->cancellable = g_cancellable_new ();
  self->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->wanted = g_array_new (FALSE, FALSE, sizeof (Wanted));
  take_ids (self, ids, n);
  g_signal_connect (self->job, "cancelled", G_CALLBACK (on_cancelled), self);
  surel_store_read (surel_engine_get_store (engine), look, self, NULL, NULL);
  return g_object_ref (self->job);
}
