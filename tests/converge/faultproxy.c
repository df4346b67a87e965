/* faultproxy PORT LOG: between an IMAP client and its server on loopback, and no friend of either. Prints the port
 * it listens on; each connection is forwarded to PORT. What it does to one is decided by its number and a seed, and
 * begins after so many octets or lines in one direction, not after some time: so a run can be repeated. All that
 * both say goes to LOG, literals left out; of messages only their Message-IDs.
 *
 * Words on standard input, a line each, answered by "ok":
 *   faults SEED               connections from now on are harmed as the seed says
 *   plan FAULT WAY UNIT N     … in this way (fin, rst, delay, throttle, trickle, swallow, none; up, down; octets, lines)
 *   calm                      … not at all, and those that were to be are cut
 *   lose OCTETS               after so many more octets what the server says is lost, and the connection with it: what
 *                             it did is done
 *   late OCTETS               … it comes late
 *   cut                       all are cut now
 * It ends when standard input does. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 65536 /* octets on their way in one direction */
#define LINE_MAX_LOGGED 400 /* octets of a line in the log */
#define LITERAL_MAX_KEPT 16384 /* octets, to find Message-IDs in */
#define DELAY_MS 250
#define THROTTLE_MS 2 /* between pieces of */
#define THROTTLE_OCTETS 256
#define TRICKLE_MS 1 /* between pieces of 1 to 3 octets, for */
#define TRICKLE_OCTETS 400
#define SWALLOW_MS 1200 /* silence before the connection is reset: clients may wait for minutes */
#define FIN_MS 500 /* for both to notice */

typedef enum
{
  FAULT_NONE,
  FAULT_FIN,
  FAULT_RST,
  FAULT_DELAY,
  FAULT_THROTTLE,
  FAULT_TRICKLE,
  FAULT_SWALLOW,
  N_FAULTS
} Fault;

static const char *const fault_names[N_FAULTS] = { "none", "fin", "rst", "delay", "throttle", "trickle", "swallow" };

typedef struct
{
  Fault fault;
  gboolean down; /* from the server to the client */
  gboolean lines; /* else octets */
  guint64 count; /* of them pass before it begins */
} Plan;

/* One direction of a connection. */
typedef struct
{
  int from;
  int to;
  char buffer[BUFFER];
  gsize length;
  guint64 taken; /* octets read */
  guint64 passed; /* octets handed on */
  guint64 strike; /* the fault begins once so many have passed; G_MAXUINT64 where it doesn't, or isn't known yet */
  gint64 hold; /* monotonic µs: nothing passes before */
  gboolean ended; /* nothing more comes */
  gboolean told; /* the other side was told of it */

  /* Where in a line it is. */
  GString *line; /* so far, without literals */
  GString *literals; /* of it */
  guint64 literal; /* octets of a literal to come */
  guint64 lines;
} Way;

typedef struct
{
  guint number;
  Plan plan;
  gboolean active; /* the fault has begun */
  gboolean patient; /* it begins once there is something to lose */
  gint64 deadline; /* monotonic µs: reset then; 0 for never */
  gboolean dropping; /* what comes is thrown away, until both have ended */
  Way ways[2]; /* up, down */
} Connection;

typedef struct
{
  int listener;
  guint16 port; /* of the server */
  FILE *log;
  GPtrArray *connections;
  guint number; /* of connections so far */
  gboolean seeded;
  guint64 seed;
  guint64 drawn; /* connections since the seed was set */
  Plan plan; /* where there is no seed */
  GString *words; /* of standard input: a line that isn't whole yet */
} Proxy;

static gint64 began;

/* --- Chance --- */

/* splitmix64 */
static guint64
draw (guint64 *state)
{
  guint64 z = (*state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15));

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* Small ones are as likely as large ones: 1, 2 to 3, 4 to 7 … */
static guint64
draw_count (guint64 *state, guint bits)
{
  guint64 low = G_GUINT64_CONSTANT (1) << (draw (state) % bits);

  return low + draw (state) % low;
}

static Plan
draw_plan (guint64 seed, guint64 n)
{
  static const Fault faults[] = { FAULT_NONE, FAULT_NONE, FAULT_NONE, FAULT_FIN, FAULT_FIN, FAULT_RST, FAULT_RST,
                                  FAULT_RST, FAULT_DELAY, FAULT_DELAY, FAULT_THROTTLE, FAULT_TRICKLE, FAULT_SWALLOW };
  guint64 state = seed * G_GUINT64_CONSTANT (0x2545f4914f6cdd1d) + n;
  Plan plan;

  draw (&state);
  plan.fault = faults[draw (&state) % G_N_ELEMENTS (faults)];
  plan.down = draw (&state) % 2 == 0;
  plan.lines = draw (&state) % 2 == 0;
  plan.count = draw_count (&state, plan.lines ? (plan.down ? 9 : 7) : 15);
  return plan;
}

/* --- The log --- */

/* The Message-IDs among what was sent as literals, each with a space before it. */
static char *
find_message_ids (const char *text)
{
  GString *ids = g_string_new (NULL);

  for (const char *line = text; line != NULL; line = strchr (line, '\n'))
    {
      const char *open;
      const char *close;

      line += *line == '\n';
      if (g_ascii_strncasecmp (line, "Message-ID:", 11) != 0)
        continue;
      open = strchr (line, '<');
      close = open != NULL ? strchr (open, '>') : NULL;
      if (close != NULL)
        g_string_append_printf (ids, " %.*s", (int) (close - open) + 1, open);
    }
  return g_string_free (ids, FALSE);
}

static void
note (Proxy *self, Connection *connection, const char *mark, const char *text, const char *literals)
{
  g_autofree char *ids = literals != NULL ? find_message_ids (literals) : NULL;
  double time = (double) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;

  fprintf (self->log, "%.3f %u %s %.*s%s\n", time, connection->number, mark, LINE_MAX_LOGGED, text, ids != NULL ? ids : "");
}

/* How long the literal is that a line ends by announcing; -1 for none. */
static gint64
announced (const GString *line)
{
  const char *end = line->str + line->len;
  const char *open = strrchr (line->str, '{');
  char *rest;
  guint64 size;

  if (open == NULL || line->len == 0 || end[-1] != '}' || !g_ascii_isdigit (open[1]))
    return -1;
  size = g_ascii_strtoull (open + 1, &rest, 10);
  if (*rest == '+')
    rest++;
  return rest == end - 1 ? (gint64) size : -1;
}

static void
end_line (Proxy *self, Connection *connection, Way *way)
{
  gboolean up = way == &connection->ways[0];
  gint64 literal;

  if (way->line->len > 0 && way->line->str[way->line->len - 1] == '\r')
    g_string_truncate (way->line, way->line->len - 1);
  literal = announced (way->line);
  if (literal >= 0)
    {
      way->literal = (guint64) literal;
      g_string_append_c (way->line, ' '); /* what follows may be nothing, and announces none again */
      return;
    }
  if (way->line->len > 0 && way->line->str[way->line->len - 1] == ' ')
    g_string_truncate (way->line, way->line->len - 1);
  for (gsize i = 0; i < way->line->len; i++)
    if (!g_ascii_isprint (way->line->str[i]))
      way->line->str[i] = '?';
  note (self, connection, up ? ">" : "<", way->line->str, way->literals->str);
  g_string_truncate (way->line, 0);
  g_string_truncate (way->literals, 0);
  way->lines++;
}

/* Follows what was read, and finds where the fault begins that counts lines. */
static void
scan (Proxy *self, Connection *connection, Way *way, const char *data, gsize length)
{
  const Plan *plan = &connection->plan;
  gboolean counts = plan->lines && plan->fault != FAULT_NONE && plan->down == (way == &connection->ways[1]);

  for (gsize i = 0; i < length; i++)
    {
      way->taken++;
      if (way->literal > 0)
        {
          way->literal--;
          if (way->literals->len < LITERAL_MAX_KEPT)
            g_string_append_c (way->literals, data[i] != '\0' ? data[i] : '?');
        }
      else if (data[i] == '\n')
        {
          end_line (self, connection, way);
          if (counts && !connection->active && way->strike == G_MAXUINT64 && way->lines >= plan->count)
            way->strike = way->taken;
        }
      else
        g_string_append_c (way->line, data[i] != '\0' ? data[i] : '?');
    }
}

/* --- Connections --- */

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  close (connection->ways[0].from);
  close (connection->ways[0].to);
  for (guint i = 0; i < 2; i++)
    {
      g_string_free (connection->ways[i].line, TRUE);
      g_string_free (connection->ways[i].literals, TRUE);
    }
  g_free (connection);
}

static void
reset (Proxy *self, Connection *connection, const char *why)
{
  struct linger linger = { .l_onoff = 1 };

  note (self, connection, "!", why, NULL);
  setsockopt (connection->ways[0].from, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  setsockopt (connection->ways[0].to, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  g_ptr_array_remove (self->connections, connection);
}

static void
way_init (Way *way, int from, int to)
{
  way->from = from;
  way->to = to;
  way->strike = G_MAXUINT64;
  way->line = g_string_new (NULL);
  way->literals = g_string_new (NULL);
}

static void
take_connection (Proxy *self)
{
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_port = htons (self->port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int client = accept4 (self->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  int server = client >= 0 ? socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
  g_autofree char *text = NULL;
  Connection *connection;
  int one = 1;

  if (client < 0)
    return;
  if (server < 0 || connect (server, (struct sockaddr *) &address, sizeof address) != 0
      || fcntl (server, F_SETFL, O_NONBLOCK) != 0)
    {
      if (server >= 0)
        close (server);
      close (client);
      return;
    }
  setsockopt (client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt (server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  connection = g_new0 (Connection, 1);
  connection->number = ++self->number;
  connection->plan = self->seeded ? draw_plan (self->seed, self->drawn++) : self->plan;
  way_init (&connection->ways[0], client, server);
  way_init (&connection->ways[1], server, client);
  if (connection->plan.fault != FAULT_NONE && !connection->plan.lines)
    connection->ways[connection->plan.down].strike = connection->plan.count;
  g_ptr_array_add (self->connections, connection);
  text = g_strdup_printf ("%s %s %s %" G_GUINT64_FORMAT, fault_names[connection->plan.fault],
                          connection->plan.down ? "down" : "up", connection->plan.lines ? "lines" : "octets",
                          connection->plan.count);
  note (self, connection, "!", text, NULL);
}

/* The fault begins. Returns whether the connection is still there. */
static gboolean
strike (Proxy *self, Connection *connection, Way *way)
{
  gint64 now = g_get_monotonic_time ();

  connection->active = TRUE;
  note (self, connection, "!", fault_names[connection->plan.fault], NULL);
  switch (connection->plan.fault)
    {
    case FAULT_FIN:
      shutdown (way->to, SHUT_WR);
      shutdown (way->from, SHUT_WR);
      connection->dropping = TRUE;
      connection->deadline = now + FIN_MS * 1000;
      break;
    case FAULT_RST:
      reset (self, connection, "cut");
      return FALSE;
    case FAULT_DELAY:
      way->hold = now + DELAY_MS * 1000;
      break;
    case FAULT_SWALLOW:
      connection->deadline = now + SWALLOW_MS * 1000;
      break;
    case FAULT_NONE:
    case FAULT_THROTTLE:
    case FAULT_TRICKLE:
    case N_FAULTS:
      break;
    }
  return TRUE;
}

/* How much may be handed on at once. Sets when the next piece may. */
static gsize
portion (Connection *connection, Way *way)
{
  gboolean harmed = connection->active && way == &connection->ways[connection->plan.down];

  if (!connection->active)
    return (gsize) MIN (way->length, way->strike - way->passed);
  if (harmed && connection->plan.fault == FAULT_THROTTLE)
    {
      way->hold = g_get_monotonic_time () + THROTTLE_MS * 1000;
      return MIN (way->length, THROTTLE_OCTETS);
    }
  if (harmed && connection->plan.fault == FAULT_TRICKLE && way->passed < way->strike + TRICKLE_OCTETS)
    {
      way->hold = g_get_monotonic_time () + TRICKLE_MS * 1000;
      return MIN (way->length, 1 + way->passed % 3);
    }
  return way->length;
}

static void
take_out (Way *way, gsize length)
{
  memmove (way->buffer, way->buffer + length, way->length - length);
  way->length -= length;
}

/* Hands on what may be. Returns whether the connection is still there. */
static gboolean
hand_on (Proxy *self, Connection *connection, Way *way)
{
  gboolean swallows = FALSE;
  gssize n = 0;

  if (way->hold > g_get_monotonic_time ())
    return TRUE;
  if (!connection->active && way->strike <= way->passed && (!connection->patient || way->length > 0)
      && !strike (self, connection, way))
    return FALSE;
  if (way->hold > g_get_monotonic_time ())
    return TRUE;
  swallows = connection->active && connection->plan.fault == FAULT_SWALLOW && way == &connection->ways[connection->plan.down];
  if (connection->dropping || swallows)
    way->length = 0;
  if (way->length > 0)
    {
      gsize size = portion (connection, way);

      n = size > 0 ? send (way->to, way->buffer, size, MSG_NOSIGNAL) : 0;
      if (n < 0 && errno != EAGAIN && errno != EINTR)
        {
          reset (self, connection, "gone");
          return FALSE;
        }
      if (n > 0)
        {
          way->passed += (guint64) n;
          take_out (way, (gsize) n);
        }
      if (!connection->active && way->strike <= way->passed)
        return strike (self, connection, way);
    }
  if (way->ended && way->length == 0 && !way->told)
    {
      way->told = TRUE;
      shutdown (way->to, SHUT_WR);
    }
  return TRUE;
}

/* Reads what has come. Returns whether the connection is still there. */
static gboolean
take_in (Proxy *self, Connection *connection, Way *way)
{
  gssize n = recv (way->from, way->buffer + way->length, sizeof way->buffer - way->length, 0);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return TRUE;
  if (n < 0)
    {
      reset (self, connection, "gone");
      return FALSE;
    }
  if (n == 0)
    way->ended = TRUE;
  else if (!connection->dropping)
    {
      scan (self, connection, way, way->buffer + way->length, (gsize) n);
      way->length += (gsize) n;
    }
  return TRUE;
}

static void
serve (Proxy *self, Connection *connection, const struct pollfd *fds)
{
  /* Each is read from its own end: fds[0] is the client, fds[1] the server. */
  for (guint i = 0; i < 2; i++)
    if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !connection->ways[i].ended
        && connection->ways[i].length < BUFFER && !take_in (self, connection, &connection->ways[i]))
      return;
  for (guint i = 0; i < 2; i++)
    if (!hand_on (self, connection, &connection->ways[i]))
      return;
  if (connection->deadline != 0 && connection->deadline <= g_get_monotonic_time ())
    reset (self, connection, "cut");
  else if (connection->ways[0].ended && connection->ways[1].ended && connection->ways[0].length == 0
           && connection->ways[1].length == 0)
    {
      note (self, connection, "!", "ended", NULL);
      g_ptr_array_remove (self->connections, connection);
    }
}

/* --- Words --- */

static gboolean
parse_plan (char **words, Plan *plan)
{
  guint64 count = 0;

  if (g_strv_length (words) != 5 || !g_ascii_string_to_unsigned (words[4], 10, 0, G_MAXINT64, &count, NULL))
    return FALSE;
  for (guint i = 0; i < N_FAULTS; i++)
    if (g_str_equal (words[1], fault_names[i]))
      {
        *plan = (Plan){ (Fault) i, g_str_equal (words[2], "down"), g_str_equal (words[3], "lines"), count };
        return TRUE;
      }
  return FALSE;
}

static void
cut_all (Proxy *self, gboolean harmed_alone)
{
  for (guint i = self->connections->len; i > 0; i--)
    {
      Connection *connection = self->connections->pdata[i - 1];

      if (!harmed_alone || connection->plan.fault != FAULT_NONE)
        reset (self, connection, "cut");
    }
}

/* Harms what the server says on all connections that are there. */
static void
harm_answers (Proxy *self, Fault fault, guint64 octets)
{
  for (guint i = 0; i < self->connections->len; i++)
    {
      Connection *connection = self->connections->pdata[i];

      if (connection->active && connection->plan.fault != FAULT_DELAY)
        continue;
      connection->active = FALSE;
      connection->plan = (Plan){ .fault = fault, .down = TRUE };
      connection->patient = TRUE;
      connection->ways[0].strike = G_MAXUINT64;
      connection->ways[1].strike = connection->ways[1].passed + octets;
    }
}

static void
obey (Proxy *self, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  const char *answer = "ok";

  if (g_strcmp0 (words[0], "faults") == 0 && words[1] != NULL)
    {
      self->seeded = TRUE;
      self->seed = g_ascii_strtoull (words[1], NULL, 10);
      self->drawn = 0;
    }
  else if (g_strcmp0 (words[0], "calm") == 0)
    {
      self->seeded = FALSE;
      self->plan = (Plan){ .fault = FAULT_NONE };
      cut_all (self, TRUE);
    }
  else if (g_strcmp0 (words[0], "cut") == 0)
    cut_all (self, FALSE);
  else if (g_strcmp0 (words[0], "lose") == 0 && words[1] != NULL)
    harm_answers (self, FAULT_RST, g_ascii_strtoull (words[1], NULL, 10));
  else if (g_strcmp0 (words[0], "late") == 0 && words[1] != NULL)
    harm_answers (self, FAULT_DELAY, g_ascii_strtoull (words[1], NULL, 10));
  else if (g_strcmp0 (words[0], "plan") == 0 && parse_plan (words, &self->plan))
    self->seeded = FALSE;
  else
    answer = "what?";
  puts (answer);
}

/* Returns whether there may be more. */
static gboolean
listen_to_words (Proxy *self)
{
  char buffer[512];
  gssize n = read (STDIN_FILENO, buffer, sizeof buffer);
  char *end;

  if (n <= 0)
    return n < 0 && errno == EINTR;
  g_string_append_len (self->words, buffer, n);
  while ((end = strchr (self->words->str, '\n')) != NULL)
    {
      *end = '\0';
      obey (self, self->words->str);
      g_string_erase (self->words, 0, end + 1 - self->words->str);
    }
  return TRUE;
}

/* --- The loop --- */

/* What to wait for on both ends of a connection, and for how long at most. */
static void
prepare (Connection *connection, struct pollfd *fds, int *timeout)
{
  gint64 now = g_get_monotonic_time ();
  gint64 until = connection->deadline;

  for (guint i = 0; i < 2; i++)
    {
      Way *way = &connection->ways[i];

      fds[i].fd = way->from;
      fds[i].events |= !way->ended && way->length < BUFFER ? POLLIN : 0;
      if (way->hold > now)
        until = until == 0 ? way->hold : MIN (until, way->hold);
      else if (way->length > 0)
        fds[1 - i].events |= POLLOUT;
    }
  for (guint i = 0; i < 2; i++)
    if (fds[i].events == 0)
      fds[i].fd = -1; /* one that hung up would wake us without end */
  if (until != 0)
    {
      int left = (int) (until > now ? (until - now) / 1000 + 1 : 0);

      *timeout = *timeout < 0 ? left : MIN (*timeout, left);
    }
}

static void
run (Proxy *self)
{
  gboolean more = TRUE;

  while (more)
    {
      guint count = self->connections->len;
      g_autofree struct pollfd *fds = g_new0 (struct pollfd, 2 + 2 * count);
      g_autofree Connection **there = g_new (Connection *, count + 1);
      int timeout = -1;

      fds[0] = (struct pollfd){ .fd = self->listener, .events = POLLIN };
      fds[1] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
      for (guint i = 0; i < count; i++)
        {
          there[i] = self->connections->pdata[i];
          prepare (there[i], &fds[2 + 2 * i], &timeout);
        }
      if (poll (fds, 2 + 2 * count, timeout) < 0 && errno != EINTR)
        g_error ("poll: %s", g_strerror (errno));
      for (guint i = 0; i < count; i++)
        serve (self, there[i], &fds[2 + 2 * i]);
      if (fds[0].revents != 0)
        take_connection (self);
      if (fds[1].revents != 0)
        more = listen_to_words (self);
    }
}

int
main (int argc, char **argv)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  Proxy self = { .words = g_string_new (NULL) };

  if (argc != 3)
    g_error ("usage: faultproxy PORT LOG");
  signal (SIGPIPE, SIG_IGN);
  began = g_get_monotonic_time ();
  self.port = (guint16) atoi (argv[1]);
  self.log = fopen (argv[2], "ae");
  self.connections = g_ptr_array_new_with_free_func (connection_free);
  self.listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (self.log == NULL || self.listener < 0 || bind (self.listener, (struct sockaddr *) &address, length) != 0
      || listen (self.listener, 64) != 0 || getsockname (self.listener, (struct sockaddr *) &address, &length) != 0)
    g_error ("faultproxy: %s", g_strerror (errno));
  setvbuf (self.log, NULL, _IOLBF, 0);
  setvbuf (stdout, NULL, _IOLBF, 0);
  printf ("%u\n", (guint) ntohs (address.sin_port));
  run (&self);
  g_ptr_array_unref (self.connections);
  g_string_free (self.words, TRUE);
  fclose (self.log);
  return 0;
}
