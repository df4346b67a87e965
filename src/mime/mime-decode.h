#pragma once

#include <glib.h>

#include "base/message.h"

G_BEGIN_DECLS

char *surel_mime_decode_text (const char *raw, gsize length);
void surel_mime_decode_append (GString *out, const char *raw, gsize length);
char *surel_mime_convert (const char *octets, gsize length, const char *charset, gboolean is_cut, gboolean *problem);
char *surel_mime_to_utf8 (const char *octets, gsize length, const char *charset);

G_END_DECLS
