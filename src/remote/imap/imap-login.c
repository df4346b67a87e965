/* TLS, signing in, and what is said right after it. */
#include "remote/imap/imap-login.h"

#include <string.h>

#include "base/errors.h"

/**
 * surel_imap_start_tls:
 * @endpoint: whom this is to be
 * @rejected: (out) (optional): the certificate, where that was the reason
 *
 * Has a conversation that began in the clear go on by TLS (RFC 9051 §6.2.1): %FALSE with %SUREL_ERROR_TLS_REQUIRED where
 * the server doesn't do that.
 */
gboolean
surel_imap_start_tls (SurelImapSession *session,
                      const SurelEndpoint *endpoint,
                      SurelCertificate **rejected,
                      GCancellable *cancellable,
                      GError **error)
{
  g_autoptr (GError) own = NULL;

  if (!surel_imap_session_can (session, SUREL_IMAP_CAN_STARTTLS))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_TLS_REQUIRED,
                   "%s doesn't offer STARTTLS on port %u: it isn't signed in to in the clear", endpoint->host, endpoint->port);
      return FALSE;
    }
  if (surel_imap_session_run (session, surel_imap_command_new ("STARTTLS"), cancellable, &own))
    return surel_imap_session_start_tls (session, endpoint, rejected, cancellable, error)
           && surel_imap_session_learn_capabilities (session, cancellable, error);
  if (surel_imap_error_is_refusal (own))
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_TLS_REQUIRED, "%s refuses STARTTLS: %s", endpoint->host, own->message);
  else
    g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static char *
plain_response (const char *user, const char *password)
{
  g_autoptr (GString) octets = g_string_new (NULL);
  char *encoded;

  g_string_append_c (octets, '\0');
  g_string_append (octets, user);
  g_string_append_c (octets, '\0');
  g_string_append (octets, password);
  encoded = g_base64_encode ((const guchar *) octets->str, octets->len);
  explicit_bzero (octets->str, octets->len);
  return encoded;
}

static void
wipe (char **secret)
{
  if (*secret != NULL)
    explicit_bzero (*secret, strlen (*secret));
  g_clear_pointer (secret, g_free);
}

/* SASL PLAIN (RFC 4616), with the initial response where the server takes it (RFC 4959). */
static gboolean
authenticate_plain (SurelImapSession *session,
                    const char *user,
                    const char *password,
                    GCancellable *cancellable,
                    GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("AUTHENTICATE");
  char *answer = plain_response (user, password);
  gboolean at_once = surel_imap_session_can (session, SUREL_IMAP_CAN_SASL_IR);
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_command_atom (command, "PLAIN");
  if (at_once)
    surel_imap_command_secret (command, answer);
  tag = surel_imap_session_send (session, command, cancellable, error);
  while (tag != 0 && (result = surel_imap_session_next (session, tag, &response, cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_CONTINUATION)
      {
        gboolean sent = surel_imap_session_answer (session, at_once ? "*" : answer, cancellable, error);

        at_once = TRUE; /* once is enough: a second `+` is answered by giving up */
        if (!sent)
          {
            result = -1;
            break;
          }
      }
  wipe (&answer);
  return tag != 0 && result == 0;
}

static gboolean
log_in_plainly (SurelImapSession *session,
                const char *user,
                const char *password,
                GCancellable *cancellable,
                GError **error)
{
  SurelImapCommand *command = surel_imap_command_new ("LOGIN");

  surel_imap_command_string (command, user, -1);
  surel_imap_command_secret (command, password);
  return surel_imap_session_run (session, command, cancellable, error);
}

/* A refusal that says it is only for now is no reason to ask a person for the password. */
static void
explain_refusal (const char *user, GError **error)
{
  static const char *const passing[] = { "[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]" };
  g_autofree char *message = NULL;

  if (!g_error_matches (*error, SUREL_IMAP_ERROR, SUREL_IMAP_ERROR_NO))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (passing); i++)
    if (strstr ((*error)->message, passing[i]) != NULL)
      {
        (*error)->domain = SUREL_ERROR;
        (*error)->code = SUREL_ERROR_OFFLINE;
        return;
      }
  message = g_strdup_printf ("Signing in as %s failed. %s. Check the user name and the password", user,
                             (*error)->message);
  g_clear_error (error);
  g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_AUTHENTICATION_FAILED, message);
}

/**
 * surel_imap_hide_password:
 *
 * Whatever the server says, the password isn't shown, nor what AUTHENTICATE PLAIN makes of it.
 */
void
surel_imap_hide_password (SurelImapSession *session, const char *user, const char *password)
{
  char *answer = plain_response (user, password);

  surel_imap_session_hide (session, answer);
  surel_imap_session_hide (session, password);
  wipe (&answer);
}

/**
 * surel_imap_log_in:
 * @user: the user's name at the server
 * @password: the secret; it goes into no log
 *
 * Signs in, by AUTHENTICATE PLAIN where the server has it, else by LOGIN.
 *
 * Returns: %FALSE with %SUREL_ERROR_AUTHENTICATION_FAILED where the server refuses it
 */
gboolean
surel_imap_log_in (SurelImapSession *session,
                   const char *user,
                   const char *password,
                   GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (GError) own = NULL;
  gboolean success;

  surel_imap_session_forget_capabilities (session);
  if (surel_imap_session_can (session, SUREL_IMAP_CAN_AUTH_PLAIN))
    success = authenticate_plain (session, user, password, cancellable, &own);
  else if (!surel_imap_session_can (session, SUREL_IMAP_LOGIN_DISABLED))
    success = log_in_plainly (session, user, password, cancellable, &own);
  else
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED,
                   "The server offers no way of signing in that is supported (AUTHENTICATE PLAIN or "
                   "LOGIN)");
      return FALSE;
    }
  if (!success)
    {
      explain_refusal (user, &own);
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  return surel_imap_session_learn_capabilities (session, cancellable, error);
}

/**
 * surel_imap_enable:
 *
 * Says who we are and switches QRESYNC on, in one round trip.
 */
gboolean
surel_imap_enable (SurelImapSession *session, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelImapCommand) enable = surel_imap_command_new ("ENABLE");
  g_autoptr (SurelImapCommand) id = surel_imap_command_new ("ID");
  guint tags[2] = { 0, 0 };

  surel_imap_command_atom (enable, "QRESYNC");
  surel_imap_command_open (id);
  surel_imap_command_string (id, "name", -1);
  surel_imap_command_string (id, "Surel", -1);
  surel_imap_command_string (id, "version", -1);
  surel_imap_command_string (id, SUREL_VERSION, -1);
  surel_imap_command_close (id);
  if (surel_imap_session_can (session, SUREL_IMAP_CAN_ID)
      && (tags[0] = surel_imap_session_send (session, id, cancellable, error)) == 0)
    return FALSE;
  if (surel_imap_session_can (session, SUREL_IMAP_CAN_ENABLE | SUREL_IMAP_CAN_QRESYNC)
      && (tags[1] = surel_imap_session_send (session, enable, cancellable, error)) == 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (tags); i++)
    {
      g_autoptr (GError) own = NULL;

      /* Refused, it is done without. */
      if (tags[i] != 0 && !surel_imap_session_finish (session, tags[i], cancellable, &own)
          && !surel_imap_error_is_refusal (own))
        {
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
    }
  return TRUE;
}
