/* The list of folders (MS-ASCMD §2.2.1.5, FolderSync). A server tells what changed since a key: the token of a list has
 * the key in its first line and all folders in the others, so that each list is whole. */
#include "remote/eas/eas-folders.h"

#include <string.h>

#include "base/errors.h"
#include "base/folder.h"
#include "base/text.h"
#include "remote/eas/eas-status.h"

#define NO_KEY "0"
#define ID_MAX 1024 /* octets; MS-ASCMD §2.2.3.166.4 has 64, and real ones are longer */
#define TOP "0" /* the parent of those that have none */

/* MS-ASCMD §2.2.3.186.3. */
typedef enum
{
  TYPE_GENERIC = 1,
  TYPE_INBOX = 2,
  TYPE_DRAFTS = 3,
  TYPE_TRASH = 4,
  TYPE_SENT = 5,
  TYPE_OUTBOX = 6,
  TYPE_MAIL = 12,
} Type;

typedef struct
{
  char *id;
  char *parent;
  char *name;
  gint64 type;
} Folder;

/* What is known, and what the server says of it. */
typedef struct
{
  GPtrArray *folders; /* Folder */
  GHashTable *by_id; /* borrowed */
  char *key;
  gint64 status; /* -1 where it wasn't said */
} List;

static void
folder_free (gpointer data)
{
  Folder *folder = data;

  g_free (folder->id);
  g_free (folder->parent);
  g_free (folder->name);
  g_free (folder);
}

static void
list_init (List *list)
{
  list->folders = g_ptr_array_new_with_free_func (folder_free);
  list->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  list->key = g_strdup (NO_KEY);
  list->status = -1;
}

static void
list_clear (List *list)
{
  g_ptr_array_unref (list->folders);
  g_hash_table_unref (list->by_id);
  g_free (list->key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (List, list_clear)

static void
drop (List *list, const char *id)
{
  Folder *folder = id != NULL ? g_hash_table_lookup (list->by_id, id) : NULL;

  if (folder == NULL)
    return;
  g_hash_table_remove (list->by_id, id);
  g_ptr_array_remove (list->folders, folder);
}

/* Takes @folder over. What isn't said of one that is known stays. */
static void
put (List *list, Folder *folder)
{
  Folder *known = folder->id != NULL ? g_hash_table_lookup (list->by_id, folder->id) : NULL;

  if (known != NULL)
    {
      known->type = folder->type > 0 ? folder->type : known->type;
      if (folder->parent != NULL)
        {
          g_free (known->parent);
          known->parent = g_steal_pointer (&folder->parent);
        }
      if (folder->name != NULL)
        {
          g_free (known->name);
          known->name = g_steal_pointer (&folder->name);
        }
    }
  /* Those beyond are left out (engine/folder-list.c), and one more tells that there are some. */
  if (known != NULL || folder->id == NULL || folder->id[0] == '\0' || list->folders->len > SUREL_FOLDERS_MAX)
    {
      folder_free (folder);
      return;
    }
  g_ptr_array_add (list->folders, folder);
  g_hash_table_insert (list->by_id, folder->id, folder);
}

/* --- Tokens --- */

static GBytes *
write_token (const List *list)
{
  GString *text = g_string_new (list->key);

  for (guint i = 0; i < list->folders->len; i++)
    {
      const Folder *folder = list->folders->pdata[i];

      g_string_append_printf (text, "\n%s\t%s\t%" G_GINT64_FORMAT "\t%s", folder->id,
                              folder->parent != NULL ? folder->parent : TOP, folder->type,
                              folder->name != NULL ? folder->name : "");
    }
  return g_string_free_to_bytes (text);
}

static void
read_token (List *list, GBytes *token)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (token == NULL)
    return;
  text = g_strndup (g_bytes_get_data (token, NULL), g_bytes_get_size (token));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], "\t", 4);
      Folder *folder;

      if (g_strv_length (fields) < 4)
        continue;
      folder = g_new0 (Folder, 1);
      folder->id = g_strdup (fields[0]);
      folder->parent = g_strdup (fields[1]);
      folder->type = g_ascii_strtoll (fields[2], NULL, 10);
      folder->name = g_strdup (fields[3]);
      put (list, folder);
    }
  g_free (list->key);
  list->key = g_strdup (lines[0] != NULL ? lines[0] : NO_KEY);
}

/* --- Answers --- */

/* An id or a key as it is; NULL for one that couldn't be told from what stands beside it. */
static char *
read_id (SurelEasReader *reader)
{
  g_autofree char *text = surel_eas_reader_text (reader, ID_MAX + 1);

  return strlen (text) <= ID_MAX && surel_text_is_clean (text) ? g_steal_pointer (&text) : NULL;
}

static char *
read_name (SurelEasReader *reader)
{
  g_autofree char *text = surel_eas_reader_text (reader, SUREL_FOLDER_NAME_MAX);

  return surel_text_clean (text, -1, SUREL_FOLDER_NAME_MAX);
}

static Folder *
read_folder (SurelEasReader *reader)
{
  Folder *folder = g_new0 (Folder, 1);
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_FOLDER_SERVER_ID:
        g_free (folder->id);
        folder->id = read_id (reader);
        break;
      case SUREL_EAS_FOLDER_PARENT_ID:
        g_free (folder->parent);
        folder->parent = read_id (reader);
        break;
      case SUREL_EAS_FOLDER_DISPLAY_NAME:
        g_free (folder->name);
        folder->name = read_name (reader);
        break;
      case SUREL_EAS_FOLDER_TYPE:
        folder->type = surel_eas_reader_number (reader);
        break;
      default:
        surel_eas_reader_skip (reader);
      }
  return folder;
}

static void
read_changes (SurelEasReader *reader, List *list)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_FOLDER_ADD || tag == SUREL_EAS_FOLDER_UPDATE)
      put (list, read_folder (reader));
    else if (tag == SUREL_EAS_FOLDER_DELETE)
      {
        Folder *gone = read_folder (reader);

        drop (list, gone->id);
        folder_free (gone);
      }
    else
      surel_eas_reader_skip (reader);
}

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  List *list = data;
  guint tag;

  if (!surel_eas_reader_child (reader, &tag))
    {
      list->status = SUREL_EAS_STATUS_OK; /* nothing changed, or the answer can't be read, which is asked afterwards */
      return;
    }
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_FOLDER_STATUS)
      list->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_FOLDER_SYNC_KEY)
      {
        char *key = read_id (reader);

        if (key != NULL)
          g_free (list->key);
        list->key = key != NULL ? key : list->key;
      }
    else if (tag == SUREL_EAS_FOLDER_CHANGES)
      read_changes (reader, list);
    else
      surel_eas_reader_skip (reader);
}

static gboolean
ask (SurelEasSession *session, List *list, GCancellable *cancellable, GError **error)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  surel_eas_writer_open (request, SUREL_EAS_FOLDER_SYNC);
  surel_eas_writer_text (request, SUREL_EAS_FOLDER_SYNC_KEY, list->key);
  surel_eas_writer_close (request);
  list->status = -1;
  return surel_eas_session_command (session, "FolderSync", request, read_answer, list, cancellable, error);
}

/* --- Entries --- */

static gboolean
is_mail (gint64 type)
{
  return type == TYPE_MAIL || (type >= TYPE_GENERIC && type <= TYPE_OUTBOX);
}

static const char *
role_of (gint64 type)
{
  switch ((Type) type)
    {
    case TYPE_INBOX:
      return "inbox";
    case TYPE_DRAFTS:
      return "drafts";
    case TYPE_TRASH:
      return "trash";
    case TYPE_SENT:
      return "sent";
    case TYPE_GENERIC:
    case TYPE_OUTBOX:
    case TYPE_MAIL:
    default:
      return NULL;
    }
}

static SurelFolderEntry *
make_entry (const List *list, const Folder *folder)
{
  SurelFolderEntry *entry = surel_folder_entry_new (folder->id, folder->name != NULL ? folder->name : "");
  const Folder *parent = folder->parent != NULL ? g_hash_table_lookup (list->by_id, folder->parent) : NULL;

  entry->parent_remote_id = parent != NULL && is_mail (parent->type) ? g_strdup (parent->id) : NULL;
  entry->role = role_of (folder->type);
  entry->rights = SUREL_RIGHT_ALL;
  if (folder->type != TYPE_MAIL && folder->type != TYPE_GENERIC)
    entry->rights &= (guint) ~(SUREL_RIGHT_RENAME | SUREL_RIGHT_DELETE);
  entry->subscribed = TRUE;
  entry->selectable = TRUE;
  entry->identity = g_strdup (folder->id);
  return entry;
}

/* There are no types for junk and the archive: they are known by their names. */
static void
guess_roles (GPtrArray *entries)
{
  g_autoptr (GHashTable) given = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < entries->len; i++)
    if (((SurelFolderEntry *) entries->pdata[i])->role != NULL)
      g_hash_table_add (given, (gpointer) ((SurelFolderEntry *) entries->pdata[i])->role);
  for (guint i = 0; i < entries->len; i++)
    {
      SurelFolderEntry *entry = entries->pdata[i];
      const char *role = entry->role == NULL && entry->parent_remote_id == NULL ? surel_folder_role_of_name (entry->name) : NULL;

      if (role != NULL && g_hash_table_add (given, (gpointer) role))
        entry->role = role;
    }
}

static GPtrArray *
make_entries (const List *list)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_entry_free);

  for (guint i = 0; i < list->folders->len; i++)
    if (is_mail (((Folder *) list->folders->pdata[i])->type))
      g_ptr_array_add (entries, make_entry (list, list->folders->pdata[i]));
  guess_roles (entries);
  return entries;
}

/**
 * surel_eas_list:
 *
 * Implements surel_remote_list(): all folders of mail.
 */
GPtrArray *
surel_eas_list (SurelEasSession *session, GBytes **token, GCancellable *cancellable, GError **error)
{
  g_auto (List) list = { 0 };

  list_init (&list);
  read_token (&list, *token);
  if (!ask (session, &list, cancellable, error))
    return NULL;
  if (list.status == SUREL_EAS_STATUS_FOLDER_KEY)
    {
      list_clear (&list);
      list_init (&list);
      if (!ask (session, &list, cancellable, error))
        return NULL;
    }
  if (!surel_eas_check_status ("FolderSync", list.status, error))
    return NULL;
  g_clear_pointer (token, g_bytes_unref);
  *token = write_token (&list);
  return make_entries (&list);
}
