/* What an ActiveSync server says, read as it comes: WBXML (MS-ASWBXML §2.1.2) from a stream of octets, never held
 * whole. Whoever reads walks down the elements:
 *
 *     while (surel_eas_reader_child (reader, &tag))
 *       if (tag == SUREL_EAS_FOLDER_STATUS)
 *         status = surel_eas_reader_number (reader);
 *       else
 *         surel_eas_reader_skip (reader);
 *
 * Each child that was found has to be read to its end: by its children, as text, as content, or by skipping it. After
 * an error there are no more children and all text is empty, so that only surel_eas_reader_finish() need be asked
 * whether what was read is to be believed. Depth, lengths and the whole are limited; nothing is allocated by a length
 * that a server says. */
#include "remote/eas/eas-reader.h"

#include "base/errors.h"
#include "remote/eas/eas-wbxml.h"

#define STRING_TABLE_MAX 65536 /* octets; ActiveSync has none */
#define NUMBER_MAX 20 /* digits */

struct _SurelEasReader
{
  GInputStream *stream;
  GCancellable *cancellable; /* nullable */
  guint64 left; /* octets that may still be read */
  guint8 buffer[8192];
  gsize at;
  gsize length;
  guint page;
  guint depth; /* elements that are open */
  gboolean begun; /* the header was read, and the root is or was there */
  gboolean no_content; /* the child that was found last has nothing inside of it, and wasn't left yet */
  gboolean is_empty; /* there was not one octet */
  GError *error;
};

/**
 * surel_eas_reader_new:
 * @limit: octets that an answer may have
 */
SurelEasReader *
surel_eas_reader_new (GInputStream *stream, guint64 limit, GCancellable *cancellable)
{
  SurelEasReader *self = g_new0 (SurelEasReader, 1);

  self->stream = g_object_ref (stream);
  self->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  self->left = limit;
  return self;
}

void
surel_eas_reader_free (SurelEasReader *self)
{
  g_object_unref (self->stream);
  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_free (self);
}

static void
misbehave (SurelEasReader *self, const char *what)
{
  if (self->error == NULL)
    g_set_error (&self->error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server's answer can't be read: %s", what);
}

/* Whether there are octets in the buffer; not at the end, nor after an error. */
static gboolean
fill (SurelEasReader *self)
{
  gssize count;

  if (self->error != NULL)
    return FALSE;
  if (self->at < self->length)
    return TRUE;
  count = g_input_stream_read (self->stream, self->buffer, sizeof self->buffer, self->cancellable, &self->error);
  self->at = 0;
  self->length = count > 0 ? (gsize) count : 0;
  if (self->length > self->left)
    {
      self->length = 0;
      g_set_error (&self->error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server's answer is too long");
    }
  self->left -= self->length;
  return self->length > 0;
}

/* The next octet; 0 and an error where the answer breaks off. */
static guint8
next (SurelEasReader *self)
{
  if (fill (self))
    return self->buffer[self->at++];
  if (self->error == NULL)
    g_set_error (&self->error, SUREL_ERROR, SUREL_ERROR_OFFLINE, "The server's answer breaks off");
  return 0;
}

static guint32
next_number (SurelEasReader *self)
{
  guint64 value = 0;
  guint8 octet;

  do
    {
      octet = next (self);
      value = value << 7 | (octet & 0x7f);
    }
  while ((octet & 0x80) != 0 && value <= G_MAXUINT32);
  if (value <= G_MAXUINT32)
    return (guint32) value;
  misbehave (self, "a number has no end");
  return 0;
}

/* Hands @count octets on in pieces; @func may be NULL. */
static void
pass (SurelEasReader *self, guint64 count, SurelContentFunc func, gpointer user_data)
{
  while (count > 0 && self->error == NULL)
    {
      gsize piece;

      if (!fill (self))
        {
          next (self); /* says that it breaks off */
          return;
        }
      piece = (gsize) MIN (count, self->length - self->at);
      if (func != NULL)
        func (self->buffer + self->at, piece, user_data, &self->error);
      self->at += piece;
      count -= piece;
    }
}

/* Hands a string on, which ends with a NUL. */
static void
pass_string (SurelEasReader *self, SurelContentFunc func, gpointer user_data)
{
  for (;;)
    {
      const guint8 *start, *end;

      if (!fill (self))
        {
          next (self);
          return;
        }
      start = self->buffer + self->at;
      end = memchr (start, '\0', self->length - self->at);
      pass (self, end != NULL ? (guint64) (end - start) : self->length - self->at, func, user_data);
      if (end != NULL)
        {
          self->at++;
          return;
        }
    }
}

static void
pass_entity (SurelEasReader *self, SurelContentFunc func, gpointer user_data)
{
  guint32 character = next_number (self);
  char utf8[6];

  if (func != NULL && self->error == NULL && character != 0 && g_unichar_validate (character))
    func (utf8, (gsize) g_unichar_to_utf8 (character, utf8), user_data, &self->error);
}

static void
read_header (SurelEasReader *self)
{
  guint version, length;

  self->begun = TRUE;
  if (!fill (self))
    {
      self->is_empty = self->error == NULL;
      return;
    }
  version = next (self);
  if (next_number (self) == 0) /* the public id's place in the string table */
    next_number (self);
  if (version == 0 || version > SUREL_WBXML_VERSION || next_number (self) != SUREL_WBXML_UTF8)
    misbehave (self, "it is no WBXML in UTF-8");
  length = next_number (self);
  if (length > STRING_TABLE_MAX)
    misbehave (self, "its string table is too long");
  pass (self, length, NULL, NULL);
}

typedef enum
{
  STEP_CHILD,
  STEP_END, /* of the element, or of all that can be read */
} Step;

/* Goes on to the next child of the element that is open, or to its end; text on the way goes to @func. */
static Step
step (SurelEasReader *self, guint *tag, SurelContentFunc func, gpointer user_data)
{
  while (self->error == NULL)
    {
      guint8 token = next (self);

      if (self->error != NULL)
        break;
      if (token == SUREL_WBXML_SWITCH_PAGE)
        self->page = next (self);
      else if (token == SUREL_WBXML_STR_I)
        pass_string (self, func, user_data);
      else if (token == SUREL_WBXML_OPAQUE)
        pass (self, next_number (self), func, user_data);
      else if (token == SUREL_WBXML_ENTITY)
        pass_entity (self, func, user_data);
      else if (token == SUREL_WBXML_END && self->depth > 0)
        {
          self->depth--;
          return STEP_END;
        }
      else if ((token & SUREL_WBXML_ATTRIBUTES) != 0 || (token & SUREL_WBXML_TOKEN) < SUREL_WBXML_FIRST_TAG)
        misbehave (self, "it has what ActiveSync hasn't");
      else if ((token & SUREL_WBXML_CONTENT) != 0 && self->depth == SUREL_EAS_DEPTH_MAX)
        misbehave (self, "too much is inside of one another");
      else
        {
          *tag = SUREL_EAS_TAG (self->page, token & SUREL_WBXML_TOKEN);
          self->no_content = (token & SUREL_WBXML_CONTENT) == 0;
          self->depth += self->no_content ? 0 : 1;
          return STEP_CHILD;
        }
    }
  return STEP_END;
}

/* Leaves the element that was found last, if there is nothing inside of it. */
static gboolean
leave_empty (SurelEasReader *self)
{
  gboolean no_content = self->no_content;

  self->no_content = FALSE;
  return no_content || self->error != NULL || self->depth == 0;
}

/**
 * surel_eas_reader_child:
 * @tag: (out): #SurelEasTag, or one that isn't known
 *
 * Finds the next child of the element that was found last and not left; of the whole it is the root.
 *
 * Returns: %FALSE where there is no more: that element is left then
 */
gboolean
surel_eas_reader_child (SurelEasReader *self, guint *tag)
{
  if (!self->begun)
    {
      read_header (self);
      return self->error == NULL && !self->is_empty && step (self, tag, NULL, NULL) == STEP_CHILD;
    }
  return !leave_empty (self) && step (self, tag, NULL, NULL) == STEP_CHILD;
}

/**
 * surel_eas_reader_content:
 * @func: gets the text or the octets inside of the element that was found last, in pieces; what is inside of its
 *   children is passed over. What it fails with is what surel_eas_reader_finish() fails with.
 *
 * Leaves that element.
 */
void
surel_eas_reader_content (SurelEasReader *self, SurelContentFunc func, gpointer user_data)
{
  guint tag;

  if (leave_empty (self))
    return;
  while (step (self, &tag, func, user_data) == STEP_CHILD)
    surel_eas_reader_skip (self);
}

/**
 * surel_eas_reader_skip:
 *
 * Leaves the element that was found last, with all that is inside of it.
 */
void
surel_eas_reader_skip (SurelEasReader *self)
{
  guint outside;
  guint tag;

  if (leave_empty (self))
    return;
  outside = self->depth - 1;
  while (self->depth > outside && self->error == NULL)
    step (self, &tag, NULL, NULL);
  self->no_content = FALSE;
}

typedef struct
{
  GString *text;
  gsize max;
} Text;

static gboolean
append (const void *data, gsize length, gpointer user_data, GError **error G_GNUC_UNUSED)
{
  Text *text = user_data;

  g_string_append_len (text->text, data, (gssize) MIN (length, text->max - text->text->len));
  return TRUE;
}

/**
 * surel_eas_reader_text:
 * @max: octets; what is beyond is passed over
 *
 * Returns: (transfer full): what surel_eas_reader_content() gives, as the server said it: perhaps no UTF-8, and what
 *   follows a NUL is left out
 */
char *
surel_eas_reader_text (SurelEasReader *self, gsize max)
{
  Text text = { g_string_new (NULL), max };

  surel_eas_reader_content (self, append, &text);
  return g_string_free (text.text, FALSE);
}

/**
 * surel_eas_reader_number:
 *
 * Returns: the number that is inside of the element that was found last; -1 where it is none
 */
gint64
surel_eas_reader_number (SurelEasReader *self)
{
  g_autofree char *text = surel_eas_reader_text (self, NUMBER_MAX);
  guint64 number;

  return g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &number, NULL) ? (gint64) number : -1;
}

/**
 * surel_eas_reader_is_empty:
 *
 * Returns: %TRUE where the answer had not one octet: nothing has changed (MS-ASCMD §2.2.1.21)
 */
gboolean
surel_eas_reader_is_empty (SurelEasReader *self)
{
  return self->is_empty;
}

/**
 * surel_eas_reader_finish:
 *
 * Returns: whether all that was read is what the server said: %FALSE with %SUREL_ERROR_SERVER_MISBEHAVED, with
 *   %SUREL_ERROR_OFFLINE where the answer broke off, or what a #SurelContentFunc or the stream gave
 */
gboolean
surel_eas_reader_finish (SurelEasReader *self, GError **error)
{
  if (self->error != NULL)
    g_propagate_error (error, g_steal_pointer (&self->error));
  else if (self->depth > 0)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The server's answer wasn't read to its end");
  else
    return TRUE;
  return FALSE;
}
