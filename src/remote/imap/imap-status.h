#pragma once

#include "remote/imap/imap-session.h"

G_BEGIN_DECLS

/* What STATUS says of a mailbox (RFC 9051 §6.3.11). */
typedef struct
{
  gint64 messages;
  gint64 uidvalidity; /* 0 where it doesn't say */
  gint64 uidnext; /* likewise */
  guint64 id; /* of its MAILBOXID, by surel_imap_token_id_of(); likewise */
} SurelImapStatus;

gboolean surel_imap_ask_status (
    SurelImapSession *session, const char *wire_name, SurelImapStatus *status, GCancellable *cancellable, GError **error);
gboolean surel_imap_ask_append_limit (
    SurelImapSession *session, const char *wire_name, guint64 *limit, GCancellable *cancellable, GError **error);
gboolean surel_imap_status_is_of (const SurelImapStatus *self, GBytes *token);

G_END_DECLS
