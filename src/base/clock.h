#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gint64 surel_clock_now (void);
gint64 surel_clock_monotonic (void);
void surel_clock_wait (GCancellable *cancellable, int ms);
void surel_clock_set_for_test (gint64 now, gint64 monotonic);

G_END_DECLS
