#pragma once

#include <gio/gio.h>

#include "surel-bus.h"

G_BEGIN_DECLS

void surel_call_fail (GDBusMethodInvocation *invocation, const GError *error);
void surel_call_answer (GDBusMethodInvocation *invocation, GVariant *values);
gboolean surel_call_not_supported (GDBusMethodInvocation *invocation);
gboolean surel_call_gone (GDBusMethodInvocation *invocation);
gboolean surel_call_check_options (GVariant *options, const char *const *allowed, GError **error);
gboolean
surel_call_get_boolean (GVariant *options, const char *key, gboolean *value, GError **error);
gboolean surel_call_get_number (GVariant *options,
                                const char *key,
                                gint64 least,
                                gint64 most,
                                gint64 *value,
                                GError **error);
gboolean surel_call_get_parent (const char *path, gint64 account, gint64 *parent, GError **error);
GVariant *surel_call_ids (GArray *ids);

G_END_DECLS
