/* The store: SQLite under one writer, and readers beside it.
 *
 * The store thread is the only one that writes. Jobs wait in a queue; those that wait together go into
 * one transaction, each in a savepoint of its own, so one that fails takes nothing else along. A
 * transaction that changed anything gets one state number and one row of the log; the list of what
 * changed is posted to the main thread, where it is the signal `committed`, and only then are the jobs'
 * done functions called. What a person does is urgent: it ends the transaction under way and is
 * fsynced (synchronous=FULL), and so is how an operation ended; what a server can repeat is not (NORMAL).
 *
 * A power failure may take the last commits that weren't fsynced, and their numbers may have been seen.
 * So states and ids are taken from blocks that are reserved durably first, and after an unclean end
 * counting goes on behind the block: no number is ever given twice. Changes() from a state that was
 * lost finds no such row in the log and says so. */
#include "store/store-private.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/errors.h"
#include "base/mutation.h"
#include "store/damage.h"
#include "store/datadir.h"
#include "store/log.h"
#include "store/rescue.h"
#include "store/schema.h"

#define BULK_QUEUE 4 /* jobs: a remote that is faster than the disk waits here */
#define FIRST_ID 1024 /* log.c counts positions in blocks of as many, from 1 */
#define FIRST_STATE (1024 * SUREL_STATE_STEP) /* so that no small number is taken for a state */

G_DEFINE_FINAL_TYPE (SurelStore, surel_store, G_TYPE_OBJECT)

enum
{
  COMMITTED,
  DAMAGED,
  INDEXED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

/* Tells of a commit, in the main thread. */
void
surel_store_emit_committed (SurelStore *self, SurelCommit *commit)
{
  self->shown_state = commit->after;
  g_signal_emit (self, signals[COMMITTED], 0, commit);
}

/* In the main thread. */
void
surel_store_emit_indexed (SurelStore *self)
{
  g_signal_emit (self, signals[INDEXED], 0);
}

void
surel_store_emit_damaged (SurelStore *self)
{
  g_signal_emit (self, signals[DAMAGED], 0);
}

static gboolean
get_meta (SurelSql *sql, const char *key, gint64 *value, GError **error)
{
  return surel_sql_get (sql, value, error, "SELECT value FROM meta WHERE key = ?", "s", key);
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
  self->unclean = !clean;
  self->doubted = self->unclean;
  self->state = (guint64) state;
  self->next_state = clean ? self->state + SUREL_STATE_STEP : (guint64) states_end + SUREL_STATE_STEP;
  self->next_id = clean ? next_id : ids_end;
  return surel_sql_exec (self->sql, "BEGIN IMMEDIATE", error)
         && surel_store_reserve (self, self->next_state + SUREL_STATES_RESERVED * SUREL_STATE_STEP,
                     self->next_id + SUREL_IDS_RESERVED, error)
         && surel_store_put_meta (self->sql, "clean", 0, error) && surel_sql_exec (self->sql, "COMMIT", error);
}

/* A new store has an id, a first state, and of a damaged one before it the accounts and what waited. */
static gboolean
load_id (SurelStore *self, GError **error)
{
  g_autoptr (SurelChanges) nothing = surel_changes_new ();
  gint64 next_id = FIRST_ID;
  gboolean has_queue;
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
  self->is_new = TRUE;
  has_queue = surel_rescue_attach_queue (self->sql, self->dir);
  return surel_sql_exec (self->sql, "BEGIN IMMEDIATE", error)
         && surel_sql_run (self->sql, error, "INSERT INTO meta (key, value) VALUES ('store', ?)", "s",
                           self->id)
         && surel_store_put_meta (self->sql, "clean", 1, error)
         && surel_rescue_load_accounts (self->sql, self->dir, &next_id, error)
         && (!has_queue || surel_rescue_load_queue (self->sql, &next_id, error))
         && surel_store_put_meta (self->sql, "next-id", next_id, error)
         && surel_log_append (self->sql, FIRST_STATE, surel_clock_now (), nothing, error)
         && surel_sql_exec (self->sql, "COMMIT", error)
         && (!has_queue || surel_sql_exec (self->sql, "DETACH copy", error));
}

static void
start_threads (SurelStore *self)
{
  self->jobs = surel_queue_new (BULK_QUEUE, surel_store_job_free);
  self->reads = surel_turns_new (surel_store_read_free);
  self->spare = surel_queue_new (SUREL_READERS, (GDestroyNotify) surel_sql_close);
  self->checkpoints = surel_queue_new (0, NULL);
  self->copies = surel_queue_new (0, NULL);
  self->checks = surel_queue_new (0, NULL);
  self->writer = g_thread_new ("surel-store", surel_store_writer_main, self);
  self->checkpointer = g_thread_new ("surel-checkpoint", surel_store_checkpointer_main, self);
  self->copier = g_thread_new ("surel-copy", surel_store_copier_main, self);
  for (guint i = 0; i < SUREL_READERS; i++)
    self->readers[i] = g_thread_new ("surel-read", surel_store_reader_main, self);
  self->checker = g_thread_new ("surel-check", surel_store_check_main, self);
}

static gboolean
open_database (SurelStore *self, GError **error)
{
  self->sql = surel_sql_open (self->path, TRUE, error);
  return self->sql != NULL && surel_schema_bring_up (self->sql, error) && load_id (self, error)
         && load_numbers (self, error)
         && (!surel_mutation ("drop-operations") /* what waits is forgotten */
             || surel_sql_exec (self->sql, "DELETE FROM intent; DELETE FROM operation WHERE ended IS NULL",
                                error));
}

/* Opens the database; where it is damaged, a new one in its place. */
static gboolean
open_some_database (SurelStore *self, GError **error)
{
  for (guint i = 0; i < 2; i++) /* the disk may have failed for a moment only */
    {
      g_autoptr (GError) own = NULL;

      if (open_database (self, &own))
        return TRUE;
      g_clear_pointer (&self->sql, surel_sql_close);
      g_clear_pointer (&self->id, g_free);
      if (!surel_sql_is_damage (own))
        {
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
      g_message ("%s", own->message);
      if (!surel_damage_can_read (self->path, error))
        return FALSE;
    }
  g_message ("The mail store is made anew");
  return surel_rescue_set_aside (self->path, self->dir, error) && open_database (self, error);
}

/**
 * surel_store_open:
 * @data_dir: where the mail is kept; made where it isn't there
 * @error: return location
 *
 * Locks the data directory, brings the database to the present schema and starts the store's threads.
 * Signals come in the main context. A damaged database is replaced by a new one with the same accounts.
 * After an unclean end the database is checked while it is used; `damaged` is emitted where that, or any
 * other work, finds it damaged: once it is closed then, opening it again makes a new one.
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
  if (!open_some_database (self, error))
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
  gboolean damaged;

  if (self->writer != NULL)
    {
      g_cancellable_cancel (self->ending);
      surel_queue_close (self->jobs);
      surel_turns_close (self->reads);
      g_thread_join (g_steal_pointer (&self->writer));
      surel_queue_close (self->checks);
      g_thread_join (self->checker);
      surel_queue_close (self->checkpoints);
      g_thread_join (self->checkpointer);
      surel_queue_close (self->copies);
      g_thread_join (self->copier);
      for (guint i = 0; i < SUREL_READERS; i++)
        g_thread_join (self->readers[i]);
      g_clear_pointer (&self->jobs, surel_queue_free);
      g_clear_pointer (&self->reads, surel_turns_free);
      g_clear_pointer (&self->spare, surel_queue_free);
      g_clear_pointer (&self->checkpoints, surel_queue_free);
      g_clear_pointer (&self->copies, surel_queue_free);
      g_clear_pointer (&self->checks, surel_queue_free);
      damaged = g_atomic_int_get (&self->damaged);
      if (!damaged && !g_atomic_int_get (&self->doubted) && !surel_sql_is_broken (self->sql))
        {
          sqlite3_wal_hook (surel_sql_handle (self->sql), NULL, NULL);
          surel_sql_exec (self->sql, "PRAGMA synchronous=FULL; BEGIN IMMEDIATE", NULL);
          surel_store_put_meta (self->sql, "next-id", self->next_id, NULL);
          surel_store_put_meta (self->sql, "clean", 1, NULL);
          surel_sql_exec (self->sql, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", NULL);
        }
      g_clear_pointer (&self->sql, surel_sql_close);
      if (damaged)
        surel_rescue_set_aside (self->path, self->dir, NULL);
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
  g_clear_object (&self->ending);
  g_clear_pointer (&self->doubtful, surel_store_commit_free);
  G_OBJECT_CLASS (surel_store_parent_class)->finalize (object);
}

static void
surel_store_class_init (SurelStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = surel_store_finalize;

  /* (commit: a SurelCommit, borrowed): in the main thread, once a commit is durable as far as asked. */
  signals[COMMITTED] = g_signal_new ("committed", SUREL_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                     NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  /* In the main thread, once: close the store and open it again. */
  /* Of all messages the rows are in the text index; texts may be put in. */
  signals[INDEXED] = g_signal_new ("indexed", SUREL_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[DAMAGED] = g_signal_new ("damaged", SUREL_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
}

static void
surel_store_init (SurelStore *self)
{
  self->lock = -1;
  self->ending = g_cancellable_new ();
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

static SurelWrite *
job_new (SurelWriteFunc func, gpointer data, GDestroyNotify destroy, SurelDoneFunc done, gpointer done_data)
{
  SurelWrite *job = g_new0 (SurelWrite, 1);

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
 * Writes what a person did: ahead of all that is not urgent. May be called from any thread. Once the store is
 * closed nothing is written, and @done isn't called.
 */
void
surel_store_write (SurelStore *self,
                   SurelWriteFunc func,
                   gpointer data,
                   GDestroyNotify destroy,
                   SurelDoneFunc done,
                   gpointer done_data)
{
  SurelWrite *job = job_new (func, data, destroy, done, done_data);

  job->urgent = TRUE;
  if (self->jobs != NULL)
    surel_queue_push_urgent (self->jobs, job);
  else
    surel_store_job_free (job);
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
  SurelWrite *job = job_new (func, data, destroy, NULL, NULL);

  job->answer = answers;
  if (surel_queue_push (self->jobs, job))
    return TRUE;
  surel_store_job_free (job);
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
  SurelWrite *job = surel_queue_pop (answers, -1);
  gboolean success = job->error == NULL;

  if (!success)
    g_propagate_error (error, g_steal_pointer (&job->error));
  surel_store_job_free (job);
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
 * surel_store_write_durable:
 *
 * Like surel_store_write_sync(), but what @func wrote is on the disk when it returns.
 */
gboolean
surel_store_write_durable (SurelStore *self, SurelWriteFunc func, gpointer data, GError **error)
{
  g_autoptr (SurelQueue) answers = surel_queue_new (0, NULL);
  SurelWrite *job = job_new (func, data, NULL, NULL, NULL);

  job->urgent = TRUE;
  job->answer = answers;
  surel_queue_push_urgent (self->jobs, job);
  return surel_store_take_answer (answers, error);
}
