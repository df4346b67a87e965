/* Headers: encoded words, addresses, dates, ids, and what is broken. */
#include <string.h>

#include "base/text.h"
#include "mime/mime-address.h"
#include "mime/mime-date.h"
#include "mime/mime-decode.h"
#include "mime/mime-header.h"
#include "mime/mime-ids.h"
#include "mime/mime-summary.h"

static void
assert_decodes (const char *raw, const char *expected)
{
  g_autofree char *text = surel_mime_decode_text (raw, strlen (raw));

  g_assert_cmpstr (text, ==, expected);
}

static void
test_encoded_words (void)
{
  assert_decodes (" plain ", "plain");
  assert_decodes ("=?UTF-8?Q?caf=C3=A9_au?= lait", "caf\303\251 au lait");
  assert_decodes ("=?utf-8?b?Z3LDvMOf?=\r\n =?utf-8?b?ZQ==?=", "gr\303\274\303\237e");
  /* What follows a padded word of the same charset stays. */
  assert_decodes ("=?UTF-8?B?QVc6IFR3byB3ZW50IHQ=?= =?UTF-8?B?aGVzZSBBbmZyYWdlIGs=?=",
                  "AW: Two went these Anfrage k");
  /* A character split between words. */
  assert_decodes ("=?UTF-8?B?5Lya?= =?UTF-8?Q?=E8=AD?= =?UTF-8?Q?=B0?=", "\344\274\232\350\255\260");
  assert_decodes ("=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=", "\344\274\232\350\255\260");
  assert_decodes ("=?iso-8859-1*de?Q?Gr=FC=DFe?=", "Gr\303\274\303\237e");
  assert_decodes ("=?utf-8?B?broken", "=?utf-8?B?broken");
  assert_decodes ("=?x-unknown?Q?a?=", "a");
  assert_decodes ("=?utf-8?B?\?= =?utf-8?Q?a?= =?x?B?=?=", "a");
  assert_decodes ("raw \351 octet", "raw \303\251 octet");
  assert_decodes ("red \033[31m \342\200\256turned", "red [31m turned");
}

static void
assert_addresses (const char *raw, const char *expected)
{
  g_autoptr (GBytes) list = surel_mime_parse_addresses (raw, strlen (raw));
  gsize length;
  const char *data = g_bytes_get_data (list, &length);
  g_autoptr (GString) shown = g_string_new (NULL);

  for (gsize i = 0; i < length; i++)
    g_string_append_c (shown, data[i] == '\0' ? '|' : data[i]);
  g_assert_cmpstr (shown->str, ==, expected);
}

static void
test_addresses (void)
{
  assert_addresses ("a@b", "|a@b|");
  assert_addresses ("Ann <a@b>, \"Smith, Bob\" <c@d>", "Ann|a@b|Smith, Bob|c@d|");
  assert_addresses ("a@b (Ann)", "Ann|a@b|");
  assert_addresses ("team: a@b, Bob <c@d>;", "|a@b|Bob|c@d|");
  assert_addresses ("undisclosed-recipients:;", "");
  assert_addresses ("=?utf-8?q?J=C3=BCrgen?= <j@x>", "J\303\274rgen|j@x|");
  assert_addresses ("<@r1,@r2:a@b>", "|a@b|");
  assert_addresses ("Broken <a@b", "Broken|a@b|");
  assert_addresses ("(((", "");
}

static void
test_dates (void)
{
  static const struct
  {
    const char *raw;
    gint64 time;
  } cases[] = {
    { "Tue, 14 Nov 2023 22:13:20 +0000", 1700000000 }, { "14 Nov 2023 23:13:20 +0100", 1700000000 },
    { "Tue, 14 Nov 2023 17:13:20 EST", 1700000000 },   { "Tue, 14 Nov 23 22:13 GMT (x)", 1699999980 },
    { "yesterday", 0 },                                { "", 0 },
    { "32 Nov 2023 00:00:00 +0000", 0 },               { "Fri, 31 Dec 1999 23:59:60 +0000", 946684799 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpint (surel_mime_parse_date (cases[i].raw, strlen (cases[i].raw)), ==, cases[i].time);
}

static void
test_ids (void)
{
  g_autofree char *two = surel_mime_parse_ids (" <a@b>\r\n <c d@e> rubbish", 24);
  g_autofree char *bare = surel_mime_parse_ids ("a@b", 3);
  g_autofree char *none = surel_mime_parse_ids ("none", 4);
  g_autoptr (GString) many = g_string_new (NULL);
  g_autofree char *kept = NULL;
  g_auto (GStrv) words = NULL;

  g_assert_cmpstr (two, ==, "a@b cd@e");
  g_assert_cmpstr (bare, ==, "a@b");
  g_assert_null (none);
  for (guint i = 0; i < SUREL_MIME_IDS_MAX + 1; i++)
    g_string_append_printf (many, "<%u@x>", i);
  kept = surel_mime_parse_ids (many->str, many->len);
  words = g_strsplit (kept, " ", -1);
  g_assert_cmpuint (g_strv_length (words), ==, SUREL_MIME_IDS_MAX);
  g_assert_cmpstr (words[0], ==, "0@x");
  g_assert_cmpstr (words[1], ==, "2@x");
}

static void
test_summary_of_broken_headers (void)
{
  static const char raw[] = "From nobody\r\nno colon here\r\nSubject: a\r\n b\r\nSubject: second\r\n"
                            "List-Id: <x>\r\nMessage-ID: <1@x> <2@x>\r\n\r\nSubject: body";
  g_autoptr (SurelMimeSummary) summary = surel_mime_summary_new (raw, sizeof raw - 1);
  g_autoptr (SurelMimeSummary) nothing = surel_mime_summary_new ("\r\n", 2);
  g_autoptr (SurelMimeSummary) nuls = surel_mime_summary_new ("Subject: a\0b\r\n", 14);

  g_assert_cmpstr (summary->subject, ==, "a b");
  g_assert_cmpstr (summary->message_id, ==, "1@x");
  g_assert_cmpmem (g_bytes_get_data (summary->extra, NULL), g_bytes_get_size (summary->extra),
                   "List-Id: <x>\r\n", 14);
  g_assert_null (nothing->subject);
  g_assert_cmpstr (nuls->subject, ==, "ab");
}

/* Two megabytes of the worst, in linear time. */
static void
test_hostile_headers_take_linear_time (void)
{
  static const char *const units[] = { "=?=?=?", "((((", ",,,,", "<<<<", "=?utf-8?B?QQ==?= ", "\r\n ", "\"\\", "=?a?Q?x" };

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    {
      g_autoptr (GString) raw = g_string_new ("Subject: ");
      gint64 start = g_get_monotonic_time ();
      g_autoptr (SurelMimeSummary) summary = NULL;
      g_autoptr (GBytes) list = NULL;

      while (raw->len < 2 * 1024 * 1024)
        g_string_append (raw, units[i]);
      summary = surel_mime_summary_new (raw->str, raw->len);
      list = surel_mime_parse_addresses (raw->str, raw->len);
      g_free (surel_mime_parse_ids (raw->str, raw->len));
      g_assert_cmpint (g_get_monotonic_time () - start, <, 3 * G_USEC_PER_SEC);
    }
}

static void
test_any_octets_give_clean_text (void)
{
  for (guint round = 0; round < 2000; round++)
    {
      char raw[200];
      g_autofree char *text = NULL;

      for (guint i = 0; i < sizeof raw; i++)
        raw[i] = (char) (g_test_rand_bit () ? "=?utf-8QB_ \r\n<>@,;:\"()"[g_test_rand_int_range (0, 22)]
                                            : g_test_rand_int_range (0, 256));
      text = surel_mime_decode_text (raw, sizeof raw);
      g_assert_true (surel_text_is_clean (text));
    }
}

static void
test_fields_take_the_place_of_others (void)
{
  static const struct
  {
    const char *before, *after;
  } cases[] = {
    { "A: 1\r\nmessage-id :\r\n <>\r\nB: 2\r\nDATE: x\r\n\r\nDate: of the body\r\n", "Date: d\r\nMessage-ID: <i>\r\nA: 1\r\nB: 2\r\n\r\nDate: of the body\r\n" },
    { "Date: x", "Date: d\r\nMessage-ID: <i>\r\n" },
    { "\r\nDate: of the body", "Date: d\r\nMessage-ID: <i>\r\n\r\nDate: of the body" },
    { "From me\nDate: x\nDates: y\nDate: z\n\nb", "Date: d\r\nMessage-ID: <i>\r\nFrom me\nDates: y\n\nb" },
    { "", "Date: d\r\nMessage-ID: <i>\r\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) before = g_bytes_new_static (cases[i].before, strlen (cases[i].before));
      g_autoptr (GBytes) after = surel_mime_put_fields (before, "Date: d\r\nMessage-ID: <i>\r\n");

      g_assert_cmpmem (g_bytes_get_data (after, NULL), g_bytes_get_size (after), cases[i].after, strlen (cases[i].after));
    }
  for (guint far = 0; far < 2; far++) /* what has them already isn't copied, but where they are far down */
    {
      g_autofree char *above = g_strnfill (far ? 8000 : 10, 'x');
      g_autofree char *text = g_strdup_printf ("X: %s\r\nMessage-Id:  <i> \r\nDate: d\r\n\r\nbody", above);
      g_autoptr (GBytes) before = g_bytes_new (text, strlen (text));
      g_autoptr (GBytes) after = surel_mime_put_fields (before, "Date: d\r\nMessage-ID: <i>\r\n");

      g_assert_cmpint (before == after, ==, !far);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/mime/encoded-words", test_encoded_words);
  g_test_add_func ("/mime/addresses", test_addresses);
  g_test_add_func ("/mime/dates", test_dates);
  g_test_add_func ("/mime/ids", test_ids);
  g_test_add_func ("/mime/summary-of-broken-headers", test_summary_of_broken_headers);
  g_test_add_func ("/mime/hostile-headers-take-linear-time", test_hostile_headers_take_linear_time);
  g_test_add_func ("/mime/fields-take-the-place-of-others", test_fields_take_the_place_of_others);
  g_test_add_func ("/mime/any-octets-give-clean-text", test_any_octets_give_clean_text);
  return g_test_run ();
}
