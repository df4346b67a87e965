#pragma once

#include "remote/eas/eas-reader.h"
#include "remote/eas/eas-writer.h"
#include "remote/remote.h"

G_BEGIN_DECLS

/**
 * SurelEasSession:
 *
 * What is said to an ActiveSync server: commands and answers (MS-ASHTTP). Of one thread, blocking; errors are of the
 * public domain.
 */
typedef struct _SurelEasSession SurelEasSession;

/* Reads an answer, whose root was entered; whether it is to be believed is asked afterwards. */
typedef void (*SurelEasAnswerFunc) (SurelEasReader *reader, gpointer user_data);

SurelEasSession *
surel_eas_session_new (const SurelRemoteConfig *config, const SurelRemoteMemory *memory, GError **error);
void surel_eas_session_free (SurelEasSession *self);
gboolean surel_eas_session_open (SurelEasSession *self,
                                 SurelCertificate **rejected,
                                 GCancellable *cancellable,
                                 GError **error);
void surel_eas_session_set_patience (SurelEasSession *self, guint seconds);
gboolean surel_eas_session_command (SurelEasSession *self,
                                    const char *name,
                                    SurelEasWriter *request,
                                    SurelEasAnswerFunc answer,
                                    gpointer user_data,
                                    const gint64 *status,
                                    GCancellable *cancellable,
                                    GError **error);
gboolean surel_eas_session_command_in_parts (SurelEasSession *self,
                                             const char *name,
                                             SurelEasWriter *request,
                                             SurelEasAnswerFunc answer,
                                             SurelContentFunc content,
                                             gpointer user_data,
                                             const gint64 *status,
                                             GCancellable *cancellable,
                                             GError **error);
gboolean surel_eas_session_send_mime (SurelEasSession *self,
                                      const char *name,
                                      const char *parameters,
                                      GBytes *octets,
                                      SurelEasAnswerFunc answer,
                                      gpointer user_data,
                                      const gint64 *status,
                                      GCancellable *cancellable,
                                      GError **error);
gboolean surel_eas_session_may_have_acted (SurelEasSession *self);
gboolean surel_eas_session_is_shut_out (SurelEasSession *self);
gint64 surel_eas_session_get_retry_after (SurelEasSession *self);
const char *surel_eas_session_get_version (SurelEasSession *self);
void surel_eas_session_take_policy_key (SurelEasSession *self, char *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelEasSession, surel_eas_session_free)

G_END_DECLS
