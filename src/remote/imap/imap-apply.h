#pragma once

#include "base/errors.h"
#include "remote/imap/imap-session.h"
#include "remote/remote.h"

G_BEGIN_DECLS

SurelOutcome surel_imap_judge (const char *code, SurelError *public);
gboolean surel_imap_apply (SurelImapSession *session,
                           SurelChange *change,
                           SurelBeforeFunc before,
                           gpointer user_data,
                           GCancellable *cancellable,
                           GError **error);
gboolean surel_imap_settle (SurelImapSession *session, SurelChange *change, GCancellable *cancellable, GError **error);

G_END_DECLS
