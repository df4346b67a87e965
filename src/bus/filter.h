#pragma once

#include "store/query.h"

G_BEGIN_DECLS

SurelQuery *surel_filter_parse (SurelStore *store,
                                GVariant *filter,
                                const char *const *sort,
                                GVariant *window,
                                GError **error);

G_END_DECLS
