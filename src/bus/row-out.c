/* A row of a reply, which is bounded: who asks for a thousand rows gets them in replies of a size that the bus carries. */
#include "bus/row-out.h"

#include <string.h>

#include "base/message.h"
#include "bus/header.h"
#include "bus/wire.h"

#define ROW_MAX (60 * 1024) /* octets of a row's texts and lists; with numbers, usual keys and `cut` it stays below 64 KiB */
#define ENTRY 40 /* octets that an entry takes on the wire beside its name and its value, at most */
#define TEXT_PADDING 16 /* octets that a text takes on the wire beside itself, at most, with a character that was cut */
#define MAX_CHARACTER 4 /* octets */

void
surel_row_out_init (SurelRowOut *self)
{
  *self = (SurelRowOut){ .cut = NULL };
  g_variant_builder_init (&self->dict, G_VARIANT_TYPE_VARDICT);
}

/**
 * surel_row_out_clear:
 *
 * Gives the row up.
 */
void
surel_row_out_clear (SurelRowOut *self)
{
  g_variant_builder_clear (&self->dict);
  g_clear_pointer (&self->cut, g_ptr_array_unref);
}

/**
 * surel_row_out_reserve:
 * @name: one that a caller made up
 *
 * Keeps room for it in `cut`.
 */
void
surel_row_out_reserve (SurelRowOut *self, const char *name)
{
  self->size += strlen (name) + 8;
}

/**
 * surel_row_out_get_room:
 *
 * Returns: octets that the value of @name may take on the wire
 */
gsize
surel_row_out_get_room (const SurelRowOut *self, const char *name)
{
  gsize taken = self->size + strlen (name) + ENTRY;

  return taken < ROW_MAX ? ROW_MAX - taken : 0;
}

/**
 * surel_row_out_note_cut:
 * @name: (transfer none): outlives the row in the making
 *
 * Has `cut` say that there is more of it than the row tells.
 */
void
surel_row_out_note_cut (SurelRowOut *self, const char *name)
{
  if (self->cut == NULL)
    self->cut = g_ptr_array_new ();
  if (!g_ptr_array_find_with_equal_func (self->cut, name, g_str_equal, NULL))
    g_ptr_array_add (self->cut, (gpointer) name);
}

/**
 * surel_row_out_add:
 * @name: outlives the row in the making
 * @value: (transfer floating): where there is no room for it `cut` has its name instead
 */
void
surel_row_out_add (SurelRowOut *self, const char *name, GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  gsize size = surel_wire_size (owned);

  if (size > surel_row_out_get_room (self, name))
    {
      surel_row_out_note_cut (self, name);
      return;
    }
  self->size += strlen (name) + ENTRY + size;
  g_variant_builder_add (&self->dict, "{sv}", name, owned);
}

/**
 * surel_row_out_add_text:
 * @text: (nullable): as lists have it; shortened where there is no room for all of it
 */
void
surel_row_out_add_text (SurelRowOut *self, const char *name, const char *text)
{
  gsize length = text != NULL ? strlen (text) : 0;
  gsize room = surel_row_out_get_room (self, name);
  gsize most = room > TEXT_PADDING ? room - TEXT_PADDING : 0;

  if (text == NULL)
    return;
  /* A character that didn't fit when it was kept is left out whole. */
  if (length > most || length + MAX_CHARACTER > SUREL_MESSAGE_TEXT_MAX)
    surel_row_out_note_cut (self, name);
  surel_row_out_add (self, name, g_variant_new_take_string (g_utf8_make_valid (text, (gssize) MIN (length, most))));
}

/**
 * surel_row_out_add_addresses:
 * @list: (nullable): as surel_mime_parse_addresses() tells it; of more than there is room for the first
 */
void
surel_row_out_add_addresses (SurelRowOut *self, const char *name, const char *list, gsize length)
{
  gboolean cut = FALSE;
  GVariant *told
      = list != NULL ? surel_header_tell_addresses (list, length, surel_row_out_get_room (self, name), &cut) : NULL;

  if (told != NULL)
    surel_row_out_add (self, name, told);
  if (cut)
    surel_row_out_note_cut (self, name);
}

/**
 * surel_row_out_add_ids:
 * @ids: (nullable): with one space between; all of them or none
 */
void
surel_row_out_add_ids (SurelRowOut *self, const char *name, const char *ids)
{
  g_auto (GStrv) words = ids != NULL ? g_strsplit (ids, " ", -1) : NULL;

  if (words != NULL)
    surel_row_out_add (self, name, g_variant_new_strv ((const char *const *) words, -1));
}

/**
 * surel_row_out_end:
 *
 * Returns: (transfer floating): the row, an a{sv}
 */
GVariant *
surel_row_out_end (SurelRowOut *self)
{
  if (self->cut != NULL)
    g_variant_builder_add (&self->dict, "{sv}", "cut",
                           g_variant_new_strv ((const char *const *) self->cut->pdata, (gssize) self->cut->len));
  g_clear_pointer (&self->cut, g_ptr_array_unref);
  return g_variant_builder_end (&self->dict);
}
