#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *surel_mime_words (const char *message, gsize length, gsize most, char **preview);

G_END_DECLS
