/* Answers to invitations that come by mail, to be sent to who invites (RFC 5546 §3.2.3, RFC 6047). GMime finds the calendar
 * in the mail and writes the answer, libical reads the one and writes the other; neither is given what could have it take
 * more than its share of memory or of the stack. */
#include "mime/mime-invitation.h"

#include <gmime/gmime.h>
#include <libical/ical.h>
#include <string.h>

#include "base/errors.h"

#define MAIL_MAX (32 << 20) /* octets */
#define BOUNDARIES_MAX 1000 /* lines that may begin a part */
#define CALENDAR_MAX (256 << 10) /* octets */
#define DEPTH_MAX 8 /* components within components */
#define SUBJECT_MAX 200 /* characters of what is invited to */
#define PRODID "-//Surel//Surel//EN"

/* Both are borrowed of @whole. */
typedef struct
{
  icalcomponent *whole;
  icalcomponent *event;
  icalproperty *organizer;
  icalproperty *attendee; /* who answers; NULL where none of the addresses is invited by name */
  const char *from; /* borrowed: the address that answers */
} Invitation;

static void
invitation_clear (Invitation *self)
{
  g_clear_pointer (&self->whole, icalcomponent_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Invitation, invitation_clear)

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "%s", why);
  return FALSE;
}

static void
set_up (void)
{
  static gsize done = 0;

  if (g_once_init_enter (&done))
    {
      g_mime_init ();
      icalerror_set_errors_are_fatal (FALSE);
      g_once_init_leave (&done, 1);
    }
}

/* --- What was sent --- */

static guint
count_lines_that_begin (const char *text, gsize length, const char *with)
{
  gsize n = strlen (with);
  guint count = 0;

  for (const char *p = text; p != NULL && (gsize) (text + length - p) >= n; p = memchr (p, '\n', (gsize) (text + length - p)))
    {
      p += *p == '\n';
      count += (gsize) (text + length - p) >= n && g_ascii_strncasecmp (p, with, n) == 0;
    }
  return count;
}

static GMimeMessage *
parse_mail (GBytes *mail, GError **error)
{
  gsize length;
  const char *octets = g_bytes_get_data (mail, &length);
  GMimeStream *stream;
  GMimeParser *parser;
  GMimeMessage *message;

  if (length > MAIL_MAX || count_lines_that_begin (octets, length, "--") > BOUNDARIES_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE, "The invitation is too large, or has too many parts, to be answered by mail");
      return NULL;
    }
  stream = g_mime_stream_mem_new_with_buffer (octets, length);
  parser = g_mime_parser_new_with_stream (stream);
  message = g_mime_parser_construct_message (parser, NULL);
  g_object_unref (parser);
  g_object_unref (stream);
  if (message == NULL)
    refuse (error, "That is no message with an invitation");
  return message;
}

/* The text of the first calendar in it; NULL for none. */
static char *
find_calendar (GMimeMessage *message)
{
  GMimePartIter *iter = g_mime_part_iter_new (GMIME_OBJECT (message));
  char *found = NULL;

  do
    {
      GMimeObject *part = g_mime_part_iter_get_current (iter);

      if (part != NULL && GMIME_IS_TEXT_PART (part) && g_mime_content_type_is_type (g_mime_object_get_content_type (part), "text", "calendar"))
        found = g_mime_text_part_get_text (GMIME_TEXT_PART (part));
    }
  while (found == NULL && g_mime_part_iter_next (iter));
  g_mime_part_iter_free (iter);
  return found;
}

/* Lines that were folded (RFC 5545 §3.1) are made whole. */
static void
unfold (char *calendar)
{
  char *out = calendar;

  for (const char *p = calendar; *p != '\0'; p++)
    if (*p == '\n' && (p[1] == ' ' || p[1] == '\t'))
      p++;
    else if (*p != '\r')
      *out++ = *p;
  *out = '\0';
}

static gboolean
is_too_much (const char *calendar)
{
  guint depth = 0;
  guint deepest = 0;

  for (const char *p = calendar; p != NULL && *p != '\0'; p = strchr (p, '\n'))
    {
      p += *p == '\n';
      if (g_ascii_strncasecmp (p, "BEGIN:", 6) == 0)
        deepest = MAX (deepest, ++depth);
      else if (g_ascii_strncasecmp (p, "END:", 4) == 0 && depth > 0)
        depth--;
    }
  return strlen (calendar) > CALENDAR_MAX || deepest > DEPTH_MAX;
}

/* Whether it can stand in a header as it is. */
static gboolean
is_plain (const char *text, const char *but)
{
  for (; *text != '\0'; text++)
    if (!g_ascii_isgraph (*text) || strchr (but, *text) != NULL)
      return FALSE;
  return TRUE;
}

#define SPECIAL "<>,;:\"\\()[]" /* what an address has between quotes alone (RFC 5322 §3.2.3) */

/* A calendar address, without what a URI may have beside it (RFC 6068); NULL where it is none for mail. */
static char *
address_of (const char *uri)
{
  g_autofree char *bare = NULL;
  g_autofree char *address = NULL;

  if (uri == NULL || g_ascii_strncasecmp (uri, "mailto:", 7) != 0)
    return NULL;
  bare = g_strndup (uri + 7, strcspn (uri + 7, "?"));
  address = g_uri_unescape_string (bare, NULL);
  if (address == NULL)
    return NULL;
  g_strstrip (address);
  if (strchr (address, '@') == NULL || !is_plain (address, SPECIAL))
    return NULL;
  return g_steal_pointer (&address);
}

static gboolean
is_for (const char *uri, const char *address)
{
  g_autofree char *invited = address_of (uri);

  return invited != NULL && g_ascii_strcasecmp (invited, address) == 0;
}

/* The series itself, where it is in it with some that differ. */
static icalcomponent *
find_event (icalcomponent *whole)
{
  icalcomponent *first = icalcomponent_get_first_component (whole, ICAL_VEVENT_COMPONENT);

  for (icalcomponent *event = first; event != NULL; event = icalcomponent_get_next_component (whole, ICAL_VEVENT_COMPONENT))
    if (icalcomponent_get_first_property (event, ICAL_RECURRENCEID_PROPERTY) == NULL)
      return event;
  return icalcomponent_get_first_component (whole, ICAL_VEVENT_COMPONENT);
}

static void
find_attendee (Invitation *self, const char *const *addresses)
{
  self->from = addresses[0];
  for (guint i = 0; addresses[i] != NULL && self->attendee == NULL; i++)
    for (icalproperty *p = icalcomponent_get_first_property (self->event, ICAL_ATTENDEE_PROPERTY); p != NULL && self->attendee == NULL;
         p = icalcomponent_get_next_property (self->event, ICAL_ATTENDEE_PROPERTY))
      if (is_for (icalproperty_get_attendee (p), addresses[i]))
        {
          self->attendee = p;
          self->from = addresses[i];
        }
}

static gboolean
read_invitation (Invitation *self, char *calendar, const char *const *addresses, GError **error)
{
  unfold (calendar);
  if (is_too_much (calendar))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE, "The invitation's calendar is too large to be answered");
      return FALSE;
    }
  self->whole = icalparser_parse_string (calendar);
  if (self->whole == NULL || icalcomponent_isa (self->whole) != ICAL_VCALENDAR_COMPONENT
      || icalcomponent_get_method (self->whole) != ICAL_METHOD_REQUEST || (self->event = find_event (self->whole)) == NULL
      || icalcomponent_get_uid (self->event) == NULL)
    return refuse (error, "The message's calendar is no invitation that can be answered");
  self->organizer = icalcomponent_get_first_property (self->event, ICAL_ORGANIZER_PROPERTY);
  find_attendee (self, addresses);
  return TRUE;
}

static gboolean
wants_no_reply (icalproperty *attendee)
{
  icalparameter *rsvp = attendee != NULL ? icalproperty_get_first_parameter (attendee, ICAL_RSVP_PARAMETER) : NULL;

  return rsvp != NULL && icalparameter_get_rsvp (rsvp) == ICAL_RSVP_FALSE;
}

/* Who is to be told; NULL for nobody, as where it is oneself. */
static char *
find_organizer (const Invitation *self)
{
  char *address = self->organizer != NULL ? address_of (icalproperty_get_organizer (self->organizer)) : NULL;

  if (address != NULL && (g_ascii_strcasecmp (address, self->from) == 0 || wants_no_reply (self->attendee)))
    g_clear_pointer (&address, g_free);
  return address;
}

/* --- What is answered --- */

static icalproperty *
make_attendee (const Invitation *self, SurelAnswer answer)
{
  static const icalparameter_partstat said[] = { ICAL_PARTSTAT_ACCEPTED, ICAL_PARTSTAT_TENTATIVE, ICAL_PARTSTAT_DECLINED };
  g_autofree char *uri = g_strconcat ("mailto:", self->from, NULL);
  icalparameter *name = self->attendee != NULL ? icalproperty_get_first_parameter (self->attendee, ICAL_CN_PARAMETER) : NULL;
  icalproperty *attendee
      = icalproperty_new_attendee (self->attendee != NULL ? icalproperty_get_attendee (self->attendee) : uri);

  icalproperty_add_parameter (attendee, icalparameter_new_partstat (said[answer - SUREL_ANSWER_ACCEPTED]));
  if (name != NULL)
    icalproperty_add_parameter (attendee, icalparameter_new_clone (name));
  return attendee;
}

static char *
make_calendar (const Invitation *self, SurelAnswer answer, gint64 now)
{
  static const icalproperty_kind kept[]
      = { ICAL_UID_PROPERTY,     ICAL_SEQUENCE_PROPERTY, ICAL_RECURRENCEID_PROPERTY, ICAL_ORGANIZER_PROPERTY,
          ICAL_DTSTART_PROPERTY, ICAL_DTEND_PROPERTY,    ICAL_DURATION_PROPERTY,     ICAL_SUMMARY_PROPERTY };
  icalcomponent *event = icalcomponent_new_vevent ();
  icalcomponent *reply = icalcomponent_new_vcalendar ();
  g_autofree char *text = NULL;
  char *ical;

  icalcomponent_add_property (reply, icalproperty_new_prodid (PRODID));
  icalcomponent_add_property (reply, icalproperty_new_version ("2.0"));
  icalcomponent_add_property (reply, icalproperty_new_method (ICAL_METHOD_REPLY));
  for (icalcomponent *zone = icalcomponent_get_first_component (self->whole, ICAL_VTIMEZONE_COMPONENT); zone != NULL;
       zone = icalcomponent_get_next_component (self->whole, ICAL_VTIMEZONE_COMPONENT))
    icalcomponent_add_component (reply, icalcomponent_new_clone (zone));
  for (guint i = 0; i < G_N_ELEMENTS (kept); i++)
    {
      icalproperty *property = icalcomponent_get_first_property (self->event, kept[i]);

      if (property != NULL)
        icalcomponent_add_property (event, icalproperty_new_clone (property));
    }
  icalcomponent_add_property (event, icalproperty_new_dtstamp (icaltime_from_timet_with_zone ((time_t) now, FALSE, icaltimezone_get_utc_timezone ())));
  icalcomponent_add_property (event, make_attendee (self, answer));
  icalcomponent_add_component (reply, event);
  ical = icalcomponent_as_ical_string_r (reply);
  icalcomponent_free (reply);
  text = g_strdup (ical);
  icalmemory_free_buffer (ical);
  return g_steal_pointer (&text);
}

/* GMime wants lines that end as C has them. */
static void
drop_returns (char *text)
{
  char *out = text;

  for (const char *p = text; *p != '\0'; p++)
    if (*p != '\r')
      *out++ = *p;
  *out = '\0';
}

static void
add_part (GMimeMultipart *parent, const char *subtype, const char *text)
{
  GMimeTextPart *part = g_mime_text_part_new_with_subtype (subtype);

  g_mime_text_part_set_charset (part, "utf-8");
  g_mime_text_part_set_text (part, text);
  g_mime_part_set_content_encoding (GMIME_PART (part), GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
  if (strcmp (subtype, "calendar") == 0)
    g_mime_object_set_content_type_parameter (GMIME_OBJECT (part), "method", "REPLY");
  g_mime_multipart_add (parent, GMIME_OBJECT (part));
  g_object_unref (part);
}

static char *
make_subject (const Invitation *self, SurelAnswer answer)
{
  static const char *const words[] = { "Accepted", "Tentative", "Declined" };
  const char *summary = icalcomponent_get_summary (self->event);
  g_autofree char *valid = g_utf8_make_valid (summary != NULL ? summary : "", -1);
  g_autofree char *some = g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), SUBJECT_MAX));

  g_strdelimit (some, "\r\n\t", ' ');
  return some[0] != '\0' ? g_strdup_printf ("%s: %s", words[answer - SUREL_ANSWER_ACCEPTED], some)
                         : g_strdup (words[answer - SUREL_ANSWER_ACCEPTED]);
}

static char *
with_returns (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p++)
    if (*p == '\n')
      g_string_append (out, "\r\n");
    else if (*p != '\r')
      g_string_append_c (out, *p);
  return g_string_free (out, FALSE);
}

/* One that is plain is written as it is: GMime would write what a domain of RFC 3492 (xn--) stands for, where it can't say
 * that in ASCII again. */
static void
put_address (GMimeMessage *message, GMimeAddressType type, const char *field, const char *address)
{
  g_autofree char *raw = g_strdup_printf (" %s\n", address);

  g_mime_message_add_mailbox (message, type, NULL, address);
  if (is_plain (address, SPECIAL))
    g_mime_header_set_raw_value (
        g_mime_header_list_get_header (g_mime_object_get_header_list (GMIME_OBJECT (message)), field), raw);
}

static char *
compose (const Invitation *self, const char *organizer, const char *original, SurelAnswer answer, gint64 now)
{
  GMimeMessage *message = g_mime_message_new (TRUE);
  GMimeMultipart *parts = g_mime_multipart_new_with_subtype ("alternative");
  g_autofree char *subject = make_subject (self, answer);
  g_autofree char *calendar = make_calendar (self, answer, now);
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *id = g_strdup_printf ("%s@%s", uuid, strrchr (self->from, '@') + 1);
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (now);
  g_autofree char *text = NULL;

  drop_returns (calendar);
  put_address (message, GMIME_ADDRESS_TYPE_FROM, "From", self->from);
  put_address (message, GMIME_ADDRESS_TYPE_TO, "To", organizer);
  g_mime_message_set_subject (message, subject, "utf-8");
  g_mime_message_set_date (message, date);
  g_mime_message_set_message_id (message, id);
  if (original != NULL && is_plain (original, "<>"))
    {
      g_autofree char *answers = g_strdup_printf ("<%s>", original);

      g_mime_object_set_header (GMIME_OBJECT (message), "In-Reply-To", answers, NULL);
      g_mime_object_set_header (GMIME_OBJECT (message), "References", answers, NULL);
    }
  add_part (parts, "plain", subject);
  add_part (parts, "calendar", calendar);
  g_mime_message_set_mime_part (message, GMIME_OBJECT (parts));
  text = g_mime_object_to_string (GMIME_OBJECT (message), NULL);
  g_object_unref (parts);
  g_object_unref (message);
  return with_returns (text);
}

/**
 * surel_mime_answer_invitation:
 * @mail: the invitation, as a server gives it
 * @addresses: those that it may be for: one at least
 * @now: seconds since the epoch
 * @reply: (out) (nullable): a message, in ASCII, that tells who invites; %NULL where nobody is to be told
 *
 * Returns: %FALSE with %SUREL_ERROR_INVALID_ARGUMENT where it is no invitation, or with %SUREL_ERROR_TOO_LARGE
 */
gboolean
surel_mime_answer_invitation (
    GBytes *mail, const char *const *addresses, SurelAnswer answer, gint64 now, char **reply, GError **error)
{
  g_auto (Invitation) invitation = { 0 };
  g_autofree char *calendar = NULL;
  g_autofree char *organizer = NULL;
  GMimeMessage *message;
  gboolean success;

  set_up ();
  *reply = NULL;
  message = parse_mail (mail, error);
  if (message == NULL)
    return FALSE;
  calendar = find_calendar (message);
  success = calendar != NULL ? read_invitation (&invitation, calendar, addresses, error)
                             : refuse (error, "There is no invitation in the message");
  if (success && (organizer = find_organizer (&invitation)) != NULL)
    *reply = compose (&invitation, organizer, g_mime_message_get_message_id (message), answer, now);
  g_object_unref (message);
  return success;
}
