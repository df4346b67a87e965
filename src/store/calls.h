#pragma once

#include "store/store.h"

G_BEGIN_DECLS

gboolean
surel_calls_find (SurelSql *sql, const char *key, GBytes *call, GVariant **reply, GError **error);
gboolean
surel_calls_put (SurelTxn *txn, const char *key, GBytes *call, GVariant *reply, GError **error);
gboolean surel_calls_trim (SurelTxn *txn, GError **error);

G_END_DECLS
