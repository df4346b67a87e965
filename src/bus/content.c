/* Calls that want a message's bytes: a reader looks whether they are here and does with them what the call asks for; where they
 * aren't they are fetched first, once, for five minutes at most. */
#include "bus/content.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "base/errors.h"
#include "base/post.h"
#include "bus/call.h"
#include "store/content.h"
#include "store/rows.h"

#define WAIT_SECONDS 300 /* how long a call waits for the server */

typedef struct
{
  SurelService *service;
  GDBusMethodInvocation *invocation;
  GCancellable *cancellable; /* nullable */
  guint64 id;
  SurelContentUse func;
  gpointer data;
  GDestroyNotify free_data; /* nullable */
  gboolean fetched; /* it was asked for already */
  guint timeout; /* source */
  gboolean over; /* answered; what still comes is passed over */

  /* Set by the reader. */
  gint64 account;
  gboolean missing; /* the bytes aren't here */
  GBytes *lost; /* the digest of what should be here and isn't */
  SurelContentReply reply;
  GError *error;
} Call;

static void
call_free (Call *call)
{
  g_clear_handle_id (&call->timeout, g_source_remove);
  g_clear_object (&call->cancellable);
  g_clear_pointer (&call->lost, g_bytes_unref);
  g_clear_pointer (&call->reply.values, g_variant_unref);
  g_clear_error (&call->error);
  if (call->reply.fd >= 0)
    close (call->reply.fd);
  if (call->free_data != NULL)
    call->free_data (call->data);
  g_free (call);
}

static SurelStore *
store_of (Call *call)
{
  return surel_engine_get_store (surel_service_get_engine (call->service));
}

static void
answer (Call *call)
{
  g_autoptr (GUnixFDList) fds = call->reply.fd >= 0 ? g_unix_fd_list_new () : NULL;
  g_autoptr (GError) error = NULL;

  if (fds != NULL && g_unix_fd_list_append (fds, call->reply.fd, &error) < 0)
    surel_call_fail (call->invocation, error);
  else
    g_dbus_method_invocation_return_value_with_unix_fd_list (call->invocation, call->reply.values, fds);
}

static void start (Call *call);

static void
on_fetched (const GError *error, gpointer data)
{
  Call *call = data;

  if (!call->over && error == NULL)
    {
      start (call);
      return;
    }
  if (!call->over)
    surel_call_fail (call->invocation, error);
  call_free (call);
}

static gboolean
forget (SurelTxn *txn, gpointer digest, GError **error)
{
  return surel_content_forget (txn, digest, error);
}

/**
 * surel_content_lose:
 * @digest: (transfer full): of bytes that turned out to be lost or damaged
 *
 * Has the messages that had them be as if they had never been fetched. In any thread.
 */
void
surel_content_lose (SurelStore *store, GBytes *digest)
{
  surel_store_write (store, forget, digest, (GDestroyNotify) g_bytes_unref, NULL, NULL);
}

static void
fetch (Call *call)
{
  SurelAccount *account = surel_engine_find_account (surel_service_get_engine (call->service), call->account);

  if (account == NULL)
    {
      g_autoptr (GError) error
          = g_error_new (SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The message's account is gone");

      surel_call_fail (call->invocation, error);
      call_free (call);
      return;
    }
  call->fetched = TRUE;
  surel_account_fetch (account, (gint64) call->id, call->cancellable, on_fetched, call);
}

/* In the main thread, once a reader has looked. */
static void
on_looked (gpointer data)
{
  Call *call = data;

  if (call->over)
    {
      call_free (call);
      return;
    }
  /* Damaged: as if it had never been fetched. */
  if (call->lost != NULL)
    surel_content_lose (store_of (call), g_steal_pointer (&call->lost));
  if (call->error == NULL && call->missing && !call->fetched)
    {
      fetch (call);
      return;
    }
  if (call->error == NULL && call->missing)
    call->error = g_error_new (SUREL_ERROR, SUREL_ERROR_FAILED,
                               "The message's bytes were fetched, and are gone again");
  if (call->error != NULL)
    surel_call_fail (call->invocation, call->error);
  else
    answer (call);
  call_free (call);
}

static void
use (Call *call, const guint8 *digest)
{
  g_autoptr (GError) error = NULL;
  int fd = digest != NULL ? surel_content_open (surel_store_get_content_dir (store_of (call)), digest, &error) : -1;

  call->missing = fd < 0;
  if (g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
    call->lost = g_bytes_new (digest, SUREL_DIGEST_SIZE);
  else if (error != NULL)
    call->error = g_steal_pointer (&error);
  if (fd < 0)
    return;
  if (call->func (fd, digest, call->data, &call->reply, &call->error))
    g_variant_ref_sink (call->reply.values);
  close (fd);
}

static void
look (SurelReader *reader, gpointer data)
{
  Call *call = data;
  SurelRow row;
  int found;

  if (reader->error != NULL)
    call->error = g_error_copy (reader->error);
  else if ((found = surel_row_read (reader, (gint64) call->id, &row, &call->error)) == 0)
    g_set_error (&call->error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND,
                 "There is no message %" G_GUINT64_FORMAT " (any more)", call->id);
  else if (found > 0)
    {
      call->account = row.account;
      use (call, row.digest);
    }
  surel_post (NULL, on_looked, call, NULL);
}

static void
start (Call *call)
{
  surel_store_read (store_of (call), look, call, NULL, call->cancellable);
}

static gboolean
on_wait_over (gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error
      = g_error_new (SUREL_ERROR, SUREL_ERROR_FAILED,
                     "The server has not delivered the message within five minutes; try again");

  call->timeout = 0;
  call->over = TRUE;
  surel_call_fail (call->invocation, error);
  return G_SOURCE_REMOVE;
}

/**
 * surel_content_call:
 * @invocation: is answered with what @func makes of the bytes of message @id
 * @data: (transfer full): of @func
 * @free_data: (nullable): frees it
 */
void
surel_content_call (SurelService *service,
                    GDBusMethodInvocation *invocation,
                    guint64 id,
                    SurelContentUse func,
                    gpointer data,
                    GDestroyNotify free_data)
{
  Call *call = g_new0 (Call, 1);
  GCancellable *cancellable = surel_service_get_cancellable (service, invocation);

  call->service = service;
  call->invocation = invocation;
  call->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  call->id = MIN (id, (guint64) G_MAXINT64);
  call->func = func;
  call->data = data;
  call->free_data = free_data;
  call->reply.fd = -1;
  call->timeout = g_timeout_add_seconds (WAIT_SECONDS, on_wait_over, call);
  start (call);
}
