/* org.surel.Sync1.Folder. */
#include "base/errors.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/path.h"

typedef struct
{
  SurelService *service; /* borrowed */
  gint64 account;
} Adaptor;

/* Brings the account up to date: its folders are asked for together, in one round trip. */
static gboolean
handle_sync (SurelBusFolder *skeleton G_GNUC_UNUSED,
             GDBusMethodInvocation *invocation,
             GVariant *options,
             gpointer data)
{
  static const char *const keys[] = { "key", NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;

  if (surel_call_check_options (options, keys, &error))
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
  surel_bus_folder_set_push (skeleton, "polling");
}

SurelBusFolder *
surel_folder_adaptor_new (SurelService *service, SurelFolderRow *row)
{
  static const char *const built[] = { "Sync", NULL };
  SurelBusFolder *skeleton = surel_bus_folder_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);
  g_autofree char *account = surel_path_of_account (row->account);

  self->service = service;
  self->account = row->account;
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, g_free);
  surel_bus_folder_set_id (skeleton, (guint64) row->id);
  surel_bus_folder_set_account (skeleton, account);
  surel_bus_folder_set_kind (skeleton, "mail");
  surel_bus_folder_set_status (skeleton, "idle");
  surel_bus_folder_set_progress (skeleton, -1);
  surel_bus_folder_set_retention (skeleton, g_variant_new ("a{sv}", NULL));
  surel_folder_adaptor_update (skeleton, row);
  g_signal_connect (skeleton, "handle-sync", G_CALLBACK (handle_sync), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
