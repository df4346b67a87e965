/* Messages on their way from one account to another. Three intents make one such move, each after the one before: the
 * bytes are brought from where it is, and noted for both (store/content.c); the new message is put on the other
 * server, and proven to be there (kind APPEND, with the old one as its source); then the old one is destroyed, which
 * waits for all that has it as source. What is moved on before it is there waits for that. Where a step fails for good the
 * new one goes, with what was to come of it, and the old one stays. */
#include "store/transfers.h"

#define WANTED_MAX 100

/**
 * surel_transfers_wanted:
 * @wanted: (element-type SurelWanted): gets messages that are to go to other accounts, and whose bytes have to be brought
 *   first; not all at once
 */
gboolean
surel_transfers_wanted (SurelReader *reader, GArray *wanted, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT DISTINCT m.account, m.id FROM intent i CROSS JOIN message n ON n.id = i.message CROSS JOIN message m ON m.id = "
      "i.source WHERE i.state < 2 AND i.kind IN (4, 5) AND i.kind = 5 AND i.source > 0 AND n.content IS NULL AND NOT EXISTS "
      "(SELECT 1 FROM intent e WHERE e.message = m.id AND e.kind = 5 AND e.state < 2) LIMIT ?",
      "i", (gint64) WANTED_MAX);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (reader->sql, s, error)) > 0)
    {
      SurelWanted one = { sqlite3_column_int64 (s, 0), sqlite3_column_int64 (s, 1) };

      g_array_append_val (wanted, one);
    }
  return result == 0;
}
