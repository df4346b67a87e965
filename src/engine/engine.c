/* The engine: the accounts, and what is done to them. Lives in the main thread; the store's commits say
 * which accounts there are. */
#include "engine/engine.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/post.h"
#include "engine/engine-private.h"
#include "store/calls.h"
#include "store/content.h"
#include "store/log.h"
#include "store/messages.h"
#include "store/operations.h"
#include "store/sent.h"

#define TIDY_SECONDS 3600 /* between rounds of tidying up */
#define HOLD_SECONDS (30 * 24 * 3600) /* how long vanished messages are held */

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
  GPtrArray *paths;
} Tidy;

static gboolean
tidy (SurelTxn *txn, gpointer data, GError **error)
{
  Tidy *self = data;
  gboolean more;

  return surel_log_trim (txn, error) && surel_calls_trim (txn, error) && surel_operations_trim (txn, error)
         && surel_sent_forget_hidden (txn, error)
         && surel_messages_purge_held (txn, txn->time - HOLD_SECONDS, &more, error)
         && surel_content_sweep (txn, surel_store_get_content_dir (self->engine->context.store), self->paths, error);
}

static void
on_tidied (guint64 state G_GNUC_UNUSED, const GError *error, gpointer data)
{
  Tidy *self = data;

  surel_content_unlink (self->paths, error == NULL);
  g_ptr_array_unref (self->paths);
  g_object_unref (self->engine);
  g_free (self);
}

static gboolean
on_tidy_time (gpointer data)
{
  SurelEngine *self = data;
  Tidy *round = g_new0 (Tidy, 1);

  round->engine = g_object_ref (self);
  round->paths = g_ptr_array_new_with_free_func (g_free);
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
  GPtrArray *unowned; /* names of secrets */
} Loaded;

static void
load_accounts (SurelReader *reader, gpointer data)
{
  Loaded *loaded = data;
  sqlite3_stmt *statement;

  if (reader->error != NULL)
    return;
  surel_accounts_load (reader->sql, 0, loaded->rows, NULL);
  loaded->unowned = surel_accounts_list_unowned_secrets (reader);
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
                    g_array_new (FALSE, FALSE, sizeof (gint64)), NULL };

  surel_content_clean_up (surel_store_get_content_dir (self->context.store));
  surel_store_read_sync (self->context.store, load_accounts, &loaded);
  for (guint i = 0; i < loaded.rows->len; i++)
    put_account (self, loaded.rows->pdata[i]);
  for (guint i = 0; i < loaded.removing->len; i++)
    remove_rows (self, g_array_index (loaded.removing, gint64, i));
  for (guint i = 0; loaded.unowned != NULL && i < loaded.unowned->len; i++)
    surel_engine_forget_secrets (self, loaded.unowned->pdata[i]);
  g_ptr_array_unref (loaded.rows);
  g_array_unref (loaded.removing);
  g_clear_pointer (&loaded.unowned, g_ptr_array_unref);
  self->committed
      = g_signal_connect (self->context.store, "committed", G_CALLBACK (on_committed), self);
  self->network_changed = g_signal_connect (g_network_monitor_get_default (), "network-changed",
                                            G_CALLBACK (on_network_changed), self);
  self->indexer = surel_indexer_new (self->context.store);
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
  g_clear_pointer (&self->indexer, surel_indexer_free);
  g_clear_handle_id (&self->tidy_source, g_source_remove);
  if (self->committed != 0)
    {
      g_clear_signal_handler (&self->committed, self->context.store);
      g_clear_signal_handler (&self->network_changed, g_network_monitor_get_default ());
    }
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
      surel_engine_configure (self, surel_account_get_id (account), settings, NULL, NULL, NULL);
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
