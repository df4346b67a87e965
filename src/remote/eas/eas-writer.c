/* What is said to an ActiveSync server, as the WBXML that it reads: version 1.3, UTF-8, no string table, strings and
 * opaque octets inline (MS-ASWBXML §2.1.2). The one place where elements for a server are made. Large octets, as of a
 * message, are borrowed where they lie, never copied: a document is a row of pieces. */
#include "remote/eas/eas-writer.h"

#include <string.h>

#include "remote/eas/eas-wbxml.h"

struct _SurelEasWriter
{
  GPtrArray *pieces; /* GBytes: what comes before @octets */
  GByteArray *octets; /* the piece that is being written */
  guint page; /* the code page that tokens are of */
  guint depth; /* elements that are open */
};

static void
put (SurelEasWriter *self, guint octet)
{
  guint8 value = (guint8) octet;

  g_byte_array_append (self->octets, &value, 1);
}

/* WBXML's multi-byte integer: seven bits an octet, the highest first. */
static void
put_length (SurelEasWriter *self, gsize length)
{
  guint shift = 0;

  while (length >> shift > 0x7f)
    shift += 7;
  for (; shift > 0; shift -= 7)
    put (self, 0x80 | (guint) (length >> shift & 0x7f));
  put (self, (guint) (length & 0x7f));
}

static void
put_tag (SurelEasWriter *self, SurelEasTag tag, guint content)
{
  guint page = (guint) tag >> 8;

  if (page != self->page)
    {
      put (self, SUREL_WBXML_SWITCH_PAGE);
      put (self, page);
      self->page = page;
    }
  put (self, ((guint) tag & SUREL_WBXML_TOKEN) | content);
}

/**
 * surel_eas_writer_new:
 *
 * Returns: (transfer full): a document with nothing in it
 */
SurelEasWriter *
surel_eas_writer_new (void)
{
  static const guint8 header[] = { SUREL_WBXML_VERSION, SUREL_WBXML_NO_PUBLIC_ID, SUREL_WBXML_UTF8, 0 };
  SurelEasWriter *self = g_new0 (SurelEasWriter, 1);

  self->pieces = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->octets = g_byte_array_new ();
  g_byte_array_append (self->octets, header, sizeof header);
  return self;
}

void
surel_eas_writer_free (SurelEasWriter *self)
{
  g_ptr_array_unref (self->pieces);
  g_byte_array_unref (self->octets);
  g_free (self);
}

/**
 * surel_eas_writer_open:
 *
 * What is written until surel_eas_writer_close() is inside of @tag; there has to be something.
 */
void
surel_eas_writer_open (SurelEasWriter *self, SurelEasTag tag)
{
  put_tag (self, tag, SUREL_WBXML_CONTENT);
  self->depth++;
}

void
surel_eas_writer_close (SurelEasWriter *self)
{
  g_return_if_fail (self->depth > 0);
  put (self, SUREL_WBXML_END);
  self->depth--;
}

/**
 * surel_eas_writer_empty:
 *
 * An element that says all by being there.
 */
void
surel_eas_writer_empty (SurelEasWriter *self, SurelEasTag tag)
{
  put_tag (self, tag, 0);
}

/**
 * surel_eas_writer_text:
 * @text: UTF-8
 */
void
surel_eas_writer_text (SurelEasWriter *self, SurelEasTag tag, const char *text)
{
  if (text[0] == '\0')
    {
      surel_eas_writer_empty (self, tag);
      return;
    }
  surel_eas_writer_open (self, tag);
  put (self, SUREL_WBXML_STR_I);
  g_byte_array_append (self->octets, (const guint8 *) text, (guint) strlen (text) + 1);
  surel_eas_writer_close (self);
}

void
surel_eas_writer_number (SurelEasWriter *self, SurelEasTag tag, guint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, number);

  surel_eas_writer_text (self, tag, text);
}

/**
 * surel_eas_writer_bytes:
 * @bytes: any octets, as of a message; referenced, not copied
 */
void
surel_eas_writer_bytes (SurelEasWriter *self, SurelEasTag tag, GBytes *bytes)
{
  surel_eas_writer_open (self, tag);
  put (self, SUREL_WBXML_OPAQUE);
  put_length (self, g_bytes_get_size (bytes));
  g_ptr_array_add (self->pieces, g_byte_array_free_to_bytes (self->octets));
  g_ptr_array_add (self->pieces, g_bytes_ref (bytes));
  self->octets = g_byte_array_new ();
  surel_eas_writer_close (self);
}

/**
 * surel_eas_writer_finish:
 * @length: (out): octets: servers want a Content-Length
 *
 * Returns: (transfer full): the document; nothing can be written any more. It can be asked for again, where the first was used
 */
GInputStream *
surel_eas_writer_finish (SurelEasWriter *self, goffset *length)
{
  GInputStream *stream = g_memory_input_stream_new ();

  g_return_val_if_fail (self->depth == 0, stream);
  g_ptr_array_add (self->pieces, g_byte_array_free_to_bytes (self->octets));
  self->octets = g_byte_array_new ();
  *length = 0;
  for (guint i = 0; i < self->pieces->len; i++)
    {
      *length += (goffset) g_bytes_get_size (self->pieces->pdata[i]);
      g_memory_input_stream_add_bytes (G_MEMORY_INPUT_STREAM (stream), self->pieces->pdata[i]);
    }
  return stream;
}
