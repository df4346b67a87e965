#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

gboolean surel_eas_read_addresses (SurelEasSession *session, GStrv *addresses, GCancellable *cancellable, GError **error);

G_END_DECLS
