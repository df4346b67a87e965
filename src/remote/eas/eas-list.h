#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SUREL_EAS_NO_KEY "0"
#define SUREL_EAS_TOP "0" /* the parent of folders that have none */

/* MS-ASCMD §2.2.3.186.3. */
typedef enum
{
  SUREL_EAS_FOLDER_IS_GENERIC = 1,
  SUREL_EAS_FOLDER_IS_INBOX = 2,
  SUREL_EAS_FOLDER_IS_DRAFTS = 3,
  SUREL_EAS_FOLDER_IS_TRASH = 4,
  SUREL_EAS_FOLDER_IS_SENT = 5,
  SUREL_EAS_FOLDER_IS_OUTBOX = 6,
  SUREL_EAS_FOLDER_IS_MAIL = 12,
} SurelEasFolderType;

typedef struct
{
  char *id;
  char *parent;
  char *name;
  gint64 type; /* #SurelEasFolderType, or another */
} SurelEasFolder;

/* All folders that are known, of mail and others, and the key that the next FolderSync begins with. */
typedef struct
{
  GPtrArray *folders; /* SurelEasFolder */
  GHashTable *by_id; /* borrowed */
  char *key;
} SurelEasList;

SurelEasFolder *surel_eas_folder_new (const char *id, const char *parent, const char *name, gint64 type);
void surel_eas_folder_free (SurelEasFolder *self);
gboolean surel_eas_folder_is_mail (const SurelEasFolder *self);

SurelEasList *surel_eas_list_new (GBytes *token);
void surel_eas_list_free (SurelEasList *self);
GBytes *surel_eas_list_to_token (const SurelEasList *self);
void surel_eas_list_take_key (SurelEasList *self, char *key);
void surel_eas_list_put (SurelEasList *self, SurelEasFolder *folder);
void surel_eas_list_drop (SurelEasList *self, const char *id);
SurelEasFolder *surel_eas_list_find (const SurelEasList *self, const char *id);
SurelEasFolder *surel_eas_list_find_named (const SurelEasList *self, const char *parent, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelEasFolder, surel_eas_folder_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelEasList, surel_eas_list_free)

G_END_DECLS
