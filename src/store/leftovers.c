/* What a server has still of a message that has left it behind, as an earlier version of a draft: it is a message of its own
 * from then on, out of sight, which is to be destroyed. Where the server won't, it is shown. */
#include "store/leftovers.h"

#include "store/intents.h"
#include "store/layers.h"
#include "store/message-row.h"
#include "store/operations.h"

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
                           "INSERT INTO message (id, account, doc, shown, announced, size, received, sent, identity, has_attachment, flags) "
                           "SELECT ?1, account, doc, 0, 0, size, received, sent, identity, has_attachment, flags FROM message WHERE id = ?2",
                           "ii", rest, message)
         && surel_sql_run (txn->sql, error, "UPDATE placement SET message = ? WHERE message = ? AND epoch < ?", "iii", rest, message,
                           SUREL_EPOCH_HERE)
         && surel_intents_add (txn, operation, account, rest, SUREL_CHANGE_DESTROY, 0, 0, error) != 0
         && surel_layers_replay_place (txn, rest, error);
}
