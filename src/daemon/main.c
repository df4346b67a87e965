/* sureld: puts the parts together, and is the one place that picks real implementations. */
#include <errno.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/errors.h"
#include "bus/service.h"
#include "daemon/debug.h"
#include "daemon/notify.h"
#include "remote/eas/eas-remote.h"
#include "remote/imap/imap-remote.h"

#define ARENAS 2 /* heaps for all threads */
#define FILE_PREFIX "file:"
#define STACK_SIZE (2 << 20) /* octets of a thread's stack */
#define TAKE_OVER_ATTEMPTS 150
#define TAKE_OVER_PAUSE 100000 /* µs from one to the next */

typedef struct
{
  char *data_dir;
  char *secrets;
  char *ca_file;
  gboolean replace;
  gboolean version;
} Options;

typedef struct
{
  GMainLoop *loop;
  int status; /* the exit status */
  gboolean owned; /* the name is ours */
  gboolean lost; /* it can't be had, or isn't ours any more */
  gboolean again; /* the store is to be opened anew */
} Run;

static gboolean
parse_options (Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "data-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->data_dir, N_ ("Keep the mail in DIR"), N_ ("DIR") },
    { "secrets", 0, 0, G_OPTION_ARG_STRING, &options->secrets,
      N_ ("Where passwords are kept: service, memory or file:PATH"), N_ ("WHERE") },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &options->ca_file,
      N_ ("Trust the authorities in FILE beside the system's"), N_ ("FILE") },
    { "replace", 0, 0, G_OPTION_ARG_NONE, &options->replace, N_ ("Take over from a running sureld"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, N_ ("Print the version"), NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_summary (context, _ ("Keeps mail in sync and publishes it on the session bus."));
  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (options->secrets != NULL && !g_str_equal (options->secrets, "service")
      && !g_str_equal (options->secrets, "memory")
      && (!g_str_has_prefix (options->secrets, FILE_PREFIX) || options->secrets[strlen (FILE_PREFIX)] == '\0'))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("--secrets takes service, memory or file:PATH"));
      return FALSE;
    }
  if (*argc > 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("Unknown argument “%s”"), (*argv)[1]);
      return FALSE;
    }
  return TRUE;
}

static SurelSecrets *
open_secrets (const char *where, GError **error)
{
  if (where == NULL || g_str_equal (where, "service"))
    return surel_secrets_new_service ();
  if (g_str_equal (where, "memory"))
    return surel_secrets_new_memory ();
  return surel_secrets_new_file (where + strlen (FILE_PREFIX), error);
}

static void
on_name_acquired (GDBusConnection *connection G_GNUC_UNUSED, const char *name G_GNUC_UNUSED, gpointer data)
{
  Run *run = data;

  run->owned = TRUE;
  surel_notify ("READY=1");
}

static void
on_name_lost (GDBusConnection *connection, const char *name, gpointer data)
{
  Run *run = data;

  if (connection == NULL || g_dbus_connection_is_closed (connection))
    g_printerr (_ ("sureld: the session bus is gone\n"));
  else if (run->owned)
    g_printerr (_ ("sureld: another sureld has taken over\n"));
  else
    {
      g_printerr (_ ("sureld: %s is taken: another sureld runs; stop it, or use --replace\n"), name);
      run->status = 1;
    }
  run->owned = FALSE;
  run->lost = TRUE;
  g_main_loop_quit (run->loop);
}

static void
on_closed (GDBusConnection *connection G_GNUC_UNUSED,
           gboolean vanished G_GNUC_UNUSED,
           const GError *error G_GNUC_UNUSED,
           gpointer data)
{
  g_main_loop_quit (((Run *) data)->loop);
}

static void
on_damaged (SurelStore *store G_GNUC_UNUSED, Run *run)
{
  g_printerr (_ ("sureld: the mail store is damaged; it is made anew from the servers\n"));
  run->again = TRUE;
  g_main_loop_quit (run->loop);
}

static gboolean
on_signal (gpointer data)
{
  Run *run = data;

  run->again = FALSE;
  g_main_loop_quit (run->loop);
  return G_SOURCE_CONTINUE;
}

static SurelStore *
open_store (const Options *options, GError **error)
{
  g_autofree char *usual = g_build_filename (g_get_user_data_dir (), "surel", NULL);

  return surel_store_open (options->data_dir != NULL ? options->data_dir : usual, error);
}

static SurelRemote *
new_remote (const SurelRemoteConfig *config, GError **error)
{
  const char *protocol = "";

  g_variant_lookup (config->settings, "protocol", "&s", &protocol);
  return g_str_equal (protocol, "eas") ? surel_eas_remote_new (config, error) : surel_imap_remote_new (config, error);
}

static void
serve (SurelStore *store, SurelSecrets *secrets, GTlsDatabase *trust, GDBusConnection *connection, Run *run)
{
  SurelContext context = { store, secrets, trust, new_remote };
  g_autoptr (SurelEngine) engine = surel_engine_new (&context);
  g_autoptr (SurelService) service = NULL;
  guint name;

  g_signal_connect (store, "damaged", G_CALLBACK (on_damaged), run);
  surel_engine_start (engine);
  service = surel_service_new (engine);
  surel_service_export (service, connection, NULL);
  name = g_bus_own_name_on_connection (connection, SUREL_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                       on_name_acquired, on_name_lost, run, NULL);
  g_main_loop_run (run->loop);
  if (!run->again)
    surel_notify ("STOPPING=1");
  run->owned = FALSE;
  if (!run->lost) /* GLib warns of one that was lost */
    g_bus_unown_name (name);
  surel_service_close (service);
  surel_engine_stop (engine);
  surel_store_close (store);
  /* What the threads posted at the end refers to what is freed next. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* Returns the process that owns the name, 0 for none. */
static pid_t
find_owner (GDBusConnection *connection)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
      connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
      "GetConnectionUnixProcessID", g_variant_new ("(s)", SUREL_BUS_NAME), G_VARIANT_TYPE ("(u)"),
      G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
  guint32 pid = 0;

  if (reply != NULL)
    g_variant_get (reply, "(u)", &pid);
  return (pid_t) pid;
}

/* Asks the one that runs to end, and waits until it has given up its name and let go of the store. Taking its
 * name from it would be too early: there is nothing to call under it before the store is open. */
static SurelStore *
take_over (const Options *options, GDBusConnection *connection, GError **error)
{
  SurelStore *store = NULL;

  for (guint attempt = 0; store == NULL && attempt < TAKE_OVER_ATTEMPTS; attempt++)
    {
      pid_t owner = find_owner (connection);

      g_clear_error (error);
      if (owner != 0 && kill (owner, SIGTERM) != 0 && errno != ESRCH)
        {
          g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT, _ ("the sureld that runs can't be asked to end: %s"),
                       g_strerror (errno));
          return NULL;
        }
      if (owner != 0)
        g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT, _ ("the sureld that runs doesn't end"));
      else
        store = open_store (options, error);
      if (store == NULL && !g_error_matches (*error, SUREL_ERROR, SUREL_ERROR_CONFLICT))
        return NULL;
      if (store == NULL)
        g_usleep (TAKE_OVER_PAUSE);
    }
  return store;
}

static int
run (const Options *options, GError **error)
{
  g_autoptr (SurelSecrets) secrets = open_secrets (options->secrets, error);
  g_autoptr (GTlsDatabase) trust = NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (SurelStore) store = NULL;
  Run state = { 0 };

  if (secrets == NULL)
    return 1;
  if (options->ca_file != NULL)
    {
      g_autoptr (GFile) file = g_file_new_for_commandline_arg (options->ca_file);
      g_autofree char *path = g_file_get_path (file);

      trust = g_tls_file_database_new (path, error);
      if (trust == NULL)
        return 1;
    }
  connection = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, error);
  if (connection == NULL)
    return 1;
  g_dbus_connection_set_exit_on_close (connection, FALSE);
  if (!options->replace && find_owner (connection) != 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
                   _ ("%s is taken: another sureld runs; stop it, or use --replace"), SUREL_BUS_NAME);
      return 1;
    }
  store = options->replace ? take_over (options, connection, error) : open_store (options, error);
  if (store == NULL)
    return 1;
  state.loop = g_main_loop_new (NULL, FALSE);
  g_signal_connect (connection, "closed", G_CALLBACK (on_closed), &state);
  g_unix_signal_add (SIGTERM, on_signal, &state);
  g_unix_signal_add (SIGINT, on_signal, &state);
  do
    {
      state.again = FALSE;
      serve (store, secrets, trust, connection, &state);
      if (state.again)
        {
          g_clear_object (&store);
          store = open_store (options, error);
        }
    }
  while (state.again && store != NULL);
  g_signal_handlers_disconnect_by_data (connection, &state);
  g_main_loop_unref (state.loop);
  return store != NULL ? state.status : 1;
}

/* Each thread of ours would take 72 MiB of addresses by itself, for a heap and a stack of which it uses next
 * to nothing; where addresses are limited there soon are no threads to be had. */
static void
be_modest (void)
{
  pthread_attr_t attributes;

  mallopt (M_ARENA_MAX, ARENAS);
  pthread_attr_init (&attributes);
  pthread_attr_setstacksize (&attributes, STACK_SIZE);
  pthread_setattr_default_np (&attributes);
  pthread_attr_destroy (&attributes);
}

int
main (int argc, char **argv)
{
  Options options = { 0 };
  g_autoptr (GError) error = NULL;
  int status;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, SUREL_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  umask (077);
  surel_debug_start (g_getenv ("SUREL_DEBUG"));
  be_modest ();
  prctl (PR_SET_DUMPABLE, 0); /* passwords are in our memory: no core, no ptrace */
  /* SQLite's own accounting of memory costs 3 % and tells us nothing. */
  sqlite3_config (SQLITE_CONFIG_MEMSTATUS, 0);
  if (!parse_options (&options, &argc, &argv, &error))
    status = 2;
  else if (options.version)
    status = printf ("sureld %s\n", SUREL_VERSION) > 0 && fflush (stdout) == 0 ? 0 : 1;
  else
    status = run (&options, &error);
  if (error != NULL)
    g_printerr ("sureld: %s\n", error->message);
  g_free (options.data_dir);
  g_free (options.secrets);
  g_free (options.ca_file);
  return status;
}
