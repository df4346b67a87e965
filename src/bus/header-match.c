/* Conditions on header fields (RFC 8621 §4.4.1). Fields that lists show are looked for in what lists have of them; all others in
 * the message's bytes, which takes a while each: of so many messages and no more. */
#include "bus/header-match.h"

#include <string.h>

#include "bus/header.h"
#include "bus/row-content.h"
#include "store/rows.h"

#define LOOKED_MAX 20000 /* messages whose bytes are looked at for one call: about a second's work */

/* Address lists and ids, as they stand in a header. */
static char *
write_addresses (const SurelRowList *list)
{
  GString *text = g_string_new (NULL);
  const char *end = list->data + list->length;

  for (const char *p = list->data; p < end;)
    {
      const char *name_end = memchr (p, '\0', (gsize) (end - p));
      const char *address_end = name_end != NULL ? memchr (name_end + 1, '\0', (gsize) (end - name_end - 1)) : NULL;

      if (address_end == NULL)
        break;
      g_string_append_printf (text, *p != '\0' ? "%s%s <%s>" : "%s%s%s", text->len > 0 ? ", " : "", p, name_end + 1);
      p = address_end + 1;
    }
  return g_string_free (text, FALSE);
}

static char *
write_ids (const char *ids)
{
  g_auto (GStrv) words = g_strsplit (ids, " ", -1);
  g_autofree char *joined = g_strjoinv ("> <", words);

  return g_strconcat ("<", joined, ">", NULL);
}

typedef enum
{
  ADDRESSES,
  IDS,
  TEXT,
} Kind;

static const struct
{
  const char *field;
  Kind kind;
  gsize offset; /* in SurelRow */
} shown[] = {
  { "From", ADDRESSES, G_STRUCT_OFFSET (SurelRow, from) },
  { "Sender", ADDRESSES, G_STRUCT_OFFSET (SurelRow, sender) },
  { "Reply-To", ADDRESSES, G_STRUCT_OFFSET (SurelRow, reply_to) },
  { "To", ADDRESSES, G_STRUCT_OFFSET (SurelRow, to) },
  { "Cc", ADDRESSES, G_STRUCT_OFFSET (SurelRow, cc) },
  { "Bcc", ADDRESSES, G_STRUCT_OFFSET (SurelRow, bcc) },
  { "Subject", TEXT, G_STRUCT_OFFSET (SurelRow, subject) },
  { "Message-ID", IDS, G_STRUCT_OFFSET (SurelRow, message_id) },
  { "In-Reply-To", IDS, G_STRUCT_OFFSET (SurelRow, in_reply_to) },
  { "References", IDS, G_STRUCT_OFFSET (SurelRow, references) },
};

/* Returns the index in `shown`, or -1. */
static int
find_shown (const char *field)
{
  for (guint i = 0; i < G_N_ELEMENTS (shown); i++)
    if (g_ascii_strcasecmp (shown[i].field, field) == 0)
      return (int) i;
  return -1;
}

/* The value of a field that lists show; NULL where the message hasn't it. */
static char *
value_of (const SurelRow *row, guint field)
{
  gconstpointer place = G_STRUCT_MEMBER_P (row, shown[field].offset);
  const char *text = shown[field].kind != ADDRESSES ? *(const char *const *) place : NULL;

  if (shown[field].kind == ADDRESSES)
    return ((const SurelRowList *) place)->data != NULL ? write_addresses (place) : NULL;
  if (text == NULL)
    return NULL;
  return shown[field].kind == IDS ? write_ids (text) : g_strdup (text);
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
  int field = find_shown (wanted[0]);
  g_autofree char *value = NULL;
  g_autofree char *folded = NULL;
  SurelRow row;

  if (surel_row_read (reader, id, &row, NULL) <= 0)
    {
      *complete = FALSE;
      return FALSE;
    }
  if (field < 0)
    return is_in_bytes (store, &row, wanted, looked, complete);
  value = value_of (&row, (guint) field);
  folded = value != NULL ? g_utf8_casefold (value, -1) : NULL;
  return folded != NULL && (wanted[1] == NULL || strstr (folded, wanted[1]) != NULL);
}
