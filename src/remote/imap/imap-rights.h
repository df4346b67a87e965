#pragma once

#include "remote/imap/imap-session.h"

G_BEGIN_DECLS

guint surel_imap_rights_of (const char *letters);
gboolean surel_imap_ask_rights (
    SurelImapSession *session, GPtrArray *entries, GHashTable *by_name, GCancellable *cancellable, GError **error);
gboolean surel_imap_ask_rights_of (
    SurelImapSession *session, const char *mailbox, guint *rights, GCancellable *cancellable, GError **error);

G_END_DECLS
