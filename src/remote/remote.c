/* The remote interface, as the engine calls it. */
#include "remote/remote.h"

#include "base/errors.h"

#define NO_VACATION "The account's server keeps no absence notice"

void
surel_remote_free (SurelRemote *self)
{
  SurelRemoteMemory memory = self->memory;

  self->klass->free (self);
  if (memory.free != NULL)
    memory.free (memory.data);
}

/**
 * surel_remote_set_memory:
 * @memory: (transfer full): before it is opened
 */
void
surel_remote_set_memory (SurelRemote *self, const SurelRemoteMemory *memory)
{
  self->memory = *memory;
}

/**
 * surel_remote_open:
 * @rejected: (out): the certificate, with %SUREL_ERROR_CERTIFICATE_REJECTED
 *
 * Connects and signs in. To be called once, before all others.
 */
gboolean
surel_remote_open (SurelRemote *self,
                   SurelCertificate **rejected,
                   GCancellable *cancellable,
                   GError **error)
{
  return self->klass->open (self, rejected, cancellable, error);
}

/**
 * surel_remote_get_capabilities:
 *
 * Returns: (transfer full): what the account can do here, as `Account.Capabilities` names it
 */
GStrv
surel_remote_get_capabilities (SurelRemote *self)
{
  return self->klass->get_capabilities (self);
}

/**
 * surel_remote_get_reserved:
 *
 * Returns: (transfer full): the octets that no folder's name can have there, as far as is known since the last list
 */
char *
surel_remote_get_reserved (SurelRemote *self)
{
  return self->klass->get_reserved (self);
}

/**
 * surel_remote_take_alert:
 *
 * Returns: (transfer full) (nullable): what the server wants a person to be told since the last call:
 *   clean text, not to be trusted
 */
char *
surel_remote_take_alert (SurelRemote *self)
{
  return self->klass->take_alert (self);
}

/**
 * surel_remote_get_retry_after:
 *
 * Returns: for how many seconds the server wants to be left alone, as it said with %SUREL_ERROR_RATE_LIMITED; 0 where it
 *   didn't say
 */
gint64
surel_remote_get_retry_after (SurelRemote *self)
{
  return self->klass->get_retry_after (self);
}

/**
 * surel_remote_list:
 * @token: (inout) (transfer full) (nullable): what the last list was closed with; what this one is, to be stored with it;
 *   stays as it is where the remote needs none
 *
 * Returns: (transfer full) (element-type SurelFolderEntry) (nullable): all the scopes, each with a hint
 *   that tells whether it changed, at the price of one round trip where the server can
 */
GPtrArray *
surel_remote_list (SurelRemote *self, GBytes **token, GCancellable *cancellable, GError **error)
{
  return self->klass->list (self, token, cancellable, error);
}

/**
 * surel_remote_needs_pull:
 *
 * Returns: whether @scope's hint and token differ, so that a pull may bring something
 */
gboolean
surel_remote_needs_pull (SurelRemote *self, const SurelScope *scope)
{
  return self->klass->needs_pull (self, scope);
}

/**
 * surel_remote_pull:
 * @scope: what to bring up to date
 * @kind: how far to go
 * @sink: where batches go, in order; at most 1,000 messages each
 *
 * Brings what changed on the server since the scope's token: `CHANGEDSINCE` and `VANISHED` (RFC 7162
 * §3.1.4.1, §3.2.6), or all that is there, compared. May be cancelled between any two batches; what the
 * sink has taken stays taken.
 */
gboolean
surel_remote_pull (SurelRemote *self,
                   const SurelScope *scope,
                   SurelPullKind kind,
                   SurelSink *sink,
                   GCancellable *cancellable,
                   GError **error)
{
  return self->klass->pull (self, scope, kind, sink, cancellable, error);
}

/**
 * surel_remote_apply:
 * @change: what is to be done; gets the outcomes, and why any was refused or not done
 * @before: called before a step that can't be repeated
 *
 * Does what people did. Where it fails the outcomes that are set hold, and of those that are open nothing is
 * known: where @before was called they have to be settled.
 *
 * Returns: %TRUE where the conversation can go on, whatever came of @change
 */
gboolean
surel_remote_apply (SurelRemote *self,
                    SurelChange *change,
                    SurelBeforeFunc before,
                    gpointer user_data,
                    GCancellable *cancellable,
                    GError **error)
{
  if (change->kind == SUREL_CHANGE_SET_VACATION && self->klass->read_vacation == NULL)
    {
      change->error = g_error_new_literal (SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, NO_VACATION);
      surel_change_set_all (change, SUREL_OUTCOME_REFUSED);
      return TRUE;
    }
  return self->klass->apply (self, change, before, user_data, cancellable, error);
}

/**
 * surel_remote_settle:
 * @change: what may have been done, with the evidence that was noted before; gets the outcomes
 *
 * Finds out what was done of a change whose outcome isn't known, and ends what was left half done.
 */
gboolean
surel_remote_settle (SurelRemote *self, SurelChange *change, GCancellable *cancellable, GError **error)
{
  return self->klass->settle (self, change, cancellable, error);
}

/**
 * surel_remote_fetch:
 * @remote_id: of a message in @scope
 * @func: called with its octets, piece by piece and in order
 *
 * Fetches a whole message, byte for byte. Where it fails midway @func has had a part of it.
 */
gboolean
surel_remote_fetch (SurelRemote *self,
                    const SurelScope *scope,
                    const SurelRemoteId *remote_id,
                    SurelContentFunc func,
                    gpointer user_data,
                    GCancellable *cancellable,
                    GError **error)
{
  return self->klass->fetch (self, scope, remote_id, func, user_data, cancellable, error);
}

/**
 * surel_remote_read_quota:
 * @quota: (out caller-allocates): how full the account is, as far as the server says
 *
 * Where the server tells nothing, or refuses to, that is no error.
 */
gboolean
surel_remote_read_quota (SurelRemote *self, SurelQuota *quota, GCancellable *cancellable, GError **error)
{
  return self->klass->read_quota (self, quota, cancellable, error);
}

/**
 * surel_remote_read_vacation:
 * @vacation: (out): the absence notice: see base/vacation.c
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_SUPPORTED where the server keeps none
 */
gboolean
surel_remote_read_vacation (SurelRemote *self, GVariant **vacation, GCancellable *cancellable, GError **error)
{
  if (self->klass->read_vacation != NULL)
    return self->klass->read_vacation (self, vacation, cancellable, error);
  g_set_error_literal (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, NO_VACATION);
  return FALSE;
}

/**
 * surel_remote_read_addresses:
 * @addresses: (out) (nullable): those that mail of the account may come from, the main one first; %NULL where the server
 *   doesn't tell
 */
gboolean
surel_remote_read_addresses (SurelRemote *self, GStrv *addresses, GCancellable *cancellable, GError **error)
{
  *addresses = NULL;
  return self->klass->read_addresses == NULL || self->klass->read_addresses (self, addresses, cancellable, error);
}

/**
 * surel_remote_wait:
 * @scope: what to watch; the same one in each call
 * @timeout_us: how long at most, in microseconds
 * @wake: ends the wait when cancelled
 * @changed: (out): whether something may have changed, which is for another connection to find out. The first
 *   call says so at once: from there on nothing is missed
 *
 * Waits for what the server tells by itself.
 *
 * Returns: %TRUE when something may have changed, the time is over or @wake was cancelled; %FALSE with
 *   %SUREL_ERROR_NOT_SUPPORTED where the server tells nothing
 */
gboolean
surel_remote_wait (SurelRemote *self,
                   const SurelScope *scope,
                   gint64 timeout_us,
                   GCancellable *wake,
                   gboolean *changed,
                   GError **error)
{
  return self->klass->wait (self, scope, timeout_us, wake, changed, error);
}
