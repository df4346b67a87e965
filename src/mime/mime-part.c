/* The parts of a message, found where they stand. The tree is made by our own code, as its depth and its width are a
 * stranger's; what a single field of a part's header says, and how its content is encoded, GMime reads. Broken messages give what
 * can be had of them: an outer boundary ends what is inside, one that never comes is at the end, a multipart in which there is no
 * part is text. */
#include "mime/mime-part.h"

#include <gmime/gmime.h>
#include <string.h>

#include "mime/mime-decode.h"
#include "mime/mime-header.h"
#include "mime/mime-name.h"

#define VALUE_MAX (8 * 1024) /* octets of a field that are looked at: names of files are shorter, also in pieces */
#define WORD_MAX 255 /* octets of a word of a header: longer ones are none */
#define CHUNK (64 * 1024) /* octets that are decoded at once */

typedef struct
{
  const char *message;
  guint parts; /* so far */
} Parser;

static SurelMimePart *parse_part (Parser *parser, gsize begin, gsize end, const char *id, guint depth, gboolean in_digest);

/**
 * surel_mime_part_free:
 */
void
surel_mime_part_free (SurelMimePart *self)
{
  g_clear_pointer (&self->parts, g_ptr_array_unref);
  g_free (self->id);
  g_free (self->type);
  g_free (self->charset);
  g_free (self->name);
  g_free (self->disposition);
  g_free (self->cid);
  g_free (self->encoding);
  g_free (self);
}

static void
set_up (void)
{
  static gsize done = 0;

  if (g_once_init_enter (&done))
    {
      g_mime_init ();
      g_once_init_leave (&done, 1);
    }
}

/* --- Headers --- */

/* The field's value in one line. */
static char *
unfold (const SurelMimeField *field)
{
  GString *value = g_string_new (NULL);

  for (gsize i = 0; i < MIN (field->value_length, VALUE_MAX); i++)
    if (field->value[i] != '\r' && field->value[i] != '\n' && field->value[i] != '\0')
      g_string_append_c (value, field->value[i]);
  return g_strstrip (g_string_free (value, FALSE));
}

/* @value: (nullable): of a parameter that names a file; some say it by encoded words, which are none there (RFC 2047 §5) */
static void
take_name (SurelMimePart *self, const char *value)
{
  g_autofree char *decoded = value != NULL ? surel_mime_decode_text (value, strlen (value)) : NULL;

  if (self->name == NULL && decoded != NULL)
    self->name = surel_mime_safe_name (decoded);
}

/* NULL where it is too long to be one. */
static char *
word_of (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  return strlen (valid) <= WORD_MAX ? g_ascii_strdown (valid, -1) : NULL;
}

/* Returns the boundary; NULL for none. */
static char *
take_type (SurelMimePart *self, const char *value)
{
  GMimeContentType *type = g_mime_content_type_parse (NULL, value);
  const char *media = type != NULL ? g_mime_content_type_get_media_type (type) : NULL;
  const char *subtype = media != NULL ? g_mime_content_type_get_media_subtype (type) : NULL;
  char *boundary = NULL;

  g_autofree char *name = subtype != NULL ? g_strdup_printf ("%s/%s", media, subtype) : NULL;
  g_autofree char *word = name != NULL && strchr (value, '/') != NULL ? word_of (name) : NULL;

  if (word != NULL)
    {
      const char *charset = g_mime_content_type_get_parameter (type, "charset");
      const char *format = g_mime_content_type_get_parameter (type, "format");
      const char *delsp = g_mime_content_type_get_parameter (type, "delsp");

      g_free (self->type);
      self->type = g_steal_pointer (&word);
      if (g_str_has_prefix (self->type, "text/") && charset != NULL && charset[0] != '\0')
        self->charset = word_of (charset);
      self->flowed = format != NULL && g_ascii_strcasecmp (format, "flowed") == 0;
      self->delsp = delsp != NULL && g_ascii_strcasecmp (delsp, "yes") == 0;
      boundary = g_strdup (g_mime_content_type_get_parameter (type, "boundary"));
      take_name (self, g_mime_content_type_get_parameter (type, "name"));
    }
  g_clear_object (&type);
  return boundary;
}

static void
take_disposition (SurelMimePart *self, const char *value)
{
  GMimeContentDisposition *disposition = g_mime_content_disposition_parse (NULL, value);
  const char *word = disposition != NULL ? g_mime_content_disposition_get_disposition (disposition) : NULL;

  if (word != NULL && word[0] != '\0')
    {
      self->disposition = word_of (word);
      take_name (self, g_mime_content_disposition_get_parameter (disposition, "filename"));
    }
  g_clear_object (&disposition);
}

static char *
without_brackets (const char *value)
{
  const char *open = strchr (value, '<');
  const char *close = open != NULL ? strchr (open, '>') : NULL;
  g_autofree char *id = close != NULL ? g_strndup (open + 1, (gsize) (close - open - 1)) : g_strdup (value);

  return id[0] != '\0' && strlen (id) <= WORD_MAX ? g_utf8_make_valid (id, -1) : NULL;
}

/* Of fields that are there twice the first counts. Returns the boundary; NULL for none. */
static char *
read_header (Parser *parser, SurelMimePart *self)
{
  const char *p = parser->message + self->header;
  const char *end = parser->message + self->end;
  g_autofree char *type = NULL;
  g_autofree char *disposition = NULL;
  SurelMimeField field;

  for (guint i = 0; i < SUREL_MIME_FIELDS_MAX && surel_mime_next_field (&p, end, &field); i++)
    if (type == NULL && surel_mime_field_is (&field, "Content-Type"))
      type = unfold (&field);
    else if (disposition == NULL && surel_mime_field_is (&field, "Content-Disposition"))
      disposition = unfold (&field);
    else if (self->encoding == NULL && surel_mime_field_is (&field, "Content-Transfer-Encoding"))
      {
        g_autofree char *value = unfold (&field);

        self->encoding = word_of (value);
      }
    else if (self->cid == NULL && surel_mime_field_is (&field, "Content-ID"))
      {
        g_autofree char *value = unfold (&field);

        self->cid = without_brackets (value);
      }
  while (surel_mime_next_field (&p, end, &field))
    ;
  if (p < end && *p == '\r')
    p++;
  if (p < end && *p == '\n')
    p++;
  self->body = (gsize) (p - parser->message);
  if (disposition != NULL)
    take_disposition (self, disposition);
  return type != NULL ? take_type (self, type) : NULL;
}

/* --- Multiparts --- */

/* Where the next line with @delimiter (`--` and the boundary) begins, from @p, which begins a line, on; NULL for none.
 * @is_last: (out): whether it is the one behind the last part. @next: (out): behind the line. */
static const char *
find_delimiter (const char *p, const char *end, const char *delimiter, gsize length, gboolean *is_last, const char **next)
{
  while (p < end)
    {
      const char *lf = memchr (p, '\n', (gsize) (end - p));
      const char *stop = lf != NULL ? lf : end;
      const char *q = p + length;

      *next = lf != NULL ? lf + 1 : end;
      if ((gsize) (stop - p) >= length && memcmp (p, delimiter, length) == 0)
        {
          *is_last = stop - q >= 2 && q[0] == '-' && q[1] == '-';
          if (*is_last)
            q += 2;
          while (q < stop && (*q == ' ' || *q == '\t' || *q == '\r'))
            q++;
          if (q == stop)
            return p;
        }
      p = *next;
    }
  return NULL;
}

/* The line end before a delimiter is the delimiter's. */
static gsize
end_before (const char *message, gsize begin, gsize delimiter)
{
  if (delimiter > begin && message[delimiter - 1] == '\n')
    delimiter--;
  if (delimiter > begin && message[delimiter - 1] == '\r')
    delimiter--;
  return delimiter;
}

static char *
section_of (const SurelMimePart *self, const char *id)
{
  return id[0] != '\0' ? g_strdup_printf ("%s.%u", id, self->parts->len + 1) : g_strdup_printf ("%u", self->parts->len + 1);
}

static void
add_part (Parser *parser, SurelMimePart *self, gsize begin, gsize end, const char *id, guint depth)
{
  g_autofree char *section = section_of (self, id);

  g_ptr_array_add (self->parts,
                   parse_part (parser, begin, end, section, depth + 1, surel_mime_part_is (self, "multipart/digest")));
}

static void
find_parts (Parser *parser, SurelMimePart *self, const char *boundary, const char *id, guint depth)
{
  g_autofree char *delimiter = g_strconcat ("--", boundary, NULL);
  gsize length = strlen (delimiter);
  const char *end = parser->message + self->end;
  const char *next;
  gboolean is_last = FALSE;
  const char *p = find_delimiter (parser->message + self->body, end, delimiter, length, &is_last, &next);

  while (p != NULL && !is_last && parser->parts < SUREL_MIME_PARTS_MAX)
    {
      const char *begin = next;

      p = find_delimiter (begin, end, delimiter, length, &is_last, &next);
      add_part (parser, self, (gsize) (begin - parser->message),
                p != NULL ? end_before (parser->message, (gsize) (begin - parser->message), (gsize) (p - parser->message)) : self->end,
                id, depth);
    }
}

/* What is no part of a multipart is text. */
static SurelMimePart *
text_of (const SurelMimePart *whole, char *id)
{
  SurelMimePart *self = g_new0 (SurelMimePart, 1);

  self->id = id;
  self->type = g_strdup ("text/plain");
  self->header = self->body = whole->body;
  self->end = whole->end;
  return self;
}

/* --- Parsing --- */

static SurelMimePart *
parse_part (Parser *parser, gsize begin, gsize end, const char *id, guint depth, gboolean in_digest)
{
  SurelMimePart *self = g_new0 (SurelMimePart, 1);
  g_autofree char *boundary = NULL;

  parser->parts++;
  self->type = g_strdup (in_digest ? "message/rfc822" : "text/plain");
  self->header = begin;
  self->end = end;
  boundary = read_header (parser, self);
  if (!g_str_has_prefix (self->type, "multipart/") || depth >= SUREL_MIME_DEPTH_MAX)
    {
      self->id = g_strdup (id[0] != '\0' ? id : "1");
      return self;
    }
  self->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_mime_part_free);
  if (boundary != NULL && boundary[0] != '\0')
    find_parts (parser, self, boundary, id, depth);
  if (self->parts->len == 0)
    g_ptr_array_add (self->parts, text_of (self, section_of (self, id)));
  return self;
}

/**
 * surel_mime_part_parse:
 * @message: a whole message, any octets
 *
 * Finds its parts. Of more than %SUREL_MIME_PARTS_MAX the rest isn't told; below %SUREL_MIME_DEPTH_MAX a multipart is one part.
 *
 * Returns: (transfer full): the message as a part
 */
SurelMimePart *
surel_mime_part_parse (const char *message, gsize length)
{
  Parser parser = { .message = length > 0 ? message : "" };

  set_up ();
  return parse_part (&parser, 0, length, "", 0, FALSE);
}

/**
 * surel_mime_part_find:
 * @id: of a part
 *
 * Returns: (transfer none) (nullable): that part of @self, or @self
 */
const SurelMimePart *
surel_mime_part_find (const SurelMimePart *self, const char *id)
{
  const SurelMimePart *found = self->id != NULL && g_str_equal (self->id, id) ? self : NULL;

  for (guint i = 0; found == NULL && self->parts != NULL && i < self->parts->len; i++)
    found = surel_mime_part_find (self->parts->pdata[i], id);
  return found;
}

/**
 * surel_mime_part_is:
 * @type: in lower case, as `text/plain`
 */
gboolean
surel_mime_part_is (const SurelMimePart *self, const char *type)
{
  return g_str_equal (self->type, type);
}

/* --- Content --- */

/* An encoding that nobody knows leaves the octets as they are; a multipart and a message have none (RFC 2045 §6.4), but that some
 * encode a message. */
static GMimeContentEncoding
encoding_of (const SurelMimePart *self)
{
  return self->encoding != NULL && self->parts == NULL ? g_mime_content_encoding_from_string (self->encoding)
                                                       : GMIME_CONTENT_ENCODING_DEFAULT;
}

/* GLib's decoder goes on behind a padding, as where two encoded texts were put together; what is missing of the last is padded. */
static void
decode_base64 (const char *octets, gsize length, SurelMimeChunkFunc func, gpointer data)
{
  g_autofree guchar *out = g_malloc (CHUNK);
  gboolean going_on = TRUE;
  gsize decoded = 0;
  gint state = 0;
  guint save = 0;

  for (gsize at = 0; going_on && at < length; at += CHUNK)
    {
      decoded = g_base64_decode_step (octets + at, MIN (length - at, CHUNK), out, &state, &save);
      going_on = decoded == 0 || func ((const char *) out, decoded, data);
    }
  for (guint i = 0; going_on && state != 0 && i < 2; i++)
    {
      decoded = g_base64_decode_step ("=", 1, out, &state, &save);
      going_on = decoded == 0 || func ((const char *) out, decoded, data);
    }
}

/* Behind the line that begins uuencoded octets, which says what they are called; @length: what is left. NULL where there is none. */
static const char *
skip_begin (const char *octets, gsize *length)
{
  const char *end = octets + *length;
  const char *p = octets;

  while (p != NULL && p < end)
    {
      const char *lf = memchr (p, '\n', (gsize) (end - p));

      if (lf != NULL && lf - p > 6 && memcmp (p, "begin ", 6) == 0)
        {
          *length = (gsize) (end - lf - 1);
          return lf + 1;
        }
      p = lf != NULL ? lf + 1 : NULL;
    }
  return NULL;
}

static void
decode_others (GMimeContentEncoding encoding, const char *octets, gsize length, SurelMimeChunkFunc func, gpointer data)
{
  GMimeEncoding state;
  g_autofree char *out = NULL;
  gboolean going_on = TRUE;

  g_mime_encoding_init_decode (&state, encoding);
  out = g_malloc (g_mime_encoding_outlen (&state, CHUNK) + 64);
  for (gsize at = 0; going_on && at < length; at += CHUNK)
    {
      gsize piece = MIN (length - at, CHUNK);
      gsize decoded = at + piece == length ? g_mime_encoding_flush (&state, octets + at, piece, out)
                                           : g_mime_encoding_step (&state, octets + at, piece, out);

      going_on = decoded == 0 || func (out, decoded, data);
    }
}

/**
 * surel_mime_part_decode:
 * @message: what @self was found in
 * @func: gets the content piece by piece, transfer encoding taken off, until it returns %FALSE
 */
void
surel_mime_part_decode (const SurelMimePart *self, const char *message, SurelMimeChunkFunc func, gpointer data)
{
  GMimeContentEncoding encoding = encoding_of (self);
  gsize length = self->end - self->body;
  const char *octets;

  if (length == 0) /* there may be no octets to point to */
    return;
  octets = message + self->body;
  if (encoding == GMIME_CONTENT_ENCODING_UUENCODE)
    {
      const char *begun = skip_begin (octets, &length);

      octets = begun != NULL ? begun : octets;
      encoding = begun != NULL ? encoding : GMIME_CONTENT_ENCODING_DEFAULT;
    }
  if (length == 0)
    return;
  if (encoding == GMIME_CONTENT_ENCODING_BASE64)
    decode_base64 (octets, length, func, data);
  else if (encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE || encoding == GMIME_CONTENT_ENCODING_UUENCODE)
    decode_others (encoding, octets, length, func, data);
  else
    func (octets, length, data);
}

static gboolean
count (const char *octets G_GNUC_UNUSED, gsize length, gpointer data)
{
  *(guint64 *) data += length;
  return TRUE;
}

/**
 * surel_mime_part_size:
 * @message: what @self was found in
 *
 * Returns: octets of the content, transfer encoding taken off
 */
guint64
surel_mime_part_size (const SurelMimePart *self, const char *message)
{
  guint64 size = 0;

  surel_mime_part_decode (self, message, count, &size);
  return size;
}
