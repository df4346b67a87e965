#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  SUREL_FAMILY_ACCOUNT,
  SUREL_FAMILY_FOLDER, /* its id is a SUREL_FOLDER_KEY */
  SUREL_FAMILY_MESSAGE,
  SUREL_FAMILY_ITEM,
  SUREL_FAMILY_OPERATION,
  SUREL_N_FAMILIES
} SurelFamily;

typedef enum
{
  SUREL_CREATED,
  SUREL_UPDATED,
  SUREL_DESTROYED,
  SUREL_N_EVENTS
} SurelEvent;

/* A folder's path on the bus has its account in it, which a folder that is gone can't be asked for. */
#define SUREL_FOLDER_KEY(account, folder) (((guint64) (account) << 32) | (guint64) (folder))
#define SUREL_FOLDER_KEY_ACCOUNT(key) ((gint64) ((key) >> 32))
#define SUREL_FOLDER_KEY_FOLDER(key) ((gint64) ((key) & G_MAXUINT32))

/**
 * SurelChanges:
 *
 * What happened over one or several commits, each id in one list of its family at most.
 */
typedef struct _SurelChanges SurelChanges;

SurelChanges *surel_changes_new (void);
SurelChanges *surel_changes_ref (SurelChanges *self);
void surel_changes_unref (SurelChanges *self);
void surel_changes_add (SurelChanges *self, SurelFamily family, guint64 id, SurelEvent event);
void surel_changes_add_new_mail (SurelChanges *self, guint64 message);
gboolean surel_changes_add_encoded (SurelChanges *self, const void *data, gsize length);
void surel_changes_add_all (SurelChanges *self, SurelChanges *other);
gboolean surel_changes_has (SurelChanges *self, SurelFamily family, guint64 id);
guint surel_changes_count (SurelChanges *self);
GArray *surel_changes_list (SurelChanges *self, SurelFamily family, SurelEvent event);
GArray *surel_changes_list_new_mail (SurelChanges *self);
GBytes *surel_changes_encode (SurelChanges *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelChanges, surel_changes_unref)

G_END_DECLS
