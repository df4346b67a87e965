/* Whatever comes as an invitation, the answer is a message of whole lines of ASCII, or there is none. */
#include <string.h>

#include "mime/mime-invitation.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const char *const addresses[] = { "a@b.test", NULL };
  g_autoptr (GBytes) mail = g_bytes_new_static (data, size);
  g_autofree char *reply = NULL;

  if (!surel_mime_answer_invitation (mail, addresses, SUREL_ANSWER_ACCEPTED, 0, &reply, NULL))
    g_assert_null (reply);
  for (const char *p = reply; p != NULL && *p != '\0'; p++)
    g_assert_true ((guchar) *p < 128 && (*p != '\n' || p[-1] == '\r'));
  return 0;
}
