#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

GPtrArray *surel_eas_list (SurelEasSession *session, GBytes **token, GCancellable *cancellable, GError **error);

G_END_DECLS
