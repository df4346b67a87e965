#pragma once

#include "store/calls.h"
#include "store/modify.h"

G_BEGIN_DECLS

gboolean surel_modify_part (SurelTxn *txn,
                            SurelPatch *patch,
                            const SurelKey *key,
                            guint *done,
                            SurelModified *result,
                            GError **error);

G_END_DECLS
