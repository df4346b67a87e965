/* The text of a part as a person reads it. */
#include "mime/mime-text.h"

#include <string.h>

#include "mime/mime-decode.h"
#include "mime/mime-flowed.h"

#define META_SEEN 1024 /* octets of a page in which it may say what it is in: HTML, 4.2.5.5 */
#define WIDEST 4 /* octets for one of UTF-8, at most: those of UTF-32 */

typedef struct
{
  GByteArray *octets;
  gsize most;
  gboolean cut;
} Gathering;

static gboolean
gather (const char *octets, gsize length, gpointer data)
{
  Gathering *self = data;
  gsize fits = MIN (length, self->most - self->octets->len);

  g_byte_array_append (self->octets, (const guint8 *) octets, (guint) fits);
  self->cut = fits < length;
  return !self->cut;
}

/* What a page says of itself; NULL for nothing. */
static char *
charset_of_page (const GByteArray *page)
{
  g_autoptr (GRegex) regex = g_regex_new ("<meta[^>]+charset\\s*=\\s*[\"']?\\s*([A-Za-z0-9_:.-]+)", G_REGEX_CASELESS | G_REGEX_RAW, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;

  return page->len > 0
                 && g_regex_match_full (regex, (const char *) page->data, (gssize) MIN (page->len, META_SEEN), 0, 0, &match, NULL)
             ? g_match_info_fetch (match, 1)
             : NULL;
}

/* In place. */
static void
to_line_feeds (char *text)
{
  char *to = text;

  for (const char *p = text; *p != '\0'; p++)
    if (*p != '\r')
      *to++ = *p;
    else if (p[1] != '\n')
      *to++ = '\n';
  *to = '\0';
}

static gboolean
cut_to (char *text, gsize most)
{
  if (strlen (text) <= most)
    return FALSE;
  *g_utf8_find_prev_char (text, text + most + 1) = '\0';
  return TRUE;
}

/**
 * surel_mime_part_text:
 * @part: one of text
 * @message: what it was found in
 * @most: octets of UTF-8
 * @problem: (out): whether something of it couldn't be read, or what it is in was guessed
 * @truncated: (out): whether there is more
 *
 * Returns: (transfer full): its text; lines end with LF, and those that were wrapped by format=flowed (RFC 3676) are whole again
 */
char *
surel_mime_part_text (const SurelMimePart *part, const char *message, gsize most, gboolean *problem, gboolean *truncated)
{
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  Gathering gathering = { octets, most * WIDEST, FALSE };
  g_autofree char *own = NULL;
  char *text;

  surel_mime_part_decode (part, message, gather, &gathering);
  if (part->charset == NULL && surel_mime_part_is (part, "text/html"))
    own = charset_of_page (octets);
  text = surel_mime_convert ((const char *) octets->data, octets->len, own != NULL ? own : part->charset, gathering.cut, problem);
  to_line_feeds (text);
  if (part->flowed && surel_mime_part_is (part, "text/plain"))
    {
      char *whole = surel_mime_unflow (text, part->delsp);

      g_free (text);
      text = whole;
    }
  *truncated = cut_to (text, most) || gathering.cut;
  return text;
}
