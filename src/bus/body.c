/* Messages.GetBody: the parts of a message, and their text. */
#include "bus/body.h"

#include "base/errors.h"
#include "bus/call.h"
#include "mime/mime-body.h"
#include "mime/mime-text.h"
#include "store/content.h"

#define VALUE_MAX (256 * 1024) /* octets of a value, unless given */
#define REPLY_MAX (16 << 20) /* octets of all values */

typedef struct
{
  const char *message;
  char blob[2 * SUREL_DIGEST_SIZE + 1]; /* the message's */
} Describing;

/**
 * surel_body_take_options:
 * @wanted: (out)
 */
gboolean
surel_body_take_options (GVariant *options, SurelBodyWanted *wanted, GError **error)
{
  static const char *const keys[] = { "values", "maxBytes", NULL };
  static const char *const kinds[] = { "text", "html", "all", NULL };
  g_autoptr (GVariant) values = g_variant_lookup_value (options, "values", NULL);
  const char *kind = values != NULL && g_variant_is_of_type (values, G_VARIANT_TYPE_STRING) ? g_variant_get_string (values, NULL) : NULL;
  gint64 most = VALUE_MAX;

  if (!surel_call_check_options (options, keys, error)
      || !surel_call_get_number (options, "maxBytes", 0, G_MAXUINT32, &most, error))
    return FALSE;
  if (values != NULL && (kind == NULL || !g_strv_contains (kinds, kind)))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`values` has to be `text`, `html` or `all`");
      return FALSE;
    }
  *wanted = (SurelBodyWanted){
    .text = g_strcmp0 (kind, "text") == 0, .html = g_strcmp0 (kind, "html") == 0, .all = g_strcmp0 (kind, "all") == 0, .most = (guint32) most,
  };
  return TRUE;
}

static void
add_string (GVariantBuilder *dict, const char *key, const char *value)
{
  if (value != NULL)
    g_variant_builder_add (dict, "{sv}", key, g_variant_new_string (value));
}

/* A name for the octets of a part: the same part of the same message is the same octets. */
static GVariant *
describe (const Describing *self, const SurelMimePart *part)
{
  GVariantBuilder dict;

  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  add_string (&dict, "type", part->type);
  add_string (&dict, "name", part->name);
  add_string (&dict, "disposition", part->disposition);
  add_string (&dict, "cid", part->cid);
  if (g_str_has_prefix (part->type, "text/"))
    add_string (&dict, "charset", part->charset != NULL ? part->charset : "us-ascii");
  if (part->parts == NULL)
    {
      g_autofree char *blob = g_strconcat (self->blob, "/", part->id, NULL);

      add_string (&dict, "partId", part->id);
      add_string (&dict, "blobId", blob);
      g_variant_builder_add (&dict, "{sv}", "size", g_variant_new_uint64 (surel_mime_part_size (part, self->message)));
    }
  return g_variant_builder_end (&dict);
}

/* The whole tree: a multipart with what is in it. */
static GVariant *
describe_tree (const Describing *self, const SurelMimePart *part)
{
  g_autoptr (GVariant) flat = g_variant_ref_sink (describe (self, part));
  GVariantDict dict;
  GVariantBuilder parts;

  if (part->parts == NULL)
    return g_variant_ref (flat);
  g_variant_builder_init (&parts, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < part->parts->len; i++)
    {
      g_autoptr (GVariant) sub = describe_tree (self, part->parts->pdata[i]);

      g_variant_builder_add_value (&parts, sub);
    }
  g_variant_dict_init (&dict, flat);
  g_variant_dict_insert_value (&dict, "subParts", g_variant_builder_end (&parts));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static GVariant *
describe_all (const Describing *self, const GPtrArray *parts)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < parts->len; i++)
    g_variant_builder_add_value (&list, describe (self, parts->pdata[i]));
  return g_variant_builder_end (&list);
}

/* --- Values --- */

typedef struct
{
  const char *message;
  guint32 most;
  gsize left; /* octets of the reply */
  GHashTable *told; /* ids */
  GVariantBuilder values;
} Values;

static void
add_value (Values *self, const SurelMimePart *part)
{
  g_autofree char *text = NULL;
  gboolean problem;
  gboolean truncated;

  if (!g_str_has_prefix (part->type, "text/") || !g_hash_table_add (self->told, part->id))
    return;
  text = surel_mime_part_text (part, self->message, MIN (self->most, self->left), &problem, &truncated);
  self->left -= MIN (strlen (text), self->left);
  g_variant_builder_add (&self->values, "{s(sbb)}", part->id, text, problem, truncated);
}

static void
add_values_of (Values *self, const GPtrArray *parts)
{
  for (guint i = 0; i < parts->len; i++)
    add_value (self, parts->pdata[i]);
}

static void
add_all_values (Values *self, const SurelMimePart *part)
{
  if (part->parts == NULL)
    add_value (self, part);
  for (guint i = 0; part->parts != NULL && i < part->parts->len; i++)
    add_all_values (self, part->parts->pdata[i]);
}

static GVariant *
values_of (const char *message, const SurelMimePart *root, const SurelMimeBody *body, const SurelBodyWanted *wanted)
{
  g_autoptr (GHashTable) told = g_hash_table_new (g_str_hash, g_str_equal);
  Values self = { .message = message, .most = wanted->most, .left = REPLY_MAX, .told = told };

  g_variant_builder_init (&self.values, G_VARIANT_TYPE ("a{s(sbb)}"));
  if (wanted->text)
    add_values_of (&self, body->text);
  if (wanted->html)
    add_values_of (&self, body->html);
  if (wanted->all)
    add_all_values (&self, root);
  return g_variant_builder_end (&self.values);
}

/**
 * surel_body_describe:
 * @wanted: a SurelBodyWanted
 *
 * A SurelContentUse.
 */
gboolean
surel_body_describe (int fd, const guint8 *digest, gpointer wanted, SurelContentReply *reply, GError **error)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new_from_fd (fd, FALSE, error);
  g_autoptr (SurelMimePart) root = NULL;
  g_autoptr (SurelMimeBody) body = NULL;
  g_autoptr (GVariant) tree = NULL;
  Describing self = { 0 };
  GVariantBuilder dict;

  if (file == NULL)
    return FALSE;
  self.message = g_mapped_file_get_contents (file);
  for (guint i = 0; i < SUREL_DIGEST_SIZE; i++)
    g_snprintf (self.blob + 2 * i, 3, "%02x", digest[i]);
  root = surel_mime_part_parse (self.message, g_mapped_file_get_length (file));
  body = surel_mime_body_new (root);
  tree = describe_tree (&self, root);
  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&dict, "{sv}", "bodyStructure", tree);
  g_variant_builder_add (&dict, "{sv}", "textBody", describe_all (&self, body->text));
  g_variant_builder_add (&dict, "{sv}", "htmlBody", describe_all (&self, body->html));
  g_variant_builder_add (&dict, "{sv}", "attachments", describe_all (&self, body->attachments));
  g_variant_builder_add (&dict, "{sv}", "bodyValues", values_of (self.message, root, body, wanted));
  reply->values = g_variant_new ("(a{sv})", &dict);
  return TRUE;
}
