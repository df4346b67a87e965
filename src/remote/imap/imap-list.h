#pragma once

#include "remote/imap/imap-session.h"

G_BEGIN_DECLS

GPtrArray *surel_imap_list (SurelImapSession *session, GCancellable *cancellable, GError **error);

G_END_DECLS
