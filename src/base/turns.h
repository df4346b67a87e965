#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _SurelTurns SurelTurns;

SurelTurns *surel_turns_new (GDestroyNotify destroy);
void surel_turns_free (SurelTurns *self);
gboolean surel_turns_push (SurelTurns *self, gconstpointer owner, gpointer item);
gpointer surel_turns_pop (SurelTurns *self);
void surel_turns_close (SurelTurns *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelTurns, surel_turns_free)

G_END_DECLS
