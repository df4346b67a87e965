#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

gboolean surel_eas_ping (SurelEasSession *session,
                         const char *folder,
                         guint *heartbeat,
                         gboolean *changed,
                         GCancellable *cancellable,
                         GError **error);

G_END_DECLS
