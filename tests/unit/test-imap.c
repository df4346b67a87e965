/* The IMAP parser and emitter: samples cut at every octet, limits, servers' faults, injection. */
#include <pthread.h>
#include <string.h>

#include "base/errors.h"
#include "imap-describe.h"
#include "remote/imap/imap-capabilities.h"
#include "remote/imap/imap-command.h"
#include "remote/imap/imap-token.h"

typedef struct
{
  const char *octets;
  const char *expected; /* a part of what is made of it */
} Sample;

static const Sample samples[] = {
  { "* OK [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n", "code=<CAPABILITY> argument=<IMAP4rev1 LITERAL+>" },
  { "* OK [HIGHESTMODSEQ 1]\r\n", "code=<HIGHESTMODSEQ> argument=<1> n=1 text=<>" }, /* Gmail */
  { "* OK [UIDVALIDITY 42 no bracket\r\n", "text=<[UIDVALIDITY 42 no bracket>" },
  { "* OK [PERMANENTFLAGS (\\Seen \\* $X])] ok\r\n", "code=<PERMANENTFLAGS>" },
  { "* BYE gone {5}\r\n", "kind=2 condition=4 text=<gone {5}>" },
  { "S1 OK [COPYUID 7 1:2,9 4:6] done\r\n", "uids=<1:2,9> to=<4:6>" },
  { "S2 no [AUTHENTICATIONFAILED] wrong\r\n", "kind=1 tag=<S2> condition=1 code=<AUTHENTICATIONFAILED>" },
  { "S3 \r\n", "tag=<S3> condition=2" },
  { "S4 WHAT\r\n", "tag=<S4> condition=2" },
  { "+ go ahead\r\n", "kind=0 text=<go ahead>" },
  { "* CAPABILITY\r\n", "kind=3 words=[]" },
  { "* CAPABILITY imap4REV1 AUTH=PLAIN\r\n", "kind=3 words=[imap4REV1|AUTH=PLAIN]" },
  { "* ENABLED QRESYNC\r\n", "kind=4 words=[QRESYNC]" },
  { "* FLAGS (\\Seen \\Answered junk)\r\n", "kind=5 flags=3" },
  { "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent \\\"x\\\"\"\r\n",
    "attributes=[HasNoChildren|Sent] delimiter=47 name=<Sent \"x\">" },
  { "* LIST () NIL {7}\r\na b\"{}c\r\n", "delimiter=0 name=<a b\"{}c>" },
  { "* LSUB () \".\" INBOX.a\r\n", "kind=6 attributes=[] delimiter=46 name=<INBOX.a>" },
  { "* STATUS INBOX (MESSAGES 3 UIDNEXT 9 HIGHESTMODSEQ 5 ) \r\n", /* Exchange's space */
    "name=<INBOX> messages=3 uidnext=9 modseq=5" },
  { "* STATUS a (MESSAGES -1 UIDNEXT 99999999999999999999)\r\n", "messages=-1 uidnext=-1" },
  { "* STATUS a (APPENDLIMIT NIL MESSAGES 1)\r\n", "messages=1 uidnext=-1" },
  { "* STATUS a (MAILBOXID (m-1_b) MESSAGES 1)\r\n", "messages=1 uidnext=-1 modseq=-1 mailbox=<m-1_b>" },
  { "* STATUS a (MAILBOXID (\xb7\xa5gU) MESSAGES 1)\r\n", "messages=1 uidnext=-1 modseq=-1 number" }, /* Cyrus's memory */
  { "* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"s.\" \".\"))\r\n", "kind=8" },
  { "* ID (\"name\" \"x\" \"version\" NIL)\r\n", "kind=9 words=[name|x|version|]" },
  { "* SEARCH 3 1 2 0 4294967296\r\n", "all=<1:3>" },
  { "* SEARCH 3 ]1 2\r\n", "kind=18" },
  { "* ESEARCH (TAG \"S1\") UID ALL 1:5,9 COUNT 6\r\n", "all=<1:5,9> count=6" },
  { "* 23 EXISTS\r\n", "kind=11 number=23" },
  { "* 4294967297 EXISTS\r\n", "kind=18" },
  { "* 2 RECENT\r\n", "kind=12 number=2" },
  { "* 5 EXPUNGE\r\n", "kind=13 number=5" },
  { "* VANISHED (EARLIER) 1:3,7\r\n", "kind=15 uids=<1:3,7>" },
  { "* QUOTA \"\" (STORAGE 10 512)\r\n", "kind=16" },
  { "* MYRIGHTS INBOX lrs\r\n", "kind=17" },
  { "* XYZZY what (is) \"this\"\r\n", "kind=18" },
  { "\r\n", "kind=18" },
  { "* 1 FETCH (UID 5 FLAGS (\\Seen a] $Junk) RFC822.SIZE 17 INTERNALDATE \" 1-Jan-2020 00:00:01 +0100\")\r\n",
    "seq=1 uid=5 flags=1 keywords=[a]|$Junk] date=1577833201 size=17" },
  { "* 1 FETCH (UID 5 SAVEDATE \"02-Jan-2020 00:00:01 +0000\" RFC822.SIZE 17)\r\n", "uid=5 saved=1577923201 size=17" },
  { "* 1 FETCH (UID 5 SAVEDATE NIL RFC822.SIZE 17)\r\n", "uid=5 size=17" },
  { "* 1 FETCH (UID 5 SAVEDATE \"soon\" RFC822.SIZE 17)\r\n", "uid=5 size=17" },
  { "* 1 FETCH (UID 0 RFC822.SIZE 9.3736e+06 MODSEQ (9223372036854775808) FLAGS NIL)\r\n",
    "uid=0 flags=0 modseq=0" },
  { "* 1 FETCH (UID 4294967296 RFC822.SIZE -1 FLAGS ())\r\n", "uid=0 flags=0 modseq=0" },
  { "* 2 FETCH (BODY[HEADER.FIELDS (DATE \"FROM\")] {4}\r\na\r\nb UID 7)\r\n",
    "uid=7 modseq=0 [HEADER.FIELDS (DATE \"FROM\")]@-1=a\r\nb" },
  { "* 3 FETCH (UID 1 BODY[]<0> {0}\r\n)\r\n", "uid=1 modseq=0 []@0=" },
  { "* 3 FETCH (UID 1 BODY[] NIL)\r\n", "[]@-1=NIL" },
  { "* 3 FETCH (UID 2 BINARY[1.2] ~{3}\r\nx\ny)\r\n", "[1.2]@-1=x\ny" },
  { "* 3 FETCH (UID 2 PREVIEW NIL EMAILID (M1) THREADID (T1) X-GM-LABELS (\"\\\\Inbox\" a))\r\n",
    "email=<M1> thread=<T1> labels=[\\Inbox|a]" },
  { "* 4 FETCH (BODYSTRUCTURE (\"TEXT\" \"Plain\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 12 1) UID 3)\r\n",
    "uid=3 modseq=0 (text/plain params=[charset|utf-8] enc=<7bit> size=12)" },
  { "* 4 FETCH (UID 3 BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1 NIL \"inline\" NIL NIL)(\"image\" "
    "\"png\" (\"name\" \"x\") \"<c>\" NIL \"base64\" 9 NIL (\"attachment\" (\"filename\" \"y\")) NIL) \"mixed\" "
    "(\"boundary\" \"b\") NIL NIL NIL))\r\n", /* Exchange's disposition */
    "(multipart/mixed params=[boundary|b] size=0 (text/plain enc=<7bit> disp=<inline> size=1) (image/png "
    "params=[name|x] id=<<c>> enc=<base64> disp=<attachment> dparams=[filename|y] size=9))" },
  { "* 4 FETCH (UID 3 BODYSTRUCTURE (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 99 (NIL \"s\" NIL NIL NIL NIL NIL "
    "NIL NIL NIL) (\"text\" \"html\" NIL NIL NIL \"7bit\" 5 1) 4))\r\n",
    "(message/rfc822 enc=<7bit> size=99 (text/html enc=<7bit> size=5))" },
  /* Each wire example of imap-quirks.c. */
  { "* OK [PERMANENTFLAGS (\\Seen [Gmail]/Sent $Label1)] Flags permitted.\r\n",
    "code=<PERMANENTFLAGS> argument=<(\\Seen [Gmail]/Sent $Label1)> n=0 text=<Flags permitted.>" },
  { "* OK [PERMANENTFLAGS NIL] No permanent flags permitted\r\n", "argument=<NIL> n=0 text=<No permanent" },
  { "* 3 FETCH (UID 7 FLAGS NIL)\r\n", "uid=7 flags=0" },
  { "* 4 FETCH (UID 3 BODYSTRUCTURE (\"image\" \"png\" (\"name\" \"a.png\") NIL NIL \"base64\" 512 NIL \"inline\" NIL "
    "NIL))\r\n",
    "(image/png params=[name|a.png] enc=<base64> disp=<inline> size=512)" },
  { "* 4 FETCH (UID 3 BODYSTRUCTURE (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 1024 NIL (\"attachment\" NIL) NIL "
    "NIL))\r\n",
    "(message/rfc822 enc=<7bit> disp=<attachment> size=1024)" },
  { "* 5 FETCH (UID 9 RFC822.SIZE 9.3736e+06)\r\n", "uid=9 modseq=0" },
  { "* 4 FETCH (UID 3 BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 12 -1 NIL NIL NIL))\r\n",
    "(text/plain enc=<7bit> size=12)" },
  { "* 4 FETCH (UID 3 BODYSTRUCTURE \"what\" FLAGS (\\Seen))\r\n", "uid=3 flags=1 modseq=0 broken" },
  { "* 4 FETCH (UID 3 BODYSTRUCTURE NIL FLAGS ())\r\n", "uid=3 flags=0 modseq=0 broken" },
};

static void
test_samples_read_the_same_in_any_split (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      gsize length = strlen (samples[i].octets);
      g_autofree char *whole = surel_imap_describe_all (samples[i].octets, length, length);

      if (strstr (whole, samples[i].expected) == NULL)
        g_error ("%s\nis read as %s\nnot %s", samples[i].octets, whole, samples[i].expected);
      for (gsize step = 1; step < length; step++)
        {
          g_autofree char *split = surel_imap_describe_all (samples[i].octets, length, step);

          g_assert_cmpstr (split, ==, whole);
        }
    }
}

static void
test_corpus_reaches_every_kind (void)
{
  g_autoptr (GString) all = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autofree char *made = surel_imap_describe_all (samples[i].octets, strlen (samples[i].octets), 4096);

      g_string_append (all, made);
    }
  for (guint kind = 0; kind <= SUREL_IMAP_OTHER; kind++)
    {
      g_autofree char *word = g_strdup_printf ("kind=%u ", kind);

      if (strstr (all->str, word) == NULL)
        g_error ("no sample is of kind %u", kind);
    }
}

static SurelImapStatus
feed (const SurelImapLimits *limits, const char *octets, gsize length, int *code)
{
  g_autoptr (SurelImapParser) parser = surel_imap_parser_new (limits);
  const SurelImapResponse *response;
  g_autoptr (GError) error = NULL;
  SurelImapStatus status;

  surel_imap_parser_push (parser, octets, length);
  status = surel_imap_parser_next (parser, &response, &error);
  *code = error != NULL ? error->code : -1;
  if (status == SUREL_IMAP_BROKEN)
    {
      surel_imap_parser_push (parser, "* 1 EXISTS\r\n", 12);
      g_assert_cmpint (surel_imap_parser_next (parser, &response, NULL), ==, SUREL_IMAP_BROKEN);
    }
  return status;
}

static void
test_limits_hold_to_the_octet (void)
{
  const SurelImapLimits limits = { 100, 50, 120, 64 };
  g_autofree char *line = g_strnfill (101, 'x');
  g_autofree char *literal = NULL;
  int code;

  memcpy (line, "* OK ", 5);
  line[100] = '\n';
  g_assert_cmpint (feed (&limits, line, 101, &code), ==, SUREL_IMAP_RESPONSE);
  line[100] = 'x';
  g_assert_cmpint (feed (&limits, line, 101, &code), ==, SUREL_IMAP_BROKEN);
  g_assert_cmpint (code, ==, SUREL_IMAP_ERROR_LIMIT);
  g_assert_cmpint (feed (&limits, "* 1 FETCH (BODY[] {51}\r\n", 24, &code), ==, SUREL_IMAP_BROKEN);
  g_assert_cmpint (feed (&limits, "* 1 FETCH (BODY[] {50}\r\n", 24, &code), ==, SUREL_IMAP_NEED_MORE);
  g_assert_cmpint (feed (&limits, "* 1 FETCH (BODY[] {99999999999999999999}\r\n", 42, &code), ==,
                   SUREL_IMAP_BROKEN);
  literal = g_strdup_printf ("* 1 FETCH (A {50}\r\n%050d B {50}\r\n%050d C {50}\r\n", 0, 0);
  g_assert_cmpint (feed (&limits, literal, strlen (literal), &code), ==, SUREL_IMAP_BROKEN);
}

/* What is nested without end, on a small stack. */
static void *
parse_nested (void *data G_GNUC_UNUSED)
{
  static const char *const starts[]
      = { "* 1 FETCH (UID 1 BODYSTRUCTURE ", "* LIST ", "* XYZ ", "* 1 FETCH ", "* FLAGS ", "* STATUS " };

  for (guint i = 0; i < G_N_ELEMENTS (starts); i++)
    {
      g_autoptr (GString) octets = g_string_new (starts[i]);
      g_autofree char *made = NULL;

      for (guint k = 0; k < 500000; k++)
        g_string_append_c (octets, '(');
      g_string_append (octets, "\r\n* 7 EXISTS\r\n");
      made = surel_imap_describe_all (octets->str, octets->len, 65536);
      g_assert_nonnull (strstr (made, "kind=11 number=7"));
    }
  return NULL;
}

static void
test_nesting_needs_no_stack (void)
{
  pthread_attr_t attributes;
  pthread_t thread;

  pthread_attr_init (&attributes);
  pthread_attr_setstacksize (&attributes, 512 * 1024);
  g_assert_cmpint (pthread_create (&thread, &attributes, parse_nested, NULL), ==, 0);
  pthread_join (thread, NULL);
  pthread_attr_destroy (&attributes);
}

static char *
octets_of (SurelImapCommand *command, SurelImapLiterals literals)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) parts = surel_imap_command_finish (command, "S1", literals, &error);
  GString *all = g_string_new (NULL);

  if (parts == NULL)
    g_string_append_printf (all, "refused %d", error->code);
  for (guint i = 0; parts != NULL && i < parts->len; i++)
    {
      gsize length;
      const char *data = g_bytes_get_data (parts->pdata[i], &length);

      if (i > 0)
        g_string_append_c (all, '~');
      g_string_append_len (all, data, (gssize) length);
    }
  surel_imap_command_free (command);
  return g_string_free (all, FALSE);
}

static void
test_nothing_is_injected (void)
{
  static const struct
  {
    const char *text;
    const char *octets;
  } cases[] = {
    { "plain", "S1 LIST \"plain\"\r\n" },
    { "a\"b\\c", "S1 LIST \"a\\\"b\\\\c\"\r\n" },
    { "x\r\nS2 DELETE y", "S1 LIST {14}\r\n~x\r\nS2 DELETE y\r\n" },
    { "{5}", "S1 LIST \"{5}\"\r\n" },
    { "caf\303\251", "S1 LIST {5}\r\n~caf\303\251\r\n" },
    { "", "S1 LIST \"\"\r\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      SurelImapCommand *command = surel_imap_command_new ("LIST");
      g_autofree char *made = NULL;

      surel_imap_command_mailbox (command, cases[i].text);
      made = octets_of (command, SUREL_IMAP_LITERAL_SYNC);
      g_assert_cmpstr (made, ==, cases[i].octets);
    }
  {
    SurelImapCommand *command = surel_imap_command_new ("X");
    g_autofree char *made = NULL;

    surel_imap_command_atom (command, "a b\r\n");
    made = octets_of (command, SUREL_IMAP_LITERAL_PLUS);
    g_assert_cmpstr (made, ==, "refused 1");
  }
}

static void
test_literals_wait_where_they_must (void)
{
  g_autofree char *large = g_strnfill (5000, 'x');
  SurelImapCommand *command = surel_imap_command_new ("A");
  g_autofree char *plus = NULL;
  g_autofree char *minus = NULL;

  surel_imap_command_string (command, "\303\251", -1);
  plus = octets_of (command, SUREL_IMAP_LITERAL_PLUS);
  g_assert_cmpstr (plus, ==, "S1 A {2+}\r\n\303\251\r\n");
  command = surel_imap_command_new ("A");
  surel_imap_command_string (command, large, -1);
  minus = octets_of (command, SUREL_IMAP_LITERAL_MINUS);
  g_assert_nonnull (strstr (minus, "{5000}\r\n~"));
}

static void
test_secrets_are_not_described (void)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("LOGIN");

  surel_imap_command_string (command, "user", -1);
  surel_imap_command_secret (command, "hunter2");
  g_assert_cmpstr (surel_imap_command_describe (command), ==, "LOGIN \"user\" ***");
}

static void
test_utf7_goes_both_ways (void)
{
  static const char *const names[][2] = {
    { "INBOX", "INBOX" },
    { "R&D", "R&-D" },
    { "Entw\303\274rfe", "Entw&APw-rfe" },
    { "\345\217\260\345\214\227", "&U,BTFw-" },
    { "\360\237\230\200x", "&2D3eAA-x" },
    { "a\tb", "a&AAk-b" },
  };
  static const char *const wrong[] = { "&", "&AP", "&APw", "&*-", "\303\274", "&2D0-", "&AGE-", "&AAA-" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *wire = surel_imap_utf7_encode (names[i][0]);
      g_autofree char *back = surel_imap_utf7_decode (names[i][1]);

      g_assert_cmpstr (wire, ==, names[i][1]);
      g_assert_cmpstr (back, ==, names[i][0]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    g_assert_null (surel_imap_utf7_decode (wrong[i]));
  g_assert_null (surel_imap_utf7_encode ("\377"));
}

static void
test_tokens_tell_mailboxes_apart (void)
{
  static const char earlier[] = "1 7 10 5 3 -1 0"; /* as it was written before it had an id */
  g_autoptr (GBytes) old = g_bytes_new_static (earlier, strlen (earlier));
  SurelImapToken token = { .uidvalidity = 7, .uidnext = 10, .unseen = -1, .id = surel_imap_token_id_of ("m1") };
  g_autoptr (GBytes) bytes = surel_imap_token_to_bytes (&token);

  g_assert_cmpuint (surel_imap_token_id_of (NULL), ==, 0);
  g_assert_true (surel_imap_token_parse (bytes, &token));
  g_assert_true (surel_imap_token_is_of (&token, 7, surel_imap_token_id_of ("m1")));
  g_assert_false (surel_imap_token_is_of (&token, 7, surel_imap_token_id_of ("m2")));
  g_assert_false (surel_imap_token_is_of (&token, 8, surel_imap_token_id_of ("m1")));
  g_assert_true (surel_imap_token_is_of (&token, 7, 0)); /* this connection isn't told any */
  g_assert_true (surel_imap_token_parse (old, &token));
  g_assert_cmpuint (token.uidnext, ==, 10);
  g_assert_true (surel_imap_token_is_of (&token, 7, surel_imap_token_id_of ("m2")));
}

static void
test_capabilities_are_told_apart (void)
{
  static const char *const savedate[] = { "SAVEDATE", NULL };
  static const char *const gmail[] = { "X-GM-EXT-1", NULL };
  static const char *const everything[] = { "IMAP4rev2",  "LITERAL+", "STARTTLS", "AUTH=PLAIN", "LOGINDISABLED", "ID",
                                            "SPECIAL-USE", "QRESYNC",  "PREVIEW",  "OBJECTID",   "SAVEDATE",      "QUOTA",
                                            "MULTIAPPEND", "ACL",      NULL };

  g_assert_cmpuint (surel_imap_capabilities_of (savedate), ==, SUREL_IMAP_CAN_SAVEDATE);
  g_assert_cmpuint (surel_imap_capabilities_of (gmail), ==, SUREL_IMAP_HAS_LABELS);
  g_assert_cmpuint (surel_imap_capabilities_of (everything) & SUREL_IMAP_HAS_LABELS, ==, 0);
  g_assert_cmpuint (surel_imap_capabilities_of (NULL), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/imap/samples-read-the-same-in-any-split", test_samples_read_the_same_in_any_split);
  g_test_add_func ("/imap/corpus-reaches-every-kind", test_corpus_reaches_every_kind);
  g_test_add_func ("/imap/limits-hold-to-the-octet", test_limits_hold_to_the_octet);
  g_test_add_func ("/imap/nesting-needs-no-stack", test_nesting_needs_no_stack);
  g_test_add_func ("/imap/nothing-is-injected", test_nothing_is_injected);
  g_test_add_func ("/imap/literals-wait-where-they-must", test_literals_wait_where_they_must);
  g_test_add_func ("/imap/secrets-are-not-described", test_secrets_are_not_described);
  g_test_add_func ("/imap/capabilities-are-told-apart", test_capabilities_are_told_apart);
  g_test_add_func ("/imap/tokens-tell-mailboxes-apart", test_tokens_tell_mailboxes_apart);
  g_test_add_func ("/imap/utf7-goes-both-ways", test_utf7_goes_both_ways);
  return g_test_run ();
}
