/* The engine: the accounts, and what is done to them. Lives in the main thread; the store's commits say
 * which accounts there are. */
#include "engine/engine.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/post.h"
#include "engine/settings.h"
#include "store/calls.h"
#include "store/content.h"
#include "store/log.h"
#include "store/messages.h"
#include "store/operations.h"

#define TIDY_SECONDS 3600 /* between rounds of tidying up */
#define HOLD_SECONDS (30 * 24 * 3600) /* how long vanished messages are held */

struct _SurelEngine
{
  GObject parent_instance;
  SurelContext context;
  GHashTable *accounts; /* id → SurelAccount */
  GPtrArray *threads; /* GThread: to be joined before the store is closed */
  GHashTable *secret_works; /* name of secrets → GQueue of SecretWork that wait for the one under way */
  guint tidy_source;
  gulong committed;
  gulong network_changed;
  gboolean stopped;
};

G_DEFINE_FINAL_TYPE (SurelEngine, surel_engine, G_TYPE_OBJECT)

enum
{
  ACCOUNT_ADDED,
  ACCOUNT_REMOVED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
surel_engine_finalize (GObject *object)
{
  SurelEngine *self = SUREL_ENGINE (object);

  surel_engine_stop (self);
  g_hash_table_unref (self->accounts);
  g_ptr_array_unref (self->threads);
  g_hash_table_unref (self->secret_works);
  G_OBJECT_CLASS (surel_engine_parent_class)->finalize (object);
}

static void
surel_engine_class_init (SurelEngineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = surel_engine_finalize;
  /* (account: a SurelAccount) */
  signals[ACCOUNT_ADDED] = g_signal_new ("account-added", SUREL_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, SUREL_TYPE_ACCOUNT);
  signals[ACCOUNT_REMOVED] = g_signal_new ("account-removed", SUREL_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0,
                                           NULL, NULL, NULL, G_TYPE_NONE, 1, SUREL_TYPE_ACCOUNT);
}

static void
surel_engine_init (SurelEngine *self)
{
  self->accounts = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  self->threads = g_ptr_array_new ();
  self->secret_works = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_queue_free);
}

/**
 * surel_engine_new:
 * @context: (transfer none): what it points to outlives the engine
 *
 * Returns: (transfer full): an engine that does nothing yet
 */
SurelEngine *
surel_engine_new (const SurelContext *context)
{
  SurelEngine *self = g_object_new (SUREL_TYPE_ENGINE, NULL);

  self->context = *context;
  return self;
}

SurelStore *
surel_engine_get_store (SurelEngine *self)
{
  return self->context.store;
}

/**
 * surel_engine_list_accounts:
 *
 * Returns: (transfer container) (element-type SurelAccount): all accounts
 */
GList *
surel_engine_list_accounts (SurelEngine *self)
{
  return g_hash_table_get_values (self->accounts);
}

/**
 * surel_engine_find_account:
 *
 * Returns: (transfer none) (nullable): the account
 */
SurelAccount *
surel_engine_find_account (SurelEngine *self, gint64 id)
{
  return g_hash_table_lookup (self->accounts, (gpointer) (guintptr) id);
}

/* --- Tidying up, now and then --- */

typedef struct
{
  SurelEngine *engine;
  GPtrArray *digests;
} Tidy;

static gboolean
tidy (SurelTxn *txn, gpointer data, GError **error)
{
  Tidy *self = data;
  gboolean more;

  return surel_log_trim (txn, error) && surel_calls_trim (txn, error) && surel_operations_trim (txn, error)
         && surel_messages_purge_held (txn, txn->time - HOLD_SECONDS, &more, error)
         && surel_content_sweep (txn, self->digests, error);
}

static void
on_tidied (guint64 state G_GNUC_UNUSED, const GError *error, gpointer data)
{
  Tidy *self = data;

  for (guint i = 0; error == NULL && i < self->digests->len; i++)
    surel_content_unlink (surel_store_get_content_dir (self->engine->context.store),
                          self->digests->pdata[i]);
  g_ptr_array_unref (self->digests);
  g_object_unref (self->engine);
  g_free (self);
}

static gboolean
on_tidy_time (gpointer data)
{
  SurelEngine *self = data;
  Tidy *round = g_new0 (Tidy, 1);

  round->engine = g_object_ref (self);
  round->digests = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  surel_store_write (self->context.store, tidy, round, NULL, on_tidied, round);
  return G_SOURCE_CONTINUE;
}

/* --- Removing what is left of an account --- */

typedef struct
{
  SurelEngine *engine;
  gint64 account;
  gboolean gone;
} Removal;

static gboolean
remove_some (SurelTxn *txn, gpointer data, GError **error)
{
  Removal *removal = data;

  return surel_accounts_remove_some (txn, removal->account, &removal->gone, error);
}

static void
remove_more (guint64 state G_GNUC_UNUSED, const GError *error, gpointer data)
{
  Removal *removal = data;

  if (error != NULL || removal->gone || removal->engine->stopped)
    {
      if (error != NULL)
        g_message ("What is left of a removed account stays until the next start: %s", error->message);
      else if (!removal->engine->stopped)
        on_tidy_time (removal->engine); /* its messages' bytes */
      g_object_unref (removal->engine);
      g_free (removal);
      return;
    }
  surel_store_write (removal->engine->context.store, remove_some, removal, NULL, remove_more, removal);
}

static void
remove_rows (SurelEngine *self, gint64 account)
{
  Removal *removal = g_new0 (Removal, 1);

  removal->engine = g_object_ref (self);
  removal->account = account;
  remove_more (0, NULL, removal);
}

/* --- Accounts come and go by the store's word --- */

static void
put_account (SurelEngine *self, SurelAccountRow *row)
{
  SurelAccount *account = surel_engine_find_account (self, row->id);

  if (account != NULL)
    {
      surel_account_set_row (account, row);
      return;
    }
  account = surel_account_new (&self->context, row);
  g_hash_table_insert (self->accounts, (gpointer) (guintptr) row->id, account);
  g_signal_emit (self, signals[ACCOUNT_ADDED], 0, account);
  surel_account_start (account);
}

static void
drop_account (SurelEngine *self, gint64 id)
{
  SurelAccount *account = surel_engine_find_account (self, id);

  if (account == NULL)
    return;
  g_object_ref (account);
  surel_account_stop (account, self->threads);
  g_hash_table_remove (self->accounts, (gpointer) (guintptr) id);
  g_signal_emit (self, signals[ACCOUNT_REMOVED], 0, account);
  g_object_unref (account);
  remove_rows (self, id);
}

static void
on_committed (SurelStore *store G_GNUC_UNUSED, SurelCommit *commit, SurelEngine *self)
{
  g_autoptr (GArray) destroyed
      = surel_changes_list (commit->changes, SUREL_FAMILY_ACCOUNT, SUREL_DESTROYED);

  for (guint i = 0; i < destroyed->len; i++)
    drop_account (self, (gint64) g_array_index (destroyed, guint64, i));
  for (guint i = 0; i < commit->accounts->len; i++)
    put_account (self, commit->accounts->pdata[i]);
}

static void
on_network_changed (GNetworkMonitor *monitor G_GNUC_UNUSED, gboolean available, SurelEngine *self)
{
  g_autoptr (GList) accounts = surel_engine_list_accounts (self);

  for (GList *l = available ? accounts : NULL; l != NULL; l = l->next)
    surel_account_poke (l->data);
}

typedef struct
{
  GPtrArray *rows;
  GArray *removing;
} Loaded;

static void
load_accounts (SurelReader *reader, gpointer data)
{
  Loaded *loaded = data;
  sqlite3_stmt *statement;

  if (reader->error != NULL)
    return;
  surel_accounts_load (reader->sql, 0, loaded->rows, NULL);
  statement = surel_sql_start (reader->sql, NULL, "SELECT id FROM account WHERE removing", "");
  while (statement != NULL && surel_sql_step (reader->sql, statement, NULL) > 0)
    {
      gint64 id = sqlite3_column_int64 (statement, 0);

      g_array_append_val (loaded->removing, id);
    }
}

/**
 * surel_engine_start:
 *
 * Loads the accounts and starts their work. Everything the bus shows is there when it returns.
 */
void
surel_engine_start (SurelEngine *self)
{
  Loaded loaded = { g_ptr_array_new_with_free_func ((GDestroyNotify) surel_account_row_unref),
                    g_array_new (FALSE, FALSE, sizeof (gint64)) };

  surel_content_clean_up (surel_store_get_content_dir (self->context.store));
  surel_store_read_sync (self->context.store, load_accounts, &loaded);
  for (guint i = 0; i < loaded.rows->len; i++)
    put_account (self, loaded.rows->pdata[i]);
  for (guint i = 0; i < loaded.removing->len; i++)
    remove_rows (self, g_array_index (loaded.removing, gint64, i));
  g_ptr_array_unref (loaded.rows);
  g_array_unref (loaded.removing);
  self->committed
      = g_signal_connect (self->context.store, "committed", G_CALLBACK (on_committed), self);
  self->network_changed = g_signal_connect (g_network_monitor_get_default (), "network-changed",
                                            G_CALLBACK (on_network_changed), self);
  self->tidy_source = g_timeout_add_seconds (TIDY_SECONDS, on_tidy_time, self);
  on_tidy_time (self);
}

/**
 * surel_engine_stop:
 *
 * Ends all work and waits for its threads; the store can be closed then.
 */
void
surel_engine_stop (SurelEngine *self)
{
  g_autoptr (GList) accounts = surel_engine_list_accounts (self);

  if (self->stopped)
    return;
  self->stopped = TRUE;
  for (GList *l = accounts; l != NULL; l = l->next)
    surel_account_stop (l->data, self->threads);
  for (guint i = 0; i < self->threads->len; i++)
    g_thread_join (self->threads->pdata[i]);
  g_ptr_array_set_size (self->threads, 0);
  g_clear_handle_id (&self->tidy_source, g_source_remove);
  if (self->committed != 0)
    {
      g_clear_signal_handler (&self->committed, self->context.store);
      g_clear_signal_handler (&self->network_changed, g_network_monitor_get_default ());
    }
}

/* --- Changing accounts: secrets first, on a thread, for a keyring may take its time --- */

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

static gboolean
write_account (SurelTxn *txn, gpointer data, GError **error)
{
  Change *change = data;

  change->account = surel_accounts_add (txn, change->settings, change->secret, error);
  return change->account != 0;
}

static void
free_change (Change *change)
{
  change_free (change);
}

static void
on_trial_ended (SurelJob *job, Change *change)
{
  if (!surel_job_has_ended (job))
    return;
  g_signal_handlers_disconnect_by_data (job, change);
  if (surel_job_get_state (job) != SUREL_JOB_DONE)
    surel_engine_remove_account (change->engine, change->account, TRUE, NULL, NULL);
  change_free (change);
}

static void
on_account_written (guint64 state G_GNUC_UNUSED, const GError *error, gpointer data)
{
  Change *change = data;

  if (error != NULL)
    {
      change->added (0, NULL, error, change->data);
      with_secrets (change, TRUE, free_change);
      return;
    }
  change->job = surel_engine_sign_in (change->engine, change->account);
  change->added (change->account, change->job, NULL, change->data);
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
      change->added (0, NULL, change->error, change->data);
      change_free (change);
      return;
    }
  g_clear_pointer (&change->secrets, g_hash_table_unref);
  surel_store_write (change->engine->context.store, write_account, change, NULL, on_account_written,
                     change);
}

/**
 * surel_engine_add_account:
 * @settings: checked
 * @secrets: (element-type utf8 utf8): key → secret, taken over
 * @check: whether the account is removed again where signing in fails
 * @func: called once the account is durable, or with why it isn't
 */
void
surel_engine_add_account (SurelEngine *self,
                          GVariant *settings,
                          GHashTable *secrets,
                          gboolean check,
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
  change->added = func;
  change->data = data;
  with_secrets (change, FALSE, add_with_secrets);
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

  return check_others (txn, change, error) && surel_accounts_set_settings (txn, change->account, change->settings, error);
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
change_new (SurelEngine *self, gint64 account, SurelDoneFunc done, gpointer data)
{
  Change *change = g_new0 (Change, 1);
  SurelAccount *found = surel_engine_find_account (self, account);

  change->engine = g_object_ref (self);
  change->account = account;
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
 * @done: (nullable): called once they are durable
 */
void
surel_engine_configure (SurelEngine *self,
                        gint64 account,
                        GVariant *settings,
                        SurelDoneFunc done,
                        gpointer data)
{
  Change *change = change_new (self, account, done, data);

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
  Change *change = change_new (self, account, done, data);

  change->secrets = secrets;
  with_secrets (change, FALSE, secrets_set);
}

static gboolean
write_removal (SurelTxn *txn, gpointer data, GError **error)
{
  Change *change = data;

  return surel_accounts_mark_removing (txn, change->account, change->force, error);
}

static void
on_removed (guint64 state, const GError *error, gpointer data)
{
  Change *change = data;

  if (change->done != NULL)
    change->done (state, error, change->data);
  if (error == NULL)
    with_secrets (change, TRUE, free_change);
  else
    change_free (change);
}

/**
 * surel_engine_remove_account:
 * @force: also where the server doesn't have all that was done here yet
 * @done: (nullable): called once the account is gone for all clients; its messages follow
 *
 * Removes the account with all that is kept here of it, and its secrets.
 */
void
surel_engine_remove_account (
    SurelEngine *self, gint64 account, gboolean force, SurelDoneFunc done, gpointer data)
{
  Change *change = change_new (self, account, done, data);

  change->force = force;
  surel_store_write (self->context.store, write_removal, change, NULL, on_removed, change);
}

/* --- Jobs --- */

typedef struct
{
  SurelJob *job; /* of all accounts */
  guint left;
  GError *error; /* the first */
} Group;

static void
on_member_changed (SurelJob *member, Group *group)
{
  if (!surel_job_has_ended (member))
    return;
  g_signal_handlers_disconnect_by_data (member, group);
  surel_job_add_count (group->job, surel_job_get_count (member));
  if (group->error == NULL && surel_job_get_error (member) != NULL)
    group->error = g_error_copy (surel_job_get_error (member));
  g_object_unref (member);
  if (--group->left > 0)
    return;
  surel_job_finish (group->job, group->error);
  g_object_unref (group->job);
  g_clear_error (&group->error);
  g_free (group);
}

static void
sync_everything (SurelEngine *self, SurelJob *job)
{
  g_autoptr (GList) accounts = surel_engine_list_accounts (self);
  Group *group = g_new0 (Group, 1);
  SurelJob *none = surel_job_new ("sync", 0);

  group->job = g_object_ref (job);
  group->left = 1;
  for (GList *l = accounts; l != NULL; l = l->next)
    if (surel_account_row_is_enabled (surel_account_get_row (l->data)))
      {
        SurelJob *member = surel_job_new ("sync", surel_account_get_id (l->data));

        group->left++;
        g_signal_connect (member, "changed", G_CALLBACK (on_member_changed), group);
        surel_account_sync (l->data, member);
      }
  /* One that is done at once, so that there is an end where there are no accounts. */
  g_signal_connect (none, "changed", G_CALLBACK (on_member_changed), group);
  surel_job_finish (none, NULL);
}

/**
 * surel_engine_sync:
 * @account: an account's id, 0 for all
 *
 * Returns: (transfer full): a job that ends when all is up to date
 */
SurelJob *
surel_engine_sync (SurelEngine *self, gint64 account)
{
  SurelJob *job = surel_job_new ("sync", account);
  SurelAccount *found = surel_engine_find_account (self, account);

  if (account == 0)
    sync_everything (self, job);
  else if (found != NULL)
    surel_account_sync (found, job);
  return job;
}

/**
 * surel_engine_sign_in:
 *
 * Returns: (transfer full): a job that ends when the server has let us in
 */
SurelJob *
surel_engine_sign_in (SurelEngine *self, gint64 account)
{
  SurelJob *job = surel_job_new ("sign-in", account);
  SurelAccount *found = surel_engine_find_account (self, account);

  if (found != NULL)
    {
      surel_account_sign_in (found, job);
      if (!surel_job_has_ended (job))
        surel_account_sign_in_again (found);
    }
  return job;
}

/**
 * surel_engine_answer:
 * @job: a sign-in that asks about a certificate
 * @accept: whether that certificate, and just that, is pinned
 *
 * Returns: %FALSE with %SUREL_ERROR_CONFLICT where nothing is asked (any more)
 */
gboolean
surel_engine_answer (SurelEngine *self, SurelJob *job, gboolean accept, GError **error)
{
  SurelAccount *account = surel_engine_find_account (self, surel_job_get_account (job));
  GVariant *question = surel_job_get_question (job);
  const char *sha256 = "";

  if (surel_job_get_state (job) != SUREL_JOB_WAITING || account == NULL || question == NULL)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT, "The job asks nothing (any more)");
      return FALSE;
    }
  g_variant_lookup (question, "sha256", "&s", &sha256);
  if (accept)
    {
      g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (surel_account_get_row (account)->settings);
      g_autoptr (GVariant) settings = NULL;

      g_variant_dict_insert (&dict, "pin", "s", sha256);
      settings = g_variant_ref_sink (g_variant_dict_end (&dict));
      surel_job_answered (job);
      surel_engine_configure (self, surel_account_get_id (account), settings, NULL, NULL);
    }
  else
    {
      g_autoptr (GError) refused
          = g_error_copy (surel_account_get_error (account) != NULL
                              ? surel_account_get_error (account)
                              : &(GError){ SUREL_ERROR, SUREL_ERROR_CERTIFICATE_REJECTED,
                                           (char *) "The certificate was not accepted" });

      surel_job_finish (job, refused);
    }
  return TRUE;
}
