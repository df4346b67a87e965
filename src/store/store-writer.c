/* The thread that writes: transactions, their state numbers, and checkpoints beside it. */
#include "store/store-private.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/mutation.h"
#include "base/post.h"
#include "store/accounts.h"
#include "store/folders.h"
#include "store/log.h"
#include "store/operations.h"
#include "store/rescue.h"
#include "store/search.h"
#include "store/threads.h"

#define ROWS_MAX 4000 /* rows to a transaction: a commit names 10,000 ids at most */
#define CHECKPOINT_PAGES 2000 /* pages of WAL, 8 MB */
#define INDEXED_AT_ONCE 64 /* messages that a commit takes into the text index along with it */
#define INDEXED_BEHIND 1000 /* rows that go into it between two looks for what else is to be done: a few milliseconds */
#define QUIET (20 * 1000) /* microseconds without anything else to do, before that begins */
#define UNSWEPT_MIN 500 /* messages that are gone before threads' keys are swept */
#define UNSWEPT_SHARE 50 /* likewise, for each thousand keys: then there are a twentieth too many, about */

typedef struct
{
  SurelStore *store;
  SurelCommit *commit; /* nullable */
  GPtrArray *jobs; /* Job */
} Report;

void
surel_store_commit_free (SurelCommit *commit)
{
  surel_changes_unref (commit->changes);
  g_ptr_array_unref (commit->accounts);
  g_ptr_array_unref (commit->folders);
  g_ptr_array_unref (commit->operations);
  g_free (commit);
}

void
surel_store_job_free (gpointer data)
{
  SurelWrite *job = data;

  if (job->destroy != NULL)
    job->destroy (job->data);
  g_clear_error (&job->error);
  g_free (job);
}

/* --- Numbers that are given once --- */

gboolean
surel_store_put_meta (SurelSql *sql, const char *key, gint64 value, GError **error)
{
  return surel_sql_run (sql, error, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", "si",
                        key, value);
}

/* In a transaction of its own that is durable before any number of it is given. */
gboolean
surel_store_reserve (SurelStore *self, guint64 states_end, gint64 ids_end, GError **error)
{
  if (!surel_store_put_meta (self->sql, "states-end", (gint64) states_end, error)
      || !surel_store_put_meta (self->sql, "ids-end", ids_end, error))
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

/**
 * surel_txn_get_state:
 *
 * Returns: the state that this commit gets if it changes anything
 */
guint64
surel_txn_get_state (SurelTxn *txn)
{
  return surel_changes_count (txn->changes) > 0 ? txn->store->next_state : txn->store->state;
}

/**
 * surel_txn_get_last_state:
 *
 * Returns: the state of the commit before
 */
guint64
surel_txn_get_last_state (SurelTxn *txn)
{
  return txn->store->state;
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
  durable = durable && !surel_mutation ("no-fsync"); /* what was accepted may go with the power */
  if (durable != self->durable
      && !surel_sql_exec (self->sql, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
                          error))
    return FALSE;
  self->durable = durable;
  return surel_sql_run (self->sql, error, "BEGIN IMMEDIATE", "");
}

/* Runs @job within the transaction, all of it or nothing. */
static gboolean
run_job (SurelStore *self,
         SurelWrite *job,
         SurelChanges *changes,
         GHashTable *touched,
         gint64 time,
         guint *rows,
         GError **error)
{
  g_autoptr (GHashTable) counts = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (SurelChanges) own = surel_changes_new ();
  SurelTxn txn = { self->sql, own, changes, counts, touched, time, 0, 0, self };

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
  self->unswept += txn.gone;
  return TRUE;
}

static SurelCommit *
describe_commit (SurelStore *self, SurelChanges *changes, GHashTable *touched, GError **error)
{
  static const SurelEvent present[] = { SUREL_CREATED, SUREL_UPDATED };
  g_autoptr (GArray) operations = surel_changes_list (changes, SUREL_FAMILY_OPERATION, SUREL_UPDATED);
  GHashTableIter iter;
  gpointer folder;
  SurelCommit *commit = g_new0 (SurelCommit, 1);

  commit->changes = surel_changes_ref (changes);
  commit->accounts = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_account_row_unref);
  commit->folders = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_row_unref);
  commit->operations = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_operation_row_unref);
  for (guint i = 0; i < operations->len; i++)
    surel_operations_load (self->sql, (gint64) g_array_index (operations, guint64, i), commit->operations, error);
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
      g_debug ("store: state %" G_GUINT64_FORMAT " is committed", self->commit->after);
      surel_store_emit_committed (self->store, self->commit);
    }
  for (guint i = 0; i < self->jobs->len; i++)
    {
      SurelWrite *job = self->jobs->pdata[i];

      if (job->done != NULL)
        job->done (job->state, job->error, job->done_data);
    }
}

static void
report_free (gpointer data)
{
  Report *self = data;

  g_clear_pointer (&self->commit, surel_store_commit_free);
  g_ptr_array_unref (self->jobs);
  g_object_unref (self->store);
  g_free (self);
}

/* Tells the main thread of the commit and then of its jobs; waiting threads get theirs back. */
static void
send_report (SurelStore *self, SurelCommit *commit, GPtrArray *jobs)
{
  Report *message = g_new0 (Report, 1);
  g_autoptr (GPtrArray) awaited = g_ptr_array_new ();

  message->store = g_object_ref (self);
  message->commit = commit;
  message->jobs = g_ptr_array_new_with_free_func (surel_store_job_free);
  for (guint i = 0; i < jobs->len; i++)
    {
      SurelWrite *job = jobs->pdata[i];

      g_ptr_array_add (job->answer != NULL ? awaited : message->jobs, job);
    }
  /* From here on the jobs are their receivers'. */
  surel_post (NULL, report, message, report_free);
  for (guint i = 0; i < awaited->len; i++)
    {
      SurelWrite *job = awaited->pdata[i];

      surel_queue_push (job->answer, job);
    }
}

static gboolean
take_numbers (SurelStore *self, GError **error)
{
  gboolean states_low = self->next_state + SUREL_STATE_STEP >= self->states_end;
  gboolean ids_low = self->next_id + SUREL_IDS_RESERVED / 2 >= self->ids_end;

  if (!states_low && !ids_low)
    return TRUE;
  return begin (self, TRUE, error)
         && surel_store_reserve (self,
                     states_low ? self->states_end + SUREL_STATES_RESERVED * SUREL_STATE_STEP
                                : self->states_end,
                     ids_low ? self->ids_end + SUREL_IDS_RESERVED : self->ids_end, error)
         && surel_sql_run (self->sql, error, "COMMIT", "");
}

static gboolean
tells_an_end (const SurelCommit *commit)
{
  for (guint i = 0; commit != NULL && i < commit->operations->len; i++)
    if (surel_operation_row_has_ended (commit->operations->pdata[i]))
      return TRUE;
  return FALSE;
}

/* Has what is committed outlast a power failure: a durable transaction takes all before it along. */
static void
make_durable (SurelStore *self)
{
  if (self->durable)
    return;
  if (!begin (self, TRUE, NULL) || !surel_store_reserve (self, self->states_end, self->ids_end, NULL)
      || !surel_sql_run (self->sql, NULL, "COMMIT", ""))
    surel_sql_exec (self->sql, "ROLLBACK", NULL);
}

/* --- The text index --- */

/* Has the index looked through from what is committed: what was thought to be in it was perhaps rolled back. */
static void
doubt_index (SurelStore *self)
{
  self->searched = -1;
  self->search_behind = surel_search_is_behind (self->sql) || surel_search_is_stale (self->sql);
}

/* Takes what is new into the index along with the transaction, where that is little. Where the index is at fault the rest goes on. */
static gboolean
index_new (SurelStore *self, GError **error)
{
  gboolean more = FALSE;
  gboolean done;

  if (self->search_behind || (self->searched == self->next_id - 1 && !self->search_noted))
    return TRUE;
  self->search_noted = FALSE;
  if (!surel_sql_run (self->sql, error, "SAVEPOINT words", ""))
    return FALSE;
  done = surel_search_index (self->sql, INDEXED_AT_ONCE, &more, error);
  if (!done && (sqlite3_get_autocommit (surel_sql_handle (self->sql)) || surel_sql_is_broken (self->sql)))
    return FALSE; /* not the index alone: SQLite has given up the whole transaction */
  g_clear_error (error);
  self->search_behind = !done || more;
  self->searched = self->search_behind ? -1 : self->next_id - 1;
  return (done || surel_sql_run (self->sql, error, "ROLLBACK TO words", "")) && surel_sql_run (self->sql, error, "RELEASE words", "");
}

static gboolean
index_slice (SurelStore *self, gboolean *more, GError **error)
{
  *more = FALSE;
  if (!begin (self, FALSE, error) || !surel_search_index (self->sql, INDEXED_BEHIND, more, error))
    return FALSE;
  if (!*more && surel_search_is_stale (self->sql))
    {
      *more = TRUE;
      if (!surel_search_begin_anew (self->sql, error))
        return FALSE;
    }
  return surel_sql_run (self->sql, error, "COMMIT", "");
}

static gboolean
index_anew (SurelStore *self, GError **error)
{
  return begin (self, FALSE, error) && surel_search_begin_anew (self->sql, error) && surel_sql_run (self->sql, error, "COMMIT", "");
}

static void
roll_back (SurelStore *self)
{
  if (!sqlite3_get_autocommit (surel_sql_handle (self->sql)))
    surel_sql_exec (self->sql, "ROLLBACK", NULL);
}

/* Makes the index anew where it was found damaged, by whoever wrote. */
static void
mend_index (SurelStore *self)
{
  if (!surel_sql_take_index_damage (self->sql) || surel_sql_is_broken (self->sql))
    return;
  self->search_behind = index_anew (self, NULL);
  self->searched = -1;
  roll_back (self);
}

static void
emit_indexed (gpointer data)
{
  surel_store_emit_indexed (data);
}

/* The next rows that aren't in the index. Where it can't be written it is tried again after the next commit. */
static void
index_behind (SurelStore *self)
{
  g_autoptr (GError) error = NULL;
  gboolean more = FALSE;

  self->search_behind = FALSE;
  self->searched = -1;
  if (surel_sql_is_broken (self->sql))
    return;
  if (index_slice (self, &more, &error))
    {
      self->search_behind = more;
      self->searched = self->next_id - 1;
      if (!more)
        surel_post (NULL, emit_indexed, g_object_ref (self), g_object_unref);
      return;
    }
  roll_back (self);
  g_message ("The text index: %s", error->message);
  mend_index (self);
}

/* A transaction of @first and of what waits behind it and may share it. */
static gboolean
run_transaction (SurelStore *self, SurelWrite *first, GPtrArray *jobs, SurelCommit **commit, GError **error)
{
  g_autoptr (SurelChanges) changes = surel_changes_new ();
  g_autoptr (GHashTable) touched = g_hash_table_new (NULL, NULL);
  gint64 time = surel_clock_now ();
  guint rows = 0;
  SurelWrite *job = first;

  if (!take_numbers (self, error) || !begin (self, first->urgent, error))
    return FALSE;
  do
    {
      if (job != first)
        g_ptr_array_add (jobs, job);
      if (!run_job (self, job, changes, touched, time, &rows, error))
        return FALSE;
    }
  while (rows < ROWS_MAX && (job = surel_queue_try_pop_alike (self->jobs, first->urgent)) != NULL);
  if (!index_new (self, error))
    return FALSE;

  if (surel_changes_count (changes) > 0 || g_hash_table_size (touched) > 0)
    {
      gboolean makes_state = surel_changes_count (changes) > 0;

      if (makes_state && !surel_log_append (self->sql, self->next_state, time, changes, error))
        return FALSE;
      *commit = describe_commit (self, changes, touched, error);
      (*commit)->before = self->state;
      (*commit)->after = makes_state ? self->next_state : self->state;
    }
  return surel_sql_run (self->sql, error, "COMMIT", "");
}

/* After a failed write nothing of what the kernel has in memory may be relied on to reach the disk, so
 * all of the log is first written into the database and the log begun anew. Returns the commit that was
 * thought to have failed, if it was done all the same. */
static gboolean
reopen (SurelStore *self, SurelCommit **done, GError **error)
{
  g_autoptr (SurelSql) sql = surel_sql_open (self->path, TRUE, error);
  gint64 state = 0;

  if (sql == NULL || !surel_sql_checkpoint (sql, SQLITE_CHECKPOINT_TRUNCATE, error)
      || !surel_sql_get (sql, &state, error, "SELECT max(state) FROM log", ""))
    return FALSE;
  if (self->doubtful != NULL && self->doubtful->after == (guint64) state)
    *done = g_steal_pointer (&self->doubtful);
  g_clear_pointer (&self->doubtful, surel_store_commit_free);
  self->next_state += SUREL_STATE_STEP;
  surel_sql_close (self->sql);
  self->sql = g_steal_pointer (&sql);
  self->durable = TRUE;
  return TRUE;
}

static void
note_commit (SurelStore *self, SurelCommit *commit)
{
  if (commit->after == commit->before)
    return;
  self->state = commit->after;
  self->next_state = commit->after + SUREL_STATE_STEP;
}

/* Keeps the copy of the accounts that a damaged database is replaced from. */
static void
save_accounts (SurelStore *self, SurelCommit *commit)
{
  g_autoptr (GArray) gone = surel_changes_list (commit->changes, SUREL_FAMILY_ACCOUNT, SUREL_DESTROYED);
  g_autoptr (GError) error = NULL;

  if (commit->accounts->len + gone->len > 0 && !surel_rescue_save_accounts (self->sql, self->dir, &error))
    g_message ("%s", error->message);
}

/* Returns whether it was committed; @first is its receiver's then. */
static gboolean
write_one (SurelStore *self, SurelWrite *first)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  SurelCommit *commit = NULL;
  SurelCommit *late = NULL;
  gboolean queue_changed = FALSE;

  g_ptr_array_add (jobs, first);
  if (surel_sql_is_broken (self->sql) && !reopen (self, &late, &error))
    ;
  else if (late != NULL)
    { /* told before anything else: commits are told in their order */
      g_autoptr (GPtrArray) none = g_ptr_array_new ();

      note_commit (self, late);
      send_report (self, late, none);
    }
  if (error == NULL && run_transaction (self, first, jobs, &commit, &error))
    {
      queue_changed = commit != NULL && commit->operations->len > 0;
      if (commit != NULL)
        {
          note_commit (self, commit);
          if (tells_an_end (commit)) /* else it might end otherwise once it is done anew */
            make_durable (self);
          save_accounts (self, commit);
        }
      g_clear_pointer (&self->doubtful, surel_store_commit_free);
    }
  else
    {
      roll_back (self);
      doubt_index (self);
      if (commit != NULL && surel_sql_is_broken (self->sql))
        self->doubtful = g_steal_pointer (&commit);
      g_clear_pointer (&commit, surel_store_commit_free);
    }
  if (surel_sql_is_damage (error))
    surel_store_report_damage (self);
  mend_index (self);
  for (guint i = 0; i < jobs->len; i++)
    {
      SurelWrite *job = jobs->pdata[i];

      if (error != NULL && job->error == NULL)
        job->error = g_error_copy (error);
      job->state = self->state;
    }
  send_report (self, commit, jobs);
  if (queue_changed) /* who waits for the answer has it first */
    surel_queue_push (self->copies, self);
  return error == NULL;
}

static int
on_wal (void *data, sqlite3 *db G_GNUC_UNUSED, const char *name G_GNUC_UNUSED, int pages)
{
  SurelStore *self = data;

  if (pages > CHECKPOINT_PAGES && !surel_queue_has_urgent (self->checkpoints))
    surel_queue_push_urgent (self->checkpoints, self);
  return SQLITE_OK;
}

/* --- What is done while nobody wants anything --- */

static gboolean
fill_threads (SurelTxn *txn, gpointer data, GError **error)
{
  return surel_threads_fill (txn, data, error);
}

/* Where it fails it is tried again at the next start. */
static void
thread_behind (SurelStore *self)
{
  SurelWrite *job = g_new0 (SurelWrite, 1);
  gboolean more = FALSE;

  job->func = fill_threads;
  job->data = &more;
  self->threads_behind = write_one (self, job) && more;
}

static void
sweep_threads (SurelStore *self)
{
  gint64 from = self->sweeping ? self->swept : 0;
  gboolean done = !surel_sql_is_broken (self->sql) && begin (self, FALSE, NULL) && surel_threads_sweep (self->sql, &from, NULL)
                  && surel_sql_run (self->sql, NULL, "COMMIT", "");

  if (!done)
    roll_back (self);
  self->slices = self->sweeping ? self->slices + 1 : 1;
  self->unswept = self->sweeping ? self->unswept : 0;
  self->swept = from;
  self->sweeping = done && from != 0; /* what can't be done now is done after the next ones are gone */
}

static gboolean
is_behind (SurelStore *self)
{
  return self->search_behind || self->threads_behind || self->sweeping
         || self->unswept >= MAX (UNSWEPT_MIN, self->slices * UNSWEPT_SHARE);
}

static void
catch_up (SurelStore *self)
{
  if (self->threads_behind)
    thread_behind (self);
  else if (self->search_behind)
    index_behind (self);
  else
    sweep_threads (self);
}

gpointer
surel_store_writer_main (gpointer data)
{
  SurelStore *self = data;
  SurelWrite *job;

  gint64 quiet = QUIET;

  doubt_index (self);
  self->threads_behind = surel_threads_are_behind (self->sql);
  while ((job = surel_queue_pop (self->jobs, is_behind (self) ? quiet : -1)) != NULL || !surel_queue_is_closed (self->jobs))
    {
      sqlite3_wal_hook (surel_sql_handle (self->sql), on_wal, self);
      if (job != NULL)
        write_one (self, job);
      else
        catch_up (self);
      quiet = job != NULL ? QUIET : 0;
    }
  return NULL;
}

gpointer
surel_store_checkpointer_main (gpointer data)
{
  SurelStore *self = data;
  SurelSql *sql = NULL;

  while (surel_queue_pop (self->checkpoints, -1) != NULL)
    {
      if (sql != NULL && surel_sql_is_broken (sql))
        g_clear_pointer (&sql, surel_sql_close);
      if (sql == NULL)
        sql = surel_sql_open (self->path, TRUE, NULL);
      if (sql != NULL)
        surel_sql_checkpoint (sql, SQLITE_CHECKPOINT_PASSIVE, NULL);
    }
  g_clear_pointer (&sql, surel_sql_close);
  return NULL;
}

