/* Text from outside, made fit to be shown: what a server or a message says may hold invalid UTF-8,
 * terminal escapes or characters that turn the reading direction round. */
#include "base/text.h"

#include <string.h>

/* C0 and C1 controls; the bidi marks, embeddings, overrides and isolates; line and paragraph
 * separators; the byte order mark; interlinear annotation; language tags (invisible text). */
static gboolean
is_unfit (gunichar c)
{
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200e && c <= 0x200f)
         || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff
         || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static gboolean
is_plain_ascii (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    {
      guchar c = (guchar) text[i];

      if (c < 0x20 || c >= 0x7f)
        return FALSE;
    }
  return TRUE;
}

/**
 * surel_text_is_clean:
 *
 * Returns: whether @text is valid UTF-8 with no character that surel_text_clean() would take away
 */
gboolean
surel_text_is_clean (const char *text)
{
  if (!g_utf8_validate (text, -1, NULL))
    return FALSE;
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    if (is_unfit (g_utf8_get_char (p)))
      return FALSE;
  return TRUE;
}

/**
 * surel_text_clean:
 * @text: octets that claim to be UTF-8
 * @length: how many, or -1 up to a NUL
 * @max: octets the result may have at most; it is cut between characters
 *
 * Replaces what is no UTF-8 by U+FFFD and white-space controls by a space, and leaves out other
 * control and bidi characters.
 *
 * Returns: (transfer full): text that can go to the bus and to a terminal
 */
char *
surel_text_clean (const char *text, gssize length, gsize max)
{
  gsize size = length >= 0 ? (gsize) length : strlen (text);
  const char *p = text;
  const char *end = text + size;
  GString *clean;

  if (size <= max && is_plain_ascii (text, size))
    return g_strndup (text, size);

  clean = g_string_sized_new (MIN (size, max) + 8);
  while (p < end && clean->len < max)
    {
      gunichar c = g_utf8_get_char_validated (p, end - p);
      gsize before = clean->len;

      if (c == (gunichar) -1 || c == (gunichar) -2)
        {
          g_string_append (clean, "\357\277\275");
          p++;
        }
      else
        {
          if (c == '\t' || c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029 || c == 0x85)
            g_string_append_c (clean, ' ');
          else if (!is_unfit (c))
            g_string_append_unichar (clean, c);
          p = g_utf8_next_char (p);
        }
      if (clean->len > max)
        {
          g_string_truncate (clean, before);
          break;
        }
    }
  return g_string_free (clean, FALSE);
}

/**
 * surel_text_hide:
 * @secret: not empty
 *
 * Returns: (transfer full): @text with `***` wherever it had @secret, in capitals or not
 */
char *
surel_text_hide (const char *text, const char *secret)
{
  gsize length = strlen (secret);
  GString *shown = g_string_new (NULL);

  while (*text != '\0')
    if (g_ascii_strncasecmp (text, secret, length) == 0)
      {
        g_string_append (shown, "***");
        text += length;
      }
    else
      g_string_append_c (shown, *text++);
  return g_string_free (shown, FALSE);
}
