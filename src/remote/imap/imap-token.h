#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What a server said of a mailbox at one moment: a scope's hint (STATUS), and with `low` its token. */
typedef struct
{
  guint32 uidvalidity; /* 0 where the server has none */
  guint32 uidnext; /* 0 where the server doesn't say */
  guint64 highestmodseq; /* 0 where the server has none */
  guint32 messages;
  gint64 unseen; /* -1 where not asked */
  guint32 low; /* all from this UID up to `uidnext` are listed; 0 once all are */
  guint64 id; /* of its MAILBOXID, by surel_imap_token_id_of(); 0 where the server has none */
} SurelImapToken;

guint64 surel_imap_token_id_of (const char *mailbox_id);
gboolean surel_imap_token_is_of (const SurelImapToken *self, guint32 uidvalidity, guint64 id);
GBytes *surel_imap_token_to_bytes (const SurelImapToken *self);
gboolean surel_imap_token_parse (GBytes *bytes, SurelImapToken *self);

G_END_DECLS
