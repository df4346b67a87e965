#pragma once

#include "base/change.h"
#include "base/folder.h"
#include "net/certificate.h"
#include "remote/sink.h"

G_BEGIN_DECLS

/**
 * SurelRemote:
 *
 * A conversation with a server, in whatever protocol. It belongs to one thread; every function blocks
 * and can be cancelled. Errors are of the public domain: %SUREL_ERROR_OFFLINE (try later),
 * %SUREL_ERROR_RATE_LIMITED, %SUREL_ERROR_AUTHENTICATION_FAILED and %SUREL_ERROR_CERTIFICATE_REJECTED
 * (a person is needed), %SUREL_ERROR_SERVER_MISBEHAVED, %SUREL_ERROR_SERVER_REJECTED,
 * %SUREL_ERROR_NOT_FOUND (the folder or message is gone), %SUREL_ERROR_CANCELLED, or what the sink gave.
 * After any but NOT_FOUND and SERVER_REJECTED the remote is of no use any more but to be asked why, and freed.
 */
typedef struct _SurelRemote SurelRemote;

/* What a remote is told of the world; the engine's to free. */
typedef struct
{
  GVariant *settings; /* a{sv}: the account's */
  char *password; /* to be wiped by who frees it */
  GTlsDatabase *trust; /* trusted beside the system's; nullable */
} SurelRemoteConfig;

/* A folder, or whatever the protocol syncs as one. */
typedef struct
{
  const char *remote_id; /* borrowed */
  GBytes *token; /* what the last pull was closed with; nullable */
  GBytes *hint; /* what the last list said of it; nullable */
} SurelScope;

typedef enum
{
  SUREL_PULL_NEWEST, /* the newest fifty, where nothing is known yet; else like _CHANGES */
  SUREL_PULL_CHANGES, /* all that changed */
  SUREL_PULL_PROVE, /* and compare all */
} SurelPullKind;

/* How full an account is (RFC 9208); each -1 where the server doesn't say. */
typedef struct
{
  gint64 used; /* octets */
  gint64 limit; /* octets */
  gint64 messages;
  gint64 message_limit;
} SurelQuota;

#define SUREL_QUOTA_UNKNOWN ((SurelQuota){ -1, -1, -1, -1 })

/* What a remote keeps of the server beyond one connection, shared by all remotes of an account. */
typedef struct
{
  GBytes *(*load) (gpointer data); /* NULL where nothing was saved */
  void (*save) (GBytes *bytes, gpointer data); /* nothing is lost without it but time */
  gpointer data;
  GDestroyNotify free; /* of @data */
} SurelRemoteMemory;

typedef gboolean (*SurelContentFunc) (const void *data, gsize length, gpointer user_data, GError **error);

/* Called right before a step that can't be repeated: @evidence has to be durable when it returns. %FALSE forbids
 * the step. */
typedef gboolean (*SurelBeforeFunc) (const char *evidence, gpointer user_data, GError **error);

typedef struct
{
  void (*free) (SurelRemote *self);
  gboolean (*open) (SurelRemote *self,
                    SurelCertificate **rejected,
                    GCancellable *cancellable,
                    GError **error);
  GStrv (*get_capabilities) (SurelRemote *self);
  char *(*get_reserved) (SurelRemote *self);
  char *(*take_alert) (SurelRemote *self);
  gint64 (*get_retry_after) (SurelRemote *self);
  GPtrArray *(*list) (SurelRemote *self, GBytes **token, GCancellable *cancellable, GError **error);
  gboolean (*needs_pull) (SurelRemote *self, const SurelScope *scope);
  gboolean (*pull) (SurelRemote *self,
                    const SurelScope *scope,
                    SurelPullKind kind,
                    SurelSink *sink,
                    GCancellable *cancellable,
                    GError **error);
  gboolean (*apply) (SurelRemote *self,
                     SurelChange *change,
                     SurelBeforeFunc before,
                     gpointer user_data,
                     GCancellable *cancellable,
                     GError **error);
  gboolean (*settle) (SurelRemote *self, SurelChange *change, GCancellable *cancellable, GError **error);
  gboolean (*fetch) (SurelRemote *self,
                     const SurelScope *scope,
                     const SurelRemoteId *remote_id,
                     SurelContentFunc func,
                     gpointer user_data,
                     GCancellable *cancellable,
                     GError **error);
  gboolean (*read_quota) (SurelRemote *self, SurelQuota *quota, GCancellable *cancellable, GError **error);
  gboolean (*wait) (SurelRemote *self,
                    const SurelScope *scope,
                    gint64 timeout_us,
                    GCancellable *wake,
                    gboolean *changed,
                    GError **error);
  gboolean (*read_vacation) (SurelRemote *self, GVariant **vacation, GCancellable *cancellable, GError **error); /* nullable */
  gboolean (*read_addresses) (SurelRemote *self, GStrv *addresses, GCancellable *cancellable, GError **error); /* nullable */
} SurelRemoteClass;

struct _SurelRemote
{
  const SurelRemoteClass *klass;
  SurelRemoteMemory memory;
};

typedef SurelRemote *(*SurelRemoteNew) (const SurelRemoteConfig *config, GError **error);

void surel_remote_free (SurelRemote *self);
void surel_remote_set_memory (SurelRemote *self, const SurelRemoteMemory *memory);
gboolean surel_remote_open (SurelRemote *self,
                            SurelCertificate **rejected,
                            GCancellable *cancellable,
                            GError **error);
GStrv surel_remote_get_capabilities (SurelRemote *self);
char *surel_remote_get_reserved (SurelRemote *self);
char *surel_remote_take_alert (SurelRemote *self);
gint64 surel_remote_get_retry_after (SurelRemote *self);
GPtrArray *surel_remote_list (SurelRemote *self, GBytes **token, GCancellable *cancellable, GError **error);
gboolean surel_remote_needs_pull (SurelRemote *self, const SurelScope *scope);
gboolean surel_remote_pull (SurelRemote *self,
                            const SurelScope *scope,
                            SurelPullKind kind,
                            SurelSink *sink,
                            GCancellable *cancellable,
                            GError **error);
gboolean surel_remote_apply (SurelRemote *self,
                             SurelChange *change,
                             SurelBeforeFunc before,
                             gpointer user_data,
                             GCancellable *cancellable,
                             GError **error);
gboolean surel_remote_settle (SurelRemote *self, SurelChange *change, GCancellable *cancellable, GError **error);
gboolean surel_remote_fetch (SurelRemote *self,
                             const SurelScope *scope,
                             const SurelRemoteId *remote_id,
                             SurelContentFunc func,
                             gpointer user_data,
                             GCancellable *cancellable,
                             GError **error);
gboolean surel_remote_read_quota (SurelRemote *self,
                                  SurelQuota *quota,
                                  GCancellable *cancellable,
                                  GError **error);
gboolean surel_remote_read_vacation (SurelRemote *self, GVariant **vacation, GCancellable *cancellable, GError **error);
gboolean surel_remote_read_addresses (SurelRemote *self, GStrv *addresses, GCancellable *cancellable, GError **error);
gboolean surel_remote_wait (SurelRemote *self,
                            const SurelScope *scope,
                            gint64 timeout_us,
                            GCancellable *wake,
                            gboolean *changed,
                            GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelRemote, surel_remote_free)

G_END_DECLS
