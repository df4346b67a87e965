/* A remote whose server is in memory (fake-server.c). A token has the number of the last thing that had happened, so what
 * happened since is what a pull tells. A remote that has failed mustn't be asked for anything more. */
#include "fake-remote.h"

#include <stdio.h>
#include <string.h>

#include "mime/mime-summary.h"

#define BATCH 50 /* messages that are put at once */
#define PIECE 1000 /* octets */

typedef struct
{
  SurelRemote parent;
  FakeServer *server; /* borrowed */
  char *password;
  gboolean open;
  gboolean ended; /* it is of no use any more */
  gint64 watched; /* what had happened when it last looked; 0 for never */
} Fake;

/* What a pull goes on from. */
typedef struct
{
  gint64 when; /* 0 for nothing */
  gint64 low; /* messages below are yet to be listed; 0 for none */
} Token;

static gboolean
give_up (Fake *self, SurelError code, const char *why, GError **error)
{
  self->ended = code != SUREL_ERROR_NOT_FOUND && code != SUREL_ERROR_SERVER_REJECTED;
  g_set_error_literal (error, SUREL_ERROR, (gint) code, why);
  return FALSE;
}

static gboolean
is_cancelled (Fake *self, GCancellable *cancellable, GError **error)
{
  return g_cancellable_is_cancelled (cancellable) && !give_up (self, SUREL_ERROR_CANCELLED, "It was cancelled", error);
}

/* A remote that is of no use any more mustn't be asked for anything. */
static gboolean
begin (Fake *self, FakeCall call, GCancellable *cancellable, GError **error)
{
  FakeServer *server = self->server;

  g_assert_true (self->open == (call != FAKE_OPEN));
  g_assert_false (self->ended);
  if (is_cancelled (self, cancellable, error))
    return FALSE;
  if (server->until[call] > 0 && --server->until[call] == 0)
    return give_up (self, server->code[call], "It fails on purpose", error);
  return TRUE;
}

static void
fake_free (SurelRemote *remote)
{
  g_free (((Fake *) remote)->password);
  g_free (remote);
}

static gboolean
fake_open (SurelRemote *remote, SurelCertificate **rejected G_GNUC_UNUSED, GCancellable *cancellable, GError **error)
{
  Fake *self = (Fake *) remote;

  if (!begin (self, FAKE_OPEN, cancellable, error))
    return FALSE;
  if (!g_str_equal (self->password, self->server->password))
    return give_up (self, SUREL_ERROR_AUTHENTICATION_FAILED, "That isn't the password", error);
  self->open = TRUE;
  return TRUE;
}

static GStrv
fake_get_capabilities (SurelRemote *remote G_GNUC_UNUSED)
{
  static const char *const can[] = { "append", "keywords", "folders", "subscriptions", NULL };

  return g_strdupv ((GStrv) can);
}

static char *
fake_get_reserved (SurelRemote *remote G_GNUC_UNUSED)
{
  return g_strdup ("/");
}

static char *
fake_take_alert (SurelRemote *remote G_GNUC_UNUSED)
{
  return NULL;
}

static gint64
fake_get_retry_after (SurelRemote *remote G_GNUC_UNUSED)
{
  return 0;
}

static GBytes *
make_token (const FakeFolder *folder, gint64 when, gint64 low)
{
  char *text = g_strdup_printf ("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, folder->id, when, low);

  return g_bytes_new_take (text, strlen (text));
}

/* Whether it is one of that folder. */
static gboolean
read_token (GBytes *bytes, const FakeFolder *folder, Token *token)
{
  g_autofree char *text = bytes != NULL ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) : g_strdup ("");
  char id[32];

  *token = (Token){ 0 };
  if (sscanf (text, "%31s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, id, &token->when, &token->low) == 3
      && g_str_equal (id, folder->id))
    return TRUE;
  *token = (Token){ 0 };
  return FALSE;
}

static GPtrArray *
fake_list (SurelRemote *remote, GBytes **token G_GNUC_UNUSED, GCancellable *cancellable, GError **error)
{
  Fake *self = (Fake *) remote;
  GPtrArray *entries;

  if (!begin (self, FAKE_LIST, cancellable, error))
    return NULL;
  entries = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_entry_free);
  for (guint i = 0; i < self->server->folders->len; i++)
    {
      const FakeFolder *folder = self->server->folders->pdata[i];
      SurelFolderEntry *entry = surel_folder_entry_new (folder->id, folder->name);

      entry->parent_remote_id = g_strdup (folder->parent);
      entry->role = folder->role;
      entry->rights = SUREL_RIGHT_ALL;
      entry->subscribed = folder->subscribed;
      entry->selectable = TRUE;
      entry->messages = folder->messages->len;
      entry->identity = g_strdup (folder->id);
      entry->hint = make_token (folder, folder->changed, 0);
      g_ptr_array_add (entries, entry);
    }
  return entries;
}

static gboolean
fake_needs_pull (SurelRemote *remote G_GNUC_UNUSED, const SurelScope *scope)
{
  return scope->token == NULL || scope->hint == NULL || !g_bytes_equal (scope->token, scope->hint);
}

/* --- Pulling --- */

typedef struct
{
  Fake *fake;
  const FakeFolder *folder;
  SurelSink *sink;
  GCancellable *cancellable;
} Pull;

static SurelMessage *
describe (const FakeMessage *message)
{
  gsize length;
  const char *octets = g_bytes_get_data (message->octets, &length);
  g_autoptr (SurelMimeSummary) summary = surel_mime_summary_new (octets, length);
  SurelMessage *said = surel_message_new ();

  surel_mime_summary_give (summary, said);
  said->remote_id.number = message->uid;
  said->flags = message->flags;
  said->keywords = g_strdup (message->words);
  said->received = message->received;
  said->size = length;
  said->email_id = g_strdup (message->id);
  return said;
}

static SurelMessageFlags
describe_flags (const FakeMessage *message)
{
  return (SurelMessageFlags){ .remote_id = { message->uid, NULL }, .flags = message->flags, .keywords = g_strdup (message->words) };
}

/* Lists what is below token->low, from the top down, or the newest of it. */
static gboolean
list_below (Pull *pull, Token *token, gboolean newest, GError **error)
{
  guint i = pull->folder->messages->len;

  while (i > 0 && ((FakeMessage *) pull->folder->messages->pdata[i - 1])->uid >= token->low)
    i--;
  while (i > 0)
    {
      GPtrArray *batch = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
      g_autoptr (GBytes) closed = NULL;

      for (; i > 0 && batch->len < BATCH; i--)
        {
          token->low = ((FakeMessage *) pull->folder->messages->pdata[i - 1])->uid;
          g_ptr_array_add (batch, describe (pull->folder->messages->pdata[i - 1]));
        }
      closed = make_token (pull->folder, token->when, token->low);
      if (is_cancelled (pull->fake, pull->cancellable, error))
        {
          g_ptr_array_unref (batch);
          return FALSE;
        }
      if (!surel_sink_put_messages (pull->sink, batch, error) || !surel_sink_close (pull->sink, closed, error))
        return FALSE;
      if (newest && i > 0)
        return TRUE;
    }
  token->low = 0;
  return TRUE;
}

static gboolean
tell_changes (Pull *pull, const Token *token, GError **error)
{
  g_autoptr (SurelUidSet) gone = surel_uid_set_new ();
  GArray *flags = surel_message_flags_array_new ();
  GPtrArray *messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);

  for (guint i = 0; i < pull->folder->gone->len; i++)
    if (g_array_index (pull->folder->gone, FakeGone, i).when > token->when)
      surel_uid_set_add (gone, (guint32) g_array_index (pull->folder->gone, FakeGone, i).uid);
  for (guint i = 0; i < pull->folder->messages->len; i++)
    {
      const FakeMessage *message = pull->folder->messages->pdata[i];

      if (message->came > token->when)
        g_ptr_array_add (messages, describe (message));
      else if (message->changed > token->when)
        {
          SurelMessageFlags one = describe_flags (message);

          g_array_append_val (flags, one);
        }
    }
  if (!surel_sink_put_gone (pull->sink, gone, error))
    {
      g_array_unref (flags);
      g_ptr_array_unref (messages);
      return FALSE;
    }
  if (!surel_sink_put_flags (pull->sink, flags, error))
    {
      g_ptr_array_unref (messages);
      return FALSE;
    }
  return surel_sink_put_messages (pull->sink, messages, error);
}

static gboolean
compare_all (Pull *pull, GError **error)
{
  g_autoptr (GArray) present = surel_message_flags_array_new ();
  g_autoptr (SurelUidSet) missing = surel_uid_set_new ();
  g_autoptr (SurelUidSet) gone = surel_uid_set_new ();
  GPtrArray *messages;

  for (guint i = 0; i < pull->folder->messages->len; i++)
    {
      SurelMessageFlags one = describe_flags (pull->folder->messages->pdata[i]);

      g_array_append_val (present, one);
    }
  if (!surel_sink_put_present (pull->sink, 1, G_MAXUINT32, present, TRUE, missing, gone, error)
      || !surel_sink_put_gone (pull->sink, gone, error))
    return FALSE;
  messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
  for (guint i = 0; i < pull->folder->messages->len; i++)
    if (surel_uid_set_contains (missing, (guint32) ((FakeMessage *) pull->folder->messages->pdata[i])->uid))
      g_ptr_array_add (messages, describe (pull->folder->messages->pdata[i]));
  return surel_sink_put_messages (pull->sink, messages, error);
}

static gboolean
fake_pull (SurelRemote *remote,
           const SurelScope *scope,
           SurelPullKind kind,
           SurelSink *sink,
           GCancellable *cancellable,
           GError **error)
{
  Fake *self = (Fake *) remote;
  Pull pull = { self, fake_server_find_folder (self->server, scope->remote_id), sink, cancellable };
  g_autoptr (GBytes) closed = NULL;
  gboolean anew = FALSE;
  Token token;

  if (!begin (self, FAKE_PULL, cancellable, error))
    return FALSE;
  if (pull.folder == NULL)
    return give_up (self, SUREL_ERROR_NOT_FOUND, "There is no such folder", error);
  if (!read_token (scope->token, pull.folder, &token))
    {
      anew = TRUE;
      token = (Token){ self->server->now, G_MAXINT64 };
      if (scope->token != NULL && !surel_sink_restart (sink, error))
        return FALSE;
    }
  if (token.low != 0 && !list_below (&pull, &token, kind == SUREL_PULL_NEWEST && anew, error))
    return FALSE;
  if (token.low != 0)
    return TRUE;
  closed = make_token (pull.folder, pull.folder->changed, 0);
  return (kind == SUREL_PULL_PROVE ? compare_all (&pull, error) : tell_changes (&pull, &token, error))
         && surel_sink_close (sink, closed, error) && surel_sink_listed (sink, error)
         && surel_sink_synced (sink, pull.folder->messages->len, anew || kind == SUREL_PULL_PROVE, error);
}

/* --- Changes --- */

static void
refuse (SurelChange *change, SurelChangeItem *item, SurelOutcome outcome, SurelError code, const char *why)
{
  g_clear_error (&change->error);
  change->error = g_error_new_literal (SUREL_ERROR, (gint) code, why);
  item->outcome = outcome;
}

static void
refuse_all (SurelChange *change, SurelOutcome outcome, SurelError code, const char *why)
{
  for (guint i = 0; i < change->items->len; i++)
    refuse (change, surel_change_item (change, i), outcome, code, why);
}

static void
change_keywords (FakeServer *server, FakeFolder *folder, FakeMessage *message, const SurelChange *change)
{
  char *words = surel_keywords_combine (message->words, change->add_words, change->remove_words);

  message->flags = (message->flags | change->add_flags) & ~change->remove_flags;
  g_free (message->words);
  message->words = words;
  message->changed = fake_server_happen (server, folder);
}

static void
do_append (FakeServer *server, FakeFolder *target, SurelChangeItem *item)
{
  FakeMessage *message = fake_message_new (server, item->octets, item->received);

  message->flags = item->flags;
  message->words = g_strdup (item->words);
  fake_server_put (server, target, message);
  item->new_remote_id.number = message->uid;
}

static FakeMessage *
copy_message (FakeServer *server, const FakeMessage *message)
{
  FakeMessage *copy = fake_message_new (server, message->octets, message->received);

  copy->flags = message->flags;
  copy->words = g_strdup (message->words);
  return copy;
}

static void
do_item (FakeServer *server, SurelChange *change, SurelChangeItem *item, FakeFolder *folder, FakeFolder *target)
{
  FakeMessage *message = folder != NULL ? fake_folder_find (folder, item->remote_id.number, NULL) : NULL;

  if (change->kind != SUREL_CHANGE_APPEND && message == NULL)
    {
      refuse (change, item, SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_NOT_FOUND, "It isn't there any more");
      return;
    }
  item->outcome = SUREL_OUTCOME_DONE;
  if (change->kind == SUREL_CHANGE_KEYWORDS)
    change_keywords (server, folder, message, change);
  else if (change->kind == SUREL_CHANGE_DESTROY)
    fake_message_free (fake_server_take_out (server, folder, item->remote_id.number));
  else if (change->kind == SUREL_CHANGE_APPEND)
    do_append (server, target, item);
  else
    {
      if (change->kind == SUREL_CHANGE_MOVE)
        message = fake_server_take_out (server, folder, item->remote_id.number);
      else
        message = copy_message (server, message);
      fake_server_put (server, target, message);
      item->new_remote_id.number = message->uid;
    }
}

/* It was done, and nobody hears of it. */
static gboolean
lose_answer (Fake *self, SurelChange *change, GError **error)
{
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);

      item->outcome = SUREL_OUTCOME_OPEN;
      item->new_remote_id.number = 0;
    }
  g_clear_pointer (&change->new_folder_id, g_free);
  g_clear_error (&change->error);
  self->server->lose_answer = FALSE;
  return give_up (self, SUREL_ERROR_OFFLINE, "The connection broke off", error);
}

static gboolean
apply_to_messages (Fake *self, SurelChange *change, SurelBeforeFunc before, gpointer user_data, GError **error)
{
  FakeFolder *folder = fake_server_find_folder (self->server, change->folder_remote_id);
  FakeFolder *target = fake_server_find_folder (self->server, change->target_remote_id);
  gboolean needs_target = change->kind != SUREL_CHANGE_KEYWORDS && change->kind != SUREL_CHANGE_DESTROY;
  Token token;

  if ((folder == NULL && change->kind != SUREL_CHANGE_APPEND) || (needs_target && target == NULL))
    refuse_all (change, SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_NOT_FOUND, "There is no such folder");
  else if (change->kind == SUREL_CHANGE_REPLACE)
    refuse_all (change, SUREL_OUTCOME_REFUSED, SUREL_ERROR_NOT_SUPPORTED, "There are no drafts here");
  else if (change->kind != SUREL_CHANGE_APPEND && !read_token (change->folder_token, folder, &token))
    refuse_all (change, SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_SERVER_REJECTED, "The folder has to be synced first");
  else
    {
      if (needs_target)
        {
          g_autofree char *evidence = g_strdup_printf ("%" G_GINT64_FORMAT, target->last_uid);

          if (!before (evidence, user_data, error))
            {
              self->ended = TRUE;
              return FALSE;
            }
        }
      for (guint i = 0; i < change->items->len; i++)
        do_item (self->server, change, surel_change_item (change, i), folder, target);
    }
  return TRUE;
}

static void
end_folder_change (SurelChange *change, const FakeFolder *folder)
{
  change->new_folder_id = folder != NULL ? g_strdup (folder->id) : NULL;
  surel_change_set_all (change, SUREL_OUTCOME_DONE);
}

/* Each can be done again. */
static void
apply_to_folder (FakeServer *server, SurelChange *change)
{
  FakeFolder *folder = fake_server_find_folder (server, change->folder_remote_id);
  FakeFolder *named = change->name != NULL ? fake_server_find_named (server, change->target_remote_id, change->name) : NULL;

  if (change->name != NULL && strchr (change->name, '/') != NULL)
    refuse_all (change, SUREL_OUTCOME_REFUSED, SUREL_ERROR_INVALID_ARGUMENT, "No name can have that");
  else if (change->kind == SUREL_CHANGE_CREATE_FOLDER)
    end_folder_change (change, named != NULL ? named : fake_server_make_folder (server, change->target_remote_id, change->name, NULL));
  else if (change->kind == SUREL_CHANGE_DELETE_FOLDER && folder == NULL)
    end_folder_change (change, NULL);
  else if (folder == NULL)
    refuse_all (change, SUREL_OUTCOME_REFUSED, SUREL_ERROR_NOT_FOUND, "There is no such folder");
  else if (change->kind == SUREL_CHANGE_DELETE_FOLDER && folder->messages->len > 0)
    refuse_all (change, SUREL_OUTCOME_REFUSED, SUREL_ERROR_CONFLICT, "There are messages in it");
  else if (change->kind == SUREL_CHANGE_DELETE_FOLDER)
    {
      g_ptr_array_remove (server->folders, folder);
      end_folder_change (change, NULL);
    }
  else if (change->kind == SUREL_CHANGE_SUBSCRIBE_FOLDER)
    {
      folder->subscribed = change->subscribed;
      end_folder_change (change, folder);
    }
  else if (named != NULL && named != folder)
    refuse_all (change, SUREL_OUTCOME_REFUSED, SUREL_ERROR_EXISTS, "There is a folder of that name");
  else
    {
      g_free (folder->name);
      folder->name = g_strdup (change->name);
      g_free (folder->parent);
      folder->parent = g_strdup (change->target_remote_id);
      end_folder_change (change, folder);
    }
}

static gboolean
fake_apply (SurelRemote *remote,
            SurelChange *change,
            SurelBeforeFunc before,
            gpointer user_data,
            GCancellable *cancellable,
            GError **error)
{
  Fake *self = (Fake *) remote;

  if (!begin (self, FAKE_APPLY, cancellable, error))
    return FALSE;
  g_mutex_lock (&self->server->lock);
  if (change->kind >= SUREL_CHANGE_CREATE_FOLDER)
    apply_to_folder (self->server, change);
  else if (!apply_to_messages (self, change, before, user_data, error))
    {
      g_mutex_unlock (&self->server->lock);
      return FALSE;
    }
  g_mutex_unlock (&self->server->lock);
  return !self->server->lose_answer || lose_answer (self, change, error);
}

/* Whether a message that came to the target since the step was noted is the item. */
static gboolean
find_in_target (const FakeFolder *target, gint64 last_uid, SurelChangeItem *item)
{
  for (guint i = 0; target != NULL && i < target->messages->len; i++)
    {
      const FakeMessage *message = target->messages->pdata[i];
      SurelMessage *said = describe (message);
      gboolean same = message->uid > last_uid
                      && (surel_message_identity (said) == item->identity || surel_message_likeness (said) == item->likeness);

      surel_message_free (said);
      if (same)
        {
          item->new_remote_id.number = message->uid;
          return TRUE;
        }
    }
  return FALSE;
}

static gboolean
fake_settle (SurelRemote *remote, SurelChange *change, GCancellable *cancellable, GError **error)
{
  Fake *self = (Fake *) remote;
  const FakeFolder *target = fake_server_find_folder (self->server, change->target_remote_id);
  gint64 last_uid;

  if (!begin (self, FAKE_SETTLE, cancellable, error))
    return FALSE;
  last_uid = g_ascii_strtoll (change->evidence, NULL, 10);
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);

      item->outcome = find_in_target (target, last_uid, item) ? SUREL_OUTCOME_DONE : SUREL_OUTCOME_NOT_DONE;
    }
  return TRUE;
}

/* --- All else --- */

static gboolean
fake_fetch (SurelRemote *remote,
            const SurelScope *scope,
            const SurelRemoteId *remote_id,
            SurelContentFunc func,
            gpointer user_data,
            GCancellable *cancellable,
            GError **error)
{
  Fake *self = (Fake *) remote;
  const FakeFolder *folder = fake_server_find_folder (self->server, scope->remote_id);
  const FakeMessage *message = folder != NULL ? fake_folder_find (folder, remote_id->number, NULL) : NULL;
  const char *octets;
  gsize length;

  if (!begin (self, FAKE_FETCH, cancellable, error))
    return FALSE;
  if (message == NULL)
    return give_up (self, SUREL_ERROR_NOT_FOUND, "It isn't there any more", error);
  octets = g_bytes_get_data (message->octets, &length);
  for (gsize at = 0; at < length; at += PIECE)
    if (!func (octets + at, MIN (PIECE, length - at), user_data, error))
      return FALSE;
  return TRUE;
}

static gboolean
fake_read_quota (SurelRemote *remote, SurelQuota *quota, GCancellable *cancellable, GError **error)
{
  *quota = SUREL_QUOTA_UNKNOWN;
  return begin ((Fake *) remote, FAKE_QUOTA, cancellable, error);
}

static void
wake_up (GCancellable *wake G_GNUC_UNUSED, gpointer data)
{
  FakeServer *server = data;

  g_mutex_lock (&server->lock);
  g_cond_broadcast (&server->happened);
  g_mutex_unlock (&server->lock);
}

static gboolean
fake_wait (SurelRemote *remote,
           const SurelScope *scope,
           gint64 timeout_us,
           GCancellable *wake,
           gboolean *changed,
           GError **error)
{
  Fake *self = (Fake *) remote;
  FakeServer *server = self->server;
  gint64 deadline = g_get_monotonic_time () + timeout_us;
  const FakeFolder *folder;
  gulong handler;

  if (!begin (self, FAKE_WAIT, NULL, error))
    return FALSE;
  handler = g_cancellable_connect (wake, G_CALLBACK (wake_up), server, NULL);
  g_mutex_lock (&server->lock);
  folder = fake_server_find_folder (server, scope->remote_id);
  while (folder != NULL && folder->changed <= self->watched && !g_cancellable_is_cancelled (wake)
         && g_cond_wait_until (&server->happened, &server->lock, deadline))
    ;
  *changed = folder != NULL && folder->changed > self->watched;
  self->watched = server->now;
  g_mutex_unlock (&server->lock);
  g_cancellable_disconnect (wake, handler);
  return folder != NULL || give_up (self, SUREL_ERROR_NOT_FOUND, "There is no such folder", error);
}

/**
 * fake_remote_new:
 * @server: borrowed
 *
 * Returns: (transfer full): a remote of that server, not open yet
 */
SurelRemote *
fake_remote_new (FakeServer *server, const SurelRemoteConfig *config)
{
  static const SurelRemoteClass klass
      = { fake_free, fake_open, fake_get_capabilities, fake_get_reserved, fake_take_alert, fake_get_retry_after, fake_list,
          fake_needs_pull, fake_pull, fake_apply, fake_settle, fake_fetch, fake_read_quota, fake_wait, NULL, NULL };
  Fake *self = g_new0 (Fake, 1);

  self->parent.klass = &klass;
  self->server = server;
  self->password = g_strdup (config->password);
  return &self->parent;
}
