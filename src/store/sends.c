/* Messages that people send, once: from Drafts to the outbox to Sent, one message under one id all the way.
 *
 * The outbox is a folder that no server has. What is in it has an intent to be sent, which goes to the server in a step that
 * can't be repeated: where its answer is lost the server's copy in Sent is looked for, after a list. If it isn't there in the
 * end a person is asked: nothing is sent again by itself. What was sent is store/sent.c's. */
#include "store/sends.h"

#include <string.h>

#include "base/errors.h"
#include "base/folder.h"
#include "store/folder-layers.h"
#include "store/folder-roles.h"
#include "store/intents-private.h"
#include "store/layers.h"
#include "store/operations.h"

#define DOMAIN_MAX 255 /* octets of a host name: RFC 1035 §2.3.4 */

/* Of an intent i that waits, or was sent. */
#define IS_OPEN_SEND "i.kind = 7 AND i.state < 2"

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

/* The account's outbox, which is made where there is none; 0 with @error set. */
static gint64
outbox_of (SurelTxn *txn, gint64 account, GError **error)
{
  gint64 folder;

  if (!surel_folder_find_role (txn, account, "outbox", &folder, error))
    return 0;
  return folder != 0 ? folder : make_outbox (txn, account, error);
}

/* --- Accepted --- */

/**
 * surel_sends_are_any:
 * @any: (out): whether surel_sends_check_not_open() has to be asked of each message
 */
gboolean
surel_sends_are_any (SurelTxn *txn, gboolean *any, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (txn->sql, &found, error,
                      "SELECT EXISTS (SELECT 1 FROM intent i INDEXED BY intent_send WHERE " IS_OPEN_SEND ") OR EXISTS (SELECT 1 FROM operation "
                      "WHERE unknown > 0)",
                      ""))
    return FALSE;
  *any = found != 0;
  return TRUE;
}

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
                         "SELECT o.id FROM intent i JOIN operation o ON o.id = i.operation WHERE i.message = ? AND " SUREL_IS_UNKNOWN_SEND, "i",
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
  outbox = outbox_of (txn, account, error);
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

/* What every message has to have, the id also where it has one: far down in a header a server may not show it. */
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
  item.message_id = g_strdup (new_id[0] != '\0' ? new_id : own_id);
  item.header = make_header (item.message_id, sqlite3_column_int64 (s, 7) != 0, now);
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
  drafts = surel_folder_of_role (txn, account, "drafts", "", folders, error);
  return drafts != 0 && surel_intents_keep_here (txn, account, message, drafts, error);
}
