/* The list of folders, asked for (MS-ASCMD §2.2.1.5, FolderSync): what changed since a key, to what was known. */
#include "remote/eas/eas-folders.h"

#include <string.h>

#include "base/errors.h"
#include "base/folder.h"
#include "base/text.h"
#include "remote/eas/eas-status.h"

#define ID_MAX 1024 /* octets; MS-ASCMD §2.2.3.166.4 has 64, and real ones are longer */

/* An answer as it is read. */
typedef struct
{
  SurelEasList *list; /* borrowed */
  gint64 status; /* -1 where it wasn't said */
} Answer;

/**
 * surel_eas_read_folder_id:
 *
 * Returns: (transfer full) (nullable): an id or a key as it is; %NULL for one that couldn't be told from what stands beside
 *   it in a token
 */
char *
surel_eas_read_folder_id (SurelEasReader *reader)
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

static SurelEasFolder *
read_folder (SurelEasReader *reader)
{
  SurelEasFolder *folder = surel_eas_folder_new (NULL, NULL, NULL, 0);
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_FOLDER_SERVER_ID:
        g_free (folder->id);
        folder->id = surel_eas_read_folder_id (reader);
        break;
      case SUREL_EAS_FOLDER_PARENT_ID:
        g_free (folder->parent);
        folder->parent = surel_eas_read_folder_id (reader);
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
read_changes (SurelEasReader *reader, SurelEasList *list)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_FOLDER_ADD || tag == SUREL_EAS_FOLDER_UPDATE)
      surel_eas_list_put (list, read_folder (reader));
    else if (tag == SUREL_EAS_FOLDER_DELETE)
      {
        g_autoptr (SurelEasFolder) gone = read_folder (reader);

        surel_eas_list_drop (list, gone->id);
      }
    else
      surel_eas_reader_skip (reader);
}

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  Answer *answer = data;
  guint tag;

  if (!surel_eas_reader_child (reader, &tag))
    {
      answer->status = SUREL_EAS_STATUS_OK; /* nothing changed, or the answer can't be read, which is asked afterwards */
      return;
    }
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_FOLDER_STATUS)
      answer->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_FOLDER_SYNC_KEY)
      surel_eas_list_take_key (answer->list, surel_eas_read_folder_id (reader));
    else if (tag == SUREL_EAS_FOLDER_CHANGES)
      read_changes (reader, answer->list);
    else
      surel_eas_reader_skip (reader);
}

static gboolean
ask (SurelEasSession *session, SurelEasList *list, gint64 *status, GCancellable *cancellable, GError **error)
{
  SurelEasWriter *request = surel_eas_writer_new ();
  Answer answer = { list, -1 };
  gboolean success;

  surel_eas_writer_open (request, SUREL_EAS_FOLDER_SYNC);
  surel_eas_writer_text (request, SUREL_EAS_FOLDER_SYNC_KEY, list->key);
  surel_eas_writer_close (request);
  success = surel_eas_session_command (session, "FolderSync", request, read_answer, &answer, &answer.status, cancellable, error);
  *status = answer.status;
  return success;
}

/**
 * surel_eas_sync_folders:
 * @token: (nullable): of the last list
 *
 * Returns: (transfer full) (nullable): the list as it is now
 */
SurelEasList *
surel_eas_sync_folders (SurelEasSession *session, GBytes *token, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelEasList) list = surel_eas_list_new (token);
  gint64 status;

  if (!ask (session, list, &status, cancellable, error))
    return NULL;
  if (status == SUREL_EAS_STATUS_FOLDER_KEY)
    {
      g_clear_pointer (&list, surel_eas_list_free);
      list = surel_eas_list_new (NULL);
      if (!ask (session, list, &status, cancellable, error))
        return NULL;
    }
  return surel_eas_check_status ("FolderSync", status, error) ? g_steal_pointer (&list) : NULL;
}

/* --- Entries --- */

static const char *
role_of (gint64 type)
{
  switch ((SurelEasFolderType) type)
    {
    case SUREL_EAS_FOLDER_IS_INBOX:
      return "inbox";
    case SUREL_EAS_FOLDER_IS_DRAFTS:
      return "drafts";
    case SUREL_EAS_FOLDER_IS_TRASH:
      return "trash";
    case SUREL_EAS_FOLDER_IS_SENT:
      return "sent";
    case SUREL_EAS_FOLDER_IS_GENERIC:
    case SUREL_EAS_FOLDER_IS_OUTBOX:
    case SUREL_EAS_FOLDER_IS_MAIL:
    default:
      return NULL;
    }
}

/* The folder that it is in; NULL at the top, also for those that are in one another. */
static const SurelEasFolder *
find_parent (const SurelEasList *list, const SurelEasFolder *folder)
{
  const SurelEasFolder *parent = surel_eas_list_find (list, folder->parent);
  const SurelEasFolder *above = parent;

  for (guint depth = 0; above != NULL && depth <= SUREL_FOLDER_DEPTH_MAX; depth++)
    above = above != folder ? surel_eas_list_find (list, above->parent) : above;
  return above == NULL && parent != NULL && surel_eas_folder_is_mail (parent) ? parent : NULL;
}

static SurelFolderEntry *
make_entry (const SurelEasList *list, const SurelEasFolder *folder)
{
  SurelFolderEntry *entry = surel_folder_entry_new (folder->id, folder->name != NULL ? folder->name : "");
  const SurelEasFolder *parent = find_parent (list, folder);

  entry->parent_remote_id = parent != NULL ? g_strdup (parent->id) : NULL;
  entry->role = role_of (folder->type);
  entry->rights = SUREL_RIGHT_ALL;
  if (folder->type != SUREL_EAS_FOLDER_IS_MAIL && folder->type != SUREL_EAS_FOLDER_IS_GENERIC)
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
make_entries (const SurelEasList *list)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_entry_free);

  for (guint i = 0; i < list->folders->len; i++)
    if (surel_eas_folder_is_mail (list->folders->pdata[i]))
      g_ptr_array_add (entries, make_entry (list, list->folders->pdata[i]));
  guess_roles (entries);
  return entries;
}

/**
 * surel_eas_list_folders:
 *
 * Implements surel_remote_list(): all folders of mail.
 */
GPtrArray *
surel_eas_list_folders (SurelEasSession *session, GBytes **token, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelEasList) list = surel_eas_sync_folders (session, *token, cancellable, error);

  if (list == NULL)
    return NULL;
  g_clear_pointer (token, g_bytes_unref);
  *token = surel_eas_list_to_token (list);
  return make_entries (list);
}
