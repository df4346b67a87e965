/* HTTP for ActiveSync (MS-ASHTTP): one URL, POST with a Content-Length, WBXML both ways, streamed and counted.
 *
 * libsoup is kept from all it would do by itself: it follows no redirect (credentials go to the host that the person
 * named, and to no other: where it sends us on that host is followed here), inflates nothing (a bomb would be whole in
 * memory), keeps no cookies and answers no challenge. It needs a main context of the thread that it is used in: it gets its own, around each call. */
#include "remote/eas/eas-session.h"

#include <libsoup/soup.h>
#include <string.h>

#include "base/errors.h"
#include "base/text.h"
#include "net/connection.h"
#include "remote/eas/eas-multipart.h"
#include "remote/eas/eas-provision.h"
#include "remote/eas/eas-status.h"

#define TIMEOUT 60 /* seconds without an octet */
#define ANSWER_MAX (256 * 1024 * 1024) /* octets of one answer: content is never held whole */
#define RETRY_AFTER_MAX 3600 /* seconds */
#define WORDS_MAX 200 /* octets of a reason phrase that are passed on */
#define DEVICE_TYPE "Surel"
#define STATUS_MOVED 451 /* of HTTP: MS-ASHTTP §2.2.2.1.1.3 */
#define MOVES_MAX 3
#define POLICIES_MAX 2 /* that are accepted for one command */
#define STATUS_WANTS_POLICY 449 /* of HTTP, before 14.0: MS-ASHTTP §2.2.2.1.1.3 */
#define POLICY_KEY_MAX 64 /* octets */
#define MIME_TYPE "message/rfc822"
#define CONTENT_TYPE "application/vnd.ms-sync.wbxml"

/* The best first. */
static const char *const versions[] = { "16.1", "16.0", "14.1", "14.0", "12.1" };

struct _SurelEasSession
{
  GMainContext *context;
  SoupSession *soup;
  SurelEndpoint endpoint;
  char *url;
  char *query; /* what is the same for all commands */
  char *credentials; /* a header's value */
  const char *version; /* one of `versions`; NULL before it is agreed on */
  const SurelRemoteMemory *memory; /* borrowed: it outlives this; has the policy key */
  char *policy_key; /* nullable */
  gboolean wants_policy; /* the last answer was that a policy has to be accepted first */
  gboolean provisioning;
  gboolean shut_out; /* the last command wasn't heard, for want of a policy */
  gboolean moved; /* the last answer was that it is at another URL, which is known now */
  guint moves;
  gboolean acted; /* the server may have acted on the last command */
  gint64 retry_after; /* seconds, of the last answer; 0 where it said nothing */
  SurelCertificate *rejected; /* by the handshake that is under way; nullable */
};

static gboolean
judge_certificate (SoupMessage *message G_GNUC_UNUSED,
                   GTlsCertificate *certificate,
                   GTlsCertificateFlags errors,
                   gpointer data)
{
  SurelEasSession *self = data;

  if (!surel_endpoint_trusts (&self->endpoint, certificate, errors, &self->rejected))
    return FALSE;
  g_clear_pointer (&self->rejected, surel_certificate_unref);
  return TRUE;
}

static gboolean
is_bearer (const SurelRemoteConfig *config)
{
  const char *auth = "";

  g_variant_lookup (config->settings, "auth", "&s", &auth);
  return g_str_equal (auth, "bearer");
}

static gboolean
is_token (const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (!g_ascii_isgraph (*p))
      return FALSE;
  return text[0] != '\0';
}

/* RFC 7617 §2, RFC 6750 §2.1; NULL where the token can't be one. */
static char *
make_credentials (const SurelRemoteConfig *config, const char *user)
{
  g_autofree char *pair = NULL;
  g_autofree char *encoded = NULL;
  char *credentials;

  if (is_bearer (config))
    return is_token (config->password) ? g_strconcat ("Bearer ", config->password, NULL) : NULL;
  pair = g_strconcat (user, ":", config->password, NULL);
  encoded = g_base64_encode ((const guchar *) pair, strlen (pair));
  credentials = g_strconcat ("Basic ", encoded, NULL);
  explicit_bzero (pair, strlen (pair));
  explicit_bzero (encoded, strlen (encoded));
  return credentials;
}

static gboolean
take_url (SurelEasSession *self, const SurelRemoteConfig *config, GError **error)
{
  g_autoptr (GUri) uri = NULL;
  const char *url = "";

  g_variant_lookup (config->settings, "url", "&s", &url);
  uri = g_uri_parse (url, SOUP_HTTP_URI_FLAGS, error);
  if (uri == NULL)
    return FALSE;
  self->url = g_strdup (url);
  self->endpoint.host = g_strdup (g_uri_get_host (uri));
  self->endpoint.port = (guint16) g_uri_get_port (uri);
  self->endpoint.security = g_str_equal (g_uri_get_scheme (uri), "https") ? SUREL_SECURITY_TLS : SUREL_SECURITY_NONE;
  g_variant_lookup (config->settings, "pin", "s", &self->endpoint.pin);
  g_set_object (&self->endpoint.trust, config->trust);
  return TRUE;
}

/**
 * surel_eas_session_new:
 * @config: whose settings have `url`, `user` and `deviceId`; with `auth` `bearer` its password is an access token
 * @memory: filled in before the session is opened; outlives it
 */
SurelEasSession *
surel_eas_session_new (const SurelRemoteConfig *config, const SurelRemoteMemory *memory, GError **error)
{
  g_autoptr (SurelEasSession) self = g_new0 (SurelEasSession, 1);
  g_autofree char *escaped = NULL;
  const char *user = "";
  const char *device = "";

  self->context = g_main_context_new ();
  self->memory = memory;
  if (!take_url (self, config, error))
    return NULL;
  g_variant_lookup (config->settings, "user", "&s", &user);
  g_variant_lookup (config->settings, "deviceId", "&s", &device);
  escaped = g_uri_escape_string (user, NULL, FALSE);
  self->query = g_strdup_printf ("&User=%s&DeviceId=%s&DeviceType=" DEVICE_TYPE, escaped, device);
  self->credentials = make_credentials (config, user);
  if (self->credentials == NULL)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_AUTHENTICATION_FAILED, "The access token has characters that none can have; set another one");
      return NULL;
    }
  g_main_context_push_thread_default (self->context);
  self->soup = soup_session_new_with_options ("timeout", TIMEOUT, "user-agent", "Surel/" SUREL_VERSION, NULL);
  soup_session_remove_feature_by_type (self->soup, SOUP_TYPE_CONTENT_DECODER);
  soup_session_remove_feature_by_type (self->soup, SOUP_TYPE_AUTH_MANAGER);
  /* What is said in the clear stays on this machine. */
  if (self->endpoint.security == SUREL_SECURITY_NONE)
    soup_session_set_proxy_resolver (self->soup, NULL);
  g_main_context_pop_thread_default (self->context);
  return g_steal_pointer (&self);
}

void
surel_eas_session_free (SurelEasSession *self)
{
  g_main_context_push_thread_default (self->context);
  g_clear_object (&self->soup);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  surel_endpoint_clear (&self->endpoint);
  g_clear_pointer (&self->rejected, surel_certificate_unref);
  g_free (self->url);
  g_free (self->query);
  g_free (self->policy_key);
  if (self->credentials != NULL)
    explicit_bzero (self->credentials, strlen (self->credentials));
  g_free (self->credentials);
  g_free (self);
}

/* --- One exchange --- */

static gint64
seconds_of (SoupMessage *message)
{
  const char *text = soup_message_headers_get_one (soup_message_get_response_headers (message), "Retry-After");

  return text != NULL ? CLAMP (g_ascii_strtoll (text, NULL, 10), 0, RETRY_AFTER_MAX) : 0;
}

/* What a status other than success says (MS-ASHTTP §2.2.2). */
static void
set_error_of_status (SurelEasSession *self, SoupMessage *message, GError **error)
{
  guint status = soup_message_get_status (message);
  const char *phrase = soup_message_get_reason_phrase (message);
  g_autofree char *words = surel_text_clean (phrase != NULL ? phrase : "", -1, WORDS_MAX);

  switch (status)
    {
    case SOUP_STATUS_UNAUTHORIZED:
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_AUTHENTICATION_FAILED,
                   "The server did not accept the %s (HTTP %u %s)",
                   g_str_has_prefix (self->credentials, "Bearer") ? "access token, which may have run out" : "user name and password",
                   status, words);
      break;
    case SOUP_STATUS_FORBIDDEN:
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_AUTHENTICATION_FAILED,
                   "The server does not let this user, or this device, in by ActiveSync (HTTP %u %s); its administrator can "
                   "allow it",
                   status, words);
      break;
    case SOUP_STATUS_NOT_FOUND:
    case SOUP_STATUS_METHOD_NOT_ALLOWED:
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
                   "There is no ActiveSync at %s (HTTP %u %s); check the URL", self->url, status, words);
      break;
    case 429: /* Too Many Requests: RFC 6585 §4 */
    case SOUP_STATUS_SERVICE_UNAVAILABLE:
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_RATE_LIMITED,
                   "The server is too busy (HTTP %u %s); it wants to be left alone for %" G_GINT64_FORMAT " s", status, words,
                   self->retry_after);
      break;
    case SOUP_STATUS_BAD_GATEWAY:
    case SOUP_STATUS_GATEWAY_TIMEOUT:
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_OFFLINE, "What is in front of the server doesn't reach it (HTTP %u %s)",
                   status, words);
      break;
    default:
      if (SOUP_STATUS_IS_REDIRECTION (status) || status == STATUS_MOVED)
        g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED,
                     "The server sends us somewhere else (HTTP %u %s), where the password isn't sent; if that is right, set the "
                     "account's URL to where it is",
                     status, words);
      else
        g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED, "The server refused it (HTTP %u %s)", status, words);
    }
}

/* Where a server sends us (MS-ASHTTP §3.1.5.2.2, RFC 9110 §15.4.8); NULL where it doesn't. */
static const char *
location_of (SoupMessage *message)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (message);

  switch ((guint) soup_message_get_status (message))
    {
    case STATUS_MOVED:
      return soup_message_headers_get_one (headers, "X-MS-Location");
    case SOUP_STATUS_TEMPORARY_REDIRECT:
    case SOUP_STATUS_PERMANENT_REDIRECT:
      return soup_message_headers_get_one (headers, "Location");
    default:
      return NULL;
    }
}

/* To another path of the same server it goes by itself. */
static gboolean
follow (SurelEasSession *self, SoupMessage *message)
{
  const char *location = location_of (message);
  g_autoptr (GUri) before = g_uri_parse (self->url, SOUP_HTTP_URI_FLAGS, NULL);
  g_autoptr (GUri) after = location != NULL ? g_uri_parse_relative (before, location, SOUP_HTTP_URI_FLAGS, NULL) : NULL;

  if (after == NULL || self->moves == MOVES_MAX || g_strcmp0 (g_uri_get_scheme (before), g_uri_get_scheme (after)) != 0
      || g_uri_get_host (after) == NULL || g_ascii_strcasecmp (g_uri_get_host (before), g_uri_get_host (after)) != 0
      || g_uri_get_port (before) != g_uri_get_port (after) || g_uri_get_userinfo (after) != NULL)
    return FALSE;
  self->moves++;
  g_free (self->url);
  self->url = g_uri_join (SOUP_HTTP_URI_FLAGS, g_uri_get_scheme (after), NULL, g_uri_get_host (after), g_uri_get_port (after),
                          g_uri_get_path (after), NULL, NULL);
  return TRUE;
}

static void
take_rejected (SurelEasSession *self, SurelCertificate **rejected, GError **error)
{
  g_autofree char *text = NULL;

  if (self->rejected == NULL)
    return;
  text = surel_certificate_describe (self->rejected);
  g_clear_error (error);
  g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_CERTIFICATE_REJECTED, text);
  if (rejected != NULL)
    *rejected = g_steal_pointer (&self->rejected);
}

/* A server acts on nothing before it has the whole header. */
static void
on_wrote_headers (SoupMessage *message G_GNUC_UNUSED, SurelEasSession *self)
{
  self->acted = TRUE;
}

static SoupMessage *
make_message (SurelEasSession *self, const char *method, const char *command, const char *parameters)
{
  g_autofree char *query = command != NULL ? g_strconcat ("?Cmd=", command, self->query, parameters, NULL) : g_strdup ("");
  g_autofree char *uri = g_strconcat (self->url, query, NULL);
  SoupMessage *message = soup_message_new (method, uri);

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization", self->credentials);
  if (self->version != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (message), "MS-ASProtocolVersion", self->version);
  if (self->policy_key != NULL && command != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (message), "X-MS-PolicyKey", self->policy_key);
  g_signal_connect (message, "accept-certificate", G_CALLBACK (judge_certificate), self);
  g_signal_connect (message, "wrote-headers", G_CALLBACK (on_wrote_headers), self);
  return message;
}

/* With these it says that it did nothing (RFC 9110 §15.5, §15.6.4). */
static gboolean
is_refusal (guint status)
{
  return SOUP_STATUS_IS_REDIRECTION (status) || SOUP_STATUS_IS_CLIENT_ERROR (status) || status == SOUP_STATUS_NOT_IMPLEMENTED
         || status == SOUP_STATUS_SERVICE_UNAVAILABLE || status == SOUP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
}

/* Returns the answer's body, to be read in the same context; NULL with @error set. */
static GInputStream *
send (SurelEasSession *self, SoupMessage *message, SurelCertificate **rejected, GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) body = NULL;

  g_clear_pointer (&self->rejected, surel_certificate_unref);
  self->wants_policy = FALSE;
  self->moved = FALSE;
  self->acted = FALSE;
  self->retry_after = 0;
  body = soup_session_send (self->soup, message, cancellable, error);
  if (body == NULL)
    {
      if (!g_cancellable_is_cancelled (cancellable))
        take_rejected (self, rejected, error);
      return NULL;
    }
  if (soup_message_get_status (message) == SOUP_STATUS_OK)
    return g_steal_pointer (&body);
  self->wants_policy = soup_message_get_status (message) == STATUS_WANTS_POLICY;
  self->moved = follow (self, message);
  self->acted = !is_refusal (soup_message_get_status (message));
  self->retry_after = seconds_of (message);
  set_error_of_status (self, message, error);
  return NULL;
}

/* --- Opening --- */

static char *
load_policy_key (SurelEasSession *self)
{
  g_autoptr (GBytes) bytes = self->memory->load != NULL ? self->memory->load (self->memory->data) : NULL;

  return bytes != NULL ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) : NULL;
}

/* MS-ASHTTP §2.2.1.2: versions with commas between them. */
static const char *
choose_version (const char *offered)
{
  g_auto (GStrv) words = g_strsplit_set (offered != NULL ? offered : "", ", ", -1);

  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    if (g_strv_contains ((const char *const *) words, versions[i]))
      return versions[i];
  return NULL;
}

static gboolean
negotiate (SurelEasSession *self, SurelCertificate **rejected, GCancellable *cancellable, GError **error)
{
  g_autoptr (SoupMessage) message = make_message (self, "OPTIONS", NULL, NULL);
  g_autoptr (GInputStream) body = send (self, message, rejected, cancellable, error);
  const char *offered;
  g_autofree char *clean = NULL;

  if (body == NULL && self->moved)
    {
      g_clear_error (error);
      return negotiate (self, rejected, cancellable, error);
    }
  if (body == NULL)
    return FALSE;
  offered = soup_message_headers_get_list (soup_message_get_response_headers (message), "MS-ASProtocolVersions");
  self->version = choose_version (offered);
  if (self->version != NULL)
    {
      g_debug ("eas: protocol %s", self->version);
      return TRUE;
    }
  clean = surel_text_clean (offered != NULL ? offered : "none", -1, WORDS_MAX);
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
               "The server at %s speaks no version of ActiveSync that Surel does (it offers %s); check the URL", self->url, clean);
  return FALSE;
}

/**
 * surel_eas_session_open:
 * @rejected: (out): the certificate, with %SUREL_ERROR_CERTIFICATE_REJECTED
 *
 * Signs in, and agrees on the protocol's version (MS-ASHTTP §2.2.1.2).
 */
gboolean
surel_eas_session_open (SurelEasSession *self, SurelCertificate **rejected, GCancellable *cancellable, GError **error)
{
  gboolean success;

  self->policy_key = load_policy_key (self);
  g_main_context_push_thread_default (self->context);
  success = negotiate (self, rejected, cancellable, error);
  g_main_context_pop_thread_default (self->context);
  if (!success && error != NULL && *error != NULL)
    surel_error_to_public (error);
  return success;
}

/* --- Commands --- */

/**
 * surel_eas_session_set_patience:
 * @seconds: how long the server may take for each answer from now on, beside the time that it always has
 */
void
surel_eas_session_set_patience (SurelEasSession *self, guint seconds)
{
  soup_session_set_timeout (self->soup, seconds + TIMEOUT);
}

/* An answer of another type is a proxy's, or a web server's. */
static gboolean
check_type (SoupMessage *message, gboolean may_be_parts, gboolean *parts, GError **error)
{
  const char *type = soup_message_headers_get_content_type (soup_message_get_response_headers (message), NULL);
  g_autofree char *clean = NULL;

  *parts = may_be_parts && type != NULL && g_ascii_strcasecmp (type, SUREL_EAS_MULTIPART_TYPE) == 0;

  /* Nothing at all has none, and says that nothing changed (MS-ASHTTP §2.2.2.1.1). */
  if (*parts || type == NULL || g_ascii_strcasecmp (type, CONTENT_TYPE) == 0 || g_ascii_strcasecmp (type, "application/vnd.ms-sync") == 0)
    return TRUE;
  clean = surel_text_clean (type, -1, WORDS_MAX);
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server answered with %s, which is no ActiveSync", clean);
  return FALSE;
}

/* A command, to be sent as often as it takes. */
typedef struct
{
  const char *name;
  const char *parameters; /* more of them, in the URL */
  SurelEasWriter *request; /* nullable */
  GBytes *mime; /* else */
  SurelEasAnswerFunc answer;
  SurelContentFunc content; /* takes what may come beside the document; nullable */
  gpointer user_data;
  const gint64 *status; /* nullable */
} Command;

static gboolean
converse (SurelEasSession *self, const Command *command, GCancellable *cancellable, GError **error)
{
  g_autoptr (SoupMessage) message = make_message (self, "POST", command->name, command->parameters);
  g_autoptr (GInputStream) body = NULL;
  g_autoptr (GInputStream) octets = NULL;
  g_autoptr (SurelEasReader) reader = NULL;
  gboolean parts;
  goffset length;

  if (command->request != NULL)
    octets = surel_eas_writer_finish (command->request, &length);
  else
    {
      octets = g_memory_input_stream_new_from_bytes (command->mime);
      length = (goffset) g_bytes_get_size (command->mime);
    }
  if (command->content != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (message), "MS-ASAcceptMultiPart", "T");
  soup_message_set_request_body (message, command->request != NULL ? CONTENT_TYPE : MIME_TYPE, octets, length);
  body = send (self, message, NULL, cancellable, error);
  if (body == NULL || !check_type (message, command->content != NULL, &parts, error))
    return FALSE;
  if (parts)
    return surel_eas_multipart_read (body, command->answer, command->content, command->user_data, cancellable, error);
  reader = surel_eas_reader_new (body, ANSWER_MAX, cancellable);
  command->answer (reader, command->user_data);
  return surel_eas_reader_finish (reader, error);
}

/**
 * surel_eas_session_take_policy_key:
 * @key: (transfer full): what was agreed on; is remembered
 */
void
surel_eas_session_take_policy_key (SurelEasSession *self, char *key)
{
  g_autoptr (GBytes) bytes = g_bytes_new (key, strlen (key));

  g_free (self->policy_key);
  self->policy_key = key;
  if (self->memory->save != NULL)
    self->memory->save (bytes, self->memory->data);
}

/* Another connection may have accepted a policy meanwhile: accepting it anew would make that one's key worthless. */
static gboolean
get_policy (SurelEasSession *self, GCancellable *cancellable, GError **error)
{
  g_autofree char *known = load_policy_key (self);
  gboolean success;

  if (known != NULL && g_strcmp0 (known, self->policy_key) != 0 && strlen (known) <= POLICY_KEY_MAX)
    {
      g_free (self->policy_key);
      self->policy_key = g_steal_pointer (&known);
      return TRUE;
    }
  self->provisioning = TRUE;
  success = surel_eas_provision (self, cancellable, error);
  self->provisioning = FALSE;
  return success;
}

/* With what is remembered, with what is agreed on now: then the server makes fun of us. */
static gboolean
run (SurelEasSession *self, const Command *command, GCancellable *cancellable, GError **error)
{
  self->shut_out = FALSE;
  for (guint policies = 0;;)
    {
      g_autoptr (GError) own = NULL;
      gboolean success = converse (self, command, cancellable, &own);
      gboolean told = success && command->status != NULL && surel_eas_status_wants_policy (*command->status);

      if (self->moved)
        continue;
      if (!(self->wants_policy || told) || self->provisioning || policies == POLICIES_MAX)
        {
          if (own != NULL)
            g_propagate_error (error, g_steal_pointer (&own));
          return success;
        }
      policies++;
      if (!get_policy (self, cancellable, error))
        {
          self->acted = FALSE; /* what was asked then was something else */
          self->shut_out = TRUE;
          return FALSE;
        }
    }
}

static gboolean
run_command (SurelEasSession *self, const Command *command, GCancellable *cancellable, GError **error)
{
  gboolean success;

  g_debug ("eas: %s", command->name);
  g_main_context_push_thread_default (self->context);
  success = run (self, command, cancellable, error);
  g_main_context_pop_thread_default (self->context);
  if (!success && error != NULL && *error != NULL)
    surel_error_to_public (error);
  return success;
}

/**
 * surel_eas_session_command:
 * @name: as the URL names it (MS-ASHTTP §2.2.1.1.1.2.2)
 * @request: (transfer full): its body
 * @answer: reads what the server says; called again where it wants policies to be accepted first
 * @status: (nullable): where @answer leaves the status of the whole
 *
 * Returns: %FALSE with @error set also where what @answer read isn't to be believed
 */
gboolean
surel_eas_session_command (SurelEasSession *self,
                           const char *name,
                           SurelEasWriter *request,
                           SurelEasAnswerFunc answer,
                           gpointer user_data,
                           const gint64 *status,
                           GCancellable *cancellable,
                           GError **error)
{
  Command command = { .name = name, .parameters = "", .request = request, .answer = answer, .user_data = user_data, .status = status };
  gboolean success = run_command (self, &command, cancellable, error);

  surel_eas_writer_free (request);
  return success;
}

/**
 * surel_eas_session_command_in_parts:
 * @content: takes what the server gives beside its document, if it can (MS-ASHTTP §2.2.1.1.2.3)
 *
 * As surel_eas_session_command().
 */
gboolean
surel_eas_session_command_in_parts (SurelEasSession *self,
                                    const char *name,
                                    SurelEasWriter *request,
                                    SurelEasAnswerFunc answer,
                                    SurelContentFunc content,
                                    gpointer user_data,
                                    const gint64 *status,
                                    GCancellable *cancellable,
                                    GError **error)
{
  Command command = { .name = name, .parameters = "", .request = request, .answer = answer, .content = content, .user_data = user_data,
                      .status = status };
  gboolean success = run_command (self, &command, cancellable, error);

  surel_eas_writer_free (request);
  return success;
}

/**
 * surel_eas_session_send_mime:
 * @name: as the URL names it
 * @parameters: more of them, as it has them
 * @octets: a message
 * @answer: reads what the server says, if anything
 *
 * Before version 14.0 messages are sent like this (MS-ASCMD §2.2.1.17).
 */
gboolean
surel_eas_session_send_mime (SurelEasSession *self,
                             const char *name,
                             const char *parameters,
                             GBytes *octets,
                             SurelEasAnswerFunc answer,
                             gpointer user_data,
                             const gint64 *status,
                             GCancellable *cancellable,
                             GError **error)
{
  Command command = { .name = name, .parameters = parameters, .mime = octets, .answer = answer, .user_data = user_data, .status = status };

  return run_command (self, &command, cancellable, error);
}

/**
 * surel_eas_session_may_have_acted:
 *
 * Returns: whether the server may have done what the last command asked, for all that is known
 */
gboolean
surel_eas_session_may_have_acted (SurelEasSession *self)
{
  return self->acted;
}

/**
 * surel_eas_session_is_shut_out:
 *
 * Returns: whether the last command failed because no policy could be agreed on: what it asked was never judged
 */
gboolean
surel_eas_session_is_shut_out (SurelEasSession *self)
{
  return self->shut_out;
}

/**
 * surel_eas_session_get_retry_after:
 *
 * Returns: for how many seconds the server wants to be left alone, as its last answer said; 0 for nothing
 */
gint64
surel_eas_session_get_retry_after (SurelEasSession *self)
{
  return self->retry_after;
}

/**
 * surel_eas_session_get_version:
 *
 * Returns: the version that was agreed on, as `14.1`
 */
const char *
surel_eas_session_get_version (SurelEasSession *self)
{
  return self->version;
}
