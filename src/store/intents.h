#pragma once

#include "base/change.h"
#include "store/store.h"

G_BEGIN_DECLS

/* Intents i of other accounts that wait for the bytes of a message m of the account that is the first parameter. */
#define SUREL_INTENTS_FROM_ACCOUNT                                                                          \
  "intent i CROSS JOIN message n ON n.id = i.message CROSS JOIN message m ON m.id = i.source WHERE i.state < 2 AND i.kind " \
  "IN (4, 5) AND i.kind = 5 AND n.content IS NULL AND m.account != i.account AND m.account = ?1"

/* Of an intent i of kind COPY or APPEND that waits: it can't be done once its source is gone. */
#define SUREL_INTENT_NEEDS_SOURCE                                                                        \
  "i.evidence IS NULL AND (i.kind = 4 OR EXISTS (SELECT 1 FROM message n WHERE n.id = i.message AND n.content IS NULL))"

/* Of an intent i: it is of no operation, and says that its message lives here alone (see surel_intents_stay_here()). */
#define SUREL_INTENT_STAYS "i.state = 3 AND i.kind = 5 AND i.operation = 0"

#define SUREL_REJECTED_ATTEMPTS 10 /* in half an hour, after which a server's no is one for good */

typedef enum
{
  SUREL_INTENT_WAITING = 0,
  SUREL_INTENT_SENT = 1, /* the server may have heard of it; with evidence, in a step that can't be repeated */
  SUREL_INTENT_DONE = 2,
  SUREL_INTENT_FAILED = 3,
  SUREL_INTENT_DROPPED = 4, /* a later one replaced it, or it was cancelled */
} SurelIntentState;

/* Of an intent: whether it may have been done already. Both wait for a whole list. */
typedef enum
{
  SUREL_DOUBT_NONE = 0,
  SUREL_DOUBT_UNFOUND = 1, /* it wasn't found where it was to be: it is tried again */
  SUREL_DOUBT_HALFWAY = 2, /* where it is, or what it came from, couldn't be opened or changed: it is settled */
} SurelDoubt;

/* Up to which doubt one can go to the server: @listed: whether a whole list came since any was in doubt. */
static inline SurelDoubt
surel_intents_doubt_max (gboolean listed)
{
  return listed ? SUREL_DOUBT_HALFWAY : SUREL_DOUBT_NONE;
}

gboolean surel_intents_claim (SurelTxn *txn, SurelChange *batch, GError **error);
gboolean surel_intents_interrupted (SurelTxn *txn, SurelChange *batch, const GError *broken, GError **error);
gboolean surel_intents_mark_sent (SurelTxn *txn, SurelChange *batch, const char *evidence, GError **error);
gboolean surel_intents_adopt (SurelTxn *txn, SurelChange *change, gboolean *adopted, GError **error);
gboolean surel_intents_record (SurelTxn *txn, SurelChange *batch, GError **error);
gboolean surel_intents_record_lone (SurelTxn *txn, SurelChange *change, GError **error);
gint64 surel_intents_add (SurelTxn *txn,
                          gint64 operation,
                          gint64 account,
                          gint64 message,
                          SurelChangeKind kind,
                          gint64 source,
                          gint64 target,
                          GError **error);
gboolean surel_intents_keep_here (SurelTxn *txn, gint64 account, gint64 message, gint64 folder, GError **error);
gboolean surel_intents_stay_here (SurelTxn *txn, gint64 operation, gint64 intent, gint64 account, gint64 message, gint64 folder, GError **error);
gboolean surel_intents_lives_here (SurelTxn *txn, gint64 message, gboolean *stays, GError **error);
gboolean surel_intents_drop_elsewhere (SurelTxn *txn, gint64 message, gint64 folder, GError **error);
gboolean surel_intents_drop_moves (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_drop_one (SurelTxn *txn, gint64 intent, GError **error);
gboolean surel_intents_mark_rewritten (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_hand_down (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_forget (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_forget_unsent (SurelTxn *txn, SurelChange *change, gboolean *forgotten, GError **error);
gboolean surel_intents_cancel (SurelTxn *txn, gint64 intent, GError **error);
gboolean surel_intents_arrived (SurelTxn *txn, gint64 message, gint64 folder, GError **error);
gboolean surel_intents_outlived (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_lost (SurelTxn *txn, gint64 message, gboolean alike, GError **error);
gboolean surel_intents_gone (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_drop_of_folder (SurelTxn *txn, gint64 folder, GError **error);
gboolean surel_intents_replay_of_target (SurelTxn *txn, gint64 folder, GError **error);
gboolean surel_intents_fail_target (SurelTxn *txn, gint64 folder, GError **error);
gboolean surel_intents_fail_source (SurelTxn *txn, gint64 account, GError **error);
gboolean surel_intents_remove_of_account (SurelTxn *txn, gint64 account, GError **error);

G_END_DECLS
