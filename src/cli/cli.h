#pragma once

#include <gio/gio.h>
#include <glib/gi18n.h>

#define SUREL_CLI_NAME "org.surel.Sync1"
#define SUREL_CLI_PATH "/org/surel/Sync1"

#define SUREL_CLI_UNSET G_MININT
#define SUREL_CLI_TIMEOUT 330000 /* ms: the daemon ends its calls after five minutes */

/* What every command gets. */
typedef struct
{
  GDBusConnection *bus;
  gboolean json;
  gboolean version;
  gboolean wait;
  gboolean watch;
  gboolean forever;
  gboolean force;
  gboolean no;
  gboolean raw;
  gboolean headers;
  char *part; /* `show`: one part; nullable */
  char *save; /* likewise: a directory that files go to; nullable */
  int count; /* rows of a list */
  char *host;
  int port; /* or SUREL_CLI_UNSET */
  char *user;
  char *security;
  char *auth;
  char *protocol;
  char *url;
  char *name;
  GPtrArray *removals; /* `flag`: keywords to take off */
} SurelCli;

typedef gboolean (*SurelCommand) (SurelCli *cli, char **arguments, GError **error);

/* bus.c: the daemon, asked. */
GVariant *surel_cli_call (SurelCli *cli,
                          const char *path,
                          const char *interface,
                          const char *method,
                          GVariant *arguments,
                          GError **error);
GVariant *surel_cli_objects (SurelCli *cli, const char *interface, GError **error);
int surel_cli_compare_objects (const char *one, const char *other);
char *surel_cli_find_account (SurelCli *cli, const char *words, GError **error);
char *surel_cli_find_folder (SurelCli *cli, const char *words, GError **error);
gboolean surel_cli_wait_for_job (SurelCli *cli, const char *job, GError **error);

/* change.c */
void surel_cli_separate_removals (int *argc, char **argv, GPtrArray *removals);

/* list.c */
gboolean surel_cli_print_messages (SurelCli *cli, GVariant *filter, gboolean *complete, GError **error);

/* operation.c */
gboolean surel_cli_accepted (SurelCli *cli, guint64 operation, GError **error);

/* output.c */
char *surel_cli_json (GVariant *value, gboolean pretty);
void surel_cli_print_json (GVariant *value);
void surel_cli_print (const char *format, ...) G_GNUC_PRINTF (1, 2);
gboolean surel_cli_flush (GError **error);
char *surel_cli_clean (const char *text);
guint surel_cli_width (const char *text);
char *surel_cli_column (const char *text, guint width);
char *surel_cli_time (gint64 time);

gboolean surel_cli_account (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_status (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_sync (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_folders (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_list (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_search (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_doctor (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_show (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_watch (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_flag (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_move (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_copy (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_delete (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_archive (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_junk (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_folder (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_send (SurelCli *cli, char **arguments, GError **error);
gboolean surel_cli_ops (SurelCli *cli, char **arguments, GError **error);

gboolean surel_cli_usage (GError **error, const char *usage);
