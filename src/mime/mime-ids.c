/* Message ids (RFC 5322 §3.6.4). */
#include "mime/mime-ids.h"

#include <string.h>

#include "base/text.h"

static char *
clean_id (const char *start, gsize length)
{
  g_autoptr (GString) tight = g_string_sized_new (length);

  for (gsize i = 0; i < length && tight->len < SUREL_MIME_ID_MAX; i++)
    if ((guchar) start[i] > ' ' && start[i] != 0x7f)
      g_string_append_c (tight, start[i]);
  return surel_text_clean (tight->str, (gssize) tight->len, SUREL_MIME_ID_MAX);
}

/**
 * surel_mime_parse_ids:
 * @raw: the value of Message-ID, In-Reply-To or References
 *
 * Returns: (transfer full) (nullable): the ids without angle brackets, one space between; %NULL for none.
 *   What isn't between angle brackets is passed over, unless it is all there is.
 */
char *
surel_mime_parse_ids (const char *raw, gsize length)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  const char *p = raw;
  const char *end = raw + length;

  while ((p = memchr (p, '<', (gsize) (end - p))) != NULL)
    {
      const char *close = memchr (p, '>', (gsize) (end - p));
      g_autofree char *id = NULL;

      if (close == NULL)
        break;
      id = clean_id (p + 1, (gsize) (close - p - 1));
      p = close + 1;
      if (id[0] == '\0')
        continue;
      g_ptr_array_add (ids, g_steal_pointer (&id));
      if (ids->len == 2 * SUREL_MIME_IDS_MAX) /* many at once: each by itself would move all behind it */
        g_ptr_array_remove_range (ids, 1, SUREL_MIME_IDS_MAX);
    }
  if (ids->len > SUREL_MIME_IDS_MAX)
    g_ptr_array_remove_range (ids, 1, ids->len - SUREL_MIME_IDS_MAX);
  if (ids->len == 0 && memchr (raw, '@', length) != NULL)
    {
      g_autofree char *bare = clean_id (raw, length);

      if (strchr (bare, '<') == NULL)
        g_ptr_array_add (ids, g_steal_pointer (&bare));
    }
  if (ids->len == 0)
    return NULL;
  g_ptr_array_add (ids, NULL);
  return g_strjoinv (" ", (char **) ids->pdata);
}
