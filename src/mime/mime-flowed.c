/* Text whose lines were wrapped to be put together again: format=flowed (RFC 3676). */
#include "mime/mime-flowed.h"

#include <string.h>

typedef struct
{
  guint depth; /* of quoting */
  const char *text; /* without the marks of quoting, and without the space that was put before */
  gsize length; /* without the line end */
} Line;

static Line
read_line (const char **p)
{
  gsize length = strcspn (*p, "\n");
  Line line = { 0, *p, length };

  *p += length + ((*p)[length] == '\n');
  while (line.length > 0 && line.text[0] == '>')
    {
      line.depth++;
      line.text++;
      line.length--;
    }
  if (line.length > 0 && line.text[0] == ' ')
    {
      line.text++;
      line.length--;
    }
  return line;
}

static gboolean
is_flowed (const Line *line)
{
  return line->length > 0 && line->text[line->length - 1] == ' ' && !(line->length == 3 && memcmp (line->text, "-- ", 3) == 0);
}

static void
begin_line (GString *out, const Line *line)
{
  for (guint i = 0; i < line->depth; i++)
    g_string_append_c (out, '>');
  if (line->depth > 0 && line->length > 0)
    g_string_append_c (out, ' ');
}

/**
 * surel_mime_unflow:
 * @text: lines end with LF
 * @delsp: whether the space at the end of a wrapped line is none of the text
 *
 * Returns: (transfer full): the text, a line a paragraph; quoted ones begin with `> `, for each level a `>`
 */
char *
surel_mime_unflow (const char *text, gboolean delsp)
{
  GString *out = g_string_new (NULL);
  const char *p = text;

  while (*p != '\0')
    {
      Line line = read_line (&p);

      begin_line (out, &line);
      while (is_flowed (&line) && *p != '\0')
        {
          const char *behind = p;
          Line next = read_line (&behind);

          /* A signature's line is a paragraph of its own. */
          if (next.depth != line.depth || (next.length == 3 && memcmp (next.text, "-- ", 3) == 0))
            break;
          g_string_append_len (out, line.text, (gssize) (line.length - (delsp ? 1 : 0)));
          line = next;
          p = behind;
        }
      g_string_append_len (out, line.text, (gssize) (line.length - (is_flowed (&line) ? 1 : 0)));
      g_string_append_c (out, '\n');
    }
  if (out->len > 0 && text[strlen (text) - 1] != '\n')
    g_string_truncate (out, out->len - 1);
  return g_string_free (out, FALSE);
}
