/* Any octets as a message: its parts are within it, and their text is clean. */
#include <string.h>

#include "mime/mime-body.h"
#include "mime/mime-html.h"
#include "mime/mime-text.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check (const SurelMimePart *part, const char *message, gsize size)
{
  gboolean problem;
  gboolean truncated;
  g_autofree char *text = surel_mime_part_text (part, message, 10000, &problem, &truncated);

  g_assert_true (part->header <= part->body && part->body <= part->end && part->end <= size);
  g_assert_true (g_utf8_validate (text, -1, NULL) && strlen (text) <= 10000);
  g_assert_true (g_utf8_validate (part->type, -1, NULL) && (part->name == NULL || strchr (part->name, '/') == NULL));
  g_assert_true ((part->parts == NULL) != (part->id == NULL));
  if (surel_mime_part_is (part, "text/html"))
    {
      g_autofree char *words = surel_mime_html_to_text (text, TRUE);

      g_assert_true (g_utf8_validate (words, -1, NULL));
    }
  for (guint i = 0; part->parts != NULL && i < part->parts->len; i++)
    check (part->parts->pdata[i], message, size);
}

static guint
count (const SurelMimePart *part)
{
  guint n = part->parts == NULL;

  for (guint i = 0; part->parts != NULL && i < part->parts->len; i++)
    n += count (part->parts->pdata[i]);
  return n;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const char *message = (const char *) data;
  g_autoptr (SurelMimePart) root = surel_mime_part_parse (message, size);
  g_autoptr (SurelMimeBody) body = surel_mime_body_new (root);

  check (root, message, size);
  g_assert_cmpuint (body->text->len, <=, count (root));
  g_assert_cmpuint (body->html->len, <=, count (root));
  g_assert_cmpuint (body->attachments->len, <=, count (root));
  return 0;
}
