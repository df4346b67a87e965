/* org.surel.Sync1.Messages: reading. Queries run in reader threads and answer from there. */
#include "base/errors.h"
#include "bus/adaptors.h"
#include "bus/body.h"
#include "bus/call.h"
#include "bus/content.h"
#include "bus/filter.h"
#include "bus/part.h"
#include "bus/row.h"
#include "bus/wire.h"
#include "engine/fetch-job.h"

#define REPLY_MAX (900 * 1024) /* octets of a reply's rows: the rest of the message fits in 1 MiB */
#define CONTENT_MAX (32 * 1024 * 1024) /* octets of messages that are read for a reply's rows: a reader is others' as well */
#define IDS_MAX 1000 /* ids in one Get */
#define READ_MAX (512 * 1024) /* octets of one Read */

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
  SurelStore *store; /* borrowed; outlives its readers */
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

/* Adds rows until the reply would be too large, or enough of messages was read for it. Returns how many ids were dealt with, -1 with @error set. */
static gint
add_rows (SurelStore *store,
          SurelReader *reader,
          const SurelProperties *properties,
          GArray *ids,
          GVariantBuilder *rows,
          GArray *not_found,
          GError **error)
{
  gsize size = 0;
  guint64 read = 0;

  for (guint i = 0; i < ids->len; i++)
    {
      guint64 id = g_array_index (ids, guint64, i);
      GVariant *row = NULL;
      int found;

      if (read > CONTENT_MAX)
        return (gint) i;
      found = surel_properties_read (properties, store, reader, (gint64) id, &read, &row, error);
      if (found < 0)
        return -1;
      if (found == 0)
        {
          if (not_found != NULL)
            g_array_append_val (not_found, id);
          continue;
        }
      g_variant_ref_sink (row);
      size += surel_wire_size (row) + 8;
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
    done = add_rows (call->store, reader, call->properties, found->ids, &rows, NULL, &error);
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
  g_variant_builder_add (&dict, "{sv}", "complete", g_variant_new_boolean (found->complete));
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
  g_autoptr (SurelQuery) query = surel_filter_parse (store_of (self), filter, sort, window, &error);
  g_autoptr (SurelProperties) wanted
      = query != NULL ? surel_properties_new (properties, query->collapse, &error) : NULL;
  QueryCall *call;

  if (wanted == NULL)
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  call = g_new0 (QueryCall, 1);
  *call = (QueryCall){ invocation, store_of (self), g_steal_pointer (&query), g_steal_pointer (&wanted) };
  surel_store_read (store_of (self), run_query, call, query_call_free,
                    surel_service_get_cancellable (self->service, invocation));
  return TRUE;
}

/* --- Get --- */

typedef struct
{
  GDBusMethodInvocation *invocation;
  SurelStore *store; /* borrowed; outlives its readers */
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
    done = add_rows (call->store, reader, call->properties, call->ids, &rows, not_found, &error);
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
  g_autoptr (SurelProperties) wanted = surel_properties_new (properties, FALSE, &error);
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
  *call = (GetCall){ invocation, store_of (self), g_array_sized_new (FALSE, FALSE, sizeof (guint64), (guint) n),
                     g_steal_pointer (&wanted) };
  if (n > 0)
    g_array_append_vals (call->ids, values, (guint) n);
  surel_store_read (store_of (self), run_get, call, get_call_free,
                    surel_service_get_cancellable (self->service, invocation));
  return TRUE;
}

/* --- Content --- */

/* The descriptor has an offset of its own: what one reader does with it is nothing to others. */
static gboolean
open_whole (int fd, const guint8 *digest G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED, SurelContentReply *reply, GError **error)
{
  reply->fd = surel_part_reopen (fd, error);
  reply->values = reply->fd >= 0 ? g_variant_new ("(h)", 0) : NULL;
  return reply->fd >= 0;
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
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;

  if (surel_call_check_options (options, keys, &error))
    surel_content_call (self->service, invocation, id, open_whole, NULL, NULL);
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

static gboolean
handle_open_part (SurelBusMessages *skeleton G_GNUC_UNUSED,
                  GDBusMethodInvocation *invocation,
                  GUnixFDList *fds G_GNUC_UNUSED,
                  guint64 id,
                  const char *part,
                  GVariant *options,
                  gpointer data)
{
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  SurelPartWanted *wanted = surel_part_wanted_new (part, options, &error);

  if (wanted != NULL)
    surel_content_call (self->service, invocation, id, surel_part_open, wanted, surel_part_wanted_free);
  else
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
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  SurelPartWanted *wanted = surel_part_wanted_new (part, options, &error);

  if (wanted == NULL)
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  wanted->offset = offset;
  wanted->count = MIN (count, READ_MAX);
  surel_content_call (self->service, invocation, id, surel_part_read, wanted, surel_part_wanted_free);
  return TRUE;
}

static gboolean
handle_get_body (SurelBusMessages *skeleton G_GNUC_UNUSED,
                 GDBusMethodInvocation *invocation,
                 guint64 id,
                 GVariant *options,
                 gpointer data)
{
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  SurelBodyWanted wanted;

  if (surel_body_take_options (options, &wanted, &error))
    surel_content_call (self->service, invocation, id, surel_body_describe, g_memdup2 (&wanted, sizeof wanted), g_free);
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

static gboolean
handle_fetch (SurelBusMessages *skeleton G_GNUC_UNUSED,
              GDBusMethodInvocation *invocation,
              GVariant *ids,
              GVariant *options,
              gpointer data)
{
  static const char *const keys[] = { NULL };
  Adaptor *self = data;
  g_autoptr (GVariant) parts = g_variant_lookup_value (options, "parts", NULL);
  g_autoptr (GError) error = NULL;
  gsize n;
  const guint64 *values = g_variant_get_fixed_array (ids, &n, sizeof (guint64));

  if (parts != NULL)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "Fetching single parts is not supported yet");
  else if (n > SUREL_FETCH_MAX)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED, "At most %d messages can be fetched at once", SUREL_FETCH_MAX);
  else if (surel_call_check_options (options, keys, &error))
    return surel_return_job (self->service, invocation,
                             surel_engine_fetch (surel_service_get_engine (self->service), values, n));
  surel_call_fail (invocation, error);
  return TRUE;
}

SurelBusMessages *
surel_messages_adaptor_new (SurelService *service)
{
  static const char *const built[] = { "Query", "Get", "Open", "OpenPart", "Read", "GetBody", "Fetch", NULL };
  SurelBusMessages *skeleton = surel_bus_messages_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);

  self->service = service;
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, g_free);
  g_signal_connect (skeleton, "handle-query", G_CALLBACK (handle_query), self);
  g_signal_connect (skeleton, "handle-get", G_CALLBACK (handle_get), self);
  g_signal_connect (skeleton, "handle-open", G_CALLBACK (handle_open), self);
  g_signal_connect (skeleton, "handle-open-part", G_CALLBACK (handle_open_part), self);
  g_signal_connect (skeleton, "handle-fetch", G_CALLBACK (handle_fetch), self);
  g_signal_connect (skeleton, "handle-get-body", G_CALLBACK (handle_get_body), self);
  g_signal_connect (skeleton, "handle-read", G_CALLBACK (handle_read), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
