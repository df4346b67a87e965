/* A message's row, as the bus shows it. */
#include "bus/row.h"

#include <string.h>

#include "base/errors.h"
#include "base/keywords.h"
#include "base/message.h"
#include "bus/path.h"
#include "bus/row-content.h"
#include "bus/row-thread.h"
#include "store/content.h"

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
  THREAD_ID = 1 << 22,
  HELD = 1 << 23, /* known, and never there yet: held messages aren't shown yet */
  SAVED_AT = 1 << 24,
  BODY_STRUCTURE = 1 << 25,
  TEXT_BODY = 1 << 26,
  HTML_BODY = 1 << 27,
  ATTACHMENTS = 1 << 28,
} Property;

/* What a message list shows. */
#define USUAL                                                                                            \
  (ID | ACCOUNT | MAILBOX_IDS | KEYWORDS | SIZE | RECEIVED_AT | SENT_AT | SUBJECT | FROM | TO | PREVIEW    \
   | HAS_ATTACHMENT | FETCHED | PENDING | THREAD_ID)

struct _SurelProperties
{
  guint wanted; /* Property bits */
  guint of_thread; /* SurelRowThreadProperty bits */
  GPtrArray *headers; /* SurelMimeFormWanted */
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
  { "bodyStructure", BODY_STRUCTURE },
  { "textBody", TEXT_BODY },
  { "htmlBody", HTML_BODY },
  { "attachments", ATTACHMENTS },
};

/* Known to the interface, and not built yet; `bodyValues` is GetBody's alone. */
static const char *const unbuilt[] = { "bodyValues", NULL };

static gboolean
add_header (SurelProperties *self, const char *name, GError **error)
{
  SurelMimeFormWanted *wanted = surel_mime_form_parse (name, error);
  gboolean is_new = wanted != NULL;

  for (guint i = 0; is_new && i < self->headers->len; i++)
    is_new = !g_str_equal (((SurelMimeFormWanted *) self->headers->pdata[i])->property, name);
  if (is_new)
    g_ptr_array_add (self->headers, wanted);
  else if (wanted != NULL)
    surel_mime_form_free (wanted);
  return wanted != NULL;
}

static gboolean
add_name (SurelProperties *self, const char *name, GError **error)
{
  gboolean later = g_strv_contains (unbuilt, name);
  guint of_thread = surel_row_thread_property (name);

  for (guint k = 0; k < G_N_ELEMENTS (known); k++)
    if (g_str_equal (known[k].name, name))
      {
        self->wanted |= known[k].property;
        return TRUE;
      }
  self->of_thread |= of_thread;
  if (of_thread != 0)
    return TRUE;
  if (g_str_has_prefix (name, "header:"))
    return add_header (self, name, error);
  g_set_error (error, SUREL_ERROR, later ? SUREL_ERROR_NOT_SUPPORTED : SUREL_ERROR_INVALID_ARGUMENT,
               later ? "The property `%s` is not supported yet" : "There is no property `%s`", name);
  return FALSE;
}

/**
 * surel_properties_new:
 * @names: names of properties; empty for those that a message list shows
 * @collapsed: whether the list shows threads
 *
 * Returns: (transfer full) (nullable): %NULL with %SUREL_ERROR_INVALID_ARGUMENT, which names the first
 *   that there isn't, %SUREL_ERROR_NOT_SUPPORTED or %SUREL_ERROR_LIMIT_EXCEEDED
 */
SurelProperties *
surel_properties_new (const char *const *names, gboolean collapsed, GError **error)
{
  g_autoptr (SurelProperties) self = g_new0 (SurelProperties, 1);

  self->headers = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_mime_form_free);
  if (names[0] == NULL)
    {
      self->wanted = USUAL;
      self->of_thread = collapsed ? SUREL_ROW_THREAD_ALL : 0;
    }
  if (g_strv_length ((char **) names) > PROPERTIES_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED, "At most %d properties can be asked for",
                   PROPERTIES_MAX);
      return NULL;
    }
  for (guint i = 0; names[i] != NULL; i++)
    if (!add_name (self, names[i], error))
      return NULL;
  return g_steal_pointer (&self);
}

void
surel_properties_free (SurelProperties *self)
{
  g_ptr_array_unref (self->headers);
  g_free (self);
}

static void
add_keywords (SurelRowOut *out, const SurelRow *row)
{
  g_auto (GStrv) words = surel_keywords_to_strv (row->flags, row->keywords);

  out->size += row->keywords != NULL ? strlen (row->keywords) : 0;
  g_variant_builder_add (&out->dict, "{sv}", "keywords",
                         g_variant_new_strv ((const char *const *) words, -1));
}

static void
add_blob_id (SurelRowOut *out, const guint8 *digest)
{
  char hex[2 * SUREL_DIGEST_SIZE + 1];

  if (digest == NULL)
    return;
  for (guint i = 0; i < SUREL_DIGEST_SIZE; i++)
    g_snprintf (hex + 2 * i, 3, "%02x", digest[i]);
  g_variant_builder_add (&out->dict, "{sv}", "blobId", g_variant_new_string (hex));
}

static void
add_simple (SurelRowOut *out, guint wanted, const SurelRow *row)
{
  GVariantBuilder *dict = &out->dict;

  if ((wanted & ID) != 0)
    g_variant_builder_add (dict, "{sv}", "id", g_variant_new_uint64 ((guint64) row->id));
  if ((wanted & ACCOUNT) != 0)
    {
      g_autofree char *path = surel_path_of_account (row->account);

      g_variant_builder_add (dict, "{sv}", "account", g_variant_new_object_path (path));
    }
  if ((wanted & THREAD_ID) != 0 && row->thread != 0)
    g_variant_builder_add (dict, "{sv}", "threadId", g_variant_new_uint64 ((guint64) row->thread));
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
add_texts (SurelRowOut *out, guint wanted, const SurelRow *row)
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
    surel_row_out_add_text (out, "subject", row->subject);
  if ((wanted & PREVIEW) != 0)
    surel_row_out_add_text (out, "preview", row->preview);
  if ((wanted & MESSAGE_ID) != 0)
    surel_row_out_add_ids (out, "messageId", row->message_id);
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    if ((wanted & lists[i].property) != 0)
      surel_row_out_add_addresses (out, lists[i].name, lists[i].list->data, lists[i].list->length);
  if ((wanted & IN_REPLY_TO) != 0)
    surel_row_out_add_ids (out, "inReplyTo", row->in_reply_to);
  if ((wanted & REFERENCES) != 0)
    surel_row_out_add_ids (out, "references", row->references);
}

static gboolean
add_mailboxes (SurelRowOut *out, SurelReader *reader, gint64 account, gint64 id, GError **error)
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

/* What is told of the message's bytes; its texts come first. */
static void
add_content (SurelRowOut *out, const SurelProperties *self, SurelStore *store, const SurelRow *row, guint64 *read)
{
  const SurelRowContent wanted = {
    .headers = self->headers,
    .structure = (self->wanted & BODY_STRUCTURE) != 0,
    .text = (self->wanted & TEXT_BODY) != 0,
    .html = (self->wanted & HTML_BODY) != 0,
    .attachments = (self->wanted & ATTACHMENTS) != 0,
  };

  surel_row_content_add (&wanted, out, store, row, read);
}

/**
 * surel_properties_read:
 * @read: (inout): gets more by the octets of the message's bytes that were looked at, which may take a while
 * @row: (out) (transfer floating): an a{sv} of 64 KiB at most; `cut` names what was shortened for that
 *
 * Returns: 1 where @row is set, 0 where there is no such message, -1 with @error set
 */
int
surel_properties_read (const SurelProperties *self,
                       SurelStore *store,
                       SurelReader *reader,
                       gint64 id,
                       guint64 *read,
                       GVariant **row,
                       GError **error)
{
  SurelRow found;
  SurelRowOut out;
  int result = surel_row_read (reader, id, &found, error);

  if (result <= 0)
    return result;
  surel_row_out_init (&out);
  for (guint i = 0; i < self->headers->len; i++)
    surel_row_out_reserve (&out, ((SurelMimeFormWanted *) self->headers->pdata[i])->property);
  add_simple (&out, self->wanted, &found);
  add_texts (&out, self->wanted, &found);
  add_content (&out, self, store, &found, read);
  if (((self->wanted & MAILBOX_IDS) != 0 && !add_mailboxes (&out, reader, found.account, id, error))
      || !surel_row_thread_add (self->of_thread, &out, reader, found.thread, read, error))
    {
      surel_row_out_clear (&out);
      return -1;
    }
  *row = surel_row_out_end (&out);
  return 1;
}
