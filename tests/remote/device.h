#pragma once

#include "mirror.h"
#include "remote/remote.h"

G_BEGIN_DECLS

/* A device that has the account: a remote, and what is known by it. */
typedef struct
{
  SurelRemote *remote;
  GPtrArray *folders; /* SurelFolderEntry, of the last list; nullable */
  GBytes *list_token; /* nullable */
  GHashTable *mirrors; /* a folder's remote id → Mirror */
} Device;

/* A change on its way, and all that is left of it when its answer is lost. */
typedef struct
{
  SurelChange *change;
  SurelChange *again;
  gboolean forbid; /* the step that can't be repeated */
  guint asked; /* how often it was to be taken */
} Step;

Device *device_new (SurelRemote *remote);
void device_free (Device *self);
void device_replace_remote (Device *self, SurelRemote *remote);

void device_list (Device *self);
char *device_describe_list (Device *self);
const SurelFolderEntry *device_find (Device *self, const char *name);
const SurelFolderEntry *device_find_role (Device *self, const char *role);
char *device_need (Device *self, const char *name);

Mirror *device_mirror (Device *self, const char *folder);
SurelScope device_scope (Device *self, const char *folder);
gboolean device_try_pull (Device *self, const char *folder, SurelPullKind kind, GCancellable *cancellable, GError **error);
Mirror *device_pull (Device *self, const char *folder, SurelPullKind kind);

SurelChange *device_change (Device *self, SurelChangeKind kind, const char *folder, const char *labels);
SurelChange *device_change_folder (Device *self, SurelChangeKind kind, const char *folder, const char *name, const char *parent);
void device_set_target (Device *self, SurelChange *change, const char *target);
void device_take (Device *self, SurelChange *change);
void device_apply (Device *self, SurelChange *change);
void device_try_apply (Device *self, SurelChange *change);

Step *step_new (SurelChange *change);
void step_free (Step *self);
gboolean step_run (Step *self, Device *device, GError **error);
void step_resume (Step *self, Device *device);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Device, device_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Step, step_free)

G_END_DECLS
