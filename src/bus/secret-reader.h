#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

typedef struct _SurelSecretReader SurelSecretReader;

/**
 * SurelSecretsFunc:
 * @secrets: (transfer full) (nullable): key → secret, %NULL with @error
 */
typedef void (*SurelSecretsFunc) (GHashTable *secrets, const GError *error, gpointer data);

SurelSecretReader *surel_secret_reader_new (void);
void surel_secret_reader_free (SurelSecretReader *self);
void surel_secret_reader_take (SurelSecretReader *self,
                               GDBusMethodInvocation *invocation,
                               GVariant *secrets,
                               GUnixFDList *fds,
                               SurelSecretsFunc func,
                               gpointer data);

G_END_DECLS
