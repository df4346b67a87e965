/* surel doctor: each step between this machine and an account's mail, looked at one by one, and what to do about those that
 * fail. The way to the server is tried from here; whether its certificate is trusted, and whether it lets us in, is the daemon's
 * to say, who has the keys for it. */
#include <string.h>

#include "cli/cli.h"

#define STEP_SECONDS 10 /* how long one is waited for */
#define SOON (14 * G_TIME_SPAN_DAY) /* a certificate that ends before that is worth a word */

typedef enum
{
  FINE,
  WARNING,
  FAILED,
} Verdict;

typedef struct
{
  gboolean json;
  GVariantBuilder results; /* aa{sv} */
  const char *account; /* the address of the one that is looked at; empty for what is everyone's */
  gboolean failed;
} Doctor;

static void
tell (Doctor *self, const char *step, Verdict verdict, const char *what, const char *advice)
{
  static const char *const names[] = { "ok", "warning", "failed" };
  const char *const words[] = { _ ("ok"), _ ("warning"), _ ("FAILED") };
  g_autofree char *clean = surel_cli_clean (what);
  g_autofree char *column = surel_cli_column (step, 12);

  self->failed = self->failed || verdict == FAILED;
  g_variant_builder_open (&self->results, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&self->results, "{sv}", "account", g_variant_new_string (self->account));
  g_variant_builder_add (&self->results, "{sv}", "step", g_variant_new_string (step));
  g_variant_builder_add (&self->results, "{sv}", "verdict", g_variant_new_string (names[verdict]));
  g_variant_builder_add (&self->results, "{sv}", "text", g_variant_new_string (what));
  if (verdict != FINE)
    g_variant_builder_add (&self->results, "{sv}", "advice", g_variant_new_string (advice));
  g_variant_builder_close (&self->results);
  if (self->json)
    return;
  surel_cli_print ("  %s %s: %s\n", column, words[verdict], clean);
  if (verdict != FINE && advice[0] != '\0')
    surel_cli_print ("               → %s\n", advice);
}

/* --- The way to the server --- */

typedef struct
{
  char *host;
  guint16 port;
  gboolean tls; /* from the first octet on */
} Place;

static void
place_clear (Place *self)
{
  g_free (self->host);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

/* Where the settings say that the server is. */
static gboolean
find_place (GVariant *settings, Place *place)
{
  const char *security = "tls";
  const char *url = NULL;
  g_autoptr (GUri) uri = NULL;

  g_variant_lookup (settings, "security", "&s", &security);
  if (g_variant_lookup (settings, "url", "&s", &url) && (uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL)) != NULL)
    {
      gboolean clear = g_strcmp0 (g_uri_get_scheme (uri), "http") == 0;

      *place = (Place){ g_strdup (g_uri_get_host (uri)),
                        (guint16) (g_uri_get_port (uri) > 0 ? g_uri_get_port (uri) : clear ? 80 : 443), !clear };
      return place->host != NULL;
    }
  place->tls = g_str_equal (security, "tls");
  place->port = place->tls ? 993 : 143;
  g_variant_lookup (settings, "port", "q", &place->port);
  return g_variant_lookup (settings, "host", "s", &place->host);
}

static gboolean
check_name (Doctor *self, const Place *place)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name (resolver, place->host, NULL, &error);
  g_autoptr (GString) text = g_string_new (NULL);

  if (addresses == NULL)
    {
      tell (self, "dns", FAILED, error->message, _ ("Is this machine online, and is the server's name spelled right? (account set --host)"));
      return FALSE;
    }
  g_string_append_printf (text, "%s:", place->host);
  for (GList *p = addresses; p != NULL; p = p->next)
    {
      g_autofree char *address = g_inet_address_to_string (p->data);

      g_string_append_printf (text, " %s", address);
    }
  g_resolver_free_addresses (addresses);
  tell (self, "dns", FINE, text->str, "");
  return TRUE;
}

static GSocketConnection *
check_connection (Doctor *self, const Place *place)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strdup_printf ("%s:%u", place->host, place->port);
  GSocketConnection *connection;

  g_socket_client_set_timeout (client, STEP_SECONDS);
  connection = g_socket_client_connect_to_host (client, place->host, place->port, NULL, &error);
  tell (self, "tcp", connection != NULL ? FINE : FAILED, connection != NULL ? text : error->message,
        _ ("Nothing answers there: is the port right (account set --port), is the server up, does a firewall stand between?"));
  return connection;
}

static gboolean
take_any (GTlsConnection *connection G_GNUC_UNUSED, GTlsCertificate *certificate, GTlsCertificateFlags problems G_GNUC_UNUSED, gpointer data)
{
  g_set_object ((GTlsCertificate **) data, certificate);
  return TRUE;
}

/* What its dates say: of the certificate, and of this machine's clock. */
static void
check_dates (Doctor *self, GTlsCertificate *certificate)
{
  g_autoptr (GDateTime) first = g_tls_certificate_get_not_valid_before (certificate);
  g_autoptr (GDateTime) last = g_tls_certificate_get_not_valid_after (certificate);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *today = g_date_time_format (now, "%Y-%m-%d");
  g_autofree char *clock = g_strdup_printf (_ ("it is %s here"), today);
  g_autofree char *from = NULL;
  g_autofree char *until = NULL;
  g_autofree char *text = NULL;

  if (first == NULL || last == NULL)
    return;
  from = g_date_time_format (first, "%Y-%m-%d");
  until = g_date_time_format (last, "%Y-%m-%d");
  text = g_strdup_printf (_ ("the certificate is valid from %s to %s"), from, until);
  if (g_date_time_compare (now, first) < 0)
    tell (self, "clock", FAILED, clock, _ ("The server's certificate is from a later day: is this machine's clock right?"));
  if (g_date_time_compare (now, last) > 0)
    tell (self, "tls", FAILED, text, _ ("It has run out; whoever runs the server has to renew it, unless this machine's clock is wrong"));
  else
    tell (self, "tls", g_date_time_difference (last, now) < SOON ? WARNING : FINE, text,
          _ ("It runs out soon; whoever runs the server has to renew it"));
}

static void
check_tls (Doctor *self, const Place *place, GSocketConnection *connection)
{
  g_autoptr (GSocketConnectable) identity = g_network_address_new (place->host, place->port);
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GIOStream) tls = g_tls_client_connection_new (G_IO_STREAM (connection), identity, &error);

  if (tls != NULL)
    {
      g_signal_connect (tls, "accept-certificate", G_CALLBACK (take_any), &certificate);
      if (g_tls_connection_handshake (G_TLS_CONNECTION (tls), NULL, &error) && certificate == NULL)
        g_set_object (&certificate, g_tls_connection_get_peer_certificate (G_TLS_CONNECTION (tls)));
    }
  if (error != NULL)
    tell (self, "tls", FAILED, error->message, _ ("What answers there doesn't speak TLS: is the port one for TLS from the start, or is it for starttls? (account set --security)"));
  else if (certificate != NULL)
    check_dates (self, certificate);
}

static void
check_way (Doctor *self, GVariant *settings)
{
  g_auto (Place) place = { 0 };
  g_autoptr (GSocketConnection) connection = NULL;

  if (!find_place (settings, &place))
    return;
  if (!check_name (self, &place) || (connection = check_connection (self, &place)) == NULL)
    return;
  if (place.tls)
    check_tls (self, &place, connection);
}

/* --- What the daemon has met --- */

static const char *
advice_for (const char *error)
{
  const char *name = g_str_has_prefix (error, SUREL_CLI_NAME ".Error.") ? error + strlen (SUREL_CLI_NAME ".Error.") : error;
  const struct
  {
    const char *name;
    const char *advice;
  } known[] = {
    { "AuthenticationFailed", _ ("Give it the right password: surel account set ACCOUNT password") },
    { "SecretsLocked", _ ("Unlock the keyring, or start a program that keeps one (GNOME Keyring, KWallet, KeePassXC)") },
    { "CertificateRejected", _ ("Compare the certificate's fingerprint with what whoever runs the server says (surel account show ACCOUNT)") },
    { "TlsRequired", _ ("The server has no encryption, which is needed but on this machine") },
    { "QuotaExceeded", _ ("The mailbox is full: delete what isn't needed, and empty the trash") },
    { "StorageFull", _ ("This machine's disk is full: make room") },
    { "RateLimited", _ ("The server wants to be left alone for a while; that passes by itself") },
    { "Offline", _ ("It is tried again by itself; surel sync tries it now") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_str_equal (name, known[i].name))
      return known[i].advice;
  return _ ("What the daemon's log says may tell more: journalctl --user -u surel");
}

static void
check_account (Doctor *self, GVariant *properties)
{
  const char *status = "";
  const char *error = "";
  const char *message = "";
  const char *alert = "";
  gint64 synced = 0;
  g_autofree char *when = NULL;
  g_autofree char *text = NULL;

  g_variant_lookup (properties, "Status", "&s", &status);
  g_variant_lookup (properties, "Error", "(&s&s)", &error, &message);
  g_variant_lookup (properties, "Alert", "&s", &alert);
  g_variant_lookup (properties, "LastSync", "x", &synced);
  when = surel_cli_time (synced);
  text = g_strdup_printf (_ ("%s, last synced %s"), status, when);
  if (g_str_equal (status, "disabled"))
    tell (self, "account", WARNING, text, _ ("It is switched off"));
  else if (error[0] != '\0')
    tell (self, "account", FAILED, message, advice_for (error));
  else
    tell (self, "account", FINE, text, "");
  if (alert[0] != '\0')
    tell (self, "alert", WARNING, alert, _ ("The server's own words, for whoever owns the mailbox"));
}

static void
check_capabilities (Doctor *self, GVariant *properties)
{
  g_autofree const char **names = NULL;
  g_autofree char *text = NULL;

  if (!g_variant_lookup (properties, "Capabilities", "^a&s", &names) || names[0] == NULL)
    return;
  text = g_strjoinv (", ", (char **) names);
  tell (self, "server", FINE, text, "");
}

static void
check_quota (Doctor *self, GVariant *properties)
{
  g_autoptr (GVariant) quota = g_variant_lookup_value (properties, "Quota", G_VARIANT_TYPE_VARDICT);
  guint64 used;
  guint64 limit;
  g_autofree char *is_used = NULL;
  g_autofree char *at_most = NULL;
  g_autofree char *text = NULL;

  if (quota == NULL || !g_variant_lookup (quota, "used", "t", &used) || !g_variant_lookup (quota, "limit", "t", &limit) || limit == 0)
    return;
  is_used = g_format_size (used);
  at_most = g_format_size (limit);
  text = g_strdup_printf (_ ("%s of %s"), is_used, at_most);
  tell (self, "quota", used >= limit / 100 * 95 ? WARNING : FINE, text, _ ("It is nearly full: delete what isn't needed, and empty the trash"));
}

static guint
count_failed (SurelCli *cli, const char *path)
{
  GVariantBuilder filter;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GVariant) operations = NULL;

  g_variant_builder_init (&filter, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&filter, "{sv}", "account", g_variant_new_object_path (path));
  g_variant_builder_add (&filter, "{sv}", "state", g_variant_new_string ("failed"));
  reply = surel_cli_call (cli, SUREL_CLI_PATH, "Operations", "List", g_variant_new ("(a{sv})", &filter), NULL);
  found = reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
  operations = found != NULL ? g_variant_lookup_value (found, "operations", G_VARIANT_TYPE ("aa{sv}")) : NULL;
  return operations != NULL ? (guint) g_variant_n_children (operations) : 0;
}

static void
check_queue (Doctor *self, SurelCli *cli, const char *path, GVariant *properties)
{
  guint failed = count_failed (cli, path);
  guint waiting = 0;
  g_autofree char *text = NULL;

  g_variant_lookup (properties, "PendingOperations", "u", &waiting);
  text = g_strdup_printf (_ ("%u changes wait for the server, %u were refused"), waiting, failed);
  tell (self, "changes", failed > 0 ? WARNING : FINE, text, _ ("surel ops tells why, and takes them back or tries them again"));
}

static void
check_one (Doctor *self, SurelCli *cli, const char *path, GVariant *properties)
{
  g_autoptr (GVariant) settings = g_variant_lookup_value (properties, "Settings", G_VARIANT_TYPE_VARDICT);

  g_variant_lookup (properties, "Address", "&s", &self->account);
  if (!self->json)
    surel_cli_print ("%s\n", self->account);
  if (settings != NULL)
    check_way (self, settings);
  check_account (self, properties);
  check_capabilities (self, properties);
  check_quota (self, properties);
  check_queue (self, cli, path, properties);
}

/* The daemon, and with it the store, which it doesn't start without. */
static gboolean
check_daemon (Doctor *self, SurelCli *cli, GError **error)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
      cli->bus, SUREL_CLI_NAME, SUREL_CLI_PATH, "org.freedesktop.DBus.Properties", "GetAll", g_variant_new ("(s)", SUREL_CLI_NAME ".Manager"),
      G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, SUREL_CLI_TIMEOUT, NULL, error);
  g_autoptr (GVariant) properties = NULL;
  g_autofree char *text = NULL;
  const char *version = "";
  gboolean online = TRUE;

  if (reply == NULL)
    {
      g_dbus_error_strip_remote_error (*error);
      return FALSE;
    }
  properties = g_variant_get_child_value (reply, 0);
  g_variant_lookup (properties, "Version", "&s", &version);
  g_variant_lookup (properties, "Online", "b", &online);
  text = g_strdup_printf (_ ("sureld %s is there, and its store is open"), version);
  tell (self, "daemon", FINE, text, "");
  if (!online)
    tell (self, "network", WARNING, _ ("this machine is offline"), _ ("Mail that is here can be read; what is done goes to the server later"));
  return TRUE;
}

/**
 * surel_cli_doctor:
 *
 * Fails where any step does.
 */
gboolean
surel_cli_doctor (SurelCli *cli, char **arguments, GError **error)
{
  Doctor doctor = { .json = cli->json, .account = "" };
  g_autofree char *only = NULL;
  g_autoptr (GVariant) accounts = NULL;
  g_autoptr (GVariant) results = NULL;
  gboolean there;
  GVariantIter iter;
  const char *path;
  GVariant *properties;

  if (arguments[0] != NULL && arguments[1] != NULL)
    return surel_cli_usage (error, "doctor [ACCOUNT]");
  if (arguments[0] != NULL && (only = surel_cli_find_account (cli, arguments[0], error)) == NULL)
    return FALSE;
  g_variant_builder_init (&doctor.results, G_VARIANT_TYPE ("aa{sv}"));
  there = check_daemon (&doctor, cli, error) && (accounts = surel_cli_objects (cli, "Account", error)) != NULL;
  if (there)
    g_variant_iter_init (&iter, accounts);
  while (there && g_variant_iter_next (&iter, "{&o@a{sv}}", &path, &properties))
    {
      g_autoptr (GVariant) owned = properties;

      if (only == NULL || g_str_equal (only, path))
        check_one (&doctor, cli, path, owned);
    }
  results = g_variant_ref_sink (g_variant_builder_end (&doctor.results));
  if (!there)
    return FALSE;
  if (doctor.json)
    surel_cli_print_json (results);
  if (doctor.failed)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("Not all is well"));
  return !doctor.failed;
}
