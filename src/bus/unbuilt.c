/* Members that have no handler of their own: those that aren't built yet answer NotSupported, those
 * of an object that isn't there NotFound. */
#include "bus/adaptors.h"
#include "bus/call.h"

/* Any `handle-…` signal: the skeleton, the invocation, arguments; TRUE for handled. */
static void
say_not_supported (GClosure *closure G_GNUC_UNUSED,
                   GValue *result,
                   guint n G_GNUC_UNUSED,
                   const GValue *values,
                   gpointer hint G_GNUC_UNUSED,
                   gpointer data G_GNUC_UNUSED)
{
  g_value_set_boolean (result, surel_call_not_supported (g_value_get_object (&values[1])));
}

static void
say_gone (GClosure *closure G_GNUC_UNUSED,
          GValue *result,
          guint n G_GNUC_UNUSED,
          const GValue *values,
          gpointer hint G_GNUC_UNUSED,
          gpointer data G_GNUC_UNUSED)
{
  g_value_set_boolean (result, surel_call_gone (g_value_get_object (&values[1])));
}

static const char *const nothing[] = { NULL };

static char *
signal_name_of (const char *method)
{
  GString *name = g_string_new ("handle");

  for (const char *p = method; *p != '\0'; p++)
    {
      if (g_ascii_isupper (*p))
        g_string_append_c (name, '-');
      g_string_append_c (name, g_ascii_tolower (*p));
    }
  return g_string_free (name, FALSE);
}

static void
connect_others (gpointer skeleton, const char *const *built, GClosureMarshal marshal)
{
  GDBusInterfaceInfo *info = g_dbus_interface_skeleton_get_info (skeleton);

  for (guint i = 0; info->methods != NULL && info->methods[i] != NULL; i++)
    {
      g_autofree char *name = NULL;
      GClosure *closure;

      if (g_strv_contains (built, info->methods[i]->name))
        continue;
      name = signal_name_of (info->methods[i]->name);
      closure = g_closure_new_simple (sizeof (GClosure), NULL);
      g_closure_set_marshal (closure, marshal);
      g_signal_connect_closure (skeleton, name, closure, FALSE);
    }
}

/**
 * surel_unbuilt_connect:
 * @skeleton: a generated skeleton
 * @built: the methods that are built
 *
 * Has all other methods answer NotSupported.
 */
void
surel_unbuilt_connect (gpointer skeleton, const char *const *built)
{
  connect_others (skeleton, built, say_not_supported);
}

/**
 * surel_gone_adaptor_new:
 * @type: the generated skeleton of an object that isn't there
 */
GDBusInterfaceSkeleton *
surel_gone_adaptor_new (GType type)
{
  GDBusInterfaceSkeleton *skeleton = g_object_new (type, NULL);

  connect_others (skeleton, nothing, say_gone);
  return skeleton;
}
