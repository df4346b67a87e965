#pragma once

#include "store/match.h"
#include "store/store.h"

G_BEGIN_DECLS

/* What a job needs to know of the folder it writes to. */
typedef struct
{
  SurelTxn *txn;
  gint64 folder;
  gint64 account;
  gint64 epoch;
  gboolean listed;
  gboolean announces; /* unread mail that comes here is new mail */
  gboolean lets_go; /* what leaves it isn't held */
  guint gives; /* SurelKeyword bits that what comes there has, and the server has no word for */
  SurelMatch match;
} SurelPlace;

/* Of a message, as it is to be taken out. */
typedef struct
{
  gint64 epoch;
  SurelRemoteId rid;
  gint64 message;
} SurelPlacement;

gboolean surel_place_find (SurelTxn *txn, gint64 folder, SurelPlace *place, GError **error);
gboolean surel_place_take_out (SurelPlace *place, gint64 epoch, const SurelRemoteId *rid, gint64 id, GError **error);
gboolean surel_place_take_all_out (SurelPlace *place, GArray *placements, GError **error);
GArray *surel_placements_read (SurelSql *sql, sqlite3_stmt *statement, GError **error);

G_END_DECLS
