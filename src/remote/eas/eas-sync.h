#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

gboolean surel_eas_pull (SurelEasSession *session,
                         const SurelScope *scope,
                         SurelPullKind kind,
                         SurelSink *sink,
                         GCancellable *cancellable,
                         GError **error);
gboolean surel_eas_has_new (SurelEasSession *session,
                            const SurelScope *scope,
                            gboolean *has_new,
                            GCancellable *cancellable,
                            GError **error);

G_END_DECLS
