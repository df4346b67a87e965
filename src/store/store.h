#pragma once

#include "base/queue.h"
#include "store/changes.h"
#include "store/sql.h"

G_BEGIN_DECLS

/*
 * State numbers go up by this step from commit to commit. The numbers between two states are cursors
 * of a listing from 0 under way: see store/log.c.
 */
#define SUREL_STATE_STEP ((guint64) 1 << 22)

/* What a commit did, as it reaches the main thread; immutable. One that only moved times made no state:
 * its `after` is its `before`. */
typedef struct
{
  guint64 before; /* the state of the commit before */
  guint64 after;
  SurelChanges *changes;
  GPtrArray *accounts; /* SurelAccountRow: those created or updated, as they are now */
  GPtrArray *folders; /* SurelFolderRow: likewise */
  GPtrArray *operations; /* SurelOperationRow: likewise */
} SurelCommit;

/* A transaction under way; lives in the store thread. */
typedef struct
{
  SurelSql *sql;
  SurelChanges *changes; /* of the job that runs */
  SurelChanges *before; /* of those before it in the same commit, which no log has yet */
  GHashTable *folder_counts; /* folder id → what the job adds to its counts */
  GHashTable *touched; /* set of folder ids whose times moved */
  gint64 time; /* seconds since the epoch, the same for all of a transaction */
  guint rows; /* how many the job wrote, about: ends a transaction in time */
  guint gone; /* messages whose rows the job deleted */
  struct _SurelStore *store;
} SurelTxn;

/* A consistent view for reading; lives in a reader thread for the time of one function. */
typedef struct
{
  SurelSql *sql;
  guint64 state;
  GError *error; /* set where the view couldn't be had: nothing may be read */
} SurelReader;

#define SUREL_TYPE_STORE (surel_store_get_type ())
G_DECLARE_FINAL_TYPE (SurelStore, surel_store, SUREL, STORE, GObject)

typedef gboolean (*SurelWriteFunc) (SurelTxn *txn, gpointer data, GError **error);
typedef void (*SurelDoneFunc) (guint64 state, const GError *error, gpointer data);
typedef void (*SurelReadFunc) (SurelReader *reader, gpointer data);

SurelStore *surel_store_open (const char *data_dir, GError **error);
void surel_store_close (SurelStore *self);
const char *surel_store_get_id (SurelStore *self);
guint64 surel_store_get_state (SurelStore *self);
const char *surel_store_get_content_dir (SurelStore *self);

void surel_store_write (SurelStore *self,
                        SurelWriteFunc func,
                        gpointer data,
                        GDestroyNotify destroy,
                        SurelDoneFunc done,
                        gpointer done_data);
gboolean
surel_store_write_sync (SurelStore *self, SurelWriteFunc func, gpointer data, GError **error);
gboolean
surel_store_write_durable (SurelStore *self, SurelWriteFunc func, gpointer data, GError **error);
gboolean surel_store_write_queued (SurelStore *self,
                                   SurelWriteFunc func,
                                   gpointer data,
                                   GDestroyNotify destroy,
                                   SurelQueue *answers);
gboolean surel_store_take_answer (SurelQueue *answers, GError **error);
void surel_store_read (SurelStore *self,
                       SurelReadFunc func,
                       gpointer data,
                       GDestroyNotify destroy,
                       GCancellable *cancellable);
void surel_store_read_sync (SurelStore *self, SurelReadFunc func, gpointer data);
gint64 surel_txn_new_id (SurelTxn *txn, GError **error);
guint64 surel_txn_get_state (SurelTxn *txn);
guint64 surel_txn_get_last_state (SurelTxn *txn);
void surel_txn_count (SurelTxn *txn, gint64 account, gint64 folder, int total, int unread);
void surel_txn_touched (SurelTxn *txn, gint64 folder);
void surel_txn_changed (SurelTxn *txn, SurelFamily family, guint64 id, SurelEvent event);

G_END_DECLS
