/* The absence notice that a server answers with while a person is away: an a{sv} by RFC 8621 §8's names. A date that is 0
 * and a text that is empty aren't set; what is asked of a server is what changes, and all else stays as it is. */
#include "base/vacation.h"

#include <string.h>

#include "base/errors.h"

#define TEXT_MAX 65536 /* octets */
#define SUBJECT_MAX 998 /* octets: RFC 5322 §2.1.1 */

static const struct
{
  const char *key;
  const char *type;
  gsize max; /* of a text */
} keys[] = {
  { "isEnabled", "b", 0 },
  { "fromDate", "x", 0 },
  { "toDate", "x", 0 },
  { "subject", "s", SUBJECT_MAX },
  { "textBody", "s", TEXT_MAX },
  { "htmlBody", "s", TEXT_MAX },
};

static gboolean
fail (GError **error, const char *key, const char *why)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`%s` %s", key, why);
  return FALSE;
}

static gboolean
check_value (const char *key, GVariant *value, GError **error)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (keys) && strcmp (keys[i].key, key) != 0; i++)
    ;
  if (i == G_N_ELEMENTS (keys))
    return fail (error, key, "is nothing that an absence notice has: that is isEnabled, fromDate, toDate, subject, textBody, htmlBody");
  if (strcmp (g_variant_get_type_string (value), keys[i].type) != 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`%s` is to be of the type %s, not %s", key, keys[i].type,
                   g_variant_get_type_string (value));
      return FALSE;
    }
  if (keys[i].type[0] == 'x' && (g_variant_get_int64 (value) < 0 || g_variant_get_int64 (value) > G_MAXUINT32))
    return fail (error, key, "is to be in seconds since the epoch, or 0 for none");
  if (keys[i].type[0] == 's' && strlen (g_variant_get_string (value, NULL)) > keys[i].max)
    return fail (error, key, "is too long for an absence notice");
  if (strcmp (key, "subject") == 0 && strpbrk (g_variant_get_string (value, NULL), "\r\n") != NULL)
    return fail (error, key, "is to be one line");
  return TRUE;
}

/**
 * surel_vacation_check:
 * @vacation: an a{sv} that a client gave
 *
 * Returns: %FALSE with %SUREL_ERROR_INVALID_ARGUMENT where that can't be asked of a server
 */
gboolean
surel_vacation_check (GVariant *vacation, GError **error)
{
  GVariantIter iter;
  const char *key;
  GVariant *value;
  gint64 from = 0;
  gint64 to = 0;

  g_variant_iter_init (&iter, vacation);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    if (!check_value (key, value, error))
      {
        g_variant_unref (value);
        return FALSE;
      }
  if (g_variant_n_children (vacation) == 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "Nothing of the absence notice is to be changed");
      return FALSE;
    }
  g_variant_lookup (vacation, "fromDate", "x", &from);
  g_variant_lookup (vacation, "toDate", "x", &to);
  return to == 0 || from < to || fail (error, "toDate", "is to be later than fromDate: the absence ends before it begins");
}

/**
 * surel_vacation_merge:
 * @under: an a{sv}
 * @over: an a{sv}
 *
 * Returns: (transfer full): what @over says, and of all else what @under says
 */
GVariant *
surel_vacation_merge (GVariant *under, GVariant *over)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (over, keys[i].key, NULL);

      if (value == NULL)
        value = g_variant_lookup_value (under, keys[i].key, NULL);
      if (value != NULL)
        g_variant_builder_add (&builder, "{sv}", keys[i].key, value);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}
