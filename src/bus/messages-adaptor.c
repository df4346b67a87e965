/* org.surel.Sync1.Messages: reading. Queries run in reader threads and answer from there. */
#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "base/errors.h"
#include "base/post.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/filter.h"
#include "bus/row.h"
#include "store/content.h"

#define REPLY_MAX (900 * 1024) /* octets of a reply's rows: the rest of the message fits in 1 MiB */
#define IDS_MAX 1000 /* ids in one Get */
#define READ_MAX (512 * 1024) /* octets of one Read */
#define WAIT_SECONDS 300 /* how long a call waits for the server */

typedef struct
{
  SurelService *service; /* borrowed */
} Adaptor;

static SurelStore *
store_of (Adaptor *self)
{
  return surel_engine_get_store (surel_service_get_engine (self->service));
}

/* --- Query --- */

typedef struct
{
  GDBusMethodInvocation *invocation;
  SurelQuery *query;
  SurelProperties *properties;
} QueryCall;

static void
query_call_free (gpointer data)
{
  QueryCall *call = data;

  surel_query_free (call->query);
  surel_properties_free (call->properties);
  g_free (call);
}

/* Adds rows until the reply would be too large. Returns how many ids were dealt with, -1 with @error set. */
static gint
add_rows (SurelReader *reader,
          const SurelProperties *properties,
          GArray *ids,
          GVariantBuilder *rows,
          GArray *not_found,
          GError **error)
{
  gsize size = 0;

  for (guint i = 0; i < ids->len; i++)
    {
      guint64 id = g_array_index (ids, guint64, i);
      GVariant *row = NULL;
      int found = surel_properties_read (properties, reader, (gint64) id, &row, error);

      if (found < 0)
        return -1;
      if (found == 0)
        {
          if (not_found != NULL)
            g_array_append_val (not_found, id);
          continue;
        }
      g_variant_ref_sink (row);
      size += g_variant_get_size (row) * 5 / 4 + 16; /* the wire's alignment takes more than GVariant's */
      if (size > REPLY_MAX && i > 0)
        {
          g_variant_unref (row);
          return (gint) i;
        }
      g_variant_builder_add_value (rows, row);
      g_variant_unref (row);
    }
  return (gint) ids->len;
}

static void
run_query (SurelReader *reader, gpointer data)
{
  QueryCall *call = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelQueryResult) found = NULL;
  GVariantBuilder rows;
  GVariantBuilder dict;
  gint done = -1;

  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  if (reader->error != NULL)
    error = g_error_copy (reader->error);
  else if ((found = surel_query_run (reader, call->query, &error)) != NULL)
    done = add_rows (reader, call->properties, found->ids, &rows, NULL, &error);
  if (done < 0)
    {
      g_variant_builder_clear (&rows);
      surel_call_fail (call->invocation, error);
      return;
    }
  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&dict, "{sv}", "state", g_variant_new_uint64 (reader->state));
  g_variant_builder_add (&dict, "{sv}", "messages", g_variant_builder_end (&rows));
  g_variant_builder_add (&dict, "{sv}", "hasMore",
                         g_variant_new_boolean (found->has_more || (guint) done < found->ids->len));
  g_variant_builder_add (&dict, "{sv}", "complete", g_variant_new_boolean (TRUE));
  if (call->query->calculate_total)
    g_variant_builder_add (&dict, "{sv}", "total",
                           g_variant_new_uint32 ((guint32) MIN (found->total, G_MAXUINT32)));
  surel_call_answer (call->invocation, g_variant_new ("(a{sv})", &dict));
}

static gboolean
handle_query (SurelBusMessages *skeleton G_GNUC_UNUSED,
              GDBusMethodInvocation *invocation,
              GVariant *filter,
              const char *const *sort,
              GVariant *window,
              const char *const *properties,
              gpointer data)
{
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelQuery) query = surel_filter_parse (filter, sort, window, &error);
  g_autoptr (SurelProperties) wanted
      = query != NULL ? surel_properties_new (properties, &error) : NULL;
  QueryCall *call;

  if (wanted == NULL)
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  call = g_new0 (QueryCall, 1);
  *call = (QueryCall){ invocation, g_steal_pointer (&query), g_steal_pointer (&wanted) };
  surel_store_read (store_of (self), run_query, call, query_call_free,
                    surel_service_get_cancellable (self->service, invocation));
  return TRUE;
}

/* --- Get --- */

typedef struct
{
  GDBusMethodInvocation *invocation;
  GArray *ids;
  SurelProperties *properties;
} GetCall;

static void
get_call_free (gpointer data)
{
  GetCall *call = data;

  g_array_unref (call->ids);
  surel_properties_free (call->properties);
  g_free (call);
}

static void
run_get (SurelReader *reader, gpointer data)
{
  GetCall *call = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) not_found = g_array_new (FALSE, FALSE, sizeof (guint64));
  GVariantBuilder rows;
  gint done = -1;

  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  if (reader->error != NULL)
    error = g_error_copy (reader->error);
  else
    done = add_rows (reader, call->properties, call->ids, &rows, not_found, &error);
  if (done < 0)
    {
      g_variant_builder_clear (&rows);
      surel_call_fail (call->invocation, error);
      return;
    }
  g_array_remove_range (call->ids, 0, (guint) done);
  surel_call_answer (call->invocation,
                     g_variant_new ("(aa{sv}@at@at)", &rows, surel_call_ids (not_found),
                                    surel_call_ids (call->ids)));
}

static gboolean
handle_get (SurelBusMessages *skeleton G_GNUC_UNUSED,
            GDBusMethodInvocation *invocation,
            GVariant *ids,
            const char *const *properties,
            gpointer data)
{
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelProperties) wanted = surel_properties_new (properties, &error);
  gsize n;
  const guint64 *values = g_variant_get_fixed_array (ids, &n, sizeof (guint64));
  GetCall *call;

  if (wanted != NULL && n > IDS_MAX)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED, "At most %d ids can be asked for at once",
                 IDS_MAX);
  if (error != NULL)
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  call = g_new0 (GetCall, 1);
  *call = (GetCall){ invocation, g_array_sized_new (FALSE, FALSE, sizeof (guint64), (guint) n),
                     g_steal_pointer (&wanted) };
  if (n > 0)
    g_array_append_vals (call->ids, values, (guint) n);
  surel_store_read (store_of (self), run_get, call, get_call_free,
                    surel_service_get_cancellable (self->service, invocation));
  return TRUE;
}

/* --- Content --- */

typedef struct
{
  Adaptor *adaptor;
  GDBusMethodInvocation *invocation;
  GCancellable *cancellable;
  guint64 id;
  gboolean inline_data; /* Read: else Open */
  guint64 offset;
  guint count;
  gboolean fetched; /* it was asked for already */
  guint timeout; /* source */
  gboolean over; /* answered; what still comes is passed over */

  /* Set by the reader. */
  gint64 account;
  int fd;
  GBytes *lost; /* the digest of what should be here and isn't */
  GError *error;
} ContentCall;

static void
content_call_free (ContentCall *call)
{
  g_clear_handle_id (&call->timeout, g_source_remove);
  g_clear_object (&call->cancellable);
  g_clear_pointer (&call->lost, g_bytes_unref);
  g_clear_error (&call->error);
  if (call->fd >= 0)
    close (call->fd);
  g_free (call);
}

static void
answer_open (ContentCall *call)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  gint handle = g_unix_fd_list_append (fds, call->fd, &error);

  if (handle < 0)
    surel_call_fail (call->invocation, error);
  else
    surel_bus_messages_complete_open (NULL, call->invocation, fds, g_variant_new_handle (handle));
}

static void
answer_read (ContentCall *call)
{
  g_autofree guint8 *buffer = g_malloc (MAX (call->count, 1));
  gsize length = 0;
  gssize n = 1;

  while (length < call->count && call->offset <= G_MAXINT64 - length
         && (n = pread (call->fd, buffer + length, call->count - length, (off_t) (call->offset + length)))
                > 0)
    length += (gsize) n;
  g_dbus_method_invocation_return_value (
      call->invocation,
      g_variant_new ("(@ay)", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, buffer, length, 1)));
}

static void start_content (ContentCall *call);

static void
on_fetched (const GError *error, gpointer data)
{
  ContentCall *call = data;

  if (call->over)
    {
      content_call_free (call);
      return;
    }
  if (error == NULL)
    {
      start_content (call);
      return;
    }
  surel_call_fail (call->invocation, error);
  content_call_free (call);
}

static gboolean
forget_content (SurelTxn *txn, gpointer digest, GError **error)
{
  return surel_content_forget (txn, digest, error);
}

static void
fetch_content (ContentCall *call)
{
  SurelEngine *engine = surel_service_get_engine (call->adaptor->service);
  SurelAccount *account = surel_engine_find_account (engine, call->account);

  if (account == NULL)
    {
      g_autoptr (GError) error
          = g_error_new (SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The message's account is gone");

      surel_call_fail (call->invocation, error);
      content_call_free (call);
      return;
    }
  call->fetched = TRUE;
  surel_account_fetch (account, (gint64) call->id, call->cancellable, on_fetched, call);
}

/* In the main thread, once a reader has looked. */
static void
on_looked (gpointer data)
{
  ContentCall *call = data;

  if (call->over)
    {
      content_call_free (call);
      return;
    }
  if (call->lost != NULL)
    {
      /* Damaged: as if it had never been fetched. */
      surel_store_write (store_of (call->adaptor), forget_content, g_steal_pointer (&call->lost),
                         (GDestroyNotify) g_bytes_unref, NULL, NULL);
    }
  if (call->error == NULL && call->fd < 0 && !call->fetched)
    {
      fetch_content (call);
      return;
    }
  if (call->error == NULL && call->fd < 0)
    call->error = g_error_new (SUREL_ERROR, SUREL_ERROR_FAILED,
                               "The message's bytes were fetched, and are gone again");
  if (call->error != NULL)
    surel_call_fail (call->invocation, call->error);
  else if (call->inline_data)
    answer_read (call);
  else
    answer_open (call);
  content_call_free (call);
}

static void
look_for_content (SurelReader *reader, gpointer data)
{
  ContentCall *call = data;
  SurelRow row;
  int found;

  if (reader->error != NULL)
    call->error = g_error_copy (reader->error);
  else if ((found = surel_row_read (reader, (gint64) call->id, &row, &call->error)) == 0)
    g_set_error (&call->error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND,
                 "There is no message %" G_GUINT64_FORMAT " (any more)", call->id);
  else if (found > 0)
    {
      g_autoptr (GError) error = NULL;

      call->account = row.account;
      if (row.digest != NULL)
        call->fd = surel_content_open (surel_store_get_content_dir (store_of (call->adaptor)), row.digest,
                                       &error);
      if (g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
        call->lost = g_bytes_new (row.digest, SUREL_DIGEST_SIZE);
      else if (error != NULL)
        call->error = g_steal_pointer (&error);
    }
  surel_post (NULL, on_looked, call, NULL);
}

static void
start_content (ContentCall *call)
{
  surel_store_read (store_of (call->adaptor), look_for_content, call, NULL, NULL);
}

static gboolean
on_wait_over (gpointer data)
{
  ContentCall *call = data;
  g_autoptr (GError) error
      = g_error_new (SUREL_ERROR, SUREL_ERROR_FAILED,
                     "The server has not delivered the message within five minutes; try again");

  call->timeout = 0;
  call->over = TRUE;
  surel_call_fail (call->invocation, error);
  return G_SOURCE_REMOVE;
}

static gboolean
begin_content (Adaptor *self, GDBusMethodInvocation *invocation, guint64 id, ContentCall values)
{
  ContentCall *call = g_new0 (ContentCall, 1);
  GCancellable *cancellable = surel_service_get_cancellable (self->service, invocation);

  *call = values;
  call->adaptor = self;
  call->invocation = invocation;
  call->id = MIN (id, (guint64) G_MAXINT64);
  call->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  call->fd = -1;
  call->timeout = g_timeout_add_seconds (WAIT_SECONDS, on_wait_over, call);
  start_content (call);
  return TRUE;
}

static gboolean
handle_open (SurelBusMessages *skeleton G_GNUC_UNUSED,
             GDBusMethodInvocation *invocation,
             GUnixFDList *fds G_GNUC_UNUSED,
             guint64 id,
             GVariant *options,
             gpointer data)
{
  static const char *const keys[] = { NULL };
  g_autoptr (GError) error = NULL;

  if (surel_call_check_options (options, keys, &error))
    return begin_content (data, invocation, id, (ContentCall){ 0 });
  surel_call_fail (invocation, error);
  return TRUE;
}

static gboolean
handle_read (SurelBusMessages *skeleton G_GNUC_UNUSED,
             GDBusMethodInvocation *invocation,
             guint64 id,
             const char *part,
             guint64 offset,
             guint count,
             GVariant *options,
             gpointer data)
{
  static const char *const keys[] = { "utf8", "raw", NULL };
  g_autoptr (GError) error = NULL;
  gboolean ignored = FALSE;

  if (!surel_call_check_options (options, keys, &error)
      || !surel_call_get_boolean (options, "utf8", &ignored, &error)
      || !surel_call_get_boolean (options, "raw", &ignored, &error))
    ;
  else if (part[0] != '\0')
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED,
                 "Reading a single part is not supported yet; use an empty part id for the whole");
  else
    return begin_content (data, invocation, id,
                          (ContentCall){ .inline_data = TRUE,
                                         .offset = offset,
                                         .count = MIN (count, READ_MAX) });
  surel_call_fail (invocation, error);
  return TRUE;
}

SurelBusMessages *
surel_messages_adaptor_new (SurelService *service)
{
  static const char *const built[] = { "Query", "Get", "Open", "Read", NULL };
  SurelBusMessages *skeleton = surel_bus_messages_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);

  self->service = service;
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, g_free);
  g_signal_connect (skeleton, "handle-query", G_CALLBACK (handle_query), self);
  g_signal_connect (skeleton, "handle-get", G_CALLBACK (handle_get), self);
  g_signal_connect (skeleton, "handle-open", G_CALLBACK (handle_open), self);
  g_signal_connect (skeleton, "handle-read", G_CALLBACK (handle_read), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
