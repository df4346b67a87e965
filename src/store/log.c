/* The commit log, read as "what changed since".
 *
 * A state that clients may go on from is the number of a commit whose row is still there. A listing
 * from 0 takes many pages and has no row of its own, so its cursor says two things in one number: with
 * S the state at its start and P a position among the ids, it is S - STEP + P. States go up in steps of
 * STEP, so no cursor is ever a state, and each sorts before the state it leads to. After the last page
 * comes S itself, and the log from there tells what happened while the listing went on. */
#include "store/log.h"

#include "base/errors.h"

#define BUCKET 1024 /* ids to one position: 2^22 positions are 4,294,967,296 ids */
#define KEEP_SECONDS (90 * 24 * 3600) /* the log keeps 90 days at least */
#define TRIM_ROWS 10000 /* rows to one commit */

void
surel_page_free (SurelPage *self)
{
  surel_changes_unref (self->changes);
  g_free (self);
}

static gboolean
fail_unknown (guint64 since, GError **error)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_CANNOT_CALCULATE_CHANGES,
               "What changed since state %" G_GUINT64_FORMAT " is not known any more (or it never "
               "was a state of this store); list everything anew from state 0",
               since);
  return FALSE;
}

static gboolean
check_known (SurelReader *reader, guint64 state, guint64 since, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (reader->sql, &found, error, "SELECT 1 FROM log WHERE state = ?", "i",
                      (gint64) state))
    return FALSE;
  return found != 0 || fail_unknown (since, error);
}

/* Adds the rows a query gives, each an id and perhaps an account. */
static gboolean
add_created (SurelReader *reader, SurelPage *page, SurelFamily family, sqlite3_stmt *statement,
             GError **error)
{
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (reader->sql, statement, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (statement, 0);

      if (family == SUREL_FAMILY_FOLDER)
        id = (gint64) SUREL_FOLDER_KEY (sqlite3_column_int64 (statement, 1), id);
      surel_changes_add (page->changes, family, (guint64) id, SUREL_CREATED);
    }
  return result == 0;
}

static gboolean
add_bucket (SurelReader *reader, SurelPage *page, gint64 bucket, GError **error)
{
  gint64 first = bucket * BUCKET;
  gint64 last = first + BUCKET - 1;

  return add_created (reader, page, SUREL_FAMILY_FOLDER,
                      surel_sql_start (reader->sql, error,
                                       "SELECT f.id, f.account FROM folder f JOIN account a ON "
                                       "a.id = f.account WHERE f.id BETWEEN ? AND ? AND NOT a.removing AND NOT f.deleting",
                                       "ii", first, last),
                      error)
         && add_created (reader, page, SUREL_FAMILY_MESSAGE,
                         surel_sql_start (reader->sql, error,
                                          "SELECT id FROM message WHERE id BETWEEN ? AND ? AND shown",
                                          "ii", first, last),
                         error);
}

/* The first bucket at or after @bucket with anything in it; -1 for none. */
static gboolean
next_bucket (SurelReader *reader, gint64 bucket, gint64 *next, GError **error)
{
  gint64 folder = G_MAXINT64;
  gint64 message = G_MAXINT64;

  if (!surel_sql_get (reader->sql, &folder, error, "SELECT min(id) FROM folder WHERE id >= ?", "i",
                      bucket * BUCKET)
      || !surel_sql_get (reader->sql, &message, error, "SELECT min(id) FROM message WHERE id >= ?",
                         "i", bucket * BUCKET))
    return FALSE;
  *next = MIN (folder, message) == G_MAXINT64 ? -1 : MIN (folder, message) / BUCKET;
  return TRUE;
}

/* Lists what there is, from @position on, as of a listing that began at @start. */
static gboolean
read_listing (SurelReader *reader, SurelPage *page, guint64 start, guint64 position, guint limit,
              GError **error)
{
  gint64 bucket = (gint64) position;

  if (position == 0
      && !add_created (reader, page, SUREL_FAMILY_ACCOUNT,
                       surel_sql_start (reader->sql, error,
                                        "SELECT id FROM account WHERE NOT removing", ""),
                       error))
    return FALSE;
  for (;;)
    {
      if (!next_bucket (reader, bucket, &bucket, error))
        return FALSE;
      if (bucket < 0)
        break;
      if (surel_changes_count (page->changes) >= limit)
        {
          page->state = start - SUREL_STATE_STEP + (guint64) bucket;
          page->has_more = TRUE;
          return TRUE;
        }
      if (!add_bucket (reader, page, bucket, error))
        return FALSE;
      bucket++;
    }
  page->state = start;
  page->has_more = start != reader->state;
  return TRUE;
}

static gboolean
read_commits (SurelReader *reader, SurelPage *page, guint64 since, guint limit, GError **error)
{
  int result = 0;
  sqlite3_stmt *statement
      = surel_sql_start (reader->sql, error,
                         "SELECT state, changes FROM log WHERE state > ? ORDER BY state", "i",
                         (gint64) since);

  page->state = since;
  while (statement != NULL && surel_changes_count (page->changes) < limit
         && (result = surel_sql_step (reader->sql, statement, error)) > 0)
    {
      page->state = (guint64) sqlite3_column_int64 (statement, 0);
      if (!surel_changes_add_encoded (page->changes, sqlite3_column_blob (statement, 1),
                                      (gsize) sqlite3_column_bytes (statement, 1)))
        {
          sqlite3_reset (statement);
          return fail_unknown (since, error);
        }
    }
  if (statement == NULL || result < 0)
    return FALSE;
  sqlite3_reset (statement);
  page->has_more = page->state != reader->state;
  return TRUE;
}

/* A cursor stands somewhere among the ids that were ever reserved. */
static gboolean
check_cursor (SurelReader *reader, guint64 start, guint64 position, guint64 since, GError **error)
{
  gint64 ids_end = 0;

  if (!surel_sql_get (reader->sql, &ids_end, error, "SELECT value FROM meta WHERE key = 'ids-end'", ""))
    return FALSE;
  if (position > (guint64) ids_end / BUCKET)
    return fail_unknown (since, error);
  return check_known (reader, start, since, error);
}

/**
 * surel_log_read:
 * @since: 0, or a state an earlier page or a signal gave
 * @limit: after how many ids to stop; a commit is never cut, so there may be more
 *
 * Returns: (transfer full) (nullable): what changed, or %NULL with
 *   %SUREL_ERROR_CANNOT_CALCULATE_CHANGES
 */
SurelPage *
surel_log_read (SurelReader *reader, guint64 since, guint limit, GError **error)
{
  g_autoptr (SurelPage) page = g_new0 (SurelPage, 1);
  guint64 position = since % SUREL_STATE_STEP;
  guint64 start = since - position + SUREL_STATE_STEP;

  page->changes = surel_changes_new ();
  limit = CLAMP (limit, 1, SUREL_CHANGES_LIMIT_MAX);
  if (since == 0)
    return read_listing (reader, page, reader->state, 0, limit, error) ? g_steal_pointer (&page) : NULL;
  if (position != 0)
    return check_cursor (reader, start, position, since, error)
                   && read_listing (reader, page, start, position, limit, error)
               ? g_steal_pointer (&page)
               : NULL;
  return check_known (reader, since, since, error) && read_commits (reader, page, since, limit, error)
             ? g_steal_pointer (&page)
             : NULL;
}

/**
 * surel_log_read_since:
 * @changes: gets all that happened since @since
 * @known: (out): whether that is known still
 */
gboolean
surel_log_read_since (SurelSql *sql, guint64 since, SurelChanges *changes, gint64 *known, GError **error)
{
  sqlite3_stmt *s;
  int result = -1;

  *known = 0;
  if (!surel_sql_get (sql, known, error, "SELECT 1 FROM log WHERE state = ?", "i", (gint64) since))
    return FALSE;
  if (!*known)
    return TRUE;
  s = surel_sql_start (sql, error, "SELECT changes FROM log WHERE state > ? ORDER BY state", "i", (gint64) since);
  while (s != NULL && (result = surel_sql_step (sql, s, error)) > 0)
    if (!surel_changes_add_encoded (changes, sqlite3_column_blob (s, 0), (gsize) sqlite3_column_bytes (s, 0)))
      *known = 0;
  return result == 0;
}

/**
 * surel_log_append:
 *
 * Writes the row of a commit.
 */
gboolean
surel_log_append (SurelSql *sql, guint64 state, gint64 time, SurelChanges *changes, GError **error)
{
  g_autoptr (GBytes) encoded = surel_changes_encode (changes);

  return surel_sql_run (sql, error, "INSERT INTO log (state, time, changes) VALUES (?, ?, ?)", "iib",
                        (gint64) state, time, encoded);
}

/**
 * surel_log_trim:
 *
 * Takes away what is over 90 days old, but never the newest row.
 */
gboolean
surel_log_trim (SurelTxn *txn, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "DELETE FROM log WHERE state IN (SELECT state FROM log WHERE time < ? AND "
                        "state < (SELECT max(state) FROM log) ORDER BY state LIMIT ?)",
                        "ii", txn->time - KEEP_SECONDS, (gint64) TRIM_ROWS);
}
