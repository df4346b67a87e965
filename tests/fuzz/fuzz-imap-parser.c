/* Any octets, whole and in pieces: the same responses. */
#include <string.h>

#include "imap-describe.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *whole = NULL;
  g_autofree char *pieces = NULL;

  if (size < 1)
    return 0;
  whole = surel_imap_describe_all ((const char *) data + 1, size - 1, size);
  pieces = surel_imap_describe_all ((const char *) data + 1, size - 1, data[0] % 31 + 1);
  g_assert_cmpstr (whole, ==, pieces);
  return 0;
}
