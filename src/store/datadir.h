#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean surel_data_dir_prepare (const char *path, int *lock, GError **error);
gboolean surel_data_dir_make (const char *path, GError **error);

G_END_DECLS
