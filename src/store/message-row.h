#pragma once

#include "base/keywords.h"
#include "base/message.h"
#include "store/store.h"

G_BEGIN_DECLS

/* The store's own: a message's row on its way to be changed. */

/* Of a placement that no server has: where a message is shown because of a pending change. Its remote id is
 * the message's id. Higher than any that counts changes of UIDVALIDITY. */
#define SUREL_EPOCH_HERE ((gint64) 1 << 40)
#define SUREL_EPOCH_HERE_SQL "(1 << 40)"

typedef struct
{
  gint64 id;
  gint64 account;
  gint64 doc;
  guint flags; /* SurelKeyword bits, as clients see them */
  char *keywords; /* owned; nullable */
  gboolean layered; /* what clients see isn't just what the server said: see store/layers.c */
  gboolean shown; /* in lists */
} SurelMessageRow;

void surel_message_row_clear (SurelMessageRow *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SurelMessageRow, surel_message_row_clear)

gint64 surel_message_row_doc (gint64 received, gint64 id);
gint64 surel_message_row_doc_of_copy (gint64 doc, gint64 id);
gboolean surel_flags_are_shown (guint flags);
int surel_flags_unread (guint flags);
int surel_message_row_find (SurelTxn *txn,
                            gint64 folder,
                            gint64 epoch,
                            const SurelRemoteId *remote_id,
                            SurelMessageRow *row,
                            GError **error);
int surel_message_row_load (SurelTxn *txn, gint64 id, SurelMessageRow *row, GError **error);
gboolean surel_message_row_put_keywords (SurelTxn *txn,
                                         gint64 id,
                                         gint64 doc,
                                         const char *keywords,
                                         GError **error);
gboolean surel_message_row_settle (SurelTxn *txn, gint64 id, gboolean was_shown, GError **error);
gboolean surel_message_row_set_flags (SurelTxn *txn,
                                      const SurelMessageRow *row,
                                      guint flags,
                                      const char *keywords,
                                      GError **error);
gboolean surel_message_row_set_received (SurelTxn *txn, gint64 id, gint64 received, GError **error);
gboolean surel_message_row_put_text (SurelTxn *txn, gint64 id, const SurelMessage *message, GError **error);
gboolean surel_message_row_copy_text (SurelTxn *txn, gint64 id, gint64 other, GError **error);
gboolean surel_message_row_delete (SurelTxn *txn, gint64 id, GError **error);

G_END_DECLS
