/* Any octets as a header: clean text comes out. */
#include <string.h>

#include "base/text.h"
#include "mime/mime-address.h"
#include "mime/mime-form.h"
#include "mime/mime-summary.h"
#include "mime/mime-urls.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
assert_list_is_clean (const char *p, gsize length)
{
  for (const char *end = p + length; p < end; p += strlen (p) + 1)
    g_assert_true (surel_text_is_clean (p));
}

/* As the value of a field, in the forms that lists don't show. */
static void
assert_forms_are_clean (const char *value, gsize length)
{
  gboolean cut = FALSE;
  g_autofree char *raw = surel_mime_form_raw (value, length, 100, &cut);
  g_autoptr (GPtrArray) groups = surel_mime_parse_groups (value, length);
  g_auto (GStrv) urls = surel_mime_parse_urls (value, length);

  g_assert_true (surel_text_is_clean (raw) && strlen (raw) <= 100);
  for (guint i = 0; urls[i] != NULL; i++)
    g_assert_true (surel_text_is_clean (urls[i]) && strchr (urls[i], ' ') == NULL);
  for (guint i = 0; i < groups->len; i++)
    {
      const SurelMimeGroup *group = groups->pdata[i];

      g_assert_true (group->name == NULL || surel_text_is_clean (group->name));
      assert_list_is_clean ((const char *) group->addresses->data, group->addresses->len);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (SurelMimeSummary) summary = surel_mime_summary_new ((const char *) data, size);
  const char *texts[]
      = { summary->subject, summary->message_id, summary->in_reply_to, summary->references };
  GBytes *lists[] = { summary->from, summary->to, summary->cc };

  assert_forms_are_clean ((const char *) data, size);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_assert_true (texts[i] == NULL || surel_text_is_clean (texts[i]));
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      gsize length = 0;
      const char *p = lists[i] != NULL ? g_bytes_get_data (lists[i], &length) : NULL;

      if (p != NULL)
        assert_list_is_clean (p, length);
    }
  return 0;
}
