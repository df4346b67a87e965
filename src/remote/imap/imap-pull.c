/* A mailbox brought up to date. The first listing goes from the newest down, in windows, two in flight;
 * later ones ask for what changed: by QRESYNC or CONDSTORE (RFC 7162), else by comparing UIDs and flags in ranges.
 * Whatever contradicts itself is not believed: nothing is taken out by it, and all is compared. */
#include "remote/imap/imap-pull.h"

#include <string.h>

#include "base/errors.h"
#include "base/mutation.h"
#include "remote/imap/imap-keywords.h"
#include "remote/imap/imap-message.h"
#include "remote/imap/imap-pull-private.h"
#include "remote/imap/imap-quirks.h"

#define FIRST_WINDOW 50 /* messages: what a person sees first */
#define SECOND_WINDOW 500 /* messages: still soon there on a slow line */
#define WINDOW 1000 /* messages: the most a batch may have */

typedef SurelImapPull Pull;

/* A FETCH under way for new messages. */
typedef struct
{
  guint tag;
  guint32 first; /* sequence numbers */
  guint32 last;
  GPtrArray *messages; /* SurelMessage: what came of it so far */
} Window;

#define WINDOWS 2 /* in flight: while one is stored the next is on its way */

static SurelImapToken
token_of (Pull *pull)
{
  return (SurelImapToken){ .uidvalidity = pull->mailbox->uidvalidity,
                           .id = pull->mailbox->id,
                           .uidnext = pull->mailbox->uidnext,
                           .highestmodseq = pull->mailbox->highestmodseq,
                           .messages = pull->mailbox->exists,
                           .unseen = -1 };
}

/**
 * surel_imap_pull_close:
 *
 * All up to @token is handed over.
 */
gboolean
surel_imap_pull_close (Pull *pull, const SurelImapToken *token, GError **error)
{
  g_autoptr (GBytes) bytes = surel_imap_token_to_bytes (token);

  return surel_sink_close (pull->sink, bytes, error);
}

/* --- Opening --- */

/**
 * surel_imap_pull_take_flags:
 * @flags: (element-type SurelMessageFlags): gets what @fetch says, if it says flags
 */
void
surel_imap_pull_take_flags (GArray *flags, const SurelImapFetch *fetch)
{
  SurelMessageFlags entry = { .remote_id.number = fetch->uid };

  if (fetch->uid == 0 || !fetch->has_flags)
    return;
  entry.flags = surel_imap_keywords_of (&fetch->flags, &entry.keywords);
  g_array_append_val (flags, entry);
}

static void
add_set (SurelUidSet *to, const SurelUidSet *from)
{
  for (guint i = 0; i < surel_uid_set_n_ranges (from); i++)
    {
      const SurelUidRange *range = surel_uid_set_range (from, i);

      surel_uid_set_add_range (to, range->first, range->last);
    }
}

/**
 * surel_imap_pull_open:
 * @token: (nullable): with that it also brings what changed and vanished since, by QRESYNC
 * @flags: (nullable): gets what changed
 * @gone: (nullable): gets what vanished
 */
gboolean
surel_imap_pull_open (SurelImapSession *session,
              const char *how,
              const char *wire_name,
              const SurelImapToken *token,
              GArray *flags,
              SurelUidSet *gone,
              GCancellable *cancellable,
              GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new (how);
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_session_forget_mailbox (session, wire_name);
  surel_imap_command_mailbox (command, wire_name);
  if (token != NULL)
    {
      surel_imap_command_open (command);
      surel_imap_command_atom (command, "QRESYNC");
      surel_imap_command_open (command);
      surel_imap_command_number (command, token->uidvalidity);
      surel_imap_command_number (command, token->highestmodseq);
      surel_imap_command_close (command);
      surel_imap_command_close (command);
    }
  else if (surel_imap_session_can (session, SUREL_IMAP_CAN_CONDSTORE))
    {
      surel_imap_command_open (command);
      surel_imap_command_atom (command, "CONDSTORE");
      surel_imap_command_close (command);
    }
  tag = surel_imap_session_send (session, command, cancellable, error);
  while (tag != 0 && (result = surel_imap_session_next (session, tag, &response, cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_FETCH && flags != NULL)
      surel_imap_pull_take_flags (flags, &response->fetch);
    else if (response->kind == SUREL_IMAP_VANISHED && gone != NULL)
      add_set (gone, response->vanished.uids);
  if (tag == 0 || result < 0)
    {
      surel_imap_session_forget_mailbox (session, NULL);
      if (error != NULL && *error != NULL && g_error_matches (*error, SUREL_IMAP_ERROR, SUREL_IMAP_ERROR_NO))
        g_prefix_error (error, "The folder can't be opened. ");
      return FALSE;
    }
  surel_imap_session_get_mailbox (session)->exists_changed = FALSE;
  surel_imap_session_get_mailbox (session)->shrunk = FALSE;
  return TRUE;
}

/**
 * surel_imap_select:
 * @wire_name: a mailbox
 *
 * Opens the mailbox for reading, unless it is open already.
 */
gboolean
surel_imap_select (SurelImapSession *session,
                   const char *wire_name,
                   GCancellable *cancellable,
                   GError **error)
{
  return g_strcmp0 (surel_imap_session_get_mailbox (session)->name, wire_name) == 0
         || surel_imap_pull_open (session, "EXAMINE", wire_name, NULL, NULL, NULL, cancellable, error);
}

/**
 * surel_imap_select_for_writing:
 * @wire_name: a mailbox
 *
 * Opens the mailbox so that its messages can be changed, unless it is open so already.
 */
gboolean
surel_imap_select_for_writing (SurelImapSession *session,
                               const char *wire_name,
                               GCancellable *cancellable,
                               GError **error)
{
  SurelImapMailbox *mailbox = surel_imap_session_get_mailbox (session);

  return (g_strcmp0 (mailbox->name, wire_name) == 0 && !mailbox->read_only)
         || surel_imap_pull_open (session, "SELECT", wire_name, NULL, NULL, NULL, cancellable, error);
}

/* --- Fetching new messages --- */

static guint
send_fetch (Pull *pull, SurelImapCommand *command, GError **error)
{
  surel_imap_add_items (command, pull->session);
  return surel_imap_session_send (pull->session, command, pull->cancellable, error);
}

static guint
send_window (Pull *pull, guint32 first, guint32 last, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("FETCH");

  surel_imap_command_range (command, first, last);
  return send_fetch (pull, command, error);
}

static guint
send_set (Pull *pull, const SurelUidSet *set, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID FETCH");

  surel_imap_command_set (command, set);
  return send_fetch (pull, command, error);
}

/* Reads the answer to a FETCH for new messages. Answers for what wasn't asked are passed over. Returns 1,
 * 0 where the server refused the command, -1 with @error set. */
static int
read_messages (Pull *pull, guint tag, const SurelUidSet *wanted, GPtrArray *messages, GError **error)
{
  g_autoptr (GError) own = NULL;
  const SurelImapResponse *response;
  int result;

  while ((result = surel_imap_session_next (pull->session, tag, &response, pull->cancellable, &own)) > 0)
    if (response->kind == SUREL_IMAP_FETCH && messages->len < WINDOW
        && (wanted == NULL || surel_uid_set_contains (wanted, response->fetch.uid)))
      {
        SurelMessage *message = surel_imap_message_of (&response->fetch);

        if (message != NULL)
          g_ptr_array_add (messages, message);
      }
  if (result == 0)
    return 1;
  if (surel_imap_error_is_refusal (own))
    return 0;
  g_propagate_error (error, g_steal_pointer (&own));
  return -1;
}

static GPtrArray *
messages_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
}

/* Halves the set until what the server can't deliver stands alone; that one is set aside, for the next
 * comparison to try again. */
static gboolean
fetch_set (Pull *pull, const SurelUidSet *set, GError **error)
{
  g_autoptr (GPtrArray) messages = messages_new ();
  g_autoptr (SurelUidSet) lower = surel_uid_set_new ();
  g_autoptr (SurelUidSet) upper = surel_uid_set_new ();
  guint64 count = surel_uid_set_count (set);
  guint64 seen = 0;
  guint tag = send_set (pull, set, error);
  int result = tag != 0 ? read_messages (pull, tag, set, messages, error) : -1;

  if (result < 0)
    return FALSE;
  if (messages->len > 0
      && !surel_sink_put_messages (pull->sink, g_steal_pointer (&messages), error))
    return FALSE;
  if (result > 0 || count <= 1)
    return TRUE;
  for (guint i = 0; i < surel_uid_set_n_ranges (set); i++)
    {
      const SurelUidRange *range = surel_uid_set_range (set, i);

      for (guint64 uid = range->first; uid <= range->last; uid++)
        surel_uid_set_add (seen++ < count / 2 ? lower : upper, (guint32) uid);
    }
  return fetch_set (pull, lower, error) && fetch_set (pull, upper, error);
}

/**
 * surel_imap_pull_fetch:
 * @token: (nullable): closes each window
 *
 * Fetches the messages that a set names, in windows, the highest UIDs last.
 */
gboolean
surel_imap_pull_fetch (Pull *pull, const SurelUidSet *set, const SurelImapToken *token, GError **error)
{
  guint i = 0;
  guint64 next = surel_uid_set_n_ranges (set) > 0 ? surel_uid_set_range (set, 0)->first : 0;

  while (i < surel_uid_set_n_ranges (set))
    {
      g_autoptr (SurelUidSet) window = surel_uid_set_new ();
      guint room = WINDOW;
      guint ranges = 0;
      SurelImapToken half;
      guint32 last = 0;

      while (room > 0 && ranges++ < SUREL_IMAP_SET_MAX / 22 && i < surel_uid_set_n_ranges (set))
        {
          const SurelUidRange *range = surel_uid_set_range (set, i);
          guint64 end = MIN ((guint64) range->last, next + room - 1);

          surel_uid_set_add_range (window, (guint32) next, (guint32) end);
          room -= (guint) (end - next + 1);
          last = (guint32) end;
          if (end == range->last && ++i < surel_uid_set_n_ranges (set))
            next = surel_uid_set_range (set, i)->first;
          else
            next = end + 1;
        }
      if (!fetch_set (pull, window, error))
        return FALSE;
      if (token == NULL)
        continue;
      half = *token;
      if (i < surel_uid_set_n_ranges (set))
        half.uidnext = last + 1;
      if (!surel_imap_pull_close (pull, &half, error))
        return FALSE;
    }
  return TRUE;
}

/* --- The first listing --- */

/* How many messages have a UID below @low: a listing that was stopped goes on there. */
static gboolean
count_below (Pull *pull, guint32 low, guint32 *count, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID SEARCH");
  gboolean extended = surel_imap_session_can (pull->session, SUREL_IMAP_CAN_ESEARCH);
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  *count = 0;
  if (low <= 1)
    return TRUE;
  if (extended)
    {
      surel_imap_command_atom (command, "RETURN");
      surel_imap_command_open (command);
      surel_imap_command_atom (command, "COUNT");
      surel_imap_command_close (command);
    }
  surel_imap_command_atom (command, "UID");
  surel_imap_command_range (command, 1, low - 1);
  tag = surel_imap_session_send (pull->session, command, pull->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (pull->session, tag, &response, pull->cancellable, error))
                > 0)
    if (response->kind == SUREL_IMAP_SEARCH)
      {
        if (extended)
          *count = (guint32) CLAMP (response->search.count, 0, (gint64) pull->mailbox->exists);
        else if (response->search.all != NULL)
          *count = (guint32) MIN (surel_uid_set_count (response->search.all), pull->mailbox->exists);
      }
  return tag != 0 && result == 0;
}

/* The lowest UID of a window whose UIDs are below @low, each once; 0 for one that contradicts itself. */
static guint32
lowest (GPtrArray *messages, guint32 low)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  guint32 least = low;

  for (guint i = 0; i < messages->len; i++)
    {
      guint32 uid = (guint32) ((SurelMessage *) messages->pdata[i])->remote_id.number;

      if (uid >= low || !g_hash_table_add (seen, GUINT_TO_POINTER (uid)))
        return 0;
      least = MIN (least, uid);
    }
  return least;
}

static guint32
window_size (guint n)
{
  return n == 0 ? FIRST_WINDOW : n == 1 ? SECOND_WINDOW : WINDOW;
}

/* Reads the first window to its end. Servers work on several commands at once, and their answers come
 * mixed (Dovecot's do, where the line is slower than it): each goes to the window it belongs to. Returns
 * like read_messages(). */
static int
read_window (Pull *pull, Window *windows, guint in_flight, GError **error)
{
  g_autoptr (GError) own = NULL;
  const SurelImapResponse *response;
  int result;

  while ((result = surel_imap_session_next (pull->session, windows[0].tag, &response, pull->cancellable,
                                            &own))
         > 0)
    for (guint i = 0; response->kind == SUREL_IMAP_FETCH && i < in_flight; i++)
      if (response->fetch.sequence >= windows[i].first && response->fetch.sequence <= windows[i].last
          && windows[i].messages->len <= windows[i].last - windows[i].first)
        {
          SurelMessage *message = surel_imap_message_of (&response->fetch);

          if (message != NULL)
            g_ptr_array_add (windows[i].messages, message);
        }
  if (result == 0)
    return 1;
  if (surel_imap_error_is_refusal (own))
    return 0;
  g_propagate_error (error, g_steal_pointer (&own));
  return -1;
}

/* Hands a window over and closes it. Returns like read_messages(), 0 also for one that can't be believed. */
static int
take_window (Pull *pull, Window *window, SurelImapToken *token, GError **error)
{
  guint32 low = lowest (window->messages, token->low);

  if (low == 0 || pull->mailbox->shrunk)
    return 0;
  if (window->messages->len > 0
      && !surel_sink_put_messages (pull->sink, g_steal_pointer (&window->messages), error))
    return -1;
  token->low = low;
  return surel_imap_pull_close (pull, token, error) ? 1 : -1;
}

/* Lists what is below token->low, from the top down. Returns like read_messages(). */
static int
list_windows (Pull *pull, SurelImapToken *token, guint32 left, gboolean newest_only, GError **error)
{
  Window windows[WINDOWS] = { { 0 } };
  guint in_flight = 0;
  guint n = token->low == token->uidnext ? 0 : 2;
  int result = 1;

  do
    {
      guint limit = n == 0 ? 1 : WINDOWS; /* the first goes alone: nothing shall hold it up */

      while (in_flight < limit && left > 0 && result > 0)
        {
          guint32 wanted = window_size (n++);
          guint32 size = MIN (left, wanted);
          guint tag = send_window (pull, left - size + 1, left, error);

          if (tag == 0)
            result = -1;
          windows[in_flight++] = (Window){ tag, left - size + 1, left, messages_new () };
          left = newest_only ? 0 : left - size;
        }
      if (in_flight == 0 || result < 0)
        break;
      {
        /* What comes behind one that can't be believed is read, and passed over. */
        int read = read_window (pull, windows, in_flight, error);

        result = read < 0 ? -1 : MIN (result, read);
      }
      if (result > 0)
        result = take_window (pull, &windows[0], token, error);
      g_clear_pointer (&windows[0].messages, g_ptr_array_unref);
      windows[0] = windows[1];
      windows[1].messages = NULL;
      in_flight--;
    }
  while (result >= 0);
  for (guint i = 0; i < WINDOWS; i++)
    g_clear_pointer (&windows[i].messages, g_ptr_array_unref);
  return result;
}

/* Lists the mailbox, or what is left of a listing that was stopped. Sets @ended to whether all of it is listed. */
static gboolean
list_all (Pull *pull, const SurelImapToken *known, gboolean newest_only, gboolean *ended, GError **error)
{
  SurelImapToken token = token_of (pull);
  guint32 left = pull->mailbox->exists;
  int result;

  if (token.uidnext == 0)
    token.uidnext = G_MAXUINT32;
  token.low = token.uidnext;
  if (known != NULL)
    {
      token = *known;
      if (!count_below (pull, token.low, &left, error))
        return FALSE;
    }
  result = list_windows (pull, &token, left, newest_only, error);
  if (result < 0)
    return FALSE;
  *ended = result == 0 || !newest_only || left <= FIRST_WINDOW;
  if (!*ended)
    return TRUE;
  token.low = 0;
  if (token.uidnext == G_MAXUINT32)
    token.uidnext = 0;
  if (result == 0)
    return surel_imap_compare (pull, &token, error);
  return surel_imap_pull_close (pull, &token, error) && surel_sink_listed (pull->sink, error);
}

/* --- What changed --- */

/**
 * surel_imap_pull_search:
 * @found: gets the UIDs from @first on
 */
gboolean
surel_imap_pull_search (Pull *pull, guint32 first, SurelUidSet *found, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID SEARCH");
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  if (surel_imap_session_can (pull->session, SUREL_IMAP_CAN_ESEARCH))
    {
      surel_imap_command_atom (command, "RETURN");
      surel_imap_command_open (command);
      surel_imap_command_atom (command, "ALL");
      surel_imap_command_close (command);
    }
  surel_imap_command_atom (command, "UID");
  surel_imap_command_range (command, first, G_MAXUINT32);
  tag = surel_imap_session_send (pull->session, command, pull->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (pull->session, tag, &response, pull->cancellable, error))
                > 0)
    if (response->kind == SUREL_IMAP_SEARCH && response->search.all != NULL)
      add_set (found, response->search.all);
  if (first > 1)
    surel_uid_set_remove_range (found, 1, first - 1);
  return tag != 0 && result == 0;
}

/* After a delta the counts have to agree; where they don't, all is compared. A listing of all that just
 * ended (@listed) is as good as a comparison. */
static gboolean
verify (Pull *pull, const SurelImapToken *token, gboolean prove, gboolean listed, GError **error)
{
  guint64 count;

  if (!prove)
    {
      if (!surel_sink_count (pull->sink, &count, error))
        return FALSE;
      if (count == pull->mailbox->exists && !pull->mailbox->shrunk)
        return surel_sink_synced (pull->sink, pull->mailbox->exists, listed, error);
    }
  return surel_imap_compare (pull, token, error);
}

/* One whose messages have other UIDs may have been numbered anew, which the list has told then, too; or it is another one, to
 * which another device has given the name since. */
static gboolean
is_the_listed_one (Pull *pull, GError **error)
{
  SurelImapToken hint;

  if (!surel_imap_token_parse (pull->scope->hint, &hint) || hint.uidvalidity == 0
      || surel_imap_token_is_of (&hint, pull->mailbox->uidvalidity, pull->mailbox->id))
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND, "Another folder has its name since it was listed");
  return FALSE;
}

/* What came since. */
static gboolean
search_fresh (Pull *pull, const SurelImapToken *known, const SurelImapToken *token, SurelUidSet *fresh, GError **error)
{
  return (token->uidnext != 0 && token->uidnext <= known->uidnext)
         || surel_imap_pull_search (pull, MAX (known->uidnext, 1), fresh, error);
}

static gboolean
fetch_fresh (Pull *pull, const SurelUidSet *fresh, const SurelImapToken *token, GError **error)
{
  return surel_imap_pull_fetch (pull, fresh, token, error)
         && (surel_uid_set_n_ranges (fresh) > 0 || surel_imap_pull_close (pull, token, error));
}

static gboolean
pull_with_qresync (Pull *pull, const SurelImapToken *known, gboolean prove, gboolean listed, GError **error)
{
  g_autoptr (GArray) flags = surel_message_flags_array_new ();
  g_autoptr (SurelUidSet) gone = surel_uid_set_new ();
  g_autoptr (SurelUidSet) fresh = surel_uid_set_new ();
  SurelImapToken token;
  gboolean ended;

  if (!surel_imap_pull_open (pull->session, "EXAMINE", pull->scope->remote_id, known, flags, gone, pull->cancellable, error))
    return FALSE;
  token = token_of (pull);
  if (!surel_imap_token_is_of (known, pull->mailbox->uidvalidity, pull->mailbox->id)
      && !surel_mutation ("ignore-uidvalidity")) /* old UIDs are taken for new ones */
    return is_the_listed_one (pull, error) && surel_sink_restart (pull->sink, error) && list_all (pull, NULL, FALSE, &ended, error)
           && verify (pull, &token, FALSE, TRUE, error);
  if (token.highestmodseq < known->highestmodseq)
    return surel_imap_compare (pull, &token, error); /* the server has lost its count: believe nothing */
  if (!surel_sink_put_gone (pull->sink, gone, error)
      || !surel_sink_put_flags (pull->sink, g_steal_pointer (&flags), error))
    return FALSE;
  if (!search_fresh (pull, known, &token, fresh, error) || !fetch_fresh (pull, fresh, &token, error))
    return FALSE;
  return verify (pull, &token, prove, listed, error);
}

/* By CONDSTORE alone (RFC 7162 §3.1.4): what changed is told, and what has vanished is looked for where the counts say that
 * something has. */
static gboolean
pull_with_condstore (Pull *pull, const SurelImapToken *known, GError **error)
{
  g_autoptr (SurelUidSet) fresh = surel_uid_set_new ();
  SurelImapToken token = token_of (pull);
  guint64 count;
  int result = 1;

  if (token.highestmodseq < known->highestmodseq)
    return surel_imap_compare (pull, &token, error); /* the server has lost its count: believe nothing */
  if (token.highestmodseq > known->highestmodseq)
    result = surel_imap_pull_changed (pull, known, error);
  if (result == 0)
    return surel_imap_compare (pull, &token, error);
  if (result < 0 || !search_fresh (pull, known, &token, fresh, error) || !surel_sink_count (pull->sink, &count, error))
    return FALSE;
  if (count + surel_uid_set_count (fresh) != pull->mailbox->exists)
    result = surel_imap_pull_vanished (pull, known->uidnext - 1, error);
  if (result == 0)
    return surel_imap_compare (pull, &token, error);
  return result > 0 && fetch_fresh (pull, fresh, &token, error) && verify (pull, &token, FALSE, FALSE, error);
}

/* Without QRESYNC, or the first time. */
static gboolean
pull_otherwise (Pull *pull, const SurelImapToken *known, SurelPullKind kind, GError **error)
{
  SurelImapToken token;
  gboolean ended;

  if (!surel_imap_pull_open (pull->session, "EXAMINE", pull->scope->remote_id, NULL, NULL, NULL, pull->cancellable, error))
    return FALSE;
  if (known != NULL && !surel_imap_token_is_of (known, pull->mailbox->uidvalidity, pull->mailbox->id))
    {
      if (!is_the_listed_one (pull, error) || !surel_sink_restart (pull->sink, error))
        return FALSE;
      known = NULL;
    }
  token = token_of (pull);
  if (known != NULL && known->low == 0 && kind != SUREL_PULL_PROVE
      && surel_imap_session_can (pull->session, SUREL_IMAP_CAN_CONDSTORE) && known->highestmodseq > 0 && token.highestmodseq > 0
      && known->uidnext > 1)
    return pull_with_condstore (pull, known, error);
  if (known != NULL && known->low == 0)
    return surel_imap_compare (pull, &token, error);
  if (!list_all (pull, known, kind == SUREL_PULL_NEWEST, &ended, error))
    return FALSE;
  if (!ended)
    return TRUE;
  if (known != NULL && known->highestmodseq > 0 && surel_imap_session_has_qresync (pull->session))
    return pull_with_qresync (pull, known, FALSE, TRUE, error); /* what changed since the listing began */
  return verify (pull, &token, kind == SUREL_PULL_PROVE, TRUE, error);
}

/**
 * surel_imap_pull:
 *
 * Implements surel_remote_pull(); errors may be of %SUREL_IMAP_ERROR.
 */
gboolean
surel_imap_pull (SurelImapSession *session,
                 const SurelScope *scope,
                 SurelPullKind kind,
                 SurelSink *sink,
                 GCancellable *cancellable,
                 GError **error)
{
  Pull pull = { session, surel_imap_session_get_mailbox (session), scope, sink, cancellable, 0 };
  SurelImapToken known;
  gboolean has_token = surel_imap_token_parse (scope->token, &known);

  if (has_token && known.low == 0)
    pull.newcomers = known.uidnext;
  if (has_token && known.low == 0 && known.highestmodseq > 0 && known.uidvalidity > 0
      && surel_imap_session_has_qresync (session))
    return pull_with_qresync (&pull, &known, kind == SUREL_PULL_PROVE, FALSE, error);
  return pull_otherwise (&pull, has_token ? &known : NULL, kind, error);
}
