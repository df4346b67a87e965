/* Secrets in the Secret Service (GNOME Keyring, KWallet, KeePassXC), looked up when they are needed. A
 * locked keyring is left locked: a daemon that syncs in the background is no reason for a prompt. */
#include <libsecret/secret.h>

#include "auth/secrets.h"
#include "base/errors.h"

static const SecretSchema schema = {
  "org.surel.Sync1",
  SECRET_SCHEMA_NONE,
  { { "account", SECRET_SCHEMA_ATTRIBUTE_STRING }, { "key", SECRET_SCHEMA_ATTRIBUTE_STRING }, { NULL, 0 } },
  0, 0, 0, 0, 0, 0, 0, 0
};

static void
translate (GError **error)
{
  if (*error == NULL)
    return;
  if (g_error_matches (*error, SECRET_ERROR, SECRET_ERROR_IS_LOCKED))
    {
      g_clear_error (error);
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SECRETS_LOCKED,
                   "The keyring is locked; unlock it (by logging in or with Passwords and Keys) and sign "
                   "in again");
      return;
    }
  g_prefix_error (error, "The Secret Service can't be used: ");
  (*error)->domain = SUREL_ERROR;
  (*error)->code = g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? SUREL_ERROR_CANCELLED
                                                                              : SUREL_ERROR_FAILED;
}

/* TRUE where the default collection is there and locked. */
static gboolean
is_locked (SecretService *service, GCancellable *cancellable)
{
  g_autoptr (SecretCollection) collection = secret_collection_for_alias_sync (
      service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, cancellable, NULL);

  return collection != NULL && secret_collection_get_locked (collection);
}

static gboolean
fail_locked (GError **error)
{
  g_autoptr (GError) own = g_error_new (SECRET_ERROR, SECRET_ERROR_IS_LOCKED, "locked");

  translate (&own);
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static gboolean
service_set (SurelSecrets *self G_GNUC_UNUSED,
             const char *account,
             const char *key,
             const char *label,
             const char *secret,
             GCancellable *cancellable,
             GError **error)
{
  g_autoptr (GError) own = NULL;
  g_autoptr (SecretService) service
      = secret_service_get_sync (SECRET_SERVICE_OPEN_SESSION, cancellable, &own);

  if (service != NULL && is_locked (service, cancellable))
    return fail_locked (error);
  if (service != NULL
      && secret_password_store_sync (&schema, SECRET_COLLECTION_DEFAULT, label, secret, cancellable, &own,
                                     "account", account, "key", key, NULL))
    return TRUE;
  translate (&own);
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static char *
service_get (SurelSecrets *self G_GNUC_UNUSED,
             const char *account,
             const char *key,
             GCancellable *cancellable,
             GError **error)
{
  g_autoptr (GError) own = NULL;
  g_autoptr (GHashTable) attributes
      = secret_attributes_build (&schema, "account", account, "key", key, NULL);
  g_autoptr (SecretService) service
      = secret_service_get_sync (SECRET_SERVICE_OPEN_SESSION, cancellable, &own);
  g_autolist (SecretItem) items = NULL;
  g_autoptr (SecretValue) value = NULL;
  char *secret = NULL;

  if (service != NULL)
    items = secret_service_search_sync (service, &schema, attributes, SECRET_SEARCH_LOAD_SECRETS,
                                        cancellable, &own);
  if (own != NULL)
    {
      translate (&own);
      g_propagate_error (error, g_steal_pointer (&own));
      return NULL;
    }
  if (items == NULL)
    {
      if (is_locked (service, cancellable)) /* some keyrings don't even list what is locked */
        fail_locked (error);
      return NULL;
    }
  if (secret_item_get_locked (items->data))
    {
      fail_locked (error);
      return NULL;
    }
  value = secret_item_get_secret (items->data);
  if (value != NULL)
    secret = g_strdup (secret_value_get_text (value));
  return secret;
}

static gboolean
service_remove (SurelSecrets *self G_GNUC_UNUSED,
                const char *account,
                GCancellable *cancellable,
                GError **error)
{
  g_autoptr (GError) own = NULL;

  secret_password_clear_sync (&schema, cancellable, &own, "account", account, NULL);
  if (own == NULL)
    return TRUE;
  translate (&own);
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static void
service_free (SurelSecrets *self)
{
  g_free (self);
}

/**
 * surel_secrets_new_service:
 *
 * Returns: (transfer full): the Secret Service of the session bus
 */
SurelSecrets *
surel_secrets_new_service (void)
{
  static const SurelSecretsClass klass = { service_free, service_set, service_get, service_remove };
  SurelSecrets *self = g_new0 (SurelSecrets, 1);

  self->klass = &klass;
  return self;
}
