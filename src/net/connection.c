/* Connections: TCP, TLS and whom to trust. The certificate has to be for the configured host, never
 * for a name a server or the DNS gave. */
#include "net/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "base/clock.h"
#include "base/errors.h"

#define CONNECT_TIMEOUT 30 /* seconds for TCP, then for TLS, then for each write */
#define USER_TIMEOUT 60000 /* ms that sent data may stay unacknowledged */
#define KEEPALIVE_IDLE 120 /* seconds without traffic before the peer is probed */

struct _SurelConnection
{
  GSocketConnection *tcp;
  GIOStream *stream; /* the TLS connection, or tcp again */
  GInputStream *in; /* borrowed from stream */
  GOutputStream *out; /* borrowed from stream */
};

typedef struct
{
  const SurelEndpoint *endpoint;
  SurelCertificate *rejected;
} Judge;

void
surel_endpoint_clear (SurelEndpoint *self)
{
  g_free (self->host);
  g_free (self->pin);
  g_clear_object (&self->trust);
}

/**
 * surel_endpoint_trusts:
 * @certificate: what the server showed
 * @errors: what the system's trust store has against it
 * @rejected: (inout): the certificate, where there is something wrong with it, also where that is accepted
 *
 * Returns: whether it is the one that the endpoint's host is to have: issued by who is trusted, or pinned
 */
gboolean
surel_endpoint_trusts (const SurelEndpoint *self,
                       GTlsCertificate *certificate,
                       GTlsCertificateFlags errors,
                       SurelCertificate **rejected)
{
  g_autoptr (GSocketConnectable) identity = g_network_address_new (self->host, self->port);

  if (self->trust != NULL)
    errors = g_tls_database_verify_chain (self->trust, certificate, G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER, identity, NULL,
                                          G_TLS_DATABASE_VERIFY_NONE, NULL, NULL);
  if (errors == 0)
    return TRUE;
  g_clear_pointer (rejected, surel_certificate_unref);
  *rejected = surel_certificate_new (self->host, certificate, errors);
  return self->pin != NULL && self->pin[0] != '\0' && g_ascii_strcasecmp (self->pin, (*rejected)->sha256) == 0;
}

/* Called where the system's trust store has something against the certificate. */
static gboolean
judge_certificate (GTlsConnection *tls G_GNUC_UNUSED,
                   GTlsCertificate *certificate,
                   GTlsCertificateFlags errors,
                   gpointer data)
{
  Judge *judge = data;

  return surel_endpoint_trusts (judge->endpoint, certificate, errors, &judge->rejected);
}

/**
 * surel_connection_start_tls:
 * @endpoint: whom this is to be
 * @rejected: (out) (optional): the certificate, where that was the reason
 *
 * From here on TLS is spoken: %FALSE with %SUREL_ERROR_CERTIFICATE_REJECTED or an error of GIO's, and the connection is of
 * no use any more.
 */
gboolean
surel_connection_start_tls (SurelConnection *self,
                            const SurelEndpoint *endpoint,
                            SurelCertificate **rejected,
                            GCancellable *cancellable,
                            GError **error)
{
  g_autoptr (GSocketConnectable) identity = g_network_address_new (endpoint->host, endpoint->port);
  Judge judge = { endpoint, NULL };
  gboolean success;
  GIOStream *tls = g_tls_client_connection_new (G_IO_STREAM (self->tcp), identity, error);

  if (tls == NULL)
    return FALSE;
  g_object_unref (self->stream);
  self->stream = tls;
  self->in = g_io_stream_get_input_stream (tls);
  self->out = g_io_stream_get_output_stream (tls);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (judge_certificate), &judge);
  success = g_tls_connection_handshake (G_TLS_CONNECTION (tls), cancellable, error);
  g_signal_handlers_disconnect_by_data (tls, &judge);
  if (!success && judge.rejected != NULL && !g_cancellable_is_cancelled (cancellable))
    {
      g_autofree char *message = surel_certificate_describe (judge.rejected);

      g_clear_error (error);
      g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_CERTIFICATE_REJECTED, message);
      if (rejected != NULL)
        *rejected = g_steal_pointer (&judge.rejected);
    }
  g_clear_pointer (&judge.rejected, surel_certificate_unref);
  return success;
}

static gboolean
is_loopback (GSocketConnection *tcp)
{
  g_autoptr (GSocketAddress) address = g_socket_connection_get_remote_address (tcp, NULL);

  return G_IS_INET_SOCKET_ADDRESS (address)
         && g_inet_address_get_is_loopback (
             g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

static void
set_options (GSocket *socket)
{
  g_socket_set_keepalive (socket, TRUE);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT, NULL);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE, NULL);
  g_socket_set_timeout (socket, CONNECT_TIMEOUT);
}

/**
 * surel_connection_open:
 * @rejected: (out) (optional): the certificate, where that was the reason
 *
 * Connects and, with %SUREL_SECURITY_TLS, makes sure of whom it speaks to before anything is sent. With
 * %SUREL_SECURITY_STARTTLS it is in the clear until surel_connection_start_tls().
 *
 * Returns: (transfer full) (nullable): the connection; %NULL with %SUREL_ERROR_CERTIFICATE_REJECTED,
 *   %SUREL_ERROR_TLS_REQUIRED (no TLS off loopback), or an error of GIO's
 */
SurelConnection *
surel_connection_open (const SurelEndpoint *endpoint,
                       SurelCertificate **rejected,
                       GCancellable *cancellable,
                       GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (SurelConnection) self = g_new0 (SurelConnection, 1);

  g_debug ("net: connecting to %s, port %u", endpoint->host, endpoint->port);
  g_socket_client_set_timeout (client, CONNECT_TIMEOUT);
  self->tcp = g_socket_client_connect_to_host (client, endpoint->host, endpoint->port, cancellable,
                                               error);
  if (self->tcp == NULL)
    return NULL;
  self->stream = g_object_ref (G_IO_STREAM (self->tcp));
  set_options (g_socket_connection_get_socket (self->tcp));
  if (endpoint->security == SUREL_SECURITY_NONE && !is_loopback (self->tcp))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_TLS_REQUIRED,
                   "%s is not on this machine: it is only spoken to with TLS", endpoint->host);
      return NULL;
    }
  self->in = g_io_stream_get_input_stream (self->stream);
  self->out = g_io_stream_get_output_stream (self->stream);
  if (endpoint->security == SUREL_SECURITY_TLS
      && !surel_connection_start_tls (self, endpoint, rejected, cancellable, error))
    return NULL;
  g_debug ("net: connected to %s, port %u", endpoint->host, endpoint->port);
  return g_steal_pointer (&self);
}

void
surel_connection_free (SurelConnection *self)
{
  /* No close_notify and no waiting for the peer's: what matters was said by the protocol. */
  if (self->tcp != NULL)
    g_socket_close (g_socket_connection_get_socket (self->tcp), NULL);
  g_clear_object (&self->stream);
  g_clear_object (&self->tcp);
  g_free (self);
}

/* Waits until the socket can be read; FALSE with G_IO_ERROR_TIMED_OUT or _CANCELLED. */
static gboolean
wait_for_input (SurelConnection *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  gint64 left = deadline - surel_clock_monotonic ();
  struct pollfd fds[2] = {
    { .fd = g_socket_get_fd (g_socket_connection_get_socket (self->tcp)), .events = POLLIN },
    { .fd = g_cancellable_get_fd (cancellable), .events = POLLIN },
  };

  if (left > 0)
    poll (fds, fds[1].fd >= 0 ? 2 : 1, (int) MIN (left / 1000 + 1, G_MAXINT));
  if (fds[1].fd >= 0)
    g_cancellable_release_fd (cancellable);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (left <= 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The server did not answer in time");
      return FALSE;
    }
  return TRUE;
}

/**
 * surel_connection_read:
 * @timeout_us: how long to wait for the first octet, in microseconds
 *
 * Returns: how many octets were read, at least one; -1 with %G_IO_ERROR_TIMED_OUT,
 *   %G_IO_ERROR_CONNECTION_CLOSED (also where the server ended the connection) or another error. After
 *   %G_IO_ERROR_CANCELLED and %G_IO_ERROR_TIMED_OUT the connection can go on.
 */
gssize
surel_connection_read (SurelConnection *self,
                       void *buffer,
                       gsize size,
                       gint64 timeout_us,
                       GCancellable *cancellable,
                       GError **error)
{
  gint64 deadline = surel_clock_monotonic () + timeout_us;

  for (;;)
    {
      g_autoptr (GError) own = NULL;
      gssize n = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (self->in), buffer,
                                                           size, cancellable, &own);

      if (n > 0)
        return n;
      if (n == 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                       "The server closed the connection");
          return -1;
        }
      if (!g_error_matches (own, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&own));
          return -1;
        }
      /* A server that waits for our acknowledgement before it sends its next answer (Cyrus does, having left Nagle's
       * algorithm on) would wait for 40 ms. The kernel forgets this now and then: it is said each time. */
      g_socket_set_option (g_socket_connection_get_socket (self->tcp), IPPROTO_TCP, TCP_QUICKACK, 1, NULL);
      if (!wait_for_input (self, deadline, cancellable, error))
        return -1;
    }
}

gboolean
surel_connection_write (SurelConnection *self,
                        const void *data,
                        gsize length,
                        GCancellable *cancellable,
                        GError **error)
{
  return g_output_stream_write_all (self->out, data, length, NULL, cancellable, error);
}
