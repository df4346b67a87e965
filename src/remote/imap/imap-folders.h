#pragma once

#include "base/change.h"
#include "remote/imap/imap-list.h"
#include "remote/remote.h"

G_BEGIN_DECLS

gboolean surel_imap_folder_exists (SurelImapSession *session,
                                   const char *mailbox,
                                   gboolean *there,
                                   gboolean *opens,
                                   GCancellable *cancellable,
                                   GError **error);
gboolean surel_imap_apply_to_folder (SurelImapSession *session,
                                     SurelImapSpaces *spaces,
                                     SurelChange *change,
                                     SurelBeforeFunc before,
                                     gpointer user_data,
                                     GCancellable *cancellable,
                                     GError **error);

G_END_DECLS
