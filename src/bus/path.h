#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SUREL_PATH "/org/surel/Sync1"

char *surel_path_of_account (gint64 account);
char *surel_path_of_folder (gint64 account, gint64 folder);
char *surel_path_of_job (guint64 job);
gboolean surel_path_to_account (const char *path, gint64 *account);
gboolean surel_path_to_folder (const char *path, gint64 *account, gint64 *folder);

G_END_DECLS
