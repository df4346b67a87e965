/* What changed in a folder (MS-ASCMD §2.2.1.21, Sync). Each answer has the key that the next request begins with: it is
 * stored with what the answer brought. A key that the server doesn't know any more makes it all begin anew, from the
 * key `0`: then what is here and isn't told of is gone. So it is proven, too, now and then. */
#include "remote/eas/eas-sync.h"

#include <string.h>

#include "base/errors.h"
#include "remote/eas/eas-collection.h"
#include "remote/eas/eas-news.h"
#include "remote/eas/eas-status.h"

#define WINDOW_NEWEST 50
#define PUT_MAX 1000 /* messages that are put at once */
#define IDLE_MAX 10 /* answers in a row that promise more and bring nothing */

/* One answer. */
typedef struct
{
  SurelEasCollection collection;
  SurelEasNews told;
} Answer;

static void
read_command (SurelEasReader *reader, guint command, gpointer data)
{
  surel_eas_news_read (&((Answer *) data)->told, reader, command);
}

static void
answer_init (Answer *answer)
{
  *answer = (Answer){ .collection = { .read_command = read_command, .user_data = answer } };
  surel_eas_news_init (&answer->told);
}

static void
answer_clear (Answer *answer)
{
  surel_eas_collection_clear (&answer->collection);
  surel_eas_news_clear (&answer->told);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

/* --- What it is asked --- */

static gboolean
ask (SurelEasSession *session,
     const char *folder,
     const char *key,
     guint window,
     Answer *answer,
     GCancellable *cancellable,
     GError **error)
{
  SurelEasWriter *request = surel_eas_collection_begin (folder, key);

  /* The first answer has but a key (MS-ASCMD §2.2.3.84). */
  if (strcmp (key, SUREL_EAS_NO_KEY) != 0)
    {
      surel_eas_writer_number (request, SUREL_EAS_SYNC_DELETES_AS_MOVES, 0);
      surel_eas_writer_number (request, SUREL_EAS_SYNC_GET_CHANGES, 1);
      surel_eas_writer_number (request, SUREL_EAS_SYNC_WINDOW_SIZE, window);
      surel_eas_collection_write_options (request);
    }
  surel_eas_collection_end (request);
  if (!surel_eas_collection_sync (&answer->collection, session, request, cancellable, error))
    return FALSE;
  if (!answer->collection.answered)
    answer->collection.status = SUREL_EAS_STATUS_OK; /* nothing changed */
  return TRUE;
}

static void
pass_over (SurelEasReader *reader, gpointer data G_GNUC_UNUSED)
{
  guint tag;

  if (surel_eas_reader_child (reader, &tag))
    surel_eas_reader_skip (reader);
}

/* SOGo, with a Dovecot behind it, finds a folder empty for as long as nobody has had Dovecot count its changes; asking how
 * much there is does that (MS-ASCMD §2.2.1.9). What is answered doesn't matter: what ails the link the next command tells. */
static void
wake_folder (SurelEasSession *session, const char *folder, const char *key, GCancellable *cancellable)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  surel_eas_writer_open (request, SUREL_EAS_ESTIMATE);
  surel_eas_writer_open (request, SUREL_EAS_ESTIMATE_COLLECTIONS);
  surel_eas_writer_open (request, SUREL_EAS_ESTIMATE_COLLECTION);
  surel_eas_writer_text (request, SUREL_EAS_SYNC_KEY, key);
  surel_eas_writer_text (request, SUREL_EAS_ESTIMATE_COLLECTION_ID, folder);
  for (guint i = 0; i < 3; i++)
    surel_eas_writer_close (request);
  surel_eas_session_command (session, "GetItemEstimate", request, pass_over, NULL, NULL, cancellable, NULL);
}

/* --- From one key to the next --- */

typedef struct
{
  SurelEasSession *session;
  const SurelScope *scope;
  SurelSink *sink;
  GCancellable *cancellable;
  char *key;
  gboolean anew; /* it was begun from no key */
  guint idle; /* answers in a row that brought nothing */
} Pull;

static gboolean
begin_anew (Pull *pull, GError **error)
{
  g_free (pull->key);
  pull->key = g_strdup (SUREL_EAS_NO_KEY);
  pull->anew = TRUE;
  return surel_sink_restart (pull->sink, error);
}

static gboolean
put_gone (Pull *pull, Answer *answer, GError **error)
{
  for (guint first = 0; first < answer->told.news->gone->len; first += PUT_MAX)
    {
      g_autoptr (GPtrArray) some = g_ptr_array_new ();

      for (guint i = first; i < MIN (first + PUT_MAX, answer->told.news->gone->len); i++)
        g_ptr_array_add (some, answer->told.news->gone->pdata[i]);
      g_ptr_array_add (some, NULL);
      if (!surel_sink_put_gone_named (pull->sink, (const char *const *) some->pdata, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
put_messages (Pull *pull, Answer *answer, GError **error)
{
  while (answer->told.news->messages->len > 0)
    {
      GPtrArray *some = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);

      for (guint i = 0; i < PUT_MAX && answer->told.news->messages->len > 0; i++)
        g_ptr_array_add (some, g_ptr_array_steal_index (answer->told.news->messages, 0));
      if (!surel_sink_put_messages (pull->sink, some, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
put (Pull *pull, Answer *answer, GError **error)
{
  g_autoptr (GBytes) token = NULL;

  if (!put_gone (pull, answer, error)
      || (g_hash_table_size (answer->told.news->keyword_names) > 0
          && !surel_sink_put_keyword_names (pull->sink, g_steal_pointer (&answer->told.news->keyword_names), error))
      || !put_messages (pull, answer, error)
      || (answer->told.news->flags->len > 0 && !surel_sink_put_flags (pull->sink, g_steal_pointer (&answer->told.news->flags), error)))
    return FALSE;
  if (answer->collection.key == NULL)
    return TRUE;
  g_free (pull->key);
  pull->key = g_steal_pointer (&answer->collection.key);
  token = g_bytes_new (pull->key, strlen (pull->key));
  return surel_sink_close (pull->sink, token, error);
}

/* One request. Sets @more to whether another is to follow. */
static gboolean
step (Pull *pull, guint window, gboolean *more, GError **error)
{
  g_auto (Answer) answer = { 0 };
  gboolean first = strcmp (pull->key, SUREL_EAS_NO_KEY) == 0;

  answer_init (&answer);
  if (!ask (pull->session, pull->scope->remote_id, pull->key, window, &answer, pull->cancellable, error))
    return FALSE;
  if (answer.collection.status == SUREL_EAS_STATUS_SYNC_KEY && !pull->anew)
    {
      *more = TRUE;
      return begin_anew (pull, error);
    }
  if (!surel_eas_check_status ("Sync", answer.collection.status, error))
    return FALSE;
  if (answer.told.count > SUREL_EAS_NEWS_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server tells more at once than it was asked for");
      return FALSE;
    }
  if (first && answer.collection.key == NULL)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The server gives no key to sync the folder with: it may be gone");
      return FALSE;
    }
  if (first)
    wake_folder (pull->session, pull->scope->remote_id, answer.collection.key, pull->cancellable);
  pull->idle = answer.told.count > 0 ? 0 : pull->idle + 1;
  *more = first || answer.collection.more;
  if (*more && pull->idle > IDLE_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server says again and again that there is more, and "
                                                                       "tells nothing");
      return FALSE;
    }
  return put (pull, &answer, error);
}

static gboolean
finish (Pull *pull, gboolean proven, GError **error)
{
  guint64 known = 0;

  return surel_sink_listed (pull->sink, error) && surel_sink_count (pull->sink, &known, error)
         && surel_sink_synced (pull->sink, (guint32) MIN (known, G_MAXUINT32), proven, error);
}

/**
 * surel_eas_pull:
 *
 * Implements surel_remote_pull(). A server says in which order messages come: the newest may not be the first.
 */
gboolean
surel_eas_pull (SurelEasSession *session,
                const SurelScope *scope,
                SurelPullKind kind,
                SurelSink *sink,
                GCancellable *cancellable,
                GError **error)
{
  Pull pull = { session, scope, sink, cancellable, NULL, scope->token == NULL, 0 };
  gboolean newest = kind == SUREL_PULL_NEWEST && scope->token == NULL;
  gboolean more = TRUE;
  gboolean success = TRUE;

  pull.key = scope->token != NULL ? g_strndup (g_bytes_get_data (scope->token, NULL), g_bytes_get_size (scope->token))
                                  : g_strdup (SUREL_EAS_NO_KEY);
  if (kind == SUREL_PULL_PROVE && !pull.anew)
    success = begin_anew (&pull, error);
  while (success && more)
    {
      gboolean first = strcmp (pull.key, SUREL_EAS_NO_KEY) == 0;

      success = step (&pull, newest ? WINDOW_NEWEST : SUREL_EAS_WINDOW, &more, error);
      if (newest && !first)
        break;
    }
  if (success && !(newest && more))
    success = finish (&pull, pull.anew, error);
  g_free (pull.key);
  return success;
}

/**
 * surel_eas_has_new:
 * @scope: a folder, with the token of its last sync
 * @has_new: (out): whether messages have come there since, or that can't be told; of one that was never synced: none
 */
gboolean
surel_eas_has_new (SurelEasSession *session, const SurelScope *scope, gboolean *has_new, GCancellable *cancellable, GError **error)
{
  g_autofree char *key = NULL;
  gboolean more = scope->token != NULL;

  *has_new = FALSE;
  if (more)
    key = g_strndup (g_bytes_get_data (scope->token, NULL), g_bytes_get_size (scope->token));
  for (guint asked = 0; more && !*has_new; asked++)
    {
      g_auto (Answer) answer = { 0 };

      answer_init (&answer);
      if (!ask (session, scope->remote_id, key, SUREL_EAS_WINDOW, &answer, cancellable, error))
        return FALSE;
      if (answer.collection.status == SUREL_EAS_STATUS_NO_OBJECT)
        return TRUE; /* the folder is gone */
      *has_new = answer.collection.status != SUREL_EAS_STATUS_OK || answer.told.news->messages->len > 0 || (answer.collection.more && asked == IDLE_MAX);
      more = answer.collection.more && answer.collection.key != NULL;
      if (more)
        {
          g_free (key);
          key = g_steal_pointer (&answer.collection.key);
        }
    }
  return TRUE;
}
