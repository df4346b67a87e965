/* What came of intents when a server was asked: each ends, or waits on. */
#include "base/errors.h"
#include "store/intents-private.h"
#include "store/intents.h"
#include "store/layers.h"
#include "store/leftovers.h"
#include "store/messages.h"
#include "store/operations.h"
#include "store/sends.h"
#include "store/sent.h"

#define MISSING_ATTEMPTS 3 /* lists after which a folder that can't be found isn't looked for any more */
#define DOUBTFUL_ATTEMPTS 2 /* after which the whole folder is listed anew, where what is known of it may be wrong */
#define SPARED_ATTEMPTS 5 /* connections that may break under an operation before it is put off */

/**
 * surel_intents_interrupted:
 * @batch: what was being done when the connection broke
 *
 * One that a server breaks off over each time is put off in the end, and holds up nothing else.
 */
gboolean
surel_intents_interrupted (SurelTxn *txn, SurelChange *batch, const GError *broken, GError **error)
{
  gint64 last = 0;

  for (guint i = 0; i < batch->items->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (batch, i);

      if (item->outcome != SUREL_OUTCOME_OPEN || item->operation == last)
        continue;
      last = item->operation;
      if (!surel_operations_put_off (txn, last, SPARED_ATTEMPTS, surel_error_name (broken), broken->message, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * surel_intents_claim:
 * @batch: as it was read in this transaction
 *
 * From now on the server may have heard of them: what a person does next comes after them, and isn't merged into them.
 * A step that can be repeated is taken again after a crash.
 */
gboolean
surel_intents_claim (SurelTxn *txn, SurelChange *batch, GError **error)
{
  for (guint i = 0; i < batch->items->len; i++)
    {
      txn->rows++;
      if (!surel_sql_run (txn->sql, error, "UPDATE intent SET state = ? WHERE id = ?", "ii", (gint64) SUREL_INTENT_SENT,
                          surel_change_item (batch, i)->intent))
        return FALSE;
    }
  return TRUE;
}

/**
 * surel_intents_mark_sent:
 * @evidence: what tells, after a crash, whether the step was taken, where an item has none of its own
 *
 * Notes that a step that can't be repeated is about to be taken; to be durable before it is.
 */
gboolean
surel_intents_mark_sent (SurelTxn *txn, SurelChange *batch, const char *evidence, GError **error)
{
  for (guint i = 0; i < batch->items->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (batch, i);

      if (item->outcome == SUREL_OUTCOME_OPEN
          && (!surel_sql_run (txn->sql, error, "UPDATE intent SET state = ?, evidence = ? WHERE id = ?", "isi",
                              (gint64) SUREL_INTENT_SENT, item->evidence != NULL ? item->evidence : evidence, item->intent)
              || (batch->kind == SUREL_CHANGE_SEND && !surel_sends_note_time (txn, item->intent, error))))
        return FALSE;
    }
  return TRUE;
}

/* A list of the target came first, and took it for a new message: it is the one that is on its way, and what others did with
 * it there counts. */
static gboolean
take_place_of (SurelTxn *txn, gint64 other, gint64 message, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_autofree char *keywords = NULL;
  guint flags = 0;
  sqlite3_stmt *s = surel_sql_start (
      txn->sql, error, "SELECT coalesce(server_flags, flags), CASE WHEN server_flags IS NULL THEN keywords ELSE server_keywords END FROM message WHERE id = ?", "i",
      other);
  int found = s != NULL ? surel_sql_step (txn->sql, s, error) : -1;

  if (found <= 0)
    return found == 0;
  flags = (guint) sqlite3_column_int64 (s, 0);
  keywords = surel_sql_column_text (s, 1);
  sqlite3_reset (s);
  if (!surel_intents_destroy_message (txn, other, error))
    return FALSE;
  found = surel_message_row_load (txn, message, &row, error);
  return found == 0 || (found > 0 && surel_layers_put_server_flags (txn, &row, flags, keywords, error));
}

/* The server has the message where it was to go. Where its id there isn't known the next list says it. */
static gboolean
land (SurelTxn *txn, const SurelChange *batch, const SurelChangeItem *item, GError **error)
{
  gint64 from = batch->kind == SUREL_CHANGE_MOVE || batch->kind == SUREL_CHANGE_REPLACE ? batch->folder : 0;
  gboolean is_put = batch->kind == SUREL_CHANGE_APPEND || batch->kind == SUREL_CHANGE_REPLACE;
  gint64 identity = (gint64) item->identity; /* of what the server has there now */
  gint64 epoch = 0;
  gint64 other = 0;

  if ((!is_put
       && !surel_sql_get (txn->sql, &identity, error,
                          "SELECT coalesce(max(p.identity), m.identity) FROM message m LEFT JOIN placement p ON p.message = m.id WHERE m.id = ?",
                          "i", item->message))
      || !surel_sql_get (txn->sql, &epoch, error, "SELECT epoch FROM folder WHERE id = ?", "i", batch->target)
      || !surel_sql_get (txn->sql, &other, error, "SELECT message FROM placement WHERE folder = ? AND epoch = ? AND rid = ?",
                         "iir", batch->target, epoch, &item->new_remote_id))
    return FALSE;
  return (batch->kind != SUREL_CHANGE_REPLACE || !item->halfway || surel_leftovers_destroy (txn, item->message, "", error))
         && (other == 0 || other == item->message || take_place_of (txn, other, item->message, error))
         && surel_sql_run (txn->sql, error, "UPDATE message SET saved = ? WHERE id = ?", "ii", txn->time, item->message)
         && surel_layers_arrive (txn, item->message, from, batch->target, epoch, &item->new_remote_id, error)
         && surel_layers_note_version (txn, item->message, (guint64) identity, error);
}

/* Where nothing else of it changes. */
static gboolean
tell_that_it_waits_no_more (SurelTxn *txn, gint64 message, GError **error)
{
  gint64 shown = 0;

  if (!surel_sql_get (txn->sql, &shown, error, "SELECT shown FROM message WHERE id = ?", "i", message))
    return FALSE;
  if (shown)
    surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) message, SUREL_UPDATED);
  return TRUE;
}

static gboolean
take_effect (SurelTxn *txn, const SurelChange *batch, const SurelChangeItem *item, GError **error)
{
  g_autofree char *words = NULL;

  switch (batch->kind)
    {
    case SUREL_CHANGE_KEYWORDS:
      words = surel_keywords_combine (batch->add_words, NULL, item->here_words);
      return surel_layers_take_effect (txn, item->message, batch->add_flags & ~item->here_flags, batch->remove_flags, words,
                                       batch->remove_words, error)
             && ((item->here_flags == 0 && item->here_words == NULL)
                 || surel_layers_keep_here (txn, item->message, item->here_flags, item->here_words, error))
             && surel_layers_forget_here (txn, item->message, batch->remove_flags, batch->remove_words, error)
             && tell_that_it_waits_no_more (txn, item->message, error);
    case SUREL_CHANGE_MOVE:
    case SUREL_CHANGE_COPY:
    case SUREL_CHANGE_APPEND:
    case SUREL_CHANGE_REPLACE:
      return land (txn, batch, item, error);
    case SUREL_CHANGE_SEND:
      return surel_sent_went (txn, item->intent, error);
    case SUREL_CHANGE_DESTROY: /* it isn't held: a person wanted that */
      return surel_intents_destroy_message (txn, item->message, error);
    default:
      g_assert_not_reached ();
    }
}

/* What was noted before the step is kept, also where it failed: see surel_undo_retry(). */
static gboolean
note_halfway (SurelTxn *txn, const SurelChangeItem *item, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET doubt = ? WHERE id = ?", "ii", (gint64) SUREL_DOUBT_HALFWAY, item->intent);
}

/* Nullable. */
static const GError *
why (const SurelChange *batch, const SurelChangeItem *item)
{
  return item->error != NULL ? item->error : batch->error;
}

/* A folder that isn't there may have another name by now, which the next list tells; or it is gone. */
static gboolean
try_later (SurelTxn *txn, const SurelChange *batch, const SurelChangeItem *item, GError **error)
{
  const GError *reason = why (batch, item);
  gboolean missing = g_error_matches (reason, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
  gint64 attempts = 0;

  if (reason == NULL)
    return surel_intents_set_state (txn, item->intent, SUREL_INTENT_WAITING, error)
           && ((batch->kind != SUREL_CHANGE_APPEND && !(item->doubt && (batch->kind == SUREL_CHANGE_COPY || batch->kind == SUREL_CHANGE_SEND)))
               || surel_sql_run (txn->sql, error, "UPDATE intent SET doubt = 1 WHERE id = ?", "i", item->intent));
  if (!surel_sql_get (txn->sql, &attempts, error, "SELECT attempts FROM operation WHERE id = ?", "i", item->operation))
    return FALSE;
  if ((missing && attempts >= MISSING_ATTEMPTS)
      || (g_error_matches (reason, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED) && attempts >= SUREL_REJECTED_ATTEMPTS))
    return (!item->halfway || note_halfway (txn, item, error))
           && surel_intents_refuse (txn, batch->kind, item->intent, item->operation, item->message, surel_error_name (reason),
                                    reason->message, error);
  if (batch->doubts_list && attempts == DOUBTFUL_ATTEMPTS
      && !surel_sql_run (txn->sql, error, "UPDATE folder SET last_proven = 0 WHERE id = ?", "i", batch->folder))
    return FALSE;
  return (item->halfway ? note_halfway (txn, item, error)
                        : surel_intents_set_state (txn, item->intent, SUREL_INTENT_WAITING, error))
         && surel_operations_put_off_refused (txn, item->operation, reason, error);
}

static gboolean
record_item (SurelTxn *txn, const SurelChange *batch, const SurelChangeItem *item, GError **error)
{
  const GError *reason = why (batch, item);
  const char *name = reason != NULL ? surel_error_name (reason) : "";
  const char *text = reason != NULL ? reason->message : "";

  switch (item->outcome)
    {
    case SUREL_OUTCOME_DONE:
      /* Its effect is in the server's layer, and it has left its own: in one transaction. */
      return surel_intents_set_state (txn, item->intent, SUREL_INTENT_DONE, error)
             && surel_operations_settle (txn, item->operation, 1, 0, error) && take_effect (txn, batch, item, error);
    case SUREL_OUTCOME_NOT_DONE:
      return try_later (txn, batch, item, error);
    case SUREL_OUTCOME_REFUSED:
      return (!item->halfway || note_halfway (txn, item, error))
             && surel_intents_refuse (txn, batch->kind, item->intent, item->operation, item->message, name, text, error);
    case SUREL_OUTCOME_OPEN:
    default:
      return TRUE;
    }
}

/* An intent may have been dropped since the batch was read: cancelled, replaced, its message gone. */
static gboolean
is_open (SurelTxn *txn, gint64 intent, gboolean *open, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (txn->sql, &found, error, "SELECT 1 FROM intent WHERE id = ? AND state < 2", "i", intent))
    return FALSE;
  *open = found != 0;
  return TRUE;
}

/* On some servers a change has its place in the order of all that happens to the folder: the next pull goes on behind it. */
static gboolean
take_token (SurelTxn *txn, const SurelChange *batch, gboolean *taken, GError **error)
{
  *taken = FALSE;
  if (batch->new_folder_token == NULL)
    return TRUE;
  if (!surel_sql_run (txn->sql, error, "UPDATE folder SET token = ? WHERE id = ? AND token IS ? AND account IN (SELECT id FROM account WHERE NOT "
                      "removing)",
                      "bib", batch->new_folder_token, batch->folder, batch->folder_token))
    return FALSE;
  *taken = sqlite3_changes64 (surel_sql_handle (txn->sql)) > 0;
  return TRUE;
}

/* @left: of those that weren't done, and may be yet; else of all others. */
static gboolean
record_items (SurelTxn *txn, SurelChange *batch, gboolean left, GError **error)
{
  for (guint i = 0; i < batch->items->len; i++)
    {
      const SurelChangeItem *item = &g_array_index (batch->items, SurelChangeItem, i);
      gboolean open;

      if ((item->outcome == SUREL_OUTCOME_NOT_DONE) != left)
        continue;
      txn->rows++;
      if (!is_open (txn, item->intent, &open, error))
        return FALSE;
      if (open ? !record_item (txn, batch, item, error)
               : item->outcome == SUREL_OUTCOME_DONE && !take_effect (txn, batch, item, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * surel_intents_record:
 * @batch: with the outcomes
 *
 * Writes what a server did, and what it told beside. Where an intent is no longer open its effect is written all the same.
 */
gboolean
surel_intents_record (SurelTxn *txn, SurelChange *batch, GError **error)
{
  gboolean taken;

  if (!take_token (txn, batch, &taken, error))
    return FALSE;
  /* What is left comes last: that some of it was done mustn't make an operation forget that the rest is in doubt. */
  if (!record_items (txn, batch, FALSE, error) || !record_items (txn, batch, TRUE, error))
    return FALSE;
  return !taken || batch->news == NULL || surel_messages_put_news (txn, batch->account, batch->folder, batch->news, batch->since, error);
}

static gboolean
adopt (SurelTxn *txn, const SurelChangeItem *item, gboolean *adopted, GError **error)
{
  gint64 twin, folder, epoch;
  g_auto (SurelRemoteId) remote_id = { 0 };
  g_auto (SurelMessageRow) row = { 0 };
  g_autofree char *keywords = NULL;
  guint flags;
  sqlite3_stmt *s;
  int found;

  s = surel_sql_start (txn->sql, error,
                       "SELECT m.id, p.folder, p.epoch, p.rid, coalesce(m.server_flags, m.flags), CASE WHEN m.server_flags IS "
                       "NULL THEN m.keywords ELSE m.server_keywords END FROM operation o CROSS JOIN message n ON n.id = ?2 CROSS JOIN "
                       "message m CROSS JOIN placement p ON p.message = m.id JOIN folder f ON f.id = p.folder AND f.epoch = "
                       "p.epoch WHERE o.id = ?1 AND m.id > ?2 AND m.account = n.account AND m.received = "
                       "n.received AND m.size = n.size AND m.message_id IS n.message_id AND m.subject IS n.subject AND NOT EXISTS (SELECT 1 "
                       "FROM intent i WHERE i.message = m.id AND i.kind IN (4, 5, 6)) AND o.created > ?3 LIMIT 1",
                       "iii", item->operation, item->message, txn->time - SUREL_OPERATION_KEPT_SECONDS);
  found = s != NULL ? surel_sql_step (txn->sql, s, error) : -1;
  if (found <= 0)
    return found == 0;
  twin = sqlite3_column_int64 (s, 0);
  folder = sqlite3_column_int64 (s, 1);
  epoch = sqlite3_column_int64 (s, 2);
  remote_id = surel_sql_column_remote_id (s, 3);
  flags = (guint) sqlite3_column_int64 (s, 4);
  keywords = surel_sql_column_text (s, 5);
  sqlite3_reset (s);
  *adopted = TRUE;
  return surel_intents_destroy_message (txn, twin, error) && surel_intents_set_state (txn, item->intent, SUREL_INTENT_DONE, error)
         && surel_operations_settle (txn, item->operation, 1, 0, error)
         && surel_layers_arrive (txn, item->message, 0, folder, epoch, &remote_id, error)
         && surel_message_row_load (txn, item->message, &row, error) > 0
         && surel_layers_put_server_flags (txn, &row, flags, keywords, error);
}

/**
 * surel_intents_adopt:
 * @change: what is to be done next, as it was read in this transaction
 * @adopted: (out): whether any of it is done: it is to be read anew
 *
 * A message that may have been put on the server before, or copied there, and wasn't found where it was to go: another
 * program may have moved it on. A whole list has come since then; one that is the same by header, date and size (a server that names
 * messages gives it a name that ours had not), and that was not known when this was asked for, is it; unless it was put there
 * from here, too: what is put there twice is there twice. How it came to be is known for as long as its operation is kept.
 */
gboolean
surel_intents_adopt (SurelTxn *txn, SurelChange *change, gboolean *adopted, GError **error)
{
  g_autoptr (GArray) doubtful = g_array_new (FALSE, FALSE, sizeof (guint));

  *adopted = FALSE;
  if ((change->kind != SUREL_CHANGE_APPEND && change->kind != SUREL_CHANGE_COPY && change->kind != SUREL_CHANGE_SEND)
      || change->evidence != NULL)
    return TRUE;
  for (guint i = 0; i < change->items->len; i++)
    {
      gint64 doubt = 0;

      if (!surel_sql_get (txn->sql, &doubt, error, "SELECT doubt FROM intent WHERE id = ?", "i",
                          surel_change_item (change, i)->intent))
        return FALSE;
      if (doubt)
        g_array_append_val (doubtful, i);
    }
  *adopted = change->kind == SUREL_CHANGE_SEND && doubtful->len > 0; /* nothing is sent again by itself */
  if (*adopted)
    return surel_sent_judge (txn, surel_change_item (change, 0), error);
  for (guint i = 0; i < doubtful->len; i++)
    if (!adopt (txn, surel_change_item (change, g_array_index (doubtful, guint, i)), adopted, error))
      return FALSE;
  return TRUE;
}

/* What a server says of its own, and not of the link to it. */
gboolean
surel_intents_is_a_no (const GError *error)
{
  return g_error_matches (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED) || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND)
         || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED);
}

/**
 * surel_intents_record_lone:
 * @change: with the outcome: of one item, that lays nothing on what is shown
 */
gboolean
surel_intents_record_lone (SurelTxn *txn, SurelChange *change, GError **error)
{
  const SurelChangeItem *item = surel_change_item (change, 0);
  gint64 attempts = 0;
  gint64 open = 0;

  if (!surel_sql_get (txn->sql, &open, error, "SELECT 1 FROM intent WHERE id = ? AND state < 2", "i", item->intent)
      || !surel_sql_get (txn->sql, &attempts, error, "SELECT attempts FROM operation WHERE id = ?", "i", item->operation))
    return FALSE;
  if (!open || item->outcome == SUREL_OUTCOME_OPEN)
    return TRUE;
  switch (item->outcome)
    {
    case SUREL_OUTCOME_DONE:
      return surel_intents_set_state (txn, item->intent, SUREL_INTENT_DONE, error)
             && surel_operations_settle (txn, item->operation, 1, 0, error);
    case SUREL_OUTCOME_REFUSED:
      return surel_intents_mark_failed (txn, item->intent, item->operation, surel_error_name (change->error),
                                        change->error->message, error);
    case SUREL_OUTCOME_NOT_DONE:
    case SUREL_OUTCOME_OPEN:
    default:
      if (attempts >= SUREL_REJECTED_ATTEMPTS && surel_intents_is_a_no (change->error))
        return surel_intents_mark_failed (txn, item->intent, item->operation, surel_error_name (change->error),
                                          change->error->message, error);
      /* What was begun isn't begun anew. */
      return surel_sql_run (txn->sql, error, "UPDATE intent SET state = evidence NOTNULL WHERE id = ?", "i", item->intent)
             && surel_operations_put_off_refused (txn, item->operation, change->error, error);
    }
}
