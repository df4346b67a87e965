/* A header read once, for what lists show of it. */
#include "mime/mime-summary.h"

#include <stddef.h>
#include <string.h>

#include "mime/mime-address.h"
#include "mime/mime-date.h"
#include "mime/mime-decode.h"
#include "mime/mime-header.h"
#include "mime/mime-ids.h"

#define FIELD(name) offsetof (SurelMimeSummary, name)

static const struct
{
  const char *name;
  gsize offset;
} address_fields[] = {
  { "From", FIELD (from) }, { "To", FIELD (to) },   { "Cc", FIELD (cc) },
  { "Bcc", FIELD (bcc) },   { "Sender", FIELD (sender) }, { "Reply-To", FIELD (reply_to) },
}, id_fields[] = {
  { "Message-ID", FIELD (message_id) },
  { "In-Reply-To", FIELD (in_reply_to) },
  { "References", FIELD (references) },
};

/* Of a field that is there twice the first counts. */
static gboolean
take (SurelMimeSummary *self, const SurelMimeField *field)
{
  for (guint i = 0; i < G_N_ELEMENTS (address_fields); i++)
    if (surel_mime_field_is (field, address_fields[i].name))
      {
        GBytes **list = G_STRUCT_MEMBER_P (self, address_fields[i].offset);

        if (*list == NULL)
          *list = surel_mime_parse_addresses (field->value, field->value_length);
        return TRUE;
      }
  for (guint i = 0; i < G_N_ELEMENTS (id_fields); i++)
    if (surel_mime_field_is (field, id_fields[i].name))
      {
        char **ids = G_STRUCT_MEMBER_P (self, id_fields[i].offset);

        if (*ids == NULL)
          *ids = surel_mime_parse_ids (field->value, field->value_length);
        return TRUE;
      }
  if (surel_mime_field_is (field, "Subject"))
    {
      if (self->subject == NULL)
        self->subject = surel_mime_decode_text (field->value, field->value_length);
      return TRUE;
    }
  if (surel_mime_field_is (field, "Date"))
    {
      if (self->sent_at == 0)
        self->sent_at = surel_mime_parse_date (field->value, field->value_length);
      return TRUE;
    }
  return FALSE;
}

/**
 * surel_mime_summary_new:
 * @raw: header fields, up to a blank line
 *
 * Returns: (transfer full): what could be read of them
 */
SurelMimeSummary *
surel_mime_summary_new (const char *raw, gsize length)
{
  SurelMimeSummary *self = g_new0 (SurelMimeSummary, 1);
  g_autoptr (GByteArray) extra = g_byte_array_new ();
  const char *p = raw;
  SurelMimeField field;

  for (guint n = 0; n < SUREL_MIME_FIELDS_MAX && surel_mime_next_field (&p, raw + length, &field); n++)
    if (!take (self, &field) && extra->len + field.total <= SUREL_MIME_EXTRA_MAX)
      g_byte_array_append (extra, (const guint8 *) field.name, (guint) field.total);
  if (extra->len > 0)
    self->extra = g_byte_array_free_to_bytes (g_steal_pointer (&extra));
  /* One id each, and In-Reply-To may name several. */
  if (self->message_id != NULL)
    *strchrnul (self->message_id, ' ') = '\0';
  return self;
}

void
surel_mime_summary_free (SurelMimeSummary *self)
{
  GBytes *lists[] = { self->from, self->sender, self->reply_to, self->to, self->cc, self->bcc, self->extra };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    g_clear_pointer (&lists[i], g_bytes_unref);
  g_free (self->subject);
  g_free (self->message_id);
  g_free (self->in_reply_to);
  g_free (self->references);
  g_free (self);
}

/**
 * surel_mime_summary_give:
 * @message: gets what the header says
 *
 * Hands the fields over; @self has none of them then.
 */
void
surel_mime_summary_give (SurelMimeSummary *self, SurelMessage *message)
{
  message->subject = g_steal_pointer (&self->subject);
  message->sent = self->sent_at;
  message->message_id = g_steal_pointer (&self->message_id);
  message->in_reply_to = g_steal_pointer (&self->in_reply_to);
  message->references = g_steal_pointer (&self->references);
  message->from = g_steal_pointer (&self->from);
  message->sender = g_steal_pointer (&self->sender);
  message->reply_to = g_steal_pointer (&self->reply_to);
  message->to = g_steal_pointer (&self->to);
  message->cc = g_steal_pointer (&self->cc);
  message->bcc = g_steal_pointer (&self->bcc);
  message->extra = g_steal_pointer (&self->extra);
}
