/* Categories (MS-ASEMAIL §2.2.2.17) are user keywords: octets that no keyword can have, and `=`, become `=xx`, and the rest
 * lower-case; what would be too long for a keyword is named by its digest. None is one of the keywords that begin with `$`,
 * which all know. */
#include "remote/eas/eas-category.h"

#include <string.h>

#include "base/keywords.h"
#include "base/text.h"

/**
 * surel_eas_keyword_of_category:
 *
 * Returns: (transfer full) (nullable): the user keyword that shows it; %NULL where it is empty
 */
char *
surel_eas_keyword_of_category (const char *category)
{
  GString *keyword = g_string_new (NULL);

  for (const char *p = category; *p != '\0'; p++)
    {
      char one[2] = { (char) g_ascii_tolower (*p), '\0' };

      if (*p == '=' || !surel_keyword_is_valid (one) || (p == category && *p == '$'))
        g_string_append_printf (keyword, "=%02x", (guchar) *p);
      else
        g_string_append (keyword, one);
    }
  if (keyword->len > SUREL_KEYWORD_MAX)
    {
      g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, category, -1);

      g_string_printf (keyword, "=long=%s", digest); /* `lo` is no octet: it can't be another one's */
    }
  return g_string_free (keyword, keyword->len == 0);
}

static char *
unescape (const char *keyword)
{
  GString *category = g_string_new (NULL);

  for (const char *p = keyword; *p != '\0'; p++)
    if (*p == '=' && g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2]))
      {
        g_string_append_c (category, (char) (g_ascii_xdigit_value (p[1]) << 4 | g_ascii_xdigit_value (p[2])));
        p += 2;
      }
    else
      g_string_append_c (category, *p);
  return g_string_free (category, FALSE);
}

/**
 * surel_eas_category_of_keyword:
 * @keyword: a user keyword
 * @names: (nullable): a{ss}: categories the server has told of, by their keywords
 *
 * Returns: (transfer full) (nullable): the category that is to be written; %NULL for a keyword that isn't one's
 */
char *
surel_eas_category_of_keyword (const char *keyword, GVariant *names)
{
  g_autofree char *category = NULL;
  g_autofree char *again = NULL;

  if (names == NULL || !g_variant_lookup (names, keyword, "s", &category))
    category = unescape (keyword);
  if (strlen (category) > SUREL_EAS_CATEGORY_MAX || !surel_text_is_clean (category))
    return NULL;
  again = surel_eas_keyword_of_category (category);
  return g_strcmp0 (again, keyword) == 0 ? g_steal_pointer (&category) : NULL;
}
