#pragma once

#include "store/store.h"

G_BEGIN_DECLS

gboolean surel_rescue_set_aside (const char *path, const char *data_dir, GError **error);
gboolean surel_rescue_save_accounts (SurelSql *sql, const char *data_dir, GError **error);
gboolean surel_rescue_load_accounts (SurelSql *sql, const char *data_dir, gint64 *ids_end, GError **error);
gboolean surel_rescue_save_queue (const char *path, const char *data_dir, gboolean last, GError **error);
gboolean surel_rescue_attach_queue (SurelSql *sql, const char *data_dir);
gboolean surel_rescue_load_queue (SurelSql *sql, gint64 *ids_end, GError **error);

G_END_DECLS
