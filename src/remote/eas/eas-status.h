#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SUREL_EAS_STATUS_OK 1
#define SUREL_EAS_STATUS_SYNC_KEY 3 /* of Sync: the key isn't known (any more) */
#define SUREL_EAS_STATUS_NO_OBJECT 8 /* of Sync: there is no such folder, or message */
#define SUREL_EAS_STATUS_FOLDER_KEY 9 /* of FolderSync: likewise */
#define SUREL_EAS_STATUS_WANTS_DEVICE 165 /* it wants to be told what device it has to do with */

gboolean surel_eas_status_wants_policy (gint64 status);
gboolean surel_eas_check_status (const char *command, gint64 status, GError **error);

G_END_DECLS
