/* Answers to invitations: what is in them, and what can't be answered; nothing in an invitation gets into a header, nor has
 * a library take more than its share. */
#include <string.h>

#include "base/errors.h"
#include "mime/mime-invitation.h"

#define NOW G_GINT64_CONSTANT (1795852800) /* 2026-11-28 08:00:00 UTC */
#define EVENT_BEGIN "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\n"
#define EVENT_END "END:VCALENDAR\r\n"
#define VEVENT "BEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:20261201T090000Z\r\nSUMMARY:Lunch\r\n"
#define PEOPLE "ORGANIZER:mailto:host@else.test\r\nATTENDEE;RSVP=TRUE:mailto:me@here.test\r\n"

static const char *const own[] = { "first@here.test", "me@here.test", NULL };

static GBytes *
mail_of (const char *calendar)
{
  g_autofree char *text = g_strconcat ("From: host@else.test\r\nMessage-ID: <1@else.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/calendar; "
                                       "method=REQUEST; charset=utf-8\r\n\r\n",
                                       calendar, NULL);

  return g_bytes_new (text, strlen (text));
}

static char *
answer (const char *calendar, SurelAnswer said, GError **error)
{
  g_autoptr (GBytes) mail = mail_of (calendar);
  char *reply = NULL;

  if (!surel_mime_answer_invitation (mail, own, said, NOW, &reply, error))
    g_assert_null (reply);
  return reply;
}

static void
assert_has (const char *reply, const char *what)
{
  if (strstr (reply, what) == NULL)
    g_error ("“%s” isn't in %s", what, reply);
}

static void
test_it_says_who_and_what (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *reply = answer (EVENT_BEGIN VEVENT PEOPLE "END:VEVENT\r\n" EVENT_END, SUREL_ANSWER_TENTATIVE, &error);

  g_assert_no_error (error);
  assert_has (reply, "From: me@here.test\r\n");
  assert_has (reply, "To: host@else.test\r\n");
  assert_has (reply, "Subject: Tentative: Lunch\r\n");
  assert_has (reply, "In-Reply-To: <1@else.test>\r\n");
  assert_has (reply, "Date: Sat, 28 Nov 2026 08:00:00 +0000\r\n");
  assert_has (reply, "METHOD:REPLY\r\n");
  assert_has (reply, "ATTENDEE;PARTSTAT=3DTENTATIVE:mailto:me@here.test\r\n");
  assert_has (reply, "DTSTAMP:20261128T080000Z\r\n");
  for (const char *p = reply; *p != '\0'; p++)
    g_assert_true ((guchar) *p < 128 && (*p != '\n' || p[-1] == '\r') && (*p != '\r' || p[1] == '\n'));
}

/* GMime knows what it stands for, and can't say that in ASCII. */
static void
test_a_domain_stays_in_ascii (void)
{
  g_autofree char *reply
      = answer (EVENT_BEGIN VEVENT "ORGANIZER:mailto:host@xn--ls8h.test\r\nATTENDEE:mailto:me@here.test\r\nEND:VEVENT\r\n" EVENT_END,
                SUREL_ANSWER_ACCEPTED, NULL);

  assert_has (reply, "To: host@xn--ls8h.test\r\n");
}

/* One that isn't named answers from the account's own address. */
static void
test_who_is_not_named_answers (void)
{
  g_autofree char *reply
      = answer (EVENT_BEGIN VEVENT "ORGANIZER:mailto:host@else.test\r\nATTENDEE:mailto:team@here.test\r\nEND:VEVENT\r\n" EVENT_END,
                SUREL_ANSWER_ACCEPTED, NULL);

  assert_has (reply, "From: first@here.test\r\n");
  assert_has (reply, "ATTENDEE;PARTSTAT=3DACCEPTED:mailto:first@here.test\r\n");
}

static void
test_a_series_is_answered_with_its_zone (void)
{
  g_autofree char *reply = answer (
      EVENT_BEGIN "BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n"
                  "END:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:u1\r\nRECURRENCE-ID;TZID=Here:20261202T090000\r\nSEQUENCE:9\r\n"
                  "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:u1\r\nSEQUENCE:2\r\nDTSTART;TZID=Here:20261201T090000\r\nRRULE:FREQ=DAILY\r\n" PEOPLE
                  "END:VEVENT\r\n" EVENT_END,
      SUREL_ANSWER_DECLINED, NULL);

  assert_has (reply, "BEGIN:VTIMEZONE\r\nTZID:Here\r\n");
  assert_has (reply, "SEQUENCE:2\r\n");
  assert_has (reply, "DTSTART;TZID=3DHere:20261201T090000\r\n");
  g_assert_null (strstr (reply, "RECURRENCE-ID"));
}

/* A name with a line end in it, as `\n` makes one, is no header line; nor is an address. */
static void
test_nothing_gets_into_a_header (void)
{
  g_autofree char *reply
      = answer (EVENT_BEGIN "BEGIN:VEVENT\r\nUID:u1\r\nSUMMARY:a\\nBcc: x@x.test\\n\\nb\r\n" PEOPLE "END:VEVENT\r\n" EVENT_END,
                SUREL_ANSWER_ACCEPTED, NULL);
  static const char *const organizers[]
      = { "mailto:a@b%0d%0aBcc:c@d", "mailto:a@b,c@d", "mailto:<a@b>", "mailto:a", "http://a@b", "mailto:a b@c", "mailto:" };

  assert_has (reply, "Subject: Accepted: a Bcc: x@x.test  b\r\n");
  g_assert_null (strstr (reply, "\r\nBcc"));
  for (guint i = 0; i < G_N_ELEMENTS (organizers); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = g_strdup_printf (EVENT_BEGIN VEVENT "ORGANIZER:%s\r\nEND:VEVENT\r\n" EVENT_END, organizers[i]);
      g_autofree char *none = answer (text, SUREL_ANSWER_ACCEPTED, &error);

      g_assert_no_error (error);
      g_assert_null (none); /* there is nobody to be told */
    }
}

static void
test_what_is_no_invitation_is_told (void)
{
  static const char *const calendars[] = {
    "",
    "nonsense",
    "BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\n" VEVENT PEOPLE "END:VEVENT\r\n" EVENT_END,
    "BEGIN:VCALENDAR\r\n" VEVENT PEOPLE "END:VEVENT\r\n" EVENT_END,
    EVENT_BEGIN EVENT_END,
    EVENT_BEGIN "BEGIN:VEVENT\r\nSUMMARY:no uid\r\n" PEOPLE "END:VEVENT\r\n" EVENT_END,
    EVENT_BEGIN "BEGIN:VTODO\r\nUID:u\r\nEND:VTODO\r\n" EVENT_END,
    "BEGIN:VEVENT\r\nUID:u\r\nEND:VEVENT\r\n",
  };
  g_autoptr (GBytes) plain = g_bytes_new_static ("Subject: x\r\n\r\nHello.\r\n", 22);
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  g_autoptr (GError) error = NULL;
  char *reply;

  for (guint i = 0; i < G_N_ELEMENTS (calendars); i++)
    {
      g_autoptr (GError) own_error = NULL;

      g_assert_null (answer (calendars[i], SUREL_ANSWER_ACCEPTED, &own_error));
      g_assert_error (own_error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT);
    }
  g_assert_false (surel_mime_answer_invitation (plain, own, SUREL_ANSWER_ACCEPTED, NOW, &reply, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (surel_mime_answer_invitation (empty, own, SUREL_ANSWER_ACCEPTED, NOW, &reply, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT);
}

static void
assert_too_large (const char *calendar)
{
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();

  g_assert_null (answer (calendar, SUREL_ANSWER_ACCEPTED, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 5 * G_USEC_PER_SEC);
}

/* Deep, also where the lines that tell are folded; long; and a mail of very many parts. */
static void
test_too_much_is_not_read (void)
{
  static const char *const deeper[] = { "BEGIN:VEVENT\r\n", "BEGI\r\n N:VEVENT\r\n", "B\n\tEGIN:VEVENT\n" };
  g_autoptr (GString) parts = g_string_new ("Content-Type: multipart/mixed; boundary=b\r\n\r\n");
  g_autoptr (GString) attendees = g_string_new (EVENT_BEGIN VEVENT PEOPLE);
  g_autoptr (GBytes) mail = NULL;
  g_autoptr (GError) error = NULL;
  char *reply;

  for (guint i = 0; i < G_N_ELEMENTS (deeper); i++)
    {
      g_autoptr (GString) deep = g_string_new (EVENT_BEGIN);

      for (guint k = 0; k < 8000; k++)
        g_string_append (deep, deeper[i]);
      assert_too_large (deep->str);
    }
  while (attendees->len < 300 << 10)
    g_string_append_printf (attendees, "ATTENDEE:mailto:a%" G_GSIZE_FORMAT "@x.test\r\n", attendees->len);
  assert_too_large (attendees->str);
  for (guint i = 0; i < 500000; i++)
    g_string_append (parts, "--b\r\n\r\n");
  mail = g_bytes_new_static (parts->str, parts->len);
  g_assert_false (surel_mime_answer_invitation (mail, own, SUREL_ANSWER_ACCEPTED, NOW, &reply, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/invitation/it-says-who-and-what", test_it_says_who_and_what);
  g_test_add_func ("/invitation/a-domain-stays-in-ascii", test_a_domain_stays_in_ascii);
  g_test_add_func ("/invitation/who-is-not-named-answers", test_who_is_not_named_answers);
  g_test_add_func ("/invitation/a-series-is-answered-with-its-zone", test_a_series_is_answered_with_its_zone);
  g_test_add_func ("/invitation/nothing-gets-into-a-header", test_nothing_gets_into_a_header);
  g_test_add_func ("/invitation/what-is-no-invitation-is-told", test_what_is_no_invitation_is_told);
  g_test_add_func ("/invitation/too-much-is-not-read", test_too_much_is_not_read);
  return g_test_run ();
}
