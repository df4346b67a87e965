#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef void (*SurelPostFunc) (gpointer data);

void surel_post (GMainContext *context, SurelPostFunc func, gpointer data, GDestroyNotify destroy);

void surel_hand_over (gpointer p);
void surel_take_over (gpointer p);

G_END_DECLS
