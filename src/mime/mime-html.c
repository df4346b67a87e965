/* A page as the text that a person reads. Nothing is drawn: what matters is that the words come in their order, that paragraphs
 * are apart, that what is quoted is seen to be, and that what isn't shown isn't read either. No tree is made, so there is none
 * that could be too deep. */
#include "mime/mime-html.h"

#include <string.h>

#include "mime/mime-entity.h"

#define NAME_MAX_OCTETS 16 /* of a tag's name: those that are looked for are shorter */
#define ATTRIBUTE_MAX 2048 /* octets */
#define QUOTES_MAX 20 /* of quoting, one within another */

typedef enum
{
  APART = 1, /* a line of its own */
  SPACED = 2, /* likewise, with an empty one before and behind */
  SILENT = 4, /* what is in it isn't shown */
  EMPTY = 8, /* never has an end */
} Manner;

static const struct
{
  const char *name;
  guint manner;
} elements[] = {
  { "address", APART },  { "area", EMPTY },    { "article", APART }, { "aside", APART },       { "base", EMPTY },
  { "blockquote", SPACED }, { "br", EMPTY },   { "center", APART },  { "col", EMPTY },         { "dd", APART },
  { "div", APART },      { "dl", SPACED },     { "dt", APART },      { "embed", EMPTY },       { "fieldset", APART },
  { "footer", APART },   { "form", APART },    { "h1", SPACED },     { "h2", SPACED },         { "h3", SPACED },
  { "h4", SPACED },      { "h5", SPACED },     { "h6", SPACED },     { "header", APART },      { "hr", EMPTY | SPACED },
  { "img", EMPTY },      { "input", EMPTY },   { "li", APART },      { "link", EMPTY },        { "main", APART },
  { "meta", EMPTY },     { "object", SILENT }, { "ol", SPACED },     { "p", SPACED },
  { "param", EMPTY },    { "pre", SPACED },    { "script", SILENT }, { "section", APART },     { "select", SILENT },
  { "source", EMPTY },   { "style", SILENT },  { "table", SPACED },      { "template", SILENT },
  { "textarea", SILENT }, { "title", SILENT }, { "tr", APART },      { "ul", SPACED },         { "wbr", EMPTY },
};

typedef struct
{
  char name[NAME_MAX_OCTETS + 1]; /* in lower case */
  guint manner;
  gboolean closes;
  const char *attributes;
  const char *end; /* behind them */
} Tag;

typedef struct
{
  GString *out;
  gboolean links;
  gboolean hides; /* what a page doesn't show is left out */
  gboolean quotes_end; /* so far each quote in a tag had its end: once one hasn't, none counts */
  guint breaks; /* line ends that are due before the next word */
  gboolean space; /* likewise, a space */
  guint quotes; /* blockquotes that are open */
  guint quotes_before; /* that were, in the line that was written last */
  guint pre;
  char *link; /* where the words since @link_begin lead; nullable */
  gsize link_begin;
  char silent[NAME_MAX_OCTETS + 1]; /* the element in which nothing is shown; empty for none */
  guint silent_depth; /* of that name, one within another */
} Page;

/* --- Writing --- */

static void
mark_quoted (Page *self, guint quotes)
{
  for (guint i = 0; i < MIN (quotes, QUOTES_MAX); i++)
    g_string_append_c (self->out, '>');
}

static void
begin_line (Page *self)
{
  mark_quoted (self, self->quotes);
  if (self->quotes > 0)
    g_string_append_c (self->out, ' ');
  self->quotes_before = self->quotes;
}

static void
begin_word (Page *self)
{
  gboolean at_start = self->out->len == 0;

  for (guint i = 0; !at_start && i < self->breaks; i++)
    {
      g_string_append_c (self->out, '\n');
      if (i + 1 < self->breaks) /* an empty line within what is quoted */
        mark_quoted (self, MIN (self->quotes, self->quotes_before));
    }
  if (at_start || self->breaks > 0)
    begin_line (self);
  else if (self->space)
    g_string_append_c (self->out, ' ');
  self->breaks = 0;
  self->space = FALSE;
}

static void
need_breaks (Page *self, guint breaks)
{
  self->breaks = MAX (self->breaks, breaks);
}

/* Fills room, or tells where a word may be parted. */
static gboolean
is_invisible (gunichar c)
{
  return c == 0xad || c == 0x34f || c == 0x200b || c == 0x2060 || c == 0xfeff;
}

static void
add_character (Page *self, gunichar c)
{
  if (self->pre > 0 && c == '\n')
    {
      self->breaks++;
      return;
    }
  if (c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == ' ')
    {
      if (self->pre == 0)
        {
          self->space = TRUE;
          return;
        }
      c = ' ';
    }
  if (is_invisible (c) || (c < 0x20) || (c >= 0x7f && c < 0xa0))
    return;
  if (self->breaks > 0 || self->space || self->out->len == 0)
    begin_word (self);
  g_string_append_unichar (self->out, c == 0xa0 ? ' ' : c);
}

static void
add_text (Page *self, const char *text)
{
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    add_character (self, g_utf8_get_char (p));
}

/* --- Reading --- */

/* The character at @p, which may be written as a reference. */
static gunichar
read_character (const char **p, const char *end)
{
  gsize length;
  gunichar c = **p == '&' ? surel_mime_entity_read (*p, (gsize) (end - *p), &length) : 0;

  if (c != 0)
    {
      *p += length;
      return c;
    }
  c = g_utf8_get_char (*p);
  *p = g_utf8_next_char (*p);
  return c;
}

/* Finds the attribute's value. */
static char *
attribute_of (const Tag *tag, const char *name)
{
  const char *p = tag->attributes;
  gsize length = strlen (name);

  while (p < tag->end)
    {
      const char *begin;
      const char *value;
      const char *stop;
      gboolean is_it;

      while (p < tag->end && (g_ascii_isspace (*p) || *p == '/'))
        p++;
      begin = p;
      while (p < tag->end && !g_ascii_isspace (*p) && *p != '=' && *p != '/')
        p++;
      is_it = (gsize) (p - begin) == length && g_ascii_strncasecmp (begin, name, length) == 0;
      while (p < tag->end && g_ascii_isspace (*p))
        p++;
      if (p == tag->end || *p != '=')
        {
          if (is_it)
            return g_strdup ("");
          p += p == begin;
          continue;
        }
      p++;
      while (p < tag->end && g_ascii_isspace (*p))
        p++;
      value = p;
      if (p < tag->end && (*p == '"' || *p == '\''))
        {
          value++;
          stop = memchr (value, *p, (gsize) (tag->end - value));
          stop = stop != NULL ? stop : tag->end;
          p = MIN (stop + 1, tag->end);
        }
      else
        {
          while (p < tag->end && !g_ascii_isspace (*p))
            p++;
          stop = p;
        }
      if (is_it && stop - value <= ATTRIBUTE_MAX)
        {
          GString *text = g_string_new (NULL);

          while (value < stop)
            g_string_append_unichar (text, read_character (&value, stop));
          return g_string_free (text, FALSE);
        }
    }
  return NULL;
}

/* The tag that begins at @p; %FALSE where there is none, and the `<` is text. */
static gboolean
read_tag (Page *self, const char **p, const char *end, Tag *tag)
{
  const char *q = *p + 1;
  gsize length = 0;
  char quote = 0;

  *tag = (Tag){ .closes = q < end && *q == '/' };
  q += tag->closes;
  if (q == end || !g_ascii_isalpha (*q))
    return FALSE;
  for (; q < end && *q != '>' && *q != '/' && !g_ascii_isspace (*q); q++)
    if (length < NAME_MAX_OCTETS)
      tag->name[length++] = g_ascii_tolower (*q);
  tag->attributes = q;
  /* A quote counts where a value begins with one alone: an apostrophe elsewhere in a tag opens nothing. */
  for (char before = 0; q < end && (quote != 0 || *q != '>'); q++)
    {
      if (quote != 0)
        quote = *q == quote ? 0 : quote;
      else if (self->quotes_end && before == '=' && (*q == '"' || *q == '\''))
        quote = *q;
      if (!g_ascii_isspace (*q))
        before = *q;
    }
  if (q == end && quote != 0) /* it never ends: the tag does with the first `>` */
    {
      q = memchr (tag->attributes, '>', (gsize) (end - tag->attributes));
      q = q != NULL ? q : end;
      self->quotes_end = FALSE;
    }
  tag->end = q;
  for (guint i = 0; i < G_N_ELEMENTS (elements); i++)
    if (strcmp (tag->name, elements[i].name) == 0)
      tag->manner = elements[i].manner;
  *p = q < end ? q + 1 : end;
  return TRUE;
}

/* --- Elements --- */

static gboolean
is_hidden (const Tag *tag)
{
  g_autofree char *style = attribute_of (tag, "style");
  g_autofree char *hidden = style == NULL ? attribute_of (tag, "hidden") : NULL;
  char *to = style;

  for (const char *p = style; p != NULL && *p != '\0'; p++)
    if (!g_ascii_isspace (*p))
      *to++ = g_ascii_tolower (*p);
  if (style != NULL)
    *to = '\0';
  return hidden != NULL || (style != NULL && (strstr (style, "display:none") != NULL || strstr (style, "mso-hide:all") != NULL));
}

static void
end_link (Page *self)
{
  const char *words = self->link != NULL ? self->out->str + MIN (self->link_begin, self->out->len) : NULL;
  const char *address = self->link;

  if (self->link == NULL)
    return;
  if (g_str_has_prefix (address, "mailto:"))
    address += strlen ("mailto:");
  /* What the words say already isn't said again, and what has none is no place to go to. */
  if (self->links && words[0] != '\0' && strstr (words, address) == NULL && strpbrk (address, " \n<>") == NULL)
    g_string_append_printf (self->out, " <%s>", address);
  g_clear_pointer (&self->link, g_free);
}

static void
begin_link (Page *self, const Tag *tag)
{
  g_autofree char *address = attribute_of (tag, "href");

  end_link (self);
  if (address == NULL
      || (!g_str_has_prefix (address, "http:") && !g_str_has_prefix (address, "https:") && !g_str_has_prefix (address, "mailto:")))
    return;
  self->link = g_utf8_make_valid (g_strstrip (address), -1);
  self->link_begin = self->out->len;
}

static void
add_picture (Page *self, const Tag *tag)
{
  g_autofree char *words = attribute_of (tag, "alt");

  if (words == NULL || g_strstrip (words)[0] == '\0')
    return;
  self->space = TRUE;
  add_text (self, "[");
  add_text (self, words);
  add_text (self, "]");
  self->space = TRUE;
}

static void
begin_element (Page *self, const Tag *tag)
{
  if ((tag->manner & SILENT) != 0 || (self->hides && (tag->manner & EMPTY) == 0 && is_hidden (tag)))
    {
      g_strlcpy (self->silent, tag->name, sizeof self->silent);
      self->silent_depth = 1;
    }
  else if (strcmp (tag->name, "br") == 0)
    self->breaks++;
  else if (strcmp (tag->name, "a") == 0)
    begin_link (self, tag);
  else if (strcmp (tag->name, "img") == 0)
    add_picture (self, tag);
  else if (strcmp (tag->name, "li") == 0)
    {
      need_breaks (self, 1);
      add_text (self, "- ");
    }
  else if (strcmp (tag->name, "td") == 0 || strcmp (tag->name, "th") == 0)
    self->space = TRUE;
  else if (strcmp (tag->name, "pre") == 0)
    self->pre++;
}

static void
end_element (Page *self, const Tag *tag)
{
  if (strcmp (tag->name, "a") == 0)
    end_link (self);
  else if (strcmp (tag->name, "blockquote") == 0)
    self->quotes -= self->quotes > 0;
  else if (strcmp (tag->name, "pre") == 0)
    self->pre -= self->pre > 0;
}

static void
take_tag (Page *self, const Tag *tag)
{
  /* A paragraph ends where another one begins. */
  if (strcmp (self->silent, "p") == 0 && !tag->closes && (tag->manner & (APART | SPACED)) != 0)
    self->silent[0] = '\0';
  if (self->silent[0] != '\0')
    {
      if (strcmp (tag->name, self->silent) != 0)
        return;
      self->silent_depth = tag->closes ? self->silent_depth - 1 : self->silent_depth + 1;
      if (self->silent_depth == 0)
        self->silent[0] = '\0';
      return;
    }
  if (tag->closes)
    end_element (self, tag);
  else
    begin_element (self, tag);
  if ((tag->manner & (APART | SPACED)) != 0 && strcmp (tag->name, "li") != 0)
    need_breaks (self, (tag->manner & SPACED) != 0 ? 2 : 1);
  if (!tag->closes && self->silent[0] == '\0' && strcmp (tag->name, "blockquote") == 0)
    self->quotes++;
}

/* Behind what is no element: a comment, a declaration, an instruction; in a script all that isn't its end. */
static const char *
skip (const Page *self, const char *p, const char *end)
{
  const char *stop;

  if (strcmp (self->silent, "script") == 0 || strcmp (self->silent, "style") == 0)
    {
      for (p++; p < end && *p != '<'; p++)
        ;
      return p;
    }
  if (end - p >= 4 && memcmp (p, "<!--", 4) == 0)
    {
      stop = g_strstr_len (p + 2, end - p - 2, "-->");
      return stop != NULL ? stop + 3 : end;
    }
  stop = memchr (p, '>', (gsize) (end - p));
  return stop != NULL ? stop + 1 : end;
}

/* In a script a tag is none, but its own end. */
static gboolean
is_tag (const Page *self, const char *p, const char *end)
{
  gsize length = strlen (self->silent);

  return (strcmp (self->silent, "script") != 0 && strcmp (self->silent, "style") != 0)
         || ((gsize) (end - p) > length + 2 && p[1] == '/' && g_ascii_strncasecmp (p + 2, self->silent, length) == 0);
}

static Page
read_page (const char *html, gboolean links, gboolean hides)
{
  Page page = { .out = g_string_new (NULL), .links = links, .hides = hides, .quotes_end = TRUE };
  const char *end = html + strlen (html);
  const char *p = html;

  while (p < end)
    {
      Tag tag;

      if (*p == '<' && is_tag (&page, p, end) && read_tag (&page, &p, end, &tag))
        take_tag (&page, &tag);
      else if (*p == '<' && (page.silent[0] != '\0' || (p + 1 < end && (p[1] == '!' || p[1] == '?' || p[1] == '/'))))
        p = skip (&page, p, end);
      else if (page.silent[0] != '\0')
        p++;
      else
        add_character (&page, read_character (&p, end));
    }
  end_link (&page);
  return page;
}

/**
 * surel_mime_html_to_text:
 * @html: a page, or a piece of one; valid UTF-8
 * @links: whether to say where links lead
 *
 * Returns: (transfer full): what it says; lines end with LF, quoted ones begin with `>`
 */
char *
surel_mime_html_to_text (const char *html, gboolean links)
{
  Page page = read_page (html, links, TRUE);

  /* Something that is hidden has no end: then it may be all. */
  if (page.silent[0] != '\0')
    {
      g_string_free (page.out, TRUE);
      page = read_page (html, links, FALSE);
    }
  if (page.out->len > 0)
    g_string_append_c (page.out, '\n');
  return g_string_free (page.out, FALSE);
}
