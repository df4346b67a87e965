/* The parts of a message as the bus tells them, and Messages.GetBody, which tells their text as well. */
#include "bus/body.h"

#include "base/errors.h"
#include "bus/call.h"
#include "bus/wire.h"
#include "mime/mime-body.h"
#include "mime/mime-text.h"
#include "store/content.h"

#define VALUE_MAX (256 * 1024) /* octets of a value, unless given */
#define REPLY_MAX (16 << 20) /* octets of all values */
#define LIST_PADDING 8 /* octets that an element of a list takes on the wire beside itself, at most */

struct _SurelBody
{
  const char *message;
  char blob[2 * SUREL_DIGEST_SIZE + 1]; /* the message's */
  SurelMimePart *root;
  SurelMimeBody *parts; /* of @root */
};

/**
 * surel_body_new:
 * @message: its octets; outlives what is returned
 * @digest: their SHA-256
 *
 * Returns: (transfer full): its parts
 */
SurelBody *
surel_body_new (const char *message, gsize length, const guint8 *digest)
{
  SurelBody *self = g_new0 (SurelBody, 1);

  self->message = message;
  for (guint i = 0; i < SUREL_DIGEST_SIZE; i++)
    g_snprintf (self->blob + 2 * i, 3, "%02x", digest[i]);
  self->root = surel_mime_part_parse (message, length);
  self->parts = surel_mime_body_new (self->root);
  return self;
}

/**
 * surel_body_free:
 */
void
surel_body_free (SurelBody *self)
{
  surel_mime_body_free (self->parts);
  surel_mime_part_free (self->root);
  g_free (self);
}

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
describe (const SurelBody *self, const SurelMimePart *part)
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
describe_tree (const SurelBody *self, const SurelMimePart *part)
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

/* How many multiparts are within one another. */
static guint
depth_of (const SurelMimePart *part)
{
  guint deepest = 0;

  for (guint i = 0; part->parts != NULL && i < part->parts->len; i++)
    deepest = MAX (deepest, depth_of (part->parts->pdata[i]));
  return part->parts != NULL ? deepest + 1 : 0;
}

/**
 * surel_body_tell_structure:
 * @depth: how many multiparts within one another can be told where the value goes
 *
 * Returns: (transfer full) (nullable): `bodyStructure`; %NULL where it is deeper
 */
GVariant *
surel_body_tell_structure (const SurelBody *self, guint depth)
{
  return depth_of (self->root) <= depth ? describe_tree (self, self->root) : NULL;
}

/**
 * surel_body_tell:
 * @list: which parts
 * @max: octets that the list may take on the wire
 * @cut: (inout): set where it doesn't have all of them for that
 *
 * Returns: (transfer floating): the list of them, an aa{sv}
 */
GVariant *
surel_body_tell (const SurelBody *self, SurelBodyList list, gsize max, gboolean *cut)
{
  const GPtrArray *parts = list == SUREL_BODY_TEXT   ? self->parts->text
                           : list == SUREL_BODY_HTML ? self->parts->html
                                                     : self->parts->attachments;
  gsize size = LIST_PADDING;
  GVariantBuilder told;

  g_variant_builder_init (&told, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < parts->len; i++)
    {
      g_autoptr (GVariant) part = g_variant_ref_sink (describe (self, parts->pdata[i]));

      size += surel_wire_size (part) + LIST_PADDING;
      if (size > max)
        {
          *cut = TRUE;
          break;
        }
      g_variant_builder_add_value (&told, part);
    }
  return g_variant_builder_end (&told);
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
tell_values (const SurelBody *body, const SurelBodyWanted *wanted)
{
  g_autoptr (GHashTable) told = g_hash_table_new (g_str_hash, g_str_equal);
  Values self = { .message = body->message, .most = wanted->most, .left = REPLY_MAX, .told = told };

  g_variant_builder_init (&self.values, G_VARIANT_TYPE ("a{s(sbb)}"));
  if (wanted->text)
    add_values_of (&self, body->parts->text);
  if (wanted->html)
    add_values_of (&self, body->parts->html);
  if (wanted->all)
    add_all_values (&self, body->root);
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
  g_autoptr (SurelBody) body = NULL;
  g_autoptr (GVariant) tree = NULL;
  gboolean cut = FALSE; /* never: there is room for all of them */
  GVariantBuilder dict;

  if (file == NULL)
    return FALSE;
  body = surel_body_new (g_mapped_file_get_contents (file), g_mapped_file_get_length (file), digest);
  tree = surel_body_tell_structure (body, SUREL_MIME_DEPTH_MAX);
  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&dict, "{sv}", "bodyStructure", tree);
  g_variant_builder_add (&dict, "{sv}", "textBody", surel_body_tell (body, SUREL_BODY_TEXT, G_MAXSIZE, &cut));
  g_variant_builder_add (&dict, "{sv}", "htmlBody", surel_body_tell (body, SUREL_BODY_HTML, G_MAXSIZE, &cut));
  g_variant_builder_add (&dict, "{sv}", "attachments", surel_body_tell (body, SUREL_BODY_ATTACHMENTS, G_MAXSIZE, &cut));
  g_variant_builder_add (&dict, "{sv}", "bodyValues", tell_values (body, wanted));
  reply->values = g_variant_new ("(a{sv})", &dict);
  return TRUE;
}
