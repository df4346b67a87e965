#pragma once

#include "base/news.h"
#include "base/uidset.h"
#include "store/store.h"

G_BEGIN_DECLS

/* As many messages as one job takes out at most: a commit names 10,000 ids. */
#define SUREL_GONE_MAX 4000

gboolean
surel_messages_put (SurelTxn *txn, gint64 folder, GPtrArray *messages, GError **error);
gboolean
surel_messages_put_flags (SurelTxn *txn, gint64 folder, GArray *flags, GError **error);
/* Of a placement p here: nothing that is to be done, or was refused, accounts for it. */
#define SUREL_IS_UNSURE                                                                                  \
  "NOT EXISTS (SELECT 1 FROM intent i WHERE i.message = p.message AND (i.state < 2 OR (i.state = 3 AND i.kind IN (5, 6, 7))))"

gboolean surel_messages_sweep_here (SurelTxn *txn, gint64 folder, GError **error);
gboolean surel_messages_put_gone (SurelTxn *txn,
                                  gint64 folder,
                                  const SurelUidSet *uids,
                                  gint64 since,
                                  gboolean *more,
                                  GError **error);
gboolean surel_messages_put_gone_named (SurelTxn *txn,
                                        gint64 folder,
                                        const char *const *remote_ids,
                                        gint64 since,
                                        GError **error);
gboolean surel_messages_put_present (SurelTxn *txn,
                                     gint64 folder,
                                     guint32 first,
                                     guint32 last,
                                     GArray *present,
                                     gboolean with_flags,
                                     SurelUidSet *missing,
                                     SurelUidSet *gone,
                                     GError **error);
gboolean surel_messages_restart (SurelTxn *txn, gint64 folder, GError **error);
gboolean
surel_messages_drop_stale (SurelTxn *txn, gint64 folder, gboolean *more, GError **error);
gboolean surel_messages_put_news (SurelTxn *txn, gint64 account, gint64 folder, SurelNews *news, gint64 since, GError **error);
gint64 surel_messages_last (SurelReader *reader);
gboolean surel_messages_have_lost (SurelReader *reader, gint64 account);
gboolean surel_messages_drop_lost (SurelTxn *txn, gint64 account, gint64 since, gboolean *more, GError **error);
gboolean surel_messages_remove_of_folder (SurelTxn *txn,
                                          gint64 account,
                                          gint64 folder,
                                          guint max,
                                          GError **error);
gboolean
surel_messages_remove_of_account (SurelTxn *txn, gint64 account, guint max, GError **error);
gboolean surel_messages_purge_held (SurelTxn *txn, gint64 before, gboolean *more, GError **error);

G_END_DECLS
