/* Answers to invitations (MS-ASCMD §2.2.1.11, MeetingResponse): the server puts them into the calendar. From 16.0 on it tells
 * who invites; before that it is told by a message of ours, which is made before the server is asked: many take the
 * invitation away with the answer. That message is the evidence, so that it goes whatever breaks off between the two. Both
 * can be done again: who invites goes by the last answer. */
#include "remote/eas/eas-respond.h"

#include <string.h>

#include "base/clock.h"
#include "base/errors.h"
#include "mime/mime-invitation.h"
#include "remote/eas/eas-fetch.h"
#include "remote/eas/eas-send.h"
#include "remote/eas/eas-status.h"

#define COMMAND "MeetingResponse"
#define NO_REPLY "-" /* the evidence where the server tells who invites, or nobody is to be told */
#define VERSION_TELLS 16.0 /* the first where the server tells who invites */
#define STATUS_INVALID 2 /* the invitation, also one that is answered and gone */
#define MAIL_MAX (32 << 20) /* octets */

typedef struct
{
  gint64 status; /* -1 where it wasn't said */
} Answer;

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  Answer *answer = data;
  guint tag;

  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_MEETING_RESULT)
      while (surel_eas_reader_child (reader, &tag))
        if (tag == SUREL_EAS_MEETING_STATUS)
          answer->status = surel_eas_reader_number (reader);
        else
          surel_eas_reader_skip (reader);
    else if (tag == SUREL_EAS_MEETING_STATUS) /* of the whole command */
      answer->status = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
}

static gboolean
server_tells (SurelEasSession *session)
{
  return g_ascii_strtod (surel_eas_session_get_version (session), NULL) >= VERSION_TELLS;
}

static SurelEasWriter *
write_request (SurelEasSession *session, SurelChange *change)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  surel_eas_writer_open (request, SUREL_EAS_MEETING_RESPONSE);
  surel_eas_writer_open (request, SUREL_EAS_MEETING_REQUEST);
  surel_eas_writer_number (request, SUREL_EAS_MEETING_USER_RESPONSE, change->answer);
  surel_eas_writer_text (request, SUREL_EAS_MEETING_COLLECTION_ID, change->folder_remote_id);
  surel_eas_writer_text (request, SUREL_EAS_MEETING_REQUEST_ID, surel_change_item (change, 0)->remote_id.text);
  if (server_tells (session))
    surel_eas_writer_empty (request, SUREL_EAS_MEETING_SEND_RESPONSE);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
  return request;
}

/* What ails more than this one is told by whatever is asked next. */
static gboolean
take_error (SurelEasSession *session, SurelChange *change, GError *own, GError **error)
{
  gboolean of_all = surel_eas_session_is_shut_out (session) || own->domain != SUREL_ERROR || own->code == (gint) SUREL_ERROR_OFFLINE
                    || own->code == (gint) SUREL_ERROR_CERTIFICATE_REJECTED || own->code == (gint) SUREL_ERROR_CANCELLED;

  if (of_all)
    {
      g_propagate_error (error, own);
      return FALSE;
    }
  surel_change_item (change, 0)->outcome
      = own->code == (gint) SUREL_ERROR_NOT_FOUND || own->code == (gint) SUREL_ERROR_RATE_LIMITED ? SUREL_OUTCOME_NOT_DONE
                                                                                                : SUREL_OUTCOME_REFUSED;
  change->error = own;
  return TRUE;
}

static gboolean
keep (const void *data, gsize length, gpointer user_data, GError **error)
{
  GByteArray *mail = user_data;

  if (length > MAIL_MAX - mail->len)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE, "The invitation is too large to be answered by mail");
      return FALSE;
    }
  g_byte_array_append (mail, data, (guint) length);
  return TRUE;
}

/* Sets @reply to the message that tells who invites; NULL for none. */
static gboolean
make_reply (SurelEasSession *session, SurelChange *change, char **reply, GCancellable *cancellable, GError **error)
{
  SurelScope scope = { .remote_id = change->folder_remote_id };
  GByteArray *mail = g_byte_array_new ();
  g_autoptr (GBytes) octets = NULL;

  if (!surel_eas_fetch (session, &scope, &surel_change_item (change, 0)->remote_id, keep, mail, cancellable, error))
    {
      g_byte_array_unref (mail);
      return FALSE;
    }
  octets = g_byte_array_free_to_bytes (mail);
  return surel_mime_answer_invitation (octets, (const char *const *) change->addresses, change->answer, surel_clock_now (), reply, error);
}

/* Sets the outcome where the server didn't do it; leaves it open where it did. */
static gboolean
respond (SurelEasSession *session, SurelChange *change, gboolean again, GCancellable *cancellable, GError **error)
{
  SurelChangeItem *item = surel_change_item (change, 0);
  Answer answer = { -1 };
  GError *own = NULL;

  if (item->remote_id.text == NULL) /* the server took it away when it was asked before */
    return TRUE;
  if (!surel_eas_session_command (session, COMMAND, write_request (session, change), read_answer, &answer, &answer.status,
                                  cancellable, &own))
    {
      if (!surel_eas_session_may_have_acted (session))
        return take_error (session, change, own, error);
      g_propagate_error (error, own);
      return FALSE;
    }
  if ((again && answer.status == STATUS_INVALID) || surel_eas_check_status (COMMAND, answer.status, &change->error))
    return TRUE;
  item->outcome = answer.status == -1 || change->error->code == (gint) SUREL_ERROR_OFFLINE || change->error->code == (gint) SUREL_ERROR_RATE_LIMITED
                      ? SUREL_OUTCOME_NOT_DONE
                      : SUREL_OUTCOME_REFUSED;
  return TRUE;
}

static gboolean
go_ahead (const char *evidence G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  return TRUE;
}

static char *
message_id_of (const char *message)
{
  const char *start = strstr (message, "\r\nMessage-Id: <");

  start = start != NULL ? strchr (start, '<') + 1 : "";
  return g_strndup (start, strcspn (start, ">\r\n"));
}

/* It is the same each time that it is tried, and the server told so. */
static gboolean
send_reply (SurelEasSession *session, SurelChange *change, const char *reply, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelChange) sending = surel_change_new ();
  SurelChangeItem item = { .octets = g_bytes_new (reply, strlen (reply)), .message_id = message_id_of (reply) };
  SurelChangeItem *own = surel_change_item (change, 0);

  sending->kind = SUREL_CHANGE_SEND;
  g_array_append_val (sending->items, item);
  if (!surel_eas_send (session, sending, go_ahead, NULL, cancellable, error))
    return FALSE;
  own->outcome = surel_change_item (sending, 0)->outcome;
  if (sending->error != NULL)
    {
      change->error = g_error_copy (sending->error);
      g_prefix_error (&change->error, "The answer is in the calendar, but who invites could not be told: ");
    }
  return TRUE;
}

/**
 * surel_eas_respond:
 * @change: of the kind %SUREL_CHANGE_RESPOND; gets the outcome
 * @before: (nullable): %NULL where it was begun before, and the change has its evidence
 *
 * Implements surel_remote_apply() and surel_remote_settle() for it.
 */
gboolean
surel_eas_respond (SurelEasSession *session,
                   SurelChange *change,
                   SurelBeforeFunc before,
                   gpointer user_data,
                   GCancellable *cancellable,
                   GError **error)
{
  g_autofree char *reply = before == NULL ? g_strdup (change->evidence) : NULL;
  GError *own = NULL;

  if (before != NULL && !server_tells (session) && !make_reply (session, change, &reply, cancellable, &own))
    return take_error (session, change, own, error);
  if (before != NULL && !before (reply != NULL ? reply : NO_REPLY, user_data, error))
    return FALSE;
  if (!respond (session, change, before == NULL, cancellable, error))
    return FALSE;
  if (surel_change_item (change, 0)->outcome != SUREL_OUTCOME_OPEN)
    return TRUE;
  if (reply != NULL && strcmp (reply, NO_REPLY) != 0)
    return send_reply (session, change, reply, cancellable, error);
  surel_change_item (change, 0)->outcome = SUREL_OUTCOME_DONE;
  return TRUE;
}
