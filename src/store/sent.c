/* What was sent: shown in Sent, and there alone until the server shows its copy, which is the same message from then on,
 * whatever the server made of its date, its size and its header. The copy is known by its Message-ID; it tells, too, what
 * became of a message whose sending broke off. */
#include "store/sent.h"

#include "base/errors.h"
#include "store/folder-roles.h"
#include "store/intents-private.h"
#include "store/layers.h"
#include "store/leftovers.h"
#include "store/operations.h"
#include "store/sends.h"

#define LOOKS 4 /* lists after which a copy that isn't in Sent isn't looked for any more */
#define QUICK_LOOKS 2 /* of them that come at once */

typedef struct
{
  gint64 account;
  gint64 message;
  gint64 original;
  guint mark;
  char *message_id; /* that it was given; empty where it had one */
  char *client;
} Sent;

static void
sent_clear (Sent *sent)
{
  g_free (sent->message_id);
  g_free (sent->client);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Sent, sent_clear)

static gboolean
load_sent (SurelTxn *txn, gint64 intent, Sent *sent, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (txn->sql, error,
                                     "SELECT i.account, i.message, i.source, i.add_flags, i.remove_words, o.client FROM intent i JOIN "
                                     "operation o ON o.id = i.operation WHERE i.id = ?",
                                     "i", intent);

  if (s == NULL || surel_sql_step (txn->sql, s, error) <= 0)
    return FALSE;
  sent->account = sqlite3_column_int64 (s, 0);
  sent->message = sqlite3_column_int64 (s, 1);
  sent->original = sqlite3_column_int64 (s, 2);
  sent->mark = (guint) sqlite3_column_int64 (s, 3);
  sent->message_id = surel_sql_column_text (s, 4);
  sent->client = surel_sql_column_text (s, 5);
  sqlite3_reset (s);
  return TRUE;
}

/* As for one that a person marks. */
static gboolean
mark_original (SurelTxn *txn, const Sent *sent, GError **error)
{
  g_autoptr (SurelPatch) patch = surel_patch_new ();
  g_autoptr (SurelModified) result = surel_modified_new ();
  g_autoptr (GError) own = NULL;

  if (sent->original == 0)
    return TRUE;
  g_array_append_val (patch->ids, sent->original);
  patch->add_flags = sent->mark;
  patch->client = g_strdup (sent->client);
  /* One that waits to be sent itself can't be marked. */
  if (!surel_sends_check_not_open (txn, sent->original, &own))
    {
      if (g_error_matches (own, SUREL_ERROR, SUREL_ERROR_CONFLICT))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  return surel_modify (txn, patch, 0, 1, result, error);
}

/* It is no draft any more, and was sent now, under the Message-ID that it was given. */
static gboolean
put_words (SurelTxn *txn, const Sent *sent, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };

  return surel_sql_run (txn->sql, error,
                        "UPDATE message SET saved = ?1, sent = CASE WHEN sent = 0 THEN ?1 ELSE sent END, message_id = "
                        "CASE WHEN ?2 = '' THEN message_id ELSE ?2 END WHERE id = ?3",
                        "isi", txn->time, sent->message_id, sent->message)
         && surel_message_row_set_received (txn, sent->message, txn->time, error) && surel_message_row_load (txn, sent->message, &row, error) > 0
         && surel_layers_put_server_flags (txn, &row, (row.flags & ~(guint) SUREL_KEYWORD_DRAFT) | SUREL_KEYWORD_SEEN, row.keywords,
                                           error);
}

/**
 * surel_sent_went:
 * @intent: that to send it; it has ended
 *
 * The message was sent.
 */
gboolean
surel_sent_went (SurelTxn *txn, gint64 intent, GError **error)
{
  g_auto (Sent) sent = { 0 };
  g_autoptr (SurelModified) result = surel_modified_new ();
  gint64 folder;

  if (!load_sent (txn, intent, &sent, error))
    return FALSE;
  folder = surel_folder_of_role (txn, sent.account, "sent", sent.client, result, error);
  return folder != 0 && surel_leftovers_destroy (txn, sent.message, sent.client, error) && put_words (txn, &sent, error)
         && surel_intents_keep_here (txn, sent.account, sent.message, folder, error) && mark_original (txn, &sent, error);
}

/* What nobody knew, and is in Sent after all. */
static gboolean
end_doubt (SurelTxn *txn, gint64 folder, const char *message_id, GError **error)
{
  gint64 intent = 0;

  if (!surel_sql_get (txn->sql, &intent, error,
                      "SELECT i.id FROM folder f JOIN operation o ON o.unknown > 0 JOIN intent i ON i.operation = o.id JOIN message m ON m.id = "
                      "i.message WHERE f.id = ? AND coalesce(f.role_set, f.role) = 'sent' AND i.account = f.account AND " SUREL_IS_UNKNOWN_SEND
                      " AND CASE WHEN i.remove_words = '' THEN m.message_id ELSE i.remove_words END = ? LIMIT 1",
                      "is", folder, message_id)
      || intent == 0)
    return intent == 0;
  return surel_sql_run (txn->sql, error,
                        "UPDATE operation SET unknown = 0, error = '', error_text = '' WHERE id = (SELECT operation FROM intent WHERE id = ?)",
                        "i", intent)
         && surel_intents_set_state (txn, intent, SUREL_INTENT_DONE, error) && surel_sent_went (txn, intent, error);
}

/**
 * surel_sent_find:
 * @folder: where a message with @message_id is new
 * @match: (out): the one that was sent from here, and is it; 0 for none. A person may have put it elsewhere since.
 */
gboolean
surel_sent_find (SurelTxn *txn, gint64 folder, const char *message_id, gint64 *match, GError **error)
{
  return message_id == NULL || message_id[0] == '\0'
         || (end_doubt (txn, folder, message_id, error)
             && surel_sql_get (txn->sql, match, error,
                           "SELECT m.id FROM folder f CROSS JOIN folder g ON g.account = f.account CROSS JOIN placement p ON p.folder = g.id "
                           "CROSS JOIN message m ON m.id = p.message WHERE f.id = ? AND coalesce(f.role_set, f.role) = 'sent' AND p.epoch = ? "
                           "AND m.message_id = ? AND EXISTS (SELECT 1 FROM intent i WHERE i.message = m.id AND " SUREL_INTENT_STAYS
                           ") AND (g.id = f.id OR EXISTS (SELECT 1 FROM intent e WHERE e.message = m.id AND e.kind = 7 AND e.state = 2)) LIMIT 1",
                           "iis", folder, SUREL_EPOCH_HERE, message_id));
}

/* Its bytes are the server's from now on, which may have another header. */
static gboolean
forget_bytes (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE content SET count = count - 1 WHERE id = (SELECT content FROM message WHERE id = ?)", "i", message)
         && surel_sql_run (txn->sql, error, "UPDATE message SET content = NULL WHERE id = ?", "i", message);
}

/* What a person did with it before its copy was in @folder, and is to be done there, too. */
static gboolean
find_deeds (SurelTxn *txn, gint64 folder, gint64 message, const SurelMessage *copy, SurelPatch *deeds, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  gint64 where = 0;
  gint64 destroyed = 0;

  if (surel_message_row_load (txn, message, &row, error) <= 0
      || !surel_sql_get (txn->sql, &where, error, "SELECT folder FROM placement WHERE message = ? AND epoch = ?", "ii", message,
                         SUREL_EPOCH_HERE)
      || !surel_sql_get (txn->sql, &destroyed, error, "SELECT leaving FROM placement WHERE message = ? AND epoch = ?", "ii", message,
                         SUREL_EPOCH_HERE))
    return FALSE;
  g_array_append_val (deeds->ids, message);
  deeds->client = g_strdup ("");
  deeds->destroy = destroyed != 0;
  if (deeds->destroy)
    return TRUE;
  deeds->add_flags = row.flags & ~copy->flags & ~(guint) SUREL_KEYWORD_SEEN;
  deeds->add_words = surel_keywords_combine (row.keywords, NULL, copy->keywords);
  deeds->move_to = where != folder ? where : 0;
  return TRUE;
}

/**
 * surel_sent_found:
 * @folder: Sent
 * @message: what was sent from here
 * @copy: what the server has in Sent
 * @deeds: gets what is to be done with it there: see surel_sent_do_again()
 *
 * The message is that one from now on; where it is there is for the caller to say.
 */
gboolean
surel_sent_found (
    SurelTxn *txn, gint64 folder, gint64 message, const SurelMessage *copy, SurelPatch *deeds, GError **error)
{
  gint64 size = 0;

  return surel_sql_get (txn->sql, &size, error, "SELECT size FROM message WHERE id = ?", "i", message)
         && find_deeds (txn, folder, message, copy, deeds, error)
         && ((guint64) size == copy->size || forget_bytes (txn, message, error))
         && surel_message_row_put_text (txn, message, copy, error)
         && surel_sql_run (txn->sql, error, "DELETE FROM intent AS i WHERE i.message = ? AND " SUREL_INTENT_STAYS, "i", message);
}

/**
 * surel_sent_do_again:
 * @deeds: from surel_sent_found(), once it is known where the copy is
 */
gboolean
surel_sent_do_again (SurelTxn *txn, const SurelPatch *deeds, GError **error)
{
  g_autoptr (SurelModified) result = surel_modified_new ();

  return (deeds->add_flags == 0 && (deeds->add_words == NULL || deeds->add_words[0] == '\0') && deeds->move_to == 0 && !deeds->destroy)
         || surel_modify (txn, deeds, 0, 1, result, error);
}

/* --- Destroyed before its copy came --- */

/**
 * surel_sent_hide:
 * @message: one that lives here alone, and is to be destroyed
 * @hidden: (out): whether it was sent, so that a copy may come: it is out of sight until that does, and goes with it
 */
gboolean
surel_sent_hide (SurelTxn *txn, gint64 message, gboolean *hidden, GError **error)
{
  gint64 sent = 0;

  if (!surel_sql_get (txn->sql, &sent, error,
                      "SELECT 1 FROM intent s JOIN intent i ON i.message = s.message AND " SUREL_INTENT_STAYS
                      " WHERE s.message = ? AND s.kind = 7 AND s.state = 2 LIMIT 1",
                      "i", message))
    return FALSE;
  *hidden = sent != 0;
  return !sent || surel_layers_hide_here (txn, message, error);
}

/**
 * surel_sent_forget_hidden:
 *
 * After a day, with the operation that sent it, what is out of sight is forgotten: no copy came.
 */
gboolean
surel_sent_forget_hidden (SurelTxn *txn, GError **error)
{
  gint64 message = 0;

  do
    {
      message = 0;
      if (!surel_sql_get (txn->sql, &message, error,
                          "SELECT i.message FROM intent i JOIN placement p ON p.message = i.message AND p.epoch = " SUREL_EPOCH_HERE_SQL
                          " AND p.leaving WHERE i.operation = 0 AND " SUREL_INTENT_STAYS
                          " AND NOT EXISTS (SELECT 1 FROM intent s WHERE s.message = i.message AND s.kind = 7) LIMIT 1",
                          "")
          || (message != 0 && !surel_intents_forget (txn, message, error)))
        return FALSE;
    }
  while (message != 0);
  return TRUE;
}

/* --- In doubt --- */

/* The server's copy in Sent, if it came: it gives its place to @message. */
static gboolean
take_copy (SurelTxn *txn, gint64 message, gint64 copy, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_auto (SurelMessageRow) came = { 0 };
  g_auto (SurelRemoteId) rid = { 0 };
  gint64 folder;
  gint64 epoch;
  sqlite3_stmt *s = surel_sql_start (txn->sql, error, "SELECT folder, epoch, rid FROM placement WHERE message = ? LIMIT 1", "i", copy);

  if (s == NULL || surel_sql_step (txn->sql, s, error) <= 0)
    return FALSE;
  folder = sqlite3_column_int64 (s, 0);
  epoch = sqlite3_column_int64 (s, 1);
  rid = surel_sql_column_remote_id (s, 2);
  sqlite3_reset (s);
  return surel_message_row_load (txn, copy, &came, error) > 0 && forget_bytes (txn, message, error)
         && surel_message_row_copy_text (txn, message, copy, error) && surel_intents_destroy_message (txn, copy, error)
         && surel_sql_run (txn->sql, error, "DELETE FROM intent AS i WHERE i.message = ? AND " SUREL_INTENT_STAYS, "i", message)
         && surel_layers_arrive (txn, message, 0, folder, epoch, &rid, error) && surel_message_row_load (txn, message, &row, error) > 0
         && surel_layers_put_server_flags (txn, &row, came.flags, came.keywords, error);
}

/* One that came after the attempt, and that is nobody else's. */
static gboolean
find_copy (SurelTxn *txn, gint64 intent, gint64 message, const char *message_id, gint64 *copy, GError **error)
{
  gint64 since = 0;

  return surel_sql_get (txn->sql, &since, error, "SELECT remove_flags FROM intent WHERE id = ?", "i", intent)
         && surel_sql_get (txn->sql, copy, error,
                        "SELECT m.id FROM message n JOIN folder f ON f.account = n.account AND coalesce(f.role_set, f.role) = 'sent' CROSS "
                        "JOIN placement p ON p.folder = f.id AND p.epoch = f.epoch CROSS JOIN message m ON m.id = p.message WHERE n.id = "
                        "?1 AND m.id > max (?1, ?3) AND m.message_id = ?2 AND m.subject IS n.subject AND NOT EXISTS (SELECT 1 FROM intent i WHERE "
                        "i.message = m.id) LIMIT 1",
                        "isi", message, message_id, since);
}

static gboolean
end_unknown (SurelTxn *txn, const SurelChangeItem *item, GError **error)
{
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) item->operation, SUREL_UPDATED);
  return surel_intents_set_state (txn, item->intent, SUREL_INTENT_FAILED, error)
         && surel_sql_run (txn->sql, error,
                           "UPDATE operation SET open = open - 1, unknown = unknown + 1, ended = ?1, error = '" SUREL_ERROR_PREFIX
                           "OutcomeUnknown', error_text = 'The connection broke while the message was being sent, and it is not in Sent: "
                           "ask somebody who was to get it; then confirm the operation, or try it again' WHERE id = ?2",
                           "ii", txn->time, item->operation);
}

/**
 * surel_sent_judge:
 * @item: a message that may have been sent; a whole list has come since
 *
 * If it is in Sent it was sent. Else it is looked for again, and in the end what became of it is unknown.
 */
gboolean
surel_sent_judge (SurelTxn *txn, const SurelChangeItem *item, GError **error)
{
  gint64 copy = 0;
  gint64 attempts = 0;

  if (!find_copy (txn, item->intent, item->message, item->message_id, &copy, error)
      || !surel_sql_get (txn->sql, &attempts, error, "SELECT attempts FROM operation WHERE id = ?", "i", item->operation))
    return FALSE;
  if (copy != 0)
    return surel_intents_set_state (txn, item->intent, SUREL_INTENT_DONE, error)
           && surel_operations_settle (txn, item->operation, 1, 0, error) && surel_sent_went (txn, item->intent, error)
           && take_copy (txn, item->message, copy, error);
  if (attempts >= LOOKS)
    return end_unknown (txn, item, error);
  return surel_operations_put_off (txn, item->operation, QUICK_LOOKS, SUREL_ERROR_PREFIX "OutcomeUnknown",
                                   "The connection broke while the message was being sent; it is looked for in Sent", error);
}

/**
 * surel_sent_confirm:
 * @operation: one whose outcome is unknown
 *
 * A person knows that it was sent.
 */
gboolean
surel_sent_confirm (SurelTxn *txn, gint64 operation, GError **error)
{
  gint64 intent = 0;

  if (!surel_sql_get (txn->sql, &intent, error, "SELECT id FROM intent WHERE operation = ? AND kind = 7 AND state = 3", "i", operation))
    return FALSE;
  return intent == 0
         || (surel_intents_set_state (txn, intent, SUREL_INTENT_DONE, error) && surel_sent_went (txn, intent, error));
}
