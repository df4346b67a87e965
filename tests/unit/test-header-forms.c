/* Header fields in the forms of RFC 8621 §4.1.2: which fields have which, what is told of well made ones, and what hostile ones can
 * do: take so much room and work and no more, and give clean text alone. */
#include <string.h>

#include "base/errors.h"
#include "base/text.h"
#include "bus/header.h"
#include "bus/wire.h"
#include "mime/mime-header.h"

#define ROOM (60 * 1024) /* octets, as in a row */

static void
assert_is_clean (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    g_assert_true (surel_text_is_clean (g_variant_get_string (value, NULL)));
  for (gsize i = 0; g_variant_is_container (value) && i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      assert_is_clean (child);
    }
}

/* What is told, all of it clean, as GVariant text; `nothing` for nothing, with ` ...` behind it where there is more. */
static char *
tell_octets (const char *header, gsize length, const char *property, gsize room)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelMimeFormWanted) wanted = surel_mime_form_parse (property, &error);
  g_autoptr (SurelHeader) read = surel_header_new (header, length);
  g_autoptr (GVariant) value = NULL;
  g_autofree char *text = NULL;
  gboolean cut = FALSE;

  g_assert_no_error (error);
  value = surel_header_tell (read, wanted, room, &cut);
  if (value != NULL)
    assert_is_clean (g_variant_ref_sink (value));
  g_assert_true (value == NULL || surel_wire_size (value) <= room);
  text = value != NULL ? g_variant_print (value, FALSE) : g_strdup ("nothing");
  return g_strconcat (text, cut ? " ..." : "", NULL);
}

static void
test_what_fields_say (void)
{
  static const struct
  {
    const char *header, *property, *expected;
  } cases[] = {
    /* Raw. */
    { "Subject: =?utf-8?Q?a?=\r\n  b\tc \r\n", "header:Subject", "' =?utf-8?Q?a?=  b c '" },
    { "Subject: a\r\n", "header:sUBJECT:asRaw", "' a'" },
    { "Subject:a\r\nsubject: b\r\n\r\nSubject: body", "header:Subject", "' b'" },
    { "Subject:a\r\nsubject: b\r\n", "header:Subject:all", "['a', ' b']" },
    { "Subject:a\r\n", "header:Subjec", "nothing" },
    { "Subject:a\r\n", "header:X:all", "[]" },
    { "", "header:X:asDate:all", "[]" },
    { "X:\r\n", "header:X", "''" },
    { "X: \351 caf\303\251\r\n", "header:X", "' \357\277\275 caf\303\251'" },
    /* Text. */
    { "Subject: =?utf-8?Q?a?=\r\n =?utf-8?Q?b?= c\r\n", "header:Subject:asText", "'ab c'" },
    { "X-Label:  two\r\n words \r\n", "header:X-Label:asText", "'two words'" },
    { "List-Id: A <a.b>\r\n", "header:list-id:asText:all", "['A <a.b>']" },
    { "Subject: =?utf-8?B?broken\r\n", "header:Subject:asText", "'=?utf-8?B?broken'" },
    /* Addresses. */
    { "To: Ann <a@b>, team: c@d, Bob <e@f>;, g@h\r\n", "header:To:asAddresses", "[('Ann', 'a@b'), ('', 'c@d'), ('Bob', 'e@f'), ('', 'g@h')]" },
    { "To: Ann <a@b>, i@j, team: c@d, Bob <e@f>;, g@h\r\n", "header:To:asGroupedAddresses",
      "[('', [('Ann', 'a@b'), ('', 'i@j')]), ('team', [('', 'c@d'), ('Bob', 'e@f')]), ('', [('', 'g@h')])]" },
    { "To: a@b; c@d\r\n", "header:To:asGroupedAddresses", "[('', [('', 'a@b'), ('', 'c@d')])]" },
    { "To: undisclosed-recipients:;\r\n", "header:To:asGroupedAddresses", "[('undisclosed-recipients', [])]" },
    { "To: =?utf-8?Q?t=C3=A9am?=: a@b\r\n", "header:To:asGroupedAddresses", "[('t\303\251am', [('', 'a@b')])]" },
    { "To: a:;b:c@d;\r\nTo: e@f", "header:To:asGroupedAddresses:all", "[[('a', []), ('b', [('', 'c@d')])], [('', [('', 'e@f')])]]" },
    { "To:\r\n", "header:To:asAddresses", "[]" },
    { "To:a@b\r\nTo: c@d\r\n", "header:To:asAddresses:all", "[[('', 'a@b')], [('', 'c@d')]]" },
    /* Ids. */
    { "References: <a@b>\r\n <c@d>\r\n", "header:References:asMessageIds", "['a@b', 'c@d']" },
    { "References: none\r\n", "header:References:asMessageIds", "nothing" },
    { "References: none\r\nReferences: <a@b>\r\n", "header:References:asMessageIds:all", "[[], ['a@b']]" },
    /* Dates. */
    { "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n", "header:Date:asDate", "1700000000" },
    { "Date: yesterday\r\n", "header:Date:asDate", "nothing" },
    { "X-D: x\r\nX-D: Tue, 14 Nov 2023 22:13:20 +0000\r\n", "header:X-D:asDate:all", "[1700000000]" },
    /* URLs. */
    { "List-Unsubscribe: (a <b>) <https://x.test/a\r\n b>, <mailto:c@d?subject=e>\r\n", "header:List-Unsubscribe:asURLs",
      "['https://x.test/ab', 'mailto:c@d?subject=e']" },
    { "List-Post: NO (posting not allowed)\r\n", "header:List-Post:asURLs", "nothing" },
    { "List-Post: NO\r\n", "header:List-Post:asURLs:all", "[[]]" },
    { "List-Post: <mailto:a@b\r\n", "header:List-Post:asURLs", "nothing" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *told = tell_octets (cases[i].header, strlen (cases[i].header), cases[i].property, ROOM);

      g_assert_cmpstr (told, ==, cases[i].expected);
    }
}

static void
test_fields_have_the_forms_they_are_defined_to_have (void)
{
  static const char *const good[] = {
    "header:Subject:asText", "header:COMMENTS:asText:all", "header:Keywords:asText", "header:List-Id:asText", "header:Received",
    "header:Return-Path:asRaw:all", "header:Resent-Reply-To:asGroupedAddresses", "header:Bcc:asAddresses", "header:Resent-Date:asDate",
    "header:resent-message-id:asMessageIds", "header:List-Archive:asURLs", "header:X:asText", "header:X:asAddresses:all",
    "header:X:asGroupedAddresses", "header:X:asMessageIds", "header:X:asDate", "header:X:asURLs", "header:all", "header:asText:asText:all",
  };
  static const char *const bad[] = {
    "header:", "header::asText", "header:Subject:", "header:Subject:astext", "header:Subject:asHtml", "header:Subject:all:asText",
    "header:Subject:asText:all:all", "header:Subject:asText:", "header:Subject:asText:asText", "header:Sub ject", "header:S\303\274bject",
    "header:Subject\n", "headers:Subject", "Header:Subject", "", "header:Subject:asAddresses", "header:Subject:asURLs", "header:From:asText",
    "header:To:asMessageIds", "header:Date:asText", "header:Message-ID:asText", "header:References:asDate", "header:Received:asText",
    "header:Return-Path:asAddresses", "header:List-Post:asText", "header:Resent-Date:asAddresses", "header:List-Unsubscribe:asAddresses",
  };
  g_autofree char *name = g_strnfill (SUREL_MIME_NAME_OF_FIELD_MAX + 1, 'x');
  g_autofree char *lengthy = g_strconcat ("header:", name, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (SurelMimeFormWanted) wanted = surel_mime_form_parse (good[i], &error);

      g_assert_no_error (error);
      g_assert_cmpstr (wanted->property, ==, good[i]);
      g_assert_cmpint (wanted->all, ==, g_str_has_suffix (good[i], ":all") && strlen (good[i]) > strlen ("header:all"));
    }
  for (guint i = 0; i <= G_N_ELEMENTS (bad); i++)
    {
      const char *property = i < G_N_ELEMENTS (bad) ? bad[i] : lengthy;
      g_autoptr (GError) error = NULL;

      g_assert_null (surel_mime_form_parse (property, &error));
      g_assert_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, property));
    }
}

static const char *const forms[] = { "", ":asText", ":asAddresses", ":asGroupedAddresses", ":asMessageIds", ":asDate", ":asURLs" };

/* All forms of X, one and all. Returns whether each said that there is more. */
static gboolean
tell_every_form (const char *header, gsize length, gsize room)
{
  gboolean all_cut = TRUE;

  for (guint i = 0; i < 2 * G_N_ELEMENTS (forms); i++)
    {
      g_autofree char *property = g_strconcat ("header:X", forms[i / 2], i % 2 == 0 ? "" : ":all", NULL);
      g_autofree char *told = tell_octets (header, length, property, room);

      all_cut = all_cut && g_str_has_suffix (told, " ...");
    }
  return all_cut;
}

static void
test_ten_thousand_of_a_field (void)
{
  g_autoptr (GString) header = g_string_new (NULL);
  g_autofree char *last = NULL;
  g_autofree char *few = NULL;

  for (guint i = 0; i < 10000; i++)
    g_string_append_printf (header, "X: <a%u@b>\r\n", i);
  g_assert_true (tell_every_form (header->str, header->len, ROOM));
  last = tell_octets (header->str, header->len, "header:X", ROOM);
  g_assert_cmpstr (last, ==, "' <a999@b>' ...");
  few = tell_octets (header->str, header->len, "header:X:asMessageIds:all", 200);
  g_assert_cmpstr (few, ==, "[['a0@b'], ['a1@b'], ['a2@b']] ...");
}

static void
test_a_field_of_a_mebibyte (void)
{
  static const char *const units[] = { "=?=?=?", "((((", ",,,,", "<<<<", "<somebody.or.other@a.long.domain.surel.test>,", "a:;", "=?utf-8?B?QQ==?= ", "\r\n ", "\"\\", "=?a?Q?x", "\001" };

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    {
      g_autoptr (GString) header = g_string_new ("X: x");
      gint64 start = g_get_monotonic_time ();

      while (header->len < 1024 * 1024)
        g_string_append (header, units[i]);
      tell_every_form (header->str, header->len, ROOM);
      g_test_message ("%s: %" G_GINT64_FORMAT " ms", units[i], (g_get_monotonic_time () - start) / 1000);
      g_assert_cmpint (g_get_monotonic_time () - start, <, 10 * G_USEC_PER_SEC);
    }
}

/* However much is asked for, so much is looked at. */
static void
test_work_is_bounded (void)
{
  g_autoptr (GString) header = g_string_new (NULL);
  g_autofree char *filling = g_strnfill (100000, '\001');
  g_autoptr (SurelHeader) read = NULL;
  guint told = 0;

  for (guint i = 0; i < 5; i++)
    g_string_append_printf (header, "X: %s\r\n", filling);
  read = surel_header_new (header->str, header->len);
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *property = g_strdup_printf ("header:X:asText%s", i % 2 == 0 ? ":all" : "");
      g_autoptr (SurelMimeFormWanted) wanted = surel_mime_form_parse (property, NULL);
      gboolean cut = FALSE;
      GVariant *value = surel_header_tell (read, wanted, ROOM, &cut);

      told += !cut;
      if (value != NULL)
        g_variant_unref (g_variant_ref_sink (value));
    }
  g_assert_cmpuint (surel_header_get_read (read), <=, 1024 * 1024);
  g_assert_cmpuint (told, ==, 2);
}

static void
test_any_octets_give_clean_values (void)
{
  for (guint round = 0; round < 1000; round++)
    {
      char header[300] = "X:";

      for (guint i = 2; i < sizeof header; i++)
        header[i] = (char) (g_test_rand_bit () ? "=?utf-8QB_ \r\n<>@,;:\"()X\0\033"[g_test_rand_int_range (0, 25)]
                                               : g_test_rand_int_range (0, 256));
      tell_every_form (header, sizeof header, (gsize) g_test_rand_int_range (0, 500));
    }
}

static void
test_control_characters_do_not_come_out (void)
{
  static const char header[] = "X: a\0b\033[31m\302\205\342\200\256c <d\0e\033@\342\200\256f> =?utf-8?Q?=00=1B=E2=80=AE?=\r\n";

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autofree char *property = g_strconcat ("header:X", forms[i], NULL);
      g_autofree char *told = tell_octets (header, sizeof header - 1, property, ROOM);

      g_assert_null (strchr (told, '\\')); /* as GVariant prints them */
    }
}

/* As GDBus writes it. */
static void
test_room_on_the_wire (void)
{
  static const char *const values[] = {
    "byte 1", "true", "int16 1", "1.5", "'abc'", "@o '/'", "@g 's'", "('a', 'b')", "@as []", "@ax []", "[('', ''), ('', '')]",
    "['a', 'bcdefgh', '']", "{'a': <uint64 1>, 'b': <'c'>}", "<<true>>", "(byte 1, [(byte 2, [uint64 3])], <(byte 1, {1: 'x'})>)",
    "[[byte 1], [2, 3]]", "[@a{sv} {}, {'x': <[@a{sv} {}, {'y': <int64 1>}]>}]",
  };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = g_variant_parse (NULL, values[i], NULL, NULL, &error);
      g_autoptr (GDBusMessage) message = g_dbus_message_new_signal ("/", "a.b", "C");
      g_autofree guchar *blob = NULL;
      guint32 length;
      gsize size;

      g_assert_no_error (error);
      g_dbus_message_set_body (message, g_variant_new_tuple (&value, 1));
      blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
      g_assert_no_error (error);
      memcpy (&length, blob + 4, sizeof length);
      g_assert_cmpuint (surel_wire_size (value), ==, length);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/header-forms/what-fields-say", test_what_fields_say);
  g_test_add_func ("/header-forms/fields-have-the-forms-they-are-defined-to-have", test_fields_have_the_forms_they_are_defined_to_have);
  g_test_add_func ("/header-forms/ten-thousand-of-a-field", test_ten_thousand_of_a_field);
  g_test_add_func ("/header-forms/a-field-of-a-mebibyte", test_a_field_of_a_mebibyte);
  g_test_add_func ("/header-forms/work-is-bounded", test_work_is_bounded);
  g_test_add_func ("/header-forms/any-octets-give-clean-values", test_any_octets_give_clean_values);
  g_test_add_func ("/header-forms/control-characters-do-not-come-out", test_control_characters_do_not_come_out);
  g_test_add_func ("/header-forms/room-on-the-wire", test_room_on_the_wire);
  return g_test_run ();
}
