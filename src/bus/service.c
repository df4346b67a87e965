/* Everything that is on the bus: objects come and go as the store and the engine say. */
#include "bus/service.h"

#include "base/clock.h"
#include "bus/adaptors.h"
#include "bus/gone.h"
#include "bus/guard.h"
#include "bus/once.h"
#include "bus/path.h"

#define FLUSH_INTERVAL 250 /* ms: at most 4 PropertiesChanged a second from an object */
#define STAY G_TIME_SPAN_MINUTE /* how long a job can be seen after its end */

typedef struct
{
  char *path; /* of a job that has ended */
  gint64 until; /* monotonic µs */
} Ended;

struct _SurelService
{
  GObject parent_instance;
  SurelEngine *engine;
  GDBusObjectManagerServer *objects;
  SurelGuard *guard; /* nullable, as the next: before the bus is there */
  SurelGone *gone;
  SurelOnce *once;
  SurelOperations *operations;
  SurelSecretReader *secret_reader;
  SurelBusManager *manager;
  SurelBusMessages *messages;
  GPtrArray *roots; /* GDBusInterfaceSkeleton: all interfaces of the root */
  GHashTable *accounts; /* account id → SurelBusAccount */
  GHashTable *folders; /* folder id → SurelBusFolder */
  GHashTable *rows; /* folder id → SurelFolderRow */
  GHashTable *dirty_accounts; /* set of account ids */
  GHashTable *dirty_folders; /* set of folder ids */
  guint flush_source;
  gint64 last_flush; /* monotonic µs */
  GQueue ended; /* Ended, the first that goes first: one timer for them all, as each makes the main loop slower */
  guint ended_source;
  guint64 last_job; /* begins higher each time: answers that are kept for a key name jobs of earlier daemons */
};

G_DEFINE_FINAL_TYPE (SurelService, surel_service, G_TYPE_OBJECT)

static void
surel_service_finalize (GObject *object)
{
  SurelService *self = SUREL_SERVICE (object);

  surel_service_close (self);
  g_hash_table_unref (self->accounts);
  g_hash_table_unref (self->folders);
  g_hash_table_unref (self->rows);
  g_hash_table_unref (self->dirty_accounts);
  g_hash_table_unref (self->dirty_folders);
  g_ptr_array_unref (self->roots);
  g_clear_object (&self->manager);
  g_clear_object (&self->messages);
  g_clear_object (&self->objects);
  g_clear_object (&self->operations);
  surel_once_free (self->once);
  g_object_unref (self->engine);
  G_OBJECT_CLASS (surel_service_parent_class)->finalize (object);
}

static void
surel_service_class_init (SurelServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = surel_service_finalize;
}

static void
surel_service_init (SurelService *self)
{
  self->accounts = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  self->folders = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  self->rows = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) surel_folder_row_unref);
  self->dirty_accounts = g_hash_table_new (NULL, NULL);
  self->dirty_folders = g_hash_table_new (NULL, NULL);
}

SurelEngine *
surel_service_get_engine (SurelService *self)
{
  return self->engine;
}

SurelOperations *
surel_service_get_operations (SurelService *self)
{
  return self->operations;
}

SurelSecretReader *
surel_service_get_secret_reader (SurelService *self)
{
  return self->secret_reader;
}

/**
 * surel_service_get_cancellable:
 *
 * Returns: (transfer none) (nullable): what is cancelled when the caller leaves the bus
 */
GCancellable *
surel_service_get_cancellable (SurelService *self, GDBusMethodInvocation *invocation)
{
  return self->guard != NULL ? surel_guard_get_cancellable (
             self->guard, g_dbus_method_invocation_get_sender (invocation))
                             : NULL;
}

static gpointer
key_of (gint64 id)
{
  return (gpointer) (guintptr) id;
}

static void
export (SurelService *self, const char *path, gpointer skeleton)
{
  g_autoptr (GDBusObjectSkeleton) object = g_dbus_object_skeleton_new (path);

  surel_once_watch (self->once, skeleton);
  g_dbus_object_skeleton_add_interface (object, skeleton);
  g_dbus_object_manager_server_export (self->objects, object);
}

/* --- Properties: always true when they are read, their signals gathered --- */

/* Skeletons stay frozen; GObject keeps what changed, and thawing makes one signal of it. */
static void
tell (GHashTable *dirty, GHashTable *skeletons)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, dirty);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      GObject *skeleton = g_hash_table_lookup (skeletons, key);

      if (skeleton != NULL)
        {
          g_object_thaw_notify (skeleton);
          g_object_freeze_notify (skeleton);
        }
    }
  g_hash_table_remove_all (dirty);
}

static void
flush (SurelService *self)
{
  tell (self->dirty_accounts, self->accounts);
  tell (self->dirty_folders, self->folders);
  self->last_flush = surel_clock_monotonic ();
}

static gboolean
on_flush_time (gpointer data)
{
  SurelService *self = data;

  self->flush_source = 0;
  flush (self);
  return G_SOURCE_REMOVE;
}

static void
schedule_flush (SurelService *self)
{
  gint64 since = (surel_clock_monotonic () - self->last_flush) / 1000;

  if (self->flush_source != 0)
    return;
  if (since >= FLUSH_INTERVAL)
    flush (self);
  else
    self->flush_source = g_timeout_add ((guint) (FLUSH_INTERVAL - since), on_flush_time, self);
}

static void
on_account_changed (SurelAccount *account, SurelService *self)
{
  SurelBusAccount *skeleton
      = g_hash_table_lookup (self->accounts, key_of (surel_account_get_id (account)));

  if (skeleton == NULL)
    return;
  surel_account_adaptor_update (skeleton, account);
  g_hash_table_add (self->dirty_accounts, key_of (surel_account_get_id (account)));
  schedule_flush (self);
}

/* --- Objects come and go --- */

static void
stand_in_for_folders (SurelService *self, gint64 account)
{
  g_autofree char *path = surel_path_of_account (account);
  g_autofree char *folders = g_strconcat (path, "/folders", NULL);

  surel_gone_stand_in (self->gone, g_dbus_object_manager_server_get_connection (self->objects),
                       folders, SUREL_BUS_TYPE_FOLDER_SKELETON);
}

static void
on_account_added (SurelEngine *engine G_GNUC_UNUSED, SurelAccount *account, SurelService *self)
{
  gint64 id = surel_account_get_id (account);
  g_autofree char *path = surel_path_of_account (id);
  SurelBusAccount *skeleton = surel_account_adaptor_new (self, account);

  g_hash_table_insert (self->accounts, key_of (id), skeleton);
  g_object_freeze_notify (G_OBJECT (skeleton));
  export (self, path, skeleton);
  if (self->gone != NULL)
    stand_in_for_folders (self, id);
  g_signal_connect_object (account, "changed", G_CALLBACK (on_account_changed), self, 0);
}

static void
on_account_removed (SurelEngine *engine G_GNUC_UNUSED, SurelAccount *account, SurelService *self)
{
  gint64 id = surel_account_get_id (account);
  g_autofree char *path = surel_path_of_account (id);

  g_signal_handlers_disconnect_by_data (account, self);
  g_hash_table_remove (self->dirty_accounts, key_of (id));
  g_dbus_object_manager_server_unexport (self->objects, path);
  g_hash_table_remove (self->accounts, key_of (id));
}

static void
put_folder (SurelService *self, SurelFolderRow *row)
{
  SurelBusFolder *skeleton = g_hash_table_lookup (self->folders, key_of (row->id));

  g_hash_table_insert (self->rows, key_of (row->id), surel_folder_row_ref (row));
  if (skeleton == NULL)
    {
      g_autofree char *path = surel_path_of_folder (row->account, row->id);

      skeleton = surel_folder_adaptor_new (self, row);
      g_hash_table_insert (self->folders, key_of (row->id), skeleton);
      g_object_freeze_notify (G_OBJECT (skeleton));
      export (self, path, skeleton);
      return;
    }
  surel_folder_adaptor_update (skeleton, row);
  g_hash_table_add (self->dirty_folders, key_of (row->id));
}

static void
drop_folder (SurelService *self, gint64 account, gint64 folder)
{
  g_autofree char *path = surel_path_of_folder (account, folder);

  g_dbus_object_manager_server_unexport (self->objects, path);
  g_hash_table_remove (self->folders, key_of (folder));
  g_hash_table_remove (self->rows, key_of (folder));
  g_hash_table_remove (self->dirty_folders, key_of (folder));
}

static void
count_unread (SurelService *self)
{
  GHashTableIter iter;
  gpointer value;
  guint unread = 0;

  g_hash_table_iter_init (&iter, self->rows);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      SurelFolderRow *row = value;
      SurelAccount *account = surel_engine_find_account (self->engine, row->account);

      if (g_str_equal (row->role, "inbox") && account != NULL
          && surel_account_row_is_enabled (surel_account_get_row (account)))
        unread += row->unread;
    }
  surel_manager_adaptor_count_unread (self->manager, unread);
}

/* After the engine's handler: accounts are there before their folders. */
static void
on_committed (SurelStore *store G_GNUC_UNUSED, SurelCommit *commit, SurelService *self)
{
  g_autoptr (GArray) destroyed
      = surel_changes_list (commit->changes, SUREL_FAMILY_FOLDER, SUREL_DESTROYED);

  for (guint i = 0; i < destroyed->len; i++)
    {
      guint64 key = g_array_index (destroyed, guint64, i);

      drop_folder (self, SUREL_FOLDER_KEY_ACCOUNT (key), SUREL_FOLDER_KEY_FOLDER (key));
    }
  for (guint i = 0; i < commit->folders->len; i++)
    put_folder (self, commit->folders->pdata[i]);
  if (destroyed->len > 0 || commit->folders->len > 0)
    count_unread (self);
  schedule_flush (self);
  if (commit->after != commit->before)
    surel_manager_adaptor_committed (self->manager, commit);
}

/**
 * surel_service_new_job_path:
 *
 * Returns: (transfer full): a path for a job to come
 */
char *
surel_service_new_job_path (SurelService *self)
{
  return surel_path_of_job (++self->last_job);
}

static void
ended_free (gpointer data)
{
  Ended *ended = data;

  g_free (ended->path);
  g_free (ended);
}

static gboolean
hide_ended (gpointer data)
{
  SurelService *self = data;
  gint64 now = surel_clock_monotonic ();
  Ended *ended;

  self->ended_source = 0;
  while ((ended = g_queue_peek_head (&self->ended)) != NULL && ended->until <= now)
    {
      g_dbus_object_manager_server_unexport (self->objects, ended->path);
      ended_free (g_queue_pop_head (&self->ended));
    }
  if (ended != NULL)
    self->ended_source = g_timeout_add_seconds ((guint) ((ended->until - now) / G_TIME_SPAN_SECOND) + 1, hide_ended, self);
  return G_SOURCE_REMOVE;
}

/**
 * surel_service_hide_job_later:
 * @path: of a job that has ended
 *
 * Takes it off the bus in a minute.
 */
void
surel_service_hide_job_later (SurelService *self, const char *path)
{
  Ended *ended = g_new (Ended, 1);

  ended->path = g_strdup (path);
  ended->until = surel_clock_monotonic () + STAY;
  g_queue_push_tail (&self->ended, ended);
  if (self->ended_source == 0)
    self->ended_source = g_timeout_add_seconds (STAY / G_TIME_SPAN_SECOND, hide_ended, self);
}

/**
 * surel_service_show_job:
 * @path: of surel_service_new_job_path()
 */
void
surel_service_show_job (SurelService *self, SurelJob *job, const char *path)
{
  g_autoptr (SurelBusJob) skeleton = surel_job_adaptor_new (self, job);

  export (self, path, skeleton);
  if (surel_job_has_ended (job))
    surel_service_hide_job_later (self, path);
}

static void
load_folders (SurelReader *reader, gpointer rows)
{
  if (reader->error == NULL)
    surel_folders_load (reader->sql, 0, rows, NULL);
}

/**
 * surel_service_new:
 * @engine: started: its accounts and folders are shown from the first
 */
SurelService *
surel_service_new (SurelEngine *engine)
{
  SurelService *self = g_object_new (SUREL_TYPE_SERVICE, NULL);
  SurelStore *store = surel_engine_get_store (engine);
  g_autoptr (GList) accounts = surel_engine_list_accounts (engine);
  g_autoptr (GPtrArray) rows
      = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_row_unref);

  self->engine = g_object_ref (engine);
  self->last_job = (guint64) g_get_real_time (); /* µs: two daemons may start within a second */
  self->objects = g_dbus_object_manager_server_new (SUREL_PATH);
  self->once = surel_once_new (store);
  self->operations = surel_operations_new (engine);
  self->secret_reader = surel_secret_reader_new ();
  self->manager = surel_manager_adaptor_new (self);
  self->messages = surel_messages_adaptor_new (self);
  /* Those of the root, which isn't among the objects it manages. */
  self->roots = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->roots, g_object_ref (self->manager));
  g_ptr_array_add (self->roots, g_object_ref (self->messages));
  g_ptr_array_add (self->roots, surel_operations_adaptor_new (self));
  g_ptr_array_add (self->roots, surel_submission_adaptor_new (self));
  g_ptr_array_add (self->roots, surel_items_adaptor_new (self));
  for (guint i = 0; i < self->roots->len; i++)
    surel_once_watch (self->once, self->roots->pdata[i]);
  for (GList *l = accounts; l != NULL; l = l->next)
    on_account_added (engine, l->data, self);
  surel_store_read_sync (store, load_folders, rows);
  for (guint i = 0; i < rows->len; i++)
    put_folder (self, rows->pdata[i]);
  count_unread (self);
  g_signal_connect (engine, "account-added", G_CALLBACK (on_account_added), self);
  g_signal_connect (engine, "account-removed", G_CALLBACK (on_account_removed), self);
  g_signal_connect_after (store, "committed", G_CALLBACK (on_committed), self);
  return self;
}

/**
 * surel_service_export:
 * @connection: the session bus
 *
 * Shows all objects; the name may be taken once this returns.
 */
gboolean
surel_service_export (SurelService *self, GDBusConnection *connection, GError **error)
{
  GHashTableIter iter;
  gpointer account;

  self->guard = surel_guard_new (connection);
  for (guint i = 0; i < self->roots->len; i++)
    if (!g_dbus_interface_skeleton_export (self->roots->pdata[i], connection, SUREL_PATH, error))
      return FALSE;
  g_dbus_object_manager_server_set_connection (self->objects, connection);
  self->gone = surel_gone_new (self->once);
  surel_gone_stand_in (self->gone, connection, SUREL_PATH "/accounts",
                       SUREL_BUS_TYPE_ACCOUNT_SKELETON);
  surel_gone_stand_in (self->gone, connection, SUREL_PATH "/jobs", SUREL_BUS_TYPE_JOB_SKELETON);
  g_hash_table_iter_init (&iter, self->accounts);
  while (g_hash_table_iter_next (&iter, &account, NULL))
    stand_in_for_folders (self, (gint64) (guintptr) account);
  return TRUE;
}

/**
 * surel_service_close:
 *
 * Takes everything off the bus.
 */
void
surel_service_close (SurelService *self)
{
  if (self->objects == NULL)
    return;
  g_signal_handlers_disconnect_by_data (self->engine, self);
  g_signal_handlers_disconnect_by_data (surel_engine_get_store (self->engine), self);
  g_clear_handle_id (&self->flush_source, g_source_remove);
  g_clear_handle_id (&self->ended_source, g_source_remove);
  g_queue_clear_full (&self->ended, ended_free);
  g_clear_pointer (&self->secret_reader, surel_secret_reader_free);
  for (guint i = 0; i < self->roots->len; i++)
    if (g_dbus_interface_skeleton_get_connection (self->roots->pdata[i]) != NULL)
      g_dbus_interface_skeleton_unexport (self->roots->pdata[i]);
  g_dbus_object_manager_server_set_connection (self->objects, NULL);
  g_clear_pointer (&self->gone, surel_gone_free);
  g_clear_pointer (&self->guard, surel_guard_free);
  g_clear_object (&self->objects);
}
