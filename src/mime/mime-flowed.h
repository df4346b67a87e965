#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *surel_mime_unflow (const char *text, gboolean delsp);

G_END_DECLS
