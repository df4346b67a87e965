/* Account settings: which keys there are, what they may hold, and what follows where one is left out. */
#include "engine/settings.h"

#include <string.h>

#include "base/errors.h"
#include "base/text.h"

#define TEXT_MAX 4096 /* octets of one setting */

static const struct
{
  const char *key;
  const char *type; /* `u`, `t` and `q` take any integer that fits */
} known[] = {
  { "protocol", "s" },      { "address", "s" },    { "name", "s" },           { "user", "s" },
  { "enabled", "b" },       { "auth", "s" },       { "host", "s" },           { "port", "q" },
  { "security", "s" },      { "submission", "a{sv}" }, { "url", "s" },        { "pin", "s" },
  { "oauth", "a{sv}" },     { "goa", "s" },        { "saveSent", "s" },       { "identities", "aa{sv}" },
  { "maxConnections", "u" }, { "compress", "s" },  { "retention", "a{sv}" },
};

static gboolean
refuse (GError **error, const char *key, const char *why)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "The setting `%s` %s", key, why);
  return FALSE;
}

static gboolean
integer_of (GVariant *value, guint64 *number)
{
  gint64 is_signed;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      *number = g_variant_get_byte (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      *number = g_variant_get_uint16 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      *number = g_variant_get_uint32 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      *number = g_variant_get_uint64 (value);
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      is_signed = g_variant_get_int16 (value);
      break;
    case G_VARIANT_CLASS_INT32:
      is_signed = g_variant_get_int32 (value);
      break;
    case G_VARIANT_CLASS_INT64:
      is_signed = g_variant_get_int64 (value);
      break;
    default:
      return FALSE;
    }
  *number = (guint64) is_signed;
  return is_signed >= 0;
}

/* The value in the type the key has. */
static GVariant *
normalise (const char *key, const char *type, GVariant *value, GError **error)
{
  guint64 number;

  if (type[0] == 'q' || type[0] == 'u')
    {
      guint64 max = type[0] == 'q' ? G_MAXUINT16 : G_MAXUINT32;

      if (!integer_of (value, &number) || number > max)
        {
          refuse (error, key, "has to be a number in its range");
          return NULL;
        }
      return g_variant_ref_sink (type[0] == 'q' ? g_variant_new_uint16 ((guint16) number)
                                                : g_variant_new_uint32 ((guint32) number));
    }
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE (type)))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT,
                   "The setting `%s` has to be of type `%s`, not `%s`", key, type,
                   g_variant_get_type_string (value));
      return NULL;
    }
  if (type[0] == 's'
      && (strlen (g_variant_get_string (value, NULL)) > TEXT_MAX
          || !surel_text_is_clean (g_variant_get_string (value, NULL))))
    {
      refuse (error, key, "is too long or has control characters");
      return NULL;
    }
  return g_variant_ref (value);
}

static gboolean
take_keys (GVariant *settings, GVariantDict *dict, GError **error)
{
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, settings);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;
      GVariant *normal;
      guint i;

      /* Discover()'s remarks, and what only Surel gives. */
      if (g_str_equal (key, "info") || g_str_equal (key, "deviceId"))
        continue;
      for (i = 0; i < G_N_ELEMENTS (known) && !g_str_equal (known[i].key, key); i++)
        ;
      if (i == G_N_ELEMENTS (known))
        {
          g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "There is no setting `%s`", key);
          return FALSE;
        }
      normal = normalise (key, known[i].type, owned, error);
      if (normal == NULL)
        return FALSE;
      g_variant_dict_insert_value (dict, key, normal);
      g_variant_unref (normal);
    }
  return TRUE;
}

static const char *
string_of (GVariantDict *dict, const char *key)
{
  g_autoptr (GVariant) value = g_variant_dict_lookup_value (dict, key, G_VARIANT_TYPE_STRING);

  return value != NULL ? g_variant_get_string (value, NULL) : ""; /* the dictionary keeps it */
}

static gboolean
check_choice (GVariantDict *dict, const char *key, const char *const *choices, GError **error)
{
  const char *text = string_of (dict, key);

  return text[0] == '\0' || g_strv_contains (choices, text) || refuse (error, key, "has no such value");
}

static gboolean
check_address (const char *address, GError **error)
{
  const char *at = strrchr (address, '@');
  gboolean quoted = address[0] == '"'; /* RFC 5322 §3.4.1: there alone the part before the last may have one, too */

  return (at != NULL && at > address && at[1] != '\0' && strchr (address, ' ') == NULL
          && (quoted || strchr (address, '@') == at))
         || refuse (error, "address", "has to be an e-mail address");
}

static gboolean
check_pin (const char *pin, GError **error)
{
  gsize length = strspn (pin, "0123456789abcdef");

  return pin[0] == '\0' || (length == 64 && pin[64] == '\0')
         || refuse (error, "pin", "has to be a SHA-256 in lower-case hex, without colons");
}

/* Only names that can be looked up, so that nothing else gets into a log or a TLS handshake. */
static gboolean
is_host (const char *host)
{
  return (host[0] != '\0' && strlen (host) <= 253
          && strspn (host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:")
                 == strlen (host))
         || g_hostname_is_non_ascii (host);
}

static gboolean
check_host (const char *host, GError **error)
{
  return is_host (host) || refuse (error, "host", "has to be a host's name or address");
}

/* Told by the name alone, as nothing is looked up here; the connection checks the address again. */
static gboolean
is_loopback (const char *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  return address != NULL ? g_inet_address_get_is_loopback (address)
                         : g_ascii_strcasecmp (host, "localhost") == 0
                               || g_str_has_suffix (host, ".localhost");
}

static gboolean
check_security (const char *security, const char *host, GError **error)
{
  return !g_str_equal (security, "none") || is_loopback (host)
         || refuse (error, "security", "can be `none` for a server on this machine alone");
}

static gboolean
check_connections (GVariantDict *dict, GError **error)
{
  guint32 connections = 1;

  g_variant_dict_lookup (dict, "maxConnections", "u", &connections);
  return connections > 0 || refuse (error, "maxConnections", "can't be 0");
}

/* One host has one name: in lower case, without the dot that ends a full one. */
static void
put_host (GVariantDict *dict, const char *host)
{
  g_autofree char *lower = g_ascii_strdown (host, -1);

  if (g_str_has_suffix (lower, "."))
    lower[strlen (lower) - 1] = '\0';
  g_variant_dict_insert (dict, "host", "s", lower);
}

static gboolean
check_imap (GVariantDict *dict, GError **error)
{
  guint16 port = 0;
  g_autofree char *given = g_strdup (string_of (dict, "host"));
  const char *host;
  const char *security;

  if (string_of (dict, "url")[0] != '\0')
    return refuse (error, "url", "isn't for `imap`, which has a `host`");
  put_host (dict, given[0] != '\0' ? given : strrchr (string_of (dict, "address"), '@') + 1);
  host = string_of (dict, "host");
  if (string_of (dict, "security")[0] == '\0')
    g_variant_dict_insert (dict, "security", "s", "tls");
  security = string_of (dict, "security");
  if (!g_variant_dict_lookup (dict, "port", "q", &port))
    g_variant_dict_insert (dict, "port", "q", g_str_equal (security, "tls") ? 993 : 143);
  else if (port == 0)
    return refuse (error, "port", "can't be 0");
  if (string_of (dict, "user")[0] == '\0')
    g_variant_dict_insert (dict, "user", "s", string_of (dict, "address"));
  return check_host (host, error) && check_security (security, host, error) && check_connections (dict, error);
}

/* Each account has a device of its own (MS-ASHTTP §2.2.1.1.1.2.4), for as long as it lives: a server keeps state for it. */
static void
put_device (GVariantDict *dict)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_auto (GStrv) parts = NULL;
  g_autofree char *device = NULL;

  if (string_of (dict, "deviceId")[0] != '\0')
    return;
  parts = g_strsplit (uuid, "-", -1);
  device = g_strjoinv ("", parts);
  g_variant_dict_insert (dict, "deviceId", "s", device);
}

/* No name or password in it: it is shown, and logged. */
static gboolean
check_url (const char *url, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED, NULL);
  const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;

  if (host == NULL || !is_host (host) || g_uri_get_port (uri) == 0
      || (!g_str_equal (g_uri_get_scheme (uri), "https") && !g_str_equal (g_uri_get_scheme (uri), "http")))
    return refuse (error, "url", "has to be like https://HOST/Microsoft-Server-ActiveSync");
  if (g_uri_get_userinfo (uri) != NULL || g_uri_get_query (uri) != NULL || g_uri_get_fragment (uri) != NULL)
    return refuse (error, "url", "may have a host, a port and a path alone");
  return g_str_equal (g_uri_get_scheme (uri), "https") || is_loopback (host)
         || refuse (error, "url", "can be without TLS for a server on this machine alone");
}

static gboolean
check_eas (GVariantDict *dict, GError **error)
{
  static const char *const others[] = { "host", "port", "security", NULL };

  for (guint i = 0; others[i] != NULL; i++)
    if (g_variant_dict_contains (dict, others[i]))
      return refuse (error, others[i], "isn't for `eas`, which has a `url`");
  if (string_of (dict, "url")[0] == '\0')
    {
      const char *host = strrchr (string_of (dict, "address"), '@') + 1;
      g_autofree char *url = is_host (host) ? g_strconcat ("https://", host, "/Microsoft-Server-ActiveSync", NULL) : g_strdup ("");

      g_variant_dict_insert (dict, "url", "s", url);
    }
  if (string_of (dict, "user")[0] == '\0')
    g_variant_dict_insert (dict, "user", "s", string_of (dict, "address"));
  if (strchr (string_of (dict, "user"), ':') != NULL)
    return refuse (error, "user", "can't have a colon (RFC 7617 §2)");
  put_device (dict);
  return check_url (string_of (dict, "url"), error) && check_connections (dict, error);
}

static gboolean
check_all (GVariantDict *dict, GError **error)
{
  static const char *const protocols[] = { "imap", "jmap", "eas", "local", NULL };
  static const char *const securities[] = { "tls", "starttls", "none", NULL };
  static const char *const auths[] = { "auto", "password", "oauth2", "bearer", "gssapi", "goa", NULL };
  static const char *const sometimes[] = { "auto", "always", "never", NULL };
  const char *auth = string_of (dict, "auth");

  if (string_of (dict, "protocol")[0] == '\0')
    g_variant_dict_insert (dict, "protocol", "s", "imap");
  if (!check_choice (dict, "protocol", protocols, error)
      || !check_choice (dict, "security", securities, error) || !check_choice (dict, "auth", auths, error)
      || !check_choice (dict, "saveSent", sometimes, error)
      || !check_choice (dict, "compress", sometimes, error)
      || !check_address (string_of (dict, "address"), error)
      || !check_pin (string_of (dict, "pin"), error))
    return FALSE;
  if (!g_str_equal (string_of (dict, "protocol"), "imap") && !g_str_equal (string_of (dict, "protocol"), "eas"))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED,
                   "The protocol `%s` is not supported yet; use `imap` or `eas`", string_of (dict, "protocol"));
      return FALSE;
    }
  if (auth[0] != '\0' && !g_str_equal (auth, "auto") && !g_str_equal (auth, "password")
      && !(g_str_equal (auth, "bearer") && g_str_equal (string_of (dict, "protocol"), "eas")))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED,
                   "Signing in by `%s` is not supported yet; use `password`", auth);
      return FALSE;
    }
  return g_str_equal (string_of (dict, "protocol"), "eas") ? check_eas (dict, error) : check_imap (dict, error);
}

/**
 * surel_settings_are_alike:
 *
 * Returns: whether two checked settings are of the same account: protocol, user and server are the same
 */
gboolean
surel_settings_are_alike (GVariant *one, GVariant *other)
{
  static const char *const keys[] = { "protocol", "user", "host", "url" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *a = "";
      const char *b = "";

      g_variant_lookup (one, keys[i], "&s", &a);
      g_variant_lookup (other, keys[i], "&s", &b);
      if (!g_str_equal (a, b))
        return FALSE;
    }
  return TRUE;
}

/**
 * surel_settings_check:
 * @settings: an a{sv} from a caller
 * @before: (nullable): what the settings are so far; keys that @settings leaves out stay so
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the whole settings, each key of its own type; %NULL with
 *   %SUREL_ERROR_INVALID_ARGUMENT, which names the key, or %SUREL_ERROR_NOT_SUPPORTED
 */
GVariant *
surel_settings_check (GVariant *settings, GVariant *before, GError **error)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (before);
  const char *protocol = "";
  const char *protocol_before = "";

  if (before != NULL)
    {
      g_variant_lookup (before, "protocol", "&s", &protocol_before);
      if (g_variant_lookup (settings, "protocol", "&s", &protocol)
          && !g_str_equal (protocol, protocol_before))
        {
          refuse (error, "protocol", "can't be changed; add another account");
          return NULL;
        }
    }
  if (!take_keys (settings, &dict, error) || !check_all (&dict, error))
    return NULL;
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
