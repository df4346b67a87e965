#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SUREL_HASH_START G_GUINT64_CONSTANT (0xcbf29ce484222325)

guint64 surel_hash_add (guint64 hash, const void *data, gsize length);
guint64 surel_hash_end (guint64 hash);

G_END_DECLS
