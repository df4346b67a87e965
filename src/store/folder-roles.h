#pragma once

#include "store/modify.h"

G_BEGIN_DECLS

gboolean surel_folder_find_role (SurelTxn *txn, gint64 account, const char *role, gint64 *folder, GError **error);
gboolean surel_folder_settle_roles (SurelTxn *txn, gint64 account, gint64 returned, GError **error);
gint64 surel_folder_of_role (SurelTxn *txn, gint64 account, const char *role, const char *client, SurelModified *result,
                             GError **error);
gboolean surel_folder_give_role (SurelTxn *txn, gint64 account, gint64 folder, const char *role, GError **error);

G_END_DECLS
