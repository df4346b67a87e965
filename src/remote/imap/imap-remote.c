/* IMAP behind the remote interface. */
#include "remote/imap/imap-remote.h"

#include <string.h>

#include "base/errors.h"
#include "remote/imap/imap-apply.h"
#include "remote/imap/imap-fetch.h"
#include "remote/imap/imap-folders.h"
#include "remote/imap/imap-list.h"
#include "remote/imap/imap-login.h"
#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-token.h"

typedef struct
{
  SurelRemote parent;
  SurelEndpoint endpoint;
  char *user;
  char *password;
  SurelImapSession *session; /* NULL before it is open */
  SurelImapSpaces spaces;
} Imap;

static void
imap_free (SurelRemote *remote)
{
  Imap *self = (Imap *) remote;

  g_clear_pointer (&self->session, surel_imap_session_free);
  surel_imap_spaces_clear (&self->spaces);
  surel_endpoint_clear (&self->endpoint);
  g_free (self->user);
  if (self->password != NULL)
    explicit_bzero (self->password, strlen (self->password));
  g_free (self->password);
  g_free (self);
}

static gboolean
done (gboolean success, GError **error)
{
  if (!success && error != NULL && *error != NULL)
    surel_imap_error_to_public (error);
  return success;
}

static gboolean
imap_open (SurelRemote *remote, SurelCertificate **rejected, GCancellable *cancellable, GError **error)
{
  Imap *self = (Imap *) remote;
  SurelConnection *connection
      = surel_connection_open (&self->endpoint, rejected, cancellable, error);

  if (connection == NULL)
    return done (FALSE, error);
  self->session = surel_imap_session_new (connection);
  surel_imap_hide_password (self->session, self->user, self->password);
  return done (surel_imap_session_greet (self->session, cancellable, error)
                   && (self->endpoint.security != SUREL_SECURITY_STARTTLS
                       || surel_imap_start_tls (self->session, &self->endpoint, rejected, cancellable, error))
                   && surel_imap_log_in (self->session, self->user, self->password, cancellable, error)
                   && surel_imap_enable (self->session, cancellable, error),
               error);
}

static GStrv
imap_get_capabilities (SurelRemote *remote)
{
  Imap *self = (Imap *) remote;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add_many (builder, "append", "drafts", "keywords", "folders", "subscriptions", NULL);
  if (surel_imap_session_can (self->session, SUREL_IMAP_CAN_QUOTA))
    g_strv_builder_add (builder, "quota");
  if (surel_imap_session_can (self->session, SUREL_IMAP_HAS_LABELS))
    g_strv_builder_add (builder, "labels");
  if (surel_imap_session_can (self->session, SUREL_IMAP_CAN_OBJECTID))
    g_strv_builder_add (builder, "threads");
  return g_strv_builder_end (builder);
}

/* What stands between folders. */
static char *
imap_get_reserved (SurelRemote *remote)
{
  return g_strndup (&((Imap *) remote)->spaces.delimiter, 1);
}

static char *
imap_take_alert (SurelRemote *remote)
{
  Imap *self = (Imap *) remote;

  return self->session != NULL ? surel_imap_session_take_alert (self->session) : NULL;
}

/* IMAP has no words for it. */
static gint64
imap_get_retry_after (SurelRemote *remote G_GNUC_UNUSED)
{
  return 0;
}

static GPtrArray *
imap_list (SurelRemote *remote, GBytes **token G_GNUC_UNUSED, GCancellable *cancellable, GError **error)
{
  Imap *self = (Imap *) remote;
  GPtrArray *entries = surel_imap_list (self->session, &self->spaces, cancellable, error);

  done (entries != NULL, error);
  return entries;
}

static gboolean
imap_needs_pull (SurelRemote *remote, const SurelScope *scope)
{
  Imap *self = (Imap *) remote;
  SurelImapToken token;
  SurelImapToken hint;

  if (!surel_imap_token_parse (scope->token, &token) || !surel_imap_token_parse (scope->hint, &hint))
    return TRUE;
  /* Without mod-sequences nothing tells of changed flags but to compare them. */
  return token.low != 0 || !surel_imap_token_is_of (&token, hint.uidvalidity, hint.id) || token.uidnext != hint.uidnext
         || token.messages != hint.messages || token.highestmodseq != hint.highestmodseq
         || hint.highestmodseq == 0 || hint.uidvalidity == 0
         || !surel_imap_session_can (self->session, SUREL_IMAP_CAN_CONDSTORE);
}

static gboolean
imap_pull (SurelRemote *remote,
           const SurelScope *scope,
           SurelPullKind kind,
           SurelSink *sink,
           GCancellable *cancellable,
           GError **error)
{
  return done (surel_imap_pull (((Imap *) remote)->session, scope, kind, sink, cancellable, error), error);
}

static gboolean
imap_apply (SurelRemote *remote,
            SurelChange *change,
            SurelBeforeFunc before,
            gpointer user_data,
            GCancellable *cancellable,
            GError **error)
{
  Imap *self = (Imap *) remote;

  return done (change->kind >= SUREL_CHANGE_CREATE_FOLDER
                   ? surel_imap_apply_to_folder (self->session, &self->spaces, change, before, user_data, cancellable,
                                                error)
                   : surel_imap_apply (self->session, change, before, user_data, cancellable, error),
               error);
}

static gboolean
imap_settle (SurelRemote *remote, SurelChange *change, GCancellable *cancellable, GError **error)
{
  Imap *self = (Imap *) remote;

  return done (change->kind >= SUREL_CHANGE_CREATE_FOLDER
                   ? surel_imap_apply_to_folder (self->session, &self->spaces, change, NULL, NULL, cancellable, error)
                   : surel_imap_settle (self->session, change, cancellable, error),
               error);
}

/* --- Bodies --- */

/* Another device may have renamed the folder, or deleted it, which some servers say in words alone. */
static gboolean
open_to_fetch (Imap *self, const char *folder, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) own = NULL;
  const char *code;

  if (surel_imap_select (self->session, folder, cancellable, &own))
    return TRUE;
  code = surel_imap_session_get_code (self->session);
  if (surel_imap_error_is_refusal (own) && (code == NULL || g_str_equal (code, "NONEXISTENT")))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND,
                   "The message's folder has another name by now, or was deleted; sync, and try again: %s", own->message);
      return FALSE;
    }
  g_propagate_error (error, g_steal_pointer (&own));
  return done (FALSE, error);
}

static gboolean
imap_fetch (SurelRemote *remote,
            const SurelScope *scope,
            const SurelRemoteId *remote_id,
            SurelContentFunc func,
            gpointer user_data,
            GCancellable *cancellable,
            GError **error)
{
  Imap *self = (Imap *) remote;
  const SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (self->session);
  SurelImapToken token;
  gboolean is_told = surel_imap_token_parse (scope->token, &token);

  if (!open_to_fetch (self, scope->remote_id, cancellable, error))
    return FALSE;
  if (is_told && !surel_imap_token_is_of (&token, mailbox->uidvalidity, mailbox->id))
    { /* it may have been open for long, and numbered anew since */
      surel_imap_session_forget_mailbox (self->session, NULL);
      if (!open_to_fetch (self, scope->remote_id, cancellable, error))
        return FALSE;
    }
  if (is_told && !surel_imap_token_is_of (&token, mailbox->uidvalidity, mailbox->id))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND,
                   "The server has numbered the folder's messages anew; sync, and try again");
      return FALSE;
    }
  return done (surel_imap_fetch_octets (self->session, remote_id->number, func, user_data, cancellable, error), error);
}

/* --- How full it is --- */

/* Kibioctets, to octets. */
static gint64
octets_of (gint64 units)
{
  return units >= 0 && units <= G_MAXINT64 / 1024 ? units * 1024 : -1;
}

/* RFC 9208 §4.2. Where there are several roots, the fullest counts. */
static gboolean
imap_read_quota (SurelRemote *remote, SurelQuota *quota, GCancellable *cancellable, GError **error)
{
  Imap *self = (Imap *) remote;
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("GETQUOTAROOT");
  g_autoptr (GError) own = NULL;
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  *quota = SUREL_QUOTA_UNKNOWN;
  if (!surel_imap_session_can (self->session, SUREL_IMAP_CAN_QUOTA))
    return TRUE;
  surel_imap_command_mailbox (command, "INBOX");
  tag = surel_imap_session_send (self->session, command, cancellable, &own);
  while (tag != 0 && (result = surel_imap_session_next (self->session, tag, &response, cancellable, &own)) > 0)
    if (response->kind == SUREL_IMAP_QUOTA)
      {
        const SurelImapQuota *said = &response->quota;

        if (said->limit > 0
            && (quota->limit < 0 || (double) said->used / said->limit > (double) quota->used / quota->limit))
          {
            quota->used = octets_of (said->used);
            quota->limit = octets_of (said->limit);
          }
        if (said->message_limit > 0)
          {
            quota->messages = said->messages;
            quota->message_limit = said->message_limit;
          }
      }
  if (result == 0 || surel_imap_error_is_refusal (own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return done (FALSE, error);
}

/* --- Waiting --- */

static gboolean
imap_wait (SurelRemote *remote,
           const SurelScope *scope,
           gint64 timeout_us,
           GCancellable *wake,
           gboolean *changed,
           GError **error)
{
  Imap *self = (Imap *) remote;

  if (!surel_imap_session_can (self->session, SUREL_IMAP_CAN_IDLE))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED, "The server tells of nothing by itself (it has no IDLE)");
      return FALSE;
    }
  if (g_strcmp0 (surel_imap_session_get_mailbox (self->session)->name, scope->remote_id) != 0)
    { /* from here on nothing is missed; what was before is for the caller to ask for */
      *changed = TRUE;
      return done (surel_imap_select (self->session, scope->remote_id, wake, error), error);
    }
  return done (surel_imap_session_idle (self->session, timeout_us, changed, wake, error), error);
}

/**
 * surel_imap_remote_new:
 * @config: the account's settings, checked, and its password
 *
 * Returns: (transfer full): an IMAP remote, not open yet
 */
SurelRemote *
surel_imap_remote_new (const SurelRemoteConfig *config, GError **error G_GNUC_UNUSED)
{
  static const SurelRemoteClass klass
      = { imap_free, imap_open, imap_get_capabilities, imap_get_reserved, imap_take_alert, imap_get_retry_after, imap_list,
          imap_needs_pull, imap_pull, imap_apply, imap_settle, imap_fetch, imap_read_quota, imap_wait, NULL, NULL };
  Imap *self = g_new0 (Imap, 1);
  const char *security = "tls";
  const char *text = NULL;

  self->parent.klass = &klass;
  g_variant_lookup (config->settings, "host", "s", &self->endpoint.host);
  g_variant_lookup (config->settings, "port", "q", &self->endpoint.port);
  g_variant_lookup (config->settings, "security", "&s", &security);
  g_variant_lookup (config->settings, "pin", "s", &self->endpoint.pin);
  if (g_variant_lookup (config->settings, "user", "&s", &text) && text[0] != '\0')
    self->user = g_strdup (text);
  else
    g_variant_lookup (config->settings, "address", "s", &self->user);
  self->endpoint.security = g_str_equal (security, "none")       ? SUREL_SECURITY_NONE
                            : g_str_equal (security, "starttls") ? SUREL_SECURITY_STARTTLS
                                                                 : SUREL_SECURITY_TLS;
  self->endpoint.trust = config->trust != NULL ? g_object_ref (config->trust) : NULL;
  self->password = g_strdup (config->password);
  return &self->parent;
}
