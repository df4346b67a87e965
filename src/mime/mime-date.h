#pragma once

#include <glib.h>

G_BEGIN_DECLS

gint64 surel_mime_parse_date (const char *raw, gsize length);

G_END_DECLS
