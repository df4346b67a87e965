/* Header properties (RFC 8621 §4.1.3) as the bus tells them. Where RFC 8621 has null there is nothing: D-Bus has none. Any header
 * takes so much work and room and no more, whatever is in it and however many properties are asked for. */
#include "bus/header.h"

#include <string.h>

#include "base/message.h"
#include "mime/mime-address.h"
#include "mime/mime-date.h"
#include "mime/mime-decode.h"
#include "mime/mime-header.h"
#include "mime/mime-ids.h"
#include "mime/mime-urls.h"

#define READ_MAX (1024 * 1024) /* octets of values that are looked at, of one header and for all that is asked of it */
#define MAX_CHARACTER 4 /* octets */
#define PADDING 24 /* octets that an element takes on the wire beside its text, at most */

struct _SurelHeader
{
  GArray *fields; /* SurelMimeField */
  gboolean more; /* there are more fields than those */
  gsize read; /* octets of values looked at */
};

/* A value in the making. */
typedef struct
{
  gsize left; /* octets it may still take */
  gboolean *cut; /* set where that isn't enough */
} Room;

/**
 * surel_header_new:
 * @octets: a message, or header fields; borrowed
 *
 * Returns: (transfer full): its header, of which %SUREL_MIME_FIELDS_MAX fields are looked at
 */
SurelHeader *
surel_header_new (const char *octets, gsize length)
{
  SurelHeader *self = g_new0 (SurelHeader, 1);
  const char *p = octets;
  SurelMimeField field;

  self->fields = g_array_new (FALSE, FALSE, sizeof (SurelMimeField));
  while (!self->more && length > 0 && surel_mime_next_field (&p, octets + length, &field))
    {
      self->more = self->fields->len == SUREL_MIME_FIELDS_MAX;
      if (!self->more)
        g_array_append_val (self->fields, field);
    }
  return self;
}

/**
 * surel_header_free:
 */
void
surel_header_free (SurelHeader *self)
{
  g_array_unref (self->fields);
  g_free (self);
}

/**
 * surel_header_get_read:
 *
 * Returns: how many octets of values were looked at so far: what it has cost
 */
gsize
surel_header_get_read (const SurelHeader *self)
{
  return self->read;
}

/* Whether there is room for one more element with so many octets of text. */
static gboolean
take (Room *room, gsize octets)
{
  if (octets + PADDING > room->left)
    {
      *room->cut = TRUE;
      return FALSE;
    }
  room->left -= octets + PADDING;
  return TRUE;
}

static GVariant *
tell_list (const char *data, gsize length, Room *room)
{
  GVariantBuilder list;
  const char *p = data;
  const char *end = data + length;
  guint n = 0;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a(ss)"));
  while (p < end)
    {
      const char *address = p + strlen (p) + 1;
      const char *next = address < end ? address + strlen (address) + 1 : end;

      if (address >= end || !take (room, (gsize) (next - p)))
        break;
      g_variant_builder_add (&list, "(ss)", p, address);
      p = next;
      n++;
    }
  if (n == SUREL_MESSAGE_ADDRESSES_MAX) /* there may be more of them */
    *room->cut = TRUE;
  return g_variant_builder_end (&list);
}

/**
 * surel_header_tell_addresses:
 * @list: as surel_mime_parse_addresses() tells it
 * @max: octets that the value may take on the wire
 * @cut: (inout): set where there are more than are told
 *
 * Returns: (transfer floating) (nullable): them as an a(ss), of name and address; %NULL where there is no room
 */
GVariant *
surel_header_tell_addresses (const char *list, gsize length, gsize max, gboolean *cut)
{
  Room room = { max, cut };

  return take (&room, 0) ? tell_list (list, length, &room) : NULL;
}

/* --- Forms: each returns a floating value, for which there is room if it is empty; NULL where it can't be told --- */

static GVariant *
tell_raw (const SurelMimeField *field, Room *room)
{
  char *text = surel_mime_form_raw (field->value, field->value_length, room->left, room->cut);

  room->left -= strlen (text);
  return g_variant_new_take_string (text);
}

static GVariant *
tell_text (const SurelMimeField *field, Room *room)
{
  char *text = surel_mime_decode_text (field->value, field->value_length);
  gsize length = strlen (text);

  if (length + MAX_CHARACTER > SUREL_MESSAGE_TEXT_MAX) /* a character that didn't fit is left out whole */
    *room->cut = TRUE;
  if (length > room->left)
    {
      *room->cut = TRUE;
      while (length > room->left)
        length = (gsize) (g_utf8_prev_char (text + length) - text);
      text[length] = '\0';
    }
  room->left -= length;
  return g_variant_new_take_string (text);
}

static GVariant *
tell_addresses (const SurelMimeField *field, Room *room)
{
  g_autoptr (GBytes) addresses = surel_mime_parse_addresses (field->value, field->value_length);
  gsize length;
  const char *data = g_bytes_get_data (addresses, &length);

  return tell_list (data, length, room);
}

static GVariant *
tell_groups (const SurelMimeField *field, Room *room)
{
  g_autoptr (GPtrArray) groups = surel_mime_parse_groups (field->value, field->value_length);
  GVariantBuilder list;
  guint n = 0;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a(sa(ss))"));
  for (guint i = 0; i < groups->len; i++)
    {
      const SurelMimeGroup *group = groups->pdata[i];
      const char *name = group->name != NULL ? group->name : "";
      GVariant *addresses;

      if (!take (room, strlen (name)))
        break;
      addresses = tell_list ((const char *) group->addresses->data, group->addresses->len, room);
      n += (guint) g_variant_n_children (addresses) + (group->name != NULL);
      g_variant_builder_add (&list, "(s@a(ss))", name, addresses);
    }
  if (n >= SUREL_MESSAGE_ADDRESSES_MAX)
    *room->cut = TRUE;
  return g_variant_builder_end (&list);
}

/* @words: (transfer full) (nullable) */
static GVariant *
tell_words (GStrv words, Room *room)
{
  g_auto (GStrv) owned = words;
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("as"));
  for (guint i = 0; owned != NULL && owned[i] != NULL && take (room, strlen (owned[i])); i++)
    g_variant_builder_add (&list, "s", owned[i]);
  return g_variant_builder_end (&list);
}

static GVariant *
tell_ids (const SurelMimeField *field, Room *room)
{
  g_autofree char *ids = surel_mime_parse_ids (field->value, field->value_length);

  return tell_words (ids != NULL ? g_strsplit (ids, " ", -1) : NULL, room);
}

static GVariant *
tell_date (const SurelMimeField *field, Room *room G_GNUC_UNUSED)
{
  gint64 time = surel_mime_parse_date (field->value, field->value_length);

  return time != 0 ? g_variant_new_int64 (time) : NULL;
}

static GVariant *
tell_urls (const SurelMimeField *field, Room *room)
{
  return tell_words (surel_mime_parse_urls (field->value, field->value_length), room);
}

static const struct
{
  const char *type;
  GVariant *(*tell) (const SurelMimeField *field, Room *room);
} forms[] = {
  [SUREL_MIME_RAW] = { "s", tell_raw },
  [SUREL_MIME_TEXT] = { "s", tell_text },
  [SUREL_MIME_ADDRESSES] = { "a(ss)", tell_addresses },
  [SUREL_MIME_GROUPED_ADDRESSES] = { "a(sa(ss))", tell_groups },
  [SUREL_MIME_MESSAGE_IDS] = { "as", tell_ids },
  [SUREL_MIME_DATE] = { "x", tell_date },
  [SUREL_MIME_URLS] = { "as", tell_urls },
};

/* --- Instances --- */

static GVariant *
tell_one (SurelHeader *self, const SurelMimeField *field, SurelMimeForm form, Room *room)
{
  if (field->value_length > READ_MAX - self->read)
    *room->cut = TRUE;
  if (field->value_length > READ_MAX - self->read || !take (room, 0))
    return NULL;
  self->read += field->value_length;
  if (field->value_length == SUREL_MIME_FIELD_MAX) /* there is more of it */
    *room->cut = TRUE;
  return forms[form].tell (field, room);
}

static GVariant *
tell_all (SurelHeader *self, const SurelMimeFormWanted *wanted, Room *room)
{
  g_autofree char *type = g_strconcat ("a", forms[wanted->form].type, NULL);
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE (type));
  for (guint i = 0; i < self->fields->len; i++)
    {
      const SurelMimeField *field = &g_array_index (self->fields, SurelMimeField, i);
      GVariant *value = surel_mime_field_is (field, wanted->field) ? tell_one (self, field, wanted->form, room) : NULL;

      if (value != NULL)
        g_variant_builder_add_value (&list, value);
    }
  return g_variant_builder_end (&list);
}

static GVariant *
tell_last (SurelHeader *self, const SurelMimeFormWanted *wanted, Room *room)
{
  gboolean is_list_or_null = wanted->form == SUREL_MIME_MESSAGE_IDS || wanted->form == SUREL_MIME_URLS;

  for (guint i = self->fields->len; i > 0; i--)
    {
      const SurelMimeField *field = &g_array_index (self->fields, SurelMimeField, i - 1);

      if (surel_mime_field_is (field, wanted->field))
        {
          g_autoptr (GVariant) value = tell_one (self, field, wanted->form, room);

          return value != NULL && is_list_or_null && g_variant_n_children (value) == 0 ? NULL : g_steal_pointer (&value);
        }
    }
  return NULL;
}

/**
 * surel_header_tell:
 * @max: octets that the value may take on the wire
 * @cut: (inout): set where there is more than is told
 *
 * Returns: (transfer floating) (nullable): the value of the last instance of the field in the form that is wanted, or the list of
 *   those of all instances; %NULL where there is none, where it has no date, ids or URLs as it should, or where there is no room.
 *   In a list an instance without ids or URLs is an empty one, and one without a date is left out.
 */
GVariant *
surel_header_tell (SurelHeader *self, const SurelMimeFormWanted *wanted, gsize max, gboolean *cut)
{
  Room room = { max, cut };

  if (self->more)
    *cut = TRUE;
  if (!wanted->all)
    return tell_last (self, wanted, &room);
  return take (&room, 0) ? tell_all (self, wanted, &room) : NULL;
}

/**
 * surel_header_has:
 * @field: a field's name
 * @text: (nullable): folded to one case
 * @complete: (inout): made %FALSE where there is more of the header than is looked at
 *
 * Returns: whether there is such a field, with @text somewhere in its value, encoded words read and without case
 */
gboolean
surel_header_has (SurelHeader *self, const char *field, const char *text, gboolean *complete)
{
  gboolean cut = self->more;

  for (guint i = 0; i < self->fields->len; i++)
    {
      const SurelMimeField *there = &g_array_index (self->fields, SurelMimeField, i);
      g_autofree char *value = NULL;
      g_autofree char *folded = NULL;

      if (!surel_mime_field_is (there, field))
        continue;
      if (text == NULL)
        return TRUE;
      cut = cut || there->value_length == SUREL_MIME_FIELD_MAX || there->value_length > READ_MAX - self->read;
      if (there->value_length > READ_MAX - self->read)
        break;
      self->read += there->value_length;
      value = surel_mime_decode_text (there->value, there->value_length);
      cut = cut || strlen (value) + MAX_CHARACTER > SUREL_MESSAGE_TEXT_MAX;
      folded = g_utf8_casefold (value, -1);
      if (strstr (folded, text) != NULL)
        return TRUE;
    }
  *complete = *complete && !cut;
  return FALSE;
}
