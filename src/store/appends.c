/* Messages that people put into folders, and the drafts they save again and again: one draft is one message, whatever
 * the server makes of it. */
#include "store/appends.h"

#include "base/errors.h"
#include "store/accounts.h"
#include "store/content.h"
#include "store/folder-roles.h"
#include "store/intents.h"
#include "store/layers.h"
#include "store/operations.h"
#include "store/sends.h"

void
surel_append_free (SurelAppend *self)
{
  g_free (self->expected);
  g_clear_pointer (&self->message, surel_message_free);
  g_clear_pointer (&self->digest, g_bytes_unref);
  g_free (self->client);
  g_free (self);
}

static gboolean
find_folder (SurelTxn *txn, SurelAppend *append, SurelModified *result, GError **error)
{
  gint64 there = 0;

  if (append->folder == 0)
    {
      append->folder = surel_folder_of_role (txn, append->account, "drafts", append->client, result, error);
      return append->folder != 0 && surel_operations_name (txn, result->operation, "draft", error);
    }
  if (!surel_sql_get (txn->sql, &there, error,
                      "SELECT CASE WHEN f.role = 'outbox' THEN 3 ELSE selectable + 1 END FROM folder f JOIN account a ON a.id = f.account WHERE f.id = ? AND f.account = ? "
                      "AND NOT f.removing AND NOT f.deleting AND NOT a.removing",
                      "ii", append->folder, append->account))
    return FALSE;
  if (there == 2)
    return TRUE;
  if (there == 3)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "What is to go into the outbox is to be sent: use Send or SendDraft");
  else if (there == 1)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "That folder holds other folders alone, and no messages");
  else
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "There is no such folder (any more)");
  return FALSE;
}

static gint64
add_intent (SurelTxn *txn, SurelAppend *append, SurelChangeKind kind, SurelModified *result, GError **error)
{
  gint64 intent;

  if (result->operation == 0)
    result->operation = surel_operations_add (txn, append->replaces != 0 || kind == SUREL_CHANGE_REPLACE ? "draft" : "append",
                                              append->client != NULL ? append->client : "", error);
  if (result->operation == 0)
    return 0;
  g_array_append_val (result->accounts, append->account);
  intent = surel_intents_add (txn, result->operation, append->account, append->id, kind, 0, append->folder, error);
  return intent;
}

/* Its flags go along with it: they are what the server is told. */
static gboolean
put_row (SurelTxn *txn, SurelAppend *append, GError **error)
{
  const SurelMessage *m = append->message;
  gint64 doc = surel_message_row_doc (m->received, append->id);

  return surel_sql_run (txn->sql, error,
                        "INSERT INTO message (id, account, doc, flags, keywords, size, received, sent, identity, "
                        "has_attachment, shown) VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0)",
                        "iiiis", append->id, append->account, doc, (gint64) m->flags, m->keywords)
         && surel_message_row_put_keywords (txn, append->id, doc, m->keywords, error);
}

/* Gives the message its text: the new one of a draft, with its date and so its place in lists. */
static gboolean
put_text (SurelTxn *txn, SurelAppend *append, GError **error)
{
  surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) append->id, SUREL_UPDATED);
  return surel_message_row_put_text (txn, append->id, append->message, error)
         && surel_content_add (txn, append->id, append->digest, append->size, error);
}

/* Where the server has no place for it it lives here alone. */
static gboolean
put (SurelTxn *txn, SurelAppend *append, SurelChangeKind kind, gboolean stays, SurelModified *result, GError **error)
{
  gint64 intent = add_intent (txn, append, kind, result, error);

  if (intent == 0)
    return FALSE;
  return stays ? surel_intents_stay_here (txn, result->operation, intent, append->account, append->id, append->folder, error)
               : surel_layers_replay_place (txn, append->id, error);
}

static gboolean
append_new (SurelTxn *txn, SurelAppend *append, gboolean stays, SurelModified *result, GError **error)
{
  append->id = surel_txn_new_id (txn, error);
  return append->id != 0 && put_row (txn, append, error) && put_text (txn, append, error)
         && put (txn, append, SUREL_CHANGE_APPEND, stays, result, error);
}

/* A version that is on its way and not sent yet is just another one now. */
static gboolean
replace (SurelTxn *txn, SurelAppend *append, gboolean stays, SurelModified *result, GError **error)
{
  gint64 waiting = 0;
  gint64 before = 0;
  gboolean alone;

  if (!surel_intents_lives_here (txn, append->id, &alone, error))
    return FALSE;
  if (stays && !alone)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED,
                   "The draft is on the server, which takes no new version of it; save this one as a new draft, and it stays here");
      return FALSE;
    }
  if (!surel_sql_get (txn->sql, &waiting, error,
                      "SELECT operation FROM intent WHERE message = ? AND state < 2 AND state = 0 AND kind IN (5, 6)", "i",
                      append->id)
      || !surel_sql_get (txn->sql, &before, error, "SELECT identity FROM message WHERE id = ?", "i", append->id)
      || !put_text (txn, append, error))
    return FALSE;
  if (waiting != 0)
    {
      result->operation = waiting;
      return surel_intents_mark_rewritten (txn, append->id, error);
    }
  return put (txn, append, SUREL_CHANGE_REPLACE, stays, result, error)
         && surel_layers_note_version (txn, append->id, (guint64) before, error);
}

/* What another device saves is another message, and the old one goes: it is known by the Message-ID that they share. */
static gboolean
fail_gone (SurelTxn *txn, const SurelAppend *append, GError **error)
{
  gint64 other = 0;

  if (append->message->message_id != NULL
      && !surel_sql_get (txn->sql, &other, error,
                         "SELECT m.id FROM folder f JOIN placement p ON p.folder = f.id JOIN message m ON m.id = p.message WHERE "
                         "f.account = ? AND coalesce(f.role_set, f.role) = 'drafts' AND m.shown AND m.flags & ? AND m.message_id = ? "
                         "LIMIT 1",
                         "iis", append->account, (gint64) SUREL_KEYWORD_DRAFT, append->message->message_id))
    return FALSE;
  if (other != 0)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
                 "Another device has saved the draft since, as message %" G_GINT64_FORMAT "; save this one as a new draft, and both stay",
                 other);
  else
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The draft is gone; save it as a new one");
  return FALSE;
}

static gboolean
check_version (SurelTxn *txn, SurelAppend *append, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  gint64 same = 0;
  int found = surel_message_row_load (txn, append->replaces, &row, error);

  if (found < 0)
    return FALSE;
  if (found == 0 || !row.shown || row.account != append->account)
    return fail_gone (txn, append, error);
  if ((row.flags & SUREL_KEYWORD_DRAFT) == 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "That message is no draft");
      return FALSE;
    }
  if (!surel_sends_check_not_open (txn, append->replaces, error))
    return FALSE;
  if (append->expected == NULL)
    return TRUE;
  if (!surel_sql_get (txn->sql, &same, error,
                      "SELECT 1 FROM message m JOIN content c ON c.id = m.content WHERE m.id = ? AND lower(hex(c.digest)) = ?",
                      "is", append->replaces, append->expected))
    return FALSE;
  if (!same)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
                 "The draft has another text by now than `blobId` says; save this one as a new draft, and both stay");
  return same != 0;
}

/**
 * surel_append:
 * @append: what is put where; gets the message's id
 *
 * Puts a message into a folder, or saves a draft. Where the server takes no messages a draft lives here alone.
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_FOUND, %SUREL_ERROR_CONFLICT (the draft changed) or
 *   %SUREL_ERROR_INVALID_ARGUMENT
 */
gboolean
surel_append (SurelTxn *txn, SurelAppend *append, SurelModified *result, GError **error)
{
  gboolean is_draft = append->folder == 0 || append->replaces != 0;
  gboolean stays;

  if (append->replaces != 0 && !check_version (txn, append, error))
    return FALSE;
  append->id = append->replaces;
  if (append->replaces != 0
      && !surel_sql_get (txn->sql, &append->folder, error,
                         "SELECT p.folder FROM placement p JOIN folder f ON f.id = p.folder WHERE p.message = ? AND NOT p.leaving AND f.role != "
                         "'outbox' LIMIT 1",
                         "i", append->replaces))
    return FALSE;
  if (!surel_accounts_lack (txn, append->account, "append", &stays, error)
      || (stays && !is_draft && !surel_accounts_need (txn, append->account, "append", error))
      || !find_folder (txn, append, result, error))
    return FALSE;
  return append->replaces != 0 ? replace (txn, append, stays, result, error) : append_new (txn, append, stays, result, error);
}

/**
 * surel_append_here:
 * @append: a new message; gets its id
 *
 * Puts it into Drafts, here alone.
 */
gboolean
surel_append_here (SurelTxn *txn, SurelAppend *append, SurelModified *result, GError **error)
{
  if (!find_folder (txn, append, result, error))
    return FALSE;
  append->id = surel_txn_new_id (txn, error);
  append->message->size = append->size;
  return append->id != 0 && put_row (txn, append, error) && put_text (txn, append, error)
         && surel_intents_keep_here (txn, append->account, append->id, append->folder, error);
}
