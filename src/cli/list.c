/* surel folders, list. */
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

#define PAGE 1000 /* messages asked for at once */
#define SENDER_WIDTH 24 /* cells */

static int
compare_folders (gconstpointer a, gconstpointer b)
{
  GVariant *entries[] = { *(GVariant *const *) a, *(GVariant *const *) b };
  const char *accounts[2] = { "", "" };
  const char *paths[2] = { "", "" };
  int order;

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GVariant) properties = g_variant_get_child_value (entries[i], 1);

      g_variant_lookup (properties, "Account", "&o", &accounts[i]);
      g_variant_lookup (properties, "Path", "&s", &paths[i]);
    }
  order = surel_cli_compare_objects (accounts[0], accounts[1]);
  return order != 0 ? order : strcmp (paths[0], paths[1]);
}

/* Those of @account, or of all where it is %NULL, account by account and by their paths. */
static GVariant *
in_order (GVariant *folders, const char *account)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  GVariantBuilder builder;

  for (gsize i = 0; i < g_variant_n_children (folders); i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (folders, i);
      g_autoptr (GVariant) properties = g_variant_get_child_value (entry, 1);
      const char *of = "";

      g_variant_lookup (properties, "Account", "&o", &of);
      if (account == NULL || g_str_equal (of, account))
        g_ptr_array_add (entries, g_steal_pointer (&entry));
    }
  g_ptr_array_sort (entries, compare_folders);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{oa{sv}}"));
  for (guint i = 0; i < entries->len; i++)
    g_variant_builder_add_value (&builder, entries->pdata[i]);
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

gboolean
surel_cli_folders (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *account = NULL;
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GVariant) folders = NULL;
  GVariantIter iter;
  GVariant *properties;

  if (arguments[0] != NULL && arguments[1] != NULL)
    return surel_cli_usage (error, "folders [ACCOUNT]");
  if (arguments[0] != NULL && (account = surel_cli_find_account (cli, arguments[0], error)) == NULL)
    return FALSE;
  found = surel_cli_objects (cli, "Folder", error);
  if (found == NULL)
    return FALSE;
  folders = in_order (found, account);
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
      g_autofree char *clean = NULL;
      guint total = 0;
      guint unread = 0;

      g_variant_lookup (owned, "Path", "&s", &path);
      g_variant_lookup (owned, "Role", "&s", &role);
      g_variant_lookup (owned, "TotalMessages", "u", &total);
      g_variant_lookup (owned, "UnreadMessages", "u", &unread);
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
  g_autofree char *name = sender_of (row);
  g_autofree char *sender = surel_cli_column (name, SENDER_WIDTH);
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
  surel_cli_print ("%8" G_GUINT64_FORMAT " %s%s %s  %s  %s\n", id, seen ? " " : "N",
                   flagged ? "!" : " ", when, sender, subject);
}

/* @count messages that @filter lets through, after the one with the id @after, 0 for from the first. */
static GVariant *
query (SurelCli *cli, GVariant *filter, guint64 after, guint count, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  GVariantBuilder window;

  g_variant_builder_init (&window, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&window, "{sv}", "limit", g_variant_new_uint32 (count));
  if (after != 0)
    {
      g_variant_builder_add (&window, "{sv}", "anchor", g_variant_new_uint64 (after));
      g_variant_builder_add (&window, "{sv}", "anchorOffset", g_variant_new_int32 (1));
    }
  reply = surel_cli_call (cli, SUREL_CLI_PATH, "Messages", "Query",
                          g_variant_new ("(@a{sv}asa{sv}as)", filter, NULL, &window, NULL), error);
  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

/* Puts up to @left messages that follow @last into @rows, and says in @last which one came last. Returns how many,
 * -1 with @error set. */
static int
take_page (SurelCli *cli, GVariant *filter, guint left, guint64 *last, GPtrArray *rows, gboolean *complete, GError **error)
{
  g_autoptr (GVariant) result = query (cli, filter, *last, MIN (left, PAGE), error);
  g_autoptr (GVariant) page
      = result != NULL ? g_variant_lookup_value (result, "messages", G_VARIANT_TYPE ("aa{sv}")) : NULL;

  if (page == NULL)
    return -1;
  g_variant_lookup (result, "complete", "b", complete);
  for (gsize i = 0; i < g_variant_n_children (page); i++)
    {
      GVariant *row = g_variant_get_child_value (page, i);

      g_variant_lookup (row, "id", "t", last);
      g_ptr_array_add (rows, row);
    }
  return (int) g_variant_n_children (page);
}

/**
 * surel_cli_print_messages:
 * @filter: (transfer floating): of Query
 * @complete: (out): whether all that is meant was looked through
 *
 * Prints the first `--count` messages that it lets through, newest first.
 */
gboolean
surel_cli_print_messages (SurelCli *cli, GVariant *filter, gboolean *complete, GError **error)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (filter);
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  guint64 last = 0;
  int n = 1;

  while (n > 0 && rows->len < (guint) cli->count)
    n = take_page (cli, owned, (guint) cli->count - rows->len, &last, rows, complete, error);
  if (n < 0)
    return FALSE;
  if (cli->json)
    {
      g_autoptr (GVariant) whole = g_variant_ref_sink (
          g_variant_new_array (G_VARIANT_TYPE_VARDICT, (GVariant *const *) rows->pdata, rows->len));

      surel_cli_print_json (whole);
      return TRUE;
    }
  for (guint i = 0; i < rows->len; i++)
    print_row (rows->pdata[i]);
  return TRUE;
}

gboolean
surel_cli_list (SurelCli *cli, char **arguments, GError **error)
{
  g_autofree char *folder = NULL;
  GVariantBuilder filter;
  gboolean complete = TRUE;

  if (arguments[0] == NULL || arguments[1] != NULL)
    return surel_cli_usage (error, "list FOLDER [--count N]");
  folder = surel_cli_find_folder (cli, arguments[0], error);
  if (folder == NULL)
    return FALSE;
  g_variant_builder_init (&filter, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&filter, "{sv}", "inMailbox", g_variant_new_object_path (folder));
  return surel_cli_print_messages (cli, g_variant_builder_end (&filter), &complete, error);
}
