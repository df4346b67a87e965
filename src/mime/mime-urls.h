#pragma once

#include <glib.h>

G_BEGIN_DECLS

GStrv surel_mime_parse_urls (const char *raw, gsize length);

G_END_DECLS
