/* org.surel.Sync1.Items: contacts, calendars, tasks and notes, of which nothing is built yet but the answers to invitations
 * that come by mail. */
#include "base/errors.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/once.h"

typedef struct
{
  SurelService *service; /* borrowed */
} Adaptor;

static gboolean
take_answer (const char *word, SurelAnswer *answer, GError **error)
{
  static const char *const words[] = { "accepted", "tentative", "declined" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_str_equal (word, words[i]))
      {
        *answer = (SurelAnswer) (SUREL_ANSWER_ACCEPTED + i);
        return TRUE;
      }
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "The answer has to be `accepted`, `tentative` or `declined`");
  return FALSE;
}

static gboolean
handle_respond (SurelBusItems *skeleton G_GNUC_UNUSED,
                GDBusMethodInvocation *invocation,
                guint64 message,
                const char *word,
                GVariant *options,
                gpointer data)
{
  static const char *const keys[] = { "key", NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  SurelAnswer answer;

  if (take_answer (word, &answer, &error) && surel_call_check_options (options, keys, &error))
    surel_operations_respond (surel_service_get_operations (self->service), (gint64) MIN (message, (guint64) G_MAXINT64), answer,
                              g_dbus_method_invocation_get_sender (invocation), surel_once_get_key (invocation), surel_once_operation_of,
                              surel_once_finish, invocation);
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

SurelBusItems *
surel_items_adaptor_new (SurelService *service)
{
  static const char *const built[] = { "Respond", NULL };
  SurelBusItems *skeleton = surel_bus_items_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);

  self->service = service;
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, g_free);
  g_signal_connect (skeleton, "handle-respond", G_CALLBACK (handle_respond), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
