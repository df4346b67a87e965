/* org.surel.Sync1.Operations. */
#include <string.h>

#include "base/errors.h"
#include "base/post.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/filter.h"
#include "bus/once.h"
#include "bus/patch.h"
#include "bus/path.h"
#include "store/operation-list.h"
#include "store/query.h"

#define LIST_LIMIT 50 /* operations, unless the caller says how many */
#define LIST_MAX 1000 /* operations in one reply */
#define LIST_SIZE_MAX (900 * 1024) /* octets of a reply's operations */
#define MATCHING_MAX 10000000 /* messages that one ModifyMatching changes */

static const char *const states[]
    = { "pending", "running", "done", "partial", "failed", "unknown", "cancelled", NULL };

typedef struct
{
  SurelService *service; /* borrowed */
  SurelOperations *operations;
  SurelBusOperations *skeleton; /* borrowed: it owns this */
} Adaptor;

static void
adaptor_free (gpointer data)
{
  Adaptor *self = data;

  g_signal_handlers_disconnect_by_data (self->operations, self);
  g_object_unref (self->operations);
  g_free (self);
}

static SurelStore *
store_of (Adaptor *self)
{
  return surel_engine_get_store (surel_service_get_engine (self->service));
}

/* --- Modify --- */

/* Runs in the store thread: it touches nothing but @result. */
static GVariant *
reply_of (guint64 state, const SurelModified *result)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  GVariantBuilder copies;

  g_variant_builder_init (&copies, G_VARIANT_TYPE ("a(tot)"));
  /* ModifyMatching may make any number; a reply has room for so many. */
  for (guint i = 0; i < MIN (result->copies->len, SUREL_MODIFY_MAX); i++)
    {
      const SurelCopied *copied = &g_array_index (result->copies, SurelCopied, i);
      g_autofree char *path = surel_path_of_folder (copied->account, copied->folder);

      g_variant_builder_add (&copies, "(tot)", (guint64) copied->source, path, (guint64) copied->copy);
    }
  g_variant_dict_insert (&dict, "changed", "u", result->changed);
  g_variant_dict_insert_value (&dict, "notFound", surel_call_ids (result->not_found));
  g_variant_dict_insert_value (&dict, "copies", g_variant_builder_end (&copies));
  if (result->copies->len > SUREL_MODIFY_MAX)
    g_variant_dict_insert_value (&dict, "cut", g_variant_new_strv ((const char *const[]) { "copies" }, 1));
  return g_variant_new ("(tt@a{sv})", (guint64) result->operation, state, g_variant_dict_end (&dict));
}

static void
modify (Adaptor *self, GDBusMethodInvocation *invocation, SurelPatch *patch)
{
  patch->client = g_strdup (g_dbus_method_invocation_get_sender (invocation));
  surel_operations_modify (self->operations, patch, surel_once_get_key (invocation), reply_of, surel_once_finish, invocation);
}

static gboolean
take_ids (GVariant *ids, SurelPatch *patch, GError **error)
{
  gsize n;
  const guint64 *numbers = g_variant_get_fixed_array (ids, &n, sizeof (guint64));

  if (n * (1 + patch->add_folders->len) > SUREL_MODIFY_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED,
                   "At most %d messages can be changed at once, their copies counted; make several calls", SUREL_MODIFY_MAX);
      return FALSE;
    }
  for (gsize i = 0; i < n; i++)
    {
      gint64 id = (gint64) numbers[i]; /* what is too large is negative then, and nothing is */

      g_array_append_val (patch->ids, id);
    }
  return TRUE;
}

static gboolean
handle_modify (SurelBusOperations *skeleton G_GNUC_UNUSED,
               GDBusMethodInvocation *invocation,
               GVariant *ids,
               GVariant *changes,
               GVariant *options,
               gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelPatch) patch = surel_patch_parse (changes, options, &error);

  if (patch != NULL && take_ids (ids, patch, &error))
    modify (data, invocation, g_steal_pointer (&patch));
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

/* --- ModifyMatching --- */

typedef struct
{
  Adaptor *adaptor;
  GDBusMethodInvocation *invocation;
  SurelQuery *query;
  SurelPatch *patch;
  GError *error;
} Matching;

static void
matching_free (Matching *matching)
{
  surel_query_free (matching->query);
  g_clear_pointer (&matching->patch, surel_patch_free);
  g_clear_error (&matching->error);
  g_free (matching);
}

static void
modify_found (gpointer data)
{
  Matching *matching = data;

  if (matching->error != NULL)
    surel_call_fail (matching->invocation, matching->error);
  else
    modify (matching->adaptor, matching->invocation, g_steal_pointer (&matching->patch));
  matching_free (matching);
}

static void
find_matching (SurelReader *reader, gpointer data)
{
  Matching *matching = data;
  g_autoptr (SurelQueryResult) found = NULL;

  if (reader->error != NULL)
    matching->error = g_error_copy (reader->error);
  else
    found = surel_query_run (reader, matching->query, &matching->error);
  if (found != NULL && !found->complete && surel_query_excludes (matching->query))
    g_set_error (&matching->error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED,
                 "What a filter with NOT matches can't be told while not all messages that could match are here: nothing was changed");
  else if (found != NULL)
    g_array_append_vals (matching->patch->ids, found->ids->data, found->ids->len);
  surel_post (NULL, modify_found, matching, NULL);
}

static gboolean
handle_modify_matching (SurelBusOperations *skeleton G_GNUC_UNUSED,
                        GDBusMethodInvocation *invocation,
                        GVariant *filter,
                        GVariant *changes,
                        GVariant *options,
                        gpointer data)
{
  static const char *const no_sort[] = { NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) window = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr (SurelPatch) patch = surel_patch_parse (changes, options, &error);
  g_autoptr (SurelQuery) query = patch != NULL ? surel_filter_parse (store_of (self), filter, no_sort, window, &error) : NULL;
  Matching *matching;

  if (query == NULL)
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  query->limit = MATCHING_MAX;
  matching = g_new0 (Matching, 1);
  matching->adaptor = self;
  matching->invocation = invocation;
  matching->query = g_steal_pointer (&query);
  matching->patch = g_steal_pointer (&patch);
  matching->patch->spares_sent = TRUE;
  surel_store_read (store_of (self), find_matching, matching, NULL, NULL);
  return TRUE;
}

/* --- List --- */

typedef struct
{
  GDBusMethodInvocation *invocation;
  SurelOperationFilter filter;
} Listing;

static void
listing_free (gpointer data)
{
  surel_operation_filter_clear (&((Listing *) data)->filter);
  g_free (data);
}

static GVariant *
describe (const SurelListedOperation *listed)
{
  const SurelOperationRow *row = listed->row;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  GVariantBuilder accounts;
  GVariantBuilder failures;

  g_variant_builder_init (&accounts, G_VARIANT_TYPE ("ao"));
  for (guint i = 0; i < row->accounts->len; i++)
    {
      g_autofree char *path = surel_path_of_account (g_array_index (row->accounts, gint64, i));

      g_variant_builder_add (&accounts, "o", path);
    }
  g_variant_builder_init (&failures, G_VARIANT_TYPE ("a(ts)"));
  for (guint i = 0; i < listed->failures->len; i++)
    {
      const SurelOperationFailure *failure = listed->failures->pdata[i];

      g_variant_builder_add (&failures, "(ts)", failure->message, failure->text);
    }
  g_variant_dict_insert (&dict, "id", "t", (guint64) row->id);
  g_variant_dict_insert_value (&dict, "accounts", g_variant_builder_end (&accounts));
  g_variant_dict_insert (&dict, "kind", "s", row->kind);
  g_variant_dict_insert_value (&dict, "messages", surel_call_ids (listed->messages));
  g_variant_dict_insert (&dict, "messageCount", "u", (guint) listed->message_count);
  g_variant_dict_insert (&dict, "state", "s", states[row->state]);
  g_variant_dict_insert (&dict, "attempts", "u", row->attempts);
  g_variant_dict_insert (&dict, "nextAttempt", "x", row->next_attempt);
  g_variant_dict_insert (&dict, "error", "(ss)", row->error, row->error_text);
  g_variant_dict_insert_value (&dict, "failures", g_variant_builder_end (&failures));
  g_variant_dict_insert (&dict, "client", "s", row->client);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
list (SurelReader *reader, gpointer data)
{
  Listing *listing = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = NULL;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  GVariantBuilder operations;
  gboolean more = FALSE;
  gsize size = 0;

  if (reader->error != NULL)
    error = g_error_copy (reader->error);
  else
    found = surel_operations_list (reader, &listing->filter, &more, &error);
  if (found == NULL)
    {
      surel_call_fail (listing->invocation, error);
      return;
    }
  g_variant_builder_init (&operations, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < found->len; i++)
    {
      g_autoptr (GVariant) one = describe (found->pdata[i]);

      size += g_variant_get_size (one) * 5 / 4 + 16; /* the wire's alignment takes more than GVariant's */
      if (size > LIST_SIZE_MAX && i > 0)
        {
          more = TRUE;
          break;
        }
      g_variant_builder_add_value (&operations, one);
    }
  g_variant_dict_insert_value (&dict, "operations", g_variant_builder_end (&operations));
  g_variant_dict_insert (&dict, "hasMore", "b", more);
  surel_call_answer (listing->invocation, g_variant_new ("(@a{sv})", g_variant_dict_end (&dict)));
}

/* Each that is named is compared with each operation: their number has an end. */
static gboolean
take_listed_ids (GVariant *ids, SurelOperationFilter *out, GError **error)
{
  gsize n;
  const guint64 *numbers = g_variant_get_fixed_array (ids, &n, sizeof (guint64));

  if (n > LIST_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED,
                   "At most %d ids can be asked for at once; make several calls", LIST_MAX);
      return FALSE;
    }
  out->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_array_append_vals (out->ids, numbers, (guint) n);
  return TRUE;
}

static gboolean
take_filter (GVariant *filter, SurelOperationFilter *out, GError **error)
{
  static const char *const keys[] = { "ids", "account", "state", "kind", "after", "limit", NULL };
  static const char *const kinds[]
      = { "modify",      "append",        "draft",            "send",         "create-folder", "rename-folder",
          "move-folder", "delete-folder", "subscribe-folder", "respond", "set-vacation", NULL };
  g_autoptr (GVariant) ids = g_variant_lookup_value (filter, "ids", NULL);
  g_autoptr (GVariant) account = g_variant_lookup_value (filter, "account", NULL);
  g_autoptr (GVariant) state = g_variant_lookup_value (filter, "state", NULL);
  g_autoptr (GVariant) kind = g_variant_lookup_value (filter, "kind", NULL);
  gint64 limit = LIST_LIMIT;
  const char *wrong = NULL;

  *out = (SurelOperationFilter){ .state = -1 };
  if (!surel_call_check_options (filter, keys, error)
      || !surel_call_get_number (filter, "after", 0, G_MAXINT64, &out->after, error)
      || !surel_call_get_number (filter, "limit", 1, LIST_MAX, &limit, error))
    return FALSE;
  out->limit = (guint) limit;
  if (ids != NULL && !g_variant_is_of_type (ids, G_VARIANT_TYPE ("at")))
    wrong = "`ids` takes a list of numbers (at)";
  else if (account != NULL
           && (!g_variant_is_of_type (account, G_VARIANT_TYPE_OBJECT_PATH)
               || !surel_path_to_account (g_variant_get_string (account, NULL), &out->account)))
    wrong = "`account` takes an account's object path";
  else if (state != NULL
           && (!g_variant_is_of_type (state, G_VARIANT_TYPE_STRING)
               || !g_strv_contains (states, g_variant_get_string (state, NULL))))
    wrong = "`state` takes pending, running, done, partial, failed, unknown or cancelled";
  else if (kind != NULL
           && (!g_variant_is_of_type (kind, G_VARIANT_TYPE_STRING) || !g_strv_contains (kinds, g_variant_get_string (kind, NULL))))
    wrong = "`kind` takes modify, append, draft, send, create-folder, rename-folder, move-folder, delete-folder, "
            "subscribe-folder, respond or set-vacation";
  if (wrong != NULL)
    {
      g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, wrong);
      return FALSE;
    }
  for (int i = 0; state != NULL && states[i] != NULL; i++)
    if (g_str_equal (states[i], g_variant_get_string (state, NULL)))
      out->state = i;
  out->kind = kind != NULL ? g_variant_dup_string (kind, NULL) : NULL;
  return ids == NULL || take_listed_ids (ids, out, error);
}

static gboolean
handle_list (SurelBusOperations *skeleton G_GNUC_UNUSED,
             GDBusMethodInvocation *invocation,
             GVariant *filter,
             gpointer data)
{
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  Listing *listing = g_new0 (Listing, 1);

  if (!take_filter (filter, &listing->filter, &error))
    {
      surel_call_fail (invocation, error);
      listing_free (listing);
      return TRUE;
    }
  listing->invocation = invocation;
  surel_store_read (store_of (self), list, listing, listing_free,
                    surel_service_get_cancellable (self->service, invocation));
  return TRUE;
}

/* --- What becomes of them --- */

static GVariant *
state_of (guint64 state, const SurelModified *result G_GNUC_UNUSED)
{
  return g_variant_new ("(t)", state);
}

static GVariant *
nothing_of (guint64 state G_GNUC_UNUSED, const SurelModified *result G_GNUC_UNUSED)
{
  return g_variant_new_tuple (NULL, 0);
}

/* What Cancel, Retry and Confirm are given. */
static gboolean
take_operation (GDBusMethodInvocation *invocation, guint64 operation, GVariant *options)
{
  static const char *const keys[] = { "key", NULL };
  g_autoptr (GError) error = NULL;

  if (operation > (guint64) G_MAXINT64)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "There is no operation %" G_GUINT64_FORMAT, operation);
  else if (surel_call_check_options (options, keys, &error))
    return TRUE;
  surel_call_fail (invocation, error);
  return FALSE;
}

static gboolean
handle_cancel (SurelBusOperations *skeleton G_GNUC_UNUSED,
               GDBusMethodInvocation *invocation,
               guint64 operation,
               GVariant *options,
               gpointer data)
{
  Adaptor *self = data;

  if (take_operation (invocation, operation, options))
    surel_operations_cancel (self->operations, (gint64) operation, g_dbus_method_invocation_get_sender (invocation),
                             surel_once_get_key (invocation), state_of, surel_once_finish, invocation);
  return TRUE;
}

static gboolean
handle_retry (SurelBusOperations *skeleton G_GNUC_UNUSED,
              GDBusMethodInvocation *invocation,
              guint64 operation,
              GVariant *options,
              gpointer data)
{
  Adaptor *self = data;

  if (take_operation (invocation, operation, options))
    surel_operations_retry (self->operations, (gint64) operation, surel_once_get_key (invocation), nothing_of,
                             surel_once_finish, invocation);
  return TRUE;
}

static gboolean
handle_confirm (SurelBusOperations *skeleton G_GNUC_UNUSED,
                GDBusMethodInvocation *invocation,
                guint64 operation,
                GVariant *options,
                gpointer data)
{
  Adaptor *self = data;

  if (take_operation (invocation, operation, options))
    surel_operations_confirm (self->operations, (gint64) operation, surel_once_get_key (invocation), nothing_of,
                               surel_once_finish, invocation);
  return TRUE;
}

static void
on_ended (SurelOperations *operations G_GNUC_UNUSED, const SurelOperationRow *row, Adaptor *self)
{
  surel_bus_operations_emit_finished (self->skeleton, (guint64) row->id, states[row->state],
                                      row->state == SUREL_OPERATION_DONE ? "" : row->error);
}

SurelBusOperations *
surel_operations_adaptor_new (SurelService *service)
{
  SurelBusOperations *skeleton = surel_bus_operations_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);

  self->service = service;
  self->operations = g_object_ref (surel_service_get_operations (service));
  self->skeleton = skeleton;
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, adaptor_free);
  g_signal_connect (skeleton, "handle-modify", G_CALLBACK (handle_modify), self);
  g_signal_connect (skeleton, "handle-modify-matching", G_CALLBACK (handle_modify_matching), self);
  g_signal_connect (skeleton, "handle-list", G_CALLBACK (handle_list), self);
  g_signal_connect (skeleton, "handle-cancel", G_CALLBACK (handle_cancel), self);
  g_signal_connect (skeleton, "handle-retry", G_CALLBACK (handle_retry), self);
  g_signal_connect (skeleton, "handle-confirm", G_CALLBACK (handle_confirm), self);
  g_signal_connect (self->operations, "ended", G_CALLBACK (on_ended), self);
  return skeleton;
}
