#pragma once

#include "base/refcount.h"
#include "store/store.h"

G_BEGIN_DECLS

/* An account as the store has it; immutable. */
typedef struct
{
  SurelRefCount references;
  gint64 id;
  GVariant *settings; /* a{sv}, checked when they came in; no secrets */
  char *secret; /* under what name its secrets are kept elsewhere */
  GStrv capabilities; /* what the server was found to do */
  GStrv addresses; /* that the server says its mail may come from */
  GVariant *keyword_names; /* a{ss}: user keywords that the server has another name for */
  gint64 last_sync; /* seconds since the epoch; 0 for never */
} SurelAccountRow;

SurelAccountRow *surel_account_row_ref (SurelAccountRow *self);
void surel_account_row_unref (SurelAccountRow *self);
const char *surel_account_row_get_string (const SurelAccountRow *self, const char *key);
gboolean surel_account_row_is_enabled (const SurelAccountRow *self);

gboolean surel_accounts_load (SurelSql *sql, gint64 id, GPtrArray *rows, GError **error);
gboolean surel_accounts_note_secrets (SurelTxn *txn, const char *secret, gboolean unowned, GError **error);
GPtrArray *surel_accounts_list_unowned_secrets (SurelReader *reader);
gint64 surel_accounts_add (SurelTxn *txn, GVariant *settings, const char *secret, GError **error);
gboolean surel_accounts_set_settings (SurelTxn *txn, gint64 id, GVariant *settings, GError **error);
gboolean surel_accounts_set_capabilities (SurelTxn *txn,
                                          gint64 id,
                                          const char *const *capabilities,
                                          const char *reserved,
                                          GError **error);
gboolean surel_accounts_set_addresses (SurelTxn *txn, gint64 id, const char *const *addresses, GError **error);
gboolean surel_accounts_set_folders_token (SurelTxn *txn, gint64 id, GBytes *token, GError **error);
GBytes *surel_accounts_load_folders_token (SurelSql *sql, gint64 id);
gboolean surel_accounts_set_memory (SurelTxn *txn, gint64 id, GBytes *memory, GError **error);
GBytes *surel_accounts_load_memory (SurelSql *sql, gint64 id);
gboolean surel_accounts_add_keyword_names (SurelTxn *txn, gint64 id, GHashTable *names, GError **error);
GVariant *surel_accounts_load_keyword_names (SurelSql *sql, gint64 id);
gboolean surel_accounts_lack (SurelTxn *txn, gint64 id, const char *capability, gboolean *lacks, GError **error);
gboolean surel_accounts_need (SurelTxn *txn, gint64 id, const char *capability, GError **error);
gboolean surel_accounts_set_last_sync (SurelTxn *txn, gint64 id, gint64 time, GError **error);
gboolean surel_accounts_mark_removing (SurelTxn *txn, gint64 id, gboolean force, GError **error);
gboolean surel_accounts_check (SurelTxn *txn, gint64 id, GError **error);
gboolean surel_accounts_remove_some (SurelTxn *txn, gint64 id, gboolean *gone, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelAccountRow, surel_account_row_unref)

G_END_DECLS
