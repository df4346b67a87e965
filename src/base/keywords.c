/* A message's keywords: the common ones as bits, the user's as one string, lower-case, sorted, each
 * once, with one space between. */
#include "base/keywords.h"

#include <string.h>

static const struct
{
  guint bit;
  const char *name;
} names[] = {
  { SUREL_KEYWORD_SEEN, "$seen" },           { SUREL_KEYWORD_FLAGGED, "$flagged" },
  { SUREL_KEYWORD_ANSWERED, "$answered" },   { SUREL_KEYWORD_FORWARDED, "$forwarded" },
  { SUREL_KEYWORD_DRAFT, "$draft" },         { SUREL_KEYWORD_JUNK, "$junk" },
  { SUREL_KEYWORD_NOTJUNK, "$notjunk" },
};

/**
 * surel_keyword_bit:
 * @keyword: a keyword, in any case
 *
 * Returns: its #SurelKeyword, 0 for a user keyword
 */
guint
surel_keyword_bit (const char *keyword)
{
  if (keyword[0] == '$')
    for (guint i = 0; i < G_N_ELEMENTS (names); i++)
      if (g_ascii_strcasecmp (keyword, names[i].name) == 0)
        return names[i].bit;
  return 0;
}

/**
 * surel_keyword_name:
 * @bit: one #SurelKeyword
 *
 * Returns: (nullable): its name, %NULL for one that has none on the bus
 */
const char *
surel_keyword_name (guint bit)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].bit == bit)
      return names[i].name;
  return NULL;
}

/**
 * surel_keyword_is_valid:
 *
 * Returns: whether @keyword has 1 to 255 octets of printable ASCII with none of `( ) { ] % * " \`
 *   (RFC 8621 §4.1.1)
 */
gboolean
surel_keyword_is_valid (const char *keyword)
{
  gsize length = strlen (keyword);

  if (length == 0 || length > SUREL_KEYWORD_MAX)
    return FALSE;
  for (const char *p = keyword; *p != '\0'; p++)
    if (*p <= ' ' || *p >= 0x7f || strchr ("(){]%*\"\\", *p) != NULL)
      return FALSE;
  return TRUE;
}

/**
 * surel_keywords_to_strv:
 * @bits: #SurelKeyword bits
 * @user: (nullable): user keywords as this module keeps them
 *
 * Returns: (transfer full): all of them by name
 */
GStrv
surel_keywords_to_strv (guint bits, const char *user)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if ((bits & names[i].bit) != 0)
      g_strv_builder_add (builder, names[i].name);
  if (user != NULL && user[0] != '\0')
    {
      g_auto (GStrv) words = g_strsplit (user, " ", -1);

      g_strv_builder_addv (builder, (const char **) words);
    }
  return g_strv_builder_end (builder);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/**
 * surel_keywords_join:
 * @user: (element-type utf8): valid user keywords in any case, order and number; sorted by the call
 *
 * Returns: (transfer full) (nullable): them as this module keeps them, %NULL for none. What would pass
 *   %SUREL_KEYWORDS_MAX is left out.
 */
char *
surel_keywords_join (GPtrArray *user)
{
  g_autoptr (GPtrArray) lower = NULL;
  GString *joined;
  const char *last = "";

  if (user->len == 0)
    return NULL;
  lower = g_ptr_array_new_full (user->len, g_free);
  for (guint i = 0; i < user->len; i++)
    g_ptr_array_add (lower, g_ascii_strdown (user->pdata[i], -1));
  g_ptr_array_sort (lower, compare);
  joined = g_string_new (NULL);
  for (guint i = 0; i < lower->len; i++)
    {
      const char *keyword = lower->pdata[i];

      if (strcmp (keyword, last) == 0 || joined->len + strlen (keyword) >= SUREL_KEYWORDS_MAX)
        continue;
      if (joined->len > 0)
        g_string_append_c (joined, ' ');
      g_string_append (joined, keyword);
      last = keyword;
    }
  return g_string_free (joined, FALSE);
}

static void
add_words (GPtrArray *words, const char *set, const char *without)
{
  g_auto (GStrv) all = g_strsplit (set != NULL ? set : "", " ", -1);
  g_auto (GStrv) out = g_strsplit (without != NULL ? without : "", " ", -1);

  for (guint i = 0; all[i] != NULL; i++)
    if (all[i][0] != '\0' && !g_strv_contains ((const char *const *) out, all[i]))
      g_ptr_array_add (words, g_strdup (all[i]));
}

/**
 * surel_keywords_combine:
 * @set: (nullable): user keywords as this module keeps them
 * @add: (nullable): likewise: to be added
 * @remove: (nullable): likewise: to be taken out, also of @add
 *
 * Returns: (transfer full) (nullable): what comes of it; %NULL for none
 */
char *
surel_keywords_combine (const char *set, const char *add, const char *remove)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  add_words (words, set, remove);
  add_words (words, add, remove);
  return surel_keywords_join (words);
}
