/* Hashes that are kept: FNV-1a of 64 bits. They tell apart what is different by chance, not what somebody made alike. */
#include "base/hash.h"

/**
 * surel_hash_add:
 * @hash: %SUREL_HASH_START, or what came of the field before
 *
 * Adds a field, with a NUL behind it so that fields can't run into one another.
 */
guint64
surel_hash_add (guint64 hash, const void *data, gsize length)
{
  const guchar *p = data;

  for (gsize i = 0; i < length; i++)
    hash = (hash ^ p[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash * G_GUINT64_CONSTANT (0x100000001b3);
}

/**
 * surel_hash_end:
 *
 * Returns: what can be kept: SQLite has signed integers alone; never 0, which stands for none
 */
guint64
surel_hash_end (guint64 hash)
{
  hash &= G_MAXINT64;
  return hash != 0 ? hash : 1;
}
