#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

gboolean surel_eas_fetch (SurelEasSession *session,
                          const SurelScope *scope,
                          const SurelRemoteId *remote_id,
                          SurelContentFunc func,
                          gpointer user_data,
                          GCancellable *cancellable,
                          GError **error);

G_END_DECLS
