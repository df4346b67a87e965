/* An answer in parts (MS-ASCMD §2.2.1.10.1): how many they are, where each begins and how long it is, all as 32-bit numbers
 * with the lowest octet first; then the parts. The first is the document, the second the message as it is, which a
 * document can't hold: a string in it ends with the first NUL, and has to be UTF-8. */
#include "remote/eas/eas-multipart.h"

#include <string.h>

#include "base/errors.h"

#define PARTS_MAX 16 /* one message has two */
#define DOCUMENT_MAX (1024 * 1024) /* octets: it has no content of its own */
#define PIECE 65536 /* octets that are passed on at once */

typedef struct
{
  guint32 first;
  guint32 length;
} Part;

static gboolean
fail (GError **error, const char *why)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server's answer in parts is broken: %s", why);
  return FALSE;
}

static gboolean
read_exactly (GInputStream *body, void *octets, gsize length, GCancellable *cancellable, GError **error)
{
  gsize got = 0;

  if (!g_input_stream_read_all (body, octets, length, &got, cancellable, error))
    return FALSE;
  return got == length || fail (error, "it breaks off");
}

static gboolean
read_numbers (GInputStream *body, guint32 *numbers, guint count, GCancellable *cancellable, GError **error)
{
  if (!read_exactly (body, numbers, count * sizeof *numbers, cancellable, error))
    return FALSE;
  for (guint i = 0; i < count; i++)
    numbers[i] = GUINT32_FROM_LE (numbers[i]);
  return TRUE;
}

/* Parts come one after another, each whole. */
static gboolean
read_table (GInputStream *body, Part *parts, guint *count, guint64 *at, GCancellable *cancellable, GError **error)
{
  guint32 numbers[2 * PARTS_MAX];
  guint32 said = 0;

  if (!read_numbers (body, &said, 1, cancellable, error))
    return FALSE;
  if (said < 1 || said > PARTS_MAX)
    return fail (error, "it has no parts, or too many");
  if (!read_numbers (body, numbers, 2 * said, cancellable, error))
    return FALSE;
  *count = said;
  *at = sizeof said + 2 * said * sizeof *numbers;
  for (guint i = 0; i < said; i++)
    {
      guint64 least = i > 0 ? (guint64) parts[i - 1].first + parts[i - 1].length : *at;

      parts[i] = (Part){ numbers[2 * i], numbers[2 * i + 1] };
      if (parts[i].first < least)
        return fail (error, "its parts are not one after another");
    }
  return TRUE;
}

static gboolean
skip_to (GInputStream *body, guint64 *at, guint64 first, GCancellable *cancellable, GError **error)
{
  while (*at < first)
    {
      gssize skipped = g_input_stream_skip (body, MIN (first - *at, PIECE), cancellable, error);

      if (skipped < 0)
        return FALSE;
      if (skipped == 0)
        return fail (error, "it breaks off");
      *at += (guint64) skipped;
    }
  return TRUE;
}

static gboolean
read_document (GInputStream *body,
               const Part *part,
               SurelEasAnswerFunc answer,
               gpointer user_data,
               GCancellable *cancellable,
               GError **error)
{
  g_autofree void *octets = NULL;
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (SurelEasReader) reader = NULL;

  if (part->length > DOCUMENT_MAX)
    return fail (error, "its document is too large");
  octets = g_malloc (MAX (part->length, 1));
  if (!read_exactly (body, octets, part->length, cancellable, error))
    return FALSE;
  stream = g_memory_input_stream_new_from_data (octets, part->length, NULL);
  reader = surel_eas_reader_new (stream, DOCUMENT_MAX, cancellable);
  answer (reader, user_data);
  return surel_eas_reader_finish (reader, error);
}

static gboolean
pass_on (GInputStream *body,
         const Part *part,
         SurelContentFunc content,
         gpointer user_data,
         GCancellable *cancellable,
         GError **error)
{
  g_autofree void *piece = g_malloc (PIECE);

  for (guint32 left = part->length; left > 0;)
    {
      gssize got = g_input_stream_read (body, piece, MIN (left, PIECE), cancellable, error);

      if (got < 0)
        return FALSE;
      if (got == 0)
        return fail (error, "it breaks off");
      if (!content (piece, (gsize) got, user_data, error))
        return FALSE;
      left -= (guint32) got;
    }
  return TRUE;
}

/**
 * surel_eas_multipart_read:
 * @answer: reads the document
 * @content: takes the second part, after that
 */
gboolean
surel_eas_multipart_read (GInputStream *body,
                          SurelEasAnswerFunc answer,
                          SurelContentFunc content,
                          gpointer user_data,
                          GCancellable *cancellable,
                          GError **error)
{
  Part parts[PARTS_MAX];
  guint count;
  guint64 at;

  if (!read_table (body, parts, &count, &at, cancellable, error) || !skip_to (body, &at, parts[0].first, cancellable, error)
      || !read_document (body, &parts[0], answer, user_data, cancellable, error))
    return FALSE;
  if (count == 1)
    return TRUE;
  at += parts[0].length;
  return skip_to (body, &at, parts[1].first, cancellable, error)
         && pass_on (body, &parts[1], content, user_data, cancellable, error);
}
