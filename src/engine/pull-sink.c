/* From a remote's thread into the store: batches are handed over whole and written while the next one is
 * on its way; what failed is heard of at the next call. What needs an answer waits for it. */
#include "engine/pull-sink.h"

#include <string.h>

#include "base/errors.h"
#include "store/accounts.h"
#include "store/folders.h"
#include "store/messages.h"

#define IN_FLIGHT_MAX 4 /* batches that are being written */
#define FLAGS_MAX 4000 /* messages whose keywords one commit may change */

/* What goes into one transaction. */
typedef struct
{
  gint64 account;
  gint64 folder;
  gboolean restart;
  GPtrArray *messages; /* nullable */
  GHashTable *keyword_names; /* nullable */
  GArray *flags; /* nullable */
  GBytes *token; /* nullable */
} Batch;

struct _SurelPullSink
{
  SurelSink parent;
  SurelStore *store; /* borrowed: it outlives every worker */
  gint64 account;
  gint64 folder;
  gint64 since; /* the largest id of a message before this sync */
  Batch *batch; /* being put together; nullable */
  SurelQueue *answers;
  guint in_flight;
  guint count; /* messages put */
};

static void
batch_free (gpointer data)
{
  Batch *batch = data;

  g_clear_pointer (&batch->messages, g_ptr_array_unref);
  g_clear_pointer (&batch->keyword_names, g_hash_table_unref);
  g_clear_pointer (&batch->flags, g_array_unref);
  g_clear_pointer (&batch->token, g_bytes_unref);
  g_free (batch);
}

static gboolean
write_batch (SurelTxn *txn, gpointer data, GError **error)
{
  Batch *batch = data;

  return surel_folders_check (txn, batch->folder, error)
         && (!batch->restart || surel_messages_restart (txn, batch->folder, error))
         && (batch->keyword_names == NULL || surel_accounts_add_keyword_names (txn, batch->account, batch->keyword_names, error))
         && (batch->flags == NULL
             || surel_messages_put_flags (txn, batch->folder, batch->flags, error))
         && (batch->messages == NULL
             || surel_messages_put (txn, batch->folder, batch->messages, error))
         && (batch->token == NULL || surel_folders_close (txn, batch->folder, batch->token, error));
}

static gboolean
take_answers (SurelPullSink *self, guint leave, GError **error)
{
  gboolean success = TRUE;

  while (self->in_flight > leave)
    {
      self->in_flight--;
      if (!surel_store_take_answer (self->answers, success ? error : NULL))
        success = FALSE;
    }
  return success;
}

static Batch *
batch_of (SurelPullSink *self)
{
  if (self->batch == NULL)
    {
      self->batch = g_new0 (Batch, 1);
      self->batch->account = self->account;
      self->batch->folder = self->folder;
    }
  return self->batch;
}

/* Hands the batch over. */
static gboolean
hand_over (SurelPullSink *self, GError **error)
{
  if (self->batch == NULL)
    return TRUE;
  if (!take_answers (self, IN_FLIGHT_MAX - 1, error))
    return FALSE;
  if (!surel_store_write_queued (self->store, write_batch, g_steal_pointer (&self->batch), batch_free,
                                 self->answers))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_CANCELLED, "The daemon is being stopped");
      return FALSE;
    }
  self->in_flight++;
  return TRUE;
}

static gboolean
put_messages (SurelSink *sink, GPtrArray *messages, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;
  Batch *batch;

  self->count += messages->len;
  if (self->batch != NULL && self->batch->messages != NULL && !hand_over (self, error))
    {
      g_ptr_array_unref (messages);
      return FALSE;
    }
  batch = batch_of (self);
  batch->messages = messages;
  return TRUE;
}

static gboolean
put_keyword_names (SurelSink *sink, GHashTable *names, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;

  if (!hand_over (self, error))
    {
      g_hash_table_unref (names);
      return FALSE;
    }
  batch_of (self)->keyword_names = names;
  return TRUE;
}

static gboolean
put_flags (SurelSink *sink, GArray *flags, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;
  g_autoptr (GArray) all = flags;

  while (all->len > FLAGS_MAX)
    {
      GArray *some = surel_message_flags_array_new ();

      g_array_append_vals (some, all->data, FLAGS_MAX);
      /* The strings went along: they aren't freed here. */
      memset (all->data, 0, FLAGS_MAX * sizeof (SurelMessageFlags));
      g_array_remove_range (all, 0, FLAGS_MAX);
      if (!hand_over (self, error))
        {
          g_array_unref (some);
          return FALSE;
        }
      batch_of (self)->flags = some;
    }
  if (!hand_over (self, error))
    return FALSE;
  batch_of (self)->flags = g_steal_pointer (&all);
  return TRUE;
}

/* Writes and waits, as often as there is more to do. */
static gboolean
settle (SurelPullSink *self, GError **error)
{
  return hand_over (self, error) && take_answers (self, 0, error);
}

/* What one answer depends on; written in as many transactions as it needs. */
typedef struct
{
  gint64 folder;
  SurelWriteFunc write;
  const SurelUidSet *gone;
  const char *const *gone_named;
  gint64 since;
  guint32 first;
  guint32 last;
  GArray *present;
  gboolean with_flags;
  SurelUidSet *missing;
  SurelUidSet *absent;
  gboolean more;
  guint64 count;
  guint32 server_messages;
  gboolean proven;
} Question;

static gboolean
write_answer (SurelTxn *txn, gpointer data, GError **error)
{
  Question *question = data;

  return surel_folders_check (txn, question->folder, error) && question->write (txn, question, error);
}

static gboolean
ask (SurelPullSink *self, SurelWriteFunc write, Question *question, GError **error)
{
  question->write = write;
  if (!settle (self, error))
    return FALSE;
  do
    if (!surel_store_write_sync (self->store, write_answer, question, error))
      return FALSE;
  while (question->more);
  return TRUE;
}

static gboolean
write_gone (SurelTxn *txn, gpointer data, GError **error)
{
  Question *question = data;

  return surel_messages_put_gone (txn, question->folder, question->gone, question->since, &question->more, error);
}

static gboolean
put_gone (SurelSink *sink, const SurelUidSet *uids, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;
  Question question = { .folder = self->folder, .gone = uids, .since = self->since };

  return surel_uid_set_n_ranges (uids) == 0 || ask (self, write_gone, &question, error);
}

static gboolean
write_gone_named (SurelTxn *txn, gpointer data, GError **error)
{
  Question *question = data;

  return surel_messages_put_gone_named (txn, question->folder, question->gone_named, question->since, error);
}

static gboolean
put_gone_named (SurelSink *sink, const char *const *remote_ids, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;
  Question question = { .folder = self->folder, .gone_named = remote_ids, .since = self->since };

  return remote_ids[0] == NULL || ask (self, write_gone_named, &question, error);
}

static gboolean
write_present (SurelTxn *txn, gpointer data, GError **error)
{
  Question *question = data;

  return surel_messages_put_present (txn, question->folder, question->first, question->last,
                                     question->present, question->with_flags, question->missing,
                                     question->absent, error);
}

static gboolean
put_present (SurelSink *sink,
             guint32 first,
             guint32 last,
             GArray *present,
             gboolean with_flags,
             SurelUidSet *missing,
             SurelUidSet *absent,
             GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;
  Question question = { .folder = self->folder,
                        .first = first,
                        .last = last,
                        .present = present,
                        .with_flags = with_flags,
                        .missing = missing,
                        .absent = absent };

  return ask (self, write_present, &question, error);
}

static gboolean
restart (SurelSink *sink, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;

  if (!settle (self, error))
    return FALSE;
  batch_of (self)->restart = TRUE;
  return settle (self, error);
}

static gboolean
close_batch (SurelSink *sink, GBytes *token, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;

  batch_of (self)->token = g_bytes_ref (token);
  return hand_over (self, error);
}

static gboolean
write_listed (SurelTxn *txn, gpointer data, GError **error)
{
  Question *question = data;

  return surel_messages_drop_stale (txn, question->folder, &question->more, error)
         && (question->more || surel_folders_set_listed (txn, question->folder, error));
}

static gboolean
listed (SurelSink *sink, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;
  Question question = { .folder = self->folder };

  return ask (self, write_listed, &question, error);
}

static void
read_count (SurelReader *reader, gpointer data)
{
  Question *question = data;
  gint64 count = 0;

  if (reader->error == NULL)
    surel_sql_get (reader->sql, &count, NULL,
                   "SELECT count(*) FROM placement p JOIN folder f ON f.id = p.folder WHERE p.folder = ? "
                   "AND p.epoch = f.epoch",
                   "i", question->folder);
  question->count = (guint64) count;
}

static gboolean
count_known (SurelSink *sink, guint64 *count, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;
  Question question = { .folder = self->folder };

  if (!settle (self, error))
    return FALSE;
  surel_store_read_sync (self->store, read_count, &question);
  *count = question.count;
  return TRUE;
}

static gboolean
write_synced (SurelTxn *txn, gpointer data, GError **error)
{
  Question *question = data;

  /* Who was killed between the last of a list and its end has left that undone. */
  return write_listed (txn, question, error)
         && (question->more
             || (surel_messages_sweep_here (txn, question->folder, error)
                 && surel_folders_set_synced (txn, question->folder, question->server_messages, question->proven, error)));
}

static gboolean
synced (SurelSink *sink, guint32 server_messages, gboolean proven, GError **error)
{
  SurelPullSink *self = (SurelPullSink *) sink;
  Question question
      = { .folder = self->folder, .server_messages = server_messages, .proven = proven };

  return ask (self, write_synced, &question, error);
}

/**
 * surel_pull_sink_new:
 * @account: an account's id
 * @folder: one of its folders'
 * @since: the largest id of a message before this sync, or %SUREL_NO_NEWCOMERS
 *
 * Returns: (transfer full): a sink for one pull, of one thread
 */
SurelPullSink *
surel_pull_sink_new (SurelStore *store, gint64 account, gint64 folder, gint64 since)
{
  static const SurelSinkClass klass = { put_messages, put_keyword_names, put_flags, put_gone,    put_gone_named, put_present,
                                        restart,      close_batch,       listed,    count_known, synced };
  SurelPullSink *self = g_new0 (SurelPullSink, 1);

  self->parent.klass = &klass;
  self->store = store;
  self->account = account;
  self->folder = folder;
  self->since = since;
  self->answers = surel_queue_new (0, NULL);
  return self;
}

/**
 * surel_pull_sink_finish:
 *
 * Waits until all that was closed is stored. What was put and not closed is dropped: it comes again.
 */
gboolean
surel_pull_sink_finish (SurelPullSink *self, GError **error)
{
  g_clear_pointer (&self->batch, batch_free);
  return take_answers (self, 0, error);
}

/**
 * surel_pull_sink_get_count:
 *
 * Returns: how many messages were put
 */
guint
surel_pull_sink_get_count (SurelPullSink *self)
{
  return self->count;
}

void
surel_pull_sink_free (SurelPullSink *self)
{
  surel_pull_sink_finish (self, NULL);
  surel_queue_free (self->answers);
  g_free (self);
}
