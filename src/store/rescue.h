#pragma once

#include "store/store.h"

G_BEGIN_DECLS

gboolean surel_rescue_set_aside (const char *path, GError **error);
gboolean surel_rescue_save_accounts (SurelSql *sql, const char *data_dir, GError **error);
gboolean surel_rescue_load_accounts (SurelSql *sql, const char *data_dir, gint64 *ids_end, GError **error);

G_END_DECLS
