/* surel search: words, and where they are to be. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define USAGE "search WORD… [from:|to:|cc:|bcc:|subject:|body:WORD] [in:FOLDER] [is:KEYWORD] [has:attachment] [before:|after:DATE] [--count N]"

/* Adds a condition to those that all have to be met. */
static void
add (GVariantBuilder *conditions, const char *key, GVariant *value)
{
  g_variant_builder_open (conditions, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (conditions, "{sv}", key, value);
  g_variant_builder_close (conditions);
}

static gboolean
add_date (GVariantBuilder *conditions, const char *key, const char *date, GError **error)
{
  g_autoptr (GTimeZone) zone = g_time_zone_new_local ();
  g_autofree char *text = g_strdup_printf ("%sT00:00:00", date);
  g_autoptr (GDateTime) day = g_date_time_new_from_iso8601 (text, zone);

  if (day == NULL)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("`%s:` takes a date as 2026-12-31"), key);
      return FALSE;
    }
  add (conditions, key, g_variant_new_int64 (g_date_time_to_unix (day)));
  return TRUE;
}

static void
add_keyword (GVariantBuilder *conditions, const char *word)
{
  static const char *const ours[] = { "seen", "flagged", "answered", "forwarded", "draft", "junk", "notjunk", NULL };

  if (g_str_equal (word, "unread"))
    add (conditions, "notKeyword", g_variant_new_string ("$seen"));
  else
    add (conditions, "hasKeyword",
         g_strv_contains (ours, word) ? g_variant_new_take_string (g_strconcat ("$", word, NULL)) : g_variant_new_string (word));
}

/* What an argument as `from:alice` says beyond words. Returns whether it was one, -1 with @error set. */
static int
add_condition (SurelCli *cli, GVariantBuilder *conditions, const char *argument, GError **error)
{
  static const char *const texts[] = { "from", "to", "cc", "bcc", "subject", "body", NULL };
  const char *colon = strchr (argument, ':');
  g_autofree char *key = colon != NULL ? g_strndup (argument, (gsize) (colon - argument)) : NULL;
  const char *value = colon != NULL ? colon + 1 : "";

  if (value[0] == '\0')
    return 0;
  if (g_strv_contains (texts, key))
    add (conditions, key, g_variant_new_string (value));
  else if (g_str_equal (key, "in"))
    {
      g_autofree char *folder = surel_cli_find_folder (cli, value, error);

      if (folder == NULL)
        return -1;
      add (conditions, "inMailbox", g_variant_new_object_path (folder));
    }
  else if (g_str_equal (key, "is"))
    add_keyword (conditions, value);
  else if (g_str_equal (key, "has") && g_str_equal (value, "attachment"))
    add (conditions, "hasAttachment", g_variant_new_boolean (TRUE));
  else if (g_str_equal (key, "before") || g_str_equal (key, "after"))
    return add_date (conditions, key, value, error) ? 1 : -1;
  else
    return 0;
  return 1;
}

gboolean
surel_cli_search (SurelCli *cli, char **arguments, GError **error)
{
  g_autoptr (GString) words = g_string_new (NULL);
  GVariantBuilder conditions;
  GVariantBuilder filter;
  gboolean complete = TRUE;
  int is_condition = 0;

  if (arguments[0] == NULL)
    return surel_cli_usage (error, USAGE);
  g_variant_builder_init (&conditions, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; arguments[i] != NULL && is_condition >= 0; i++)
    {
      is_condition = add_condition (cli, &conditions, arguments[i], error);
      if (is_condition == 0)
        g_string_append_printf (words, " %s", arguments[i]);
    }
  if (is_condition < 0)
    {
      g_variant_builder_clear (&conditions);
      return FALSE;
    }
  if (words->len > 0)
    add (&conditions, "text", g_variant_new_string (words->str + 1));
  g_variant_builder_init (&filter, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&filter, "{sv}", "operator", g_variant_new_string ("AND"));
  g_variant_builder_add (&filter, "{sv}", "conditions", g_variant_builder_end (&conditions));
  if (!surel_cli_print_messages (cli, g_variant_builder_end (&filter), &complete, error) || !surel_cli_flush (error))
    return FALSE;
  if (!complete)
    fprintf (stderr, "%s\n", _ ("There may be more: not all text is here, or looked through, yet."));
  return TRUE;
}
