/* org.surel.Sync1.Account. */
#include <string.h>

#include "base/errors.h"
#include "base/vacation.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/once.h"
#include "bus/path.h"
#include "engine/settings.h"

static const char *const key_alone[] = { "key", NULL };

typedef struct
{
  SurelService *service; /* borrowed */
  gint64 account;
  SurelAccountRow *row; /* what the properties say of its settings; NULL before they say anything */
} Adaptor;

static void
adaptor_free (gpointer data)
{
  g_clear_pointer (&((Adaptor *) data)->row, surel_account_row_unref);
  g_free (data);
}

static SurelAccount *
account_of (Adaptor *self)
{
  return surel_engine_find_account (surel_service_get_engine (self->service), self->account);
}

static const char *
status_name (SurelStatus status)
{
  static const char *const names[]
      = { "disabled",  "offline",       "connecting", "syncing", "idle",
          "throttled", "auth-required", "locked",     "error" };

  return names[status];
}

/* FALSE once the account is gone: the call has failed then. */
static gboolean
begin (Adaptor *self,
       GDBusMethodInvocation *invocation,
       GVariant *options,
       const char *const *keys)
{
  g_autoptr (GError) error = NULL;

  if (account_of (self) == NULL)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The account is gone");
  else
    surel_call_check_options (options, keys, &error);
  if (error != NULL)
    surel_call_fail (invocation, error);
  return error == NULL;
}

/* Where the call has a key, that it is done is kept already. */
static void
on_done (guint64 state G_GNUC_UNUSED, const GError *error, gpointer invocation)
{
  surel_once_finish (NULL, error, invocation);
}

static void
on_secrets_set (guint64 state G_GNUC_UNUSED, const GError *error, gpointer invocation)
{
  if (error != NULL)
    surel_call_fail (invocation, error);
  else
    surel_once_return (invocation, NULL);
}

static gboolean
handle_sync (SurelBusAccount *skeleton G_GNUC_UNUSED,
             GDBusMethodInvocation *invocation,
             GVariant *options,
             gpointer data)
{
  Adaptor *self = data;

  if (begin (self, invocation, options, key_alone))
    surel_return_job (self->service, invocation,
                      surel_engine_sync (surel_service_get_engine (self->service), self->account));
  return TRUE;
}

static gboolean
handle_sign_in (SurelBusAccount *skeleton G_GNUC_UNUSED,
                GDBusMethodInvocation *invocation,
                GVariant *options,
                gpointer data)
{
  Adaptor *self = data;

  if (begin (self, invocation, options, key_alone))
    surel_return_job (self->service, invocation,
                      surel_engine_sign_in (surel_service_get_engine (self->service), self->account));
  return TRUE;
}

/* Runs in the store thread. */
static GVariant *
created_of (const SurelFolderChange *change, const SurelModified *result)
{
  g_autofree char *path = surel_path_of_folder (change->account, change->folder);

  return g_variant_new ("(ot)", path, (guint64) result->operation);
}

static gboolean
check_kind (GVariant *options, GError **error)
{
  g_autoptr (GVariant) kind = g_variant_lookup_value (options, "kind", NULL);

  if (kind == NULL
      || (g_variant_is_of_type (kind, G_VARIANT_TYPE_STRING) && g_str_equal (g_variant_get_string (kind, NULL), "mail")))
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "The account has folders of the kind `mail` alone");
  return FALSE;
}

static gboolean
handle_create_folder (SurelBusAccount *skeleton G_GNUC_UNUSED,
                      GDBusMethodInvocation *invocation,
                      const char *name,
                      const char *parent,
                      GVariant *options,
                      gpointer data)
{
  static const char *const keys[] = { "key", "kind", NULL };
  Adaptor *self = data;
  g_autoptr (SurelFolderChange) change = NULL;
  g_autoptr (GError) error = NULL;

  if (!begin (self, invocation, options, keys))
    return TRUE;
  change = surel_folder_change_new (self->account, 0, g_dbus_method_invocation_get_sender (invocation));
  change->name = g_strdup (name);
  if (!check_kind (options, &error) || !surel_call_get_parent (parent, self->account, &change->parent, &error))
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  surel_operations_change_folder (surel_service_get_operations (self->service), surel_folder_create,
                                  g_steal_pointer (&change), surel_once_get_key (invocation), created_of,
                                  surel_once_finish, invocation);
  return TRUE;
}

static gboolean
handle_configure (SurelBusAccount *skeleton G_GNUC_UNUSED,
                  GDBusMethodInvocation *invocation,
                  GVariant *settings,
                  GVariant *options,
                  gpointer data)
{
  Adaptor *self = data;
  g_autoptr (GVariant) checked = NULL;
  g_autoptr (GError) error = NULL;

  if (!begin (self, invocation, options, key_alone))
    return TRUE;
  checked
      = surel_settings_check (settings, surel_account_get_row (account_of (self))->settings, &error);
  if (checked != NULL)
    surel_engine_configure (surel_service_get_engine (self->service), self->account, checked,
                            surel_once_get_key (invocation), on_done, invocation);
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

typedef struct
{
  SurelService *service; /* borrowed */
  gint64 account;
  GDBusMethodInvocation *invocation;
} Setting;

/* The account may be gone by now. */
static void
set_secrets (GHashTable *secrets, const GError *error, gpointer data)
{
  g_autofree Setting *setting = data;
  SurelEngine *engine = surel_service_get_engine (setting->service);
  g_autoptr (GHashTable) table = secrets;
  g_autoptr (GError) gone = NULL;

  if (error == NULL && surel_engine_find_account (engine, setting->account) == NULL)
    g_set_error (&gone, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The account is gone");
  if (error != NULL || gone != NULL)
    surel_call_fail (setting->invocation, error != NULL ? error : gone);
  else
    surel_engine_set_secrets (engine, setting->account, g_steal_pointer (&table), on_secrets_set, setting->invocation);
}

static gboolean
handle_set_secrets (SurelBusAccount *skeleton G_GNUC_UNUSED,
                    GDBusMethodInvocation *invocation,
                    GUnixFDList *fds,
                    GVariant *secrets,
                    GVariant *options,
                    gpointer data)
{
  Adaptor *self = data;
  Setting *setting;

  if (!begin (self, invocation, options, key_alone))
    return TRUE;
  setting = g_new0 (Setting, 1);
  *setting = (Setting){ self->service, self->account, invocation };
  surel_secret_reader_take (surel_service_get_secret_reader (self->service), invocation, secrets, fds, set_secrets,
                            setting);
  return TRUE;
}

static gboolean
handle_remove (SurelBusAccount *skeleton G_GNUC_UNUSED,
               GDBusMethodInvocation *invocation,
               GVariant *options,
               gpointer data)
{
  static const char *const keys[] = { "force", "key", NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  gboolean force = FALSE;

  if (!begin (self, invocation, options, keys))
    return TRUE;
  if (surel_call_get_boolean (options, "force", &force, &error))
    surel_engine_remove_account (surel_service_get_engine (self->service), self->account, force,
                                 surel_once_get_key (invocation), on_done, invocation);
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

static void
on_vacation (GVariant *vacation, const GError *error, gpointer invocation)
{
  if (error != NULL)
    surel_call_fail (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(@a{sv})", vacation));
}

static gboolean
handle_get_vacation (SurelBusAccount *skeleton G_GNUC_UNUSED,
                     GDBusMethodInvocation *invocation,
                     GVariant *options,
                     gpointer data)
{
  static const char *const none[] = { NULL };
  Adaptor *self = data;

  if (begin (self, invocation, options, none))
    surel_account_read_vacation (account_of (self), surel_service_get_cancellable (self->service, invocation), on_vacation,
                                 invocation);
  return TRUE;
}

static gboolean
handle_set_vacation (SurelBusAccount *skeleton G_GNUC_UNUSED,
                     GDBusMethodInvocation *invocation,
                     GVariant *vacation,
                     GVariant *options,
                     gpointer data)
{
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;

  if (!begin (self, invocation, options, key_alone))
    return TRUE;
  if (surel_vacation_check (vacation, &error))
    surel_operations_set_vacation (surel_service_get_operations (self->service), self->account, vacation,
                                   g_dbus_method_invocation_get_sender (invocation), surel_once_get_key (invocation),
                                   surel_once_operation_of, surel_once_finish, invocation);
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

static void
set_error (SurelBusAccount *skeleton, const GError *error)
{
  g_autofree char *message = error != NULL ? g_utf8_make_valid (error->message, -1) : NULL;

  surel_bus_account_set_error (
      skeleton, g_variant_new ("(ss)", error != NULL ? surel_error_name (error) : "",
                               message != NULL ? message : ""));
}

static void
set_certificate (SurelBusAccount *skeleton, const SurelCertificate *certificate)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  if (certificate != NULL)
    {
      g_variant_dict_insert (&dict, "sha256", "s", certificate->sha256);
      g_variant_dict_insert (&dict, "subject", "s", certificate->subject);
      g_variant_dict_insert (&dict, "problems", "^as", certificate->problems);
    }
  surel_bus_account_set_certificate (skeleton, g_variant_dict_end (&dict));
}

static void
set_quota (SurelBusAccount *skeleton, const SurelQuota *quota)
{
  const struct
  {
    const char *key;
    gint64 value;
  } values[] = { { "used", quota->used },
                 { "limit", quota->limit },
                 { "messages", quota->messages },
                 { "messageLimit", quota->message_limit } };
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    if (values[i].value >= 0)
      g_variant_dict_insert (&dict, values[i].key, "t", (guint64) values[i].value);
  surel_bus_account_set_quota (skeleton, g_variant_dict_end (&dict));
}

static void
add_identity (GVariantBuilder *builder, const char *id, const char *name, const char *address, gboolean is_default)
{
  g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (builder, "{sv}", "id", g_variant_new_string (id));
  g_variant_builder_add (builder, "{sv}", "name", g_variant_new_string (name));
  g_variant_builder_add (builder, "{sv}", "email", g_variant_new_string (address));
  g_variant_builder_add (builder, "{sv}", "default", g_variant_new_boolean (is_default));
  g_variant_builder_close (builder);
}

static void
set_identities (SurelBusAccount *skeleton, const SurelAccountRow *row)
{
  g_autoptr (GVariant) own = g_variant_lookup_value (row->settings, "identities", NULL);
  const char *name = surel_account_row_get_string (row, "name");
  const char *address = surel_account_row_get_string (row, "address");
  GVariantBuilder builder;

  if (own != NULL)
    {
      surel_bus_account_set_identities (skeleton, own);
      return;
    }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  add_identity (&builder, "default", name, address, TRUE);
  for (guint i = 0; row->addresses[i] != NULL; i++)
    if (g_ascii_strcasecmp (row->addresses[i], address) != 0)
      add_identity (&builder, row->addresses[i], name, row->addresses[i], FALSE);
  surel_bus_account_set_identities (skeleton, g_variant_builder_end (&builder));
}

static void
update_settings (SurelBusAccount *skeleton, const SurelAccountRow *row)
{
  const char *address = surel_account_row_get_string (row, "address");
  const char *name = surel_account_row_get_string (row, "name");

  surel_bus_account_set_address (skeleton, address);
  surel_bus_account_set_name (skeleton, name[0] != '\0' ? name : address);
  surel_bus_account_set_protocol (skeleton, surel_account_row_get_string (row, "protocol"));
  surel_bus_account_set_enabled (skeleton, surel_account_row_is_enabled (row));
  surel_bus_account_set_settings (skeleton, row->settings);
  surel_bus_account_set_capabilities (skeleton, (const char *const *) row->capabilities);
  surel_bus_account_set_keyword_names (skeleton, row->keyword_names);
  set_identities (skeleton, row);
}

/**
 * surel_account_adaptor_update:
 *
 * Has the properties say what is the case now. What changes with each operation is little: only that is said anew.
 */
void
surel_account_adaptor_update (SurelBusAccount *skeleton, SurelAccount *account)
{
  Adaptor *self = g_object_get_data (G_OBJECT (skeleton), "adaptor");
  SurelAccountRow *row = surel_account_get_row (account);
  SurelStatus status = surel_account_get_status (account);

  if (self->row != row)
    {
      g_clear_pointer (&self->row, surel_account_row_unref);
      self->row = surel_account_row_ref (row);
      update_settings (skeleton, row);
    }
  surel_bus_account_set_status (skeleton, status_name (status));
  set_error (skeleton, surel_account_get_error (account));
  set_certificate (skeleton, surel_account_get_certificate (account));
  set_quota (skeleton, surel_account_get_quota (account));
  surel_bus_account_set_next_attempt (skeleton, surel_account_get_next_attempt (account));
  surel_bus_account_set_last_sync (skeleton, surel_account_get_last_sync (account));
  surel_bus_account_set_progress (skeleton, surel_account_get_progress (account));
  surel_bus_account_set_pending_operations (skeleton, surel_account_get_pending (account));
  surel_bus_account_set_alert (skeleton, surel_account_get_alert (account));
  surel_bus_account_set_push (skeleton, status == SUREL_STATUS_IDLE || status == SUREL_STATUS_SYNCING
                                            ? "polling"
                                            : "down");
  surel_bus_account_set_push_reason (
      skeleton, status == SUREL_STATUS_IDLE || status == SUREL_STATUS_SYNCING
                    ? surel_account_is_watching (account)
                          ? "the inbox is watched; all other folders are asked for every five minutes"
                          : "all folders are asked for every five minutes"
                    : "there is no connection");
}

SurelBusAccount *
surel_account_adaptor_new (SurelService *service, SurelAccount *account)
{
  static const char *const built[]
      = { "Sync", "SignIn", "Configure", "SetSecrets", "Remove", "CreateFolder", "GetVacation", "SetVacation", NULL };
  SurelBusAccount *skeleton = surel_bus_account_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);
  g_autofree char *path = surel_path_of_account (surel_account_get_id (account));

  self->service = service;
  self->account = surel_account_get_id (account);
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, adaptor_free);
  surel_bus_account_set_id (skeleton, strrchr (path, '/') + 1);
  surel_account_adaptor_update (skeleton, account);
  g_signal_connect (skeleton, "handle-sync", G_CALLBACK (handle_sync), self);
  g_signal_connect (skeleton, "handle-sign-in", G_CALLBACK (handle_sign_in), self);
  g_signal_connect (skeleton, "handle-configure", G_CALLBACK (handle_configure), self);
  g_signal_connect (skeleton, "handle-set-secrets", G_CALLBACK (handle_set_secrets), self);
  g_signal_connect (skeleton, "handle-create-folder", G_CALLBACK (handle_create_folder), self);
  g_signal_connect (skeleton, "handle-get-vacation", G_CALLBACK (handle_get_vacation), self);
  g_signal_connect (skeleton, "handle-set-vacation", G_CALLBACK (handle_set_vacation), self);
  g_signal_connect (skeleton, "handle-remove", G_CALLBACK (handle_remove), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
