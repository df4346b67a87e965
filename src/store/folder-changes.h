#pragma once

#include "store/modify.h"

G_BEGIN_DECLS

/* What a person does to folders, accepted: each adds its intents to an operation, and shows what comes of it. */

typedef struct
{
  gint64 account;
  gint64 folder; /* of a new one: set by the call */
  char *name; /* nullable */
  gint64 parent; /* 0 for none */
  gboolean subscribed;
  gboolean remove_messages;
  gboolean remove_children;
  char *role; /* nullable; empty for none */
  int watch; /* -1 for as it is */
  char *client;
} SurelFolderChange;

SurelFolderChange *surel_folder_change_new (gint64 account, gint64 folder, const char *client);
void surel_folder_change_free (SurelFolderChange *self);

gboolean surel_folder_create (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error);
gboolean surel_folder_rename (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error);
gboolean surel_folder_move (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error);
gboolean surel_folder_delete (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error);
gboolean surel_folder_subscribe (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error);
gboolean surel_folder_configure (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error);
gboolean surel_folder_empty (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelFolderChange, surel_folder_change_free)

G_END_DECLS
