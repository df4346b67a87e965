#pragma once

#include "base/change.h"
#include "store/store.h"

G_BEGIN_DECLS

gboolean surel_intents_next (SurelReader *reader, gint64 account, gint64 now, gboolean listed, SurelChange **next, GError **error);
gboolean surel_intents_next_due (SurelReader *reader, gint64 account, gint64 *when, GError **error);
gboolean surel_intents_are_in_doubt (SurelReader *reader, gint64 account, gint64 now, gboolean *doubt, GError **error);

G_END_DECLS
