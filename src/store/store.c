/* The store: SQLite under one writer, and readers beside it.
 *
 * The store thread is the only one that writes. Jobs wait in a queue; those that wait together go into
 * one transaction, each in a savepoint of its own, so one that fails takes nothing else along. A
 * transaction that changed anything gets one state number and one row of the log; the list of what
 * changed is posted to the main thread, where it is the signal `committed`, and only then are the jobs'
 * done functions called. What a person does is urgent: it ends the transaction under way and is
 * fsynced (synchronous=FULL); what a server can repeat is not (NORMAL).
 *
 * A power failure may take the last commits that weren't fsynced, and their numbers may have been seen.
 * So states and ids are taken from blocks that are reserved durably first, and after an unclean end
 * counting goes on behind the block: no number is ever given twice. Changes() from a state that was
 * lost finds no such row in the log and says so. */
#include "store/store.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errors.h"
#include "base/post.h"
#include "base/queue.h"
#include "store/accounts.h"
#include "store/datadir.h"
#include "store/folders.h"
#include "store/log.h"
#include "store/schema.h"

#define BULK_QUEUE 4 /* jobs: a remote that is faster than the disk waits here */
#define ROWS_MAX 4000 /* rows to a transaction: a commit names 10,000 ids at most */
#define STATES_RESERVED 4096 /* commits to one reservation */
#define IDS_RESERVED 65536 /* ids to one reservation */
#define READERS 2 /* threads: as many as a small machine has cores */
#define CHECKPOINT_PAGES 2000 /* pages of WAL, 8 MB */
#define FIRST_ID 1024 /* log.c counts positions in blocks of as many, from 1 */
#define FIRST_STATE (1024 * SUREL_STATE_STEP) /* so that no small number is taken for a state */

typedef struct
{
  SurelWriteFunc func;
  gpointer data;
  GDestroyNotify destroy;
  SurelDoneFunc done; /* nullable */
  gpointer done_data;
  gboolean urgent;
  SurelQueue *answer; /* of surel_store_write_sync(): gets the job back, and done isn't called */
  guint64 state; /* once done */
  GError *error; /* once done: why it failed */
} Job;

typedef struct
{
  SurelReadFunc func;
  gpointer data;
  GDestroyNotify destroy;
  GCancellable *cancellable; /* nullable */
} Read;

typedef struct
{
  SurelStore *store;
  SurelCommit *commit; /* nullable */
  GPtrArray *jobs; /* Job */
} Report;

struct _SurelStore
{
  GObject parent_instance;

  char *dir;
  char *path;
  char *content_dir;
  char *id;
  int lock;
  guint64 shown_state; /* main thread: of the last commit signalled */

  SurelQueue *jobs;
  SurelQueue *reads;
  SurelQueue *checkpoints; /* anything pushed asks for one */
  GThread *writer;
  GThread *readers[READERS];
  GThread *checkpointer;

  /* The writer's own. */
  SurelSql *sql;
  gboolean durable; /* synchronous is FULL */
  guint64 state;
  guint64 next_state;
  guint64 states_end; /* behind the last reserved */
  gint64 next_id;
  gint64 ids_end;
};

G_DEFINE_FINAL_TYPE (SurelStore, surel_store, G_TYPE_OBJECT)

enum
{
  COMMITTED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
commit_free (SurelCommit *commit)
{
  surel_changes_unref (commit->changes);
  g_ptr_array_unref (commit->accounts);
  g_ptr_array_unref (commit->folders);
  g_free (commit);
}

static void
job_free (gpointer data)
{
  Job *job = data;

  if (job->destroy != NULL)
    job->destroy (job->data);
  g_clear_error (&job->error);
  g_free (job);
}

static void
read_free (gpointer data)
{
  Read *read = data;

  if (read->destroy != NULL)
    read->destroy (read->data);
  g_clear_object (&read->cancellable);
  g_free (read);
}

/* --- Numbers that are given once --- */

static gboolean
put_meta (SurelSql *sql, const char *key, gint64 value, GError **error)
{
  return surel_sql_run (sql, error, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", "si",
                        key, value);
}

static gboolean
get_meta (SurelSql *sql, const char *key, gint64 *value, GError **error)
{
  return surel_sql_get (sql, value, error, "SELECT value FROM meta WHERE key = ?", "s", key);
}

/* In a transaction of its own that is durable before any number of it is given. */
static gboolean
reserve (SurelStore *self, guint64 states_end, gint64 ids_end, GError **error)
{
  if (!put_meta (self->sql, "states-end", (gint64) states_end, error)
      || !put_meta (self->sql, "ids-end", ids_end, error))
    return FALSE;
  self->states_end = states_end;
  self->ids_end = ids_end;
  return TRUE;
}

/**
 * surel_txn_new_id:
 *
 * Returns: an id for a message or a folder, never given before; 0 with @error set
 */
gint64
surel_txn_new_id (SurelTxn *txn, GError **error)
{
  SurelStore *self = txn->store;

  if (self->next_id >= self->ids_end)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "A job wrote more rows than it may");
      return 0;
    }
  return self->next_id++;
}

/* --- What a job records --- */

typedef struct
{
  gint64 account;
  int total;
  int unread;
} Counts;

/**
 * surel_txn_count:
 * @total: how many more messages @folder shows; negative for fewer
 * @unread: how many more of them are unread
 *
 * Keeps @folder's counts in the same transaction, and lists it as updated.
 */
void
surel_txn_count (SurelTxn *txn, gint64 account, gint64 folder, int total, int unread)
{
  gpointer key = (gpointer) (guintptr) folder;
  Counts *counts = g_hash_table_lookup (txn->folder_counts, key);

  if (total == 0 && unread == 0)
    return;
  if (counts == NULL)
    {
      counts = g_new0 (Counts, 1);
      counts->account = account;
      g_hash_table_insert (txn->folder_counts, key, counts);
    }
  counts->total += total;
  counts->unread += unread;
}

/**
 * surel_txn_touched:
 *
 * Has the main thread told of @folder's row, though what changed of it makes no state.
 */
void
surel_txn_touched (SurelTxn *txn, gint64 folder)
{
  g_hash_table_add (txn->touched, (gpointer) (guintptr) folder);
}

void
surel_txn_changed (SurelTxn *txn, SurelFamily family, guint64 id, SurelEvent event)
{
  surel_changes_add (txn->changes, family, id, event);
}

static gboolean
write_counts (SurelTxn *txn, GError **error)
{
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  g_hash_table_iter_init (&iter, txn->folder_counts);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      Counts *counts = value;
      gint64 folder = (gint64) (guintptr) key;

      if (counts->total == 0 && counts->unread == 0)
        continue;
      if (!surel_sql_run (txn->sql, error,
                          "UPDATE folder SET total = total + ?, unread = unread + ? WHERE id = ?",
                          "iii", (gint64) counts->total, (gint64) counts->unread, folder))
        return FALSE;
      surel_changes_add (txn->changes, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (counts->account, folder),
                         SUREL_UPDATED);
    }
  return TRUE;
}

/* --- The writer --- */

static gboolean
begin (SurelStore *self, gboolean durable, GError **error)
{
  if (durable != self->durable
      && !surel_sql_exec (self->sql, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
                          error))
    return FALSE;
  self->durable = durable;
  return surel_sql_exec (self->sql, "BEGIN IMMEDIATE", error);
}

/* Runs @job within the transaction, all of it or nothing. */
static gboolean
run_job (SurelStore *self,
         Job *job,
         SurelChanges *changes,
         GHashTable *touched,
         gint64 time,
         guint *rows,
         GError **error)
{
  g_autoptr (GHashTable) counts = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (SurelChanges) own = surel_changes_new ();
  SurelTxn txn = { self->sql, own, counts, touched, time, 0, self };

  if (!surel_sql_run (self->sql, error, "SAVEPOINT job", ""))
    return FALSE;
  if (!job->func (&txn, job->data, &job->error) || !write_counts (&txn, &job->error))
    {
      if (sqlite3_get_autocommit (surel_sql_handle (self->sql)) || surel_sql_is_broken (self->sql))
        { /* SQLite has given up the whole transaction */
          g_propagate_error (error, g_error_copy (job->error));
          return FALSE;
        }
      return surel_sql_run (self->sql, error, "ROLLBACK TO job", "")
             && surel_sql_run (self->sql, error, "RELEASE job", "");
    }
  if (!surel_sql_run (self->sql, error, "RELEASE job", ""))
    return FALSE;
  surel_changes_add_all (changes, own);
  *rows += txn.rows + 1;
  return TRUE;
}

static SurelCommit *
describe_commit (SurelStore *self, SurelChanges *changes, GHashTable *touched, GError **error)
{
  static const SurelEvent present[] = { SUREL_CREATED, SUREL_UPDATED };
  GHashTableIter iter;
  gpointer folder;
  SurelCommit *commit = g_new0 (SurelCommit, 1);

  commit->changes = surel_changes_ref (changes);
  commit->accounts = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_account_row_unref);
  commit->folders = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_row_unref);
  for (guint i = 0; i < G_N_ELEMENTS (present); i++)
    {
      g_autoptr (GArray) accounts = surel_changes_list (changes, SUREL_FAMILY_ACCOUNT, present[i]);
      g_autoptr (GArray) folders = surel_changes_list (changes, SUREL_FAMILY_FOLDER, present[i]);

      for (guint k = 0; k < accounts->len; k++)
        surel_accounts_load (self->sql, (gint64) g_array_index (accounts, guint64, k),
                             commit->accounts, error);
      for (guint k = 0; k < folders->len; k++)
        {
          gint64 id = SUREL_FOLDER_KEY_FOLDER (g_array_index (folders, guint64, k));

          surel_folders_load (self->sql, id, commit->folders, error);
          g_hash_table_remove (touched, (gpointer) (guintptr) id);
        }
    }
  g_hash_table_iter_init (&iter, touched);
  while (g_hash_table_iter_next (&iter, &folder, NULL))
    surel_folders_load (self->sql, (gint64) (guintptr) folder, commit->folders, error);
  return commit;
}

static void
report (gpointer data)
{
  Report *self = data;

  if (self->commit != NULL)
    {
      self->store->shown_state = self->commit->after;
      g_signal_emit (self->store, signals[COMMITTED], 0, self->commit);
    }
  for (guint i = 0; i < self->jobs->len; i++)
    {
      Job *job = self->jobs->pdata[i];

      if (job->done != NULL)
        job->done (job->state, job->error, job->done_data);
    }
}

static void
report_free (gpointer data)
{
  Report *self = data;

  g_clear_pointer (&self->commit, commit_free);
  g_ptr_array_unref (self->jobs);
  g_object_unref (self->store);
  g_free (self);
}

/* Tells the main thread of the commit and then of its jobs; waiting threads get theirs back. */
static void
send_report (SurelStore *self, SurelCommit *commit, GPtrArray *jobs)
{
  Report *message = g_new0 (Report, 1);

  message->store = g_object_ref (self);
  message->commit = commit;
  message->jobs = g_ptr_array_new_with_free_func (job_free);
  for (guint i = 0; i < jobs->len; i++)
    {
      Job *job = jobs->pdata[i];

      if (job->answer == NULL)
        g_ptr_array_add (message->jobs, job);
    }
  surel_post (NULL, report, message, report_free);
  for (guint i = 0; i < jobs->len; i++)
    {
      Job *job = jobs->pdata[i];

      if (job->answer != NULL)
        surel_queue_push (job->answer, job);
    }
}

static gboolean
take_numbers (SurelStore *self, GError **error)
{
  gboolean states_low = self->next_state + SUREL_STATE_STEP >= self->states_end;
  gboolean ids_low = self->next_id + IDS_RESERVED / 2 >= self->ids_end;

  if (!states_low && !ids_low)
    return TRUE;
  return begin (self, TRUE, error)
         && reserve (self,
                     states_low ? self->states_end + STATES_RESERVED * SUREL_STATE_STEP
                                : self->states_end,
                     ids_low ? self->ids_end + IDS_RESERVED : self->ids_end, error)
         && surel_sql_exec (self->sql, "COMMIT", error);
}

/* A transaction of @first and of what waits behind it and may share it. */
static gboolean
run_transaction (SurelStore *self, Job *first, GPtrArray *jobs, SurelCommit **commit, GError **error)
{
  g_autoptr (SurelChanges) changes = surel_changes_new ();
  g_autoptr (GHashTable) touched = g_hash_table_new (NULL, NULL);
  gint64 time = surel_clock_now ();
  guint rows = 0;
  Job *job = first;

  if (!take_numbers (self, error) || !begin (self, first->urgent, error))
    return FALSE;
  do
    {
      if (job != first)
        g_ptr_array_add (jobs, job);
      if (!run_job (self, job, changes, touched, time, &rows, error))
        return FALSE;
    }
  while (rows < ROWS_MAX && surel_queue_has_urgent (self->jobs) == first->urgent
         && (job = surel_queue_try_pop (self->jobs)) != NULL);

  if (surel_changes_count (changes) > 0 || g_hash_table_size (touched) > 0)
    {
      gboolean makes_state = surel_changes_count (changes) > 0;

      if (makes_state && !surel_log_append (self->sql, self->next_state, time, changes, error))
        return FALSE;
      *commit = describe_commit (self, changes, touched, error);
      (*commit)->before = self->state;
      (*commit)->after = makes_state ? self->next_state : self->state;
    }
  return surel_sql_exec (self->sql, "COMMIT", error);
}

static gboolean
reopen (SurelStore *self, GError **error)
{
  SurelSql *sql = surel_sql_open (self->path, TRUE, error);

  if (sql == NULL)
    return FALSE;
  surel_sql_close (self->sql);
  self->sql = sql;
  self->durable = TRUE;
  return TRUE;
}

static void
write_one (SurelStore *self, Job *first)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  SurelCommit *commit = NULL;

  g_ptr_array_add (jobs, first);
  if (surel_sql_is_broken (self->sql) && !reopen (self, &error))
    ;
  else if (run_transaction (self, first, jobs, &commit, &error))
    {
      if (commit != NULL && commit->after != commit->before)
        {
          self->state = commit->after;
          self->next_state = commit->after + SUREL_STATE_STEP;
        }
    }
  else
    {
      if (!sqlite3_get_autocommit (surel_sql_handle (self->sql)))
        surel_sql_exec (self->sql, "ROLLBACK", NULL);
      g_clear_pointer (&commit, commit_free);
    }
  for (guint i = 0; i < jobs->len; i++)
    {
      Job *job = jobs->pdata[i];

      if (error != NULL && job->error == NULL)
        job->error = g_error_copy (error);
      job->state = self->state;
    }
  send_report (self, commit, jobs);
}

static int
on_wal (void *data, sqlite3 *db G_GNUC_UNUSED, const char *name G_GNUC_UNUSED, int pages)
{
  SurelStore *self = data;

  if (pages > CHECKPOINT_PAGES && !surel_queue_has_urgent (self->checkpoints))
    surel_queue_push_urgent (self->checkpoints, self);
  return SQLITE_OK;
}

static gpointer
writer_main (gpointer data)
{
  SurelStore *self = data;
  Job *job;

  while ((job = surel_queue_pop (self->jobs, -1)) != NULL)
    {
      sqlite3_wal_hook (surel_sql_handle (self->sql), on_wal, self);
      write_one (self, job);
    }
  return NULL;
}

static gpointer
checkpointer_main (gpointer data)
{
  SurelStore *self = data;
  SurelSql *sql = NULL;

  while (surel_queue_pop (self->checkpoints, -1) != NULL)
    {
      if (sql != NULL && surel_sql_is_broken (sql))
        g_clear_pointer (&sql, surel_sql_close);
      if (sql == NULL)
        sql = surel_sql_open (self->path, TRUE, NULL);
      if (sql != NULL
          && sqlite3_wal_checkpoint_v2 (surel_sql_handle (sql), NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                        NULL)
                 != SQLITE_OK)
        surel_sql_fail (sql, NULL);
    }
  g_clear_pointer (&sql, surel_sql_close);
  return NULL;
}

/* --- Readers --- */

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
  if (*sql != NULL)
    {
      sqlite3_progress_handler (surel_sql_handle (*sql), 0, NULL, NULL);
      surel_sql_reset_all (*sql);
      if (!sqlite3_get_autocommit (surel_sql_handle (*sql)))
        surel_sql_run (*sql, NULL, "COMMIT", "");
    }
  g_clear_error (&reader.error);
}

static gpointer
reader_main (gpointer data)
{
  SurelStore *self = data;
  SurelSql *sql = NULL;
  Read *read;

  while ((read = surel_queue_pop (self->reads, -1)) != NULL)
    {
      read_one (self, &sql, read);
      read_free (read);
    }
  g_clear_pointer (&sql, surel_sql_close);
  return NULL;
}

/* --- Opening and closing --- */

static gboolean
load_numbers (SurelStore *self, GError **error)
{
  gint64 clean = 0;
  gint64 state = 0;
  gint64 states_end = 0;
  gint64 ids_end = FIRST_ID;
  gint64 next_id = FIRST_ID;

  if (!get_meta (self->sql, "clean", &clean, error)
      || !get_meta (self->sql, "states-end", &states_end, error)
      || !get_meta (self->sql, "ids-end", &ids_end, error)
      || !get_meta (self->sql, "next-id", &next_id, error)
      || !surel_sql_get (self->sql, &state, error, "SELECT max(state) FROM log", ""))
    return FALSE;
  self->state = (guint64) state;
  self->next_state = clean ? self->state + SUREL_STATE_STEP : (guint64) states_end + SUREL_STATE_STEP;
  self->next_id = clean ? next_id : ids_end;
  return surel_sql_exec (self->sql, "BEGIN IMMEDIATE", error)
         && reserve (self, self->next_state + STATES_RESERVED * SUREL_STATE_STEP,
                     self->next_id + IDS_RESERVED, error)
         && put_meta (self->sql, "clean", 0, error) && surel_sql_exec (self->sql, "COMMIT", error);
}

/* A new store has an id and a first state, with nothing in it. */
static gboolean
load_id (SurelStore *self, GError **error)
{
  g_autoptr (SurelChanges) nothing = surel_changes_new ();
  sqlite3_stmt *statement;
  int result;

  statement = surel_sql_start (self->sql, error, "SELECT value FROM meta WHERE key = 'store'", "");
  if (statement == NULL || (result = surel_sql_step (self->sql, statement, error)) < 0)
    return FALSE;
  if (result > 0)
    {
      self->id = surel_sql_column_text (statement, 0);
      sqlite3_reset (statement);
      return TRUE;
    }
  self->id = g_uuid_string_random ();
  return surel_sql_exec (self->sql, "BEGIN IMMEDIATE", error)
         && surel_sql_run (self->sql, error, "INSERT INTO meta (key, value) VALUES ('store', ?)", "s",
                           self->id)
         && put_meta (self->sql, "clean", 1, error)
         && surel_log_append (self->sql, FIRST_STATE, surel_clock_now (), nothing, error)
         && surel_sql_exec (self->sql, "COMMIT", error);
}

static void
start_threads (SurelStore *self)
{
  self->jobs = surel_queue_new (BULK_QUEUE, job_free);
  self->reads = surel_queue_new (0, read_free);
  self->checkpoints = surel_queue_new (0, NULL);
  self->writer = g_thread_new ("surel-store", writer_main, self);
  self->checkpointer = g_thread_new ("surel-checkpoint", checkpointer_main, self);
  for (guint i = 0; i < READERS; i++)
    self->readers[i] = g_thread_new ("surel-read", reader_main, self);
}

/**
 * surel_store_open:
 * @data_dir: where the mail is kept; made where it isn't there
 * @error: return location
 *
 * Locks the data directory, brings the database to the present schema and starts the store's threads.
 * Signals come in the main context.
 *
 * Returns: (transfer full) (nullable): the store; %NULL with %SUREL_ERROR_CONFLICT (in use),
 *   %SUREL_ERROR_PERMISSION_DENIED, %SUREL_ERROR_STORAGE_FULL or %SUREL_ERROR_FAILED
 */
SurelStore *
surel_store_open (const char *data_dir, GError **error)
{
  g_autoptr (SurelStore) self = g_object_new (SUREL_TYPE_STORE, NULL);

  self->dir = g_strdup (data_dir);
  self->path = g_build_filename (data_dir, "surel.db", NULL);
  self->content_dir = g_build_filename (data_dir, "content", NULL);
  if (!surel_data_dir_prepare (data_dir, &self->lock, error)
      || !surel_data_dir_make (self->content_dir, error))
    return NULL;
  self->sql = surel_sql_open (self->path, TRUE, error);
  if (self->sql == NULL || !surel_schema_bring_up (self->sql, error) || !load_id (self, error)
      || !load_numbers (self, error))
    return NULL;
  self->durable = TRUE;
  self->shown_state = self->state;
  start_threads (self);
  return g_steal_pointer (&self);
}

/**
 * surel_store_close:
 *
 * Ends the store's threads once all that was handed to them is done, and notes the clean end.
 */
void
surel_store_close (SurelStore *self)
{
  if (self->writer != NULL)
    {
      surel_queue_close (self->jobs);
      surel_queue_close (self->reads);
      g_thread_join (g_steal_pointer (&self->writer));
      surel_queue_close (self->checkpoints);
      g_thread_join (self->checkpointer);
      for (guint i = 0; i < READERS; i++)
        g_thread_join (self->readers[i]);
      g_clear_pointer (&self->jobs, surel_queue_free);
      g_clear_pointer (&self->reads, surel_queue_free);
      g_clear_pointer (&self->checkpoints, surel_queue_free);
      if (!surel_sql_is_broken (self->sql))
        {
          sqlite3_wal_hook (surel_sql_handle (self->sql), NULL, NULL);
          surel_sql_exec (self->sql, "PRAGMA synchronous=FULL; BEGIN IMMEDIATE", NULL);
          put_meta (self->sql, "next-id", self->next_id, NULL);
          put_meta (self->sql, "clean", 1, NULL);
          surel_sql_exec (self->sql, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", NULL);
        }
    }
  g_clear_pointer (&self->sql, surel_sql_close);
  if (self->lock >= 0)
    close (self->lock);
  self->lock = -1;
}

static void
surel_store_finalize (GObject *object)
{
  SurelStore *self = SUREL_STORE (object);

  surel_store_close (self);
  g_free (self->dir);
  g_free (self->path);
  g_free (self->content_dir);
  g_free (self->id);
  G_OBJECT_CLASS (surel_store_parent_class)->finalize (object);
}

static void
surel_store_class_init (SurelStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = surel_store_finalize;

  /* (commit: a SurelCommit, borrowed): in the main thread, once a commit is durable as far as asked. */
  signals[COMMITTED] = g_signal_new ("committed", SUREL_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                     NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
surel_store_init (SurelStore *self)
{
  self->lock = -1;
}

/**
 * surel_store_get_id:
 *
 * Returns: the id made with the store
 */
const char *
surel_store_get_id (SurelStore *self)
{
  return self->id;
}

/**
 * surel_store_get_state:
 *
 * Returns: the state of the last commit the main thread was told of; for the main thread
 */
guint64
surel_store_get_state (SurelStore *self)
{
  return self->shown_state;
}

const char *
surel_store_get_content_dir (SurelStore *self)
{
  return self->content_dir;
}

/* --- Handing jobs in --- */

static Job *
job_new (SurelWriteFunc func, gpointer data, GDestroyNotify destroy, SurelDoneFunc done, gpointer done_data)
{
  Job *job = g_new0 (Job, 1);

  job->func = func;
  job->data = data;
  job->destroy = destroy;
  job->done = done;
  job->done_data = done_data;
  return job;
}

/**
 * surel_store_write:
 * @func: runs in the store thread, in a transaction; what it does is done whole or not at all
 * @data: for @func
 * @destroy: (nullable): frees @data
 * @done: (nullable): called in the main thread once the commit is durable, after `committed`
 * @done_data: for @done
 *
 * Writes what a person did: ahead of all that is not urgent. May be called from any thread.
 */
void
surel_store_write (SurelStore *self,
                   SurelWriteFunc func,
                   gpointer data,
                   GDestroyNotify destroy,
                   SurelDoneFunc done,
                   gpointer done_data)
{
  Job *job = job_new (func, data, destroy, done, done_data);

  job->urgent = TRUE;
  surel_queue_push_urgent (self->jobs, job);
}

/**
 * surel_store_write_queued:
 * @answers: gets an answer for surel_store_take_answer() once the job is committed or has failed
 *
 * Like surel_store_write(), for what a server can repeat: not fsynced, and waiting while many such
 * jobs wait already. Not for the main thread.
 *
 * Returns: %FALSE where the store is being closed; there is no answer then
 */
gboolean
surel_store_write_queued (SurelStore *self,
                          SurelWriteFunc func,
                          gpointer data,
                          GDestroyNotify destroy,
                          SurelQueue *answers)
{
  Job *job = job_new (func, data, destroy, NULL, NULL);

  job->answer = answers;
  if (surel_queue_push (self->jobs, job))
    return TRUE;
  job_free (job);
  return FALSE;
}

/**
 * surel_store_take_answer:
 *
 * Waits for the next job whose answers go to @answers.
 *
 * Returns: whether it was committed
 */
gboolean
surel_store_take_answer (SurelQueue *answers, GError **error)
{
  Job *job = surel_queue_pop (answers, -1);
  gboolean success = job->error == NULL;

  if (!success)
    g_propagate_error (error, g_steal_pointer (&job->error));
  job_free (job);
  return success;
}

/**
 * surel_store_write_sync:
 *
 * Like surel_store_write_queued(), but returns once it is committed.
 *
 * Returns: %FALSE with @error set where @func failed or the store is being closed
 */
gboolean
surel_store_write_sync (SurelStore *self, SurelWriteFunc func, gpointer data, GError **error)
{
  g_autoptr (SurelQueue) answers = surel_queue_new (0, NULL);

  if (surel_store_write_queued (self, func, data, NULL, answers))
    return surel_store_take_answer (answers, error);
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_CANCELLED, "The daemon is being stopped");
  return FALSE;
}

/**
 * surel_store_read:
 * @func: runs in a reader thread, on one consistent view of the store
 * @data: for @func
 * @destroy: (nullable): frees @data
 * @cancellable: (nullable): stops a long statement
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
  if (!surel_queue_push (self->reads, read))
    read_free (read);
}

typedef struct
{
  SurelReadFunc func;
  gpointer data;
  SurelQueue *answer;
} SyncRead;

static void
run_sync_read (SurelReader *reader, gpointer data)
{
  SyncRead *read = data;

  read->func (reader, read->data);
  surel_queue_push (read->answer, read);
}

/**
 * surel_store_read_sync:
 *
 * Like surel_store_read(), but returns once @func has. Not for the main thread once the bus is served.
 */
void
surel_store_read_sync (SurelStore *self, SurelReadFunc func, gpointer data)
{
  g_autoptr (SurelQueue) answer = surel_queue_new (0, NULL);
  SyncRead read = { func, data, answer };

  surel_store_read (self, run_sync_read, &read, NULL, NULL);
  surel_queue_pop (answer, -1);
}
