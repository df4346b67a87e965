#pragma once

#include "base/change.h"
#include "store/modify.h"

G_BEGIN_DECLS

gboolean surel_response_add (
    SurelTxn *txn, gint64 message, SurelAnswer answer, const char *client, SurelModified *result, GError **error);
gboolean surel_responses_next (SurelReader *reader, gint64 account, gint64 now, SurelChange **next, GError **error);

G_END_DECLS
