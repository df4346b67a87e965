/* From the ApplicationData of a message (MS-ASEMAIL, MS-ASAIRS) to what the store keeps. The header is that of the message
 * itself, of which the first octets are asked for; what a server tells of it in words of its own is for those that give
 * none. */
#include "remote/eas/eas-message.h"

#include <string.h>

#include "base/text.h"
#include "mime/mime-summary.h"
#include "remote/eas/eas-category.h"

#define TEXT_MAX 32768 /* octets of one property */
#define NAMES_MAX 1000 /* of categories that one answer tells of */
#define FLAG_ACTIVE 2 /* MS-ASEMAIL §2.2.2.34 */

/* What is read of one message, in any order. */
typedef struct
{
  SurelMessageFlags flags;
  GHashTable *keyword_names; /* borrowed; nullable */
  GByteArray *octets; /* the message's first */
  GString *fields; /* header fields made of properties */
  gint64 received;
  gint64 size;
  gboolean has_attachment;
} Item;

static void
item_init (Item *item, GHashTable *keyword_names)
{
  *item = (Item){ .keyword_names = keyword_names, .octets = g_byte_array_new (), .fields = g_string_new (NULL) };
  item->flags.unsaid = SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED | SUREL_KEYWORD_ANSWERED | SUREL_KEYWORD_FORWARDED
                       | SUREL_KEYWORD_DRAFT;
  item->flags.keywords_unsaid = TRUE;
}

static void
item_clear (Item *item)
{
  g_byte_array_unref (item->octets);
  g_string_free (item->fields, TRUE);
  surel_message_flags_clear (&item->flags);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Item, item_clear)

/* --- Keywords --- */

static void
say (Item *item, guint keyword, gboolean has)
{
  item->flags.unsaid &= ~keyword;
  item->flags.flags = (item->flags.flags & ~keyword) | (has ? keyword : 0);
}

static void
note_name (Item *item, const char *keyword, const char *category)
{
  if (item->keyword_names != NULL && strcmp (keyword, category) != 0 && surel_text_is_clean (category)
      && g_hash_table_size (item->keyword_names) < NAMES_MAX && !g_hash_table_contains (item->keyword_names, keyword))
    g_hash_table_insert (item->keyword_names, g_strdup (keyword), g_strdup (category));
}

static void
read_categories (SurelEasReader *reader, Item *item)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_EMAIL_CATEGORY)
      {
        g_autofree char *category = surel_eas_reader_text (reader, SUREL_EAS_CATEGORY_MAX + 1);
        char *keyword = surel_eas_keyword_of_category (category);

        if (keyword == NULL)
          continue;
        g_ptr_array_add (words, keyword);
        note_name (item, keyword, category);
      }
    else
      surel_eas_reader_skip (reader);
  g_free (item->flags.keywords);
  item->flags.keywords = surel_keywords_join (words);
  item->flags.keywords_unsaid = FALSE;
}

/* Without a status there is no flag (MS-ASEMAIL §2.2.2.34). */
static void
read_flag (SurelEasReader *reader, Item *item)
{
  gint64 status = 0;
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_EMAIL_FLAG_STATUS)
      status = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
  say (item, SUREL_KEYWORD_FLAGGED, status == FLAG_ACTIVE);
}

/* MS-ASEMAIL §2.2.2.45: answered, answered to all, forwarded. The last one alone is known: what was done before stays. */
static void
take_verb (Item *item, gint64 verb)
{
  if (verb == 1 || verb == 2)
    say (item, SUREL_KEYWORD_ANSWERED, TRUE);
  else if (verb == 3)
    say (item, SUREL_KEYWORD_FORWARDED, TRUE);
}

/* --- The header --- */

static gboolean
append_octets (const void *data, gsize length, gpointer user_data, GError **error G_GNUC_UNUSED)
{
  GByteArray *octets = user_data;

  /* A server may send more than was asked for. */
  g_byte_array_append (octets, data, (guint) MIN (length, 2 * SUREL_EAS_HEADER_OCTETS - MIN (octets->len, 2 * SUREL_EAS_HEADER_OCTETS)));
  return TRUE;
}

static void
read_body (SurelEasReader *reader, Item *item)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_BODY_DATA)
      surel_eas_reader_content (reader, append_octets, item->octets);
    else if (tag == SUREL_EAS_BODY_SIZE)
      item->size = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
}

static void
read_attachments (SurelEasReader *reader, Item *item)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    {
      gboolean is_inline = FALSE;

      if (tag != SUREL_EAS_ATTACHMENT)
        {
          surel_eas_reader_skip (reader);
          continue;
        }
      while (surel_eas_reader_child (reader, &tag))
        if (tag == SUREL_EAS_ATTACHMENT_IS_INLINE)
          is_inline = surel_eas_reader_number (reader) == 1;
        else
          surel_eas_reader_skip (reader);
      item->has_attachment = item->has_attachment || !is_inline;
    }
}

static void
read_field (SurelEasReader *reader, Item *item, const char *name)
{
  g_autofree char *text = surel_eas_reader_text (reader, TEXT_MAX);

  g_strdelimit (text, "\r\n", ' ');
  g_string_append_printf (item->fields, "%s: %s\r\n", name, text);
}

static gint64
read_date (SurelEasReader *reader)
{
  g_autofree char *text = surel_eas_reader_text (reader, 64);
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) date = g_date_time_new_from_iso8601 (text, utc);

  return date != NULL ? MAX (g_date_time_to_unix (date), 0) : 0;
}

static void
read_item (SurelEasReader *reader, Item *item)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_EMAIL_READ:
        say (item, SUREL_KEYWORD_SEEN, surel_eas_reader_number (reader) == 1);
        break;
      case SUREL_EAS_EMAIL_FLAG:
        read_flag (reader, item);
        break;
      case SUREL_EAS_EMAIL_CATEGORIES:
        read_categories (reader, item);
        break;
      case SUREL_EAS_EMAIL2_LAST_VERB:
        take_verb (item, surel_eas_reader_number (reader));
        break;
      case SUREL_EAS_EMAIL2_IS_DRAFT:
        say (item, SUREL_KEYWORD_DRAFT, surel_eas_reader_number (reader) == 1);
        break;
      case SUREL_EAS_EMAIL_DATE_RECEIVED:
        item->received = read_date (reader);
        break;
      case SUREL_EAS_EMAIL_SUBJECT:
        read_field (reader, item, "Subject");
        break;
      case SUREL_EAS_EMAIL_FROM:
        read_field (reader, item, "From");
        break;
      case SUREL_EAS_EMAIL_TO:
        read_field (reader, item, "To");
        break;
      case SUREL_EAS_EMAIL_CC:
        read_field (reader, item, "Cc");
        break;
      case SUREL_EAS_EMAIL_REPLY_TO:
        read_field (reader, item, "Reply-To");
        break;
      case SUREL_EAS_BODY:
        read_body (reader, item);
        break;
      case SUREL_EAS_ATTACHMENTS:
        read_attachments (reader, item);
        break;
      default:
        surel_eas_reader_skip (reader);
      }
}

/* Up to the blank line; where there is none it was cut off, and with it the last field. */
static gsize
header_length (const char *octets, gsize length, gboolean *whole)
{
  const char *end;
  const char *bare;
  const char *last;

  *whole = FALSE;
  if (octets == NULL || length == 0)
    return 0;
  end = memmem (octets, length, "\n\r\n", 3);
  bare = memmem (octets, length, "\n\n", 2);
  last = memrchr (octets, '\n', length);
  if (end == NULL || (bare != NULL && bare < end))
    end = bare;
  *whole = end != NULL;
  if (end == NULL)
    end = last;
  return end != NULL ? (gsize) (end - octets) + 1 : 0;
}

/**
 * surel_eas_read_message:
 * @reader: at ApplicationData, of an Add: what isn't said isn't so
 * @keyword_names: (nullable): gets the names of categories, by their keywords, where they aren't the same
 *
 * Returns: (transfer full): the message, without its remote id
 */
SurelMessage *
surel_eas_read_message (SurelEasReader *reader, GHashTable *keyword_names)
{
  g_auto (Item) item = { 0 };
  g_autoptr (SurelMimeSummary) summary = NULL;
  SurelMessage *message = surel_message_new ();
  gboolean whole;

  item_init (&item, keyword_names);
  read_item (reader, &item);
  g_byte_array_set_size (item.octets, (guint) header_length ((const char *) item.octets->data, item.octets->len, &whole));
  /* What may be missing; of a field that is there twice the first counts. */
  if (!whole)
    g_byte_array_append (item.octets, (const guint8 *) item.fields->str, (guint) item.fields->len);
  summary = surel_mime_summary_new ((const char *) item.octets->data, item.octets->len);
  surel_mime_summary_give (summary, message);
  message->flags = item.flags.flags;
  message->keywords = g_steal_pointer (&item.flags.keywords);
  message->received = item.received != 0 ? item.received : message->sent;
  message->size = (guint64) MAX (item.size, 0);
  message->has_attachment = item.has_attachment;
  return message;
}

/**
 * surel_eas_read_flags:
 * @reader: at ApplicationData, of a Change: what isn't said stays
 * @keyword_names: (nullable): see surel_eas_read_message()
 *
 * Returns: (transfer full): what it says of keywords, without a remote id
 */
SurelMessageFlags
surel_eas_read_flags (SurelEasReader *reader, GHashTable *keyword_names)
{
  g_auto (Item) item = { 0 };
  SurelMessageFlags flags;

  item_init (&item, keyword_names);
  read_item (reader, &item);
  flags = item.flags;
  item.flags = (SurelMessageFlags){ 0 };
  return flags;
}
