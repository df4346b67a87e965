/* Messages.OpenPart and Read: one part of a message, by a descriptor or inline. */
#include "bus/part.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/errors.h"
#include "bus/call.h"
#include "mime/mime-text.h"

#define TEXT_MAX (64 << 20) /* octets of text that is converted */

/**
 * surel_part_wanted_new:
 * @part: empty for the whole message
 *
 * Returns: (transfer full): what to be asked for; %NULL with @error set
 */
SurelPartWanted *
surel_part_wanted_new (const char *part, GVariant *options, GError **error)
{
  static const char *const keys[] = { "utf8", "raw", NULL };
  gboolean utf8 = FALSE;
  gboolean raw = FALSE;
  SurelPartWanted *self;

  if (!surel_call_check_options (options, keys, error) || !surel_call_get_boolean (options, "utf8", &utf8, error)
      || !surel_call_get_boolean (options, "raw", &raw, error))
    return NULL;
  if (utf8 && raw)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`utf8` converts what `raw` would leave as it is: give one of them");
      return NULL;
    }
  self = g_new0 (SurelPartWanted, 1);
  self->part = g_strdup (part);
  self->utf8 = utf8;
  self->raw = raw;
  return self;
}

void
surel_part_wanted_free (gpointer data)
{
  SurelPartWanted *self = data;

  g_free (self->part);
  g_free (self);
}

static gboolean
fail_errno (GError **error, const char *what)
{
  g_set_error (error, SUREL_ERROR, errno == EMFILE || errno == ENFILE ? SUREL_ERROR_LIMIT_EXCEEDED : SUREL_ERROR_FAILED, "%s: %s", what,
               g_strerror (errno));
  return FALSE;
}

/**
 * surel_part_reopen:
 *
 * Returns: another descriptor of the same file; -1 with @error set
 */
int
surel_part_reopen (int fd, GError **error)
{
  int again = fcntl (fd, F_DUPFD_CLOEXEC, 0);

  if (again < 0)
    fail_errno (error, "The message can't be handed out");
  return again;
}

/* --- Finding --- */

typedef struct
{
  GMappedFile *file;
  SurelMimePart *root;
  const SurelMimePart *part;
} Found;

static void
found_clear (Found *self)
{
  g_clear_pointer (&self->root, surel_mime_part_free);
  g_clear_pointer (&self->file, g_mapped_file_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static gboolean
find (int fd, const SurelPartWanted *wanted, Found *found, GError **error)
{
  found->file = g_mapped_file_new_from_fd (fd, FALSE, error);
  if (found->file == NULL)
    return FALSE;
  found->root = surel_mime_part_parse (g_mapped_file_get_contents (found->file), g_mapped_file_get_length (found->file));
  found->part = surel_mime_part_find (found->root, wanted->part);
  if (found->part == NULL)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "The message has no part `%s`", wanted->part);
  return found->part != NULL;
}

/* Hands what is wanted of the part to @func, piece by piece. */
static gboolean
deliver (const Found *found, const SurelPartWanted *wanted, SurelMimeChunkFunc func, gpointer data, gboolean *problem, GError **error)
{
  const SurelMimePart *part = found->part;
  const char *message = g_mapped_file_get_contents (found->file);
  g_autofree char *text = NULL;
  gboolean truncated;

  *problem = FALSE;
  if (wanted->raw)
    {
      if (part->end > part->body)
        func (message + part->body, part->end - part->body, data);
      return TRUE;
    }
  if (!wanted->utf8 || !g_str_has_prefix (part->type, "text/"))
    {
      surel_mime_part_decode (part, message, func, data);
      return TRUE;
    }
  text = surel_mime_part_text (part, message, TEXT_MAX, problem, &truncated);
  if (truncated)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE, "That is too much text to be converted; take it without `utf8`");
      return FALSE;
    }
  if (text[0] != '\0')
    func (text, strlen (text), data);
  return TRUE;
}

/* --- Handing out --- */

typedef struct
{
  int fd;
  guint64 size;
  gboolean failed; /* errno says why */
} Memory;

static gboolean
write_chunk (const char *octets, gsize length, gpointer data)
{
  Memory *self = data;

  while (length > 0 && !self->failed)
    {
      gssize n = write (self->fd, octets, length);

      self->failed = n < 0 && errno != EINTR;
      if (n > 0)
        {
          octets += n;
          length -= (gsize) n;
          self->size += (guint64) n;
        }
    }
  return !self->failed;
}

static void
add_string (GVariantBuilder *dict, const char *key, const char *value)
{
  if (value != NULL)
    g_variant_builder_add (dict, "{sv}", key, g_variant_new_string (value));
}

static GVariant *
inform (const SurelMimePart *part, const SurelPartWanted *wanted, guint64 size, gboolean problem)
{
  GVariantBuilder info;

  g_variant_builder_init (&info, G_VARIANT_TYPE_VARDICT);
  add_string (&info, "type", part != NULL ? part->type : "message/rfc822");
  add_string (&info, "name", part != NULL ? part->name : NULL);
  if (part != NULL && g_str_has_prefix (part->type, "text/"))
    add_string (&info, "charset", wanted->utf8 ? "utf-8" : part->charset != NULL ? part->charset : "us-ascii");
  g_variant_builder_add (&info, "{sv}", "size", g_variant_new_uint64 (size));
  g_variant_builder_add (&info, "{sv}", "encodingProblem", g_variant_new_boolean (problem));
  return g_variant_builder_end (&info);
}

static gboolean
open_message (int fd, const SurelPartWanted *wanted, SurelContentReply *reply, GError **error)
{
  off_t size = lseek (fd, 0, SEEK_END);

  reply->fd = lseek (fd, 0, SEEK_SET) == 0 ? surel_part_reopen (fd, error) : -1;
  if (reply->fd < 0)
    return FALSE;
  reply->values = g_variant_new ("(h@a{sv})", 0, inform (NULL, wanted, (guint64) size, FALSE));
  return TRUE;
}

/**
 * surel_part_open:
 * @wanted: a SurelPartWanted
 *
 * A SurelContentUse. What is handed out is in memory, and can't be changed by anybody.
 */
gboolean
surel_part_open (int fd, const guint8 *digest G_GNUC_UNUSED, gpointer data, SurelContentReply *reply, GError **error)
{
  const SurelPartWanted *wanted = data;
  g_auto (Found) found = { 0 };
  Memory memory = { .fd = -1 };
  gboolean problem;

  if (wanted->part[0] == '\0')
    return open_message (fd, wanted, reply, error);
  if (!find (fd, wanted, &found, error))
    return FALSE;
  memory.fd = memfd_create ("surel-part", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory.fd < 0)
    return fail_errno (error, "The part can't be handed out");
  if (!deliver (&found, wanted, write_chunk, &memory, &problem, error))
    {
      close (memory.fd);
      return FALSE;
    }
  if (memory.failed || lseek (memory.fd, 0, SEEK_SET) != 0
      || fcntl (memory.fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    {
      fail_errno (error, "The part can't be handed out");
      close (memory.fd);
      return FALSE;
    }
  reply->fd = memory.fd;
  reply->values = g_variant_new ("(h@a{sv})", 0, inform (found.part, wanted, memory.size, problem));
  return TRUE;
}

/* --- Inline --- */

typedef struct
{
  guint8 *buffer;
  gsize length; /* so far */
  gsize most;
  guint64 skip; /* octets before */
} Slice;

static gboolean
add_chunk (const char *octets, gsize length, gpointer data)
{
  Slice *self = data;
  gsize before = (gsize) MIN (self->skip, length);
  gsize fits = MIN (length - before, self->most - self->length);

  self->skip -= before;
  memcpy (self->buffer + self->length, octets + before, fits);
  self->length += fits;
  return self->length < self->most;
}

static gboolean
read_message (int fd, Slice *slice, GError **error)
{
  gssize n = 1;

  while (slice->length < slice->most && slice->skip <= G_MAXINT64 - slice->length
         && (n = pread (fd, slice->buffer + slice->length, slice->most - slice->length, (off_t) (slice->skip + slice->length)))
                > 0)
    slice->length += (gsize) n;
  return n >= 0 || errno == EINVAL || fail_errno (error, "The message can't be read"); /* so far behind the end is nothing, too */
}

/**
 * surel_part_read:
 * @wanted: a SurelPartWanted
 *
 * A SurelContentUse.
 */
gboolean
surel_part_read (int fd, const guint8 *digest G_GNUC_UNUSED, gpointer data, SurelContentReply *reply, GError **error)
{
  const SurelPartWanted *wanted = data;
  g_autofree guint8 *buffer = g_malloc (MAX (wanted->count, 1));
  Slice slice = { .buffer = buffer, .most = wanted->count, .skip = wanted->offset };
  g_auto (Found) found = { 0 };
  gboolean problem;

  if (wanted->part[0] == '\0')
    {
      if (!read_message (fd, &slice, error))
        return FALSE;
    }
  else if (!find (fd, wanted, &found, error) || (slice.most > 0 && !deliver (&found, wanted, add_chunk, &slice, &problem, error)))
    return FALSE;
  reply->values = g_variant_new ("(@ay)", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, buffer, slice.length, 1));
  return TRUE;
}
