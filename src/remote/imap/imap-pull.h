#pragma once

#include "remote/imap/imap-session.h"
#include "remote/remote.h"

G_BEGIN_DECLS

gboolean surel_imap_pull (SurelImapSession *session,
                          const SurelScope *scope,
                          SurelPullKind kind,
                          SurelSink *sink,
                          GCancellable *cancellable,
                          GError **error);
gboolean surel_imap_select_for_writing (SurelImapSession *session,
                                        const char *wire_name,
                                        GCancellable *cancellable,
                                        GError **error);
gboolean surel_imap_select (SurelImapSession *session,
                            const char *wire_name,
                            GCancellable *cancellable,
                            GError **error);

G_END_DECLS
