/* org.surel.Sync1.Manager. */
#include "base/clock.h"
#include "base/errors.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/once.h"
#include "bus/path.h"
#include "engine/settings.h"
#include "store/log.h"

#define WAIT_MAX 20 /* seconds: D-Bus clients stop at 25 */
#define LIMIT_USUAL 1000 /* ids */
#define SIGNAL_IDS_MAX 500 /* ids in a StateChanged */
#define SIGNAL_INTERVAL 50 /* ms between two: at most 20 a second */
#define WAITERS_MAX 1000 /* calls that wait for a change, of all clients */

/* A Changes() that waits. */
typedef struct
{
  struct _Adaptor *adaptor;
  GDBusMethodInvocation *invocation;
  guint64 since;
  guint limit;
  guint timeout; /* source */
  GCancellable *gone; /* cancelled once the caller has left the bus; nullable */
} Waiter;

typedef struct _Adaptor
{
  SurelService *service; /* borrowed */
  SurelBusManager *skeleton; /* borrowed: it owns this */
  GPtrArray *waiters; /* Waiter */
  SurelChanges *pending; /* what no StateChanged has told; nullable */
  guint64 before; /* the state the last StateChanged ended with */
  guint64 after;
  gint64 last_signal; /* monotonic µs */
  guint signal_source;
} Adaptor;

static SurelStore *
store_of (Adaptor *self)
{
  return surel_engine_get_store (surel_service_get_engine (self->service));
}

/* --- Changes --- */

static void
add_paths (GVariantBuilder *dict, const char *key, SurelFamily family, GArray *ids)
{
  GVariantBuilder paths;

  if (ids->len == 0)
    return;
  g_variant_builder_init (&paths, G_VARIANT_TYPE ("ao"));
  for (guint i = 0; i < ids->len; i++)
    {
      guint64 id = g_array_index (ids, guint64, i);
      g_autofree char *path = family == SUREL_FAMILY_ACCOUNT
                                  ? surel_path_of_account ((gint64) id)
                                  : surel_path_of_folder (SUREL_FOLDER_KEY_ACCOUNT (id),
                                                          SUREL_FOLDER_KEY_FOLDER (id));

      g_variant_builder_add (&paths, "o", path);
    }
  g_variant_builder_add (dict, "{sv}", key, g_variant_builder_end (&paths));
}

static void
add_changes (GVariantBuilder *dict, SurelChanges *changes)
{
  static const struct
  {
    const char *key;
    SurelFamily family;
    SurelEvent event;
  } lists[] = {
    { "accountsCreated", SUREL_FAMILY_ACCOUNT, SUREL_CREATED },
    { "accountsUpdated", SUREL_FAMILY_ACCOUNT, SUREL_UPDATED },
    { "accountsDestroyed", SUREL_FAMILY_ACCOUNT, SUREL_DESTROYED },
    { "foldersCreated", SUREL_FAMILY_FOLDER, SUREL_CREATED },
    { "foldersUpdated", SUREL_FAMILY_FOLDER, SUREL_UPDATED },
    { "foldersDestroyed", SUREL_FAMILY_FOLDER, SUREL_DESTROYED },
    { "messagesCreated", SUREL_FAMILY_MESSAGE, SUREL_CREATED },
    { "messagesUpdated", SUREL_FAMILY_MESSAGE, SUREL_UPDATED },
    { "messagesDestroyed", SUREL_FAMILY_MESSAGE, SUREL_DESTROYED },
    { "itemsCreated", SUREL_FAMILY_ITEM, SUREL_CREATED },
    { "itemsUpdated", SUREL_FAMILY_ITEM, SUREL_UPDATED },
    { "itemsDestroyed", SUREL_FAMILY_ITEM, SUREL_DESTROYED },
    { "operationsUpdated", SUREL_FAMILY_OPERATION, SUREL_UPDATED },
  };
  g_autoptr (GArray) new_mail = surel_changes_list_new_mail (changes);

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      g_autoptr (GArray) ids = surel_changes_list (changes, lists[i].family, lists[i].event);

      if (lists[i].family <= SUREL_FAMILY_FOLDER)
        add_paths (dict, lists[i].key, lists[i].family, ids);
      else if (ids->len > 0)
        g_variant_builder_add (dict, "{sv}", lists[i].key, surel_call_ids (ids));
    }
  if (new_mail->len > 0)
    g_variant_builder_add (dict, "{sv}", "newMail", surel_call_ids (new_mail));
}

typedef struct
{
  GDBusMethodInvocation *invocation;
  char *store_id;
  guint64 since;
  guint limit;
} Ask;

static void
ask_free (gpointer data)
{
  Ask *ask = data;

  g_free (ask->store_id);
  g_free (ask);
}

static void
read_changes (SurelReader *reader, gpointer data)
{
  Ask *ask = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelPage) page = NULL;
  GVariantBuilder dict;

  if (reader->error == NULL)
    page = surel_log_read (reader, ask->since, ask->limit, &error);
  if (page == NULL)
    {
      surel_call_fail (ask->invocation, reader->error != NULL ? reader->error : error);
      return;
    }
  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&dict, "{sv}", "store", g_variant_new_string (ask->store_id));
  g_variant_builder_add (&dict, "{sv}", "state", g_variant_new_uint64 (page->state));
  g_variant_builder_add (&dict, "{sv}", "hasMore", g_variant_new_boolean (page->has_more));
  add_changes (&dict, page->changes);
  surel_call_answer (ask->invocation, g_variant_new ("(a{sv})", &dict));
}

static void
answer_changes (Adaptor *self, GDBusMethodInvocation *invocation, guint64 since, guint limit)
{
  Ask *ask = g_new0 (Ask, 1);

  ask->invocation = invocation;
  ask->store_id = g_strdup (surel_store_get_id (store_of (self)));
  ask->since = since;
  ask->limit = limit;
  surel_store_read (store_of (self), read_changes, ask, ask_free,
                    surel_service_get_cancellable (self->service, invocation));
}

static void
waiter_free (gpointer data)
{
  Waiter *waiter = data;

  g_clear_handle_id (&waiter->timeout, g_source_remove);
  g_clear_object (&waiter->gone);
  g_free (waiter);
}

/* Those whose callers have left make room for others. */
static void
drop_those_gone (Adaptor *self)
{
  for (guint i = self->waiters->len; i > 0; i--)
    {
      Waiter *waiter = self->waiters->pdata[i - 1];

      if (waiter->gone == NULL || !g_cancellable_is_cancelled (waiter->gone))
        continue;
      g_dbus_method_invocation_return_value (waiter->invocation, g_variant_new ("(a{sv})", NULL));
      g_ptr_array_remove_index_fast (self->waiters, i - 1);
    }
}

static void
answer_waiters (Adaptor *self)
{
  g_autoptr (GPtrArray) waiters = g_steal_pointer (&self->waiters);

  self->waiters = g_ptr_array_new_with_free_func (waiter_free);
  for (guint i = 0; i < waiters->len; i++)
    {
      Waiter *waiter = waiters->pdata[i];

      answer_changes (self, waiter->invocation, waiter->since, waiter->limit);
    }
}

static gboolean
on_wait_over (gpointer data)
{
  Waiter *waiter = data;
  Adaptor *self = waiter->adaptor;

  waiter->timeout = 0;
  answer_changes (self, waiter->invocation, waiter->since, waiter->limit);
  g_ptr_array_remove_fast (self->waiters, waiter);
  return G_SOURCE_REMOVE;
}

static gboolean
handle_changes (SurelBusManager *skeleton G_GNUC_UNUSED,
                GDBusMethodInvocation *invocation,
                const char *store,
                guint64 since,
                GVariant *options,
                gpointer data)
{
  static const char *const keys[] = { "limit", "wait", NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  gint64 limit = LIMIT_USUAL;
  gint64 wait = 0;
  GCancellable *gone = surel_service_get_cancellable (self->service, invocation);
  Waiter *waiter;

  if (self->waiters->len >= WAITERS_MAX)
    drop_those_gone (self);
  if (!surel_call_check_options (options, keys, &error)
      || !surel_call_get_number (options, "limit", 1, G_MAXUINT32, &limit, &error)
      || !surel_call_get_number (options, "wait", 0, G_MAXUINT32, &wait, &error))
    ;
  else if (store[0] != '\0' && !g_str_equal (store, surel_store_get_id (store_of (self))))
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_STORE_REPLACED,
                 "This is another store than that; list everything anew from state 0");
  else if (since > G_MAXINT64)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_CANNOT_CALCULATE_CHANGES, "There never was such a state");
  else if (wait > 0 && self->waiters->len >= WAITERS_MAX)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED, "Too many calls wait for a change");
  if (error != NULL)
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  limit = MIN (limit, SUREL_CHANGES_LIMIT_MAX);
  if (wait == 0 || since != surel_store_get_state (store_of (self)))
    {
      answer_changes (self, invocation, since, (guint) limit);
      return TRUE;
    }
  waiter = g_new0 (Waiter, 1);
  *waiter = (Waiter){ self, invocation, since, (guint) limit, 0, gone != NULL ? g_object_ref (gone) : NULL };
  waiter->timeout = g_timeout_add ((guint) MIN (wait, WAIT_MAX) * 1000, on_wait_over, waiter);
  g_ptr_array_add (self->waiters, waiter);
  return TRUE;
}

/* --- StateChanged --- */

static void
emit_state_changed (Adaptor *self)
{
  GVariantBuilder dict;

  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  if (surel_changes_count (self->pending) > SIGNAL_IDS_MAX)
    g_variant_builder_add (&dict, "{sv}", "hasMore", g_variant_new_boolean (TRUE));
  else
    add_changes (&dict, self->pending);
  surel_bus_manager_emit_state_changed (self->skeleton, self->before, self->after,
                                        g_variant_builder_end (&dict));
  g_clear_pointer (&self->pending, surel_changes_unref);
  self->before = self->after;
  self->last_signal = surel_clock_monotonic ();
}

static gboolean
on_signal_time (gpointer data)
{
  Adaptor *self = data;

  self->signal_source = 0;
  emit_state_changed (self);
  return G_SOURCE_REMOVE;
}

/**
 * surel_manager_adaptor_committed:
 *
 * Tells clients of a commit: when quiet at once, though not before who made it has the answer; gathered when busy.
 */
void
surel_manager_adaptor_committed (SurelBusManager *manager, const SurelCommit *commit)
{
  Adaptor *self = g_object_get_data (G_OBJECT (manager), "adaptor");
  gint64 since = (surel_clock_monotonic () - self->last_signal) / 1000;

  surel_bus_manager_set_state (manager, commit->after);
  answer_waiters (self);
  if (self->pending == NULL)
    self->pending = surel_changes_new ();
  surel_changes_add_all (self->pending, commit->changes);
  self->after = commit->after;
  if (self->signal_source != 0)
    return;
  if (since >= SIGNAL_INTERVAL)
    self->signal_source = g_idle_add_full (G_PRIORITY_DEFAULT, on_signal_time, self, NULL);
  else
    self->signal_source = g_timeout_add ((guint) (SIGNAL_INTERVAL - since), on_signal_time, self);
}

void
surel_manager_adaptor_count_unread (SurelBusManager *manager, guint unread)
{
  surel_bus_manager_set_inbox_unread (manager, unread);
}

/* --- Accounts --- */

typedef struct
{
  SurelService *service;
  GDBusMethodInvocation *invocation;
  GVariant *settings;
  gboolean check;
  char *job_path; /* of the job that signs in */
} Adding;

static void
adding_free (Adding *adding)
{
  g_variant_unref (adding->settings);
  g_free (adding->job_path);
  g_free (adding);
}

/* Runs in the store thread. */
static GVariant *
added_of (gint64 account, gpointer data)
{
  Adding *adding = data;
  g_autofree char *path = surel_path_of_account (account);

  return g_variant_new ("(oo)", path, adding->job_path);
}

static void
on_added (GVariant *reply, SurelJob *job, const GError *error, gpointer data)
{
  Adding *adding = data;

  if (job != NULL)
    surel_service_show_job (adding->service, job, adding->job_path);
  surel_once_finish (reply, error, adding->invocation);
  adding_free (adding);
}

static void
add_with_secrets (GHashTable *secrets, const GError *error, gpointer data)
{
  Adding *adding = data;

  if (error == NULL)
    {
      surel_engine_add_account (surel_service_get_engine (adding->service), adding->settings, secrets,
                                adding->check, surel_once_get_key (adding->invocation), added_of, on_added, adding);
      return;
    }
  surel_call_fail (adding->invocation, error);
  adding_free (adding);
}

static gboolean
handle_add_account (SurelBusManager *skeleton G_GNUC_UNUSED,
                    GDBusMethodInvocation *invocation,
                    GUnixFDList *fds,
                    GVariant *settings,
                    GVariant *secrets,
                    GVariant *options,
                    gpointer data)
{
  static const char *const keys[] = { "check", "key", NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) checked = NULL;
  gboolean check = FALSE;
  Adding *adding;

  if (!surel_call_check_options (options, keys, &error)
      || !surel_call_get_boolean (options, "check", &check, &error)
      || (checked = surel_settings_check (settings, NULL, &error)) == NULL)
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  adding = g_new0 (Adding, 1);
  *adding = (Adding){ self->service, invocation, g_steal_pointer (&checked), check,
                       surel_service_new_job_path (self->service) };
  surel_secret_reader_take (surel_service_get_secret_reader (self->service), invocation, secrets, fds,
                            add_with_secrets, adding);
  return TRUE;
}

static gboolean
handle_sync (SurelBusManager *skeleton G_GNUC_UNUSED,
             GDBusMethodInvocation *invocation,
             GVariant *options,
             gpointer data)
{
  static const char *const keys[] = { "key", NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;

  if (surel_call_check_options (options, keys, &error))
    return surel_return_job (self->service, invocation,
                             surel_engine_sync (surel_service_get_engine (self->service), 0));
  surel_call_fail (invocation, error);
  return TRUE;
}

static void
adaptor_free (gpointer data)
{
  Adaptor *self = data;

  g_clear_handle_id (&self->signal_source, g_source_remove);
  g_ptr_array_unref (self->waiters);
  g_clear_pointer (&self->pending, surel_changes_unref);
  g_free (self);
}

SurelBusManager *
surel_manager_adaptor_new (SurelService *service)
{
  static const char *const built[] = { "AddAccount", "Changes", "Sync", NULL };
  static const char *const features[] = { NULL };
  SurelBusManager *skeleton = surel_bus_manager_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);
  GNetworkMonitor *monitor = g_network_monitor_get_default ();

  self->service = service;
  self->skeleton = skeleton;
  self->waiters = g_ptr_array_new_with_free_func (waiter_free);
  self->before = surel_store_get_state (store_of (self));
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, adaptor_free);
  surel_bus_manager_set_version (skeleton, SUREL_VERSION);
  surel_bus_manager_set_store (skeleton, surel_store_get_id (store_of (self)));
  surel_bus_manager_set_state (skeleton, self->before);
  surel_bus_manager_set_features (skeleton, features);
  g_object_bind_property (monitor, "network-available", skeleton, "online", G_BINDING_SYNC_CREATE);
  g_object_bind_property (monitor, "network-metered", skeleton, "metered", G_BINDING_SYNC_CREATE);
  g_signal_connect (skeleton, "handle-changes", G_CALLBACK (handle_changes), self);
  g_signal_connect (skeleton, "handle-add-account", G_CALLBACK (handle_add_account), self);
  g_signal_connect (skeleton, "handle-sync", G_CALLBACK (handle_sync), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
