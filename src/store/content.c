/* Content: the bytes of messages, exactly as a server has them, each kept once under its SHA-256. The
 * file is whole and durable before the database knows of it; a file the database doesn't know is
 * rubbish and harmless.
 *
 * Rubbish is taken out of the database first, and its file removed once that is committed. Meanwhile the same bytes
 * may come again, and be known again. So each file is in one of three states here, by its path: held by somebody who
 * has just written it and is about to tell the database, doomed, or neither. Held ones aren't doomed, and are no
 * longer when they are written anew. */
#include "store/content.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errors.h"
#include "store/datadir.h"
#include "store/message-row.h"
#include "store/search.h"

#define SWEEP_ROWS 1000 /* rows to one commit */
#define COPY_SIZE 65536 /* octets read at once to check a digest */

struct _SurelContentWriter
{
  char *dir;
  char *temporary; /* path; NULL once it has its name */
  int fd;
  guint64 size;
  GChecksum *checksum;
};

static gboolean
fail (GError **error, const char *doing)
{
  int number = errno;

  g_set_error (error, SUREL_ERROR,
               number == ENOSPC || number == EDQUOT ? SUREL_ERROR_STORAGE_FULL : SUREL_ERROR_FAILED,
               "A message's bytes can't be %s: %s", doing, g_strerror (number));
  return FALSE;
}

G_LOCK_DEFINE_STATIC (files);
static GHashTable *held; /* path → how many hold it */
static GHashTable *doomed; /* paths */

/* Ends with the last reference to the digest that was returned for it. */
typedef struct
{
  char *path;
  guint8 digest[SUREL_DIGEST_SIZE];
} Hold;

static Hold *
hold (const char *path, const guint8 *digest)
{
  Hold *self = g_new0 (Hold, 1);

  self->path = g_strdup (path);
  memcpy (self->digest, digest, sizeof self->digest);
  G_LOCK (files);
  if (held == NULL)
    held = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_insert (held, g_strdup (path), GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (held, path)) + 1));
  if (doomed != NULL)
    g_hash_table_remove (doomed, path);
  G_UNLOCK (files);
  return self;
}

static void
let_go (gpointer data)
{
  Hold *self = data;
  guint count;

  G_LOCK (files);
  count = GPOINTER_TO_UINT (g_hash_table_lookup (held, self->path)) - 1;
  if (count == 0)
    g_hash_table_remove (held, self->path);
  else
    g_hash_table_insert (held, g_strdup (self->path), GUINT_TO_POINTER (count));
  G_UNLOCK (files);
  g_free (self->path);
  g_free (self);
}

/* Whether the file may be removed once that is committed. */
static gboolean
doom (const char *path)
{
  gboolean free;

  G_LOCK (files);
  free = held == NULL || !g_hash_table_contains (held, path);
  if (doomed == NULL)
    doomed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (free)
    g_hash_table_add (doomed, g_strdup (path));
  G_UNLOCK (files);
  return free;
}

static char *
path_of (const char *dir, const guint8 *digest, char **folder)
{
  char hex[2 * SUREL_DIGEST_SIZE + 1];
  g_autofree char *first = NULL;

  for (guint i = 0; i < SUREL_DIGEST_SIZE; i++)
    g_snprintf (hex + 2 * i, 3, "%02x", digest[i]);
  first = g_strndup (hex, 2);
  if (folder != NULL)
    *folder = g_build_filename (dir, first, NULL);
  return g_build_filename (dir, first, hex + 2, NULL);
}

/**
 * surel_content_writer_new:
 * @content_dir: the store's
 *
 * Returns: (transfer full) (nullable): a writer of one message; freeing it unfinished leaves nothing
 */
SurelContentWriter *
surel_content_writer_new (const char *content_dir, GError **error)
{
  g_autoptr (SurelContentWriter) self = g_new0 (SurelContentWriter, 1);

  self->dir = g_strdup (content_dir);
  self->temporary = g_build_filename (content_dir, "new-XXXXXX", NULL);
  self->fd = g_mkstemp_full (self->temporary, O_RDWR | O_CLOEXEC, 0600);
  self->checksum = g_checksum_new (G_CHECKSUM_SHA256);
  if (self->fd < 0)
    {
      fail (error, "kept");
      g_clear_pointer (&self->temporary, g_free);
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
surel_content_writer_free (SurelContentWriter *self)
{
  if (self->fd >= 0)
    close (self->fd);
  if (self->temporary != NULL)
    g_unlink (self->temporary);
  g_free (self->temporary);
  g_free (self->dir);
  g_clear_pointer (&self->checksum, g_checksum_free);
  g_free (self);
}

gboolean
surel_content_writer_write (SurelContentWriter *self, const void *data, gsize length, GError **error)
{
  const guint8 *p = data;
  gsize left = length;

  while (left > 0)
    {
      gssize written = write (self->fd, p, left);

      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return fail (error, "kept");
      p += written;
      left -= (gsize) written;
    }
  g_checksum_update (self->checksum, data, (gssize) length);
  self->size += length;
  return TRUE;
}

static gboolean
sync_directory (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean success = fd >= 0 && fsync (fd) == 0;

  if (!success)
    fail (error, "made durable");
  if (fd >= 0)
    close (fd);
  return success;
}

/**
 * surel_content_writer_finish:
 * @size: (out): octets
 *
 * Makes what was written durable and gives it its name.
 *
 * Returns: (transfer full) (nullable): its SHA-256, for surel_content_add(); the file stays at least for as long as
 *   this is referred to
 */
GBytes *
surel_content_writer_finish (SurelContentWriter *self, guint64 *size, GError **error)
{
  guint8 digest[SUREL_DIGEST_SIZE];
  gsize length = sizeof digest;
  g_autofree char *folder = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GBytes) result = NULL;
  gboolean is_new;
  Hold *own;

  g_checksum_get_digest (self->checksum, digest, &length);
  path = path_of (self->dir, digest, &folder);
  is_new = !g_file_test (folder, G_FILE_TEST_IS_DIR);
  if (!surel_data_dir_make (folder, error) || (is_new && !sync_directory (self->dir, error)))
    return NULL;
  own = hold (path, digest);
  result = g_bytes_new_with_free_func (own->digest, sizeof own->digest, let_go, own);
  if (fdatasync (self->fd) != 0 || g_rename (self->temporary, path) != 0)
    {
      fail (error, "made durable");
      return NULL;
    }
  g_clear_pointer (&self->temporary, g_free);
  if (!sync_directory (folder, error))
    return NULL;
  *size = self->size;
  return g_steal_pointer (&result);
}

/* Those that are to go to other accounts are the same octets. */
static gboolean
hand_on (SurelTxn *txn, gint64 message, GBytes *digest, guint64 size, GError **error)
{
  g_autoptr (GArray) waiting = g_array_new (FALSE, FALSE, sizeof (gint64));
  sqlite3_stmt *s = surel_sql_start (
      txn->sql, error, "SELECT message, operation FROM intent WHERE source = ? AND state < 2 AND kind IN (4, 5) AND kind = 5",
      "i", message);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);

      surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) sqlite3_column_int64 (s, 1), SUREL_UPDATED);
      g_array_append_val (waiting, id);
    }
  for (guint i = 0; result == 0 && i < waiting->len; i++)
    if (!surel_content_add (txn, g_array_index (waiting, gint64, i), digest, size, error))
      return FALSE;
  return result == 0;
}

/**
 * surel_content_add:
 * @digest: of a finished writer
 * @size: octets
 *
 * Notes that @message has these bytes.
 */
gboolean
surel_content_add (SurelTxn *txn, gint64 message, GBytes *digest, guint64 size, GError **error)
{
  gint64 content = 0;
  gint64 before = 0;

  if (!surel_sql_get (txn->sql, &before, error, "SELECT content FROM message WHERE id = ?", "i", message)
      || !surel_sql_run (txn->sql, error,
                         "INSERT INTO content (digest, size, count, last_used) VALUES (?, ?, 0, ?) ON "
                         "CONFLICT (digest) DO UPDATE SET last_used = excluded.last_used",
                         "bii", digest, (gint64) size, txn->time)
      || !surel_sql_get (txn->sql, &content, error, "SELECT id FROM content WHERE digest = ?", "b",
                         digest))
    return FALSE;
  if (content == before)
    return TRUE;
  if (!surel_sql_run (txn->sql, error, "UPDATE content SET count = count - 1 WHERE id = ?", "i", before)
      || !surel_sql_run (txn->sql, error, "UPDATE message SET content = ? WHERE id = ?", "ii", content,
                         message))
    return FALSE;
  if (sqlite3_changes64 (surel_sql_handle (txn->sql)) == 0)
    return TRUE; /* the message went meanwhile */
  surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) message, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error, "UPDATE content SET count = count + 1 WHERE id = ?", "i",
                        content)
         && surel_search_note_content (txn, message, digest, error)
         && hand_on (txn, message, digest, size, error);
}

/**
 * surel_content_forget:
 *
 * The bytes of @digest are damaged or lost: the messages that had them are as before they were fetched, but for those whose
 * bytes can't be fetched from anywhere: of their file a person may get something back.
 */
gboolean
surel_content_forget (SurelTxn *txn, GBytes *digest, GError **error)
{
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error,
      "SELECT id FROM message WHERE shown AND content = (SELECT id FROM content WHERE digest = ?)", "b",
      digest);
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) sqlite3_column_int64 (statement, 0),
                       SUREL_UPDATED);
  return result == 0
         && surel_sql_run (txn->sql, error,
                           "UPDATE message AS m SET content = NULL WHERE content = (SELECT id FROM content WHERE digest = ?) AND (EXISTS "
                           "(SELECT 1 FROM placement p WHERE p.message = m.id AND p.epoch < ?) OR EXISTS (SELECT 1 FROM intent i WHERE "
                           "i.message = m.id AND i.state < 2 AND i.kind IN (4, 5) AND i.source != 0))",
                           "bi", digest, SUREL_EPOCH_HERE)
         && surel_sql_run (txn->sql, error,
                           "UPDATE content SET count = (SELECT count(*) FROM message m WHERE m.content = content.id) WHERE digest = ?",
                           "b", digest)
         && surel_sql_run (txn->sql, error, "DELETE FROM content WHERE digest = ? AND count <= 0", "b", digest);
}

/**
 * surel_content_sweep:
 * @content_dir: the store's
 * @paths: (element-type filename): gets the files of what no message has any more, for surel_content_unlink() once this
 *   is committed, or can't be
 */
gboolean
surel_content_sweep (SurelTxn *txn, const char *content_dir, GPtrArray *paths, GError **error)
{
  g_autoptr (GPtrArray) digests = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  sqlite3_stmt *statement = surel_sql_start (
      txn->sql, error, "SELECT digest FROM content WHERE count <= 0 LIMIT ?", "i", (gint64) SWEEP_ROWS);
  int result = -1;

  while (statement != NULL && (result = surel_sql_step (txn->sql, statement, error)) > 0)
    g_ptr_array_add (digests, surel_sql_column_bytes (statement, 0));
  for (guint i = 0; result == 0 && i < digests->len; i++)
    {
      GBytes *digest = digests->pdata[i];
      g_autofree char *path = g_bytes_get_size (digest) == SUREL_DIGEST_SIZE
                                  ? path_of (content_dir, g_bytes_get_data (digest, NULL), NULL)
                                  : NULL;

      if (path != NULL && !doom (path))
        continue;
      if (!surel_sql_run (txn->sql, error, "DELETE FROM content WHERE digest = ?", "b", digest))
        result = -1;
      if (path != NULL)
        g_ptr_array_add (paths, g_steal_pointer (&path));
    }
  return result == 0;
}

/**
 * surel_content_unlink:
 * @paths: (element-type filename): what surel_content_sweep() gave
 * @committed: whether the database has let go of them
 *
 * Removes them, but for those that have been written anew since.
 */
void
surel_content_unlink (GPtrArray *paths, gboolean committed)
{
  for (guint i = 0; i < paths->len; i++)
    {
      G_LOCK (files);
      if (g_hash_table_remove (doomed, paths->pdata[i]) && committed)
        g_unlink (paths->pdata[i]);
      G_UNLOCK (files);
    }
}

/* Returns 1 where it does, 0 where it doesn't, -1 with errno set where that can't be told. */
static int
digest_fits (int fd, const guint8 *digest)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *buffer = g_malloc (COPY_SIZE);
  guint8 found[SUREL_DIGEST_SIZE];
  gsize length = sizeof found;
  gssize n;

  while ((n = read (fd, buffer, COPY_SIZE)) > 0)
    g_checksum_update (checksum, buffer, n);
  g_checksum_get_digest (checksum, found, &length);
  if (n < 0 || lseek (fd, 0, SEEK_SET) != 0)
    return -1;
  return memcmp (found, digest, sizeof found) == 0;
}

/* As digest_fits(), of what was opened with @fd. */
static int
is_sound (int fd, const guint8 *digest)
{
  struct stat status;

  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
  if (fstat (fd, &status) != 0)
    return -1;
  return S_ISREG (status.st_mode) ? digest_fits (fd, digest) : 0;
}

/**
 * surel_content_open:
 * @digest: %SUREL_DIGEST_SIZE octets
 *
 * Opens the bytes for reading, once it has made sure that they are those the digest was made of.
 *
 * Returns: a descriptor; -1 with %SUREL_ERROR_NOT_FOUND where they are lost or damaged and have to be
 *   fetched again, or with %SUREL_ERROR_FAILED where the disk doesn't give them out: they may be fine
 */
int
surel_content_open (const char *content_dir, const guint8 *digest, GError **error)
{
  g_autofree char *path = path_of (content_dir, digest, NULL);
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  int sound;

  if (fd < 0 && (errno == EMFILE || errno == ENFILE))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED,
                   "Too many files are open; close some and try again");
      return -1;
    }
  sound = is_sound (fd, digest);
  if (sound > 0)
    return fd;
  if (sound < 0)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The disk that holds the message's bytes failed: %s can't be read (%s)", path,
                 g_strerror (errno));
  else
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The message's bytes are lost or damaged");
  if (fd >= 0)
    close (fd);
  return -1;
}

/**
 * surel_content_clean_up:
 *
 * Removes what writers left that a crash has ended.
 */
void
surel_content_clean_up (const char *content_dir)
{
  g_autoptr (GDir) dir = g_dir_open (content_dir, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, "new-"))
      {
        g_autofree char *path = g_build_filename (content_dir, name, NULL);

        g_unlink (path);
      }
}

struct _SurelContentWalk
{
  char *path;
  GDir *outer; /* nullable */
  GDir *inner; /* nullable */
  char first[3]; /* the inner folder's name: the digest's first octet */
};

SurelContentWalk *
surel_content_walk_new (const char *content_dir)
{
  SurelContentWalk *self = g_new0 (SurelContentWalk, 1);

  self->path = g_strdup (content_dir);
  self->outer = g_dir_open (content_dir, 0, NULL);
  return self;
}

void
surel_content_walk_free (SurelContentWalk *self)
{
  g_clear_pointer (&self->inner, g_dir_close);
  g_clear_pointer (&self->outer, g_dir_close);
  g_free (self->path);
  g_free (self);
}

static GBytes *
digest_of_name (const char *first, const char *rest)
{
  guint8 digest[SUREL_DIGEST_SIZE];
  g_autofree char *hex = g_strconcat (first, rest, NULL);

  if (strlen (hex) != 2 * sizeof digest)
    return NULL;
  for (guint i = 0; i < 2 * sizeof digest; i++)
    {
      gint value = g_ascii_xdigit_value (hex[i]);

      if (value < 0)
        return NULL;
      digest[i / 2] = (guint8) (i % 2 == 0 ? value << 4 : digest[i / 2] | value);
    }
  return g_bytes_new (digest, sizeof digest);
}

/**
 * surel_content_walk_next:
 *
 * Returns: (transfer full) (nullable): the next file's digest, as its name says; %NULL at the end
 */
GBytes *
surel_content_walk_next (SurelContentWalk *self)
{
  for (;;)
    {
      const char *name = self->inner != NULL ? g_dir_read_name (self->inner) : NULL;
      GBytes *digest = name != NULL ? digest_of_name (self->first, name) : NULL;
      g_autofree char *path = NULL;

      if (digest != NULL)
        return digest;
      if (name != NULL)
        continue;
      g_clear_pointer (&self->inner, g_dir_close);
      do
        name = self->outer != NULL ? g_dir_read_name (self->outer) : NULL;
      while (name != NULL && strlen (name) != 2);
      if (name == NULL)
        return NULL;
      memcpy (self->first, name, sizeof self->first);
      path = g_build_filename (self->path, name, NULL);
      self->inner = g_dir_open (path, 0, NULL);
    }
}

/**
 * surel_content_adopt:
 * @digest: of a file of content
 *
 * Has the database know of a file that no message has; it goes with the next sweep unless one gets it.
 */
gboolean
surel_content_adopt (SurelTxn *txn, GBytes *digest, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "INSERT OR IGNORE INTO content (digest, size, count, last_used) VALUES (?, 0, 0, ?)", "bi",
                        digest, txn->time);
}
