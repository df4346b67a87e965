#pragma once

#include "fake-server.h"
#include "remote/remote.h"

G_BEGIN_DECLS

SurelRemote *fake_remote_new (FakeServer *server, const SurelRemoteConfig *config);

G_END_DECLS
