/* The database's tables. Layers of truth: `server_*` columns hold what the server last said; the
 * plain ones what clients see, which is the same with the pending operations and the local state
 * laid on it (NULL in `server_*` stands for "the same"). */
#include "store/schema.h"

#include "base/errors.h"

/* Entry N brings user_version from N to N + 1, in its own transaction; never edited once released. */
static const char *const migrations[] = {
  /* Store, clean end, what is reserved of states and ids: key, value. */
  "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"

  /* The commit log: a row a commit, `changes` as store/changes.c writes them. */
  "CREATE TABLE log (state INTEGER PRIMARY KEY, time INTEGER NOT NULL, changes BLOB NOT NULL) STRICT;"

  /* `settings` is the text form of a GVariant a{sv}, without secrets; `secret` under what name those are
   * kept elsewhere. `removing`: its rows are being
   * deleted, in as many commits as that takes; it is no longer shown. */
  "CREATE TABLE account (id INTEGER PRIMARY KEY, settings TEXT NOT NULL, secret TEXT NOT NULL,"
  " capabilities TEXT NOT NULL DEFAULT '', removing INTEGER NOT NULL DEFAULT 0,"
  " last_sync INTEGER NOT NULL DEFAULT 0) STRICT;"

  /* `remote_id`: the scope's name on the wire. `role` is the server's word, `role_set` the user's.
   * `token`: what the remote closed its last batch with, opaque here. `listed`: its first listing is
   * done. `epoch` counts the changes of UIDVALIDITY. */
  "CREATE TABLE folder (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account(id),"
  " parent INTEGER, remote_id TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,"
  " namespace INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',"
  " role TEXT NOT NULL DEFAULT '', role_set TEXT, rights INTEGER NOT NULL DEFAULT 0,"
  " subscribed INTEGER NOT NULL DEFAULT 0, selectable INTEGER NOT NULL DEFAULT 1,"
  " watch INTEGER NOT NULL DEFAULT 0, removing INTEGER NOT NULL DEFAULT 0,"
  " total INTEGER NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0, server_messages INTEGER NOT NULL DEFAULT 0, token BLOB,"
  " listed INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,"
  " last_sync INTEGER NOT NULL DEFAULT 0, last_proven INTEGER NOT NULL DEFAULT 0,"
  " UNIQUE (account, remote_id)) STRICT;"

  /* One wide row a message. `doc` orders by received date, newest last, ties by id (see
   * store/messages.c) and is unique. Addresses are `name NUL address NUL` …; `refs` ids with a space
   * between; `extra` header fields as they were. `held`: when it vanished from the server, with the
   * folder it was in; it is no longer shown. */
  "CREATE TABLE message (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, doc INTEGER NOT NULL,"
  " flags INTEGER NOT NULL, server_flags INTEGER, keywords TEXT, server_keywords TEXT,"
  " size INTEGER NOT NULL, received INTEGER NOT NULL, sent INTEGER NOT NULL, subject TEXT,"
  " from_ BLOB, sender BLOB, reply_to BLOB, to_ BLOB, cc BLOB, bcc BLOB, message_id TEXT,"
  " in_reply_to TEXT, refs TEXT, preview TEXT, identity INTEGER NOT NULL, email_id TEXT,"
  " has_attachment INTEGER NOT NULL, extra BLOB, content INTEGER,"
  " shown INTEGER NOT NULL, announced INTEGER NOT NULL DEFAULT 0, held INTEGER, held_in INTEGER) STRICT;"
  "CREATE INDEX message_list ON message (doc, account, flags, shown) WHERE shown;"
  "CREATE INDEX message_held ON message (account, identity, held) WHERE held IS NOT NULL;"

  /* Where a message is. `epoch` is the folder's at the time; rows of an older one await their match
   * under the new UIDs. */
  "CREATE TABLE placement (folder INTEGER NOT NULL, epoch INTEGER NOT NULL, rid ANY NOT NULL,"
  " message INTEGER NOT NULL, doc INTEGER NOT NULL, shown INTEGER NOT NULL,"
  " PRIMARY KEY (folder, epoch, rid)) STRICT, WITHOUT ROWID;"
  "CREATE INDEX placement_list ON placement (folder, doc, message, shown) WHERE shown;"
  "CREATE INDEX placement_message ON placement (message, folder);"

  /* User keywords; the common ones are bits of message.flags. */
  "CREATE TABLE keyword (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
  "CREATE TABLE message_keyword (keyword INTEGER NOT NULL, doc INTEGER NOT NULL,"
  " message INTEGER NOT NULL, PRIMARY KEY (keyword, doc, message)) STRICT, WITHOUT ROWID;"
  "CREATE INDEX message_keyword_message ON message_keyword (message);"

  /* Content is kept once a digest; `count` is how many messages have it. */
  "CREATE TABLE content (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,"
  " count INTEGER NOT NULL, last_used INTEGER NOT NULL) STRICT;"

  /* Calls that were made with a key: done once and answered the same. */
  "CREATE TABLE call_key (key TEXT PRIMARY KEY, call BLOB NOT NULL, reply BLOB NOT NULL,"
  " time INTEGER NOT NULL) STRICT, WITHOUT ROWID;",

  /* What people do, on its way to the servers. An operation is one call; its intents are what it wants of each
   * message, in the order of their ids: see store/intents.c. `open`: how many of them aren't done. `evidence`: what
   * tells later whether a step that can't be repeated was taken. */
  "CREATE TABLE operation (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, client TEXT NOT NULL,"
  " created INTEGER NOT NULL, ended INTEGER, cancelled INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL,"
  " open INTEGER NOT NULL, failed INTEGER NOT NULL DEFAULT 0, unknown INTEGER NOT NULL DEFAULT 0,"
  " attempts INTEGER NOT NULL DEFAULT 0, next_attempt INTEGER NOT NULL DEFAULT 0,"
  " error TEXT NOT NULL DEFAULT '', error_text TEXT NOT NULL DEFAULT '') STRICT;"
  "CREATE INDEX operation_ended ON operation (ended);"
  "CREATE TABLE intent (id INTEGER PRIMARY KEY, operation INTEGER NOT NULL, account INTEGER NOT NULL,"
  " message INTEGER NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
  " add_flags INTEGER NOT NULL DEFAULT 0, remove_flags INTEGER NOT NULL DEFAULT 0,"
  " add_words TEXT NOT NULL DEFAULT '', remove_words TEXT NOT NULL DEFAULT '',"
  " source INTEGER NOT NULL DEFAULT 0, target INTEGER NOT NULL DEFAULT 0, evidence TEXT,"
  " error TEXT NOT NULL DEFAULT '', error_text TEXT NOT NULL DEFAULT '') STRICT;"
  "CREATE INDEX intent_open ON intent (account, id) WHERE state < 2;"
  "CREATE INDEX intent_message ON intent (message, id);"
  "CREATE INDEX intent_source ON intent (source, id) WHERE state < 2 AND kind IN (4, 5);"
  "CREATE INDEX intent_target ON intent (target, id) WHERE state < 2;"
  "CREATE INDEX intent_operation ON intent (operation, id);"
  /* So that what is to be sent next is found at once, however much waits. */
  "CREATE INDEX intent_sent ON intent (account, id) WHERE state = 1;"
  "CREATE INDEX intent_append ON intent (account, id) WHERE state < 2 AND kind IN (5, 6);"
  "CREATE INDEX intent_folder ON intent (account, id) WHERE state < 2 AND kind >= 10;"
  "CREATE INDEX intent_of_folder ON intent (target, id) WHERE state < 2 AND kind >= 10;"

  /* `leaving`: a pending change takes the message out of there: it isn't shown there, and is there for the server
   * still. `local_*`: what the server has no place for. */
  "ALTER TABLE placement ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE message ADD COLUMN local_flags INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE message ADD COLUMN local_keywords TEXT NOT NULL DEFAULT '';"

  /* What the server says of a folder, beside what clients see. `identity` stays when another device renames it;
   * `deleting`: it is to be deleted, and out of sight. */
  "ALTER TABLE folder ADD COLUMN server_name TEXT NOT NULL DEFAULT '';"
  "ALTER TABLE folder ADD COLUMN server_parent INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE folder ADD COLUMN server_subscribed INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE folder ADD COLUMN identity TEXT NOT NULL DEFAULT '';"
  "ALTER TABLE folder ADD COLUMN deleting INTEGER NOT NULL DEFAULT 0;"
  "UPDATE folder SET server_name = name, server_parent = coalesce(parent, 0), server_subscribed = subscribed;",

  /* `reserved`: octets that no folder's name can have on the server. */
  "ALTER TABLE account ADD COLUMN reserved TEXT NOT NULL DEFAULT '';",

  /* When the message came into the folder it is in, as the server says; 0 where that isn't known. */
  "ALTER TABLE message ADD COLUMN saved INTEGER NOT NULL DEFAULT 0;",

  /* `folders_token`: what the remote closed its last list of folders with; `memory`: what else it keeps of the server
   * beyond one connection. Both are opaque here. */
  "ALTER TABLE account ADD COLUMN folders_token BLOB; ALTER TABLE account ADD COLUMN memory BLOB;",

  /* `keyword_names`: an a{ss} as text: what the server calls a user keyword, where that is another name; or empty. */
  "ALTER TABLE account ADD COLUMN keyword_names TEXT NOT NULL DEFAULT '';",

  /* `doubt`: it may have been done, and was not found where it was to be: a whole list comes before it is tried again. */
  "ALTER TABLE intent ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0;"
  "CREATE INDEX intent_doubt ON intent (account) WHERE state < 2 AND doubt;"
  "CREATE INDEX intent_send ON intent (account, id) WHERE state < 2 AND kind = 7;",

  /* `addresses`: those that the server says its mail may come from, the main one first, with spaces between them. */
  "ALTER TABLE account ADD COLUMN addresses TEXT NOT NULL DEFAULT '';",

  /* `as_of`: of a copy that took another's place, when that was to be made: what was wanted of its source since waits for
   * it. 0: its own id. */
  ("ALTER TABLE intent ADD COLUMN as_of INTEGER NOT NULL DEFAULT 0;"
   "CREATE INDEX intent_respond ON intent (account, id) WHERE state < 2 AND kind = 8;"),

  /* Of a call that takes several commits and isn't at its end (`unfinished`) `reply` is how far it has come, and here are
   * the messages that it is about: 64-bit numbers in the machine's order. */
  ("ALTER TABLE call_key ADD COLUMN unfinished INTEGER NOT NULL DEFAULT 0;"
   "CREATE TABLE call_messages (key TEXT PRIMARY KEY, messages BLOB NOT NULL) STRICT;"),

  /* The text index, without the text: store/search.c. `texted`: 0, or of which bytes the text is in it. `reindex`: what isn't in
   * it as it is now: `header`, the row itself, else the text of its bytes. */
  ("CREATE VIRTUAL TABLE search USING fts5 (subject, from_, to_, cc, bcc, body, content = '', columnsize = 0, tokenize = 'surel');"
   "ALTER TABLE message ADD COLUMN texted INTEGER NOT NULL DEFAULT 0;"
   "CREATE INDEX message_untexted ON message (account) WHERE shown AND texted = 0;"
   "CREATE TABLE reindex (message INTEGER PRIMARY KEY, header INTEGER NOT NULL) STRICT;"
   "CREATE INDEX reindex_header ON reindex (message) WHERE header;"
   /* Of a draft that was saved since: what the server has there, which is another text than the row's. */
   "ALTER TABLE placement ADD COLUMN identity INTEGER;"),

  /* Threads: store/threads.c. `thread`: the id of the one that a message is in; 0 where that isn't known yet. */
  ("ALTER TABLE message ADD COLUMN thread INTEGER NOT NULL DEFAULT 0;"
   "CREATE INDEX message_thread ON message (thread, doc);"
   "CREATE TABLE thread_key (key INTEGER PRIMARY KEY, thread INTEGER NOT NULL) STRICT;"
   "CREATE TABLE thread_join (thread INTEGER PRIMARY KEY, target INTEGER NOT NULL) STRICT;"
   "CREATE INDEX thread_join_target ON thread_join (target);"),
};

/**
 * surel_schema_bring_up:
 * @sql: a connection that may write
 *
 * Brings the database to the version this code knows.
 *
 * Returns: %FALSE with %SUREL_ERROR_FAILED where it is newer than that (it is left as it is)
 */
gboolean
surel_schema_bring_up (SurelSql *sql, GError **error)
{
  gint64 version = 0;

  if (!surel_sql_get (sql, &version, error, "PRAGMA user_version", ""))
    return FALSE;
  if (version > (gint64) G_N_ELEMENTS (migrations))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED,
                   "The mail store was written by a newer Surel (its schema is %" G_GINT64_FORMAT
                   ", this one knows %u): install that version again; nothing was changed",
                   version, (guint) G_N_ELEMENTS (migrations));
      return FALSE;
    }
  for (; version < (gint64) G_N_ELEMENTS (migrations); version++)
    {
      g_autofree char *set = g_strdup_printf ("PRAGMA user_version=%" G_GINT64_FORMAT "; COMMIT",
                                              version + 1);

      if (!surel_sql_exec (sql, "BEGIN IMMEDIATE", error)
          || !surel_sql_exec (sql, migrations[version], error) || !surel_sql_exec (sql, set, error))
        {
          surel_sql_exec (sql, "ROLLBACK", NULL);
          return FALSE;
        }
    }
  return TRUE;
}
