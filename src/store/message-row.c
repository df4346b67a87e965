/* A message's row and its keywords, changed: what that means for its placements, for the counts of the folders
 * it is in and for the list of changes.
 *
 * `doc` is a message's place in the order of lists: the received date in the upper bits, then 24 bits
 * of its id turned round, so that the newest comes last and, read backwards, ties go by id. */
#include "store/message-row.h"

#include "store/search.h"
#include "store/threads.h"

#define DOC_SHIFT 24
#define DOC_MASK (((gint64) 1 << DOC_SHIFT) - 1)
#define RECEIVED_MAX ((gint64) 1 << 38) /* seconds: beyond the year 10000 on either side */

void
surel_message_row_clear (SurelMessageRow *self)
{
  g_clear_pointer (&self->keywords, g_free);
}

/**
 * surel_message_row_doc:
 * @received: seconds since the epoch
 *
 * Returns: where the message stands in lists
 */
gint64
surel_message_row_doc (gint64 received, gint64 id)
{
  return CLAMP (received, -RECEIVED_MAX, RECEIVED_MAX) * (DOC_MASK + 1) + (DOC_MASK - (id & DOC_MASK));
}

/**
 * surel_message_row_doc_of_copy:
 * @doc: of the one that is copied
 * @id: of the copy
 */
gint64
surel_message_row_doc_of_copy (gint64 doc, gint64 id)
{
  return (doc & ~DOC_MASK) | (DOC_MASK - (id & DOC_MASK));
}

/**
 * surel_flags_are_shown:
 *
 * Returns: whether a message with @flags is shown and counted: one marked \Deleted isn't
 */
gboolean
surel_flags_are_shown (guint flags)
{
  return (flags & SUREL_KEYWORD_DELETED) == 0;
}

/**
 * surel_flags_unread:
 *
 * Returns: 1 where a message with @flags counts as unread, else 0
 */
int
surel_flags_unread (guint flags)
{
  return (flags & (SUREL_KEYWORD_SEEN | SUREL_KEYWORD_DRAFT)) == 0 && surel_flags_are_shown (flags);
}

#define COLUMNS "m.id, m.account, m.doc, m.flags, m.keywords, m.server_flags IS NOT NULL, m.shown"

static int
read_row (SurelTxn *txn, sqlite3_stmt *statement, SurelMessageRow *row, GError **error)
{
  int result = statement != NULL ? surel_sql_step (txn->sql, statement, error) : -1;

  if (result <= 0)
    return result;
  *row = (SurelMessageRow){ .id = sqlite3_column_int64 (statement, 0),
                            .account = sqlite3_column_int64 (statement, 1),
                            .doc = sqlite3_column_int64 (statement, 2),
                            .flags = (guint) sqlite3_column_int64 (statement, 3),
                            .keywords = surel_sql_column_text (statement, 4),
                            .layered = sqlite3_column_int (statement, 5),
                            .shown = sqlite3_column_int (statement, 6) };
  sqlite3_reset (statement);
  return 1;
}

/**
 * surel_message_row_find:
 * @remote_id: of a message in @folder
 *
 * Returns: 1 where it is here and @row is set, 0 where not, -1 with @error set
 */
int
surel_message_row_find (SurelTxn *txn,
                        gint64 folder,
                        gint64 epoch,
                        const SurelRemoteId *remote_id,
                        SurelMessageRow *row,
                        GError **error)
{
  return read_row (txn,
                   surel_sql_start (txn->sql, error,
                                    "SELECT " COLUMNS " FROM placement p JOIN message m ON m.id = p.message "
                                    "WHERE p.folder = ? AND p.epoch = ? AND p.rid = ?",
                                    "iir", folder, epoch, remote_id),
                   row, error);
}

/**
 * surel_message_row_load:
 *
 * Returns: 1 where it is here and @row is set, 0 where not, -1 with @error set
 */
int
surel_message_row_load (SurelTxn *txn, gint64 id, SurelMessageRow *row, GError **error)
{
  return read_row (txn,
                   surel_sql_start (txn->sql, error, "SELECT " COLUMNS " FROM message m WHERE m.id = ?", "i", id),
                   row, error);
}

/**
 * surel_message_row_put_keywords:
 * @keywords: (nullable): user keywords, as base/keywords.h keeps them
 *
 * Has the message found by them.
 */
gboolean
surel_message_row_put_keywords (SurelTxn *txn, gint64 id, gint64 doc, const char *keywords, GError **error)
{
  g_auto (GStrv) words = NULL;

  if (keywords == NULL)
    return TRUE;
  words = g_strsplit (keywords, " ", -1);
  for (guint i = 0; words[i] != NULL; i++)
    if (!surel_sql_run (txn->sql, error, "INSERT OR IGNORE INTO keyword (name) VALUES (?)", "s", words[i])
        || !surel_sql_run (txn->sql, error,
                           "INSERT OR IGNORE INTO message_keyword (keyword, doc, message) SELECT id, "
                           "?, ? FROM keyword WHERE name = ?",
                           "iis", doc, id, words[i]))
      return FALSE;
  return TRUE;
}

/* Counts @unread and, where it turned up or went out of sight, @total in each folder it is in. */
static gboolean
count_everywhere (SurelTxn *txn, const SurelMessageRow *row, int total, int unread, GError **error)
{
  sqlite3_stmt *statement;
  int result = -1;

  if (total == 0 && unread == 0)
    return TRUE;
  statement = surel_sql_start (txn->sql, error, "SELECT folder FROM placement WHERE message = ? AND NOT leaving", "i",
                               row->id);
  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    surel_txn_count (txn, row->account, sqlite3_column_int64 (statement, 0), total, unread);
  return result == 0;
}

/**
 * surel_message_row_settle:
 * @was_shown: whether it was in lists before its placements changed
 *
 * Has the message in lists where any of its placements is, and notes what that means for clients.
 */
gboolean
surel_message_row_settle (SurelTxn *txn, gint64 id, gboolean was_shown, GError **error)
{
  gint64 now_shown = 0;

  if (!surel_sql_get (txn->sql, &now_shown, error, "SELECT 1 FROM placement WHERE message = ? AND shown LIMIT 1", "i",
                      id)
      || !surel_sql_run (txn->sql, error, "UPDATE message SET shown = ?1 WHERE id = ?2 AND shown != ?1", "ii",
                         now_shown, id))
    return FALSE;
  if (was_shown || now_shown)
    surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) id,
                       !now_shown ? SUREL_DESTROYED : was_shown ? SUREL_UPDATED : SUREL_CREATED);
  return TRUE;
}

/**
 * surel_message_row_set_flags:
 * @row: as the message is now
 * @flags: as clients shall see it
 * @keywords: (nullable): likewise
 */
gboolean
surel_message_row_set_flags (SurelTxn *txn,
                             const SurelMessageRow *row,
                             guint flags,
                             const char *keywords,
                             GError **error)
{
  gboolean was_shown = surel_flags_are_shown (row->flags);
  gboolean now_shown = surel_flags_are_shown (flags);
  gboolean same_keywords = g_strcmp0 (row->keywords, keywords) == 0;

  if (row->flags == flags && same_keywords)
    return TRUE;
  txn->rows++;
  if (!surel_sql_run (txn->sql, error, "UPDATE message SET flags = ?, keywords = ? WHERE id = ?", "isi",
                      (gint64) flags, keywords, row->id))
    return FALSE;
  if (!same_keywords
      && (!surel_sql_run (txn->sql, error, "DELETE FROM message_keyword WHERE message = ?", "i", row->id)
          || !surel_message_row_put_keywords (txn, row->id, row->doc, keywords, error)))
    return FALSE;
  if (was_shown != now_shown
      && (!surel_sql_run (txn->sql, error, "UPDATE placement SET shown = ?1 AND NOT leaving WHERE message = ?2", "ii",
                          (gint64) now_shown, row->id)
          || !surel_message_row_settle (txn, row->id, row->shown, error)))
    return FALSE;
  if (was_shown == now_shown && row->shown)
    surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) row->id, SUREL_UPDATED);
  return count_everywhere (txn, row, now_shown - was_shown, surel_flags_unread (flags) - surel_flags_unread (row->flags),
                           error);
}

/**
 * surel_message_row_set_received:
 * @received: seconds since the epoch
 *
 * Gives the message, whose text has changed, its place in lists: a new one even where the date is the old one, for the text
 * index knows the old text by the old place.
 */
gboolean
surel_message_row_set_received (SurelTxn *txn, gint64 id, gint64 received, GError **error)
{
  gint64 tie = surel_txn_new_id (txn, error);
  gint64 doc = surel_message_row_doc (received, tie);

  return tie != 0 && surel_sql_run (txn->sql, error, "UPDATE message SET doc = ?, received = ? WHERE id = ?", "iii", doc, received, id)
         && surel_sql_run (txn->sql, error, "UPDATE placement SET doc = ? WHERE message = ?", "ii", doc, id)
         && surel_sql_run (txn->sql, error, "UPDATE message_keyword SET doc = ? WHERE message = ?", "ii", doc, id)
         && surel_search_note_row (txn, id, error);
}

/**
 * surel_message_row_put_text:
 *
 * Gives the message another header, date and size, as @message has them: not its bytes, nor its keywords.
 */
gboolean
surel_message_row_put_text (SurelTxn *txn, gint64 id, const SurelMessage *m, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE message SET size = ?, sent = ?, subject = ?, from_ = ?, sender = ?, "
                        "reply_to = ?, to_ = ?, cc = ?, bcc = ?, message_id = ?, in_reply_to = ?, refs = ?, preview = NULL, "
                        "identity = ?, email_id = ?, has_attachment = ?, extra = ? WHERE id = ?",
                        "iisbbbbbbsssisibi", (gint64) m->size, m->sent, m->subject, m->from, m->sender,
                        m->reply_to, m->to, m->cc, m->bcc, m->message_id, m->in_reply_to, m->references,
                        (gint64) surel_message_identity (m), m->email_id, (gint64) m->has_attachment, m->extra, id)
         && surel_message_row_set_received (txn, id, m->received, error) && surel_threads_follow (txn, id, error);
}

/**
 * surel_message_row_copy_text:
 *
 * As surel_message_row_put_text(), of what is here of @other.
 */
gboolean
surel_message_row_copy_text (SurelTxn *txn, gint64 id, gint64 other, GError **error)
{
#define TEXT                                                                                             \
  "size, sent, subject, from_, sender, reply_to, to_, cc, bcc, message_id, in_reply_to, refs, preview, identity, " \
  "email_id, has_attachment, extra"
  gint64 received = 0;

  return surel_sql_get (txn->sql, &received, error, "SELECT received FROM message WHERE id = ?", "i", other)
         && surel_sql_run (txn->sql, error, "UPDATE message SET (" TEXT ") = (SELECT " TEXT " FROM message WHERE id = ?) WHERE id = ?",
                           "ii", other, id)
         && surel_message_row_set_received (txn, id, received, error) && surel_threads_follow (txn, id, error);
#undef TEXT
}

/**
 * surel_message_row_delete:
 *
 * Deletes a message that is nowhere any more, with all that is kept of it.
 */
gboolean
surel_message_row_delete (SurelTxn *txn, gint64 id, GError **error)
{
  txn->gone++;
  return surel_sql_run (txn->sql, error,
                        "UPDATE content SET count = count - 1 WHERE id = (SELECT content FROM message "
                        "WHERE id = ?)",
                        "i", id)
         && surel_sql_run (txn->sql, error, "DELETE FROM message_keyword WHERE message = ?", "i", id)
         && surel_sql_run (txn->sql, error, "DELETE FROM intent WHERE message = ? AND operation = 0", "i", id)
         && surel_sql_run (txn->sql, error, "DELETE FROM placement WHERE message = ?", "i", id)
         && surel_search_note_gone (txn, id, error)
         && surel_sql_run (txn->sql, error, "DELETE FROM message WHERE id = ?", "i", id);
}
