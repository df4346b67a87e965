/* Messages that people send, once: from Drafts to the outbox to Sent, one message under one id all the way.
 *
 * The outbox is a folder that no server has. What is in it has an intent to be sent, which goes to the server in a step that
 * can't be repeated: where its answer is lost the server's copy in Sent is looked for, after a list, by its Message-ID. If it
 * isn't there in the end a person is asked: nothing is sent again by itself.
 *
 * What was sent is shown in Sent, and lives here alone until the server shows its copy there: that is the same message
 * from then on, whatever the server made of its date, its size and its header. */
#include "store/sends.h"

#include <string.h>

#include "base/errors.h"
#include "base/folder.h"
#include "store/accounts.h"
#include "store/content.h"
#include "store/folder-changes.h"
#include "store/folder-layers.h"
#include "store/intents-private.h"
#include "store/layers.h"
#include "store/operations.h"

#define LOOKS 4 /* lists after which a copy that isn't in Sent isn't looked for any more */
#define QUICK_LOOKS 2 /* of them that come at once */
#define DOMAIN_MAX 255 /* octets of a host name: RFC 1035 §2.3.4 */

/* Of an intent i that waits, or was sent. */
#define IS_OPEN_SEND "i.kind = 7 AND i.state < 2"

/* Of an intent i whose operation is o: nobody knows whether it went. */
#define IS_UNKNOWN_SEND "i.kind = 7 AND i.state = 3 AND o.unknown > 0"

void
surel_send_free (SurelSend *self)
{
  g_clear_pointer (&self->append, surel_append_free);
  g_free (self->client);
  g_free (self);
}

static gboolean
fail (GError **error, SurelError code, const char *message)
{
  g_set_error_literal (error, SUREL_ERROR, (gint) code, message);
  return FALSE;
}

/* --- Folders --- */

static gint64
make_outbox (SurelTxn *txn, gint64 account, GError **error)
{
  gint64 id = surel_txn_new_id (txn, error);
  g_autofree char *remote_id = g_strdup_printf (SUREL_FOLDER_NEW_PREFIX "%" G_GINT64_FORMAT, id);

  if (id == 0
      || !surel_sql_run (txn->sql, error,
                         "INSERT INTO folder (id, account, parent, server_parent, remote_id, name, server_name, path, role, rights, "
                         "listed) SELECT ?1, ?2, 0, 0, ?3, n.name, n.name, '', 'outbox', ?4, 1 FROM (SELECT CASE WHEN EXISTS (SELECT 1 FROM folder "
                         "WHERE account = ?2 AND parent = 0 AND name = 'Outbox') THEN 'Outbox (Surel)' ELSE 'Outbox' END AS name) n",
                         "iisi", id, account, remote_id, (gint64) (SUREL_RIGHT_READ_ITEMS | SUREL_RIGHT_SUBMIT)))
    return 0;
  surel_txn_changed (txn, SUREL_FAMILY_FOLDER, SUREL_FOLDER_KEY (account, id), SUREL_CREATED);
  return surel_folder_layers_name_paths (txn, account, error) ? id : 0;
}

/* 0 with @error set */
static gint64
folder_of_role (SurelTxn *txn, gint64 account, const char *role, const char *client, SurelModified *result, GError **error)
{
  gint64 folder = 0;

  if (!surel_sql_get (txn->sql, &folder, error,
                      "SELECT id FROM folder WHERE account = ? AND coalesce(role_set, role) = ? AND selectable AND NOT removing AND "
                      "NOT deleting",
                      "is", account, role))
    return 0;
  if (folder != 0)
    return folder;
  return g_str_equal (role, "outbox") ? make_outbox (txn, account, error)
                                      : surel_folder_make_role (txn, account, role, result, client, error);
}

/* --- Accepted --- */

/**
 * surel_sends_check_not_open:
 *
 * Returns: %FALSE with %SUREL_ERROR_CONFLICT where the message is on its way out, or may have gone, so that it can't be changed
 */
gboolean
surel_sends_check_not_open (SurelTxn *txn, gint64 message, GError **error)
{
  gint64 open = 0;
  gint64 unknown = 0;

  if (!surel_sql_get (txn->sql, &open, error, "SELECT i.operation FROM intent i WHERE i.message = ? AND " IS_OPEN_SEND, "i", message)
      || !surel_sql_get (txn->sql, &unknown, error,
                         "SELECT o.id FROM intent i JOIN operation o ON o.id = i.operation WHERE i.message = ? AND " IS_UNKNOWN_SEND, "i",
                         message))
    return FALSE;
  if (open != 0)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
                 "Message %" G_GINT64_FORMAT " is about to be sent; cancel operation %" G_GINT64_FORMAT " first", message, open);
  else if (unknown != 0)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
                 "Message %" G_GINT64_FORMAT " may have been sent; confirm operation %" G_GINT64_FORMAT ", or try it again, first", message,
                 unknown);
  return open == 0 && unknown == 0;
}

/* Only what is known to be able to send is trusted with it. */
static gboolean
check_can_send (SurelTxn *txn, gint64 account, GError **error)
{
  gint64 can = 0;

  if (!surel_sql_get (txn->sql, &can, error,
                      "SELECT instr (' ' || capabilities || ' ', ' send ') != 0 FROM account WHERE id = ? AND NOT removing", "i", account))
    return FALSE;
  return can
         || fail (error, SUREL_ERROR_NOT_SUPPORTED,
                  "The account can't send (it lacks the capability `send`); one that was never reached can't say so yet");
}

/* Whether there is an address in @column, which has them as surel_mime_parse_addresses() gives them: an empty group has none,
 * nor has a name alone. */
static gboolean
has_address (sqlite3_stmt *s, int column)
{
  const char *p = sqlite3_column_blob (s, column);
  const char *end = p != NULL ? p + sqlite3_column_bytes (s, column) : NULL;

  while (p < end)
    {
      const char *address = p + strlen (p) + 1;

      if (address >= end)
        return FALSE;
      if (address[0] != '\0')
        return TRUE;
      p = address + 1;
    }
  return FALSE;
}

static gboolean
check_addresses (SurelTxn *txn, gint64 message, GError **error)
{
  sqlite3_stmt *s
      = surel_sql_start (txn->sql, error, "SELECT from_, to_, cc, bcc FROM message WHERE id = ?", "i", message);
  gboolean complete;

  if (s == NULL || surel_sql_step (txn->sql, s, error) <= 0)
    return FALSE;
  complete = has_address (s, 0) && (has_address (s, 1) || has_address (s, 2) || has_address (s, 3));
  sqlite3_reset (s);
  return complete
         || fail (error, SUREL_ERROR_INVALID_ARGUMENT,
                  "The message needs a sender (From), and somebody it goes to (To, Cc or Bcc), with an address");
}

/* Whether it can go as it is. */
static gboolean
check_draft (SurelTxn *txn, SurelSend *send, gint64 *account, GError **error)
{
  gint64 id = send->draft;
  g_auto (SurelMessageRow) row = { 0 };
  gint64 here = 0;
  int found = surel_message_row_load (txn, id, &row, error);

  if (found < 0)
    return FALSE;
  if (found == 0 || !row.shown)
    return fail (error, SUREL_ERROR_NOT_FOUND, "There is no such message (any more)");
  if ((row.flags & SUREL_KEYWORD_DRAFT) == 0)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "That message is no draft");
  *account = row.account;
  if (!surel_sends_check_not_open (txn, id, error) || !check_can_send (txn, row.account, error)
      || !check_addresses (txn, id, error)
      || !surel_sql_get (txn->sql, &here, error, "SELECT content FROM message WHERE id = ?", "i", id))
    return FALSE;
  send->bytes_from = here == 0 ? row.account : 0;
  return here != 0 || fail (error, SUREL_ERROR_OFFLINE, "The draft's bytes aren't here");
}

/* The domain of an address as it can stand in a Message-ID (RFC 5322 §3.6.4): what is no host name is left out. */
static char *
domain_of (const char *address)
{
  const char *at = strrchr (address, '@');
  g_autofree char *domain = at != NULL ? g_hostname_to_ascii (at + 1) : NULL;

  if (domain == NULL || domain[0] == '\0' || domain[strspn (domain, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-.")] != '\0'
      || strlen (domain) > DOMAIN_MAX)
    return g_strdup ("localhost");
  return g_steal_pointer (&domain);
}

/* One for a message that has none; its domain is the account's. */
static char *
make_message_id (SurelTxn *txn, gint64 message, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (txn->sql, error,
                                     "SELECT m.message_id, a.settings FROM message m JOIN account a ON a.id = m.account WHERE m.id = ?",
                                     "i", message);
  g_autofree char *own = NULL;
  g_autofree char *text = NULL;
  g_autofree char *random = g_uuid_string_random ();
  g_autoptr (GVariant) settings = NULL;
  g_autofree char *domain = NULL;
  const char *address = "";

  if (s == NULL || surel_sql_step (txn->sql, s, error) <= 0)
    return NULL;
  own = surel_sql_column_text (s, 0);
  text = surel_sql_column_text (s, 1);
  sqlite3_reset (s);
  if (own != NULL && own[0] != '\0')
    return g_strdup ("");
  settings = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);
  if (settings != NULL)
    g_variant_lookup (settings, "address", "&s", &address);
  domain = domain_of (address);
  return g_strconcat (random, "@", domain, NULL);
}

static gboolean
add_intent (SurelTxn *txn, SurelSend *send, gint64 account, gint64 outbox, SurelModified *result, GError **error)
{
  g_autofree char *message_id = make_message_id (txn, send->draft, error);
  gint64 intent;

  if (message_id == NULL)
    return FALSE;
  if (result->operation == 0)
    result->operation = surel_operations_add (txn, "send", send->client != NULL ? send->client : "", error);
  if (result->operation == 0)
    return FALSE;
  /* What was refused before is tried in this operation, and not in that one, too. */
  if (!surel_sql_run (txn->sql, error, "UPDATE intent SET state = 4 WHERE message = ? AND kind = 7 AND state = 3", "i", send->draft))
    return FALSE;
  intent = surel_intents_add (txn, result->operation, account, send->draft, SUREL_CHANGE_SEND, send->original, outbox, error);
  g_array_append_val (result->accounts, account);
  return intent != 0
         && surel_sql_run (txn->sql, error, "UPDATE intent SET add_flags = ?, remove_words = ? WHERE id = ?", "isi",
                           (gint64) send->mark, message_id, intent)
         && surel_sql_run (txn->sql, error, "UPDATE operation SET next_attempt = ? WHERE id = ?", "ii", send->at,
                           result->operation);
}

static gboolean
check_original (SurelTxn *txn, const SurelSend *send, GError **error)
{
  gint64 there = send->original == 0;

  if (!there && !surel_sql_get (txn->sql, &there, error, "SELECT 1 FROM message WHERE id = ? AND shown", "i", send->original))
    return FALSE;
  return there || fail (error, SUREL_ERROR_NOT_FOUND, "The message that it answers or passes on is gone");
}

/**
 * surel_send:
 *
 * Puts a draft, or a new message, into the outbox, to be sent.
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_FOUND, %SUREL_ERROR_INVALID_ARGUMENT (no draft, or nobody it goes to),
 *   %SUREL_ERROR_CONFLICT (on its way already), %SUREL_ERROR_NOT_SUPPORTED, or %SUREL_ERROR_OFFLINE (its bytes aren't here)
 */
gboolean
surel_send (SurelTxn *txn, SurelSend *send, SurelModified *result, GError **error)
{
  g_autoptr (SurelModified) folders = surel_modified_new (); /* that are to be made are another operation's */
  gint64 account = 0;
  gint64 outbox;

  if (!check_original (txn, send, error))
    return FALSE;
  if (send->append != NULL)
    {
      if (!check_can_send (txn, send->append->account, error) || !surel_append_here (txn, send->append, folders, error))
        return FALSE;
      send->draft = send->append->id;
    }
  if (!check_draft (txn, send, &account, error))
    return FALSE;
  outbox = folder_of_role (txn, account, "outbox", send->client, folders, error);
  return outbox != 0 && add_intent (txn, send, account, outbox, result, error)
         && surel_layers_replay_place (txn, send->draft, error);
}

/**
 * surel_send_reschedule:
 * @at: seconds since the epoch
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_FOUND, %SUREL_ERROR_INVALID_ARGUMENT where @operation sends nothing, or
 *   %SUREL_ERROR_CONFLICT where it is too late
 */
gboolean
surel_send_reschedule (SurelTxn *txn, gint64 operation, gint64 at, SurelModified *result, GError **error)
{
  gint64 there = 0;
  gint64 account = 0;
  gint64 waits = 0;

  if (!surel_sql_get (txn->sql, &there, error, "SELECT 1 FROM operation WHERE id = ?", "i", operation)
      || !surel_sql_get (txn->sql, &account, error, "SELECT account FROM intent WHERE operation = ? AND kind = 7", "i", operation)
      || !surel_sql_get (txn->sql, &waits, error,
                         "SELECT 1 FROM intent WHERE operation = ? AND kind = 7 AND state = 0 AND NOT doubt", "i", operation))
    return FALSE;
  if (!there)
    return fail (error, SUREL_ERROR_NOT_FOUND, "There is no such operation (any more)");
  if (account == 0)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "That operation sends nothing");
  if (!waits)
    return fail (error, SUREL_ERROR_CONFLICT, "The message doesn't wait any more: it was sent, or taken back, or is being sent");
  g_array_append_val (result->accounts, account);
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) operation, SUREL_UPDATED);
  return surel_sql_run (txn->sql, error, "UPDATE operation SET next_attempt = ?, attempts = 0, error = '', error_text = '' WHERE id = ?",
                        "ii", at, operation);
}

/* --- On its way --- */

/* RFC 5322 §3.3 */
static char *
make_date (gint64 seconds)
{
  static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
  static const char *const months[]
      = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);

  return g_strdup_printf ("%s, %d %s %d %02d:%02d:%02d +0000", days[g_date_time_get_day_of_week (time) - 1],
                          g_date_time_get_day_of_month (time), months[g_date_time_get_month (time) - 1], g_date_time_get_year (time),
                          g_date_time_get_hour (time), g_date_time_get_minute (time), g_date_time_get_second (time));
}

/* What every message has to have, and this one hasn't. */
static char *
make_header (const char *message_id, gboolean has_date, gint64 now)
{
  GString *header = g_string_new (NULL);

  if (!has_date)
    {
      g_autofree char *date = make_date (now);

      g_string_append_printf (header, "Date: %s\r\n", date);
    }
  if (message_id[0] != '\0')
    g_string_append_printf (header, "Message-ID: <%s>\r\n", message_id);
  return g_string_free (header, FALSE);
}

static SurelChange *
read_change (sqlite3_stmt *s, gint64 account, gint64 now)
{
  SurelChange *change = surel_change_new ();
  SurelChangeItem item = { 0 };
  g_autofree char *own_id = surel_sql_column_text (s, 6);
  g_autofree char *new_id = surel_sql_column_text (s, 5);

  change->account = account;
  change->kind = SUREL_CHANGE_SEND;
  change->evidence = surel_sql_column_text (s, 3);
  change->add_flags = (guint) sqlite3_column_int64 (s, 4);
  change->folder_remote_id = surel_sql_column_text (s, 9);
  item.intent = sqlite3_column_int64 (s, 0);
  item.operation = sqlite3_column_int64 (s, 1);
  item.message = sqlite3_column_int64 (s, 2);
  item.header = make_header (new_id, sqlite3_column_int64 (s, 7) != 0, now);
  item.message_id = g_strdup (new_id[0] != '\0' ? new_id : own_id);
  item.digest = surel_sql_column_bytes (s, 8);
  if (change->folder_remote_id != NULL)
    item.remote_id = surel_sql_column_remote_id (s, 10);
  g_array_append_val (change->items, item);
  return change;
}

/**
 * surel_sends_next:
 * @now: seconds since the epoch: those that go later are passed over
 * @listed: whether a whole list came since any of them was in doubt: else those are passed over, too
 * @next: (out) (nullable): the message that is sent next; %NULL where there is none
 */
gboolean
surel_sends_next (SurelReader *reader, gint64 account, gint64 now, gboolean listed, SurelChange **next, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (
      reader->sql, error,
      "SELECT i.id, i.operation, i.message, i.evidence, i.add_flags, i.remove_words, m.message_id, m.sent, c.digest, f.remote_id, p.rid "
      "FROM intent i INDEXED BY intent_send CROSS JOIN operation o ON o.id = i.operation CROSS JOIN message m ON m.id = i.message LEFT "
      "JOIN content c ON c.id = m.content LEFT JOIN placement p ON p.message = i.source AND p.epoch < " SUREL_EPOCH_HERE_SQL
      " AND NOT p.leaving LEFT JOIN folder f ON f.id = p.folder AND f.epoch = p.epoch AND f.account = i.account WHERE i.account = ?1 "
      "AND " IS_OPEN_SEND " AND (i.evidence IS NOT NULL OR (o.next_attempt <= ?2 AND i.doubt <= ?3)) AND NOT EXISTS (SELECT 1 FROM "
      "intent e WHERE e.message = i.message AND e.state < 2 AND e.id < i.id) ORDER BY i.state = 0, i.id LIMIT 1",
      "iii", account, now, (gint64) listed);
  int result = s != NULL ? surel_sql_step (reader->sql, s, error) : -1;

  *next = NULL;
  if (result <= 0)
    return result == 0;
  *next = read_change (s, account, now);
  sqlite3_reset (s);
  return TRUE;
}

/**
 * surel_sends_note_time:
 *
 * It is sent now: a copy of it is no message that is here already.
 */
gboolean
surel_sends_note_time (SurelTxn *txn, gint64 intent, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE intent SET remove_flags = (SELECT max(id) FROM message) WHERE id = ?", "i", intent);
}

/* --- Sent --- */

typedef struct
{
  gint64 account;
  gint64 message;
  gint64 original;
  guint mark;
  char *message_id; /* that it was given; empty where it had one */
  char *client;
} Sent;

static void
sent_clear (Sent *sent)
{
  g_free (sent->message_id);
  g_free (sent->client);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Sent, sent_clear)

static gboolean
load_sent (SurelTxn *txn, gint64 intent, Sent *sent, GError **error)
{
  sqlite3_stmt *s = surel_sql_start (txn->sql, error,
                                     "SELECT i.account, i.message, i.source, i.add_flags, i.remove_words, o.client FROM intent i JOIN "
                                     "operation o ON o.id = i.operation WHERE i.id = ?",
                                     "i", intent);

  if (s == NULL || surel_sql_step (txn->sql, s, error) <= 0)
    return FALSE;
  sent->account = sqlite3_column_int64 (s, 0);
  sent->message = sqlite3_column_int64 (s, 1);
  sent->original = sqlite3_column_int64 (s, 2);
  sent->mark = (guint) sqlite3_column_int64 (s, 3);
  sent->message_id = surel_sql_column_text (s, 4);
  sent->client = surel_sql_column_text (s, 5);
  sqlite3_reset (s);
  return TRUE;
}

/* As for one that a person marks. */
static gboolean
mark_original (SurelTxn *txn, const Sent *sent, GError **error)
{
  g_autoptr (SurelPatch) patch = surel_patch_new ();
  g_autoptr (SurelModified) result = surel_modified_new ();
  g_autoptr (GError) own = NULL;

  if (sent->original == 0)
    return TRUE;
  g_array_append_val (patch->ids, sent->original);
  patch->add_flags = sent->mark;
  patch->client = g_strdup (sent->client);
  /* One that waits to be sent itself can't be marked. */
  if (!surel_sends_check_not_open (txn, sent->original, &own))
    {
      if (g_error_matches (own, SUREL_ERROR, SUREL_ERROR_CONFLICT))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  return surel_modify (txn, patch, 0, 1, result, error);
}

/* A draft that the server has isn't what was sent: it is another message from now on, out of sight, which is destroyed. */
static gboolean
destroy_draft (SurelTxn *txn, const Sent *sent, GError **error)
{
  gint64 there = 0;
  gint64 rest;
  gint64 operation;

  if (!surel_sql_get (txn->sql, &there, error, "SELECT 1 FROM placement WHERE message = ? AND epoch < ? LIMIT 1", "ii", sent->message,
                      SUREL_EPOCH_HERE))
    return FALSE;
  if (!there)
    return TRUE;
  rest = surel_txn_new_id (txn, error);
  operation = rest != 0 ? surel_operations_add (txn, "modify", sent->client, error) : 0;
  return operation != 0
         && surel_sql_run (txn->sql, error,
                           "INSERT INTO message (id, account, doc, shown, announced, size, received, sent, identity, has_attachment, flags) "
                           "SELECT ?1, account, doc, 0, 0, size, received, sent, identity, has_attachment, flags FROM message WHERE id = ?2",
                           "ii", rest, sent->message)
         && surel_sql_run (txn->sql, error, "UPDATE placement SET message = ? WHERE message = ? AND epoch < ?", "iii", rest,
                           sent->message, SUREL_EPOCH_HERE)
         && surel_intents_add (txn, operation, sent->account, rest, SUREL_CHANGE_DESTROY, 0, 0, error) != 0
         && surel_layers_replay_place (txn, rest, error);
}

/* It is no draft any more, and was sent now, under the Message-ID that it was given. */
static gboolean
put_words (SurelTxn *txn, const Sent *sent, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  gint64 doc = surel_message_row_doc (txn->time, sent->message);

  return surel_sql_run (txn->sql, error,
                        "UPDATE message SET doc = ?1, received = ?2, saved = ?2, sent = CASE WHEN sent = 0 THEN ?2 ELSE sent END, message_id = "
                        "CASE WHEN ?3 = '' THEN message_id ELSE ?3 END WHERE id = ?4",
                        "iisi", doc, txn->time, sent->message_id, sent->message)
         && surel_message_row_set_doc (txn, sent->message, doc, error) && surel_message_row_load (txn, sent->message, &row, error) > 0
         && surel_layers_put_server_flags (txn, &row, (row.flags & ~(guint) SUREL_KEYWORD_DRAFT) | SUREL_KEYWORD_SEEN, row.keywords,
                                           error);
}

/**
 * surel_sends_went:
 * @intent: that to send it; it has ended
 *
 * The message was sent.
 */
gboolean
surel_sends_went (SurelTxn *txn, gint64 intent, GError **error)
{
  g_auto (Sent) sent = { 0 };
  g_autoptr (SurelModified) result = surel_modified_new ();
  gint64 folder;

  if (!load_sent (txn, intent, &sent, error))
    return FALSE;
  folder = folder_of_role (txn, sent.account, "sent", sent.client, result, error);
  return folder != 0 && destroy_draft (txn, &sent, error) && put_words (txn, &sent, error)
         && surel_intents_keep_here (txn, sent.account, sent.message, folder, error) && mark_original (txn, &sent, error);
}

/* What nobody knew, and is in Sent after all. */
static gboolean
end_doubt (SurelTxn *txn, gint64 folder, const char *message_id, GError **error)
{
  gint64 intent = 0;

  if (!surel_sql_get (txn->sql, &intent, error,
                      "SELECT i.id FROM folder f JOIN operation o ON o.unknown > 0 JOIN intent i ON i.operation = o.id JOIN message m ON m.id = "
                      "i.message WHERE f.id = ? AND coalesce(f.role_set, f.role) = 'sent' AND i.account = f.account AND " IS_UNKNOWN_SEND
                      " AND CASE WHEN i.remove_words = '' THEN m.message_id ELSE i.remove_words END = ? LIMIT 1",
                      "is", folder, message_id)
      || intent == 0)
    return intent == 0;
  return surel_sql_run (txn->sql, error,
                        "UPDATE operation SET unknown = 0, error = '', error_text = '' WHERE id = (SELECT operation FROM intent WHERE id = ?)",
                        "i", intent)
         && surel_intents_set_state (txn, intent, SUREL_INTENT_DONE, error) && surel_sends_went (txn, intent, error);
}

/**
 * surel_sends_find:
 * @folder: where a message with @message_id is new
 * @match: (out): the one that was sent from here, and is it; 0 for none. A person may have put it elsewhere since.
 */
gboolean
surel_sends_find (SurelTxn *txn, gint64 folder, const char *message_id, gint64 *match, GError **error)
{
  return message_id == NULL || message_id[0] == '\0'
         || (end_doubt (txn, folder, message_id, error)
             && surel_sql_get (txn->sql, match, error,
                           "SELECT m.id FROM folder f CROSS JOIN folder g ON g.account = f.account CROSS JOIN placement p ON p.folder = g.id "
                           "CROSS JOIN message m ON m.id = p.message WHERE f.id = ? AND coalesce(f.role_set, f.role) = 'sent' AND p.epoch = ? "
                           "AND m.message_id = ? AND EXISTS (SELECT 1 FROM intent i WHERE i.message = m.id AND " SUREL_INTENT_STAYS
                           ") AND (g.id = f.id OR EXISTS (SELECT 1 FROM intent e WHERE e.message = m.id AND e.kind = 7 AND e.state = 2)) LIMIT 1",
                           "iis", folder, SUREL_EPOCH_HERE, message_id));
}

/* Its bytes are the server's from now on, which may have another header. */
static gboolean
forget_bytes (SurelTxn *txn, gint64 message, GError **error)
{
  return surel_sql_run (txn->sql, error,
                        "UPDATE content SET count = count - 1 WHERE id = (SELECT content FROM message WHERE id = ?)", "i", message)
         && surel_sql_run (txn->sql, error, "UPDATE message SET content = NULL WHERE id = ?", "i", message);
}

/* What a person did with it before its copy was in @folder, and is to be done there, too. */
static gboolean
find_deeds (SurelTxn *txn, gint64 folder, gint64 message, const SurelMessage *copy, SurelPatch *deeds, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  gint64 where = 0;

  if (surel_message_row_load (txn, message, &row, error) <= 0
      || !surel_sql_get (txn->sql, &where, error, "SELECT folder FROM placement WHERE message = ? AND epoch = ?", "ii", message,
                         SUREL_EPOCH_HERE))
    return FALSE;
  g_array_append_val (deeds->ids, message);
  deeds->client = g_strdup ("");
  deeds->add_flags = row.flags & ~copy->flags & ~(guint) SUREL_KEYWORD_SEEN;
  deeds->add_words = surel_keywords_combine (row.keywords, NULL, copy->keywords);
  deeds->move_to = where != folder ? where : 0;
  return TRUE;
}

/**
 * surel_sends_found:
 * @folder: Sent
 * @message: what was sent from here
 * @copy: what the server has in Sent
 * @deeds: gets what is to be done with it there: see surel_sends_do_again()
 *
 * The message is that one from now on; where it is there is for the caller to say.
 */
gboolean
surel_sends_found (
    SurelTxn *txn, gint64 folder, gint64 message, const SurelMessage *copy, SurelPatch *deeds, GError **error)
{
  gint64 size = 0;

  return surel_sql_get (txn->sql, &size, error, "SELECT size FROM message WHERE id = ?", "i", message)
         && find_deeds (txn, folder, message, copy, deeds, error)
         && ((guint64) size == copy->size || forget_bytes (txn, message, error))
         && surel_message_row_put_text (txn, message, copy, error)
         && surel_sql_run (txn->sql, error, "DELETE FROM intent AS i WHERE i.message = ? AND " SUREL_INTENT_STAYS, "i", message);
}

/**
 * surel_sends_do_again:
 * @deeds: from surel_sends_found(), once it is known where the copy is
 */
gboolean
surel_sends_do_again (SurelTxn *txn, const SurelPatch *deeds, GError **error)
{
  g_autoptr (SurelModified) result = surel_modified_new ();

  return (deeds->add_flags == 0 && (deeds->add_words == NULL || deeds->add_words[0] == '\0') && deeds->move_to == 0)
         || surel_modify (txn, deeds, 0, 1, result, error);
}

/* --- In doubt --- */

/* The server's copy in Sent, if it came: it gives its place to @message. */
static gboolean
take_copy (SurelTxn *txn, gint64 message, gint64 copy, GError **error)
{
  g_auto (SurelMessageRow) row = { 0 };
  g_auto (SurelMessageRow) came = { 0 };
  g_auto (SurelRemoteId) rid = { 0 };
  gint64 folder;
  gint64 epoch;
  sqlite3_stmt *s = surel_sql_start (txn->sql, error, "SELECT folder, epoch, rid FROM placement WHERE message = ? LIMIT 1", "i", copy);

  if (s == NULL || surel_sql_step (txn->sql, s, error) <= 0)
    return FALSE;
  folder = sqlite3_column_int64 (s, 0);
  epoch = sqlite3_column_int64 (s, 1);
  rid = surel_sql_column_remote_id (s, 2);
  sqlite3_reset (s);
  return surel_message_row_load (txn, copy, &came, error) > 0 && forget_bytes (txn, message, error)
         && surel_message_row_copy_text (txn, message, copy, error) && surel_intents_destroy_message (txn, copy, error)
         && surel_sql_run (txn->sql, error, "DELETE FROM intent AS i WHERE i.message = ? AND " SUREL_INTENT_STAYS, "i", message)
         && surel_layers_arrive (txn, message, 0, folder, epoch, &rid, error) && surel_message_row_load (txn, message, &row, error) > 0
         && surel_layers_put_server_flags (txn, &row, came.flags, came.keywords, error);
}

/* One that came after the attempt, and that is nobody else's. */
static gboolean
find_copy (SurelTxn *txn, gint64 intent, gint64 message, const char *message_id, gint64 *copy, GError **error)
{
  gint64 since = 0;

  return surel_sql_get (txn->sql, &since, error, "SELECT remove_flags FROM intent WHERE id = ?", "i", intent)
         && surel_sql_get (txn->sql, copy, error,
                        "SELECT m.id FROM message n JOIN folder f ON f.account = n.account AND coalesce(f.role_set, f.role) = 'sent' CROSS "
                        "JOIN placement p ON p.folder = f.id AND p.epoch = f.epoch CROSS JOIN message m ON m.id = p.message WHERE n.id = "
                        "?1 AND m.id > max (?1, ?3) AND m.message_id = ?2 AND m.subject IS n.subject AND NOT EXISTS (SELECT 1 FROM intent i WHERE "
                        "i.message = m.id) LIMIT 1",
                        "isi", message, message_id, since);
}

static gboolean
end_unknown (SurelTxn *txn, const SurelChangeItem *item, GError **error)
{
  surel_txn_changed (txn, SUREL_FAMILY_OPERATION, (guint64) item->operation, SUREL_UPDATED);
  return surel_intents_set_state (txn, item->intent, SUREL_INTENT_FAILED, error)
         && surel_sql_run (txn->sql, error,
                           "UPDATE operation SET open = open - 1, unknown = unknown + 1, ended = ?1, error = '" SUREL_ERROR_PREFIX
                           "OutcomeUnknown', error_text = 'The connection broke while the message was being sent, and it is not in Sent: "
                           "ask somebody who was to get it; then confirm the operation, or try it again' WHERE id = ?2",
                           "ii", txn->time, item->operation);
}

/**
 * surel_sends_judge:
 * @item: a message that may have been sent; a whole list has come since
 *
 * If it is in Sent it was sent. Else it is looked for again, and in the end what became of it is unknown.
 */
gboolean
surel_sends_judge (SurelTxn *txn, const SurelChangeItem *item, GError **error)
{
  gint64 copy = 0;
  gint64 attempts = 0;

  if (!find_copy (txn, item->intent, item->message, item->message_id, &copy, error)
      || !surel_sql_get (txn->sql, &attempts, error, "SELECT attempts FROM operation WHERE id = ?", "i", item->operation))
    return FALSE;
  if (copy != 0)
    return surel_intents_set_state (txn, item->intent, SUREL_INTENT_DONE, error)
           && surel_operations_settle (txn, item->operation, 1, 0, error) && surel_sends_went (txn, item->intent, error)
           && take_copy (txn, item->message, copy, error);
  if (attempts >= LOOKS)
    return end_unknown (txn, item, error);
  return surel_operations_put_off (txn, item->operation, QUICK_LOOKS, SUREL_ERROR_PREFIX "OutcomeUnknown",
                                   "The connection broke while the message was being sent; it is looked for in Sent", error);
}

/**
 * surel_sends_confirm:
 * @operation: one whose outcome is unknown
 *
 * A person knows that it was sent.
 */
gboolean
surel_sends_confirm (SurelTxn *txn, gint64 operation, GError **error)
{
  gint64 intent = 0;

  if (!surel_sql_get (txn->sql, &intent, error, "SELECT id FROM intent WHERE operation = ? AND kind = 7 AND state = 3", "i", operation))
    return FALSE;
  return intent == 0
         || (surel_intents_set_state (txn, intent, SUREL_INTENT_DONE, error) && surel_sends_went (txn, intent, error));
}

/* --- Taken back --- */

/**
 * surel_sends_take_back:
 * @intent: to send @message, which didn't go
 *
 * It is a draft again.
 */
gboolean
surel_sends_take_back (SurelTxn *txn, gint64 intent, gint64 message, GError **error)
{
  g_autoptr (SurelModified) folders = surel_modified_new ();
  gint64 account = 0;
  gint64 drafts;
  gint64 open = 0;
  gint64 there = 0;
  gboolean alone;

  if (!surel_sql_get (txn->sql, &open, error, "SELECT 1 FROM intent i WHERE i.id = ? AND " IS_OPEN_SEND, "i", intent)
      || (open && !surel_intents_drop_one (txn, intent, error)) || !surel_intents_lives_here (txn, message, &alone, error)
      || !surel_sql_get (txn->sql, &there, error, "SELECT 1 FROM placement WHERE message = ? AND epoch < ? LIMIT 1", "ii", message,
                         SUREL_EPOCH_HERE)
      || !surel_sql_get (txn->sql, &account, error, "SELECT account FROM message WHERE id = ?", "i", message))
    return FALSE;
  if (there && !alone)
    return surel_layers_replay_place (txn, message, error);
  /* Also one whose place on the server is gone. */
  drafts = folder_of_role (txn, account, "drafts", "", folders, error);
  return drafts != 0 && surel_intents_keep_here (txn, account, message, drafts, error);
}
