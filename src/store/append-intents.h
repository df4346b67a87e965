#pragma once

#include "base/change.h"
#include "store/store.h"

G_BEGIN_DECLS

gboolean surel_append_intents_next (SurelReader *reader, gint64 account, gint64 now, gboolean listed, SurelChange **next, GError **error);

G_END_DECLS
