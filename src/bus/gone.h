#pragma once

#include "bus/once.h"

G_BEGIN_DECLS

typedef struct _SurelGone SurelGone;

SurelGone *surel_gone_new (SurelOnce *once);
void surel_gone_free (SurelGone *self);
void surel_gone_stand_in (SurelGone *self, GDBusConnection *connection, const char *folder, GType type);

G_END_DECLS
