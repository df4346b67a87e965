#pragma once

#include "engine/engine.h"
#include "engine/indexer.h"

G_BEGIN_DECLS

/* What the files of the engine share: engine.c has the accounts, account-changes.c changes them. */

struct _SurelEngine
{
  GObject parent_instance;
  SurelContext context;
  GHashTable *accounts; /* id → SurelAccount */
  GPtrArray *threads; /* GThread: to be joined before the store is closed */
  GHashTable *secret_works; /* name of secrets → GQueue of SecretWork that wait for the one under way */
  SurelIndexer *indexer; /* once started */
  guint tidy_source;
  gulong committed;
  gulong network_changed;
  gboolean stopped;
};

void surel_engine_forget_secrets (SurelEngine *self, const char *secret);

G_END_DECLS
