/* The daemon, asked over D-Bus; nothing else is. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/**
 * surel_cli_call:
 * @interface: without `org.surel.Sync1.`
 * @arguments: (nullable) (transfer floating): a tuple
 *
 * Returns: (transfer full) (nullable): the reply's tuple
 */
GVariant *
surel_cli_call (SurelCli *cli,
                const char *path,
                const char *interface,
                const char *method,
                GVariant *arguments,
                GError **error)
{
  g_autofree char *full = g_strconcat (SUREL_CLI_NAME ".", interface, NULL);
  GVariant *reply = g_dbus_connection_call_sync (cli->bus, SUREL_CLI_NAME, path, full, method, arguments,
                                                 NULL, G_DBUS_CALL_FLAGS_NONE, SUREL_CLI_TIMEOUT, NULL, error);

  if (reply == NULL && error != NULL && *error != NULL)
    g_dbus_error_strip_remote_error (*error);
  return reply;
}

/**
 * surel_cli_compare_objects:
 *
 * Orders object paths by the numbers they end with.
 */
int
surel_cli_compare_objects (const char *one, const char *other)
{
  gsize a = strlen (one);
  gsize b = strlen (other);

  return a != b ? (a < b ? -1 : 1) : strcmp (one, other);
}

/**
 * surel_cli_objects:
 * @interface: `Account`, `Folder` or `Job`
 *
 * Returns: (transfer full) (nullable): an a{oa{sv}} of the objects that have it, with its properties
 */
GVariant *
surel_cli_objects (SurelCli *cli, const char *interface, GError **error)
{
  g_autofree char *full = g_strconcat (SUREL_CLI_NAME ".", interface, NULL);
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
      cli->bus, SUREL_CLI_NAME, SUREL_CLI_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
      NULL, G_VARIANT_TYPE ("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NONE, SUREL_CLI_TIMEOUT, NULL, error);
  g_autoptr (GVariant) objects = NULL;
  GVariantBuilder found;
  GVariantIter iter;
  const char *path;
  GVariant *interfaces;

  if (reply == NULL)
    {
      if (error != NULL && *error != NULL)
        g_dbus_error_strip_remote_error (*error);
      return NULL;
    }
  objects = g_variant_get_child_value (reply, 0);
  g_variant_builder_init (&found, G_VARIANT_TYPE ("a{oa{sv}}"));
  g_variant_iter_init (&iter, objects);
  while (g_variant_iter_next (&iter, "{&o@a{sa{sv}}}", &path, &interfaces))
    {
      g_autoptr (GVariant) owned = interfaces;
      g_autoptr (GVariant) properties = g_variant_lookup_value (owned, full, G_VARIANT_TYPE_VARDICT);

      if (properties != NULL)
        g_variant_builder_add (&found, "{o@a{sv}}", path, properties);
    }
  return g_variant_ref_sink (g_variant_builder_end (&found));
}

static gboolean
matches (GVariant *properties, const char *words)
{
  static const char *const keys[] = { "Id", "Name", "Address" };

  if (words == NULL)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *value = "";

      g_variant_lookup (properties, keys[i], "&s", &value);
      if (g_ascii_strcasecmp (value, words) == 0)
        return TRUE;
    }
  return FALSE;
}

static gboolean
take_one (char **found, const char *path, const char *words, GError **error)
{
  if (*found != NULL)
    {
      if (words != NULL)
        g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("“%s” fits more than one"), words);
      else
        g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("There are several accounts: say which"));
      g_clear_pointer (found, g_free);
      return FALSE;
    }
  *found = g_strdup (path);
  return TRUE;
}

/**
 * surel_cli_find_account:
 * @words: (nullable): an account's id, name or address; the only one there is where left out
 *
 * Returns: (transfer full) (nullable): its object path
 */
char *
surel_cli_find_account (SurelCli *cli, const char *words, GError **error)
{
  g_autoptr (GVariant) accounts = surel_cli_objects (cli, "Account", error);
  char *found = NULL;
  GVariantIter iter;
  const char *path;
  GVariant *properties;

  if (accounts == NULL)
    return NULL;
  g_variant_iter_init (&iter, accounts);
  while (g_variant_iter_next (&iter, "{&o@a{sv}}", &path, &properties))
    {
      g_autoptr (GVariant) owned = properties;

      if (matches (owned, words) && !take_one (&found, path, words, error))
        return NULL;
    }
  if (found == NULL && words != NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("There is no account “%s”"), words);
  else if (found == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("There is no account"));
  return found;
}

/**
 * surel_cli_find_folder:
 * @words: a folder's role or path, perhaps with `ACCOUNT:` before it
 *
 * Returns: (transfer full) (nullable): its object path
 */
char *
surel_cli_find_folder (SurelCli *cli, const char *words, GError **error)
{
  g_autoptr (GVariant) folders = surel_cli_objects (cli, "Folder", error);
  const char *colon = strchr (words, ':');
  g_autofree char *account = NULL;
  g_autoptr (GError) own = NULL;
  const char *name = words;
  char *found = NULL;
  GVariantIter iter;
  const char *path;
  GVariant *properties;

  if (folders == NULL)
    return NULL;
  if (colon != NULL)
    {
      g_autofree char *first = g_strndup (words, (gsize) (colon - words));

      account = surel_cli_find_account (cli, first, &own);
      if (account != NULL)
        name = colon + 1; /* else it may be a colon of the folder's own */
    }
  g_variant_iter_init (&iter, folders);
  while (g_variant_iter_next (&iter, "{&o@a{sv}}", &path, &properties))
    {
      g_autoptr (GVariant) owned = properties;
      const char *role = "";
      const char *folder_path = "";
      const char *of = "";

      g_variant_lookup (owned, "Role", "&s", &role);
      g_variant_lookup (owned, "Path", "&s", &folder_path);
      g_variant_lookup (owned, "Account", "&o", &of);
      if (name[0] != '\0' && (g_str_equal (role, name) || g_str_equal (folder_path, name))
          && (account == NULL || g_str_equal (of, account)) && !take_one (&found, path, words, error))
        return NULL;
    }
  if (found == NULL && own != NULL)
    g_propagate_error (error, g_steal_pointer (&own));
  else if (found == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("There is no folder “%s”"), words);
  return found;
}

static void
show_progress (GDBusProxy *job)
{
  g_autoptr (GVariant) progress = g_dbus_proxy_get_cached_property (job, "Progress");
  double share = progress != NULL ? g_variant_get_double (progress) : -1;

  if (share >= 0 && isatty (STDERR_FILENO))
    g_printerr ("\r%3.0f %%", share * 100);
}

/* A rejected certificate is shown, and a person at a terminal is asked. */
static void
ask (SurelCli *cli, const char *path, GVariant *question)
{
  const char *kind = "";
  const char *host = "";
  const char *sha256 = "";
  g_autofree const char **problems = NULL;
  g_autofree char *list = NULL;
  gboolean accept = FALSE;
  char answer[16] = "";

  g_variant_lookup (question, "kind", "&s", &kind);
  if (!g_str_equal (kind, "certificate"))
    return;
  g_variant_lookup (question, "host", "&s", &host);
  g_variant_lookup (question, "sha256", "&s", &sha256);
  g_variant_lookup (question, "problems", "^a&s", &problems);
  list = g_strjoinv (", ", (char **) problems);
  g_printerr (_ ("The certificate of %s is not trusted: %s\nSHA-256 %s\n"), host, list, sha256);
  if (isatty (STDIN_FILENO))
    {
      g_printerr (_ ("Trust exactly this certificate? [y/N] "));
      accept = fgets (answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
    }
  {
    GVariantBuilder builder;
    g_autoptr (GVariant) reply = NULL;

    g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&builder, "{sv}", "accept", g_variant_new_boolean (accept));
    reply = surel_cli_call (cli, path, "Job", "Answer", g_variant_new ("(a{sv})", &builder), NULL);
  }
}

static gboolean
has_ended (const char *state)
{
  return g_str_equal (state, "done") || g_str_equal (state, "failed") || g_str_equal (state, "cancelled");
}

/**
 * surel_cli_wait_for_job:
 * @job: its object path
 *
 * Waits for the job's end, with its progress on a terminal, and asks what it asks.
 */
gboolean
surel_cli_wait_for_job (SurelCli *cli, const char *job, GError **error)
{
  g_autoptr (GDBusProxy) proxy
      = g_dbus_proxy_new_sync (cli->bus, G_DBUS_PROXY_FLAGS_NONE, NULL, SUREL_CLI_NAME, job,
                               SUREL_CLI_NAME ".Job", NULL, error);
  g_autofree char *asked = g_strdup ("");

  if (proxy == NULL)
    return FALSE;
  for (;;)
    {
      g_autoptr (GVariant) state = g_dbus_proxy_get_cached_property (proxy, "State");
      g_autoptr (GVariant) question = g_dbus_proxy_get_cached_property (proxy, "Question");
      const char *word = state != NULL ? g_variant_get_string (state, NULL) : "failed";
      g_autoptr (GVariant) reply = NULL;

      if (g_str_equal (word, "waiting") && question != NULL)
        {
          g_autofree char *text = g_variant_print (question, FALSE);

          if (!g_str_equal (text, asked))
            ask (cli, job, question);
          g_free (asked);
          asked = g_steal_pointer (&text);
        }
      show_progress (proxy);
      if (has_ended (word))
        {
          if (isatty (STDERR_FILENO))
            g_printerr ("\r      \r");
          reply = surel_cli_call (cli, job, "Job", "Wait", NULL, error);
          return reply != NULL;
        }
      g_main_context_iteration (NULL, TRUE);
    }
}
