/* What a message is found by beside its header: the text a person reads, that of attached texts, and the names of files. */
#include "mime/mime-words.h"

#include <string.h>

#include "mime/mime-body.h"
#include "mime/mime-html.h"
#include "mime/mime-text.h"

/* Adds a part's name and, where it is text, what it says. */
static void
add_part (GString *words, const SurelMimePart *part, const char *message, gsize most)
{
  g_autofree char *text = NULL;
  gboolean problem = FALSE;
  gboolean truncated = FALSE;

  if (words->len >= most)
    return;
  if (part->name != NULL)
    g_string_append_printf (words, "%s\n", part->name);
  if (!g_str_has_prefix (part->type, "text/"))
    return;
  text = surel_mime_part_text (part, message, most - MIN (words->len, most), &problem, &truncated);
  if (surel_mime_part_is (part, "text/html"))
    {
      g_autofree char *page = g_steal_pointer (&text);

      text = surel_mime_html_to_text (page, FALSE);
    }
  g_string_append (words, text);
  g_string_append_c (words, '\n');
}

/**
 * surel_mime_words:
 * @message: its octets
 * @most: octets of text, about: a longer one is cut
 *
 * Returns: (transfer full): what is to be found of its body, as UTF-8
 */
char *
surel_mime_words (const char *message, gsize length, gsize most)
{
  g_autoptr (SurelMimePart) root = surel_mime_part_parse (message, length);
  g_autoptr (SurelMimeBody) body = surel_mime_body_new (root);
  GString *words = g_string_new (NULL);

  for (guint i = 0; i < body->text->len; i++)
    add_part (words, body->text->pdata[i], message, most);
  for (guint i = 0; i < body->attachments->len; i++)
    add_part (words, body->attachments->pdata[i], message, most);
  return g_string_free (words, FALSE);
}
