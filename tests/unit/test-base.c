/* base: queues, sets of UIDs, text made fit to be shown, error names. */
#include "base/clock.h"
#include "base/errors.h"
#include "base/post.h"
#include "base/queue.h"
#include "base/text.h"
#include "base/turns.h"
#include "base/uidset.h"

static void
assert_set (const SurelUidSet *set, const char *expected)
{
  g_autofree char *text = surel_uid_set_to_string (set);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_uid_set_merges_and_splits (void)
{
  g_autoptr (SurelUidSet) set = surel_uid_set_new ();

  surel_uid_set_add (set, 5);
  surel_uid_set_add (set, 7);
  surel_uid_set_add (set, 6);
  surel_uid_set_add_range (set, 20, 10);
  assert_set (set, "5:7,10:20");
  surel_uid_set_add_range (set, 8, 9);
  assert_set (set, "5:20");
  surel_uid_set_remove_range (set, 7, 9);
  assert_set (set, "5:6,10:20");
  surel_uid_set_remove_range (set, 1, 5);
  surel_uid_set_remove_range (set, 20, 30);
  assert_set (set, "6,10:19");
  surel_uid_set_add_range (set, 19, G_MAXUINT32);
  g_assert_true (surel_uid_set_contains (set, G_MAXUINT32));
  g_assert_false (surel_uid_set_contains (set, 9));
  g_assert_cmpuint (surel_uid_set_count (set), ==, (guint64) G_MAXUINT32 - 10 + 1 + 1);
}

/* Against a plain array of booleans, over many random steps. */
static void
test_uid_set_agrees_with_a_bitmap (void)
{
  gboolean member[200] = { FALSE };
  g_autoptr (SurelUidSet) set = surel_uid_set_new ();

  for (guint step = 0; step < 5000; step++)
    {
      guint32 first = (guint32) g_test_rand_int_range (1, 190);
      guint32 last = (guint32) g_test_rand_int_range ((gint) first, (gint) first + 8);
      gboolean add = g_test_rand_bit ();

      if (add)
        surel_uid_set_add_range (set, first, last);
      else
        surel_uid_set_remove_range (set, first, last);
      for (guint32 uid = first; uid <= last; uid++)
        member[uid] = add;
    }
  for (guint32 uid = 1; uid < 200; uid++)
    g_assert_cmpint (surel_uid_set_contains (set, uid), ==, member[uid]);
}

static void
test_uid_set_parses_strictly (void)
{
  static const char *const wrong[]
      = { "", ",", "1,", "0", "1:", ":2", "1:0", "4294967296", "-1", "1 2", "*", "1,,2", "1;2" };
  g_autoptr (SurelUidSet) set = surel_uid_set_parse ("9,3:1,4294967295", -1);

  g_assert_nonnull (set);
  assert_set (set, "1:3,9,4294967295");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    g_assert_null (surel_uid_set_parse (wrong[i], -1));
}

static void
test_text_is_cleaned (void)
{
  static const struct
  {
    const char *text;
    gsize max;
    const char *clean;
  } cases[] = {
    { "plain", 100, "plain" },
    { "plain", 3, "pla" },
    { "a\033[31mb\tc\r\nd", 100, "a[31mb c  d" },
    { "x\342\200\256y\342\201\246z", 100, "xyz" },
    { "gr\374n", 100, "gr\357\277\275n" },
    { "caf\303\251", 4, "caf" },
    { "caf\303\251", 5, "caf\303\251" },
    { "\302\205\302\233", 100, " " },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *clean = surel_text_clean (cases[i].text, -1, cases[i].max);

      g_assert_cmpstr (clean, ==, cases[i].clean);
      g_assert_true (surel_text_is_clean (clean));
    }
  g_assert_false (surel_text_is_clean ("a\033b"));
  g_assert_false (surel_text_is_clean ("\377"));
}

static gpointer
push_numbers (gpointer data)
{
  for (guint i = 1; i <= 1000; i++)
    g_assert_true (surel_queue_push (data, GUINT_TO_POINTER (i)));
  surel_queue_close (data);
  return NULL;
}

static void
test_queue_keeps_order_and_ends (void)
{
  g_autoptr (SurelQueue) queue = surel_queue_new (4, NULL);
  GThread *thread = g_thread_new ("push", push_numbers, queue);

  for (guint i = 1; i <= 1000; i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (surel_queue_pop (queue, -1)), ==, i);
  g_assert_null (surel_queue_pop (queue, -1));
  g_assert_false (surel_queue_push (queue, GUINT_TO_POINTER (1)));
  g_thread_join (thread);
}

static void
test_turns_are_taken (void)
{
  g_autoptr (SurelTurns) turns = surel_turns_new (NULL);
  const guint expected[] = { 10, 20, 30, 11, 31, 12, 13 };
  const int one = 0, other = 0;

  for (guint i = 10; i < 14; i++)
    surel_turns_push (turns, &one, GUINT_TO_POINTER (i));
  surel_turns_push (turns, &other, GUINT_TO_POINTER (20));
  surel_turns_push (turns, NULL, GUINT_TO_POINTER (30));
  surel_turns_push (turns, NULL, GUINT_TO_POINTER (31));
  surel_turns_close (turns);
  g_assert_false (surel_turns_push (turns, &one, GUINT_TO_POINTER (1)));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (surel_turns_pop (turns)), ==, expected[i]);
  g_assert_null (surel_turns_pop (turns));
}

static void
test_queue_lets_the_urgent_go_first (void)
{
  g_autoptr (SurelQueue) queue = surel_queue_new (1, NULL);
  static const guint expected[] = { 2, 3, 1 };

  surel_queue_push (queue, GUINT_TO_POINTER (1));
  g_assert_false (surel_queue_try_push (queue, GUINT_TO_POINTER (4)));
  g_assert_false (surel_queue_has_urgent (queue));
  surel_queue_push_urgent (queue, GUINT_TO_POINTER (2));
  surel_queue_push_urgent (queue, GUINT_TO_POINTER (3));
  g_assert_true (surel_queue_has_urgent (queue));
  g_assert_null (surel_queue_try_pop_alike (queue, FALSE));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (surel_queue_try_pop (queue)), ==, expected[i]);
  g_assert_false (surel_queue_has_urgent (queue));
  g_assert_true (surel_queue_try_push (queue, GUINT_TO_POINTER (5)));
  surel_queue_close (queue);
  g_assert_cmpuint (GPOINTER_TO_UINT (surel_queue_try_pop (queue)), ==, 5);
  g_assert_false (surel_queue_try_push (queue, GUINT_TO_POINTER (6)));
}

static void
count_up (gpointer data)
{
  (*(guint *) data)++;
}

static void
test_post_runs_once_and_frees (void)
{
  guint runs = 0;
  g_autoptr (GMainContext) context = g_main_context_new ();

  surel_post (context, count_up, &runs, count_up);
  g_assert_cmpuint (runs, ==, 0);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_assert_cmpuint (runs, ==, 2);
}

static void
test_errors_have_names (void)
{
  g_autoptr (GError) error = g_error_new (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "disk");

  surel_error_to_public (&error);
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL);
  g_assert_cmpstr (surel_error_name (error), ==, "org.surel.Sync1.Error.StorageFull");
  g_assert_cmpstr (error->message, ==, "disk");
}

static void
test_clock_can_be_driven (void)
{
  surel_clock_set_for_test (1000, 5);
  g_assert_cmpint (surel_clock_now (), ==, 1000);
  g_assert_cmpint (surel_clock_monotonic (), ==, 5);
  surel_clock_set_for_test (-1, -1);
  g_assert_cmpint (surel_clock_now (), >, 1700000000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/base/uid-set/merges-and-splits", test_uid_set_merges_and_splits);
  g_test_add_func ("/base/uid-set/agrees-with-a-bitmap", test_uid_set_agrees_with_a_bitmap);
  g_test_add_func ("/base/uid-set/parses-strictly", test_uid_set_parses_strictly);
  g_test_add_func ("/base/text/is-cleaned", test_text_is_cleaned);
  g_test_add_func ("/base/queue/keeps-order-and-ends", test_queue_keeps_order_and_ends);
  g_test_add_func ("/base/queue/lets-the-urgent-go-first", test_queue_lets_the_urgent_go_first);
  g_test_add_func ("/base/turns/are-taken", test_turns_are_taken);
  g_test_add_func ("/base/post/runs-once-and-frees", test_post_runs_once_and_frees);
  g_test_add_func ("/base/errors/have-names", test_errors_have_names);
  g_test_add_func ("/base/clock/can-be-driven", test_clock_can_be_driven);
  return g_test_run ();
}
