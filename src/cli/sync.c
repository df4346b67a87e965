/* surel sync, watch. */
#include <stdio.h>

#include "cli/cli.h"

#define PAUSE 300000 /* µs until a daemon that isn't there is looked for again */

gboolean
surel_cli_sync (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *account = NULL;
  g_autoptr (GVariant) reply = NULL;
  const char *job;

  if (arguments[0] != NULL && arguments[1] != NULL)
    return surel_cli_usage (error, "sync [ACCOUNT] [--wait]");
  if (arguments[0] != NULL && (account = surel_cli_find_account (cli, arguments[0], error)) == NULL)
    return FALSE;
  reply = surel_cli_call (cli, account != NULL ? account : SUREL_CLI_PATH,
                          account != NULL ? "Account" : "Manager", "Sync",
                          g_variant_new ("(@a{sv})", g_variant_new ("a{sv}", NULL)), error);
  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(&o)", &job);
  return !cli->wait || surel_cli_wait_for_job (cli, job, error);
}

static void
print_count (GVariant *changes, const char *key, const char *words)
{
  g_autoptr (GVariant) list = g_variant_lookup_value (changes, key, NULL);

  if (list != NULL)
    surel_cli_print ("  %" G_GSIZE_FORMAT " %s\n", g_variant_n_children (list), words);
}

static void
print_changes (GVariant *changes)
{
  print_count (changes, "accountsCreated", _ ("accounts added"));
  print_count (changes, "accountsUpdated", _ ("accounts changed"));
  print_count (changes, "accountsDestroyed", _ ("accounts removed"));
  print_count (changes, "foldersCreated", _ ("folders added"));
  print_count (changes, "foldersUpdated", _ ("folders changed"));
  print_count (changes, "foldersDestroyed", _ ("folders removed"));
  print_count (changes, "messagesCreated", _ ("messages added"));
  print_count (changes, "messagesUpdated", _ ("messages changed"));
  print_count (changes, "messagesDestroyed", _ ("messages removed"));
  print_count (changes, "newMail", _ ("new mail"));
}

static gboolean
get_state (SurelCli *cli, guint64 *state, GError **error)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
      cli->bus, SUREL_CLI_NAME, SUREL_CLI_PATH, "org.freedesktop.DBus.Properties", "Get",
      g_variant_new ("(ss)", SUREL_CLI_NAME ".Manager", "State"), G_VARIANT_TYPE ("(v)"),
      G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
  g_autoptr (GVariant) value = NULL;

  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(v)", &value);
  *state = g_variant_get_uint64 (value);
  return TRUE;
}

/* Waits for changes since @state. */
static GVariant *
get_changes (SurelCli *cli, guint64 since, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "wait", g_variant_new_uint32 (20));
  reply = surel_cli_call (cli, SUREL_CLI_PATH, "Manager", "Changes",
                          g_variant_new ("(sta{sv})", "", since, &options), error);
  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

/* Whether there was no daemon to answer; there may be one soon. */
static gboolean
is_gone (const GError *error)
{
  return g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY);
}

static gboolean
show_changes (SurelCli *cli, GVariant *changes, guint64 state, GError **error)
{
  if (cli->json)
    surel_cli_print_json (changes);
  else
    {
      surel_cli_print ("%s %" G_GUINT64_FORMAT "\n", _ ("state"), state);
      print_changes (changes);
    }
  return surel_cli_flush (error);
}

/* By the cursor, not by signals: nothing is missed, whatever the bus drops, and also where the daemon ends and
 * another begins. */
gboolean
surel_cli_watch (SurelCli *cli, char **arguments, GError **error)
{
  gboolean known = FALSE; /* the state is */
  gboolean waiting = FALSE;
  guint64 since = 0;

  if (arguments[0] != NULL)
    return surel_cli_usage (error, "watch");
  for (;;)
    {
      g_autoptr (GError) own = NULL;
      g_autoptr (GVariant) changes = NULL;
      guint64 before;

      known = known || get_state (cli, &since, &own);
      before = since;
      changes = known ? get_changes (cli, since, &own) : NULL;
      if (changes == NULL && !is_gone (own))
        {
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
      if (changes == NULL)
        {
          if (!waiting)
            g_printerr (_ ("sureld is not there; waiting for it\n"));
          waiting = TRUE;
          g_usleep (PAUSE);
          continue;
        }
      waiting = FALSE;
      g_variant_lookup (changes, "state", "t", &since);
      if (since != before && !show_changes (cli, changes, since, error))
        return FALSE;
    }
}
