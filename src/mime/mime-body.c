/* What of a message is its text, what is its HTML, and what is attached: the algorithm of RFC 8621 §4.1.4. */
#include "mime/mime-body.h"

#include <string.h>

/**
 * surel_mime_body_free:
 */
void
surel_mime_body_free (SurelMimeBody *self)
{
  g_ptr_array_unref (self->text);
  g_ptr_array_unref (self->html);
  g_ptr_array_unref (self->attachments);
  g_free (self);
}

static gboolean
is_media (const SurelMimePart *part)
{
  return g_str_has_prefix (part->type, "image/") || g_str_has_prefix (part->type, "audio/") || g_str_has_prefix (part->type, "video/");
}

static gboolean
is_inline (const SurelMimePart *part, gboolean is_first, gboolean is_related)
{
  return g_strcmp0 (part->disposition, "attachment") != 0
         && (surel_mime_part_is (part, "text/plain") || surel_mime_part_is (part, "text/html") || is_media (part))
         && (is_first || (!is_related && (is_media (part) || part->name == NULL)));
}

/* One that is shown, outside of the choices of an alternative. @text, @html: NULL where the alternative around it has the other
 * one. */
static void
add_shown (SurelMimeBody *self, SurelMimePart *part, GPtrArray *text, GPtrArray *html)
{
  if (text != NULL)
    g_ptr_array_add (text, part);
  if (html != NULL)
    g_ptr_array_add (html, part);
  if ((text == NULL || html == NULL) && is_media (part))
    g_ptr_array_add (self->attachments, part);
}

static void
add_choice (SurelMimeBody *self, SurelMimePart *part, GPtrArray *text, GPtrArray *html)
{
  GPtrArray *to = surel_mime_part_is (part, "text/plain")  ? text
                  : surel_mime_part_is (part, "text/html") ? html
                                                           : NULL;

  /* Nothing is in none of the lists. */
  g_ptr_array_add (to != NULL ? to : self->attachments, part);
}

/* Who looks for what wasn't offered gets the other. */
static void
add_rest (GPtrArray *to, const GPtrArray *from, guint since)
{
  for (guint i = since; i < from->len; i++)
    g_ptr_array_add (to, from->pdata[i]);
}

static void
walk (SurelMimeBody *self, SurelMimePart *const *parts, guint n, const char *type, gboolean in_alternative, GPtrArray *text, GPtrArray *html)
{
  gboolean is_alternative = g_str_equal (type, "multipart/alternative");
  guint texts = text != NULL ? text->len : 0;
  guint htmls = html != NULL ? html->len : 0;

  for (guint i = 0; i < n; i++)
    {
      SurelMimePart *part = parts[i];

      if (part->parts != NULL)
        walk (self, (SurelMimePart *const *) part->parts->pdata, part->parts->len, part->type,
              in_alternative || surel_mime_part_is (part, "multipart/alternative"), text, html);
      else if (!is_inline (part, i == 0, g_str_equal (type, "multipart/related")))
        g_ptr_array_add (self->attachments, part);
      else if (is_alternative)
        add_choice (self, part, text, html);
      else
        {
          if (in_alternative && surel_mime_part_is (part, "text/plain"))
            html = NULL;
          if (in_alternative && surel_mime_part_is (part, "text/html"))
            text = NULL;
          add_shown (self, part, text, html);
        }
    }
  if (!is_alternative || text == NULL || html == NULL)
    return;
  if (text->len == texts && html->len != htmls)
    add_rest (text, html, htmls);
  else if (html->len == htmls && text->len != texts)
    add_rest (html, text, texts);
}

/**
 * surel_mime_body_new:
 * @message: outlives what is returned
 */
SurelMimeBody *
surel_mime_body_new (const SurelMimePart *message)
{
  SurelMimeBody *self = g_new0 (SurelMimeBody, 1);
  SurelMimePart *whole[] = { (SurelMimePart *) message };

  self->text = g_ptr_array_new ();
  self->html = g_ptr_array_new ();
  self->attachments = g_ptr_array_new ();
  walk (self, whole, 1, "multipart/mixed", FALSE, self->text, self->html);
  return self;
}
