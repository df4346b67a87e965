/* A folder as what a remote told is written to it, and messages taken out of it. */
#include "store/messages-place.h"

#include <string.h>

#include "base/errors.h"
#include "store/intents.h"
#include "store/layers.h"

/* Unread mail that comes there is no new mail: it is none, or is in another folder as well. */
static const char *const silent_roles[]
    = { "trash", "junk", "sent", "drafts", "all", "flagged", "important", NULL };

/**
 * surel_place_find:
 * @place: (out): the folder; its match is ended by surel_match_end() where messages are taken out of it
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_FOUND where it is gone
 */
gboolean
surel_place_find (SurelTxn *txn, gint64 folder, SurelPlace *place, GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error,
      "SELECT f.account, f.epoch, f.listed, coalesce(f.role_set, f.role), instr (' ' || a.capabilities || ' ', ' drafts ') = 0 AND "
      "a.capabilities != '' FROM folder f JOIN account a ON a.id = f.account WHERE f.id = ?", "i", folder);
  const char *role;
  int result;

  *place = (SurelPlace){ .txn = txn, .folder = folder };
  if (statement == NULL || (result = surel_sql_step (txn->sql, statement, error)) < 0)
    return FALSE;
  if (result == 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The folder is gone");
      return FALSE;
    }
  role = (const char *) sqlite3_column_text (statement, 3);
  place->account = sqlite3_column_int64 (statement, 0);
  place->epoch = sqlite3_column_int64 (statement, 1);
  place->listed = sqlite3_column_int (statement, 2);
  place->lets_go = strcmp (role, "trash") == 0 || strcmp (role, "junk") == 0;
  place->announces = !g_strv_contains (silent_roles, role);
  place->gives = strcmp (role, "drafts") == 0 && sqlite3_column_int (statement, 4) ? SUREL_KEYWORD_DRAFT : 0;
  sqlite3_reset (statement);
  return surel_match_begin (&place->match, txn, place->account, folder, place->epoch, error);
}

/* The server has it no more, anywhere: it is held, and what was to be done with it waits for as long as it may turn up in
 * another folder of the same sync (see surel_messages_drop_lost()); or it is let go. */
static gboolean
let_go (SurelPlace *place, gint64 id, guint flags, GError **error)
{
  if (place->lets_go || (flags & (SUREL_KEYWORD_DRAFT | SUREL_KEYWORD_DELETED)) != 0)
    return surel_intents_lost (place->txn, id, FALSE, error) && surel_message_row_delete (place->txn, id, error);
  return surel_sql_run (place->txn->sql, error,
                        "UPDATE message SET held = ?, held_in = ? WHERE id = ?", "iii", place->txn->time,
                        place->folder, id);
}

/* Another device has moved it, and the folder where it is now came first: it takes the place, and the keywords, of the one
 * that came there. */
static gboolean
follow (SurelPlace *place, gint64 id, gint64 newcomer, GError **error)
{
  SurelTxn *txn = place->txn;
  g_auto (SurelMessageRow) came = { 0 };
  g_auto (SurelMessageRow) row = { 0 };
  gint64 folder = 0;
  gint64 epoch = 0;
  gint64 saved = 0;
  g_auto (SurelRemoteId) rid = { 0 };
  sqlite3_stmt *s = surel_sql_start (txn->sql, error, "SELECT folder, epoch, rid FROM placement WHERE message = ?", "i", newcomer);

  if (s == NULL || surel_sql_step (txn->sql, s, error) <= 0)
    return FALSE;
  folder = sqlite3_column_int64 (s, 0);
  epoch = sqlite3_column_int64 (s, 1);
  rid = surel_sql_column_remote_id (s, 2);
  sqlite3_reset (s);
  return surel_message_row_load (txn, newcomer, &came, error) > 0
         && surel_sql_get (txn->sql, &saved, error, "SELECT saved FROM message WHERE id = ?", "i", newcomer)
         && surel_layers_vanish (txn, newcomer, error) && surel_message_row_delete (txn, newcomer, error)
         && surel_sql_run (txn->sql, error, "UPDATE message SET saved = ? WHERE id = ?", "ii", saved, id)
         && surel_intents_arrived (txn, id, folder, error)
         && surel_layers_arrive (txn, id, 0, folder, epoch, &rid, error) && surel_message_row_load (txn, id, &row, error) > 0
         && surel_layers_put_server_flags (txn, &row, came.flags, came.keywords, error);
}

/**
 * surel_place_take_out:
 * @rid: where the server had the message in there
 * @id: the message
 *
 * The server has it there no more: it is where another device has moved it, or is held, or gone.
 */
gboolean
surel_place_take_out (SurelPlace *place, gint64 epoch, const SurelRemoteId *rid, gint64 id, GError **error)
{
  SurelTxn *txn = place->txn;
  gint64 flags = 0;
  gint64 newcomer;
  gboolean nowhere;

  return surel_match_newcomer (&place->match, id, &newcomer, error)
         && (newcomer == 0 || follow (place, id, newcomer, error))
         && surel_sql_get (txn->sql, &flags, error, "SELECT coalesce(server_flags, flags) FROM message WHERE id = ?", "i", id)
         && surel_layers_take_out (txn, id, place->folder, epoch, rid, &nowhere, error)
         && (nowhere ? let_go (place, id, (guint) flags, error) : surel_intents_outlived (txn, id, error));
}

static void
placement_clear (gpointer data)
{
  surel_remote_id_clear (&((SurelPlacement *) data)->rid);
}

/**
 * surel_placements_read:
 * @statement: (nullable): gives rows of epoch, remote id and message; %NULL where @error is set
 *
 * Reads the rows whole before any is changed.
 *
 * Returns: (transfer full) (element-type SurelPlacement) (nullable): they; %NULL with @error set
 */
GArray *
surel_placements_read (SurelSql *sql, sqlite3_stmt *statement, GError **error)
{
  g_autoptr (GArray) placements = g_array_new (FALSE, FALSE, sizeof (SurelPlacement));
  int result = -1;

  g_array_set_clear_func (placements, placement_clear);
  while (statement != NULL && (result = surel_sql_step (sql, statement, error)) > 0)
    {
      SurelPlacement placement = { sqlite3_column_int64 (statement, 0), surel_sql_column_remote_id (statement, 1),
                              sqlite3_column_int64 (statement, 2) };

      g_array_append_val (placements, placement);
    }
  return result == 0 ? g_steal_pointer (&placements) : NULL;
}

/**
 * surel_place_take_all_out:
 * @placements: (element-type SurelPlacement) (nullable): %NULL where @error is set
 */
gboolean
surel_place_take_all_out (SurelPlace *place, GArray *placements, GError **error)
{
  for (guint i = 0; placements != NULL && i < placements->len; i++)
    {
      const SurelPlacement *placement = &g_array_index (placements, SurelPlacement, i);

      if (!surel_place_take_out (place, placement->epoch, &placement->rid, placement->message, error))
        return FALSE;
    }
  return placements != NULL;
}
