#pragma once

#include "store/sql.h"

G_BEGIN_DECLS

gboolean surel_schema_bring_up (SurelSql *sql, GError **error);

G_END_DECLS
