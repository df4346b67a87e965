/* Messages, read one by one. */
#include "store/rows.h"

#include <string.h>

#include "base/errors.h"
#include "base/keywords.h"
#include "store/message-row.h"

#define THREAD_FROM_MAX 100 /* who wrote in a thread: the first so many */

static SurelRowList
list_of (sqlite3_stmt *statement, int column)
{
  return (SurelRowList){ sqlite3_column_blob (statement, column),
                         (gsize) sqlite3_column_bytes (statement, column) };
}

/**
 * surel_row_list_next:
 * @rest: (inout): a list, and then what is behind the first of it
 * @name: (out): borrowed from the list, as is @address
 *
 * Returns: whether there was one more
 */
gboolean
surel_row_list_next (SurelRowList *rest, const char **name, const char **address)
{
  const char *name_end = rest->length > 0 ? memchr (rest->data, '\0', rest->length) : NULL;
  gsize left = name_end != NULL ? rest->length - (gsize) (name_end + 1 - rest->data) : 0;
  const char *address_end = left > 0 ? memchr (name_end + 1, '\0', left) : NULL;

  if (address_end == NULL)
    return FALSE;
  *name = rest->data;
  *address = name_end + 1;
  *rest = (SurelRowList){ address_end + 1, left - (gsize) (address_end + 1 - *address) };
  return TRUE;
}

static const char *
text_of (sqlite3_stmt *statement, int column)
{
  return (const char *) sqlite3_column_text (statement, column);
}

/**
 * surel_row_read:
 * @id: a message's id
 * @row: (out caller-allocates): borrowed until the next call with this reader
 *
 * Returns: 1 where @row is set, 0 where there is no such message to be shown, -1 with @error set
 */
int
surel_row_read (SurelReader *reader, gint64 id, SurelRow *row, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT m.id, m.account, m.flags, m.keywords, m.size, m.received, m.sent, m.subject, m.from_, "
      "m.sender, m.reply_to, m.to_, m.cc, m.bcc, m.message_id, m.in_reply_to, m.refs, m.preview, "
      "m.has_attachment, m.extra, c.digest, EXISTS (SELECT 1 FROM intent i WHERE i.message = m.id AND i.state < 2), "
      "CASE WHEN EXISTS (SELECT 1 FROM placement p WHERE p.message = m.id AND p.leaving) THEN 0 ELSE m.saved END, m.thread "
      "FROM message m LEFT JOIN content c ON c.id = m.content "
      "WHERE m.id = ? AND m.shown",
      "i", id);
  int result = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;

  if (result <= 0)
    return result;
  *row = (SurelRow){
    .id = sqlite3_column_int64 (s, 0),
    .account = sqlite3_column_int64 (s, 1),
    .flags = (guint) sqlite3_column_int64 (s, 2),
    .keywords = text_of (s, 3),
    .size = (guint64) sqlite3_column_int64 (s, 4),
    .received = sqlite3_column_int64 (s, 5),
    .sent = sqlite3_column_int64 (s, 6),
    .subject = text_of (s, 7),
    .from = list_of (s, 8),
    .sender = list_of (s, 9),
    .reply_to = list_of (s, 10),
    .to = list_of (s, 11),
    .cc = list_of (s, 12),
    .bcc = list_of (s, 13),
    .message_id = text_of (s, 14),
    .in_reply_to = text_of (s, 15),
    .references = text_of (s, 16),
    .preview = text_of (s, 17),
    .has_attachment = sqlite3_column_int (s, 18),
    .extra = list_of (s, 19),
    .digest = sqlite3_column_blob (s, 20),
    .pending = sqlite3_column_int (s, 21),
    .saved = sqlite3_column_int64 (s, 22),
    .thread = sqlite3_column_int64 (s, 23),
  };
  return 1;
}

/**
 * surel_row_read_folders:
 *
 * Returns: (transfer full) (element-type gint64) (nullable): the folders the message is in
 */
GArray *
surel_row_read_folders (SurelReader *reader, gint64 id, GError **error)
{
  g_autoptr (GArray) folders = g_array_new (FALSE, FALSE, sizeof (gint64));
  sqlite3_stmt *statement = surel_sql_start (
      reader->sql, error, "SELECT DISTINCT folder FROM placement WHERE message = ? AND NOT leaving ORDER BY folder", "i",
      id);
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (reader->sql, statement, error)) > 0)
    {
      gint64 folder = sqlite3_column_int64 (statement, 0);

      g_array_append_val (folders, folder);
    }
  return result == 0 ? g_steal_pointer (&folders) : NULL;
}

void
surel_row_thread_free (SurelRowThread *self)
{
  g_free (self->keywords);
  g_byte_array_unref (self->from);
  g_free (self);
}

/* Adds those of @list who aren't in @known, by their addresses, yet. */
static void
add_from (SurelRowThread *thread, SurelRowList list, GHashTable *known)
{
  const char *name;
  const char *address;

  while (g_hash_table_size (known) < THREAD_FROM_MAX && surel_row_list_next (&list, &name, &address))
    if (g_hash_table_add (known, g_ascii_strdown (address, -1)))
      g_byte_array_append (thread->from, (const guint8 *) name, (guint) (list.data - name));
}

/**
 * surel_row_read_thread:
 * @thread: a thread's id
 *
 * Returns: (transfer full) (nullable): what its messages make of it, as far as they are shown; %NULL with @error set
 */
SurelRowThread *
surel_row_read_thread (SurelReader *reader, gint64 thread, GError **error)
{
  g_autoptr (SurelRowThread) self = g_new0 (SurelRowThread, 1);
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  sqlite3_stmt *s = surel_sql_start (reader->sql, error,
                                     "SELECT flags, keywords, from_ FROM message INDEXED BY message_thread WHERE thread = ? AND "
                                     "shown ORDER BY doc",
                                     "i", thread);
  int result = -1;

  self->from = g_byte_array_new ();
  while (s != NULL && (result = surel_sql_step (reader->sql, s, error)) > 0)
    {
      guint flags = (guint) sqlite3_column_int64 (s, 0);
      const char *keywords = text_of (s, 1);

      self->size++;
      self->unread += (guint) surel_flags_unread (flags);
      self->flags |= flags;
      if (keywords != NULL && g_strcmp0 (keywords, self->keywords) != 0)
        {
          g_autofree char *before = g_steal_pointer (&self->keywords);

          self->keywords = surel_keywords_combine (before, keywords, NULL);
        }
      add_from (self, list_of (s, 2), known);
    }
  return result == 0 ? g_steal_pointer (&self) : NULL;
}

void
surel_where_free (SurelWhere *self)
{
  surel_remote_id_clear (&self->remote_id);
  g_free (self->folder_remote_id);
  g_clear_pointer (&self->token, g_bytes_unref);
  g_free (self);
}

/**
 * surel_row_find:
 * @id: a message's id
 *
 * One that is shown no more is found, too, while it is on its way to another account.
 *
 * Returns: (transfer full) (nullable): where to fetch it from; %NULL with %SUREL_ERROR_NOT_FOUND
 */
SurelWhere *
surel_row_find (SurelReader *reader, gint64 id, GError **error)
{
  g_autoptr (SurelWhere) where = NULL;
  sqlite3_stmt *statement = surel_sql_start (
      reader->sql, error,
      "SELECT f.account, f.id, p.rid, f.remote_id, f.token, m.size FROM message m JOIN placement p ON "
      "p.message = m.id JOIN folder f ON f.id = p.folder AND f.epoch = p.epoch WHERE m.id = ? AND "
      "(m.shown OR EXISTS (SELECT 1 FROM intent i WHERE i.source = m.id AND i.state < 2 AND i.kind IN (4, 5))) LIMIT 1",
      "i", id);
  int result = statement != NULL ? surel_sql_step (reader->sql, statement, error) : -1;

  if (result < 0)
    return NULL;
  if (result == 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND,
                   "There is no message %" G_GINT64_FORMAT " (any more)", id);
      return NULL;
    }
  where = g_new0 (SurelWhere, 1);
  where->account = sqlite3_column_int64 (statement, 0);
  where->folder = sqlite3_column_int64 (statement, 1);
  where->remote_id = surel_sql_column_remote_id (statement, 2);
  where->folder_remote_id = surel_sql_column_text (statement, 3);
  where->token = surel_sql_column_bytes (statement, 4);
  where->size = (guint64) sqlite3_column_int64 (statement, 5);
  sqlite3_reset (statement);
  return g_steal_pointer (&where);
}
