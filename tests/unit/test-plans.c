/* How often SQLite plans the statements of the store. One with a parameter that a partial index might depend on is planned
 * anew whenever it is bound, which takes longer than all else. */
#include "base/clock.h"
#include "store/intents-next.h"
#include "store/modify.h"
#include "store-fixture.h"

#define COUNT 50

static void
read_ids (SurelReader *reader, gpointer data)
{
  sqlite3_stmt *s = surel_sql_start (reader->sql, NULL, "SELECT id FROM message", "");

  while (surel_sql_step (reader->sql, s, NULL) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);

      g_array_append_val ((GArray *) data, id);
    }
}

static gboolean
modify (SurelTxn *txn, gpointer data, GError **error)
{
  g_autoptr (SurelModified) result = surel_modified_new ();

  return surel_modify (txn, data, 0, COUNT, result, error);
}

static gboolean
count_plans (SurelTxn *txn, gpointer data, GError **error G_GNUC_UNUSED)
{
  guint *count = data;

  for (sqlite3_stmt *s = sqlite3_next_stmt (surel_sql_handle (txn->sql), NULL); s != NULL;
       s = sqlite3_next_stmt (surel_sql_handle (txn->sql), s))
    *count += (guint) sqlite3_stmt_status (s, SQLITE_STMTSTATUS_REPREPARE, TRUE);
  return TRUE;
}

static void
test_changes (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  guint count = 0;

  store_fixture_put (fixture, fixture->inbox, 1, COUNT, 0);
  for (guint round = 0; round < 3; round++)
    {
      g_autoptr (SurelPatch) patch = surel_patch_new ();
      g_autoptr (GError) error = NULL;

      surel_store_read_sync (fixture->store, read_ids, patch->ids);
      g_assert_cmpuint (patch->ids->len, ==, COUNT);
      patch->add_flags = round == 0 ? SUREL_KEYWORD_SEEN : 0;
      patch->move_to = round == 1 ? fixture->other : 0;
      patch->destroy = round == 2;
      surel_store_write_sync (fixture->store, modify, patch, &error);
      g_assert_no_error (error);
    }
  surel_store_write_sync (fixture->store, count_plans, &count, NULL);
  g_assert_cmpuint (count, <, COUNT / 2);
}

/* As they are looked for before each step. */
static gboolean
look_for_next (SurelTxn *txn, gpointer data G_GNUC_UNUSED, GError **error)
{
  SurelReader reader = { .sql = txn->sql };
  gint64 account = 0;

  if (!surel_sql_get (txn->sql, &account, error, "SELECT max(id) FROM account", ""))
    return FALSE;
  for (guint i = 0; i < COUNT; i++)
    {
      g_autoptr (SurelChange) change = NULL;

      if (!surel_intents_next (&reader, account, surel_clock_now (), TRUE, &change, error))
        return FALSE;
      g_assert_cmpuint (change->items->len, ==, COUNT);
    }
  return TRUE;
}

static void
test_what_is_next (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (SurelPatch) patch = surel_patch_new ();
  g_autoptr (GError) error = NULL;
  guint count = 0;

  store_fixture_put (fixture, fixture->inbox, 1, COUNT, 0);
  surel_store_read_sync (fixture->store, read_ids, patch->ids);
  patch->add_flags = SUREL_KEYWORD_SEEN;
  surel_store_write_sync (fixture->store, modify, patch, &error);
  g_assert_no_error (error);
  surel_store_write_sync (fixture->store, count_plans, &count, NULL);
  count = 0;
  surel_store_write_sync (fixture->store, look_for_next, NULL, &error);
  g_assert_no_error (error);
  surel_store_write_sync (fixture->store, count_plans, &count, NULL);
  g_assert_cmpuint (count, <, COUNT / 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add ("/plans/changes", StoreFixture, NULL, store_fixture_set_up, test_changes, store_fixture_tear_down);
  g_test_add ("/plans/next", StoreFixture, NULL, store_fixture_set_up, test_what_is_next, store_fixture_tear_down);
  return g_test_run ();
}
