/* Messages sent (MS-ASCMD §2.2.1.17, SendMail; §2.2.1.19 and §2.2.1.18, SmartReply and SmartForward, whose own text replaces
 * what the server would quote). The server takes those it goes to from the header, and saves it in Sent.
 *
 * It can't be sent again to see whether it was sent: not all servers heed a ClientId. So an answer is believed where it says
 * that nothing was sent; what broke off on the way is in doubt. */
#include "remote/eas/eas-send.h"

#include <string.h>

#include "base/errors.h"
#include "mime/mime-header.h"
#include "remote/eas/eas-status.h"

#define EVIDENCE "sent"
#define CLIENT_ID_LENGTH 40 /* characters, at most (MS-ASCMD §2.2.3.28.2) */
#define STATUS_SENT_BEFORE 118 /* the same ClientId came before */
#define STATUS_NO_ORIGINAL 150
#define VERSION_OF_MIME "12.1" /* that has no WBXML for it (MS-ASCMD §2.2.1.17) */

typedef struct
{
  SurelEasTag command;
  gint64 status; /* -1 where it isn't one */
  gboolean said; /* there was an answer: none at all says that all is well */
} Sending;

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  Sending *sending = data;
  guint tag;

  gboolean ours;

  sending->status = -1;
  sending->said = surel_eas_reader_child (reader, &tag);
  ours = sending->said && tag == (guint) sending->command;
  while (sending->said && surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_COMPOSE_STATUS && ours && sending->status == -1)
      sending->status = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
}

static GBytes *
join (const SurelChangeItem *item)
{
  return item->header != NULL && item->header[0] != '\0' ? surel_mime_put_fields (item->octets, item->header)
                                                        : g_bytes_ref (item->octets);
}

/* The same for the same message, whenever it is tried. */
static char *
make_client_id (const SurelChangeItem *item)
{
  char *id = g_compute_checksum_for_string (G_CHECKSUM_SHA256, item->message_id != NULL ? item->message_id : "", -1);

  id[CLIENT_ID_LENGTH] = '\0';
  return id;
}

static SurelEasWriter *
write_request (const SurelChange *change, const SurelChangeItem *item, SurelEasTag command, GBytes *octets)
{
  SurelEasWriter *request = surel_eas_writer_new ();
  g_autofree char *client_id = make_client_id (item);

  surel_eas_writer_open (request, command);
  surel_eas_writer_text (request, SUREL_EAS_COMPOSE_CLIENT_ID, client_id);
  if (command != SUREL_EAS_COMPOSE_SEND_MAIL)
    {
      surel_eas_writer_open (request, SUREL_EAS_COMPOSE_SOURCE);
      surel_eas_writer_text (request, SUREL_EAS_COMPOSE_FOLDER_ID, change->folder_remote_id);
      surel_eas_writer_text (request, SUREL_EAS_COMPOSE_ITEM_ID, item->remote_id.text);
      surel_eas_writer_close (request);
    }
  surel_eas_writer_empty (request, SUREL_EAS_COMPOSE_SAVE_IN_SENT_ITEMS);
  if (command != SUREL_EAS_COMPOSE_SEND_MAIL)
    surel_eas_writer_empty (request, SUREL_EAS_COMPOSE_REPLACE_MIME);
  surel_eas_writer_bytes (request, SUREL_EAS_COMPOSE_MIME, octets);
  surel_eas_writer_close (request);
  return request;
}

/* What a server does with its own copy of the original is to mark it; the text is whole. */
static SurelEasTag
command_of (const SurelChange *change, const SurelChangeItem *item)
{
  if (change->folder_remote_id == NULL || item->remote_id.text == NULL)
    return SUREL_EAS_COMPOSE_SEND_MAIL;
  return change->add_flags & SUREL_KEYWORD_FORWARDED ? SUREL_EAS_COMPOSE_SMART_FORWARD : SUREL_EAS_COMPOSE_SMART_REPLY;
}

static const char *
name_of (SurelEasTag command)
{
  switch (command)
    {
    case SUREL_EAS_COMPOSE_SMART_FORWARD:
      return "SmartForward";
    case SUREL_EAS_COMPOSE_SMART_REPLY:
      return "SmartReply";
    default:
      return "SendMail";
    }
}

static gboolean
send_once (SurelEasSession *session,
           SurelChange *change,
           SurelEasTag command,
           Sending *sending,
           GCancellable *cancellable,
           GError **error)
{
  const SurelChangeItem *item = surel_change_item (change, 0);
  g_autoptr (GBytes) octets = join (item);

  *sending = (Sending){ .command = command, .status = -1 };
  if (strcmp (surel_eas_session_get_version (session), VERSION_OF_MIME) == 0)
    return surel_eas_session_send_mime (session, "SendMail", "&SaveInSent=T", octets, read_answer, sending,
                                        &sending->status, cancellable, error);
  return surel_eas_session_command (session, name_of (command), write_request (change, item, command, octets), read_answer, sending,
                                    &sending->status, cancellable, error);
}

/* Nothing was sent: whether it may be later. What ails sending alone doesn't hold up anything else; what ails more is told
 * by whatever is asked next. */
static gboolean
take_refusal (SurelEasSession *session, SurelChangeItem *item, SurelChange *change, GError *own, GError **error)
{
  gboolean shut_out = surel_eas_session_is_shut_out (session);

  if (!shut_out && (g_error_matches (own, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED) || g_error_matches (own, SUREL_ERROR, SUREL_ERROR_TOO_LARGE)))
    {
      item->outcome = SUREL_OUTCOME_REFUSED;
      change->error = own;
      return TRUE;
    }
  item->outcome = SUREL_OUTCOME_NOT_DONE;
  if (shut_out || g_error_matches (own, SUREL_ERROR, SUREL_ERROR_OFFLINE) || g_error_matches (own, SUREL_ERROR, SUREL_ERROR_CERTIFICATE_REJECTED)
      || g_error_matches (own, SUREL_ERROR, SUREL_ERROR_CANCELLED)
      || own->domain != SUREL_ERROR)
    {
      g_propagate_error (error, own);
      return FALSE;
    }
  change->error = own;
  return TRUE;
}

/* %FALSE where the answer says nothing: then it may have been sent. */
static gboolean
take_status (SurelChangeItem *item, SurelChange *change, const Sending *sending, GError **error)
{
  gint64 status = sending->status;

  if (!sending->said || status == SUREL_EAS_STATUS_OK || status == STATUS_SENT_BEFORE)
    {
      item->outcome = SUREL_OUTCOME_DONE;
      return TRUE;
    }
  if (status <= 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server doesn't say whether it sent the message");
      return FALSE;
    }
  surel_eas_check_status (name_of (sending->command), status, &change->error);
  item->outcome = g_error_matches (change->error, SUREL_ERROR, SUREL_ERROR_OFFLINE)
                          || g_error_matches (change->error, SUREL_ERROR, SUREL_ERROR_RATE_LIMITED)
                      ? SUREL_OUTCOME_NOT_DONE
                      : SUREL_OUTCOME_REFUSED;
  return TRUE;
}

/* What is sent is whole without it: where a server doesn't know the original, or no such command, it is sent plainly. */
static gboolean
is_for_plain_mail (SurelEasSession *session, const Sending *sending, const GError *own)
{
  return sending->command != SUREL_EAS_COMPOSE_SEND_MAIL
         && (own == NULL ? sending->status == STATUS_NO_ORIGINAL
                         : g_error_matches (own, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED) && !surel_eas_session_may_have_acted (session)
                               && !surel_eas_session_is_shut_out (session));
}

/**
 * surel_eas_send:
 * @change: of kind %SUREL_CHANGE_SEND
 *
 * Implements surel_remote_apply() for it. Where what became of it isn't known its outcome is left open.
 */
gboolean
surel_eas_send (SurelEasSession *session,
                SurelChange *change,
                SurelBeforeFunc before,
                gpointer user_data,
                GCancellable *cancellable,
                GError **error)
{
  SurelChangeItem *item = surel_change_item (change, 0);
  Sending sending;
  g_autoptr (GError) own = NULL;
  gboolean success;

  if (!before (EVIDENCE, user_data, error))
    return FALSE;
  success = send_once (session, change, command_of (change, item), &sending, cancellable, &own);
  if (is_for_plain_mail (session, &sending, own))
    {
      g_clear_error (&own);
      success = send_once (session, change, SUREL_EAS_COMPOSE_SEND_MAIL, &sending, cancellable, &own);
    }
  if (success)
    return take_status (item, change, &sending, error);
  if (!surel_eas_session_may_have_acted (session))
    return take_refusal (session, item, change, g_steal_pointer (&own), error);
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}
