/* Threads: subjects, and which messages end in one thread, compared with a reference that knows all of them at once. */
#include <string.h>

#include "base/thread-keys.h"
#include "store/message-row.h"
#include "store/query.h"
#include "store/rows.h"
#include "store/threads.h"
#include "store-fixture.h"

/* --- Subjects --- */

static void
test_subjects (void)
{
  static const struct
  {
    const char *subject;
    const char *base;
  } cases[] = {
    { NULL, "" },
    { "", "" },
    { "Re:", "" },
    { "Lunch", "lunch" },
    { "  Lunch \t at  one ", "lunchatone" },
    { "Re: Lunch", "lunch" },
    { "RE : Lunch", "lunch" },
    { "Re[2]: Lunch", "lunch" },
    { "Re(12): RE^3: Re*4: Re5: Lunch", "lunch" },
    { "Fwd: Re: FW: Lunch (fwd)", "lunch" },
    { "[Fwd: Lunch]", "lunch" },
    { "Re: [Fwd: Re: Lunch] (fwd) (FWD)", "lunch" },
    { "[list] Re: [other list] Lunch", "lunch" },
    { "Re: [list]", "[list]" },
    { "[list][other]", "[other]" },
    { "[a [b] c] Lunch", "[a[b]c]lunch" },
    { "AW: WG: Antw: Mittag", "mittag" },
    { "SV: VS: Lunsj", "lunsj" },
    { "R: I: Pranzo", "pranzo" },
    { "TR : RE : D\xc3\xa9jeuner", "d\xc3\xa9jeuner" },
    { "Odp: PD: Obiad", "obiad" },
    { "YNT: \xc4\xb0LT: \xc3\x96\xc4\x9fle", "\xc3\xb6\xc4\x9fle" },
    { "\xce\x91\xce\xa0: \xce\xa3\xce\xa7\xce\x95\xce\xa4: x", "x" }, /* ΑΠ: ΣΧΕΤ: */
    { "\xe5\x9b\x9e\xe5\xa4\x8d\xef\xbc\x9a\xe8\xbd\xac\xe5\x8f\x91: \xe5\x8d\x88", "\xe5\x8d\x88" }, /* 回复：转发: 午 */
    { "Report: Lunch", "report:lunch" },
    { "Remember the milk", "rememberthemilk" },
    { "re", "re" },
    { ": x", ":x" },
    { "[fwd:]", "" },
    { "[", "[" },
    { "]", "]" },
    { "(fwd)", "" },
    { "Re: (fwd)", "" },
    { "Re:\xe3\x80\x80", "" },
    { "\xe3\x80\x80", "" },
    { "\xe3\x80\x80Re:\xc2\xa0Lunch\xe3\x80\x80", "lunch" }, /* other spaces */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *base = surel_base_subject (cases[i].subject);

      g_assert_cmpstr (base, ==, cases[i].base);
    }
}

/* Whatever stands there, it ends, within what was given. */
static void
test_odd_subjects (void)
{
  static const char *const pieces[] = { "re", ":", "[", "]", "(fwd)", "[fwd:", " ", "fw", "(", "2", "\xef\xbc\x9a", "x", "\xc3\xa9" };

  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GString) subject = g_string_new (NULL);
      g_autofree char *base = NULL;
      g_autofree char *again = NULL;
      g_autofree char *copy = NULL;

      for (gint n = g_test_rand_int_range (0, 12); n > 0; n--)
        g_string_append (subject, pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))]);
      copy = g_memdup2 (subject->str, subject->len + 1); /* just as long, for the sanitizer */
      base = surel_base_subject (copy);
      g_assert_cmpuint (strlen (base), <=, subject->len);
      again = surel_base_subject (base);
      g_assert_cmpuint (strlen (again), <=, strlen (base));
    }
}

/* --- Which are one thread --- */

typedef struct
{
  SurelMessage *message; /* NULL once it was handed over */
  char *subject; /* what the reference goes by */
  GPtrArray *ids;
} Mail;

static void
mail_free (gpointer data)
{
  Mail *mail = data;

  g_clear_pointer (&mail->message, surel_message_free);
  g_ptr_array_unref (mail->ids);
  g_free (mail->subject);
  g_free (mail);
}

static Mail *
make_mail (guint n)
{
  Mail *mail = g_new0 (Mail, 1);

  mail->ids = g_ptr_array_new_with_free_func (g_free);
  mail->message = store_fixture_make_message (n + 1, 0);
  g_clear_pointer (&mail->message->message_id, g_free);
  g_clear_pointer (&mail->message->references, g_free);
  g_clear_pointer (&mail->message->in_reply_to, g_free);
  return mail;
}

/* An answer to @parent, or, where that is NULL, what nobody asked for: as programs write it, and as some shouldn't. */
static Mail *
write_mail (guint n, const Mail *parent)
{
  Mail *mail = make_mail (n);
  SurelMessage *m = mail->message;
  int kind = g_test_rand_int_range (0, 20);

  if (kind != 0)
    {
      m->message_id = g_strdup_printf ("%u@surel.test", n);
      g_ptr_array_add (mail->ids, g_strdup (m->message_id));
    }
  g_free (m->subject);
  if (parent == NULL || kind == 1) /* few subjects, so that there are different threads of one */
    mail->subject = g_strdup_printf ("matter %d", g_test_rand_int_range (0, 200));
  else
    mail->subject = g_strdup (parent->subject);
  m->subject = g_strconcat (parent != NULL && kind % 2 == 0 ? "Re: " : parent != NULL && kind % 3 == 0 ? "AW: [list] " : "", mail->subject, NULL);
  if (parent != NULL && parent->ids->len > 0)
    {
      guint first = kind % 4 == 0 ? parent->ids->len - 1 : 0; /* some name but the last one */
      g_autoptr (GPtrArray) references = g_ptr_array_new ();

      for (guint i = parent->ids->len; i > first; i--)
        g_ptr_array_add (references, parent->ids->pdata[i - 1]);
      for (guint i = 0; i < references->len; i++)
        g_ptr_array_add (mail->ids, g_strdup (references->pdata[i]));
      g_ptr_array_add (references, NULL);
      if (kind % 5 == 0)
        m->in_reply_to = g_strjoinv (" ", (char **) references->pdata);
      else
        m->references = g_strjoinv (" ", (char **) references->pdata);
    }
  return mail;
}

static void
shuffle (GPtrArray *mails)
{
  for (guint i = mails->len; i > 1; i--)
    {
      guint other = (guint) g_test_rand_int_range (0, (gint32) i);
      gpointer mail = mails->pdata[i - 1];

      mails->pdata[i - 1] = mails->pdata[other];
      mails->pdata[other] = mail;
    }
}

static guint
root_of (guint *parents, guint n)
{
  while (parents[n] != n)
    n = parents[n] = parents[parents[n]];
  return n;
}

/* The reference: those that have an id and the subject in common, and those that have with these. */
static guint *
find_threads (GPtrArray *mails)
{
  g_autoptr (GHashTable) first = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint *parents = g_new (guint, mails->len);

  for (guint i = 0; i < mails->len; i++)
    parents[i] = i;
  for (guint i = 0; i < mails->len; i++)
    {
      const Mail *mail = mails->pdata[i];

      for (guint k = 0; k < mail->ids->len; k++)
        {
          char *key = g_strdup_printf ("%s|%s", mail->subject, (const char *) mail->ids->pdata[k]);
          gpointer other;

          if (g_hash_table_lookup_extended (first, key, NULL, &other))
            parents[root_of (parents, i)] = root_of (parents, GPOINTER_TO_UINT (other));
          g_hash_table_replace (first, key, GUINT_TO_POINTER (i));
        }
    }
  return parents;
}

typedef struct
{
  GHashTable *threads; /* uid → thread */
  gint64 account;
} Found;

static void
read_threads (SurelReader *reader, gpointer data)
{
  Found *found = data;
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, NULL, "SELECT p.rid, m.thread FROM placement p JOIN message m ON m.id = p.message WHERE m.account = ?", "i", found->account);

  while (surel_sql_step (reader->sql, s, NULL) > 0)
    g_hash_table_insert (found->threads, GINT_TO_POINTER (sqlite3_column_int (s, 0)),
                         GSIZE_TO_POINTER ((gsize) sqlite3_column_int64 (s, 1)));
}

static GHashTable *
threads_of (StoreFixture *fixture)
{
  Found found = { g_hash_table_new (NULL, NULL), fixture->account };

  surel_store_read_sync (fixture->store, read_threads, &found);
  return found.threads;
}

static void
hand_over (StoreFixture *fixture, GPtrArray *mails, guint size)
{
  for (guint i = 0; i < mails->len;)
    {
      StoreBatch batch = { .folder = fixture->inbox };
      g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
      g_autoptr (GError) error = NULL;

      for (guint end = MIN (i + size, mails->len); i < end; i++)
        g_ptr_array_add (messages, g_steal_pointer (&((Mail *) mails->pdata[i])->message));
      batch.messages = messages;
      surel_store_write_sync (fixture->store, store_fixture_write_batch, &batch, &error);
      g_assert_no_error (error);
    }
}

/* Both part the messages in the same way: the same number of threads, and each of one is in one of the other's. */
static void
check_threads (StoreFixture *fixture, GPtrArray *mails, const gint64 *uids, guint *parents)
{
  g_autoptr (GHashTable) found = threads_of (fixture);
  g_autoptr (GHashTable) there = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) here = g_hash_table_new (NULL, NULL);

  g_assert_cmpuint (g_hash_table_size (found), ==, mails->len);
  for (guint i = 0; i < mails->len; i++)
    {
      gpointer thread = g_hash_table_lookup (found, GINT_TO_POINTER ((gint) uids[i]));
      gpointer root = GUINT_TO_POINTER (root_of (parents, i));
      gpointer known;

      g_assert_nonnull (thread);
      if (g_hash_table_lookup_extended (there, root, NULL, &known))
        g_assert_true (known == thread);
      if (g_hash_table_lookup_extended (here, thread, NULL, &known))
        g_assert_true (known == root);
      g_hash_table_insert (there, root, thread);
      g_hash_table_insert (here, thread, root);
    }
  g_assert_cmpuint (g_hash_table_size (there), ==, g_hash_table_size (here));
  g_assert_cmpuint (g_hash_table_size (there), <, mails->len / 2);
}

typedef struct
{
  guint count;
  guint at_once;
} Arrival;

static void
test_any_order (StoreFixture *fixture, gconstpointer data)
{
  const Arrival *arrival = data;
  g_autoptr (GPtrArray) mails = g_ptr_array_new_with_free_func (mail_free);
  g_autofree gint64 *uids = g_new (gint64, arrival->count);
  g_autofree guint *parents = NULL;

  for (guint n = 0; n < arrival->count; n++)
    {
      int kind = g_test_rand_int_range (0, 4);
      const Mail *parent = n > 0 && kind > 0 ? mails->pdata[g_test_rand_int_range (kind == 1 ? 0 : (gint32) (n - n / 10 - 1), (gint32) n)] : NULL;

      g_ptr_array_add (mails, write_mail (n, parent));
    }
  shuffle (mails);
  for (guint i = 0; i < arrival->count; i++)
    uids[i] = ((Mail *) mails->pdata[i])->message->remote_id.number;
  parents = find_threads (mails);
  hand_over (fixture, mails, arrival->at_once);
  check_threads (fixture, mails, uids, parents);
}

/* --- One message after another --- */

typedef struct
{
  gint64 id;
  SurelMessage *message;
  gboolean more;
} Change;

static void
put_one (StoreFixture *fixture, gint64 uid, const char *subject, const char *message_id, const char *references, const char *server)
{
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
  StoreBatch batch = { .folder = fixture->inbox, .messages = messages };
  SurelMessage *m = store_fixture_make_message (uid, 0);

  g_free (m->subject);
  g_free (m->message_id);
  m->subject = g_strdup (subject);
  m->message_id = g_strdup (message_id);
  m->references = g_strdup (references);
  m->thread_id = g_strdup (server);
  g_ptr_array_add (messages, m);
  g_assert_true (surel_store_write_sync (fixture->store, store_fixture_write_batch, &batch, NULL));
}

static gint64
thread_of (StoreFixture *fixture, gint64 uid)
{
  g_autoptr (GHashTable) threads = threads_of (fixture);

  return (gint64) GPOINTER_TO_SIZE (g_hash_table_lookup (threads, GINT_TO_POINTER ((gint) uid)));
}

typedef struct
{
  const char *sql;
  gint64 value;
} Number;

static void
read_number (SurelReader *reader, gpointer data)
{
  Number *number = data;

  g_assert_true (surel_sql_get (reader->sql, &number->value, NULL, number->sql, ""));
}

static gint64
number_of (StoreFixture *fixture, const char *sql)
{
  Number number = { sql, 0 };

  surel_store_read_sync (fixture->store, read_number, &number);
  return number.value;
}

static void
wait_until_none (StoreFixture *fixture, const char *sql)
{
  for (guint i = 0; number_of (fixture, sql) > 0; i++)
    {
      g_assert_cmpuint (i, <, 10000);
      g_usleep (1000);
    }
}

static void
note_updated (SurelStore *store G_GNUC_UNUSED, SurelCommit *commit, gpointer data)
{
  g_autoptr (GArray) ids = surel_changes_list (commit->changes, SUREL_FAMILY_MESSAGE, SUREL_UPDATED);

  g_array_append_vals ((GArray *) data, ids->data, ids->len);
}

/* What joins two threads has the messages of one of them listed as updated. */
static void
test_joining (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GArray) updated = g_array_new (FALSE, FALSE, sizeof (guint64));
  gulong handler;
  gint64 large;

  put_one (fixture, 1, "a", "1@test", NULL, NULL);
  put_one (fixture, 2, "a", "2@test", NULL, NULL);
  put_one (fixture, 3, "Re: a", "3@test", "2@test", NULL);
  large = thread_of (fixture, 2);
  g_assert_cmpint (thread_of (fixture, 3), ==, large);
  g_assert_cmpint (thread_of (fixture, 1), !=, large);
  store_fixture_latest_state (fixture);
  handler = g_signal_connect (fixture->store, "committed", G_CALLBACK (note_updated), updated);
  put_one (fixture, 4, "Re: a", "4@test", "1@test 3@test", NULL);
  store_fixture_latest_state (fixture);
  g_signal_handler_disconnect (fixture->store, handler);
  for (gint64 uid = 1; uid <= 4; uid++)
    g_assert_cmpint (thread_of (fixture, uid), ==, large);
  g_assert_cmpuint (updated->len, ==, 1);
  g_assert_cmpint ((gint64) g_array_index (updated, guint64, 0), ==, number_of (fixture, "SELECT message FROM placement WHERE rid = 1"));
  /* By what was in the thread that isn't one any more. */
  put_one (fixture, 5, "Re: a", "5@test", "1@test", NULL);
  put_one (fixture, 6, "b", "6@test", "1@test", NULL);
  g_assert_cmpint (thread_of (fixture, 5), ==, large);
  g_assert_cmpint (thread_of (fixture, 6), !=, large);
  put_one (fixture, 7, "a", "7@test", NULL, NULL);
  for (gint64 uid = 20; uid < 30; uid++) /* a larger one yet */
    put_one (fixture, uid, "a", NULL, "7@test", NULL);
  put_one (fixture, 8, "a", NULL, "7@test 4@test", NULL);
  put_one (fixture, 9, "a", "9@test", "1@test", NULL);
  g_assert_cmpint (thread_of (fixture, 9), ==, thread_of (fixture, 7));
}

/* What the server says is one thread is one, beside what ids tell. */
static void
test_of_server (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  put_one (fixture, 1, "a", "1@test", NULL, "T1");
  put_one (fixture, 2, "b", "2@test", NULL, "T1");
  put_one (fixture, 3, "c", "3@test", NULL, "T2");
  put_one (fixture, 4, "Re: a", "4@test", "1@test", NULL);
  g_assert_cmpint (thread_of (fixture, 1), ==, thread_of (fixture, 2));
  g_assert_cmpint (thread_of (fixture, 1), !=, thread_of (fixture, 3));
  g_assert_cmpint (thread_of (fixture, 1), ==, thread_of (fixture, 4));
  /* It is told later of one that is here, as of what was put there from here. */
  put_one (fixture, 5, "Re: d", "5@test", "1@test", NULL);
  g_assert_cmpint (thread_of (fixture, 1), !=, thread_of (fixture, 5));
  put_one (fixture, 5, "Re: d", "5@test", "1@test", "T1");
  g_assert_cmpint (thread_of (fixture, 1), ==, thread_of (fixture, 5));
  put_one (fixture, 6, "e", NULL, NULL, NULL);
  put_one (fixture, 6, "e", NULL, NULL, "T2");
  g_assert_cmpint (thread_of (fixture, 3), ==, thread_of (fixture, 6));
}

static gboolean
write_text (SurelTxn *txn, gpointer data, GError **error)
{
  Change *change = data;

  return surel_message_row_put_text (txn, change->id, change->message, error);
}

static void
put_text (StoreFixture *fixture, gint64 uid, const char *subject, const char *references)
{
  g_autofree char *sql = g_strdup_printf ("SELECT message FROM placement WHERE rid = %" G_GINT64_FORMAT, uid);
  Change change = { number_of (fixture, sql), store_fixture_make_message (uid, 0), FALSE };

  g_free (change.message->subject);
  change.message->subject = g_strdup (subject);
  change.message->references = g_strdup (references);
  g_assert_true (surel_store_write_sync (fixture->store, write_text, &change, NULL));
  surel_message_free (change.message);
}

/* A draft is in the thread that it says now. */
static void
test_other_text (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 first;
  gint64 second;

  put_one (fixture, 1, "a", "1@test", NULL, NULL);
  put_one (fixture, 2, "b", "2@test", NULL, NULL);
  put_one (fixture, 3, "c", "3@test", NULL, NULL);
  first = thread_of (fixture, 1);
  put_text (fixture, 3, "Re: a", "1@test");
  g_assert_cmpint (thread_of (fixture, 3), ==, first);
  put_text (fixture, 3, "Re: something else", "1@test");
  g_assert_cmpint (thread_of (fixture, 3), !=, first);
  put_text (fixture, 3, "Re: b", "2@test");
  g_assert_cmpint (thread_of (fixture, 3), ==, thread_of (fixture, 2));
  put_text (fixture, 2, "d", NULL); /* the one whose thread it is goes */
  second = thread_of (fixture, 2);
  g_assert_cmpint (thread_of (fixture, 3), !=, second);
  g_assert_cmpint (thread_of (fixture, 1), ==, first);
  put_text (fixture, 2, "d", NULL); /* alone, it stays where it is */
  g_assert_cmpint (thread_of (fixture, 2), ==, second);
  /* What it was called before leads nowhere. */
  put_one (fixture, 4, "e", "4@test", NULL, NULL);
  put_text (fixture, 4, "f", NULL);
  put_one (fixture, 5, "Re: e", "5@test", "4@test", NULL);
  g_assert_cmpint (thread_of (fixture, 4), !=, thread_of (fixture, 5));
}

static gboolean
forget_threads (SurelTxn *txn, gpointer data G_GNUC_UNUSED, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE message SET thread = 0", "") && surel_sql_run (txn->sql, error, "DELETE FROM thread_key", "");
}

/* A store that knew nothing of threads has them soon after it was opened, and tells of them. */
static void
test_from_before (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  guint64 state;

  store_fixture_put (fixture, fixture->inbox, 1, 3 * SUREL_THREADS_SLICE, 0);
  put_one (fixture, 5000, "Re: Subject 1", "5000@test", "1@test", NULL);
  g_assert_true (surel_store_write_sync (fixture->store, forget_threads, NULL, NULL));
  store_fixture_close_store (fixture);
  store_fixture_open_store (fixture);
  state = store_fixture_latest_state (fixture);
  wait_until_none (fixture, "SELECT count(*) FROM message WHERE thread = 0");
  g_assert_cmpint (number_of (fixture, "SELECT count(DISTINCT thread) FROM message"), ==, 3 * SUREL_THREADS_SLICE);
  g_assert_cmpint (thread_of (fixture, 1), ==, thread_of (fixture, 5000));
  for (guint i = 0; store_fixture_latest_state (fixture) == state; i++)
    {
      g_assert_cmpuint (i, <, 10000);
      g_usleep (1000);
    }
}

static gboolean
purge (SurelTxn *txn, gpointer data, GError **error)
{
  return surel_messages_purge_held (txn, G_MAXINT64, data, error);
}

/* Keys of what is gone are swept up; those of what is here stay. */
static void
test_sweeping (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gboolean more = TRUE;

  store_fixture_put (fixture, fixture->inbox, 1, 3000, 0);
  g_assert_cmpint (number_of (fixture, "SELECT count(*) FROM thread_key"), ==, 3000);
  store_fixture_take_out (fixture, fixture->inbox, "1:2900");
  while (more)
    g_assert_true (surel_store_write_sync (fixture->store, purge, &more, NULL));
  wait_until_none (fixture, "SELECT max(0, count(*) - 100) FROM thread_key");
  put_one (fixture, 5000, "Re: Subject 2950", "5000@test", "2950@test", NULL);
  g_assert_cmpint (thread_of (fixture, 2950), ==, thread_of (fixture, 5000));
}

static void
run (SurelReader *reader, gpointer data)
{
  g_autoptr (SurelQueryResult) result = surel_query_run (reader, data, NULL);

  g_assert_cmpuint (result->total, ==, 0);
}

/* What anybody can send: each thread is looked through once. */
static void
test_large_thread (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GPtrArray) mails = g_ptr_array_new_with_free_func (mail_free);
  g_autoptr (SurelQuery) query = surel_query_new ();
  gint64 begin;

  for (guint n = 0; n < 5000; n++)
    {
      Mail *mail = make_mail (n);

      g_free (mail->message->subject);
      mail->message->subject = g_strdup ("a");
      mail->message->references = g_strdup ("one@test");
      g_ptr_array_add (mails, mail);
    }
  hand_over (fixture, mails, 500);
  g_assert_cmpint (number_of (fixture, "SELECT count(DISTINCT thread) FROM message"), ==, 1);
  query->limit = 10;
  query->calculate_total = TRUE;
  query->filter = surel_filter_new (SUREL_FILTER_SOME_IN_THREAD);
  query->filter->text = g_strdup ("$flagged");
  begin = g_get_monotonic_time ();
  surel_store_read_sync (fixture->store, run, query);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, G_USEC_PER_SEC);
}

/* @data: how many messages more to put into the thread of each of the first two. */
static gboolean
grow (SurelTxn *txn, gpointer data, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "WITH RECURSIVE n (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < ?) INSERT INTO message (id, account, doc, flags, "
                        "size, received, sent, identity, has_attachment, shown, thread) SELECT 1000000 * m.id + k, account, 1000000 * m.id + k, 0, "
                        "0, 0, 0, 1, 0, 0, thread FROM n, (SELECT id, account, thread FROM message ORDER BY id LIMIT 2) m",
                        "i", (gint64) GPOINTER_TO_UINT (data));
}

static void
test_large_enough_to_join (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  put_one (fixture, 1, "a", "1@test", NULL, NULL);
  put_one (fixture, 2, "a", "2@test", NULL, NULL);
  g_assert_true (surel_store_write_sync (fixture->store, grow, GUINT_TO_POINTER (9000), NULL));
  put_one (fixture, 3, "a", "3@test", "1@test 2@test", NULL);
  g_assert_cmpint (thread_of (fixture, 1), ==, thread_of (fixture, 2));
  g_assert_cmpint (number_of (fixture, "SELECT count(DISTINCT thread) FROM message"), ==, 1);
}

/* What joins two threads of more messages than one commit may name leaves them two. */
static void
test_too_large_to_join (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  put_one (fixture, 1, "a", "1@test", NULL, NULL);
  put_one (fixture, 2, "a", "2@test", NULL, NULL);
  g_assert_true (surel_store_write_sync (fixture->store, grow, GUINT_TO_POINTER (11000), NULL));
  put_one (fixture, 3, "a", "3@test", "1@test 2@test", NULL);
  g_assert_cmpint (thread_of (fixture, 1), !=, thread_of (fixture, 2));
  g_assert_cmpint (number_of (fixture, "SELECT count(DISTINCT thread) FROM message"), ==, 2);
}

static void
explain (SurelReader *reader, gpointer data)
{
  SurelQuery *query = data;
  g_autofree char *plan = surel_query_explain (reader, query, NULL);

  if (query->collapse)
    g_assert_cmpstr (plan, ==, "SEARCH p USING COVERING INDEX placement_list (folder=?)\nSEARCH m USING INTEGER PRIMARY KEY (rowid=?)\n");
  else
    g_assert_cmpstr (plan, ==, "SEARCH m USING INDEX message_thread (thread=?)\n");
}

/* No list is sorted or looked through from end to end. */
static void
test_plans (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (SurelQuery) query = surel_query_new ();

  query->limit = 10;
  query->filter = surel_filter_new (SUREL_FILTER_THREAD);
  query->filter->number = 7;
  surel_store_read_sync (fixture->store, explain, query);
  query->collapse = TRUE;
  query->filter->kind = SUREL_FILTER_IN_MAILBOX;
  query->filter->number = fixture->inbox;
  surel_store_read_sync (fixture->store, explain, query);
}

int
main (int argc, char **argv)
{
  static const Arrival many = { 10000, 500 };
  static const Arrival few = { 2000, 7 };

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/threads/subjects", test_subjects);
  g_test_add_func ("/threads/odd-subjects", test_odd_subjects);
#define ADD(name, data, func) g_test_add ("/threads/" name, StoreFixture, data, store_fixture_set_up, func, store_fixture_tear_down)
  ADD ("any-order", &many, test_any_order);
  ADD ("any-order-in-small-commits", &few, test_any_order);
  ADD ("joining", NULL, test_joining);
  ADD ("of-server", NULL, test_of_server);
  ADD ("other-text", NULL, test_other_text);
  ADD ("from-before", NULL, test_from_before);
  ADD ("sweeping", NULL, test_sweeping);
  ADD ("large-thread", NULL, test_large_thread);
  ADD ("large-enough-to-join", NULL, test_large_enough_to_join);
  ADD ("too-large-to-join", NULL, test_too_large_to_join);
  ADD ("plans", NULL, test_plans);
  return g_test_run ();
}
