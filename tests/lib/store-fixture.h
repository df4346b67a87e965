#pragma once

#include "store/accounts.h"
#include "store/folders.h"
#include "store/match.h"
#include "store/messages.h"

G_BEGIN_DECLS

/* A store of its own for each test, with an account and two folders. */
typedef struct
{
  char *dir;
  SurelStore *store;
  gint64 account;
  gint64 inbox;
  gint64 other;
} StoreFixture;

/* What a test has written at once. */
typedef struct
{
  gint64 folder;
  GPtrArray *messages;
  SurelUidSet *gone;
  gint64 since;
  gboolean restart;
  gboolean listed;
  gboolean drop;
} StoreBatch;

void store_fixture_set_up (StoreFixture *fixture, gconstpointer data);
void store_fixture_tear_down (StoreFixture *fixture, gconstpointer data);
void store_fixture_open_store (StoreFixture *fixture);
void store_fixture_close_store (StoreFixture *fixture);
guint64 store_fixture_latest_state (StoreFixture *fixture);
SurelMessage *store_fixture_make_message (gint64 uid, guint flags);
gboolean store_fixture_write_batch (SurelTxn *txn, gpointer data, GError **error);
void store_fixture_put (StoreFixture *fixture, gint64 folder, gint64 first, gint64 last, guint flags);
void store_fixture_take_out (StoreFixture *fixture, gint64 folder, const char *uids);
void store_fixture_take_out_since (StoreFixture *fixture, gint64 folder, const char *uids, gint64 since);
void store_fixture_end_sync (StoreFixture *fixture, gint64 since);

G_END_DECLS
