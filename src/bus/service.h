#pragma once

#include "bus/secret-reader.h"
#include "engine/operations.h"

G_BEGIN_DECLS

#define SUREL_BUS_NAME "org.surel.Sync1"

#define SUREL_TYPE_SERVICE (surel_service_get_type ())
G_DECLARE_FINAL_TYPE (SurelService, surel_service, SUREL, SERVICE, GObject)

SurelService *surel_service_new (SurelEngine *engine);
gboolean surel_service_export (SurelService *self, GDBusConnection *connection, GError **error);
void surel_service_close (SurelService *self);

/* For the adaptors. */
SurelEngine *surel_service_get_engine (SurelService *self);
SurelOperations *surel_service_get_operations (SurelService *self);
SurelSecretReader *surel_service_get_secret_reader (SurelService *self);
char *surel_service_new_job_path (SurelService *self);
void surel_service_show_job (SurelService *self, SurelJob *job, const char *path);
void surel_service_hide_job_later (SurelService *self, const char *path);
GCancellable *surel_service_get_cancellable (SurelService *self, GDBusMethodInvocation *invocation);

G_END_DECLS
