#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

gboolean surel_eas_pull (SurelEasSession *session,
                         const SurelScope *scope,
                         SurelPullKind kind,
                         SurelSink *sink,
                         GCancellable *cancellable,
                         GError **error);

G_END_DECLS
