/* Server faults that are worked round, each with its wire example. */
#include "remote/imap/imap-quirks.h"

#include <string.h>

/**
 * surel_imap_quirk_code_end:
 * @p: behind the `[` of a response code
 * @end: where the line ends
 *
 * Gmail has flags with brackets in them, which no atom may have (RFC 9051 §9), and so the first `]` doesn't end
 * the code; it leaves the text behind the code off, too; others leave off the `]`:
 *
 *     * OK [PERMANENTFLAGS (\Seen [Gmail]/Sent $Label1)] Flags permitted.
 *     * OK [HIGHESTMODSEQ 1]
 *     * OK [UIDVALIDITY 3
 *
 * Returns: (nullable): the `]` outside of parentheses and quotes
 */
const char *
surel_imap_quirk_code_end (const char *p, const char *end)
{
  gboolean quoted = FALSE;
  gint depth = 0;

  for (; p < end; p++)
    {
      if (*p == '"')
        quoted = !quoted;
      else if (quoted)
        continue;
      else if (*p == '(')
        depth++;
      else if (*p == ')')
        depth--;
      else if (*p == ']' && depth <= 0)
        return p;
    }
  return NULL;
}

/**
 * surel_imap_quirk_flags_are_nil:
 *
 * Some servers say NIL for an empty list of flags, which has to be `()` (RFC 9051 §9, flag-list):
 *
 *     * OK [PERMANENTFLAGS NIL] No permanent flags permitted
 *     * 3 FETCH (UID 7 FLAGS NIL)
 *
 * Returns: whether that stood there; it is taken then
 */
gboolean
surel_imap_quirk_flags_are_nil (SurelImapLexer *lexer)
{
  return surel_imap_lex_word (lexer, "NIL");
}

/**
 * surel_imap_quirk_disposition_is_string:
 * @disposition: (out) (nullable): it
 *
 * Exchange sends a part's disposition as a string instead of a list (RFC 9051 §9, body-fld-dsp):
 *
 *     ("image" "png" ("name" "a.png") NIL NIL "base64" 512 NIL "inline" NIL NIL)
 *
 * Returns: whether a string, or NIL, stood there; it is taken then
 */
gboolean
surel_imap_quirk_disposition_is_string (SurelImapLexer *lexer, const char **disposition)
{
  if (surel_imap_lex_is (lexer, '('))
    return FALSE;
  *disposition = surel_imap_lex_text (lexer);
  return TRUE;
}

/**
 * surel_imap_quirk_message_has_no_envelope:
 *
 * Some servers describe a message within a message like any other part, without its envelope, the tree of what
 * it holds and its lines (RFC 9051 §9, body-type-msg):
 *
 *     ("message" "rfc822" NIL NIL NIL "7bit" 1024 NIL ("attachment" NIL) NIL NIL)
 *
 * Returns: whether what stands there is no envelope; nothing is taken
 */
gboolean
surel_imap_quirk_message_has_no_envelope (SurelImapLexer *lexer)
{
  surel_imap_lex_spaces (lexer);
  return !surel_imap_lex_is (lexer, '(');
}

/**
 * surel_imap_quirk_size_is_wrong:
 * @size: (out): it, or 0
 *
 * Some servers say sizes and line counts that are no numbers (RFC 9051 §9, number64):
 *
 *     * 5 FETCH (UID 9 RFC822.SIZE 9.3736e+06)
 *     ("text" "plain" NIL NIL NIL "7bit" 12 -1 NIL NIL NIL)
 *
 * Returns: whether it wasn't one; it is taken all the same
 */
gboolean
surel_imap_quirk_size_is_wrong (SurelImapLexer *lexer, guint64 *size)
{
  *size = 0;
  return !surel_imap_lex_number (lexer, G_MAXINT64, size);
}

/**
 * surel_imap_quirk_is_throttled:
 * @text: (nullable): a server's words with NO, BAD or BYE
 *
 * Gmail limits what an account may do in a day, and how many connections it may have. It refuses any command then,
 * signing in as well, or hangs up, with a code that is for a full mailbox (RFC 9208 §4.3.1), or with one that says
 * nothing; only its words tell, and they are about the account:
 *
 *     S9 NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)
 *     * BYE [OVERQUOTA] Account exceeded command or bandwidth limits.
 *     S2 NO [ALERT] Too many simultaneous connections. (Failure)
 *
 * Returns: whether it is to be left alone for a while
 */
gboolean
surel_imap_quirk_is_throttled (const char *text)
{
  return text != NULL
         && (strstr (text, "exceeded command or bandwidth limits") != NULL
             || strstr (text, "Too many simultaneous connections") != NULL);
}

/**
 * surel_imap_quirk_ask_mailbox_id_alone:
 *
 * Asks STATUS for MAILBOXID (RFC 8474), and for nothing else. Beside anything that it has to open the mailbox for
 * Cyrus 3.6 answers with memory it has freed, whose octets may be quotes or line ends as well:
 *
 *     * STATUS INBOX.Sent (MESSAGES 0 UIDVALIDITY 1795668382 MAILBOXID (\xb7\xa5\xd6lgU))
 *     * STATUS INBOX.Sent (MAILBOXID (lh8jjk0opdgcx64c0iffw2mp))
 */
void
surel_imap_quirk_ask_mailbox_id_alone (SurelImapCommand *command)
{
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "MAILBOXID");
  surel_imap_command_close (command);
}
