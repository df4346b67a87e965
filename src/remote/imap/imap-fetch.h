#pragma once

#include "remote/imap/imap-session.h"
#include "remote/remote.h"

G_BEGIN_DECLS

gboolean surel_imap_fetch_octets (SurelImapSession *session,
                                  gint64 uid,
                                  SurelContentFunc func,
                                  gpointer user_data,
                                  GCancellable *cancellable,
                                  GError **error);

G_END_DECLS
