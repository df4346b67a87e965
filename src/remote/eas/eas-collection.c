/* Sync of one folder (MS-ASCMD §2.2.1.21): the frame of its requests, and the walk through its answers down to the commands
 * in them, which pulls (eas-sync.c) and pushes (eas-apply.c) read each in their way. */
#include "remote/eas/eas-collection.h"

#include <string.h>

#include "base/text.h"
#include "remote/eas/eas-message.h"
#include "remote/eas/eas-status.h"

#define KEY_MAX 1024 /* octets; MS-ASCMD §2.2.3.181.4 has 64 */
#define FILTER_ALL 0 /* MS-ASCMD §2.2.3.68.2 */
#define MIME_ALWAYS 2 /* MS-ASCMD §2.2.3.112.3 */
#define MIME_10240 4 /* the same as SUREL_EAS_HEADER_OCTETS, for servers that know no TruncationSize: §2.2.3.111 */
#define BODY_MIME 4 /* MS-ASAIRS §2.2.2.41.1 */

void
surel_eas_collection_clear (SurelEasCollection *self)
{
  g_clear_pointer (&self->key, g_free);
}

/* --- What it is asked --- */

/**
 * surel_eas_collection_begin:
 * @folder: its ServerId
 * @key: what the last answer gave, or %SUREL_EAS_NO_KEY
 *
 * Returns: (transfer full): a request whose next elements are the folder's
 */
SurelEasWriter *
surel_eas_collection_begin (const char *folder, const char *key)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  surel_eas_writer_open (request, SUREL_EAS_SYNC);
  surel_eas_writer_open (request, SUREL_EAS_SYNC_COLLECTIONS);
  surel_eas_writer_open (request, SUREL_EAS_SYNC_COLLECTION);
  surel_eas_writer_text (request, SUREL_EAS_SYNC_KEY, key);
  surel_eas_writer_text (request, SUREL_EAS_SYNC_COLLECTION_ID, folder);
  return request;
}

/**
 * surel_eas_collection_write_options:
 *
 * How messages are to be told of: all there are, with the first octets of each as MIME.
 */
void
surel_eas_collection_write_options (SurelEasWriter *request)
{
  surel_eas_writer_open (request, SUREL_EAS_SYNC_OPTIONS);
  surel_eas_writer_number (request, SUREL_EAS_SYNC_FILTER_TYPE, FILTER_ALL);
  surel_eas_writer_number (request, SUREL_EAS_SYNC_MIME_TRUNCATION, MIME_10240);
  surel_eas_writer_number (request, SUREL_EAS_SYNC_MIME_SUPPORT, MIME_ALWAYS);
  surel_eas_writer_open (request, SUREL_EAS_BODY_PREFERENCE);
  surel_eas_writer_number (request, SUREL_EAS_BODY_TYPE, BODY_MIME);
  surel_eas_writer_number (request, SUREL_EAS_BODY_TRUNCATION_SIZE, SUREL_EAS_HEADER_OCTETS);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
}

void
surel_eas_collection_end (SurelEasWriter *request)
{
  for (guint i = 0; i < 3; i++)
    surel_eas_writer_close (request);
}

/* --- What the server says --- */

/**
 * surel_eas_read_id:
 * @max: octets
 *
 * Returns: (transfer full) (nullable): what stands there; %NULL where it is empty, too long, or no clean text
 */
char *
surel_eas_read_id (SurelEasReader *reader, gsize max)
{
  g_autofree char *text = surel_eas_reader_text (reader, max + 1);

  return text[0] != '\0' && strlen (text) <= max && surel_text_is_clean (text) ? g_steal_pointer (&text) : NULL;
}

/* With what can't be asked for a second time no request begins: what comes without a key comes again. */
static void
read_key (SurelEasReader *reader, SurelEasCollection *self)
{
  g_free (self->key);
  self->key = surel_eas_read_id (reader, KEY_MAX);
  if (g_strcmp0 (self->key, SUREL_EAS_NO_KEY) == 0)
    g_clear_pointer (&self->key, g_free);
}

static void
read_commands (SurelEasReader *reader, SurelEasCommandFunc func, gpointer user_data)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (func != NULL)
      func (reader, tag, user_data);
    else
      surel_eas_reader_skip (reader);
}

static void
read_collection (SurelEasReader *reader, SurelEasCollection *self)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_SYNC_STATUS:
        self->status = surel_eas_reader_number (reader);
        break;
      case SUREL_EAS_SYNC_KEY:
        read_key (reader, self);
        break;
      case SUREL_EAS_SYNC_MORE_AVAILABLE:
        self->more = TRUE;
        surel_eas_reader_skip (reader);
        break;
      case SUREL_EAS_SYNC_COMMANDS:
        self->brings = TRUE;
        read_commands (reader, self->read_command, self->user_data);
        break;
      case SUREL_EAS_SYNC_RESPONSES:
        read_commands (reader, self->read_response, self->user_data);
        break;
      default:
        surel_eas_reader_skip (reader);
      }
}

static void
read_collections (SurelEasReader *reader, SurelEasCollection *self)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SYNC_COLLECTION)
      read_collection (reader, self);
    else
      surel_eas_reader_skip (reader);
}

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  SurelEasCollection *self = data;
  guint tag;

  self->answered = surel_eas_reader_child (reader, &tag);
  if (!self->answered)
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SYNC_STATUS) /* of the whole */
      self->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_SYNC_COLLECTIONS)
      read_collections (reader, self);
    else
      surel_eas_reader_skip (reader);
}

/**
 * surel_eas_collection_sync:
 * @self: gets what was answered
 * @request: (transfer full): see surel_eas_collection_begin()
 */
gboolean
surel_eas_collection_sync (SurelEasCollection *self,
                           SurelEasSession *session,
                           SurelEasWriter *request,
                           GCancellable *cancellable,
                           GError **error)
{
  self->status = -1;
  return surel_eas_session_command (session, "Sync", request, read_answer, self, &self->status, cancellable, error);
}
