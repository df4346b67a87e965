#pragma once

#include "bus/service.h"
#include "surel-bus.h"

G_BEGIN_DECLS

/* Each makes the skeleton of an interface, whose members call the engine or the store. @service is
 * borrowed and outlives them. */
SurelBusManager *surel_manager_adaptor_new (SurelService *service);
void surel_manager_adaptor_committed (SurelBusManager *manager, const SurelCommit *commit);
void surel_manager_adaptor_count_unread (SurelBusManager *manager, guint unread);
SurelBusSubmission *surel_submission_adaptor_new (SurelService *service);
SurelBusItems *surel_items_adaptor_new (SurelService *service);
SurelBusOperations *surel_operations_adaptor_new (SurelService *service);
SurelBusMessages *surel_messages_adaptor_new (SurelService *service);
SurelBusAccount *surel_account_adaptor_new (SurelService *service, SurelAccount *account);
void surel_account_adaptor_update (SurelBusAccount *skeleton, SurelAccount *account);
SurelBusFolder *surel_folder_adaptor_new (SurelService *service, SurelFolderRow *row);
void surel_folder_adaptor_update (SurelBusFolder *skeleton, SurelFolderRow *row);
SurelBusJob *surel_job_adaptor_new (SurelService *service, SurelJob *job);
GDBusInterfaceSkeleton *surel_gone_adaptor_new (GType type);
void surel_unbuilt_connect (gpointer skeleton, const char *const *built);
gboolean surel_return_job (SurelService *service, GDBusMethodInvocation *invocation, SurelJob *job);

G_END_DECLS
