/* raw PORT USER CA-FILE [first]: the least a client can do. With `first` it fetches what the daemon fetches at its first
 * sync, windows pipelined two in flight, throws the answers away, and prints the seconds that took, from before it
 * connects. Else it runs each line of standard input as a command, `check` being what asks for all that is new, and
 * answers it with a line of the milliseconds that took. */
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 1000 /* messages to a FETCH */
#define IN_FLIGHT 2

#define STATUS_OF_ALL "LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ UNSEEN))"
#define ATTRIBUTES                                                                                              \
  "(UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE SAVEDATE BODY.PEEK[HEADER.FIELDS (FROM SENDER REPLY-TO TO CC BCC " \
  "SUBJECT DATE MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID LIST-POST LIST-UNSUBSCRIBE LIST-UNSUBSCRIBE-POST "   \
  "AUTO-SUBMITTED IMPORTANCE X-PRIORITY DISPOSITION-NOTIFICATION-TO CONTENT-TYPE)])"

typedef struct
{
  GInputStream *input;
  GOutputStream *output;
  char buffer[1 << 17];
  gsize length;
  gsize at;
  GHashTable *messages; /* folder → how many, of the last STATUS_OF_ALL */
} Client;

static void
fill (Client *self)
{
  g_autoptr (GError) error = NULL;
  gssize n;

  if (self->at > 0)
    memmove (self->buffer, self->buffer + self->at, self->length - self->at);
  self->length -= self->at;
  self->at = 0;
  if (self->length == sizeof self->buffer)
    g_error ("a line without end");
  n = g_input_stream_read (self->input, self->buffer + self->length, sizeof self->buffer - self->length, NULL, &error);
  if (n <= 0)
    g_error ("the server hung up: %s", error != NULL ? error->message : "");
  self->length += (gsize) n;
}

/* The next line without its CRLF; literals behind it are skipped with all that follows them on their line. */
static char *
next_line (Client *self, gsize *length)
{
  char *line = NULL;
  gsize first = 0;

  for (;;)
    {
      char *end;
      gsize size;

      while ((end = memchr (self->buffer + self->at, '\n', self->length - self->at)) == NULL)
        fill (self);
      size = (gsize) (end - (self->buffer + self->at));
      if (line == NULL)
        {
          first = size > 0 ? size - 1 : 0;
          line = g_strndup (self->buffer + self->at, MIN (first, 200));
        }
      if (size >= 2 && end[-2] == '}')
        {
          const char *open = end - 2;
          guint64 literal;

          while (*open != '{')
            open--;
          literal = g_ascii_strtoull (open + 1, NULL, 10);
          self->at += size + 1;
          while (self->length - self->at < literal)
            {
              literal -= self->length - self->at;
              self->at = self->length;
              fill (self);
            }
          self->at += literal;
          continue;
        }
      self->at += size + 1;
      *length = first;
      return line;
    }
}

static void
send_command (Client *self, const char *command)
{
  g_autofree char *line = g_strconcat ("x ", command, "\r\n", NULL);
  g_autoptr (GError) error = NULL;

  if (!g_output_stream_write_all (self->output, line, strlen (line), NULL, NULL, &error))
    g_error ("%s", error->message);
}

static void
await (Client *self)
{
  for (;;)
    {
      gsize length;
      g_autofree char *line = next_line (self, &length);

      if (g_str_has_prefix (line, "x OK"))
        return;
      if (g_str_has_prefix (line, "x "))
        g_error ("%s", line);
      if (g_str_has_prefix (line, "* STATUS "))
        {
          const char *count = strstr (line, "MESSAGES ");
          const char *open = strrchr (line, '(');

          if (count != NULL && open != NULL)
            g_hash_table_insert (self->messages, g_strndup (line + 9, (gsize) (open - line - 10)),
                                 GUINT_TO_POINTER ((guint) atoi (count + 9)));
        }
    }
}

static void
run (Client *self, const char *command)
{
  send_command (self, command);
  await (self);
}

static void
fetch_all (Client *self)
{
  g_autoptr (GPtrArray) commands = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer name;
  gpointer count;
  guint sent = 0;

  run (self, STATUS_OF_ALL);
  g_hash_table_iter_init (&iter, self->messages);
  while (g_hash_table_iter_next (&iter, &name, &count))
    {
      guint left = GPOINTER_TO_UINT (count);

      g_ptr_array_add (commands, g_strdup_printf ("EXAMINE %s (CONDSTORE)", (char *) name));
      for (; left > 0; left -= MIN (left, WINDOW))
        g_ptr_array_add (commands, g_strdup_printf ("FETCH %u:%u " ATTRIBUTES, left > WINDOW ? left - WINDOW + 1 : 1, left));
    }
  for (guint done = 0; done < commands->len; done++)
    {
      while (sent < commands->len && sent < done + IN_FLIGHT)
        send_command (self, commands->pdata[sent++]);
      await (self);
    }
}

static void
run_lines (Client *self)
{
  char line[1024];

  while (fgets (line, sizeof line, stdin) != NULL)
    {
      gint64 begin = g_get_monotonic_time ();

      run (self, g_str_equal (g_strchomp (line), "check") ? STATUS_OF_ALL : line);
      printf ("%.3f\n", (double) (g_get_monotonic_time () - begin) / 1000);
      fflush (stdout);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GSocketClient) socket = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsDatabase) trust = argc >= 4 ? g_tls_file_database_new (argv[3], &error) : NULL;
  g_autoptr (GSocketConnection) tcp = NULL;
  g_autoptr (GSocketConnectable) identity = g_network_address_new ("localhost", 0);
  g_autoptr (GIOStream) tls = NULL;
  g_autofree char *login = NULL;
  g_autofree Client *self = g_new0 (Client, 1);
  gsize length;
  gint64 begin;

  if (trust == NULL)
    g_error ("usage: raw PORT USER CA-FILE [first] %s", error != NULL ? error->message : "");
  begin = g_get_monotonic_time ();
  tcp = g_socket_client_connect_to_host (socket, "127.0.0.1", (guint16) atoi (argv[1]), NULL, &error);
  if (tcp != NULL)
    tls = g_tls_client_connection_new (G_IO_STREAM (tcp), identity, &error);
  if (tls == NULL)
    g_error ("%s", error->message);
  g_tls_connection_set_database (G_TLS_CONNECTION (tls), trust);
  self->input = g_io_stream_get_input_stream (tls);
  self->output = g_io_stream_get_output_stream (tls);
  self->messages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_free (next_line (self, &length));
  login = g_strdup_printf ("LOGIN %s secret", argv[2]);
  run (self, login);
  if (argc == 5)
    {
      fetch_all (self);
      printf ("%.6f\n", (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC);
    }
  else
    run_lines (self);
  g_hash_table_unref (self->messages);
  return 0;
}
