#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SurelSecrets:
 *
 * Where passwords and tokens are kept. May be used from any thread; its functions may block.
 * An account is named by the store's id and its own, so that two stores can't read one another's.
 */
typedef struct _SurelSecrets SurelSecrets;

typedef struct
{
  void (*free) (SurelSecrets *self);
  gboolean (*set) (SurelSecrets *self,
                   const char *account,
                   const char *key,
                   const char *label,
                   const char *secret,
                   GCancellable *cancellable,
                   GError **error);
  char *(*get) (SurelSecrets *self,
                const char *account,
                const char *key,
                GCancellable *cancellable,
                GError **error);
  gboolean (*remove) (SurelSecrets *self,
                      const char *account,
                      GCancellable *cancellable,
                      GError **error);
} SurelSecretsClass;

struct _SurelSecrets
{
  const SurelSecretsClass *klass;
};

SurelSecrets *surel_secrets_new_memory (void);
SurelSecrets *surel_secrets_new_file (const char *path, GError **error);
SurelSecrets *surel_secrets_new_service (void);
void surel_secrets_free (SurelSecrets *self);
gboolean surel_secrets_set (SurelSecrets *self,
                            const char *account,
                            const char *key,
                            const char *label,
                            const char *secret,
                            GCancellable *cancellable,
                            GError **error);
char *surel_secrets_get (SurelSecrets *self,
                         const char *account,
                         const char *key,
                         GCancellable *cancellable,
                         GError **error);
gboolean surel_secrets_remove (SurelSecrets *self,
                               const char *account,
                               GCancellable *cancellable,
                               GError **error);
void surel_secret_wipe (char *secret);
gboolean surel_secret_key_is_known (const char *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelSecrets, surel_secrets_free)

G_END_DECLS
