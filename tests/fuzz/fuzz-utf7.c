/* What can be decoded comes back when it is encoded and decoded again. */
#include "remote/imap/imap-command.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *wire = g_strndup ((const char *) data, size);
  g_autofree char *name = surel_imap_utf7_decode (wire);
  g_autofree char *again = name != NULL ? surel_imap_utf7_encode (name) : surel_imap_utf7_encode (wire);
  g_autofree char *back = again != NULL ? surel_imap_utf7_decode (again) : NULL;

  if (again != NULL)
    g_assert_cmpstr (back, ==, name != NULL ? name : wire);
  return 0;
}
