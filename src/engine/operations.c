/* What people do: written to the store, and then sent by the accounts' workers. Knows which operations haven't
 * ended; lives in the main thread. */
#include "engine/operations.h"

#include "base/errors.h"
#include "engine/intake.h"
#include "engine/transfers.h"
#include "store/calls.h"
#include "store/modify-parts.h"
#include "store/undo.h"

struct _SurelOperations
{
  GObject parent_instance;
  SurelEngine *engine; /* borrowed: it outlives this */
  GHashTable *open; /* id → SurelOperationRow, of those that haven't ended */
  SurelIntake *intake;
  SurelTransfers *transfers;
  gulong committed;
};

G_DEFINE_FINAL_TYPE (SurelOperations, surel_operations, G_TYPE_OBJECT)

enum
{
  ENDED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
surel_operations_finalize (GObject *object)
{
  SurelOperations *self = SUREL_OPERATIONS (object);

  g_clear_signal_handler (&self->committed, surel_engine_get_store (self->engine));
  g_clear_pointer (&self->intake, surel_intake_free);
  g_clear_pointer (&self->transfers, surel_transfers_free);
  g_hash_table_unref (self->open);
  G_OBJECT_CLASS (surel_operations_parent_class)->finalize (object);
}

static void
surel_operations_class_init (SurelOperationsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = surel_operations_finalize;
  /* (row: a SurelOperationRow, borrowed): nothing of it is going to be tried any more */
  signals[ENDED] = g_signal_new ("ended", SUREL_TYPE_OPERATIONS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                 G_TYPE_POINTER);
}

static void
surel_operations_init (SurelOperations *self)
{
  self->open = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) surel_operation_row_unref);
}

/* --- Which are open --- */

static void
count (SurelOperations *self)
{
  g_autoptr (GList) accounts = surel_engine_list_accounts (self->engine);
  g_autoptr (GHashTable) counts = g_hash_table_new (NULL, NULL);
  GHashTableIter iter;
  gpointer row;

  g_hash_table_iter_init (&iter, self->open);
  while (g_hash_table_iter_next (&iter, NULL, &row))
    for (guint i = 0; i < ((SurelOperationRow *) row)->accounts->len; i++)
      {
        gpointer account = (gpointer) (guintptr) g_array_index (((SurelOperationRow *) row)->accounts, gint64, i);

        g_hash_table_insert (counts, account, GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (counts, account)) + 1));
      }
  for (GList *l = accounts; l != NULL; l = l->next)
    surel_account_set_pending (
        l->data,
        GPOINTER_TO_UINT (g_hash_table_lookup (counts, (gpointer) (guintptr) surel_account_get_id (l->data))));
}

static void
put (SurelOperations *self, SurelOperationRow *row)
{
  if (surel_operation_row_has_ended (row))
    g_hash_table_remove (self->open, (gpointer) (guintptr) row->id);
  else
    g_hash_table_insert (self->open, (gpointer) (guintptr) row->id, surel_operation_row_ref (row));
}

static void
on_committed (SurelStore *store G_GNUC_UNUSED, SurelCommit *commit, SurelOperations *self)
{
  for (guint i = 0; i < commit->operations->len; i++)
    {
      put (self, commit->operations->pdata[i]);
      surel_transfers_note (self->transfers, commit->operations->pdata[i]);
      if (surel_operation_row_has_ended (commit->operations->pdata[i]))
        g_signal_emit (self, signals[ENDED], 0, commit->operations->pdata[i]);
    }
  if (commit->operations->len > 0)
    count (self);
}

static void
load_open (SurelReader *reader, gpointer rows)
{
  if (reader->error == NULL)
    surel_operations_load_open (reader->sql, rows, NULL);
}

/**
 * surel_operations_new:
 * @engine: started; outlives this
 */
SurelOperations *
surel_operations_new (SurelEngine *engine)
{
  SurelOperations *self = g_object_new (SUREL_TYPE_OPERATIONS, NULL);
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_operation_row_unref);

  self->engine = engine;
  self->transfers = surel_transfers_new (engine);
  self->intake = surel_intake_new (surel_store_get_content_dir (surel_engine_get_store (engine)));
  surel_store_read_sync (surel_engine_get_store (engine), load_open, rows);
  for (guint i = 0; i < rows->len; i++)
    put (self, rows->pdata[i]);
  count (self);
  self->committed = g_signal_connect (surel_engine_get_store (engine), "committed", G_CALLBACK (on_committed), self);
  return self;
}

/* --- What people do --- */

typedef struct
{
  SurelOperations *operations;
  SurelPatch *patch; /* nullable */
  guint done_ids; /* how many of its messages are done */
  SurelKey key;
  SurelReplyFunc make_reply;
  GVariant *reply; /* nullable */
  SurelFolderFunc folder_func;
  SurelFolderReplyFunc folder_reply;
  SurelFolderChange *change; /* nullable */
  SurelAppend *append; /* nullable */
  SurelAppendReplyFunc append_reply;
  SurelSend *send; /* nullable */
  SurelSendReplyFunc send_reply;
  gint64 at;
  gint64 account;
  GVariant *vacation; /* nullable */
  gint64 message;
  SurelAnswer answer;
  gint64 operation;
  char *client; /* nullable */
  SurelModified *result;
  SurelModifiedFunc modified;
  gpointer data;
} Call;

static Call *
call_new (SurelOperations *self, const SurelKey *key, SurelModifiedFunc func, gpointer data)
{
  Call *call = g_new0 (Call, 1);

  call->operations = g_object_ref (self);
  call->result = surel_modified_new ();
  surel_key_copy (key, &call->key);
  call->modified = func;
  call->data = data;
  return call;
}

static void
call_free (Call *call)
{
  g_clear_pointer (&call->patch, surel_patch_free);
  surel_key_clear (&call->key);
  g_clear_pointer (&call->reply, g_variant_unref);
  g_clear_pointer (&call->change, surel_folder_change_free);
  g_clear_pointer (&call->append, surel_append_free);
  g_clear_pointer (&call->send, surel_send_free);
  g_clear_pointer (&call->vacation, g_variant_unref);
  g_free (call->client);
  surel_modified_free (call->result);
  g_object_unref (call->operations);
  g_free (call);
}

/* After the answer: who made the call waits for that. */
static void
push (Call *call)
{
  for (guint i = 0; i < call->result->accounts->len; i++)
    {
      SurelAccount *account
          = surel_engine_find_account (call->operations->engine, g_array_index (call->result->accounts, gint64, i));

      if (account != NULL)
        surel_account_push (account);
    }
}

/* Keeps @reply, a floating one, for the call. */
static gboolean
keep_reply (SurelTxn *txn, Call *call, GVariant *reply, GError **error)
{
  call->reply = g_variant_ref_sink (reply);
  return surel_calls_keep (txn, &call->key, reply, error);
}

static void
on_written (guint64 state G_GNUC_UNUSED, const GError *error, gpointer data)
{
  Call *call = data;

  call->modified (call->reply, error, call->data);
  if (error == NULL)
    push (call);
  call_free (call);
}

static gboolean
write_patch (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;
  g_autoptr (GError) own = NULL;
  gboolean done = surel_modify_part (txn, call->patch, &call->key, &call->done_ids, call->result, &own);

  if (!done && !(call->patch->dry_run && g_error_matches (own, SUREL_ERROR, SUREL_ERROR_CANCELLED)))
    {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  if (call->done_ids == call->patch->ids->len
      && !keep_reply (txn, call,
                      call->make_reply (done ? surel_txn_get_state (txn) : surel_txn_get_last_state (txn), call->result),
                      error))
    return FALSE;
  /* What was but tried is rolled back. */
  if (!done)
    g_propagate_error (error, g_steal_pointer (&own));
  return done;
}

static void
on_patch_written (guint64 state G_GNUC_UNUSED, const GError *error, gpointer data)
{
  Call *call = data;
  gboolean tried = call->patch->dry_run && g_error_matches (error, SUREL_ERROR, SUREL_ERROR_CANCELLED);

  if ((error == NULL || tried) && call->done_ids < call->patch->ids->len)
    {
      surel_store_write (surel_engine_get_store (call->operations->engine), write_patch, call, NULL, on_patch_written, call);
      return;
    }
  call->modified (call->reply, tried ? NULL : error, call->data);
  push (call); /* also of the parts before one that failed */
  call_free (call);
}

/**
 * surel_operations_modify:
 * @patch: (transfer full): what is wanted
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once all is durable, or with why it isn't done
 *
 * Does it in one commit, or in as many as %SUREL_MODIFY_MAX messages each take.
 */
void
surel_operations_modify (SurelOperations *self,
                         SurelPatch *patch,
                         const SurelKey *key,
                         SurelReplyFunc reply,
                         SurelModifiedFunc func,
                         gpointer data)
{
  Call *call = call_new (self, key, func, data);

  call->patch = patch;
  call->make_reply = reply;
  surel_store_write (surel_engine_get_store (self->engine), write_patch, call, NULL, on_patch_written, call);
}

static gboolean
write_folder (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  if (!call->folder_func (txn, call->change, call->result, error))
    return FALSE;
  return keep_reply (txn, call, call->folder_reply (call->change, call->result), error);
}

/**
 * surel_operations_change_folder:
 * @folder_func: what is done
 * @change: (transfer full): with what
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once it is durable, or with why it isn't done
 */
void
surel_operations_change_folder (SurelOperations *self,
                                SurelFolderFunc folder_func,
                                SurelFolderChange *change,
                                const SurelKey *key,
                                SurelFolderReplyFunc reply,
                                SurelModifiedFunc func,
                                gpointer data)
{
  Call *call = call_new (self, key, func, data);

  call->folder_func = folder_func;
  call->change = change;
  call->folder_reply = reply;
  surel_store_write (surel_engine_get_store (self->engine), write_folder, call, NULL, on_written, call);
}

static gboolean
write_append (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  if (!surel_append (txn, call->append, call->result, error))
    return FALSE;
  return keep_reply (txn, call, call->append_reply (call->append, call->result), error);
}

/* What the caller said of it counts, not what the header does. */
static void
take_message (SurelAppend *append, SurelMessage *message, GBytes *digest, guint64 size)
{
  SurelMessage *wanted = append->message;

  message->flags = wanted->flags;
  message->keywords = g_steal_pointer (&wanted->keywords);
  if (wanted->received != 0)
    message->received = wanted->received;
  surel_message_free (wanted);
  append->message = message;
  append->digest = digest;
  append->size = size;
}

static void
on_taken (SurelMessage *message, GBytes *digest, guint64 size, const GError *error, gpointer data)
{
  Call *call = data;

  if (error != NULL)
    {
      call->modified (NULL, error, call->data);
      call_free (call);
      return;
    }
  take_message (call->append, message, digest, size);
  surel_store_write (surel_engine_get_store (call->operations->engine), write_append, call, NULL, on_written, call);
}

/**
 * surel_operations_append:
 * @append: (transfer full): where the message goes; its message has but flags, keywords and the received date
 * @fd: (transfer full): the message, a file or a pipe; -1 for none
 * @octets: (nullable): the message, where @fd is -1
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once it is durable, or with why it isn't done
 */
void
surel_operations_append (SurelOperations *self,
                         SurelAppend *append,
                         int fd,
                         GBytes *octets,
                         const SurelKey *key,
                         SurelAppendReplyFunc reply,
                         SurelModifiedFunc func,
                         gpointer data)
{
  Call *call = call_new (self, key, func, data);

  call->append = append;
  call->append_reply = reply;
  surel_intake_take (self->intake, fd, octets, on_taken, call);
}

/* --- Sending --- */

static gboolean
write_send (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  return surel_send (txn, call->send, call->result, error)
         && keep_reply (txn, call, call->send_reply (call->send, call->result), error);
}

static void
on_brought (const GError *error, gpointer data)
{
  Call *call = data;

  if (error == NULL)
    {
      surel_store_write (surel_engine_get_store (call->operations->engine), write_send, call, NULL, on_written, call);
      return;
    }
  call->modified (NULL, error, call->data);
  call_free (call);
}

/* A draft from another device may be here by its header alone. */
static void
on_send_written (guint64 state, const GError *error, gpointer data)
{
  Call *call = data;
  SurelAccount *account = error != NULL && call->send->bytes_from != 0
                              ? surel_engine_find_account (call->operations->engine, call->send->bytes_from)
                              : NULL;

  if (account == NULL)
    on_written (state, error, data);
  else
    surel_account_fetch (account, call->send->draft, NULL, on_brought, call);
}

static void
on_send_taken (SurelMessage *message, GBytes *digest, guint64 size, const GError *error, gpointer data)
{
  Call *call = data;

  if (error != NULL)
    {
      call->modified (NULL, error, call->data);
      call_free (call);
      return;
    }
  take_message (call->send->append, message, digest, size);
  surel_store_write (surel_engine_get_store (call->operations->engine), write_send, call, NULL, on_written, call);
}

/**
 * surel_operations_send:
 * @send: (transfer full): what is sent, and when
 * @fd: (transfer full): a new message, a file or a pipe; -1 for none
 * @octets: (nullable): a new message, where @fd is -1
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once it is durable that it is to be sent, or with why it isn't
 */
void
surel_operations_send (SurelOperations *self,
                       SurelSend *send,
                       int fd,
                       GBytes *octets,
                       const SurelKey *key,
                       SurelSendReplyFunc reply,
                       SurelModifiedFunc func,
                       gpointer data)
{
  Call *call = call_new (self, key, func, data);

  call->send = send;
  call->send_reply = reply;
  if (send->append != NULL)
    surel_intake_take (self->intake, fd, octets, on_send_taken, call);
  else
    surel_store_write (surel_engine_get_store (self->engine), write_send, call, NULL, on_send_written, call);
}

/* --- Done in one commit --- */

/* Takes @call over. */
static void
write_once (Call *call, SurelReplyFunc reply, SurelWriteFunc write)
{
  call->make_reply = reply;
  surel_store_write (surel_engine_get_store (call->operations->engine), write, call, NULL, on_written, call);
}

/* Who wants it is answered, where it is @done. */
static gboolean
keep_done (SurelTxn *txn, Call *call, gboolean done, GError **error)
{
  return done && keep_reply (txn, call, call->make_reply (surel_txn_get_state (txn), call->result), error);
}

/* Takes @call over. */
static void
decide (Call *call, gint64 operation, SurelReplyFunc reply, SurelWriteFunc write)
{
  call->operation = operation;
  write_once (call, reply, write);
}

/* --- The absence notice --- */

static gboolean
write_vacation (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  return keep_done (txn, call, surel_vacation_set (txn, call->account, call->vacation, call->client, call->result, error), error);
}

/**
 * surel_operations_set_vacation:
 * @vacation: what is to be set: see surel_vacation_check()
 * @client: who wants it
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once it is durable that it is to be set, or with why it isn't
 */
void
surel_operations_set_vacation (SurelOperations *self,
                               gint64 account,
                               GVariant *vacation,
                               const char *client,
                               const SurelKey *key,
                               SurelReplyFunc reply,
                               SurelModifiedFunc func,
                               gpointer data)
{
  Call *call = call_new (self, key, func, data);

  call->account = account;
  call->vacation = g_variant_ref (vacation);
  call->client = g_strdup (client);
  write_once (call, reply, write_vacation);
}

/* --- Invitations --- */

static gboolean
write_response (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  return keep_done (txn, call, surel_response_add (txn, call->message, call->answer, call->client, call->result, error), error);
}

/**
 * surel_operations_respond:
 * @message: an invitation
 * @client: who wants it answered
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once it is durable that it is to be answered, or with why it isn't
 */
void
surel_operations_respond (SurelOperations *self,
                          gint64 message,
                          SurelAnswer answer,
                          const char *client,
                          const SurelKey *key,
                          SurelReplyFunc reply,
                          SurelModifiedFunc func,
                          gpointer data)
{
  Call *call = call_new (self, key, func, data);

  call->message = message;
  call->answer = answer;
  call->client = g_strdup (client);
  write_once (call, reply, write_response);
}

/* --- What becomes of operations --- */

static gboolean
write_cancel (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  return keep_done (txn, call, surel_undo_cancel (txn, call->operation, call->client, call->result, error), error);
}

/**
 * surel_operations_cancel:
 * @client: who wants it undone
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once that is durable, or with why it can't be
 */
void
surel_operations_cancel (SurelOperations *self,
                         gint64 operation,
                         const char *client,
                         const SurelKey *key,
                         SurelReplyFunc reply,
                         SurelModifiedFunc func,
                         gpointer data)
{
  Call *call = call_new (self, key, func, data);

  call->client = g_strdup (client);
  decide (call, operation, reply, write_cancel);
}

static gboolean
write_retry (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  return keep_done (txn, call, surel_undo_retry (txn, call->operation, call->result, error), error);
}

/**
 * surel_operations_retry:
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once it is durable that it is tried again, or with why it isn't
 */
void
surel_operations_retry (SurelOperations *self,
                        gint64 operation,
                        const SurelKey *key,
                        SurelReplyFunc reply,
                        SurelModifiedFunc func,
                        gpointer data)
{
  decide (call_new (self, key, func, data), operation, reply, write_retry);
}

static gboolean
write_confirm (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  return keep_done (txn, call, surel_undo_confirm (txn, call->operation, call->result, error), error);
}

/**
 * surel_operations_confirm:
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once it is taken as done, or with why it isn't
 */
void
surel_operations_confirm (SurelOperations *self,
                          gint64 operation,
                          const SurelKey *key,
                          SurelReplyFunc reply,
                          SurelModifiedFunc func,
                          gpointer data)
{
  decide (call_new (self, key, func, data), operation, reply, write_confirm);
}

static gboolean
write_reschedule (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  return keep_done (txn, call, surel_send_reschedule (txn, call->operation, call->at, call->result, error), error);
}

/**
 * surel_operations_reschedule:
 * @operation: one that sends a message
 * @at: when it goes, in seconds since the epoch
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once that is durable, or with why it is too late
 */
void
surel_operations_reschedule (SurelOperations *self,
                             gint64 operation,
                             gint64 at,
                             const SurelKey *key,
                             SurelReplyFunc reply,
                             SurelModifiedFunc func,
                             gpointer data)
{
  Call *call = call_new (self, key, func, data);

  call->at = at;
  decide (call, operation, reply, write_reschedule);
}
