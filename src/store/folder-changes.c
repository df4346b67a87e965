/* Folders made, renamed, moved, deleted, subscribed to and emptied by people. Like all they do it is there at once;
 * the server hears of it by intents. A folder that is deleted loses its messages first, those that were in it at
 * the call and no others. */
#include "store/folder-changes.h"

#include <string.h>

#include "base/errors.h"
#include "base/folder.h"
#include "base/text.h"
#include "store/accounts.h"
#include "store/folder-intents.h"
#include "store/folder-layers.h"
#include "store/folder-roles.h"
#include "store/intents.h"
#include "store/message-row.h"
#include "store/operations.h"

#define NAME_MAX_LENGTH 255 /* characters of a new name; what a server takes is for it to say */

SurelFolderChange *
surel_folder_change_new (gint64 account, gint64 folder, const char *client)
{
  SurelFolderChange *self = g_new0 (SurelFolderChange, 1);

  self->account = account;
  self->folder = folder;
  self->client = g_strdup (client);
  self->watch = -1;
  return self;
}

void
surel_folder_change_free (SurelFolderChange *self)
{
  g_free (self->name);
  g_free (self->role);
  g_free (self->client);
  g_free (self);
}

static gboolean
fail (GError **error, SurelError code, const char *message)
{
  g_set_error_literal (error, SUREL_ERROR, (gint) code, message);
  return FALSE;
}

/* On the account's server. */
static gboolean
check_reserved (SurelTxn *txn, gint64 account, const char *name, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (txn->sql, error, "SELECT reserved FROM account WHERE id = ?", "i", account);
  int result = s != NULL ? surel_sql_step (txn->sql, s, error) : -1;
  g_autofree char *reserved = NULL;
  const char *found;

  if (result <= 0)
    return result == 0;
  reserved = surel_sql_column_text (s, 0);
  sqlite3_reset (s);
  found = reserved != NULL ? strpbrk (name, reserved) : NULL;
  if (found != NULL)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT,
                 "A folder's name can't have a “%c” on this server: it stands between folders", *found);
  return found == NULL;
}

static gboolean
check_name (SurelTxn *txn, gint64 account, const char *name, GError **error)
{
  if (name[0] == '\0')
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "A folder's name can't be empty");
  if (g_utf8_strlen (name, -1) > NAME_MAX_LENGTH)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "A folder's name can have 255 characters at most");
  if (!surel_text_is_clean (name) || g_str_equal (name, ".") || g_str_equal (name, ".."))
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "A folder's name can't have control characters, nor be `.` or `..`");
  return check_reserved (txn, account, name, error);
}

/* Whether the account's folder is there; sets what is asked for of it. */
static gboolean
check_folder (SurelTxn *txn, gint64 account, gint64 folder, gboolean *is_inbox, GError **error)
{
  gint64 there = 0;
  gint64 inbox = 0;
  gint64 outbox = 0;

  if (!surel_sql_get (txn->sql, &there, error,
                      "SELECT 1 FROM folder f JOIN account a ON a.id = f.account WHERE f.id = ? AND f.account = ? AND NOT "
                      "f.removing AND NOT f.deleting AND NOT a.removing",
                      "ii", folder, account)
      || !surel_sql_get (txn->sql, &inbox, error, "SELECT 1 FROM folder WHERE id = ? AND role = 'inbox'", "i", folder)
      || !surel_sql_get (txn->sql, &outbox, error, "SELECT 1 FROM folder WHERE id = ? AND role = 'outbox'", "i", folder))
    return FALSE;
  if (outbox)
    return fail (error, SUREL_ERROR_NOT_SUPPORTED, "The outbox is on no server: it can't be changed");
  if (is_inbox != NULL)
    *is_inbox = inbox != 0;
  return there || fail (error, SUREL_ERROR_NOT_FOUND, "There is no such folder (any more)");
}

static gboolean
check_free (SurelTxn *txn, gint64 account, gint64 parent, const char *name, gint64 except, GError **error)
{
  gint64 taken = 0;

  if (!surel_sql_get (txn->sql, &taken, error,
                      "SELECT 1 FROM folder WHERE account = ? AND parent = ? AND name = ? AND id != ? AND NOT removing AND NOT "
                      "deleting",
                      "iisi", account, parent, name, except))
    return FALSE;
  if (!taken && parent == 0 && g_ascii_strcasecmp (name, "INBOX") == 0)
    taken = 1;
  return !taken || fail (error, SUREL_ERROR_EXISTS, "There is a folder of that name already");
}

static gboolean
note_account (SurelModified *result, gint64 account)
{
  g_array_append_val (result->accounts, account);
  return TRUE;
}

static char *
name_of (SurelTxn *txn, gint64 folder, gint64 *parent, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (txn->sql, error, "SELECT name, parent FROM folder WHERE id = ?", "i", folder);
  char *name = NULL;

  if (s != NULL && surel_sql_step (txn->sql, s, error) > 0)
    {
      name = surel_sql_column_text (s, 0);
      *parent = sqlite3_column_int64 (s, 1);
      sqlite3_reset (s);
    }
  return name;
}

static gint64
add_intent (SurelTxn *txn,
            const SurelFolderChange *change,
            SurelChangeKind kind,
            const char *operation_kind,
            gint64 parent,
            const char *name,
            SurelModified *result,
            GError **error)
{
  g_autofree char *old_name = NULL;
  gint64 old_parent = 0;
  gint64 intent;

  /* For undoing it. */
  if (kind == SUREL_CHANGE_RENAME_FOLDER && (old_name = name_of (txn, change->folder, &old_parent, error)) == NULL)
    return 0;
  if (result->operation == 0)
    result->operation = surel_operations_add (txn, operation_kind, change->client != NULL ? change->client : "", error);
  if (result->operation == 0)
    return 0;
  intent = surel_intents_add (txn, result->operation, change->account, 0, kind, parent, change->folder, error);
  if (intent == 0
      || !surel_sql_run (txn->sql, error, "UPDATE intent SET add_words = ?, add_flags = ?, remove_words = ?, remove_flags = ? WHERE id = ?",
                         "sisii", name != NULL ? name : "", (gint64) change->subscribed, old_name != NULL ? old_name : "",
                         old_parent, intent))
    return 0;
  note_account (result, change->account);
  return intent;
}

/**
 * surel_folder_create:
 * @change: its account, name and parent; gets the new folder's id
 */
gboolean
surel_folder_create (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error)
{
  g_autofree char *remote_id = NULL;
  guint64 key;

  if (!surel_accounts_need (txn, change->account, "folders", error) || !check_name (txn, change->account, change->name, error)
      || (change->parent != 0 && !check_folder (txn, change->account, change->parent, NULL, error))
      || !check_free (txn, change->account, change->parent, change->name, 0, error))
    return FALSE;
  change->folder = surel_txn_new_id (txn, error);
  if (change->folder == 0)
    return FALSE;
  remote_id = g_strdup_printf (SUREL_FOLDER_NEW_PREFIX "%" G_GINT64_FORMAT, change->folder);
  key = SUREL_FOLDER_KEY (change->account, change->folder);
  if (!surel_sql_run (txn->sql, error,
                      "INSERT INTO folder (id, account, parent, server_parent, remote_id, name, server_name, path, rights, "
                      "listed) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?5, '', ?6, 1)",
                      "iiissi", change->folder, change->account, change->parent, remote_id, change->name,
                      (gint64) SUREL_RIGHT_ALL))
    return FALSE;
  surel_txn_changed (txn, SUREL_FAMILY_FOLDER, key, SUREL_CREATED);
  return add_intent (txn, change, SUREL_CHANGE_CREATE_FOLDER, "create-folder", change->parent, change->name, result, error)
             != 0
         && surel_folder_layers_name_paths (txn, change->account, error);
}

/* Gives the folder a place and a name. One that waits to be made, or renamed, just gets others, but where other
 * folders' changes come after it: they may need the name that it has in between. */
static gboolean
place (SurelTxn *txn, SurelFolderChange *change, gint64 parent, const char *name, const char *kind, SurelModified *result,
       GError **error)
{
  gint64 waiting = 0;

  if (!check_free (txn, change->account, parent, name, change->folder, error)
      || !surel_sql_get (txn->sql, &waiting, error,
                         "SELECT i.id FROM intent i WHERE i.target = ? AND i.state < 2 AND i.state = 0 AND i.kind IN (10, 11) AND "
                         "NOT EXISTS (SELECT 1 FROM intent e WHERE e.account = i.account AND e.state < 2 AND e.kind >= 10 AND "
                         "e.id > i.id) ORDER BY i.id DESC LIMIT 1",
                         "i", change->folder))
    return FALSE;
  if (waiting != 0)
    {
      if (!surel_sql_run (txn->sql, error, "UPDATE intent SET add_words = ?, source = ? WHERE id = ?", "sii", name, parent,
                          waiting)
          || !surel_sql_get (txn->sql, &result->operation, error, "SELECT operation FROM intent WHERE id = ?", "i", waiting))
        return FALSE;
    }
  else if (add_intent (txn, change, SUREL_CHANGE_RENAME_FOLDER, kind, parent, name, result, error) == 0)
    return FALSE;
  return surel_folder_layers_replay (txn, change->folder, error);
}

static gboolean
check_not_inbox (SurelTxn *txn, const SurelFolderChange *change, const char *what, GError **error)
{
  gboolean is_inbox;

  if (!check_folder (txn, change->account, change->folder, &is_inbox, error))
    return FALSE;
  return !is_inbox || fail (error, SUREL_ERROR_INVALID_ARGUMENT, what);
}

/**
 * surel_folder_rename:
 * @change: the folder and its new name
 */
gboolean
surel_folder_rename (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error)
{
  g_autofree char *before = NULL;
  gint64 parent = 0;

  if (!check_name (txn, change->account, change->name, error) || !check_not_inbox (txn, change, "The inbox can't be renamed", error))
    return FALSE;
  before = name_of (txn, change->folder, &parent, error);
  if (before == NULL)
    return FALSE;
  return g_str_equal (before, change->name) || place (txn, change, parent, change->name, "rename-folder", result, error);
}

/* Whether @folder is @above, or in it. */
static gboolean
is_below (SurelTxn *txn, gint64 folder, gint64 above, gboolean *below, GError **error)
{
  *below = FALSE;
  for (guint depth = 0; folder != 0 && depth <= SUREL_FOLDER_DEPTH_MAX; depth++)
    {
      gint64 parent = 0;

      *below = *below || folder == above;
      if (!surel_sql_get (txn->sql, &parent, error, "SELECT parent FROM folder WHERE id = ?", "i", folder))
        return FALSE;
      folder = parent;
    }
  return TRUE;
}

/**
 * surel_folder_move:
 * @change: the folder and its new parent
 */
gboolean
surel_folder_move (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error)
{
  g_autofree char *name = NULL;
  gint64 parent = 0;
  gboolean below;

  if (!check_not_inbox (txn, change, "The inbox can't be moved", error)
      || (change->parent != 0 && !check_folder (txn, change->account, change->parent, NULL, error))
      || !is_below (txn, change->parent, change->folder, &below, error))
    return FALSE;
  if (below)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "A folder can't be moved into itself");
  name = name_of (txn, change->folder, &parent, error);
  if (name == NULL)
    return FALSE;
  return parent == change->parent || place (txn, change, change->parent, name, "move-folder", result, error);
}

/**
 * surel_folder_subscribe:
 * @change: the folder and whether it is to be subscribed to
 */
gboolean
surel_folder_subscribe (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error)
{
  gint64 subscribed = 0;

  if (!check_folder (txn, change->account, change->folder, NULL, error)
      || !surel_sql_get (txn->sql, &subscribed, error, "SELECT subscribed FROM folder WHERE id = ?", "i", change->folder))
    return FALSE;
  if ((subscribed != 0) == (change->subscribed != FALSE))
    return TRUE;
  if (!surel_accounts_need (txn, change->account, "subscriptions", error))
    return FALSE;
  return add_intent (txn, change, SUREL_CHANGE_SUBSCRIBE_FOLDER, "subscribe-folder", 0, NULL, result, error) != 0
         && surel_folder_layers_replay (txn, change->folder, error);
}

/**
 * surel_folder_configure:
 * @change: the folder, its role and whether it is watched: kept here alone
 */
gboolean
surel_folder_configure (SurelTxn *txn, SurelFolderChange *change, SurelModified *result G_GNUC_UNUSED, GError **error)
{
  gboolean is_inbox;

  if (!check_folder (txn, change->account, change->folder, &is_inbox, error))
    return FALSE;
  if (change->role != NULL && (is_inbox || g_str_equal (change->role, "inbox")))
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "Which folder is the inbox is for the server to say");
  if ((change->role != NULL && !surel_folder_give_role (txn, change->account, change->folder, change->role, error))
      || (change->watch >= 0
          && !surel_sql_run (txn->sql, error, "UPDATE folder SET watch = ? WHERE id = ?", "ii", (gint64) change->watch,
                             change->folder)))
    return FALSE;
  surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (change->account, change->folder), SUREL_UPDATED);
  return TRUE;
}

/* --- Deleting --- */

static GArray *
read_ids (SurelTxn *txn, sqlite3_stmt *s, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  int result = -1;

  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);

      g_array_append_val (ids, id);
    }
  return result == 0 ? g_steal_pointer (&ids) : NULL;
}

/* Destroys what is in the folder, as long as it is there, up to as many as one commit may change. */
static gboolean
destroy_messages (SurelTxn *txn, const SurelFolderChange *change, const char *kind, SurelModified *result, gboolean *more,
                  GError **error)
{
  g_autoptr (SurelPatch) patch = surel_patch_new ();
  g_autoptr (GArray) ids
      = read_ids (txn,
                  surel_sql_start (txn->sql, error,
                                   "SELECT message FROM placement WHERE folder = ? AND shown ORDER BY doc LIMIT ?", "ii",
                                   change->folder, (gint64) SUREL_MODIFY_MAX),
                  error);

  if (ids == NULL)
    return FALSE;
  g_array_append_vals (patch->ids, ids->data, ids->len);
  patch->destroy = TRUE;
  patch->from = change->folder;
  patch->kind = kind;
  patch->client = g_strdup (change->client);
  *more = ids->len == SUREL_MODIFY_MAX;
  return ids->len == 0 || surel_modify (txn, patch, 0, ids->len, result, error);
}

static gboolean
check_contents (SurelTxn *txn, const SurelFolderChange *change, GArray *children, GError **error)
{
  gint64 messages = 0;
  gint64 stays = 0;

  if (!surel_sql_get (txn->sql, &messages, error, "SELECT 1 FROM placement WHERE folder = ? AND shown LIMIT 1", "i",
                      change->folder)
      || !surel_sql_get (txn->sql, &stays, error, "SELECT (rights & ?) = 0 FROM folder WHERE id = ?", "ii",
                         (gint64) SUREL_RIGHT_DELETE, change->folder))
    return FALSE;
  if (stays) /* what is in it would be destroyed before the server says so */
    return fail (error, SUREL_ERROR_PERMISSION_DENIED, "The server doesn't let that folder, or one in it, be deleted");
  if (messages && !change->remove_messages)
    return fail (error, SUREL_ERROR_CONFLICT, "There are messages in the folder; give `removeMessages` to delete them too");
  if (children->len > 0 && !change->remove_children)
    return fail (error, SUREL_ERROR_CONFLICT, "There are folders in the folder; give `removeChildren` to delete them too");
  return TRUE;
}

/* What is in it, and is to be destroyed with it, is so where its server has it. */
static gboolean
destroy_where_it_is (SurelTxn *txn, gint64 folder, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE intent AS i SET source = coalesce ((SELECT e.target FROM intent e WHERE e.message = i.message AND e.state < 2 "
                        "AND e.kind IN (2, 4, 5, 6) AND e.id < i.id AND e.target != ?1 ORDER BY e.id DESC LIMIT 1), (SELECT p.folder FROM "
                        "placement p WHERE p.message = i.message AND p.epoch < " SUREL_EPOCH_HERE_SQL " LIMIT 1), 0) WHERE i.source = ?1 AND "
                        "i.state < 2 AND i.kind = 3",
                        "i", folder);
}

/* One that no server has heard of goes without a trace. */
static gboolean
delete_new (SurelTxn *txn, const SurelFolderChange *change, gboolean *done, GError **error)
{
  gint64 waiting = 0;

  *done = FALSE;
  if (!surel_sql_get (txn->sql, &waiting, error,
                      "SELECT id FROM intent WHERE target = ? AND kind = 10 AND state < 2 AND state = 0", "i",
                      change->folder))
    return FALSE;
  if (waiting == 0)
    return TRUE;
  *done = TRUE;
  return destroy_where_it_is (txn, change->folder, error) && surel_intents_fail_target (txn, change->folder, error)
         && surel_folder_intents_drop_new (txn, change->account, change->folder, error);
}

static gboolean
delete_tree (SurelTxn *txn, const SurelFolderChange *change, guint depth, SurelModified *result, GError **error)
{
  g_autoptr (GArray) children
      = read_ids (txn,
                  surel_sql_start (txn->sql, error,
                                   "SELECT id FROM folder WHERE parent = ? AND account = ? AND NOT removing AND NOT deleting",
                                   "ii", change->folder, change->account),
                  error);
  gboolean more = TRUE;
  gboolean done;

  if (children == NULL || !check_contents (txn, change, children, error))
    return FALSE;
  for (guint i = 0; i < children->len && depth < SUREL_FOLDER_DEPTH_MAX; i++)
    {
      SurelFolderChange child = *change;

      child.folder = g_array_index (children, gint64, i);
      if (!delete_tree (txn, &child, depth + 1, result, error))
        return FALSE;
    }
  while (more)
    if (!destroy_messages (txn, change, "delete-folder", result, &more, error))
      return FALSE;
  if (!delete_new (txn, change, &done, error))
    return FALSE;
  return done
         || (add_intent (txn, change, SUREL_CHANGE_DELETE_FOLDER, "delete-folder", 0, NULL, result, error) != 0
             && surel_folder_layers_replay (txn, change->folder, error));
}

/**
 * surel_folder_delete:
 * @change: the folder, and whether messages and folders in it go along
 */
gboolean
surel_folder_delete (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error)
{
  return check_not_inbox (txn, change, "The inbox can't be deleted", error) && delete_tree (txn, change, 0, result, error);
}

/**
 * surel_folder_empty:
 * @change: trash or junk
 */
gboolean
surel_folder_empty (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error)
{
  gint64 fit = 0;
  gboolean more = TRUE;

  if (!check_folder (txn, change->account, change->folder, NULL, error)
      || !surel_sql_get (txn->sql, &fit, error,
                         "SELECT 1 FROM folder WHERE id = ? AND coalesce(role_set, role) IN ('trash', 'junk')", "i",
                         change->folder))
    return FALSE;
  if (!fit)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "Only trash and junk can be emptied");
  while (more)
    if (!destroy_messages (txn, change, NULL, result, &more, error))
      return FALSE;
  return TRUE;
}
