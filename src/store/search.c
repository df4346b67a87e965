/* The text index: FTS5 without the text itself. A message is in it up to twice, as SQLite can't change what it doesn't keep:
 * by the fields of its row, and once its bytes are here by these and the text of its body. Its number there is twice its
 * `doc`, so that the newest comes first without sorting, and 1 more for the second: of the two the one that message.texted
 * says is the valid one (neither is where the index began anew and hasn't come to it). A message whose text changes gets
 * another `doc`; what the index has under one that is no message's any more is never found, and goes when the index is made
 * anew.
 *
 * What few rows a commit brings are in the index with it. Where there are many they come behind, newest ids last, while the
 * writer has nothing else to do; `search-mark` in the table meta is the last id whose row is in. What is to be put in anew, and
 * whose text has to be read from its bytes (by the engine), waits in the table reindex. */
#include "store/search.h"

#include <string.h>

#include "base/errors.h"
#include "store/message-row.h"
#include "store/store-private.h"
#include "store/tokenizer.h"

#define WORD_OF "surel_list_text (m.from_), surel_list_text (m.to_), surel_list_text (m.cc), surel_list_text (m.bcc)"
#define INSERT "INSERT INTO search (rowid, subject, from_, to_, cc, bcc, body) "
#define ROW_OF "SELECT m.doc * 2, m.subject, " WORD_OF ", m.preview "
#define STALE_MIN 20000 /* of the index's rows that are nobody's, before it is made anew */

void
surel_unsearched_clear (SurelUnsearched *self)
{
  g_clear_pointer (&self->digest, g_bytes_unref);
}

/* --- What to look for --- */

static gboolean
count_token (const char *token G_GNUC_UNUSED, gsize length G_GNUC_UNUSED, gpointer data)
{
  return ++*(guint *) data <= SUREL_SEARCH_WORDS_MAX;
}

/* A word or a phrase, whose last word may go on. Returns how many words it has, more than are allowed where there are too many. */
static guint
add_phrase (GString *expression, const char *text, gsize length)
{
  guint words = 0;

  surel_tokenizer_split (text, length, count_token, &words);
  if (words == 0)
    return 0;
  g_string_append (expression, expression->len > 0 ? " AND \"" : "\"");
  for (gsize i = 0; i < length; i++)
    g_string_append_c (expression, text[i] != '"' ? text[i] : ' ');
  g_string_append (expression, "\" *");
  return words;
}

/* The end of the word or phrase at @p, whose text is from @start on. */
static const char *
find_end (const char *p, const char **start)
{
  const char *end = *p == '"' || *p == '\'' ? strchr (p + 1, *p) : NULL;

  if (end != NULL && (end[1] == '\0' || g_ascii_isspace (end[1])))
    {
      *start = p + 1;
      return end;
    }
  *start = p;
  while (*p != '\0' && !g_ascii_isspace (*p))
    p++;
  return p;
}

/**
 * surel_search_expression:
 * @text: words, and phrases in quotation marks: all of them have to be there, each from the beginning of a word on; case and accents
 *   don't matter (RFC 8621 §4.4.1)
 * @left: (inout): how many words may be looked for yet
 *
 * Returns: (transfer full) (nullable): that for FTS5; %NULL with %SUREL_ERROR_INVALID_ARGUMENT where there is no word in it, or
 *   %SUREL_ERROR_LIMIT_EXCEEDED
 */
char *
surel_search_expression (SurelSearchField field, const char *text, guint *left, GError **error)
{
  static const char *const columns[] = {
    [SUREL_SEARCH_ANYWHERE] = "", [SUREL_SEARCH_SUBJECT] = "subject : ", [SUREL_SEARCH_FROM] = "from_ : ",
    [SUREL_SEARCH_TO] = "to_ : ", [SUREL_SEARCH_CC] = "cc : ",           [SUREL_SEARCH_BCC] = "bcc : ",
    [SUREL_SEARCH_BODY] = "body : ",
  };
  g_autoptr (GString) words = g_string_new (NULL);
  guint n = 0;
  const char *p = text;

  while (*p != '\0')
    {
      const char *start = p;
      const char *end = find_end (p, &start);

      n += add_phrase (words, start, (gsize) (end - start));
      if (n > MIN (SUREL_SEARCH_WORDS_MAX, *left))
        {
          g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED, "At most %d words can be looked for at once, and %d in a whole filter",
                       SUREL_SEARCH_WORDS_MAX, SUREL_SEARCH_ALL_WORDS_MAX);
          return NULL;
        }
      p = *end != '\0' ? end + 1 : end;
    }
  if (n == 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "There is no letter or digit to look for in what was given");
      return NULL;
    }
  *left -= n;
  return g_strdup_printf ("%s(%s)", columns[field], words->str);
}

/* --- What is to be put in --- */

/* Of bytes, in message.texted. */
static gint64
name_of (GBytes *digest)
{
  gint64 name = 0;

  memcpy (&name, g_bytes_get_data (digest, NULL), sizeof name);
  return name != 0 ? name : 1;
}

/**
 * surel_search_note_content:
 * @digest: of the bytes that have come
 */
gboolean
surel_search_note_content (SurelTxn *txn, gint64 message, GBytes *digest, GError **error)
{
  gint64 texted = 0;
  gint64 received = 0;

  if (!surel_sql_get (txn->sql, &texted, error, "SELECT texted FROM message WHERE id = ?", "i", message))
    return FALSE;
  if (texted == name_of (digest))
    return TRUE;
  /* Others than before, as some servers make them anew each time. */
  if (texted != 0
      && (!surel_sql_get (txn->sql, &received, error, "SELECT received FROM message WHERE id = ?", "i", message)
          || !surel_message_row_set_received (txn, message, received, error)))
    return FALSE;
  return surel_sql_run (txn->sql, error, "INSERT OR IGNORE INTO reindex (message, header) VALUES (?, 0)", "i", message);
}

#define MARK "(SELECT coalesce(max(value), 0) FROM meta WHERE key = 'search-mark')"

/**
 * surel_search_is_behind:
 *
 * Returns: whether there are rows that aren't in the index
 */
gboolean
surel_search_is_behind (SurelSql *sql)
{
  gint64 behind = 0;

  return surel_sql_get (sql, &behind, NULL,
                        "SELECT EXISTS (SELECT 1 FROM message WHERE id > " MARK ") OR EXISTS (SELECT 1 FROM reindex WHERE header)", "")
         && behind != 0;
}

/* The rows of these are in; what is left is to be read from bytes. */
static gboolean
settle_notes (SurelSql *sql, gint64 first, gint64 last, GError **error)
{
  return surel_sql_run (sql, error,
                        "DELETE FROM reindex INDEXED BY reindex_header WHERE header AND message BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = "
                        "reindex.message AND m.content IS NOT NULL)",
                        "ii", first, last)
         && surel_sql_run (sql, error, "UPDATE reindex INDEXED BY reindex_header SET header = 0 WHERE header AND message BETWEEN ? AND ?", "ii", first, last);
}

static gboolean
count_in_meta (SurelSql *sql, const char *key, gint64 more, GError **error)
{
  return surel_sql_run (sql, error,
                        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = value + ?2", "si", key, more);
}

/* What the index has of the message is nobody's any more. */
static gboolean
count_stale (SurelSql *sql, gint64 message, GError **error)
{
  gint64 rows = 0;

  return surel_sql_get (sql, &rows, error, "SELECT 1 + (texted != 0) FROM message WHERE id = ?", "i", message)
         && count_in_meta (sql, "search-stale", rows, error);
}

/**
 * surel_search_note_row:
 *
 * The message has another text, and another `doc` by now.
 */
gboolean
surel_search_note_row (SurelTxn *txn, gint64 message, GError **error)
{
  txn->store->search_noted = TRUE;
  return count_stale (txn->sql, message, error)
         && surel_sql_run (txn->sql, error, "INSERT OR REPLACE INTO reindex (message, header) VALUES (?, 1)", "i", message)
         && surel_sql_run (txn->sql, error, "UPDATE message SET texted = 0 WHERE id = ? AND texted != 0", "i", message);
}

/**
 * surel_search_note_copy:
 *
 * The message is a new one, made with another's bytes.
 */
gboolean
surel_search_note_copy (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "INSERT OR IGNORE INTO reindex (message, header) SELECT id, 0 FROM message WHERE id = ? AND content IS NOT NULL", "i",
                        message);
}

/**
 * surel_search_note_gone:
 *
 * The message is about to be deleted.
 */
gboolean
surel_search_note_gone (SurelTxn *txn, gint64 message, GError **error)
{
  return count_stale (txn->sql, message, error)
         && surel_sql_run (txn->sql, error, "DELETE FROM reindex WHERE message = ?", "i", message);
}

/**
 * surel_search_index:
 * @most: rows
 * @more: (out): whether there may be more of them
 *
 * Puts rows in that aren't there yet, in the transaction under way.
 */
gboolean
surel_search_index (SurelSql *sql, guint most, gboolean *more, GError **error)
{
  sqlite3 *db = surel_sql_handle (sql);
  gint64 mark = 0;
  gint64 last = 0;
  gint64 rows = 0;

  if (!surel_sql_get (sql, &mark, error, "SELECT " MARK, "")
      || !surel_sql_get (sql, &last, error, "SELECT max(id) FROM (SELECT id FROM message WHERE id > ? ORDER BY id LIMIT ?)", "ii", mark,
                         (gint64) most))
    return FALSE;
  if (last > 0)
    {
      if (!surel_sql_run (sql, error, INSERT ROW_OF "FROM message m WHERE m.id > ? AND m.id <= ? ORDER BY m.doc", "ii", mark, last))
        return FALSE;
      rows = sqlite3_changes64 (db);
      /* After it began anew: of them no text is in the index any more. */
      if (!surel_sql_run (sql, error, "UPDATE message SET texted = 0 WHERE id > ? AND id <= ? AND texted != 0", "ii", mark, last)
          || !settle_notes (sql, mark + 1, last, error)
          || !surel_sql_run (sql, error,
                             "INSERT OR IGNORE INTO reindex (message, header) SELECT id, 0 FROM message WHERE id > ? AND id <= ? AND content "
                             "IS NOT NULL",
                             "ii", mark, last)
          || !surel_store_put_meta (sql, "search-mark", last, error))
        return FALSE;
    }
  *more = rows == most;
  if (!*more)
    {
      if (!surel_sql_run (sql, error, INSERT ROW_OF "FROM reindex r CROSS JOIN message m ON m.id = r.message WHERE r.header ORDER BY m.doc", ""))
        return FALSE;
      rows += sqlite3_changes64 (db);
      if (!settle_notes (sql, 0, G_MAXINT64, error))
        return FALSE;
    }
  return rows == 0 || count_in_meta (sql, "search-rows", rows, error);
}

/* Gives the index the tables of an empty one: damaged ones can't even be emptied. */
static gboolean
replace_tables (SurelSql *sql, GError **error)
{
  static const char *const statements[] = {
    "CREATE VIRTUAL TABLE empty USING fts5 (subject, from_, to_, cc, bcc, body, content = '', columnsize = 0, tokenize = 'surel')",
    "DELETE FROM search_data", "INSERT INTO search_data SELECT * FROM empty_data",
    "DELETE FROM search_idx",  "INSERT INTO search_idx SELECT * FROM empty_idx",
    "DELETE FROM search_config", "INSERT INTO search_config SELECT * FROM empty_config",
    "DROP TABLE empty",
  };
  gboolean success = TRUE;

  sqlite3_db_config (surel_sql_handle (sql), SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
  for (guint i = 0; success && i < G_N_ELEMENTS (statements); i++)
    success = surel_sql_exec (sql, statements[i], error);
  sqlite3_db_config (surel_sql_handle (sql), SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  return success;
}

/**
 * surel_search_begin_anew:
 *
 * Empties the index, in the transaction under way: all is put in anew.
 */
gboolean
surel_search_begin_anew (SurelSql *sql, GError **error)
{
  return (surel_sql_run (sql, NULL, "INSERT INTO search (search) VALUES ('delete-all')", "") || replace_tables (sql, error))
         && surel_sql_run (sql, error, "DELETE FROM reindex", "")
         && surel_store_put_meta (sql, "search-mark", 0, error) && surel_store_put_meta (sql, "search-rows", 0, error)
         && surel_store_put_meta (sql, "search-stale", 0, error);
}

/**
 * surel_search_forget:
 *
 * Has nothing left of messages that are gone: the index begins anew.
 */
gboolean
surel_search_forget (SurelTxn *txn, GError **error)
{
  txn->store->search_behind = TRUE;
  return surel_search_begin_anew (txn->sql, error);
}

/**
 * surel_search_is_stale:
 *
 * Returns: whether much of the index is nobody's any more
 */
gboolean
surel_search_is_stale (SurelSql *sql)
{
  gint64 stale = 0;

  return surel_sql_get (sql, &stale, NULL,
                        "SELECT s.value > ? + r.value / 2 FROM meta s, meta r WHERE s.key = 'search-stale' AND r.key = 'search-rows'", "i",
                        (gint64) STALE_MIN)
         && stale != 0;
}

/**
 * surel_search_next:
 *
 * Returns: (transfer full) (element-type SurelUnsearched) (nullable): messages whose text is to be read from their bytes
 */
GArray *
surel_search_next (SurelReader *reader, guint most, GError **error)
{
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (SurelUnsearched));
  sqlite3_stmt *s = surel_sql_start (reader->sql, error,
                                     "SELECT r.message, c.digest FROM reindex r CROSS JOIN message m ON m.id = r.message CROSS JOIN content "
                                     "c ON c.id = m.content WHERE NOT r.header AND r.message <= " MARK " ORDER BY r.message DESC LIMIT ?",
                                     "i", (gint64) most);
  int result = -1;

  g_array_set_clear_func (found, (GDestroyNotify) surel_unsearched_clear);
  while (s != NULL && (result = surel_sql_step (reader->sql, s, error)) > 0)
    {
      SurelUnsearched next = { sqlite3_column_int64 (s, 0), surel_sql_column_bytes (s, 1) };

      g_array_append_val (found, next);
    }
  return result == 0 ? g_steal_pointer (&found) : NULL;
}

static gboolean
put_preview (SurelTxn *txn, gint64 message, const char *preview, GError **error)
{
  gint64 shown = 0;

  if (!surel_sql_run (txn->sql, error, "UPDATE message SET preview = ? WHERE id = ? AND coalesce (preview, '') = ''", "si", preview, message))
    return FALSE;
  if (sqlite3_changes64 (surel_sql_handle (txn->sql)) == 0)
    return TRUE;
  if (!surel_sql_get (txn->sql, &shown, error, "SELECT shown FROM message WHERE id = ?", "i", message))
    return FALSE;
  if (shown)
    surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) message, SUREL_UPDATED);
  return TRUE;
}

/**
 * surel_search_put_text:
 * @digest: of the bytes that @text is of
 * @text: (nullable): %NULL where they can't be read
 * @preview: (nullable): how it begins, for where the server didn't tell
 */
gboolean
surel_search_put_text (SurelTxn *txn, gint64 message, GBytes *digest, const char *text, const char *preview, GError **error)
{
  gint64 waits = 0;

  if (!surel_sql_get (txn->sql, &waits, error,
                      "SELECT 1 FROM reindex r CROSS JOIN message m ON m.id = r.message CROSS JOIN content c ON c.id = m.content WHERE "
                      "r.message = ? AND NOT r.header AND c.digest = ? AND r.message <= " MARK,
                      "ib", message, digest))
    return FALSE;
  if (!waits)
    return TRUE;
  txn->rows++;
  if (text != NULL
      && (!surel_sql_run (txn->sql, error,
                          INSERT "SELECT m.doc * 2 + 1, m.subject, " WORD_OF ", ? FROM message m WHERE m.id = ? AND m.texted = 0", "si", text,
                          message)
          || !count_in_meta (txn->sql, "search-rows", 1, error)
          || !surel_sql_run (txn->sql, error, "UPDATE message SET texted = ? WHERE id = ?", "ii", name_of (digest), message)))
    return FALSE;
  return surel_sql_run (txn->sql, error, "DELETE FROM reindex WHERE message = ?", "i", message)
         && (preview == NULL || preview[0] == '\0' || put_preview (txn, message, preview, error));
}

/**
 * surel_search_is_complete:
 * @bodies: whether what is looked for may be in a body
 * @complete: (out): whether nothing that isn't in the index could be found
 */
gboolean
surel_search_is_complete (SurelReader *reader, gboolean bodies, gboolean *complete, GError **error)
{
  gint64 lacks = surel_search_is_behind (reader->sql);

  if (bodies && !lacks
      && !surel_sql_get (reader->sql, &lacks, error, "SELECT EXISTS (SELECT 1 FROM message WHERE shown AND texted = 0)", ""))
    return FALSE;
  *complete = lacks == 0;
  return TRUE;
}
