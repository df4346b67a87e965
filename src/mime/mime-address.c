/* Address lists (RFC 5322 §3.4), in one pass: groups are flattened unless they are asked for, comments stand for names where
 * there is none, routes are dropped, what is broken keeps what can be told. */
#include "mime/mime-address.h"

#include <string.h>

#include "base/text.h"
#include "mime/mime-decode.h"

#define COMMENT_DEPTH_MAX 100 /* comments within comments */

typedef struct
{
  GByteArray *out; /* where addresses go; of the last of @groups where there are any */
  GPtrArray *groups; /* (element-type SurelMimeGroup) (nullable): gets groups, each with its addresses */
  guint count; /* of addresses, and of groups */
  GString *phrase; /* words before `<`, or the address where there is no `<` */
  GString *address; /* between `<` and `>` */
  GString *comment;
  gboolean has_angle;
  gboolean in_group; /* @out is that of one with a name */
} Reader;

static void
put (GByteArray *out, const char *text)
{
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text) + 1);
}

/* Without white space but in a quoted local part, and without the route of an obsolete address (`@a,@b:c@d`). */
static char *
clean_address (GString *raw)
{
  const char *start = raw->str;
  g_autoptr (GString) tight = g_string_new (NULL);
  gboolean quoted = FALSE;

  if (raw->str[0] == '@' && strchr (raw->str, ':') != NULL)
    start = strchr (raw->str, ':') + 1;
  for (const char *p = start; *p != '\0'; p++)
    {
      if (*p == '"' && (p == start || p[-1] != '\\'))
        quoted = !quoted;
      if (*p != '\r' && *p != '\n' && (quoted || (*p != ' ' && *p != '\t')))
        g_string_append_c (tight, *p);
    }
  if (!g_utf8_validate (tight->str, -1, NULL))
    {
      g_autofree char *text = surel_mime_to_utf8 (tight->str, tight->len, NULL);

      return surel_text_clean (text, -1, SUREL_MIME_ADDRESS_MAX);
    }
  return surel_text_clean (tight->str, -1, SUREL_MIME_ADDRESS_MAX);
}

static char *
clean_name (GString *raw)
{
  g_autofree char *text = surel_mime_decode_text (raw->str, raw->len);

  return surel_text_clean (text, -1, SUREL_MIME_NAME_MAX);
}

static void
group_free (gpointer data)
{
  SurelMimeGroup *group = data;

  g_free (group->name);
  g_byte_array_unref (group->addresses);
  g_free (group);
}

/* @name: (transfer full) (nullable): %NULL for addresses that are in no group */
static void
begin_group (Reader *reader, char *name)
{
  SurelMimeGroup *group = g_new0 (SurelMimeGroup, 1);

  group->name = name;
  group->addresses = reader->out = g_byte_array_new ();
  reader->in_group = name != NULL;
  g_ptr_array_add (reader->groups, group);
}

static void
finish (Reader *reader)
{
  g_autofree char *name = NULL;
  g_autofree char *address = NULL;

  if (reader->has_angle)
    {
      address = clean_address (reader->address);
      name = clean_name (reader->phrase->len > 0 ? reader->phrase : reader->comment);
    }
  else
    {
      g_strstrip (reader->phrase->str);
      g_string_set_size (reader->phrase, strlen (reader->phrase->str));
      if (strchr (reader->phrase->str, '@') == NULL && strchr (reader->phrase->str, ' ') != NULL)
        {
          address = g_strdup (""); /* a name without an address */
          name = clean_name (reader->phrase);
        }
      else
        {
          address = clean_address (reader->phrase);
          name = clean_name (reader->comment);
        }
    }
  if ((address[0] != '\0' || name[0] != '\0') && reader->count < SUREL_MESSAGE_ADDRESSES_MAX)
    {
      if (reader->out == NULL)
        begin_group (reader, NULL);
      put (reader->out, name);
      put (reader->out, address);
      reader->count++;
    }
  g_string_truncate (reader->phrase, 0);
  g_string_truncate (reader->address, 0);
  g_string_truncate (reader->comment, 0);
  reader->has_angle = FALSE;
}

/* A comment at @p, its parentheses taken off. Returns where it ends. */
static const char *
read_comment (const char *p, const char *end, GString *comment)
{
  guint depth = 0;

  if (comment->len > 0)
    g_string_append_c (comment, ' ');
  for (; p < end; p++)
    {
      if (*p == '\\' && p + 1 < end)
        g_string_append_c (comment, *++p);
      else if (*p == '(')
        {
          if (depth++ > 0)
            g_string_append_c (comment, '(');
        }
      else if (*p == ')')
        {
          if (--depth == 0)
            return p + 1;
          g_string_append_c (comment, ')');
        }
      else if (*p != '\0')
        g_string_append_c (comment, *p);
      if (depth > COMMENT_DEPTH_MAX)
        return end;
    }
  return end;
}

/* A quoted string at @p, its quotes taken off. Returns where it ends. */
static const char *
read_quoted (const char *p, const char *end, GString *to)
{
  for (p++; p < end && *p != '"'; p++)
    {
      if (*p == '\\' && p + 1 < end)
        p++;
      if (*p != '\r' && *p != '\n' && *p != '\0')
        g_string_append_c (to, *p);
    }
  return p < end ? p + 1 : end;
}

static const char *
read_angle (const char *p, const char *end, GString *address)
{
  for (p++; p < end && *p != '>'; p++)
    if (*p != '\0')
      g_string_append_c (address, *p);
  return p < end ? p + 1 : end;
}

/* What stands before a colon names a group, unless it is an address. */
static void
read_colon (Reader *reader)
{
  if (strchr (reader->phrase->str, '@') != NULL)
    {
      g_string_append_c (reader->phrase, ':');
      return;
    }
  if (reader->groups != NULL && reader->count < SUREL_MESSAGE_ADDRESSES_MAX)
    {
      begin_group (reader, clean_name (reader->phrase));
      reader->count++;
    }
  g_string_truncate (reader->phrase, 0);
}

static void
read_end (Reader *reader, char c)
{
  if (reader->has_angle || reader->phrase->len > 0)
    finish (reader);
  else if (reader->comment->len > 0)
    g_string_truncate (reader->comment, 0);
  if (c == ';' && reader->groups != NULL && reader->in_group)
    reader->out = NULL; /* what follows is in none, or in another */
}

static void
read_all (Reader *reader, const char *raw, gsize length)
{
  const char *p = raw;
  const char *end = raw + length;

  reader->phrase = g_string_new (NULL);
  reader->address = g_string_new (NULL);
  reader->comment = g_string_new (NULL);
  while (p < end && reader->count < SUREL_MESSAGE_ADDRESSES_MAX)
    switch (*p)
      {
      case '(':
        p = read_comment (p, end, reader->comment);
        break;
      case '"':
        p = read_quoted (p, end, reader->phrase);
        break;
      case '<':
        reader->has_angle = TRUE;
        p = read_angle (p, end, reader->address);
        break;
      case ',':
      case ';':
        read_end (reader, *p++);
        break;
      case ':':
        read_colon (reader);
        p++;
        break;
      case '\0':
        p++;
        break;
      default:
        if (reader->phrase->len > 0 || (*p != ' ' && *p != '\t' && *p != '\r' && *p != '\n'))
          g_string_append_c (reader->phrase, *p);
        p++;
      }
  if (reader->has_angle || reader->phrase->len > 0)
    finish (reader);
  g_string_free (reader->phrase, TRUE);
  g_string_free (reader->address, TRUE);
  g_string_free (reader->comment, TRUE);
}

/**
 * surel_mime_parse_addresses:
 * @raw: the value of From, To and the like
 *
 * Returns: (transfer full): the addresses as `name NUL address NUL` one after the other, clean UTF-8; at
 *   most %SUREL_MESSAGE_ADDRESSES_MAX
 */
GBytes *
surel_mime_parse_addresses (const char *raw, gsize length)
{
  Reader reader = { .out = g_byte_array_new () };

  read_all (&reader, raw, length);
  return g_byte_array_free_to_bytes (reader.out);
}

/**
 * surel_mime_parse_groups:
 * @raw: the value of From, To and the like
 *
 * Returns: (transfer full) (element-type SurelMimeGroup): the addresses in their groups, which may be empty; those that follow
 *   one another and are in no group are in one without a name (RFC 8621 §4.1.2.4). Groups and addresses together are
 *   %SUREL_MESSAGE_ADDRESSES_MAX at most.
 */
GPtrArray *
surel_mime_parse_groups (const char *raw, gsize length)
{
  Reader reader = { .groups = g_ptr_array_new_with_free_func (group_free) };

  read_all (&reader, raw, length);
  return reader.groups;
}
