#pragma once

#include "store/query.h"

G_BEGIN_DECLS

gboolean surel_header_match (
    SurelReader *reader, gint64 id, const char *const *wanted, guint *looked, gboolean *complete, gpointer store);

G_END_DECLS
