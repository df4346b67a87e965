#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef void (*SurelPostFunc) (gpointer data);

void surel_post (GMainContext *context, SurelPostFunc func, gpointer data, GDestroyNotify destroy);

G_END_DECLS
