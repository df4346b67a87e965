/* Any octets as a header: clean text comes out. */
#include <string.h>

#include "base/text.h"
#include "mime/mime-summary.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (SurelMimeSummary) summary = surel_mime_summary_new ((const char *) data, size);
  const char *texts[]
      = { summary->subject, summary->message_id, summary->in_reply_to, summary->references };
  GBytes *lists[] = { summary->from, summary->to, summary->cc };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_assert_true (texts[i] == NULL || surel_text_is_clean (texts[i]));
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      gsize length = 0;
      const char *p = lists[i] != NULL ? g_bytes_get_data (lists[i], &length) : NULL;

      for (const char *end = p + length; p < end; p += strlen (p) + 1)
        g_assert_true (surel_text_is_clean (p));
    }
  return 0;
}
