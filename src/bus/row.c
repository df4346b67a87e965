/* A message's row, as the bus shows it. */
#include "bus/row.h"

#include <string.h>

#include "base/errors.h"
#include "base/keywords.h"
#include "base/message.h"
#include "bus/path.h"
#include "store/content.h"

#define ROW_MAX (60 * 1024) /* octets of a row's lists and texts; with the keys it stays below 64 KiB */
#define MAX_CHARACTER 4 /* octets */
#define PROPERTIES_MAX 100 /* names in one call */

typedef enum
{
  ID = 1 << 0,
  ACCOUNT = 1 << 1,
  MAILBOX_IDS = 1 << 2,
  KEYWORDS = 1 << 3,
  SIZE = 1 << 4,
  RECEIVED_AT = 1 << 5,
  SENT_AT = 1 << 6,
  SUBJECT = 1 << 7,
  FROM = 1 << 8,
  SENDER = 1 << 9,
  REPLY_TO = 1 << 10,
  TO = 1 << 11,
  CC = 1 << 12,
  BCC = 1 << 13,
  MESSAGE_ID = 1 << 14,
  IN_REPLY_TO = 1 << 15,
  REFERENCES = 1 << 16,
  PREVIEW = 1 << 17,
  HAS_ATTACHMENT = 1 << 18,
  BLOB_ID = 1 << 19,
  FETCHED = 1 << 20,
  PENDING = 1 << 21,
  THREAD_ID = 1 << 22, /* known, and never there yet */
  HELD = 1 << 23, /* likewise: held messages aren't shown yet */
  SAVED_AT = 1 << 24,
} Property;

/* What a message list shows. */
#define USUAL                                                                                            \
  (ID | ACCOUNT | MAILBOX_IDS | KEYWORDS | SIZE | RECEIVED_AT | SENT_AT | SUBJECT | FROM | TO | PREVIEW    \
   | HAS_ATTACHMENT | FETCHED | PENDING | THREAD_ID)

struct _SurelProperties
{
  guint wanted; /* Property bits */
};

static const struct
{
  const char *name;
  guint property;
} known[] = {
  { "id", ID },
  { "account", ACCOUNT },
  { "mailboxIds", MAILBOX_IDS },
  { "keywords", KEYWORDS },
  { "size", SIZE },
  { "receivedAt", RECEIVED_AT },
  { "sentAt", SENT_AT },
  { "savedAt", SAVED_AT },
  { "subject", SUBJECT },
  { "from", FROM },
  { "sender", SENDER },
  { "replyTo", REPLY_TO },
  { "to", TO },
  { "cc", CC },
  { "bcc", BCC },
  { "messageId", MESSAGE_ID },
  { "inReplyTo", IN_REPLY_TO },
  { "references", REFERENCES },
  { "preview", PREVIEW },
  { "hasAttachment", HAS_ATTACHMENT },
  { "blobId", BLOB_ID },
  { "fetched", FETCHED },
  { "pending", PENDING },
  { "threadId", THREAD_ID },
  { "held", HELD },
};

/* Known to the interface, and not built yet. */
static const char *const unbuilt[] = { "bodyStructure", "textBody",       "htmlBody", "attachments",
                                       "threadSize",    "threadUnread",   "threadKeywords",
                                       "threadFrom",    "bodyValues",     NULL };

/**
 * surel_properties_new:
 * @names: names of properties; empty for those that a message list shows
 *
 * Returns: (transfer full) (nullable): %NULL with %SUREL_ERROR_INVALID_ARGUMENT, which names the first
 *   that there isn't, %SUREL_ERROR_NOT_SUPPORTED or %SUREL_ERROR_LIMIT_EXCEEDED
 */
SurelProperties *
surel_properties_new (const char *const *names, GError **error)
{
  g_autoptr (SurelProperties) self = g_new0 (SurelProperties, 1);

  if (names[0] == NULL)
    self->wanted = USUAL;
  if (g_strv_length ((char **) names) > PROPERTIES_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED, "At most %d properties can be asked for",
                   PROPERTIES_MAX);
      return NULL;
    }
  for (guint i = 0; names[i] != NULL; i++)
    {
      guint k;

      for (k = 0; k < G_N_ELEMENTS (known) && !g_str_equal (known[k].name, names[i]); k++)
        ;
      if (k < G_N_ELEMENTS (known))
        self->wanted |= known[k].property;
      else
        {
          gboolean later = g_strv_contains (unbuilt, names[i]) || g_str_has_prefix (names[i], "header:");

          g_set_error (error, SUREL_ERROR,
                       later ? SUREL_ERROR_NOT_SUPPORTED : SUREL_ERROR_INVALID_ARGUMENT,
                       later ? "The property `%s` is not supported yet" : "There is no property `%s`",
                       names[i]);
          return NULL;
        }
    }
  return g_steal_pointer (&self);
}

void
surel_properties_free (SurelProperties *self)
{
  g_free (self);
}

typedef struct
{
  GVariantBuilder dict;
  gsize size; /* octets of texts and lists so far */
  GPtrArray *cut; /* names of what was shortened; nullable */
} Out;

static void
note_cut (Out *out, const char *name)
{
  if (out->cut == NULL)
    out->cut = g_ptr_array_new ();
  g_ptr_array_add (out->cut, (gpointer) name);
}

static void
add_text (Out *out, const char *name, const char *text)
{
  gsize length = text != NULL ? strlen (text) : 0;

  if (text == NULL)
    return;
  if (out->size + length > ROW_MAX)
    {
      g_autofree char *fit = g_utf8_make_valid (text, (gssize) (ROW_MAX - out->size));

      g_variant_builder_add (&out->dict, "{sv}", name, g_variant_new_string (fit));
      out->size = ROW_MAX;
      note_cut (out, name);
      return;
    }
  /* A character that didn't fit is left out whole. */
  if (length + MAX_CHARACTER > SUREL_MESSAGE_TEXT_MAX)
    note_cut (out, name);
  out->size += length;
  g_variant_builder_add (&out->dict, "{sv}", name, g_variant_new_string (text));
}

static void
add_addresses (Out *out, const char *name, const SurelRowList *list)
{
  GVariantBuilder builder;
  const char *p = list->data;
  const char *end = p != NULL ? p + list->length : NULL;
  guint count = 0;

  if (p == NULL)
    return;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ss)"));
  while (p < end)
    {
      const char *address = p + strlen (p) + 1;
      const char *next;

      if (address >= end)
        break;
      next = address + strlen (address) + 1;
      out->size += (gsize) (next - p) + 8;
      if (out->size > ROW_MAX)
        {
          note_cut (out, name);
          break;
        }
      g_variant_builder_add (&builder, "(ss)", p, address);
      p = next;
      if (++count == SUREL_MESSAGE_ADDRESSES_MAX)
        note_cut (out, name);
    }
  g_variant_builder_add (&out->dict, "{sv}", name, g_variant_builder_end (&builder));
}

static void
add_ids (Out *out, const char *name, const char *ids)
{
  g_auto (GStrv) words = NULL;

  if (ids == NULL)
    return;
  if (out->size + strlen (ids) > ROW_MAX)
    {
      note_cut (out, name);
      return;
    }
  out->size += strlen (ids);
  words = g_strsplit (ids, " ", -1);
  g_variant_builder_add (&out->dict, "{sv}", name, g_variant_new_strv ((const char *const *) words, -1));
}

static void
add_keywords (Out *out, const SurelRow *row)
{
  g_auto (GStrv) words = surel_keywords_to_strv (row->flags, row->keywords);

  out->size += row->keywords != NULL ? strlen (row->keywords) : 0;
  g_variant_builder_add (&out->dict, "{sv}", "keywords",
                         g_variant_new_strv ((const char *const *) words, -1));
}

static void
add_blob_id (Out *out, const guint8 *digest)
{
  char hex[2 * SUREL_DIGEST_SIZE + 1];

  if (digest == NULL)
    return;
  for (guint i = 0; i < SUREL_DIGEST_SIZE; i++)
    g_snprintf (hex + 2 * i, 3, "%02x", digest[i]);
  g_variant_builder_add (&out->dict, "{sv}", "blobId", g_variant_new_string (hex));
}

static void
add_simple (Out *out, guint wanted, const SurelRow *row)
{
  GVariantBuilder *dict = &out->dict;

  if ((wanted & ID) != 0)
    g_variant_builder_add (dict, "{sv}", "id", g_variant_new_uint64 ((guint64) row->id));
  if ((wanted & ACCOUNT) != 0)
    {
      g_autofree char *path = surel_path_of_account (row->account);

      g_variant_builder_add (dict, "{sv}", "account", g_variant_new_object_path (path));
    }
  if ((wanted & SIZE) != 0)
    g_variant_builder_add (dict, "{sv}", "size", g_variant_new_uint64 (row->size));
  if ((wanted & RECEIVED_AT) != 0)
    g_variant_builder_add (dict, "{sv}", "receivedAt", g_variant_new_int64 (row->received));
  if ((wanted & SENT_AT) != 0 && row->sent != 0)
    g_variant_builder_add (dict, "{sv}", "sentAt", g_variant_new_int64 (row->sent));
  if ((wanted & SAVED_AT) != 0 && row->saved != 0)
    g_variant_builder_add (dict, "{sv}", "savedAt", g_variant_new_int64 (row->saved));
  if ((wanted & HAS_ATTACHMENT) != 0)
    g_variant_builder_add (dict, "{sv}", "hasAttachment", g_variant_new_boolean (row->has_attachment));
  if ((wanted & FETCHED) != 0)
    g_variant_builder_add (dict, "{sv}", "fetched", g_variant_new_boolean (row->digest != NULL));
  if ((wanted & PENDING) != 0)
    g_variant_builder_add (dict, "{sv}", "pending", g_variant_new_boolean (row->pending));
  if ((wanted & KEYWORDS) != 0)
    add_keywords (out, row);
  if ((wanted & BLOB_ID) != 0)
    add_blob_id (out, row->digest);
}

/* What is short before what may be long, so that a cut takes what matters least. */
static void
add_texts (Out *out, guint wanted, const SurelRow *row)
{
  const struct
  {
    guint property;
    const char *name;
    const SurelRowList *list;
  } lists[] = {
    { FROM, "from", &row->from }, { SENDER, "sender", &row->sender }, { REPLY_TO, "replyTo", &row->reply_to },
    { TO, "to", &row->to },       { CC, "cc", &row->cc },             { BCC, "bcc", &row->bcc },
  };

  if ((wanted & SUBJECT) != 0)
    add_text (out, "subject", row->subject);
  if ((wanted & PREVIEW) != 0)
    add_text (out, "preview", row->preview);
  if ((wanted & MESSAGE_ID) != 0)
    add_ids (out, "messageId", row->message_id);
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    if ((wanted & lists[i].property) != 0)
      add_addresses (out, lists[i].name, lists[i].list);
  if ((wanted & IN_REPLY_TO) != 0)
    add_ids (out, "inReplyTo", row->in_reply_to);
  if ((wanted & REFERENCES) != 0)
    add_ids (out, "references", row->references);
}

static gboolean
add_mailboxes (Out *out, SurelReader *reader, gint64 account, gint64 id, GError **error)
{
  g_autoptr (GArray) folders = surel_row_read_folders (reader, id, error);
  GVariantBuilder builder;

  if (folders == NULL)
    return FALSE;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ao"));
  for (guint i = 0; i < folders->len; i++)
    {
      g_autofree char *path = surel_path_of_folder (account, g_array_index (folders, gint64, i));

      g_variant_builder_add (&builder, "o", path);
    }
  g_variant_builder_add (&out->dict, "{sv}", "mailboxIds", g_variant_builder_end (&builder));
  return TRUE;
}

/**
 * surel_properties_read:
 * @row: (out) (transfer floating): an a{sv} of 64 KiB at most; `cut` names what was shortened for that
 *
 * Returns: 1 where @row is set, 0 where there is no such message, -1 with @error set
 */
int
surel_properties_read (const SurelProperties *self,
                       SurelReader *reader,
                       gint64 id,
                       GVariant **row,
                       GError **error)
{
  SurelRow found;
  Out out = { .cut = NULL };
  int result = surel_row_read (reader, id, &found, error);

  if (result <= 0)
    return result;
  g_variant_builder_init (&out.dict, G_VARIANT_TYPE_VARDICT);
  add_simple (&out, self->wanted, &found);
  add_texts (&out, self->wanted, &found);
  if ((self->wanted & MAILBOX_IDS) != 0 && !add_mailboxes (&out, reader, found.account, id, error))
    {
      g_variant_builder_clear (&out.dict);
      g_clear_pointer (&out.cut, g_ptr_array_unref);
      return -1;
    }
  if (out.cut != NULL)
    {
      g_variant_builder_add (&out.dict, "{sv}", "cut",
                             g_variant_new_strv ((const char *const *) out.cut->pdata,
                                                 (gssize) out.cut->len));
      g_ptr_array_unref (out.cut);
    }
  *row = g_variant_builder_end (&out.dict);
  return 1;
}
