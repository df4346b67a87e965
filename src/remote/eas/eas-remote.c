/* SurelRemote for Exchange ActiveSync. */
#include "remote/eas/eas-remote.h"

#include "base/clock.h"
#include "base/errors.h"
#include "remote/eas/eas-addresses.h"
#include "remote/eas/eas-apply.h"
#include "remote/eas/eas-fetch.h"
#include "remote/eas/eas-folders.h"
#include "remote/eas/eas-ping.h"
#include "remote/eas/eas-session.h"
#include "remote/eas/eas-sync.h"
#include "remote/eas/eas-vacation.h"

#define HEARTBEAT_MAX 480 /* seconds: what stands between drops links that are quiet for longer */
#define QUICK_US (2 * G_USEC_PER_SEC) /* an answer before that may be about what was synced already, or about nothing */
#define PAUSE_MAX_MS 60000

typedef struct
{
  SurelRemote parent;
  SurelEasSession *session;
  gboolean watching; /* the first wait was answered */
  guint heartbeat; /* seconds */
  guint quick; /* waits in a row that ended at once */
} Eas;

static void
eas_free (SurelRemote *remote)
{
  Eas *self = (Eas *) remote;

  g_clear_pointer (&self->session, surel_eas_session_free);
  g_free (self);
}

static gboolean
eas_open (SurelRemote *remote, SurelCertificate **rejected, GCancellable *cancellable, GError **error)
{
  return surel_eas_session_open (((Eas *) remote)->session, rejected, cancellable, error);
}

static GStrv
eas_get_capabilities (SurelRemote *remote G_GNUC_UNUSED)
{
  static const char *const can[] = { "keywords", "folders", "respond", "send", "vacation", NULL };

  return g_strdupv ((GStrv) can);
}

/* A folder's name may have any character. */
static char *
eas_get_reserved (SurelRemote *remote G_GNUC_UNUSED)
{
  return g_strdup ("");
}

static char *
eas_take_alert (SurelRemote *remote G_GNUC_UNUSED)
{
  return NULL;
}

static gint64
eas_get_retry_after (SurelRemote *remote)
{
  return surel_eas_session_get_retry_after (((Eas *) remote)->session);
}

static GPtrArray *
eas_list (SurelRemote *remote, GBytes **token, GCancellable *cancellable, GError **error)
{
  return surel_eas_list_folders (((Eas *) remote)->session, token, cancellable, error);
}

/* The list of folders says nothing of what is in them. */
static gboolean
eas_needs_pull (SurelRemote *remote G_GNUC_UNUSED, const SurelScope *scope G_GNUC_UNUSED)
{
  return TRUE;
}

static gboolean
eas_pull (SurelRemote *remote,
          const SurelScope *scope,
          SurelPullKind kind,
          SurelSink *sink,
          GCancellable *cancellable,
          GError **error)
{
  return surel_eas_pull (((Eas *) remote)->session, scope, kind, sink, cancellable, error);
}

static gboolean
eas_apply (SurelRemote *remote,
           SurelChange *change,
           SurelBeforeFunc before,
           gpointer user_data,
           GCancellable *cancellable,
           GError **error)
{
  return surel_eas_apply (((Eas *) remote)->session, change, before, user_data, cancellable, error);
}

static gboolean
eas_settle (SurelRemote *remote, SurelChange *change, GCancellable *cancellable, GError **error)
{
  return surel_eas_settle (((Eas *) remote)->session, change, cancellable, error);
}

static gboolean
eas_fetch (SurelRemote *remote,
           const SurelScope *scope,
           const SurelRemoteId *remote_id,
           SurelContentFunc func,
           gpointer user_data,
           GCancellable *cancellable,
           GError **error)
{
  return surel_eas_fetch (((Eas *) remote)->session, scope, remote_id, func, user_data, cancellable, error);
}

/* ActiveSync doesn't tell how full a mailbox is. */
static gboolean
eas_read_quota (SurelRemote *remote G_GNUC_UNUSED,
                SurelQuota *quota,
                GCancellable *cancellable G_GNUC_UNUSED,
                GError **error G_GNUC_UNUSED)
{
  *quota = SUREL_QUOTA_UNKNOWN;
  return TRUE;
}

/* A server may answer at once, and again and again: then it is asked less and less often. */
static void
pause_if_quick (Eas *self, GCancellable *wake)
{
  if (self->quick > 1)
    surel_clock_wait (wake, MIN (PAUSE_MAX_MS, 1000 << MIN (self->quick - 2, 6)));
}

static gboolean
eas_wait (SurelRemote *remote,
          const SurelScope *scope,
          gint64 timeout_us,
          GCancellable *wake,
          gboolean *changed,
          GError **error)
{
  Eas *self = (Eas *) remote;
  g_autoptr (GError) own = NULL;
  gint64 begin;

  *changed = !self->watching;
  if (!self->watching)
    {
      self->watching = TRUE;
      self->heartbeat = (guint) CLAMP (timeout_us / G_USEC_PER_SEC, 1, HEARTBEAT_MAX);
      return TRUE;
    }
  pause_if_quick (self, wake);
  begin = surel_clock_monotonic ();
  if (surel_eas_ping (self->session, scope->remote_id, &self->heartbeat, changed, wake, &own))
    {
      self->quick = surel_clock_monotonic () - begin < QUICK_US ? self->quick + 1 : 0;
      return TRUE;
    }
  if (g_cancellable_is_cancelled (wake))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static gboolean
eas_read_vacation (SurelRemote *remote, GVariant **vacation, GCancellable *cancellable, GError **error)
{
  return surel_eas_read_vacation (((Eas *) remote)->session, vacation, cancellable, error);
}

static gboolean
eas_read_addresses (SurelRemote *remote, GStrv *addresses, GCancellable *cancellable, GError **error)
{
  return surel_eas_read_addresses (((Eas *) remote)->session, addresses, cancellable, error);
}

/**
 * surel_eas_remote_new:
 * @config: the account's settings, checked, and its password
 *
 * Returns: (transfer full): an ActiveSync remote, not open yet
 */
SurelRemote *
surel_eas_remote_new (const SurelRemoteConfig *config, GError **error)
{
  static const SurelRemoteClass klass
      = { eas_free, eas_open, eas_get_capabilities, eas_get_reserved, eas_take_alert, eas_get_retry_after, eas_list,
          eas_needs_pull, eas_pull, eas_apply, eas_settle, eas_fetch, eas_read_quota, eas_wait, eas_read_vacation, eas_read_addresses };
  Eas *self = g_new0 (Eas, 1);

  self->parent.klass = &klass;
  self->session = surel_eas_session_new (config, &self->parent.memory, error);
  if (self->session != NULL)
    return &self->parent;
  g_free (self);
  return NULL;
}
