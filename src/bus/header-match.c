/* Conditions on header fields (RFC 8621 §4.4.1). Fields that lists show are looked for in what lists have of them; all others in
 * the message's bytes, which takes a while each: of so many messages and no more. */
#include "bus/header-match.h"

#include <string.h>

#include "bus/header.h"
#include "bus/row-content.h"
#include "bus/row-field.h"

#define LOOKED_MAX 20000 /* messages whose bytes are looked at for one call: about a second's work */

/* Address lists and ids, as they stand in a header. */
static char *
write_addresses (SurelRowList list)
{
  GString *text = g_string_new (NULL);
  const char *name;
  const char *address;

  while (surel_row_list_next (&list, &name, &address))
    g_string_append_printf (text, name[0] != '\0' ? "%s%s <%s>" : "%s%s%s", text->len > 0 ? ", " : "", name, address);
  return g_string_free (text, FALSE);
}

static char *
write_ids (const char *ids)
{
  g_auto (GStrv) words = g_strsplit (ids, " ", -1);
  g_autofree char *joined = g_strjoinv ("> <", words);

  return g_strconcat ("<", joined, ">", NULL);
}

/* The value of a field that lists show; NULL where the message hasn't it. */
static char *
write_field (const SurelRowField *field)
{
  if (field->list != NULL)
    return field->list->data != NULL ? write_addresses (*field->list) : NULL;
  if (field->text == NULL)
    return NULL;
  return field->form == SUREL_MIME_MESSAGE_IDS ? write_ids (field->text) : g_strdup (field->text);
}

/* Of a message whose bytes aren't here what came beside what lists show is known. */
static gboolean
is_in_bytes (
    SurelStore *store, const SurelRow *row, const char *const *wanted, guint *looked, gboolean *complete)
{
  g_autoptr (GMappedFile) file = NULL;
  g_autoptr (SurelHeader) header = NULL;
  gboolean unreadable = FALSE;

  if (row->digest != NULL && *looked < LOOKED_MAX)
    {
      ++*looked;
      file = surel_row_content_open (store, row->digest, &unreadable);
    }
  if (file == NULL)
    *complete = FALSE;
  header = file != NULL ? surel_header_new (g_mapped_file_get_contents (file), g_mapped_file_get_length (file))
                        : surel_header_new (row->extra.data, row->extra.length);
  return surel_header_has (header, wanted[0], wanted[1], complete);
}

/**
 * surel_header_match:
 * @store: a #SurelStore
 *
 * A #SurelHeaderFunc.
 */
gboolean
surel_header_match (
    SurelReader *reader, gint64 id, const char *const *wanted, guint *looked, gboolean *complete, gpointer store)
{
  g_autofree char *value = NULL;
  g_autofree char *folded = NULL;
  SurelRowField field;
  SurelRow row;

  if (surel_row_read (reader, id, &row, NULL) <= 0)
    {
      *complete = FALSE;
      return FALSE;
    }
  /* Of a date lists have no more than the time. */
  if (!surel_row_field_find (&row, wanted[0], &field) || field.form == SUREL_MIME_DATE)
    return is_in_bytes (store, &row, wanted, looked, complete);
  value = write_field (&field);
  folded = value != NULL ? g_utf8_casefold (value, -1) : NULL;
  return folded != NULL && (wanted[1] == NULL || strstr (folded, wanted[1]) != NULL);
}
