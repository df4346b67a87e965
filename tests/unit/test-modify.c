/* What people do to messages: seen at once, replayed on what the server says, and rolled back where it refuses. */
#include "base/errors.h"
#include "store/intents.h"
#include "store/intents-next.h"
#include "store/layers.h"
#include "store/log.h"
#include "store/modify.h"
#include "store/operations.h"
#include "store-fixture.h"

typedef struct
{
  SurelPatch *patch;
  SurelModified *result;
} Modify;

static gboolean
modify (SurelTxn *txn, gpointer data, GError **error)
{
  Modify *call = data;

  return surel_modify (txn, call->patch, 0, call->patch->ids->len, call->result, error);
}

/* Does it, and returns the operation. */
static gint64
run (StoreFixture *fixture, SurelPatch *patch, SurelModified **result)
{
  g_autoptr (GError) error = NULL;
  Modify call = { patch, surel_modified_new () };
  gint64 operation;

  surel_store_write_sync (fixture->store, modify, &call, &error);
  g_assert_no_error (error);
  operation = call.result->operation;
  if (result != NULL)
    *result = call.result;
  else
    surel_modified_free (call.result);
  surel_patch_free (patch);
  return operation;
}

static SurelPatch *
patch_of (gint64 id)
{
  SurelPatch *patch = surel_patch_new ();

  g_array_append_val (patch->ids, id);
  return patch;
}

static gint64
flag (StoreFixture *fixture, gint64 id, guint add, guint remove)
{
  SurelPatch *patch = patch_of (id);

  patch->add_flags = add;
  patch->remove_flags = remove;
  return run (fixture, patch, NULL);
}

static gint64
move (StoreFixture *fixture, gint64 id, gint64 folder)
{
  SurelPatch *patch = patch_of (id);

  patch->move_to = folder;
  return run (fixture, patch, NULL);
}

static gint64
destroy (StoreFixture *fixture, gint64 id)
{
  SurelPatch *patch = patch_of (id);

  patch->destroy = TRUE;
  return run (fixture, patch, NULL);
}

typedef struct
{
  const char *sql;
  gint64 parameter;
  gint64 value;
} Number;

static void
read_number (SurelReader *reader, gpointer data)
{
  g_autoptr (GError) error = NULL;
  Number *number = data;

  surel_sql_get (reader->sql, &number->value, &error, number->sql, strchr (number->sql, '?') != NULL ? "i" : "",
                 number->parameter);
  g_assert_no_error (error);
}

static gint64
number (StoreFixture *fixture, const char *sql, gint64 parameter)
{
  Number wanted = { sql, parameter, 0 };

  surel_store_read_sync (fixture->store, read_number, &wanted);
  return wanted.value;
}

static gint64
folder_of (StoreFixture *fixture, gint64 id)
{
  return number (fixture, "SELECT folder FROM placement WHERE message = ? AND shown", id);
}

static guint
flags_of (StoreFixture *fixture, gint64 id)
{
  return (guint) number (fixture, "SELECT flags FROM message WHERE id = ?", id);
}

static gint64
message_at (StoreFixture *fixture, gint64 folder, gint64 uid)
{
  g_autofree char *sql = g_strdup_printf ("SELECT message FROM placement WHERE folder = ? AND rid = %" G_GINT64_FORMAT, uid);

  return number (fixture, sql, folder);
}

typedef struct
{
  StoreFixture *fixture;
  SurelChange *batch;
} Next;

static void
read_next (SurelReader *reader, gpointer data)
{
  g_autoptr (GError) error = NULL;
  Next *next = data;

  surel_intents_next (reader, next->fixture->account, G_MAXINT64, TRUE, &next->batch, &error);
  g_assert_no_error (error);
}

static SurelChange *
next_batch (StoreFixture *fixture)
{
  Next next = { fixture, NULL };

  surel_store_read_sync (fixture->store, read_next, &next);
  return next.batch;
}

static gboolean
record (SurelTxn *txn, gpointer data, GError **error)
{
  return surel_intents_record (txn, data, error);
}

static gboolean
mark_sent (SurelTxn *txn, gpointer data, GError **error)
{
  return surel_intents_mark_sent (txn, data, "evidence", error);
}

/* A server takes, or refuses, what is next; new ids go up from @uid, 0 for ones that it doesn't tell. */
static gboolean
serve (StoreFixture *fixture, SurelOutcome outcome, gint64 uid)
{
  g_autoptr (SurelChange) batch = next_batch (fixture);
  g_autoptr (GError) error = NULL;

  if (batch == NULL)
    return FALSE;
  for (guint i = 0; i < batch->items->len; i++)
    {
      SurelChangeItem *item = &g_array_index (batch->items, SurelChangeItem, i);

      item->outcome = outcome;
      item->new_remote_id.number = uid != 0 ? uid + i : 0;
    }
  if (outcome == SUREL_OUTCOME_REFUSED)
    batch->error = g_error_new (SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED, "No");
  surel_store_write_sync (fixture->store, record, batch, &error);
  g_assert_no_error (error);
  return TRUE;
}

static SurelOperationState
state_of (StoreFixture *fixture, gint64 operation)
{
  static const char sql[] = "SELECT CASE WHEN ended IS NULL THEN 0 WHEN failed = 0 THEN 2 WHEN failed < messages THEN 3 ELSE "
                            "4 END FROM operation WHERE id = ?";

  return (SurelOperationState) number (fixture, sql, operation);
}

/* The counts that are kept are those there are. */
static void
assert_counts (StoreFixture *fixture)
{
  gint64 folders[] = { fixture->inbox, fixture->other };

  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_assert_cmpint (number (fixture, "SELECT total FROM folder WHERE id = ?", folders[i]), ==,
                       number (fixture, "SELECT count(*) FROM placement WHERE folder = ? AND shown", folders[i]));
      g_assert_cmpint (number (fixture, "SELECT unread FROM folder WHERE id = ?", folders[i]), ==,
                       number (fixture,
                               "SELECT count(*) FROM placement p JOIN message m ON m.id = p.message WHERE p.folder = ? AND "
                               "p.shown AND (m.flags & 17) = 0",
                               folders[i]));
    }
  g_assert_cmpint (number (fixture,
                           "SELECT count(*) FROM message m WHERE shown != EXISTS (SELECT 1 FROM placement p WHERE p.message = "
                           "m.id AND p.shown)",
                           0),
                   ==, 0);
  g_assert_cmpint (number (fixture,
                           "SELECT count(*) FROM operation o WHERE open != (SELECT count(*) FROM intent i WHERE i.operation = "
                           "o.id AND i.state < 2) OR (open = 0) != (ended IS NOT NULL)",
                           0),
                   ==, 0);
}

/* --- Keywords --- */

static void
test_keywords_are_there_at_once_and_stay (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id, operation;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  id = message_at (fixture, fixture->inbox, 2);
  operation = flag (fixture, id, SUREL_KEYWORD_SEEN, 0);
  g_assert_cmpint (operation, !=, 0);
  g_assert_cmpuint (flags_of (fixture, id), ==, SUREL_KEYWORD_SEEN);
  assert_counts (fixture);
  /* What the server said before it heard of it undoes nothing, what it says of others counts. */
  store_fixture_put (fixture, fixture->inbox, 2, 2, SUREL_KEYWORD_FLAGGED);
  g_assert_cmpuint (flags_of (fixture, id), ==, SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED);
  g_assert_cmpint (state_of (fixture, operation), ==, SUREL_OPERATION_PENDING);
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 0));
  g_assert_cmpint (state_of (fixture, operation), ==, SUREL_OPERATION_DONE);
  g_assert_cmpuint (flags_of (fixture, id), ==, SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED);
  /* Now it is the server's word. */
  store_fixture_put (fixture, fixture->inbox, 2, 2, 0);
  g_assert_cmpuint (flags_of (fixture, id), ==, 0);
  g_assert_false (serve (fixture, SUREL_OUTCOME_DONE, 0));
  assert_counts (fixture);
}

static void
test_what_is_refused_is_rolled_back (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id, flagging, moving, destroying;

  store_fixture_put (fixture, fixture->inbox, 1, 3, 0);
  id = message_at (fixture, fixture->inbox, 1);
  flagging = flag (fixture, id, SUREL_KEYWORD_SEEN, 0);
  moving = move (fixture, id, fixture->other);
  g_assert_true (serve (fixture, SUREL_OUTCOME_REFUSED, 0));
  g_assert_cmpuint (flags_of (fixture, id), ==, 0);
  g_assert_cmpint (state_of (fixture, flagging), ==, SUREL_OPERATION_FAILED);
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->other);
  assert_counts (fixture);
  g_assert_true (serve (fixture, SUREL_OUTCOME_REFUSED, 0));
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->inbox);
  g_assert_cmpint (state_of (fixture, moving), ==, SUREL_OPERATION_FAILED);
  assert_counts (fixture);
  destroying = destroy (fixture, id);
  g_assert_cmpint (folder_of (fixture, id), ==, 0);
  assert_counts (fixture);
  g_assert_true (serve (fixture, SUREL_OUTCOME_REFUSED, 0));
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->inbox);
  g_assert_cmpint (state_of (fixture, destroying), ==, SUREL_OPERATION_FAILED);
  assert_counts (fixture);
}

static void
test_a_later_change_replaces_an_earlier (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id, first, second;

  store_fixture_put (fixture, fixture->inbox, 1, 3, 0);
  id = message_at (fixture, fixture->inbox, 1);
  first = flag (fixture, id, SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED, 0);
  second = flag (fixture, id, 0, SUREL_KEYWORD_SEEN);
  g_assert_cmpint (second, ==, 0); /* the server has it so */
  g_assert_cmpuint (flags_of (fixture, id), ==, SUREL_KEYWORD_FLAGGED);
  g_assert_cmpint (state_of (fixture, first), ==, SUREL_OPERATION_PENDING);
  flag (fixture, id, 0, SUREL_KEYWORD_FLAGGED);
  g_assert_cmpint (state_of (fixture, first), ==, SUREL_OPERATION_DONE);
  g_assert_null (next_batch (fixture));
  g_assert_cmpint (move (fixture, id, fixture->other), !=, 0);
  g_assert_cmpint (move (fixture, id, fixture->inbox), ==, 0);
  g_assert_null (next_batch (fixture));
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->inbox);
  assert_counts (fixture);
}

/* --- Places --- */

static void
test_a_move_keeps_the_id (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id, operation;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  id = message_at (fixture, fixture->inbox, 3);
  operation = move (fixture, id, fixture->other);
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->other);
  assert_counts (fixture);
  /* The server has it in the inbox still, and says so. */
  store_fixture_put (fixture, fixture->inbox, 3, 3, SUREL_KEYWORD_FLAGGED);
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->other);
  store_fixture_put (fixture, fixture->other, 41, 41, SUREL_KEYWORD_ANSWERED); /* a list of where it goes comes first */
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 41));
  g_assert_cmpuint (flags_of (fixture, id), ==, SUREL_KEYWORD_ANSWERED);
  g_assert_cmpint (state_of (fixture, operation), ==, SUREL_OPERATION_DONE);
  g_assert_cmpint (message_at (fixture, fixture->other, 41), ==, id);
  g_assert_cmpint (message_at (fixture, fixture->inbox, 3), ==, 0);
  store_fixture_take_out (fixture, fixture->inbox, "3"); /* heard of late */
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->other);
  assert_counts (fixture);
}

static SurelMessage *
same_message (gint64 uid, gint64 as)
{
  SurelMessage *message = store_fixture_make_message (as, 0);

  message->remote_id.number = uid;
  return message;
}

static void
list_as (StoreFixture *fixture, gint64 folder, gint64 uid, gint64 as)
{
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
  StoreBatch batch = { .folder = folder, .messages = messages };

  g_ptr_array_add (messages, same_message (uid, as));
  g_assert_true (surel_store_write_sync (fixture->store, store_fixture_write_batch, &batch, NULL));
}

static void
test_a_move_of_which_the_server_tells_no_id (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  id = message_at (fixture, fixture->inbox, 3);
  move (fixture, id, fixture->other);
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 0));
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->other);
  assert_counts (fixture);
  list_as (fixture, fixture->other, 77, 3);
  g_assert_cmpint (message_at (fixture, fixture->other, 77), ==, id);
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM placement WHERE message = ?", id), ==, 1);
  assert_counts (fixture);
}

static gint64
time_to_put (StoreFixture *fixture, gint64 first)
{
  gint64 begin = g_get_monotonic_time ();

  for (gint64 uid = first; uid < first + 3000; uid += 100)
    store_fixture_put (fixture, fixture->inbox, uid, uid + 99, 0);
  return g_get_monotonic_time () - begin;
}

/* Whether one of those that come is it isn't looked for in all that is there, for each. */
static void
test_others_come_no_slower_meanwhile (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 before = time_to_put (fixture, 1);
  gint64 id = message_at (fixture, fixture->inbox, 3);
  gint64 after;

  move (fixture, id, fixture->other);
  after = time_to_put (fixture, 3001);
  g_assert_cmpint (after, <, 3 * before);
  g_test_message ("3000 messages came in %" G_GINT64_FORMAT " µs, then in %" G_GINT64_FORMAT " µs", before, after);
}

static void
test_moved_on_while_under_way (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (SurelChange) sent = NULL;
  g_autoptr (GError) error = NULL;
  gint64 id, back;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  id = message_at (fixture, fixture->inbox, 3);
  move (fixture, id, fixture->other);
  sent = next_batch (fixture);
  g_assert_true (surel_store_write_sync (fixture->store, mark_sent, sent, &error));
  back = move (fixture, id, fixture->inbox);
  g_assert_cmpint (back, !=, 0); /* it may have got there */
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->inbox);
  assert_counts (fixture);
  g_array_index (sent->items, SurelChangeItem, 0).outcome = SUREL_OUTCOME_DONE;
  g_array_index (sent->items, SurelChangeItem, 0).new_remote_id.number = 9;
  g_assert_true (surel_store_write_sync (fixture->store, record, sent, &error));
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->inbox);
  assert_counts (fixture);
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 6));
  g_assert_cmpint (message_at (fixture, fixture->inbox, 6), ==, id);
  assert_counts (fixture);
}

static void
test_gone_elsewhere_while_something_is_pending (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id, operation;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  id = message_at (fixture, fixture->inbox, 3);
  flag (fixture, id, SUREL_KEYWORD_SEEN, 0);
  operation = move (fixture, id, fixture->other);
  store_fixture_take_out (fixture, fixture->inbox, "3");
  g_assert_cmpint (folder_of (fixture, id), ==, 0);
  g_assert_null (next_batch (fixture));
  g_assert_cmpint (state_of (fixture, operation), ==, SUREL_OPERATION_PENDING); /* it may be in a folder that is yet to be listed */
  store_fixture_end_sync (fixture, SUREL_NO_NEWCOMERS);
  g_assert_cmpint (state_of (fixture, operation), ==, SUREL_OPERATION_FAILED);
  g_assert_cmpint (folder_of (fixture, id), ==, 0);
  g_assert_cmpint (number (fixture, "SELECT held NOTNULL FROM message WHERE id = ?", id), ==, 1);
  assert_counts (fixture);
}

/* Another device moves message 3 to the other folder, which is listed before or after the one it was in. */
static void
move_elsewhere (StoreFixture *fixture, gboolean target_first)
{
  gint64 last = number (fixture, "SELECT max(id) FROM message WHERE ?", 1);

  if (target_first)
    store_fixture_put (fixture, fixture->other, 3, 3, SUREL_KEYWORD_FLAGGED);
  store_fixture_take_out_since (fixture, fixture->inbox, "3", last);
  if (!target_first)
    store_fixture_put (fixture, fixture->other, 3, 3, SUREL_KEYWORD_FLAGGED);
  store_fixture_end_sync (fixture, last);
}

static void
test_what_waits_follows_the_message (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  for (guint target_first = 0; target_first < 2; target_first++)
    {
      gint64 id, flagging, destroying;

      store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
      id = message_at (fixture, fixture->inbox, 3);
      flagging = flag (fixture, id, SUREL_KEYWORD_SEEN, 0);
      move_elsewhere (fixture, target_first);
      g_assert_cmpint (message_at (fixture, fixture->other, 3), ==, id);
      g_assert_cmpint (folder_of (fixture, id), ==, fixture->other);
      g_assert_cmpint (number (fixture, "SELECT flags FROM message WHERE id = ?", id), ==,
                       SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED);
      assert_counts (fixture);
      destroying = destroy (fixture, id);
      for (guint i = 0; i < 2; i++)
        {
          g_autoptr (SurelChange) batch = next_batch (fixture);

          g_assert_nonnull (batch);
          g_assert_cmpint (batch->folder, ==, fixture->other);
          g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 0));
        }
      g_assert_cmpint (state_of (fixture, flagging), ==, SUREL_OPERATION_DONE);
      g_assert_cmpint (state_of (fixture, destroying), ==, SUREL_OPERATION_DONE);
      g_assert_cmpint (number (fixture, "SELECT count(*) FROM message WHERE id = ?", id), ==, 0);
      store_fixture_take_out (fixture, fixture->inbox, "1:5");
      assert_counts (fixture);
    }
}

static void
test_moved_there_by_another_device (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  for (guint target_first = 0; target_first < 2; target_first++)
    {
      gint64 id, operation, copy;
      SurelPatch *copying;

      store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
      id = message_at (fixture, fixture->inbox, 3);
      copying = patch_of (id);
      g_array_append_val (copying->add_folders, fixture->other);
      copy = run (fixture, copying, NULL);
      operation = move (fixture, id, fixture->other);
      move_elsewhere (fixture, target_first);
      g_assert_cmpint (state_of (fixture, copy), ==, SUREL_OPERATION_FAILED); /* it is there already */
      g_assert_cmpint (state_of (fixture, operation), ==, SUREL_OPERATION_DONE);
      g_assert_cmpint (folder_of (fixture, id), ==, fixture->other);
      g_assert_null (next_batch (fixture));
      assert_counts (fixture);
      store_fixture_take_out (fixture, fixture->inbox, "1:5");
      store_fixture_take_out (fixture, fixture->other, "3");
    }
}

/* Two that are the same, as UIDs 3 and 7. */
static void
put_equal_ones (StoreFixture *fixture, gint64 folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
  StoreBatch batch = { .folder = folder, .messages = messages };

  for (guint i = 0; i < 2; i++)
    {
      SurelMessage *message = store_fixture_make_message (3, 0);

      message->remote_id.number += 4 * i;
      g_ptr_array_add (messages, message);
    }
  surel_store_write_sync (fixture->store, store_fixture_write_batch, &batch, &error);
  g_assert_no_error (error);
}

/* Another device moves two that are the same: which of them is which nobody knows, and what waited is told. */
static void
test_what_waits_for_one_of_two_equal_ones (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  for (guint target_first = 0; target_first < 2; target_first++)
    {
      gint64 id, last, flagging, destroying;

      put_equal_ones (fixture, fixture->inbox);
      id = message_at (fixture, fixture->inbox, 3);
      last = number (fixture, "SELECT max(id) FROM message WHERE ?", 1);
      flagging = flag (fixture, id, SUREL_KEYWORD_SEEN, 0);
      destroying = destroy (fixture, message_at (fixture, fixture->inbox, 7));
      if (target_first)
        put_equal_ones (fixture, fixture->other);
      store_fixture_take_out_since (fixture, fixture->inbox, "3,7", last);
      if (!target_first)
        put_equal_ones (fixture, fixture->other);
      store_fixture_end_sync (fixture, last);
      g_assert_cmpint (state_of (fixture, flagging), ==, SUREL_OPERATION_FAILED);
      g_assert_cmpint (state_of (fixture, destroying), ==, SUREL_OPERATION_FAILED);
      g_assert_cmpint (number (fixture, "SELECT flags FROM message WHERE id = ?", message_at (fixture, fixture->other, 3)), ==, 0);
      g_assert_null (next_batch (fixture));
      assert_counts (fixture);
      store_fixture_take_out (fixture, fixture->other, "3,7");
    }
}

static gboolean
purge (SurelTxn *txn, gpointer data G_GNUC_UNUSED, GError **error)
{
  gboolean more;

  return surel_messages_purge_held (txn, txn->time + 1, &more, error);
}

static void
purge_held (StoreFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  surel_store_write_sync (fixture->store, purge, NULL, &error);
  g_assert_no_error (error);
}

/* It is held past its time as long as something waits for it: that ends, too. */
static void
test_purged_when_nothing_waits (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id, operation;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  id = message_at (fixture, fixture->inbox, 3);
  operation = flag (fixture, id, SUREL_KEYWORD_SEEN, 0);
  store_fixture_take_out (fixture, fixture->inbox, "2:3");
  purge_held (fixture);
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM message WHERE held NOTNULL AND ?", 1), ==, 1);
  g_assert_cmpint (state_of (fixture, operation), ==, SUREL_OPERATION_PENDING);
  store_fixture_end_sync (fixture, SUREL_NO_NEWCOMERS);
  g_assert_cmpint (state_of (fixture, operation), ==, SUREL_OPERATION_DONE);
  purge_held (fixture);
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM message WHERE held NOTNULL AND ?", 1), ==, 0);
}

/* A copy that was there before, or was made here, is another message. */
static void
test_a_copy_is_not_what_vanished (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id, before, last;
  SurelPatch *patch;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  store_fixture_put (fixture, fixture->other, 3, 3, 0);
  before = message_at (fixture, fixture->other, 3);
  last = number (fixture, "SELECT max(id) FROM message WHERE ?", 1);
  id = message_at (fixture, fixture->inbox, 2);
  patch = patch_of (id);
  g_array_append_val (patch->add_folders, fixture->other);
  run (fixture, patch, NULL);
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 9));
  store_fixture_take_out_since (fixture, fixture->inbox, "2:3", last);
  g_assert_cmpint (message_at (fixture, fixture->other, 3), ==, before);
  g_assert_cmpint (message_at (fixture, fixture->other, 9), >, last);
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM message WHERE held NOTNULL AND ?", 1), ==, 2);
}

static void
test_destroyed_is_not_held (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  id = message_at (fixture, fixture->inbox, 3);
  flag (fixture, id, SUREL_KEYWORD_SEEN, 0);
  destroy (fixture, id);
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 0)); /* what was done before goes before */
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 0));
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM message WHERE id = ?", id), ==, 0);
  g_assert_null (next_batch (fixture));
  assert_counts (fixture);
}

static void
test_a_copy_is_another_message (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  SurelPatch *patch;
  g_autoptr (SurelModified) result = NULL;
  gint64 id, copy;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  id = message_at (fixture, fixture->inbox, 3);
  flag (fixture, id, SUREL_KEYWORD_FLAGGED, 0);
  patch = patch_of (id);
  g_array_append_val (patch->add_folders, fixture->other);
  run (fixture, patch, &result);
  g_assert_cmpuint (result->copies->len, ==, 1);
  copy = g_array_index (result->copies, SurelCopied, 0).copy;
  g_assert_cmpint (folder_of (fixture, copy), ==, fixture->other);
  g_assert_cmpuint (flags_of (fixture, copy), ==, SUREL_KEYWORD_FLAGGED);
  /* What is done to the one afterwards isn't done to the other, and waits for the copy to be made. */
  flag (fixture, id, SUREL_KEYWORD_SEEN, 0);
  g_assert_cmpuint (flags_of (fixture, copy), ==, SUREL_KEYWORD_FLAGGED);
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 0)); /* flagged */
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 12)); /* copied */
  g_assert_cmpint (message_at (fixture, fixture->other, 12), ==, copy);
  while (serve (fixture, SUREL_OUTCOME_DONE, 0))
    ;
  g_assert_cmpuint (flags_of (fixture, copy), ==, SUREL_KEYWORD_FLAGGED);
  g_assert_cmpuint (flags_of (fixture, id), ==, SUREL_KEYWORD_FLAGGED | SUREL_KEYWORD_SEEN);
  assert_counts (fixture);
  destroy (fixture, copy);
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 0));
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->inbox);
  assert_counts (fixture);
}

static void
test_a_copy_that_is_refused_never_was (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  SurelPatch *patch;
  g_autoptr (SurelModified) result = NULL;
  gint64 copy;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  patch = patch_of (message_at (fixture, fixture->inbox, 3));
  g_array_append_val (patch->add_folders, fixture->other);
  run (fixture, patch, &result);
  copy = g_array_index (result->copies, SurelCopied, 0).copy;
  g_assert_true (serve (fixture, SUREL_OUTCOME_REFUSED, 0));
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM message WHERE id = ?", copy), ==, 0);
  assert_counts (fixture);
}

static void
test_pending_changes_survive_a_new_uidvalidity (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  StoreBatch restart = { .folder = fixture->inbox, .restart = TRUE };
  StoreBatch listed = { .folder = fixture->inbox, .drop = TRUE, .listed = TRUE };
  gint64 id, other;

  store_fixture_put (fixture, fixture->inbox, 1, 3, 0);
  id = message_at (fixture, fixture->inbox, 2);
  other = message_at (fixture, fixture->inbox, 1);
  move (fixture, id, fixture->other);
  flag (fixture, other, SUREL_KEYWORD_SEEN, 0);
  g_assert_true (surel_store_write_sync (fixture->store, store_fixture_write_batch, &restart, NULL));
  for (gint64 uid = 1; uid <= 3; uid++)
    list_as (fixture, fixture->inbox, uid + 100, uid);
  g_assert_true (surel_store_write_sync (fixture->store, store_fixture_write_batch, &listed, NULL));
  g_assert_cmpint (folder_of (fixture, id), ==, fixture->other);
  g_assert_cmpint (message_at (fixture, fixture->inbox, 102), ==, id);
  g_assert_cmpuint (flags_of (fixture, other), ==, SUREL_KEYWORD_SEEN);
  assert_counts (fixture);
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 50));
  g_assert_true (serve (fixture, SUREL_OUTCOME_DONE, 50));
  g_assert_cmpint (message_at (fixture, fixture->other, 50), ==, id);
  assert_counts (fixture);
}

/* --- Anything, in any order --- */

typedef struct
{
  guint64 since;
  SurelPage *page;
} Page;

static void
read_page (SurelReader *reader, gpointer data)
{
  g_autoptr (GError) error = NULL;
  Page *page = data;

  page->page = surel_log_read (reader, page->since, 1000, &error);
  g_assert_no_error (error);
}

static guint64
catch_up (StoreFixture *fixture, GHashTable *mirror, guint64 since)
{
  static const SurelEvent events[] = { SUREL_CREATED, SUREL_UPDATED, SUREL_DESTROYED };

  for (gboolean more = TRUE; more;)
    {
      Page page = { since, NULL };
      g_autoptr (SurelPage) owned = NULL;

      surel_store_read_sync (fixture->store, read_page, &page);
      owned = page.page;
      for (guint e = 0; e < G_N_ELEMENTS (events); e++)
        {
          g_autoptr (GArray) ids = surel_changes_list (owned->changes, SUREL_FAMILY_MESSAGE, events[e]);

          for (guint i = 0; i < ids->len; i++)
            {
              gpointer id = (gpointer) (guintptr) g_array_index (ids, guint64, i);

              if (events[e] == SUREL_UPDATED)
                g_assert_true (g_hash_table_contains (mirror, id));
              (events[e] == SUREL_DESTROYED ? (void) g_hash_table_remove (mirror, id) : (void) g_hash_table_add (mirror, id));
            }
        }
      since = owned->state;
      more = owned->has_more;
    }
  return since;
}

static gint64
any_message (StoreFixture *fixture)
{
  return number (fixture, "SELECT id FROM message WHERE shown AND ? ORDER BY random() LIMIT 1", 1);
}

/* Whatever people and servers do, in any order: counts are right, and a mirror by Changes is the present. */
static void
test_anything_in_any_order (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GHashTable) mirror = g_hash_table_new (NULL, NULL);
  gint64 next_uid = 100;
  guint64 since = 0;

  store_fixture_put (fixture, fixture->inbox, 1, 20, 0);
  store_fixture_put (fixture, fixture->other, 30, 50, SUREL_KEYWORD_SEEN);
  since = catch_up (fixture, mirror, since);
  for (guint step = 0; step < 600; step++)
    {
      gint64 id = any_message (fixture);
      gint64 folder = g_test_rand_bit () ? fixture->inbox : fixture->other;
      g_autofree char *uid = NULL;
      SurelPatch *patch;

      switch (id != 0 ? g_test_rand_int_range (0, 9) : 8)
        {
        case 0:
        case 1:
          flag (fixture, id, (guint) g_test_rand_int_range (0, 4), (guint) g_test_rand_int_range (0, 4));
          break;
        case 2:
          move (fixture, id, folder);
          break;
        case 3:
          destroy (fixture, id);
          break;
        case 4:
          patch = patch_of (id);
          g_array_append_val (patch->add_folders, folder);
          run (fixture, patch, NULL);
          break;
        case 5:
        case 6:
          serve (fixture, g_test_rand_int_range (0, 4) == 0 ? SUREL_OUTCOME_REFUSED : SUREL_OUTCOME_DONE,
                 g_test_rand_bit () ? next_uid : 0);
          next_uid += 1000;
          break;
        case 7:
          uid = g_strdup_printf ("%" G_GINT64_FORMAT,
                                 MAX (1, number (fixture, "SELECT rid FROM placement WHERE folder = ? AND epoch = 0 ORDER BY "
                                                          "random() LIMIT 1",
                                                 folder)));
          store_fixture_take_out (fixture, folder, uid);
          if (g_test_rand_bit ())
            store_fixture_end_sync (fixture, SUREL_NO_NEWCOMERS);
          break;
        default:
          store_fixture_put (fixture, folder, next_uid, next_uid, (guint) g_test_rand_int_range (0, 4));
          next_uid++;
        }
      assert_counts (fixture);
      since = catch_up (fixture, mirror, since);
      g_assert_cmpuint (g_hash_table_size (mirror), ==, number (fixture, "SELECT count(*) FROM message WHERE shown", 0));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
#define ADD(name, func) \
  g_test_add ("/modify/" name, StoreFixture, NULL, store_fixture_set_up, func, store_fixture_tear_down)
  ADD ("keywords-are-there-at-once-and-stay", test_keywords_are_there_at_once_and_stay);
  ADD ("what-is-refused-is-rolled-back", test_what_is_refused_is_rolled_back);
  ADD ("a-later-change-replaces-an-earlier", test_a_later_change_replaces_an_earlier);
  ADD ("a-move-keeps-the-id", test_a_move_keeps_the_id);
  ADD ("a-move-of-which-the-server-tells-no-id", test_a_move_of_which_the_server_tells_no_id);
  ADD ("others-come-no-slower-meanwhile", test_others_come_no_slower_meanwhile);
  ADD ("moved-on-while-under-way", test_moved_on_while_under_way);
  ADD ("gone-elsewhere-while-something-is-pending", test_gone_elsewhere_while_something_is_pending);
  ADD ("what-waits-follows-the-message", test_what_waits_follows_the_message);
  ADD ("moved-there-by-another-device", test_moved_there_by_another_device);
  ADD ("what-waits-for-one-of-two-equal-ones", test_what_waits_for_one_of_two_equal_ones);
  ADD ("purged-when-nothing-waits", test_purged_when_nothing_waits);
  ADD ("a-copy-is-not-what-vanished", test_a_copy_is_not_what_vanished);
  ADD ("destroyed-is-not-held", test_destroyed_is_not_held);
  ADD ("a-copy-is-another-message", test_a_copy_is_another_message);
  ADD ("a-copy-that-is-refused-never-was", test_a_copy_that_is_refused_never_was);
  ADD ("pending-changes-survive-a-new-uidvalidity", test_pending_changes_survive_a_new_uidvalidity);
  ADD ("anything-in-any-order", test_anything_in_any_order);
  return g_test_run ();
}
