/* What the reader makes of a document of ActiveSync, as text; its octets come a few at a time. */
#include "eas-describe.h"

#include <string.h>

#define EAS_TYPE_DRIP (eas_drip_get_type ())
G_DECLARE_FINAL_TYPE (EasDrip, eas_drip, EAS, DRIP, GInputStream)

struct _EasDrip
{
  GInputStream parent_instance;
  GBytes *octets;
  gsize piece;
  gsize at;
};

G_DEFINE_FINAL_TYPE (EasDrip, eas_drip, G_TYPE_INPUT_STREAM)

static gssize
eas_drip_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  EasDrip *self = EAS_DRIP (stream);
  gsize size = MIN (MIN (count, self->piece), g_bytes_get_size (self->octets) - self->at);

  if (size > 0)
    memcpy (buffer, (const guint8 *) g_bytes_get_data (self->octets, NULL) + self->at, size);
  self->at += size;
  return (gssize) size;
}

static void
eas_drip_class_init (EasDripClass *klass)
{
  G_INPUT_STREAM_CLASS (klass)->read_fn = eas_drip_read;
}

static void
eas_drip_init (EasDrip *self G_GNUC_UNUSED)
{
}

static gboolean
add (const void *data, gsize length, gpointer out, GError **error G_GNUC_UNUSED)
{
  g_string_append_len (out, data, (gssize) length);
  return TRUE;
}

/* Of each element either the children or the text can be read: that is for the tag to say. */
static void
describe (SurelEasReader *reader, GString *out)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    {
      g_string_append_printf (out, "(%u:%02x", tag >> 8, tag & 0xff);
      if (tag % 4 == 3)
        surel_eas_reader_skip (reader);
      else if (tag % 4 == 1)
        {
          g_string_append_c (out, '=');
          surel_eas_reader_content (reader, add, out);
        }
      else
        describe (reader, out);
      g_string_append_c (out, ')');
    }
}

/**
 * eas_describe:
 * @piece: octets that come at once
 *
 * Returns: (transfer full): what was read, also where it couldn't be read to its end
 */
char *
eas_describe (GBytes *document, gsize piece, guint64 limit, GError **error)
{
  EasDrip *stream = g_object_new (EAS_TYPE_DRIP, NULL);
  GString *out = g_string_new (NULL);
  SurelEasReader *reader;

  stream->octets = document;
  stream->piece = piece;
  reader = surel_eas_reader_new (G_INPUT_STREAM (stream), limit, NULL);
  g_object_unref (stream);
  describe (reader, out);
  if (surel_eas_reader_is_empty (reader))
    g_string_append (out, "nothing");
  surel_eas_reader_finish (reader, error);
  surel_eas_reader_free (reader);
  return g_string_free (out, FALSE);
}
