/* Messages that a remote has no more, in a folder or anywhere; and those of folders and accounts that go. */
#include "store/messages.h"

#include "store/intents.h"
#include "store/match.h"
#include "store/message-row.h"
#include "store/messages-place.h"

/* --- What is in a folder no more --- */

/**
 * surel_messages_sweep_here:
 * @folder: one that was just brought up to date
 *
 * What a server said it has put there, and doesn't have there, is there no more. What a person wrote and a server
 * refused stays.
 */
gboolean
surel_messages_sweep_here (SurelTxn *txn, gint64 folder, GError **error)
{
  g_autoptr (GArray) placements = NULL;
  SurelPlace place;

  if (!surel_place_find (txn, folder, &place, error))
    return FALSE;
  if (!place.match.has_here)
    return TRUE;
  placements = surel_placements_read (
      txn->sql,
      surel_sql_start (txn->sql, error,
                       "SELECT p.epoch, p.rid, p.message FROM placement p WHERE p.folder = ? AND p.epoch = ? AND " SUREL_IS_UNSURE,
                       "ii", folder, SUREL_EPOCH_HERE),
      error);
  return surel_place_take_all_out (&place, placements, error);
}

/**
 * surel_messages_put_gone:
 * @uids: what the server says has vanished; unknown ones are passed over
 * @since: the largest id of a message before this sync: what came since may be what has vanished; or %SUREL_NO_NEWCOMERS
 * @more: (out): whether there were more than one job may take out: call again
 */
gboolean
surel_messages_put_gone (SurelTxn *txn,
                         gint64 folder,
                         const SurelUidSet *uids,
                         gint64 since,
                         gboolean *more,
                         GError **error)
{
  gint64 left = SUREL_GONE_MAX;
  gboolean success;
  SurelPlace place;

  *more = FALSE;
  if (!surel_place_find (txn, folder, &place, error))
    return FALSE;
  success = TRUE;
  place.match.since = since;
  for (guint i = 0; success && i < surel_uid_set_n_ranges (uids) && left > 0; i++)
    {
      const SurelUidRange *range = surel_uid_set_range (uids, i);
      g_autoptr (GArray) placements = surel_placements_read (
          txn->sql,
          surel_sql_start (txn->sql, error,
                           "SELECT epoch, rid, message FROM placement WHERE folder = ? AND epoch = ? "
                           "AND rid BETWEEN ? AND ? LIMIT ?",
                           "iiiii", folder, place.epoch, (gint64) range->first, (gint64) range->last,
                           left),
          error);

      success = surel_place_take_all_out (&place, placements, error);
      left -= success ? placements->len : 0;
    }
  surel_match_end (&place.match);
  *more = left == 0;
  return success;
}

/**
 * surel_messages_put_gone_named:
 * @remote_ids: what the server says has vanished; unknown ones are passed over
 * @since: see surel_messages_put_gone()
 */
gboolean
surel_messages_put_gone_named (SurelTxn *txn, gint64 folder, const char *const *remote_ids, gint64 since, GError **error)
{
  gboolean success = TRUE;
  SurelPlace place;

  if (!surel_place_find (txn, folder, &place, error))
    return FALSE;
  place.match.since = since;
  for (guint i = 0; success && remote_ids[i] != NULL; i++)
    {
      g_autoptr (GArray) placements = surel_placements_read (
          txn->sql,
          surel_sql_start (txn->sql, error,
                           "SELECT epoch, rid, message FROM placement WHERE folder = ? AND epoch = ? AND rid = ?", "iis",
                           folder, place.epoch, remote_ids[i]),
          error);

      success = surel_place_take_all_out (&place, placements, error);
    }
  surel_match_end (&place.match);
  return success;
}

/**
 * surel_messages_put_present:
 * @first: the lowest UID of the range
 * @last: the highest
 * @present: (element-type SurelMessageFlags): exactly what the server has in the range, by UID
 * @with_flags: whether the entries' keywords are known
 * @missing: gets the UIDs that aren't here
 * @gone: gets the UIDs that are here and not there
 *
 * Compares a complete list of a range with what is here. Nothing is taken out by it alone.
 */
gboolean
surel_messages_put_present (SurelTxn *txn,
                            gint64 folder,
                            guint32 first,
                            guint32 last,
                            GArray *present,
                            gboolean with_flags,
                            SurelUidSet *missing,
                            SurelUidSet *gone,
                            GError **error)
{
  g_autoptr (GArray) here = NULL;
  SurelPlace place;
  guint k = 0;

  if (!surel_place_find (txn, folder, &place, error))
    return FALSE;
  here = surel_placements_read (txn->sql,
                          surel_sql_start (txn->sql, error,
                                           "SELECT epoch, rid, message FROM placement WHERE folder = ? "
                                           "AND epoch = ? AND rid BETWEEN ? AND ? ORDER BY rid",
                                           "iiii", folder, place.epoch, (gint64) first, (gint64) last),
                          error);
  if (here == NULL)
    return FALSE;
  for (guint i = 0; i < here->len; i++)
    {
      gint64 rid = g_array_index (here, SurelPlacement, i).rid.number;

      for (; k < present->len && g_array_index (present, SurelMessageFlags, k).remote_id.number < rid; k++)
        surel_uid_set_add (missing, (guint32) g_array_index (present, SurelMessageFlags, k).remote_id.number);
      if (k < present->len && g_array_index (present, SurelMessageFlags, k).remote_id.number == rid)
        k++;
      else
        surel_uid_set_add (gone, (guint32) rid);
    }
  for (; k < present->len; k++)
    surel_uid_set_add (missing, (guint32) g_array_index (present, SurelMessageFlags, k).remote_id.number);
  return !with_flags || surel_messages_put_flags (txn, folder, present, error);
}

/**
 * surel_messages_restart:
 *
 * The folder's UIDs mean nothing any more (RFC 9051 §2.3.1.1): what is here stays shown and awaits
 * its match under the new ones.
 */
gboolean
surel_messages_restart (SurelTxn *txn, gint64 folder, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE folder SET epoch = epoch + 1, token = NULL, listed = 0 WHERE id = ?",
                        "i", folder);
}

/**
 * surel_messages_drop_stale:
 * @more: (out): whether there are more than one job may take out: call again
 *
 * Takes out what found no match once the folder has been listed whole under its new UIDs.
 */
gboolean
surel_messages_drop_stale (SurelTxn *txn, gint64 folder, gboolean *more, GError **error)
{
  g_autoptr (GArray) stale = NULL;
  SurelPlace place;

  *more = FALSE;
  if (!surel_place_find (txn, folder, &place, error))
    return FALSE;
  if (!place.match.has_stale)
    return TRUE;
  stale = surel_placements_read (txn->sql,
                           surel_sql_start (txn->sql, error,
                                            "SELECT epoch, rid, message FROM placement WHERE folder = "
                                            "? AND epoch < ? LIMIT ?",
                                            "iii", folder, place.epoch, (gint64) SUREL_GONE_MAX),
                           error);
  if (!surel_place_take_all_out (&place, stale, error))
    return FALSE;
  *more = stale->len == SUREL_GONE_MAX;
  return *more
         || surel_sql_run (txn->sql, error, "DELETE FROM temp.stale WHERE folder = ?", "i", folder);
}

/* --- What is nowhere --- */

#define UNFOUND_OF_ACCOUNT                                                                               \
  "SELECT p.folder, p.rid, p.message FROM folder f JOIN placement p ON p.folder = f.id WHERE f.account = ? AND p.epoch = " \
  "? AND " SUREL_IS_UNFOUND " LIMIT ?"
/* Messages that turned up nowhere, and that something is to be done with, or that are to be copied. */
#define LOST_OF_ACCOUNT                                                                                  \
  "SELECT m.id FROM intent i CROSS JOIN message m ON m.id = i.message WHERE i.account = ?1 AND i.state < 2 AND i.kind < 10 " \
  "AND m.held IS NOT NULL UNION SELECT m.id FROM intent i CROSS JOIN message m ON m.id = i.source WHERE i.state < 2 AND " \
  "i.kind IN (4, 5) AND " SUREL_INTENT_NEEDS_SOURCE " AND m.account = ?1 AND m.held IS NOT NULL LIMIT ?2"

/**
 * surel_messages_last:
 *
 * Returns: the largest id that any message has; 0 for none, or where it can't be read
 */
gint64
surel_messages_last (SurelReader *reader)
{
  gint64 last = 0;

  if (reader->error == NULL)
    surel_sql_get (reader->sql, &last, NULL, "SELECT max(id) FROM message", "");
  return last;
}

/**
 * surel_messages_have_lost:
 *
 * Returns: whether there is anything for surel_messages_drop_lost() to do
 */
gboolean
surel_messages_have_lost (SurelReader *reader, gint64 account)
{
  gint64 found = 0;

  return reader->error == NULL
         && surel_sql_get (reader->sql, &found, NULL, UNFOUND_OF_ACCOUNT, "iii", account, SUREL_EPOCH_HERE, (gint64) 1)
         && (found != 0 || surel_sql_get (reader->sql, &found, NULL, LOST_OF_ACCOUNT, "ii", account, (gint64) 1))
         && found != 0;
}

static gboolean
drop_unfound (SurelTxn *txn, gint64 account, gboolean *more, GError **error)
{
  g_autoptr (GArray) unfound
      = surel_placements_read (txn->sql,
                         surel_sql_start (txn->sql, error, UNFOUND_OF_ACCOUNT, "iii", account, SUREL_EPOCH_HERE,
                                          (gint64) SUREL_GONE_MAX),
                         error);

  for (guint i = 0; unfound != NULL && i < unfound->len; i++)
    {
      const SurelPlacement *placement = &g_array_index (unfound, SurelPlacement, i);
      SurelPlace place;

      if (!surel_place_find (txn, placement->epoch, &place, error) /* the statement's first column is the folder */
          || !surel_place_take_out (&place, SUREL_EPOCH_HERE, &placement->rid, placement->message, error))
        return FALSE;
    }
  *more = unfound != NULL && unfound->len == SUREL_GONE_MAX;
  return unfound != NULL;
}

/* Of those of @ids nothing more can be done. */
static gboolean
give_up (SurelTxn *txn, gint64 account, gint64 since, const GArray *ids, GError **error)
{
  SurelMatch match = { .txn = txn, .account = account, .since = since };
  gboolean success = TRUE;
  gboolean alike;

  for (guint i = 0; success && i < ids->len; i++)
    {
      gint64 id = g_array_index (ids, gint64, i);

      success = surel_match_any_newcomer (&match, id, &alike, error) && surel_intents_lost (txn, id, alike, error);
    }
  surel_match_end (&match);
  return success;
}

/**
 * surel_messages_drop_lost:
 * @since: see surel_messages_put_gone()
 * @more: (out): whether there are more than one job may take out: call again
 *
 * Once all folders have been brought up to date with what was done: what was moved, copied or appended, and is in
 * none of them, has been taken away by others meanwhile, or they were first; and of what they took away nothing more can
 * be done.
 */
gboolean
surel_messages_drop_lost (SurelTxn *txn, gint64 account, gint64 since, gboolean *more, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  sqlite3_stmt *s;
  int result = -1;

  *more = FALSE;
  if (!drop_unfound (txn, account, more, error))
    return FALSE;
  if (*more)
    return TRUE;
  s = surel_sql_start (txn->sql, error, LOST_OF_ACCOUNT, "ii", account, (gint64) SUREL_GONE_MAX);
  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);

      g_array_append_val (ids, id);
    }
  *more = ids->len == SUREL_GONE_MAX;
  return result == 0 && give_up (txn, account, since, ids, error);
}

/**
 * surel_messages_remove_of_folder:
 * @max: how many to take out at most
 *
 * Takes the messages out of a folder that the server has no more.
 */
gboolean
surel_messages_remove_of_folder (SurelTxn *txn,
                                 gint64 account,
                                 gint64 folder,
                                 guint max,
                                 GError **error)
{
  g_autoptr (GArray) placements = NULL;
  SurelPlace place;

  if (!surel_intents_fail_target (txn, folder, error) || !surel_place_find (txn, folder, &place, error))
    return FALSE;
  place.account = account;
  placements = surel_placements_read (txn->sql,
                                surel_sql_start (txn->sql, error,
                                                 "SELECT epoch, rid, message FROM placement WHERE "
                                                 "folder = ? LIMIT ?",
                                                 "ii", folder, (gint64) max),
                                error);
  return surel_place_take_all_out (&place, placements, error);
}

/* Deletes the messages a statement names, with all that is kept of them. */
static gboolean
delete_listed (SurelTxn *txn, sqlite3_stmt *statement, guint *count, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (statement, 0);

      g_array_append_val (ids, id);
      if (sqlite3_column_int (statement, 1))
        surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) id, SUREL_DESTROYED);
    }
  if (result < 0)
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    {
      gint64 id = g_array_index (ids, gint64, i);

      if (!surel_message_row_delete (txn, id, error))
        return FALSE;
    }
  *count = ids->len;
  txn->rows += ids->len;
  return TRUE;
}

/**
 * surel_messages_remove_of_account:
 * @max: how many to delete at most
 *
 * Deletes messages of an account that is being removed.
 */
gboolean
surel_messages_remove_of_account (SurelTxn *txn, gint64 account, guint max, GError **error)
{
  guint count = 0;

  if (!delete_listed (txn,
                      surel_sql_start (txn->sql, error,
                                       "SELECT m.id, m.shown FROM folder f JOIN placement p ON "
                                       "p.folder = f.id JOIN message m ON m.id = p.message WHERE "
                                       "f.account = ? LIMIT ?",
                                       "ii", account, (gint64) max),
                      &count, error))
    return FALSE;
  return count == max
         || delete_listed (txn,
                           surel_sql_start (txn->sql, error,
                                            "SELECT id, shown FROM message WHERE account = ? AND held "
                                            "IS NOT NULL LIMIT ?",
                                            "ii", account, (gint64) (max - count)),
                           &count, error);
}

/**
 * surel_messages_purge_held:
 * @before: seconds since the epoch
 * @more: (out): whether there are more than one job deletes: call again
 *
 * Deletes for good what has been held since before @before. What waits for one is ended first, by the next sync of its account
 * (see surel_messages_drop_lost()).
 */
gboolean
surel_messages_purge_held (SurelTxn *txn, gint64 before, gboolean *more, GError **error)
{
  guint count = 0;

  if (!delete_listed (txn,
                      surel_sql_start (txn->sql, error,
                                       "SELECT m.id, m.shown FROM message m WHERE m.held IS NOT NULL AND m.held < ? AND NOT "
                                       "EXISTS (SELECT 1 FROM intent i WHERE i.message = m.id AND i.state < 2) AND NOT EXISTS "
                                       "(SELECT 1 FROM intent i WHERE i.source = m.id AND i.state < 2 AND i.kind IN (4, 5)) LIMIT ?",
                                       "ii", before, (gint64) SUREL_GONE_MAX),
                      &count, error))
    return FALSE;
  *more = count == SUREL_GONE_MAX;
  return TRUE;
}
