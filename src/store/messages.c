/* Messages and where they are, written: what a remote told is compared with what is here. What it has no more is in
 * store/messages-gone.c. */
#include "store/messages.h"

#include "store/accounts.h"
#include "store/intents.h"
#include "store/layers.h"
#include "store/match.h"
#include "store/messages-place.h"
#include "store/sent.h"
#include "store/threads.h"

#define SAME_SECOND_MAX 100 /* messages, the latest, that are looked through for one that is the same */

/**
 * surel_messages_put_flags:
 * @flags: (element-type SurelMessageFlags): what the server says of messages that are here; others are
 *   passed over
 */
gboolean
surel_messages_put_flags (SurelTxn *txn, gint64 folder, GArray *flags, GError **error)
{
  SurelPlace place;

  if (!surel_place_find (txn, folder, &place, error))
    return FALSE;
  for (guint i = 0; i < flags->len; i++)
    {
      const SurelMessageFlags *entry = &g_array_index (flags, SurelMessageFlags, i);
      g_auto (SurelMessageRow) known = { 0 };
      g_autofree char *keywords = NULL;
      guint bits = 0;
      int found = surel_message_row_find (txn, folder, place.epoch, &entry->remote_id, &known, error);

      if (found < 0
          || (found > 0
              && (!surel_layers_complete_flags (txn, known.id, entry, &bits, &keywords, error)
                  || !surel_layers_put_server_flags (txn, &known, bits, keywords, error))))
        return FALSE;
    }
  return TRUE;
}

/* --- New messages --- */

static gboolean
put_placement (SurelPlace *place, const SurelRemoteId *rid, gint64 message, gint64 doc, gboolean shown, GError **error)
{
  return surel_sql_run (place->txn->sql, error,
                        "INSERT INTO placement (folder, epoch, rid, message, doc, shown) VALUES (?, ?, "
                        "?, ?, ?, ?)",
                        "iiriii", place->folder, place->epoch, rid, message, doc, (gint64) shown);
}

/* A message that was here before, under another UID or held, takes its new place under its old id. */
static gboolean
take_back (SurelPlace *place, gint64 id, const SurelMessage *message, GError **error)
{
  SurelTxn *txn = place->txn;
  g_auto (SurelMessageRow) row = { 0 };

  /* Of what another device moved, and the server doesn't date, the old date is none. */
  return surel_sql_run (txn->sql, error,
                        "UPDATE message SET saved = CASE WHEN ?1 != 0 OR held IS NOT NULL THEN ?1 ELSE saved END WHERE id = ?2",
                        "ii", message->saved, id)
         && surel_intents_arrived (txn, id, place->folder, error)
         && surel_layers_arrive (txn, id, 0, place->folder, place->epoch, &message->remote_id, error)
         && surel_layers_note_version (txn, id, surel_message_identity (message), error)
         && surel_threads_take_server (txn, id, message, error) && surel_message_row_load (txn, id, &row, error) > 0
         && surel_layers_put_server_flags (txn, &row, message->flags | place->gives, message->keywords, error);
}

/* Takes @is_new back where the same message is in another folder: it was told of there, or known before, and another
 * device has moved it; a view of all mail proves nothing. Such ones were received in the same second, in which there may
 * be many more. */
static gboolean
look_for_told (SurelPlace *place, gint64 received, guint64 identity, gboolean *is_new, GError **error)
{
  gint64 told = 0;

  if (*is_new
      && !surel_sql_get (place->txn->sql, &told, error,
                         "SELECT 1 FROM (SELECT id, account, identity, announced FROM message WHERE shown AND doc BETWEEN ? "
                         "AND ? ORDER BY doc LIMIT ?) m WHERE m.account = ? AND m.identity = ? AND (m.announced OR EXISTS (SELECT "
                         "1 FROM placement p JOIN folder f ON f.id = p.folder WHERE p.message = m.id AND coalesce(f.role_set, "
                         "f.role) NOT IN ('all', 'flagged', 'important'))) AND NOT EXISTS (SELECT 1 FROM placement p WHERE "
                         "p.message = m.id AND p.folder = ?) LIMIT 1",
                         "iiiiii", surel_message_row_doc (received, -1), surel_message_row_doc (received, 0),
                         (gint64) SAME_SECOND_MAX, place->account, (gint64) identity, place->folder))
    return FALSE;
  *is_new = *is_new && told == 0;
  return TRUE;
}

static gboolean
insert_message (SurelPlace *place, const SurelMessage *m, guint64 identity, GError **error)
{
  SurelTxn *txn = place->txn;
  gint64 id = surel_txn_new_id (txn, error);
  gint64 thread = id != 0 ? surel_threads_find (txn, place->account, id, m, error) : 0;
  gint64 doc = surel_message_row_doc (m->received, id);
  guint flags = m->flags | place->gives;
  gboolean shown = surel_flags_are_shown (flags);
  gboolean is_new = place->listed && place->announces && surel_flags_unread (flags);

  if (thread == 0 || !look_for_told (place, m->received, identity, &is_new, error)
      || !surel_sql_run (
          txn->sql, error,
          "INSERT INTO message (id, account, doc, flags, keywords, size, received, sent, subject, from_, "
          "sender, reply_to, to_, cc, bcc, message_id, in_reply_to, refs, preview, identity, email_id, "
          "has_attachment, extra, shown, announced, saved, thread) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
          "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          "iiiisiiisbbbbbbssssisibiiii", id, place->account, doc, (gint64) flags, m->keywords,
          (gint64) m->size, m->received, m->sent, m->subject, m->from, m->sender, m->reply_to, m->to,
          m->cc, m->bcc, m->message_id, m->in_reply_to, m->references, m->preview, (gint64) identity,
          m->email_id, (gint64) m->has_attachment, m->extra, (gint64) shown,
          (gint64) is_new, m->saved, thread)
      || !put_placement (place, &m->remote_id, id, doc, shown, error)
      || !surel_message_row_put_keywords (txn, id, doc, m->keywords, error))
    return FALSE;
  surel_txn_count (txn, place->account, place->folder, shown, surel_flags_unread (flags));
  if (shown)
    surel_txn_changed (txn, SUREL_FAMILY_MESSAGE, (guint64) id, SUREL_CREATED);
  if (is_new)
    surel_changes_add_new_mail (txn->changes, (guint64) id);
  return TRUE;
}

/* The server's copy of @sent, which was sent from here. */
static gboolean
put_sent (SurelPlace *place, gint64 sent, const SurelMessage *copy, GError **error)
{
  g_autoptr (SurelPatch) deeds = surel_patch_new ();

  return surel_sent_found (place->txn, place->folder, sent, copy, deeds, error) && take_back (place, sent, copy, error)
         && surel_sent_do_again (place->txn, deeds, error);
}

/* Whether what the server has under the id is another message than the one that is here: a server may have named a wrong one
 * as what was copied, moved or put there. In IMAP a message never changes. */
static gboolean
is_another (SurelPlace *place, gint64 id, const SurelMessage *message, gboolean *another, GError **error)
{
  gint64 found = 0;

  *another = FALSE;
  if (message->remote_id.text != NULL || message->message_id == NULL || message->message_id[0] == '\0')
    return TRUE;
  if (!surel_sql_get (place->txn->sql, &found, error,
                      "SELECT 1 FROM message m WHERE m.id = ? AND m.message_id != '' AND m.message_id != ? AND NOT EXISTS (SELECT 1 FROM intent "
                      "i WHERE i.message = m.id AND i.state < 2)",
                      "is", id, message->message_id))
    return FALSE;
  *another = found != 0;
  return TRUE;
}

/* Takes out of its place what isn't there. Where it is the lists tell: all are compared in full, soon. Those that are brought
 * together may have one another's places, so it comes before any is put. */
static gboolean
displace (SurelPlace *place, const SurelMessage *message, GError **error)
{
  g_auto (SurelMessageRow) known = { 0 };
  gboolean another = FALSE;
  int found = surel_message_row_find (place->txn, place->folder, place->epoch, &message->remote_id, &known, error);

  if (found < 0 || (found > 0 && !is_another (place, known.id, message, &another, error)))
    return FALSE;
  if (!another)
    return TRUE;
  place->match.has_held = TRUE;
  return surel_sql_run (place->txn->sql, error, "UPDATE folder SET last_proven = 0 WHERE account = ?", "i", place->account)
         && surel_place_take_out (place, place->epoch, &message->remote_id, known.id, error);
}

static gboolean
put_message (SurelPlace *place, const SurelMessage *message, GError **error)
{
  guint64 identity = surel_message_identity (message);
  g_auto (SurelMessageRow) known = { 0 };
  gint64 match = 0;
  gint64 sent = 0;
  int found = surel_message_row_find (place->txn, place->folder, place->epoch, &message->remote_id, &known, error);

  if (found < 0)
    return FALSE;
  if (found > 0)
    return surel_threads_take_server (place->txn, known.id, message, error)
           && surel_layers_put_server_flags (place->txn, &known, message->flags | place->gives, message->keywords, error);
  if (!surel_match_find (&place->match, &message->remote_id, identity, surel_message_fingerprint (message), &match, error))
    return FALSE;
  if (match == 0 && place->match.has_here && !surel_sent_find (place->txn, place->folder, message->message_id, &sent, error))
    return FALSE;
  place->txn->rows++;
  if (sent != 0)
    return put_sent (place, sent, message, error);
  return match != 0 ? take_back (place, match, message, error)
                    : insert_message (place, message, identity, error);
}

/**
 * surel_messages_put:
 * @messages: (element-type SurelMessage): what the server has in @folder; those that are here already
 *   take the keywords it says
 *
 * A message that was in the folder under another UIDVALIDITY, or that has vanished from another
 * folder of the account, keeps its id where exactly one fits.
 */
gboolean
surel_messages_put (SurelTxn *txn, gint64 folder, GPtrArray *messages, GError **error)
{
  SurelPlace place;
  gboolean success = surel_place_find (txn, folder, &place, error);

  for (guint i = 0; success && place.listed && i < messages->len; i++)
    success = displace (&place, messages->pdata[i], error);
  for (guint i = 0; success && i < messages->len; i++)
    success = put_message (&place, messages->pdata[i], error);
  surel_match_end (&place.match);
  return success;
}

/* --- Both, and what is gone --- */

/**
 * surel_messages_put_news:
 * @news: what the server told of the folder
 * @since: see surel_messages_put_gone()
 */
gboolean
surel_messages_put_news (SurelTxn *txn, gint64 account, gint64 folder, SurelNews *news, gint64 since, GError **error)
{
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();

  for (guint i = 0; i < news->gone->len; i++)
    g_ptr_array_add (gone, news->gone->pdata[i]);
  g_ptr_array_add (gone, NULL);
  return surel_messages_put_gone_named (txn, folder, (const char *const *) gone->pdata, since, error)
         && surel_accounts_add_keyword_names (txn, account, news->keyword_names, error)
         && surel_messages_put (txn, folder, news->messages, error) && surel_messages_put_flags (txn, folder, news->flags, error);
}
