/* Which message is which: the one that is new in a folder may have been here under another UIDVALIDITY, in another folder,
 * or without a UID, and what vanishes may have come somewhere else in the same sync. So ids stay, whatever moves: by
 * identity (see surel_message_identity()), and only where exactly one fits. */
#include "store/match.h"

#include "store/message-row.h"

/* Placements of an older epoch, by identity, for as long as their folder is listed anew. A table in
 * memory, made again after a restart. */
static gboolean
load_stale (SurelMatch *self, GError **error)
{
  SurelSql *sql = self->txn->sql;
  gint64 loaded = 0;

  if (!surel_sql_run (sql, error,
                      "CREATE TEMP TABLE IF NOT EXISTS stale (folder INTEGER, epoch INTEGER, identity "
                      "INTEGER, message INTEGER, rid ANY)",
                      "")
      || !surel_sql_run (sql, error,
                         "CREATE INDEX IF NOT EXISTS temp.stale_identity ON stale (folder, identity)",
                         "")
      || !surel_sql_get (sql, &loaded, error,
                         "SELECT 1 FROM temp.stale WHERE folder = ? AND epoch = ? LIMIT 1", "ii",
                         self->folder, self->epoch))
    return FALSE;
  if (loaded != 0)
    return TRUE;
  return surel_sql_run (sql, error, "DELETE FROM temp.stale WHERE folder = ?", "i", self->folder)
         && surel_sql_run (sql, error,
                           "INSERT INTO temp.stale SELECT p.folder, ?2, coalesce(p.identity, m.identity), m.id, p.rid FROM "
                           "placement p JOIN message m ON m.id = p.message WHERE p.folder = ?1 AND "
                           "p.epoch < ?2",
                           "ii", self->folder, self->epoch);
}

/* Identity → ids, of rows of both. */
static GHashTable *
read_ids (SurelTxn *txn, sqlite3_stmt *s, GError **error)
{
  g_autoptr (GHashTable) found = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, (GDestroyNotify) g_array_unref);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);
      gint64 identity = sqlite3_column_int64 (s, 1);
      GArray *ids = g_hash_table_lookup (found, &identity);

      if (ids == NULL)
        {
          ids = g_array_new (FALSE, FALSE, sizeof id);
          g_hash_table_insert (found, g_memdup2 (&identity, sizeof identity), ids);
        }
      g_array_append_val (ids, id);
    }
  return result == 0 ? g_steal_pointer (&found) : NULL;
}

/**
 * surel_match_begin:
 * @self: (out): to be ended by surel_match_end()
 */
gboolean
surel_match_begin (SurelMatch *self, SurelTxn *txn, gint64 account, gint64 folder, gint64 epoch, GError **error)
{
  gint64 stale = 0;
  gint64 held = 0;
  gint64 here = 0;

  *self = (SurelMatch){ .txn = txn, .account = account, .folder = folder, .epoch = epoch, .since = SUREL_NO_NEWCOMERS };
  if (!surel_sql_get (txn->sql, &stale, error, "SELECT 1 FROM placement WHERE folder = ? AND epoch < ? LIMIT 1", "ii", folder,
                      epoch)
      || !surel_sql_get (txn->sql, &held, error, "SELECT 1 FROM message WHERE account = ? AND held IS NOT NULL LIMIT 1", "i",
                         account)
      || !surel_sql_get (txn->sql, &here, error,
                         "SELECT 1 FROM folder f JOIN placement p ON p.folder = f.id WHERE f.account = ? AND p.epoch = ? LIMIT 1",
                         "ii", account, SUREL_EPOCH_HERE))
    return FALSE;
  self->has_here = here != 0;
  self->has_stale = stale != 0;
  self->has_held = held != 0;
  return !self->has_stale || load_stale (self, error);
}

void
surel_match_end (SurelMatch *self)
{
  g_clear_pointer (&self->here, g_hash_table_unref);
  g_clear_pointer (&self->newcomers, g_hash_table_unref);
}

/* --- What comes --- */

/* What a person moved on before it was known where the server has it is shown at its next place; its last step that
 * was done says where it landed. Both of placement p with epoch SUREL_EPOCH_HERE. */
#define LANDED                                                                                           \
  "?1 = (SELECT i.target FROM intent i WHERE i.message = p.message AND i.state = 2 AND i.kind IN (2, 4, 5) ORDER BY i.id " \
  "DESC LIMIT 1)"
/* Of the messages whose remote id the server didn't tell, the ids by identity: read once for all that a job brings. */
static gboolean
load_here (SurelMatch *self, GError **error)
{
  self->here = read_ids (self->txn,
                         surel_sql_start (self->txn->sql, error,
                                          "SELECT m.id, m.identity FROM folder f JOIN placement p ON p.folder = f.id JOIN message "
                                          "m ON m.id = p.message WHERE f.account = ? AND p.epoch = ?",
                                          "ii", self->account, SUREL_EPOCH_HERE),
                         error);
  return self->here != NULL;
}

/* The first message of that identity which was brought here, and whose remote id the server didn't tell; 0 where none
 * fits. Where several do they are one another's copies. */
static gboolean
find_here (SurelMatch *self, gint64 identity, gint64 *match, GError **error)
{
  GArray *ids;

  if (self->here == NULL && !load_here (self, error))
    return FALSE;
  ids = g_hash_table_lookup (self->here, &identity);
  while (ids != NULL && ids->len > 0 && *match == 0)
    {
      if (!surel_sql_get (self->txn->sql, match, error,
                          "SELECT p.message FROM placement p WHERE p.message = ?3 AND p.epoch = ?2 AND (p.folder = ?1 OR " LANDED
                          ") AND " SUREL_IS_UNFOUND,
                          "iii", self->folder, SUREL_EPOCH_HERE, g_array_index (ids, gint64, 0)))
        return FALSE;
      g_array_remove_index (ids, 0); /* it is found, or isn't to be found in this folder */
    }
  return TRUE;
}

/* The one of that identity that was in the folder before; of several, the one that had the same id. */
static gboolean
find_stale (SurelMatch *self, const SurelRemoteId *rid, gint64 identity, gint64 *match, GError **error)
{
  SurelSql *sql = self->txn->sql;
  gint64 count = 0;

  if (!surel_sql_get (sql, &count, error, "SELECT count(*) FROM temp.stale WHERE folder = ? AND identity = ?", "ii",
                      self->folder, identity)
      || (count > 0
          && !surel_sql_get (sql, match, error,
                             "SELECT message FROM temp.stale WHERE folder = ?1 AND identity = ?2 AND (?3 = 1 OR rid = ?4)",
                             "iiir", self->folder, identity, count, rid)))
    return FALSE;
  return *match == 0
         || surel_sql_run (sql, error, "DELETE FROM temp.stale WHERE folder = ? AND identity = ? AND message = ?", "iii",
                           self->folder, identity, *match);
}

/**
 * surel_match_find:
 * @rid: of a message that is new in the folder
 * @identity: likewise
 * @fingerprint: likewise
 * @match: (out): the one message that is this one under another UID or in another folder; 0 where none or several fit
 */
gboolean
surel_match_find (SurelMatch *self,
                  const SurelRemoteId *rid,
                  guint64 identity,
                  guint64 fingerprint,
                  gint64 *match,
                  GError **error)
{
  SurelSql *sql = self->txn->sql;
  gint64 count = 0;
  gint64 id = 0;

  *match = 0;
  if (self->has_here
      && (!find_here (self, (gint64) identity, match, error)
          || (*match == 0 && !find_here (self, (gint64) fingerprint, match, error))))
    return FALSE;
  if (*match != 0)
    return TRUE;
  if (self->has_stale
      && (!find_stale (self, rid, (gint64) identity, match, error)
          || (*match == 0 && !find_stale (self, rid, (gint64) fingerprint, match, error))))
    return FALSE;
  if (*match != 0 || !self->has_held)
    return TRUE;
  if (!surel_sql_get (sql, &count, error,
                      "SELECT count(*) FROM message WHERE account = ? AND identity = ? AND held IS "
                      "NOT NULL",
                      "ii", self->account, (gint64) identity)
      || !surel_sql_get (sql, &id, error,
                         "SELECT id FROM message WHERE account = ? AND identity = ? AND held IS NOT "
                         "NULL",
                         "ii", self->account, (gint64) identity))
    return FALSE;
  if (count == 1)
    *match = id;
  return TRUE;
}

/* --- What goes --- */

/* Read once for all that a job takes out. */
static gboolean
load_newcomers (SurelMatch *self, GError **error)
{
  self->newcomers
      = read_ids (self->txn,
                  surel_sql_start (self->txn->sql, error,
                                   "SELECT id, identity FROM message WHERE id > ? AND account = ? AND held IS NULL ORDER BY id", "ii",
                                   self->since, self->account),
                  error);
  return self->newcomers != NULL;
}

/* The one of @ids (nullable) that came after @message; 0 where none did, or several. */
static gint64
find_later (const GArray *ids, gint64 message)
{
  gint64 later = 0;

  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      gint64 id = g_array_index (ids, gint64, i);

      if (id > message && later != 0)
        return 0;
      later = id > message ? id : later;
    }
  return later;
}

/**
 * surel_match_newcomer:
 * @message: one that vanishes from the folder
 * @newcomer: (out): the one message that came somewhere else in this sync, that nothing was done with here, and that is
 *   the same; 0 where none or several fit, or @message is somewhere else as well
 */
gboolean
surel_match_newcomer (SurelMatch *self, gint64 message, gint64 *newcomer, GError **error)
{
  gint64 identity = 0;
  gint64 id;

  *newcomer = 0;
  if (self->since == SUREL_NO_NEWCOMERS)
    return TRUE;
  if (self->newcomers == NULL && !load_newcomers (self, error))
    return FALSE;
  if (g_hash_table_size (self->newcomers) == 0)
    return TRUE;
  if (!surel_sql_get (self->txn->sql, &identity, error,
                      "SELECT identity FROM message WHERE id = ?1 AND (SELECT count(*) FROM placement WHERE message = ?1 AND "
                      "epoch < " SUREL_EPOCH_HERE_SQL ") = 1",
                      "i", message))
    return FALSE;
  id = find_later (g_hash_table_lookup (self->newcomers, &identity), message);
  return id == 0
         || surel_sql_get (self->txn->sql, newcomer, error,
                           "SELECT max(p.message) FROM placement p WHERE p.message = ? AND NOT EXISTS (SELECT 1 FROM intent i "
                           "WHERE i.message = p.message) AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.source = p.message AND "
                           "i.state < 2 AND i.kind IN (4, 5)) HAVING count(*) = 1 AND max(p.folder) != ?",
                           "ii", id, self->folder);
}

/**
 * surel_match_any_newcomer:
 * @message: one that is nowhere any more
 * @any: (out): whether one or more that are the same came in this sync; so another device may have moved it
 */
gboolean
surel_match_any_newcomer (SurelMatch *self, gint64 message, gboolean *any, GError **error)
{
  gint64 identity = 0;
  GArray *ids;

  *any = FALSE;
  if (self->since == SUREL_NO_NEWCOMERS)
    return TRUE;
  if ((self->newcomers == NULL && !load_newcomers (self, error))
      || !surel_sql_get (self->txn->sql, &identity, error, "SELECT identity FROM message WHERE id = ?", "i", message))
    return FALSE;
  ids = g_hash_table_lookup (self->newcomers, &identity);
  *any = ids != NULL && g_array_index (ids, gint64, ids->len - 1) > message;
  return TRUE;
}
