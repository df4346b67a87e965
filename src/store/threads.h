#pragma once

#include "base/message.h"
#include "store/store.h"

G_BEGIN_DECLS

#define SUREL_THREADS_SLICE 1000 /* messages that are given their threads in one job, or keys that are looked through */

gint64 surel_threads_find (SurelTxn *txn, gint64 account, gint64 id, const SurelMessage *message, GError **error);
gboolean surel_threads_follow (SurelTxn *txn, gint64 id, GError **error);
gboolean surel_threads_take_server (SurelTxn *txn, gint64 id, const SurelMessage *message, GError **error);
gboolean surel_threads_fill (SurelTxn *txn, gboolean *more, GError **error);
gboolean surel_threads_are_behind (SurelSql *sql);
gboolean surel_threads_sweep (SurelSql *sql, gint64 *from, GError **error);

G_END_DECLS
