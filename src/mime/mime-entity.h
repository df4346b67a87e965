#pragma once

#include <glib.h>

G_BEGIN_DECLS

gunichar surel_mime_entity_read (const char *p, gsize length, gsize *used);

G_END_DECLS
