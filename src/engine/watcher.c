/* Waiting for what a server tells by itself, on a connection of its own: so the one that does the work is
 * never in the middle of waiting, and asks for all folders with one command. */
#include "engine/watcher.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/post.h"

#define SETTLE_MS 250 /* between two wake-ups: a server that always has something to tell is no reason to spin */
#define RENEW_SECONDS (24 * 60) /* servers end a connection after 30 minutes: RFC 9051 §5.4 */

struct _SurelWatcher
{
  gint references; /* atomic, by what the compiler has built in, which TSan sees; the main thread's and its own */
  SurelContext context;
  SurelAccountRow *account;
  char *scope; /* what is watched */
  GThread *thread;
  GThread *predecessor; /* nullable */
  GCancellable *stop;

  /* The main thread's own. */
  SurelWatchFunc func; /* NULL once stopped */
  gpointer data;
};

typedef struct
{
  SurelWatcher *watcher;
  SurelWatchReport report;
  GError *error; /* nullable */
  char *alert; /* nullable */
} Message;

static void
watcher_unref (SurelWatcher *self)
{
  if (!g_atomic_int_dec_and_test (&self->references))
    return;
  surel_account_row_unref (self->account);
  g_free (self->scope);
  g_object_unref (self->stop);
  g_free (self);
}

static void
message_free (gpointer data)
{
  Message *message = data;

  g_clear_error (&message->error);
  g_free (message->alert);
  watcher_unref (message->watcher);
  g_free (message);
}

static void
deliver (gpointer data)
{
  Message *message = data;

  if (message->watcher->func != NULL)
    message->watcher->func (&message->report, message->watcher->data);
}

/* Takes @alert over. */
static void
post (SurelWatcher *self, SurelWatchReport report, const GError *error, char *alert)
{
  Message *message = g_new0 (Message, 1);

  g_atomic_int_inc (&self->references);
  message->watcher = self;
  message->report = report;
  message->report.error = message->error = error != NULL ? g_error_copy (error) : NULL;
  message->report.alert = message->alert = alert;
  surel_post (NULL, deliver, message, message_free);
}

static gpointer
watcher_main (gpointer data)
{
  SurelWatcher *self = data;
  SurelScope scope = { .remote_id = self->scope };
  g_autoptr (GError) error = NULL;
  SurelRemote *remote;
  gboolean changed = FALSE;

  if (self->predecessor != NULL)
    g_thread_join (g_steal_pointer (&self->predecessor));
  remote = surel_link_open (&self->context, self->account, self->stop, &error);
  while (remote != NULL && !g_cancellable_is_cancelled (self->stop)
         && surel_remote_wait (remote, &scope, RENEW_SECONDS * G_USEC_PER_SEC, self->stop, &changed, &error))
    {
      char *alert = surel_remote_take_alert (remote);

      if (!changed && alert == NULL)
        continue;
      post (self, (SurelWatchReport){ .changed = changed }, NULL, alert);
      surel_clock_wait (self->stop, SETTLE_MS);
    }
  g_clear_pointer (&remote, surel_remote_free);
  post (self, (SurelWatchReport){ .ended = TRUE }, error, NULL);
  watcher_unref (self);
  return NULL;
}

/**
 * surel_watcher_start:
 * @scope: the remote id of what is watched
 * @predecessor: (transfer full) (nullable): what surel_watcher_stop() gave
 * @func: called in the main thread when something may have changed, and at the end
 *
 * Returns: (transfer full): a watcher that connects at once
 */
SurelWatcher *
surel_watcher_start (const SurelContext *context,
                     SurelAccountRow *account,
                     const char *scope,
                     GThread *predecessor,
                     SurelWatchFunc func,
                     gpointer data)
{
  SurelWatcher *self = g_new0 (SurelWatcher, 1);

  self->references = 1;
  g_atomic_int_inc (&self->references);
  self->context = *context;
  self->account = surel_account_row_ref (account);
  self->scope = g_strdup (scope);
  self->predecessor = predecessor;
  self->stop = g_cancellable_new ();
  self->func = func;
  self->data = data;
  self->thread = g_thread_new ("surel-watch", watcher_main, self);
  return self;
}

/**
 * surel_watcher_stop:
 * @self: (transfer full): nothing is told any more
 *
 * Returns: (transfer full): its thread, which ends soon: to be joined
 */
GThread *
surel_watcher_stop (SurelWatcher *self)
{
  GThread *thread = self->thread;

  self->func = NULL;
  g_cancellable_cancel (self->stop);
  watcher_unref (self);
  return thread;
}
