#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean surel_sandbox_contains (const char *process);

G_END_DECLS
