/* Messages from callers: read, however slowly they come, made fit for any server (lines end in CR LF, the last one
 * too) and kept as content before anything refers to them. */
#include "engine/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errors.h"
#include "base/post.h"
#include "base/queue.h"
#include "mime/mime-summary.h"
#include "store/content.h"

#define MESSAGE_MAX (256 * 1024 * 1024) /* octets: no server takes a larger one */
#define HEADER_MAX (1024 * 1024) /* octets that are looked at for lists */
#define READ_SIZE 65536 /* octets at once */
#define SILENCE_MAX (30 * 1000) /* ms that a pipe may say nothing */

typedef struct
{
  int fd; /* owned; -1 for none */
  GBytes *octets; /* nullable */
  SurelIntakeFunc func;
  gpointer data;

  SurelMessage *message;
  GBytes *digest;
  guint64 size;
  GError *error;
} Item;

struct _SurelIntake
{
  char *content_dir;
  SurelQueue *items;
  GThread *thread;
  GCancellable *stop;
};

/* On its way to the disk. */
typedef struct
{
  SurelContentWriter *writer;
  GString *header; /* up to its end, or HEADER_MAX */
  gboolean in_body;
  char last; /* octet written; 0 at the start */
  gboolean had_cr; /* the last octet read was a CR that isn't written yet */
  guint64 size;
} Taking;

static void
item_free (gpointer data)
{
  Item *item = data;

  if (item->fd >= 0)
    close (item->fd);
  g_clear_pointer (&item->octets, g_bytes_unref);
  g_clear_pointer (&item->message, surel_message_free);
  g_clear_pointer (&item->digest, g_bytes_unref);
  g_clear_error (&item->error);
  g_free (item);
}

static gboolean
fail (GError **error, SurelError code, const char *message)
{
  g_set_error_literal (error, SUREL_ERROR, (gint) code, message);
  return FALSE;
}

static gboolean
put (Taking *taking, const char *data, gsize length, GError **error)
{
  if (length == 0)
    return TRUE;
  taking->size += length;
  if (taking->size > MESSAGE_MAX)
    return fail (error, SUREL_ERROR_TOO_LARGE, "The message is larger than 256 MiB");
  if (taking->header->len < HEADER_MAX)
    g_string_append_len (taking->header, data, (gssize) MIN (length, HEADER_MAX - taking->header->len));
  taking->last = data[length - 1];
  return surel_content_writer_write (taking->writer, data, length, error);
}

/* Lines end in CR LF, whatever they ended in. */
static gboolean
put_lines (Taking *taking, const char *data, gsize length, GError **error)
{
  gsize start = 0;

  if (memchr (data, '\0', length) != NULL)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "A message can't have NUL octets");
  for (gsize i = 0; i < length; i++)
    {
      gboolean is_cr = data[i] == '\r';
      gboolean is_lf = data[i] == '\n';

      if (taking->had_cr)
        {
          taking->had_cr = FALSE;
          if (!put (taking, "\r\n", 2, error))
            return FALSE;
          start = is_lf ? i + 1 : i;
          if (is_lf)
            continue;
        }
      if (!is_cr && !is_lf)
        continue;
      if (!put (taking, data + start, i - start, error) || (is_lf && !put (taking, "\r\n", 2, error)))
        return FALSE;
      taking->had_cr = is_cr;
      start = i + 1;
    }
  return put (taking, data + start, length - start, error);
}

static gboolean
put_end (Taking *taking, GError **error)
{
  if (taking->size == 0 && !taking->had_cr)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "The message is empty");
  return (!taking->had_cr && taking->last == '\n') || put (taking, "\r\n", 2, error);
}

/* A file or a pipe: what else there is has no end, or does something when it is read. */
static gboolean
check_descriptor (int fd, GError **error)
{
  struct stat status;

  if (fstat (fd, &status) != 0 || !(S_ISREG (status.st_mode) || S_ISFIFO (status.st_mode)))
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "The message has to be a file or a pipe");
  if (S_ISREG (status.st_mode) && status.st_size > MESSAGE_MAX)
    return fail (error, SUREL_ERROR_TOO_LARGE, "The message is larger than 256 MiB");
  return TRUE;
}

static gboolean
read_descriptor (Taking *taking, int fd, GCancellable *stop, GError **error)
{
  char buffer[READ_SIZE];

  if (!check_descriptor (fd, error))
    return FALSE;
  for (;;)
    {
      struct pollfd waiting[2]
          = { { .fd = fd, .events = POLLIN }, { .fd = g_cancellable_get_fd (stop), .events = POLLIN } };
      int ready = poll (waiting, waiting[1].fd >= 0 ? 2 : 1, SILENCE_MAX);
      gssize n;

      g_cancellable_release_fd (stop);
      if (g_cancellable_is_cancelled (stop))
        return fail (error, SUREL_ERROR_CANCELLED, "The daemon is being stopped");
      if (ready == 0)
        return fail (error, SUREL_ERROR_FAILED, "The message did not come: nothing was written to the pipe for 30 seconds");
      n = read (fd, buffer, sizeof buffer);
      if (n < 0 && (errno == EINTR || errno == EAGAIN))
        continue;
      if (n < 0)
        return fail (error, SUREL_ERROR_INVALID_ARGUMENT, g_strerror (errno));
      if (n == 0)
        return TRUE;
      if (!put_lines (taking, buffer, (gsize) n, error))
        return FALSE;
    }
}

static SurelMessage *
describe (const Taking *taking)
{
  const char *end = strstr (taking->header->str, "\r\n\r\n");
  gsize length = end != NULL ? (gsize) (end - taking->header->str) + 4 : taking->header->len;
  g_autoptr (SurelMimeSummary) summary = surel_mime_summary_new (taking->header->str, length);
  SurelMessage *message = surel_message_new ();

  surel_mime_summary_give (summary, message);
  message->size = taking->size;
  message->received = surel_clock_now ();
  return message;
}

static void
take (SurelIntake *self, Item *item)
{
  Taking taking = { .writer = surel_content_writer_new (self->content_dir, &item->error),
                    .header = g_string_new (NULL) };
  gsize length = 0;
  const char *data = item->octets != NULL ? g_bytes_get_data (item->octets, &length) : NULL;

  if (taking.writer != NULL
      && (item->fd >= 0 ? read_descriptor (&taking, item->fd, self->stop, &item->error)
                        : put_lines (&taking, data != NULL ? data : "", length, &item->error))
      && put_end (&taking, &item->error))
    {
      item->digest = surel_content_writer_finish (taking.writer, &item->size, &item->error);
      if (item->digest != NULL)
        item->message = describe (&taking);
    }
  g_clear_pointer (&taking.writer, surel_content_writer_free);
  g_string_free (taking.header, TRUE);
}

static void
deliver (gpointer data)
{
  Item *item = data;

  item->func (g_steal_pointer (&item->message), g_steal_pointer (&item->digest), item->size, item->error, item->data);
}

static gpointer
intake_main (gpointer data)
{
  SurelIntake *self = data;
  Item *item;

  while ((item = surel_queue_pop (self->items, -1)) != NULL)
    {
      take (self, item);
      surel_post (NULL, deliver, item, item_free);
    }
  return NULL;
}

/**
 * surel_intake_new:
 * @content_dir: the store's
 */
SurelIntake *
surel_intake_new (const char *content_dir)
{
  SurelIntake *self = g_new0 (SurelIntake, 1);

  self->content_dir = g_strdup (content_dir);
  self->items = surel_queue_new (0, item_free);
  self->stop = g_cancellable_new ();
  self->thread = g_thread_new ("surel-intake", intake_main, self);
  return self;
}

/**
 * surel_intake_free:
 *
 * Ends the thread; what hasn't come by now isn't taken in.
 */
void
surel_intake_free (SurelIntake *self)
{
  g_cancellable_cancel (self->stop);
  surel_queue_close (self->items);
  g_thread_join (self->thread);
  surel_queue_free (self->items);
  g_object_unref (self->stop);
  g_free (self->content_dir);
  g_free (self);
}

/**
 * surel_intake_take:
 * @fd: (transfer full): a file or a pipe, or -1
 * @inline_octets: (nullable): the message, where @fd is -1
 */
void
surel_intake_take (SurelIntake *self, int fd, GBytes *inline_octets, SurelIntakeFunc func, gpointer data)
{
  Item *item = g_new0 (Item, 1);

  item->fd = fd;
  item->octets = inline_octets != NULL ? g_bytes_ref (inline_octets) : NULL;
  item->func = func;
  item->data = data;
  if (!surel_queue_push (self->items, item))
    item_free (item);
}
