/* The parts of messages, well made and broken, beside what they are: structure, what is shown as text and as HTML, what is
 * attached (RFC 8621 §4.1.4), and the text itself. */
#include <string.h>

#include "mime/mime-body.h"
#include "mime/mime-flowed.h"
#include "mime/mime-name.h"
#include "mime/mime-text.h"

#define MULTI(type, boundary) "Content-Type: multipart/" type "; boundary=\"" boundary "\"\r\n\r\n"
#define TYPE(type) "Content-Type: " type "\r\n"

#define TEN "xxxxxxxxxx"
#define A_HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

typedef struct
{
  const char *name;
  const char *message;
  gsize length; /* 0 for all of it */
  const char *structure; /* of each part its id, type, octets, and 'name'; of a multipart what is in it */
  const char *shown; /* ids of the text, of the HTML, of what is attached */
  const char *text; /* of the first part of the text; NULL where it isn't looked at */
} Sample;

static const Sample samples[] = {
  { "nothing", "", 0, "1 text/plain 0", "1|1|", "" },
  { "a header alone", "Subject: x\r\n", 0, "1 text/plain 0", "1|1|", "" },
  { "no header", "\r\nHello\r\n", 0, "1 text/plain 7", "1|1|", "Hello\n" },
  { "plain", "Subject: x\r\n\r\nHello\r\n", 0, "1 text/plain 7", "1|1|", "Hello\n" },
  { "line feeds alone", "Subject: x\n\nHello\nyou\n", 0, "1 text/plain 10", "1|1|", "Hello\nyou\n" },
  { "HTML alone", TYPE ("text/html") "\r\n<p>x", 0, "1 text/html 4", "1|1|", "<p>x" },
  { "a picture alone", TYPE ("image/png") "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n", 0, "1 image/png 5", "1|1|", NULL },
  { "a file alone", TYPE ("application/pdf; name=x.pdf") "\r\nxx", 0, "1 application/pdf 2 'x.pdf'", "||1", NULL },
  { "an attached text alone", TYPE ("text/plain") "Content-Disposition: attachment\r\n\r\nxx", 0, "1 text/plain 2", "||1", NULL },
  { "two parts", MULTI ("mixed", "b") "\r\n--b\r\n\r\none\r\n--b\r\n" TYPE ("text/plain") "\r\ntwo\r\n--b--\r\n", 0,
    "mixed(1 text/plain 3, 2 text/plain 3)", "1,2|1,2|", "one" },
  { "a choice", MULTI ("alternative", "b") "--b\r\n\r\none\r\n--b\r\n" TYPE ("text/html") "\r\n<b>one\r\n--b--\r\n", 0,
    "alternative(1 text/plain 3, 2 text/html 6)", "1|2|", "one" },
  { "a choice of HTML alone", MULTI ("alternative", "b") "--b\r\n" TYPE ("text/html") "\r\n<b>one\r\n--b--\r\n", 0,
    "alternative(1 text/html 6)", "1|1|", "<b>one" },
  { "a choice of text alone", MULTI ("alternative", "b") "--b\r\n\r\none\r\n--b--\r\n", 0, "alternative(1 text/plain 3)", "1|1|", "one" },
  { "a choice with a calendar",
    MULTI ("alternative", "b") "--b\r\n\r\none\r\n--b\r\n" TYPE ("text/html") "\r\n<b>one\r\n--b\r\n" TYPE ("text/calendar") "\r\nBEGIN\r\n--b--\r\n", 0,
    "alternative(1 text/plain 3, 2 text/html 6, 3 text/calendar 5)", "1|2|3", "one" },
  { "a page with its picture, and a file",
    MULTI ("mixed", "m") "--m\r\n" MULTI ("alternative", "a") "--a\r\n\r\none\r\n--a\r\n" MULTI ("related", "r") "--r\r\n" TYPE ("text/html")
    "\r\n<img src=cid:p>\r\n--r\r\n" TYPE ("image/png") "Content-ID: <p>\r\n\r\npng\r\n--r--\r\n--a--\r\n--m\r\n" TYPE ("application/zip")
    "Content-Disposition: attachment; filename=\"a b.zip\"\r\n\r\nzip\r\n--m--\r\n", 0,
    "mixed(alternative(1.1 text/plain 3, related(1.2.1 text/html 15, 1.2.2 image/png 3 <p>)), 2 application/zip 3 'a b.zip')",
    "1.1|1.2.1|1.2.2,2", "one" },
  { "a choice within a choice, beside a page",
    MULTI ("alternative", "a") "--a\r\n" MULTI ("mixed", "m") "--m\r\n" TYPE ("text/html") "\r\n<p>\r\n--m\r\n" MULTI ("alternative", "b")
    "--b\r\n\r\none\r\n--b--\r\n--m--\r\n--a--\r\n", 0,
    "alternative(mixed(1.1 text/html 3, alternative(1.2.1 text/plain 3)))", "1.1|1.1|1.2.1", NULL },
  { "words without end", "Content-Type: text/plain; charset=" A_HUNDRED A_HUNDRED A_HUNDRED "\r\nContent-ID: <" A_HUNDRED A_HUNDRED A_HUNDRED
    ">\r\nContent-Disposition: " A_HUNDRED A_HUNDRED A_HUNDRED "\r\n\r\none", 0, "1 text/plain 3", "1|1|", "one" },
  { "text, a picture, text",
    MULTI ("mixed", "m") "--m\r\n\r\none\r\n--m\r\n" TYPE ("image/png") "Content-Disposition: inline\r\n\r\npng\r\n--m\r\n\r\ntwo\r\n--m--\r\n", 0,
    "mixed(1 text/plain 3, 2 image/png 3, 3 text/plain 3)", "1,2,3|1,2,3|", "one" },
  { "text and a named text", MULTI ("mixed", "m") "--m\r\n\r\none\r\n--m\r\n" TYPE ("text/plain; name=log.txt") "\r\ntwo\r\n--m--\r\n", 0,
    "mixed(1 text/plain 3, 2 text/plain 3 'log.txt')", "1|1|2", "one" },
  { "a message inside", MULTI ("mixed", "m") "--m\r\n\r\none\r\n--m\r\n" TYPE ("message/rfc822") "\r\nSubject: in\r\n\r\ntext\r\n--m--\r\n", 0,
    "mixed(1 text/plain 3, 2 message/rfc822 19)", "1|1|2", "one" },
  { "a digest", MULTI ("digest", "m") "--m\r\n\r\nSubject: a\r\n\r\nx\r\n--m\r\n\r\nSubject: b\r\n\r\ny\r\n--m--\r\n", 0,
    "digest(1 message/rfc822 15, 2 message/rfc822 15)", "||1,2", NULL },
  { "signed", MULTI ("signed", "m") "--m\r\n\r\none\r\n--m\r\n" TYPE ("application/pgp-signature; name=signature.asc") "\r\nsig\r\n--m--\r\n", 0,
    "signed(1 text/plain 3, 2 application/pgp-signature 3 'signature.asc')", "1|1|2", "one" },
  { "a report", MULTI ("report", "m") "--m\r\n\r\none\r\n--m\r\n" TYPE ("message/delivery-status") "\r\nAction: failed\r\n--m--\r\n", 0,
    "report(1 text/plain 3, 2 message/delivery-status 14)", "1|1|2", "one" },
  { "winmail.dat", MULTI ("mixed", "m") "--m\r\n\r\none\r\n--m\r\n" TYPE ("application/ms-tnef; name=\"winmail.dat\"") "\r\nx\r\n--m--\r\n", 0,
    "mixed(1 text/plain 3, 2 application/ms-tnef 1 'winmail.dat')", "1|1|2", "one" },

  /* Broken. */
  { "the end is missing", MULTI ("mixed", "m") "--m\r\n\r\none\r\n--m\r\n\r\ntwo", 0, "mixed(1 text/plain 3, 2 text/plain 3)", "1,2|1,2|", "one" },
  { "an inner end is missing", MULTI ("mixed", "m") "--m\r\n" MULTI ("alternative", "a") "--a\r\n\r\none\r\n--m\r\n\r\ntwo\r\n--m--\r\n", 0,
    "mixed(alternative(1.1 text/plain 3), 2 text/plain 3)", "1.1,2|1.1,2|", "one" },
  { "no boundary is said", "Content-Type: multipart/mixed\r\n\r\n--m\r\n\r\none\r\n--m--\r\n", 0, "mixed(1 text/plain 19)", "1|1|", "--m\n\none\n--m--\n" },
  { "another boundary is said", MULTI ("mixed", "n") "--m\r\n\r\none\r\n--m--\r\n", 0, "mixed(1 text/plain 19)", "1|1|", NULL },
  { "a multipart of nothing", MULTI ("mixed", "m") "--m--\r\n", 0, "mixed(1 text/plain 7)", "1|1|", NULL },
  { "a multipart that is empty", MULTI ("mixed", "m"), 0, "mixed(1 text/plain 0)", "1|1|", "" },
  { "a part of nothing", MULTI ("mixed", "m") "--m\r\n--m--\r\n", 0, "mixed(1 text/plain 0)", "1|1|", "" },
  { "a part that is a header alone", MULTI ("mixed", "m") "--m\r\n" TYPE ("text/html") "--m--\r\n", 0, "mixed(1 text/html 0)", "1|1|", "" },
  { "what begins like the boundary", MULTI ("mixed", "m") "--m\r\n\r\n--mm\r\n-- m\r\n --m\r\n--m x\r\n--m--x\r\n--m-- \t\r\n\r\nbehind", 0,
    "mixed(1 text/plain 31)", "1|1|", "--mm\n-- m\n --m\n--m x\n--m--x" },
  { "what is before and behind", MULTI ("mixed", "m") "before\r\n--m\r\n\r\none\r\n--m--\r\nbehind\r\n--m\r\n\r\ntwo\r\n", 0,
    "mixed(1 text/plain 3)", "1|1|", "one" },
  { "one boundary within the other, as begun", MULTI ("mixed", "m") "--m\r\n" MULTI ("mixed", "mm") "--mm\r\n\r\none\r\n--mm--\r\n--m--\r\n", 0,
    "mixed(mixed(1.1 text/plain 3))", "1.1|1.1|", "one" },
  { "one boundary twice", MULTI ("mixed", "m") "--m\r\n" MULTI ("alternative", "m") "--m\r\n\r\none\r\n--m--\r\n", 0,
    "mixed(alternative(1.1 text/plain 0), 2 text/plain 3)", "1.1,2|1.1,2|", NULL },
  { "a type that is none", TYPE ("text") "\r\none", 0, "1 text/plain 3", "1|1|", "one" },
  { "a type that is nothing", TYPE ("") "\r\none", 0, "1 text/plain 3", "1|1|", "one" },
  { "a type in capitals", TYPE ("TEXT/HTML; CHARSET=\"UTF-8\"") "\r\n<p>", 0, "1 text/html 3", "1|1|", "<p>" },
  { "two types", TYPE ("text/html") TYPE ("application/pdf") "\r\n<p>", 0, "1 text/html 3", "1|1|", "<p>" },
  { "octets of no meaning in the header", "Content-Type: text/plain\0; charset=utf-8\r\n\r\none", 47, "1 text/plain 3", "1|1|", "one" },
  { "base64 that is broken", TYPE ("text/plain") "Content-Transfer-Encoding: BASE64 \r\n\r\naGVs\r\n!bG8\r\n", 0, "1 text/plain 5", "1|1|", "hello" },
  { "base64 in two pieces", TYPE ("text/plain") "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\nIHlvdQ==\r\n", 0, "1 text/plain 9", "1|1|", "hello you" },
  { "quoted-printable that is broken", TYPE ("text/plain; charset=utf-8") "Content-Transfer-Encoding: quoted-printable\r\n\r\na=C3=A9=\r\nb=ZZ =", 0,
    NULL, "1|1|", NULL },
  { "uuencode", TYPE ("application/x") "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 b a\r\n#0V%T\r\n`\r\nend\r\n", 0,
    "1 application/x 3", "||1", NULL },
  { "uuencode without its beginning", TYPE ("text/plain") "Content-Transfer-Encoding: uuencode\r\n\r\n#0V%T\r\n", 0, "1 text/plain 7", "1|1|", "#0V%T\n" },
  { "an encoding that nobody knows", TYPE ("text/plain") "Content-Transfer-Encoding: rot13\r\n\r\nuryyb", 0, "1 text/plain 5", "1|1|", "uryyb" },
  { "a multipart that says it is encoded", MULTI ("mixed", "m") "Content-Transfer-Encoding: base64\r\n--m\r\n\r\none\r\n--m--\r\n", 0,
    "mixed(1 text/plain 3)", "1|1|", "one" },

  /* Names. */
  { "a name in pieces", TYPE ("application/zip; name*0=\"a-\"; name*1=\"b.zip\"") "\r\nx", 0, "1 application/zip 1 'a-b.zip'", "||1", NULL },
  { "a name of octets", TYPE ("application/zip; name*=utf-8''%e2%82%ac.zip") "\r\nx", 0, "1 application/zip 1 '\342\202\254.zip'", "||1", NULL },
  { "a name of encoded words", TYPE ("application/zip; name=\"=?utf-8?q?=e2=82=ac=2ezip?=\"") "\r\nx", 0,
    "1 application/zip 1 '\342\202\254.zip'", "||1", NULL },
  { "a name that leads away", TYPE ("application/zip; name=\"../../etc/passwd\"") "\r\nx", 0, "1 application/zip 1 'passwd'", "||1", NULL },
  { "the file's name counts", TYPE ("application/zip; name=a.zip") "Content-Disposition: attachment; filename=b.zip\r\n\r\nx", 0,
    "1 application/zip 1 'b.zip'", "||1", NULL },

  /* Text. */
  { "windows-1252 that isn't said", TYPE ("text/plain") "\r\ncaf\351 \2233\224", 0, "1 text/plain 8", "1|1|", "caf\303\251 \342\200\2343\342\200\235" },
  { "UTF-8 that isn't said", TYPE ("text/plain") "\r\ncaf\303\251", 0, "1 text/plain 5", "1|1|", "caf\303\251" },
  { "UTF-8 that is said to be ASCII", TYPE ("text/plain; charset=us-ascii") "\r\ncaf\303\251", 0, "1 text/plain 5", "1|1|", "caf\303\251" },
  { "ISO-2022-JP that isn't said", TYPE ("text/plain") "\r\n\033$B$3\033(B", 0, "1 text/plain 8", "1|1|", "\343\201\223" },
  { "koi8-r", TYPE ("text/plain; charset=KOI8-R") "\r\n\360\322\311", 0, "1 text/plain 3", "1|1|", "\320\237\321\200\320\270" },
  { "UTF-16", TYPE ("text/plain; charset=utf-16le") "\r\na\0b\0", 50, "1 text/plain 4", "1|1|", "ab" },
  { "octets of no meaning in a text", TYPE ("text/plain; charset=utf-8") "\r\na\0b", 46, "1 text/plain 3", "1|1|", "a\357\277\275b" },
  { "a charset that nobody knows", TYPE ("text/plain; charset=klingon") "\r\ncaf\351", 0, "1 text/plain 4", "1|1|", "caf\303\251" },
  { "a page that says what it is in", TYPE ("text/html") "\r\n<meta charset='koi8-r'>\360", 0, "1 text/html 24", "1|1|", "<meta charset='koi8-r'>\320\237" },
  { "wrapped lines", TYPE ("text/plain; format=flowed") "\r\none \r\ntwo\r\n\r\n> a \r\n> b\r\n  x\r\n-- \r\nme\r\n", 0, NULL, "1|1|",
    "one two\n\n> a b\n x\n-- \nme\n" },
  { "wrapped lines of no spaces", TYPE ("text/plain; format=flowed; delsp=yes") "\r\non \r\ne\r\n", 0, NULL, "1|1|", "one\n" },
  { "an octet that is none in its charset", TYPE ("text/plain; charset=euc-kr") "\r\n\260\241\377\260\241", 0, "1 text/plain 5", "1|1|",
    "\352\260\200\357\277\275\352\260\200" },
  { "escapes in UTF-8", TYPE ("text/plain") "\r\n\033$\303\251", 0, "1 text/plain 4", "1|1|", "\033$\303\251" },
  { "line ends of all kinds", TYPE ("text/plain") "\r\na\rb\r\nc\nd", 0, "1 text/plain 8", "1|1|", "a\nb\nc\nd" },
};

static void
describe (GString *out, const SurelMimePart *part, const char *message)
{
  if (part->parts == NULL)
    {
      g_string_append_printf (out, "%s %s %" G_GUINT64_FORMAT, part->id, part->type, surel_mime_part_size (part, message));
      if (part->name != NULL)
        g_string_append_printf (out, " '%s'", part->name);
      if (part->cid != NULL)
        g_string_append_printf (out, " <%s>", part->cid);
      return;
    }
  g_string_append_printf (out, "%s(", part->type + strlen ("multipart/"));
  for (guint i = 0; i < part->parts->len; i++)
    {
      g_string_append (out, i > 0 ? ", " : "");
      describe (out, part->parts->pdata[i], message);
    }
  g_string_append_c (out, ')');
}

static void
list_ids (GString *out, const GPtrArray *parts)
{
  for (guint i = 0; i < parts->len; i++)
    g_string_append_printf (out, "%s%s", i > 0 ? "," : "", ((SurelMimePart *) parts->pdata[i])->id);
}

static void
test_sample (gconstpointer data)
{
  const Sample *sample = data;
  gsize length = sample->length != 0 ? sample->length : strlen (sample->message);
  g_autofree char *message = g_memdup2 (sample->message, MAX (length, 1)); /* ASan sees what is read behind it */
  g_autoptr (SurelMimePart) root = surel_mime_part_parse (message, length);
  g_autoptr (SurelMimeBody) body = surel_mime_body_new (root);
  g_autoptr (GString) structure = g_string_new (NULL);
  g_autoptr (GString) shown = g_string_new (NULL);

  describe (structure, root, message);
  if (sample->structure != NULL)
    g_assert_cmpstr (structure->str, ==, sample->structure);
  list_ids (shown, body->text);
  g_string_append_c (shown, '|');
  list_ids (shown, body->html);
  g_string_append_c (shown, '|');
  list_ids (shown, body->attachments);
  g_assert_cmpstr (shown->str, ==, sample->shown);
  if (sample->text != NULL)
    {
      gboolean problem;
      gboolean truncated;
      g_autofree char *text = surel_mime_part_text (body->text->pdata[0], message, 1000, &problem, &truncated);

      g_assert_cmpstr (text, ==, sample->text);
      g_assert_false (truncated);
    }
}

/* Multiparts within one another, and parts beside one another, without end. */
static void
test_deep_and_wide (void)
{
  g_autoptr (GString) deep = g_string_new (NULL);
  g_autoptr (GString) wide = g_string_new (MULTI ("mixed", "m"));
  g_autoptr (SurelMimePart) root = NULL;
  const SurelMimePart *part;
  guint depth = 0;

  for (guint i = 0; i < 100000; i++)
    g_string_append_printf (deep, MULTI ("mixed", "%u") "--%u\r\n", i, i);
  root = surel_mime_part_parse (deep->str, deep->len);
  for (part = root; part->parts != NULL; part = part->parts->pdata[0])
    depth++;
  g_assert_cmpuint (depth, ==, SUREL_MIME_DEPTH_MAX);
  g_clear_pointer (&root, surel_mime_part_free);

  for (guint i = 0; i < 500000; i++)
    g_string_append (wide, "--m\r\n\r\n");
  root = surel_mime_part_parse (wide->str, wide->len);
  g_assert_cmpuint (root->parts->len, <=, SUREL_MIME_PARTS_MAX);
  g_assert_cmpuint (root->parts->len, >, SUREL_MIME_PARTS_MAX - 10);
}

static void
test_a_text_is_cut_between_characters (void)
{
  static const char *const messages[] = { "Content-Type: text/plain; charset=utf-8\r\n\r\na\303\251\303\251", "\r\na\303\251\303\251" };
  static const char *const cut[] = { "", "a", "a", "a\303\251", "a\303\251", "a\303\251\303\251", "a\303\251\303\251" };

  for (guint n = 0; n < G_N_ELEMENTS (messages) * G_N_ELEMENTS (cut); n++)
    {
      const char *message = messages[n / G_N_ELEMENTS (cut)];
      guint most = n % G_N_ELEMENTS (cut);
      g_autoptr (SurelMimePart) root = surel_mime_part_parse (message, strlen (message));
      gboolean problem;
      gboolean truncated;
      g_autofree char *text = surel_mime_part_text (root, message, most, &problem, &truncated);

      g_assert_cmpstr (text, ==, cut[most]);
      g_assert_cmpint (truncated, ==, most < 5);
      g_assert_false (problem);
    }
}

/* Wherever it is cut, what is there is read as what it is. */
static void
test_a_cut_text_keeps_its_charset (void)
{
  static const struct
  {
    const char *charset;
    const char *character; /* in that */
    gsize length;
    const char *utf8;
  } cases[] = {
    { "gbk", "\260\241", 2, "\345\225\212" }, { "utf-16le", "\000\302", 2, "\354\210\200" }, { "shift_jis", "\202\240", 2, "\343\201\202" },
    { "utf-8", "\342\202\254", 3, "\342\202\254" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) message = g_string_new (NULL);
      g_autoptr (SurelMimePart) root = NULL;

      g_string_printf (message, "Content-Type: text/plain; charset=%s\r\n\r\n", cases[i].charset);
      for (guint n = 0; n < 400; n++)
        g_string_append_len (message, cases[i].character, (gssize) cases[i].length);
      root = surel_mime_part_parse (message->str, message->len);
      for (guint most = 60; most < 80; most++)
        {
          gboolean problem;
          gboolean truncated;
          g_autofree char *text = surel_mime_part_text (root, message->str, most, &problem, &truncated);

          g_test_message ("%s, %u: %s", cases[i].charset, most, text);
          g_assert_true (truncated);
          g_assert_false (problem);
          g_assert_cmpuint (strlen (text), ==, most / 3 * 3);
          for (const char *p = text; *p != '\0'; p += 3)
            g_assert_true (g_str_has_prefix (p, cases[i].utf8));
        }
    }
}

static void
test_what_cannot_be_read_is_told (void)
{
  static const struct
  {
    const char *charset;
    const char *octets;
    gboolean problem;
  } cases[] = {
    { "utf-8", "caf\303\251", FALSE }, { "utf-8", "caf\351", TRUE },      { "iso-8859-1", "caf\351", FALSE },
    { "us-ascii", "cafe", FALSE },     { "us-ascii", "caf\351", TRUE },   { "klingon", "cafe", TRUE },
    { "euc-jp", "\244\263", FALSE },   { "euc-jp", "\244", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *message = g_strdup_printf ("Content-Type: text/plain; charset=%s\r\n\r\n%s", cases[i].charset, cases[i].octets);
      g_autoptr (SurelMimePart) root = surel_mime_part_parse (message, strlen (message));
      gboolean problem;
      gboolean truncated;
      g_autofree char *text = surel_mime_part_text (root, message, 1000, &problem, &truncated);

      g_test_message ("%s: %s", cases[i].charset, text);
      g_assert_cmpint (problem, ==, cases[i].problem);
    }
}

static void
test_names_of_files_are_safe (void)
{
  static const char *const names[][2] = {
    { "a.txt", "a.txt" },           { "/etc/passwd", "passwd" },   { "C:\\x\\y.exe", "y.exe" }, { "..", NULL },
    { ".bashrc", "bashrc" },        { "a\nb\t\177", "a_b__" },     { "", NULL },                { "a/", NULL },
    { "  a b  ", "a b" },           { "x\342\200\256fdp.exe", "xfdp.exe" }, { "a\377b", "a\357\277\275b" }, { "\342\200\256..", NULL },
  };
  g_autofree char *much = g_strnfill (300, 'x');
  g_autofree char *longer = g_strconcat (much, ".tar.gz", NULL);
  g_autofree char *cut = surel_mime_safe_name (longer);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *safe = surel_mime_safe_name (names[i][0]);

      g_assert_cmpstr (safe, ==, names[i][1]);
    }
  g_assert_cmpuint (strlen (cut), ==, 200);
  g_assert_true (g_str_has_suffix (cut, "x.gz"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autofree char *name = g_strdelimit (g_strdup (samples[i].name), " /", '-');
      g_autofree char *path = g_strconcat ("/bodies/samples/", name, NULL);

      g_test_add_data_func (path, &samples[i], test_sample);
    }
  g_test_add_func ("/bodies/neither-deep-nor-wide-without-end", test_deep_and_wide);
  g_test_add_func ("/bodies/a-text-is-cut-between-characters", test_a_text_is_cut_between_characters);
  g_test_add_func ("/bodies/a-cut-text-keeps-its-charset", test_a_cut_text_keeps_its_charset);
  g_test_add_func ("/bodies/what-cannot-be-read-is-told", test_what_cannot_be_read_is_told);
  g_test_add_func ("/bodies/names-of-files-are-safe", test_names_of_files_are_safe);
  return g_test_run ();
}
