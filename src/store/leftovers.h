#pragma once

#include "store/store.h"

G_BEGIN_DECLS

gboolean surel_leftovers_let_stay (SurelTxn *txn, gint64 message, gboolean *was_one, GError **error);
gboolean surel_leftovers_destroy (SurelTxn *txn, gint64 message, const char *client, GError **error);

G_END_DECLS
