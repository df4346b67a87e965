/* Who calls. A caller in a Flatpak or a Snap is refused everything, properties and introspection too, so
 * this stands in a filter of the connection, before GDBus. Who a caller is takes a question to the bus, and
 * a filter can't wait: the first calls of a client are taken out, and once the answer is there they are
 * sent on to ourselves, and their replies back. All later ones go straight through. A client that leaves
 * cancels its reads.
 *
 * One that calls faster than it is answered gets LimitExceeded beyond a number of calls, so that nobody
 * else has to wait behind it for long, and our memory is bounded. */
#include "bus/guard.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/errors.h"
#include "base/post.h"
#include "base/refcount.h"
#include "bus/sandbox.h"

#define CLIENTS_MAX 4096 /* whose standing is remembered */
#define CALLS_MAX 1000 /* calls of one client that wait for their answer */
#define SILENT_MAX 1000 /* calls of one client in a second that want no answer */

typedef enum
{
  ASKED,
  ALLOWED,
  REFUSED,
  BUSY, /* of a call alone: too many before it wait */
} Standing;

typedef struct
{
  Standing standing;
  GPtrArray *held; /* GDBusMessage: calls that wait for the standing to be known */
  guint calls; /* that wait for their answer */
  guint silent; /* that wanted none, since `second` */
  gint64 second;
  GCancellable *cancellable; /* of its reads */
} Client;

struct _SurelGuard
{
  SurelRefCount references; /* ours, the filter's, and those of the questions under way */
  GDBusConnection *connection;
  guint filter;
  guint subscription;
  pthread_mutex_t mutex; /* a leaf: the filter runs in GDBus's own thread */
  GHashTable *clients; /* unique name → Client; under the mutex */
};

static void
client_free (gpointer data)
{
  Client *client = data;

  g_ptr_array_unref (client->held);
  g_cancellable_cancel (client->cancellable);
  g_object_unref (client->cancellable);
  g_free (client);
}

/* The filter may still run in GDBus's thread after it was removed. */
static void
guard_unref (gpointer data)
{
  SurelGuard *self = data;

  if (!surel_ref_count_dec (&self->references))
    return;
  surel_take_over (self);
  g_hash_table_unref (self->clients);
  pthread_mutex_destroy (&self->mutex);
  g_object_unref (self->connection);
  g_free (self);
}

static gboolean
wants_reply (GDBusMessage *call)
{
  return (g_dbus_message_get_flags (call) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0;
}

static void
fail (SurelGuard *self, GDBusMessage *call, const char *name, const char *message)
{
  g_autoptr (GDBusMessage) reply = g_dbus_message_new_method_error_literal (call, name, message);

  if (wants_reply (call))
    g_dbus_connection_send_message (self->connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

static void
refuse (SurelGuard *self, GDBusMessage *call)
{
  fail (self, call, SUREL_ERROR_PREFIX "PermissionDenied",
        "Sandboxed programs may not use this; it is for programs of the session alone");
}

typedef struct
{
  GDBusConnection *connection;
  GDBusMessage *call;
} Forward;

/* The reply to a call sent on, given to who made it. */
static void
on_reply (GObject *source, GAsyncResult *result, gpointer data)
{
  Forward *forward = data;
  g_autoptr (GDBusMessage) reply = g_dbus_connection_send_message_with_reply_finish (
      G_DBUS_CONNECTION (source), result, NULL);
  g_autoptr (GDBusMessage) answer = NULL;

  if (reply != NULL && wants_reply (forward->call))
    {
      if (g_dbus_message_get_message_type (reply) == G_DBUS_MESSAGE_TYPE_ERROR)
        answer = g_dbus_message_new_method_error_literal (forward->call,
                                                          g_dbus_message_get_error_name (reply), "");
      else
        answer = g_dbus_message_new_method_reply (forward->call);
      if (g_dbus_message_get_body (reply) != NULL)
        g_dbus_message_set_body (answer, g_dbus_message_get_body (reply));
      g_dbus_message_set_unix_fd_list (answer, g_dbus_message_get_unix_fd_list (reply));
      g_dbus_connection_send_message (forward->connection, answer, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL,
                                      NULL);
    }
  g_object_unref (forward->call);
  g_object_unref (forward->connection);
  g_free (forward);
}

static void
send_on (SurelGuard *self, GDBusMessage *call)
{
  g_autoptr (GDBusMessage) copy = g_dbus_message_copy (call, NULL);
  Forward *forward;

  if (copy == NULL)
    return;
  g_dbus_message_set_destination (copy, g_dbus_connection_get_unique_name (self->connection));
  g_dbus_message_set_sender (copy, NULL);
  g_dbus_message_set_serial (copy, 0);
  g_dbus_message_set_flags (copy, G_DBUS_MESSAGE_FLAGS_NONE);
  forward = g_new0 (Forward, 1);
  forward->connection = g_object_ref (self->connection);
  forward->call = g_object_ref (call);
  g_dbus_connection_send_message_with_reply (self->connection, copy, G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                             G_MAXINT, NULL, NULL, on_reply, forward);
}

typedef struct
{
  SurelGuard *guard;
  char *sender;
} Question;

static void
on_pid (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Question *question = data;
  g_autofree char *sender = question->sender;
  SurelGuard *self = question->guard;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
  g_autoptr (GPtrArray) held = NULL;
  g_autofree char *process = NULL;
  gboolean refused = TRUE;
  Client *client;
  guint32 pid;

  if (reply != NULL)
    {
      g_variant_get (reply, "(u)", &pid);
      process = g_strdup_printf ("/proc/%u", pid);
      refused = surel_sandbox_contains (process);
    }
  pthread_mutex_lock (&self->mutex);
  client = g_hash_table_lookup (self->clients, sender);
  if (client != NULL)
    {
      client->standing = refused ? REFUSED : ALLOWED;
      held = g_steal_pointer (&client->held);
      client->held = g_ptr_array_new_with_free_func (g_object_unref);
    }
  pthread_mutex_unlock (&self->mutex);
  for (guint i = 0; held != NULL && i < held->len; i++)
    (refused ? refuse : send_on) (self, held->pdata[i]);
  guard_unref (self);
}

static void
ask_about (gpointer data)
{
  Question *question = data;

  g_dbus_connection_call (question->guard->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus", "GetConnectionUnixProcessID",
                          g_variant_new ("(s)", question->sender), G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_pid, question);
}

/* Returns whether @client calls too much. */
static gboolean
count_call (Client *client, GDBusMessage *call)
{
  gint64 second = surel_clock_monotonic () / G_USEC_PER_SEC;

  if (wants_reply (call))
    return ++client->calls > CALLS_MAX;
  if (client->second != second)
    client->silent = 0;
  client->second = second;
  return ++client->silent > SILENT_MAX;
}

static void
count_reply (SurelGuard *self, const char *destination)
{
  Client *client;

  pthread_mutex_lock (&self->mutex);
  client = g_hash_table_lookup (self->clients, destination);
  if (client != NULL && client->calls > 0)
    client->calls--;
  pthread_mutex_unlock (&self->mutex);
}

/* What becomes of a call. In GDBus's thread. */
static Standing
standing_of (SurelGuard *self, const char *sender, GDBusMessage *call)
{
  Client *client;
  Standing standing;
  gboolean too_much;
  gboolean ask = FALSE;

  pthread_mutex_lock (&self->mutex);
  client = g_hash_table_lookup (self->clients, sender);
  if (client == NULL)
    {
      client = g_new0 (Client, 1);
      client->held = g_ptr_array_new_with_free_func (g_object_unref);
      client->cancellable = g_cancellable_new ();
      if (g_hash_table_size (self->clients) >= CLIENTS_MAX)
        client->standing = REFUSED;
      else
        ask = TRUE;
      g_hash_table_insert (self->clients, g_strdup (sender), client);
    }
  too_much = count_call (client, call);
  standing = client->standing;
  if (standing != REFUSED && too_much)
    standing = BUSY;
  if (standing == ASKED)
    g_ptr_array_add (client->held, g_object_ref (call));
  pthread_mutex_unlock (&self->mutex);
  if (ask)
    {
      Question *question = g_new0 (Question, 1);

      surel_ref_count_inc (&self->references);
      question->guard = self;
      question->sender = g_strdup (sender);
      surel_post (NULL, ask_about, question, NULL);
    }
  return standing;
}

static GDBusMessage *
judge (SurelGuard *self, GDBusConnection *connection, GDBusMessage *message, gboolean incoming)
{
  const char *sender = g_dbus_message_get_sender (message);
  const char *destination = g_dbus_message_get_destination (message);
  GDBusMessageType type = g_dbus_message_get_message_type (message);

  if (!incoming && destination != NULL
      && (type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR))
    count_reply (self, destination);
  if (!incoming || type != G_DBUS_MESSAGE_TYPE_METHOD_CALL
      || sender == NULL || g_strcmp0 (sender, g_dbus_connection_get_unique_name (connection)) == 0)
    return message;
  g_debug ("bus: %s calls %s of %s", sender, g_dbus_message_get_member (message),
           g_dbus_message_get_path (message));
  switch (standing_of (self, sender, message))
    {
    case ALLOWED:
      return message;
    case REFUSED:
      refuse (self, message);
      break;
    case BUSY:
      fail (self, message, SUREL_ERROR_PREFIX "LimitExceeded",
            "Too many calls of yours wait for their answers; wait for some of them first");
      break;
    case ASKED:
    default:
      break;
    }
  g_object_unref (message);
  return NULL;
}

static GDBusMessage *
filter (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer data)
{
  surel_take_over (data);
  message = judge (data, connection, message, incoming);
  surel_hand_over (data);
  return message;
}

static void
on_name_owner_changed (GDBusConnection *connection G_GNUC_UNUSED,
                       const char *bus G_GNUC_UNUSED,
                       const char *path G_GNUC_UNUSED,
                       const char *interface G_GNUC_UNUSED,
                       const char *signal G_GNUC_UNUSED,
                       GVariant *parameters,
                       gpointer data)
{
  SurelGuard *self = data;
  const char *name;
  const char *new_owner;

  g_variant_get (parameters, "(&s&s&s)", &name, NULL, &new_owner);
  if (name[0] != ':' || new_owner[0] != '\0')
    return;
  pthread_mutex_lock (&self->mutex);
  g_hash_table_remove (self->clients, name);
  pthread_mutex_unlock (&self->mutex);
}

/**
 * surel_guard_new:
 * @connection: the session bus, with nothing exported yet
 *
 * Returns: (transfer full): a guard that is at its post
 */
SurelGuard *
surel_guard_new (GDBusConnection *connection)
{
  SurelGuard *self = g_new0 (SurelGuard, 1);

  self->connection = g_object_ref (connection);
  pthread_mutex_init (&self->mutex, NULL);
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, client_free);
  surel_ref_count_init (&self->references);
  surel_ref_count_inc (&self->references);
  surel_hand_over (self);
  self->filter = g_dbus_connection_add_filter (connection, filter, self, guard_unref);
  self->subscription = g_dbus_connection_signal_subscribe (
      connection, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
      "/org/freedesktop/DBus", NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_name_owner_changed, self, NULL);
  return self;
}

void
surel_guard_free (SurelGuard *self)
{
  g_dbus_connection_remove_filter (self->connection, self->filter);
  g_dbus_connection_signal_unsubscribe (self->connection, self->subscription);
  guard_unref (self);
}

/**
 * surel_guard_get_cancellable:
 * @sender: (nullable): a caller
 *
 * Returns: (transfer none) (nullable): what is cancelled when the caller leaves the bus
 */
GCancellable *
surel_guard_get_cancellable (SurelGuard *self, const char *sender)
{
  GCancellable *cancellable = NULL;
  Client *client;

  if (sender == NULL)
    return NULL;
  pthread_mutex_lock (&self->mutex);
  client = g_hash_table_lookup (self->clients, sender);
  if (client != NULL)
    cancellable = client->cancellable;
  pthread_mutex_unlock (&self->mutex);
  return cancellable;
}
