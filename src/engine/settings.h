#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GVariant *surel_settings_check (GVariant *settings, GVariant *before, GError **error);

G_END_DECLS
