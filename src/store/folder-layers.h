#pragma once

#include "store/store.h"

G_BEGIN_DECLS

/* A folder that no server has heard of has no name on the wire yet: this and its id stand for one. */
#define SUREL_FOLDER_NEW_PREFIX "\001new-"
#define SUREL_FOLDER_OLD_PREFIX "\001old-" /* of one whose name another has by now */

gboolean surel_folder_layers_replay (SurelTxn *txn, gint64 folder, GError **error);
gboolean surel_folder_layers_name_paths (SurelTxn *txn, gint64 account, GError **error);

G_END_DECLS
