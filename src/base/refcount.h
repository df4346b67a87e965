#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How many hold something that crosses threads. Not gatomicrefcount: its functions are inside Debian's GLib,
 * where ThreadSanitizer doesn't see them, and every value freed by another thread than it was last read in would
 * be reported. Inline, and by what the compiler has built in, so that it does. */
typedef struct
{
  int count;
} SurelRefCount;

/* Whoever makes it holds it. */
static inline void
surel_ref_count_init (SurelRefCount *self)
{
  __atomic_store_n (&self->count, 1, __ATOMIC_RELAXED);
}

/* Only who holds it already may hold it once more, so nothing has to be seen of what others did. */
static inline void
surel_ref_count_inc (SurelRefCount *self)
{
  __atomic_fetch_add (&self->count, 1, __ATOMIC_RELAXED);
}

/* Returns whether nobody holds it any more: what all of them did is then seen by who frees it. */
static inline gboolean
surel_ref_count_dec (SurelRefCount *self)
{
  return __atomic_fetch_sub (&self->count, 1, __ATOMIC_ACQ_REL) == 1;
}

G_END_DECLS
