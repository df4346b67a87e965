/* org.surel.Sync1.Job. */
#include "base/errors.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/once.h"
#include "bus/path.h"

#define WAIT_SECONDS 300 /* how long Wait() waits */

typedef struct _Adaptor Adaptor;

typedef struct
{
  Adaptor *adaptor;
  GDBusMethodInvocation *invocation;
  guint timeout;
} Waiter;

struct _Adaptor
{
  SurelService *service; /* borrowed */
  SurelJob *job;
  SurelBusJob *skeleton; /* borrowed: it owns this */
  GPtrArray *waiters; /* Waiter */
  gboolean ended;
};

static void
waiter_free (gpointer data)
{
  Waiter *waiter = data;

  g_clear_handle_id (&waiter->timeout, g_source_remove);
  g_free (waiter);
}

static void
adaptor_free (gpointer data)
{
  Adaptor *self = data;

  g_signal_handlers_disconnect_by_data (self->job, self);
  g_object_unref (self->job);
  g_ptr_array_unref (self->waiters);
  g_free (self);
}

static GVariant *
result_of (SurelJob *job)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  if (g_str_equal (surel_job_get_kind (job), "sync") || g_str_equal (surel_job_get_kind (job), "fetch"))
    g_variant_dict_insert (&dict, "messages", "u", surel_job_get_count (job));
  return g_variant_dict_end (&dict);
}

static void
answer (SurelJob *job, GDBusMethodInvocation *invocation)
{
  if (surel_job_get_error (job) != NULL)
    surel_call_fail (invocation, surel_job_get_error (job));
  else
    surel_bus_job_complete_wait (NULL, invocation, result_of (job));
}

static gboolean
on_wait_over (gpointer data)
{
  Waiter *waiter = data;
  g_autoptr (GError) error
      = g_error_new (SUREL_ERROR, SUREL_ERROR_FAILED, "The job goes on; call Wait again to wait on");

  waiter->timeout = 0;
  surel_call_fail (waiter->invocation, error);
  g_ptr_array_remove_fast (waiter->adaptor->waiters, waiter);
  return G_SOURCE_REMOVE;
}

static gboolean
handle_wait (SurelBusJob *skeleton G_GNUC_UNUSED, GDBusMethodInvocation *invocation, gpointer data)
{
  Adaptor *self = data;
  Waiter *waiter;

  if (surel_job_has_ended (self->job))
    {
      answer (self->job, invocation);
      return TRUE;
    }
  waiter = g_new0 (Waiter, 1);
  waiter->adaptor = self;
  waiter->invocation = invocation;
  waiter->timeout = g_timeout_add_seconds (WAIT_SECONDS, on_wait_over, waiter);
  g_ptr_array_add (self->waiters, waiter);
  return TRUE;
}

/* What only questions that aren't asked yet are answered with. */
static gboolean
refuse_unbuilt (GVariant *reply, GError **error)
{
  static const char *const unbuilt[] = { "password", "redirect" };

  for (guint i = 0; i < G_N_ELEMENTS (unbuilt); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (reply, unbuilt[i], NULL);

      if (value == NULL)
        continue;
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "`%s` as an answer is not supported yet", unbuilt[i]);
      return FALSE;
    }
  return TRUE;
}

static gboolean
handle_answer (SurelBusJob *skeleton G_GNUC_UNUSED,
               GDBusMethodInvocation *invocation,
               GUnixFDList *fds G_GNUC_UNUSED,
               GVariant *reply,
               gpointer data)
{
  static const char *const keys[] = { "accept", "password", "redirect", NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;
  gboolean accept = FALSE;

  if (g_variant_n_children (reply) == 0)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "There is nothing in the answer; `accept` is asked for");
  else if (surel_call_check_options (reply, keys, &error) && refuse_unbuilt (reply, &error)
           && surel_call_get_boolean (reply, "accept", &accept, &error)
           && surel_engine_answer (surel_service_get_engine (self->service), self->job, accept, &error))
    {
      surel_bus_job_complete_answer (NULL, invocation, NULL);
      return TRUE;
    }
  surel_call_fail (invocation, error);
  return TRUE;
}

static gboolean
handle_cancel (SurelBusJob *skeleton, GDBusMethodInvocation *invocation, gpointer data)
{
  Adaptor *self = data;

  surel_job_cancel (self->job);
  surel_bus_job_complete_cancel (skeleton, invocation);
  return TRUE;
}

static const char *
state_name (SurelJobState state)
{
  static const char *const names[] = { "running", "waiting", "done", "failed", "cancelled" };

  return names[state];
}

static void
show (Adaptor *self)
{
  const GError *error = surel_job_get_error (self->job);
  GVariant *question = surel_job_get_question (self->job);

  surel_bus_job_set_state (self->skeleton, state_name (surel_job_get_state (self->job)));
  surel_bus_job_set_progress (self->skeleton, surel_job_get_progress (self->job));
  surel_bus_job_set_description (self->skeleton, surel_job_get_description (self->job));
  surel_bus_job_set_question (self->skeleton,
                              question != NULL ? question : g_variant_new ("a{sv}", NULL));
  surel_bus_job_set_error (self->skeleton,
                           g_variant_new ("(ss)", error != NULL ? surel_error_name (error) : "",
                                          error != NULL ? error->message : ""));
  surel_bus_job_set_result (self->skeleton, result_of (self->job));
}

static void
on_changed (SurelJob *job, Adaptor *self)
{
  const GError *error = surel_job_get_error (job);

  show (self);
  if (!surel_job_has_ended (job) || self->ended)
    return;
  self->ended = TRUE;
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  for (guint i = 0; i < self->waiters->len; i++)
    answer (job, ((Waiter *) self->waiters->pdata[i])->invocation);
  g_ptr_array_set_size (self->waiters, 0);
  surel_bus_job_emit_finished (self->skeleton, error == NULL,
                               error != NULL ? surel_error_name (error) : "",
                               error != NULL ? error->message : "", result_of (job));
  surel_service_hide_job_later (
      self->service, g_dbus_interface_skeleton_get_object_path (G_DBUS_INTERFACE_SKELETON (self->skeleton)));
}

SurelBusJob *
surel_job_adaptor_new (SurelService *service, SurelJob *job)
{
  SurelBusJob *skeleton = surel_bus_job_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);
  g_autofree char *account = surel_job_get_account (job) != 0
                                 ? surel_path_of_account (surel_job_get_account (job))
                                 : g_strdup ("/");

  self->service = service;
  self->job = g_object_ref (job);
  self->skeleton = skeleton;
  self->waiters = g_ptr_array_new_with_free_func (waiter_free);
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, adaptor_free);
  surel_bus_job_set_kind (skeleton, surel_job_get_kind (job));
  surel_bus_job_set_account (skeleton, account);
  show (self);
  g_signal_connect (skeleton, "handle-wait", G_CALLBACK (handle_wait), self);
  g_signal_connect (skeleton, "handle-answer", G_CALLBACK (handle_answer), self);
  g_signal_connect (skeleton, "handle-cancel", G_CALLBACK (handle_cancel), self);
  g_signal_connect (job, "changed", G_CALLBACK (on_changed), self);
  self->ended = surel_job_has_ended (job);
  return skeleton;
}

/**
 * surel_return_job:
 * @job: (transfer full): what the call has begun
 *
 * Shows the job on the bus and answers the call with its path.
 *
 * Returns: %TRUE: the call is handled
 */
gboolean
surel_return_job (SurelService *service, GDBusMethodInvocation *invocation, SurelJob *job)
{
  g_autofree char *path = surel_service_new_job_path (service);

  surel_service_show_job (service, job, path);
  surel_once_return (invocation, g_variant_new ("(o)", path));
  g_object_unref (job);
  return TRUE;
}
