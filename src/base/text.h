#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *surel_text_clean (const char *text, gssize length, gsize max);
gboolean surel_text_is_clean (const char *text);
char *surel_text_hide (const char *text, const char *secret);

G_END_DECLS
