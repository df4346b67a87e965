/* However an answer of an ActiveSync server is cut in pieces, the same is made of it. */
#include "eas-describe.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) document = g_bytes_new_static (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) again = NULL;
  g_autofree char *whole = eas_describe (document, size + 1, 1 << 20, &error);
  g_autofree char *pieces = eas_describe (document, 1 + size % 3, 1 << 20, &again);

  g_assert_cmpstr (whole, ==, pieces);
  g_assert_cmpint (error != NULL ? error->code : -1, ==, again != NULL ? again->code : -1);
  return 0;
}
