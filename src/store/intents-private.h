#pragma once

#include "store/intents.h"

G_BEGIN_DECLS

/* An intent, mostly an open one, as it is to be ended. */
typedef struct
{
  gint64 id;
  gint64 operation;
  gint64 message;
  SurelChangeKind kind;
} SurelOpenIntent;

#define SUREL_OPEN_INTENTS "SELECT i.id, i.operation, i.message, i.kind FROM intent i WHERE "

GArray *surel_intents_read_open (SurelTxn *txn, sqlite3_stmt *statement, GError **error);
GArray *surel_intents_find_open (SurelTxn *txn, const char *statement, gint64 id, GError **error);
gboolean surel_intents_set_state (SurelTxn *txn, gint64 intent, SurelIntentState state, GError **error);
gboolean surel_intents_drop_all (SurelTxn *txn, GArray *rows, GError **error);
gboolean surel_intents_mark_failed (SurelTxn *txn, gint64 id, gint64 operation, const char *name, const char *text, GError **error);
gboolean surel_intents_destroy_message (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_refuse (SurelTxn *txn,
                               SurelChangeKind kind,
                               gint64 id,
                               gint64 operation,
                               gint64 message,
                               const char *name,
                               const char *text,
                               GError **error);
gboolean surel_intents_refuse_all (SurelTxn *txn, const GArray *rows, const char *why, GError **error);
gboolean surel_intents_roll_back (SurelTxn *txn, SurelChangeKind kind, gint64 message, GError **error);
gboolean surel_intents_roll_back_append (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_intents_is_a_no (const GError *error);

G_END_DECLS
