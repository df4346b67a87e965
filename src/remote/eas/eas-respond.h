#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

gboolean surel_eas_respond (SurelEasSession *session,
                            SurelChange *change,
                            SurelBeforeFunc before,
                            gpointer user_data,
                            GCancellable *cancellable,
                            GError **error);

G_END_DECLS
