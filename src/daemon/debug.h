#pragma once

#include <glib.h>

G_BEGIN_DECLS

void surel_debug_start (const char *wanted);

G_END_DECLS
