/* Intents: what operations want of each message, in order, until a server has done it.
 *
 * An intent waits; where its step can't be repeated it is marked as sent, durably and with evidence, before the
 * step is taken; it ends as done, failed or dropped. While it is open (waiting or sent) it is replayed on what the
 * server says (store/layers.c). Intents of one message go to the server in their order, those of different
 * messages in any: so alike ones go together, whichever operation they are of. A message that is copied stays as
 * it is on the server until the copy is made.
 *
 * What comes of a step that was taken is in store/intents-record.c, what the end of their messages, folders and accounts
 * means for them in store/intents-gone.c. */
#include "store/intents.h"

#include "base/errors.h"
#include "store/intents-private.h"
#include "store/layers.h"
#include "store/leftovers.h"
#include "store/operations.h"

/* --- Those that are open --- */

/* Reads the rows whole before any is changed. */
GArray *
surel_intents_read_open (SurelTxn *txn, sqlite3_stmt *statement, GError **error)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (SurelOpenIntent));
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    {
      SurelOpenIntent row = { sqlite3_column_int64 (statement, 0), sqlite3_column_int64 (statement, 1),
                   sqlite3_column_int64 (statement, 2), (SurelChangeKind) sqlite3_column_int (statement, 3) };

      g_array_append_val (rows, row);
    }
  return result == 0 ? g_steal_pointer (&rows) : NULL;
}

/* Those that @statement, which begins with SUREL_OPEN_INTENTS, finds by an id. */
GArray *
surel_intents_find_open (SurelTxn *txn, const char *statement, gint64 id, GError **error)
{
  return surel_intents_read_open (txn, surel_sql_start (txn->sql, error, statement, "i", id), error);
}

/* --- What became of it --- */

gboolean
surel_intents_set_state (SurelTxn *txn, gint64 intent, SurelIntentState state, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET state = ?, evidence = NULL WHERE id = ?", "ii", (gint64) state, intent);
}

gboolean
surel_intents_drop_all (SurelTxn *txn, GArray *rows, GError **error)
{
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const SurelOpenIntent *row = &g_array_index (rows, SurelOpenIntent, i);

      if (!surel_intents_set_state (txn, row->id, SUREL_INTENT_DROPPED, error)
          || !surel_operations_settle (txn, row->operation, 1, 0, error))
        return FALSE;
    }
  return rows != NULL;
}

gboolean
surel_intents_destroy_message (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_intents_gone (txn, message, error) && surel_layers_vanish (txn, message, error)
         && surel_message_row_delete (txn, message, error);
}

/* A message that can't be put where it was to go from another account: it is there no more, and stays where it was; so it
 * can't go on from there. */
static gboolean
give_back (SurelTxn *txn, gint64 message, gint64 source, GError **error)
{
  g_autoptr (GArray) onward
      = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "source = ? AND state < 2 AND kind IN (4, 5) AND evidence IS NULL", message, error);
  gint64 taking = 0;
  gint64 operation = 0;

  if (!surel_intents_refuse_all (txn, onward, "The message couldn't be put where it was to come from", error)
      || !surel_sql_get (txn->sql, &taking, error,
                      "SELECT d.id FROM intent i JOIN intent d ON d.operation = i.operation AND d.message = i.source WHERE "
                      "i.message = ? AND i.kind = 5 AND d.kind = 3 AND d.state < 2",
                      "i", message)
      || !surel_sql_get (txn->sql, &operation, error, "SELECT operation FROM intent WHERE id = ?", "i", taking))
    return FALSE;
  return (taking == 0
          || (surel_intents_set_state (txn, taking, SUREL_INTENT_DROPPED, error)
              && surel_operations_withdraw (txn, operation, error)))
         && surel_intents_destroy_message (txn, message, error) && surel_layers_replay_place (txn, source, error);
}

/* What was to be done with a message that no server takes has nothing to wait for: it is done here alone. */
static gboolean
let_go_of_rest (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) copies = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "source = ? AND state < 2 AND kind IN (4, 5) AND evidence IS NULL",
                                                       message, error);
  g_autoptr (GArray) rows = NULL;

  if (!surel_intents_refuse_all (txn, copies, "The server didn't take what was to be copied", error))
    return FALSE;
  rows = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "message = ? AND state < 2", message, error);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (g_array_index (rows, SurelOpenIntent, i).kind == SUREL_CHANGE_DESTROY)
      return surel_intents_destroy_message (txn, message, error);
  return surel_intents_drop_all (txn, rows, error);
}

gboolean
surel_intents_roll_back_append (SurelTxn *txn, gint64 message, GError **error)
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

/* A draft that was saved after a move was to go where that was to put it. */
static gboolean
take_saves_back (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE intent AS r SET target = coalesce((SELECT e.target FROM intent e WHERE e.message = r.message AND e.id < r.id "
                        "AND e.state < 2 AND e.kind IN (2, 4, 5) ORDER BY e.id DESC LIMIT 1), (SELECT p.folder FROM placement p WHERE "
                        "p.message = r.message AND p.epoch < " SUREL_EPOCH_HERE_SQL " LIMIT 1), r.target) WHERE r.message = ? AND r.kind = 6 "
                        "AND r.state < 2 AND r.state = 0",
                        "i", message);
}

static gboolean
show_again (SurelTxn *txn, gint64 message, GError **error)
{
  gboolean was_leftover;

  return surel_leftovers_let_stay (txn, message, &was_leftover, error)
         && (was_leftover || surel_layers_replay_place (txn, message, error));
}

/* What is shown goes back to what it would be without it. */
gboolean
surel_intents_roll_back (SurelTxn *txn, SurelChangeKind kind, gint64 message, GError **error)
{
  switch (kind)
    {
    case SUREL_CHANGE_KEYWORDS:
      return surel_layers_replay_flags (txn, message, error);
    case SUREL_CHANGE_COPY: /* it never was */
      return surel_intents_destroy_message (txn, message, error);
    case SUREL_CHANGE_APPEND:
      return surel_intents_roll_back_append (txn, message, error);
    case SUREL_CHANGE_REPLACE:
      return TRUE;
    case SUREL_CHANGE_DESTROY:
      return show_again (txn, message, error);
    case SUREL_CHANGE_MOVE:
      return take_saves_back (txn, message, error) && surel_intents_drop_elsewhere (txn, message, 0, error) && surel_layers_replay_place (txn, message, error);
    default:
      return surel_layers_replay_place (txn, message, error);
    }
}

gboolean
surel_intents_mark_failed (SurelTxn *txn, gint64 id, gint64 operation, const char *name, const char *text, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET state = ?, error = ?, error_text = ? WHERE id = ?", "issi",
                        (gint64) SUREL_INTENT_FAILED, name, text, id)
         && surel_operations_fail (txn, operation, name, text, error)
         && surel_operations_settle (txn, operation, 0, 1, error);
}

/* What was to be done with a copy that is never made isn't done, but that it is to be no more. */
static gboolean
fail_rest (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) rows = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "message = ? AND state < 2", message, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const SurelOpenIntent *row = &g_array_index (rows, SurelOpenIntent, i);

      if (row->kind != SUREL_CHANGE_DESTROY
          && !surel_intents_mark_failed (txn, row->id, row->operation, SUREL_ERROR_PREFIX "NotFound", "The copy couldn't be made", error))
        return FALSE;
    }
  return rows != NULL;
}

/* The version that waiting copies of a draft were to be of isn't there: they would be of the old one. */
static gboolean
refuse_copies (SurelTxn *txn, gint64 message, gint64 replace, GError **error)
{
  g_autoptr (GArray) rows = surel_intents_read_open (
      txn,
      surel_sql_start (txn->sql, error,
                       SUREL_OPEN_INTENTS "i.source = ?1 AND i.state < 2 AND i.kind IN (4, 5) AND i.kind = 4 AND i.evidence IS NULL AND iif "
                                          "(i.as_of, i.as_of, i.id) > ?2",
                       "ii", message, replace),
      error);

  return surel_intents_refuse_all (txn, rows, "The server refused the version that was to be copied", error);
}

gboolean
surel_intents_refuse (SurelTxn *txn, SurelChangeKind kind, gint64 id, gint64 operation, gint64 message, const char *name,
        const char *text, GError **error)
{
  return surel_intents_mark_failed (txn, id, operation, name, text, error)
         && (kind != SUREL_CHANGE_COPY || fail_rest (txn, message, error))
         && (kind != SUREL_CHANGE_REPLACE || refuse_copies (txn, message, id, error)) && surel_intents_roll_back (txn, kind, message, error);
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
gboolean
surel_intents_refuse_all (SurelTxn *txn, const GArray *rows, const char *why, GError **error)
{
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const SurelOpenIntent *row = &g_array_index (rows, SurelOpenIntent, i);

      if (!surel_intents_refuse (txn, row->kind, row->id, row->operation, row->message, SUREL_ERROR_PREFIX "NotFound", why, error))
        return FALSE;
    }
  return rows != NULL;
}

/**
 * surel_intents_drop_elsewhere:
 * @folder: where the server has the message now; 0 for where it was known to have it
 *
 * What is to be destroyed as long as it is in a folder, as with the folder itself, isn't where it doesn't come there, or has
 * left it.
 */
gboolean
surel_intents_drop_elsewhere (SurelTxn *txn, gint64 message, gint64 folder, GError **error)
{
  g_autoptr (GArray) rows = surel_intents_read_open (
      txn,
      surel_sql_start (txn->sql, error,
                       SUREL_OPEN_INTENTS "i.message = ?1 AND i.state < 2 AND i.kind = 3 AND i.source != 0 AND i.source != coalesce ((SELECT "
                       "e.target FROM intent e WHERE e.message = ?1 AND e.state < 2 AND e.kind IN (2, 4, 5, 6) AND e.id < i.id ORDER BY "
                       "e.id DESC LIMIT 1), nullif (?2, 0), (SELECT folder FROM placement WHERE message = ?1 AND epoch < "
                       SUREL_EPOCH_HERE_SQL " LIMIT 1), i.source)",
                       "ii", message, folder),
      error);

  return surel_intents_drop_all (txn, rows, error);
}

/**
 * surel_intents_drop_moves:
 *
 * A later move replaces those of the message that wait. What was sent stays.
 */
gboolean
surel_intents_drop_moves (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) rows = surel_intents_read_open (
      txn,
      surel_sql_start (txn->sql, error,
                       SUREL_OPEN_INTENTS "message = ? AND state < 2 AND state = 0 AND kind IN (2, 3)", "i", message),
      error);

  return surel_intents_drop_all (txn, rows, error);
}

/**
 * surel_intents_mark_rewritten:
 * @message: a draft that waits to be put there, and has got another text meanwhile
 *
 * There is no earlier text any more: see surel_undo_cancel(). Copies that wait have it still, and are put there themselves.
 */
gboolean
surel_intents_mark_rewritten (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE intent SET remove_flags = 1 WHERE message = ? AND state = 0 AND kind IN (5, 6)", "i", message)
         && surel_sql_run (txn->sql, error,
                           "UPDATE intent SET kind = 5, source = 0, as_of = 0 WHERE source = ? AND state < 2 AND state = 0 AND kind IN (4, 5) AND "
                           "kind = 4 AND (SELECT content FROM message n WHERE n.id = intent.message) NOTNULL",
                           "i", message);
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
  g_autoptr (GArray) rows = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "id = ?", intent, error);

  return surel_intents_drop_all (txn, rows, error);
}

/**
 * surel_intents_hand_down:
 * @message: one that no server has heard of, and that is about to go
 *
 * Its copies that wait, too, become copies of what it was to be a copy of, as of then, or are put there themselves.
 */
gboolean
surel_intents_hand_down (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE intent AS c SET kind = max(c.kind, i.kind), source = i.source, as_of = iif(i.as_of, i.as_of, i.id) "
                        "FROM (SELECT * FROM intent WHERE message = ?1 AND state = 0 AND kind IN (4, 5) LIMIT 1) i "
                        "WHERE c.source = ?1 AND c.state < 2 AND c.state = 0 AND c.kind IN (4, 5)",
                        "i", message);
}

/**
 * surel_intents_keep_here:
 * @message: one that no server has, nor is to have, unless one shows it
 *
 * Has it live in @folder, here alone, as if the server had refused it for good, but of no operation that is told of and
 * forgotten some day.
 */
gboolean
surel_intents_keep_here (SurelTxn *txn, gint64 account, gint64 message, gint64 folder, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent AS i SET target = ? WHERE i.message = ? AND " SUREL_INTENT_STAYS, "ii", folder, message)
         && surel_sql_run (txn->sql, error,
                        "INSERT INTO intent (operation, account, message, kind, state, target) SELECT 0, ?1, ?2, ?3, ?4, ?5 WHERE "
                        "NOT EXISTS (SELECT 1 FROM intent i WHERE i.message = ?2 AND " SUREL_INTENT_STAYS ")",
                        "iiiii", account, message, (gint64) SUREL_CHANGE_APPEND, (gint64) SUREL_INTENT_FAILED, folder)
         && surel_layers_put_here (txn, message, folder, error);
}

/**
 * surel_intents_stay_here:
 * @operation: what puts the message there
 * @intent: its only one
 * @message: one that is put into @folder, whose server has no place for it
 *
 * That is done, then.
 */
gboolean
surel_intents_stay_here (SurelTxn *txn, gint64 operation, gint64 intent, gint64 account, gint64 message, gint64 folder, GError **error)
{
  return surel_intents_set_state (txn, intent, SUREL_INTENT_DONE, error) && surel_operations_settle (txn, operation, 1, 0, error)
         && surel_intents_keep_here (txn, account, message, folder, error);
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
  g_autoptr (GArray) rows = surel_intents_find_open (txn, SUREL_OPEN_INTENTS "id = ?", intent, error);
  const SurelOpenIntent *row;

  if (rows == NULL || rows->len == 0)
    return rows != NULL;
  row = &g_array_index (rows, SurelOpenIntent, 0);
  return (row->kind != SUREL_CHANGE_COPY || surel_intents_hand_down (txn, row->message, error))
         && surel_intents_drop_all (txn, rows, error) && surel_intents_roll_back (txn, row->kind, row->message, error);
}
