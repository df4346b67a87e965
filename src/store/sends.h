#pragma once

#include "base/change.h"
#include "store/appends.h"
#include "store/modify.h"

G_BEGIN_DECLS

/* A message that a person sends. */
typedef struct
{
  SurelAppend *append; /* the message and its account, where it is a new one; nullable */
  gint64 draft; /* else: a draft; set by the call where it is a new one */
  gint64 bytes_from; /* set where it fails as the draft's bytes aren't here: the account */
  gint64 at; /* seconds since the epoch: it doesn't go before that */
  gint64 original; /* the message that it answers or passes on; 0 for none */
  guint mark; /* what that one gets then: SurelKeyword bits */
  char *client;
} SurelSend;

/* Of an intent i whose operation is o: nobody knows whether it went. */
#define SUREL_IS_UNKNOWN_SEND "i.kind = 7 AND i.state = 3 AND o.unknown > 0"

void surel_send_free (SurelSend *self);
gboolean surel_send (SurelTxn *txn, SurelSend *send, SurelModified *result, GError **error);
gboolean surel_send_reschedule (SurelTxn *txn, gint64 operation, gint64 at, SurelModified *result, GError **error);
gboolean surel_sends_are_any (SurelTxn *txn, gboolean *any, GError **error);
gboolean surel_sends_check_not_open (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_sends_next (
    SurelReader *reader, gint64 account, gint64 now, gboolean listed, SurelChange **next, GError **error);
gboolean surel_sends_note_time (SurelTxn *txn, gint64 intent, GError **error);
gboolean surel_sends_take_back (SurelTxn *txn, gint64 intent, gint64 message, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelSend, surel_send_free)

G_END_DECLS
