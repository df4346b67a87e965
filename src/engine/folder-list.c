/* An account's folders, as the server lists them now and the store has them then. The store is told only where the
 * list isn't as it was told last.
 *
 * A list that lacks a folder may have been made while another device renamed it: Dovecot, for one, moves a folder and
 * what is in it one by one, and for a moment tells neither of the old names nor of the new ones. Their messages would
 * be taken for gone. So it is asked for again until two lists agree. */
#include "engine/folder-list.h"

#include "base/clock.h"
#include "base/mutation.h"
#include "store/accounts.h"
#include "store/folder-layers.h"

#define LISTS_MAX 10 /* after so many the last is believed: somebody is renaming all the time */
#define SETTLE_MS 100

struct _SurelFolderList
{
  SurelStore *store;
  gint64 account;
  char *told; /* what the store was told last; nullable */
  gboolean cut; /* the server has more of them than we take */
};

typedef struct
{
  gint64 account;
  GPtrArray *entries;
  GPtrArray *rows;
  GStrv capabilities;
  const char *reserved;
  GBytes *token;
  gboolean done;
} Exchange;

/**
 * surel_folder_list_new:
 * @store: is not owned, and must outlive it
 */
SurelFolderList *
surel_folder_list_new (SurelStore *store, gint64 account)
{
  SurelFolderList *self = g_new0 (SurelFolderList, 1);

  self->store = store;
  self->account = account;
  return self;
}

void
surel_folder_list_free (SurelFolderList *self)
{
  g_free (self->told);
  g_free (self);
}

/**
 * surel_folder_list_is_cut:
 *
 * Returns: whether the server last listed more than %SUREL_FOLDERS_MAX folders
 */
gboolean
surel_folder_list_is_cut (SurelFolderList *self)
{
  return self->cut;
}

static gboolean
write_folders (SurelTxn *txn, gpointer data, GError **error)
{
  Exchange *exchange = data;

  return surel_accounts_check (txn, exchange->account, error)
         && surel_folders_put_all (txn, exchange->account, exchange->entries, error)
         && surel_accounts_set_capabilities (txn, exchange->account, (const char *const *) exchange->capabilities,
                                             exchange->reserved, error)
         && surel_accounts_set_folders_token (txn, exchange->account, exchange->token, error);
}

static gboolean
remove_folders (SurelTxn *txn, gpointer data, GError **error)
{
  Exchange *exchange = data;

  return surel_accounts_check (txn, exchange->account, error)
         && surel_folders_remove_some (txn, exchange->account, &exchange->done, error);
}

static void
read_folders (SurelReader *reader, gpointer data)
{
  Exchange *exchange = data;

  if (reader->error == NULL)
    surel_folders_load_account (reader->sql, exchange->account, exchange->rows, NULL);
}

/* All of a list that the store keeps. */
static char *
describe (GPtrArray *entries, GStrv capabilities)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; capabilities[i] != NULL; i++)
    g_string_append_printf (text, "%s ", capabilities[i]);
  for (guint i = 0; i < entries->len; i++)
    {
      const SurelFolderEntry *entry = entries->pdata[i];

      g_string_append_printf (text, "\n%s\t%s\t%s\t%s\t%s\t%s\t%d %u %d %d", entry->remote_id,
                              entry->parent_remote_id != NULL ? entry->parent_remote_id : "", entry->name,
                              entry->role != NULL ? entry->role : "", entry->owner != NULL ? entry->owner : "",
                              entry->identity != NULL ? entry->identity : "", (int) entry->namespace_kind,
                              entry->rights, entry->subscribed, entry->selectable);
    }
  return g_string_free (text, FALSE);
}

static GPtrArray *
load_rows (SurelFolderList *self)
{
  Exchange exchange = { .account = self->account };

  exchange.rows = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_row_unref);
  surel_store_read_sync (self->store, read_folders, &exchange);
  return exchange.rows;
}

/* A folder that was there is not in the list, or no more than a name. */
static gboolean
lacks_one (SurelFolderList *self, GPtrArray *entries)
{
  g_autoptr (GPtrArray) rows = load_rows (self);
  g_autoptr (GHashTable) listed = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < entries->len; i++)
    g_hash_table_insert (listed, ((SurelFolderEntry *) entries->pdata[i])->remote_id, entries->pdata[i]);
  for (guint i = 0; i < rows->len; i++)
    {
      const SurelFolderRow *row = rows->pdata[i];
      const SurelFolderEntry *entry = g_hash_table_lookup (listed, row->remote_id);

      if (!g_str_has_prefix (row->remote_id, SUREL_FOLDER_NEW_PREFIX)
          && (entry == NULL || (row->selectable && !entry->selectable)))
        return TRUE;
    }
  return FALSE;
}

static void
read_token (SurelReader *reader, gpointer data)
{
  Exchange *exchange = data;

  if (reader->error == NULL)
    exchange->token = surel_accounts_load_folders_token (reader->sql, exchange->account);
}

/* Of the list that the store was told last; what people did to folders since may have given it another. */
static GBytes *
load_token (SurelFolderList *self)
{
  Exchange exchange = { .account = self->account };

  surel_store_read_sync (self->store, read_token, &exchange);
  return exchange.token;
}

static GPtrArray *
ask (SurelFolderList *self, SurelRemote *remote, GBytes **token, GCancellable *stop, GError **error)
{
  g_autoptr (GPtrArray) entries = surel_remote_list (remote, token, stop, error);

  if (entries == NULL)
    return NULL;
  self->cut = entries->len > SUREL_FOLDERS_MAX;
  if (self->cut)
    g_ptr_array_set_size (entries, SUREL_FOLDERS_MAX);
  return g_steal_pointer (&entries);
}

/* Takes @entries, the first list, over; @text is what it says, and then what the returned one says, which is to be
 * believed. */
static GPtrArray *
ask_again (SurelFolderList *self,
           SurelRemote *remote,
           GStrv capabilities,
           GPtrArray *entries,
           GBytes **token,
           char **text,
           GCancellable *stop,
           GError **error)
{
  gboolean agree = FALSE;

  for (guint lists = 1; entries != NULL && !agree && lists < LISTS_MAX; lists++)
    {
      g_autofree char *before = g_steal_pointer (text);

      g_ptr_array_unref (entries);
      surel_clock_wait (stop, SETTLE_MS);
      entries = ask (self, remote, token, stop, error);
      *text = entries != NULL ? describe (entries, capabilities) : NULL;
      agree = g_strcmp0 (before, *text) == 0;
    }
  return entries;
}

static gboolean
is_same (GBytes *one, GBytes *other)
{
  return one == other || (one != NULL && other != NULL && g_bytes_equal (one, other));
}

/**
 * surel_folder_list_exchange:
 * @rows: (out) (transfer full) (element-type SurelFolderRow): the folders as the store has them then
 *
 * Asks the server for its folders, and brings the store up to date with them: those that are gone are removed with all
 * their messages, which may take many commits.
 *
 * Returns: (transfer full) (nullable) (element-type SurelFolderEntry): what the server lists
 */
GPtrArray *
surel_folder_list_exchange (SurelFolderList *self,
                            SurelRemote *remote,
                            GPtrArray **rows,
                            GCancellable *stop,
                            GError **error)
{
  g_autoptr (GBytes) before = load_token (self);
  g_autoptr (GBytes) token = before != NULL ? g_bytes_ref (before) : NULL;
  g_autoptr (GPtrArray) entries = ask (self, remote, &token, stop, error);
  g_auto (GStrv) capabilities = NULL;
  g_autofree char *text = NULL;

  if (entries == NULL)
    return NULL;
  capabilities = surel_remote_get_capabilities (remote);
  text = describe (entries, capabilities);
  if (g_strcmp0 (text, self->told) != 0 || !is_same (token, before))
    {
      g_autofree char *reserved = surel_remote_get_reserved (remote);
      Exchange exchange = { .account = self->account, .capabilities = capabilities, .reserved = reserved };

      if (lacks_one (self, entries) && !surel_mutation ("delete-unlisted")
          && (entries = ask_again (self, remote, capabilities, g_steal_pointer (&entries), &token, &text, stop,
                                   error)) == NULL)
        return NULL;
      exchange.entries = entries;
      exchange.token = token;
      g_clear_pointer (&self->told, g_free);
      if (!surel_store_write_sync (self->store, write_folders, &exchange, error))
        return NULL;
      while (!exchange.done)
        if (!surel_store_write_sync (self->store, remove_folders, &exchange, error))
          return NULL;
      self->told = g_steal_pointer (&text);
    }
  *rows = load_rows (self);
  return g_steal_pointer (&entries);
}

/**
 * surel_folder_list_reload:
 * @rows: (inout) (transfer full) (element-type SurelFolderRow): replaced by what the store has now
 */
void
surel_folder_list_reload (SurelFolderList *self, GPtrArray **rows)
{
  g_ptr_array_unref (*rows);
  *rows = load_rows (self);
}
