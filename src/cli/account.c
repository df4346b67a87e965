/* surel account add|list|show|set|remove. Passwords are asked for without echo or read from standard input,
 * never taken from an argument. */
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

#define PASSWORD_MAX 65536 /* octets */
#define ADDRESS_WIDTH 32 /* cells */

static char *
read_password (GError **error)
{
  struct termios before;
  struct termios quiet;
  gboolean terminal = isatty (STDIN_FILENO) && tcgetattr (STDIN_FILENO, &before) == 0;
  g_autofree char *line = NULL;
  size_t size = 0;
  ssize_t length;

  if (terminal)
    {
      g_printerr (_ ("Password: "));
      quiet = before;
      quiet.c_lflag &= (tcflag_t) ~ECHO;
      tcsetattr (STDIN_FILENO, TCSAFLUSH, &quiet);
    }
  length = getline (&line, &size, stdin);
  if (terminal)
    {
      tcsetattr (STDIN_FILENO, TCSAFLUSH, &before);
      g_printerr ("\n");
    }
  if (length <= 0 || length > PASSWORD_MAX)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("There is no password on standard input"));
      return NULL;
    }
  line[strcspn (line, "\r\n")] = '\0';
  return g_steal_pointer (&line);
}

/* A descriptor, so that nobody who listens on the bus sees it. */
static GUnixFDList *
pack_password (char *password, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  int fd = memfd_create ("password", MFD_CLOEXEC);
  gsize length = strlen (password);
  gboolean kept = fd >= 0 && write (fd, password, length) == (gssize) length && lseek (fd, 0, SEEK_SET) == 0
                  && g_unix_fd_list_append (fds, fd, error) >= 0;

  explicit_bzero (password, length);
  if (fd >= 0)
    close (fd);
  if (kept)
    return g_steal_pointer (&fds);
  if (error != NULL && *error == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("The password can't be handed over"));
  return NULL;
}

static GVariant *
call_with_password (SurelCli *cli,
                    const char *path,
                    const char *interface,
                    const char *method,
                    GVariant *arguments,
                    GUnixFDList *fds,
                    GError **error)
{
  GVariant *reply = g_dbus_connection_call_with_unix_fd_list_sync (
      cli->bus, SUREL_CLI_NAME, path, interface, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, -1, fds,
      NULL, NULL, error);

  if (reply == NULL)
    g_dbus_error_strip_remote_error (*error);
  return reply;
}

static void
add_text (GVariantBuilder *builder, const char *key, const char *value)
{
  if (value != NULL)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value));
}

static void
add_settings (SurelCli *cli, GVariantBuilder *settings)
{
  add_text (settings, "host", cli->host);
  add_text (settings, "user", cli->user);
  add_text (settings, "security", cli->security);
  add_text (settings, "auth", cli->auth);
  add_text (settings, "protocol", cli->protocol);
  add_text (settings, "url", cli->url);
  add_text (settings, "name", cli->name);
  if (cli->port != SUREL_CLI_UNSET)
    g_variant_builder_add (settings, "{sv}", "port", g_variant_new_uint32 ((guint) cli->port));
}

static gboolean
add (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *password = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  GVariantBuilder settings;
  GVariantBuilder secrets;
  const char *account;
  const char *job;

  if (arguments[0] == NULL || arguments[1] != NULL)
    return surel_cli_usage (error, "account add ADDRESS [--host H] [--port N] [--user U] [--security S], or ADDRESS --protocol eas [--url URL] [--user U]");
  password = read_password (error);
  if (password == NULL || (fds = pack_password (password, error)) == NULL)
    return FALSE;
  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&secrets, G_VARIANT_TYPE_VARDICT);
  add_text (&settings, "address", arguments[0]);
  add_settings (cli, &settings);
  g_variant_builder_add (&secrets, "{sv}", g_strcmp0 (cli->auth, "bearer") == 0 ? "accessToken" : "password", g_variant_new_handle (0));
  reply = call_with_password (cli, SUREL_CLI_PATH, SUREL_CLI_NAME ".Manager", "AddAccount",
                              g_variant_new ("(a{sv}a{sv}@a{sv})", &settings, &secrets,
                                             g_variant_new ("a{sv}", NULL)),
                              fds, error);
  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(&o&o)", &account, &job);
  if (cli->json)
    surel_cli_print_json (reply);
  else
    surel_cli_print (_ ("Account %s was added; signing in\n"), strrchr (account, '/') + 1);
  return surel_cli_wait_for_job (cli, job, error);
}

static gboolean
list (SurelCli *cli, char **arguments, GError **error)
{
  g_autoptr (GVariant) accounts = NULL;
  GVariantIter iter;
  GVariant *properties;

  if (arguments[0] != NULL)
    return surel_cli_usage (error, "account list");
  accounts = surel_cli_objects (cli, "Account", error);
  if (accounts == NULL)
    return FALSE;
  if (cli->json)
    {
      surel_cli_print_json (accounts);
      return TRUE;
    }
  g_variant_iter_init (&iter, accounts);
  while (g_variant_iter_next (&iter, "{o@a{sv}}", NULL, &properties))
    {
      g_autoptr (GVariant) owned = properties;
      const char *id = "";
      const char *address = "";
      const char *status = "";
      g_autofree char *filled = NULL;

      g_variant_lookup (owned, "Id", "&s", &id);
      g_variant_lookup (owned, "Address", "&s", &address);
      g_variant_lookup (owned, "Status", "&s", &status);
      filled = surel_cli_column (address, MAX (ADDRESS_WIDTH, surel_cli_width (address)));
      surel_cli_print ("%-8s %s %s\n", id, filled, status);
    }
  return TRUE;
}

static gboolean
show (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GVariant) accounts = NULL;
  g_autoptr (GVariant) properties = NULL;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (arguments[0] == NULL || arguments[1] != NULL)
    return surel_cli_usage (error, "account show ACCOUNT");
  path = surel_cli_find_account (cli, arguments[0], error);
  accounts = path != NULL ? surel_cli_objects (cli, "Account", error) : NULL;
  if (accounts == NULL)
    return FALSE;
  properties = g_variant_lookup_value (accounts, path, G_VARIANT_TYPE_VARDICT);
  if (cli->json)
    {
      surel_cli_print_json (properties);
      return TRUE;
    }
  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;
      g_autofree char *text = g_variant_is_of_type (owned, G_VARIANT_TYPE_STRING)
                                  ? g_variant_dup_string (owned, NULL)
                                  : g_variant_print (owned, FALSE);
      g_autofree char *clean = surel_cli_clean (text);

      surel_cli_print ("%-18s %s\n", key, clean);
    }
  return TRUE;
}

#define SET_USAGE "account set ACCOUNT [password | token] [--host H] [--port N] …"

/* What the interface calls it; NULL for another word. */
static const char *
secret_key (const char *word)
{
  if (g_str_equal (word, "token"))
    return "accessToken";
  return g_str_equal (word, "password") ? word : NULL;
}

static gboolean
set (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) settings = NULL;
  GVariantBuilder builder;

  if (arguments[0] == NULL || (arguments[1] != NULL && secret_key (arguments[1]) == NULL))
    return surel_cli_usage (error, SET_USAGE);
  path = surel_cli_find_account (cli, arguments[0], error);
  if (path == NULL)
    return FALSE;
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_settings (cli, &builder);
  settings = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (g_variant_n_children (settings) == 0 && arguments[1] == NULL)
    return surel_cli_usage (error, SET_USAGE);
  if (g_variant_n_children (settings) > 0)
    {
      reply = surel_cli_call (cli, path, "Account", "Configure",
                              g_variant_new ("(@a{sv}@a{sv})", settings, g_variant_new ("a{sv}", NULL)),
                              error);
      if (reply == NULL)
        return FALSE;
    }
  if (arguments[1] != NULL)
    {
      g_autofree char *password = read_password (error);
      g_autoptr (GUnixFDList) fds = password != NULL ? pack_password (password, error) : NULL;
      g_autoptr (GVariant) kept = NULL;

      if (fds == NULL)
        return FALSE;
      g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&builder, "{sv}", secret_key (arguments[1]), g_variant_new_handle (0));
      kept = call_with_password (cli, path, SUREL_CLI_NAME ".Account", "SetSecrets",
                                 g_variant_new ("(a{sv}@a{sv})", &builder, g_variant_new ("a{sv}", NULL)),
                                 fds, error);
      return kept != NULL;
    }
  return TRUE;
}

static gboolean
remove_account (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GVariant) reply = NULL;

  if (arguments[0] == NULL || arguments[1] != NULL)
    return surel_cli_usage (error, "account remove ACCOUNT [--force]");
  path = surel_cli_find_account (cli, arguments[0], error);
  if (path == NULL)
    return FALSE;
  reply = surel_cli_call (cli, path, "Account", "Remove",
                          g_variant_new_parsed ("({'force': <%b>},)", cli->force), error);
  return reply != NULL;
}

gboolean
surel_cli_account (SurelCli *cli, char **arguments, GError **error)
{
  static const struct
  {
    const char *name;
    SurelCommand command;
  } commands[] = {
    { "add", add }, { "list", list }, { "show", show }, { "set", set }, { "remove", remove_account },
  };

  for (guint i = 0; arguments[0] != NULL && i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (arguments[0], commands[i].name))
      return commands[i].command (cli, arguments + 1, error);
  return surel_cli_usage (error, "account add|list|show|set|remove …");
}
