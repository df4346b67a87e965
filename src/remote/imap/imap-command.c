/* The emitter: commands made of typed parts, and the one place where octets for a server are made. */
#include "remote/imap/imap-command.h"

#include <string.h>

#include "base/errors.h"

#define QUOTED_MAX 1024 /* octets: longer strings go as literals */
#define LITERAL_MINUS_MAX 4096 /* octets: RFC 7888 §5 */

typedef struct
{
  gsize at; /* where in the line it goes */
  GBytes *octets;
} Literal;

struct _SurelImapCommand
{
  GString *line; /* without tag and line end; a literal's octets are apart */
  GString *shown; /* for traces: without secrets */
  GArray *literals; /* Literal */
  GError *error; /* the first part that can't be sent */
};

static void
literal_clear (gpointer data)
{
  g_bytes_unref (((Literal *) data)->octets);
}

/**
 * surel_imap_command_new:
 * @name: a constant, as `UID FETCH`
 */
SurelImapCommand *
surel_imap_command_new (const char *name)
{
  SurelImapCommand *self = g_new0 (SurelImapCommand, 1);

  self->line = g_string_new (name);
  self->shown = g_string_new (name);
  self->literals = g_array_new (FALSE, FALSE, sizeof (Literal));
  g_array_set_clear_func (self->literals, literal_clear);
  return self;
}

void
surel_imap_command_free (SurelImapCommand *self)
{
  explicit_bzero (self->line->str, self->line->len);
  g_string_free (self->line, TRUE);
  g_string_free (self->shown, TRUE);
  g_array_unref (self->literals);
  g_clear_error (&self->error);
  g_free (self);
}

static void
refuse (SurelImapCommand *self, const char *what)
{
  if (self->error == NULL)
    self->error = g_error_new (SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT,
                               "A command can't be sent to the server: %s", what);
}

static void
add (SurelImapCommand *self, const char *text)
{
  if (self->line->len > 0 && self->line->str[self->line->len - 1] != '(')
    {
      g_string_append_c (self->line, ' ');
      g_string_append_c (self->shown, ' ');
    }
  g_string_append (self->line, text);
  g_string_append (self->shown, text);
}

static gboolean
is_atom (const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (*p <= ' ' || *p >= 0x7f || strchr ("(){%*\"", *p) != NULL)
      return FALSE;
  return text[0] != '\0';
}

void
surel_imap_command_atom (SurelImapCommand *self, const char *atom)
{
  if (is_atom (atom))
    add (self, atom);
  else
    refuse (self, "a word has characters that it may not have");
}

void
surel_imap_command_number (SurelImapCommand *self, guint64 number)
{
  char text[24];

  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, number);
  add (self, text);
}

void
surel_imap_command_open (SurelImapCommand *self)
{
  add (self, "(");
}

void
surel_imap_command_close (SurelImapCommand *self)
{
  g_string_append_c (self->line, ')');
  g_string_append_c (self->shown, ')');
}

static gboolean
is_quotable (const char *octets, gsize length)
{
  if (length > QUOTED_MAX)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if ((guchar) octets[i] < ' ' || (guchar) octets[i] >= 0x7f)
      return FALSE;
  return TRUE;
}

static void
add_quoted (SurelImapCommand *self, const char *octets, gsize length)
{
  g_autoptr (GString) quoted = g_string_new ("\"");

  for (gsize i = 0; i < length; i++)
    {
      if (octets[i] == '"' || octets[i] == '\\')
        g_string_append_c (quoted, '\\');
      g_string_append_c (quoted, octets[i]);
    }
  g_string_append_c (quoted, '"');
  add (self, quoted->str);
  explicit_bzero (quoted->str, quoted->len);
}

/**
 * surel_imap_command_string:
 * @octets: any but NUL
 * @length: how many, or -1 up to a NUL
 *
 * Appends a quoted string, or a literal where that can't be.
 */
void
surel_imap_command_string (SurelImapCommand *self, const char *octets, gssize length)
{
  gsize size = length >= 0 ? (gsize) length : strlen (octets);

  if (memchr (octets, '\0', size) != NULL)
    refuse (self, "a string has a NUL octet");
  else if (is_quotable (octets, size))
    add_quoted (self, octets, size);
  else
    {
      g_autoptr (GBytes) bytes = g_bytes_new (octets, size);

      surel_imap_command_literal (self, bytes);
    }
}

/**
 * surel_imap_command_secret:
 *
 * Like surel_imap_command_string(), and never shown in a trace. A SASL response in base64 is no string:
 * it is sent bare.
 */
void
surel_imap_command_secret (SurelImapCommand *self, const char *octets)
{
  gsize shown = self->shown->len;

  if (g_str_has_prefix (self->line->str, "AUTHENTICATE"))
    surel_imap_command_atom (self, octets);
  else
    surel_imap_command_string (self, octets, -1);
  explicit_bzero (self->shown->str + shown, self->shown->len - shown);
  g_string_truncate (self->shown, shown);
  g_string_append (self->shown, " ***");
}

/**
 * surel_imap_command_mailbox:
 * @wire_name: a name as the server gave it, or surel_imap_utf7_encode() made it
 */
void
surel_imap_command_mailbox (SurelImapCommand *self, const char *wire_name)
{
  surel_imap_command_string (self, wire_name, -1);
}

void
surel_imap_command_set (SurelImapCommand *self, const SurelUidSet *set)
{
  g_autofree char *text = surel_uid_set_to_string (set);

  if (text[0] == '\0')
    refuse (self, "a set of messages is empty");
  else
    add (self, text);
}

/**
 * surel_imap_command_range:
 * @last: %G_MAXUINT32 for `*`
 */
void
surel_imap_command_range (SurelImapCommand *self, guint32 first, guint32 last)
{
  char text[32];

  if (last == G_MAXUINT32)
    g_snprintf (text, sizeof text, "%u:*", first);
  else
    g_snprintf (text, sizeof text, "%u:%u", first, last);
  add (self, text);
}

/**
 * surel_imap_command_literal:
 * @octets: any but NUL
 */
void
surel_imap_command_literal (SurelImapCommand *self, GBytes *octets)
{
  g_autofree char *head = g_strdup_printf ("{%" G_GSIZE_FORMAT "}", g_bytes_get_size (octets));
  Literal literal;

  add (self, head);
  literal = (Literal){ self->line->len, g_bytes_ref (octets) };
  g_array_append_val (self->literals, literal);
}

/**
 * surel_imap_command_section:
 * @item: `BODY.PEEK` or `BINARY.PEEK`
 * @part: the section, as `1.2`, `HEADER.FIELDS` or empty for all
 * @fields: (nullable): names of header fields
 * @origin: the first octet wanted, or -1 for all
 * @count: how many
 */
void
surel_imap_command_section (SurelImapCommand *self,
                            const char *item,
                            const char *part,
                            const char *const *fields,
                            gint64 origin,
                            guint64 count)
{
  g_autoptr (GString) text = g_string_new (item);

  g_string_append_printf (text, "[%s", part);
  for (guint i = 0; fields != NULL && fields[i] != NULL; i++)
    g_string_append_printf (text, "%s%s%s", i == 0 ? " (" : " ", fields[i],
                            fields[i + 1] == NULL ? ")" : "");
  g_string_append_c (text, ']');
  if (origin >= 0)
    g_string_append_printf (text, "<%" G_GINT64_FORMAT ".%" G_GUINT64_FORMAT ">", origin, count);
  add (self, text->str);
}

/* The segments before and behind what has to be waited for. */
static void
end_segment (GPtrArray *segments, GByteArray *segment)
{
  g_ptr_array_add (segments, g_bytes_new (segment->data, segment->len));
  explicit_bzero (segment->data, segment->len);
  g_byte_array_set_size (segment, 0);
}

static void
append (GByteArray *segment, const char *text, gsize length)
{
  g_byte_array_append (segment, (const guint8 *) text, (guint) length);
}

/**
 * surel_imap_command_finish:
 * @tag: its tag
 * @literals: what the server takes
 *
 * Returns: (transfer full) (element-type GBytes) (nullable): what to send; after each but the last the
 *   server's `+` has to be waited for. %NULL with %SUREL_ERROR_INVALID_ARGUMENT where a part can't be sent
 */
GPtrArray *
surel_imap_command_finish (SurelImapCommand *self,
                           const char *tag,
                           SurelImapLiterals literals,
                           GError **error)
{
  g_autoptr (GPtrArray) segments = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GByteArray) segment = g_byte_array_new ();
  gsize from = 0;

  if (self->error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->error));
      return NULL;
    }
  append (segment, tag, strlen (tag));
  append (segment, " ", 1);
  for (guint i = 0; i < self->literals->len; i++)
    {
      const Literal *literal = &g_array_index (self->literals, Literal, i);
      gsize size = g_bytes_get_size (literal->octets);
      gboolean wait = literals == SUREL_IMAP_LITERAL_SYNC
                      || (literals == SUREL_IMAP_LITERAL_MINUS && size > LITERAL_MINUS_MAX);

      append (segment, self->line->str + from, literal->at - from - (wait ? 0 : 1));
      append (segment, wait ? "\r\n" : "+}\r\n", wait ? 2 : 4);
      if (wait)
        end_segment (segments, segment);
      append (segment, g_bytes_get_data (literal->octets, NULL), size);
      from = literal->at;
    }
  append (segment, self->line->str + from, self->line->len - from);
  append (segment, "\r\n", 2);
  end_segment (segments, segment);
  return g_steal_pointer (&segments);
}

/**
 * surel_imap_command_describe:
 *
 * Returns: the command for a trace: no secrets, no literals
 */
const char *
surel_imap_command_describe (SurelImapCommand *self)
{
  return self->shown->str;
}
