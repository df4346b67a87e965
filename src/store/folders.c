/* Folders in the database. A complete list from the server is compared with what is here: that is the
 * one evidence by which a folder goes. */
#include "store/folders.h"

#include <string.h>

#include "base/errors.h"
#include "store/folder-intents.h"
#include "store/folder-layers.h"
#include "store/folder-roles.h"
#include "store/intents.h"
#include "store/message-row.h"
#include "store/messages.h"

#define AMBIGUOUS GINT_TO_POINTER (-1) /* for several folders */
#define REMOVE_ROWS 5000 /* messages to one commit */

#define COLUMNS                                                                                          \
  "f.id, f.account, f.parent, f.remote_id, f.name, f.path, f.namespace, f.owner, "                       \
  "coalesce(f.role_set, f.role), f.rights, f.subscribed, f.selectable, f.watch, f.total, f.unread, "     \
  "f.server_messages, f.token, f.listed, f.last_sync, f.last_proven, f.identity, EXISTS (SELECT 1 FROM placement p WHERE "  \
  "p.folder = f.id AND p.epoch = " SUREL_EPOCH_HERE_SQL " AND " SUREL_IS_UNSURE ")"

SurelFolderRow *
surel_folder_row_ref (SurelFolderRow *self)
{
  surel_ref_count_inc (&self->references);
  return self;
}

void
surel_folder_row_unref (SurelFolderRow *self)
{
  if (!surel_ref_count_dec (&self->references))
    return;
  g_free (self->remote_id);
  g_free (self->name);
  g_free (self->path);
  g_free (self->owner);
  g_free (self->role);
  g_free (self->identity);
  g_clear_pointer (&self->token, g_bytes_unref);
  g_free (self);
}

static SurelFolderRow *
row_of (sqlite3_stmt *statement)
{
  SurelFolderRow *row = g_new0 (SurelFolderRow, 1);

  surel_ref_count_init (&row->references);
  row->id = sqlite3_column_int64 (statement, 0);
  row->account = sqlite3_column_int64 (statement, 1);
  row->parent = sqlite3_column_int64 (statement, 2);
  row->remote_id = surel_sql_column_text (statement, 3);
  row->name = surel_sql_column_text (statement, 4);
  row->path = surel_sql_column_text (statement, 5);
  row->namespace_kind = (SurelNamespaceKind) sqlite3_column_int (statement, 6);
  row->owner = surel_sql_column_text (statement, 7);
  row->role = surel_sql_column_text (statement, 8);
  row->rights = (guint) sqlite3_column_int (statement, 9);
  row->subscribed = sqlite3_column_int (statement, 10);
  row->selectable = sqlite3_column_int (statement, 11);
  row->watch = sqlite3_column_int (statement, 12);
  row->total = (guint) sqlite3_column_int (statement, 13);
  row->unread = (guint) sqlite3_column_int (statement, 14);
  row->server_messages = (guint) sqlite3_column_int64 (statement, 15);
  row->token = surel_sql_column_bytes (statement, 16);
  row->listed = sqlite3_column_int (statement, 17);
  row->last_sync = sqlite3_column_int64 (statement, 18);
  row->last_proven = sqlite3_column_int64 (statement, 19);
  row->identity = surel_sql_column_text (statement, 20);
  row->unsure = sqlite3_column_int (statement, 21);
  return row;
}

static gboolean
load (SurelSql *sql, sqlite3_stmt *statement, GPtrArray *rows, GError **error)
{
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (sql, statement, error)) > 0)
    g_ptr_array_add (rows, row_of (statement));
  return result == 0;
}

/**
 * surel_folders_load:
 * @id: a folder's id, or 0 for all
 * @rows: (element-type SurelFolderRow): where the rows are added, parents before children
 *
 * Folders of accounts that are being removed are left out.
 */
gboolean
surel_folders_load (SurelSql *sql, gint64 id, GPtrArray *rows, GError **error)
{
  return load (sql,
               surel_sql_start (sql, error,
                                "SELECT " COLUMNS " FROM folder f JOIN account a ON a.id = f.account "
                                "WHERE (?1 = 0 OR f.id = ?1) AND NOT a.removing AND NOT f.deleting ORDER BY f.path",
                                "i", id),
               rows, error);
}

/**
 * surel_folders_load_account:
 * @rows: (element-type SurelFolderRow): where the account's rows are added
 *
 * Those that a person has deleted are among them until the server has, too: what is to be done there needs them synced.
 */
gboolean
surel_folders_load_account (SurelSql *sql, gint64 account, GPtrArray *rows, GError **error)
{
  return load (sql,
               surel_sql_start (sql, error,
                                "SELECT " COLUMNS " FROM folder f WHERE f.account = ? AND NOT "
                                "f.removing ORDER BY f.path",
                                "i", account),
               rows, error);
}

typedef struct
{
  SurelTxn *txn;
  gint64 account;
  GHashTable *entries; /* remote id → SurelFolderEntry, borrowed */
  GHashTable *known; /* remote id → SurelFolderRow */
  GHashTable *paths; /* remote id → path */
  GHashTable *roles; /* roles that are given */
  gboolean any_pending; /* a folder has pending changes */
} Put;

static gboolean
put_row (Put *put, SurelFolderEntry *entry, gint64 parent, const char *path, const char *role,
         GError **error)
{
  SurelFolderRow *row = g_hash_table_lookup (put->known, entry->remote_id);
  SurelTxn *txn = put->txn;
  const char *owner = entry->owner != NULL ? entry->owner : "";
  gint64 id;

  if (row != NULL)
    {
      gboolean pending;

      /* What is pending is laid on it: see put_pending(). A list doesn't tell the identity of a folder that was renamed
       * while it was made: by what it was, its new name is known in the next one. */
      if (!surel_folder_intents_are_open (txn, row->id, &pending, error)
          || !surel_sql_run (txn->sql, error,
                             "UPDATE folder SET server_parent = ?, server_name = ?, server_subscribed = ?, identity = "
                             "coalesce (?, identity) WHERE id = ?",
                             "isisi", parent, entry->name, (gint64) entry->subscribed, entry->identity, row->id))
        return FALSE;
      put->any_pending = put->any_pending || pending;
      if (pending)
        return surel_sql_run (txn->sql, error,
                              "UPDATE folder SET namespace = ?, owner = ?, role = ?, rights = ?, selectable = ?, removing = 0 "
                              "WHERE id = ?",
                              "issiii", (gint64) entry->namespace_kind, owner, role, (gint64) entry->rights,
                              (gint64) entry->selectable, row->id);
      if (!surel_sql_run (txn->sql, error,
                          "UPDATE folder SET parent = ?1, name = ?2, path = ?3, namespace = ?4, owner = "
                          "?5, role = ?6, rights = ?7, subscribed = ?8, selectable = ?9, removing = 0 "
                          "WHERE id = ?10 AND (parent, name, path, namespace, owner, role, rights, "
                          "subscribed, selectable, removing) IS NOT (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                          "?9, 0)",
                          "ississiiii", parent, entry->name, path, (gint64) entry->namespace_kind,
                          owner, role, (gint64) entry->rights, (gint64) entry->subscribed,
                          (gint64) entry->selectable, row->id))
        return FALSE;
      if (sqlite3_changes64 (surel_sql_handle (txn->sql)) == 0)
        return TRUE;
      surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (put->account, row->id), SUREL_UPDATED);
      return surel_folder_layers_replay (txn, row->id, error); /* one that was deleted here may be there again */
    }
  id = surel_txn_new_id (txn, error);
  if (id == 0
      || !surel_sql_run (txn->sql, error,
                         "INSERT INTO folder (id, account, parent, remote_id, name, path, namespace, "
                         "owner, role, rights, subscribed, selectable, identity, server_parent, server_name, "
                         "server_subscribed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?3, ?5, ?11)",
                         "iiisssissiiis", id, put->account, parent, entry->remote_id, entry->name, path,
                         (gint64) entry->namespace_kind, owner, role, (gint64) entry->rights,
                         (gint64) entry->subscribed, (gint64) entry->selectable,
                         entry->identity != NULL ? entry->identity : ""))
    return FALSE;
  row = g_new0 (SurelFolderRow, 1);
  surel_ref_count_init (&row->references);
  row->id = id;
  row->remote_id = g_strdup (entry->remote_id);
  g_hash_table_insert (put->known, row->remote_id, row);
  surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (put->account, id), SUREL_CREATED);
  return TRUE;
}

/* Puts a folder once its parents are put; a chain is SUREL_FOLDER_DEPTH_MAX long at most. */
static gboolean
put_entry (Put *put, SurelFolderEntry *entry, guint depth, GError **error)
{
  SurelFolderEntry *parent = NULL;
  SurelFolderRow *parent_row = NULL;
  const char *role = "";
  char *path;

  if (g_hash_table_contains (put->paths, entry->remote_id))
    return TRUE;
  if (entry->parent_remote_id != NULL && depth < SUREL_FOLDER_DEPTH_MAX)
    parent = g_hash_table_lookup (put->entries, entry->parent_remote_id);
  if (parent != NULL)
    {
      if (!put_entry (put, parent, depth + 1, error))
        return FALSE;
      parent_row = g_hash_table_lookup (put->known, parent->remote_id);
    }
  path = surel_folder_path_join (
      parent != NULL ? g_hash_table_lookup (put->paths, parent->remote_id) : NULL, entry->name);
  g_hash_table_insert (put->paths, entry->remote_id, path);
  if (entry->role != NULL && g_hash_table_add (put->roles, (gpointer) entry->role))
    role = entry->role;
  return put_row (put, entry, parent_row != NULL ? parent_row->id : 0, path, role, error);
}

/* The one value of @table that has @identity; NULL where none or several have it. */
static gpointer
the_one (GHashTable *counts, const char *identity)
{
  gpointer one = g_hash_table_lookup (counts, identity);

  return one != AMBIGUOUS ? one : NULL;
}

static void
note_identity (GHashTable *table, const char *identity, gpointer value)
{
  if (identity != NULL && identity[0] != '\0')
    g_hash_table_insert (table, (gpointer) identity, g_hash_table_contains (table, identity) ? AMBIGUOUS : value);
}

/* Whether what is listed under the row's name is another folder, or nothing is. */
static gboolean
is_elsewhere (Put *put, const SurelFolderRow *row)
{
  const SurelFolderEntry *entry = g_hash_table_lookup (put->entries, row->remote_id);

  return entry == NULL
         || (entry->identity != NULL && entry->identity[0] != '\0' && strcmp (entry->identity, row->identity) != 0);
}

static gboolean
give_name (Put *put, SurelFolderRow *row, char *remote_id, GError **error)
{
  g_hash_table_steal (put->known, row->remote_id);
  g_free (row->remote_id);
  row->remote_id = remote_id;
  g_hash_table_insert (put->known, row->remote_id, row);
  return surel_sql_run (put->txn->sql, error, "UPDATE folder SET remote_id = ? WHERE id = ?", "si", remote_id, row->id);
}

/* Takes its name from who has it: one that is in no list any more, or gets another one. */
static gboolean
set_aside (Put *put, const char *remote_id, GError **error)
{
  SurelFolderRow *row = g_hash_table_lookup (put->known, remote_id);

  return row == NULL || give_name (put, row, g_strdup_printf (SUREL_FOLDER_OLD_PREFIX "%" G_GINT64_FORMAT, row->id), error);
}

/* A folder that is listed under another name, and no longer under its own, was renamed by another device: it keeps
 * its id. Only where nothing else could be meant. Its own name may be that of another folder by now, which may have been
 * here before: two may have swapped names. */
static gboolean
follow_renames (Put *put, GError **error)
{
  g_autoptr (GHashTable) here = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) there = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) renamed = g_hash_table_new (NULL, NULL); /* SurelFolderRow → SurelFolderEntry, both borrowed */
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  g_hash_table_iter_init (&iter, put->known);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    note_identity (here, ((SurelFolderRow *) value)->identity, value);
  g_hash_table_iter_init (&iter, put->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    note_identity (there, ((SurelFolderEntry *) value)->identity, value);
  g_hash_table_iter_init (&iter, put->known);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      SurelFolderRow *row = value;
      SurelFolderEntry *entry = the_one (here, row->identity) != NULL ? the_one (there, row->identity) : NULL;

      if (entry != NULL && is_elsewhere (put, row))
        g_hash_table_insert (renamed, row, entry);
    }
  g_hash_table_iter_init (&iter, renamed);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (!set_aside (put, ((SurelFolderEntry *) value)->remote_id, error))
      return FALSE;
  g_hash_table_iter_init (&iter, renamed);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (!give_name (put, key, g_strdup (((SurelFolderEntry *) value)->remote_id), error))
      return FALSE;
  return TRUE;
}

/* Lays what is pending on what the list says. */
static gboolean
put_pending (Put *put, GError **error)
{
  GHashTableIter iter;
  gpointer row;

  if (!put->any_pending)
    return TRUE;
  g_hash_table_iter_init (&iter, put->known);
  while (g_hash_table_iter_next (&iter, NULL, &row))
    {
      gboolean pending;

      if (!surel_folder_intents_are_open (put->txn, ((SurelFolderRow *) row)->id, &pending, error)
          || (pending && !surel_folder_layers_replay (put->txn, ((SurelFolderRow *) row)->id, error)))
        return FALSE;
    }
  return surel_folder_layers_name_paths (put->txn, put->account, error);
}

/* What is here and not in the list goes: out of the list at once, its messages in commits of their own. */
static gboolean
mark_missing (Put *put, GError **error)
{
  GHashTableIter iter;
  gpointer remote_id;
  gpointer row;

  g_hash_table_iter_init (&iter, put->known);
  while (g_hash_table_iter_next (&iter, &remote_id, &row))
    if (!g_hash_table_contains (put->entries, remote_id) && !g_str_has_prefix (remote_id, SUREL_FOLDER_NEW_PREFIX)
        && !surel_sql_run (put->txn->sql, error, "UPDATE folder SET removing = 1 WHERE id = ?", "i",
                           ((SurelFolderRow *) row)->id))
      return FALSE;
  return TRUE;
}

/**
 * surel_folders_put_all:
 * @entries: (element-type SurelFolderEntry): all the folders the server has
 *
 * Makes the account's folders those of a complete list. Folders that aren't in it are marked: their
 * messages and they themselves are removed by surel_folders_remove_some().
 */
gboolean
surel_folders_put_all (SurelTxn *txn, gint64 account, GPtrArray *entries, GError **error)
{
  g_autoptr (GHashTable) by_id = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) known
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) surel_folder_row_unref);
  g_autoptr (GHashTable) paths = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  g_autoptr (GHashTable) roles = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) rows = g_ptr_array_new ();
  Put put = { txn, account, by_id, known, paths, roles, FALSE };

  if (!load (txn->sql,
             surel_sql_start (txn->sql, error, "SELECT " COLUMNS " FROM folder f WHERE f.account = ?",
                              "i", account),
             rows, error))
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    g_hash_table_insert (known, ((SurelFolderRow *) rows->pdata[i])->remote_id, rows->pdata[i]);
  for (guint i = 0; i < entries->len; i++)
    g_hash_table_insert (by_id, ((SurelFolderEntry *) entries->pdata[i])->remote_id,
                         entries->pdata[i]);
  if (!follow_renames (&put, error))
    return FALSE;
  for (guint i = 0; i < entries->len; i++)
    if (!put_entry (&put, entries->pdata[i], 0, error))
      return FALSE;
  txn->rows += entries->len;
  return mark_missing (&put, error) && put_pending (&put, error) && surel_folder_settle_roles (txn, account, 0, error);
}

/**
 * surel_folders_remove_some:
 * @done: (out): whether no folder of the account waits to be removed any more
 *
 * Removes the next messages of folders that are gone from the server (they are held), and each folder
 * once it is empty. Where only its name is left, for the folders below it, it stays.
 */
gboolean
surel_folders_remove_some (SurelTxn *txn, gint64 account, gboolean *done, GError **error)
{
  gint64 folder = 0;
  gint64 left = 0;
  gint64 hidden = 0; /* clients were told when it was deleted here */
  gint64 removing = 0;

  *done = FALSE;
  if (!surel_sql_get (txn->sql, &folder, error,
                      "SELECT id FROM folder f WHERE account = ? AND (removing OR (NOT selectable AND EXISTS (SELECT 1 FROM "
                      "placement p WHERE p.folder = f.id))) LIMIT 1",
                      "i", account))
    return FALSE;
  if (folder == 0)
    {
      *done = TRUE;
      return TRUE;
    }
  if (!surel_messages_remove_of_folder (txn, account, folder, REMOVE_ROWS, error)
      || !surel_sql_get (txn->sql, &left, error, "SELECT 1 FROM placement WHERE folder = ? LIMIT 1",
                         "i", folder)
      || !surel_sql_get (txn->sql, &removing, error, "SELECT removing FROM folder WHERE id = ?", "i", folder))
    return FALSE;
  if (left != 0)
    return TRUE;
  if (!removing) /* what is there when it can be opened again is all new */
    return surel_sql_run (txn->sql, error, "UPDATE folder SET token = NULL, listed = 0 WHERE id = ?", "i", folder);
  if (!surel_folder_intents_gone (txn, account, folder, error) || !surel_intents_drop_of_folder (txn, folder, error)
      || !surel_sql_get (txn->sql, &hidden, error, "SELECT deleting FROM folder WHERE id = ?", "i", folder))
    return FALSE;
  if (!hidden)
    surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (account, folder), SUREL_DESTROYED);
  g_hash_table_remove (txn->folder_counts, (gpointer) (guintptr) folder);
  return surel_sql_run (txn->sql, error, "UPDATE folder SET parent = 0, server_parent = 0 WHERE parent = ?", "i", folder)
         && surel_sql_run (txn->sql, error, "DELETE FROM folder WHERE id = ?", "i", folder);
}

/**
 * surel_folders_load_token:
 * @token: (out) (nullable): what the last of the folder's batches was closed with; owned
 */
gboolean
surel_folders_load_token (SurelReader *reader, gint64 folder, GBytes **token, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (reader->sql, error, "SELECT token FROM folder WHERE id = ?", "i", folder);
  int found = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;

  if (found > 0)
    {
      *token = surel_sql_column_bytes (s, 0);
      sqlite3_reset (s);
    }
  return found >= 0;
}

/**
 * surel_folders_close:
 * @token: what the remote closed its batch with; stored with the batch
 */
gboolean
surel_folders_close (SurelTxn *txn, gint64 folder, GBytes *token, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE folder SET token = ? WHERE id = ?", "bi", token,
                        folder);
}

/**
 * surel_folders_check:
 *
 * What a server said about a folder comes late where the folder, or its account, was removed meanwhile:
 * it must not bring any of it back.
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_FOUND where the folder is gone or its account is being removed
 */
gboolean
surel_folders_check (SurelTxn *txn, gint64 folder, GError **error)
{
  gint64 there = 0;

  if (!surel_sql_get (txn->sql, &there, error,
                      "SELECT 1 FROM folder f JOIN account a ON a.id = f.account WHERE f.id = ? AND NOT "
                      "a.removing",
                      "i", folder))
    return FALSE;
  if (!there)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The folder is gone");
  return there != 0;
}

/**
 * surel_folders_set_listed:
 *
 * Notes that all of the folder has been listed once: what comes from now on is new mail.
 */
gboolean
surel_folders_set_listed (SurelTxn *txn, gint64 folder, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE folder SET listed = 1 WHERE id = ? AND NOT listed", "i",
                        folder);
}

/**
 * surel_folders_set_synced:
 * @server_messages: how many messages the server counts
 * @proven: whether its list was compared in full
 */
gboolean
surel_folders_set_synced (SurelTxn *txn,
                          gint64 folder,
                          gint64 server_messages,
                          gboolean proven,
                          GError **error)
{
  surel_txn_touched (txn, folder);
  return surel_sql_run (txn->sql, error,
                        "UPDATE folder SET last_sync = ?1, server_messages = ?2, last_proven = CASE "
                        "WHEN ?3 THEN ?1 ELSE last_proven END WHERE id = ?4",
                        "iiii", txn->time, server_messages, (gint64) proven, folder);
}
