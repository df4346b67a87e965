#pragma once

#include "base/folder.h"
#include "base/refcount.h"
#include "store/store.h"

G_BEGIN_DECLS

/* A folder as the store has it; immutable. */
typedef struct
{
  SurelRefCount references;
  gint64 id;
  gint64 account;
  gint64 parent; /* 0 for none */
  char *remote_id; /* the scope's name on the wire */
  char *name; /* as a person reads it */
  char *path; /* names joined by `/`, escaped */
  SurelNamespaceKind namespace_kind;
  char *owner;
  char *role; /* what counts: the user's word before the server's; empty for none */
  guint rights; /* SurelRight bits */
  gboolean subscribed;
  gboolean selectable; /* can hold messages */
  gboolean watch;
  guint total;
  guint unread;
  guint server_messages;
  GBytes *token; /* nullable */
  gboolean listed; /* its first listing is done */
  gint64 last_sync; /* seconds since the epoch; 0 for never */
  gint64 last_proven;
  gboolean unsure; /* a message is shown in it of which only a list can say whether the server has it there */
  char *identity; /* stays when another device renames it; empty where there is none */
} SurelFolderRow;

SurelFolderRow *surel_folder_row_ref (SurelFolderRow *self);
void surel_folder_row_unref (SurelFolderRow *self);

gboolean surel_folders_load (SurelSql *sql, gint64 id, GPtrArray *rows, GError **error);
gboolean surel_folders_load_account (SurelSql *sql, gint64 account, GPtrArray *rows, GError **error);
gboolean
surel_folders_put_all (SurelTxn *txn, gint64 account, GPtrArray *entries, GError **error);
gboolean
surel_folders_remove_some (SurelTxn *txn, gint64 account, gboolean *done, GError **error);
gboolean surel_folders_check (SurelTxn *txn, gint64 folder, GError **error);
gboolean surel_folders_load_token (SurelReader *reader, gint64 folder, GBytes **token, GError **error);
gboolean surel_folders_close (SurelTxn *txn, gint64 folder, GBytes *token, GError **error);
gboolean surel_folders_set_listed (SurelTxn *txn, gint64 folder, GError **error);
gboolean surel_folders_set_synced (SurelTxn *txn,
                                   gint64 folder,
                                   gint64 server_messages,
                                   gboolean proven,
                                   GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelFolderRow, surel_folder_row_unref)

G_END_DECLS
