/* Changes of more messages than a commit may name: one operation, and with a key each message once, whatever happens
 * between the parts. */
#include "base/errors.h"
#include "base/keywords.h"
#include "store/modify-parts.h"
#include "store/operations.h"
#include "store-fixture.h"

#define COUNT (2 * SUREL_MODIFY_MAX + 7)

typedef struct
{
  SurelPatch *patch;
  SurelKey key;
  guint done;
  SurelModified *result;
} Call;

static gboolean
do_part (SurelTxn *txn, gpointer data, GError **error)
{
  Call *call = data;
  g_autoptr (GVariant) reply = g_variant_ref_sink (g_variant_new ("(t)", (guint64) 42));

  if (!surel_modify_part (txn, call->patch, &call->key, &call->done, call->result, error))
    return FALSE;
  g_assert_true (surel_changes_has (txn->changes, SUREL_FAMILY_OPERATION, (guint64) call->result->operation));
  return call->done < call->patch->ids->len || surel_calls_keep (txn, &call->key, reply, error);
}

static void
list (SurelReader *reader, gpointer ids)
{
  sqlite3_stmt *s = surel_sql_start (reader->sql, NULL, "SELECT id FROM message ORDER BY id", "");

  while (s != NULL && surel_sql_step (reader->sql, s, NULL) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);

      g_array_append_val (ids, id);
    }
}

/* A call about all messages there are, or about none: as one whose filter matches no more. */
static Call
begin (StoreFixture *fixture, const char *key, gboolean all)
{
  Call call = { surel_patch_new (), { g_strdup (key), g_bytes_new_static ("digest", 6) }, 0, surel_modified_new () };

  call.patch->add_flags = SUREL_KEYWORD_FLAGGED;
  if (all)
    surel_store_read_sync (fixture->store, list, call.patch->ids);
  return call;
}

static void
end (Call *call)
{
  surel_patch_free (call->patch);
  surel_key_clear (&call->key);
  surel_modified_free (call->result);
}

static void
run (StoreFixture *fixture, Call *call)
{
  g_autoptr (GError) error = NULL;

  surel_store_write_sync (fixture->store, do_part, call, &error);
  g_assert_no_error (error);
}

typedef struct
{
  const char *sql;
  gint64 value;
} Number;

static void
read_number (SurelReader *reader, gpointer number)
{
  surel_sql_get (reader->sql, &((Number *) number)->value, NULL, ((Number *) number)->sql, "");
}

static gint64
number (StoreFixture *fixture, const char *sql)
{
  Number wanted = { sql, -1 };

  surel_store_read_sync (fixture->store, read_number, &wanted);
  return wanted.value;
}

static void
find_reply (SurelReader *reader, gpointer data)
{
  Call *call = data;
  g_autoptr (GVariant) reply = NULL;

  g_assert_true (surel_calls_find (reader->sql, &call->key, &reply, NULL));
  call->done = reply != NULL;
}

static gboolean
is_answered (StoreFixture *fixture, const char *key)
{
  Call call = begin (fixture, key, FALSE);
  gboolean answered;

  surel_store_read_sync (fixture->store, find_reply, &call);
  answered = call.done;
  end (&call);
  return answered;
}

static void
fill (StoreFixture *fixture)
{
  for (gint64 first = 1; first <= COUNT; first += SUREL_MODIFY_MAX / 4)
    store_fixture_put (fixture, fixture->inbox, first, MIN (first + SUREL_MODIFY_MAX / 4 - 1, COUNT), 0);
}

static void
test_goes_on (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  Call first;
  Call again;

  fill (fixture);
  first = begin (fixture, "k", TRUE);
  run (fixture, &first);
  g_assert_cmpuint (first.done, ==, SUREL_MODIFY_MAX);
  g_assert_false (is_answered (fixture, "k"));
  g_assert_cmpint (number (fixture, "SELECT next_attempt > unixepoch() FROM operation"), ==, 1);
  store_fixture_close_store (fixture);
  store_fixture_open_store (fixture);

  again = begin (fixture, "k", FALSE);
  run (fixture, &again);
  g_assert_cmpuint (again.done, ==, 2 * SUREL_MODIFY_MAX);
  run (fixture, &again);
  g_assert_cmpuint (again.done, ==, COUNT);
  g_assert_cmpuint (again.result->changed, ==, COUNT);
  g_assert_cmpint (again.result->operation, ==, first.result->operation);
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM intent"), ==, COUNT);
  g_assert_cmpint (number (fixture, "SELECT next_attempt FROM operation"), ==, 0);
  g_assert_true (is_answered (fixture, "k"));
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM call_messages"), ==, 0);
  end (&first);
  end (&again);
}

static void
test_copies_are_told (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  Call first;
  Call again;
  guint of_first;

  store_fixture_put (fixture, fixture->inbox, 1, SUREL_MODIFY_MAX, 0);
  first = begin (fixture, "k", TRUE);
  g_array_append_val (first.patch->add_folders, fixture->other);
  first.patch->add_flags = 0;
  run (fixture, &first);
  of_first = first.result->copies->len;
  g_assert_cmpuint (of_first, ==, SUREL_MODIFY_MAX / 2);

  again = begin (fixture, "k", FALSE);
  g_array_append_val (again.patch->add_folders, fixture->other);
  again.patch->add_flags = 0;
  run (fixture, &again);
  g_assert_cmpuint (again.done, ==, SUREL_MODIFY_MAX);
  g_assert_cmpuint (again.result->copies->len, ==, SUREL_MODIFY_MAX);
  g_assert_cmpmem (again.result->copies->data, of_first * sizeof (SurelCopied), first.result->copies->data,
                   of_first * sizeof (SurelCopied));
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM message"), ==, 2 * SUREL_MODIFY_MAX);
  end (&first);
  end (&again);
}

static gboolean
settle_one (SurelTxn *txn, gpointer operation, GError **error)
{
  return surel_operations_settle (txn, *(gint64 *) operation, 1, 0, error);
}

/* A later change may replace one of the first part. */
static void
test_the_rest_is_waited_for (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  Call call;

  fill (fixture);
  call = begin (fixture, NULL, TRUE);
  run (fixture, &call);
  g_assert_true (surel_store_write_sync (fixture->store, settle_one, &call.result->operation, NULL));
  g_assert_cmpint (number (fixture, "SELECT next_attempt > unixepoch() FROM operation"), ==, 1);
  end (&call);
}

static gboolean
cancel (SurelTxn *txn, gpointer operation, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE operation SET cancelled = 1 WHERE id = ?", "i", *(gint64 *) operation);
}

static void
test_nothing_is_added_to_what_is_cancelled (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;
  Call call;

  fill (fixture);
  call = begin (fixture, NULL, TRUE);
  run (fixture, &call);
  surel_store_write_sync (fixture->store, cancel, &call.result->operation, NULL);
  g_assert_false (surel_store_write_sync (fixture->store, do_part, &call, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_CANCELLED);
  g_assert_cmpint (number (fixture, "SELECT count(*) FROM intent"), ==, SUREL_MODIFY_MAX);
  end (&call);
}

/* The parts are no changes since `ifState`: they are the call's own. */
static void
test_its_own_parts_are_no_others (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  Call call;

  fill (fixture);
  call = begin (fixture, NULL, TRUE);
  call.patch->if_state = store_fixture_latest_state (fixture);
  while (call.done < COUNT)
    run (fixture, &call);
  g_assert_cmpuint (call.result->changed, ==, COUNT);
  end (&call);
}

#define ADD(path, function) g_test_add ("/parts/" path, StoreFixture, NULL, store_fixture_set_up, function, store_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("a-call-goes-on-where-it-ended", test_goes_on);
  ADD ("its-copies-are-told", test_copies_are_told);
  ADD ("the-rest-is-waited-for", test_the_rest_is_waited_for);
  ADD ("nothing-is-added-to-what-is-cancelled", test_nothing_is_added_to_what_is_cancelled);
  ADD ("its-own-parts-are-no-others", test_its_own_parts_are_no_others);
  return g_test_run ();
}
