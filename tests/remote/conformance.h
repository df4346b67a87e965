#pragma once

#include "stage.h"

G_BEGIN_DECLS

/* A case: it has a scene of its own. */
static inline void
conformance_add (const char *path, void (*test) (Scene *scene, gconstpointer data))
{
  g_test_add (path, Scene, NULL, scene_set_up, test, scene_tear_down);
}

void conformance_add_changes (void);

G_END_DECLS
