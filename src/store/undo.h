#pragma once

#include "store/modify.h"

G_BEGIN_DECLS

gboolean surel_undo_cancel (SurelTxn *txn, gint64 operation, const char *client, SurelModified *result, GError **error);
gboolean surel_undo_confirm (SurelTxn *txn, gint64 operation, SurelModified *result, GError **error);
gboolean surel_undo_retry (SurelTxn *txn, gint64 operation, SurelModified *result, GError **error);

G_END_DECLS
