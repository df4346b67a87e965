/* Header properties (RFC 8621 §4.1.3): which field they name, and in which form they want it. A field can be told in those
 * forms alone that fit what it is defined to be (§4.1.2); of one that nobody has defined any may fit. */
#include "mime/mime-form.h"

#include <string.h>

#include "base/errors.h"
#include "base/text.h"

#define PREFIX "header:"
#define BIT(form) (1u << (form))
#define ADDRESSES (BIT (SUREL_MIME_ADDRESSES) | BIT (SUREL_MIME_GROUPED_ADDRESSES))
#define IDS BIT (SUREL_MIME_MESSAGE_IDS)
#define DATE BIT (SUREL_MIME_DATE)
#define URLS BIT (SUREL_MIME_URLS)
#define TEXT BIT (SUREL_MIME_TEXT)

/* In the order of SurelMimeForm. */
static const char *const forms[] = { "asRaw", "asText", "asAddresses", "asGroupedAddresses", "asMessageIds", "asDate", "asURLs" };

/* The fields of RFC 5322 and RFC 2369, with the forms they have beside the raw one. */
static const struct
{
  const char *field;
  guint forms;
} defined[] = {
  { "Date", DATE },
  { "From", ADDRESSES },
  { "Sender", ADDRESSES },
  { "Reply-To", ADDRESSES },
  { "To", ADDRESSES },
  { "Cc", ADDRESSES },
  { "Bcc", ADDRESSES },
  { "Message-ID", IDS },
  { "In-Reply-To", IDS },
  { "References", IDS },
  { "Subject", TEXT },
  { "Comments", TEXT },
  { "Keywords", TEXT },
  { "Resent-Date", DATE },
  { "Resent-From", ADDRESSES },
  { "Resent-Sender", ADDRESSES },
  { "Resent-Reply-To", ADDRESSES },
  { "Resent-To", ADDRESSES },
  { "Resent-Cc", ADDRESSES },
  { "Resent-Bcc", ADDRESSES },
  { "Resent-Message-ID", IDS },
  { "Return-Path", 0 },
  { "Received", 0 },
  { "List-Help", URLS },
  { "List-Unsubscribe", URLS },
  { "List-Subscribe", URLS },
  { "List-Post", URLS },
  { "List-Owner", URLS },
  { "List-Archive", URLS },
};

static guint
forms_of (const char *field)
{
  for (guint i = 0; i < G_N_ELEMENTS (defined); i++)
    if (g_ascii_strcasecmp (field, defined[i].field) == 0)
      return defined[i].forms | BIT (SUREL_MIME_RAW);
  return ~0u;
}

/* RFC 5322 §2.2. */
static gboolean
is_field_name (const char *name)
{
  gsize length = strlen (name);

  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isgraph (name[i]) || name[i] == ':')
      return FALSE;
  return length > 0 && length <= SUREL_MIME_NAME_OF_FIELD_MAX;
}

static gboolean
find_form (const char *name, SurelMimeForm *form)
{
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    if (g_str_equal (name, forms[i]))
      {
        *form = (SurelMimeForm) i;
        return TRUE;
      }
  return FALSE;
}

static SurelMimeFormWanted *
fail (const char *property, const char *why, GError **error)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "There is no property `%s`: %s", property, why);
  return NULL;
}

/**
 * surel_mime_form_parse:
 * @property: `header:NAME`, `header:NAME:asFORM`, or one of them with `:all` behind it; any other text
 *
 * Returns: (transfer full) (nullable): what it asks for; %NULL with %SUREL_ERROR_INVALID_ARGUMENT where it is none, or the
 *   field can't be told in that form
 */
SurelMimeFormWanted *
surel_mime_form_parse (const char *property, GError **error)
{
  g_autoptr (SurelMimeFormWanted) self = g_new0 (SurelMimeFormWanted, 1);
  g_auto (GStrv) words = g_str_has_prefix (property, PREFIX) ? g_strsplit (property + strlen (PREFIX), ":", 4) : NULL;
  guint n = words != NULL ? g_strv_length (words) : 0;
  guint at = 1;

  if (n == 0 || !is_field_name (words[0]))
    return fail (property, "`" PREFIX "` is followed by a field's name, of 100 printable characters of ASCII at most", error);
  if (at < n && find_form (words[at], &self->form))
    at++;
  if (at < n && g_str_equal (words[at], "all"))
    {
      self->all = TRUE;
      at++;
    }
  if (at < n)
    return fail (property,
                 "a field's name is followed by `asRaw`, `asText`, `asAddresses`, `asGroupedAddresses`, `asMessageIds`, `asDate` or "
                 "`asURLs`, and by `all`, or by nothing",
                 error);
  if ((forms_of (words[0]) & BIT (self->form)) == 0)
    return fail (property, "the field is not defined to be that (RFC 8621 section 4.1.2)", error);
  self->property = g_strdup (property);
  self->field = g_strdup (words[0]);
  return g_steal_pointer (&self);
}

/**
 * surel_mime_form_free:
 */
void
surel_mime_form_free (SurelMimeFormWanted *self)
{
  g_free (self->property);
  g_free (self->field);
  g_free (self);
}

/**
 * surel_mime_form_raw:
 * @raw: a field's value
 * @max: octets the result may have
 * @cut: (inout): set where there is more of it
 *
 * Returns: (transfer full): the value as it stands there, the space behind the colon and encoded words included (RFC 8621
 *   §4.1.2.1), but in one line (RFC 5322 §2.2.3) and clean
 */
char *
surel_mime_form_raw (const char *raw, gsize length, gsize max, gboolean *cut)
{
  g_autoptr (GString) line = g_string_sized_new (length + 1);
  char *clean;

  for (gsize i = 0; i < length; i++)
    if (raw[i] != '\r' && raw[i] != '\n' && raw[i] != '\0')
      g_string_append_c (line, raw[i]);
  clean = surel_text_clean (line->str, (gssize) line->len, G_MAXSIZE);
  if (strlen (clean) > max)
    {
      char *whole = clean;

      *cut = TRUE;
      clean = surel_text_clean (whole, -1, max);
      g_free (whole);
    }
  return clean;
}
