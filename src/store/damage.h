#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  SUREL_SOUND,
  SUREL_DAMAGED,
  SUREL_UNREADABLE, /* not to be told while the disk fails */
} SurelDamage;

gboolean surel_damage_can_read (const char *path, GError **error);
SurelDamage surel_damage_judge (const char *path, gboolean thorough, GCancellable *cancellable, GError **error);

G_END_DECLS
