#pragma once

#include "bus/service.h"
#include "engine/operations.h"

G_BEGIN_DECLS

typedef struct _SurelOnce SurelOnce;

SurelOnce *surel_once_new (SurelStore *store);
void surel_once_free (SurelOnce *self);
void surel_once_watch (SurelOnce *self, GDBusInterfaceSkeleton *skeleton);
const SurelKey *surel_once_get_key (GDBusMethodInvocation *invocation);
void surel_once_finish (GVariant *reply, const GError *error, gpointer invocation);
GVariant *surel_once_operation_of (guint64 state, const SurelModified *result);
void surel_once_return (GDBusMethodInvocation *invocation, GVariant *value);

G_END_DECLS
