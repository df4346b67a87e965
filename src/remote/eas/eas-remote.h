#pragma once

#include "remote/remote.h"

G_BEGIN_DECLS

SurelRemote *surel_eas_remote_new (const SurelRemoteConfig *config, GError **error);

G_END_DECLS
