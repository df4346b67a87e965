/* Messages and where they are, written: what a remote told is compared with what is here.
 */
#include "store/messages.h"

#include <string.h>

#include "base/errors.h"
#include "store/accounts.h"
#include "store/intents.h"
#include "store/layers.h"
#include "store/match.h"
#include "store/sent.h"

#define SAME_SECOND_MAX 100 /* messages, the latest, that are looked through for one that is the same */

/* Unread mail that comes there is no new mail: it is none, or is in another folder as well. */
static const char *const silent_roles[]
    = { "trash", "junk", "sent", "drafts", "all", "flagged", "important", NULL };

/* What a job needs to know of the folder it writes to. */
typedef struct
{
  SurelTxn *txn;
  gint64 folder;
  gint64 account;
  gint64 epoch;
  gboolean listed;
  gboolean announces; /* unread mail that comes here is new mail */
  gboolean lets_go; /* what leaves it isn't held */
  guint gives; /* SurelKeyword bits that what comes there has, and the server has no word for */
  SurelMatch match;
} Place;

static gboolean
find_place (SurelTxn *txn, gint64 folder, Place *place, GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error,
      "SELECT f.account, f.epoch, f.listed, coalesce(f.role_set, f.role), instr (' ' || a.capabilities || ' ', ' drafts ') = 0 AND "
      "a.capabilities != '' FROM folder f JOIN account a ON a.id = f.account WHERE f.id = ?", "i", folder);
  const char *role;
  int result;

  *place = (Place){ .txn = txn, .folder = folder };
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

/**
 * surel_messages_put_flags:
 * @flags: (element-type SurelMessageFlags): what the server says of messages that are here; others are
 *   passed over
 */
gboolean
surel_messages_put_flags (SurelTxn *txn, gint64 folder, GArray *flags, GError **error)
{
  Place place;

  if (!find_place (txn, folder, &place, error))
    return FALSE;
  for (guint i = 0; i < flags->len; i++)
    {
      const SurelMessageFlags *entry = &g_array_index (flags, SurelMessageFlags, i);
      g_auto (SurelMessageRow) known = { 0 };
      g_autofree char *keywords = NULL;
      guint bits = 0;
      int found = surel_message_row_find (txn, folder, place.epoch, &entry->remote_id, &known, error);

      if (found < 0
          || (found > 0
              && (!surel_layers_complete_flags (txn, known.id, entry, &bits, &keywords, error)
                  || !surel_layers_put_server_flags (txn, &known, bits, keywords, error))))
        return FALSE;
    }
  return TRUE;
}

static gboolean take_out (Place *place, gint64 epoch, const SurelRemoteId *rid, gint64 id, GError **error);

/* --- New messages --- */

static gboolean
put_placement (Place *place, const SurelRemoteId *rid, gint64 message, gint64 doc, gboolean shown, GError **error)
{
  return surel_sql_run (place->txn->sql, error,
                        "INSERT INTO placement (folder, epoch, rid, message, doc, shown) VALUES (?, ?, "
                        "?, ?, ?, ?)",
                        "iiriii", place->folder, place->epoch, rid, message, doc, (gint64) shown);
}

/* A message that was here before, under another UID or held, takes its new place under its old id. */
static gboolean
take_back (Place *place, gint64 id, const SurelMessage *message, GError **error)
{
  SurelTxn *txn = place->txn;
  g_auto (SurelMessageRow) row = { 0 };

  /* Of what another device moved, and the server doesn't date, the old date is none. */
  return surel_sql_run (txn->sql, error,
                        "UPDATE message SET saved = CASE WHEN ?1 != 0 OR held IS NOT NULL THEN ?1 ELSE saved END WHERE id = ?2",
                        "ii", message->saved, id)
         && surel_intents_arrived (txn, id, place->folder, error)
         && surel_layers_arrive (txn, id, 0, place->folder, place->epoch, &message->remote_id, error)
         && surel_message_row_load (txn, id, &row, error) > 0
         && surel_layers_put_server_flags (txn, &row, message->flags | place->gives, message->keywords, error);
}

/* Takes @is_new back where the same message is in another folder: it was told of there, or known before, and another
 * device has moved it; a view of all mail proves nothing. Such ones were received in the same second, in which there may
 * be many more. */
static gboolean
look_for_told (Place *place, gint64 received, guint64 identity, gboolean *is_new, GError **error)
{
  gint64 told = 0;

  if (*is_new
      && !surel_sql_get (place->txn->sql, &told, error,
                         "SELECT 1 FROM (SELECT id, account, identity, announced FROM message WHERE shown AND doc BETWEEN ? "
                         "AND ? ORDER BY doc LIMIT ?) m WHERE m.account = ? AND m.identity = ? AND (m.announced OR EXISTS (SELECT "
                         "1 FROM placement p JOIN folder f ON f.id = p.folder WHERE p.message = m.id AND coalesce(f.role_set, "
                         "f.role) NOT IN ('all', 'flagged', 'important'))) AND NOT EXISTS (SELECT 1 FROM placement p WHERE "
                         "p.message = m.id AND p.folder = ?) LIMIT 1",
                         "iiiiii", surel_message_row_doc (received, -1), surel_message_row_doc (received, 0),
                         (gint64) SAME_SECOND_MAX, place->account, (gint64) identity, place->folder))
    return FALSE;
  *is_new = *is_new && told == 0;
  return TRUE;
}

static gboolean
insert_message (Place *place, const SurelMessage *m, guint64 identity, GError **error)
{
  SurelTxn *txn = place->txn;
  gint64 id = surel_txn_new_id (txn, error);
  gint64 doc = surel_message_row_doc (m->received, id);
  guint flags = m->flags | place->gives;
  gboolean shown = surel_flags_are_shown (flags);
  gboolean is_new = place->listed && place->announces && surel_flags_unread (flags);

  if (id == 0 || !look_for_told (place, m->received, identity, &is_new, error)
      || !surel_sql_run (
          txn->sql, error,
          "INSERT INTO message (id, account, doc, flags, keywords, size, received, sent, subject, from_, "
          "sender, reply_to, to_, cc, bcc, message_id, in_reply_to, refs, preview, identity, email_id, "
          "has_attachment, extra, shown, announced, saved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
          "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          "iiiisiiisbbbbbbssssisibiii", id, place->account, doc, (gint64) flags, m->keywords,
          (gint64) m->size, m->received, m->sent, m->subject, m->from, m->sender, m->reply_to, m->to,
          m->cc, m->bcc, m->message_id, m->in_reply_to, m->references, m->preview, (gint64) identity,
          m->email_id, (gint64) m->has_attachment, m->extra, (gint64) shown,
          (gint64) is_new, m->saved)
      || !put_placement (place, &m->remote_id, id, doc, shown, error)
      || !surel_message_row_put_keywords (txn, id, doc, m->keywords, error))
    return FALSE;
  surel_txn_count (txn, place->account, place->folder, shown, surel_flags_unread (flags));
  if (shown)
    surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) id, SUREL_CREATED);
  if (is_new)
    surel_changes_add_new_mail (txn->changes, (guint64) id);
  return TRUE;
}

/* The server's copy of @sent, which was sent from here. */
static gboolean
put_sent (Place *place, gint64 sent, const SurelMessage *copy, GError **error)
{
  g_autoptr (SurelPatch) deeds = surel_patch_new ();

  return surel_sent_found (place->txn, place->folder, sent, copy, deeds, error) && take_back (place, sent, copy, error)
         && surel_sent_do_again (place->txn, deeds, error);
}

/* Whether what the server has under the id is another message than the one that is here: a server may have named a wrong one
 * as what was copied, moved or put there. In IMAP a message never changes. */
static gboolean
is_another (Place *place, gint64 id, const SurelMessage *message, gboolean *another, GError **error)
{
  gint64 found = 0;

  *another = FALSE;
  if (message->remote_id.text != NULL || message->message_id == NULL || message->message_id[0] == '\0')
    return TRUE;
  if (!surel_sql_get (place->txn->sql, &found, error,
                      "SELECT 1 FROM message m WHERE m.id = ? AND m.message_id != '' AND m.message_id != ? AND NOT EXISTS (SELECT 1 FROM intent "
                      "i WHERE i.message = m.id AND i.state < 2)",
                      "is", id, message->message_id))
    return FALSE;
  *another = found != 0;
  return TRUE;
}

/* Takes out of its place what isn't there. Where it is the lists tell: all are compared in full, soon. Those that are brought
 * together may have one another's places, so it comes before any is put. */
static gboolean
displace (Place *place, const SurelMessage *message, GError **error)
{
  g_auto (SurelMessageRow) known = { 0 };
  gboolean another = FALSE;
  int found = surel_message_row_find (place->txn, place->folder, place->epoch, &message->remote_id, &known, error);

  if (found < 0 || (found > 0 && !is_another (place, known.id, message, &another, error)))
    return FALSE;
  if (!another)
    return TRUE;
  place->match.has_held = TRUE;
  return surel_sql_run (place->txn->sql, error, "UPDATE folder SET last_proven = 0 WHERE account = ?", "i", place->account)
         && take_out (place, place->epoch, &message->remote_id, known.id, error);
}

static gboolean
put_message (Place *place, const SurelMessage *message, GError **error)
{
  guint64 identity = surel_message_identity (message);
  g_auto (SurelMessageRow) known = { 0 };
  gint64 match = 0;
  gint64 sent = 0;
  int found = surel_message_row_find (place->txn, place->folder, place->epoch, &message->remote_id, &known, error);

  if (found < 0)
    return FALSE;
  if (found > 0)
    return surel_layers_put_server_flags (place->txn, &known, message->flags | place->gives, message->keywords, error);
  if (!surel_match_find (&place->match, &message->remote_id, identity, surel_message_fingerprint (message), &match, error))
    return FALSE;
  if (match == 0 && place->match.has_here && !surel_sent_find (place->txn, place->folder, message->message_id, &sent, error))
    return FALSE;
  place->txn->rows++;
  if (sent != 0)
    return put_sent (place, sent, message, error);
  return match != 0 ? take_back (place, match, message, error)
                    : insert_message (place, message, identity, error);
}

/**
 * surel_messages_put:
 * @messages: (element-type SurelMessage): what the server has in @folder; those that are here already
 *   take the keywords it says
 *
 * A message that was in the folder under another UIDVALIDITY, or that has vanished from another
 * folder of the account, keeps its id where exactly one fits.
 */
gboolean
surel_messages_put (SurelTxn *txn, gint64 folder, GPtrArray *messages, GError **error)
{
  Place place;
  gboolean success = find_place (txn, folder, &place, error);

  for (guint i = 0; success && place.listed && i < messages->len; i++)
    success = displace (&place, messages->pdata[i], error);
  for (guint i = 0; success && i < messages->len; i++)
    success = put_message (&place, messages->pdata[i], error);
  surel_match_end (&place.match);
  return success;
}

/* --- What is gone --- */

/* The server has it no more, anywhere: it is held, and what was to be done with it waits for as long as it may turn up in
 * another folder of the same sync (see surel_messages_drop_lost()); or it is let go. */
static gboolean
let_go (Place *place, gint64 id, guint flags, GError **error)
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
follow (Place *place, gint64 id, gint64 newcomer, GError **error)
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

static gboolean
take_out (Place *place, gint64 epoch, const SurelRemoteId *rid, gint64 id, GError **error)
{
  SurelTxn *txn = place->txn;
  gint64 flags = 0;
  gint64 newcomer;
  gboolean nowhere;

  return surel_match_newcomer (&place->match, id, &newcomer, error)
         && (newcomer == 0 || follow (place, id, newcomer, error))
         && surel_sql_get (txn->sql, &flags, error, "SELECT coalesce(server_flags, flags) FROM message WHERE id = ?", "i", id)
         && surel_layers_take_out (txn, id, place->folder, epoch, rid, &nowhere, error)
         && (!nowhere || let_go (place, id, (guint) flags, error));
}

typedef struct
{
  gint64 epoch;
  SurelRemoteId rid;
  gint64 message;
} Placement;

static void
placement_clear (gpointer data)
{
  surel_remote_id_clear (&((Placement *) data)->rid);
}

/* Reads the rows whole before any is changed. */
static GArray *
read_placements (SurelSql *sql, sqlite3_stmt *statement, GError **error)
{
  g_autoptr (GArray) placements = g_array_new (FALSE, FALSE, sizeof (Placement));
  int result = -1;

  g_array_set_clear_func (placements, placement_clear);
  while (statement != NULL && (result = surel_sql_step (sql, statement, error)) > 0)
    {
      Placement placement = { sqlite3_column_int64 (statement, 0), surel_sql_column_remote_id (statement, 1),
                              sqlite3_column_int64 (statement, 2) };

      g_array_append_val (placements, placement);
    }
  return result == 0 ? g_steal_pointer (&placements) : NULL;
}

static gboolean
take_all_out (Place *place, GArray *placements, GError **error)
{
  for (guint i = 0; placements != NULL && i < placements->len; i++)
    {
      const Placement *placement = &g_array_index (placements, Placement, i);

      if (!take_out (place, placement->epoch, &placement->rid, placement->message, error))
        return FALSE;
    }
  return placements != NULL;
}

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
  Place place;

  if (!find_place (txn, folder, &place, error))
    return FALSE;
  if (!place.match.has_here)
    return TRUE;
  placements = read_placements (
      txn->sql,
      surel_sql_start (txn->sql, error,
                       "SELECT p.epoch, p.rid, p.message FROM placement p WHERE p.folder = ? AND p.epoch = ? AND " SUREL_IS_UNSURE,
                       "ii", folder, SUREL_EPOCH_HERE),
      error);
  return take_all_out (&place, placements, error);
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
  Place place;

  *more = FALSE;
  if (!find_place (txn, folder, &place, error))
    return FALSE;
  success = TRUE;
  place.match.since = since;
  for (guint i = 0; success && i < surel_uid_set_n_ranges (uids) && left > 0; i++)
    {
      const SurelUidRange *range = surel_uid_set_range (uids, i);
      g_autoptr (GArray) placements = read_placements (
          txn->sql,
          surel_sql_start (txn->sql, error,
                           "SELECT epoch, rid, message FROM placement WHERE folder = ? AND epoch = ? "
                           "AND rid BETWEEN ? AND ? LIMIT ?",
                           "iiiii", folder, place.epoch, (gint64) range->first, (gint64) range->last,
                           left),
          error);

      success = take_all_out (&place, placements, error);
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
  Place place;

  if (!find_place (txn, folder, &place, error))
    return FALSE;
  place.match.since = since;
  for (guint i = 0; success && remote_ids[i] != NULL; i++)
    {
      g_autoptr (GArray) placements = read_placements (
          txn->sql,
          surel_sql_start (txn->sql, error,
                           "SELECT epoch, rid, message FROM placement WHERE folder = ? AND epoch = ? AND rid = ?", "iis",
                           folder, place.epoch, remote_ids[i]),
          error);

      success = take_all_out (&place, placements, error);
    }
  surel_match_end (&place.match);
  return success;
}

/**
 * surel_messages_put_news:
 * @news: what the server told of the folder
 * @since: see surel_messages_put_gone()
 */
gboolean
surel_messages_put_news (SurelTxn *txn, gint64 account, gint64 folder, SurelNews *news, gint64 since, GError **error)
{
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();

  for (guint i = 0; i < news->gone->len; i++)
    g_ptr_array_add (gone, news->gone->pdata[i]);
  g_ptr_array_add (gone, NULL);
  return surel_messages_put_gone_named (txn, folder, (const char *const *) gone->pdata, since, error)
         && surel_accounts_add_keyword_names (txn, account, news->keyword_names, error)
         && surel_messages_put (txn, folder, news->messages, error) && surel_messages_put_flags (txn, folder, news->flags, error);
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
  Place place;
  guint k = 0;

  if (!find_place (txn, folder, &place, error))
    return FALSE;
  here = read_placements (txn->sql,
                          surel_sql_start (txn->sql, error,
                                           "SELECT epoch, rid, message FROM placement WHERE folder = ? "
                                           "AND epoch = ? AND rid BETWEEN ? AND ? ORDER BY rid",
                                           "iiii", folder, place.epoch, (gint64) first, (gint64) last),
                          error);
  if (here == NULL)
    return FALSE;
  for (guint i = 0; i < here->len; i++)
    {
      gint64 rid = g_array_index (here, Placement, i).rid.number;

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
  Place place;

  *more = FALSE;
  if (!find_place (txn, folder, &place, error))
    return FALSE;
  if (!place.match.has_stale)
    return TRUE;
  stale = read_placements (txn->sql,
                           surel_sql_start (txn->sql, error,
                                            "SELECT epoch, rid, message FROM placement WHERE folder = "
                                            "? AND epoch < ? LIMIT ?",
                                            "iii", folder, place.epoch, (gint64) SUREL_GONE_MAX),
                           error);
  if (!take_all_out (&place, stale, error))
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
      = read_placements (txn->sql,
                         surel_sql_start (txn->sql, error, UNFOUND_OF_ACCOUNT, "iii", account, SUREL_EPOCH_HERE,
                                          (gint64) SUREL_GONE_MAX),
                         error);

  for (guint i = 0; unfound != NULL && i < unfound->len; i++)
    {
      const Placement *placement = &g_array_index (unfound, Placement, i);
      Place place;

      if (!find_place (txn, placement->epoch, &place, error) /* the statement's first column is the folder */
          || !take_out (&place, SUREL_EPOCH_HERE, &placement->rid, placement->message, error))
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
  Place place;

  if (!surel_intents_fail_target (txn, folder, error) || !find_place (txn, folder, &place, error))
    return FALSE;
  place.account = account;
  placements = read_placements (txn->sql,
                                surel_sql_start (txn->sql, error,
                                                 "SELECT epoch, rid, message FROM placement WHERE "
                                                 "folder = ? LIMIT ?",
                                                 "ii", folder, (gint64) max),
                                error);
  return take_all_out (&place, placements, error);
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
