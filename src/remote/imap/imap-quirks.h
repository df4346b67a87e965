#pragma once

#include "remote/imap/imap-command.h"
#include "remote/imap/imap-lexer.h"

G_BEGIN_DECLS

/* Where servers break the rules, and what is done about it: nowhere else. Each is named after what is wrong. */

/* Microsoft's outlook.com ends the connection at about 50 commands in flight; others answer slower and slower. */
#define SUREL_IMAP_IN_FLIGHT_MAX 20 /* commands */

/* Courier gives up on a token of 16 KiB, Dovecot on a line of 64 KiB: `BAD Error in IMAP command received by
 * server.`; RFC 7162 §4 has clients stay within 8,192 octets. */
#define SUREL_IMAP_SET_MAX 8000 /* octets of a sequence set */

const char *surel_imap_quirk_code_end (const char *p, const char *end);
gboolean surel_imap_quirk_flags_are_nil (SurelImapLexer *lexer);
gboolean surel_imap_quirk_disposition_is_string (SurelImapLexer *lexer, const char **disposition);
gboolean surel_imap_quirk_message_has_no_envelope (SurelImapLexer *lexer);
gboolean surel_imap_quirk_size_is_wrong (SurelImapLexer *lexer, guint64 *size);
gboolean surel_imap_quirk_is_throttled (const char *text);
void surel_imap_quirk_ask_mailbox_id_alone (SurelImapCommand *command);

G_END_DECLS
