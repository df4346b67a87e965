/* surel sync, watch. */
#include <stdio.h>

#include "cli/cli.h"

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

/* By the cursor, not by signals: nothing is missed, whatever the bus drops. */
gboolean
surel_cli_watch (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *store = g_strdup ("");
  guint64 since = 0;
  g_autoptr (GVariant) state = NULL;
  g_autoptr (GVariant) value = NULL;

  if (arguments[0] != NULL)
    return surel_cli_usage (error, "watch");
  state = g_dbus_connection_call_sync (
      cli->bus, SUREL_CLI_NAME, SUREL_CLI_PATH, "org.freedesktop.DBus.Properties", "Get",
      g_variant_new ("(ss)", SUREL_CLI_NAME ".Manager", "State"), G_VARIANT_TYPE ("(v)"),
      G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
  if (state == NULL)
    return FALSE;
  g_variant_get (state, "(v)", &value);
  since = g_variant_get_uint64 (value);
  for (;;)
    {
      GVariantBuilder options;
      g_autoptr (GVariant) reply = NULL;
      g_autoptr (GVariant) changes = NULL;
      guint64 before = since;

      g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&options, "{sv}", "wait", g_variant_new_uint32 (20));
      reply = surel_cli_call (cli, SUREL_CLI_PATH, "Manager", "Changes",
                              g_variant_new ("(sta{sv})", store, since, &options), error);
      if (reply == NULL)
        return FALSE;
      changes = g_variant_get_child_value (reply, 0);
      g_variant_lookup (changes, "state", "t", &since);
      if (since == before)
        continue;
      if (cli->json)
        surel_cli_print_json (changes);
      else
        {
          surel_cli_print ("%s %" G_GUINT64_FORMAT "\n", _ ("state"), since);
          print_changes (changes);
        }
      if (!surel_cli_flush (error))
        return FALSE;
    }
}
