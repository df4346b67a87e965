#pragma once

#include <glib.h>

G_BEGIN_DECLS

gsize surel_wire_size (GVariant *value);

G_END_DECLS
