/* What a message is found by beside its header: the text a person reads, that of attached texts, and the names of files; and
 * how that text begins. */
#include "mime/mime-words.h"

#include <string.h>

#include "base/text.h"
#include "mime/mime-body.h"
#include "mime/mime-html.h"
#include "mime/mime-text.h"

#define PREVIEW_MAX 256 /* characters (RFC 8621 §4.1.4) */
#define MAX_CHARACTER 4 /* octets of one */

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

static void
add_in_one_line (GString *to, const char *text, gsize length)
{
  for (gsize i = 0; i < length && to->len < PREVIEW_MAX * MAX_CHARACTER; i++)
    if (!g_ascii_isspace (text[i]))
      g_string_append_c (to, text[i]);
    else if (to->len > 0 && to->str[to->len - 1] != ' ')
      g_string_append_c (to, ' ');
}

/* How @text begins, in one line, without what it quotes (RFC 8621 §4.1.4). */
static char *
make_preview (const char *text)
{
  g_autoptr (GString) line = g_string_new (NULL);
  g_autofree char *clean = NULL;

  for (const char *p = text; *p != '\0' && line->len < PREVIEW_MAX * MAX_CHARACTER;)
    {
      gsize length = strcspn (p, "\n");

      length += p[length] != '\0';
      if (*p != '>')
        add_in_one_line (line, p, length);
      p += length;
    }
  clean = g_strchomp (surel_text_clean (line->str, (gssize) line->len, G_MAXSIZE));
  return g_utf8_substring (clean, 0, MIN (g_utf8_strlen (clean, -1), PREVIEW_MAX));
}

/**
 * surel_mime_words:
 * @message: its octets
 * @most: octets of text, about: a longer one is cut
 * @preview: (out) (transfer full): how what a person reads of it begins: 256 characters at most
 *
 * Returns: (transfer full): what is to be found of its body, as UTF-8
 */
char *
surel_mime_words (const char *message, gsize length, gsize most, char **preview)
{
  g_autoptr (SurelMimePart) root = surel_mime_part_parse (message, length);
  g_autoptr (SurelMimeBody) body = surel_mime_body_new (root);
  GString *words = g_string_new (NULL);

  for (guint i = 0; i < body->text->len; i++)
    add_part (words, body->text->pdata[i], message, most);
  *preview = make_preview (words->str);
  for (guint i = 0; i < body->attachments->len; i++)
    add_part (words, body->attachments->pdata[i], message, most);
  return g_string_free (words, FALSE);
}
