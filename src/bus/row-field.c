/* Header fields that lists show: told and looked for without the message's bytes. */
#include "bus/row-field.h"

/**
 * surel_row_field_find:
 * @name: of a header field, in any case
 * @field: (out caller-allocates): borrowed from @row; of a date nothing but its form
 *
 * Returns: whether lists show it
 */
gboolean
surel_row_field_find (const SurelRow *row, const char *name, SurelRowField *field)
{
  const struct
  {
    const char *name;
    SurelRowField field;
  } shown[] = {
    { "From", { SUREL_MIME_ADDRESSES, &row->from, NULL } },
    { "Sender", { SUREL_MIME_ADDRESSES, &row->sender, NULL } },
    { "Reply-To", { SUREL_MIME_ADDRESSES, &row->reply_to, NULL } },
    { "To", { SUREL_MIME_ADDRESSES, &row->to, NULL } },
    { "Cc", { SUREL_MIME_ADDRESSES, &row->cc, NULL } },
    { "Bcc", { SUREL_MIME_ADDRESSES, &row->bcc, NULL } },
    { "Subject", { SUREL_MIME_TEXT, NULL, row->subject } },
    { "Message-ID", { SUREL_MIME_MESSAGE_IDS, NULL, row->message_id } },
    { "In-Reply-To", { SUREL_MIME_MESSAGE_IDS, NULL, row->in_reply_to } },
    { "References", { SUREL_MIME_MESSAGE_IDS, NULL, row->references } },
    { "Date", { SUREL_MIME_DATE, NULL, NULL } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (shown); i++)
    if (g_ascii_strcasecmp (shown[i].name, name) == 0)
      {
        *field = shown[i].field;
        return TRUE;
      }
  return FALSE;
}
