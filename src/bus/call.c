/* What all adaptors need of a call: errors by their public names, options checked key by key. */
#include "bus/call.h"
#include "bus/path.h"

#include <string.h>

#include "base/errors.h"

#define MESSAGE_MAX 2000  /* octets of an error's message */
#define LARGE (64 * 1024) /* octets of a reply */

/**
 * surel_call_fail:
 * @error: of any domain
 *
 * Ends the call with @error under its public name.
 */
void
surel_call_fail (GDBusMethodInvocation *invocation, const GError *error)
{
  g_autoptr (GError) shown = g_error_copy (error);
  g_autofree char *message = NULL;

  surel_error_to_public (&shown);
  message = g_utf8_make_valid (shown->message, (gssize) MIN (strlen (shown->message), MESSAGE_MAX));
  g_dbus_method_invocation_return_dbus_error (invocation, surel_error_name (shown), message);
}

/**
 * surel_call_answer:
 * @values: (transfer floating): the tuple of what the call returns
 *
 * Ends a call in a reader's thread. A large answer is waited for until the bus has it: those of one
 * who asks for many neither pile up here nor keep others' answers behind them.
 */
void
surel_call_answer (GDBusMethodInvocation *invocation, GVariant *values)
{
  g_autoptr (GDBusConnection) connection =
      g_object_ref (g_dbus_method_invocation_get_connection (invocation));
  gboolean large = g_variant_get_size (values) > LARGE;

  g_dbus_method_invocation_return_value (invocation, values);
  if (large)
    g_dbus_connection_flush_sync (connection, NULL, NULL);
}

/**
 * surel_call_not_supported:
 *
 * Returns: %TRUE: the call is handled
 */
gboolean
surel_call_not_supported (GDBusMethodInvocation *invocation)
{
  g_autoptr (GError) error
      = g_error_new (SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "%s is not supported yet",
                     g_dbus_method_invocation_get_method_name (invocation));

  surel_call_fail (invocation, error);
  return TRUE;
}

/**
 * surel_call_gone:
 *
 * Ends a call, of whatever interface, on an object that isn't there.
 *
 * Returns: %TRUE: the call is handled
 */
gboolean
surel_call_gone (GDBusMethodInvocation *invocation)
{
  g_autoptr (GError) error = g_error_new (SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "There is nothing at %s, or no longer",
                                          g_dbus_method_invocation_get_object_path (invocation));

  surel_call_fail (invocation, error);
  return TRUE;
}

/**
 * surel_call_check_options:
 * @allowed: the keys it may have
 *
 * Returns: %FALSE with %SUREL_ERROR_INVALID_ARGUMENT, which names the first other key
 */
gboolean
surel_call_check_options (GVariant *options, const char *const *allowed, GError **error)
{
  GVariantIter iter;
  const char *key;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
    if (!g_strv_contains (allowed, key))
      {
        g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "There is no option `%s` here", key);
        return FALSE;
      }
  return TRUE;
}

static gboolean
fail_type (const char *key, const char *what, GError **error)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`%s` has to be %s", key, what);
  return FALSE;
}

/**
 * surel_call_get_boolean:
 * @value: (inout): left as it is where @key isn't there
 */
gboolean
surel_call_get_boolean (GVariant *options, const char *key, gboolean *value, GError **error)
{
  g_autoptr (GVariant) found = g_variant_lookup_value (options, key, NULL);

  if (found == NULL)
    return TRUE;
  if (!g_variant_is_of_type (found, G_VARIANT_TYPE_BOOLEAN))
    return fail_type (key, "true or false", error);
  *value = g_variant_get_boolean (found);
  return TRUE;
}

/**
 * surel_call_get_number:
 * @least: the least it may be
 * @most: the most
 * @value: (inout): left as it is where @key isn't there
 *
 * Takes a number of any integer type.
 */
gboolean
surel_call_get_number (GVariant *options,
                       const char *key,
                       gint64 least,
                       gint64 most,
                       gint64 *value,
                       GError **error)
{
  g_autoptr (GVariant) found = g_variant_lookup_value (options, key, NULL);
  gint64 number = 0;
  gboolean is_integer = TRUE;

  if (found == NULL)
    return TRUE;
  switch (g_variant_classify (found))
    {
    case G_VARIANT_CLASS_BYTE:
      number = g_variant_get_byte (found);
      break;
    case G_VARIANT_CLASS_INT16:
      number = g_variant_get_int16 (found);
      break;
    case G_VARIANT_CLASS_UINT16:
      number = g_variant_get_uint16 (found);
      break;
    case G_VARIANT_CLASS_INT32:
      number = g_variant_get_int32 (found);
      break;
    case G_VARIANT_CLASS_UINT32:
      number = g_variant_get_uint32 (found);
      break;
    case G_VARIANT_CLASS_INT64:
      number = g_variant_get_int64 (found);
      break;
    case G_VARIANT_CLASS_UINT64:
      number = (gint64) MIN (g_variant_get_uint64 (found), (guint64) G_MAXINT64);
      break;
    default:
      is_integer = FALSE;
    }
  if (!is_integer || number < least || number > most)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT,
                   "`%s` has to be a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, key, least,
                   most);
      return FALSE;
    }
  *value = number;
  return TRUE;
}

/**
 * surel_call_get_parent:
 * @path: of a folder of @account, or `/`
 * @parent: (out): its id; 0 for none
 */
gboolean
surel_call_get_parent (const char *path, gint64 account, gint64 *parent, GError **error)
{
  gint64 other = 0;

  *parent = 0;
  if (g_str_equal (path, "/") || (surel_path_to_folder (path, &other, parent) && other == account))
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT,
               "The parent has to be the path of a folder of the same account, or `/` for none");
  return FALSE;
}

/**
 * surel_call_ids:
 * @ids: (element-type guint64): ids
 *
 * Returns: (transfer floating): them as `at`
 */
GVariant *
surel_call_ids (GArray *ids)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, ids->data, ids->len, sizeof (guint64));
}
