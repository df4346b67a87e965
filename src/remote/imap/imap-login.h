#pragma once

#include "remote/imap/imap-session.h"

G_BEGIN_DECLS

void surel_imap_hide_password (SurelImapSession *session, const char *user, const char *password);
gboolean surel_imap_start_tls (SurelImapSession *session,
                               const SurelEndpoint *endpoint,
                               SurelCertificate **rejected,
                               GCancellable *cancellable,
                               GError **error);
gboolean surel_imap_log_in (SurelImapSession *session,
                            const char *user,
                            const char *password,
                            GCancellable *cancellable,
                            GError **error);
gboolean surel_imap_enable (SurelImapSession *session, GCancellable *cancellable, GError **error);

G_END_DECLS
