/* Waiting for changes (MS-ASCMD §2.2.1.13, Ping): a request that the server answers when something has changed, or when
 * the heartbeat is over. */
#include "remote/eas/eas-ping.h"

#include "base/errors.h"
#include "remote/eas/eas-status.h"

#define CLASS_EMAIL "Email"

/* MS-ASCMD §2.2.3.177.11. */
typedef enum
{
  PING_NOTHING = 1,
  PING_CHANGED = 2,
  PING_HEARTBEAT = 5, /* it was too long or too short: the answer has one that is not */
  PING_HIERARCHY = 7,
} PingStatus;

typedef struct
{
  gint64 status;
  gint64 heartbeat;
} Answer;

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  Answer *answer = data;
  guint tag;

  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_PING_STATUS)
      answer->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_PING_HEARTBEAT)
      answer->heartbeat = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
}

/**
 * surel_eas_ping:
 * @folder: the folder to watch
 * @heartbeat: (inout): seconds that the server may take; what it may take the next time
 * @changed: (out): whether something has changed, or may have
 *
 * Waits until the server has something to tell, or @heartbeat is over.
 */
gboolean
surel_eas_ping (SurelEasSession *session,
                const char *folder,
                guint *heartbeat,
                gboolean *changed,
                GCancellable *cancellable,
                GError **error)
{
  SurelEasWriter *request = surel_eas_writer_new ();
  Answer answer = { -1, 0 };

  *changed = FALSE;
  surel_eas_writer_open (request, SUREL_EAS_PING);
  surel_eas_writer_number (request, SUREL_EAS_PING_HEARTBEAT, *heartbeat);
  surel_eas_writer_open (request, SUREL_EAS_PING_FOLDERS);
  surel_eas_writer_open (request, SUREL_EAS_PING_FOLDER);
  surel_eas_writer_text (request, SUREL_EAS_PING_ID, folder);
  surel_eas_writer_text (request, SUREL_EAS_PING_CLASS, CLASS_EMAIL);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
  surel_eas_session_set_patience (session, *heartbeat);
  if (!surel_eas_session_command (session, "Ping", request, read_answer, &answer, &answer.status, cancellable, error))
    return FALSE;
  switch ((PingStatus) answer.status)
    {
    case PING_NOTHING:
      return TRUE;
    case PING_CHANGED:
    case PING_HIERARCHY:
      *changed = TRUE;
      return TRUE;
    case PING_HEARTBEAT:
      if (answer.heartbeat > 0 && answer.heartbeat < G_MAXUINT16 && (guint) answer.heartbeat != *heartbeat)
        {
          *heartbeat = (guint) answer.heartbeat;
          return TRUE;
        }
      break;
    default:
      break;
    }
  return surel_eas_check_status ("Ping", answer.status, error);
}
