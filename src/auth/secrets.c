/* The interface of secret stores, and the one that keeps them in memory alone. */
#include "auth/secrets.h"

#include <pthread.h>
#include <string.h>

typedef struct
{
  SurelSecrets parent;
  pthread_mutex_t mutex; /* a leaf: nothing is called under it */
  GHashTable *secrets; /* `account\nkey` → secret */
} Memory;

/**
 * surel_secret_wipe:
 * @secret: (transfer full) (nullable): freed, and not to be found in memory afterwards
 */
void
surel_secret_wipe (char *secret)
{
  if (secret != NULL)
    explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

/**
 * surel_secret_key_is_known:
 *
 * Returns: whether @key is one under which an account may have a secret
 */
gboolean
surel_secret_key_is_known (const char *key)
{
  static const char *const keys[]
      = { "password", "submissionPassword", "refreshToken", "accessToken", NULL };

  return g_strv_contains (keys, key);
}

static char *
name_of (const char *account, const char *key)
{
  return g_strconcat (account, "\n", key, NULL);
}

static gboolean
memory_set (SurelSecrets *secrets,
            const char *account,
            const char *key,
            const char *label G_GNUC_UNUSED,
            const char *secret,
            GCancellable *cancellable G_GNUC_UNUSED,
            GError **error G_GNUC_UNUSED)
{
  Memory *self = (Memory *) secrets;

  pthread_mutex_lock (&self->mutex);
  g_hash_table_replace (self->secrets, name_of (account, key), g_strdup (secret));
  pthread_mutex_unlock (&self->mutex);
  return TRUE;
}

static char *
memory_get (SurelSecrets *secrets,
            const char *account,
            const char *key,
            GCancellable *cancellable G_GNUC_UNUSED,
            GError **error G_GNUC_UNUSED)
{
  Memory *self = (Memory *) secrets;
  g_autofree char *name = name_of (account, key);
  char *secret;

  pthread_mutex_lock (&self->mutex);
  secret = g_strdup (g_hash_table_lookup (self->secrets, name));
  pthread_mutex_unlock (&self->mutex);
  return secret;
}

static gboolean
is_of_account (gpointer name, gpointer secret G_GNUC_UNUSED, gpointer account)
{
  gsize length = strlen (account);

  return strncmp (name, account, length) == 0 && ((char *) name)[length] == '\n';
}

static gboolean
memory_remove (SurelSecrets *secrets,
               const char *account,
               GCancellable *cancellable G_GNUC_UNUSED,
               GError **error G_GNUC_UNUSED)
{
  Memory *self = (Memory *) secrets;

  pthread_mutex_lock (&self->mutex);
  g_hash_table_foreach_remove (self->secrets, is_of_account, (gpointer) account);
  pthread_mutex_unlock (&self->mutex);
  return TRUE;
}

static void
memory_free (SurelSecrets *secrets)
{
  Memory *self = (Memory *) secrets;

  g_hash_table_unref (self->secrets);
  pthread_mutex_destroy (&self->mutex);
  g_free (self);
}

/**
 * surel_secrets_new_memory:
 *
 * Returns: (transfer full): a store that forgets all when the daemon ends
 */
SurelSecrets *
surel_secrets_new_memory (void)
{
  static const SurelSecretsClass klass = { memory_free, memory_set, memory_get, memory_remove };
  Memory *self = g_new0 (Memory, 1);

  self->parent.klass = &klass;
  self->secrets
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) surel_secret_wipe);
  pthread_mutex_init (&self->mutex, NULL);
  return &self->parent;
}

void
surel_secrets_free (SurelSecrets *self)
{
  self->klass->free (self);
}

/**
 * surel_secrets_set:
 * @account: whose it is
 * @key: which: surel_secret_key_is_known()
 * @label: what a person sees it called in a keyring
 * @secret: the secret
 *
 * Returns: %FALSE with %SUREL_ERROR_SECRETS_LOCKED, or %SUREL_ERROR_FAILED
 */
gboolean
surel_secrets_set (SurelSecrets *self,
                   const char *account,
                   const char *key,
                   const char *label,
                   const char *secret,
                   GCancellable *cancellable,
                   GError **error)
{
  return self->klass->set (self, account, key, label, secret, cancellable, error);
}

/**
 * surel_secrets_get:
 *
 * Returns: (transfer full) (nullable): the secret, for surel_secret_wipe(); %NULL without @error where
 *   there is none, or with %SUREL_ERROR_SECRETS_LOCKED
 */
char *
surel_secrets_get (SurelSecrets *self,
                   const char *account,
                   const char *key,
                   GCancellable *cancellable,
                   GError **error)
{
  return self->klass->get (self, account, key, cancellable, error);
}

/**
 * surel_secrets_remove:
 *
 * Forgets all secrets of an account.
 */
gboolean
surel_secrets_remove (SurelSecrets *self,
                      const char *account,
                      GCancellable *cancellable,
                      GError **error)
{
  return self->klass->remove (self, account, cancellable, error);
}
