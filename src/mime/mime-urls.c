/* Lists of URLs (RFC 2369 §2), as List-Unsubscribe and its like have them. */
#include "mime/mime-urls.h"

#include <string.h>

#include "base/text.h"

/* Behind the comment at @p, comments within it included. */
static const char *
skip_comment (const char *p, const char *end)
{
  guint depth = 0;

  for (; p < end; p++)
    if (*p == '\\' && p + 1 < end)
      p++;
    else if (*p == '(')
      depth++;
    else if (*p == ')' && --depth == 0)
      return p + 1;
  return end;
}

/* White space in a URL is none of it: whoever folded the line put it there. */
static char *
clean_url (const char *start, gsize length)
{
  char *clean = surel_text_clean (start, (gssize) length, G_MAXSIZE);
  char *to = clean;

  for (const char *p = clean; *p != '\0'; p++)
    if (*p != ' ')
      *to++ = *p;
  *to = '\0';
  return clean;
}

/**
 * surel_mime_parse_urls:
 * @raw: the value of List-Unsubscribe and the like
 *
 * Returns: (transfer full): what stands between angle brackets, as clean UTF-8 without white space; empty where nothing
 *   does, as in `NO`. Comments and other text are passed over. Nothing is said of whether it is a URL, or a safe one.
 */
GStrv
surel_mime_parse_urls (const char *raw, gsize length)
{
  g_autoptr (GPtrArray) urls = g_ptr_array_new_with_free_func (g_free);
  const char *p = raw;
  const char *end = raw + length;

  while (p < end)
    {
      const char *close = *p == '<' ? memchr (p, '>', (gsize) (end - p)) : NULL;

      if (*p == '<' && close == NULL)
        break;
      if (*p == '<')
        {
          g_autofree char *url = clean_url (p + 1, (gsize) (close - p - 1));

          if (url[0] != '\0')
            g_ptr_array_add (urls, g_steal_pointer (&url));
          p = close + 1;
        }
      else
        p = *p == '(' ? skip_comment (p, end) : p + 1;
    }
  g_ptr_array_add (urls, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&urls), FALSE);
}
