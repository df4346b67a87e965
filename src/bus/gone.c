/* What stands where an object was, or never has been: calls on it are told so by our own name for
 * it, and one that was made with a key, and took the object away itself, gets its answer again. */
#include "bus/gone.h"

#include "bus/adaptors.h"
#include "bus/call.h"

typedef struct
{
  GDBusConnection *connection;
  guint subtree;
  GDBusInterfaceSkeleton *skeleton;
} Place;

struct _SurelGone
{
  SurelOnce *once;   /* borrowed */
  GPtrArray *places; /* Place */
};

static void
place_free (gpointer data)
{
  Place *place = data;

  if (place->subtree != 0)
    g_dbus_connection_unregister_subtree (place->connection, place->subtree);
  g_object_unref (place->connection);
  g_object_unref (place->skeleton);
  g_free (place);
}

/* Properties come here as well, as the table has no functions for them. */
static void
on_call (GDBusConnection *connection,
         const char *sender,
         const char *path,
         const char *interface,
         const char *method,
         GVariant *parameters,
         GDBusMethodInvocation *invocation,
         gpointer skeleton)
{
  if (g_str_equal (interface, "org.freedesktop.DBus.Properties"))
    surel_call_gone (invocation);
  else
    g_dbus_interface_skeleton_get_vtable (skeleton)->method_call (connection, sender, path, interface, method, parameters,
                                                                  invocation, skeleton);
}

static char **
enumerate (GDBusConnection *connection G_GNUC_UNUSED,
           const char *sender G_GNUC_UNUSED,
           const char *path G_GNUC_UNUSED,
           gpointer data G_GNUC_UNUSED)
{
  return g_new0 (char *, 1);
}

static GDBusInterfaceInfo **
introspect (GDBusConnection *connection G_GNUC_UNUSED,
            const char *sender G_GNUC_UNUSED,
            const char *path G_GNUC_UNUSED,
            const char *node,
            gpointer data)
{
  Place *place = data;
  GDBusInterfaceInfo **infos = g_new0 (GDBusInterfaceInfo *, 2);

  if (node != NULL)
    infos[0] = g_dbus_interface_info_ref (g_dbus_interface_skeleton_get_info (place->skeleton));
  return infos;
}

static const GDBusInterfaceVTable *
dispatch (GDBusConnection *connection G_GNUC_UNUSED,
          const char *sender G_GNUC_UNUSED,
          const char *path G_GNUC_UNUSED,
          const char *interface G_GNUC_UNUSED,
          const char *node,
          gpointer *user_data,
          gpointer data)
{
  static const GDBusInterfaceVTable table = { .method_call = on_call };
  Place *place = data;

  *user_data = place->skeleton;
  return node != NULL ? &table : NULL;
}

SurelGone *
surel_gone_new (SurelOnce *once)
{
  SurelGone *self = g_new0 (SurelGone, 1);

  self->once = once;
  self->places = g_ptr_array_new_with_free_func (place_free);
  return self;
}

void
surel_gone_free (SurelGone *self)
{
  g_ptr_array_unref (self->places);
  g_free (self);
}

/**
 * surel_gone_stand_in:
 * @folder: a path, below which objects come and go
 * @type: the generated skeleton of what they are
 *
 * Answers for the objects below @folder that aren't there.
 */
void
surel_gone_stand_in (SurelGone *self, GDBusConnection *connection, const char *folder, GType type)
{
  static const GDBusSubtreeVTable subtree = { .enumerate = enumerate,
                                              .introspect = introspect,
                                              .dispatch = dispatch };
  Place *place = g_new0 (Place, 1);

  place->connection = g_object_ref (connection);
  place->skeleton = surel_gone_adaptor_new (type);
  surel_once_watch (self->once, place->skeleton);
  place->subtree = g_dbus_connection_register_subtree (
      connection, folder, &subtree, G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES, place,
      NULL, NULL);
  g_ptr_array_add (self->places, place);
}
