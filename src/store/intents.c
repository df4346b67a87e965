/* Intents: what operations want of each message, in order, until a server has done it.
 *
 * An intent waits; where its step can't be repeated it is marked as sent, durably and with evidence, before the
 * step is taken; it ends as done, failed or dropped. While it is open (waiting or sent) it is replayed on what the
 * server says (store/layers.c). Intents of one message go to the server in their order, those of different
 * messages in any: so alike ones go together, whichever operation they are of. A message that is copied stays as
 * it is on the server until the copy is made. */
#include "store/intents.h"

#include "base/errors.h"
#include "store/layers.h"
#include "store/messages.h"
#include "store/operations.h"

#define MISSING_ATTEMPTS 3 /* lists after which a folder that can't be found isn't looked for any more */
#define REFUSED_ATTEMPTS 3 /* for now, as what has to be synced first: with a list in between it may be done at once */
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

/* --- Those that are open --- */

typedef struct
{
  gint64 id;
  gint64 operation;
  gint64 message;
  SurelChangeKind kind;
} Open;

/* Reads the rows whole before any is changed. */
static GArray *
read_open (SurelTxn *txn, sqlite3_stmt *statement, GError **error)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (Open));
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    {
      Open row = { sqlite3_column_int64 (statement, 0), sqlite3_column_int64 (statement, 1),
                   sqlite3_column_int64 (statement, 2), (SurelChangeKind) sqlite3_column_int (statement, 3) };

      g_array_append_val (rows, row);
    }
  return result == 0 ? g_steal_pointer (&rows) : NULL;
}

#define OPEN "SELECT i.id, i.operation, i.message, i.kind FROM intent i WHERE "

/* Those that @statement, which begins with OPEN, finds by an id. */
static GArray *
find_open (SurelTxn *txn, const char *statement, gint64 id, GError **error)
{
  return read_open (txn, surel_sql_start (txn->sql, error, statement, "i", id), error);
}

/* --- What became of it --- */

static gboolean
set_state (SurelTxn *txn, gint64 intent, SurelIntentState state, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET state = ?, evidence = NULL WHERE id = ?", "ii", (gint64) state, intent);
}

static gboolean
drop_all (SurelTxn *txn, GArray *rows, GError **error)
{
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const Open *row = &g_array_index (rows, Open, i);

      if (!set_state (txn, row->id, SUREL_INTENT_DROPPED, error)
          || !surel_operations_settle (txn, row->operation, 1, 0, error))
        return FALSE;
    }
  return rows != NULL;
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
          && !surel_sql_run (txn->sql, error, "UPDATE intent SET state = ?, evidence = ? WHERE id = ?", "isi",
                             (gint64) SUREL_INTENT_SENT, item->evidence != NULL ? item->evidence : evidence, item->intent))
        return FALSE;
    }
  return TRUE;
}

static gboolean
destroy (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_intents_gone (txn, message, error) && surel_layers_vanish (txn, message, error)
         && surel_message_row_delete (txn, message, error);
}

/* The server has the message where it was to go. Where its id there isn't known the next list says it. */
static gboolean
land (SurelTxn *txn, const SurelChange *batch, const SurelChangeItem *item, GError **error)
{
  gint64 from = batch->kind == SUREL_CHANGE_MOVE || batch->kind == SUREL_CHANGE_REPLACE ? batch->folder : 0;
  gint64 epoch = 0;
  gint64 other = 0;

  if (!surel_sql_get (txn->sql, &epoch, error, "SELECT epoch FROM folder WHERE id = ?", "i", batch->target)
      || !surel_sql_get (txn->sql, &other, error, "SELECT message FROM placement WHERE folder = ? AND epoch = ? AND rid = ?",
                         "iir", batch->target, epoch, &item->new_remote_id))
    return FALSE;
  /* A list of the target came first, and took it for a new message. */
  if (other != 0 && other != item->message && !destroy (txn, other, error))
    return FALSE;
  return surel_sql_run (txn->sql, error, "UPDATE message SET saved = ? WHERE id = ?", "ii", txn->time, item->message)
         && surel_layers_arrive (txn, item->message, from, batch->target, epoch, &item->new_remote_id, error);
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
             && surel_layers_forget_here (txn, item->message, batch->remove_flags, batch->remove_words, error);
    case SUREL_CHANGE_MOVE:
    case SUREL_CHANGE_COPY:
    case SUREL_CHANGE_APPEND:
    case SUREL_CHANGE_REPLACE:
      return land (txn, batch, item, error);
    case SUREL_CHANGE_DESTROY: /* it isn't held: a person wanted that */
      return destroy (txn, item->message, error);
    default:
      g_assert_not_reached ();
    }
}

static gboolean refuse_all (SurelTxn *txn, const GArray *rows, const char *why, GError **error);

/* A message that can't be put where it was to go from another account: it is there no more, and stays where it was; so it
 * can't go on from there. */
static gboolean
give_back (SurelTxn *txn, gint64 message, gint64 source, GError **error)
{
  g_autoptr (GArray) onward
      = find_open (txn, OPEN "source = ? AND state < 2 AND kind IN (4, 5) AND evidence IS NULL", message, error);
  gint64 taking = 0;
  gint64 operation = 0;

  if (!refuse_all (txn, onward, "The message couldn't be put where it was to come from", error)
      || !surel_sql_get (txn->sql, &taking, error,
                      "SELECT d.id FROM intent i JOIN intent d ON d.operation = i.operation AND d.message = i.source WHERE "
                      "i.message = ? AND i.kind = 5 AND d.kind = 3 AND d.state < 2",
                      "i", message)
      || !surel_sql_get (txn->sql, &operation, error, "SELECT operation FROM intent WHERE id = ?", "i", taking))
    return FALSE;
  return (taking == 0
          || (set_state (txn, taking, SUREL_INTENT_DROPPED, error)
              && surel_operations_withdraw (txn, operation, error)))
         && destroy (txn, message, error) && surel_layers_replay_place (txn, source, error);
}

/* What was to be done with a message that no server takes has nothing to wait for: it is done here alone. */
static gboolean
let_go_of_rest (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) rows = find_open (txn, OPEN "message = ? AND state < 2", message, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (g_array_index (rows, Open, i).kind == SUREL_CHANGE_DESTROY)
      return destroy (txn, message, error);
  return drop_all (txn, rows, error);
}

static gboolean
roll_back_append (SurelTxn *txn, gint64 message, GError **error)
{
  gint64 source = 0;

  if (!surel_sql_get (txn->sql, &source, error, "SELECT source FROM intent WHERE message = ? AND kind = 5", "i", message)
      || !surel_sql_run (txn->sql, error,
                         "UPDATE intent SET target = coalesce ((SELECT target FROM intent e WHERE e.message = ?1 AND e.state < 2 "
                         "AND e.kind = 2 ORDER BY e.id DESC LIMIT 1), target) WHERE message = ?1 AND kind = 5",
                         "i", message))
    return FALSE;
  /* What a person wrote is kept, and shown where it was to be, or was moved to since. */
  return source == 0 ? let_go_of_rest (txn, message, error) : give_back (txn, message, source, error);
}

/* What is shown goes back to what it would be without it. */
static gboolean
roll_back (SurelTxn *txn, SurelChangeKind kind, gint64 message, GError **error)
{
  switch (kind)
    {
    case SUREL_CHANGE_KEYWORDS:
      return surel_layers_replay_flags (txn, message, error);
    case SUREL_CHANGE_COPY: /* it never was */
      return destroy (txn, message, error);
    case SUREL_CHANGE_APPEND:
      return roll_back_append (txn, message, error);
    case SUREL_CHANGE_REPLACE:
      return TRUE;
    default:
      return surel_layers_replay_place (txn, message, error);
    }
}

static gboolean
mark_failed (SurelTxn *txn, gint64 id, gint64 operation, const char *name, const char *text, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET state = ?, error = ?, error_text = ? WHERE id = ?", "issi",
                        (gint64) SUREL_INTENT_FAILED, name, text, id)
         && surel_operations_fail (txn, operation, name, text, error)
         && surel_operations_settle (txn, operation, 0, 1, error);
}

static gboolean
refuse (SurelTxn *txn, SurelChangeKind kind, gint64 id, gint64 operation, gint64 message, const char *name,
        const char *text, GError **error)
{
  return mark_failed (txn, id, operation, name, text, error) && roll_back (txn, kind, message, error);
}

/* A folder that isn't there may have another name by now, which the next list tells; or it is gone. */
static gboolean
try_later (SurelTxn *txn, const SurelChange *batch, const SurelChangeItem *item, GError **error)
{
  gboolean missing = g_error_matches (batch->error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
  gboolean limited = g_error_matches (batch->error, SUREL_ERROR, SUREL_ERROR_RATE_LIMITED);
  gint64 attempts = 0;

  if (batch->error == NULL)
    return set_state (txn, item->intent, SUREL_INTENT_WAITING, error)
           && ((batch->kind != SUREL_CHANGE_APPEND && !(batch->kind == SUREL_CHANGE_COPY && item->doubt))
               || surel_operations_put_off (txn, item->operation, G_MAXINT, "", "", error)); /* see surel_intents_adopt() */
  if (!surel_sql_get (txn->sql, &attempts, error, "SELECT attempts FROM operation WHERE id = ?", "i", item->operation))
    return FALSE;
  if (missing && attempts >= MISSING_ATTEMPTS)
    return refuse (txn, batch->kind, item->intent, item->operation, item->message, surel_error_name (batch->error),
                   batch->error->message, error);
  return set_state (txn, item->intent, SUREL_INTENT_WAITING, error)
         && surel_operations_put_off (txn, item->operation, limited ? 0 : REFUSED_ATTEMPTS, surel_error_name (batch->error),
                                      batch->error->message, error);
}

static gboolean
record_item (SurelTxn *txn, const SurelChange *batch, const SurelChangeItem *item, GError **error)
{
  const char *name = batch->error != NULL ? surel_error_name (batch->error) : "";
  const char *text = batch->error != NULL ? batch->error->message : "";

  switch (item->outcome)
    {
    case SUREL_OUTCOME_DONE:
      /* Its effect is in the server's layer, and it has left its own: in one transaction. */
      return set_state (txn, item->intent, SUREL_INTENT_DONE, error)
             && surel_operations_settle (txn, item->operation, 1, 0, error) && take_effect (txn, batch, item, error);
    case SUREL_OUTCOME_NOT_DONE:
      return try_later (txn, batch, item, error);
    case SUREL_OUTCOME_REFUSED:
      return refuse (txn, batch->kind, item->intent, item->operation, item->message, name, text, error);
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
  return destroy (txn, twin, error) && set_state (txn, item->intent, SUREL_INTENT_DONE, error)
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
 * program may have moved it on. A list has come since then; one that is the same by header, date and size (a server that names
 * messages gives it a name that ours had not), and that was not known when this was asked for, is it; unless it was put there
 * from here, too: what is put there twice is there twice. How it came to be is known for as long as its operation is kept.
 */
gboolean
surel_intents_adopt (SurelTxn *txn, SurelChange *change, gboolean *adopted, GError **error)
{
  g_autoptr (GArray) tried = g_array_new (FALSE, FALSE, sizeof (guint));

  *adopted = FALSE;
  if ((change->kind != SUREL_CHANGE_APPEND && change->kind != SUREL_CHANGE_COPY) || change->evidence != NULL)
    return TRUE;
  for (guint i = 0; i < change->items->len; i++)
    {
      gint64 attempts = 0;

      if (!surel_sql_get (txn->sql, &attempts, error, "SELECT attempts FROM operation WHERE id = ?", "i",
                          surel_change_item (change, i)->operation))
        return FALSE;
      if (attempts > 0)
        g_array_append_val (tried, i);
    }
  for (guint i = 0; i < tried->len; i++)
    if (!adopt (txn, surel_change_item (change, g_array_index (tried, guint, i)), adopted, error))
      return FALSE;
  return TRUE;
}

/* --- Coming and going --- */

/**
 * surel_intents_add:
 *
 * Returns: the new intent's id; 0 with @error set
 */
gint64
surel_intents_add (SurelTxn *txn,
                   gint64 operation,
                   gint64 account,
                   gint64 message,
                   SurelChangeKind kind,
                   gint64 source,
                   gint64 target,
                   GError **error)
{
  if (!surel_operations_opened (txn, operation, 1, error)
      || !surel_sql_run (txn->sql, error,
                         "INSERT INTO intent (operation, account, message, kind, source, target) VALUES (?, ?, ?, ?, ?, ?)",
                         "iiiiii", operation, account, message, (gint64) kind, source, target))
    return 0;
  return sqlite3_last_insert_rowid (surel_sql_handle (txn->sql));
}

/* None of @rows (nullable: an error is set) can be done any more, as what it takes is gone. */
static gboolean
refuse_all (SurelTxn *txn, const GArray *rows, const char *why, GError **error)
{
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const Open *row = &g_array_index (rows, Open, i);

      if (!refuse (txn, row->kind, row->id, row->operation, row->message, SUREL_ERROR_PREFIX "NotFound", why, error))
        return FALSE;
    }
  return rows != NULL;
}

/**
 * surel_intents_drop_moves:
 *
 * A later move replaces those of the message that wait. What was sent stays.
 */
gboolean
surel_intents_drop_moves (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) rows = read_open (
      txn,
      surel_sql_start (txn->sql, error,
                       OPEN "message = ? AND state < 2 AND state = 0 AND kind IN (2, 3)", "i", message),
      error);

  return drop_all (txn, rows, error);
}

/**
 * surel_intents_mark_rewritten:
 * @message: a draft that waits to be put there, and has got another text meanwhile
 *
 * There is no earlier text any more: see surel_undo_cancel().
 */
gboolean
surel_intents_mark_rewritten (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE intent SET remove_flags = 1 WHERE message = ? AND state = 0 AND kind IN (5, 6)", "i", message);
}

/**
 * surel_intents_drop_one:
 * @intent: one that waits
 *
 * Drops it. What is shown is for the caller to mend.
 */
gboolean
surel_intents_drop_one (SurelTxn *txn, gint64 intent, GError **error)
{
  g_autoptr (GArray) rows = find_open (txn, OPEN "id = ?", intent, error);

  return drop_all (txn, rows, error);
}

/**
 * surel_intents_hand_down:
 * @message: one that no server has heard of, and that is about to go
 *
 * Its copies that wait, too, become copies of what it was to be a copy of, or are put there themselves.
 */
gboolean
surel_intents_hand_down (SurelTxn *txn, gint64 message, GError **error)
{
  gint64 kind = 0;
  gint64 source = 0;

  if (!surel_sql_get (txn->sql, &kind, error, "SELECT kind FROM intent WHERE message = ? AND state = 0 AND kind IN (4, 5)",
                      "i", message)
      || !surel_sql_get (txn->sql, &source, error,
                         "SELECT source FROM intent WHERE message = ? AND state = 0 AND kind IN (4, 5)", "i", message))
    return FALSE;
  return kind == 0
         || surel_sql_run (txn->sql, error,
                           "UPDATE intent SET kind = max(kind, ?), source = ? WHERE source = ? AND state < 2 AND state = 0 AND "
                           "kind IN (4, 5)",
                           "iii", kind, source, message);
}

/**
 * surel_intents_stay_here:
 * @operation: what puts the message there
 * @intent: its only one
 * @message: one that is put into @folder, whose server has no place for it
 *
 * That is done, then. What remains is as if the server had refused it for good, but of no operation that is told of and
 * forgotten some day.
 */
gboolean
surel_intents_stay_here (SurelTxn *txn, gint64 operation, gint64 intent, gint64 account, gint64 message, gint64 folder, GError **error)
{
  return set_state (txn, intent, SUREL_INTENT_DONE, error) && surel_operations_settle (txn, operation, 1, 0, error)
         && surel_sql_run (txn->sql, error,
                           "INSERT INTO intent (operation, account, message, kind, state, target) SELECT 0, ?1, ?2, ?3, ?4, ?5 WHERE "
                           "NOT EXISTS (SELECT 1 FROM intent i WHERE i.message = ?2 AND " SUREL_INTENT_STAYS ")",
                           "iiiii", account, message, (gint64) SUREL_CHANGE_APPEND, (gint64) SUREL_INTENT_FAILED, folder)
         && surel_layers_put_here (txn, message, folder, error);
}

/**
 * surel_intents_lives_here:
 * @stays: (out): whether the message lives here alone
 */
gboolean
surel_intents_lives_here (SurelTxn *txn, gint64 message, gboolean *stays, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (txn->sql, &found, error, "SELECT 1 FROM intent i WHERE i.message = ? AND " SUREL_INTENT_STAYS, "i", message))
    return FALSE;
  *stays = found != 0;
  return TRUE;
}

/**
 * surel_intents_cancel:
 * @intent: one that waits
 *
 * Drops it, and shows what would be without it.
 */
gboolean
surel_intents_cancel (SurelTxn *txn, gint64 intent, GError **error)
{
  g_autoptr (GArray) rows = find_open (txn, OPEN "id = ?", intent, error);
  const Open *row;

  if (rows == NULL || rows->len == 0)
    return rows != NULL;
  row = &g_array_index (rows, Open, 0);
  return (row->kind != SUREL_CHANGE_COPY || surel_intents_hand_down (txn, row->message, error))
         && drop_all (txn, rows, error) && roll_back (txn, row->kind, row->message, error);
}

/**
 * surel_intents_gone:
 *
 * The message is nowhere any more: there is nothing left to do with it.
 */
gboolean
surel_intents_gone (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) rows
      = find_open (txn, OPEN "message = ? AND state < 2", message, error);
  g_autoptr (GArray) copies = NULL;

  if (!drop_all (txn, rows, error))
    return FALSE;
  /* Copies that were to be made of it can't be any more. */
  copies = find_open (txn, OPEN "source = ? AND state < 2 AND kind IN (4, 5) AND " SUREL_INTENT_NEEDS_SOURCE, message, error);
  return refuse_all (txn, copies, "What was to be copied was deleted before", error);
}

/**
 * surel_intents_arrived:
 * @folder: where another device has put the message, which vanished from where it was
 *
 * If it was to go there, that is done, and all moves before it. A copy that was to be made there isn't any more: the message
 * is there.
 */
gboolean
surel_intents_arrived (SurelTxn *txn, gint64 message, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows = read_open (
      txn,
      surel_sql_start (txn->sql, error,
                       OPEN "message = ?1 AND state < 2 AND kind = 2 AND id <= (SELECT max(e.id) FROM intent e WHERE e.message = ?1 "
                            "AND e.state < 2 AND e.kind = 2 AND e.target = ?2)",
                       "ii", message, folder),
      error);
  g_autoptr (GArray) copies = NULL;

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const Open *row = &g_array_index (rows, Open, i);

      if (!set_state (txn, row->id, SUREL_INTENT_DONE, error) || !surel_operations_settle (txn, row->operation, 1, 0, error))
        return FALSE;
    }
  if (rows == NULL)
    return FALSE;
  copies = read_open (
      txn,
      surel_sql_start (txn->sql, error, OPEN "source = ? AND target = ? AND state < 2 AND kind IN (4, 5) AND kind = 4 AND evidence IS NULL",
                       "ii", message, folder),
      error);
  return refuse_all (txn, copies, "Another program had moved the message there before", error);
}

/**
 * surel_intents_lost:
 * @alike: whether others that are the same came at the same time
 *
 * Another program has destroyed the message. That it wasn't moved is told, as it is where the server says so. Where it may
 * be one of several that came elsewhere, which one can't be known: then all that was to be done with it is told.
 */
gboolean
surel_intents_lost (SurelTxn *txn, gint64 message, gboolean alike, GError **error)
{
  g_autoptr (GArray) rows
      = read_open (txn,
                   surel_sql_start (txn->sql, error, OPEN "message = ? AND state < 2 AND (kind = 2 OR (? AND kind < 4))", "ii",
                                    message, (gint64) alike),
                   error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const Open *row = &g_array_index (rows, Open, i);

      if (!mark_failed (txn, row->id, row->operation, SUREL_ERROR_PREFIX "NotFound",
                        alike ? "Another program had moved the message, and others like it" : "Another program had deleted the message before",
                        error))
        return FALSE;
    }
  return rows != NULL && surel_intents_gone (txn, message, error);
}

/**
 * surel_intents_drop_of_folder:
 *
 * There is nothing to be done any more with the folder itself.
 */
gboolean
surel_intents_drop_of_folder (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows
      = find_open (txn, OPEN "target = ? AND state < 2 AND kind >= 10", folder, error);

  return drop_all (txn, rows, error);
}

/**
 * surel_intents_replay_of_target:
 *
 * Shows where they are the messages that are on their way to the folder.
 */
gboolean
surel_intents_replay_of_target (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows
      = find_open (txn, OPEN "target = ? AND state < 2 AND kind < 10", folder, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (!surel_layers_replay_place (txn, g_array_index (rows, Open, i).message, error))
      return FALSE;
  return rows != NULL;
}

/* What a server wouldn't take, and is shown in the folder alone, waits again. */
static gboolean
reopen_refused (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows
      = find_open (txn, OPEN "message IN (SELECT message FROM placement WHERE folder = ? AND epoch = " SUREL_EPOCH_HERE_SQL
                             ") AND kind = 5 AND state = 3 AND source = 0 AND operation != 0", folder, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const Open *row = &g_array_index (rows, Open, i);

      if (!set_state (txn, row->id, SUREL_INTENT_WAITING, error)
          || !surel_sql_run (txn->sql, error,
                             "UPDATE operation SET open = open + 1, failed = failed - 1, ended = NULL, attempts = 0, "
                             "next_attempt = 0 WHERE id = ?",
                             "i", row->operation))
        return FALSE;
      surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) row->operation, SUREL_UPDATED);
    }
  return rows != NULL;
}

/* What lives here alone doesn't go with its folder either. */
static gboolean
keep_here (SurelTxn *txn, gint64 folder, gint64 inbox, GError **error)
{
  g_autoptr (GArray) rows
      = find_open (txn, OPEN "message IN (SELECT message FROM placement WHERE folder = ? AND epoch = " SUREL_EPOCH_HERE_SQL
                             ") AND state = 3 AND kind = 5 AND operation = 0", folder, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (!surel_layers_put_here (txn, g_array_index (rows, Open, i).message, inbox, error))
      return FALSE;
  return rows != NULL;
}

/* What no server has yet isn't to go with a folder that another program deletes: it goes to the inbox. */
static gboolean
put_into_inbox (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows = NULL;
  gint64 inbox = 0;

  if (!reopen_refused (txn, folder, error)
      || (rows = find_open (txn, OPEN "target = ? AND state < 2 AND kind < 10 AND kind IN (5, 6) AND source = 0", folder,
                            error)) == NULL
      || !surel_sql_get (txn->sql, &inbox, error,
                         "SELECT i.id FROM folder f JOIN folder i ON i.account = f.account AND coalesce(i.role_set, i.role) = "
                         "'inbox' AND i.id != f.id WHERE f.id = ?",
                         "i", folder)
      || (inbox != 0 && !keep_here (txn, folder, inbox, error)))
    return FALSE;
  for (guint i = 0; inbox != 0 && i < rows->len; i++)
    {
      const Open *row = &g_array_index (rows, Open, i);

      if (!surel_sql_run (txn->sql, error, "UPDATE intent SET state = 0, evidence = NULL, target = ? WHERE id = ?", "ii",
                          inbox, row->id)
          || !surel_layers_replay_place (txn, row->message, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * surel_intents_fail_target:
 *
 * The folder is gone: what was on its way there stays where it was.
 */
gboolean
surel_intents_fail_target (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows = NULL;

  if (!put_into_inbox (txn, folder, error))
    return FALSE;
  rows = find_open (txn, OPEN "target = ? AND state < 2 AND kind < 10", folder, error);
  return refuse_all (txn, rows, "The folder it was to go to was deleted", error);
}

/**
 * surel_intents_fail_source:
 *
 * The account is being removed: what was to go from it to others can't any more, where its bytes weren't brought yet.
 */
gboolean
surel_intents_fail_source (SurelTxn *txn, gint64 account, GError **error)
{
  g_autoptr (GArray) rows = find_open (
      txn, "SELECT i.id, i.operation, i.message, i.kind FROM " SUREL_INTENTS_FROM_ACCOUNT, account, error);

  return refuse_all (txn, rows, "The account it was to come from was removed before", error);
}

/**
 * surel_intents_remove_of_account:
 *
 * The account is being removed, with all that waits to be done there.
 */
gboolean
surel_intents_remove_of_account (SurelTxn *txn, gint64 account, GError **error)
{
  g_autoptr (GArray) rows
      = find_open (txn, OPEN "account = ? AND state < 2", account, error);

  /* What was on its way there from other accounts stays in them. */
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (g_array_index (rows, Open, i).kind == SUREL_CHANGE_APPEND
        && !roll_back_append (txn, g_array_index (rows, Open, i).message, error))
      return FALSE;
  return drop_all (txn, rows, error)
         && surel_sql_run (txn->sql, error, "DELETE FROM intent WHERE account = ?", "i", account);
}
