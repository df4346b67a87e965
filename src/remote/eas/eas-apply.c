/* What people did to messages. Flags and deletions are a Sync (MS-ASCMD §2.2.1.21), which can be sent again: until its
 * answer's key is stored it is sent with the same key as before. A move (§2.2.1.12, MoveItems) has no key: that it is about
 * to be made is noted before, and what isn't there any more afterwards was moved. Its answer names the message's new id,
 * which isn't taken: a server tells those alone of a message's end whom a Sync has told of it, and until one has another
 * device may have moved it on. That Sync says where it is. */
#include "remote/eas/eas-apply.h"

#include <string.h>

#include "base/errors.h"
#include "remote/eas/eas-collection.h"
#include "remote/eas/eas-folder-changes.h"
#include "remote/eas/eas-keywords.h"
#include "remote/eas/eas-message.h"
#include "remote/eas/eas-news.h"
#include "remote/eas/eas-respond.h"
#include "remote/eas/eas-send.h"
#include "remote/eas/eas-status.h"
#include "remote/eas/eas-vacation.h"

#define BATCH_MAX 100 /* messages in one request */
#define EVIDENCE "moved"

/* MS-ASCMD §2.2.3.177.10. */
typedef enum
{
  MOVE_NO_SOURCE = 1,
  MOVE_NO_TARGET = 2,
  MOVE_DONE = 3,
} MoveStatus;

/* Of Sync, for one message (MS-ASCMD §2.2.3.177.17). */
#define STATUS_CONFLICT 7 /* another device has changed it, which the next sync tells */
#define STATUS_NOT_FOUND 8

typedef struct
{
  SurelChange *change;
  GHashTable *by_id; /* ServerId → its index and 1 */
  gint64 status; /* of MoveItems as a whole; -1 where it wasn't said */
  SurelEasNews told;
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
  surel_eas_news_init (&apply->told);
  for (guint i = first; i < last; i++)
    if (surel_change_item (change, i)->remote_id.text != NULL)
      g_hash_table_insert (apply->by_id, surel_change_item (change, i)->remote_id.text, GUINT_TO_POINTER (i + 1));
}

static void
apply_clear (Apply *apply)
{
  g_hash_table_unref (apply->by_id);
  surel_eas_news_clear (&apply->told);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Apply, apply_clear)

/* --- Flags and deletions --- */

static void
note_reason (SurelChange *change, const char *command, gint64 status)
{
  g_clear_error (&change->error);
  surel_eas_check_status (command, status, &change->error);
}

static void
take_status (Apply *apply, SurelChangeItem *item, gint64 status)
{
  gboolean later;

  if (status == SUREL_EAS_STATUS_OK || status < 0) /* what broke off says nothing */
    return;
  if (status == STATUS_NOT_FOUND && apply->change->kind == SUREL_CHANGE_DESTROY)
    return; /* that was what was wanted */
  note_reason (apply->change, "Sync", status);
  later = status == STATUS_CONFLICT || status == STATUS_NOT_FOUND
          || g_error_matches (apply->change->error, SUREL_ERROR, SUREL_ERROR_OFFLINE);
  item->outcome = later ? SUREL_OUTCOME_NOT_DONE : SUREL_OUTCOME_REFUSED;
}

/* What a message has after the change. SOGo drops categories without a word; and it never tells what another device did to
 * a message since the last sync, where this one changes it, too. */
static void
take_fetched (Apply *apply, SurelChangeItem *item, SurelMessageFlags *has)
{
  if (!has->keywords_unsaid)
    surel_eas_check_words (apply->change, item, has->keywords);
  has->remote_id.text = g_strdup (item->remote_id.text);
  g_array_append_val (apply->told.news->flags, *has);
  *has = (SurelMessageFlags){ 0 };
}

/* A server may tell of those alone that it didn't do. */
static void
read_response (SurelEasReader *reader, guint command, gpointer data)
{
  Apply *apply = data;
  g_autofree char *id = NULL;
  SurelMessageFlags has = { 0 };
  gboolean has_any = FALSE;
  gint64 status = SUREL_EAS_STATUS_OK;
  SurelChangeItem *item;
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SYNC_SERVER_ID && id == NULL)
      id = surel_eas_read_id (reader, SUREL_EAS_ID_MAX);
    else if (tag == SUREL_EAS_SYNC_STATUS)
      status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_SYNC_DATA && command == SUREL_EAS_SYNC_FETCH && !has_any)
      {
        has = surel_eas_read_flags (reader, apply->told.news->keyword_names);
        has_any = TRUE;
      }
    else
      surel_eas_reader_skip (reader);
  item = find_item (apply, id);
  if (item != NULL && has_any)
    take_fetched (apply, item, &has);
  else if (item != NULL && command != SUREL_EAS_SYNC_FETCH)
    take_status (apply, item, status);
  surel_message_flags_clear (&has);
}

static void
write_command (SurelEasWriter *request, guint command, const SurelChange *change, const SurelChangeItem *item)
{
  surel_eas_writer_open (request, command);
  surel_eas_writer_text (request, SUREL_EAS_SYNC_SERVER_ID, item->remote_id.text != NULL ? item->remote_id.text : "");
  if (command == SUREL_EAS_SYNC_CHANGE)
    surel_eas_write_keywords (request, change, item);
  surel_eas_writer_close (request);
}

static void
read_command (SurelEasReader *reader, guint command, gpointer data)
{
  surel_eas_news_read (&((Apply *) data)->told, reader, command);
}

static SurelEasWriter *
begin_sync (const SurelChange *change, const char *key)
{
  SurelEasWriter *request = surel_eas_collection_begin (change->folder_remote_id, key);

  surel_eas_writer_number (request, SUREL_EAS_SYNC_DELETES_AS_MOVES, 0);
  surel_eas_writer_number (request, SUREL_EAS_SYNC_GET_CHANGES, 1);
  surel_eas_writer_number (request, SUREL_EAS_SYNC_WINDOW_SIZE, SUREL_EAS_WINDOW);
  surel_eas_collection_write_options (request);
  return request;
}

static gboolean
is_any_open (SurelChange *change)
{
  for (guint i = 0; i < MIN (change->items->len, BATCH_MAX); i++)
    if (surel_change_item (change, i)->outcome == SUREL_OUTCOME_OPEN)
      return TRUE;
  return FALSE;
}

/* What is open. Messages whose keywords change are asked for afterwards: see take_fetched(). */
static SurelEasWriter *
write_sync (SurelChange *change, const char *key)
{
  static const guint commands[][2] = { { SUREL_EAS_SYNC_CHANGE, SUREL_EAS_SYNC_FETCH }, { SUREL_EAS_SYNC_DELETE, 0 } };
  SurelEasWriter *request = begin_sync (change, key);
  const guint *both = commands[change->kind == SUREL_CHANGE_DESTROY];

  surel_eas_writer_open (request, SUREL_EAS_SYNC_COMMANDS);
  for (guint k = 0; k < 2 && both[k] != 0; k++)
    for (guint i = 0; i < MIN (change->items->len, BATCH_MAX); i++)
      if (surel_change_item (change, i)->outcome == SUREL_OUTCOME_OPEN)
        write_command (request, both[k], change, surel_change_item (change, i));
  surel_eas_writer_close (request);
  surel_eas_collection_end (request);
  return request;
}

/* A key that isn't known any more is for the next pull to begin anew. */
static gboolean
judge_sync (SurelChange *change, gint64 status)
{
  gboolean anew = status == SUREL_EAS_STATUS_SYNC_KEY;

  if (status < 0)
    {
      /* SOGo says nothing at all of a folder that it doesn't have any more. */
      refuse_all (change, SUREL_ERROR_NOT_FOUND, SUREL_OUTCOME_NOT_DONE, "The server says nothing of the folder: it may be gone");
      return FALSE;
    }
  if (status != SUREL_EAS_STATUS_OK)
    {
      g_autoptr (GError) why = NULL;

      surel_eas_check_status ("Sync", status, &why);
      refuse_all (change, anew ? SUREL_ERROR_SERVER_REJECTED : (SurelError) why->code,
                  anew || !g_error_matches (why, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED) ? SUREL_OUTCOME_NOT_DONE
                                                                                            : SUREL_OUTCOME_REFUSED,
                  anew ? "The server has forgotten what was synced; the folder is synced anew first" : why->message);
      return FALSE;
    }
  return TRUE;
}

static void
set_token (SurelChange *change, const char *key)
{
  g_clear_pointer (&change->new_folder_token, g_bytes_unref);
  change->new_folder_token = g_bytes_new (key, strlen (key));
}

/* One request. With the key that it gives what was told is taken, too; else all of it comes again. @quiet: it may be that
 * nothing is said. */
static gboolean
exchange (Apply *apply, SurelEasSession *session, SurelEasWriter *request, gboolean quiet, gboolean *success, GCancellable *cancellable, GError **error)
{
  g_auto (SurelEasCollection) answer = { .read_command = read_command, .read_response = read_response, .user_data = apply };

  if (!surel_eas_collection_sync (&answer, session, request, cancellable, error))
    return FALSE;
  *success = (quiet && !answer.answered) || judge_sync (apply->change, answer.status);
  if (*success && (apply->told.count > SUREL_EAS_NEWS_MAX || (answer.brings && answer.key == NULL)))
    {
      refuse_all (apply->change, SUREL_ERROR_SERVER_MISBEHAVED, SUREL_OUTCOME_NOT_DONE, "The server tells what can't be taken");
      *success = FALSE;
    }
  if (*success && answer.key != NULL)
    set_token (apply->change, answer.key);
  return TRUE;
}

/* What others did to the messages since the last sync: what is gone isn't asked for, and what has other categories gets the
 * new ones on top of them. */
static void
heed_news (Apply *apply)
{
  const SurelNews *news = apply->told.news;
  SurelChangeItem *item;

  for (guint i = 0; i < news->gone->len; i++)
    if ((item = find_item (apply, news->gone->pdata[i])) != NULL)
      item->outcome = SUREL_OUTCOME_NOT_DONE; /* if another device has moved it, the change follows */
  for (guint i = 0; i < news->flags->len; i++)
    {
      const SurelMessageFlags *flags = &g_array_index (news->flags, SurelMessageFlags, i);

      item = flags->keywords_unsaid ? NULL : find_item (apply, flags->remote_id.text);
      if (item == NULL)
        continue;
      g_free (item->server_words);
      item->server_words = g_strdup (flags->keywords);
    }
}

static char *
key_of (const SurelChange *change)
{
  GBytes *token = change->new_folder_token != NULL ? change->new_folder_token : change->folder_token;

  return g_strndup (g_bytes_get_data (token, NULL), g_bytes_get_size (token));
}

/* It may be that one of the messages isn't there any more, and that this was never told. */
static gboolean
take_refused (SurelChange *change, GError *own, gboolean *success, GError **error)
{
  if (!g_error_matches (own, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED))
    {
      g_propagate_error (error, own);
      return FALSE;
    }
  refuse_all (change, SUREL_ERROR_SERVER_REJECTED, SUREL_OUTCOME_NOT_DONE, own->message);
  change->doubts_list = TRUE;
  *success = FALSE;
  g_error_free (own);
  return TRUE;
}

/* First what others did, then what is to be done on top of it. SOGo refuses all of a request where one of the messages isn't
 * there any more. */
static gboolean
sync_first (Apply *apply, SurelEasSession *session, gboolean *success, GCancellable *cancellable, GError **error)
{
  SurelChange *change = apply->change;
  g_autofree char *before = key_of (change);
  g_autofree char *after = NULL;
  GError *own = NULL;
  SurelEasWriter *request = begin_sync (change, before);

  surel_eas_collection_end (request);
  if (!exchange (apply, session, request, TRUE, success, cancellable, error))
    return FALSE;
  if (!*success)
    return TRUE;
  heed_news (apply);
  if (!is_any_open (change))
    return TRUE; /* no request may have no commands */
  after = key_of (change);
  if (!exchange (apply, session, write_sync (change, after), FALSE, success, cancellable, &own))
    return take_refused (change, g_steal_pointer (&own), success, error);
  for (guint i = 0; *success && i < MIN (change->items->len, BATCH_MAX); i++)
    if (surel_change_item (change, i)->outcome == SUREL_OUTCOME_OPEN)
      surel_change_item (change, i)->outcome = SUREL_OUTCOME_DONE;
  return TRUE;
}

/* As many as fit; what is left is asked for again. */
static gboolean
sync_changes (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  g_auto (Apply) apply = { 0 };
  gboolean taken = FALSE;
  gboolean success;

  if (change->folder_token == NULL)
    {
      refuse_all (change, SUREL_ERROR_SERVER_REJECTED, SUREL_OUTCOME_NOT_DONE, "The folder wasn't synced yet; it is synced first");
      return TRUE;
    }
  apply_init (&apply, change, 0, MIN (change->items->len, BATCH_MAX));
  success = sync_first (&apply, session, &taken, cancellable, error);
  change->news = g_steal_pointer (&apply.told.news);
  if (success)
    surel_change_set_all (change, SUREL_OUTCOME_NOT_DONE);
  return success;
}

static gboolean
apply_keywords (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  surel_eas_keep_here (change);
  if (!surel_eas_keywords_fit (change))
    {
      surel_change_set_all (change, SUREL_OUTCOME_DONE); /* that is only here */
      return TRUE;
    }
  return sync_changes (session, change, cancellable, error);
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
      id = surel_eas_read_id (reader, SUREL_EAS_ID_MAX);
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
      return sync_changes (session, change, cancellable, error);
    case SUREL_CHANGE_MOVE:
      return before (EVIDENCE, user_data, error) && move_all (session, change, cancellable, error);
    case SUREL_CHANGE_COPY:
    case SUREL_CHANGE_APPEND:
    case SUREL_CHANGE_REPLACE:
      refuse_all (change, SUREL_ERROR_NOT_SUPPORTED, SUREL_OUTCOME_REFUSED,
                  "Nothing can be put into a folder by ActiveSync, and nothing copied");
      return TRUE;
    case SUREL_CHANGE_SEND:
      return surel_eas_send (session, change, before, user_data, cancellable, error);
    case SUREL_CHANGE_RESPOND:
      return surel_eas_respond (session, change, before, user_data, cancellable, error);
    case SUREL_CHANGE_SET_VACATION:
      return surel_eas_set_vacation (session, change, cancellable, error);
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
 * Implements surel_remote_settle(): moves what is still there, makes the folder if it isn't, and answers
 * anew. Of what was sent the next
 * list tells. Nothing else has evidence.
 */
gboolean
surel_eas_settle (SurelEasSession *session, SurelChange *change, GCancellable *cancellable, GError **error)
{
  if (change->kind == SUREL_CHANGE_MOVE)
    return move_all (session, change, cancellable, error);
  if (change->kind == SUREL_CHANGE_RESPOND)
    return surel_eas_respond (session, change, NULL, NULL, cancellable, error);
  if (change->kind == SUREL_CHANGE_SEND)
    {
      surel_change_item (change, 0)->outcome = SUREL_OUTCOME_NOT_DONE;
      surel_change_item (change, 0)->doubt = TRUE;
      return TRUE;
    }
  return surel_eas_apply_to_folder (session, change, NULL, NULL, cancellable, error);
}
