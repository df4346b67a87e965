/* The worker of an account: connect, bring all folders up to date, wait until that is asked for again, again.
 * Straight-line code on a thread of its own; the main thread posts requests to its queue and gets
 * reports. What fails ends the connection, and a new one is tried later and later. */
#include "engine/worker.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/post.h"
#include "base/queue.h"
#include "base/refcount.h"
#include "engine/folder-list.h"
#include "engine/pull-sink.h"
#include "engine/push.h"
#include "store/accounts.h"
#include "store/match.h"
#include "store/messages.h"

#define POLL_SECONDS 300 /* between checks of all folders: nothing tells of those that aren't watched */
#define BACKOFF_MIN 5 /* seconds before a failed connection is tried again */
#define BACKOFF_MAX 900 /* seconds, at most */
#define QUOTA_SECONDS 3600 /* between looks at how full the account is */
#define ADDRESSES_SECONDS 86400 /* between looks at whose it is */
#define LEFT_PASSES 3 /* in which what vanished may still be in a folder that can't be looked at */
#define PROVE_SECONDS (7 * 24 * 3600) /* how often a folder is compared in full without need */

typedef struct
{
  guint64 number; /* of a sync; 0 for what people did to be sent */
} Request;

struct _SurelWorker
{
  SurelRefCount references; /* the main thread's and its own */
  SurelContext context;
  SurelAccountRow *account;
  GThread *thread;
  GThread *predecessor; /* nullable: ended before any work is begun */
  SurelQueue *requests; /* Request */
  GCancellable *stop; /* ends everything */

  /* The main thread's own. */
  SurelReportFunc func; /* NULL once stopped */
  gpointer data;

  /* The thread's own. */
  guint64 request; /* the last one taken */
  gboolean sync_wanted; /* all is to be brought up to date */
  gboolean sync_again; /* and once more: something landed behind its back */
  gint64 sync_due; /* monotonic µs: when that is wanted anyway */
  guint failures; /* in a row */
  guint new_messages; /* of this pass */
  guint expected; /* messages this pass will bring, as far as is known */
  guint left; /* folders that were left for later in this pass */
  GError *left_error; /* why the last of them was; nullable */
  guint passes_left; /* one after another in which one was */
  gint64 last_message; /* the largest id when this pass was begun */
  gint64 since; /* likewise, of the one before: a folder may change while others are being looked at */
  gint64 last_sync;
  SurelFolderList *folders;
  char *inbox; /* its remote id; nullable */
  SurelQuota quota;
  gint64 quota_time; /* monotonic µs: when it was read */
  gint64 addresses_time; /* likewise */
};

typedef struct
{
  SurelWorker *worker;
  SurelReport report;
  GError *error;
  char *alert;
  char *inbox;
} Message;

static void
worker_unref (SurelWorker *self)
{
  if (!surel_ref_count_dec (&self->references))
    return;
  surel_account_row_unref (self->account);
  surel_queue_free (self->requests);
  g_object_unref (self->stop);
  surel_folder_list_free (self->folders);
  g_clear_error (&self->left_error);
  g_free (self->inbox);
  g_free (self);
}

static void
message_free (gpointer data)
{
  Message *message = data;

  g_clear_error (&message->error);
  g_clear_pointer (&message->report.rejected, surel_certificate_unref);
  g_free (message->alert);
  g_free (message->inbox);
  worker_unref (message->worker);
  g_free (message);
}

static void
deliver (gpointer data)
{
  Message *message = data;

  if (message->worker->func != NULL)
    message->worker->func (&message->report, message->worker->data);
}

/* Takes @rejected and @alert over. */
static void
post (SurelWorker *self, SurelReport report, const GError *error, char *alert)
{
  Message *message = g_new0 (Message, 1);

  surel_ref_count_inc (&self->references);
  message->worker = self;
  message->report = report;
  message->error = error != NULL ? g_error_copy (error) : NULL;
  message->report.error = message->error;
  message->alert = alert;
  message->report.alert = alert;
  message->inbox = g_strdup (self->inbox);
  message->report.inbox = message->inbox;
  message->report.quota = self->quota;
  message->report.last_sync = self->last_sync;
  message->report.new_messages = self->new_messages;
  surel_post (NULL, deliver, message, message_free);
}

static void
post_status (SurelWorker *self, SurelStatus status, double progress)
{
  post (self, (SurelReport){ .status = status, .progress = progress, .signed_in = status == SUREL_STATUS_SYNCING },
        NULL, NULL);
}

/* --- A pass over all folders --- */

static gboolean
write_last_sync (SurelTxn *txn, gpointer data, GError **error)
{
  SurelWorker *self = data;

  return surel_accounts_set_last_sync (txn, self->account->id, self->last_sync, error);
}

/* Remote id → SurelFolderEntry, borrowed. */
static GHashTable *
index_entries (GPtrArray *entries)
{
  GHashTable *by_id = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < entries->len; i++)
    g_hash_table_insert (by_id, ((SurelFolderEntry *) entries->pdata[i])->remote_id, entries->pdata[i]);
  return by_id;
}

static void
report_progress (SurelWorker *self)
{
  post_status (self, SUREL_STATUS_SYNCING,
               self->expected > 0 ? CLAMP ((double) self->new_messages / self->expected, 0, 1) : -1);
}

/* A folder that can't be synced now doesn't hold up the others. */
static gboolean
is_of_folder (const GError *error)
{
  return g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND)
         || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED);
}

typedef struct
{
  gint64 folder;
  GBytes *token; /* nullable */
  GError *error;
} Known;

static void
read_known (SurelReader *reader, gpointer data)
{
  Known *known = data;

  if (reader->error != NULL)
    known->error = g_error_copy (reader->error);
  else
    surel_folders_load_token (reader, known->folder, &known->token, &known->error);
}

/* Begins where the last pull or push ended, which isn't where the folder was when the pass began: what came since then and
 * is gone by now a server that was asked from there would never tell. */
static gboolean
pull_folder (SurelWorker *self,
             SurelRemote *remote,
             const SurelFolderRow *row,
             GBytes *hint,
             SurelPullKind kind,
             GError **error)
{
  g_autoptr (SurelPullSink) sink = surel_pull_sink_new (self->context.store, self->account->id, row->id, self->since);
  g_autoptr (GError) own = NULL;
  Known known = { row->id, NULL, NULL };
  SurelScope scope;
  gboolean success;

  surel_store_read_sync (self->context.store, read_known, &known);
  if (known.error != NULL)
    {
      g_propagate_error (error, known.error); /* that nothing was known yet would be another thing */
      return FALSE;
    }
  scope = (SurelScope){ row->remote_id, known.token, hint };
  success = surel_remote_pull (remote, &scope, kind, (SurelSink *) sink, self->stop, &own);
  success = surel_pull_sink_finish (sink, success ? &own : NULL) && success;
  g_clear_pointer (&known.token, g_bytes_unref);
  self->new_messages += surel_pull_sink_get_count (sink);
  report_progress (self);
  if (success || is_of_folder (own))
    {
      if (own != NULL)
        {
          g_debug ("engine: a folder is left for later: %s", own->message);
          /* What isn't where it was listed is looked for at once, but not on and on. */
          if (g_error_matches (own, SUREL_ERROR, SUREL_ERROR_NOT_FOUND) && self->passes_left == 0)
            self->sync_again = TRUE;
          self->left++;
          g_clear_error (&self->left_error);
          self->left_error = g_steal_pointer (&own);
        }
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static gboolean
is_due (const SurelFolderRow *row, gint64 now)
{
  return row->listed && row->last_proven + PROVE_SECONDS < now;
}

static SurelFolderRow *
find_inbox (GPtrArray *rows)
{
  for (guint i = 0; i < rows->len; i++)
    if (g_str_equal (((SurelFolderRow *) rows->pdata[i])->role, "inbox"))
      return rows->pdata[i];
  return NULL;
}

/* Pulls one folder if it needs that. */
static gboolean
sync_folder (SurelWorker *self,
             SurelRemote *remote,
             GHashTable *by_id,
             SurelFolderRow *row,
             gboolean *proved,
             GError **error)
{
  SurelFolderEntry *entry = g_hash_table_lookup (by_id, row->remote_id);
  gboolean due = !*proved && is_due (row, surel_clock_now ());
  SurelScope scope = { row->remote_id, row->token, entry != NULL ? entry->hint : NULL };

  if (!row->selectable || entry == NULL || !(due || row->unsure || surel_remote_needs_pull (remote, &scope)))
    return TRUE;
  *proved = *proved || due; /* one a pass: it takes its time */
  /* What people did meanwhile doesn't wait for all of it. */
  if (!surel_push (&self->context, self->account->id, remote, self->since, FALSE, &self->sync_again, self->stop, error))
    return FALSE;
  return pull_folder (self, remote, row, entry->hint, due ? SUREL_PULL_PROVE : SUREL_PULL_CHANGES, error);
}

static gboolean
read_quota (SurelWorker *self, SurelRemote *remote, GError **error)
{
  gint64 now = surel_clock_monotonic ();

  if (self->quota_time != 0 && now - self->quota_time < (gint64) QUOTA_SECONDS * G_USEC_PER_SEC)
    return TRUE;
  self->quota_time = now;
  return surel_remote_read_quota (remote, &self->quota, self->stop, error);
}

typedef struct
{
  gint64 account;
  GStrv addresses;
} Whose;

static gboolean
put_addresses (SurelTxn *txn, gpointer data, GError **error)
{
  Whose *whose = data;

  return surel_accounts_set_addresses (txn, whose->account, (const char *const *) whose->addresses, error);
}

static gboolean
read_addresses (SurelWorker *self, SurelRemote *remote, GError **error)
{
  gint64 now = surel_clock_monotonic ();
  g_auto (GStrv) addresses = NULL;

  if (self->addresses_time != 0 && now - self->addresses_time < (gint64) ADDRESSES_SECONDS * G_USEC_PER_SEC)
    return TRUE;
  self->addresses_time = now;
  return surel_remote_read_addresses (remote, &addresses, self->stop, error)
         && (addresses == NULL
             || surel_store_write_sync (self->context.store, put_addresses, &(Whose){ self->account->id, addresses }, error));
}

typedef struct
{
  gint64 account;
  gint64 since;
  gboolean more;
} Lost;

static gboolean
drop_lost (SurelTxn *txn, gpointer data, GError **error)
{
  Lost *lost = data;

  return surel_messages_drop_lost (txn, lost->account, lost->since, &lost->more, error);
}

static void
read_lost (SurelReader *reader, gpointer data)
{
  Lost *lost = data;

  lost->more = surel_messages_have_lost (reader, lost->account);
}

/* One that is left for later again and again is waited for no longer. */
static gboolean
is_whole (SurelWorker *self)
{
  return self->left == 0 || self->passes_left >= LEFT_PASSES;
}

/* All folders are as the server has them, and nothing was done there since they were listed. */
static gboolean
tidy_up (SurelWorker *self, GError **error)
{
  Lost lost = { self->account->id, self->since, FALSE };

  if (!is_whole (self) || self->sync_again)
    return TRUE;
  surel_store_read_sync (self->context.store, read_lost, &lost);
  while (lost.more)
    if (!surel_store_write_sync (self->context.store, drop_lost, &lost, error))
      return FALSE;
  return TRUE;
}

/* Where none of the folders can be looked at nothing is up to date. */
static gboolean
check_left (SurelWorker *self, GPtrArray *rows, GError **error)
{
  guint selectable = 0;

  for (guint i = 0; i < rows->len; i++)
    selectable += ((SurelFolderRow *) rows->pdata[i])->selectable ? 1 : 0;
  if (self->left == 0 || self->left < selectable)
    return TRUE;
  g_propagate_error (error, g_error_copy (self->left_error));
  return FALSE;
}

static void
read_last (SurelReader *reader, gpointer data)
{
  *(gint64 *) data = surel_messages_last (reader);
}

/* What comes from now on is new. What came with a folder's first list isn't new in the next pass. */
static void
mark_begin (SurelWorker *self)
{
  gint64 last = 0;

  surel_store_read_sync (self->context.store, read_last, &last);
  self->since = self->last_message != 0 && self->expected == 0 ? self->last_message : last;
  self->last_message = last;
}

/* The inbox's newest fifty first, then the rest of the inbox, then all others. */
static gboolean
sync_all (SurelWorker *self, SurelRemote *remote, GError **error)
{
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GPtrArray) entries = surel_folder_list_exchange (self->folders, remote, &rows, self->stop, error);
  g_autoptr (GHashTable) by_id = NULL;
  SurelFolderRow *inbox;
  gboolean proved = FALSE;

  if (entries == NULL)
    return FALSE;
  self->left = 0;
  mark_begin (self);
  by_id = index_entries (entries);
  self->expected = 0;
  for (guint i = 0; i < rows->len; i++)
    {
      SurelFolderRow *row = rows->pdata[i];
      SurelFolderEntry *entry = row->listed ? NULL : g_hash_table_lookup (by_id, row->remote_id);

      self->expected += entry != NULL ? entry->messages - MIN (entry->messages, row->total) : 0;
    }
  inbox = find_inbox (rows);
  if (inbox != NULL && inbox->token == NULL)
    {
      SurelFolderEntry *entry = g_hash_table_lookup (by_id, inbox->remote_id);

      if (!pull_folder (self, remote, inbox, entry != NULL ? entry->hint : NULL, SUREL_PULL_NEWEST, error))
        return FALSE;
      surel_folder_list_reload (self->folders, &rows);
      inbox = find_inbox (rows);
    }
  if (inbox != NULL)
    {
      g_free (self->inbox);
      self->inbox = g_strdup (inbox->remote_id);
      if (!sync_folder (self, remote, by_id, inbox, &proved, error))
        return FALSE;
    }
  for (guint i = 0; i < rows->len; i++)
    if (rows->pdata[i] != inbox && !sync_folder (self, remote, by_id, rows->pdata[i], &proved, error))
      return FALSE;
  self->passes_left = self->left > 0 ? self->passes_left + 1 : 0;
  if (!tidy_up (self, error) || !check_left (self, rows, error))
    return FALSE;
  self->last_sync = surel_clock_now ();
  return read_quota (self, remote, error) && read_addresses (self, remote, error);
}

/* --- The loop --- */

static SurelStatus
status_of (const GError *error)
{
  if (error->domain == SUREL_ERROR)
    switch ((SurelError) error->code)
      {
      case SUREL_ERROR_OFFLINE:
        return SUREL_STATUS_OFFLINE;
      case SUREL_ERROR_AUTHENTICATION_FAILED:
        return SUREL_STATUS_AUTH_REQUIRED;
      case SUREL_ERROR_SECRETS_LOCKED:
        return SUREL_STATUS_LOCKED;
      case SUREL_ERROR_RATE_LIMITED:
        return SUREL_STATUS_THROTTLED;
      default:
        return SUREL_STATUS_ERROR;
      }
  return SUREL_STATUS_ERROR;
}

/* Seconds until the next attempt; @retry_after: what the server said of it, 0 for nothing. Asking again for what only a person can mend would lock the account. */
static gint64
backoff (SurelWorker *self, const GError *error, gint64 retry_after)
{
  gint64 seconds = BACKOFF_MIN;

  if (status_of (error) == SUREL_STATUS_AUTH_REQUIRED
      || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_CERTIFICATE_REJECTED))
    return -1;
  for (guint i = 0; i < MIN (self->failures, 16) && seconds < BACKOFF_MAX; i++)
    seconds *= 2;
  self->failures++;
  if (status_of (error) == SUREL_STATUS_THROTTLED && retry_after > 0)
    return retry_after * g_random_int_range (100, 121) / 100 + 1;
  return MIN (seconds, BACKOFF_MAX) * g_random_int_range (80, 121) / 100 + 1;
}

/* Waits for a request, at most @seconds, or for as long as it takes where that is negative. */
static void
take_requests (SurelWorker *self, gint64 seconds)
{
  Request *request = surel_queue_pop (self->requests, seconds >= 0 ? seconds * G_USEC_PER_SEC : -1);

  for (; request != NULL; request = surel_queue_try_pop (self->requests))
    {
      self->request = MAX (self->request, request->number);
      self->sync_wanted = self->sync_wanted || request->number != 0;
      g_free (request);
    }
}

/* Waits for the next attempt. A person who asks for it gets it before; where the server wants to be left alone, what else
 * people do waits with the rest. */
static void
wait_for_attempt (SurelWorker *self, const GError *error, gint64 seconds)
{
  gint64 until = surel_clock_monotonic () + seconds * G_USEC_PER_SEC;
  guint64 before = self->request;
  gint64 left = seconds;

  do
    {
      take_requests (self, left);
      left = (until - surel_clock_monotonic () + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
    }
  while (status_of (error) == SUREL_STATUS_THROTTLED && left > 0 && self->request == before
         && !g_cancellable_is_cancelled (self->stop));
}

/* Seconds until there is something to do that nobody has to ask for. */
static gint64
seconds_left (SurelWorker *self)
{
  gint64 left = (self->sync_due - surel_clock_monotonic ()) / G_USEC_PER_SEC + 1;
  gint64 due = surel_push_next_due (&self->context, self->account->id);

  /* What is due and could not go waits for something else. */
  if (due > 0)
    left = MIN (left, MAX (due - surel_clock_now (), 1));
  return MAX (left, 0);
}

/* Takes @rejected and @alert over. */
static void
report_failure (SurelWorker *self, GError *error, SurelCertificate *rejected, char *alert, gint64 wait)
{
  SurelReport report = { .status = status_of (error),
                         .rejected = rejected,
                         .next_attempt = wait >= 0 ? surel_clock_now () + wait : 0,
                         .progress = -1,
                         .done = self->request };

  post (self, report, error, alert);
}

static void
report_success (SurelWorker *self, SurelRemote *remote)
{
  g_autoptr (GError) error = NULL;
  SurelReport report = { .status = SUREL_STATUS_IDLE, .progress = -1, .done = self->request };

  if (surel_folder_list_is_cut (self->folders))
    error = g_error_new (SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED,
                         "The account has more than %d folders; those beyond are left out",
                         SUREL_FOLDERS_MAX);
  post (self, report, error, surel_remote_take_alert (remote));
}

/* What people did goes first; then all is brought up to date, where that is wanted or it is time. */
static gboolean
run_pass (SurelWorker *self, SurelRemote **remote, SurelCertificate **rejected, GError **error)
{
  gboolean list = self->sync_wanted || *remote == NULL || surel_clock_monotonic () >= self->sync_due
                  || surel_push_needs_list (&self->context, self->account->id);

  self->new_messages = 0;
  if (*remote == NULL)
    {
      post_status (self, SUREL_STATUS_CONNECTING, -1);
      *remote = surel_link_new (&self->context, self->account, self->stop, error);
      if (*remote == NULL || !surel_remote_open (*remote, rejected, self->stop, error))
        return FALSE;
    }
  if (list)
    post_status (self, SUREL_STATUS_SYNCING, -1);
  if (!surel_push (&self->context, self->account->id, *remote, self->since, FALSE, &list, self->stop, error))
    return FALSE;
  if (!list)
    return TRUE;
  /* What waited to be told where something is now can go. */
  if (!sync_all (self, *remote, error)
      || !surel_push (&self->context, self->account->id, *remote, self->since, is_whole (self), &self->sync_again, self->stop,
                      error))
    return FALSE;
  self->sync_wanted = self->sync_again;
  self->sync_again = FALSE;
  self->sync_due = surel_clock_monotonic () + POLL_SECONDS * G_USEC_PER_SEC;
  report_success (self, *remote);
  /* Nobody waits for this, and nothing is lost without it. */
  surel_store_write_sync (self->context.store, write_last_sync, self, NULL);
  return TRUE;
}

static gpointer
worker_main (gpointer data)
{
  SurelWorker *self = data;
  SurelRemote *remote = NULL;

  if (self->predecessor != NULL)
    g_thread_join (g_steal_pointer (&self->predecessor));
  while (!g_cancellable_is_cancelled (self->stop))
    {
      g_autoptr (GError) error = NULL;
      SurelCertificate *rejected = NULL;
      g_autofree char *alert = NULL;
      gboolean was_open = remote != NULL;
      gint64 retry_after = 0;
      gint64 wait;

      take_requests (self, 0);
      if (run_pass (self, &remote, &rejected, &error))
        {
          self->failures = 0;
          take_requests (self, self->sync_wanted ? 0 : seconds_left (self));
          continue;
        }
      if (remote != NULL)
        {
          alert = surel_remote_take_alert (remote);
          retry_after = surel_remote_get_retry_after (remote);
        }
      g_clear_pointer (&remote, surel_remote_free);
      /* A link that lay idle may have gone unnoticed: that it has is no failure yet. */
      if (was_open && g_error_matches (error, SUREL_ERROR, SUREL_ERROR_OFFLINE))
        continue;
      wait = backoff (self, error, retry_after);
      if (g_cancellable_is_cancelled (self->stop))
        g_clear_pointer (&rejected, surel_certificate_unref);
      else
        report_failure (self, error, rejected, g_steal_pointer (&alert), wait);
      wait_for_attempt (self, error, wait);
    }
  g_clear_pointer (&remote, surel_remote_free);
  worker_unref (self);
  return NULL;
}

/**
 * surel_worker_start:
 * @predecessor: (transfer full) (nullable): what surel_worker_stop() gave; it ends before this one works
 * @func: called in the main thread with each report, until surel_worker_stop()
 *
 * Returns: (transfer full): a worker that connects at once
 */
SurelWorker *
surel_worker_start (const SurelContext *context,
                    SurelAccountRow *account,
                    GThread *predecessor,
                    SurelReportFunc func,
                    gpointer data)
{
  SurelWorker *self = g_new0 (SurelWorker, 1);

  surel_ref_count_init (&self->references);
  surel_ref_count_inc (&self->references);
  self->context = *context;
  self->account = surel_account_row_ref (account);
  self->predecessor = predecessor;
  self->folders = surel_folder_list_new (context->store, account->id);
  self->requests = surel_queue_new (0, g_free);
  self->stop = g_cancellable_new ();
  self->last_sync = account->last_sync;
  self->since = SUREL_NO_NEWCOMERS;
  self->quota = SUREL_QUOTA_UNKNOWN;
  self->func = func;
  self->data = data;
  self->thread = g_thread_new ("surel-worker", worker_main, self);
  return self;
}

static void
request (SurelWorker *self, guint64 number)
{
  Request *item = g_new0 (Request, 1);

  item->number = number;
  if (!surel_queue_push (self->requests, item))
    g_free (item);
}

/**
 * surel_worker_sync:
 * @number: larger than those before; reports say which are done
 *
 * Has all brought up to date now.
 */
void
surel_worker_sync (SurelWorker *self, guint64 number)
{
  request (self, number);
}

/**
 * surel_worker_push:
 *
 * Has what people did sent to the server now.
 */
void
surel_worker_push (SurelWorker *self)
{
  request (self, 0);
}

/**
 * surel_worker_stop:
 * @self: (transfer full): no reports come any more
 *
 * Returns: (transfer full): its thread, which ends soon: to be joined
 */
GThread *
surel_worker_stop (SurelWorker *self)
{
  GThread *thread = self->thread;

  self->func = NULL;
  g_cancellable_cancel (self->stop);
  surel_queue_close (self->requests);
  worker_unref (self);
  return thread;
}
