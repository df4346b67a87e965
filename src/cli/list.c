/* surel folders, list, show. */
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

gboolean
surel_cli_folders (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *account = NULL;
  g_autoptr (GVariant) folders = NULL;
  GVariantIter iter;
  GVariant *properties;

  if (arguments[0] != NULL && arguments[1] != NULL)
    return surel_cli_usage (error, "folders [ACCOUNT]");
  if (arguments[0] != NULL && (account = surel_cli_find_account (cli, arguments[0], error)) == NULL)
    return FALSE;
  folders = surel_cli_objects (cli, "Folder", error);
  if (folders == NULL)
    return FALSE;
  if (cli->json)
    {
      surel_cli_print_json (folders);
      return TRUE;
    }
  g_variant_iter_init (&iter, folders);
  while (g_variant_iter_next (&iter, "{o@a{sv}}", NULL, &properties))
    {
      g_autoptr (GVariant) owned = properties;
      const char *path = "";
      const char *role = "";
      const char *of = "";
      g_autofree char *clean = NULL;
      guint total = 0;
      guint unread = 0;

      g_variant_lookup (owned, "Path", "&s", &path);
      g_variant_lookup (owned, "Role", "&s", &role);
      g_variant_lookup (owned, "Account", "&o", &of);
      g_variant_lookup (owned, "TotalMessages", "u", &total);
      g_variant_lookup (owned, "UnreadMessages", "u", &unread);
      if (account != NULL && !g_str_equal (of, account))
        continue;
      clean = surel_cli_clean (path);
      surel_cli_print ("%8u %8u  %-10s %s\n", unread, total, role, clean);
    }
  return TRUE;
}

static char *
sender_of (GVariant *row)
{
  g_autoptr (GVariant) from = g_variant_lookup_value (row, "from", G_VARIANT_TYPE ("a(ss)"));
  const char *name = "";
  const char *address = "";

  if (from != NULL && g_variant_n_children (from) > 0)
    g_variant_get_child (from, 0, "(&s&s)", &name, &address);
  return surel_cli_clean (name[0] != '\0' ? name : address);
}

static void
print_row (GVariant *row)
{
  g_autofree char *sender = sender_of (row);
  g_autofree const char **keywords = NULL;
  g_autofree char *subject = NULL;
  g_autofree char *when = NULL;
  const char *text = "";
  guint64 id = 0;
  gint64 received = 0;
  gboolean seen = FALSE;
  gboolean flagged = FALSE;

  g_variant_lookup (row, "id", "t", &id);
  g_variant_lookup (row, "receivedAt", "x", &received);
  g_variant_lookup (row, "subject", "&s", &text);
  g_variant_lookup (row, "keywords", "^a&s", &keywords);
  for (guint i = 0; keywords != NULL && keywords[i] != NULL; i++)
    {
      seen = seen || g_str_equal (keywords[i], "$seen");
      flagged = flagged || g_str_equal (keywords[i], "$flagged");
    }
  subject = surel_cli_clean (text);
  when = surel_cli_time (received);
  surel_cli_print ("%8" G_GUINT64_FORMAT " %s%s %s  %-24.24s  %s\n", id, seen ? " " : "N",
                   flagged ? "!" : " ", when, sender, subject);
}

gboolean
surel_cli_list (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *folder = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GVariant) rows = NULL;
  GVariantBuilder filter;
  GVariantBuilder window;

  if (arguments[0] == NULL || arguments[1] != NULL)
    return surel_cli_usage (error, "list FOLDER [--count N]");
  folder = surel_cli_find_folder (cli, arguments[0], error);
  if (folder == NULL)
    return FALSE;
  g_variant_builder_init (&filter, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&window, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&filter, "{sv}", "inMailbox", g_variant_new_object_path (folder));
  g_variant_builder_add (&window, "{sv}", "limit", g_variant_new_uint32 ((guint) cli->count));
  reply = surel_cli_call (cli, SUREL_CLI_PATH, "Messages", "Query",
                          g_variant_new ("(a{sv}asa{sv}as)", &filter, NULL, &window, NULL), error);
  if (reply == NULL)
    return FALSE;
  result = g_variant_get_child_value (reply, 0);
  rows = g_variant_lookup_value (result, "messages", G_VARIANT_TYPE ("aa{sv}"));
  if (cli->json)
    {
      surel_cli_print_json (rows);
      return TRUE;
    }
  for (gsize i = 0; i < g_variant_n_children (rows); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);

      print_row (row);
    }
  return TRUE;
}

/* A line of a message for a terminal; `--raw` gives it as it is. */
static void
print_line (SurelCli *cli, const char *line, gsize length)
{
  g_autofree char *text = NULL;
  g_autofree char *clean = NULL;

  if (cli->raw)
    {
      fwrite (line, 1, length, stdout);
      return;
    }
  text = g_strndup (line, length);
  g_strchomp (text);
  clean = surel_cli_clean (text);
  puts (clean);
}

static gboolean
print_message (SurelCli *cli, int fd, GError **error)
{
  FILE *file = fdopen (fd, "r");
  char *line = NULL;
  size_t size = 0;
  ssize_t length;

  if (file == NULL)
    {
      close (fd);
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("The message can't be read"));
      return FALSE;
    }
  while ((length = getline (&line, &size, file)) > 0)
    {
      if (cli->headers && (line[0] == '\n' || (line[0] == '\r' && line[1] == '\n')))
        break;
      print_line (cli, line, (gsize) length);
    }
  free (line);
  fclose (file);
  return TRUE;
}

static gboolean
print_json (SurelCli *cli, guint64 id, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) rows = NULL;
  g_autoptr (GVariant) row = NULL;
  GVariantBuilder ids;

  g_variant_builder_init (&ids, G_VARIANT_TYPE ("at"));
  g_variant_builder_add (&ids, "t", id);
  reply = surel_cli_call (cli, SUREL_CLI_PATH, "Messages", "Get", g_variant_new ("(atas)", &ids, NULL), error);
  if (reply == NULL)
    return FALSE;
  rows = g_variant_get_child_value (reply, 0);
  if (g_variant_n_children (rows) == 0)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("There is no such message"));
      return FALSE;
    }
  row = g_variant_get_child_value (rows, 0);
  surel_cli_print_json (row);
  return TRUE;
}

gboolean
surel_cli_show (SurelCli *cli, char **arguments, GError **error)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  guint64 id;
  gint handle;
  int fd;

  if (arguments[0] == NULL || arguments[1] != NULL
      || !g_ascii_string_to_unsigned (arguments[0], 10, 1, G_MAXINT64, &id, NULL))
    return surel_cli_usage (error, "show ID [--raw|--headers]");
  if (cli->json)
    return print_json (cli, id, error);
  reply = g_dbus_connection_call_with_unix_fd_list_sync (
      cli->bus, SUREL_CLI_NAME, SUREL_CLI_PATH, SUREL_CLI_NAME ".Messages", "Open",
      g_variant_new ("(t@a{sv})", id, g_variant_new ("a{sv}", NULL)), G_VARIANT_TYPE ("(h)"),
      G_DBUS_CALL_FLAGS_NONE, 330000, NULL, &fds, NULL, error);
  if (reply == NULL)
    {
      g_dbus_error_strip_remote_error (*error);
      return FALSE;
    }
  g_variant_get (reply, "(h)", &handle);
  fd = g_unix_fd_list_get (fds, handle, error);
  return fd >= 0 && print_message (cli, fd, error);
}
