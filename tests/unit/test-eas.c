/* ActiveSync's WBXML: read in pieces of any size, written, and what hostile servers say. */
#include <string.h>

#include "base/errors.h"
#include "eas-describe.h"
#include "remote/eas/eas-writer.h"

#define LIMIT (64 << 20)

/* MS-ASWBXML §3: a response with a contact. */
static const char published[]
    = "03016A00455C4F5003436F6E7461637473000"
      "14B0332000152033200014E0331000156474D03323A3100015D00114A46033100014C033000014D033100010100015E"
      "0346756E6B2C20446F6E00015F03446F6E0001690346756E6B000100115603310001010101010101";

static GBytes *
bytes_of_hex (const char *hex)
{
  gsize length = strlen (hex) / 2;
  guint8 *octets = g_malloc (length);

  g_assert_cmpuint (strlen (hex) % 2, ==, 0);
  for (gsize i = 0; i < length; i++)
    octets[i] = (guint8) (g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]));
  return g_bytes_new_take (octets, length);
}

static GBytes *
bytes_of_writer (SurelEasWriter *writer)
{
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GOutputStream) out = g_memory_output_stream_new_resizable ();
  goffset length = 0;

  stream = surel_eas_writer_finish (writer, &length);
  g_assert_cmpint (g_output_stream_splice (out, stream, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, NULL), ==, length);
  surel_eas_writer_free (writer);
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (out));
}

/* In pieces of every size it is the same. */
static void
assert_described (GBytes *document, const char *expected)
{
  for (gsize piece = 1; piece < 20; piece++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *described = eas_describe (document, piece, LIMIT, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (described, ==, expected);
    }
}

static void
assert_refused (const char *hex, int code)
{
  g_autoptr (GBytes) document = bytes_of_hex (hex);

  for (gsize piece = 1; piece < 4; piece++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *described = eas_describe (document, piece, LIMIT, &error);

      g_assert_nonnull (described);
      g_assert_error (error, SUREL_ERROR, code);
    }
}

static void
test_published (void)
{
  static const struct
  {
    guint tag;
    const char *text;
  } expected[] = { { 0x10, "Contacts" }, { 0x0b, "2" }, { 0x12, "2" }, { 0x0e, "1" } };
  g_autoptr (GBytes) document = bytes_of_hex (published);
  g_autoptr (GInputStream) stream = g_memory_input_stream_new_from_bytes (document);
  g_autoptr (SurelEasReader) reader = surel_eas_reader_new (stream, LIMIT, NULL);
  g_autoptr (GError) error = NULL;
  guint tag;

  for (guint i = 0; i < 3; i++) /* Sync, Collections, Collection */
    g_assert_true (surel_eas_reader_child (reader, &tag));
  g_assert_cmpuint (tag, ==, 0x0f);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_autofree char *text = NULL;

      g_assert_true (surel_eas_reader_child (reader, &tag));
      g_assert_cmpuint (tag, ==, expected[i].tag);
      text = surel_eas_reader_text (reader, 100);
      g_assert_cmpstr (text, ==, expected[i].text);
    }
  g_assert_true (surel_eas_reader_child (reader, &tag)); /* Commands */
  g_assert_cmpuint (tag, ==, 0x16);
  surel_eas_reader_skip (reader);
  g_assert_false (surel_eas_reader_child (reader, &tag)); /* of Collection */
  g_assert_false (surel_eas_reader_child (reader, &tag)); /* of Collections */
  g_assert_false (surel_eas_reader_child (reader, &tag)); /* of Sync */
  g_assert_false (surel_eas_reader_child (reader, &tag)); /* of all */
  g_assert_true (surel_eas_reader_finish (reader, &error));
}

static void
test_written (void)
{
  static const char mime[] = "Subject: a\r\n\r\n\0\x01\xff";
  SurelEasWriter *writer = surel_eas_writer_new ();
  g_autoptr (GBytes) message = g_bytes_new_static (mime, sizeof mime);
  g_autoptr (GBytes) document = NULL;
  g_autoptr (GBytes) expected = NULL;

  surel_eas_writer_open (writer, SUREL_EAS_COMPOSE_SEND_MAIL);
  surel_eas_writer_text (writer, SUREL_EAS_COMPOSE_CLIENT_ID, "x1");
  surel_eas_writer_empty (writer, SUREL_EAS_COMPOSE_SAVE_IN_SENT_ITEMS);
  surel_eas_writer_bytes (writer, SUREL_EAS_COMPOSE_MIME, message);
  surel_eas_writer_close (writer);
  document = bytes_of_writer (writer);
  expected = bytes_of_hex ("03016A000015" "45" "5103783100" "01" "08" "50C312" "5375626A6563743A20610D0A0D0A0001FF00" "01" "01");
  g_assert_cmpmem (g_bytes_get_data (document, NULL), g_bytes_get_size (document), g_bytes_get_data (expected, NULL),
                   g_bytes_get_size (expected));

  g_bytes_unref (document);
  writer = surel_eas_writer_new ();
  surel_eas_writer_open (writer, SUREL_EAS_FOLDER_SYNC);
  surel_eas_writer_text (writer, SUREL_EAS_FOLDER_SYNC_KEY, "");
  surel_eas_writer_number (writer, SUREL_EAS_FOLDER_COUNT, G_MAXUINT64);
  surel_eas_writer_close (writer);
  document = bytes_of_writer (writer);
  assert_described (document, "(7:16(7:12)(7:17))");
}

/* Lengths of one octet and of more, read back to the last octet. */
static void
test_long_content (void)
{
  for (gsize size = 0; size <= 5 << 20; size = size == 0 ? 127 : size * 2 + (size % 3))
    {
      g_autofree guint8 *octets = g_malloc (size + 1);
      g_autoptr (GBytes) content = NULL;
      g_autoptr (GBytes) document = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree char *described = NULL;
      SurelEasWriter *writer = surel_eas_writer_new ();

      for (gsize i = 0; i < size; i++)
        octets[i] = (guint8) ('a' + i % 26);
      content = g_bytes_new (octets, size);
      surel_eas_writer_open (writer, SUREL_EAS_FOLDER_SYNC);
      surel_eas_writer_bytes (writer, SUREL_EAS_COMPOSE_CLIENT_ID, content); /* its token is odd: text */
      surel_eas_writer_close (writer);
      document = bytes_of_writer (writer);
      described = eas_describe (document, 10000, LIMIT, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (strlen (described), ==, strlen ("(7:16(21:11=))") + size);
    }
}

static void
test_odd_documents (void)
{
  static const struct
  {
    const char *hex;
    const char *expected;
  } documents[] = {
    { "", "nothing" },
    { "03016A00" "46" "45" "02C12C" "036100" "01" "01", "(0:06(0:05=€a))" }, /* an entity */
    { "03000F6A03616200" "05", "(0:05=)" }, /* a public id and a string table, as another WBXML has */
    { "03016A00" "46" "0040" "45" "036100" "01" "001B" "46" "45" "036200" "01" "01" "01",
      "(0:06(64:05=a)(27:06(27:05=b)))" }, /* pages that don't exist */
    { "03016A00" "46" "45" "036100" "46" "036200" "01" "C30163" "01" "01", "(0:06(0:05=ac))" },
    { "03016A00" "46" "036100" "45" "01" "036200" "07" "01", "(0:06(0:05=)(0:07))" },
    { "03016A00" "46" "47" "46" "47" "01" "01" "01" "05" "01", "(0:06(0:07)(0:05=))" }, /* passed over whole */
  };

  for (guint i = 0; i < G_N_ELEMENTS (documents); i++)
    {
      g_autoptr (GBytes) document = bytes_of_hex (documents[i].hex);

      assert_described (document, documents[i].expected);
    }
}

static void
test_hostile (void)
{
  GString *deep = g_string_new ("03016A00");

  assert_refused ("3C68746D6C3E", SUREL_ERROR_SERVER_MISBEHAVED); /* <html> */
  assert_refused ("04016A0005", SUREL_ERROR_SERVER_MISBEHAVED);
  assert_refused ("03010400" "05", SUREL_ERROR_SERVER_MISBEHAVED); /* Latin-1 */
  assert_refused ("03016AFFFFFFFF7F", SUREL_ERROR_SERVER_MISBEHAVED); /* a string table of 4 GiB */
  assert_refused ("03016A00" "45" "C3FFFFFFFFFFFFFFFF7F", SUREL_ERROR_SERVER_MISBEHAVED);
  assert_refused ("03016A00" "45" "C38FFFFFFF7F" "6161", SUREL_ERROR_OFFLINE); /* 4 GiB are said, and two octets come */
  assert_refused ("03016A00" "45" "830001", SUREL_ERROR_SERVER_MISBEHAVED); /* of the string table */
  assert_refused ("03016A00" "C5", SUREL_ERROR_SERVER_MISBEHAVED); /* with attributes */
  assert_refused ("03016A00" "45" "0401", SUREL_ERROR_SERVER_MISBEHAVED); /* a literal tag */
  assert_refused ("03016A00" "45" "43", SUREL_ERROR_SERVER_MISBEHAVED); /* an instruction */
  assert_refused ("03016A00" "01", SUREL_ERROR_SERVER_MISBEHAVED); /* an end of nothing */
  assert_refused ("03016A00" "46", SUREL_ERROR_OFFLINE);
  assert_refused ("03016A00" "4503616263", SUREL_ERROR_OFFLINE);
  assert_refused ("03016A", SUREL_ERROR_OFFLINE);
  for (guint i = 0; i < 200000; i++)
    g_string_append (deep, "46");
  assert_refused (deep->str, SUREL_ERROR_SERVER_MISBEHAVED);
  g_string_free (deep, TRUE);
}

static void
test_limits (void)
{
  g_autoptr (GBytes) document = bytes_of_hex (published);
  gsize size = g_bytes_get_size (document);
  g_autoptr (GError) error = NULL;
  g_autofree char *whole = eas_describe (document, 7, size, &error);
  g_autofree char *cut = NULL; /* what was read until then */
  g_autofree char *text = NULL;
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (SurelEasReader) reader = NULL;
  guint tag;

  g_assert_no_error (error);
  cut = eas_describe (document, 7, size - 1, &error);
  g_assert_cmpstr (cut, !=, NULL);
  g_assert_cmpstr (whole, ==, "(0:05=)");
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED);

  stream = g_memory_input_stream_new_from_bytes (document);
  reader = surel_eas_reader_new (stream, LIMIT, NULL);
  for (guint i = 0; i < 4; i++)
    surel_eas_reader_child (reader, &tag);
  text = surel_eas_reader_text (reader, 3);
  g_assert_cmpstr (text, ==, "Con");
  surel_eas_reader_child (reader, &tag);
  g_assert_cmpint (surel_eas_reader_number (reader), ==, 2);
  surel_eas_reader_child (reader, &tag);
  surel_eas_reader_skip (reader);
  surel_eas_reader_child (reader, &tag);
  surel_eas_reader_child (reader, &tag); /* of Status, which has none */
}

static gboolean
refuse (const void *data G_GNUC_UNUSED, gsize length G_GNUC_UNUSED, gpointer calls, GError **error)
{
  ++*(guint *) calls;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL, "The disk is full");
  return FALSE;
}

static void
test_content_is_refused (void)
{
  g_autoptr (GBytes) document = bytes_of_hex ("03016A00" "45" "036100" "036200" "01");
  g_autoptr (GInputStream) stream = g_memory_input_stream_new_from_bytes (document);
  g_autoptr (SurelEasReader) reader = surel_eas_reader_new (stream, LIMIT, NULL);
  g_autoptr (GError) error = NULL;
  guint calls = 0;
  guint tag;

  g_assert_true (surel_eas_reader_child (reader, &tag));
  surel_eas_reader_content (reader, refuse, &calls);
  g_assert_cmpuint (calls, ==, 1);
  g_assert_false (surel_eas_reader_child (reader, &tag));
  g_assert_false (surel_eas_reader_finish (reader, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/eas/published", test_published);
  g_test_add_func ("/eas/written", test_written);
  g_test_add_func ("/eas/long-content", test_long_content);
  g_test_add_func ("/eas/odd-documents", test_odd_documents);
  g_test_add_func ("/eas/hostile", test_hostile);
  g_test_add_func ("/eas/limits", test_limits);
  g_test_add_func ("/eas/content-is-refused", test_content_is_refused);
  return g_test_run ();
}
