#pragma once

#include "engine/engine.h"
#include "store/operations.h"

G_BEGIN_DECLS

typedef struct _SurelTransfers SurelTransfers;

SurelTransfers *surel_transfers_new (SurelEngine *engine);
void surel_transfers_note (SurelTransfers *self, const SurelOperationRow *row);
void surel_transfers_check (SurelTransfers *self);
void surel_transfers_free (SurelTransfers *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelTransfers, surel_transfers_free)

G_END_DECLS
