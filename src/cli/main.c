/* surel: the daemon's command line. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct
{
  const char *name;
  SurelCommand command;
} commands[] = {
  { "account", surel_cli_account }, { "status", surel_cli_status }, { "sync", surel_cli_sync },
  { "folders", surel_cli_folders }, { "list", surel_cli_list },     { "search", surel_cli_search }, { "show", surel_cli_show },
  { "flag", surel_cli_flag },       { "move", surel_cli_move },     { "copy", surel_cli_copy },
  { "delete", surel_cli_delete },   { "archive", surel_cli_archive }, { "junk", surel_cli_junk },
  { "folder", surel_cli_folder },   { "send", surel_cli_send },       { "ops", surel_cli_ops },         { "watch", surel_cli_watch },
  { "doctor", surel_cli_doctor },
};

/**
 * surel_cli_usage:
 *
 * Returns: %FALSE with an error that makes the exit status 2
 */
gboolean
surel_cli_usage (GError **error, const char *usage)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("usage: surel %s"), usage);
  return FALSE;
}

static gboolean
check_numbers (SurelCli *cli, GError **error)
{
  if (cli->port != SUREL_CLI_UNSET && (cli->port < 1 || cli->port > G_MAXUINT16))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("--port takes a number from 1 to 65535"));
  else if (cli->count < 1)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("--count takes a number from 1"));
  else
    return TRUE;
  return FALSE;
}

static gboolean
parse (SurelCli *cli, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &cli->json, N_ ("Print JSON"), NULL },
    { "wait", 0, 0, G_OPTION_ARG_NONE, &cli->wait, N_ ("sync, and what changes mail: wait for its end"), NULL },
    { "watch", 0, 0, G_OPTION_ARG_NONE, &cli->watch, N_ ("status: show it again with each change"), NULL },
    { "count", 0, 0, G_OPTION_ARG_INT, &cli->count, N_ ("list, search: how many"), "N" },
    { "raw", 0, 0, G_OPTION_ARG_NONE, &cli->raw, N_ ("show: the octets as they are"), NULL },
    { "headers", 0, 0, G_OPTION_ARG_NONE, &cli->headers, N_ ("show: the header alone"), NULL },
    { "part", 0, 0, G_OPTION_ARG_STRING, &cli->part, N_ ("show: one part, as it is"), "PART" },
    { "save", 0, 0, G_OPTION_ARG_FILENAME, &cli->save, N_ ("show: put what is attached, or the part, into a directory"), "DIR" },
    { "forever", 0, 0, G_OPTION_ARG_NONE, &cli->forever, N_ ("delete: not into the trash, for good"), NULL },
    { "force", 0, 0, G_OPTION_ARG_NONE, &cli->force,
      N_ ("folder delete: with what is in it; account remove: with what is not sent yet"), NULL },
    { "not", 0, 0, G_OPTION_ARG_NONE, &cli->no, N_ ("junk: this is none, back to the inbox"), NULL },
    { "host", 0, 0, G_OPTION_ARG_STRING, &cli->host, N_ ("account: the server"), N_ ("HOST") },
    { "port", 0, 0, G_OPTION_ARG_INT, &cli->port, N_ ("account: its port"), "N" },
    { "user", 0, 0, G_OPTION_ARG_STRING, &cli->user, N_ ("account: the name to sign in with"), N_ ("USER") },
    { "security", 0, 0, G_OPTION_ARG_STRING, &cli->security, N_ ("account: tls, starttls, or none for a server on this machine"), "S" },
    { "auth", 0, 0, G_OPTION_ARG_STRING, &cli->auth, N_ ("account: password, or bearer (an access token, with eas)"), "A" },
    { "protocol", 0, 0, G_OPTION_ARG_STRING, &cli->protocol, N_ ("account: imap, or eas (Exchange ActiveSync)"), "P" },
    { "url", 0, 0, G_OPTION_ARG_STRING, &cli->url, N_ ("account: where ActiveSync is, with eas"), "URL" },
    { "name", 0, 0, G_OPTION_ARG_STRING, &cli->name, N_ ("account: what you call it"), N_ ("NAME") },
    { "version", 0, 0, G_OPTION_ARG_NONE, &cli->version, N_ ("Print the version"), NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context
      = g_option_context_new (_ ("COMMAND …"));

  g_option_context_set_summary (context, _ ("Uses the mail that sureld keeps in sync.\n"
                                            "\n"
                                            "  account add ADDRESS    add an account; asks for its password\n"
                                            "  account list           list accounts\n"
                                            "  account show ACCOUNT   show one\n"
                                            "  account set ACCOUNT    change one; `password` asks for a new one\n"
                                            "  account remove ACCOUNT remove one from this machine\n"
                                            "  status                 how the accounts are\n"
                                            "  sync [ACCOUNT]         bring all up to date now\n"
                                            "  folders [ACCOUNT]      list folders\n"
                                            "  list FOLDER            list messages, newest first\n"
                                            "  search WORD…           find messages, newest first\n"
                                            "  show ID                print a message\n"
                                            "  watch                  print changes as they come\n"
                                            "  flag ID… +WORD -WORD   add and remove keywords: seen, flagged, …\n"
                                            "  move|copy ID… FOLDER   into another folder\n"
                                            "  delete|archive|junk ID…\n"
                                            "                         into the folder of that role\n"
                                            "  folder create|rename|move|delete|empty|subscribe|unsubscribe FOLDER\n"
                                            "  send ID                send a draft\n"
                                            "  send ACCOUNT [FILE]    send a message, from a file or standard input\n"
                                            "  ops                    what the server hasn't heard of, or refused\n"
                                            "  ops cancel|retry|confirm N\n"
                                            "  doctor [ACCOUNT]       look at each step to the mail, and say what to do"));
  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  return g_option_context_parse (context, argc, argv, error) && check_numbers (cli, error);
}

/* Nothing else can be said on the bus; but a file may be called anything. */
static gboolean
check_text (SurelCli *cli, char **arguments, GError **error)
{
  gboolean sends = arguments[0] != NULL && g_str_equal (arguments[0], "send");
  gboolean valid = TRUE;

  for (guint i = 0; arguments[i] != NULL; i++)
    valid = valid && ((sends && i == 2) || g_utf8_validate (arguments[i], -1, NULL));
  for (guint i = 0; i < cli->removals->len; i++)
    valid = valid && g_utf8_validate (cli->removals->pdata[i], -1, NULL);
  if (!valid)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("What stands behind the command has to be UTF-8"));
  return valid;
}

static gboolean
run (SurelCli *cli, char **arguments, GError **error)
{
  if (cli->version)
    {
      surel_cli_print ("surel %s\n", SUREL_VERSION);
      return TRUE;
    }
  for (guint i = 0; arguments[0] != NULL && i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (arguments[0], commands[i].name))
      {
        cli->bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, error);
        return cli->bus != NULL && commands[i].command (cli, arguments + 1, error);
      }
  return surel_cli_usage (error, "COMMAND … (--help)");
}

/* Where one of these was closed, the next file that is opened would take its place: our words would go to the bus. */
static void
hold_standard_files (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) < 0 && errno == EBADF && open ("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
      return;
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) removals = g_ptr_array_new_with_free_func (g_free);
  SurelCli cli = { .count = 50, .port = SUREL_CLI_UNSET, .removals = removals };
  g_autoptr (GError) error = NULL;
  gboolean success;

  hold_standard_files ();
  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, SUREL_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  surel_cli_separate_removals (&argc, argv, removals);
  success = parse (&cli, &argc, &argv, &error) && check_text (&cli, argv + 1, &error) && run (&cli, argv + 1, &error) && surel_cli_flush (&error);
  if (!success)
    {
      g_autofree char *clean = surel_cli_clean (error->message);

      g_printerr ("surel: %s\n", clean);
    }
  g_clear_object (&cli.bus);
  g_free (cli.host);
  g_free (cli.user);
  g_free (cli.security);
  g_free (cli.auth);
  g_free (cli.protocol);
  g_free (cli.url);
  g_free (cli.name);
  g_free (cli.part);
  g_free (cli.save);
  return success ? 0 : error->domain == G_OPTION_ERROR && error->code != G_OPTION_ERROR_FAILED ? 2 : 1;
}
