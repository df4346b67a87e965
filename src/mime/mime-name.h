#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *surel_mime_safe_name (const char *name);

G_END_DECLS
