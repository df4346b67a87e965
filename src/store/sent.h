#pragma once

#include "base/change.h"
#include "store/modify.h"

G_BEGIN_DECLS

gboolean surel_sent_went (SurelTxn *txn, gint64 intent, GError **error);
gboolean surel_sent_find (SurelTxn *txn, gint64 folder, const char *message_id, gint64 *match, GError **error);
gboolean surel_sent_found (
    SurelTxn *txn, gint64 folder, gint64 message, const SurelMessage *copy, SurelPatch *deeds, GError **error);
gboolean surel_sent_do_again (SurelTxn *txn, const SurelPatch *deeds, GError **error);
gboolean surel_sent_hide (SurelTxn *txn, gint64 message, gboolean *hidden, GError **error);
gboolean surel_sent_forget_hidden (SurelTxn *txn, GError **error);
gboolean surel_sent_judge (SurelTxn *txn, const SurelChangeItem *item, GError **error);
gboolean surel_sent_confirm (SurelTxn *txn, gint64 operation, GError **error);

G_END_DECLS
