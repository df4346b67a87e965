#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GVariant *surel_settings_check (GVariant *settings, GVariant *before, GError **error);
gboolean surel_settings_are_alike (GVariant *one, GVariant *other);

G_END_DECLS
