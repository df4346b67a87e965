/* What a server has still of a message that has left it behind, as an earlier version of a draft: it is a message of its own
 * from then on, out of sight, which is to be destroyed; its identity is 0. Where the server won't, it is shown. */
#include "store/leftovers.h"

#include "store/intents-private.h"
#include "store/layers.h"
#include "store/message-row.h"
#include "store/operations.h"

/**
 * surel_leftovers_let_stay:
 * @message: any that isn't to be destroyed after all
 * @was_one: (out): whether it was a leftover
 *
 * A leftover's own text isn't known here, so it isn't shown as it is: the next list tells of it, as of one that is new.
 */
gboolean
surel_leftovers_let_stay (SurelTxn *txn, gint64 message, gboolean *was_one, GError **error)
{
  gint64 folder = 0;

  *was_one = FALSE;
  if (!surel_sql_get (txn->sql, &folder, error,
                      "SELECT p.folder FROM message m JOIN placement p ON p.message = m.id WHERE m.id = ? AND m.identity = 0 LIMIT 1", "i",
                      message))
    return FALSE;
  *was_one = folder != 0;
  return folder == 0
         || (surel_intents_destroy_message (txn, message, error)
             && surel_sql_run (txn->sql, error, "UPDATE folder SET last_proven = 0 WHERE id = ?", "i", folder));
}

/**
 * surel_leftovers_destroy:
 * @message: what the server has of it, it is to have no more
 * @client: who wanted what it was left behind for
 */
gboolean
surel_leftovers_destroy (SurelTxn *txn, gint64 message, const char *client, GError **error)
{
  gint64 account = 0;
  gint64 rest;
  gint64 operation;

  if (!surel_sql_get (txn->sql, &account, error,
                      "SELECT m.account FROM message m JOIN placement p ON p.message = m.id WHERE m.id = ? AND p.epoch < ? LIMIT 1", "ii",
                      message, SUREL_EPOCH_HERE))
    return FALSE;
  if (account == 0)
    return TRUE;
  rest = surel_txn_new_id (txn, error);
  operation = rest != 0 ? surel_operations_add (txn, "modify", client, error) : 0;
  return operation != 0
         && surel_sql_run (txn->sql, error,
                           "INSERT INTO message (id, account, doc, shown, announced, size, received, sent, identity, has_attachment, flags, thread) "
                           "SELECT ?1, account, doc, 0, 0, size, received, sent, 0, has_attachment, flags, thread FROM message WHERE id = ?2",
                           "ii", rest, message)
         && surel_sql_run (txn->sql, error, "UPDATE placement SET message = ?1, identity = coalesce(identity, (SELECT identity FROM message WHERE id = ?2)) WHERE message = ?2 AND "
                           "epoch < ?3",
                           "iii", rest, message,
                           SUREL_EPOCH_HERE)
         && surel_intents_add (txn, operation, account, rest, SUREL_CHANGE_DESTROY, 0, 0, error) != 0
         && surel_layers_replay_place (txn, rest, error);
}
