#pragma once

#include "store/store.h"

G_BEGIN_DECLS

/* Of a placement p with epoch SUREL_EPOCH_HERE: the server has it somewhere, or had, and hasn't told where; what is still
 * to be made there is another thing. */
#define SUREL_IS_UNFOUND                                                                                 \
  "NOT EXISTS (SELECT 1 FROM placement q WHERE q.message = p.message AND q.epoch < p.epoch) AND NOT EXISTS (SELECT 1 FROM " \
  "intent i WHERE i.message = p.message AND (i.state < 2 OR i.state = 3) AND i.kind IN (4, 5, 6, 7))"

/* No message came since. */
#define SUREL_NO_NEWCOMERS G_MAXINT64

/* What a job needs to know to find the same message again in one folder. */
typedef struct
{
  SurelTxn *txn;
  gint64 account;
  gint64 folder;
  gint64 epoch;
  gint64 since; /* messages of larger ids came after this sync was begun; SUREL_NO_NEWCOMERS unless set */
  gboolean has_stale; /* there are placements of an older epoch */
  gboolean has_held; /* the account has held messages */
  gboolean has_here; /* there are messages in the account that the server hasn't told of yet */
  GHashTable *here; /* their identity → ids; nullable: not read yet */
  GHashTable *newcomers; /* likewise, of what came in this sync */
} SurelMatch;

gboolean
surel_match_begin (SurelMatch *self, SurelTxn *txn, gint64 account, gint64 folder, gint64 epoch, GError **error);
void surel_match_end (SurelMatch *self);
gboolean
surel_match_find (SurelMatch *self,
                  const SurelRemoteId *rid,
                  guint64 identity,
                  guint64 fingerprint,
                  gint64 *match,
                  GError **error);
gboolean surel_match_newcomer (SurelMatch *self, gint64 message, gint64 *newcomer, GError **error);
gboolean surel_match_any_newcomer (SurelMatch *self, gint64 message, gboolean *any, GError **error);

G_END_DECLS
