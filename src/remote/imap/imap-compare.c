/* What a mailbox holds beside what is known, where no server tells what has vanished, or where it isn't believed: window by window,
 * and nothing is taken out before it was looked for by its UID. */
#include "base/errors.h"
#include "remote/imap/imap-pull-private.h"
#include "remote/imap/imap-quirks.h"

#define COMPARE_WINDOW 5000 /* messages whose UIDs and flags are compared at once */

typedef SurelImapPull Pull;

/* Whether a window of the comparison is what it has to be: each message once, UIDs going up. */
static gboolean
is_consistent (GArray *present, guint32 after, guint expected)
{
  gint64 last = after;

  if (present->len != expected)
    return FALSE;
  for (guint i = 0; i < present->len; i++)
    {
      gint64 uid = g_array_index (present, SurelMessageFlags, i).remote_id.number;

      if (uid <= last)
        return FALSE;
      last = uid;
    }
  return TRUE;
}

static gboolean
read_window_flags (Pull *pull, guint32 first, guint32 last, GArray *present, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("FETCH");
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_command_range (command, first, last);
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "UID");
  surel_imap_command_atom (command, "FLAGS");
  surel_imap_command_close (command);
  tag = surel_imap_session_send (pull->session, command, pull->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (pull->session, tag, &response, pull->cancellable, error))
                > 0)
    if (response->kind == SUREL_IMAP_FETCH && response->fetch.sequence >= first
        && response->fetch.sequence <= last && present->len <= COMPARE_WINDOW)
      surel_imap_pull_take_flags (present, &response->fetch);
  return tag != 0 && result == 0;
}

/* Asks for messages that a list lacked by their UIDs: a list by sequence numbers may be shifted without
 * contradicting itself (Exchange's is, right after a message came). Sets @there to whether any is there. */
static gboolean
search_some (Pull *pull, const SurelUidSet *uids, gboolean *there, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID SEARCH");
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_command_atom (command, "UID");
  surel_imap_command_set (command, uids);
  tag = surel_imap_session_send (pull->session, command, pull->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (pull->session, tag, &response, pull->cancellable, error))
                > 0)
    if (response->kind == SUREL_IMAP_SEARCH && response->search.all != NULL
        && surel_uid_set_n_ranges (response->search.all) > 0)
      *there = TRUE;
  return tag != 0 && result == 0;
}

/* Takes out what a list lacked, once it is sure. Returns like compare_once(). */
static int
take_gone (Pull *pull, const SurelUidSet *gone, GError **error)
{
  gboolean there = FALSE;

  for (guint i = 0; i < surel_uid_set_n_ranges (gone) && !there;)
    {
      g_autoptr (SurelUidSet) some = surel_uid_set_new ();

      for (guint n = 0; n < SUREL_IMAP_SET_MAX / 22 && i < surel_uid_set_n_ranges (gone); n++, i++)
        surel_uid_set_add_range (some, surel_uid_set_range (gone, i)->first, surel_uid_set_range (gone, i)->last);
      if (!search_some (pull, some, &there, error))
        return -1;
    }
  if (there)
    return 0;
  return surel_sink_put_gone (pull->sink, gone, error) ? 1 : -1;
}

/* What was put there since the last pull, and is here by what a server said of it alone, is looked at, too. */
static void
add_newcomers (Pull *pull, const GArray *present, SurelUidSet *wanted)
{
  for (guint i = 0; pull->newcomers > 0 && i < present->len; i++)
    {
      guint32 uid = (guint32) g_array_index (present, SurelMessageFlags, i).remote_id.number;

      if (uid >= pull->newcomers)
        surel_uid_set_add (wanted, uid);
    }
}

/* Compares UIDs and flags of the whole mailbox, window by window, with what is known. Returns 1 where it
 * is proven, 0 where the server contradicts itself, -1 with @error set. */
static int
compare_once (Pull *pull, GError **error)
{
  guint32 exists = pull->mailbox->exists;
  guint32 after = 0; /* the last UID compared */
  guint32 first = 1;

  pull->mailbox->shrunk = FALSE;
  do
    {
      g_autoptr (GArray) present = surel_message_flags_array_new ();
      g_autoptr (SurelUidSet) missing = surel_uid_set_new ();
      g_autoptr (SurelUidSet) gone = surel_uid_set_new ();
      int result;
      guint32 last = first + MIN (COMPARE_WINDOW - 1, exists - MIN (first, exists));
      guint32 end = G_MAXUINT32;

      if (exists > 0 && !read_window_flags (pull, first, last, present, error))
        return -1;
      if (pull->mailbox->shrunk || !is_consistent (present, after, exists > 0 ? last - first + 1 : 0))
        return 0;
      if (exists > 0 && last < exists)
        end = (guint32) g_array_index (present, SurelMessageFlags, present->len - 1).remote_id.number;
      if (!surel_sink_put_present (pull->sink, after + 1, end, present, TRUE, missing, gone, error))
        return -1;
      result = take_gone (pull, gone, error);
      if (result <= 0)
        return result;
      add_newcomers (pull, present, missing);
      if (!surel_imap_pull_fetch (pull, missing, NULL, error))
        return -1;
      after = end;
      first = last + 1;
    }
  while (first <= exists);
  return 1;
}

/**
 * surel_imap_compare:
 * @token: what the mailbox is closed with
 *
 * Compares all of the mailbox with what is known: it is proven then.
 */
gboolean
surel_imap_compare (Pull *pull, const SurelImapToken *token, GError **error)
{
  for (guint attempt = 0; attempt < 2; attempt++)
    {
      int result;

      if (attempt > 0
          && !surel_imap_pull_open (pull->session, "EXAMINE", pull->scope->remote_id, NULL, NULL, NULL, pull->cancellable,
                            error))
        return FALSE;
      result = compare_once (pull, error);
      if (result < 0)
        return FALSE;
      if (result > 0)
        return surel_imap_pull_close (pull, token, error) && surel_sink_listed (pull->sink, error)
               && surel_sink_synced (pull->sink, pull->mailbox->exists, TRUE, error);
    }
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
               "The server's list of a folder contradicts itself; nothing was taken out by it");
  return FALSE;
}

/* --- By mod-sequences --- */

/**
 * surel_imap_pull_changed:
 *
 * Brings the flags of those that were here before and changed since (RFC 7162 §3.1.4). Returns 1, 0 where the server refuses to
 * tell, -1 with @error set.
 */
int
surel_imap_pull_changed (Pull *pull, const SurelImapToken *known, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID FETCH");
  g_autoptr (GArray) flags = surel_message_flags_array_new ();
  g_autoptr (GError) own = NULL;
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_command_range (command, 1, known->uidnext - 1);
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "FLAGS");
  surel_imap_command_close (command);
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "CHANGEDSINCE");
  surel_imap_command_number (command, known->highestmodseq);
  surel_imap_command_close (command);
  tag = surel_imap_session_send (pull->session, command, pull->cancellable, &own);
  while (tag != 0 && (result = surel_imap_session_next (pull->session, tag, &response, pull->cancellable, &own)) > 0)
    if (response->kind == SUREL_IMAP_FETCH)
      surel_imap_pull_take_flags (flags, &response->fetch);
  if (tag != 0 && result == 0)
    return surel_sink_put_flags (pull->sink, g_steal_pointer (&flags), error) ? 1 : -1;
  if (surel_imap_error_is_refusal (own))
    return 0;
  g_propagate_error (error, g_steal_pointer (&own));
  return -1;
}

/* Compares those of @present that are above @after, as many as a window has. Sets @after to the last that was compared. */
static int
compare_presence (Pull *pull, const SurelUidSet *present, guint32 last, guint32 *after, GError **error)
{
  g_autoptr (GArray) some = surel_message_flags_array_new ();
  g_autoptr (SurelUidSet) missing = surel_uid_set_new ();
  g_autoptr (SurelUidSet) gone = surel_uid_set_new ();
  guint32 end = last;
  int result;

  for (guint i = 0; i < surel_uid_set_n_ranges (present) && some->len < COMPARE_WINDOW; i++)
    {
      const SurelUidRange *range = surel_uid_set_range (present, i);

      for (guint64 uid = MAX ((guint64) range->first, (guint64) *after + 1);
           uid <= range->last && uid <= last && some->len < COMPARE_WINDOW; uid++)
        {
          SurelMessageFlags entry = { .remote_id.number = uid };

          g_array_append_val (some, entry);
        }
    }
  if (some->len == COMPARE_WINDOW)
    end = (guint32) g_array_index (some, SurelMessageFlags, some->len - 1).remote_id.number;
  if (!surel_sink_put_present (pull->sink, *after + 1, end, some, FALSE, missing, gone, error))
    return -1;
  result = take_gone (pull, gone, error);
  if (result > 0 && !surel_imap_pull_fetch (pull, missing, NULL, error))
    return -1;
  *after = end;
  return result;
}

/**
 * surel_imap_pull_vanished:
 * @last: the highest UID that may be known
 *
 * Takes out what isn't there any more, up to @last, and fetches what is there and wasn't known. Returns 1, 0 where the server
 * contradicts itself, -1 with @error set.
 */
int
surel_imap_pull_vanished (Pull *pull, guint32 last, GError **error)
{
  g_autoptr (SurelUidSet) present = surel_uid_set_new ();
  guint32 after = 0;
  int result = 1;

  if (!surel_imap_pull_search (pull, 1, present, error))
    return -1;
  if (pull->mailbox->shrunk || surel_uid_set_count (present) != pull->mailbox->exists)
    return 0;
  while (result > 0 && after < last)
    result = compare_presence (pull, present, last, &after, error);
  return result;
}
