/* From an account to a remote that is signed in. */
#include "engine/link.h"

#include "base/errors.h"

typedef struct
{
  SurelStore *store; /* borrowed: it outlives every remote */
  gint64 account;
  GBytes *bytes; /* being loaded or saved */
} Memory;

static void
read_memory (SurelReader *reader, gpointer data)
{
  Memory *memory = data;

  if (reader->error == NULL)
    memory->bytes = surel_accounts_load_memory (reader->sql, memory->account);
}

static GBytes *
load_memory (gpointer data)
{
  Memory *memory = data;

  memory->bytes = NULL;
  surel_store_read_sync (memory->store, read_memory, memory);
  return g_steal_pointer (&memory->bytes);
}

static gboolean
write_memory (SurelTxn *txn, gpointer data, GError **error)
{
  Memory *memory = data;

  return surel_accounts_set_memory (txn, memory->account, memory->bytes, error);
}

static void
save_memory (GBytes *bytes, gpointer data)
{
  Memory *memory = data;

  memory->bytes = bytes;
  surel_store_write_sync (memory->store, write_memory, memory, NULL);
  memory->bytes = NULL;
}

static void
give_memory (SurelRemote *remote, const SurelContext *context, gint64 account)
{
  Memory *memory = g_new0 (Memory, 1);

  memory->store = context->store;
  memory->account = account;
  surel_remote_set_memory (remote, &(SurelRemoteMemory){ load_memory, save_memory, memory, g_free });
}

/**
 * surel_link_new:
 *
 * Looks the account's password up. Blocks.
 *
 * Returns: (transfer full) (nullable): a remote that is yet to be opened; %NULL with %SUREL_ERROR_AUTHENTICATION_FAILED where
 *   there is no password, or another error
 */
SurelRemote *
surel_link_new (const SurelContext *context, const SurelAccountRow *account, GCancellable *cancellable, GError **error)
{
  SurelRemoteConfig config = { .settings = account->settings, .trust = context->trust };
  gboolean bearer = g_str_equal (surel_account_row_get_string (account, "auth"), "bearer");
  g_autoptr (GError) own = NULL;
  SurelRemote *remote;

  config.password = surel_secrets_get (context->secrets, account->secret, bearer ? "accessToken" : "password", cancellable, &own);
  if (config.password == NULL)
    {
      if (own != NULL)
        g_propagate_error (error, g_steal_pointer (&own));
      else
        g_set_error (error, SUREL_ERROR, SUREL_ERROR_AUTHENTICATION_FAILED,
                     "There is no %s for this account; set one and sign in", bearer ? "access token" : "password");
      return NULL;
    }
  remote = context->new_remote (&config, error);
  surel_secret_wipe (config.password);
  if (remote != NULL)
    give_memory (remote, context, account->id);
  return remote;
}

/**
 * surel_link_open:
 *
 * Looks the account's password up, connects and signs in. Blocks.
 *
 * Returns: (transfer full) (nullable): an open remote; %NULL with an error of surel_link_new() or surel_remote_open()
 */
SurelRemote *
surel_link_open (const SurelContext *context, const SurelAccountRow *account, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelRemote) remote = surel_link_new (context, account, cancellable, error);

  return remote != NULL && surel_remote_open (remote, NULL, cancellable, error) ? g_steal_pointer (&remote) : NULL;
}
