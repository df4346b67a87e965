/* Header fields (RFC 5322 §2.2), found where they stand: nothing is copied. Any line ends, 8-bit octets,
 * NULs and lines that are no field are taken as they come. */
#include "mime/mime-header.h"

#include <string.h>

#define HEADER_SEEN 4096 /* octets */

static const char *
line_end (const char *p, const char *end)
{
  const char *lf = memchr (p, '\n', (gsize) (end - p));

  return lf != NULL ? lf + 1 : end;
}

/**
 * surel_mime_next_field:
 * @p: (inout): where to go on
 * @end: behind the last octet
 * @field: (out): the next field
 *
 * Returns: %FALSE at the blank line that ends the header, or at @end
 */
gboolean
surel_mime_next_field (const char **p, const char *end, SurelMimeField *field)
{
  while (*p < end)
    {
      const char *start = *p;
      const char *next = line_end (start, end);
      const char *colon;
      const char *stop;

      if (*start == '\n' || (*start == '\r' && next - start <= 2))
        return FALSE;
      while (next < end && (*next == ' ' || *next == '\t'))
        next = line_end (next, end);
      *p = next;
      colon = memchr (start, ':', (gsize) (next - start));
      if (colon == NULL || colon == start || *start == ' ' || *start == '\t')
        continue; /* no field: a line of an mbox, or rubbish */
      stop = next;
      if (stop > colon + 1 && stop[-1] == '\n')
        stop--;
      if (stop > colon + 1 && stop[-1] == '\r')
        stop--;
      field->name = start;
      field->name_length = (gsize) (colon - start);
      while (field->name_length > 0 && (start[field->name_length - 1] == ' ' || start[field->name_length - 1] == '\t'))
        field->name_length--;
      field->value = colon + 1;
      field->value_length = MIN ((gsize) (stop - colon - 1), SUREL_MIME_FIELD_MAX);
      field->total = (gsize) (next - start);
      return TRUE;
    }
  return FALSE;
}

/**
 * surel_mime_field_is:
 *
 * Returns: whether the field has that name, in any case
 */
gboolean
surel_mime_field_is (const SurelMimeField *field, const char *name)
{
  return strlen (name) == field->name_length
         && g_ascii_strncasecmp (field->name, name, field->name_length) == 0;
}

static gboolean
is_among (const SurelMimeField *field, const char *fields)
{
  const char *p = fields;
  const char *end = fields + strlen (fields);
  SurelMimeField one;

  while (surel_mime_next_field (&p, end, &one))
    if (one.name_length == field->name_length && g_ascii_strncasecmp (one.name, field->name, one.name_length) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_same (const SurelMimeField *one, const SurelMimeField *other)
{
  g_autofree char *value = g_strstrip (g_strndup (one->value, one->value_length));
  g_autofree char *other_value = g_strstrip (g_strndup (other->value, other->value_length));

  return strcmp (value, other_value) == 0;
}

/* Whether the message has the field, once, and so near to its beginning that whatever reads a part of the header reads it. */
static gboolean
has_field (const char *message, gsize length, const SurelMimeField *wanted)
{
  const char *p = message;
  SurelMimeField field;
  gboolean has = FALSE;
  guint of_name = 0;

  while (surel_mime_next_field (&p, message + length, &field))
    if (field.name_length == wanted->name_length && g_ascii_strncasecmp (field.name, wanted->name, wanted->name_length) == 0)
      {
        of_name++;
        has = p - message <= HEADER_SEEN && is_same (&field, wanted);
      }
  return has && of_name == 1;
}

static gboolean
has_all (const char *message, gsize length, const char *fields)
{
  const char *p = fields;
  SurelMimeField wanted;

  while (surel_mime_next_field (&p, fields + strlen (fields), &wanted))
    if (!has_field (message, length, &wanted))
      return FALSE;
  return TRUE;
}

/**
 * surel_mime_put_fields:
 * @message: its octets
 * @fields: whole lines
 *
 * Returns: (transfer full): the message with these fields first, instead of what it has of the same names; @message itself
 *   where it has just these near its beginning
 */
GBytes *
surel_mime_put_fields (GBytes *message, const char *fields)
{
  gsize length;
  const char *p = g_bytes_get_data (message, &length);
  const char *end = p + length;
  const char *kept = p;
  GByteArray *octets = g_byte_array_new ();
  SurelMimeField field;

  if (has_all (p, length, fields))
    {
      g_byte_array_unref (octets);
      return g_bytes_ref (message);
    }
  g_byte_array_append (octets, (const guint8 *) fields, (guint) strlen (fields));
  while (surel_mime_next_field (&p, end, &field))
    if (is_among (&field, fields))
      {
        g_byte_array_append (octets, (const guint8 *) kept, (guint) (field.name - kept));
        kept = p;
      }
  if (kept < end)
    g_byte_array_append (octets, (const guint8 *) kept, (guint) (end - kept));
  return g_byte_array_free_to_bytes (octets);
}
