#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SurelGuard:
 *
 * Stands before everything on a connection: callers in a sandbox are refused.
 */
typedef struct _SurelGuard SurelGuard;

SurelGuard *surel_guard_new (GDBusConnection *connection);
void surel_guard_free (SurelGuard *self);
GCancellable *surel_guard_get_cancellable (SurelGuard *self, const char *sender);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelGuard, surel_guard_free)

G_END_DECLS
