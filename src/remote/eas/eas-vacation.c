/* The absence notice (MS-ASCMD §2.2.1.18, Settings: Oof). ActiveSync has one for those inside of the organisation and two
 * for those outside, as text or as HTML, and with no subject; and either no time at all, or one that begins and ends. All
 * three are set alike; where others have set them to say different things, what those inside get is shown. */
#include "remote/eas/eas-vacation.h"

#include "base/clock.h"
#include "base/errors.h"
#include "remote/eas/eas-status.h"

#define COMMAND "Settings"
#define TEXT_MAX 65536 /* octets of a notice */
#define WORD_MAX 32 /* octets of a date, or of a type */
#define YEARS 10 /* that what has no end lasts */
#define TYPE_TEXT "Text"
#define TYPE_HTML "HTML"

enum
{
  STATE_OFF = 0,
  STATE_ON = 1,
  STATE_TIMED = 2,
};

typedef struct
{
  char *text; /* nullable */
  gboolean is_html;
  gboolean is_internal;
  gboolean is_enabled;
} Notice;

typedef struct
{
  gint64 status; /* of the whole; -1 where it wasn't said */
  gint64 oof_status; /* likewise */
  gint64 state; /* likewise */
  gint64 from; /* seconds since the epoch; 0 for none */
  gint64 to; /* likewise */
  Notice notice; /* what those inside get, if that was said */
} Answer;

static void
notice_clear (Notice *notice)
{
  g_clear_pointer (&notice->text, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Notice, notice_clear)

static void
answer_reset (Answer *answer)
{
  notice_clear (&answer->notice);
  *answer = (Answer){ .status = -1, .oof_status = -1, .state = -1 };
}

static void
answer_clear (Answer *answer)
{
  notice_clear (&answer->notice);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

/* --- Reading --- */

static gint64
read_date (SurelEasReader *reader)
{
  g_autofree char *text = surel_eas_reader_text (reader, WORD_MAX);
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) date = g_date_time_new_from_iso8601 (text, utc);

  return date != NULL ? MAX (g_date_time_to_unix (date), 0) : 0;
}

static gboolean
read_is_html (SurelEasReader *reader)
{
  g_autofree char *type = surel_eas_reader_text (reader, WORD_MAX);

  return g_ascii_strcasecmp (type, TYPE_HTML) == 0;
}

static void
read_notice (SurelEasReader *reader, Answer *answer)
{
  g_auto (Notice) notice = { 0 };
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_OOF_INTERNAL:
        notice.is_internal = TRUE;
        surel_eas_reader_skip (reader);
        break;
      case SUREL_EAS_OOF_ENABLED:
        notice.is_enabled = surel_eas_reader_number (reader) == 1;
        break;
      case SUREL_EAS_OOF_REPLY:
        g_free (notice.text);
        notice.text = surel_eas_reader_text (reader, TEXT_MAX);
        break;
      case SUREL_EAS_OOF_BODY_TYPE:
        notice.is_html = read_is_html (reader);
        break;
      default:
        surel_eas_reader_skip (reader);
      }
  /* What somebody gets is more than what nobody does, and those inside come first. */
  if (answer->notice.text == NULL || notice.is_enabled > answer->notice.is_enabled
      || (notice.is_enabled == answer->notice.is_enabled && notice.is_internal))
    {
      Notice other = answer->notice;

      answer->notice = notice;
      notice = other;
    }
}

static void
read_get (SurelEasReader *reader, Answer *answer)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_OOF_STATE:
        answer->state = surel_eas_reader_number (reader);
        break;
      case SUREL_EAS_OOF_START:
        answer->from = read_date (reader);
        break;
      case SUREL_EAS_OOF_END:
        answer->to = read_date (reader);
        break;
      case SUREL_EAS_OOF_MESSAGE:
        read_notice (reader, answer);
        break;
      default:
        surel_eas_reader_skip (reader);
      }
}

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  Answer *answer = data;
  guint tag;

  answer_reset (answer);
  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SETTINGS_STATUS)
      answer->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_OOF)
      while (surel_eas_reader_child (reader, &tag))
        if (tag == SUREL_EAS_SETTINGS_STATUS)
          answer->oof_status = surel_eas_reader_number (reader);
        else if (tag == SUREL_EAS_SETTINGS_GET)
          read_get (reader, answer);
        else
          surel_eas_reader_skip (reader);
    else
      surel_eas_reader_skip (reader);
}

/* What it has set is needed to change a part of it. */
static gboolean
check_known (const Answer *answer, GError **error)
{
  if (answer->state >= STATE_OFF)
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED, "The server doesn't say whether the absence notice is on");
  return FALSE;
}

/* SOGo answers for all but this, and leaves it out. */
static gboolean
check (const Answer *answer, GError **error)
{
  if (!surel_eas_check_status (COMMAND, answer->status, error))
    return FALSE;
  if (answer->oof_status != -1)
    return surel_eas_check_status (COMMAND, answer->oof_status, error);
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "The server keeps no absence notice for ActiveSync");
  return FALSE;
}

static gboolean
ask (SurelEasSession *session, const char *type, Answer *answer, GCancellable *cancellable, GError **error)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  surel_eas_writer_open (request, SUREL_EAS_SETTINGS);
  surel_eas_writer_open (request, SUREL_EAS_OOF);
  surel_eas_writer_open (request, SUREL_EAS_SETTINGS_GET);
  surel_eas_writer_text (request, SUREL_EAS_OOF_BODY_TYPE, type);
  for (guint i = 0; i < 3; i++)
    surel_eas_writer_close (request);
  return surel_eas_session_command (session, COMMAND, request, read_answer, answer, &answer->status, cancellable, error);
}

static void
add_text (GVariantBuilder *builder, const char *key, const char *text)
{
  g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

  if (valid != NULL && valid[0] != '\0')
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (valid));
}

/**
 * surel_eas_read_vacation:
 *
 * Implements surel_remote_read_vacation(): asked for as text and as HTML, each of which servers make of the other.
 */
gboolean
surel_eas_read_vacation (SurelEasSession *session, GVariant **vacation, GCancellable *cancellable, GError **error)
{
  g_auto (Answer) plain = { 0 };
  g_auto (Answer) rich = { 0 };
  GVariantBuilder builder;

  if (!ask (session, TYPE_TEXT, &plain, cancellable, error) || !check (&plain, error)
      || !ask (session, TYPE_HTML, &rich, cancellable, error) || !check (&rich, error))
    return FALSE;
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "isEnabled", g_variant_new_boolean (plain.state > STATE_OFF));
  if (plain.state == STATE_TIMED && plain.from != 0)
    g_variant_builder_add (&builder, "{sv}", "fromDate", g_variant_new_int64 (plain.from));
  if (plain.state == STATE_TIMED && plain.to != 0)
    g_variant_builder_add (&builder, "{sv}", "toDate", g_variant_new_int64 (plain.to));
  if (!plain.notice.is_html)
    add_text (&builder, "textBody", plain.notice.text);
  if (rich.notice.is_html)
    add_text (&builder, "htmlBody", rich.notice.text);
  *vacation = g_variant_ref_sink (g_variant_builder_end (&builder));
  return TRUE;
}

/* --- Setting --- */

/* As MS-ASDTYPE §2.3 has it. */
static void
write_date (SurelEasWriter *request, SurelEasTag tag, gint64 seconds)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (seconds);
  g_autofree char *text = g_date_time_format (date, "%Y-%m-%dT%H:%M:%S.000Z");

  surel_eas_writer_text (request, tag, text);
}

static void
write_notices (SurelEasWriter *request, const char *text, const char *type)
{
  static const SurelEasTag audiences[] = { SUREL_EAS_OOF_INTERNAL, SUREL_EAS_OOF_KNOWN, SUREL_EAS_OOF_UNKNOWN };

  for (guint i = 0; i < G_N_ELEMENTS (audiences); i++)
    {
      surel_eas_writer_open (request, SUREL_EAS_OOF_MESSAGE);
      surel_eas_writer_empty (request, audiences[i]);
      surel_eas_writer_number (request, SUREL_EAS_OOF_ENABLED, 1);
      surel_eas_writer_text (request, SUREL_EAS_OOF_REPLY, text);
      surel_eas_writer_text (request, SUREL_EAS_OOF_BODY_TYPE, type);
      surel_eas_writer_close (request);
    }
}

/* What isn't to change isn't said, but for the time, which is one with whether it is on. */
static SurelEasWriter *
make_request (GVariant *vacation, const Answer *now)
{
  SurelEasWriter *request = surel_eas_writer_new ();
  gboolean enabled = now->state > STATE_OFF;
  gint64 from = now->state == STATE_TIMED ? now->from : 0;
  gint64 to = now->state == STATE_TIMED ? now->to : 0;
  const char *text = NULL;
  const char *html = NULL;

  g_variant_lookup (vacation, "isEnabled", "b", &enabled);
  g_variant_lookup (vacation, "fromDate", "x", &from);
  g_variant_lookup (vacation, "toDate", "x", &to);
  g_variant_lookup (vacation, "textBody", "&s", &text);
  g_variant_lookup (vacation, "htmlBody", "&s", &html);
  if (from != 0 || to != 0)
    {
      from = from != 0 ? from : MIN (surel_clock_now (), to - 1);
      to = to != 0 ? to : MAX (surel_clock_now (), from) + YEARS * G_GINT64_CONSTANT (366) * 24 * 60 * 60;
    }
  surel_eas_writer_open (request, SUREL_EAS_SETTINGS);
  surel_eas_writer_open (request, SUREL_EAS_OOF);
  surel_eas_writer_open (request, SUREL_EAS_SETTINGS_SET);
  surel_eas_writer_number (request, SUREL_EAS_OOF_STATE, !enabled ? STATE_OFF : from != 0 ? STATE_TIMED : STATE_ON);
  if (enabled && from != 0)
    {
      write_date (request, SUREL_EAS_OOF_START, from);
      write_date (request, SUREL_EAS_OOF_END, to);
    }
  if (html != NULL && html[0] != '\0')
    write_notices (request, html, TYPE_HTML);
  else if (text != NULL)
    write_notices (request, text, TYPE_TEXT);
  else if (html != NULL)
    write_notices (request, html, TYPE_TEXT);
  for (guint i = 0; i < 3; i++)
    surel_eas_writer_close (request);
  return request;
}

static gboolean
has_subject (GVariant *vacation)
{
  const char *subject = "";

  g_variant_lookup (vacation, "subject", "&s", &subject);
  return subject[0] != '\0';
}

static gboolean
may_pass (const GError *error)
{
  return g_error_matches (error, SUREL_ERROR, SUREL_ERROR_OFFLINE) || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_RATE_LIMITED);
}

/**
 * surel_eas_set_vacation:
 * @change: of the kind %SUREL_CHANGE_SET_VACATION; gets the outcome
 *
 * Implements surel_remote_apply(). May be done twice.
 */
gboolean
surel_eas_set_vacation (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  g_auto (Answer) now = { 0 };
  g_auto (Answer) answer = { 0 };

  if (has_subject (change->vacation))
    g_set_error (&change->error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "An absence notice has no subject of its own on this server");
  else if (!ask (session, TYPE_HTML, &now, cancellable, error))
    return FALSE;
  else if (check (&now, &change->error) && check_known (&now, &change->error))
    {
      if (!surel_eas_session_command (session, COMMAND, make_request (change->vacation, &now), read_answer, &answer, &answer.status,
                                      cancellable, error))
        return FALSE;
      check (&answer, &change->error);
    }
  surel_change_set_all (change, change->error == NULL   ? SUREL_OUTCOME_DONE
                                : may_pass (change->error) ? SUREL_OUTCOME_NOT_DONE
                                                           : SUREL_OUTCOME_REFUSED);
  return TRUE;
}
