#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

gboolean surel_eas_read_vacation (SurelEasSession *session, GVariant **vacation, GCancellable *cancellable, GError **error);
gboolean surel_eas_set_vacation (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error);

G_END_DECLS
