/* What a row tells of a message's bytes: header fields and parts. Where the bytes aren't here header fields are told of what lists
 * show of them, and of what else came with them; what can't be told so is left out, as it isn't known yet. */
#include "bus/row-content.h"

#include <unistd.h>

#include "base/errors.h"
#include "bus/body.h"
#include "bus/header.h"
#include "bus/row-field.h"
#include "mime/mime-part.h"
#include "store/content.h"

/* Multiparts within one another. GetBody tells one more: a row is further inside its reply, and D-Bus nests 64 containers. */
#define DEPTH_MAX (SUREL_MIME_DEPTH_MAX - 1)

/**
 * surel_row_content_open:
 * @digest: (nullable): of the bytes
 * @unreadable: (inout): set where they are here and can't be read
 *
 * In a reader's thread. Of bytes that turn out to be lost or damaged the store is told.
 *
 * Returns: (transfer full) (nullable): the message's bytes; %NULL where they aren't here, or can't be read
 */
GMappedFile *
surel_row_content_open (SurelStore *store, const guint8 *digest, gboolean *unreadable)
{
  g_autoptr (GError) error = NULL;
  int fd = digest != NULL ? surel_content_open (surel_store_get_content_dir (store), digest, &error) : -1;
  GMappedFile *file = fd >= 0 ? g_mapped_file_new_from_fd (fd, FALSE, &error) : NULL;

  if (fd >= 0)
    close (fd);
  if (g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
    surel_content_lose (store, g_bytes_new (digest, SUREL_DIGEST_SIZE));
  else
    *unreadable = error != NULL;
  return file;
}

/* --- Header fields --- */

static void
add_field (SurelRowOut *out, SurelHeader *header, const SurelMimeFormWanted *wanted)
{
  gboolean cut = FALSE;
  GVariant *value = surel_header_tell (header, wanted, surel_row_out_get_room (out, wanted->property), &cut);

  if (value != NULL)
    surel_row_out_add (out, wanted->property, value);
  if (cut)
    surel_row_out_note_cut (out, wanted->property);
}

/* Returns whether lists show the field in that form. */
static gboolean
add_shown (SurelRowOut *out, const SurelRow *row, const SurelMimeFormWanted *wanted)
{
  SurelRowField field;

  if (!surel_row_field_find (row, wanted->field, &field) || field.form != wanted->form)
    return FALSE;
  if (field.list != NULL)
    surel_row_out_add_addresses (out, wanted->property, field.list->data, field.list->length);
  else if (wanted->form == SUREL_MIME_TEXT)
    surel_row_out_add_text (out, wanted->property, field.text);
  else if (wanted->form == SUREL_MIME_MESSAGE_IDS)
    surel_row_out_add_ids (out, wanted->property, field.text);
  else if (row->sent != 0)
    surel_row_out_add (out, wanted->property, g_variant_new_int64 (row->sent));
  return TRUE;
}

/* Whether all instances of a field came isn't known: no list of them is told. */
static void
add_known_fields (const SurelRowContent *self, SurelRowOut *out, const SurelRow *row, guint64 *read)
{
  g_autoptr (SurelHeader) header = surel_header_new (row->extra.data, row->extra.length);

  for (guint i = 0; i < self->headers->len; i++)
    {
      const SurelMimeFormWanted *wanted = self->headers->pdata[i];

      if (!wanted->all && !add_shown (out, row, wanted))
        add_field (out, header, wanted);
    }
  *read += surel_header_get_read (header);
}

static void
add_fields (const SurelRowContent *self, SurelRowOut *out, GMappedFile *file, guint64 *read)
{
  g_autoptr (SurelHeader) header = surel_header_new (g_mapped_file_get_contents (file), g_mapped_file_get_length (file));

  for (guint i = 0; i < self->headers->len; i++)
    add_field (out, header, self->headers->pdata[i]);
  *read += surel_header_get_read (header);
}

/* --- Parts --- */

static void
add_parts (SurelRowOut *out, const SurelBody *body, SurelBodyList list, const char *name)
{
  gboolean cut = FALSE;

  surel_row_out_add (out, name, surel_body_tell (body, list, surel_row_out_get_room (out, name), &cut));
  if (cut)
    surel_row_out_note_cut (out, name);
}

/* A part of a tree would be another tree: where there is no room for all of it, it is left out. */
static void
add_body (const SurelRowContent *self, SurelRowOut *out, GMappedFile *file, const guint8 *digest)
{
  g_autoptr (SurelBody) body = surel_body_new (g_mapped_file_get_contents (file), g_mapped_file_get_length (file), digest);
  g_autoptr (GVariant) tree = self->structure ? surel_body_tell_structure (body, DEPTH_MAX) : NULL;

  if (self->text)
    add_parts (out, body, SUREL_BODY_TEXT, "textBody");
  if (self->html)
    add_parts (out, body, SUREL_BODY_HTML, "htmlBody");
  if (self->attachments)
    add_parts (out, body, SUREL_BODY_ATTACHMENTS, "attachments");
  if (tree != NULL)
    surel_row_out_add (out, "bodyStructure", tree);
  else if (self->structure)
    surel_row_out_note_cut (out, "bodyStructure");
}

/* The disk doesn't give them out now: that isn't as if there were none. */
static void
note_unreadable (const SurelRowContent *self, SurelRowOut *out)
{
  for (guint i = 0; i < self->headers->len; i++)
    surel_row_out_note_cut (out, ((SurelMimeFormWanted *) self->headers->pdata[i])->property);
  if (self->structure)
    surel_row_out_note_cut (out, "bodyStructure");
  if (self->text)
    surel_row_out_note_cut (out, "textBody");
  if (self->html)
    surel_row_out_note_cut (out, "htmlBody");
  if (self->attachments)
    surel_row_out_note_cut (out, "attachments");
}

/**
 * surel_row_content_add:
 * @out: gets what @self wants and can be told; `cut` has the names of what could not be read from the disk, as well
 * @row: the message
 * @read: (inout): gets more by the octets that were looked at, which may take a while
 *
 * In a reader's thread. Of bytes that turn out to be lost or damaged the store is told, and they count as not here.
 */
void
surel_row_content_add (
    const SurelRowContent *self, SurelRowOut *out, SurelStore *store, const SurelRow *row, guint64 *read)
{
  gboolean with_body = self->structure || self->text || self->html || self->attachments;
  g_autoptr (GMappedFile) file = NULL;
  gboolean unreadable = FALSE;

  if (!with_body && self->headers->len == 0)
    return;
  file = surel_row_content_open (store, row->digest, &unreadable);
  if (file != NULL)
    *read += g_mapped_file_get_length (file);
  if (file != NULL && self->headers->len > 0)
    add_fields (self, out, file, read);
  if (file != NULL && with_body)
    add_body (self, out, file, row->digest);
  if (file == NULL)
    add_known_fields (self, out, row, read);
  if (unreadable)
    note_unreadable (self, out);
}
