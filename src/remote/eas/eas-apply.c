/* What people did to messages. Flags and deletions are a Sync (MS-ASCMD §2.2.1.21), which can be sent again: until its
 * answer's key is stored it is sent with the same key as before. A move (§2.2.1.12, MoveItems) has no key: that it is about
 * to be made is noted before, and what isn't there any more afterwards was moved. Its answer names the message's new id,
 * which isn't taken: a server tells those alone of a message's end whom a Sync has told of it, and until one has another
 * device may have moved it on. That Sync says where it is. */
#include "remote/eas/eas-apply.h"

#include <string.h>

#include "base/errors.h"
#include "base/text.h"
#include "remote/eas/eas-folder-changes.h"
#include "remote/eas/eas-status.h"

#define ID_MAX 1024 /* octets */
#define BATCH_MAX 100 /* messages in one request */
#define FLAG_ACTIVE 2 /* MS-ASEMAIL §2.2.2.34 */
#define FLAG_TYPE "for Follow Up"
#define EVIDENCE "moved"

/* MS-ASCMD §2.2.3.177.10. */
typedef enum
{
  MOVE_NO_SOURCE = 1,
  MOVE_NO_TARGET = 2,
  MOVE_DONE = 3,
} MoveStatus;

/* Of Sync, for one message. */
#define STATUS_NOT_FOUND 8

/* What a server has a place for; all other keywords are only here. */
#define FITS (SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED)

typedef struct
{
  SurelChange *change;
  GHashTable *by_id; /* ServerId → its index and 1 */
  gint64 status; /* of the folder; -1 where it wasn't said */
  char *key; /* nullable */
  gboolean brings; /* it tells of changes, too, which weren't asked for */
} Apply;

static void
refuse_all (SurelChange *change, SurelError code, SurelOutcome outcome, const char *why)
{
  g_clear_error (&change->error);
  change->error = g_error_new_literal (SUREL_ERROR, (gint) code, why);
  surel_change_set_all (change, outcome);
}

static SurelChangeItem *
find_item (Apply *apply, const char *id)
{
  guint at = id != NULL ? GPOINTER_TO_UINT (g_hash_table_lookup (apply->by_id, id)) : 0;

  return at > 0 ? surel_change_item (apply->change, at - 1) : NULL;
}

static void
apply_init (Apply *apply, SurelChange *change, guint first, guint last)
{
  *apply = (Apply){ .change = change, .by_id = g_hash_table_new (g_str_hash, g_str_equal), .status = -1 };
  for (guint i = first; i < last; i++)
    if (surel_change_item (change, i)->remote_id.text != NULL)
      g_hash_table_insert (apply->by_id, surel_change_item (change, i)->remote_id.text, GUINT_TO_POINTER (i + 1));
}

static void
apply_clear (Apply *apply)
{
  g_hash_table_unref (apply->by_id);
  g_free (apply->key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Apply, apply_clear)

/* --- Flags and deletions --- */

static void
note_reason (SurelChange *change, const char *command, gint64 status)
{
  g_clear_error (&change->error);
  surel_eas_check_status (command, status, &change->error);
}

/* A server may tell of those alone that it didn't do. */
static void
read_response (SurelEasReader *reader, Apply *apply)
{
  g_autofree char *id = NULL;
  gint64 status = SUREL_EAS_STATUS_OK;
  SurelChangeItem *item;
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SYNC_SERVER_ID && id == NULL)
      id = surel_eas_reader_text (reader, ID_MAX);
    else if (tag == SUREL_EAS_SYNC_STATUS)
      status = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
  item = find_item (apply, id);
  if (item == NULL || status == SUREL_EAS_STATUS_OK || status < 0) /* what broke off says nothing */
    return;
  if (status == STATUS_NOT_FOUND && apply->change->kind == SUREL_CHANGE_DESTROY)
    return; /* that was what was wanted */
  note_reason (apply->change, "Sync", status);
  item->outcome = status == STATUS_NOT_FOUND || g_error_matches (apply->change->error, SUREL_ERROR, SUREL_ERROR_OFFLINE)
                      ? SUREL_OUTCOME_NOT_DONE
                      : SUREL_OUTCOME_REFUSED;
}

static void
read_collection (SurelEasReader *reader, Apply *apply)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_SYNC_STATUS:
        apply->status = surel_eas_reader_number (reader);
        break;
      case SUREL_EAS_SYNC_KEY:
        g_free (apply->key);
        apply->key = surel_eas_reader_text (reader, ID_MAX);
        break;
      case SUREL_EAS_SYNC_RESPONSES:
        while (surel_eas_reader_child (reader, &tag))
          read_response (reader, apply);
        break;
      case SUREL_EAS_SYNC_COMMANDS:
        apply->brings = TRUE;
        surel_eas_reader_skip (reader);
        break;
      default:
        surel_eas_reader_skip (reader);
      }
}

static void
read_sync (SurelEasReader *reader, gpointer data)
{
  Apply *apply = data;
  guint tag;

  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SYNC_STATUS)
      apply->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_SYNC_COLLECTIONS)
      while (surel_eas_reader_child (reader, &tag))
        if (tag == SUREL_EAS_SYNC_COLLECTION)
          read_collection (reader, apply);
        else
          surel_eas_reader_skip (reader);
    else
      surel_eas_reader_skip (reader);
}

static void
write_flags (SurelEasWriter *request, const SurelChange *change)
{
  guint both = change->add_flags | change->remove_flags;

  surel_eas_writer_open (request, SUREL_EAS_SYNC_DATA);
  if (both & SUREL_KEYWORD_SEEN)
    surel_eas_writer_number (request, SUREL_EAS_EMAIL_READ, (change->add_flags & SUREL_KEYWORD_SEEN) != 0);
  if (change->add_flags & SUREL_KEYWORD_FLAGGED)
    {
      surel_eas_writer_open (request, SUREL_EAS_EMAIL_FLAG);
      surel_eas_writer_number (request, SUREL_EAS_EMAIL_FLAG_STATUS, FLAG_ACTIVE);
      surel_eas_writer_text (request, SUREL_EAS_EMAIL_FLAG_TYPE, FLAG_TYPE);
      surel_eas_writer_close (request);
    }
  else if (change->remove_flags & SUREL_KEYWORD_FLAGGED)
    surel_eas_writer_empty (request, SUREL_EAS_EMAIL_FLAG);
  surel_eas_writer_close (request);
}

static SurelEasWriter *
write_sync (SurelChange *change, const char *key, guint first, guint last)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  surel_eas_writer_open (request, SUREL_EAS_SYNC);
  surel_eas_writer_open (request, SUREL_EAS_SYNC_COLLECTIONS);
  surel_eas_writer_open (request, SUREL_EAS_SYNC_COLLECTION);
  surel_eas_writer_text (request, SUREL_EAS_SYNC_KEY, key);
  surel_eas_writer_text (request, SUREL_EAS_SYNC_COLLECTION_ID, change->folder_remote_id);
  surel_eas_writer_number (request, SUREL_EAS_SYNC_DELETES_AS_MOVES, 0);
  surel_eas_writer_number (request, SUREL_EAS_SYNC_GET_CHANGES, 0);
  surel_eas_writer_open (request, SUREL_EAS_SYNC_COMMANDS);
  for (guint i = first; i < last; i++)
    {
      const SurelChangeItem *item = surel_change_item (change, i);

      surel_eas_writer_open (request, change->kind == SUREL_CHANGE_DESTROY ? SUREL_EAS_SYNC_DELETE : SUREL_EAS_SYNC_CHANGE);
      surel_eas_writer_text (request, SUREL_EAS_SYNC_SERVER_ID, item->remote_id.text != NULL ? item->remote_id.text : "");
      if (change->kind == SUREL_CHANGE_KEYWORDS)
        write_flags (request, change);
      surel_eas_writer_close (request);
    }
  for (guint i = 0; i < 4; i++)
    surel_eas_writer_close (request);
  return request;
}

/* A key that isn't known any more is for the next pull to begin anew. */
static gboolean
judge_sync (Apply *apply, guint first, guint last)
{
  SurelChange *change = apply->change;
  gboolean anew = apply->status == SUREL_EAS_STATUS_SYNC_KEY;

  if (apply->status < 0)
    {
      /* SOGo says nothing at all of a folder that it doesn't have any more. */
      refuse_all (change, SUREL_ERROR_NOT_FOUND, SUREL_OUTCOME_NOT_DONE, "The server says nothing of the folder: it may be gone");
      return FALSE;
    }
  if (apply->status != SUREL_EAS_STATUS_OK)
    {
      g_autoptr (GError) why = NULL;

      surel_eas_check_status ("Sync", apply->status, &why);
      refuse_all (change, anew ? SUREL_ERROR_SERVER_REJECTED : (SurelError) why->code,
                  anew || !g_error_matches (why, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED) ? SUREL_OUTCOME_NOT_DONE
                                                                                            : SUREL_OUTCOME_REFUSED,
                  anew ? "The server has forgotten what was synced; the folder is synced anew first" : why->message);
      return FALSE;
    }
  for (guint i = first; i < last; i++)
    if (surel_change_item (change, i)->outcome == SUREL_OUTCOME_OPEN)
      surel_change_item (change, i)->outcome = SUREL_OUTCOME_DONE;
  return TRUE;
}

static void
set_token (SurelChange *change, const char *key)
{
  g_clear_pointer (&change->new_folder_token, g_bytes_unref);
  change->new_folder_token = g_bytes_new (key, strlen (key));
}

/* One request. With a key that brings changes along the next pull begins before it: they come again then. */
static gboolean
sync_some (SurelEasSession *session, SurelChange *change, guint first, guint last, gboolean *more, GCancellable *cancellable, GError **error)
{
  g_auto (Apply) apply = { 0 };
  GBytes *token = change->new_folder_token != NULL ? change->new_folder_token : change->folder_token;
  g_autofree char *key = g_strndup (g_bytes_get_data (token, NULL), g_bytes_get_size (token));

  apply_init (&apply, change, first, last);
  if (!surel_eas_session_command (session, "Sync", write_sync (change, key, first, last), read_sync, &apply, &apply.status, cancellable, error))
    return FALSE;
  *more = judge_sync (&apply, first, last) && !apply.brings;
  if (*more && apply.key != NULL && apply.key[0] != '\0' && strcmp (apply.key, "0") != 0 && surel_text_is_clean (apply.key))
    set_token (change, apply.key);
  return TRUE;
}

static gboolean
sync_all (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  gboolean more = TRUE;

  if (change->folder_token == NULL)
    {
      refuse_all (change, SUREL_ERROR_SERVER_REJECTED, SUREL_OUTCOME_NOT_DONE, "The folder wasn't synced yet; it is synced first");
      return TRUE;
    }
  for (guint first = 0; more && first < change->items->len; first += BATCH_MAX)
    if (!sync_some (session, change, first, MIN (first + BATCH_MAX, change->items->len), &more, cancellable, error))
      return FALSE;
  /* What is left is asked for again, once the folder was synced. */
  surel_change_set_all (change, SUREL_OUTCOME_NOT_DONE);
  return TRUE;
}

static gboolean
apply_keywords (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < change->items->len; i++)
    {
      surel_change_item (change, i)->here_flags = change->add_flags & ~FITS;
      g_free (surel_change_item (change, i)->here_words);
      surel_change_item (change, i)->here_words = change->add_words[0] != '\0' ? g_strdup (change->add_words) : NULL;
    }
  if (((change->add_flags | change->remove_flags) & FITS) == 0)
    {
      surel_change_set_all (change, SUREL_OUTCOME_DONE); /* that is only here */
      return TRUE;
    }
  return sync_all (session, change, cancellable, error);
}

/* --- Moves --- */

static void
read_moved (SurelEasReader *reader, Apply *apply)
{
  g_autofree char *id = NULL;
  gint64 status = -1;
  SurelChangeItem *item;
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_MOVE_MESSAGE && id == NULL)
      id = surel_eas_reader_text (reader, ID_MAX);
    else if (tag == SUREL_EAS_MOVE_STATUS)
      status = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
  item = find_item (apply, id);
  if (item == NULL || item->outcome != SUREL_OUTCOME_OPEN || status < 0) /* what broke off says nothing */
    return;
  switch ((MoveStatus) status)
    {
    case MOVE_DONE:
      item->outcome = SUREL_OUTCOME_DONE;
      break;
    case MOVE_NO_SOURCE:
      /* It was moved by the step that was noted, or another device has taken it away: the next sync says. */
      item->outcome = apply->change->evidence != NULL ? SUREL_OUTCOME_DONE : SUREL_OUTCOME_NOT_DONE;
      g_clear_error (&apply->change->error);
      apply->change->error = g_error_new (SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "Another program had deleted the message before");
      break;
    case MOVE_NO_TARGET:
      item->outcome = SUREL_OUTCOME_NOT_DONE;
      g_clear_error (&apply->change->error);
      apply->change->error = g_error_new (SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The folder it was to go to isn't there");
      break;
    default:
      item->outcome = SUREL_OUTCOME_REFUSED;
      note_reason (apply->change, "MoveItems", status);
    }
}

static void
read_moves (SurelEasReader *reader, gpointer data)
{
  Apply *apply = data;
  guint tag;

  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_MOVE_RESPONSE)
      read_moved (reader, apply);
    else if (tag == SUREL_EAS_MOVE_STATUS) /* of the whole, from 101 on */
      apply->status = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
}

static SurelEasWriter *
write_moves (SurelChange *change, guint first, guint last)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  surel_eas_writer_open (request, SUREL_EAS_MOVE_ITEMS);
  for (guint i = first; i < last; i++)
    {
      const SurelChangeItem *item = surel_change_item (change, i);

      surel_eas_writer_open (request, SUREL_EAS_MOVE);
      surel_eas_writer_text (request, SUREL_EAS_MOVE_MESSAGE, item->remote_id.text != NULL ? item->remote_id.text : "");
      surel_eas_writer_text (request, SUREL_EAS_MOVE_FROM, change->folder_remote_id);
      surel_eas_writer_text (request, SUREL_EAS_MOVE_TO, change->target_remote_id);
      surel_eas_writer_close (request);
    }
  surel_eas_writer_close (request);
  return request;
}

static gboolean
move_some (SurelEasSession *session, SurelChange *change, guint first, guint last, GCancellable *cancellable, GError **error)
{
  g_auto (Apply) apply = { 0 };

  apply_init (&apply, change, first, last);
  return surel_eas_session_command (session, "MoveItems", write_moves (change, first, last), read_moves, &apply, &apply.status, cancellable, error)
         && (apply.status == -1 || surel_eas_check_status ("MoveItems", apply.status, error));
}

static gboolean
move_all (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  if (change->target_remote_id == NULL)
    {
      refuse_all (change, SUREL_ERROR_NOT_FOUND, SUREL_OUTCOME_REFUSED, "The folder it was to go to was deleted");
      return TRUE;
    }
  for (guint first = 0; first < change->items->len; first += BATCH_MAX)
    if (!move_some (session, change, first, MIN (first + BATCH_MAX, change->items->len), cancellable, error))
      return FALSE;
  return TRUE;
}

/**
 * surel_eas_apply:
 *
 * Implements surel_remote_apply().
 */
gboolean
surel_eas_apply (SurelEasSession *session,
                 SurelChange *change,
                 SurelBeforeFunc before,
                 gpointer user_data,
                 GCancellable *cancellable,
                 GError **error)
{
  switch (change->kind)
    {
    case SUREL_CHANGE_KEYWORDS:
      return apply_keywords (session, change, cancellable, error);
    case SUREL_CHANGE_DESTROY:
      return sync_all (session, change, cancellable, error);
    case SUREL_CHANGE_MOVE:
      return before (EVIDENCE, user_data, error) && move_all (session, change, cancellable, error);
    case SUREL_CHANGE_COPY:
    case SUREL_CHANGE_APPEND:
    case SUREL_CHANGE_REPLACE:
      refuse_all (change, SUREL_ERROR_NOT_SUPPORTED, SUREL_OUTCOME_REFUSED,
                  "Nothing can be put into a folder by ActiveSync, and nothing copied");
      return TRUE;
    case SUREL_CHANGE_CREATE_FOLDER:
    case SUREL_CHANGE_RENAME_FOLDER:
    case SUREL_CHANGE_DELETE_FOLDER:
    case SUREL_CHANGE_SUBSCRIBE_FOLDER:
    default:
      return surel_eas_apply_to_folder (session, change, before, user_data, cancellable, error);
    }
}

/**
 * surel_eas_settle:
 *
 * Implements surel_remote_settle(): moves what is still there, and makes the folder if it isn't. Nothing else has evidence.
 */
gboolean
surel_eas_settle (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  if (change->kind == SUREL_CHANGE_MOVE)
    return move_all (session, change, cancellable, error);
  return surel_eas_apply_to_folder (session, change, NULL, NULL, cancellable, error);
}
