/* The secrets of a call: strings, or descriptors that are read to their end. Whoever is at the other end of one
 * may take its time, or never close it: nobody else waits for that, and it has a limit.
 *
 * What is there already is taken at once, so that such a call is begun in its turn. One that has to wait is
 * overtaken by others, but never by later secrets of the same caller: the last that were set are the ones kept.
 * (Who makes the very first calls of a client isn't known, as they come by way of ourselves: see guard.c.) */
#include "bus/secret-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/secrets.h"
#include "base/errors.h"

#define SECRET_MAX 65536 /* octets */
#define SECONDS_MAX 10 /* until the end of a descriptor */
#define READINGS_MAX 64 /* calls that wait for theirs, of all callers */

struct _SurelSecretReader
{
  GPtrArray *readings; /* Reading: by their arrival */
};

/* A call. */
typedef struct
{
  SurelSecretReader *reader; /* borrowed */
  char *sender; /* nullable: not known */
  GHashTable *table; /* key → secret */
  GPtrArray *pipes; /* Pipe: not at their ends yet */
  guint timeout; /* source */
  GError *error;
  SurelSecretsFunc func;
  gpointer data;
} Reading;

/* A descriptor. */
typedef struct
{
  Reading *reading; /* borrowed */
  char *key;
  int fd;
  char *octets;
  gsize length;
  guint source;
} Pipe;

static void
pipe_free (gpointer data)
{
  Pipe *pipe = data;

  g_clear_handle_id (&pipe->source, g_source_remove);
  if (pipe->fd >= 0)
    close (pipe->fd);
  explicit_bzero (pipe->octets, SECRET_MAX + 1);
  g_free (pipe->octets);
  g_free (pipe->key);
  g_free (pipe);
}

static void
free_secret (gpointer secret)
{
  surel_secret_wipe (secret);
}

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  g_clear_handle_id (&reading->timeout, g_source_remove);
  g_ptr_array_unref (reading->pipes);
  g_clear_pointer (&reading->table, g_hash_table_unref);
  g_clear_error (&reading->error);
  g_free (reading->sender);
  g_free (reading);
}

static void
fail (Reading *reading, int code, const char *message)
{
  if (reading->error == NULL)
    reading->error = g_error_new_literal (SUREL_ERROR, code, message);
  g_ptr_array_set_size (reading->pipes, 0);
}

/* Takes @reading over. */
static void
finish (Reading *reading)
{
  if (reading->error != NULL)
    reading->func (NULL, reading->error, reading->data);
  else
    reading->func (g_steal_pointer (&reading->table), NULL, reading->data);
  reading_free (reading);
}

/* Whether one that came before @index is of the same caller. */
static gboolean
has_to_wait (SurelSecretReader *self, guint index)
{
  const char *sender = ((Reading *) self->readings->pdata[index])->sender;

  for (guint i = 0; sender != NULL && i < index; i++)
    if (g_strcmp0 (((Reading *) self->readings->pdata[i])->sender, sender) == 0)
      return TRUE;
  return FALSE;
}

static void
finish_those_read (SurelSecretReader *self)
{
  guint i = 0;

  while (i < self->readings->len)
    {
      Reading *reading = self->readings->pdata[i];

      if (reading->pipes->len > 0 || has_to_wait (self, i))
        i++;
      else
        finish (g_ptr_array_steal_index (self->readings, i));
    }
}

/* What is there now, without waiting: -1 with %EAGAIN for nothing. */
static gssize
read_now (Pipe *pipe)
{
  gsize room = SECRET_MAX + 1 - pipe->length;
  gssize n = recv (pipe->fd, pipe->octets + pipe->length, room, MSG_DONTWAIT);

  return n < 0 && errno == ENOTSOCK ? read (pipe->fd, pipe->octets + pipe->length, room) : n;
}

static void
fail_empty (Reading *reading, const char *key)
{
  g_autofree char *message = g_strdup_printf ("The secret `%s` is empty", key);

  fail (reading, SUREL_ERROR_INVALID_ARGUMENT, message);
}

/* Takes @pipe over, which is at its end. */
static void
take_secret (Pipe *pipe)
{
  Reading *reading = pipe->reading;
  gsize length = pipe->length;

  if (length > 0 && pipe->octets[length - 1] == '\n')
    length -= length > 1 && pipe->octets[length - 2] == '\r' ? 2 : 1;
  if (length == 0)
    {
      fail_empty (reading, pipe->key);
      return;
    }
  g_hash_table_replace (reading->table, g_strdup (pipe->key), g_strndup (pipe->octets, length));
  g_ptr_array_remove (reading->pipes, pipe);
}

/* FALSE once @pipe is gone: it was at its end, or the reading has failed. */
static gboolean
read_on (Pipe *pipe)
{
  Reading *reading = pipe->reading;
  gssize n = 0;

  while (pipe->length <= SECRET_MAX && (n = read_now (pipe)) > 0)
    pipe->length += (gsize) n;
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return TRUE;
  if (n < 0)
    fail (reading, SUREL_ERROR_INVALID_ARGUMENT, "A secret can't be read from its descriptor");
  else if (pipe->length > SECRET_MAX || memchr (pipe->octets, '\0', pipe->length) != NULL)
    fail (reading, SUREL_ERROR_INVALID_ARGUMENT, "A secret is too long, or has a NUL in it");
  else
    take_secret (pipe);
  return FALSE;
}

static gboolean
on_readable (gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
  Pipe *pipe = data;
  SurelSecretReader *self = pipe->reading->reader;
  guint source = pipe->source;

  pipe->source = 0; /* this is it: it isn't to be removed by who frees the pipe */
  if (read_on (pipe))
    {
      pipe->source = source;
      return G_SOURCE_CONTINUE;
    }
  finish_those_read (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_timeout (gpointer data)
{
  Reading *reading = data;
  SurelSecretReader *self = reading->reader;

  reading->timeout = 0;
  if (reading->pipes->len == 0) /* all is read: it waits for its turn */
    return G_SOURCE_REMOVE;
  fail (reading, SUREL_ERROR_INVALID_ARGUMENT,
        "A secret's descriptor has to come to its end within 10 seconds: close what it is written to");
  finish_those_read (self);
  return G_SOURCE_REMOVE;
}

/* Whether it waits belongs to an open file, which the caller has, too: ours is opened anew. A socket can't be,
 * and is read in another way. */
static int
open_own (int fd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  int own = open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (own < 0)
    return fd;
  close (fd);
  return own;
}

static gboolean
is_regular (int fd)
{
  return lseek (fd, 0, SEEK_CUR) >= 0;
}

static void
add_pipe (Reading *reading, const char *key, GUnixFDList *fds, gint handle)
{
  int fd = fds != NULL && handle >= 0 && handle < g_unix_fd_list_get_length (fds)
               ? g_unix_fd_list_get (fds, handle, NULL)
               : -1;
  Pipe *pipe;

  if (fd < 0)
    {
      fail (reading, SUREL_ERROR_INVALID_ARGUMENT, "A descriptor is missing");
      return;
    }
  pipe = g_new0 (Pipe, 1);
  pipe->reading = reading;
  pipe->key = g_strdup (key);
  pipe->fd = is_regular (fd) ? fd : open_own (fd); /* a file is read from where the caller has it */
  pipe->octets = g_malloc0 (SECRET_MAX + 1);
  g_ptr_array_add (reading->pipes, pipe);
}

static void
add_secret (Reading *reading, const char *key, GVariant *value, GUnixFDList *fds)
{
  g_autofree char *message = NULL;

  if (!surel_secret_key_is_known (key))
    message = g_strdup_printf ("There is no secret `%s`", key);
  else if (g_hash_table_contains (reading->table, key))
    message = g_strdup_printf ("The secret `%s` is there twice", key);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) && g_variant_get_size (value) <= 1)
    fail_empty (reading, key);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    g_hash_table_insert (reading->table, g_strdup (key), g_variant_dup_string (value, NULL));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    {
      g_hash_table_insert (reading->table, g_strdup (key), g_strdup (""));
      add_pipe (reading, key, fds, g_variant_get_handle (value));
    }
  else
    message = g_strdup_printf ("The secret `%s` has to be a string or a descriptor", key);
  if (message != NULL)
    fail (reading, SUREL_ERROR_INVALID_ARGUMENT, message);
}

/* Reads what is there, and leaves the rest to the main loop. */
static void
begin (Reading *reading)
{
  for (guint i = reading->pipes->len; i > 0 && i <= reading->pipes->len; i--)
    read_on (reading->pipes->pdata[i - 1]);
  for (guint i = 0; i < reading->pipes->len; i++)
    {
      Pipe *pipe = reading->pipes->pdata[i];

      pipe->source = g_unix_fd_add (pipe->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, pipe);
    }
  if (reading->pipes->len > 0)
    reading->timeout = g_timeout_add_seconds (SECONDS_MAX, on_timeout, reading);
}

static char *
sender_of (GDBusMethodInvocation *invocation)
{
  const char *sender = g_dbus_method_invocation_get_sender (invocation);
  const char *own = g_dbus_connection_get_unique_name (g_dbus_method_invocation_get_connection (invocation));

  return g_strcmp0 (sender, own) != 0 ? g_strdup (sender) : NULL;
}

/**
 * surel_secret_reader_take:
 * @invocation: the call
 * @secrets: an a{sv} of strings and handles
 * @fds: (nullable): the call's descriptors
 * @func: called once all secrets are there, or with why they aren't; perhaps before this returns
 */
void
surel_secret_reader_take (SurelSecretReader *self,
                          GDBusMethodInvocation *invocation,
                          GVariant *secrets,
                          GUnixFDList *fds,
                          SurelSecretsFunc func,
                          gpointer data)
{
  Reading *reading = g_new0 (Reading, 1);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  reading->reader = self;
  reading->sender = sender_of (invocation);
  reading->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_secret);
  reading->pipes = g_ptr_array_new_with_free_func (pipe_free);
  reading->func = func;
  reading->data = data;
  g_variant_iter_init (&iter, secrets);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (reading->error == NULL)
        add_secret (reading, key, owned, fds);
    }
  begin (reading);
  if (self->readings->len >= READINGS_MAX)
    fail (reading, SUREL_ERROR_LIMIT_EXCEEDED, "Too many calls wait for their secrets");
  g_ptr_array_add (self->readings, reading);
  finish_those_read (self);
}

SurelSecretReader *
surel_secret_reader_new (void)
{
  SurelSecretReader *self = g_new0 (SurelSecretReader, 1);

  self->readings = g_ptr_array_new_with_free_func (reading_free);
  return self;
}

/**
 * surel_secret_reader_free:
 *
 * Those that wait fail.
 */
void
surel_secret_reader_free (SurelSecretReader *self)
{
  for (guint i = 0; i < self->readings->len; i++)
    fail (self->readings->pdata[i], SUREL_ERROR_CANCELLED, "The daemon ends");
  finish_those_read (self);
  g_ptr_array_unref (self->readings);
  g_free (self);
}
