/* surel send: a draft, or a message from a file or standard input, handed over as a descriptor. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

#define USAGE "send ID | send ACCOUNT [FILE]"

static int
open_message (const char *name, GError **error)
{
  int fd = name == NULL || g_str_equal (name, "-") ? fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open (name, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s: %s", name != NULL ? name : "-", g_strerror (errno));
  return fd;
}

static GVariant *
send_file (SurelCli *cli, const char *account, const char *name, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  int fd = open_message (name, error);
  GVariant *reply;

  if (fd < 0 || g_unix_fd_list_append (fds, fd, error) < 0)
    return NULL;
  close (fd);
  reply = g_dbus_connection_call_with_unix_fd_list_sync (
      cli->bus, SUREL_CLI_NAME, SUREL_CLI_PATH, SUREL_CLI_NAME ".Submission", "Send",
      g_variant_new ("(ov@a{sv})", account, g_variant_new_handle (0), g_variant_new ("a{sv}", NULL)), NULL, G_DBUS_CALL_FLAGS_NONE,
      SUREL_CLI_TIMEOUT, fds, NULL, NULL, error);
  if (reply == NULL)
    g_dbus_error_strip_remote_error (*error);
  return reply;
}

gboolean
surel_cli_send (SurelCli *cli, char **arguments, GError **error)
{
  guint count = g_strv_length (arguments);
  g_autofree char *account = NULL;
  g_autoptr (GVariant) reply = NULL;
  guint64 id = 0;
  guint64 operation;
  gboolean is_draft = count == 1 && g_ascii_string_to_unsigned (arguments[0], 10, 1, G_MAXINT64, &id, NULL);

  if (count == 0 || count > 2)
    return surel_cli_usage (error, USAGE);
  if (!is_draft && (account = surel_cli_find_account (cli, arguments[0], error)) == NULL)
    return FALSE;
  reply = is_draft ? surel_cli_call (cli, SUREL_CLI_PATH, "Submission", "SendDraft",
                                     g_variant_new ("(t@a{sv})", id, g_variant_new ("a{sv}", NULL)), error)
                   : send_file (cli, account, arguments[1], error);
  if (reply == NULL)
    return FALSE;
  if (cli->json)
    surel_cli_print_json (reply);
  g_variant_get_child (reply, is_draft ? 0 : 1, "t", &operation);
  return surel_cli_accepted (cli, operation, error);
}
