#pragma once

#include "net/connection.h"
#include "remote/imap/imap-command.h"
#include "remote/imap/imap-response.h"

G_BEGIN_DECLS

/* What a server said it can do. Nothing else of it decides what is sent. */
typedef enum
{
  SUREL_IMAP_CAN_REV2 = 1 << 0,
  SUREL_IMAP_CAN_LITERAL_PLUS = 1 << 1,
  SUREL_IMAP_CAN_LITERAL_MINUS = 1 << 2,
  SUREL_IMAP_CAN_SASL_IR = 1 << 3,
  SUREL_IMAP_CAN_AUTH_PLAIN = 1 << 4,
  SUREL_IMAP_LOGIN_DISABLED = 1 << 5,
  SUREL_IMAP_CAN_ENABLE = 1 << 6,
  SUREL_IMAP_CAN_ID = 1 << 7,
  SUREL_IMAP_CAN_NAMESPACE = 1 << 8,
  SUREL_IMAP_CAN_LIST_EXTENDED = 1 << 9,
  SUREL_IMAP_CAN_LIST_STATUS = 1 << 10,
  SUREL_IMAP_CAN_SPECIAL_USE = 1 << 11,
  SUREL_IMAP_CAN_CONDSTORE = 1 << 12,
  SUREL_IMAP_CAN_QRESYNC = 1 << 13,
  SUREL_IMAP_CAN_ESEARCH = 1 << 14,
  SUREL_IMAP_CAN_IDLE = 1 << 15,
  SUREL_IMAP_CAN_PREVIEW = 1 << 16,
  SUREL_IMAP_CAN_OBJECTID = 1 << 17,
  SUREL_IMAP_CAN_QUOTA = 1 << 18,
  SUREL_IMAP_CAN_UNSELECT = 1 << 19,
} SurelImapCan;

/* The mailbox that is open (RFC 9051 §6.3.2). */
typedef struct
{
  char *name; /* on the wire; NULL for none */
  guint32 exists;
  guint32 uidvalidity; /* 0 where the server gave none */
  guint32 uidnext; /* 0 where the server gave none */
  guint64 highestmodseq; /* 0 where it has none */
  gboolean exists_changed; /* since it was last cleared */
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
gboolean surel_imap_session_greet (SurelImapSession *self, GCancellable *cancellable, GError **error);
gboolean surel_imap_session_log_in (SurelImapSession *self,
                                    const char *user,
                                    const char *password,
                                    GCancellable *cancellable,
                                    GError **error);
gboolean surel_imap_session_enable (SurelImapSession *self, GCancellable *cancellable, GError **error);
gboolean surel_imap_session_can (SurelImapSession *self, guint what);
gboolean surel_imap_session_has_qresync (SurelImapSession *self);
SurelImapMailbox *surel_imap_session_get_mailbox (SurelImapSession *self);
char *surel_imap_session_take_alert (SurelImapSession *self);

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
void surel_imap_session_forget_mailbox (SurelImapSession *self, const char *name);
void surel_imap_error_to_public (GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelImapSession, surel_imap_session_free)

G_END_DECLS
