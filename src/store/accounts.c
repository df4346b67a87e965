/* Accounts in the database. */
#include "store/accounts.h"

#include "base/errors.h"
#include "store/intents.h"
#include "store/messages.h"
#include "store/search.h"

#define NAMES_MAX 500 /* of keywords: they are all in one property */
#define REMOVE_ROWS 5000 /* messages to one commit */

SurelAccountRow *
surel_account_row_ref (SurelAccountRow *self)
{
  surel_ref_count_inc (&self->references);
  return self;
}

void
surel_account_row_unref (SurelAccountRow *self)
{
  if (!surel_ref_count_dec (&self->references))
    return;
  g_variant_unref (self->settings);
  g_free (self->secret);
  g_strfreev (self->capabilities);
  g_strfreev (self->addresses);
  g_variant_unref (self->keyword_names);
  g_free (self);
}

/**
 * surel_account_row_get_string:
 * @key: a settings key whose value is a string
 *
 * Returns: (transfer none): the value, empty where there is none
 */
const char *
surel_account_row_get_string (const SurelAccountRow *self, const char *key)
{
  const char *value = "";

  g_variant_lookup (self->settings, key, "&s", &value);
  return value;
}

gboolean
surel_account_row_is_enabled (const SurelAccountRow *self)
{
  gboolean enabled = TRUE;

  g_variant_lookup (self->settings, "enabled", "b", &enabled);
  return enabled;
}

static GVariant *
parse_keyword_names (const char *text)
{
  GVariant *names = text[0] != '\0' ? g_variant_parse (G_VARIANT_TYPE ("a{ss}"), text, NULL, NULL, NULL) : NULL;

  return names != NULL ? names : g_variant_ref_sink (g_variant_new ("a{ss}", NULL));
}

static GStrv
split (sqlite3_stmt *statement, int column)
{
  const char *text = (const char *) sqlite3_column_text (statement, column);

  return text[0] != '\0' ? g_strsplit (text, " ", -1) : g_new0 (char *, 1);
}

/**
 * surel_accounts_load:
 * @id: an account's id, or 0 for all
 * @rows: (element-type SurelAccountRow): where the rows are added
 *
 * Accounts that are being removed are left out.
 */
gboolean
surel_accounts_load (SurelSql *sql, gint64 id, GPtrArray *rows, GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (
      sql, error,
      "SELECT id, settings, capabilities, last_sync, secret, keyword_names, addresses FROM account WHERE (?1 = 0 OR id = ?1) AND NOT "
      "removing ORDER BY id",
      "i", id);
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (sql, statement, error)) > 0)
    {
      SurelAccountRow *row = g_new0 (SurelAccountRow, 1);

      surel_ref_count_init (&row->references);
      row->id = sqlite3_column_int64 (statement, 0);
      row->settings = g_variant_parse (G_VARIANT_TYPE_VARDICT,
                                       (const char *) sqlite3_column_text (statement, 1), NULL, NULL,
                                       NULL);
      if (row->settings == NULL)
        row->settings = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
      row->capabilities = split (statement, 2);
      row->last_sync = sqlite3_column_int64 (statement, 3);
      row->secret = surel_sql_column_text (statement, 4);
      row->keyword_names = parse_keyword_names ((const char *) sqlite3_column_text (statement, 5));
      row->addresses = split (statement, 6);
      g_ptr_array_add (rows, row);
    }
  return result == 0;
}

/* Two accounts are the same where protocol, user and server are. */
static gboolean
check_new (SurelTxn *txn, GVariant *settings, GError **error)
{
  static const char *const keys[] = { "protocol", "user", "host", "url" };
  g_autoptr (GPtrArray) rows
      = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_account_row_unref);

  if (!surel_accounts_load (txn->sql, 0, rows, error))
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      gboolean same = TRUE;

      for (guint k = 0; k < G_N_ELEMENTS (keys); k++)
        {
          const char *value = "";

          g_variant_lookup (settings, keys[k], "&s", &value);
          same = same && g_str_equal (value, surel_account_row_get_string (rows->pdata[i], keys[k]));
        }
      if (same)
        {
          g_set_error (error, SUREL_ERROR, SUREL_ERROR_EXISTS,
                       "There is an account with that user and server already");
          return FALSE;
        }
    }
  return TRUE;
}

/* --- Secrets, which are kept elsewhere --- */

#define UNOWNED "unowned-secrets:" /* before the name, as a key of `meta` */

/**
 * surel_accounts_note_secrets:
 * @secret: a name
 * @unowned: whether secrets may be kept under it though no account has them (any more)
 *
 * Noted before secrets are kept and until they are forgotten, so that a crash leaves none behind.
 */
gboolean
surel_accounts_note_secrets (SurelTxn *txn, const char *secret, gboolean unowned, GError **error)
{
  g_autofree char *key = g_strconcat (UNOWNED, secret, NULL);

  return surel_sql_run (txn->sql, error,
                        unowned ? "INSERT OR REPLACE INTO meta (key, value) VALUES (?, 1)" : "DELETE FROM meta WHERE key = ?",
                        "s", key);
}

/**
 * surel_accounts_list_unowned_secrets:
 *
 * Returns: (transfer full) (element-type utf8): the names noted
 */
GPtrArray *
surel_accounts_list_unowned_secrets (SurelReader *reader)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  sqlite3_stmt *s = surel_sql_start (reader->sql, NULL, "SELECT substr (key, ?) FROM meta WHERE key GLOB '" UNOWNED "*'", "i",
                                     (gint64) strlen (UNOWNED) + 1);

  while (s != NULL && surel_sql_step (reader->sql, s, NULL) > 0)
    g_ptr_array_add (names, surel_sql_column_text (s, 0));
  return names;
}

/**
 * surel_accounts_add:
 * @settings: a checked a{sv}
 * @secret: under what name its secrets are kept elsewhere
 *
 * Returns: the new account's id; 0 with %SUREL_ERROR_EXISTS or another error
 */
gint64
surel_accounts_add (SurelTxn *txn, GVariant *settings, const char *secret, GError **error)
{
  g_autofree char *text = g_variant_print (settings, TRUE);
  gint64 id = check_new (txn, settings, error) ? surel_txn_new_id (txn, error) : 0;

  if (id == 0
      || !surel_sql_run (txn->sql, error, "INSERT INTO account (id, settings, secret) VALUES (?, ?, ?)",
                         "iss", id, text, secret))
    return 0;
  surel_txn_changed (txn, SUREL_FAMILY_ACCOUNT, (guint64) id, SUREL_CREATED);
  return id;
}

static gboolean
update (SurelTxn *txn, gint64 id, gboolean success)
{
  if (success && sqlite3_changes64 (surel_sql_handle (txn->sql)) > 0)
    surel_txn_changed (txn, SUREL_FAMILY_ACCOUNT, (guint64) id, SUREL_UPDATED);
  return success;
}

gboolean
surel_accounts_set_settings (SurelTxn *txn, gint64 id, GVariant *settings, GError **error)
{
  g_autofree char *text = g_variant_print (settings, TRUE);

  return update (txn, id,
                 surel_sql_run (txn->sql, error,
                                "UPDATE account SET settings = ?1 WHERE id = ?2 AND settings != ?1",
                                "si", text, id));
}

/**
 * surel_accounts_set_addresses:
 * @addresses: no spaces in any
 */
gboolean
surel_accounts_set_addresses (SurelTxn *txn, gint64 id, const char *const *addresses, GError **error)
{
  g_autofree char *text = g_strjoinv (" ", (char **) addresses);

  return update (txn, id,
                 surel_sql_run (txn->sql, error, "UPDATE account SET addresses = ?1 WHERE id = ?2 AND addresses != ?1", "si", text, id));
}

gboolean
surel_accounts_set_capabilities (SurelTxn *txn,
                                 gint64 id,
                                 const char *const *capabilities,
                                 const char *reserved,
                                 GError **error)
{
  g_autofree char *text = g_strjoinv (" ", (char **) capabilities);

  return update (txn, id,
                 surel_sql_run (txn->sql, error,
                                "UPDATE account SET capabilities = ?1, reserved = ?2 WHERE id = ?3 AND (capabilities, "
                                "reserved) IS NOT (?1, ?2)",
                                "ssi", text, reserved, id));
}

/**
 * surel_accounts_load_keyword_names:
 *
 * Returns: (transfer full): a{ss}: what the server calls user keywords that it has another name for
 */
GVariant *
surel_accounts_load_keyword_names (SurelSql *sql, gint64 id)
{
  sqlite3_stmt *s = surel_sql_start (sql, NULL, "SELECT keyword_names FROM account WHERE id = ?", "i", id);
  GVariant *names;

  if (s == NULL || surel_sql_step (sql, s, NULL) <= 0)
    return parse_keyword_names ("");
  names = parse_keyword_names ((const char *) sqlite3_column_text (s, 0));
  sqlite3_reset (s);
  return names;
}

/**
 * surel_accounts_add_keyword_names:
 * @names: (element-type utf8 utf8): keyword → what the server calls it
 *
 * Of one that has a name already that stays; of more than some hundreds the others are shown as the keywords they are.
 */
gboolean
surel_accounts_add_keyword_names (SurelTxn *txn, gint64 id, GHashTable *names, GError **error)
{
  g_autoptr (GVariant) before = surel_accounts_load_keyword_names (txn->sql, id);
  g_autoptr (GVariant) after = NULL;
  g_autofree char *text = NULL;
  GVariantBuilder builder;
  gsize count = g_variant_n_children (before);
  GHashTableIter iter;
  gpointer keyword, name;
  const char *known;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  for (gsize i = 0; i < count; i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (before, i);

      g_variant_builder_add_value (&builder, entry);
    }
  g_hash_table_iter_init (&iter, names);
  while (g_hash_table_iter_next (&iter, &keyword, &name) && count < NAMES_MAX)
    if (!g_variant_lookup (before, keyword, "&s", &known))
      {
        g_variant_builder_add (&builder, "{ss}", keyword, name);
        count++;
      }
  after = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (g_variant_n_children (after) == g_variant_n_children (before))
    return TRUE;
  text = g_variant_print (after, FALSE);
  return update (txn, id, surel_sql_run (txn->sql, error, "UPDATE account SET keyword_names = ? WHERE id = ?", "si", text, id));
}

/**
 * surel_accounts_lack:
 * @capability: as `Account.Capabilities` names it
 * @lacks: (out): whether the server can't do that; before it has told what it can it is trusted to be able to do anything
 */
gboolean
surel_accounts_lack (SurelTxn *txn, gint64 id, const char *capability, gboolean *lacks, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (txn->sql, &found, error,
                      "SELECT capabilities != '' AND instr (' ' || capabilities || ' ', ' ' || ? || ' ') = 0 FROM account WHERE id = ?",
                      "si", capability, id))
    return FALSE;
  *lacks = found != 0;
  return TRUE;
}

/**
 * surel_accounts_need:
 * @capability: as `Account.Capabilities` names it
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_SUPPORTED where the server can't do that
 */
gboolean
surel_accounts_need (SurelTxn *txn, gint64 id, const char *capability, GError **error)
{
  gboolean lacks;

  if (!surel_accounts_lack (txn, id, capability, &lacks, error))
    return FALSE;
  if (lacks)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED,
                 "The account's server has no way to do this (it lacks the capability `%s`)", capability);
  return !lacks;
}

/**
 * surel_accounts_set_folders_token:
 * @token: (nullable): what the remote closed the list with that is stored in the same transaction
 */
gboolean
surel_accounts_set_folders_token (SurelTxn *txn, gint64 id, GBytes *token, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE account SET folders_token = ?1 WHERE id = ?2 AND folders_token IS NOT ?1", "bi",
                        token, id);
}

static GBytes *
load_bytes (SurelSql *sql, const char *query, gint64 id)
{
  sqlite3_stmt *s = surel_sql_start (sql, NULL, query, "i", id);
  GBytes *bytes = NULL;

  if (s != NULL && surel_sql_step (sql, s, NULL) > 0)
    {
      bytes = surel_sql_column_bytes (s, 0);
      sqlite3_reset (s);
    }
  return bytes;
}

/**
 * surel_accounts_load_folders_token:
 *
 * Returns: (transfer full) (nullable): the token of the list of folders that is stored
 */
GBytes *
surel_accounts_load_folders_token (SurelSql *sql, gint64 id)
{
  return load_bytes (sql, "SELECT folders_token FROM account WHERE id = ?", id);
}

/**
 * surel_accounts_set_memory:
 * @memory: what a remote keeps of the server
 */
gboolean
surel_accounts_set_memory (SurelTxn *txn, gint64 id, GBytes *memory, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE account SET memory = ? WHERE id = ?", "bi", memory, id);
}

/**
 * surel_accounts_load_memory:
 *
 * Returns: (transfer full) (nullable): what surel_accounts_set_memory() was given last
 */
GBytes *
surel_accounts_load_memory (SurelSql *sql, gint64 id)
{
  return load_bytes (sql, "SELECT memory FROM account WHERE id = ?", id);
}

/**
 * surel_accounts_set_last_sync:
 * @time: seconds since the epoch
 *
 * Times make no state.
 */
gboolean
surel_accounts_set_last_sync (SurelTxn *txn, gint64 id, gint64 time, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE account SET last_sync = ? WHERE id = ?", "ii", time,
                        id);
}

/* Nothing a person did is thrown away unless they say so; what lives here alone is nowhere else. */
static gboolean
check_all_sent (SurelTxn *txn, gint64 id, GError **error)
{
  gint64 open = 0;

  if (!surel_sql_get (txn->sql, &open, error,
                      "SELECT (SELECT count(*) FROM intent WHERE account = ?1 AND state < 2) + (SELECT count(*) "
                      "FROM " SUREL_INTENTS_FROM_ACCOUNT ") + (SELECT count(*) FROM intent i WHERE i.account = ?1 AND " SUREL_INTENT_STAYS
                      " AND EXISTS (SELECT 1 FROM placement p WHERE p.message = i.message AND NOT p.leaving))",
                      "i", id))
    return FALSE;
  if (open > 0)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
                 "The server does not have %" G_GINT64_FORMAT " changes or drafts yet: they would be lost", open);
  return open == 0;
}

/**
 * surel_accounts_mark_removing:
 * @force: also where the server doesn't have all changes yet
 *
 * Takes the account and its folders out of sight; its rows are then removed by
 * surel_accounts_remove_some().
 *
 * Returns: %FALSE with %SUREL_ERROR_CONFLICT where changes would be lost
 */
gboolean
surel_accounts_mark_removing (SurelTxn *txn, gint64 id, gboolean force, GError **error)
{
  sqlite3_stmt *statement;
  int result = -1;

  if (!force && !check_all_sent (txn, id, error))
    return FALSE;
  if (!surel_intents_fail_source (txn, id, error)
      || !surel_sql_run (txn->sql, error, "UPDATE account SET removing = 1 WHERE id = ?", "i", id))
    return FALSE;
  if (sqlite3_changes64 (surel_sql_handle (txn->sql)) == 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "There is no such account");
      return FALSE;
    }
  statement = surel_sql_start (txn->sql, error, "SELECT id FROM folder WHERE account = ?", "i", id);
  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    surel_txn_changed (txn, SUREL_FAMILY_FOLDER,
                       SUREL_FOLDER_KEY (id, sqlite3_column_int64 (statement, 0)), SUREL_DESTROYED);
  surel_txn_changed (txn, SUREL_FAMILY_ACCOUNT, (guint64) id, SUREL_DESTROYED);
  return result == 0;
}

/**
 * surel_accounts_check:
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_FOUND where the account is gone or being removed
 */
gboolean
surel_accounts_check (SurelTxn *txn, gint64 id, GError **error)
{
  gint64 there = 0;

  if (!surel_sql_get (txn->sql, &there, error, "SELECT 1 FROM account WHERE id = ? AND NOT removing", "i", id))
    return FALSE;
  if (!there)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The account is gone");
  return there != 0;
}

/**
 * surel_accounts_remove_some:
 * @gone: (out): whether nothing of the account is left
 *
 * Removes the next messages of an account that is being removed, and at last the account.
 */
gboolean
surel_accounts_remove_some (SurelTxn *txn, gint64 id, gboolean *gone, GError **error)
{
  gint64 left = 0;

  if (!surel_messages_remove_of_account (txn, id, REMOVE_ROWS, error)
      || !surel_sql_get (txn->sql, &left, error,
                         "SELECT 1 WHERE EXISTS (SELECT 1 FROM folder f JOIN placement p ON p.folder = "
                         "f.id WHERE f.account = ?1) OR EXISTS (SELECT 1 FROM message WHERE account = "
                         "?1 AND held IS NOT NULL)",
                         "i", id))
    return FALSE;
  *gone = left == 0;
  return !*gone
         || (surel_sql_run (txn->sql, error, "DELETE FROM folder WHERE account = ?", "i", id)
             && surel_intents_remove_of_account (txn, id, error)
             && surel_sql_run (txn->sql, error, "DELETE FROM account WHERE id = ?", "i", id)
             && surel_search_forget (txn, error)); /* its words, too */
}
