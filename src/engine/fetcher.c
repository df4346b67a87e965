/* What a person waits for, bodies above all, one after the other, in the order they were asked for. */
#include "engine/fetcher.h"

#include <unistd.h>

#include "base/errors.h"
#include "base/post.h"
#include "base/queue.h"
#include "base/refcount.h"
#include "store/content.h"
#include "store/rows.h"
#include "store/vacations.h"

#define IDLE_SECONDS 60 /* how long an unused connection is kept */

typedef struct
{
  gint64 message; /* 0 for the absence notice */
  GCancellable *cancellable; /* nullable */
  SurelFetchedFunc func;
  SurelVacationFunc vacation_func;
  gpointer data;
  GVariant *vacation; /* once done; nullable */
  GError *error; /* once done: why it failed */
} Request;

/* What is done on a connection. */
typedef gboolean (*Work) (SurelFetcher *self, SurelRemote *remote, gpointer data, GError **error);

struct _SurelFetcher
{
  SurelRefCount references; /* the main thread's and its own */
  SurelContext context;
  SurelAccountRow *account;
  GThread *thread;
  GThread *predecessor; /* nullable */
  SurelQueue *requests; /* Request */
  GCancellable *stop;
};

static void
fetcher_unref (SurelFetcher *self)
{
  if (!surel_ref_count_dec (&self->references))
    return;
  surel_account_row_unref (self->account);
  surel_queue_free (self->requests);
  g_object_unref (self->stop);
  g_free (self);
}

static void
request_free (gpointer data)
{
  Request *request = data;

  g_clear_object (&request->cancellable);
  g_clear_pointer (&request->vacation, g_variant_unref);
  g_clear_error (&request->error);
  g_free (request);
}

static void
deliver (gpointer data)
{
  Request *request = data;

  if (request->message != 0)
    request->func (request->error, request->data);
  else
    request->vacation_func (request->vacation, request->error, request->data);
}

typedef struct
{
  gint64 message;
  SurelWhere *where;
  gboolean is_here;
  const char *content_dir;
  GBytes *digest;
  guint64 size;
  GError *error;
} Lookup;

static void
look_up (SurelReader *reader, gpointer data)
{
  Lookup *lookup = data;
  SurelRow row;
  int found;

  if (reader->error != NULL)
    {
      lookup->error = g_error_copy (reader->error);
      return;
    }
  found = surel_row_read (reader, lookup->message, &row, &lookup->error);
  if (found > 0 && row.digest != NULL)
    {
      g_autoptr (GError) error = NULL;
      int fd = surel_content_open (lookup->content_dir, row.digest, &error);

      lookup->is_here = fd >= 0;
      if (fd >= 0)
        close (fd);
      else if (!g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
        lookup->error = g_steal_pointer (&error);
    }
  if (found >= 0 && !lookup->is_here && lookup->error == NULL)
    lookup->where = surel_row_find (reader, lookup->message, &lookup->error);
}

static gboolean
note_content (SurelTxn *txn, gpointer data, GError **error)
{
  Lookup *lookup = data;

  return surel_content_add (txn, lookup->message, lookup->digest, lookup->size, error);
}

static gboolean
write_piece (const void *data, gsize length, gpointer writer, GError **error)
{
  return surel_content_writer_write (writer, data, length, error);
}

/* Fetches into a file that nobody sees before it is whole. */
static gboolean
fetch_with (SurelFetcher *self, SurelRemote *remote, gpointer data, GError **error)
{
  Lookup *lookup = data;
  g_autoptr (SurelContentWriter) writer = surel_content_writer_new (lookup->content_dir, error);
  SurelScope scope = { lookup->where->folder_remote_id, lookup->where->token, NULL };

  if (writer == NULL
      || !surel_remote_fetch (remote, &scope, &lookup->where->remote_id, write_piece, writer, self->stop,
                              error))
    return FALSE;
  lookup->digest = surel_content_writer_finish (writer, &lookup->size, error);
  return lookup->digest != NULL
         && surel_store_write_sync (self->context.store, note_content, lookup, error);
}

static gboolean
read_vacation_with (SurelFetcher *self, SurelRemote *remote, gpointer data, GError **error)
{
  Request *request = data;

  return surel_remote_read_vacation (remote, &request->vacation, self->stop, error);
}

/* Whether the connection can be used after that. */
static gboolean
can_go_on (const GError *error)
{
  return g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND) || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED)
         || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED);
}

static gboolean
run (SurelFetcher *self, SurelRemote **remote, Work work, gpointer data, GError **error)
{
  for (guint attempt = 0;; attempt++)
    {
      g_autoptr (GError) own = NULL;
      gboolean was_open = *remote != NULL;

      if (*remote == NULL)
        *remote = surel_link_open (&self->context, self->account, self->stop, &own);
      if (*remote != NULL && work (self, *remote, data, &own))
        return TRUE;
      if (!can_go_on (own))
        g_clear_pointer (remote, surel_remote_free);
      /* A connection that lay idle may have gone unnoticed. */
      if (was_open && attempt == 0 && g_error_matches (own, SUREL_ERROR, SUREL_ERROR_OFFLINE))
        continue;
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
}

static void
fetch (SurelFetcher *self, SurelRemote **remote, Request *request)
{
  Lookup lookup = { .message = request->message,
                    .content_dir = surel_store_get_content_dir (self->context.store) };

  surel_store_read_sync (self->context.store, look_up, &lookup);
  request->error = g_steal_pointer (&lookup.error);
  if (request->error == NULL && !lookup.is_here)
    run (self, remote, fetch_with, &lookup, &request->error);
  g_clear_pointer (&lookup.where, surel_where_free);
  g_clear_pointer (&lookup.digest, g_bytes_unref);
}

typedef struct
{
  gint64 account;
  GVariant **vacation;
} Waiting;

/* What is yet to be set is shown as set. */
static void
apply_waiting (SurelReader *reader, gpointer data)
{
  Waiting *waiting = data;
  g_autoptr (GVariant) server = *waiting->vacation;

  *waiting->vacation = reader->error == NULL ? surel_vacations_apply_waiting (reader, waiting->account, server) : g_variant_ref (server);
}

static void
read_vacation (SurelFetcher *self, SurelRemote **remote, Request *request)
{
  Waiting waiting = { self->account->id, &request->vacation };

  if (run (self, remote, read_vacation_with, request, &request->error))
    surel_store_read_sync (self->context.store, apply_waiting, &waiting);
}

static void
serve (SurelFetcher *self, SurelRemote **remote, Request *request)
{
  if (g_cancellable_is_cancelled (self->stop)
      || g_cancellable_set_error_if_cancelled (request->cancellable, &request->error))
    {
      if (request->error == NULL)
        g_set_error (&request->error, SUREL_ERROR, SUREL_ERROR_CANCELLED, "The account is being stopped");
    }
  else if (request->message != 0)
    fetch (self, remote, request);
  else
    read_vacation (self, remote, request);
  if (request->error != NULL)
    surel_error_to_public (&request->error);
  surel_post (NULL, deliver, request, request_free);
}

static gpointer
fetcher_main (gpointer data)
{
  SurelFetcher *self = data;
  SurelRemote *remote = NULL;

  if (self->predecessor != NULL)
    g_thread_join (g_steal_pointer (&self->predecessor));
  for (;;)
    {
      Request *request
          = surel_queue_pop (self->requests, remote != NULL ? IDLE_SECONDS * G_USEC_PER_SEC : -1);

      if (request != NULL)
        serve (self, &remote, request);
      else if (g_cancellable_is_cancelled (self->stop))
        break;
      else
        g_clear_pointer (&remote, surel_remote_free);
    }
  g_clear_pointer (&remote, surel_remote_free);
  fetcher_unref (self);
  return NULL;
}

/**
 * surel_fetcher_start:
 * @predecessor: (transfer full) (nullable): what surel_fetcher_stop() gave
 *
 * Returns: (transfer full): a fetcher that connects when it is asked for something
 */
SurelFetcher *
surel_fetcher_start (const SurelContext *context, SurelAccountRow *account, GThread *predecessor)
{
  SurelFetcher *self = g_new0 (SurelFetcher, 1);

  surel_ref_count_init (&self->references);
  surel_ref_count_inc (&self->references);
  self->context = *context;
  self->account = surel_account_row_ref (account);
  self->predecessor = predecessor;
  self->requests = surel_queue_new (0, request_free);
  self->stop = g_cancellable_new ();
  self->thread = g_thread_new ("surel-fetch", fetcher_main, self);
  return self;
}

/**
 * surel_fetcher_fetch:
 * @message: its id
 * @cancellable: (nullable): drops the request before its turn
 * @func: called in the main thread once the message's bytes are here, or with why they can't be had
 */
void
surel_fetcher_fetch (SurelFetcher *self,
                     gint64 message,
                     GCancellable *cancellable,
                     SurelFetchedFunc func,
                     gpointer data)
{
  Request *request = g_new0 (Request, 1);

  *request = (Request){ .message = message, .cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL, .func = func, .data = data };
  surel_queue_push (self->requests, request);
}

/**
 * surel_fetcher_read_vacation:
 * @cancellable: (nullable): drops the request before its turn
 * @func: called in the main thread with the absence notice, as it is going to be once all that waits is done
 */
void
surel_fetcher_read_vacation (SurelFetcher *self, GCancellable *cancellable, SurelVacationFunc func, gpointer data)
{
  Request *request = g_new0 (Request, 1);

  *request = (Request){ .cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL, .vacation_func = func, .data = data };
  surel_queue_push (self->requests, request);
}

/**
 * surel_fetcher_stop:
 * @self: (transfer full): what waits in it fails with %SUREL_ERROR_CANCELLED
 *
 * Returns: (transfer full): its thread, which ends soon: to be joined
 */
GThread *
surel_fetcher_stop (SurelFetcher *self)
{
  GThread *thread = self->thread;

  g_cancellable_cancel (self->stop);
  surel_queue_close (self->requests);
  fetcher_unref (self);
  return thread;
}
