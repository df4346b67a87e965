/* Layers of truth: what the server last said of a message, what it has no place for, and the pending changes,
 * replayed in their order. What clients see is all of it together and is kept in the row, so that reading costs
 * nothing; here it is made anew when a layer changes.
 *
 * Most messages have one layer: server_flags is NULL then, and what clients see is what the server said. Where a
 * message is has two layers likewise: the placements the server has, of which some are leaving, and one that is
 * only here (SUREL_EPOCH_HERE), where a pending move, copy or append shows it. */
#include "store/layers.h"

#include "base/mutation.h"
#include "store/intents.h"

/* SUREL_CHANGE_KEYWORDS: as a parameter, which some index of those kinds might depend on, it would have SQLite plan the
 * statement anew each time. */
#define KIND_KEYWORDS "1"
G_STATIC_ASSERT (SUREL_CHANGE_KEYWORDS == 1);

typedef struct
{
  guint flags;
  char *keywords; /* nullable */
} Flags;

static void
flags_clear (Flags *flags)
{
  g_free (flags->keywords);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Flags, flags_clear)

static void
change (Flags *flags, guint add, guint remove, const char *add_words, const char *remove_words)
{
  char *combined = surel_keywords_combine (flags->keywords, add_words, remove_words);

  flags->flags = (flags->flags & ~remove) | add;
  g_free (flags->keywords);
  flags->keywords = combined;
}

/* What the server last said, and what is only here. */
static gboolean
load_base (SurelTxn *txn, gint64 message, Flags *server, Flags *here, GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error,
      "SELECT coalesce(server_flags, flags), CASE WHEN server_flags IS NULL THEN keywords ELSE server_keywords END, "
      "local_flags, local_keywords FROM message WHERE id = ?",
      "i", message);
  int result = statement != NULL ? surel_sql_step (txn->sql, statement, error) : -1;

  if (result <= 0)
    return FALSE;
  server->flags = (guint) sqlite3_column_int64 (statement, 0);
  server->keywords = surel_sql_column_text (statement, 1);
  here->flags = (guint) sqlite3_column_int64 (statement, 2);
  here->keywords = surel_sql_column_text (statement, 3);
  sqlite3_reset (statement);
  return TRUE;
}

/* Lays the pending changes on @flags. Sets @any to whether there are some. */
static gboolean
replay (SurelTxn *txn, gint64 message, Flags *flags, gboolean *any, GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error,
      "SELECT add_flags, remove_flags, add_words, remove_words FROM intent WHERE message = ? AND state < 2 AND "
      "kind = " KIND_KEYWORDS " ORDER BY id",
      "i", message);
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    {
      change (flags, (guint) sqlite3_column_int64 (statement, 0), (guint) sqlite3_column_int64 (statement, 1),
              (const char *) sqlite3_column_text (statement, 2), (const char *) sqlite3_column_text (statement, 3));
      *any = TRUE;
    }
  return result == 0;
}

/* Writes the server's layer, and shows all of them together. */
static gboolean
show (SurelTxn *txn, const SurelMessageRow *row, const Flags *server, const Flags *here, GError **error)
{
  g_auto (Flags) shown = { server->flags, g_strdup (server->keywords) };
  gboolean layered = here->flags != 0 || (here->keywords != NULL && here->keywords[0] != '\0');

  change (&shown, here->flags, 0, here->keywords, NULL);
  if (!replay (txn, row->id, &shown, &layered, error)
      || !surel_message_row_set_flags (txn, row, shown.flags, shown.keywords, error))
    return FALSE;
  if (!layered)
    return !row->layered
           || surel_sql_run (txn->sql, error, "UPDATE message SET server_flags = NULL, server_keywords = NULL WHERE id = ?",
                             "i", row->id);
  return surel_sql_run (txn->sql, error, "UPDATE message SET server_flags = ?, server_keywords = ? WHERE id = ?", "isi",
                        (gint64) server->flags, server->keywords, row->id);
}

/* What waits to be put into another account is to be the same message there: what others have done with it since goes along. */
static gboolean
pass_on (SurelTxn *txn, gint64 message, const Flags *before, const Flags *now, GError **error)
{
  g_autofree char *added = surel_keywords_combine (now->keywords, NULL, before->keywords);
  g_autofree char *removed = surel_keywords_combine (before->keywords, NULL, now->keywords);
  g_autoptr (GArray) waiting = NULL;
  sqlite3_stmt *s;
  int result = -1;

  if (before->flags == now->flags && added == NULL && removed == NULL)
    return TRUE;
  waiting = g_array_new (FALSE, FALSE, sizeof (gint64));
  s = surel_sql_start (txn->sql, error,
                       "SELECT message FROM intent WHERE source = ? AND state < 2 AND kind IN (4, 5) AND kind = 5 AND evidence IS NULL", "i",
                       message);
  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);

      g_array_append_val (waiting, id);
    }
  for (guint i = 0; result == 0 && i < waiting->len; i++)
    {
      g_auto (SurelMessageRow) row = { 0 };
      g_auto (Flags) base = { 0 };
      g_auto (Flags) here = { 0 };
      int found = surel_message_row_load (txn, g_array_index (waiting, gint64, i), &row, error);

      if (found < 0 || (found > 0 && !load_base (txn, row.id, &base, &here, error)))
        return FALSE;
      change (&base, now->flags & ~before->flags, before->flags & ~now->flags, added, removed);
      if (found > 0 && !surel_layers_put_server_flags (txn, &row, base.flags, base.keywords, error))
        return FALSE;
    }
  return result == 0;
}

/**
 * surel_layers_put_server_flags:
 * @row: a message
 * @flags: what the server says it has
 * @keywords: (nullable): likewise
 */
gboolean
surel_layers_put_server_flags (SurelTxn *txn,
                               const SurelMessageRow *row,
                               guint flags,
                               const char *keywords,
                               GError **error)
{
  g_auto (Flags) before = { 0 };
  g_auto (Flags) here = { 0 };
  Flags server = { flags, (char *) keywords };

  if (!row->layered)
    return pass_on (txn, row->id, &(Flags){ row->flags, row->keywords }, &server, error)
           && surel_message_row_set_flags (txn, row, flags, keywords, error);
  if (surel_mutation ("believe-stale") && !surel_intents_gone (txn, row->id, error))
    return FALSE; /* what was said before a change was heard of takes that back */
  return load_base (txn, row->id, &before, &here, error) && pass_on (txn, row->id, &before, &server, error)
         && show (txn, row, &server, &here, error);
}

/**
 * surel_layers_complete_flags:
 * @said: what the server says of the message, and perhaps not of all its keywords
 * @flags: (out): what it has then
 * @keywords: (out) (nullable) (transfer full): likewise
 */
gboolean
surel_layers_complete_flags (SurelTxn *txn,
                             gint64 message,
                             const SurelMessageFlags *said,
                             guint *flags,
                             char **keywords,
                             GError **error)
{
  g_auto (Flags) server = { 0 };
  g_auto (Flags) here = { 0 };

  if ((said->unsaid != 0 || said->keywords_unsaid) && !load_base (txn, message, &server, &here, error))
    return FALSE;
  *flags = (said->flags & ~said->unsaid) | (server.flags & said->unsaid);
  *keywords = g_strdup (said->keywords_unsaid ? server.keywords : said->keywords);
  return TRUE;
}

static gboolean
with_layers (SurelTxn *txn,
             gint64 message,
             void (*func) (Flags *server, Flags *here, const Flags *what),
             const Flags *what,
             GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_auto (Flags) server = { 0 };
  g_auto (Flags) here = { 0 };
  int found = surel_message_row_load (txn, message, &row, error);

  if (found <= 0)
    return found == 0;
  if (!load_base (txn, message, &server, &here, error))
    return FALSE;
  if (func != NULL)
    func (&server, &here, what);
  return (func == NULL
          || surel_sql_run (txn->sql, error, "UPDATE message SET local_flags = ?, local_keywords = ? WHERE id = ?", "isi",
                            (gint64) here.flags, here.keywords != NULL ? here.keywords : "", message))
         && show (txn, &row, &server, &here, error);
}

static void
keep_here (Flags *server G_GNUC_UNUSED, Flags *here, const Flags *what)
{
  change (here, what->flags, 0, what->keywords, NULL);
}

static void
forget_here (Flags *server G_GNUC_UNUSED, Flags *here, const Flags *what)
{
  change (here, 0, what->flags, NULL, what->keywords);
}

/**
 * surel_layers_keep_here:
 *
 * Keeps keywords that the server has no place for.
 */
gboolean
surel_layers_keep_here (SurelTxn *txn, gint64 message, guint flags, const char *keywords, GError **error)
{
  Flags what = { flags, (char *) keywords };

  return with_layers (txn, message, keep_here, &what, error);
}

/**
 * surel_layers_forget_here:
 *
 * Takes away keywords that were only kept here.
 */
gboolean
surel_layers_forget_here (SurelTxn *txn, gint64 message, guint flags, const char *keywords, GError **error)
{
  Flags what = { flags, (char *) keywords };

  return (flags == 0 && (keywords == NULL || keywords[0] == '\0')) || with_layers (txn, message, forget_here, &what, error);
}

/**
 * surel_layers_take_effect:
 *
 * The server has done this much of the pending changes.
 */
gboolean
surel_layers_take_effect (SurelTxn *txn,
                          gint64 message,
                          guint add,
                          guint remove,
                          const char *add_words,
                          const char *remove_words,
                          GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_auto (Flags) server = { 0 };
  g_auto (Flags) here = { 0 };
  int found = surel_message_row_load (txn, message, &row, error);

  if (found <= 0)
    return found == 0;
  if (!load_base (txn, message, &server, &here, error))
    return FALSE;
  change (&server, add, remove, add_words, remove_words);
  return show (txn, &row, &server, &here, error);
}

/**
 * surel_layers_replay_flags:
 *
 * The message's pending changes of keywords are others now.
 */
gboolean
surel_layers_replay_flags (SurelTxn *txn, gint64 message, GError **error)
{
  return with_layers (txn, message, NULL, NULL, error);
}

/* --- Where it is --- */

static GArray *
load_folders (SurelTxn *txn, gint64 message, GError **error)
{
  g_autoptr (GArray) folders = g_array_new (FALSE, FALSE, sizeof (gint64));
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error, "SELECT DISTINCT folder FROM placement WHERE message = ? AND NOT leaving", "i", message);
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    {
      gint64 folder = sqlite3_column_int64 (statement, 0);

      g_array_append_val (folders, folder);
    }
  return result == 0 ? g_steal_pointer (&folders) : NULL;
}

static gboolean
has (GArray *folders, gint64 folder)
{
  for (guint i = 0; i < folders->len; i++)
    if (g_array_index (folders, gint64, i) == folder)
      return TRUE;
  return FALSE;
}

/* Counts @row in what is in @in and not in @other. */
static void
count_difference (SurelTxn *txn, const SurelMessageRow *row, GArray *in, GArray *other, int sign)
{
  for (guint i = 0; i < in->len; i++)
    {
      gint64 folder = g_array_index (in, gint64, i);

      if (!has (other, folder))
        surel_txn_count (txn, row->account, folder, sign * surel_flags_are_shown (row->flags),
                         sign * surel_flags_unread (row->flags));
    }
}

/* What the last pending change says of the place: which, and where to. 0 for none. */
static gboolean
find_place_intent (SurelTxn *txn, gint64 message, SurelChangeKind *kind, gint64 *target, GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error,
      "SELECT kind, target FROM intent WHERE message = ? AND state < 2 AND kind NOT IN (" KIND_KEYWORDS ", 8) ORDER BY id DESC LIMIT 1", "i",
      message);
  int result = statement != NULL ? surel_sql_step (txn->sql, statement, error) : -1;

  *kind = 0;
  if (result <= 0)
    return result == 0;
  *kind = (SurelChangeKind) sqlite3_column_int (statement, 0);
  *target = sqlite3_column_int64 (statement, 1);
  sqlite3_reset (statement);
  return TRUE;
}

static gboolean
write_place (SurelTxn *txn, const SurelMessageRow *row, SurelChangeKind kind, gint64 target, GError **error)
{
  gint64 leaving = kind == SUREL_CHANGE_MOVE || kind == SUREL_CHANGE_DESTROY || kind == SUREL_CHANGE_REPLACE
                   || kind == SUREL_CHANGE_SEND;
  gint64 shown = surel_flags_are_shown (row->flags);
  gint64 on_server = 0;
  gint64 held = 0;

  if (!surel_sql_run (txn->sql, error,
                      "UPDATE placement SET leaving = ?1, shown = ?2 AND NOT ?1 WHERE message = ?3 AND epoch < ?4", "iiii",
                      leaving, shown, row->id, SUREL_EPOCH_HERE)
      || !surel_sql_get (txn->sql, &on_server, error, "SELECT 1 FROM placement WHERE message = ? AND epoch < ? LIMIT 1",
                         "ii", row->id, SUREL_EPOCH_HERE))
    return FALSE;
  if (kind == 0 && !on_server)
    return TRUE; /* the server has it somewhere: its next list says where */
  if (!on_server && kind == SUREL_CHANGE_MOVE
      && !surel_sql_get (txn->sql, &held, error, "SELECT 1 FROM message WHERE id = ? AND held IS NOT NULL", "i", row->id))
    return FALSE;
  if (held)
    return TRUE; /* it goes there if it turns up */
  /* Likewise, and then it goes. */
  if (kind == SUREL_CHANGE_DESTROY && !on_server)
    return surel_sql_run (txn->sql, error, "UPDATE placement SET leaving = 1, shown = 0 WHERE message = ? AND epoch = ?", "ii",
                          row->id, SUREL_EPOCH_HERE);
  return surel_sql_run (txn->sql, error, "DELETE FROM placement WHERE message = ? AND epoch = ?", "ii", row->id,
                        SUREL_EPOCH_HERE)
         && (kind == 0 || kind == SUREL_CHANGE_DESTROY
             || surel_sql_run (txn->sql, error,
                               "INSERT INTO placement (folder, epoch, rid, message, doc, shown, leaving) VALUES (?, ?, ?, "
                               "?, ?, ?, 0)",
                               "iiiiii", target, SUREL_EPOCH_HERE, row->id, row->id, row->doc, shown));
}

/* Counts what changed of the message's placements, and tells of it. */
static gboolean
tell_difference (SurelTxn *txn, const SurelMessageRow *row, GArray *before, GError **error)
{
  g_autoptr (GArray) after = load_folders (txn, row->id, error);

  if (after == NULL)
    return FALSE;
  count_difference (txn, row, before, after, -1);
  count_difference (txn, row, after, before, 1);
  return surel_message_row_settle (txn, row->id, row->shown, error);
}

/**
 * surel_layers_replay_place:
 *
 * Shows the message where its last pending change puts it, or where the server has it.
 */
gboolean
surel_layers_replay_place (SurelTxn *txn, gint64 message, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_autoptr (GArray) before = NULL;
  SurelChangeKind kind;
  gint64 target = 0;
  int found = surel_message_row_load (txn, message, &row, error);

  if (found <= 0)
    return found == 0;
  txn->rows++;
  before = load_folders (txn, message, error);
  return before != NULL && find_place_intent (txn, message, &kind, &target, error)
         && write_place (txn, &row, kind, target, error) && tell_difference (txn, &row, before, error);
}

static gboolean
put_place (SurelTxn *txn, const SurelMessageRow *row, gint64 folder, gint64 epoch, const SurelRemoteId *remote_id, GError **error)
{
  SurelRemoteId here = SUREL_REMOTE_ID_NUMBER (row->id);
  gboolean known = surel_remote_id_is_known (remote_id);

  return surel_sql_run (txn->sql, error,
                        "INSERT OR IGNORE INTO placement (folder, epoch, rid, message, doc, shown) VALUES (?, ?, ?, ?, ?, ?)",
                        "iiriii", folder, known ? epoch : SUREL_EPOCH_HERE, known ? remote_id : &here, row->id, row->doc,
                        (gint64) surel_flags_are_shown (row->flags));
}

/**
 * surel_layers_note_version:
 * @identity: of what the server has of the message
 *
 * Has what the server has of a draft known again where it is numbered anew, though it was saved since: its text here is another one.
 */
gboolean
surel_layers_note_version (SurelTxn *txn, gint64 message, guint64 identity, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE placement SET identity = ?1 WHERE message = ?2 AND epoch < ?3 AND identity IS NULL AND EXISTS (SELECT 1 FROM "
                        "message m JOIN intent i ON i.message = m.id WHERE m.id = ?2 AND m.identity != ?1 AND i.state IN (0, 1, 3) AND i.kind = 6)",
                        "iii", (gint64) identity, message, SUREL_EPOCH_HERE);
}

/**
 * surel_layers_arrive:
 * @from: the folder it was taken out of, 0 for none
 * @folder: where the server has it
 * @epoch: the folder's
 * @remote_id: its id there, where that is known already
 *
 * Gives the message its place, also instead of one that it had there under an older UIDVALIDITY.
 */
gboolean
surel_layers_arrive (SurelTxn *txn,
                     gint64 message,
                     gint64 from,
                     gint64 folder,
                     gint64 epoch,
                     const SurelRemoteId *remote_id,
                     GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_autoptr (GArray) before = NULL;
  SurelChangeKind kind;
  gint64 target = 0;
  int found = surel_message_row_load (txn, message, &row, error);

  if (found <= 0)
    return found == 0;
  txn->rows++;
  before = load_folders (txn, message, error);
  return before != NULL
         && surel_sql_run (txn->sql, error, "DELETE FROM placement WHERE message = ? AND folder = ? AND epoch < ?", "iii",
                           message, folder, epoch)
         && (from == 0
             || surel_sql_run (txn->sql, error, "DELETE FROM placement WHERE message = ? AND folder = ? AND epoch < ?", "iii",
                               message, from, SUREL_EPOCH_HERE))
         && put_place (txn, &row, folder, epoch, remote_id, error)
         && surel_sql_run (txn->sql, error, "UPDATE message SET held = NULL, held_in = NULL WHERE id = ? AND held NOTNULL",
                           "i", message)
         && find_place_intent (txn, message, &kind, &target, error) && write_place (txn, &row, kind, target, error)
         && tell_difference (txn, &row, before, error);
}

/**
 * surel_layers_put_here:
 * @message: one that no server has, nor is to have
 *
 * Shows it in the folder alone.
 */
gboolean
surel_layers_put_here (SurelTxn *txn, gint64 message, gint64 folder, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_autoptr (GArray) before = NULL;
  int found = surel_message_row_load (txn, message, &row, error);

  if (found <= 0)
    return found == 0;
  before = load_folders (txn, message, error);
  return before != NULL && surel_sql_run (txn->sql, error, "DELETE FROM placement WHERE message = ?", "i", message)
         && put_place (txn, &row, folder, SUREL_EPOCH_HERE, &(SurelRemoteId){ 0 }, error)
         && tell_difference (txn, &row, before, error);
}

/* @sql: what happens to the places of one message */
static gboolean
change_places (SurelTxn *txn, gint64 message, const char *sql, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_autoptr (GArray) before = NULL;
  int found = surel_message_row_load (txn, message, &row, error);

  if (found <= 0)
    return found == 0;
  before = load_folders (txn, message, error);
  return before != NULL && surel_sql_run (txn->sql, error, sql, "i", message) && tell_difference (txn, &row, before, error);
}

/**
 * surel_layers_hide_here:
 * @message: one that lives here alone
 *
 * Shows it nowhere until a server tells of it.
 */
gboolean
surel_layers_hide_here (SurelTxn *txn, gint64 message, GError **error)
{
  return change_places (txn, message, "UPDATE placement SET leaving = 1, shown = 0 WHERE message = ? AND epoch = " SUREL_EPOCH_HERE_SQL,
                        error);
}

/**
 * surel_layers_take_out:
 * @remote_id: of the message in @folder: the server has it there no more
 * @nowhere: (out): whether it has it nowhere else either
 *
 * A message that the server has nowhere is shown nowhere, whatever was to be done with it.
 */
gboolean
surel_layers_take_out (SurelTxn *txn,
                       gint64 message,
                       gint64 folder,
                       gint64 epoch,
                       const SurelRemoteId *remote_id,
                       gboolean *nowhere,
                       GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_autoptr (GArray) before = NULL;
  gint64 elsewhere = 0;
  int found = surel_message_row_load (txn, message, &row, error);

  *nowhere = TRUE;
  txn->rows++;
  if (found <= 0)
    return found == 0
           && surel_sql_run (txn->sql, error, "DELETE FROM placement WHERE folder = ? AND epoch = ? AND rid = ?", "iir",
                             folder, epoch, remote_id);
  before = load_folders (txn, message, error);
  if (before == NULL
      || !surel_sql_run (txn->sql, error, "DELETE FROM placement WHERE folder = ? AND epoch = ? AND rid = ?", "iir",
                         folder, epoch, remote_id)
      || !surel_sql_get (txn->sql, &elsewhere, error, "SELECT 1 FROM placement WHERE message = ? AND epoch < ? LIMIT 1",
                         "ii", message, SUREL_EPOCH_HERE))
    return FALSE;
  /* What is still to be put on the server doesn't go with an older version of it; with its folder it does. */
  if (elsewhere == 0 && epoch < SUREL_EPOCH_HERE
      && !surel_sql_get (txn->sql, &elsewhere, error,
                         "SELECT 1 FROM intent WHERE message = ? AND (kind IN (5, 6) AND state IN (0, 1, 3) OR kind = 7 AND state < 2)", "i", message))
    return FALSE;
  *nowhere = elsewhere == 0;
  if (*nowhere && !surel_sql_run (txn->sql, error, "DELETE FROM placement WHERE message = ?", "i", message))
    return FALSE;
  return tell_difference (txn, &row, before, error);
}

/**
 * surel_layers_vanish:
 *
 * Shows the message nowhere any more.
 */
gboolean
surel_layers_vanish (SurelTxn *txn, gint64 message, GError **error)
{
  return change_places (txn, message, "DELETE FROM placement WHERE message = ?", error);
}
