#pragma once

#include "remote/imap/imap-session.h"

G_BEGIN_DECLS

/* The namespaces of a connection (RFC 2342), begun as zeros. */
typedef struct
{
  char *prefix; /* of the personal one, on the wire; NULL for none */
  GHashTable *others; /* prefix → SurelNamespaceKind; NULL before they are known */
  char delimiter; /* between a folder and those in it; 0 for none */
} SurelImapSpaces;

gboolean surel_imap_learn_spaces (SurelImapSession *session,
                                  SurelImapSpaces *spaces,
                                  GCancellable *cancellable,
                                  GError **error);
gboolean surel_imap_let_go_of_mailbox (SurelImapSession *session, GCancellable *cancellable, GError **error);
void surel_imap_spaces_clear (SurelImapSpaces *self);
GPtrArray *surel_imap_list (SurelImapSession *session,
                            SurelImapSpaces *spaces,
                            GCancellable *cancellable,
                            GError **error);

G_END_DECLS
