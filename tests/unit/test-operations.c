/* How long an operation that has ended can be seen. */
#include "store/operations.h"
#include "store-fixture.h"

/* One whose intents ended in this way. */
typedef struct
{
  const char *kind;
  guint intents;
  guint done;
  guint failed;
  const char *then; /* nullable: what became of it after */
  gboolean goes; /* once a day is over */
} Ending;

static const Ending endings[] = {
  { "done", 2, 2, 0, NULL, TRUE },
  { "failed", 2, 0, 2, NULL, FALSE },
  { "partial", 2, 1, 1, NULL, FALSE },
  { "open", 2, 1, 0, NULL, FALSE },
  { "cancelled", 1, 1, 0, "UPDATE operation SET cancelled = 1 WHERE id = ?", TRUE },
  { "failed and cancelled", 1, 0, 1, "UPDATE operation SET cancelled = 1 WHERE id = ?", TRUE },
  { "unknown", 1, 1, 0, "UPDATE operation SET unknown = 1 WHERE id = ?", FALSE },
  { "unknown and cancelled", 1, 1, 0, "UPDATE operation SET unknown = 1, cancelled = 1 WHERE id = ?", FALSE },
};

static gboolean
add_one (SurelTxn *txn, const Ending *ending, GError **error)
{
  gint64 id = surel_operations_add (txn, ending->kind, "test", error);

  for (guint i = 0; i < ending->intents; i++)
    if (!surel_sql_run (txn->sql, error, "INSERT INTO intent (operation, account, message, kind) VALUES (?, 1, ?, 1)", "ii",
                        id, (gint64) i + 1))
      return FALSE;
  return surel_operations_opened (txn, id, ending->intents, error)
         && surel_operations_settle (txn, id, ending->done, ending->failed, error)
         && (ending->then == NULL || surel_sql_run (txn->sql, error, ending->then, "i", id));
}

static gboolean
add_all (SurelTxn *txn, gpointer time, GError **error)
{
  *(gint64 *) time = txn->time;
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (!add_one (txn, &endings[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
trim_at (SurelTxn *txn, gpointer time, GError **error)
{
  txn->time = *(gint64 *) time;
  return surel_operations_trim (txn, error);
}

typedef struct
{
  const Ending *ending;
  gint64 operations;
  gint64 intents;
} Count;

static void
count (SurelReader *reader, gpointer data)
{
  Count *self = data;

  g_assert_true (surel_sql_get (reader->sql, &self->operations, NULL, "SELECT count(*) FROM operation WHERE kind = ?", "s",
                                self->ending->kind));
  g_assert_true (surel_sql_get (reader->sql, &self->intents, NULL,
                                "SELECT count(*) FROM intent JOIN operation o ON o.id = operation WHERE o.kind = ?", "s",
                                self->ending->kind));
}

static void
count_all_intents (SurelReader *reader, gpointer number)
{
  g_assert_true (surel_sql_get (reader->sql, number, NULL, "SELECT count(*) FROM intent", ""));
}

/* Checks what is there, and that no intent is there without its operation. */
static void
assert_there (StoreFixture *fixture, gboolean day_is_over)
{
  gint64 intents = 0;
  gint64 all = -1;

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      Count found = { &endings[i], -1, -1 };
      gboolean stays = !day_is_over || !endings[i].goes;

      surel_store_read_sync (fixture->store, count, &found);
      g_test_message ("%s", endings[i].kind);
      g_assert_cmpint (found.operations, ==, stays);
      g_assert_cmpint (found.intents, ==, stays ? endings[i].intents : 0);
      intents += found.intents;
    }
  surel_store_read_sync (fixture->store, count_all_intents, &all);
  g_assert_cmpint (all, ==, intents);
}

static void
test_kept_for_a_day (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;
  gint64 time = 0;

  surel_store_write_sync (fixture->store, add_all, &time, &error);
  g_assert_no_error (error);
  time += SUREL_OPERATION_KEPT_SECONDS;
  surel_store_write_sync (fixture->store, trim_at, &time, &error);
  g_assert_no_error (error);
  assert_there (fixture, FALSE);
  time++;
  surel_store_write_sync (fixture->store, trim_at, &time, &error);
  g_assert_no_error (error);
  assert_there (fixture, TRUE);
}

#define ADD(path, function) \
  g_test_add ("/operations/" path, StoreFixture, NULL, store_fixture_set_up, function, store_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("what-is-done-is-kept-for-a-day-and-what-failed-for-longer", test_kept_for_a_day);
  return g_test_run ();
}
