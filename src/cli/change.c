/* surel flag, move, copy, delete, archive, junk: each is one call of Modify. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/**
 * surel_cli_separate_removals:
 * @argv: (inout): what the program got
 * @removals: takes the words of `surel flag` that begin with one dash, without it
 *
 * `surel flag 12 -flagged` takes a keyword off: that isn't an option.
 */
void
surel_cli_separate_removals (int *argc, char **argv, GPtrArray *removals)
{
  int kept = 1;
  gboolean flag = FALSE;

  for (int i = 1; i < *argc; i++)
    {
      const char *word = argv[i];

      if (flag && word[0] == '-' && word[1] != '-' && strlen (word) > 2)
        g_ptr_array_add (removals, g_strdup (word + 1));
      else
        {
          flag = flag || (kept == 1 && g_str_equal (word, "flag"));
          argv[kept++] = argv[i];
        }
    }
  argv[kept] = NULL;
  *argc = kept;
}

/* The keywords of RFC 8621 and the IANA registry may be typed without their `$`. */
static void
add_keyword (GVariantBuilder *keywords, const char *word)
{
  static const char *const known[] = { "seen", "flagged", "answered", "draft",    "forwarded",
                                       "junk", "notjunk", "phishing", "important", "mdnsent" };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_ascii_strcasecmp (word, known[i]) == 0)
      {
        g_autofree char *full = g_strconcat ("$", known[i], NULL);

        g_variant_builder_add (keywords, "s", full);
        return;
      }
  g_variant_builder_add (keywords, "s", word);
}

/* The ids that @words begin with, @most of them; *rest is the first word that is none. NULL where there is no id. */
static GVariant *
take_ids (char **words, guint most, char ***rest)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  guint64 id;

  while (*words != NULL && ids->len < most && g_ascii_string_to_unsigned (*words, 10, 1, G_MAXINT64, &id, NULL))
    {
      g_array_append_val (ids, id);
      words++;
    }
  *rest = words;
  if (ids->len == 0)
    return NULL;
  return g_variant_ref_sink (
      g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, ids->data, ids->len, sizeof (guint64)));
}

static void
tell_missing (GVariant *missing)
{
  GVariantIter iter;
  guint64 id;

  g_variant_iter_init (&iter, missing);
  while (g_variant_iter_next (&iter, "t", &id))
    g_printerr ("%s: %" G_GUINT64_FORMAT "\n", _ ("There is no such message"), id);
}

static gboolean
modify (SurelCli *cli, GVariant *ids, GVariantBuilder *patch, GError **error)
{
  g_autoptr (GVariant) reply
      = surel_cli_call (cli, SUREL_CLI_PATH, "Operations", "Modify",
                        g_variant_new ("(@ata{sv}@a{sv})", ids, patch, g_variant_new ("a{sv}", NULL)), error);
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GVariant) missing = NULL;
  guint64 operation;
  guint64 state;

  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(tt@a{sv})", &operation, &state, &result);
  missing = g_variant_lookup_value (result, "notFound", G_VARIANT_TYPE ("at"));
  if (cli->json)
    surel_cli_print_json (reply);
  if (missing != NULL)
    tell_missing (missing);
  if (missing != NULL && g_variant_n_children (missing) == g_variant_n_children (ids))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("No message was changed"));
      return FALSE;
    }
  if (!surel_cli_accepted (cli, operation, error))
    return FALSE;
  if (missing != NULL && g_variant_n_children (missing) > 0)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("Not all messages were changed"));
      return FALSE;
    }
  return TRUE;
}

gboolean
surel_cli_flag (SurelCli *cli, char **arguments, GError **error)
{
  char **words;
  g_autoptr (GVariant) ids = take_ids (arguments, G_MAXUINT, &words);
  GVariantBuilder patch;
  GVariantBuilder added;
  GVariantBuilder removed;

  if (ids == NULL || (words[0] == NULL && cli->removals->len == 0))
    return surel_cli_usage (error, "flag ID… +KEYWORD… -KEYWORD…");
  for (guint i = 0; words[i] != NULL; i++)
    if (words[i][0] != '+' || words[i][1] == '\0')
      return surel_cli_usage (error, "flag ID… +KEYWORD… -KEYWORD…");
  g_variant_builder_init (&patch, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&added, G_VARIANT_TYPE_STRING_ARRAY);
  g_variant_builder_init (&removed, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; words[i] != NULL; i++)
    add_keyword (&added, words[i] + 1);
  for (guint i = 0; i < cli->removals->len; i++)
    add_keyword (&removed, g_ptr_array_index (cli->removals, i));
  g_variant_builder_add (&patch, "{sv}", "addKeywords", g_variant_builder_end (&added));
  g_variant_builder_add (&patch, "{sv}", "removeKeywords", g_variant_builder_end (&removed));
  return modify (cli, ids, &patch, error);
}

/* The last word is the folder, also where it looks like an id. */
static gboolean
to_folder (SurelCli *cli, char **arguments, const char *key, const char *usage, GError **error)
{
  char **words = arguments;
  guint count = g_strv_length (arguments);
  g_autoptr (GVariant) ids = count > 1 ? take_ids (arguments, count - 1, &words) : NULL;
  g_autofree char *folder = NULL;
  GVariantBuilder patch;

  if (ids == NULL || words[0] == NULL || words[1] != NULL)
    return surel_cli_usage (error, usage);
  folder = surel_cli_find_folder (cli, words[0], error);
  if (folder == NULL)
    return FALSE;
  g_variant_builder_init (&patch, G_VARIANT_TYPE_VARDICT);
  if (g_str_equal (key, "moveTo"))
    g_variant_builder_add (&patch, "{sv}", key, g_variant_new_object_path (folder));
  else
    g_variant_builder_add (&patch, "{sv}", key, g_variant_new_objv ((const char *const[]) { folder }, 1));
  return modify (cli, ids, &patch, error);
}

gboolean
surel_cli_move (SurelCli *cli, char **arguments, GError **error)
{
  return to_folder (cli, arguments, "moveTo", "move ID… FOLDER", error);
}

gboolean
surel_cli_copy (SurelCli *cli, char **arguments, GError **error)
{
  return to_folder (cli, arguments, "addFolders", "copy ID… FOLDER", error);
}

static gboolean
to_role (SurelCli *cli,
         char **arguments,
         const char *role,
         const char *added,
         const char *removed,
         const char *usage,
         GError **error)
{
  char **words;
  g_autoptr (GVariant) ids = take_ids (arguments, G_MAXUINT, &words);
  GVariantBuilder patch;

  if (ids == NULL || words[0] != NULL)
    return surel_cli_usage (error, usage);
  g_variant_builder_init (&patch, G_VARIANT_TYPE_VARDICT);
  if (role != NULL)
    g_variant_builder_add (&patch, "{sv}", "moveToRole", g_variant_new_string (role));
  else
    g_variant_builder_add (&patch, "{sv}", "destroy", g_variant_new_boolean (TRUE));
  if (added != NULL)
    g_variant_builder_add (&patch, "{sv}", "addKeywords", g_variant_new_strv (&added, 1));
  if (removed != NULL)
    g_variant_builder_add (&patch, "{sv}", "removeKeywords", g_variant_new_strv (&removed, 1));
  return modify (cli, ids, &patch, error);
}

gboolean
surel_cli_delete (SurelCli *cli, char **arguments, GError **error)
{
  return to_role (cli, arguments, cli->forever ? NULL : "trash", NULL, NULL, "delete ID… [--forever]", error);
}

gboolean
surel_cli_archive (SurelCli *cli, char **arguments, GError **error)
{
  return to_role (cli, arguments, "archive", NULL, NULL, "archive ID…", error);
}

gboolean
surel_cli_junk (SurelCli *cli, char **arguments, GError **error)
{
  return to_role (cli, arguments, cli->no ? "inbox" : "junk", cli->no ? "$notjunk" : "$junk",
                  cli->no ? "$junk" : "$notjunk", "junk ID… [--not]", error);
}
