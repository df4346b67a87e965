#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  SUREL_NAMESPACE_PERSONAL,
  SUREL_NAMESPACE_OTHERS,
  SUREL_NAMESPACE_SHARED,
} SurelNamespaceKind;

/* RFC 8621 §2, myRights: the bits in the order of its names. */
typedef enum
{
  SUREL_RIGHT_READ_ITEMS = 1 << 0,
  SUREL_RIGHT_ADD_ITEMS = 1 << 1,
  SUREL_RIGHT_REMOVE_ITEMS = 1 << 2,
  SUREL_RIGHT_SET_SEEN = 1 << 3,
  SUREL_RIGHT_SET_KEYWORDS = 1 << 4,
  SUREL_RIGHT_CREATE_CHILD = 1 << 5,
  SUREL_RIGHT_RENAME = 1 << 6,
  SUREL_RIGHT_DELETE = 1 << 7,
  SUREL_RIGHT_SUBMIT = 1 << 8,
  SUREL_RIGHT_ALL = (1 << 9) - 1,
} SurelRight;

#define SUREL_FOLDERS_MAX 10000 /* folders an account: those beyond are left out */
#define SUREL_FOLDER_DEPTH_MAX 64 /* folders within folders */
#define SUREL_FOLDER_NAME_MAX 1024 /* octets of one name */

/* What a server told of a folder: made by a remote, handed over whole. */
typedef struct
{
  char *remote_id; /* the scope's name on the wire */
  char *parent_remote_id; /* NULL for none */
  char *name; /* as a person reads it: clean UTF-8 */
  SurelNamespaceKind namespace_kind;
  char *owner; /* of another user's folder; NULL for none */
  const char *role; /* RFC 8621 §2; NULL for none; a constant */
  guint rights; /* SurelRight bits */
  gboolean subscribed;
  gboolean selectable; /* can hold messages */
  guint messages; /* how many the server counts; 0 where it doesn't say */
  char *identity; /* stays when the folder is renamed; NULL where the server has none */
  GBytes *hint; /* the remote's own: tells whether the folder changed; NULL for none */
} SurelFolderEntry;

SurelFolderEntry *surel_folder_entry_new (const char *remote_id, const char *name);
void surel_folder_entry_free (SurelFolderEntry *self);
const char *surel_folder_role_of_name (const char *name);
char *surel_folder_path_join (const char *parent, const char *name);
GStrv surel_folder_rights_to_strv (guint rights);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelFolderEntry, surel_folder_entry_free)

G_END_DECLS
