/* org.surel.Sync1.Submission: drafts. */
#include <string.h>

#include "base/errors.h"
#include "base/keywords.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/message-argument.h"
#include "bus/once.h"
#include "bus/path.h"

typedef struct
{
  SurelService *service; /* borrowed */
} Adaptor;

/* Runs in the store thread. */
static GVariant *
draft_of (const SurelAppend *append, const SurelModified *result)
{
  return g_variant_new ("(tt)", (guint64) append->id, (guint64) result->operation);
}

static gboolean
take_options (GVariant *options, SurelAppend *append, GError **error)
{
  static const char *const keys[] = { "key", "blobId", NULL };
  g_autoptr (GVariant) blob = g_variant_lookup_value (options, "blobId", NULL);

  if (!surel_call_check_options (options, keys, error))
    return FALSE;
  if (blob != NULL && !g_variant_is_of_type (blob, G_VARIANT_TYPE_STRING))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`blobId` has to be a string");
      return FALSE;
    }
  if (blob != NULL && append->replaces == 0)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT,
                   "`blobId` is of the draft that is replaced, and none is: give its id");
      return FALSE;
    }
  append->expected = blob != NULL ? g_variant_dup_string (blob, NULL) : NULL;
  return TRUE;
}

static gboolean
handle_save_draft (SurelBusSubmission *skeleton G_GNUC_UNUSED,
                   GDBusMethodInvocation *invocation,
                   GUnixFDList *fds,
                   const char *account,
                   guint64 replaces,
                   GVariant *message,
                   GVariant *options,
                   gpointer data)
{
  Adaptor *self = data;
  g_autoptr (SurelAppend) append = g_new0 (SurelAppend, 1);
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GError) error = NULL;
  int fd = -1;

  append->client = g_strdup (g_dbus_method_invocation_get_sender (invocation));
  append->replaces = (gint64) MIN (replaces, (guint64) G_MAXINT64);
  append->message = surel_message_new ();
  append->message->flags = SUREL_KEYWORD_DRAFT | SUREL_KEYWORD_SEEN;
  if (!surel_path_to_account (account, &append->account)
      || surel_engine_find_account (surel_service_get_engine (self->service), append->account) == NULL)
    g_set_error (&error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "There is no such account");
  else if (take_options (options, append, &error))
    surel_message_argument_take (message, fds, &fd, &octets, &error);
  if (error != NULL)
    {
      surel_call_fail (invocation, error);
      return TRUE;
    }
  surel_operations_append (surel_service_get_operations (self->service), g_steal_pointer (&append), fd, octets,
                           surel_once_get_key (invocation), draft_of, surel_once_finish, invocation);
  return TRUE;
}

SurelBusSubmission *
surel_submission_adaptor_new (SurelService *service)
{
  static const char *const built[] = { "SaveDraft", NULL };
  SurelBusSubmission *skeleton = surel_bus_submission_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);

  self->service = service;
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, g_free);
  g_signal_connect (skeleton, "handle-save-draft", G_CALLBACK (handle_save_draft), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
