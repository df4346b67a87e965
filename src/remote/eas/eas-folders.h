#pragma once

#include "remote/eas/eas-list.h"
#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

char *surel_eas_read_folder_id (SurelEasReader *reader);
SurelEasList *
surel_eas_sync_folders (SurelEasSession *session, GBytes *token, GCancellable *cancellable, GError **error);
GPtrArray *
surel_eas_list_folders (SurelEasSession *session, GBytes **token, GCancellable *cancellable, GError **error);

G_END_DECLS
