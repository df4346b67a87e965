#pragma once

#include "store/store.h"

G_BEGIN_DECLS

/* What an operation wants of one message. Kept in the database: never renumbered. */
typedef enum
{
  SUREL_INTENT_KEYWORDS = 1, /* adds and removes */
  SUREL_INTENT_MOVE = 2, /* from source to target; source is where it was shown, to undo it */
  SUREL_INTENT_DESTROY = 3,
  SUREL_INTENT_COPY = 4, /* the message is the copy; source is the one it is copied from */
} SurelIntentKind;

typedef enum
{
  SUREL_INTENT_WAITING = 0,
  SUREL_INTENT_SENT = 1, /* a step that can't be repeated may have been taken */
  SUREL_INTENT_DONE = 2,
  SUREL_INTENT_FAILED = 3,
  SUREL_INTENT_DROPPED = 4, /* a later one replaced it, or it was cancelled */
} SurelIntentState;

/* What a server did with one. */
typedef enum
{
  SUREL_OUTCOME_OPEN, /* it wasn't asked, or nothing is known */
  SUREL_OUTCOME_DONE,
  SUREL_OUTCOME_NOT_DONE, /* it was asked, and has not done it: it can be asked again */
  SUREL_OUTCOME_REFUSED, /* for good */
} SurelOutcome;

typedef struct
{
  gint64 id;
  gint64 operation;
  gint64 message;
  gint64 remote_id; /* where the server has it; of a copy: where it has what it is copied from */
  guint64 identity; /* surel_message_identity() */

  /* To be filled in. */
  SurelOutcome outcome;
  gint64 new_remote_id; /* in the target; 0 where it isn't known */
  guint here_flags; /* of what was to be added: what the server has no place for */
  char *here_words; /* owned; nullable; likewise */
} SurelIntentItem;

/* Intents that can go to a server together. */
typedef struct
{
  SurelIntentKind kind;
  SurelIntentState state;
  gint64 account;
  gint64 folder; /* where the messages are */
  char *folder_remote_id;
  GBytes *folder_token; /* nullable */
  gint64 target; /* 0 for none */
  char *target_remote_id; /* nullable */
  GBytes *target_token; /* nullable */
  guint add_flags;
  guint remove_flags;
  char *add_words;
  char *remove_words;
  char *evidence; /* nullable */
  GArray *items; /* SurelIntentItem */

  /* To be filled in, where any was refused or wasn't done. */
  GError *error;
} SurelIntentBatch;

void surel_intent_batch_free (SurelIntentBatch *self);
gboolean surel_intents_next (SurelReader *reader, gint64 account, gint64 now, SurelIntentBatch **batch, GError **error);
gboolean surel_intents_next_due (SurelReader *reader, gint64 account, gint64 *when, GError **error);
gboolean surel_intents_mark_sent (SurelTxn *txn, SurelIntentBatch *batch, const char *evidence, GError **error);
gboolean surel_intents_record (SurelTxn *txn, SurelIntentBatch *batch, gint64 next_attempt, GError **error);
gint64 surel_intents_add (SurelTxn *txn,
                          gint64 operation,
                          gint64 account,
                          gint64 message,
                          SurelIntentKind kind,
                          gint64 source,
                          gint64 target,
                          GError **error);
gboolean surel_intents_drop (SurelTxn *txn, gint64 message, gboolean places, GError **error);
gboolean surel_intents_gone (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_fail_target (SurelTxn *txn, gint64 folder, GError **error);
gboolean surel_intents_remove_of_account (SurelTxn *txn, gint64 account, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelIntentBatch, surel_intent_batch_free)

G_END_DECLS
