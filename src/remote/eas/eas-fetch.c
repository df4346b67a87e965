/* A message's octets (MS-ASCMD §2.2.1.10, ItemOperations): its MIME, passed on as it comes; beside the document, where the
 * server can. */
#include "remote/eas/eas-fetch.h"

#include "base/errors.h"
#include "remote/eas/eas-status.h"

#define STORE_MAILBOX "Mailbox"
#define MIME_ALWAYS 2
#define BODY_MIME 4
#define MESSAGE_PART 1 /* the document is part 0 */
#define OCTETS_MAX (G_GUINT64_CONSTANT (1) << 30) /* of one message */

typedef struct
{
  SurelContentFunc func;
  gpointer user_data;
  gint64 status; /* -1 where it wasn't said */
  gint64 type; /* of the body; -1 where it wasn't said */
  gint64 part; /* where the body is beside the document; 0 where it is in it */
  gboolean found;
  gboolean beside; /* the document, and not in it */
  guint64 octets;
} Fetch;

static gboolean
pass_on (const void *data, gsize length, gpointer user_data, GError **error)
{
  Fetch *fetch = user_data;

  fetch->octets += length;
  if (fetch->octets > OCTETS_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE, "The message has no end");
      return FALSE;
    }
  return length == 0 || fetch->func (data, length, fetch->user_data, error);
}

static void
read_body (SurelEasReader *reader, Fetch *fetch)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_BODY_TYPE)
      fetch->type = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_BODY_DATA && !fetch->found)
      {
        fetch->found = TRUE;
        surel_eas_reader_content (reader, pass_on, fetch);
      }
    else if (tag == SUREL_EAS_ITEM_PART && fetch->part == 0)
      fetch->part = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
}

/* What comes beside the document is what that says. */
static gboolean
pass_on_part (const void *data, gsize length, gpointer user_data, GError **error)
{
  Fetch *fetch = user_data;

  if (fetch->status != SUREL_EAS_STATUS_OK || fetch->type != BODY_MIME || fetch->part != MESSAGE_PART
      || (fetch->found && !fetch->beside))
    return TRUE;
  fetch->found = fetch->beside = TRUE;
  return pass_on (data, length, fetch, error);
}

/* Response, Fetch and Properties have inside of them what is looked for. */
static void
read_inside (SurelEasReader *reader, Fetch *fetch)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_ITEM_STATUS:
        fetch->status = surel_eas_reader_number (reader);
        break;
      case SUREL_EAS_ITEM_RESPONSE:
      case SUREL_EAS_ITEM_FETCH:
      case SUREL_EAS_ITEM_PROPERTIES:
        read_inside (reader, fetch);
        break;
      case SUREL_EAS_BODY:
        read_body (reader, fetch);
        break;
      default:
        surel_eas_reader_skip (reader);
      }
}

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  guint tag;

  if (surel_eas_reader_child (reader, &tag))
    read_inside (reader, data);
}

/**
 * surel_eas_fetch:
 *
 * Implements surel_remote_fetch().
 */
gboolean
surel_eas_fetch (SurelEasSession *session,
                 const SurelScope *scope,
                 const SurelRemoteId *remote_id,
                 SurelContentFunc func,
                 gpointer user_data,
                 GCancellable *cancellable,
                 GError **error)
{
  SurelEasWriter *request = surel_eas_writer_new ();
  Fetch fetch = { func, user_data, -1, -1, 0, FALSE, FALSE, 0 };

  surel_eas_writer_open (request, SUREL_EAS_ITEM_OPERATIONS);
  surel_eas_writer_open (request, SUREL_EAS_ITEM_FETCH);
  surel_eas_writer_text (request, SUREL_EAS_ITEM_STORE, STORE_MAILBOX);
  surel_eas_writer_text (request, SUREL_EAS_SYNC_COLLECTION_ID, scope->remote_id);
  surel_eas_writer_text (request, SUREL_EAS_SYNC_SERVER_ID, remote_id->text != NULL ? remote_id->text : "");
  surel_eas_writer_open (request, SUREL_EAS_ITEM_OPTIONS);
  surel_eas_writer_number (request, SUREL_EAS_SYNC_MIME_SUPPORT, MIME_ALWAYS);
  surel_eas_writer_open (request, SUREL_EAS_BODY_PREFERENCE);
  surel_eas_writer_number (request, SUREL_EAS_BODY_TYPE, BODY_MIME);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
  if (!surel_eas_session_command_in_parts (session, "ItemOperations", request, read_answer, pass_on_part, &fetch, &fetch.status,
                                           cancellable, error)
      || !surel_eas_check_status ("ItemOperations", fetch.status, error))
    return FALSE;
  /* Some servers say that all is well, and give something that isn't the message. */
  if (fetch.found && fetch.type == BODY_MIME && fetch.octets > 0)
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The server has the message no more, or can't deliver it");
  return FALSE;
}
