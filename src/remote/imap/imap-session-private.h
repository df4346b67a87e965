#pragma once

#include "remote/imap/imap-parser.h"
#include "remote/imap/imap-session.h"

G_BEGIN_DECLS

/* What the files of a session share: imap-session.c speaks, imap-idle.c waits. */

struct _SurelImapSession
{
  SurelConnection *connection; /* owned */
  SurelImapParser *parser;
  guint can; /* SurelImapCan bits */
  gboolean knows_capabilities;
  guint64 append_limit; /* octets; 0 for none */
  gboolean qresync; /* ENABLED said so */
  guint last_tag; /* of the last command sent */
  GHashTable *outstanding; /* set of tags sent and not completed */
  GHashTable *completed; /* tag → GError or NULL: completed before it was asked for */
  SurelImapMailbox mailbox;
  SurelImapCode last_code; /* of the last completion read; only its name, numbers and argument are kept */
  char *last_code_name; /* nullable */
  char *last_code_argument; /* nullable */
  char *alert; /* nullable */
  GPtrArray *hidden; /* secrets that a server may repeat, in whatever it says */

  /* Of the command that is being read. */
  gint64 started; /* monotonic µs */
  gint64 window_started;
  guint64 window_octets; /* the parser's count at window_started */
  guint64 command_octets; /* likewise at started */
};

void surel_imap_session_start_clock (SurelImapSession *self);
gboolean surel_imap_session_read (SurelImapSession *self,
                                  gint64 timeout_us,
                                  const SurelImapResponse **response,
                                  GCancellable *cancellable,
                                  GError **error);
void surel_imap_session_note (SurelImapSession *self, const SurelImapResponse *response);
gboolean surel_imap_session_wait_for_go (SurelImapSession *self, guint tag, GCancellable *cancellable, GError **error);
gboolean surel_imap_session_end (SurelImapSession *self, guint tag, const SurelImapResponse *response, GError **error);
void surel_imap_session_set_status_error (SurelImapSession *self,
                                          const SurelImapResponse *response,
                                          const char *what,
                                          SurelImapError code,
                                          GError **error);

G_END_DECLS
