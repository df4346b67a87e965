// bus: a client in C of the session bus that its environment names. Does what each line of standard input says and
// answers it with a line of the milliseconds that took: `check`, all accounts, to the signal of its end; `modify ID`, to
// the call's durable return, and with the operation's id; `read`, a property: what the bus alone costs.
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#define NAME "org.surel.Sync1"
#define PATH "/org/surel/Sync1"

static GVariant *
call (GDBusConnection *bus, const char *path, const char *interface, const char *member, GVariant *arguments)
{
  g_autoptr (GError) error = NULL;
  GVariant *reply = g_dbus_connection_call_sync (bus, NAME, path, interface, member, arguments, NULL,
                                                 G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  if (reply == NULL)
    g_error ("%s: %s", member, error->message);
  return reply;
}

static void
take_finished (GDBusConnection *bus G_GNUC_UNUSED, const char *sender G_GNUC_UNUSED, const char *path,
               const char *interface G_GNUC_UNUSED, const char *signal G_GNUC_UNUSED, GVariant *arguments,
               gpointer ended)
{
  gboolean well = FALSE;

  g_variant_get_child (arguments, 0, "b", &well);
  if (!well)
    g_error ("%s failed", path);
  g_hash_table_add (ended, g_strdup (path));
}

// As a client that has subscribed does it: one call, and the signal at its end.
static void
check (GDBusConnection *bus, GHashTable *ended)
{
  g_autoptr (GVariant) reply = call (bus, PATH, NAME ".Manager", "Sync", g_variant_new ("(a{sv})", NULL));
  const char *job = NULL;

  g_variant_get (reply, "(&o)", &job);
  while (!g_hash_table_remove (ended, job))
    g_main_context_iteration (NULL, TRUE);
}

static guint64
modify (GDBusConnection *bus, guint64 id)
{
  g_autoptr (GVariant) reply = NULL;
  GVariantBuilder patch;
  guint64 operation = 0;

  g_variant_builder_init (&patch, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add_parsed (&patch, "{'addKeywords', <['$flagged']>}");
  reply = call (bus, PATH, NAME ".Operations", "Modify",
                g_variant_new ("(@ata{sv}a{sv})", g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, &id, 1, sizeof id),
                               &patch, NULL));
  g_variant_get (reply, "(tt@a{sv})", &operation, NULL, NULL);
  return operation;
}

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, &error);
  g_autoptr (GHashTable) ended = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL); // paths of jobs
  char line[64];

  if (bus == NULL)
    g_error ("%s", error->message);
  g_dbus_connection_signal_subscribe (bus, NAME, NAME ".Job", "Finished", NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                      take_finished, ended, NULL);
  while (fgets (line, sizeof line, stdin) != NULL)
    {
      gint64 begin = g_get_monotonic_time ();
      guint64 operation = 0;

      if (g_str_has_prefix (line, "check"))
        check (bus, ended);
      else if (g_str_has_prefix (line, "modify "))
        operation = modify (bus, g_ascii_strtoull (line + strlen ("modify "), NULL, 10));
      else
        g_variant_unref (call (bus, PATH, "org.freedesktop.DBus.Properties", "Get",
                               g_variant_new ("(ss)", NAME ".Manager", "Version")));
      printf ("%.3f %" G_GUINT64_FORMAT "\n", (double) (g_get_monotonic_time () - begin) / 1000, operation);
      fflush (stdout);
    }
  return 0;
}
