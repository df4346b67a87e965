/* Waiting until a server has something to tell of the open mailbox (RFC 2177). */
#include "base/clock.h"
#include "remote/imap/imap-session-private.h"

#define QUIET (10 * 1000) /* µs after a change in which nothing more comes */
#define BURST_MAX (250 * 1000) /* µs in which changes may go on coming */
#define DONE_MAX (10 * G_USEC_PER_SEC) /* for the answer to IDLE's DONE: a dead link is found so */

static gboolean
tells_of_a_change (const SurelImapResponse *response)
{
  return response->kind == SUREL_IMAP_EXISTS || response->kind == SUREL_IMAP_EXPUNGE
         || response->kind == SUREL_IMAP_VANISHED || response->kind == SUREL_IMAP_FETCH;
}

/* Reads what comes along with a change until nothing more does. Dovecot answers a DONE that comes in the middle of a
 * thousand answers, over TLS, only when something else happens. Returns 1 when it is quiet, 0 when IDLE was ended by the
 * server, -1 with @error set. */
static int
read_until_quiet (SurelImapSession *self, guint tag, GCancellable *wake, GError **error)
{
  gint64 deadline = surel_clock_monotonic () + BURST_MAX;

  while (surel_clock_monotonic () < deadline)
    {
      g_autoptr (GError) own = NULL;
      const SurelImapResponse *response;

      if (!surel_imap_session_read (self, QUIET, &response, wake, &own))
        {
          if (g_error_matches (own, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
              || g_error_matches (own, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            return 1;
          g_propagate_error (error, g_steal_pointer (&own));
          return -1;
        }
      surel_imap_session_note (self, response);
      if (response->kind == SUREL_IMAP_TAGGED)
        return surel_imap_session_end (self, tag, response, error) ? 0 : -1;
    }
  return 1;
}

/**
 * surel_imap_session_idle:
 * @timeout_us: how long at most, in microseconds
 * @changed: (out): whether something happened
 * @wake: ends it
 *
 * Waits until something happens in the open mailbox (RFC 2177).
 *
 * Returns: %TRUE when something did, the time is over or @wake was cancelled
 */
gboolean
surel_imap_session_idle (SurelImapSession *self,
                         gint64 timeout_us,
                         gboolean *changed,
                         GCancellable *wake,
                         GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("IDLE");
  gint64 deadline = surel_clock_monotonic () + timeout_us;
  guint tag = surel_imap_session_send (self, command, NULL, error);
  const SurelImapResponse *response;
  gboolean over = FALSE;

  *changed = FALSE;
  if (tag == 0 || !surel_imap_session_wait_for_go (self, tag, NULL, error))
    return FALSE;
  while (!over)
    {
      g_autoptr (GError) own = NULL;

      surel_imap_session_start_clock (self); /* idling, a server may take its time */
      if (!surel_imap_session_read (self, MAX (0, deadline - surel_clock_monotonic ()), &response, wake, &own))
        {
          over = g_error_matches (own, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
                 || g_error_matches (own, G_IO_ERROR, G_IO_ERROR_CANCELLED);
          if (over)
            break;
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
      surel_imap_session_note (self, response);
      if (response->kind == SUREL_IMAP_TAGGED)
        return surel_imap_session_end (self, tag, response, error);
      if (response->kind == SUREL_IMAP_UNTAGGED && response->condition == SUREL_IMAP_BYE)
        {
          surel_imap_session_set_status_error (self, response, "ended the connection", SUREL_IMAP_ERROR_BYE, error);
          return FALSE;
        }
      *changed = tells_of_a_change (response);
      over = *changed || self->alert != NULL;
    }
  if (*changed)
    {
      int quiet = read_until_quiet (self, tag, wake, error);

      if (quiet <= 0)
        return quiet == 0;
    }
  if (!surel_connection_write (self->connection, "DONE\r\n", 6, NULL, error))
    return FALSE;
  for (;;)
    {
      if (!surel_imap_session_read (self, DONE_MAX, &response, NULL, error))
        return FALSE;
      surel_imap_session_note (self, response);
      *changed = *changed || tells_of_a_change (response);
      if (response->kind == SUREL_IMAP_TAGGED)
        return surel_imap_session_end (self, tag, response, error);
    }
}
