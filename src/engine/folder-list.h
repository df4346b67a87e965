#pragma once

#include "remote/remote.h"
#include "store/folders.h"

G_BEGIN_DECLS

typedef struct _SurelFolderList SurelFolderList;

SurelFolderList *surel_folder_list_new (SurelStore *store, gint64 account);
void surel_folder_list_free (SurelFolderList *self);
GPtrArray *surel_folder_list_exchange (SurelFolderList *self,
                                       SurelRemote *remote,
                                       GPtrArray **rows,
                                       GCancellable *stop,
                                       GError **error);
void surel_folder_list_reload (SurelFolderList *self, GPtrArray **rows);
gboolean surel_folder_list_is_cut (SurelFolderList *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelFolderList, surel_folder_list_free)

G_END_DECLS
