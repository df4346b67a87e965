/* An account, as the main thread sees it: its status, who waits for its next pass, and the threads that
 * work for it. */
#include "engine/account.h"

#include "base/clock.h"
#include "base/errors.h"

#define ALERT_SECONDS 60 /* an ALERT replaces the one before no sooner */
#define CONNECTIONS 3 /* to work with, for bodies, to watch with */
#define LASTED_SECONDS 30 /* that a watch has to last to be begun anew at once when it ends */
#define WATCH_BACKOFF_MIN 5 /* seconds until it is tried again otherwise */
#define WATCH_BACKOFF_MAX 3600 /* seconds, at most */

typedef struct
{
  SurelJob *job;
  guint64 request;
} Waiter;

struct _SurelAccount
{
  GObject parent_instance;
  const SurelContext *context; /* borrowed: it outlives all accounts */
  SurelAccountRow *row;
  SurelWorker *worker; /* NULL while stopped or disabled */
  SurelFetcher *fetcher; /* likewise */
  SurelWatcher *watcher; /* NULL while there is nothing to watch */
  GThread *old_worker; /* of one that was stopped: the next one joins it */
  GThread *old_fetcher;
  GThread *old_watcher;
  gint64 watch_began; /* monotonic µs */
  gint64 watch_again; /* monotonic µs: not before */
  guint watch_failures; /* in a row */
  guint watch_source; /* 0 for none */

  SurelStatus status;
  GError *error;
  SurelCertificate *certificate; /* the last one rejected */
  gint64 next_attempt;
  gint64 last_sync;
  double progress;
  char *alert;
  gint64 alert_time;
  SurelQuota quota;
  guint pending; /* operations that haven't ended */

  guint64 request; /* the last one handed out */
  GArray *waiters; /* Waiter: sync jobs */
  GPtrArray *sign_ins; /* SurelJob */
};

G_DEFINE_FINAL_TYPE (SurelAccount, surel_account, G_TYPE_OBJECT)

enum
{
  CHANGED, /* any of its values */
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
waiter_clear (gpointer data)
{
  g_object_unref (((Waiter *) data)->job);
}

static void
surel_account_finalize (GObject *object)
{
  SurelAccount *self = SUREL_ACCOUNT (object);

  surel_account_row_unref (self->row);
  g_clear_error (&self->error);
  g_clear_pointer (&self->certificate, surel_certificate_unref);
  g_free (self->alert);
  g_array_unref (self->waiters);
  g_ptr_array_unref (self->sign_ins);
  G_OBJECT_CLASS (surel_account_parent_class)->finalize (object);
}

static void
surel_account_class_init (SurelAccountClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = surel_account_finalize;
  signals[CHANGED] = g_signal_new ("changed", SUREL_TYPE_ACCOUNT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
}

static void
surel_account_init (SurelAccount *self)
{
  self->waiters = g_array_new (FALSE, FALSE, sizeof (Waiter));
  g_array_set_clear_func (self->waiters, waiter_clear);
  self->sign_ins = g_ptr_array_new_with_free_func (g_object_unref);
  self->progress = -1;
  self->quota = SUREL_QUOTA_UNKNOWN;
}

/**
 * surel_account_new:
 *
 * Returns: (transfer full): an account that does nothing yet
 */
SurelAccount *
surel_account_new (const SurelContext *context, SurelAccountRow *row)
{
  SurelAccount *self = g_object_new (SUREL_TYPE_ACCOUNT, NULL);

  self->context = context;
  self->row = surel_account_row_ref (row);
  self->last_sync = row->last_sync;
  self->status = surel_account_row_is_enabled (row) ? SUREL_STATUS_OFFLINE : SUREL_STATUS_DISABLED;
  return self;
}

/* --- What the worker tells --- */

static void
finish_waiters (SurelAccount *self, guint64 done, const GError *error, guint new_messages)
{
  for (guint i = 0; i < self->waiters->len;)
    {
      Waiter *waiter = &g_array_index (self->waiters, Waiter, i);

      if (waiter->request <= done)
        {
          surel_job_add_count (waiter->job, new_messages);
          surel_job_finish (waiter->job, error);
          g_array_remove_index (self->waiters, i);
        }
      else
        i++;
    }
}

static void
ask_about_certificate (SurelJob *job, const SurelCertificate *certificate)
{
  g_auto (GVariantDict) question = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&question, "kind", "s", "certificate");
  g_variant_dict_insert (&question, "host", "s", certificate->host);
  g_variant_dict_insert (&question, "sha256", "s", certificate->sha256);
  g_variant_dict_insert (&question, "pem", "s", certificate->pem);
  g_variant_dict_insert (&question, "problems", "^as", certificate->problems);
  surel_job_ask (job, g_variant_dict_end (&question));
}

/* Ends the sign-ins, or has them ask what a person has to decide. */
static void
finish_sign_ins (SurelAccount *self, const SurelReport *report)
{
  g_autoptr (GPtrArray) jobs = NULL;

  if (!report->signed_in && report->error == NULL)
    return;
  if (report->rejected != NULL)
    {
      for (guint i = 0; i < self->sign_ins->len; i++)
        ask_about_certificate (self->sign_ins->pdata[i], report->rejected);
      return;
    }
  jobs = g_steal_pointer (&self->sign_ins);
  self->sign_ins = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < jobs->len; i++)
    surel_job_finish (jobs->pdata[i], report->signed_in ? NULL : report->error);
}

static void
show_progress (SurelAccount *self, const SurelReport *report)
{
  for (guint i = 0; i < self->waiters->len; i++)
    surel_job_set_progress (g_array_index (self->waiters, Waiter, i).job, report->progress, NULL);
}

/* --- Watching --- */

static void
stop_watching (SurelAccount *self)
{
  g_clear_handle_id (&self->watch_source, g_source_remove);
  if (self->watcher != NULL)
    self->old_watcher = surel_watcher_stop (g_steal_pointer (&self->watcher));
}

/* Once the worker has looked, and all is well, there is a watch again. */
static gboolean
on_watch_time (gpointer data)
{
  SurelAccount *self = data;

  self->watch_source = 0;
  surel_worker_sync (self->worker, ++self->request);
  return G_SOURCE_REMOVE;
}

/* When a watch that ended may be begun anew: at once where it was good for long, later and later where the
 * server doesn't take the connection, never where it can't tell of anything. */
static void
put_off_watching (SurelAccount *self, const GError *error)
{
  gint64 now = surel_clock_monotonic ();
  guint seconds = WATCH_BACKOFF_MIN;

  self->watch_again = now;
  if (g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED))
    self->watch_again = G_MAXINT64;
  else if (now - self->watch_began > LASTED_SECONDS * G_USEC_PER_SEC)
    self->watch_failures = 0;
  else
    {
      for (guint i = 0; i < self->watch_failures && seconds < WATCH_BACKOFF_MAX; i++)
        seconds *= 2;
      self->watch_failures++;
      self->watch_again = now + (gint64) seconds * G_USEC_PER_SEC;
      self->watch_source = g_timeout_add_seconds (seconds + 1, on_watch_time, self);
    }
}

/* A server may say much: what it wants a person to be told is shown for a while. */
static void
take_alert (SurelAccount *self, const char *alert)
{
  if (alert == NULL || (self->alert != NULL && surel_clock_now () - self->alert_time < ALERT_SECONDS))
    return;
  g_free (self->alert);
  self->alert = g_strdup (alert);
  self->alert_time = surel_clock_now ();
}

static void
on_watch (const SurelWatchReport *report, gpointer data)
{
  SurelAccount *self = data;

  take_alert (self, report->alert);
  if (report->ended)
    {
      stop_watching (self);
      put_off_watching (self, report->error);
    }
  if (report->ended || report->alert != NULL)
    g_signal_emit (self, signals[CHANGED], 0);
  /* A watch that ends may be the first sign of a dead link: the worker looks. */
  if (self->worker != NULL && (report->changed || report->ended))
    surel_worker_sync (self->worker, ++self->request);
}

static void
watch (SurelAccount *self, const char *inbox)
{
  guint connections = 0;

  g_variant_lookup (self->row->settings, "maxConnections", "u", &connections);
  if (self->watcher != NULL || inbox == NULL || surel_clock_monotonic () < self->watch_again
      || (connections > 0 && connections < CONNECTIONS))
    return;
  self->watch_began = surel_clock_monotonic ();
  self->watcher = surel_watcher_start (self->context, self->row, inbox, g_steal_pointer (&self->old_watcher),
                                       on_watch, self);
}

/* Where the account can't work there is nothing to watch with. */
static void
watch_or_stop (SurelAccount *self, const SurelReport *report)
{
  switch (report->status)
    {
    case SUREL_STATUS_IDLE:
      watch (self, report->inbox);
      break;
    case SUREL_STATUS_CONNECTING:
    case SUREL_STATUS_SYNCING:
      break;
    default:
      stop_watching (self);
    }
}

static void
on_report (const SurelReport *report, gpointer data)
{
  SurelAccount *self = data;

  self->status = report->status;
  self->progress = report->progress;
  self->next_attempt = report->next_attempt;
  self->last_sync = report->last_sync;
  /* While a new attempt is under way, why the last one failed stays to be seen. */
  if (report->status != SUREL_STATUS_CONNECTING)
    {
      g_clear_error (&self->error);
      g_clear_pointer (&self->certificate, surel_certificate_unref);
      self->error = report->error != NULL ? g_error_copy (report->error) : NULL;
      self->certificate
          = report->rejected != NULL ? surel_certificate_ref (report->rejected) : NULL;
    }
  self->quota = report->quota;
  take_alert (self, report->alert);
  watch_or_stop (self, report);
  g_signal_emit (self, signals[CHANGED], 0);
  finish_sign_ins (self, report);
  show_progress (self, report);
  if (report->done > 0)
    finish_waiters (self, report->done, report->error, report->new_messages);
}

/* --- Starting and stopping --- */

/**
 * surel_account_start:
 *
 * Starts the account's threads, unless it is disabled.
 */
void
surel_account_start (SurelAccount *self)
{
  if (!surel_account_row_is_enabled (self->row))
    {
      self->status = SUREL_STATUS_DISABLED;
      return;
    }
  self->status = SUREL_STATUS_CONNECTING;
  self->worker = surel_worker_start (self->context, self->row, g_steal_pointer (&self->old_worker),
                                     on_report, self);
  self->fetcher
      = surel_fetcher_start (self->context, self->row, g_steal_pointer (&self->old_fetcher));
  if (self->request > 0)
    surel_worker_sync (self->worker, self->request);
}

static void
stop_threads (SurelAccount *self)
{
  stop_watching (self);
  self->watch_again = 0;
  if (self->worker == NULL)
    return;
  self->old_worker = surel_worker_stop (g_steal_pointer (&self->worker));
  self->old_fetcher = surel_fetcher_stop (g_steal_pointer (&self->fetcher));
}

/**
 * surel_account_stop:
 * @threads: (element-type GThread): gets the threads that have to be joined before the store is closed
 *
 * Stops the account for good; its jobs end as cancelled.
 */
void
surel_account_stop (SurelAccount *self, GPtrArray *threads)
{
  g_autoptr (GError) error
      = g_error_new (SUREL_ERROR, SUREL_ERROR_CANCELLED, "The account was stopped");
  SurelReport report = { .error = error };

  stop_threads (self);
  if (self->old_worker != NULL)
    {
      g_ptr_array_add (threads, g_steal_pointer (&self->old_worker));
      g_ptr_array_add (threads, g_steal_pointer (&self->old_fetcher));
    }
  if (self->old_watcher != NULL)
    g_ptr_array_add (threads, g_steal_pointer (&self->old_watcher));
  finish_sign_ins (self, &report);
  finish_waiters (self, G_MAXUINT64, error, 0);
}

/**
 * surel_account_sign_in_again:
 *
 * Begins anew with a connection of its own: after new secrets, or when a person asks for it.
 */
void
surel_account_sign_in_again (SurelAccount *self)
{
  stop_threads (self);
  surel_account_start (self);
  g_signal_emit (self, signals[CHANGED], 0);
}

/**
 * surel_account_poke:
 *
 * Has it looked at once what the server has: the network has changed, or a message isn't where it was.
 */
void
surel_account_poke (SurelAccount *self)
{
  if (self->worker != NULL
      && (self->status == SUREL_STATUS_OFFLINE || self->status == SUREL_STATUS_ERROR
          || self->status == SUREL_STATUS_IDLE))
    surel_worker_sync (self->worker, ++self->request);
}

/**
 * surel_account_set_row:
 *
 * Takes what the store has now; new settings take effect at once.
 */
void
surel_account_set_row (SurelAccount *self, SurelAccountRow *row)
{
  gboolean anew = !g_variant_equal (self->row->settings, row->settings);

  surel_account_row_unref (self->row);
  self->row = surel_account_row_ref (row);
  if (anew)
    surel_account_sign_in_again (self);
  else
    g_signal_emit (self, signals[CHANGED], 0);
}

/* --- Jobs --- */

/**
 * surel_account_sync:
 * @job: ends when all is up to date, or when that failed
 */
void
surel_account_sync (SurelAccount *self, SurelJob *job)
{
  Waiter waiter = { g_object_ref (job), ++self->request };

  if (self->worker == NULL)
    {
      g_autoptr (GError) error
          = g_error_new (SUREL_ERROR, SUREL_ERROR_OFFLINE, "The account is disabled; enable it to sync it");

      surel_job_finish (job, error);
      g_object_unref (job);
      return;
    }
  g_array_append_val (self->waiters, waiter);
  surel_worker_sync (self->worker, waiter.request);
}

/**
 * surel_account_push:
 *
 * Has what people did sent to the server, now or once it can be reached.
 */
void
surel_account_push (SurelAccount *self)
{
  if (self->worker != NULL)
    surel_worker_push (self->worker);
}

/**
 * surel_account_sign_in:
 * @job: ends when the server has let us in, or asks
 */
void
surel_account_sign_in (SurelAccount *self, SurelJob *job)
{
  if (!surel_account_row_is_enabled (self->row))
    {
      g_autoptr (GError) error
          = g_error_new (SUREL_ERROR, SUREL_ERROR_OFFLINE, "The account is disabled; enable it to sign in");

      surel_job_finish (job, error);
      return;
    }
  g_ptr_array_add (self->sign_ins, g_object_ref (job));
}

typedef struct
{
  SurelAccount *account;
  SurelFetchedFunc func;
  gpointer data;
} Fetch;

/* What isn't where it was another device has moved, or its folder: a list tells where it is. */
static void
on_fetched (const GError *error, gpointer data)
{
  Fetch *fetch = data;

  if (g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
    surel_account_poke (fetch->account);
  fetch->func (error, fetch->data);
  g_object_unref (fetch->account);
  g_free (fetch);
}

/**
 * surel_account_fetch:
 *
 * Brings a message's bytes: surel_fetcher_fetch(). While the server wants to be left alone it isn't asked.
 */
void
surel_account_fetch (SurelAccount *self,
                     gint64 message,
                     GCancellable *cancellable,
                     SurelFetchedFunc func,
                     gpointer data)
{
  g_autoptr (GError) error = NULL;

  if (self->status == SUREL_STATUS_THROTTLED && self->error != NULL)
    {
      func (self->error, data);
      return;
    }
  if (self->fetcher != NULL)
    {
      Fetch *fetch = g_new (Fetch, 1);

      *fetch = (Fetch){ g_object_ref (self), func, data };
      surel_fetcher_fetch (self->fetcher, message, cancellable, on_fetched, fetch);
      return;
    }
  error = g_error_new (SUREL_ERROR, SUREL_ERROR_OFFLINE,
                       "The message's bytes are not here, and its account is disabled");
  func (error, data);
}

/**
 * surel_account_read_vacation:
 *
 * Asks for the absence notice: surel_fetcher_read_vacation(). While the server wants to be left alone it isn't asked.
 */
void
surel_account_read_vacation (SurelAccount *self, GCancellable *cancellable, SurelVacationFunc func, gpointer data)
{
  g_autoptr (GError) error = NULL;

  if (self->status == SUREL_STATUS_THROTTLED && self->error != NULL)
    func (NULL, self->error, data);
  else if (self->fetcher != NULL)
    surel_fetcher_read_vacation (self->fetcher, cancellable, func, data);
  else
    {
      error = g_error_new (SUREL_ERROR, SUREL_ERROR_OFFLINE, "The account is disabled; enable it to ask its server");
      func (NULL, error, data);
    }
}

/* --- Values --- */

SurelAccountRow *
surel_account_get_row (SurelAccount *self)
{
  return self->row;
}

gint64
surel_account_get_id (SurelAccount *self)
{
  return self->row->id;
}

SurelStatus
surel_account_get_status (SurelAccount *self)
{
  return self->status;
}

const GError *
surel_account_get_error (SurelAccount *self)
{
  return self->error;
}

SurelCertificate *
surel_account_get_certificate (SurelAccount *self)
{
  return self->certificate;
}

gint64
surel_account_get_next_attempt (SurelAccount *self)
{
  return self->next_attempt;
}

gint64
surel_account_get_last_sync (SurelAccount *self)
{
  return self->last_sync;
}

double
surel_account_get_progress (SurelAccount *self)
{
  return self->progress;
}

void
surel_account_set_pending (SurelAccount *self, guint operations)
{
  if (self->pending == operations)
    return;
  self->pending = operations;
  g_signal_emit (self, signals[CHANGED], 0);
}

/**
 * surel_account_get_pending:
 *
 * Returns: how many operations of the account haven't ended
 */
guint
surel_account_get_pending (SurelAccount *self)
{
  return self->pending;
}

/**
 * surel_account_is_watching:
 *
 * Returns: whether a connection waits for what the server tells by itself
 */
gboolean
surel_account_is_watching (SurelAccount *self)
{
  return self->watcher != NULL;
}

const SurelQuota *
surel_account_get_quota (SurelAccount *self)
{
  return &self->quota;
}

const char *
surel_account_get_alert (SurelAccount *self)
{
  return self->alert != NULL ? self->alert : "";
}
