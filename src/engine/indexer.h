#pragma once

#include "store/store.h"

G_BEGIN_DECLS

typedef struct _SurelIndexer SurelIndexer;

SurelIndexer *surel_indexer_new (SurelStore *store);
void surel_indexer_free (SurelIndexer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelIndexer, surel_indexer_free)

G_END_DECLS
