#pragma once

#include "remote/imap/imap-apply.h"

G_BEGIN_DECLS

gboolean surel_imap_append (SurelImapSession *session,
                            SurelChange *change,
                            SurelBeforeFunc before,
                            gpointer user_data,
                            GCancellable *cancellable,
                            GError **error);

gboolean surel_imap_take_out_replaced (SurelImapSession *session,
                                       SurelChange *change,
                                       GCancellable *cancellable,
                                       GError **error);

G_END_DECLS
