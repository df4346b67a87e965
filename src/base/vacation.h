#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean surel_vacation_check (GVariant *vacation, GError **error);
GVariant *surel_vacation_merge (GVariant *under, GVariant *over);

G_END_DECLS
