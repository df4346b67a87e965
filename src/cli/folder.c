/* surel folder: folders are made, renamed, moved, deleted, emptied and subscribed to. */
#include "cli/cli.h"

#include <string.h>

static const char usage[] = "folder create|rename|move|delete|empty|subscribe|unsubscribe …";

/* A method of a folder; @arguments has all but the options. Takes @options. */
static gboolean
call (SurelCli *cli, const char *folder, const char *method, GVariant *argument, GVariant *options, GError **error)
{
  g_autoptr (GVariant) sunk = options != NULL ? g_variant_ref_sink (options)
                                              : g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  GVariant *tuple[] = { argument, sunk };
  g_autoptr (GVariant) reply
      = surel_cli_call (cli, folder, "Folder", method,
                        argument != NULL ? g_variant_new_tuple (tuple, 2) : g_variant_new_tuple (&sunk, 1), error);
  guint64 operation;

  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(t)", &operation);
  if (cli->json)
    surel_cli_print_json (reply);
  return surel_cli_accepted (cli, operation, error);
}

/* The account that owns @folder. */
static char *
account_of (SurelCli *cli, const char *folder, GError **error)
{
  g_autoptr (GVariant) folders = surel_cli_objects (cli, "Folder", error);
  g_autoptr (GVariant) properties = NULL;
  char *account = NULL;

  if (folders == NULL)
    return NULL;
  properties = g_variant_lookup_value (folders, folder, G_VARIANT_TYPE_VARDICT);
  if (properties != NULL)
    g_variant_lookup (properties, "Account", "o", &account);
  if (account == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("The folder is gone"));
  return account;
}

/* In a path a name's `%` is `%25` and its `/` is `%2F`; all else is as it is. */
static char *
name_of (const char *part)
{
  GString *name = g_string_new (part);

  g_string_replace (name, "%2F", "/", 0);
  g_string_replace (name, "%2f", "/", 0);
  g_string_replace (name, "%25", "%", 0);
  return g_string_free (name, FALSE);
}

/* `[ACCOUNT:][PARENT/]NAME`: the account may be left out where there is one only, or a parent tells it. */
static gboolean
create (SurelCli *cli, const char *words, GError **error)
{
  const char *slash = strrchr (words, '/');
  const char *colon = strchr (words, ':');
  const char *last = slash != NULL ? slash + 1 : colon != NULL ? colon + 1 : words;
  g_autofree char *name = name_of (last);
  g_autofree char *parent = NULL;
  g_autofree char *account = NULL;
  g_autoptr (GVariant) reply = NULL;
  guint64 operation;

  if (name[0] == '\0')
    return surel_cli_usage (error, "folder create [ACCOUNT:][PARENT/]NAME");
  if (slash != NULL)
    {
      g_autofree char *above = g_strndup (words, (gsize) (slash - words));

      parent = surel_cli_find_folder (cli, above, error);
      account = parent != NULL ? account_of (cli, parent, error) : NULL;
    }
  else
    {
      g_autofree char *first = colon != NULL ? g_strndup (words, (gsize) (colon - words)) : NULL;

      account = surel_cli_find_account (cli, first, error);
    }
  if (account == NULL)
    return FALSE;
  reply = surel_cli_call (cli, account, "Account", "CreateFolder",
                          g_variant_new ("(so@a{sv})", name, parent != NULL ? parent : "/",
                                         g_variant_new ("a{sv}", NULL)),
                          error);
  if (reply == NULL)
    return FALSE;
  g_variant_get_child (reply, 1, "t", &operation);
  if (cli->json)
    surel_cli_print_json (reply);
  return surel_cli_accepted (cli, operation, error);
}

/* Whether there are neither messages nor folders in it. */
static gboolean
is_empty (SurelCli *cli, const char *folder, gboolean *empty, GError **error)
{
  g_autoptr (GVariant) folders = surel_cli_objects (cli, "Folder", error);
  GVariantIter iter;
  const char *path;
  GVariant *properties;

  if (folders == NULL)
    return FALSE;
  *empty = TRUE;
  g_variant_iter_init (&iter, folders);
  while (g_variant_iter_next (&iter, "{&o@a{sv}}", &path, &properties))
    {
      g_autoptr (GVariant) owned = properties;
      const char *parent = "";
      guint messages = 0;

      g_variant_lookup (owned, "Parent", "&o", &parent);
      if (g_str_equal (path, folder))
        g_variant_lookup (owned, "TotalMessages", "u", &messages);
      *empty = *empty && messages == 0 && !g_str_equal (parent, folder);
    }
  return TRUE;
}

static gboolean
delete (SurelCli *cli, const char *folder, GError **error)
{
  GVariantBuilder options;
  gboolean empty;

  if (!cli->force && !is_empty (cli, folder, &empty, error))
    return FALSE;
  if (!cli->force && !empty)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                   _ ("The folder isn't empty; --force deletes it with all that is in it"));
      return FALSE;
    }
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "removeMessages", g_variant_new_boolean (cli->force));
  g_variant_builder_add (&options, "{sv}", "removeChildren", g_variant_new_boolean (cli->force));
  return call (cli, folder, "Delete", NULL, g_variant_builder_end (&options), error);
}

/* A parent of `/` is none. */
static gboolean
move (SurelCli *cli, const char *folder, const char *words, GError **error)
{
  g_autofree char *parent = g_str_equal (words, "/") ? g_strdup ("/") : surel_cli_find_folder (cli, words, error);

  return parent != NULL && call (cli, folder, "MoveTo", g_variant_new_object_path (parent), NULL, error);
}

gboolean
surel_cli_folder (SurelCli *cli, char **arguments, GError **error)
{
  guint count = g_strv_length (arguments);
  const char *word = count > 0 ? arguments[0] : "";
  g_autofree char *folder = NULL;
  gboolean two = g_str_equal (word, "rename") || g_str_equal (word, "move");
  gboolean one = g_strv_contains ((const char *const[]) { "create", "delete", "empty", "subscribe", "unsubscribe", NULL },
                                  word);

  if (!(one && count == 2) && !(two && count == 3))
    return surel_cli_usage (error, two ? "folder rename FOLDER NAME | folder move FOLDER PARENT|/" : usage);
  if (g_str_equal (word, "create"))
    return create (cli, arguments[1], error);
  folder = surel_cli_find_folder (cli, arguments[1], error);
  if (folder == NULL)
    return FALSE;
  if (g_str_equal (word, "rename"))
    return call (cli, folder, "Rename", g_variant_new_string (arguments[2]), NULL, error);
  if (g_str_equal (word, "move"))
    return move (cli, folder, arguments[2], error);
  if (g_str_equal (word, "delete"))
    return delete (cli, folder, error);
  if (g_str_equal (word, "empty"))
    return call (cli, folder, "Empty", NULL, NULL, error);
  return call (cli, folder, "SetSubscribed", g_variant_new_boolean (g_str_equal (word, "subscribe")), NULL, error);
}
