/* The store: states and changes, messages written and read, what a crash leaves. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errors.h"
#include "store/content.h"
#include "store/log.h"
#include "store/query.h"
#include "store/rows.h"
#include "store-fixture.h"

typedef struct
{
  guint64 since;
  guint limit;
  SurelPage *page;
  GError *error;
} Ask;

static void
read_changes (SurelReader *reader, gpointer data)
{
  Ask *ask = data;

  ask->page = surel_log_read (reader, ask->since, ask->limit, &ask->error);
}

static SurelPage *
changes (StoreFixture *fixture, guint64 since, guint limit)
{
  Ask ask = { since, limit, NULL, NULL };

  surel_store_read_sync (fixture->store, read_changes, &ask);
  g_assert_no_error (ask.error);
  return ask.page;
}

static void
apply (GHashTable *mirror, SurelChanges *set)
{
  static const SurelEvent events[] = { SUREL_CREATED, SUREL_UPDATED, SUREL_DESTROYED };

  for (guint e = 0; e < G_N_ELEMENTS (events); e++)
    {
      g_autoptr (GArray) ids = surel_changes_list (set, SUREL_FAMILY_MESSAGE, events[e]);

      for (guint i = 0; i < ids->len; i++)
        {
          gpointer key = (gpointer) (guintptr) g_array_index (ids, guint64, i);

          if (events[e] == SUREL_DESTROYED)
            g_hash_table_remove (mirror, key);
          else
            g_hash_table_add (mirror, key);
        }
    }
}

static guint64
catch_up (StoreFixture *fixture, GHashTable *mirror, guint64 since, guint limit)
{
  gboolean more = TRUE;

  while (more)
    {
      g_autoptr (SurelPage) page = changes (fixture, since, limit);

      apply (mirror, page->changes);
      more = page->has_more;
      since = page->state;
    }
  return since;
}

typedef struct
{
  SurelQuery *query;
  SurelQueryResult *result;
  char *plan;
} Listing;

static void
run_query (SurelReader *reader, gpointer data)
{
  g_autoptr (GError) error = NULL;
  Listing *listing = data;

  listing->result = surel_query_run (reader, listing->query, &error);
  g_assert_no_error (error);
  listing->plan = surel_query_explain (reader, listing->query, NULL);
}

static GHashTable *
all_shown (StoreFixture *fixture)
{
  g_autoptr (SurelQuery) query = surel_query_new ();
  g_autoptr (SurelQueryResult) result = NULL;
  Listing listing = { query, NULL, NULL };
  GHashTable *set = g_hash_table_new (NULL, NULL);

  query->limit = 1000000;
  surel_store_read_sync (fixture->store, run_query, &listing);
  result = listing.result;
  g_free (listing.plan);
  for (guint i = 0; i < result->ids->len; i++)
    g_hash_table_add (set, (gpointer) (guintptr) g_array_index (result->ids, gint64, i));
  return set;
}

static void
assert_same (GHashTable *a, GHashTable *b)
{
  GHashTableIter iter;
  gpointer key;

  g_assert_cmpuint (g_hash_table_size (a), ==, g_hash_table_size (b));
  g_hash_table_iter_init (&iter, a);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_assert_true (g_hash_table_contains (b, key));
}

/* A mirror taken at any moment and brought up by Changes alone is the present. */
static void
test_changes_from_any_state_give_the_present (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GHashTable) now = NULL;
  GHashTable *mirrors[40];
  guint64 states[40];
  gint64 next = 1;

  for (guint i = 0; i < G_N_ELEMENTS (mirrors); i++)
    {
      g_autofree char *gone = g_strdup_printf ("%d:%d", g_test_rand_int_range (1, (gint) next + 1),
                                               (gint) next);
      gint n = g_test_rand_int_range (1, 120);

      store_fixture_put (fixture, fixture->inbox, next, next + n, (guint) g_test_rand_int_range (0, 4));
      next += n + 1;
      if (g_test_rand_bit ())
        store_fixture_take_out (fixture, fixture->inbox, gone);
      mirrors[i] = g_hash_table_new (NULL, NULL);
      states[i] = catch_up (fixture, mirrors[i], 0, (guint) g_test_rand_int_range (1, 1001));
    }
  now = all_shown (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (mirrors); i++)
    {
      catch_up (fixture, mirrors[i], states[i], (guint) g_test_rand_int_range (1, 1001));
      assert_same (mirrors[i], now);
      g_hash_table_unref (mirrors[i]);
    }
}

/* A listing from 0 that things happen to, one page at a time, ends at the present. */
static void
test_listing_survives_changes_under_way (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GHashTable) mirror = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) now = NULL;
  guint64 since = 0;
  gboolean more = TRUE;

  store_fixture_put (fixture, fixture->inbox, 1, 5000, 0);
  for (guint step = 0; more; step++)
    {
      g_autoptr (SurelPage) page = changes (fixture, since, 1);

      apply (mirror, page->changes);
      since = page->state;
      more = page->has_more;
      if (step == 1)
        {
          store_fixture_take_out (fixture, fixture->inbox, "1:100,4000:4100");
          store_fixture_put (fixture, fixture->inbox, 5001, 5010, 0);
        }
      if (step == 2)
        {
          store_fixture_take_out (fixture, fixture->inbox, "5005");
          store_fixture_close_store (fixture);
          store_fixture_open_store (fixture);
        }
    }
  now = all_shown (fixture);
  assert_same (mirror, now);
  g_assert_cmpuint (since, ==, store_fixture_latest_state (fixture));
}

static void
test_unknown_states_are_told (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  guint64 state = store_fixture_latest_state (fixture);
  guint64 wrong[] = { 1, 7, 12345678, SUREL_STATE_STEP, state + 1, state - 1, state + SUREL_STATE_STEP,
                      G_MAXINT64 };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      Ask ask = { wrong[i], 10, NULL, NULL };

      surel_store_read_sync (fixture->store, read_changes, &ask);
      g_assert_error (ask.error, SUREL_ERROR, SUREL_ERROR_CANNOT_CALCULATE_CHANGES);
      g_clear_error (&ask.error);
    }
}

static void
read_folder (SurelReader *reader, gpointer data)
{
  GPtrArray *rows = data;
  gint64 id = GPOINTER_TO_INT (rows->pdata[0]);

  g_ptr_array_set_size (rows, 0);
  g_assert_true (surel_folders_load (reader->sql, id, rows, NULL));
}

static void
assert_counts (StoreFixture *fixture, gint64 folder, guint total, guint unread)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new ();
  SurelFolderRow *row;

  g_ptr_array_add (rows, GINT_TO_POINTER ((gint) folder));
  surel_store_read_sync (fixture->store, read_folder, rows);
  row = rows->pdata[0];
  g_assert_cmpuint (row->total, ==, total);
  g_assert_cmpuint (row->unread, ==, unread);
  surel_folder_row_unref (row);
}

static void
test_deleted_mark_hides_and_brings_back (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (SurelPage) hidden = NULL;
  g_autoptr (SurelPage) back = NULL;
  g_autoptr (GArray) destroyed = NULL;
  g_autoptr (GArray) created = NULL;
  guint64 state;

  store_fixture_put (fixture, fixture->inbox, 1, 10, 0);
  assert_counts (fixture, fixture->inbox, 10, 10);
  state = store_fixture_latest_state (fixture);
  store_fixture_put (fixture, fixture->inbox, 3, 3, SUREL_KEYWORD_DELETED);
  assert_counts (fixture, fixture->inbox, 9, 9);
  hidden = changes (fixture, state, 100);
  destroyed = surel_changes_list (hidden->changes, SUREL_FAMILY_MESSAGE, SUREL_DESTROYED);
  g_assert_cmpuint (destroyed->len, ==, 1);
  store_fixture_put (fixture, fixture->inbox, 3, 3, SUREL_KEYWORD_SEEN);
  assert_counts (fixture, fixture->inbox, 10, 9);
  back = changes (fixture, hidden->state, 100);
  created = surel_changes_list (back->changes, SUREL_FAMILY_MESSAGE, SUREL_CREATED);
  g_assert_cmpuint (created->len, ==, 1);
  g_assert_cmpuint (g_array_index (created, guint64, 0), ==, g_array_index (destroyed, guint64, 0));
}

static void
test_ids_survive_a_new_uidvalidity (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GPtrArray) messages
      = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
  g_autoptr (GHashTable) before = NULL;
  g_autoptr (GHashTable) after = NULL;
  g_autoptr (GError) error = NULL;
  StoreBatch restart = { .folder = fixture->inbox, .restart = TRUE };
  StoreBatch listing = { .folder = fixture->inbox, .messages = messages, .drop = TRUE, .listed = TRUE };
  StoreBatch listed = { .folder = fixture->inbox, .listed = TRUE };
  GHashTableIter iter;
  gpointer key;

  store_fixture_put (fixture, fixture->inbox, 1, 50, 0);
  g_assert_true (surel_store_write_sync (fixture->store, store_fixture_write_batch, &listed, &error));
  before = all_shown (fixture);
  g_assert_true (surel_store_write_sync (fixture->store, store_fixture_write_batch, &restart, &error));
  for (gint64 uid = 1; uid <= 49; uid++) /* the last is gone, the others have other UIDs */
    {
      SurelMessage *message = store_fixture_make_message (uid, 0);

      message->remote_id.number = 1000 - uid;
      g_ptr_array_add (messages, message);
    }
  g_assert_true (surel_store_write_sync (fixture->store, store_fixture_write_batch, &listing, &error));
  g_assert_no_error (error);
  after = all_shown (fixture);
  g_assert_cmpuint (g_hash_table_size (after), ==, 49);
  assert_counts (fixture, fixture->inbox, 49, 49);
  g_hash_table_iter_init (&iter, after);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_assert_true (g_hash_table_contains (before, key));
}

static void
test_a_move_elsewhere_keeps_the_id (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GHashTable) before = NULL;
  g_autoptr (GHashTable) after = NULL;

  store_fixture_put (fixture, fixture->inbox, 1, 5, 0);
  before = all_shown (fixture);
  store_fixture_take_out (fixture, fixture->inbox, "2");
  store_fixture_put (fixture, fixture->other, 2, 2, 0);
  after = all_shown (fixture);
  assert_same (before, after);
  assert_counts (fixture, fixture->inbox, 4, 4);
  assert_counts (fixture, fixture->other, 1, 1);
}

static gboolean
write_then_fail (SurelTxn *txn, gpointer data, GError **error)
{
  StoreFixture *fixture = data;
  g_autoptr (GPtrArray) messages
      = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);

  g_ptr_array_add (messages, store_fixture_make_message (77, 0));
  g_assert_true (surel_messages_put (txn, fixture->inbox, messages, error));
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT, "on purpose");
  return FALSE;
}

static void
test_a_failing_job_leaves_nothing (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (surel_store_write_sync (fixture->store, write_then_fail, fixture, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT);
  assert_counts (fixture, fixture->inbox, 0, 0);
}

/* What is posted at the end may still want to write. */
static void
test_a_closed_store_takes_nothing (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  surel_store_close (fixture->store);
  surel_store_write (fixture->store, write_then_fail, fixture, NULL, NULL, NULL);
  surel_store_read (fixture->store, NULL, NULL, NULL, NULL);
}

static gint64
count_in (const char *path, const char *query)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  gint64 count;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (db, query, -1, &statement, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  count = sqlite3_column_int64 (statement, 0);
  sqlite3_finalize (statement);
  sqlite3_close (db);
  return count;
}

/* tests/data has a database of each version before the present one; the first had no operations, in the later ones a
 * server that was away has four of them to come. */
static void
test_an_older_store_is_brought_up (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *present = g_build_filename (fixture->dir, "surel.db", NULL);

  for (guint version = 1; version < count_in (present, "PRAGMA user_version"); version++)
    {
      g_autofree char *name = g_strdup_printf ("%s/store-%u.sql", SUREL_TEST_DATA, version);
      StoreFixture older = { .dir = g_strdup_printf ("%s/older-%u", fixture->dir, version) };
      g_autofree char *path = g_build_filename (older.dir, "surel.db", NULL);
      g_autofree char *sql = NULL;
      g_autoptr (GHashTable) shown = NULL;
      sqlite3 *db = NULL;

      g_assert_true (g_file_get_contents (name, &sql, NULL, NULL));
      g_mkdir (older.dir, 0700);
      g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
      g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
      sqlite3_close (db);
      store_fixture_open_store (&older);
      shown = all_shown (&older);
      g_assert_cmpuint (g_hash_table_size (shown), ==, 15);
      for (guint i = 0; count_in (path, "SELECT count(*) FROM message WHERE thread = 0") > 0; i++)
        {
          g_assert_cmpuint (i, <, 1000);
          g_usleep (10000);
        }
      store_fixture_close_store (&older);
      g_assert_cmpint (count_in (path, "SELECT count(*) FROM intent WHERE state < 2"), ==, version > 1 ? 4 : 0);
      g_assert_cmpint (count_in (path, "SELECT count(*) FROM message WHERE shown AND saved = 0"), ==, 15);
      store_fixture_open_store (&older);
      store_fixture_close_store (&older);
      g_free (older.dir);
    }
}

static void
test_no_number_is_given_twice (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  guint64 state;
  g_autofree char *copy = g_strconcat (fixture->dir, "-copy", NULL);
  g_autofree char *command = g_strdup_printf ("cp -r '%s' '%s'", fixture->dir, copy);
  g_autoptr (GHashTable) set = NULL;
  StoreFixture after_crash = { .dir = copy, .inbox = fixture->inbox };

  store_fixture_put (fixture, fixture->inbox, 1, 3, 0);
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL)); /* as a crash leaves it */
  store_fixture_put (fixture, fixture->inbox, 4, 100, 0);
  state = store_fixture_latest_state (fixture);
  set = all_shown (fixture);

  store_fixture_open_store (&after_crash);
  store_fixture_put (&after_crash, after_crash.inbox, 500, 500, 0);
  g_assert_cmpuint (store_fixture_latest_state (&after_crash), >, state);
  {
    g_autoptr (GHashTable) later = all_shown (&after_crash);
    GHashTableIter iter;
    gpointer key;
    guint both = 0;

    g_hash_table_iter_init (&iter, later);
    while (g_hash_table_iter_next (&iter, &key, NULL))
      both += g_hash_table_contains (set, key);
    g_assert_cmpuint (both, ==, 3);
  }
  store_fixture_close_store (&after_crash);
  g_free (command);
  command = g_strdup_printf ("rm -rf '%s'", copy);
  g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL);
}

static void
test_queries_use_their_index (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (SurelQuery) query = surel_query_new ();
  Listing listing = { query, NULL, NULL };

  store_fixture_put (fixture, fixture->inbox, 1, 100, 0);
  query->limit = 50;
  surel_store_read_sync (fixture->store, run_query, &listing);
  g_assert_cmpstr (listing.plan, ==, "SCAN m USING COVERING INDEX message_list\n");
  g_assert_true (listing.result->has_more);
  g_assert_cmpuint (listing.result->ids->len, ==, 50);
  surel_query_result_free (listing.result);
  g_free (listing.plan);
  query->filter = surel_filter_new (SUREL_FILTER_IN_MAILBOX);
  query->filter->number = fixture->inbox;
  query->position = 90;
  query->calculate_total = TRUE;
  surel_store_read_sync (fixture->store, run_query, &listing);
  g_assert_cmpstr (listing.plan, ==, "SEARCH p USING COVERING INDEX placement_list (folder=?)\n");
  g_assert_cmpuint (listing.result->ids->len, ==, 10);
  g_assert_cmpuint (listing.result->total, ==, 100);
  g_assert_false (listing.result->has_more);
  surel_query_result_free (listing.result);
  g_free (listing.plan);
}

static gboolean
add_content (SurelTxn *txn, gpointer data, GError **error)
{
  gpointer *args = data;

  return surel_content_add (txn, *(gint64 *) args[0], args[1], 5, error);
}

static void
test_content_is_kept_once_and_checked (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  const char *dir = surel_store_get_content_dir (fixture->store);
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelContentWriter) writer = surel_content_writer_new (dir, &error);
  G_GNUC_UNUSED g_autoptr (SurelContentWriter) unfinished = surel_content_writer_new (dir, &error);
  g_autoptr (GBytes) digest = NULL;
  g_autoptr (GHashTable) shown = NULL;
  g_autoptr (GList) keys = NULL;
  guint64 size;
  gint64 id;
  char octets[8];
  gpointer args[2];
  int fd;

  g_assert_true (surel_content_writer_write (writer, "he\0lo", 5, &error));
  digest = surel_content_writer_finish (writer, &size, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (size, ==, 5);
  store_fixture_put (fixture, fixture->inbox, 1, 1, 0);
  shown = all_shown (fixture);
  keys = g_hash_table_get_keys (shown);
  id = (gint64) (guintptr) keys->data;
  args[0] = &id;
  args[1] = digest;
  g_assert_true (surel_store_write_sync (fixture->store, add_content, args, &error));
  fd = surel_content_open (dir, g_bytes_get_data (digest, NULL), &error);
  g_assert_cmpint (read (fd, octets, sizeof octets), ==, 5);
  g_assert_cmpmem (octets, 5, "he\0lo", 5);
  g_assert_cmpint (write (fd, "x", 1), ==, -1);
  close (fd);
  {
    g_autofree char *command = g_strdup_printf ("sh -c 'for f in %s/*/*; do echo x >> $f; done'", dir);

    g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  }
  g_assert_cmpint (surel_content_open (dir, g_bytes_get_data (digest, NULL), &error), ==, -1);
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
}

static GBytes *
keep (StoreFixture *fixture, const char *octets)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelContentWriter) writer
      = surel_content_writer_new (surel_store_get_content_dir (fixture->store), &error);
  guint64 size;
  GBytes *digest;

  g_assert_true (surel_content_writer_write (writer, octets, strlen (octets), &error));
  digest = surel_content_writer_finish (writer, &size, &error);
  g_assert_no_error (error);
  return digest;
}

static gboolean
is_kept (StoreFixture *fixture, GBytes *digest)
{
  int fd = surel_content_open (surel_store_get_content_dir (fixture->store), g_bytes_get_data (digest, NULL), NULL);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

static gboolean
sweep_content (SurelTxn *txn, gpointer data, GError **error)
{
  gpointer *args = data;

  return surel_content_adopt (txn, args[0], error) && surel_content_sweep (txn, args[1], args[2], error);
}

/* The store takes a file for rubbish that nobody knows of yet, or that comes again just then. */
static void
test_content_that_comes_is_not_swept (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  GBytes *first = keep (fixture, "hello");
  g_autoptr (GBytes) name = g_bytes_new (g_bytes_get_data (first, NULL), g_bytes_get_size (first));
  g_autoptr (GBytes) again = NULL;
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  gpointer args[] = { name, (gpointer) surel_store_get_content_dir (fixture->store), paths };

  g_assert_true (surel_store_write_sync (fixture->store, sweep_content, args, NULL));
  surel_content_unlink (paths, TRUE);
  g_assert_cmpuint (paths->len, ==, 0);
  g_assert_true (is_kept (fixture, name));
  g_bytes_unref (first);
  g_assert_true (surel_store_write_sync (fixture->store, sweep_content, args, NULL));
  g_assert_cmpuint (paths->len, ==, 1);
  again = keep (fixture, "hello");
  surel_content_unlink (paths, TRUE);
  g_assert_true (is_kept (fixture, name));
  g_clear_pointer (&again, g_bytes_unref);
  g_ptr_array_set_size (paths, 0);
  g_assert_true (surel_store_write_sync (fixture->store, sweep_content, args, NULL));
  surel_content_unlink (paths, TRUE);
  g_assert_false (is_kept (fixture, name));
}

static void
test_a_second_store_is_refused (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (surel_store_open (fixture->dir, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT);
}

static void
test_foreign_and_linked_directories_are_refused (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *link = g_strconcat (fixture->dir, "-link", NULL);
  g_autofree char *open_to_all = g_build_filename (fixture->dir, "open", NULL);
  g_autoptr (GError) error = NULL;
  GStatBuf status;

  g_assert_cmpint (symlink (fixture->dir, link), ==, 0);
  g_assert_null (surel_store_open (link, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_PERMISSION_DENIED);
  g_unlink (link);
  g_mkdir (open_to_all, 0777);
  g_chmod (open_to_all, 0777);
  {
    g_autoptr (SurelStore) store = surel_store_open (open_to_all, NULL);

    g_assert_nonnull (store);
    g_stat (open_to_all, &status);
    g_assert_cmpint (status.st_mode & 0777, ==, 0700);
  }
}

#define ADD(name, func) g_test_add ("/store/" name, StoreFixture, NULL, store_fixture_set_up, func, store_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  umask (077);
  ADD ("changes-from-any-state-give-the-present", test_changes_from_any_state_give_the_present);
  ADD ("listing-survives-changes-under-way", test_listing_survives_changes_under_way);
  ADD ("unknown-states-are-told", test_unknown_states_are_told);
  ADD ("deleted-mark-hides-and-brings-back", test_deleted_mark_hides_and_brings_back);
  ADD ("ids-survive-a-new-uidvalidity", test_ids_survive_a_new_uidvalidity);
  ADD ("a-move-elsewhere-keeps-the-id", test_a_move_elsewhere_keeps_the_id);
  ADD ("a-failing-job-leaves-nothing", test_a_failing_job_leaves_nothing);
  ADD ("a-closed-store-takes-nothing", test_a_closed_store_takes_nothing);
  ADD ("an-older-store-is-brought-up", test_an_older_store_is_brought_up);
  ADD ("no-number-is-given-twice", test_no_number_is_given_twice);
  ADD ("queries-use-their-index", test_queries_use_their_index);
  ADD ("content-is-kept-once-and-checked", test_content_is_kept_once_and_checked);
  ADD ("content-that-comes-is-not-swept", test_content_that_comes_is_not_swept);
  ADD ("a-second-store-is-refused", test_a_second_store_is_refused);
  ADD ("foreign-and-linked-directories-are-refused", test_foreign_and_linked_directories_are_refused);
  return g_test_run ();
}
