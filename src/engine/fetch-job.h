#pragma once

#include "engine/engine.h"

G_BEGIN_DECLS

#define SUREL_FETCH_MAX 10000 /* messages of one job */

SurelJob *surel_engine_fetch (SurelEngine *engine, const guint64 *ids, gsize n);

G_END_DECLS
