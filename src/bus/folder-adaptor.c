/* org.surel.Sync1.Folder. */
#include "base/errors.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/message-argument.h"
#include "bus/once.h"
#include "bus/path.h"

#define RECEIVED_MAX G_GINT64_CONSTANT (253402300799) /* seconds: the end of the year 9999 */

typedef struct
{
  SurelService *service; /* borrowed */
  gint64 account;
  gint64 folder;
} Adaptor;

static const char *const key_alone[] = { "key", NULL };

/* Runs in the store thread. */
static GVariant *
operation_of (const SurelFolderChange *change G_GNUC_UNUSED, const SurelModified *result)
{
  return g_variant_new ("(t)", (guint64) result->operation);
}

/* Takes @change over. */
static void
change_folder (Adaptor *self, GDBusMethodInvocation *invocation, SurelFolderFunc func, SurelFolderChange *change)
{
  surel_operations_change_folder (surel_service_get_operations (self->service), func, change,
                                  surel_once_get_key (invocation), operation_of, surel_once_finish, invocation);
}

/* NULL where the options have other keys: the call has failed then. */
static SurelFolderChange *
begin (Adaptor *self, GDBusMethodInvocation *invocation, GVariant *options, const char *const *keys)
{
  g_autoptr (GError) error = NULL;

  if (surel_call_check_options (options, keys, &error))
    return surel_folder_change_new (self->account, self->folder, g_dbus_method_invocation_get_sender (invocation));
  surel_call_fail (invocation, error);
  return NULL;
}

static gboolean
handle_rename (SurelBusFolder *skeleton G_GNUC_UNUSED,
               GDBusMethodInvocation *invocation,
               const char *name,
               GVariant *options,
               gpointer data)
{
  SurelFolderChange *change = begin (data, invocation, options, key_alone);

  if (change == NULL)
    return TRUE;
  change->name = g_strdup (name);
  change_folder (data, invocation, surel_folder_rename, change);
  return TRUE;
}

static gboolean
handle_move_to (SurelBusFolder *skeleton G_GNUC_UNUSED,
                GDBusMethodInvocation *invocation,
                const char *parent,
                GVariant *options,
                gpointer data)
{
  Adaptor *self = data;
  g_autoptr (SurelFolderChange) change = begin (self, invocation, options, key_alone);
  g_autoptr (GError) error = NULL;

  if (change == NULL)
    return TRUE;
  if (surel_call_get_parent (parent, self->account, &change->parent, &error))
    change_folder (self, invocation, surel_folder_move, g_steal_pointer (&change));
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

static gboolean
handle_delete (SurelBusFolder *skeleton G_GNUC_UNUSED,
               GDBusMethodInvocation *invocation,
               GVariant *options,
               gpointer data)
{
  static const char *const keys[] = { "key", "removeMessages", "removeChildren", NULL };
  g_autoptr (SurelFolderChange) change = begin (data, invocation, options, keys);
  g_autoptr (GError) error = NULL;

  if (change == NULL)
    return TRUE;
  if (surel_call_get_boolean (options, "removeMessages", &change->remove_messages, &error)
      && surel_call_get_boolean (options, "removeChildren", &change->remove_children, &error))
    change_folder (data, invocation, surel_folder_delete, g_steal_pointer (&change));
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

static gboolean
handle_set_subscribed (SurelBusFolder *skeleton G_GNUC_UNUSED,
                       GDBusMethodInvocation *invocation,
                       gboolean subscribed,
                       GVariant *options,
                       gpointer data)
{
  SurelFolderChange *change = begin (data, invocation, options, key_alone);

  if (change == NULL)
    return TRUE;
  change->subscribed = subscribed;
  change_folder (data, invocation, surel_folder_subscribe, change);
  return TRUE;
}

static gboolean
handle_empty (SurelBusFolder *skeleton G_GNUC_UNUSED,
              GDBusMethodInvocation *invocation,
              GVariant *options,
              gpointer data)
{
  SurelFolderChange *change = begin (data, invocation, options, key_alone);

  if (change != NULL)
    change_folder (data, invocation, surel_folder_empty, change);
  return TRUE;
}

/* Runs in the store thread. */
static GVariant *
appended_of (const SurelAppend *append, const SurelModified *result)
{
  return g_variant_new ("(tt)", (guint64) append->id, (guint64) result->operation);
}

static gboolean
handle_append (SurelBusFolder *skeleton G_GNUC_UNUSED,
               GDBusMethodInvocation *invocation,
               GUnixFDList *fds,
               GVariant *message,
               GVariant *options,
               gpointer data)
{
  static const char *const keys[] = { "key", "keywords", "receivedAt", NULL };
  Adaptor *self = data;
  g_autoptr (SurelAppend) append = g_new0 (SurelAppend, 1);
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GError) error = NULL;
  int fd = -1;

  append->client = g_strdup (g_dbus_method_invocation_get_sender (invocation));
  append->account = self->account;
  append->folder = self->folder;
  append->message = surel_message_new ();
  if (!surel_call_check_options (options, keys, &error)
      || !surel_call_get_number (options, "receivedAt", 0, RECEIVED_MAX, &append->message->received, &error)
      || !surel_message_argument_take_keywords (options, append->message, &error)
      || !surel_message_argument_take (message, fds, &fd, &octets, &error))
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  surel_operations_append (surel_service_get_operations (self->service), g_steal_pointer (&append), fd, octets,
                           surel_once_get_key (invocation), appended_of, surel_once_finish, invocation);
  return TRUE;
}

static gboolean
take_settings (GVariant *settings, SurelFolderChange *change, GError **error)
{
  static const char *const keys[] = { "role", "watch", NULL };
  static const char *const roles[]
      = { "", "sent", "drafts", "trash", "junk", "archive", "all", "flagged", "important", "inbox", NULL };
  g_autoptr (GVariant) role = g_variant_lookup_value (settings, "role", NULL);
  g_autoptr (GVariant) retention = g_variant_lookup_value (settings, "retention", NULL);
  gboolean watch = FALSE;

  if (retention != NULL)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "`retention` of a folder is not supported yet");
      return FALSE;
    }
  if (!surel_call_check_options (settings, keys, error))
    return FALSE;
  if (role != NULL
      && (!g_variant_is_of_type (role, G_VARIANT_TYPE_STRING)
          || !g_strv_contains (roles, g_variant_get_string (role, NULL))))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`role` has to be a role, or empty for none");
      return FALSE;
    }
  change->role = role != NULL ? g_variant_dup_string (role, NULL) : NULL;
  if (!surel_call_get_boolean (settings, "watch", &watch, error))
    return FALSE;
  if (g_variant_lookup (settings, "watch", "b", &watch))
    change->watch = watch;
  return TRUE;
}

static gboolean
handle_configure (SurelBusFolder *skeleton G_GNUC_UNUSED,
                  GDBusMethodInvocation *invocation,
                  GVariant *settings,
                  GVariant *options,
                  gpointer data)
{
  g_autoptr (SurelFolderChange) change = begin (data, invocation, options, key_alone);
  g_autoptr (GError) error = NULL;

  if (change == NULL)
    return TRUE;
  if (take_settings (settings, change, &error))
    change_folder (data, invocation, surel_folder_configure, g_steal_pointer (&change));
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

/* Brings the account up to date: its folders are asked for together, in one round trip. */
static gboolean
handle_sync (SurelBusFolder *skeleton G_GNUC_UNUSED,
             GDBusMethodInvocation *invocation,
             GVariant *options,
             gpointer data)
{
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;

  if (surel_call_check_options (options, key_alone, &error))
    return surel_return_job (self->service, invocation,
                             surel_engine_sync (surel_service_get_engine (self->service), self->account));
  surel_call_fail (invocation, error);
  return TRUE;
}

/**
 * surel_folder_adaptor_update:
 *
 * Has the properties say what the store has now.
 */
void
surel_folder_adaptor_update (SurelBusFolder *skeleton, SurelFolderRow *row)
{
  static const char *const namespaces[] = { "personal", "others", "shared" };
  g_autofree char *parent
      = row->parent != 0 ? surel_path_of_folder (row->account, row->parent) : g_strdup ("/");
  g_auto (GStrv) rights = surel_folder_rights_to_strv (row->rights);

  surel_bus_folder_set_parent (skeleton, parent);
  surel_bus_folder_set_name (skeleton, row->name);
  surel_bus_folder_set_path (skeleton, row->path);
  surel_bus_folder_set_namespace (skeleton, namespaces[row->namespace_kind]);
  surel_bus_folder_set_owner (skeleton, row->owner);
  surel_bus_folder_set_role (skeleton, row->role);
  surel_bus_folder_set_total_messages (skeleton, row->total);
  surel_bus_folder_set_unread_messages (skeleton, row->unread);
  surel_bus_folder_set_server_messages (skeleton, row->server_messages);
  surel_bus_folder_set_subscribed (skeleton, row->subscribed);
  surel_bus_folder_set_rights (skeleton, (const char *const *) rights);
  surel_bus_folder_set_watch (skeleton, row->watch);
  surel_bus_folder_set_last_sync (skeleton, row->last_sync);
  surel_bus_folder_set_last_proven (skeleton, row->last_proven);
  surel_bus_folder_set_progress (skeleton, -1);
  surel_bus_folder_set_push (skeleton, "polling");
}

SurelBusFolder *
surel_folder_adaptor_new (SurelService *service, SurelFolderRow *row)
{
  static const char *const built[]
      = { "Sync", "Rename", "MoveTo", "Delete", "SetSubscribed", "Configure", "Empty", "Append", NULL };
  SurelBusFolder *skeleton = surel_bus_folder_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);
  g_autofree char *account = surel_path_of_account (row->account);

  self->service = service;
  self->account = row->account;
  self->folder = row->id;
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, g_free);
  surel_bus_folder_set_id (skeleton, (guint64) row->id);
  surel_bus_folder_set_account (skeleton, account);
  surel_bus_folder_set_kind (skeleton, "mail");
  surel_bus_folder_set_status (skeleton, "idle");
  surel_bus_folder_set_progress (skeleton, -1);
  surel_bus_folder_set_retention (skeleton, g_variant_new ("a{sv}", NULL));
  surel_folder_adaptor_update (skeleton, row);
  g_signal_connect (skeleton, "handle-sync", G_CALLBACK (handle_sync), self);
  g_signal_connect (skeleton, "handle-rename", G_CALLBACK (handle_rename), self);
  g_signal_connect (skeleton, "handle-move-to", G_CALLBACK (handle_move_to), self);
  g_signal_connect (skeleton, "handle-delete", G_CALLBACK (handle_delete), self);
  g_signal_connect (skeleton, "handle-set-subscribed", G_CALLBACK (handle_set_subscribed), self);
  g_signal_connect (skeleton, "handle-configure", G_CALLBACK (handle_configure), self);
  g_signal_connect (skeleton, "handle-append", G_CALLBACK (handle_append), self);
  g_signal_connect (skeleton, "handle-empty", G_CALLBACK (handle_empty), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
