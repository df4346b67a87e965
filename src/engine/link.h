#pragma once

#include "auth/secrets.h"
#include "remote/remote.h"
#include "store/accounts.h"

G_BEGIN_DECLS

/* What every account's threads share; outlives them. */
typedef struct
{
  SurelStore *store;
  SurelSecrets *secrets;
  GTlsDatabase *trust; /* nullable */
  SurelRemoteNew new_remote;
} SurelContext;

SurelRemote *surel_link_new (const SurelContext *context,
                             const SurelAccountRow *account,
                             GCancellable *cancellable,
                             GError **error);
SurelRemote *surel_link_open (const SurelContext *context,
                              const SurelAccountRow *account,
                              GCancellable *cancellable,
                              GError **error);

G_END_DECLS
