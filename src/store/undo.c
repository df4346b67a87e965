/* Operations undone, and tried again. What no server has heard of is just dropped; what one has done is undone by
 * the opposite, as an operation of its own. */
#include "store/undo.h"

#include "base/errors.h"
#include "store/folder-changes.h"
#include "store/folder-layers.h"
#include "store/intents.h"
#include "store/layers.h"
#include "store/operations.h"
#include "store/sends.h"
#include "store/sent.h"

#define REWRITTEN "The draft's earlier text isn't kept; that can't be undone"

typedef struct
{
  gint64 id;
  gint64 account;
  gint64 message;
  SurelChangeKind kind;
  SurelIntentState state;
  gint64 source;
  gint64 target;
  guint add_flags;
  gint64 remove_flags; /* of a folder that is renamed: the parent it had; of a draft: whether it was saved again */
  char *add_words;
  char *remove_words;
  gboolean doubt; /* of one that sends: it may have gone */
} Intent;

static void
intent_clear (gpointer data)
{
  g_free (((Intent *) data)->add_words);
  g_free (((Intent *) data)->remove_words);
}

/* The latest first: that is the order in which they are undone. */
static GArray *
load_intents (SurelTxn *txn, gint64 operation, GError **error)
{
  g_autoptr (GArray) intents = g_array_new (FALSE, TRUE, sizeof (Intent));
  sqlite3_stmt *s = surel_sql_start (
      txn->sql, error,
      "SELECT id, account, message, kind, state, source, target, add_flags, remove_flags, add_words, remove_words, doubt AND kind = 7 FROM "
      "intent WHERE operation = ? ORDER BY id DESC",
      "i", operation);
  int result = -1;

  g_array_set_clear_func (intents, intent_clear);
  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      Intent intent = { sqlite3_column_int64 (s, 0),
                        sqlite3_column_int64 (s, 1),
                        sqlite3_column_int64 (s, 2),
                        (SurelChangeKind) sqlite3_column_int (s, 3),
                        (SurelIntentState) sqlite3_column_int (s, 4),
                        sqlite3_column_int64 (s, 5),
                        sqlite3_column_int64 (s, 6),
                        (guint) sqlite3_column_int64 (s, 7),
                        sqlite3_column_int64 (s, 8),
                        surel_sql_column_text (s, 9),
                        surel_sql_column_text (s, 10),
                        sqlite3_column_int (s, 11) };

      g_array_append_val (intents, intent);
    }
  return result == 0 ? g_steal_pointer (&intents) : NULL;
}

static GArray *
find (SurelTxn *txn, gint64 operation, GError **error)
{
  gint64 there = 0;

  if (!surel_sql_get (txn->sql, &there, error, "SELECT 1 FROM operation WHERE id = ?", "i", operation))
    return NULL;
  if (there)
    return load_intents (txn, operation, error);
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "There is no operation %" G_GINT64_FORMAT " (any more)", operation);
  return NULL;
}

/* --- Cancelling --- */

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, why);
  return FALSE;
}

/* What was put into a folder since is somebody's. */
static gboolean
undo_create (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error)
{
  g_autoptr (GError) own = NULL;

  if (surel_folder_delete (txn, change, result, &own))
    return TRUE;
  if (!g_error_matches (own, SUREL_ERROR, SUREL_ERROR_CONFLICT))
    {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
               "The folder isn't empty any more; delete it with what is in it, or empty it before");
  return FALSE;
}

/* What it was called or where it was moved to since stays. */
static gboolean
undo_rename (SurelTxn *txn, const Intent *intent, SurelFolderChange *change, SurelModified *result, GError **error)
{
  gint64 named = 0;
  gint64 moved = 0;

  if (!surel_sql_get (txn->sql, &named, error, "SELECT 1 FROM folder WHERE id = ? AND name = ?", "is", intent->target,
                      intent->add_words)
      || !surel_sql_get (txn->sql, &moved, error, "SELECT 1 FROM folder WHERE id = ? AND parent = ?", "ii", intent->target,
                         intent->source))
    return FALSE;
  return (!named || surel_folder_rename (txn, change, result, error))
         && (!moved || surel_folder_move (txn, change, result, error));
}

/* What has the opposite effect of what was done with a folder. */
static gboolean
undo_folder (SurelTxn *txn, const Intent *intent, const char *client, SurelModified *result, GError **error)
{
  g_autoptr (SurelFolderChange) change = surel_folder_change_new (intent->account, intent->target, client);

  change->subscribed = !intent->add_flags;
  change->name = g_strdup (intent->remove_words);
  change->parent = intent->remove_flags;
  switch (intent->kind)
    {
    case SUREL_CHANGE_CREATE_FOLDER:
      return undo_create (txn, change, result, error);
    case SUREL_CHANGE_RENAME_FOLDER:
      return undo_rename (txn, intent, change, result, error);
    case SUREL_CHANGE_SUBSCRIBE_FOLDER:
      return surel_folder_subscribe (txn, change, result, error);
    default:
      return refuse (error, "The server may have deleted the folder already; that can't be undone");
    }
}

static gboolean
fail_taken (GError **error)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_EXISTS, "There is another folder of the name that it had");
  return FALSE;
}

/* Another folder may have its name by now. */
static gboolean
check_place (SurelTxn *txn, gint64 folder, GError **error)
{
  gint64 taken = 0;

  if (!surel_sql_get (txn->sql, &taken, error,
                      "SELECT 1 FROM folder f JOIN folder o ON o.account = f.account AND o.parent = f.parent AND o.name = f.name AND "
                      "o.id != f.id WHERE f.id = ? AND NOT f.removing AND NOT f.deleting AND NOT o.removing AND NOT o.deleting",
                      "i", folder))
    return FALSE;
  return !taken || fail_taken (error);
}

/* Nor may one wait to get it, which the folder has to leave first. */
static gboolean
check_name_left (SurelTxn *txn, const Intent *intent, GError **error)
{
  gint64 wanted = 0;

  if (intent->kind != SUREL_CHANGE_RENAME_FOLDER)
    return TRUE;
  if (!surel_sql_get (txn->sql, &wanted, error,
                      "SELECT 1 FROM intent WHERE account = ? AND state < 2 AND kind >= 10 AND kind IN (10, 11) AND target != ? AND add_words = "
                      "? AND source = ? LIMIT 1",
                      "iisi", intent->account, intent->target, intent->remove_words, (gint64) intent->remove_flags))
    return FALSE;
  return !wanted || fail_taken (error);
}

/* A folder that no server has heard of goes; other changes just aren't made. */
static gboolean
drop_folder_change (SurelTxn *txn, const Intent *intent, const char *client, SurelModified *result, GError **error)
{
  if (intent->kind == SUREL_CHANGE_CREATE_FOLDER)
    return undo_folder (txn, intent, client, result, error);
  return check_name_left (txn, intent, error) && surel_intents_drop_one (txn, intent->id, error) && surel_folder_layers_replay (txn, intent->target, error)
         && check_place (txn, intent->target, error);
}

/* What is undone mustn't take the last one of a message along: the original has to be shown somewhere, and no other
 * operation may have taken its place (one that is destroyed before it is sent hands down to its copies). */
static gboolean
check_original (SurelTxn *txn, const Intent *intent, GError **error)
{
  gint64 last = 0;

  if (!surel_sql_get (txn->sql, &last, error,
                      "SELECT CASE WHEN i.source != 0 THEN NOT EXISTS (SELECT 1 FROM placement p WHERE p.message = i.source AND NOT "
                      "p.leaving) ELSE o.kind = 'modify' END FROM intent i JOIN operation o ON o.id = i.operation WHERE i.id = ?",
                      "i", intent->id))
    return FALSE;
  return !last || refuse (error, "The message that was copied is gone, and the copy is all that is left of it; delete that instead");
}

/* What was put into another account in place of one here is undone as long as nothing else was done with it there. */
static gboolean
check_untouched (SurelTxn *txn, const Intent *intent, GError **error)
{
  gint64 touched = 0;

  if (!surel_sql_get (txn->sql, &touched, error,
                      "SELECT 1 FROM intent i JOIN intent e ON (e.message = i.message OR (e.source = i.message AND e.kind IN (4, "
                      "5))) AND e.operation != i.operation AND e.state < 3 WHERE i.id = ? AND EXISTS (SELECT 1 FROM intent d WHERE "
                      "d.operation = i.operation AND d.message = i.source AND d.kind = 3) LIMIT 1",
                      "i", intent->id))
    return FALSE;
  return !touched || refuse (error, "Something was done with the message in the other account since; move it back instead");
}

static gboolean
check_not_saved_again (SurelTxn *txn, const Intent *intent, GError **error)
{
  gint64 saved = intent->remove_flags;

  if (!saved
      && !surel_sql_get (txn->sql, &saved, error, "SELECT 1 FROM intent WHERE message = ? AND kind = 6 AND id > ? AND state != 4",
                         "ii", intent->message, intent->id))
    return FALSE;
  return !saved || refuse (error, REWRITTEN);
}

/* Of what puts a message somewhere, whether that can be taken back. */
static gboolean
check_taking_back (SurelTxn *txn, const Intent *intent, GError **error)
{
  switch (intent->kind)
    {
    case SUREL_CHANGE_COPY:
      return check_original (txn, intent, error);
    case SUREL_CHANGE_APPEND:
      return check_original (txn, intent, error) && check_untouched (txn, intent, error)
             && check_not_saved_again (txn, intent, error);
    default:
      return TRUE;
    }
}

/* What has the opposite effect of one that a server has done, or may have. */
static gboolean
undo (SurelTxn *txn, const Intent *intent, const char *client, SurelModified *result, GError **error)
{
  g_autoptr (SurelPatch) patch = surel_patch_new ();
  g_autoptr (SurelModified) own = surel_modified_new ();
  gboolean success;

  g_array_append_val (patch->ids, intent->message);
  patch->client = g_strdup (client);
  switch (intent->kind)
    {
    case SUREL_CHANGE_KEYWORDS:
      patch->add_flags = (guint) intent->remove_flags;
      patch->remove_flags = intent->add_flags;
      patch->add_words = g_strdup (intent->remove_words);
      patch->remove_words = g_strdup (intent->add_words);
      break;
    case SUREL_CHANGE_MOVE:
      patch->from = intent->target; /* what was moved on since stays there */
      patch->move_to = intent->source;
      break;
    case SUREL_CHANGE_COPY:
    case SUREL_CHANGE_APPEND:
      patch->from = intent->target; /* likewise */
      patch->destroy = TRUE;
      break;
    case SUREL_CHANGE_REPLACE:
      return refuse (error, REWRITTEN);
    case SUREL_CHANGE_SEND:
      return refuse (error, "The message was sent, or may have been; that can't be undone");
    case SUREL_CHANGE_RESPOND:
      return refuse (error, "The organizer may have the answer already; give another one");
    case SUREL_CHANGE_SET_VACATION:
      return refuse (error, "The server may have the absence notice already, and what it was before isn't known; set it anew");
    default:
      return refuse (error, "The server may have destroyed messages already; that can't be undone");
    }
  own->operation = result->operation;
  success = surel_modify (txn, patch, 0, patch->ids->len, own, error);
  result->operation = own->operation;
  for (guint i = 0; i < own->accounts->len; i++)
    g_array_append_val (result->accounts, g_array_index (own->accounts, gint64, i));
  return success;
}

/* Whether without the move the message is where it was before. It may have been moved twice, and the server hears of
 * one move alone. */
static gboolean
goes_back (SurelTxn *txn, const Intent *intent, gboolean *back, GError **error)
{
  gint64 there = 0;

  if (!surel_sql_get (txn->sql, &there, error,
                      "SELECT NOT EXISTS (SELECT 1 FROM folder WHERE id = ?2 AND NOT removing AND NOT deleting) OR coalesce("
                      "(SELECT target FROM intent WHERE message = ?1 AND id < ?3 AND state < 2 AND kind IN (2, 4, 5, 6) ORDER BY "
                      "id DESC LIMIT 1), (SELECT folder FROM placement WHERE message = ?1 AND epoch < " SUREL_EPOCH_HERE_SQL
                      " LIMIT 1)) IS ?2",
                      "iii", intent->message, intent->source, intent->id))
    return FALSE;
  *back = there != 0;
  return TRUE;
}

/* What was to come somewhere, and from there go on: it comes to where it was to go at once, by the operation that wants it
 * there. Sets @handed to whether that is so. */
static gboolean
hand_on (SurelTxn *txn, const Intent *intent, gint64 operation, gboolean *handed, GError **error)
{
  gint64 move = 0;

  *handed = FALSE;
  if (intent->kind != SUREL_CHANGE_COPY && intent->kind != SUREL_CHANGE_APPEND)
    return TRUE;
  if (!surel_sql_get (txn->sql, &move, error,
                      "SELECT id FROM intent WHERE message = ? AND state < 2 AND state = 0 AND kind = 2 ORDER BY id DESC LIMIT 1", "i",
                      intent->message))
    return FALSE;
  *handed = move != 0;
  return move == 0
         || (surel_sql_run (txn->sql, error,
                            "UPDATE intent SET (operation, target) = (SELECT operation, target FROM intent m WHERE m.id = ?) WHERE id = ?",
                            "ii", move, intent->id)
             && surel_sql_run (txn->sql, error, "UPDATE intent SET operation = ? WHERE id = ?", "ii", operation, move)
             && surel_intents_drop_one (txn, move, error) && surel_layers_replay_place (txn, intent->message, error));
}

/* What waits: dropped. */
static gboolean
drop (SurelTxn *txn, const Intent *intent, gint64 operation, const char *client, SurelModified *result, GError **error)
{
  gboolean back = TRUE;
  gboolean handed;

  if (intent->kind == SUREL_CHANGE_SET_VACATION)
    return surel_intents_drop_one (txn, intent->id, error);
  if (surel_change_kind_is_of_folder (intent->kind))
    return drop_folder_change (txn, intent, client, result, error);
  if (intent->kind == SUREL_CHANGE_SEND)
    return surel_sends_take_back (txn, intent->id, intent->message, error);
  if (!hand_on (txn, intent, operation, &handed, error)
      || (intent->kind == SUREL_CHANGE_MOVE && !goes_back (txn, intent, &back, error)))
    return FALSE;
  if (handed)
    return TRUE;
  if (intent->kind == SUREL_CHANGE_APPEND)
    return surel_intents_forget (txn, intent->message, error);
  if (intent->kind == SUREL_CHANGE_REPLACE || !back)
    return undo (txn, intent, client, result, error);
  return surel_intents_cancel (txn, intent->id, error);
}

/* Of messages that were all destroyed since nothing can be undone. */
static gboolean
check_any_there (SurelTxn *txn, GArray *intents, GError **error)
{
  for (guint i = 0; i < intents->len; i++)
    {
      const Intent *intent = &g_array_index (intents, Intent, i);
      gint64 there = intent->kind >= SUREL_CHANGE_CREATE_FOLDER || intent->kind == SUREL_CHANGE_DESTROY
                     || intent->state == SUREL_INTENT_WAITING || intent->state == SUREL_INTENT_FAILED;

      if (!there
          && !surel_sql_get (txn->sql, &there, error, "SELECT 1 FROM placement WHERE message = ? AND NOT leaving LIMIT 1", "i",
                             intent->message))
        return FALSE;
      if (there)
        return TRUE;
    }
  return intents->len == 0 || refuse (error, "Its messages were destroyed since; there is nothing left that could be undone");
}

/* Nothing is laid on what was destroyed meanwhile, as are folders that couldn't be made; and a draft that was saved again goes
 * as it was saved last, once. */
static gboolean
is_there (SurelTxn *txn, const Intent *intent, gboolean *there, GError **error)
{
  gboolean of_folder = surel_change_kind_is_of_folder (intent->kind);
  gboolean of_send = intent->kind == SUREL_CHANGE_SEND;
  gboolean of_draft = intent->kind == SUREL_CHANGE_APPEND || intent->kind == SUREL_CHANGE_REPLACE;
  gint64 found = 0;

  if (!surel_sql_get (txn->sql, &found, error,
                      of_folder ? "SELECT 1 FROM folder WHERE id = ?1 AND NOT removing AND (?2 = 0 OR EXISTS (SELECT 1 FROM folder p "
                                  "WHERE p.id = ?2 AND NOT p.removing))" /* nor into one that is gone */
                      : of_send ? "SELECT 1 FROM message WHERE id = ? AND flags & 16" /* $draft: it wasn't sent since */
                      : of_draft ? "SELECT 1 FROM message WHERE id = ?1 AND held IS NULL AND NOT EXISTS (SELECT 1 FROM intent WHERE "
                                   "message = ?1 AND id > ?2 AND kind IN (5, 6) AND state != 4)"
                                 : "SELECT 1 FROM message WHERE id = ? AND held IS NULL",
                      of_folder || of_draft ? "ii" : "i", of_folder ? intent->target : intent->message,
                      of_folder ? intent->source : intent->id))
    return FALSE;
  *there = found != 0 || intent->kind == SUREL_CHANGE_SET_VACATION;
  return TRUE;
}

/* A refused save: the text that the server has isn't kept, so it can't be shown again. */
static gboolean
check_given_up (SurelTxn *txn, const Intent *intent, GError **error)
{
  gboolean there;

  return is_there (txn, intent, &there, error)
         && (!there || refuse (error, "The draft's earlier text isn't kept, and the server has refused this one; save it anew, or destroy it"));
}

/**
 * surel_undo_cancel:
 * @client: who wants it
 * @result: gets the opposite operation, where there is one
 *
 * Undoes the operation, once: %FALSE with %SUREL_ERROR_NOT_FOUND, or with %SUREL_ERROR_NOT_SUPPORTED where that can't be.
 */
gboolean
surel_undo_cancel (SurelTxn *txn, gint64 operation, const char *client, SurelModified *result, GError **error)
{
  g_autoptr (GArray) intents = find (txn, operation, error);
  gint64 cancelled = 0;
  gint64 unknown = 0;

  if (intents == NULL
      || !surel_sql_get (txn->sql, &cancelled, error, "SELECT cancelled FROM operation WHERE id = ?", "i", operation)
      || !surel_sql_get (txn->sql, &unknown, error, "SELECT unknown FROM operation WHERE id = ?", "i", operation))
    return FALSE;
  if (cancelled)
    return TRUE;
  if (!check_any_there (txn, intents, error))
    return FALSE;
  for (guint i = 0; i < intents->len; i++)
    {
      const Intent *intent = &g_array_index (intents, Intent, i);
      gboolean success = TRUE;

      if ((intent->state < SUREL_INTENT_FAILED || (intent->state == SUREL_INTENT_FAILED && intent->kind == SUREL_CHANGE_APPEND))
          && !check_taking_back (txn, intent, error))
        return FALSE;
      if (intent->state == SUREL_INTENT_WAITING && !intent->doubt)
        success = drop (txn, intent, operation, client, result, error);
      else if (intent->state == SUREL_INTENT_FAILED && intent->kind == SUREL_CHANGE_APPEND)
        success = undo (txn, intent, client, result, error); /* it is shown here alone, and goes */
      else if (intent->state == SUREL_INTENT_FAILED && intent->kind == SUREL_CHANGE_REPLACE)
        success = check_given_up (txn, intent, error);
      else if (intent->state == SUREL_INTENT_DROPPED && intent->kind == SUREL_CHANGE_MOVE)
        success = undo (txn, intent, client, result, error); /* a later move took its place, and may be undone by now */
      else if (intent->state == SUREL_INTENT_DROPPED && intent->kind == SUREL_CHANGE_SET_VACATION)
        success = refuse (error, "What was set later has taken it in; cancel that, or set the absence notice anew");
      else if (intent->state == SUREL_INTENT_FAILED && intent->kind == SUREL_CHANGE_SEND)
        success = unknown ? undo (txn, intent, client, result, error) : surel_sends_take_back (txn, intent->id, intent->message, error);
      else if (intent->state == SUREL_INTENT_DONE || intent->state == SUREL_INTENT_SENT || intent->doubt)
        success = surel_change_kind_is_of_folder (intent->kind) ? undo_folder (txn, intent, client, result, error)
                                                             : undo (txn, intent, client, result, error);
      if (!success)
        return FALSE;
    }
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) operation, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error, "UPDATE operation SET cancelled = 1 WHERE id = ?", "i", operation);
}

/**
 * surel_undo_confirm:
 * @result: gets the accounts where there is something to do
 *
 * Takes an operation whose outcome is unknown as done: %FALSE with %SUREL_ERROR_NOT_FOUND, or with
 * %SUREL_ERROR_CONFLICT where it is known.
 */
gboolean
surel_undo_confirm (SurelTxn *txn, gint64 operation, SurelModified *result, GError **error)
{
  g_autoptr (GArray) intents = find (txn, operation, error);
  gint64 unknown = 0;

  if (intents == NULL || !surel_sql_get (txn->sql, &unknown, error, "SELECT unknown FROM operation WHERE id = ?", "i", operation))
    return FALSE;
  if (unknown == 0)
    {
      gboolean looked_for = FALSE;

      for (guint i = 0; i < intents->len; i++)
        {
          const Intent *intent = &g_array_index (intents, Intent, i);

          looked_for = looked_for || (intent->doubt && intent->state < SUREL_INTENT_DONE);
        }
      g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
                           looked_for ? "What became of that operation is being looked for; wait until that has ended"
                                      : "What became of that operation is known");
      return FALSE;
    }
  for (guint i = 0; i < intents->len; i++)
    g_array_append_val (result->accounts, g_array_index (intents, Intent, i).account);
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) operation, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error, "UPDATE operation SET unknown = 0, error = '', error_text = '' WHERE id = ?", "i", operation)
         && surel_sent_confirm (txn, operation, error);
}

/* --- Trying again --- */

static gboolean
lay_again (SurelTxn *txn, const Intent *intent, GError **error)
{
  if (intent->kind == SUREL_CHANGE_SET_VACATION)
    return TRUE;
  if (surel_change_kind_is_of_folder (intent->kind))
    return surel_folder_layers_replay (txn, intent->target, error);
  return intent->kind == SUREL_CHANGE_KEYWORDS ? surel_layers_replay_flags (txn, intent->message, error)
                                               : surel_layers_replay_place (txn, intent->message, error);
}

static gboolean
open_again (SurelTxn *txn, gint64 operation, const Intent *intent, guint *opened, GError **error)
{
  gboolean there;

  if (intent->state != SUREL_INTENT_FAILED)
    return TRUE;
  if (!is_there (txn, intent, &there, error))
    return FALSE;
  if (!there)
    return TRUE;
  (*opened)++;
  return surel_sql_run (txn->sql, error,
                        "UPDATE intent SET state = (doubt = 2 AND evidence NOTNULL), evidence = iif(doubt = 2, evidence, NULL), doubt = iif(kind = 7, 0, "
                        "doubt), error = '', error_text = '' WHERE id = ?",
                        "i", intent->id)
         && surel_sql_run (txn->sql, error, /* where it was moved to since */
                           "UPDATE intent SET target = coalesce((SELECT folder FROM placement WHERE message = intent.message AND NOT leaving "
                           "LIMIT 1), target) WHERE id = ? AND kind = 6",
                           "i", intent->id)
         && surel_sql_run (txn->sql, error,
                           "UPDATE operation SET open = open + 1, failed = failed - (unknown = 0), unknown = max(unknown - 1, 0), ended = NULL "
                           "WHERE id = ?", "i",
                           operation)
         && lay_again (txn, intent, error);
}

static gboolean
check_not_cancelled (SurelTxn *txn, gint64 operation, GError **error)
{
  gint64 cancelled = 0;

  if (!surel_sql_get (txn->sql, &cancelled, error, "SELECT cancelled FROM operation WHERE id = ?", "i", operation))
    return FALSE;
  if (cancelled)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT, "That operation was cancelled; do it anew");
  return !cancelled;
}

/**
 * surel_undo_retry:
 * @result: gets the accounts where there is something to do
 *
 * Has what failed, and what was put off, tried again now, but what is to be sent later, then: %FALSE with
 * %SUREL_ERROR_NOT_FOUND, or with %SUREL_ERROR_CONFLICT where there is nothing to try.
 */
gboolean
surel_undo_retry (SurelTxn *txn, gint64 operation, SurelModified *result, GError **error)
{
  g_autoptr (GArray) intents = find (txn, operation, error);
  guint opened = 0;
  gint64 open = 0;

  if (intents == NULL || !check_not_cancelled (txn, operation, error))
    return FALSE;
  for (guint i = intents->len; i > 0; i--)
    {
      const Intent *intent = &g_array_index (intents, Intent, i - 1);

      if (!open_again (txn, operation, intent, &opened, error))
        return FALSE;
      g_array_append_val (result->accounts, intent->account);
    }
  if (!surel_sql_get (txn->sql, &open, error, "SELECT open FROM operation WHERE id = ?", "i", operation))
    return FALSE;
  if (open == 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT, "There is nothing of that operation to be tried again");
      return FALSE;
    }
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) operation, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error,
                        "UPDATE operation SET next_attempt = next_attempt * (attempts = 0), attempts = 0, error = CASE WHEN failed > 0 THEN error ELSE '' "
                        "END, error_text = CASE WHEN failed > 0 THEN error_text ELSE '' END WHERE id = ?",
                        "i", operation);
}
