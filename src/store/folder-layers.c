/* Layers of truth, for folders: what the server says of a folder is in its server_* columns; what clients see is
 * that with the pending changes replayed on it. Paths follow from what clients see. */
#include "store/folder-layers.h"

#include "base/folder.h"
#include "store/folder-roles.h"
#include "store/intents.h"

typedef struct
{
  gint64 account;
  char *name;
  gint64 parent;
  gboolean subscribed;
  gboolean deleting;
} Folder;

static void
folder_clear (Folder *folder)
{
  g_free (folder->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Folder, folder_clear)

static int
load (SurelTxn *txn, gint64 folder, Folder *server, Folder *shown, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (txn->sql, error,
                                     "SELECT account, server_name, server_parent, server_subscribed, name, parent, subscribed, "
                                     "deleting, deleting AND removing FROM folder WHERE id = ?",
                                     "i", folder);
  int result = s != NULL ? surel_sql_step (txn->sql, s, error) : -1;

  if (result <= 0)
    return result;
  *server = (Folder){ sqlite3_column_int64 (s, 0), surel_sql_column_text (s, 1), sqlite3_column_int64 (s, 2),
                      sqlite3_column_int (s, 3), sqlite3_column_int (s, 8) };
  *shown = (Folder){ server->account, surel_sql_column_text (s, 4), sqlite3_column_int64 (s, 5),
                     sqlite3_column_int (s, 6), sqlite3_column_int (s, 7) };
  sqlite3_reset (s);
  return 1;
}

static gboolean
replay (SurelTxn *txn, gint64 id, Folder *folder, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (txn->sql, error,
                                     "SELECT kind, add_words, source, add_flags FROM intent WHERE target = ? AND state < 2 AND "
                                     "kind >= 10 ORDER BY id",
                                     "i", id);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    switch ((SurelChangeKind) sqlite3_column_int (s, 0))
      {
      case SUREL_CHANGE_CREATE_FOLDER:
      case SUREL_CHANGE_RENAME_FOLDER:
        g_free (folder->name);
        folder->name = surel_sql_column_text (s, 1);
        folder->parent = sqlite3_column_int64 (s, 2);
        break;
      case SUREL_CHANGE_DELETE_FOLDER:
        folder->deleting = TRUE;
        break;
      case SUREL_CHANGE_SUBSCRIBE_FOLDER:
        folder->subscribed = sqlite3_column_int (s, 3);
        break;
      default:
        break;
      }
  return result == 0;
}

/**
 * surel_folder_layers_replay:
 *
 * Shows the folder as its pending changes make it.
 */
gboolean
surel_folder_layers_replay (SurelTxn *txn, gint64 folder, GError **error)
{
  g_auto (Folder) now = { 0 };
  g_auto (Folder) before = { 0 };
  int found = load (txn, folder, &now, &before, error);
  guint64 key;

  if (found <= 0)
    return found == 0;
  if (!replay (txn, folder, &now, error))
    return FALSE;
  if (now.parent == before.parent && now.subscribed == before.subscribed && now.deleting == before.deleting
      && g_strcmp0 (now.name, before.name) == 0)
    return TRUE;
  key = SUREL_FOLDER_KEY (now.account, folder);
  surel_txn_changed (txn, SUREL_FAMILY_FOLDER, key,
                     now.deleting ? SUREL_DESTROYED : before.deleting ? SUREL_CREATED : SUREL_UPDATED);
  return surel_sql_run (txn->sql, error,
                        "UPDATE folder SET name = ?, parent = ?, subscribed = ?, deleting = ? WHERE id = ?", "siiii", now.name,
                        now.parent, (gint64) now.subscribed, (gint64) now.deleting, folder)
         && (now.deleting || !before.deleting || surel_folder_settle_roles (txn, now.account, folder, error))
         && surel_folder_layers_name_paths (txn, now.account, error);
}

/* --- Paths --- */

typedef struct
{
  gint64 id;
  gint64 parent;
  char *name;
  char *path;
  char *new_path; /* nullable: not made yet */
  gboolean deleting;
} Node;

static void
node_free (gpointer data)
{
  Node *node = data;

  g_free (node->name);
  g_free (node->path);
  g_free (node->new_path);
  g_free (node);
}

static void
name_path (GHashTable *nodes, Node *node, guint depth)
{
  Node *parent = node->parent != 0 && depth < SUREL_FOLDER_DEPTH_MAX
                     ? g_hash_table_lookup (nodes, (gpointer) (guintptr) node->parent)
                     : NULL;

  if (node->new_path != NULL)
    return;
  if (parent != NULL)
    name_path (nodes, parent, depth + 1);
  if (node->new_path == NULL)
    node->new_path = surel_folder_path_join (parent != NULL ? parent->new_path : NULL, node->name);
}

/**
 * surel_folder_layers_name_paths:
 *
 * Has the paths of an account's folders follow from their names and parents.
 */
gboolean
surel_folder_layers_name_paths (SurelTxn *txn, gint64 account, GError **error)
{
  g_autoptr (GHashTable) nodes = g_hash_table_new_full (NULL, NULL, NULL, node_free);
  sqlite3_stmt *s = surel_sql_start (txn->sql, error, "SELECT id, parent, name, path, deleting FROM folder WHERE account = ?",
                                     "i", account);
  GHashTableIter iter;
  gpointer value;
  int result = -1;

  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      Node *node = g_new0 (Node, 1);

      *node = (Node){ sqlite3_column_int64 (s, 0), sqlite3_column_int64 (s, 1), surel_sql_column_text (s, 2),
                      surel_sql_column_text (s, 3), NULL, sqlite3_column_int (s, 4) };
      g_hash_table_insert (nodes, (gpointer) (guintptr) node->id, node);
    }
  if (result < 0)
    return FALSE;
  g_hash_table_iter_init (&iter, nodes);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Node *node = value;

      name_path (nodes, node, 0);
      if (g_str_equal (node->path, node->new_path))
        continue;
      if (!surel_sql_run (txn->sql, error, "UPDATE folder SET path = ? WHERE id = ?", "si", node->new_path, node->id))
        return FALSE;
      if (!node->deleting)
        surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (account, node->id), SUREL_UPDATED);
    }
  return TRUE;
}
