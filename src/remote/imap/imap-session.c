/* The conversation: tags, time limits, what the server can do. A server may say anything at
 * any time; what is unsolicited is noted here or passed over, and a completion for a command that
 * wasn't sent, or isn't the next to be completed, ends the connection. */
#include "remote/imap/imap-session-private.h"

#include <string.h>

#include "base/clock.h"
#include "base/errors.h"
#include "base/text.h"
#include "remote/imap/imap-quirks.h"
#include "remote/imap/imap-token.h"

#define READ_SIZE 65536 /* octets asked for at once */
#define SILENCE_MAX (60 * G_USEC_PER_SEC) /* without an octet in a command */
#define COMMAND_MAX (10 * 60 * G_USEC_PER_SEC) /* for one command, all in all */
#define GREETING_MAX (30 * G_USEC_PER_SEC)
#define PROGRESS_WINDOW (60 * G_USEC_PER_SEC) /* after the first, each has to bring PROGRESS_MIN */
#define PROGRESS_MIN 1024 /* octets: less is no line but somebody holding us */
#define OCTETS_MAX (256 * 1024 * 1024) /* octets for one command: a window of headers has a tenth */
#define ALERT_MAX 512 /* octets of an ALERT that are kept */
#define TEXT_MAX 300 /* octets of a server's words in an error */

static void
free_error (gpointer error)
{
  if (error != NULL)
    g_error_free (error);
}

static void
free_secret (gpointer secret)
{
  explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

/**
 * surel_imap_session_new:
 * @connection: (transfer full): open, nothing read yet
 */
SurelImapSession *
surel_imap_session_new (SurelConnection *connection)
{
  SurelImapSession *self = g_new0 (SurelImapSession, 1);

  self->connection = connection;
  self->parser = surel_imap_parser_new (NULL);
  self->outstanding = g_hash_table_new (NULL, NULL);
  self->hidden = g_ptr_array_new_with_free_func (free_secret);
  self->completed = g_hash_table_new_full (NULL, NULL, NULL, free_error);
  return self;
}

void
surel_imap_session_free (SurelImapSession *self)
{
  surel_connection_free (self->connection);
  surel_imap_parser_free (self->parser);
  g_hash_table_unref (self->outstanding);
  g_hash_table_unref (self->completed);
  surel_imap_session_forget_mailbox (self, NULL);
  g_free (self->last_code_name);
  g_free (self->last_code_argument);
  g_free (self->alert);
  g_ptr_array_unref (self->hidden);
  g_free (self);
}

gboolean
surel_imap_session_can (SurelImapSession *self, guint what)
{
  return (self->can & what) == what;
}

gboolean
surel_imap_session_has_qresync (SurelImapSession *self)
{
  return self->qresync;
}

SurelImapMailbox *
surel_imap_session_get_mailbox (SurelImapSession *self)
{
  return &self->mailbox;
}

/**
 * surel_imap_session_take_alert:
 *
 * Returns: (transfer full) (nullable): the last ALERT since the last call, cleaned and not to be trusted
 */
char *
surel_imap_session_take_alert (SurelImapSession *self)
{
  return g_steal_pointer (&self->alert);
}

/**
 * surel_imap_session_hide:
 * @secret: what is never shown to anybody, should the server say it
 */
void
surel_imap_session_hide (SurelImapSession *self, const char *secret)
{
  if (secret[0] != '\0')
    g_ptr_array_add (self->hidden, g_strdup (secret));
}

static char *
hide_secrets (SurelImapSession *self, const char *text)
{
  char *shown = g_strdup (text);

  for (guint i = 0; i < self->hidden->len; i++)
    {
      g_autofree char *before = shown;

      shown = surel_text_hide (before, self->hidden->pdata[i]);
    }
  return shown;
}

/* A server's words for a person. Secrets are hidden before the words are cleaned, which may change them, and again
 * after, as what is cleaned away may have stood in one; and only then they are cut, so that none is cut in two. */
static char *
words_of (SurelImapSession *self, const char *text, gsize max)
{
  g_autofree char *raw = hide_secrets (self, text != NULL ? text : "");
  g_autofree char *clean = surel_text_clean (raw, -1, G_MAXINT);
  g_autofree char *shown = hide_secrets (self, clean);

  return surel_text_clean (shown, -1, max);
}

/**
 * surel_imap_error_is_refusal:
 *
 * Returns: whether the server refused a command, or didn't understand it: the conversation goes on
 */
gboolean
surel_imap_error_is_refusal (const GError *error)
{
  return g_error_matches (error, SUREL_IMAP_ERROR, SUREL_IMAP_ERROR_NO)
         || g_error_matches (error, SUREL_IMAP_ERROR, SUREL_IMAP_ERROR_BAD);
}

/**
 * surel_imap_error_to_public:
 *
 * Makes an error of IMAP's one of the public domain.
 */
void
surel_imap_error_to_public (GError **error)
{
  if ((*error)->domain == SUREL_IMAP_ERROR)
    {
      (*error)->domain = SUREL_ERROR;
      switch ((SurelImapError) (*error)->code)
        {
        case SUREL_IMAP_ERROR_NO:
          (*error)->code = SUREL_ERROR_SERVER_REJECTED;
          break;
        case SUREL_IMAP_ERROR_BYE:
          (*error)->code = SUREL_ERROR_OFFLINE;
          break;
        case SUREL_IMAP_ERROR_BAD:
        case SUREL_IMAP_ERROR_SYNTAX:
        case SUREL_IMAP_ERROR_LIMIT:
        default:
          (*error)->code = SUREL_ERROR_SERVER_MISBEHAVED;
        }
    }
  else
    surel_error_to_public (error);
}

static void
note_capabilities (SurelImapSession *self, const char **words)
{
  self->can = surel_imap_capabilities_of (words);
  self->append_limit = surel_imap_append_limit_of (words);
  self->knows_capabilities = TRUE;
}

/* --- Reading --- */

void
surel_imap_session_start_clock (SurelImapSession *self)
{
  self->started = self->window_started = surel_clock_monotonic ();
  self->command_octets = self->window_octets = surel_imap_parser_n_pushed (self->parser);
}

static gboolean
check_progress (SurelImapSession *self, GError **error)
{
  gint64 now = surel_clock_monotonic ();
  guint64 octets = surel_imap_parser_n_pushed (self->parser);
  const char *what = NULL;

  if (now - self->started > COMMAND_MAX)
    what = "did not end its answer in time";
  else if (octets - self->command_octets > OCTETS_MAX)
    what = "sent far more than was asked for";
  else if (now - self->window_started > PROGRESS_WINDOW)
    {
      if (self->window_started != self->started && octets - self->window_octets < PROGRESS_MIN)
        what = "answers too slowly";
      self->window_started = now;
      self->window_octets = octets;
    }
  if (what != NULL)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server %s", what);
  return what == NULL;
}

/* The next response, whatever it is. */
gboolean
surel_imap_session_read (SurelImapSession *self,
                         gint64 timeout_us,
                         const SurelImapResponse **response,
                         GCancellable *cancellable,
                         GError **error)
{
  guint8 buffer[READ_SIZE];

  for (;;)
    {
      SurelImapStatus status = surel_imap_parser_next (self->parser, response, error);
      gssize n;

      if (status == SUREL_IMAP_RESPONSE)
        return TRUE;
      if (status == SUREL_IMAP_BROKEN)
        {
          if (error != NULL && *error != NULL)
            surel_imap_error_to_public (error);
          return FALSE;
        }
      n = surel_connection_read (self->connection, buffer, sizeof buffer, timeout_us, cancellable, error);
      if (n < 0)
        return FALSE;
      surel_imap_parser_push (self->parser, buffer, (gsize) n);
      if (!check_progress (self, error))
        return FALSE;
    }
}

static void
take_keywords (GPtrArray **to, const SurelImapFlags *flags)
{
  g_clear_pointer (to, g_ptr_array_unref);
  *to = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; flags->keywords != NULL && flags->keywords[i] != NULL; i++)
    g_ptr_array_add (*to, g_strdup (flags->keywords[i]));
}

static void
note_code (SurelImapSession *self, const SurelImapResponse *response)
{
  const SurelImapCode *code = &response->code;

  if (code->name == NULL)
    return;
  if (strcmp (code->name, "CAPABILITY") == 0)
    note_capabilities (self, code->words);
  else if (strcmp (code->name, "ALERT") == 0)
    {
      g_free (self->alert);
      self->alert = words_of (self, response->text, ALERT_MAX);
    }
  else if (strcmp (code->name, "UIDVALIDITY") == 0 && code->number <= G_MAXUINT32)
    self->mailbox.uidvalidity = (guint32) code->number;
  else if (strcmp (code->name, "MAILBOXID") == 0 && response->kind == SUREL_IMAP_UNTAGGED) /* CREATE says it, too */
    self->mailbox.id = surel_imap_token_id_of (code->mailbox_id);
  else if (strcmp (code->name, "UIDNEXT") == 0 && code->number <= G_MAXUINT32)
    self->mailbox.uidnext = (guint32) code->number;
  else if (strcmp (code->name, "HIGHESTMODSEQ") == 0)
    self->mailbox.highestmodseq = code->number;
  else if (strcmp (code->name, "READ-ONLY") == 0)
    self->mailbox.read_only = TRUE;
  else if (strcmp (code->name, "PERMANENTFLAGS") == 0)
    {
      self->mailbox.says_permanent = TRUE;
      self->mailbox.permanent = code->flags.system;
      take_keywords (&self->mailbox.permanent_keywords, &code->flags);
    }
}

static void
note_exists (SurelImapSession *self, guint32 exists)
{
  self->mailbox.exists_changed = TRUE;
  if (exists < self->mailbox.exists)
    self->mailbox.shrunk = TRUE;
  self->mailbox.exists = exists;
}

static void
note_gone (SurelImapSession *self, guint64 count)
{
  self->mailbox.exists_changed = TRUE;
  if (count > self->mailbox.exists)
    self->mailbox.shrunk = TRUE;
  self->mailbox.exists -= (guint32) MIN (count, self->mailbox.exists);
}

/* What concerns the conversation as a whole. */
void
surel_imap_session_note (SurelImapSession *self, const SurelImapResponse *response)
{
  switch (response->kind)
    {
    case SUREL_IMAP_CAPABILITY:
      note_capabilities (self, response->words);
      break;
    case SUREL_IMAP_ENABLED:
      for (guint i = 0; response->words != NULL && response->words[i] != NULL; i++)
        if (g_ascii_strcasecmp (response->words[i], "QRESYNC") == 0)
          self->qresync = TRUE;
      break;
    case SUREL_IMAP_FLAGS:
      take_keywords (&self->mailbox.keywords, &response->flags);
      break;
    case SUREL_IMAP_EXISTS:
      note_exists (self, response->number);
      break;
    case SUREL_IMAP_EXPUNGE:
      note_gone (self, response->number <= self->mailbox.exists ? 1 : G_MAXUINT32);
      break;
    case SUREL_IMAP_VANISHED:
      if (!response->vanished.earlier)
        note_gone (self, surel_uid_set_count (response->vanished.uids));
      break;
    case SUREL_IMAP_UNTAGGED:
    case SUREL_IMAP_TAGGED:
      note_code (self, response);
      break;
    default:
      break;
    }
}

void
surel_imap_session_set_status_error (SurelImapSession *self,
                                     const SurelImapResponse *response,
                                     const char *what,
                                     SurelImapError code,
                                     GError **error)
{
  g_autofree char *text = words_of (self, response->text, TEXT_MAX);
  g_autofree char *name = words_of (self, response->code.name, TEXT_MAX);
  gboolean throttled = surel_imap_quirk_is_throttled (response->text); /* that isn't about the command */

  g_set_error (error, throttled ? SUREL_ERROR : SUREL_IMAP_ERROR, throttled ? (int) SUREL_ERROR_RATE_LIMITED : (int) code,
               "The server %s: “%s”%s%s%s", what, text, name[0] != '\0' ? " [" : "",
               name, name[0] != '\0' ? "]" : "");
}

/* How a command ended. Returns %NULL for OK. */
static GError *
outcome_of (SurelImapSession *self, const SurelImapResponse *response)
{
  GError *error = NULL;

  if (response->condition == SUREL_IMAP_NO)
    surel_imap_session_set_status_error (self, response, "refused the command", SUREL_IMAP_ERROR_NO, &error);
  else if (response->condition != SUREL_IMAP_OK)
    surel_imap_session_set_status_error (self, response, "did not understand the command", SUREL_IMAP_ERROR_BAD, &error);
  return error;
}

static void
keep_code (SurelImapSession *self, const SurelImapCode *code)
{
  g_free (self->last_code_name);
  g_free (self->last_code_argument);
  self->last_code_name = g_strdup (code->name);
  self->last_code_argument = g_strdup (code->argument);
  self->last_code = (SurelImapCode){ .name = self->last_code_name,
                                     .argument = self->last_code_argument,
                                     .uidvalidity = code->uidvalidity };
}

/* Notes a completion. Commands that were sent together may be completed in any order (RFC 9051 §5.5), but
 * each was sent, and none is completed twice. */
static gboolean
complete (SurelImapSession *self, const SurelImapResponse *response, GError **error)
{
  guint64 tag = 0;

  if (response->tag[0] != 'S'
      || !g_ascii_string_to_unsigned (response->tag + 1, 10, 1, G_MAXUINT32, &tag, NULL)
      || !g_hash_table_remove (self->outstanding, GUINT_TO_POINTER ((guint) tag)))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
                   "The server completed a command that was not sent, or twice");
      return FALSE;
    }
  g_hash_table_insert (self->completed, GUINT_TO_POINTER ((guint) tag), outcome_of (self, response));
  keep_code (self, &response->code);
  surel_imap_session_start_clock (self);
  return TRUE;
}

/* TRUE where the command is completed; *result is then 0 or -1. */
static gboolean
take_outcome (SurelImapSession *self, guint tag, int *result, GError **error)
{
  gpointer outcome;

  if (!g_hash_table_steal_extended (self->completed, GUINT_TO_POINTER (tag), NULL, &outcome))
    return FALSE;
  *result = outcome == NULL ? 0 : -1;
  if (outcome != NULL)
    g_propagate_error (error, outcome);
  return TRUE;
}

/* The command ends with @response. */
gboolean
surel_imap_session_end (SurelImapSession *self, guint tag, const SurelImapResponse *response, GError **error)
{
  int result = -1;

  return complete (self, response, error) && take_outcome (self, tag, &result, error) && result == 0;
}

/**
 * surel_imap_session_next:
 * @tag: what surel_imap_session_send() gave
 * @response: (out): an untagged response, borrowed until the next call; it may belong to any command that
 *   is under way
 *
 * Returns: 1 with @response set, 0 once the command is completed, -1 with @error set: of
 *   %SUREL_IMAP_ERROR, NO and BAD leave the conversation as it was, all others end it
 */
int
surel_imap_session_next (SurelImapSession *self,
                         guint tag,
                         const SurelImapResponse **response,
                         GCancellable *cancellable,
                         GError **error)
{
  int result;

  while (!take_outcome (self, tag, &result, error))
    {
      if (!surel_imap_session_read (self, SILENCE_MAX, response, cancellable, error))
        return -1;
      surel_imap_session_note (self, *response);
      if ((*response)->kind == SUREL_IMAP_TAGGED)
        {
          if (!complete (self, *response, error))
            return -1;
          continue;
        }
      if ((*response)->kind == SUREL_IMAP_UNTAGGED && (*response)->condition == SUREL_IMAP_BYE)
        {
          surel_imap_session_set_status_error (self, *response, "ended the connection", SUREL_IMAP_ERROR_BYE, error);
          return -1;
        }
      return 1;
    }
  return result;
}

/* Reads up to the `+` that lets the next part of a command go. */
gboolean
surel_imap_session_wait_for_go (SurelImapSession *self, guint tag, GCancellable *cancellable, GError **error)
{
  const SurelImapResponse *response;
  int result;

  while ((result = surel_imap_session_next (self, tag, &response, cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_CONTINUATION)
      return TRUE;
  if (result == 0)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
                 "The server completed a command before it had all of it");
  return FALSE;
}

static SurelImapLiterals
literals_of (SurelImapSession *self)
{
  return surel_imap_session_can (self, SUREL_IMAP_CAN_LITERAL_PLUS)    ? SUREL_IMAP_LITERAL_PLUS
         : surel_imap_session_can (self, SUREL_IMAP_CAN_LITERAL_MINUS) ? SUREL_IMAP_LITERAL_MINUS
                                                                       : SUREL_IMAP_LITERAL_SYNC;
}

/**
 * surel_imap_session_send:
 * @command: borrowed
 *
 * Sends a command. Others may be sent before it is read, unless one of them has parts for which the
 * server must be waited for.
 *
 * Returns: its tag for surel_imap_session_next(); 0 with @error set
 */
guint
surel_imap_session_send (SurelImapSession *self,
                         SurelImapCommand *command,
                         GCancellable *cancellable,
                         GError **error)
{
  guint tag = self->last_tag + 1;
  g_autofree char *name = g_strdup_printf ("S%u", tag);
  g_autoptr (GPtrArray) parts = surel_imap_command_finish (command, name, literals_of (self), error);

  if (parts == NULL)
    return 0;
  g_debug ("imap: > %s %s", name, surel_imap_command_describe (command));
  self->last_tag = tag;
  if (g_hash_table_size (self->outstanding) == 0)
    surel_imap_session_start_clock (self);
  g_hash_table_add (self->outstanding, GUINT_TO_POINTER (tag));
  for (guint i = 0; i < parts->len; i++)
    {
      gsize length;
      const void *data = g_bytes_get_data (parts->pdata[i], &length);

      if ((i > 0 && !surel_imap_session_wait_for_go (self, tag, cancellable, error))
          || !surel_connection_write (self->connection, data, length, cancellable, error))
        return 0;
    }
  return tag;
}

/**
 * surel_imap_session_finish:
 * @tag: of a command that was sent
 *
 * Reads on until the command is completed; untagged responses are only noted.
 */
gboolean
surel_imap_session_finish (SurelImapSession *self, guint tag, GCancellable *cancellable, GError **error)
{
  const SurelImapResponse *response;
  int result;

  while ((result = surel_imap_session_next (self, tag, &response, cancellable, error)) > 0)
    ;
  return result == 0;
}

/**
 * surel_imap_session_run:
 * @command: (transfer full): what is sent; untagged responses to it are only noted
 */
gboolean
surel_imap_session_run (SurelImapSession *self,
                        SurelImapCommand *command,
                        GCancellable *cancellable,
                        GError **error)
{
  g_autoptr (SurelImapCommand) owned = command;
  guint tag = surel_imap_session_send (self, owned, cancellable, error);

  return tag != 0 && surel_imap_session_finish (self, tag, cancellable, error);
}

/* --- Beginning --- */

/**
 * surel_imap_session_greet:
 *
 * Reads the greeting. PREAUTH is refused: who a server takes us for without asking is not the account.
 */
gboolean
surel_imap_session_greet (SurelImapSession *self, GCancellable *cancellable, GError **error)
{
  const SurelImapResponse *response;

  surel_imap_session_start_clock (self);
  if (!surel_imap_session_read (self, GREETING_MAX, &response, cancellable, error))
    return FALSE;
  if (response->kind != SUREL_IMAP_UNTAGGED)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
                   "What answers there is no IMAP server");
      return FALSE;
    }
  surel_imap_session_note (self, response);
  if (response->condition == SUREL_IMAP_BYE || response->condition == SUREL_IMAP_PREAUTH)
    {
      surel_imap_session_set_status_error (self, response, "does not let us in", SUREL_IMAP_ERROR_BYE, error);
      if (response->condition == SUREL_IMAP_PREAUTH && error != NULL)
        {
          (*error)->domain = SUREL_IMAP_ERROR;
          (*error)->code = SUREL_IMAP_ERROR_SYNTAX;
        }
      return FALSE;
    }
  return surel_imap_session_learn_capabilities (self, cancellable, error);
}

/**
 * surel_imap_session_start_tls:
 *
 * Speaks TLS from here on, the server having agreed to it (RFC 9051 §6.2.1), and forgets all that was said before. Whoever
 * is between here and there may have added what the server is to have said next: then it isn't spoken with.
 */
gboolean
surel_imap_session_start_tls (SurelImapSession *self,
                              const SurelEndpoint *endpoint,
                              SurelCertificate **rejected,
                              GCancellable *cancellable,
                              GError **error)
{
  if (!surel_imap_parser_is_between (self->parser))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
                   "Something was said between the server's answer to STARTTLS and TLS: the connection may be tampered with");
      return FALSE;
    }
  g_clear_pointer (&self->parser, surel_imap_parser_free);
  self->parser = surel_imap_parser_new (NULL);
  self->can = 0;
  self->knows_capabilities = FALSE;
  self->append_limit = 0;
  g_clear_pointer (&self->alert, g_free);
  return surel_connection_start_tls (self->connection, endpoint, rejected, cancellable, error);
}

/**
 * surel_imap_session_answer:
 * @line: what a continuation is answered with, without the line's end
 */
gboolean
surel_imap_session_answer (SurelImapSession *self, const char *line, GCancellable *cancellable, GError **error)
{
  g_autofree char *octets = g_strconcat (line, "\r\n", NULL);
  gsize length = strlen (octets);
  gboolean sent = surel_connection_write (self->connection, octets, length, cancellable, error);

  explicit_bzero (octets, length); /* it may be a secret */
  return sent;
}

/**
 * surel_imap_session_get_append_limit:
 *
 * Returns: the most octets the server takes in a message; 0 where it doesn't say
 */
guint64
surel_imap_session_get_append_limit (SurelImapSession *self)
{
  return self->append_limit;
}

/**
 * surel_imap_session_forget_capabilities:
 *
 * What the server can do may change now (RFC 9051 §6.1.1).
 */
void
surel_imap_session_forget_capabilities (SurelImapSession *self)
{
  self->knows_capabilities = FALSE;
}

/**
 * surel_imap_session_learn_capabilities:
 *
 * Asks what the server can do, unless it has said it by itself.
 */
gboolean
surel_imap_session_learn_capabilities (SurelImapSession *self, GCancellable *cancellable, GError **error)
{
  return self->knows_capabilities
         || surel_imap_session_run (self, surel_imap_command_new ("CAPABILITY"), cancellable, error);
}

/**
 * surel_imap_session_get_code:
 *
 * Returns: (nullable): the name of the response code that the last command was completed with
 */
const char *
surel_imap_session_get_code (SurelImapSession *self)
{
  return self->last_code_name;
}

/**
 * surel_imap_session_get_last_code:
 *
 * Returns: the response code that the last command was completed with: its name, argument and UIDVALIDITY
 */
const SurelImapCode *
surel_imap_session_get_last_code (SurelImapSession *self)
{
  return &self->last_code;
}

/**
 * surel_imap_session_forget_mailbox:
 * @name: (nullable): the wire name of the mailbox that is going to be opened
 */
void
surel_imap_session_forget_mailbox (SurelImapSession *self, const char *name)
{
  g_free (self->mailbox.name);
  g_clear_pointer (&self->mailbox.permanent_keywords, g_ptr_array_unref);
  g_clear_pointer (&self->mailbox.keywords, g_ptr_array_unref);
  self->mailbox = (SurelImapMailbox){ .name = g_strdup (name) };
}
