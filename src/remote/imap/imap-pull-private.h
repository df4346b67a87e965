#pragma once

#include "remote/imap/imap-pull.h"
#include "remote/imap/imap-token.h"

G_BEGIN_DECLS

/* A mailbox that is being brought up to date. */
typedef struct
{
  SurelImapSession *session;
  SurelImapMailbox *mailbox; /* borrowed from the session */
  const SurelScope *scope;
  SurelSink *sink;
  GCancellable *cancellable;
  guint32 newcomers; /* the lowest UID that may have come since the last pull; 0 where that isn't known */
} SurelImapPull;

/* imap-pull.c */
gboolean surel_imap_pull_open (SurelImapSession *session,
                               const char *how,
                               const char *wire_name,
                               const SurelImapToken *token,
                               GArray *flags,
                               SurelUidSet *gone,
                               GCancellable *cancellable,
                               GError **error);
void surel_imap_pull_take_flags (GArray *flags, const SurelImapFetch *fetch);
gboolean surel_imap_pull_fetch (SurelImapPull *self, const SurelUidSet *set, const SurelImapToken *token, GError **error);
gboolean surel_imap_pull_search (SurelImapPull *self, guint32 first, SurelUidSet *found, GError **error);
gboolean surel_imap_pull_close (SurelImapPull *self, const SurelImapToken *token, GError **error);

/* imap-compare.c */
gboolean surel_imap_compare (SurelImapPull *self, const SurelImapToken *token, GError **error);
int surel_imap_pull_changed (SurelImapPull *self, const SurelImapToken *known, GError **error);
int surel_imap_pull_vanished (SurelImapPull *self, guint32 last, GError **error);

G_END_DECLS
