/* What changes mail is an operation of the daemon: told of, waited for, listed, cancelled and retried. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#define LIMIT 200 /* operations a call of List */

/* Returns: (transfer full) (nullable): an aa{sv}; with @id, that operation alone. */
static GVariant *
list (SurelCli *cli, guint64 id, guint64 after, gboolean *more, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) result = NULL;
  GVariantBuilder filter;

  g_variant_builder_init (&filter, G_VARIANT_TYPE_VARDICT);
  if (id != 0)
    g_variant_builder_add (&filter, "{sv}", "ids",
                           g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, &id, 1, sizeof id));
  g_variant_builder_add (&filter, "{sv}", "after", g_variant_new_uint64 (after));
  g_variant_builder_add (&filter, "{sv}", "limit", g_variant_new_uint32 (LIMIT));
  reply = surel_cli_call (cli, SUREL_CLI_PATH, "Operations", "List", g_variant_new ("(a{sv})", &filter), error);
  if (reply == NULL)
    return NULL;
  result = g_variant_get_child_value (reply, 0);
  if (more != NULL)
    {
      *more = FALSE;
      g_variant_lookup (result, "hasMore", "b", more);
    }
  return g_variant_lookup_value (result, "operations", G_VARIANT_TYPE ("aa{sv}"));
}

static gboolean
failed (guint64 id, const char *state, const char *words, GError **error)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s %" G_GUINT64_FORMAT ": %s %s", _ ("Operation"), id,
               state, words);
  return FALSE;
}

/* Whether it has ended; how is in @success. */
static gboolean
ask (SurelCli *cli, guint64 id, gboolean *success, GError **error)
{
  g_autoptr (GVariant) operations = list (cli, id, 0, NULL, error);
  g_autoptr (GVariant) operation = NULL;
  const char *state = "";
  const char *name = "";
  const char *words = "";

  *success = FALSE;
  if (operations == NULL)
    return TRUE;
  *success = TRUE;
  if (g_variant_n_children (operations) == 0)
    return TRUE;
  operation = g_variant_get_child_value (operations, 0);
  g_variant_lookup (operation, "state", "&s", &state);
  g_variant_lookup (operation, "error", "(&s&s)", &name, &words);
  if (g_str_equal (state, "pending") || g_str_equal (state, "running"))
    return FALSE;
  if (!g_str_equal (state, "done"))
    *success = failed (id, state, words, error);
  return TRUE;
}

static void
finished (GDBusConnection *bus G_GNUC_UNUSED,
          const char *sender G_GNUC_UNUSED,
          const char *path G_GNUC_UNUSED,
          const char *interface G_GNUC_UNUSED,
          const char *signal G_GNUC_UNUSED,
          GVariant *parameters G_GNUC_UNUSED,
          gpointer user_data)
{
  gboolean *heard = user_data;

  *heard = TRUE;
}

/* The signal is only the reason to ask. */
static gboolean
wait_for (SurelCli *cli, guint64 id, GError **error)
{
  gboolean heard = FALSE;
  gboolean success;
  guint subscription = g_dbus_connection_signal_subscribe (
      cli->bus, SUREL_CLI_NAME, SUREL_CLI_NAME ".Operations", "Finished", SUREL_CLI_PATH, NULL,
      G_DBUS_SIGNAL_FLAGS_NONE, finished, &heard, NULL);

  while (!ask (cli, id, &success, error))
    {
      while (!heard)
        g_main_context_iteration (NULL, TRUE);
      heard = FALSE;
    }
  g_dbus_connection_signal_unsubscribe (cli->bus, subscription);
  return success;
}

/**
 * surel_cli_accepted:
 * @operation: what the daemon answered; 0 where there is nothing to push
 *
 * Tells of an operation, and with `--wait` waits for its end.
 */
gboolean
surel_cli_accepted (SurelCli *cli, guint64 operation, GError **error)
{
  if (operation == 0)
    return TRUE;
  if (!cli->json)
    surel_cli_print ("%s %" G_GUINT64_FORMAT "\n", _ ("Operation"), operation);
  return !cli->wait || (surel_cli_flush (error) && wait_for (cli, operation, error));
}

static void
print_operation (GVariant *operation)
{
  g_autofree char *clean = NULL;
  const char *kind = "";
  const char *state = "";
  const char *name = "";
  const char *words = "";
  guint64 id = 0;
  guint messages = 0;

  g_variant_lookup (operation, "id", "t", &id);
  g_variant_lookup (operation, "kind", "&s", &kind);
  g_variant_lookup (operation, "state", "&s", &state);
  g_variant_lookup (operation, "messageCount", "u", &messages);
  g_variant_lookup (operation, "error", "(&s&s)", &name, &words);
  clean = surel_cli_clean (words);
  surel_cli_print ("%8" G_GUINT64_FORMAT "  %-9s %-18s %6u  %s\n", id, state, kind, messages, clean);
}

/* All of them, in pages; JSON is one array. */
static gboolean
list_all (SurelCli *cli, GError **error)
{
  GVariantBuilder all;
  guint64 after = 0;
  gboolean more = TRUE;

  g_variant_builder_init (&all, G_VARIANT_TYPE ("aa{sv}"));
  while (more)
    {
      g_autoptr (GVariant) page = list (cli, 0, after, &more, error);

      if (page == NULL)
        {
          g_variant_builder_clear (&all);
          return FALSE;
        }
      more = more && g_variant_n_children (page) > 0;
      for (gsize i = 0; i < g_variant_n_children (page); i++)
        {
          g_autoptr (GVariant) operation = g_variant_get_child_value (page, i);

          g_variant_lookup (operation, "id", "t", &after);
          if (cli->json)
            g_variant_builder_add_value (&all, operation);
          else
            print_operation (operation);
        }
    }
  {
    g_autoptr (GVariant) whole = g_variant_ref_sink (g_variant_builder_end (&all));

    if (cli->json)
      surel_cli_print_json (whole);
  }
  return TRUE;
}

/* The opposite operation, where cancelling has begun one: it is of this client. */
static gboolean
wait_for_opposite (SurelCli *cli, guint64 cancelled, GError **error)
{
  const char *self = g_dbus_connection_get_unique_name (cli->bus);
  guint64 after = cancelled;
  gboolean more = TRUE;

  while (more)
    {
      g_autoptr (GVariant) page = list (cli, 0, after, &more, error);

      if (page == NULL)
        return FALSE;
      more = more && g_variant_n_children (page) > 0;
      for (gsize i = 0; i < g_variant_n_children (page); i++)
        {
          g_autoptr (GVariant) operation = g_variant_get_child_value (page, i);
          const char *client = "";

          g_variant_lookup (operation, "id", "t", &after);
          g_variant_lookup (operation, "client", "&s", &client);
          if (g_str_equal (client, self) && !wait_for (cli, after, error))
            return FALSE;
        }
    }
  return TRUE;
}

/* What --wait waits for after cancel, retry and confirm, of @id. */
static gboolean
wait_after (SurelCli *cli, const char *word, guint64 id, GError **error)
{
  if (!cli->wait)
    return TRUE;
  return g_str_equal (word, "cancel") ? wait_for_opposite (cli, id, error) : wait_for (cli, id, error);
}

gboolean
surel_cli_ops (SurelCli *cli, char **arguments, GError **error)
{
  static const char *const words[] = { "cancel", "retry", "confirm" };
  static const char *const methods[] = { "Cancel", "Retry", "Confirm" };
  guint64 id;

  if (arguments[0] == NULL)
    return list_all (cli, error);
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_str_equal (arguments[0], words[i]) && arguments[1] != NULL && arguments[2] == NULL
        && g_ascii_string_to_unsigned (arguments[1], 10, 1, G_MAXINT64, &id, NULL))
      {
        g_autoptr (GVariant) reply
            = surel_cli_call (cli, SUREL_CLI_PATH, "Operations", methods[i],
                              g_variant_new ("(t@a{sv})", id, g_variant_new ("a{sv}", NULL)), error);

        return reply != NULL && wait_after (cli, words[i], id, error);
      }
  return surel_cli_usage (error, "ops [cancel|retry|confirm N]");
}
