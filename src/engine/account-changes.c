/* Accounts added, configured and removed. Secrets come first, and on a thread, for a keyring may take its time; the
 * account is there, or gone, once the store has it so. Secrets that no account has are noted in the store before they are
 * kept and until they are forgotten: those that a crash left behind are forgotten at the next start. */
#include "base/errors.h"
#include "base/post.h"
#include "engine/engine-private.h"
#include "engine/settings.h"

typedef struct
{
  SurelEngine *engine;
  gint64 account;
  char *secret; /* the name its secrets are kept under */
  char *label;
  GVariant *settings; /* nullable */
  GHashTable *secrets; /* key → secret; nullable */
  gboolean check;
  gboolean force;
  GError *error;
  SurelKey key;
  SurelAddedReplyFunc make_reply;
  GVariant *reply; /* nullable */
  SurelAddedFunc added;
  SurelDoneFunc done;
  gpointer data;
  SurelJob *job; /* of an account being tried */
} Change;

static void
change_free (Change *change)
{
  g_object_unref (change->engine);
  g_free (change->secret);
  g_free (change->label);
  g_clear_pointer (&change->settings, g_variant_unref);
  g_clear_pointer (&change->secrets, g_hash_table_unref);
  g_clear_error (&change->error);
  surel_key_clear (&change->key);
  g_clear_pointer (&change->reply, g_variant_unref);
  g_clear_object (&change->job);
  g_free (change);
}

typedef void (*ThenFunc) (Change *change);

typedef struct
{
  Change *change;
  ThenFunc then;
  gboolean forget;
  GThread *thread;
} SecretWork;

static gpointer secret_main (gpointer data);

static void
start_secret_work (SurelEngine *self, SecretWork *work)
{
  work->thread = g_thread_new ("surel-secrets", secret_main, work);
  g_ptr_array_add (self->threads, work->thread);
}

/* Secrets of one name are kept and forgotten in the order in which that was asked for. */
static void
start_next_secret_work (SurelEngine *self, const char *name)
{
  GQueue *waiting = g_hash_table_lookup (self->secret_works, name);
  SecretWork *next;

  while ((next = g_queue_pop_head (waiting)) != NULL)
    {
      if (!self->stopped)
        {
          start_secret_work (self, next);
          return;
        }
      g_set_error (&next->change->error, SUREL_ERROR, SUREL_ERROR_CANCELLED, "The daemon ends");
      next->then (next->change);
      g_free (next);
    }
  g_hash_table_remove (self->secret_works, name);
}

static void
run_then (gpointer data)
{
  SecretWork *work = data;
  g_autoptr (SurelEngine) engine = g_object_ref (work->change->engine);
  g_autofree char *name = g_strdup (work->change->secret);

  if (g_ptr_array_remove_fast (engine->threads, work->thread)) /* else it is joined already */
    g_thread_join (work->thread);
  work->then (work->change);
  start_next_secret_work (engine, name);
}

static gpointer
secret_main (gpointer data)
{
  SecretWork *work = data;
  Change *change = work->change;
  SurelSecrets *secrets = change->engine->context.secrets;
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  if (work->forget)
    surel_secrets_remove (secrets, change->secret, NULL, &change->error);
  if (change->secrets != NULL)
    {
      g_hash_table_iter_init (&iter, change->secrets);
      while (change->error == NULL && g_hash_table_iter_next (&iter, &key, &value))
        surel_secrets_set (secrets, change->secret, key, change->label, value, NULL, &change->error);
    }
  surel_post (NULL, run_then, work, g_free);
  return NULL;
}

/* Keeps (or forgets) secrets, then calls @then in the main thread. */
static void
with_secrets (Change *change, gboolean forget, ThenFunc then)
{
  SecretWork *work = g_new0 (SecretWork, 1);
  GQueue *waiting = g_hash_table_lookup (change->engine->secret_works, change->secret);

  *work = (SecretWork){ change, then, forget, NULL };
  if (waiting != NULL)
    {
      g_queue_push_tail (waiting, work);
      return;
    }
  g_hash_table_insert (change->engine->secret_works, g_strdup (change->secret), g_queue_new ());
  start_secret_work (change->engine, work);
}

/* Keeps @reply, a floating one, for the call. */
static gboolean
keep_reply (SurelTxn *txn, Change *change, GVariant *reply, GError **error)
{
  change->reply = g_variant_ref_sink (reply);
  return surel_calls_keep (txn, &change->key, reply, error);
}

static gboolean
write_account (SurelTxn *txn, gpointer data, GError **error)
{
  Change *change = data;

  change->account = surel_accounts_add (txn, change->settings, change->secret, error);
  return change->account != 0 && surel_accounts_note_secrets (txn, change->secret, FALSE, error)
         && keep_reply (txn, change, change->make_reply (change->account, change->data), error);
}

static gboolean
write_forgotten (SurelTxn *txn, gpointer data, GError **error)
{
  return surel_accounts_note_secrets (txn, ((Change *) data)->secret, FALSE, error);
}

static void
on_forgotten (guint64 state G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED, gpointer change)
{
  change_free (change);
}

static void
secrets_forgotten (Change *change)
{
  if (change->error != NULL)
    change_free (change); /* the next start tries it again */
  else
    surel_store_write (change->engine->context.store, write_forgotten, change, NULL, on_forgotten, change);
}

/* Takes @change over. */
static void
forget_secrets (Change *change)
{
  g_clear_error (&change->error);
  g_clear_pointer (&change->secrets, g_hash_table_unref);
  with_secrets (change, TRUE, secrets_forgotten);
}

/**
 * surel_engine_forget_secrets:
 * @secret: the name of secrets that no account has
 */
void
surel_engine_forget_secrets (SurelEngine *self, const char *secret)
{
  Change *change = g_new0 (Change, 1);

  change->engine = g_object_ref (self);
  change->secret = g_strdup (secret);
  forget_secrets (change);
}

static void
on_trial_ended (SurelJob *job, Change *change)
{
  if (!surel_job_has_ended (job))
    return;
  g_signal_handlers_disconnect_by_data (job, change);
  if (surel_job_get_state (job) != SUREL_JOB_DONE)
    surel_engine_remove_account (change->engine, change->account, TRUE, NULL, NULL, NULL);
  change_free (change);
}

static void
on_account_written (guint64 state G_GNUC_UNUSED, const GError *error, gpointer data)
{
  Change *change = data;

  if (error != NULL)
    {
      change->added (NULL, NULL, error, change->data);
      forget_secrets (change);
      return;
    }
  change->job = surel_engine_sign_in (change->engine, change->account);
  change->added (change->reply, change->job, NULL, change->data);
  if (change->check)
    g_signal_connect (change->job, "changed", G_CALLBACK (on_trial_ended), change);
  else
    change_free (change);
}

static void
add_with_secrets (Change *change)
{
  if (change->error != NULL)
    {
      change->added (NULL, NULL, change->error, change->data);
      forget_secrets (change);
      return;
    }
  g_clear_pointer (&change->secrets, g_hash_table_unref);
  surel_store_write (change->engine->context.store, write_account, change, NULL, on_account_written,
                     change);
}

static gboolean
write_expected (SurelTxn *txn, gpointer data, GError **error)
{
  return surel_accounts_note_secrets (txn, ((Change *) data)->secret, TRUE, error);
}

static void
on_expected (guint64 state G_GNUC_UNUSED, const GError *error, gpointer data)
{
  Change *change = data;

  if (error == NULL)
    {
      with_secrets (change, FALSE, add_with_secrets);
      return;
    }
  change->added (NULL, NULL, error, change->data);
  change_free (change);
}

/**
 * surel_engine_add_account:
 * @settings: checked
 * @secrets: (element-type utf8 utf8): key → secret, taken over
 * @check: whether the account is removed again where signing in fails
 * @key: has the reply kept for the same call made again
 * @reply: makes the reply
 * @func: called once the account is durable, or with why it isn't
 */
void
surel_engine_add_account (SurelEngine *self,
                          GVariant *settings,
                          GHashTable *secrets,
                          gboolean check,
                          const SurelKey *key,
                          SurelAddedReplyFunc reply,
                          SurelAddedFunc func,
                          gpointer data)
{
  Change *change = g_new0 (Change, 1);
  const char *address = "";

  g_variant_lookup (settings, "address", "&s", &address);
  change->engine = g_object_ref (self);
  change->secret = g_uuid_string_random ();
  change->label = g_strdup_printf ("Surel: %s", address);
  change->settings = g_variant_ref (settings);
  change->secrets = secrets;
  change->check = check;
  surel_key_copy (key, &change->key);
  change->make_reply = reply;
  change->added = func;
  change->data = data;
  surel_store_write (self->context.store, write_expected, change, NULL, on_expected, change);
}

/* Only where that is changed: two that are alike already may still be changed in other ways. */
static gboolean
check_others (SurelTxn *txn, Change *change, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_account_row_unref);
  gboolean alike = FALSE;

  if (!surel_accounts_load (txn->sql, 0, rows, error))
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      SurelAccountRow *row = rows->pdata[i];
      gboolean same = surel_settings_are_alike (row->settings, change->settings);

      if (row->id == change->account && same)
        return TRUE;
      alike = alike || same;
    }
  if (alike)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_EXISTS, "There is an account with that user and server already");
  return !alike;
}

static gboolean
write_settings (SurelTxn *txn, gpointer data, GError **error)
{
  Change *change = data;

  return check_others (txn, change, error) && surel_accounts_set_settings (txn, change->account, change->settings, error)
         && keep_reply (txn, change, g_variant_new_tuple (NULL, 0), error);
}

static void
finish_change (guint64 state, const GError *error, gpointer data)
{
  Change *change = data;

  if (change->done != NULL)
    change->done (state, error, change->data);
  change_free (change);
}

static Change *
change_new (SurelEngine *self, gint64 account, const SurelKey *key, SurelDoneFunc done, gpointer data)
{
  Change *change = g_new0 (Change, 1);
  SurelAccount *found = surel_engine_find_account (self, account);

  change->engine = g_object_ref (self);
  change->account = account;
  if (key != NULL)
    surel_key_copy (key, &change->key);
  if (found != NULL)
    {
      change->secret = g_strdup (surel_account_get_row (found)->secret);
      change->label = g_strdup_printf (
          "Surel: %s", surel_account_row_get_string (surel_account_get_row (found), "address"));
    }
  change->done = done;
  change->data = data;
  return change;
}

/**
 * surel_engine_configure:
 * @settings: checked, whole
 * @key: (nullable): has it kept, for the same call made again, that this is done
 * @done: (nullable): called once they are durable
 */
void
surel_engine_configure (SurelEngine *self,
                        gint64 account,
                        GVariant *settings,
                        const SurelKey *key,
                        SurelDoneFunc done,
                        gpointer data)
{
  Change *change = change_new (self, account, key, done, data);

  change->settings = g_variant_ref (settings);
  surel_store_write (self->context.store, write_settings, change, NULL, finish_change, change);
}

static void
secrets_set (Change *change)
{
  SurelAccount *account = surel_engine_find_account (change->engine, change->account);

  if (change->error == NULL && account != NULL)
    surel_account_sign_in_again (account);
  finish_change (0, change->error, change);
}

/**
 * surel_engine_set_secrets:
 * @secrets: (element-type utf8 utf8): key → secret, taken over
 * @done: called once they are kept
 */
void
surel_engine_set_secrets (SurelEngine *self,
                          gint64 account,
                          GHashTable *secrets,
                          SurelDoneFunc done,
                          gpointer data)
{
  Change *change = change_new (self, account, NULL, done, data);

  change->secrets = secrets;
  with_secrets (change, FALSE, secrets_set);
}

static gboolean
write_removal (SurelTxn *txn, gpointer data, GError **error)
{
  Change *change = data;

  return surel_accounts_mark_removing (txn, change->account, change->force, error)
         && (change->secret == NULL || surel_accounts_note_secrets (txn, change->secret, TRUE, error))
         && keep_reply (txn, change, g_variant_new_tuple (NULL, 0), error);
}

static void
on_removed (guint64 state, const GError *error, gpointer data)
{
  Change *change = data;

  if (change->done != NULL)
    change->done (state, error, change->data);
  if (error == NULL)
    forget_secrets (change);
  else
    change_free (change);
}

/**
 * surel_engine_remove_account:
 * @force: also where the server doesn't have all that was done here yet
 * @key: (nullable): has it kept, for the same call made again, that this is done
 * @done: (nullable): called once the account is gone for all clients; its messages follow
 *
 * Removes the account with all that is kept here of it, and its secrets.
 */
void
surel_engine_remove_account (SurelEngine *self,
                             gint64 account,
                             gboolean force,
                             const SurelKey *key,
                             SurelDoneFunc done,
                             gpointer data)
{
  Change *change = change_new (self, account, key, done, data);

  change->force = force;
  surel_store_write (self->context.store, write_removal, change, NULL, on_removed, change);
}
