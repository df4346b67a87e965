/* What a person does to messages, accepted: intents are written, earlier ones that they replace are dropped, and
 * what clients see is made anew; all in one transaction. Nothing here waits for a server. */
#include "store/modify.h"

#include <string.h>

#include "base/errors.h"
#include "base/folder.h"
#include "store/accounts.h"
#include "store/folder-roles.h"
#include "store/intents.h"
#include "store/layers.h"
#include "store/log.h"
#include "store/operations.h"
#include "store/search.h"
#include "store/sends.h"
#include "store/sent.h"
#include "store/threads.h"

SurelPatch *
surel_patch_new (void)
{
  SurelPatch *self = g_new0 (SurelPatch, 1);

  self->ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->add_folders = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->remove_folders = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->paths = g_array_new (FALSE, FALSE, sizeof (SurelFolderPath));
  return self;
}

void
surel_patch_free (SurelPatch *self)
{
  g_array_unref (self->ids);
  g_free (self->add_words);
  g_free (self->remove_words);
  g_free (self->move_to_role);
  g_array_unref (self->add_folders);
  g_array_unref (self->remove_folders);
  g_array_unref (self->paths);
  g_free (self->client);
  g_free (self);
}

SurelModified *
surel_modified_new (void)
{
  SurelModified *self = g_new0 (SurelModified, 1);

  self->not_found = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->copies = g_array_new (FALSE, FALSE, sizeof (SurelCopied));
  self->accounts = g_array_new (FALSE, FALSE, sizeof (gint64));
  return self;
}

void
surel_modified_free (SurelModified *self)
{
  g_array_unref (self->not_found);
  g_array_unref (self->copies);
  g_array_unref (self->accounts);
  g_free (self);
}

typedef struct
{
  SurelTxn *txn;
  const SurelPatch *patch;
  SurelModified *result;
  GHashTable *folders; /* folder id → its account, of the folders the patch names */
  GHashTable *roles; /* account id → its folder of the role */
  gboolean any_sent; /* any message is on its way out, or may have gone */
} Work;

static gboolean
fail (GError **error, SurelError code, const char *message)
{
  g_set_error_literal (error, SUREL_ERROR, (gint) code, message);
  return FALSE;
}

/* --- Folders --- */

static gboolean
fail_outbox (GError **error)
{
  return fail (error, SUREL_ERROR_NOT_SUPPORTED, "What is to go into the outbox is to be sent: use Send or SendDraft");
}

static gboolean
account_of (Work *work, gint64 folder, gint64 *account, GError **error)
{
  gpointer known = g_hash_table_lookup (work->folders, (gpointer) (guintptr) folder);
  gint64 selectable = 0;
  gint64 outbox = 0;

  *account = (gint64) (guintptr) known;
  if (known != NULL)
    return TRUE;
  if (!surel_sql_get (work->txn->sql, account, error,
                      "SELECT f.account FROM folder f JOIN account a ON a.id = f.account WHERE f.id = ? AND NOT f.removing "
                      "AND NOT f.deleting AND NOT a.removing",
                      "i", folder)
      || !surel_sql_get (work->txn->sql, &selectable, error, "SELECT selectable FROM folder WHERE id = ?", "i", folder)
      || !surel_sql_get (work->txn->sql, &outbox, error, "SELECT 1 FROM folder WHERE id = ? AND role = 'outbox'", "i", folder))
    return FALSE;
  if (*account == 0)
    return fail (error, SUREL_ERROR_NOT_FOUND, "There is no such folder (any more)");
  if (!selectable)
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT, "That folder holds other folders alone, and no messages");
  if (outbox)
    return fail_outbox (error);
  g_hash_table_insert (work->folders, (gpointer) (guintptr) folder, (gpointer) (guintptr) *account);
  return TRUE;
}

/* The folder of @account that has @role; 0 for none. Where folders are labels and none is the archive, the one that has
 * all is: what is moved there has lost the label of where it was, and is archived. */
static gboolean
find_role (SurelTxn *txn, gint64 account, const char *role, gint64 *folder, GError **error)
{
  return surel_folder_find_role (txn, account, role, folder, error)
         && (*folder != 0 || !g_str_equal (role, "archive")
             || surel_sql_get (txn->sql, folder, error,
                               "SELECT f.id FROM folder f JOIN account a ON a.id = f.account WHERE a.id = ? AND ' ' || "
                               "a.capabilities || ' ' LIKE '% labels %' AND coalesce(f.role_set, f.role) = 'all' AND "
                               "f.selectable AND NOT f.removing AND NOT f.deleting",
                               "i", account));
}

static gboolean
has_folder (const GArray *folders, gint64 folder)
{
  for (guint i = 0; i < folders->len; i++)
    if (g_array_index (folders, gint64, i) == folder)
      return TRUE;
  return FALSE;
}

static gboolean
says_where_to (const SurelPatch *patch)
{
  return patch->move_to != 0 || patch->move_to_role != NULL;
}

/* The folder of @account that a message which is in @shown is to be moved to; 0 for none. One that leaves the folder it is
 * in is moved to the first of those that it is to be in, too. */
static gboolean
target_of (Work *work, gint64 account, gint64 shown, gint64 *target, GError **error)
{
  const SurelPatch *patch = work->patch;
  gpointer known;
  gint64 other;

  *target = patch->move_to;
  if (!says_where_to (patch) && has_folder (patch->remove_folders, shown))
    *target = g_array_index (patch->add_folders, gint64, 0);
  if (*target != 0)
    return account_of (work, *target, &other, error);
  if (patch->move_to_role == NULL)
    return TRUE;
  known = g_hash_table_lookup (work->roles, (gpointer) (guintptr) account);
  *target = (gint64) (guintptr) known;
  if (known != NULL)
    return TRUE;
  if (!find_role (work->txn, account, work->patch->move_to_role, target, error))
    return FALSE;
  if (*target == 0
      && (*target = surel_folder_of_role (work->txn, account, work->patch->move_to_role, work->patch->client, work->result, error)) != 0
      && !surel_operations_name (work->txn, work->result->operation, "modify", error))
    return FALSE;
  if (*target == 0)
    return FALSE;
  g_hash_table_insert (work->roles, (gpointer) (guintptr) account, (gpointer) (guintptr) *target);
  return TRUE;
}

/* --- Intents --- */

static gint64
add_intent (Work *work, gint64 account, gint64 message, SurelChangeKind kind, gint64 source, gint64 target,
            GError **error)
{
  SurelModified *result = work->result;
  gboolean known = FALSE;

  if (result->operation == 0)
    result->operation = surel_operations_add (work->txn, work->patch->kind != NULL ? work->patch->kind : "modify", work->patch->client != NULL ? work->patch->client : "",
                                              error);
  if (result->operation == 0)
    return 0;
  for (guint i = 0; i < result->accounts->len; i++)
    known = known || g_array_index (result->accounts, gint64, i) == account;
  if (!known)
    g_array_append_val (result->accounts, account);
  return surel_intents_add (work->txn, result->operation, account, message, kind, source, target, error);
}

/* Where the message is shown; 0 where nowhere. */
static gboolean
find_shown (SurelTxn *txn, gint64 message, gint64 *folder, GError **error)
{
  *folder = 0;
  return surel_sql_get (txn->sql, folder, error, "SELECT folder FROM placement WHERE message = ? AND NOT leaving LIMIT 1",
                        "i", message);
}

/* Where the server has it, or will have it once what was sent is done; 0 where nowhere. */
static gboolean
find_on_server (SurelTxn *txn, gint64 message, gint64 *folder, GError **error)
{
  *folder = 0;
  return surel_sql_get (txn->sql, folder, error,
                        "SELECT target FROM intent WHERE message = ? AND state < 2 AND kind IN (2, 4, 5, 6) ORDER BY id DESC "
                        "LIMIT 1",
                        "i", message)
         && (*folder != 0
             || surel_sql_get (txn->sql, folder, error,
                               "SELECT folder FROM placement WHERE message = ? AND epoch < ? LIMIT 1", "ii", message,
                               SUREL_EPOCH_HERE));
}

/* Whether no server has the message, and none is about to get it, as it refused it. */
static gboolean
is_refused (SurelTxn *txn, gint64 message, gboolean *refused, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (txn->sql, &found, error,
                      "SELECT 1 FROM intent r WHERE r.message = ?1 AND r.state = 3 AND r.kind = 5 AND NOT EXISTS (SELECT 1 FROM "
                      "intent i WHERE i.message = ?1 AND i.state < 2) AND NOT EXISTS (SELECT 1 FROM placement p WHERE "
                      "p.message = ?1 AND p.epoch < ?2)",
                      "ii", message, SUREL_EPOCH_HERE))
    return FALSE;
  *refused = found != 0;
  return TRUE;
}

/* A draft as it was saved last may have been refused, and the server have an older version: that isn't what is to be copied. */
static gboolean
check_version_is_there (SurelTxn *txn, gint64 message, GError **error)
{
  gint64 refused = 0;

  if (!surel_sql_get (txn->sql, &refused, error,
                      "SELECT 1 FROM intent r WHERE r.message = ?1 AND r.kind = 6 AND r.state = 3 AND NOT EXISTS (SELECT 1 FROM intent i WHERE "
                      "i.message = ?1 AND i.kind = 6 AND i.id > r.id AND i.state < 3)",
                      "i", message))
    return FALSE;
  return !refused
         || fail (error, SUREL_ERROR_CONFLICT, "The server has refused this version of the draft: it could copy an older one alone; retry that first");
}

/* @why: where it isn't for the server's want of a place. */
static gboolean
fail_refused (SurelTxn *txn, gint64 message, const char *why, GError **error)
{
  gboolean stays;

  if (!surel_intents_lives_here (txn, message, &stays, error))
    return FALSE;
  if (stays)
    return fail (error, SUREL_ERROR_NOT_SUPPORTED,
                 "This message lives here alone, as its server has no place for it: it can't be copied, or moved to another account");
  return fail (error, SUREL_ERROR_CONFLICT, why);
}

/* --- Keywords --- */

/* What earlier intents that wait want of the same keywords is replaced, and what is shown is what would be without. */
static gboolean
narrow_earlier (Work *work, gint64 message, const SurelPatch *patch, GError **error)
{
  SurelTxn *txn = work->txn;
  guint flags = patch->add_flags | patch->remove_flags;
  g_autofree char *words = surel_keywords_combine (patch->add_words, patch->remove_words, NULL);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  sqlite3_stmt *s = surel_sql_start (
      txn->sql, error,
      "SELECT id FROM intent WHERE message = ? AND state < 2 AND state = 0 AND kind = 1", "i", message);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (txn->sql, s, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);

      g_array_append_val (ids, id);
    }
  if (result < 0)
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    {
      gint64 id = g_array_index (ids, gint64, i);
      g_autofree char *add = NULL;
      g_autofree char *remove = NULL;
      guint add_flags;
      guint remove_flags;
      gint64 operation;

      s = surel_sql_start (txn->sql, error,
                           "SELECT operation, add_flags, remove_flags, add_words, remove_words FROM intent WHERE id = ?", "i",
                           id);
      if (s == NULL || surel_sql_step (txn->sql, s, error) <= 0)
        return FALSE;
      operation = sqlite3_column_int64 (s, 0);
      add_flags = (guint) sqlite3_column_int64 (s, 1) & ~flags;
      remove_flags = (guint) sqlite3_column_int64 (s, 2) & ~flags;
      add = surel_keywords_combine ((const char *) sqlite3_column_text (s, 3), NULL, words);
      remove = surel_keywords_combine ((const char *) sqlite3_column_text (s, 4), NULL, words);
      sqlite3_reset (s);
      if (!surel_sql_run (txn->sql, error,
                          "UPDATE intent SET add_flags = ?, remove_flags = ?, add_words = ?, remove_words = ? WHERE id = ?",
                          "iissi", (gint64) add_flags, (gint64) remove_flags, add != NULL ? add : "",
                          remove != NULL ? remove : "", id))
        return FALSE;
      if (add_flags == 0 && remove_flags == 0 && add == NULL && remove == NULL
          && (!surel_sql_run (txn->sql, error, "UPDATE intent SET state = 4 WHERE id = ?", "i", id)
              || !surel_operations_settle (txn, operation, 1, 0, error)))
        return FALSE;
    }
  return ids->len == 0 || surel_layers_replay_flags (txn, message, error);
}

/* Whether it is a copy that isn't made yet: what it has then isn't known, for what waits for the original comes first. */
static gboolean
is_yet_to_be_copied (SurelTxn *txn, gint64 message, gboolean *unmade, GError **error)
{
  gint64 found = 0;

  if (!surel_sql_get (txn->sql, &found, error, "SELECT 1 FROM intent WHERE message = ? AND state < 2 AND kind = 4", "i", message))
    return FALSE;
  *unmade = found != 0;
  return TRUE;
}

/* Of @words those that are, or aren't, among @set. */
static char *
select_words (const char *words, const char *set, gboolean in)
{
  g_autofree char *outside = surel_keywords_combine (words, NULL, set);

  return in ? surel_keywords_combine (words, NULL, outside) : g_steal_pointer (&outside);
}

static gboolean
change_keywords (Work *work, const SurelMessageRow *before, gboolean *changed, GError **error)
{
  const SurelPatch *patch = work->patch;
  SurelTxn *txn = work->txn;
  g_auto (SurelMessageRow) row = { 0 };
  g_autofree char *wanted = surel_keywords_combine (before->keywords, patch->add_words, patch->remove_words);
  g_autofree char *add_words = NULL;
  g_autofree char *remove_words = NULL;
  guint flags = (before->flags & ~patch->remove_flags) | patch->add_flags;
  guint add_flags;
  guint remove_flags;
  gboolean refused;
  gboolean unmade;
  gint64 intent;

  if (flags == before->flags && g_strcmp0 (wanted, before->keywords) == 0)
    return TRUE;
  *changed = TRUE;
  if (!narrow_earlier (work, before->id, patch, error)
      || !surel_layers_forget_here (txn, before->id, patch->remove_flags, patch->remove_words, error)
      || surel_message_row_load (txn, before->id, &row, error) <= 0)
    return FALSE;
  if (!is_yet_to_be_copied (txn, before->id, &unmade, error))
    return FALSE;
  add_flags = patch->add_flags & ~(unmade ? 0 : row.flags);
  remove_flags = patch->remove_flags & (unmade ? patch->remove_flags : row.flags);
  add_words = unmade ? g_strdup (patch->add_words) : select_words (patch->add_words, row.keywords, FALSE);
  remove_words = unmade ? g_strdup (patch->remove_words) : select_words (patch->remove_words, row.keywords, TRUE);
  if (add_flags == 0 && remove_flags == 0 && add_words == NULL && remove_words == NULL)
    return TRUE; /* the server has it so already */
  if (!is_refused (txn, before->id, &refused, error))
    return FALSE;
  if (refused)
    return surel_layers_take_effect (txn, before->id, add_flags, remove_flags, add_words, remove_words, error);
  intent = add_intent (work, row.account, row.id, SUREL_CHANGE_KEYWORDS, 0, 0, error);
  return intent != 0
         && surel_sql_run (txn->sql, error,
                           "UPDATE intent SET add_flags = ?, remove_flags = ?, add_words = ?, remove_words = ? WHERE id = ?",
                           "iissi", (gint64) add_flags, (gint64) remove_flags, add_words != NULL ? add_words : "",
                           remove_words != NULL ? remove_words : "", intent)
         && surel_layers_replay_flags (txn, row.id, error);
}

/* --- Places --- */

#define OF_MAIL                                                                                          \
  "size, received, sent, subject, from_, sender, reply_to, to_, cc, bcc, message_id, in_reply_to, refs, preview, "       \
  "identity, has_attachment, extra, content, flags, keywords"
#define COPIED OF_MAIL ", thread, email_id, server_flags, server_keywords, local_flags, local_keywords"
#define SENT OF_MAIL /* what is known of it where it was is nothing to another server */

/* A message for another account, which is to be put there. Its octets are brought where they aren't here: see
 * store/transfers.c. What is shown of it now is what its server is told. */
static gboolean
send_to (Work *work, const SurelMessageRow *row, gint64 account, gint64 folder, GError **error)
{
  SurelTxn *txn = work->txn;
  SurelCopied copied = { account, row->id, folder, 0 };
  gint64 doc;

  if (!surel_accounts_need (txn, account, "append", error) || !check_version_is_there (txn, row->id, error))
    return FALSE;
  copied.copy = surel_txn_new_id (txn, error);
  doc = surel_message_row_doc_of_copy (row->doc, copied.copy);
  g_array_append_val (work->result->copies, copied);
  return copied.copy != 0
         && surel_sql_run (txn->sql, error,
                           "INSERT INTO message (id, account, doc, shown, announced, " SENT ") SELECT ?1, ?2, ?3, 0, 0, " SENT
                           " FROM message WHERE id = ?4",
                           "iiii", copied.copy, account, doc, row->id)
         && surel_sql_run (txn->sql, error,
                           "UPDATE content SET count = count + 1 WHERE id = (SELECT content FROM message WHERE id = ?)", "i",
                           copied.copy)
         && surel_search_note_copy (txn, copied.copy, error) && surel_threads_follow (txn, copied.copy, error)
         && surel_message_row_put_keywords (txn, copied.copy, doc, row->keywords, error)
         && add_intent (work, account, copied.copy, SUREL_CHANGE_APPEND, row->id, folder, error) != 0
         && surel_layers_replay_place (txn, copied.copy, error);
}

/* Put there first, and taken away here once it is: an intent on a message waits for those that have it as source. From where
 * nothing may be taken away it isn't begun: it would be in both. */
static gboolean
move_away (Work *work, const SurelMessageRow *row, gint64 shown, gint64 account, gint64 folder, GError **error)
{
  gint64 stays = 0;

  if (!surel_sql_get (work->txn->sql, &stays, error, "SELECT (rights & ?) = 0 FROM folder WHERE id = ?", "ii",
                      (gint64) SUREL_RIGHT_REMOVE_ITEMS, shown))
    return FALSE;
  if (stays)
    return fail (error, SUREL_ERROR_PERMISSION_DENIED, "The server lets nothing be taken out of the folder that a message is in");
  return send_to (work, row, account, folder, error)
         && add_intent (work, row->account, row->id, SUREL_CHANGE_DESTROY, 0, 0, error) != 0
         && surel_layers_replay_place (work->txn, row->id, error);
}

static gboolean
move (Work *work, const SurelMessageRow *row, gboolean *changed, GError **error)
{
  SurelTxn *txn = work->txn;
  gint64 account = row->account;
  gboolean refused;
  gboolean stays = FALSE;
  gint64 target;
  gint64 shown;
  gint64 on_server;

  if (!find_shown (txn, row->id, &shown, error) || !target_of (work, row->account, shown, &target, error))
    return FALSE;
  if (target == 0 || shown == target || (work->patch->from != 0 && work->patch->from != shown))
    return TRUE;
  *changed = TRUE;
  if (!is_refused (txn, row->id, &refused, error)
      || (refused && !surel_intents_lives_here (txn, row->id, &stays, error))
      || (work->patch->move_to_role == NULL && !account_of (work, target, &account, error)))
    return FALSE;
  if (stays && account == row->account)
    return surel_layers_put_here (txn, row->id, target, error);
  if (refused)
    return fail_refused (txn, row->id, "The server has refused this message; retry that, or put it into another folder anew and destroy this one", error);
  if (account != row->account)
    return move_away (work, row, shown, account, target, error);
  return surel_intents_drop_moves (txn, row->id, error) && find_on_server (txn, row->id, &on_server, error)
         && (on_server == target
             || add_intent (work, row->account, row->id, SUREL_CHANGE_MOVE, shown, target, error) != 0)
         && surel_layers_replay_place (txn, row->id, error);
}

/* What was to be done with it before is done before: it may be kept after all. One that no server has heard of isn't put there
 * any more: see surel_intents_forget_unsent(). */
static gboolean
destroy (Work *work, const SurelMessageRow *row, gboolean *changed, GError **error)
{
  SurelTxn *txn = work->txn;
  gboolean refused;
  gboolean hidden;
  gint64 shown;

  if (!find_shown (txn, row->id, &shown, error))
    return FALSE;
  if (work->patch->from != 0 && work->patch->from != shown)
    return TRUE;
  *changed = TRUE;
  if (!is_refused (txn, row->id, &refused, error))
    return FALSE;
  if (refused)
    return surel_sent_hide (txn, row->id, &hidden, error) && (hidden || surel_intents_forget (txn, row->id, error));
  return add_intent (work, row->account, row->id, SUREL_CHANGE_DESTROY, work->patch->from, 0, error) != 0
         && surel_layers_replay_place (txn, row->id, error);
}

/* What is to be done with the keywords of the one that is copied is to be done with the copy's. */
static gboolean
copy_keywords (Work *work, gint64 account, gint64 source, gint64 copy, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  sqlite3_stmt *s
      = surel_sql_start (work->txn->sql, error,
                         "SELECT id FROM intent WHERE message = ? AND state < 2 AND kind = 1 ORDER BY id", "i", source);
  int result = -1;

  while (s != NULL && (result = surel_sql_step (work->txn->sql, s, error)) > 0)
    {
      gint64 id = sqlite3_column_int64 (s, 0);

      g_array_append_val (ids, id);
    }
  for (guint i = 0; result == 0 && i < ids->len; i++)
    {
      gint64 intent = add_intent (work, account, copy, SUREL_CHANGE_KEYWORDS, 0, 0, error);

      if (intent == 0
          || !surel_sql_run (work->txn->sql, error,
                             "UPDATE intent SET (add_flags, remove_flags, add_words, remove_words) = (SELECT add_flags, "
                             "remove_flags, add_words, remove_words FROM intent WHERE id = ?) WHERE id = ?",
                             "ii", g_array_index (ids, gint64, i), intent))
        return FALSE;
    }
  return result == 0;
}

static gboolean
copy (Work *work, const SurelMessageRow *row, gint64 folder, gboolean leaves, gboolean *changed, GError **error)
{
  SurelTxn *txn = work->txn;
  SurelCopied copied = { row->account, row->id, folder, 0 };
  gint64 account;
  gint64 there = 0;
  gboolean refused;

  if (!account_of (work, folder, &account, error)
      || !surel_sql_get (txn->sql, &there, error, "SELECT 1 FROM placement WHERE message = ? AND folder = ? AND NOT leaving",
                         "ii", row->id, folder))
    return FALSE;
  if (there && !leaves)
    return TRUE;
  if (!is_refused (txn, row->id, &refused, error))
    return FALSE;
  if (refused && there)
    return TRUE;
  if (refused)
    return fail_refused (txn, row->id, "The server has refused this message: there is nothing that could be copied there; retry that first", error);
  *changed = TRUE;
  if (account != row->account)
    return send_to (work, row, account, folder, error);
  if (!surel_accounts_need (txn, account, "append", error) || !check_version_is_there (txn, row->id, error))
    return FALSE;
  copied.copy = surel_txn_new_id (txn, error);
  g_array_append_val (work->result->copies, copied);
  return copied.copy != 0
         && surel_sql_run (txn->sql, error,
                           "INSERT INTO message (id, account, doc, shown, announced, " COPIED ") SELECT ?1, account, ?2, 0, 0, "
                           COPIED " FROM message WHERE id = ?3",
                           "iii", copied.copy, surel_message_row_doc_of_copy (row->doc, copied.copy), row->id)
         && surel_sql_run (txn->sql, error,
                           "UPDATE content SET count = count + 1 WHERE id = (SELECT content FROM message WHERE id = ?)", "i",
                           copied.copy)
         && surel_search_note_copy (txn, copied.copy, error) && surel_message_row_put_keywords (txn, copied.copy, surel_message_row_doc_of_copy (row->doc, copied.copy),
                                            row->keywords, error)
         && add_intent (work, account, copied.copy, SUREL_CHANGE_COPY, row->id, folder, error) != 0
         && copy_keywords (work, account, row->id, copied.copy, error)
         && surel_layers_replay_place (txn, copied.copy, error);
}

/* Into the folders that it is to be in, too; but the one that it is moved to. */
static gboolean
copy_to_all (Work *work, const SurelMessageRow *row, gboolean *changed, GError **error)
{
  const SurelPatch *patch = work->patch;
  gint64 shown = 0;
  gint64 target = 0;

  if (patch->add_folders->len == 0)
    return TRUE;
  if (!find_shown (work->txn, row->id, &shown, error)
      || ((patch->from == 0 || patch->from == shown) && !target_of (work, row->account, shown, &target, error)))
    return FALSE;
  for (guint i = 0; i < patch->add_folders->len; i++)
    {
      gint64 folder = g_array_index (patch->add_folders, gint64, i);

      if (folder != target && !copy (work, row, folder, target != 0 && folder == shown, changed, error))
        return FALSE;
    }
  return TRUE;
}

/* --- All of it --- */

static gboolean
modify_one (Work *work, gint64 id, GError **error)
{
  const SurelPatch *patch = work->patch;
  g_autoptr (GError) own = NULL;
  g_auto (SurelMessageRow) row = { 0 };
  gboolean changed = FALSE;
  int found = surel_message_row_load (work->txn, id, &row, error);

  if (found < 0)
    return FALSE;
  if (found == 0 || !row.shown)
    {
      guint64 missing = (guint64) id;

      g_array_append_val (work->result->not_found, missing);
      return TRUE;
    }
  if (work->any_sent && !surel_sends_check_not_open (work->txn, id, &own))
    {
      if (patch->spares_sent && g_error_matches (own, SUREL_ERROR, SUREL_ERROR_CONFLICT))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  work->txn->rows++;
  if (patch->destroy)
    {
      if (!destroy (work, &row, &changed, error))
        return FALSE;
    }
  else if (!copy_to_all (work, &row, &changed, error) || !change_keywords (work, &row, &changed, error)
           || !move (work, &row, &changed, error))
    return FALSE;
  work->result->changed += changed ? 1 : 0;
  return TRUE;
}

/* Whether any of the messages changed since. */
static gboolean
check_state (Work *work, guint first, GError **error)
{
  g_autoptr (SurelChanges) changes = surel_changes_new ();
  gint64 known = 0;

  if (work->patch->if_state == 0 || first > 0)
    return TRUE; /* or it was so when it was begun */
  if (!surel_log_read_since (work->txn->sql, work->patch->if_state, changes, &known, error))
    return FALSE;
  for (guint i = 0; known && i < work->patch->ids->len; i++)
    {
      guint64 id = (guint64) g_array_index (work->patch->ids, gint64, i);

      known = !surel_changes_has (changes, SUREL_FAMILY_MESSAGE, id)
              && !surel_changes_has (work->txn->before, SUREL_FAMILY_MESSAGE, id);
    }
  return known || fail (error, SUREL_ERROR_STATE_MISMATCH, "One of the messages has changed since that state");
}

/* Under the path of another account there is no such folder. */
static gboolean
check_paths (Work *work, GError **error)
{
  for (guint i = 0; i < work->patch->paths->len; i++)
    {
      const SurelFolderPath *path = &g_array_index (work->patch->paths, SurelFolderPath, i);
      gint64 there = 0;

      if (!surel_sql_get (work->txn->sql, &there, error, "SELECT 1 FROM folder WHERE id = ? AND account = ?", "ii", path->folder,
                          path->account))
        return FALSE;
      if (!there)
        return fail (error, SUREL_ERROR_NOT_FOUND, "There is no such folder (any more)");
    }
  return TRUE;
}

static gboolean
check_folders (Work *work, GError **error)
{
  const SurelPatch *patch = work->patch;
  gint64 account;

  if (g_strcmp0 (patch->move_to_role, "outbox") == 0)
    return fail_outbox (error);
  if (patch->move_to != 0 && !account_of (work, patch->move_to, &account, error))
    return FALSE;
  for (guint i = 0; i < patch->add_folders->len; i++)
    if (!account_of (work, g_array_index (patch->add_folders, gint64, i), &account, error))
      return FALSE;
  if (patch->remove_folders->len > 0 && patch->add_folders->len == 0 && !says_where_to (patch))
    return fail (error, SUREL_ERROR_INVALID_ARGUMENT,
                 "`removeFolders` would leave the messages nowhere: their server keeps each in one folder; say where they go, or "
                 "destroy them");
  for (guint i = 0; i < patch->remove_folders->len; i++)
    if (!account_of (work, g_array_index (patch->remove_folders, gint64, i), &account, error))
      return FALSE;
  return TRUE;
}

/**
 * surel_modify:
 * @patch: checked as far as that can be done without the store
 * @first: the first of its messages to be changed
 * @count: how many: %SUREL_MODIFY_MAX at most, copies counted
 * @result: (inout): what was done; added to what was done before, in the same operation
 *
 * Does what @patch says with these messages, or nothing. Messages that are gone are passed over.
 *
 * Returns: %FALSE with %SUREL_ERROR_NOT_FOUND (a folder), %SUREL_ERROR_STATE_MISMATCH,
 *   %SUREL_ERROR_LIMIT_EXCEEDED, %SUREL_ERROR_INVALID_ARGUMENT or %SUREL_ERROR_NOT_SUPPORTED; also with
 *   %SUREL_ERROR_CANCELLED where @patch was but to be tried: @result is right then
 */
gboolean
surel_modify (SurelTxn *txn,
              const SurelPatch *patch,
              guint first,
              guint count,
              SurelModified *result,
              GError **error)
{
  g_autoptr (GHashTable) folders = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) roles = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  Work work = { txn, patch, result, folders, roles, FALSE };

  if ((guint64) count * (1 + patch->add_folders->len) > SUREL_MODIFY_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED,
                   "At most %d messages can be changed at once, their copies counted; make several calls", SUREL_MODIFY_MAX);
      return FALSE;
    }
  if (!check_paths (&work, error) || !check_folders (&work, error) || !check_state (&work, first, error) || !surel_sends_are_any (txn, &work.any_sent, error))
    return FALSE;
  for (guint i = first; i < MIN (first + count, patch->ids->len); i++)
    {
      gint64 id = g_array_index (patch->ids, gint64, i);

      if (g_hash_table_add (seen, (gpointer) (guintptr) id) && !modify_one (&work, id, error))
        return FALSE;
    }
  if (!patch->dry_run)
    return TRUE;
  result->operation = 0;
  return fail (error, SUREL_ERROR_CANCELLED, "It was but to be tried");
}
