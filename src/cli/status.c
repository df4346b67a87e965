/* surel status. With --watch it goes on: what the bus tells of the accounts is laid over what was asked for
 * once, so that an update costs no call. On a terminal it is drawn over the one before, elsewhere it follows. */
#include <glib-unix.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

#define ACCOUNT_INTERFACE SUREL_CLI_NAME ".Account"
#define PAUSE 300 /* ms from one drawing to the next */

typedef struct
{
  SurelCli *cli; /* borrowed */
  GMainLoop *loop;
  GHashTable *accounts; /* object path → a{sv} of its properties; NULL while no daemon is there */
  guint pause; /* the source that ends it, 0 outside of one */
  gboolean changed; /* something is to be drawn at its end */
  gboolean terminal; /* standard output is one */
  guint lines; /* drawn last, on a terminal */
  char *shown; /* what was written last; NULL before */
  GError *error; /* what ended it */
} Watch;

static void
describe_account (GString *text, GVariant *properties)
{
  g_autofree char *when = NULL;
  g_autofree char *clean = NULL;
  const char *address = "";
  const char *status = "";
  const char *message = "";
  gint64 last_sync = 0;
  double progress = -1;

  g_variant_lookup (properties, "Address", "&s", &address);
  g_variant_lookup (properties, "Status", "&s", &status);
  g_variant_lookup (properties, "LastSync", "x", &last_sync);
  g_variant_lookup (properties, "Progress", "d", &progress);
  g_variant_lookup (properties, "Error", "(&s&s)", NULL, &message);
  when = surel_cli_time (last_sync);
  clean = surel_cli_clean (message);
  if (progress >= 0)
    g_string_append_printf (text, _ ("%s: %s, %.0f %% done, last synced %s\n"), address, status,
                            progress * 100, when);
  else
    g_string_append_printf (text, _ ("%s: %s, last synced %s\n"), address, status, when);
  if (clean[0] != '\0')
    g_string_append_printf (text, "  %s\n", clean);
}

/* What a person reads of an a{oa{sv}}. */
static char *
describe (GVariant *accounts)
{
  GString *text = g_string_new (NULL);
  GVariantIter iter;
  GVariant *properties;

  if (g_variant_n_children (accounts) == 0)
    g_string_append (text, _ ("There are no accounts; add one: surel account add ADDRESS\n"));
  g_variant_iter_init (&iter, accounts);
  while (g_variant_iter_next (&iter, "{o@a{sv}}", NULL, &properties))
    {
      g_autoptr (GVariant) owned = properties;

      describe_account (text, owned);
    }
  return g_string_free (text, FALSE);
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

/* The accounts in an order that doesn't change from one drawing to the next. */
static GVariant *
in_order (GHashTable *accounts)
{
  guint count;
  g_autofree const char **paths = (const char **) g_hash_table_get_keys_as_array (accounts, &count);
  GVariantBuilder builder;

  qsort (paths, count, sizeof *paths, compare_paths);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{oa{sv}}"));
  for (guint i = 0; i < count; i++)
    g_variant_builder_add (&builder, "{o@a{sv}}", paths[i], g_hash_table_lookup (accounts, paths[i]));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* Over the block before. Lines that are too long are cut by the terminal, and those below its end by us:
 * otherwise nobody knows how far up the block begins. */
static void
redraw (Watch *self, const char *text)
{
  struct winsize size = { 0 };
  gboolean known = ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
  guint most = known ? size.ws_row - 1u : G_MAXUINT;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GString) out = g_string_new (NULL);

  if (self->lines > 0)
    g_string_append_printf (out, "\033[%uA", self->lines);
  g_string_append (out, "\r\033[J\033[?7l");
  self->lines = 0;
  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0' && i < most; i++, self->lines++)
    g_string_append_printf (out, "%s\n", lines[i]);
  g_string_append (out, "\033[?7h");
  fputs (out->str, stdout);
}

static void
draw (Watch *self)
{
  g_autoptr (GVariant) accounts = self->accounts != NULL ? in_order (self->accounts) : NULL;
  g_autofree char *text = NULL;

  if (accounts == NULL)
    text = g_strdup (_ ("sureld is not there; waiting for it\n"));
  else
    text = self->cli->json ? surel_cli_json (accounts, FALSE) : describe (accounts);
  if (g_strcmp0 (text, self->shown) == 0) /* what has changed is nothing that is shown */
    return;
  if (self->cli->json && accounts == NULL)
    g_printerr ("%s", text); /* standard output stays JSON */
  else if (self->cli->json)
    puts (text);
  else if (self->terminal)
    redraw (self, text);
  else
    surel_cli_print ("%s%s", self->shown != NULL ? "\n" : "", text);
  g_free (self->shown);
  self->shown = g_steal_pointer (&text);
  if (!surel_cli_flush (&self->error))
    g_main_loop_quit (self->loop);
}

static gboolean
on_pause_over (gpointer data)
{
  Watch *self = data;

  if (self->changed)
    {
      self->changed = FALSE;
      draw (self);
      return G_SOURCE_CONTINUE;
    }
  self->pause = 0;
  return G_SOURCE_REMOVE;
}

/* The first change is shown at once, those that come soon after it together. */
static void
change (Watch *self)
{
  if (self->pause != 0)
    {
      self->changed = TRUE;
      return;
    }
  draw (self);
  self->pause = g_timeout_add (PAUSE, on_pause_over, self);
}

/* Takes @changed over the properties of @path. */
static void
merge (Watch *self, const char *path, GVariant *changed)
{
  GVariant *before = g_hash_table_lookup (self->accounts, path);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (before);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, changed);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      g_variant_dict_insert_value (&dict, key, owned);
    }
  g_hash_table_insert (self->accounts, g_strdup (path), g_variant_ref_sink (g_variant_dict_end (&dict)));
}

static void
on_properties_changed (GDBusConnection *bus G_GNUC_UNUSED,
                       const char *sender G_GNUC_UNUSED,
                       const char *path,
                       const char *interface G_GNUC_UNUSED,
                       const char *signal G_GNUC_UNUSED,
                       GVariant *arguments,
                       gpointer data)
{
  Watch *self = data;
  g_autoptr (GVariant) changed = NULL;

  if (self->accounts == NULL || !g_variant_is_of_type (arguments, G_VARIANT_TYPE ("(sa{sv}as)"))
      || !g_hash_table_contains (self->accounts, path))
    return;
  changed = g_variant_get_child_value (arguments, 1);
  merge (self, path, changed);
  change (self);
}

static void
on_objects_changed (GDBusConnection *bus G_GNUC_UNUSED,
                    const char *sender G_GNUC_UNUSED,
                    const char *path G_GNUC_UNUSED,
                    const char *interface G_GNUC_UNUSED,
                    const char *signal G_GNUC_UNUSED,
                    GVariant *arguments,
                    gpointer data)
{
  Watch *self = data;
  const char *object;

  if (self->accounts == NULL)
    return;
  if (g_variant_is_of_type (arguments, G_VARIANT_TYPE ("(oa{sa{sv}})")))
    {
      g_autoptr (GVariant) interfaces = g_variant_get_child_value (arguments, 1);
      g_autoptr (GVariant) properties
          = g_variant_lookup_value (interfaces, ACCOUNT_INTERFACE, G_VARIANT_TYPE_VARDICT);

      g_variant_get_child (arguments, 0, "&o", &object);
      if (properties != NULL)
        {
          merge (self, object, properties);
          change (self);
        }
    }
  else if (g_variant_is_of_type (arguments, G_VARIANT_TYPE ("(oas)")))
    {
      g_autofree const char **interfaces = NULL;

      g_variant_get (arguments, "(&o^a&s)", &object, &interfaces);
      if (g_strv_contains (interfaces, ACCOUNT_INTERFACE) && g_hash_table_remove (self->accounts, object))
        change (self);
    }
}

static void
on_appeared (GDBusConnection *bus G_GNUC_UNUSED,
             const char *name G_GNUC_UNUSED,
             const char *owner G_GNUC_UNUSED,
             gpointer data)
{
  Watch *self = data;
  g_autoptr (GVariant) accounts = surel_cli_objects (self->cli, "Account", NULL);
  GVariantIter iter;
  const char *path;
  GVariant *properties;

  if (accounts == NULL) /* it went again: the bus will tell */
    return;
  g_clear_pointer (&self->accounts, g_hash_table_unref);
  self->accounts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  g_variant_iter_init (&iter, accounts);
  while (g_variant_iter_next (&iter, "{&o@a{sv}}", &path, &properties))
    g_hash_table_insert (self->accounts, g_strdup (path), properties);
  change (self);
}

static void
on_vanished (GDBusConnection *bus, const char *name G_GNUC_UNUSED, gpointer data)
{
  Watch *self = data;

  g_clear_pointer (&self->accounts, g_hash_table_unref);
  if (bus != NULL && !g_dbus_connection_is_closed (bus))
    {
      change (self);
      return;
    }
  g_clear_error (&self->error);
  g_set_error (&self->error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("The session bus is gone"));
  g_main_loop_quit (self->loop);
}

static gboolean
on_signal (gpointer data)
{
  g_main_loop_quit (((Watch *) data)->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
watch (SurelCli *cli, GError **error)
{
  Watch self = { .cli = cli, .terminal = isatty (STDOUT_FILENO) && !cli->json };
  guint signals[] = { g_unix_signal_add (SIGINT, on_signal, &self),
                      g_unix_signal_add (SIGTERM, on_signal, &self) };
  guint properties;
  guint objects;
  guint name;

  self.loop = g_main_loop_new (NULL, FALSE);
  g_dbus_connection_set_exit_on_close (cli->bus, FALSE);
  /* Listens first and asks then, so that nothing can change in between. */
  properties = g_dbus_connection_signal_subscribe (
      cli->bus, SUREL_CLI_NAME, "org.freedesktop.DBus.Properties", "PropertiesChanged", NULL,
      ACCOUNT_INTERFACE, G_DBUS_SIGNAL_FLAGS_NONE, on_properties_changed, &self, NULL);
  objects = g_dbus_connection_signal_subscribe (
      cli->bus, SUREL_CLI_NAME, "org.freedesktop.DBus.ObjectManager", NULL, SUREL_CLI_PATH, NULL,
      G_DBUS_SIGNAL_FLAGS_NONE, on_objects_changed, &self, NULL);
  name = g_bus_watch_name_on_connection (cli->bus, SUREL_CLI_NAME, G_BUS_NAME_WATCHER_FLAGS_AUTO_START,
                                         on_appeared, on_vanished, &self, NULL);
  g_main_loop_run (self.loop);
  g_bus_unwatch_name (name);
  g_dbus_connection_signal_unsubscribe (cli->bus, objects);
  g_dbus_connection_signal_unsubscribe (cli->bus, properties);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    g_source_remove (signals[i]);
  g_clear_handle_id (&self.pause, g_source_remove);
  g_clear_pointer (&self.accounts, g_hash_table_unref);
  g_main_loop_unref (self.loop);
  g_free (self.shown);
  if (self.error != NULL)
    g_propagate_error (error, self.error);
  return self.error == NULL;
}

gboolean
surel_cli_status (SurelCli *cli, char **arguments, GError **error)
{
  g_autoptr (GVariant) accounts = NULL;
  g_autofree char *text = NULL;

  if (arguments[0] != NULL)
    return surel_cli_usage (error, "status [--watch]");
  if (cli->watch)
    return watch (cli, error);
  accounts = surel_cli_objects (cli, "Account", error);
  if (accounts == NULL)
    return FALSE;
  if (cli->json)
    {
      surel_cli_print_json (accounts);
      return TRUE;
    }
  text = describe (accounts);
  surel_cli_print ("%s", text);
  return TRUE;
}
