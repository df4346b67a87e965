#pragma once

#include <glib.h>

G_BEGIN_DECLS

void surel_notify (const char *state);

G_END_DECLS
