#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* first and last, both in the range; 0 < first <= last */
typedef struct
{
  guint32 first;
  guint32 last;
} SurelUidRange;

/**
 * SurelUidSet:
 *
 * A set of IMAP UIDs (32-bit, not 0) as ascending ranges that neither touch nor overlap.
 */
typedef struct _SurelUidSet SurelUidSet;

SurelUidSet *surel_uid_set_new (void);
SurelUidSet *surel_uid_set_parse (const char *text, gssize length);
void surel_uid_set_free (SurelUidSet *self);
void surel_uid_set_add (SurelUidSet *self, guint32 uid);
void surel_uid_set_add_range (SurelUidSet *self, guint32 first, guint32 last);
void surel_uid_set_remove_range (SurelUidSet *self, guint32 first, guint32 last);
gboolean surel_uid_set_contains (const SurelUidSet *self, guint32 uid);
guint64 surel_uid_set_count (const SurelUidSet *self);
guint surel_uid_set_n_ranges (const SurelUidSet *self);
const SurelUidRange *surel_uid_set_range (const SurelUidSet *self, guint i);
char *surel_uid_set_to_string (const SurelUidSet *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelUidSet, surel_uid_set_free)

G_END_DECLS
