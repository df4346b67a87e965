/* A message as an argument: a descriptor, or inline. */
#include "bus/message-argument.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/errors.h"

static gboolean
fail (GError **error, const char *message)
{
  g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

/**
 * surel_message_argument_take:
 * @value: `h`, `ay` or `s`
 * @fds: (nullable): the call's descriptors
 * @fd: (out) (transfer full): of `h`, else -1
 * @octets: (out) (transfer full) (nullable): else
 */
gboolean
surel_message_argument_take (GVariant *value, GUnixFDList *fds, int *fd, GBytes **octets, GError **error)
{
  g_autoptr (GVariant) inner
      = g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (value) : g_variant_ref (value);

  *fd = -1;
  *octets = NULL;
  if (g_variant_is_of_type (inner, G_VARIANT_TYPE_HANDLE))
    {
      gint32 index = g_variant_get_handle (inner);

      if (fds == NULL || index < 0 || index >= g_unix_fd_list_get_length (fds))
        return fail (error, "The message's descriptor did not come along");
      *fd = g_unix_fd_list_get (fds, index, error);
      return *fd >= 0;
    }
  if (g_variant_is_of_type (inner, G_VARIANT_TYPE_STRING))
    {
      gsize length;
      const char *text = g_variant_get_string (inner, &length);

      *octets = g_bytes_new (text, length);
      return TRUE;
    }
  if (g_variant_is_of_type (inner, G_VARIANT_TYPE_BYTESTRING))
    {
      *octets = g_variant_get_data_as_bytes (inner);
      return TRUE;
    }
  return fail (error, "The message has to be a descriptor (h), or inline (ay or s)");
}

/**
 * surel_message_argument_take_keywords:
 * @options: with or without `keywords` as
 * @message: gets them
 */
gboolean
surel_message_argument_take_keywords (GVariant *options, SurelMessage *message, GError **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (options, "keywords", NULL);
  g_autofree const char **keywords = NULL;
  g_autoptr (GPtrArray) user = g_ptr_array_new ();

  if (value == NULL)
    return TRUE;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("as")))
    return fail (error, "`keywords` has to be an array of strings");
  keywords = g_variant_get_strv (value, NULL);
  for (guint i = 0; keywords[i] != NULL; i++)
    {
      guint bit = surel_keyword_bit (keywords[i]);

      if (bit == 0 && !surel_keyword_is_valid (keywords[i]))
        return fail (error, "`keywords` has one that is none: it has 1 to 255 letters of ASCII, without spaces and ( ) { ] "
                            "% * \" \\");
      message->flags |= bit;
      if (bit == 0)
        g_ptr_array_add (user, (gpointer) keywords[i]);
    }
  message->keywords = surel_keywords_join (user);
  return TRUE;
}
