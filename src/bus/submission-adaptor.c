/* org.surel.Sync1.Submission: drafts, and what is sent. */
#include "base/clock.h"
#include "base/errors.h"
#include "base/keywords.h"
#include "bus/adaptors.h"
#include "bus/call.h"
#include "bus/message-argument.h"
#include "bus/once.h"
#include "bus/path.h"

#define TIME_MAX G_GINT64_CONSTANT (253402300799) /* seconds: the end of the year 9999 */
#define UNDO_MAX (24 * 3600) /* seconds */

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

/* --- Sending --- */

/* Runs in the store thread. */
static GVariant *
sent_of (const SurelSend *send, const SurelModified *result)
{
  return g_variant_new ("(tt)", (guint64) send->draft, (guint64) result->operation);
}

static GVariant *
operation_of (const SurelSend *send G_GNUC_UNUSED, const SurelModified *result)
{
  return g_variant_new ("(t)", (guint64) result->operation);
}

static GVariant *
nothing_of (guint64 state G_GNUC_UNUSED, const SurelModified *result G_GNUC_UNUSED)
{
  return g_variant_new_tuple (NULL, 0);
}

static gboolean
fail (GError **error, SurelError code, const char *message)
{
  g_set_error_literal (error, SUREL_ERROR, (gint) code, message);
  return FALSE;
}

/* Of both options the later one counts. */
static gboolean
take_time (GVariant *options, SurelSend *send, GError **error)
{
  gint64 undo = 0;

  if (!surel_call_get_number (options, "sendAt", 0, TIME_MAX, &send->at, error)
      || !surel_call_get_number (options, "undoSeconds", 0, UNDO_MAX, &undo, error))
    return FALSE;
  if (undo > 0)
    send->at = MAX (send->at, surel_clock_now () + undo);
  return TRUE;
}

static gboolean
take_original (GVariant *options, SurelSend *send, GError **error)
{
  gint64 answered = 0;
  gint64 forwarded = 0;

  if (!surel_call_get_number (options, "inReplyTo", 0, G_MAXINT64, &answered, error)
      || !surel_call_get_number (options, "forwardOf", 0, G_MAXINT64, &forwarded, error))
    return FALSE;
  if (answered != 0 && forwarded != 0)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "A message answers another or passes it on: give `inReplyTo` or `forwardOf`");
  send->original = answered != 0 ? answered : forwarded;
  send->mark = answered != 0 ? SUREL_KEYWORD_ANSWERED : SUREL_KEYWORD_FORWARDED;
  return TRUE;
}

static gboolean
take_send_options (GVariant *options, SurelSend *send, GError **error)
{
  static const char *const keys[] = { "key", "sendAt", "undoSeconds", "inReplyTo", "forwardOf", "identity", "envelope", NULL };
  g_autoptr (GVariant) identity = NULL;
  g_autoptr (GVariant) envelope = NULL;

  if (!surel_call_check_options (options, keys, error) || !take_time (options, send, error) || !take_original (options, send, error))
    return FALSE;
  identity = g_variant_lookup_value (options, "identity", NULL);
  envelope = g_variant_lookup_value (options, "envelope", NULL);
  if (identity != NULL || envelope != NULL)
    return fail (error, SUREL_ERROR_NOT_SUPPORTED,
                 "The account's server takes from the message's header who sends it, and to whom; `identity` and `envelope` can't say "
                 "otherwise");
  return TRUE;
}

static gboolean
handle_send (SurelBusSubmission *skeleton G_GNUC_UNUSED,
             GDBusMethodInvocation *invocation,
             GUnixFDList *fds,
             const char *account,
             GVariant *message,
             GVariant *options,
             gpointer data)
{
  Adaptor *self = data;
  g_autoptr (SurelSend) send = g_new0 (SurelSend, 1);
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GError) error = NULL;
  int fd = -1;

  send->client = g_strdup (g_dbus_method_invocation_get_sender (invocation));
  send->append = g_new0 (SurelAppend, 1);
  send->append->client = g_strdup (send->client);
  send->append->message = surel_message_new ();
  send->append->message->flags = SUREL_KEYWORD_DRAFT | SUREL_KEYWORD_SEEN;
  if (!surel_path_to_account (account, &send->append->account)
      || surel_engine_find_account (surel_service_get_engine (self->service), send->append->account) == NULL)
    fail (&error, SUREL_ERROR_NOT_FOUND, "There is no such account");
  else if (take_send_options (options, send, &error))
    surel_message_argument_take (message, fds, &fd, &octets, &error);
  if (error != NULL)
    surel_call_fail (invocation, error);
  else
    surel_operations_send (surel_service_get_operations (self->service), g_steal_pointer (&send), fd, octets,
                           surel_once_get_key (invocation), sent_of, surel_once_finish, invocation);
  return TRUE;
}

static gboolean
handle_send_draft (SurelBusSubmission *skeleton G_GNUC_UNUSED,
                   GDBusMethodInvocation *invocation,
                   guint64 draft,
                   GVariant *options,
                   gpointer data)
{
  Adaptor *self = data;
  g_autoptr (SurelSend) send = g_new0 (SurelSend, 1);
  g_autoptr (GError) error = NULL;

  send->client = g_strdup (g_dbus_method_invocation_get_sender (invocation));
  send->draft = (gint64) MIN (draft, (guint64) G_MAXINT64);
  if (take_send_options (options, send, &error))
    surel_operations_send (surel_service_get_operations (self->service), g_steal_pointer (&send), -1, NULL,
                           surel_once_get_key (invocation), operation_of, surel_once_finish, invocation);
  else
    surel_call_fail (invocation, error);
  return TRUE;
}

static gboolean
handle_reschedule (SurelBusSubmission *skeleton G_GNUC_UNUSED,
                   GDBusMethodInvocation *invocation,
                   guint64 operation,
                   gint64 at,
                   GVariant *options,
                   gpointer data)
{
  static const char *const keys[] = { "key", NULL };
  Adaptor *self = data;
  g_autoptr (GError) error = NULL;

  if (at < 0 || at > TIME_MAX)
    fail (&error, SUREL_ERROR_INVALID_ARGUMENT, "`sendAt` is a time in seconds since 1970, until the year 9999");
  else if (surel_call_check_options (options, keys, &error))
    surel_operations_reschedule (surel_service_get_operations (self->service), (gint64) MIN (operation, (guint64) G_MAXINT64), at,
                                 surel_once_get_key (invocation), nothing_of, surel_once_finish, invocation);
  if (error != NULL)
    surel_call_fail (invocation, error);
  return TRUE;
}

SurelBusSubmission *
surel_submission_adaptor_new (SurelService *service)
{
  static const char *const built[] = { "SaveDraft", "Send", "SendDraft", "Reschedule", NULL };
  SurelBusSubmission *skeleton = surel_bus_submission_skeleton_new ();
  Adaptor *self = g_new0 (Adaptor, 1);

  self->service = service;
  g_object_set_data_full (G_OBJECT (skeleton), "adaptor", self, g_free);
  g_signal_connect (skeleton, "handle-save-draft", G_CALLBACK (handle_save_draft), self);
  g_signal_connect (skeleton, "handle-send", G_CALLBACK (handle_send), self);
  g_signal_connect (skeleton, "handle-send-draft", G_CALLBACK (handle_send_draft), self);
  g_signal_connect (skeleton, "handle-reschedule", G_CALLBACK (handle_reschedule), self);
  surel_unbuilt_connect (skeleton, built);
  return skeleton;
}
