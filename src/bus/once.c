/* Calls with a `key` are done once: the same call again, for a week, gets the first one's answer.
 *
 * This stands before the handlers of all interfaces. A call with a key is held until a reader has looked
 * it up; where it is new it goes on to its handler, and its answer is kept before it is given. One that
 * comes while another with its key is under way waits for that. A call that fails may be tried again.
 *
 * It is put into the tables of the interfaces' classes. GDBus has a signal for it, g-authorize-method, but
 * once that is connected all calls are given to a pool of threads to emit it on: they overtake one another
 * there, and what is the main thread's own isn't any more. */
#include "bus/once.h"

#include <string.h>

#include "base/errors.h"
#include "base/post.h"
#include "bus/call.h"
#include "store/calls.h"

#define KEY_MAX 255 /* octets */

struct _SurelOnce
{
  guint references; /* its owner's, its skeletons', and its calls' */
  SurelStore *store; /* borrowed */
  GHashTable *running; /* key → GQueue of Call that wait for the one under way */
};

/* A call with a key, from its arrival until its answer. */
typedef struct
{
  SurelOnce *once;
  GDBusInterfaceSkeleton *skeleton;
  GDBusMethodInvocation *invocation; /* borrowed: it has this as its data */
  SurelKey key;
  gboolean is_first; /* it is the one under way with its key */
  GVariant *reply; /* found, or to be kept; nullable */
  GError *error;
} Call;

/* Of a class of skeletons. */
typedef struct
{
  GDBusInterfaceVTable table; /* what GDBus is given: its own, but for the calls */
  GDBusInterfaceMethodCallFunc handler;
} Hook;

static void look_up (Call *call);

static void
once_unref (SurelOnce *self)
{
  if (--self->references > 0)
    return;
  g_hash_table_unref (self->running);
  g_free (self);
}

/* The call has its answer: the next with its key can be looked up. */
static void
call_free (gpointer data)
{
  Call *call = data;
  SurelOnce *once = call->once;
  GQueue *waiting = call->is_first ? g_hash_table_lookup (once->running, call->key.key) : NULL;
  Call *next = waiting != NULL ? g_queue_pop_head (waiting) : NULL;

  if (next != NULL)
    {
      next->is_first = TRUE;
      look_up (next);
    }
  else if (call->is_first)
    g_hash_table_remove (once->running, call->key.key);
  g_object_unref (call->skeleton);
  surel_key_clear (&call->key);
  g_clear_pointer (&call->reply, g_variant_unref);
  g_clear_error (&call->error);
  g_free (call);
  once_unref (once);
}

static
G_DEFINE_QUARK (surel-once-hook, hook)

static Hook *
hook_of (GDBusInterfaceSkeleton *skeleton)
{
  return g_type_get_qdata (G_OBJECT_TYPE (skeleton), hook_quark ());
}

static void
go_on (gpointer data)
{
  Call *call = data;
  GDBusMethodInvocation *invocation = call->invocation;

  if (call->error != NULL)
    surel_call_fail (invocation, call->error);
  else if (call->reply != NULL)
    {
      g_autoptr (GVariant) value = g_variant_get_variant (call->reply);

      g_dbus_method_invocation_return_value (invocation, value);
    }
  else
    hook_of (call->skeleton)
        ->handler (g_dbus_method_invocation_get_connection (invocation),
                   g_dbus_method_invocation_get_sender (invocation),
                   g_dbus_method_invocation_get_object_path (invocation),
                   g_dbus_method_invocation_get_interface_name (invocation),
                   g_dbus_method_invocation_get_method_name (invocation),
                   g_dbus_method_invocation_get_parameters (invocation), invocation, call->skeleton);
}

static void
find (SurelReader *reader, gpointer data)
{
  Call *call = data;

  if (reader->error != NULL)
    call->error = g_error_copy (reader->error);
  else
    surel_calls_find (reader->sql, &call->key, &call->reply, &call->error);
  surel_post (NULL, go_on, call, NULL);
}

static void
look_up (Call *call)
{
  surel_store_read (call->once->store, find, call, NULL, NULL);
}

/* What a call asks for: all of it but secrets, of which nothing is kept. */
static GBytes *
digest_of (GDBusMethodInvocation *invocation)
{
  const GDBusMethodInfo *info = g_dbus_method_invocation_get_method_info (invocation);
  GVariant *parameters = g_dbus_method_invocation_get_parameters (invocation);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize length = sizeof digest;
  const char *words[] = { g_dbus_method_invocation_get_object_path (invocation),
                          g_dbus_method_invocation_get_interface_name (invocation), info->name };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    g_checksum_update (checksum, (const guchar *) words[i], (gssize) strlen (words[i]) + 1);
  for (gsize i = 0; i < g_variant_n_children (parameters); i++)
    {
      g_autoptr (GVariant) argument = g_variant_get_child_value (parameters, i);
      g_autofree char *text = g_variant_print (argument, TRUE);

      if (!g_str_equal (info->in_args[i]->name, "secrets"))
        g_checksum_update (checksum, (const guchar *) text, (gssize) strlen (text) + 1);
    }
  g_checksum_get_digest (checksum, digest, &length);
  return g_bytes_new (digest, sizeof digest);
}

/* A changing call's last argument holds its options; NULL for others. */
static GVariant *
options_of (GDBusMethodInvocation *invocation)
{
  const GDBusMethodInfo *info = g_dbus_method_invocation_get_method_info (invocation);
  GVariant *parameters = g_dbus_method_invocation_get_parameters (invocation);
  const char *right = g_dbus_annotation_info_lookup (info->annotations, "org.surel.Right");
  gsize n = g_variant_n_children (parameters);
  GVariant *last;

  if (n == 0 || right == NULL || g_str_equal (right, "read"))
    return NULL;
  last = g_variant_get_child_value (parameters, n - 1);
  if (!g_variant_is_of_type (last, G_VARIANT_TYPE_VARDICT))
    g_clear_pointer (&last, g_variant_unref);
  return last;
}

/* Returns whether the handler is to be called now; where it isn't, @invocation is taken over. */
static gboolean
begin (SurelOnce *self, GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariant) options = options_of (invocation);
  g_autoptr (GVariant) key = options != NULL ? g_variant_lookup_value (options, "key", NULL) : NULL;
  g_autoptr (GError) error = NULL;
  GQueue *waiting;
  Call *call;

  if (key == NULL)
    return TRUE;
  if (!g_variant_is_of_type (key, G_VARIANT_TYPE_STRING) || g_variant_get_size (key) <= 1
      || g_variant_get_size (key) > KEY_MAX + 1)
    {
      g_set_error (&error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`key` has to be a string of 1 to %d octets",
                   KEY_MAX);
      surel_call_fail (invocation, error);
      return FALSE;
    }
  call = g_new0 (Call, 1);
  self->references++;
  call->once = self;
  call->skeleton = g_object_ref (skeleton);
  call->invocation = invocation;
  call->key = (SurelKey){ g_variant_dup_string (key, NULL), digest_of (invocation) };
  g_object_set_data_full (G_OBJECT (invocation), "once", call, call_free);
  waiting = g_hash_table_lookup (self->running, call->key.key);
  if (waiting != NULL)
    g_queue_push_tail (waiting, call);
  else
    {
      g_hash_table_insert (self->running, g_strdup (call->key.key), g_queue_new ());
      call->is_first = TRUE;
      look_up (call);
    }
  return FALSE;
}

/* Before each handler. */
static void
on_call (GDBusConnection *connection,
         const char *sender,
         const char *path,
         const char *interface,
         const char *method,
         GVariant *parameters,
         GDBusMethodInvocation *invocation,
         gpointer skeleton)
{
  if (begin (g_object_get_data (skeleton, "once"), skeleton, invocation))
    hook_of (skeleton)->handler (connection, sender, path, interface, method, parameters, invocation, skeleton);
}

static gboolean
keep (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;

  return surel_calls_keep (txn, &call->key, call->reply, error);
}

/* Where the answer can't be kept the call is done all the same: it isn't called a failure. */
static void
on_kept (guint64 state G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED, gpointer data)
{
  Call *call = data;

  g_dbus_method_invocation_return_value (call->invocation, call->reply);
}

/**
 * surel_once_get_key:
 *
 * Returns: (transfer none): what the reply is to be kept under, in the same transaction as the change
 */
const SurelKey *
surel_once_get_key (GDBusMethodInvocation *invocation)
{
  static const SurelKey none;
  Call *call = g_object_get_data (G_OBJECT (invocation), "once");

  return call != NULL ? &call->key : &none;
}

/**
 * surel_once_finish:
 * @reply: (nullable): a tuple, which is kept already where the call has a key
 * @error: (nullable): why there is none
 * @invocation: the call
 *
 * Ends a changing call; a #SurelModifiedFunc.
 */
void
surel_once_finish (GVariant *reply, const GError *error, gpointer invocation)
{
  if (error != NULL)
    surel_call_fail (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, reply);
}

/**
 * surel_once_return:
 * @value: (nullable): a tuple, or %NULL for none
 *
 * Ends a call that may be done again without harm: its answer is kept after it is done.
 */
void
surel_once_return (GDBusMethodInvocation *invocation, GVariant *value)
{
  Call *call = g_object_get_data (G_OBJECT (invocation), "once");

  if (call == NULL)
    {
      g_dbus_method_invocation_return_value (invocation, value);
      return;
    }
  call->reply = g_variant_ref_sink (value != NULL ? value : g_variant_new_tuple (NULL, 0));
  surel_store_write (call->once->store, keep, call, NULL, on_kept, call);
}

static GDBusInterfaceVTable *
get_table (GDBusInterfaceSkeleton *skeleton)
{
  return &hook_of (skeleton)->table;
}

/**
 * surel_once_operation_of:
 *
 * Returns: a floating reply: the operation. May be called in any thread.
 */
GVariant *
surel_once_operation_of (guint64 state G_GNUC_UNUSED, const SurelModified *result)
{
  return g_variant_new ("(t)", (guint64) result->operation);
}

/**
 * surel_once_watch:
 *
 * Has this stand before @skeleton's handlers.
 */
void
surel_once_watch (SurelOnce *self, GDBusInterfaceSkeleton *skeleton)
{
  GDBusInterfaceSkeletonClass *klass = G_DBUS_INTERFACE_SKELETON_GET_CLASS (skeleton);

  if (klass->get_vtable != get_table)
    {
      Hook *hook = g_new (Hook, 1);

      hook->table = *klass->get_vtable (skeleton);
      hook->handler = hook->table.method_call;
      hook->table.method_call = on_call;
      g_type_set_qdata (G_OBJECT_TYPE (skeleton), hook_quark (), hook);
      klass->get_vtable = get_table;
    }
  self->references++;
  g_object_set_data_full (G_OBJECT (skeleton), "once", self, (GDestroyNotify) once_unref);
}

/**
 * surel_once_new:
 * @store: borrowed
 */
SurelOnce *
surel_once_new (SurelStore *store)
{
  SurelOnce *self = g_new0 (SurelOnce, 1);

  self->references = 1;
  self->store = store;
  self->running = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_queue_free);
  return self;
}

void
surel_once_free (SurelOnce *self)
{
  once_unref (self);
}
