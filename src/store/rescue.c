/* What outlives a damaged database. All mail can be fetched again, the accounts can't: whenever one
 * changes, a copy of their rows is written beside the database, and a new database starts from it, and from
 * what waits for the servers (store/rescue-queue.c). The damaged one is then removed: nothing else of it can
 * be trusted.
 *
 * The copy is a key file, a group an account: `settings` and `secret` as the database has them. */
#include "store/rescue.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "base/errors.h"

#define COPY_NAME "accounts"

static gboolean
fail (GError **error, const char *doing, int number)
{
  g_set_error (error, SUREL_ERROR,
               number == ENOSPC || number == EDQUOT ? SUREL_ERROR_STORAGE_FULL : SUREL_ERROR_FAILED,
               "The damaged mail store can't be %s: %s", doing, g_strerror (number));
  return FALSE;
}

/**
 * surel_rescue_set_aside:
 * @path: the database's file, which nobody has open
 *
 * Takes what can be read of what waits, and a damaged database out of the way, its log with it, so that a new one can be made there.
 */
gboolean
surel_rescue_set_aside (const char *path, const char *data_dir, GError **error)
{
  /* The database goes first: a log without one is ignored by SQLite, the other way round the last
   * commits would be missing unnoticed. */
  static const char *const suffixes[] = { "", "-wal", "-shm" };
  g_autoptr (GError) own = NULL;

  if (!surel_rescue_save_queue (path, data_dir, TRUE, &own)) /* the copy of a moment ago has to do */
    g_debug ("store: what waits can't be read any more: %s", own != NULL ? own->message : "");

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *file = g_strconcat (path, suffixes[i], NULL);

      if (g_unlink (file) != 0 && errno != ENOENT)
        return fail (error, "removed", errno);
    }
  return TRUE;
}

/**
 * surel_rescue_save_accounts:
 * @sql: the database
 *
 * Writes the copy, durably.
 */
gboolean
surel_rescue_save_accounts (SurelSql *sql, const char *data_dir, GError **error)
{
  g_autofree char *path = g_build_filename (data_dir, COPY_NAME, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GKeyFile) copy = g_key_file_new ();
  g_autoptr (GError) own = NULL;
  sqlite3_stmt *statement
      = surel_sql_start (sql, error, "SELECT id, settings, secret FROM account WHERE NOT removing", "");
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (sql, statement, error)) > 0)
    {
      g_autofree char *group = g_strdup_printf ("%" G_GINT64_FORMAT, (gint64) sqlite3_column_int64 (statement, 0));

      g_key_file_set_string (copy, group, "settings", (const char *) sqlite3_column_text (statement, 1));
      g_key_file_set_string (copy, group, "secret", (const char *) sqlite3_column_text (statement, 2));
    }
  if (result < 0)
    return FALSE;
  text = g_key_file_to_data (copy, NULL, NULL);
  if (g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                0600, &own))
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The copy of the accounts can't be written: %s",
               own->message);
  return FALSE;
}

/**
 * surel_rescue_load_accounts:
 * @sql: a new database, in a transaction
 * @ids_end: (inout): raised behind the accounts' ids
 *
 * Takes the accounts from the copy, where there is one.
 */
gboolean
surel_rescue_load_accounts (SurelSql *sql, const char *data_dir, gint64 *ids_end, GError **error)
{
  g_autofree char *path = g_build_filename (data_dir, COPY_NAME, NULL);
  g_autoptr (GKeyFile) copy = g_key_file_new ();
  g_auto (GStrv) groups = NULL;

  if (!g_key_file_load_from_file (copy, path, G_KEY_FILE_NONE, NULL))
    return TRUE;
  groups = g_key_file_get_groups (copy, NULL);
  for (char **group = groups; *group != NULL; group++)
    {
      g_autofree char *settings = g_key_file_get_string (copy, *group, "settings", NULL);
      g_autofree char *secret = g_key_file_get_string (copy, *group, "secret", NULL);
      guint64 id = 0;

      if (settings == NULL || secret == NULL
          || !g_ascii_string_to_unsigned (*group, 10, 1, (guint64) 1 << 52, &id, NULL))
        continue;
      if (!surel_sql_run (sql, error, "INSERT INTO account (id, settings, secret) VALUES (?, ?, ?)", "iss",
                          (gint64) id, settings, secret))
        return FALSE;
      *ids_end = MAX (*ids_end, (gint64) id + 1);
    }
  return TRUE;
}
