/* Which folder of an account is the archive, the trash, and so on. A server's word is `role`; `role_set` is what a person
 * has said instead, or what a folder that was made, or found, for a role was given. */
#include "store/folder-roles.h"

#include "base/errors.h"
#include "base/folder.h"
#include "store/folder-changes.h"

/**
 * surel_folder_find_role:
 * @folder: (out): the account's folder of that role that messages can be put into; 0 for none
 */
gboolean
surel_folder_find_role (SurelTxn *txn, gint64 account, const char *role, gint64 *folder, GError **error)
{
  *folder = 0;
  return surel_sql_get (txn->sql, folder, error,
                        "SELECT id FROM folder WHERE account = ? AND coalesce(role_set, role) = ? AND selectable AND NOT "
                        "removing AND NOT deleting ORDER BY role_set IS NULL, id",
                        "is", account, role);
}

/**
 * surel_folder_give_role:
 * @role: empty for none
 *
 * One folder a role and account: one that has it now has it no more; but one that is being deleted has its own if it stays.
 */
gboolean
surel_folder_give_role (SurelTxn *txn, gint64 account, gint64 folder, const char *role, GError **error)
{
  gint64 before = 0;

  if (role[0] != '\0'
      && !surel_sql_get (txn->sql, &before, error,
                         "SELECT id FROM folder WHERE account = ? AND coalesce(role_set, role) = ? AND id != ? AND NOT removing AND "
                         "NOT deleting",
                         "isi", account, role, folder))
    return FALSE;
  if (before != 0)
    {
      if (!surel_sql_run (txn->sql, error, "UPDATE folder SET role_set = '' WHERE id = ?", "i", before))
        return FALSE;
      surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (account, before), SUREL_UPDATED);
    }
  surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (account, folder), SUREL_UPDATED);
  return surel_sql_run (txn->sql, error, "UPDATE folder SET role_set = ? WHERE id = ?", "si", role, folder);
}

/**
 * surel_folder_settle_roles:
 * @returned: a folder that was being deleted, and stays; 0 for none
 *
 * One folder a role and account: what a list tells of, or comes back, has its role no more where another was given it meanwhile.
 */
gboolean
surel_folder_settle_roles (SurelTxn *txn, gint64 account, gint64 returned, GError **error)
{
  gint64 yields;

  do
    {
      yields = 0;
      if (!surel_sql_get (txn->sql, &yields, error,
                          "SELECT f.id FROM folder f JOIN folder g ON g.account = f.account AND g.id != f.id AND coalesce(g.role_set, g.role) "
                          "= coalesce(f.role_set, f.role) WHERE f.account = ?1 AND (f.id = ?2 OR (f.role_set IS NULL AND g.role_set IS NOT "
                          "NULL)) AND coalesce(f.role_set, f.role) != '' AND NOT f.removing AND NOT f.deleting AND NOT g.removing AND NOT "
                          "g.deleting LIMIT 1",
                          "ii", account, returned)
          || !surel_sql_run (txn->sql, error, "UPDATE folder SET role_set = '' WHERE id = ?", "i", yields))
        return FALSE;
      if (yields != 0)
        surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (account, yields), SUREL_UPDATED);
    }
  while (yields != 0);
  return TRUE;
}

/* Looks whether @change's name can be that of a folder with a new role: it is free, or of a folder that has no role, and
 * that nobody has said has none. Sets the change's folder to that one. */
static gboolean
can_be (SurelTxn *txn, SurelFolderChange *change, gboolean *can, gboolean *holds_folders_alone, GError **error)
{
  gint64 free_for_it = 0;
  gint64 selectable = 0;

  change->folder = 0;
  if (!surel_sql_get (txn->sql, &change->folder, error,
                      "SELECT id FROM folder WHERE account = ? AND parent = ? AND name = ? AND NOT removing AND NOT deleting",
                      "iis", change->account, change->parent, change->name)
      || !surel_sql_get (txn->sql, &free_for_it, error, "SELECT role_set IS NULL AND role = '' FROM folder WHERE id = ?", "i",
                         change->folder)
      || !surel_sql_get (txn->sql, &selectable, error, "SELECT selectable FROM folder WHERE id = ?", "i", change->folder))
    return FALSE;
  *can = change->folder == 0 || (free_for_it && selectable);
  *holds_folders_alone = change->folder != 0 && !selectable;
  return TRUE;
}

/* Chooses the name, and where: one that holds folders alone, as one for each year, has it in it. */
static gboolean
choose (SurelTxn *txn, SurelFolderChange *change, const char *name, GError **error)
{
  gboolean can = FALSE;
  gboolean inside = FALSE;

  for (guint i = 1; !can; i++)
    {
      g_free (change->name);
      change->name = i > 1 ? g_strdup_printf ("%s %u", name, i) : g_strdup (name);
      change->parent = 0;
      if (!can_be (txn, change, &can, &inside, error))
        return FALSE;
      if (inside)
        {
          change->parent = change->folder;
          if (!can_be (txn, change, &can, &inside, error))
            return FALSE;
        }
    }
  return TRUE;
}

static gint64
make (SurelTxn *txn, gint64 account, const char *role, SurelModified *result, const char *client, GError **error)
{
  static const char *const names[][2] = {
    { "sent", "Sent" },       { "drafts", "Drafts" }, { "trash", "Trash" },
    { "junk", "Junk" },       { "archive", "Archive" },
  };
  g_autoptr (SurelFolderChange) change = surel_folder_change_new (account, 0, client);
  const char *name = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (role, names[i][0]))
      name = names[i][1];
  if (name == NULL)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The account has no folder with the role `%s`", role);
      return 0;
    }
  if (!choose (txn, change, name, error)
      || (change->folder == 0 && !surel_folder_create (txn, change, result, error))
      || !surel_folder_give_role (txn, account, change->folder, role, error))
    return 0;
  return change->folder;
}

/**
 * surel_folder_of_role:
 * @result: gets what makes one where there is none
 *
 * What has been sent has to have its place, so a name that is taken for something else is no reason to fail.
 *
 * Returns: the account's folder of that role; 0 with @error set, %SUREL_ERROR_NOT_FOUND where none is made for such a role
 */
gint64
surel_folder_of_role (SurelTxn *txn, gint64 account, const char *role, const char *client, SurelModified *result, GError **error)
{
  gint64 folder;

  if (!surel_folder_find_role (txn, account, role, &folder, error))
    return 0;
  return folder != 0 ? folder : make (txn, account, role, result, client, error);
}
