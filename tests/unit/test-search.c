/* Search: words, what they are folded to, and what the text index finds of messages that come, change and go. */
#include <string.h>

#include "base/errors.h"
#include "store/content.h"
#include "store/message-row.h"
#include "store/query.h"
#include "store/search.h"
#include "store/tokenizer.h"
#include "store-fixture.h"

/* --- Words --- */

static gboolean
add_token (const char *token, gsize length, gpointer data)
{
  GString *tokens = data;

  if (tokens->len > 0)
    g_string_append_c (tokens, '|');
  g_string_append_len (tokens, token, (gssize) length);
  return TRUE;
}

static void
test_words (void)
{
  static const struct
  {
    const char *text;
    const char *tokens;
  } cases[] = {
    { "", "" },
    { " -- \xe2\x80\x94 !", "" },
    { "Hello, World", "hello|world" },
    { "alice@example.org", "alice|example|org" },
    { "it's 3.50 x_y", "it|s|3|50|x|y" },
    { "Stra\xc3\x9f" "e \xc3\x86on \xc5\x81\xc3\xb3" "d\xc5\xba \xc3\x98re", "strasse|aeon|lodz|ore" },
    { "re\xcc\x81sume\xcc\x81 r\xc3\xa9sum\xc3\xa9", "resume|resume" },
    { "Vi\xe1\xbb\x87t", "viet" },
    { "\xce\x9f\xce\xb4\xcf\x8c\xcf\x82", "\xce\xbf\xce\xb4\xce\xbf\xcf\x83" }, /* Οδός */
    { "\xd0\x81\xd0\xbb\xd0\xba\xd0\xb0", "\xd0\xb5\xd0\xbb\xd0\xba\xd0\xb0" }, /* Ёлка */
    { "\xd7\xa9\xd6\xb8\xd7\x9c\xd7\x95\xd7\x9d", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d" }, /* with a vowel */
    { "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\x82\xe0\xa4\xa6\xe0\xa5\x80", "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\x82\xe0\xa4\xa6\xe0\xa5\x80" },
    { "\xe4\xbc\x9a", "\xe4\xbc\x9a" }, /* 会 */
    { "\xe4\xbc\x9a\xe8\xad\xb0", "\xe4\xbc\x9a\xe8\xad\xb0" },
    { "\xe8\xa6\x8b\xe7\xa9\x8d\xe6\x9b\xb8", "\xe8\xa6\x8b\xe7\xa9\x8d|\xe7\xa9\x8d\xe6\x9b\xb8" },
    { "iPhone\xe4\xbc\x9a\xe8\xad\xb0x", "iphone|\xe4\xbc\x9a\xe8\xad\xb0|\xe8\xad\xb0|x" },
    { "\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\x93 \xef\xbe\x83\xef\xbd\xbd\xef\xbe\x84", "ab3|\xe3\x83\x86\xe3\x82\xb9|\xe3\x82\xb9\xe3\x83\x88" }, /* ＡＢ３ ﾃｽﾄ */
    { "\xe3\x82\xab\xe3\x82\x99\xe3\x82\xb9", "\xe3\x82\xac\xe3\x82\xb9" }, /* ガス in pieces */
    { "a\xff" "b\xe4\xbc", "a|b" },
    { "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xea\xb8\x80", "\xed\x95\x9c\xea\xb8\x80" }, /* 한글, the first in pieces */
    { "\xef\xbe\x83\xef\xbe\x9e\xef\xbd\xb0", "\xe3\x83\x87\xe3\x83\xbc" }, /* ﾃﾞｰ */
    { "co\xc2\xadop", "coop" },
    { "n\xc2\xba 5 \xc2\xb2 m\xc2\xb2", "no|5|2|m2" }, /* nº 5 ² m² */
    { "n\xc2\xba 5 \xc2\xb2 m\xc2\xb2 \xef\xbd\xb1", "no|5|2|m2|\xe3\x82\xa2" }, /* whatever else there is */
    { "\xe2\x91\xa0 \xe2\x85\xa2 \xef\xac\x81n \xe3\x88\xb1", "1|iii|fin|\xe6\xa0\xaa" }, /* ① Ⅲ ﬁn ㈱ */
    { "\xe2\xbc\x80\xe4\xba\x8c \xef\xa4\x80", "\xe4\xb8\x80\xe4\xba\x8c|\xe4\xba\x8c|\xe8\xb1\x88" }, /* a radical, and a sign for compatibility */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) tokens = g_string_new (NULL);

      surel_tokenizer_split (cases[i].text, strlen (cases[i].text), add_token, tokens);
      g_assert_cmpstr (tokens->str, ==, cases[i].tokens);
    }
}

static void
test_long_words (void)
{
  g_autofree char *word = g_strnfill (100000, 'a');
  g_autoptr (GString) tokens = g_string_new (NULL);

  surel_tokenizer_split (word, strlen (word), add_token, tokens);
  g_assert_cmpuint (tokens->len, ==, 128);
}

/* As many marks as a message has room for, which Unicode wants sorted; a minute and more where that is done. */
static void
test_marks_without_end (void)
{
  g_autoptr (GString) text = g_string_new ("\xe3\x82\xab");
  g_autoptr (GString) tokens = g_string_new (NULL);
  gint64 begin = g_get_monotonic_time ();

  while (text->len < 1 << 20)
    g_string_append (text, "\xcc\x80\xcc\x96");
  surel_tokenizer_split (text->str, text->len, add_token, tokens);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 10 * G_USEC_PER_SEC);
  g_assert_cmpstr (tokens->str, ==, "\xe3\x82\xab");
}

static void
test_expressions (void)
{
  static const struct
  {
    const char *text;
    const char *expression; /* NULL: it is refused */
  } cases[] = {
    { "budget", "subject : (\"budget\" *)" },
    { "  annual   budget ", "subject : (\"annual\" * AND \"budget\" *)" },
    { "\"annual budget\" x", "subject : (\"annual budget\" * AND \"x\" *)" },
    { "'annual budget'", "subject : (\"annual budget\" *)" },
    { "don't", "subject : (\"don't\" *)" },
    { "a \"b", "subject : (\"a\" * AND \" b\" *)" },
    { "a OR b* NEAR(c) {d} :e ^f", "subject : (\"a\" * AND \"OR\" * AND \"b*\" * AND \"NEAR(c)\" * AND \"{d}\" * AND \":e\" * AND \"^f\" *)" },
    { "- a", "subject : (\"a\" *)" },
    { "", NULL },
    { " - \"\" ", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      guint left = SUREL_SEARCH_ALL_WORDS_MAX;
      g_autofree char *expression = surel_search_expression (SUREL_SEARCH_SUBJECT, cases[i].text, &left, &error);

      g_assert_cmpstr (expression, ==, cases[i].expression);
      if (cases[i].expression == NULL)
        g_assert_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT);
    }
}

/* --- The index --- */

typedef struct
{
  SurelQuery *query;
  SurelQueryResult *result;
  gboolean may_fail;
} Search;

static void
run_search (SurelReader *reader, gpointer data)
{
  Search *search = data;
  g_autoptr (GError) error = NULL;

  search->result = surel_query_run (reader, search->query, &error);
  if (!search->may_fail)
    g_assert_no_error (error);
}

/* How many are found, newest first; the first of them in @first, which may be NULL. */
static guint
find (StoreFixture *fixture, gint64 folder, SurelSearchField field, const char *text, gint64 *first, gboolean *complete)
{
  g_autoptr (SurelQuery) query = surel_query_new ();
  g_autoptr (GError) error = NULL;
  SurelFilter *condition = surel_filter_new (field == SUREL_SEARCH_BODY || field == SUREL_SEARCH_ANYWHERE ? SUREL_FILTER_TEXT_OF_BODY : SUREL_FILTER_TEXT);
  Search search = { .query = query };
  guint left = SUREL_SEARCH_ALL_WORDS_MAX;
  guint n;

  condition->text = surel_search_expression (field, text, &left, &error);
  g_assert_no_error (error);
  query->filter = surel_filter_new (SUREL_FILTER_AND);
  g_ptr_array_add (query->filter->children, condition);
  if (folder != 0)
    {
      SurelFilter *in = surel_filter_new (SUREL_FILTER_IN_MAILBOX);

      in->number = folder;
      g_ptr_array_add (query->filter->children, in);
    }
  query->limit = 100000;
  query->calculate_total = TRUE;
  surel_store_read_sync (fixture->store, run_search, &search);
  n = search.result->ids->len;
  g_assert_cmpuint (n, ==, search.result->total);
  if (first != NULL)
    *first = n > 0 ? g_array_index (search.result->ids, gint64, 0) : 0;
  if (complete != NULL)
    *complete = search.result->complete;
  surel_query_result_free (search.result);
  return n;
}

static guint
found (StoreFixture *fixture, const char *text)
{
  return find (fixture, 0, SUREL_SEARCH_ANYWHERE, text, NULL, NULL);
}

static void
wait_until_indexed (StoreFixture *fixture)
{
  gboolean complete = FALSE;

  for (guint i = 0; i < 1000 && !complete; i++)
    {
      find (fixture, 0, SUREL_SEARCH_SUBJECT, "x", NULL, &complete);
      if (!complete)
        g_usleep (10000);
    }
  g_assert_true (complete);
}

static gboolean
check (SurelTxn *txn, gpointer data G_GNUC_UNUSED, GError **error)
{
  return surel_sql_run (txn->sql, error, "INSERT INTO search (search) VALUES ('integrity-check')", "");
}

/* It holds together, by SQLite's own word. */
static void
check_index (StoreFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  surel_store_write_sync (fixture->store, check, NULL, &error);
  g_assert_no_error (error);
}

/* What a few messages bring can be found as soon as they are there; of many the index comes behind, and says so until then. */
static void
test_found_at_once (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 newest = 0;
  gboolean complete = FALSE;

  wait_until_indexed (fixture);
  store_fixture_put (fixture, fixture->inbox, 1, 3, 0);
  g_assert_cmpuint (find (fixture, 0, SUREL_SEARCH_SUBJECT, "subject", &newest, &complete), ==, 3);
  g_assert_true (complete);
  store_fixture_put (fixture, fixture->inbox, 4, 3000, 0);
  wait_until_indexed (fixture);
  g_assert_cmpuint (find (fixture, 0, SUREL_SEARCH_SUBJECT, "SUBJ", &newest, &complete), ==, 3000);
  g_assert_cmpuint (find (fixture, fixture->inbox, SUREL_SEARCH_SUBJECT, "SUBJ", NULL, NULL), ==, 3000);
  g_assert_cmpuint (find (fixture, fixture->other, SUREL_SEARCH_SUBJECT, "SUBJ", NULL, NULL), ==, 0);
  g_assert_cmpuint (find (fixture, 0, SUREL_SEARCH_SUBJECT, "ubject", NULL, NULL), ==, 0);
  /* A small folder is gone through, a large one isn't. */
  store_fixture_put (fixture, fixture->other, 5001, 5010, 0);
  g_assert_cmpuint (find (fixture, fixture->other, SUREL_SEARCH_SUBJECT, "SUBJ", NULL, NULL), ==, 10);
  store_fixture_take_out (fixture, fixture->inbox, "1:2990");
  store_fixture_end_sync (fixture, 0);
  g_assert_cmpuint (find (fixture, 0, SUREL_SEARCH_SUBJECT, "subject", NULL, NULL), ==, 20);
  check_index (fixture);
}

static gboolean
fail_late (SurelTxn *txn, gpointer data, GError **error)
{
  if (!store_fixture_write_batch (txn, data, error))
    return FALSE;
  g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_FAILED, "as a disk would");
  return FALSE;
}

/* What was thought to be in the index is, whatever fails, and once. */
static void
test_what_fails_is_not_in_it (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  wait_until_indexed (fixture);
  for (gint64 n = 1; n < 200; n += 2)
    {
      g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
      StoreBatch batch = { .folder = fixture->inbox, .messages = messages };

      g_ptr_array_add (messages, store_fixture_make_message (n + 1, 0));
      store_fixture_put (fixture, fixture->inbox, n, n, 0);
      g_assert_false (surel_store_write_sync (fixture->store, fail_late, &batch, NULL));
      if (n % 20 == 1)
        {
          store_fixture_close_store (fixture);
          store_fixture_open_store (fixture);
        }
    }
  g_assert_cmpuint (find (fixture, 0, SUREL_SEARCH_SUBJECT, "subject", NULL, NULL), ==, 100);
  check_index (fixture);
}

typedef struct
{
  gint64 id;
  const char *subject; /* NULL: as it is */
  const char *body; /* NULL: none */
  const char *bytes; /* what they are of, for the digest; NULL for @body */
} Change;

static gboolean
change (SurelTxn *txn, gpointer data, GError **error)
{
  const Change *self = data;
  g_autoptr (SurelMessage) message = store_fixture_make_message (1, 0);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, self->bytes != NULL ? self->bytes : self->body != NULL ? self->body : "", -1);
  g_autoptr (GBytes) digest = g_bytes_new (sum, SUREL_DIGEST_SIZE);

  if (self->subject != NULL)
    {
      g_free (message->subject);
      message->subject = g_strdup (self->subject);
      if (!surel_message_row_put_text (txn, self->id, message, error))
        return FALSE;
    }
  return self->body == NULL || surel_content_add (txn, self->id, digest, strlen (self->body), error);
}

static gboolean
put_text (SurelTxn *txn, gpointer data, GError **error)
{
  const Change *self = data;
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, self->bytes != NULL ? self->bytes : self->body, -1);
  g_autoptr (GBytes) digest = g_bytes_new (sum, SUREL_DIGEST_SIZE);

  return surel_search_put_text (txn, self->id, digest, self->body, NULL, error);
}

static void
write_change (StoreFixture *fixture, const Change *what)
{
  g_autoptr (GError) error = NULL;

  surel_store_write_sync (fixture->store, change, (gpointer) what, &error);
  g_assert_no_error (error);
  if (what->body != NULL)
    surel_store_write_sync (fixture->store, put_text, (gpointer) what, &error);
  g_assert_no_error (error);
}

static void
test_texts_change (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 id = 0;
  gboolean complete = TRUE;

  wait_until_indexed (fixture);
  store_fixture_put (fixture, fixture->inbox, 1, 2, 0);
  find (fixture, 0, SUREL_SEARCH_SUBJECT, "subject", &id, NULL);
  find (fixture, 0, SUREL_SEARCH_BODY, "none", NULL, &complete);
  g_assert_false (complete); /* no body is here */
  write_change (fixture, &(Change){ id, NULL, "Zwetschgen und Birnen", NULL });
  g_assert_cmpuint (found (fixture, "birne"), ==, 1);
  g_assert_cmpuint (find (fixture, 0, SUREL_SEARCH_BODY, "birne", NULL, NULL), ==, 1);
  g_assert_cmpuint (found (fixture, "birne subject"), ==, 1); /* one in the body, one in the header */
  g_assert_cmpuint (found (fixture, "subject"), ==, 2); /* each once, though it is in the index twice */
  g_assert_cmpuint (found (fixture, "\"zwetschgen birnen\""), ==, 0);
  g_assert_cmpuint (found (fixture, "\"zwetschgen und bir\""), ==, 1);
  /* The same bytes again, as after they were let go, and others. */
  write_change (fixture, &(Change){ id, NULL, "Zwetschgen und Birnen", NULL });
  g_assert_cmpuint (found (fixture, "birne"), ==, 1);
  write_change (fixture, &(Change){ id, NULL, "Kirschen", NULL });
  g_assert_cmpuint (found (fixture, "birne"), ==, 0);
  g_assert_cmpuint (found (fixture, "kirsch"), ==, 1);
  /* A draft's new version. */
  write_change (fixture, &(Change){ id, "Quitten", NULL, NULL });
  g_assert_cmpuint (found (fixture, "kirsch"), ==, 0);
  g_assert_cmpuint (found (fixture, "subject"), ==, 1);
  g_assert_cmpuint (found (fixture, "quitt"), ==, 1);
  write_change (fixture, &(Change){ id, "Nesseln", "Malven", NULL });
  g_assert_cmpuint (found (fixture, "quitt"), ==, 0);
  g_assert_cmpuint (found (fixture, "nesseln malven"), ==, 1);
  /* Text of bytes that it has no more isn't its. */
  surel_store_write_sync (fixture->store, put_text, &(Change){ id, NULL, "Zwetschgen", NULL }, NULL);
  g_assert_cmpuint (found (fixture, "zwetschgen"), ==, 0);
  check_index (fixture);
}

/* 0 where the index can't be read. */
static guint
find_or_fail (StoreFixture *fixture, const char *text)
{
  g_autoptr (SurelQuery) query = surel_query_new ();
  Search search = { .query = query, .may_fail = TRUE };
  guint left = SUREL_SEARCH_ALL_WORDS_MAX;
  guint n;

  query->filter = surel_filter_new (SUREL_FILTER_TEXT);
  query->filter->text = surel_search_expression (SUREL_SEARCH_ANYWHERE, text, &left, NULL);
  query->limit = 100;
  surel_store_read_sync (fixture->store, run_search, &search);
  n = search.result != NULL ? search.result->ids->len : 0;
  g_clear_pointer (&search.result, surel_query_result_free);
  return n;
}

static gboolean
forget (SurelTxn *txn, gpointer data G_GNUC_UNUSED, GError **error)
{
  return surel_search_forget (txn, error);
}

static gboolean
harm (SurelTxn *txn, gpointer data G_GNUC_UNUSED, GError **error)
{
  sqlite3_db_config (surel_sql_handle (txn->sql), SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
  return surel_sql_run (txn->sql, error, "UPDATE search_data SET block = x'ffffffffffff' WHERE id != 1", "")
         && surel_sql_run (txn->sql, error, "UPDATE search_data SET block = x'00000000ffffffffff' WHERE id = 10", "");
}

/* What is in the index can be put in anew; a damaged one is, and no mail suffers. */
static void
test_begins_anew (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  store_fixture_put (fixture, fixture->inbox, 1, 10, 0);
  wait_until_indexed (fixture);
  surel_store_write_sync (fixture->store, forget, NULL, &error);
  g_assert_no_error (error);
  wait_until_indexed (fixture);
  g_assert_cmpuint (found (fixture, "subject"), ==, 10);
  surel_store_write_sync (fixture->store, harm, NULL, &error);
  g_assert_no_error (error);
  store_fixture_close_store (fixture);
  store_fixture_open_store (fixture);
  store_fixture_put (fixture, fixture->inbox, 11, 12, 0);
  for (guint i = 0; i < 500 && n < 12; i++, g_usleep (10000))
    n = find_or_fail (fixture, "subject");
  g_assert_cmpuint (n, ==, 12);
}

/* --- What SQLite doesn't see by itself --- */

static gboolean
count_header (SurelReader *reader G_GNUC_UNUSED, gint64 id, const char *const *wanted, guint *looked, gboolean *complete G_GNUC_UNUSED, gpointer data)
{
  g_assert_cmpstr (wanted[0], ==, "X");
  ++*(guint *) data;
  ++*looked;
  return id % 2 == 0;
}

typedef struct
{
  SurelQuery *query;
  SurelQueryResult *result;
} Asked;

static void
run_asked (SurelReader *reader, gpointer data)
{
  Asked *asked = data;

  asked->result = surel_query_run (reader, asked->query, NULL);
}

/* A header field is looked at where all else is met, and once, however often the results are gone along. */
static void
test_header_is_looked_at_once (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (SurelQuery) query = surel_query_new ();
  SurelFilter *header = surel_filter_new (SUREL_FILTER_HEADER);
  SurelFilter *size = surel_filter_new (SUREL_FILTER_MAX_SIZE);
  Asked asked = { query, NULL };
  guint count = 0;

  store_fixture_put (fixture, fixture->inbox, 1, 100, 0);
  header->texts = g_strsplit ("X", " ", -1);
  size->number = 1011; /* ten of them are smaller */
  query->filter = surel_filter_new (SUREL_FILTER_AND);
  g_ptr_array_add (query->filter->children, header);
  g_ptr_array_add (query->filter->children, size);
  query->has_header = count_header;
  query->has_header_data = &count;
  query->limit = 50;
  query->calculate_total = TRUE;
  surel_store_read_sync (fixture->store, run_asked, &asked);
  g_assert_cmpuint (asked.result->ids->len, ==, 5);
  g_assert_cmpuint (asked.result->total, ==, 5);
  g_assert_cmpuint (asked.result->looked, ==, 10);
  g_assert_cmpuint (count, ==, 10);
  query->anchor = g_array_index (asked.result->ids, gint64, 2);
  surel_query_result_free (asked.result);
  surel_store_read_sync (fixture->store, run_asked, &asked);
  g_assert_cmpuint (asked.result->ids->len, ==, 3);
  g_assert_cmpuint (count, ==, 20);
  surel_query_result_free (asked.result);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/search/words", test_words);
  g_test_add_func ("/search/long-words", test_long_words);
  g_test_add_func ("/search/marks-without-end", test_marks_without_end);
  g_test_add_func ("/search/expressions", test_expressions);
#define ADD(name, func) g_test_add ("/search/" name, StoreFixture, NULL, store_fixture_set_up, func, store_fixture_tear_down)
  ADD ("found-at-once", test_found_at_once);
  ADD ("what-fails-is-not-in-it", test_what_fails_is_not_in_it);
  ADD ("texts-change", test_texts_change);
  ADD ("begins-anew", test_begins_anew);
#undef ADD
  g_test_add ("/search/header-is-looked-at-once", StoreFixture, NULL, store_fixture_set_up, test_header_is_looked_at_once, store_fixture_tear_down);
  return g_test_run ();
}
