#pragma once

#include "net/connection.h"
#include "remote/imap/imap-capabilities.h"
#include "remote/imap/imap-command.h"
#include "remote/imap/imap-response.h"

G_BEGIN_DECLS

/* The mailbox that is open (RFC 9051 §6.3.2). */
typedef struct
{
  char *name; /* on the wire; NULL for none */
  guint32 exists;
  guint32 uidvalidity; /* 0 where the server gave none */
  guint64 id; /* of its MAILBOXID, by surel_imap_token_id_of(); 0 where the server gave none */
  guint32 uidnext; /* 0 where the server gave none */
  guint64 highestmodseq; /* 0 where it has none */
  gboolean exists_changed; /* since it was last cleared */
  gboolean read_only;
  gboolean says_permanent; /* PERMANENTFLAGS came */
  guint permanent; /* SurelImapFlag bits of it */
  GPtrArray *permanent_keywords; /* strings of it; nullable */
  GPtrArray *keywords; /* strings: those that the server knows there, as it spells them; nullable */
  gboolean shrunk; /* EXISTS went down without an EXPUNGE, or an EXPUNGE passed EXISTS */
} SurelImapMailbox;

/**
 * SurelImapSession:
 *
 * A conversation with an IMAP server: commands out, responses in, straight on. The state is not kept
 * by callbacks: who sends a command reads what comes for it.
 */
typedef struct _SurelImapSession SurelImapSession;

SurelImapSession *surel_imap_session_new (SurelConnection *connection);
void surel_imap_session_free (SurelImapSession *self);
gboolean surel_imap_session_start_tls (SurelImapSession *self,
                                       const SurelEndpoint *endpoint,
                                       SurelCertificate **rejected,
                                       GCancellable *cancellable,
                                       GError **error);
gboolean surel_imap_session_greet (SurelImapSession *self, GCancellable *cancellable, GError **error);
gboolean surel_imap_session_answer (SurelImapSession *self,
                                    const char *line,
                                    GCancellable *cancellable,
                                    GError **error);
void surel_imap_session_forget_capabilities (SurelImapSession *self);
gboolean surel_imap_session_learn_capabilities (SurelImapSession *self,
                                                GCancellable *cancellable,
                                                GError **error);
gboolean surel_imap_session_can (SurelImapSession *self, guint what);
gboolean surel_imap_session_has_qresync (SurelImapSession *self);
guint64 surel_imap_session_get_append_limit (SurelImapSession *self);
SurelImapMailbox *surel_imap_session_get_mailbox (SurelImapSession *self);
char *surel_imap_session_take_alert (SurelImapSession *self);
void surel_imap_session_hide (SurelImapSession *self, const char *secret);

guint surel_imap_session_send (SurelImapSession *self,
                               SurelImapCommand *command,
                               GCancellable *cancellable,
                               GError **error);
int surel_imap_session_next (SurelImapSession *self,
                             guint tag,
                             const SurelImapResponse **response,
                             GCancellable *cancellable,
                             GError **error);
gboolean surel_imap_session_finish (SurelImapSession *self,
                                    guint tag,
                                    GCancellable *cancellable,
                                    GError **error);
gboolean surel_imap_session_run (SurelImapSession *self,
                                 SurelImapCommand *command,
                                 GCancellable *cancellable,
                                 GError **error);
gboolean surel_imap_session_idle (SurelImapSession *self,
                                  gint64 timeout_us,
                                  gboolean *changed,
                                  GCancellable *wake,
                                  GError **error);
const char *surel_imap_session_get_code (SurelImapSession *self);
const SurelImapCode *surel_imap_session_get_last_code (SurelImapSession *self);
void surel_imap_session_forget_mailbox (SurelImapSession *self, const char *name);
gboolean surel_imap_error_is_refusal (const GError *error);
void surel_imap_error_to_public (GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelImapSession, surel_imap_session_free)

G_END_DECLS
