/* A device that has an account, by the remote interface alone: what it knows of folders and messages, and what it does, in
 * the order in which the engine does it. A step of which nobody heard what came is kept as the store would keep it: what
 * was noted before, and nothing of the answer. */
#include "device.h"

#include "base/errors.h"

/**
 * device_new:
 * @remote: (transfer full): which is open
 */
Device *
device_new (SurelRemote *remote)
{
  Device *self = g_new0 (Device, 1);

  self->remote = remote;
  self->mirrors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) mirror_free);
  return self;
}

void
device_free (Device *self)
{
  device_replace_remote (self, NULL);
  g_clear_pointer (&self->folders, g_ptr_array_unref);
  g_clear_pointer (&self->list_token, g_bytes_unref);
  g_hash_table_unref (self->mirrors);
  g_free (self);
}

/**
 * device_replace_remote:
 * @remote: (transfer full) (nullable): another connection; what is known stays
 */
void
device_replace_remote (Device *self, SurelRemote *remote)
{
  g_clear_pointer (&self->remote, surel_remote_free);
  self->remote = remote;
}

/* --- Folders --- */

/**
 * device_list:
 *
 * Lists the folders with the last list's token; each mirror gets its folder's hint.
 */
void
device_list (Device *self)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *folders = surel_remote_list (self->remote, &self->list_token, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (folders);
  g_clear_pointer (&self->folders, g_ptr_array_unref);
  self->folders = folders;
  for (guint i = 0; i < folders->len; i++)
    {
      const SurelFolderEntry *entry = folders->pdata[i];
      Mirror *mirror = device_mirror (self, entry->remote_id);

      g_clear_pointer (&mirror->hint, g_bytes_unref);
      mirror->hint = entry->hint != NULL ? g_bytes_ref (entry->hint) : NULL;
    }
}

/**
 * device_describe_list:
 *
 * Returns: (transfer full): all folders of the last list, but for their hints
 */
char *
device_describe_list (Device *self)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < self->folders->len; i++)
    {
      const SurelFolderEntry *entry = self->folders->pdata[i];

      g_ptr_array_add (lines, g_strdup_printf ("%s in %s: %s (%s) %d %d %x %s\n", entry->remote_id, entry->parent_remote_id,
                                               entry->name, entry->role, entry->subscribed, entry->selectable, entry->rights,
                                               entry->identity));
    }
  return mirror_list (lines);
}

/**
 * device_find:
 *
 * Returns: (transfer none) (nullable): the only folder of that name in the last list
 */
const SurelFolderEntry *
device_find (Device *self, const char *name)
{
  const SurelFolderEntry *found = NULL;

  for (guint i = 0; i < self->folders->len; i++)
    {
      const SurelFolderEntry *entry = self->folders->pdata[i];

      if (!g_str_equal (entry->name, name))
        continue;
      g_assert_null (found);
      found = entry;
    }
  return found;
}

/**
 * device_find_role:
 *
 * Returns: (transfer none) (nullable): the only folder of that role in the last list
 */
const SurelFolderEntry *
device_find_role (Device *self, const char *role)
{
  const SurelFolderEntry *found = NULL;

  for (guint i = 0; i < self->folders->len; i++)
    {
      const SurelFolderEntry *entry = self->folders->pdata[i];

      if (g_strcmp0 (entry->role, role) != 0)
        continue;
      g_assert_null (found);
      found = entry;
    }
  return found;
}

/**
 * device_need:
 *
 * Lists the folders.
 *
 * Returns: (transfer full): the remote id of the one of that name
 */
char *
device_need (Device *self, const char *name)
{
  const SurelFolderEntry *entry;

  device_list (self);
  entry = device_find (self, name);
  if (entry == NULL)
    g_error ("There is no folder %s", name);
  return g_strdup (entry->remote_id);
}

/* --- Messages --- */

/**
 * device_mirror:
 *
 * Returns: (transfer none): what is known of the folder
 */
Mirror *
device_mirror (Device *self, const char *folder)
{
  Mirror *mirror = g_hash_table_lookup (self->mirrors, folder);

  if (mirror == NULL)
    {
      mirror = mirror_new ();
      g_hash_table_insert (self->mirrors, g_strdup (folder), mirror);
    }
  return mirror;
}

/**
 * device_scope:
 *
 * Returns: (transfer none): the folder as a remote wants it to be named, until it is pulled
 */
SurelScope
device_scope (Device *self, const char *folder)
{
  Mirror *mirror = device_mirror (self, folder);

  return (SurelScope){ folder, mirror->token, mirror->hint };
}

gboolean
device_try_pull (Device *self, const char *folder, SurelPullKind kind, GCancellable *cancellable, GError **error)
{
  Mirror *mirror = device_mirror (self, folder);
  g_autoptr (GBytes) token = mirror->token != NULL ? g_bytes_ref (mirror->token) : NULL;
  SurelScope scope = { folder, token, mirror->hint };
  gboolean success;

  mirror_begin (mirror);
  success = surel_remote_pull (self->remote, &scope, kind, &mirror->parent, cancellable, error);
  mirror_end (mirror);
  return success;
}

/**
 * device_pull:
 *
 * Brings the folder up to date, all of it.
 *
 * Returns: (transfer none): what is known of it now
 */
Mirror *
device_pull (Device *self, const char *folder, SurelPullKind kind)
{
  Mirror *mirror = device_mirror (self, folder);
  g_autoptr (GError) error = NULL;

  device_try_pull (self, folder, kind, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (mirror->token);
  g_assert_true (mirror->synced);
  g_assert_cmpuint (mirror->server_messages, ==, mirror_count (mirror));
  return mirror;
}

/* --- Changes --- */

/**
 * device_change:
 * @labels: with a space between: of messages that are known in @folder
 *
 * Returns: (transfer full): a change of these
 */
SurelChange *
device_change (Device *self, SurelChangeKind kind, const char *folder, const char *labels)
{
  Mirror *mirror = device_mirror (self, folder);
  SurelChange *change = surel_change_new ();
  g_auto (GStrv) all = g_strsplit (labels, " ", -1);

  change->kind = kind;
  change->account = change->folder = 1;
  change->folder_remote_id = g_strdup (folder);
  change->folder_token = mirror->token != NULL ? g_bytes_ref (mirror->token) : NULL;
  change->add_words = g_strdup ("");
  change->remove_words = g_strdup ("");
  for (guint i = 0; all[i] != NULL; i++)
    {
      const MirrorMessage *known = mirror_find (mirror, all[i]);
      SurelChangeItem item = { .message = i + 1 };

      if (known == NULL)
        g_error ("%s isn't known there", all[i]);
      item.remote_id = (SurelRemoteId){ known->remote_id.number, g_strdup (known->remote_id.text) };
      item.identity = known->identity;
      item.server_words = g_strdup (known->words);
      g_array_append_val (change->items, item);
    }
  return change;
}

/**
 * device_set_target:
 * @target: the remote id of the folder that the messages are to go to
 */
void
device_set_target (Device *self, SurelChange *change, const char *target)
{
  Mirror *mirror = device_mirror (self, target);
  GHashTableIter iter;
  gpointer value;

  change->target = 2;
  change->target_remote_id = g_strdup (target);
  change->target_token = mirror->token != NULL ? g_bytes_ref (mirror->token) : NULL;
  g_hash_table_iter_init (&iter, mirror->known);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    change->target_top = MAX (change->target_top, ((MirrorMessage *) value)->remote_id.number);
}

/**
 * device_change_folder:
 * @folder: (nullable): its remote id; %NULL for one that is to be made
 * @name: (nullable)
 * @parent: (nullable): the remote id of the folder it is to be in
 *
 * Returns: (transfer full): a change of a folder
 */
SurelChange *
device_change_folder (Device *self, SurelChangeKind kind, const char *folder, const char *name, const char *parent)
{
  SurelChange *change = surel_change_new ();
  SurelChangeItem item = { 0 };

  change->kind = kind;
  change->account = change->folder = 1;
  change->folder_remote_id = g_strdup (folder);
  if (folder != NULL && device_mirror (self, folder)->token != NULL)
    change->folder_token = g_bytes_ref (device_mirror (self, folder)->token);
  change->name = g_strdup (name);
  change->target = parent != NULL ? 2 : 0;
  change->target_remote_id = g_strdup (parent);
  change->list_token = self->list_token != NULL ? g_bytes_ref (self->list_token) : NULL;
  g_array_append_val (change->items, item);
  return change;
}

static void
take_keywords (const SurelChange *change, const SurelChangeItem *item, MirrorMessage *known)
{
  g_autofree char *words = surel_keywords_combine (known->words, change->add_words, change->remove_words);

  known->flags = (known->flags | (change->add_flags & ~item->here_flags)) & ~change->remove_flags;
  g_free (known->words);
  known->words = surel_keywords_combine (words, NULL, item->here_words);
}

static void
take_item (Device *self, const SurelChange *change, const SurelChangeItem *item)
{
  GHashTableIter iter;
  gpointer value;
  Mirror *mirror;

  if (item->outcome != SUREL_OUTCOME_DONE || change->folder_remote_id == NULL)
    return;
  mirror = device_mirror (self, change->folder_remote_id);
  if (change->kind == SUREL_CHANGE_MOVE || change->kind == SUREL_CHANGE_DESTROY)
    mirror_drop (mirror, &item->remote_id);
  g_hash_table_iter_init (&iter, mirror->known);
  while (change->kind == SUREL_CHANGE_KEYWORDS && g_hash_table_iter_next (&iter, NULL, &value))
    {
      MirrorMessage *known = value;

      if (known->remote_id.number == item->remote_id.number && g_strcmp0 (known->remote_id.text, item->remote_id.text) == 0)
        take_keywords (change, item, known);
    }
}

static void
take_token (GBytes **token, GBytes *new_token)
{
  if (new_token == NULL)
    return;
  g_clear_pointer (token, g_bytes_unref);
  *token = g_bytes_ref (new_token);
}

/**
 * device_take:
 *
 * Keeps what came of a change, as surel_intents_record() does: an outcome, and with the token that goes with it what others
 * did before.
 */
void
device_take (Device *self, SurelChange *change)
{
  take_token (&self->list_token, change->new_list_token);
  if (change->kind >= SUREL_CHANGE_CREATE_FOLDER)
    return;
  for (guint i = 0; i < change->items->len; i++)
    take_item (self, change, surel_change_item (change, i));
  if (change->new_folder_token == NULL)
    return;
  take_token (&device_mirror (self, change->folder_remote_id)->token, change->new_folder_token);
  if (change->news != NULL)
    mirror_put_news (device_mirror (self, change->folder_remote_id), change->news);
}

static gboolean
allow (const char *evidence, gpointer user_data G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  g_assert_nonnull (evidence);
  return TRUE;
}

/**
 * device_try_apply:
 *
 * Does it, and keeps what came of it; the conversation has to go on.
 */
void
device_try_apply (Device *self, SurelChange *change)
{
  g_autoptr (GError) error = NULL;
  gboolean success = surel_remote_apply (self->remote, change, allow, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (success);
  device_take (self, change);
}

/**
 * device_apply:
 * @change: (transfer full): which has to be done, all of it
 */
void
device_apply (Device *self, SurelChange *change)
{
  device_try_apply (self, change);
  g_assert_no_error (change->error);
  for (guint i = 0; i < change->items->len; i++)
    g_assert_cmpint (surel_change_item (change, i)->outcome, ==, SUREL_OUTCOME_DONE);
  surel_change_free (change);
}

/* --- Steps whose answer is lost --- */

static GBytes *
ref_bytes (GBytes *bytes)
{
  return bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

static SurelChange *
copy_change (SurelChange *change)
{
  SurelChange *copy = surel_change_new ();

  copy->kind = change->kind;
  copy->account = change->account;
  copy->folder = change->folder;
  copy->folder_remote_id = g_strdup (change->folder_remote_id);
  copy->folder_token = ref_bytes (change->folder_token);
  copy->target = change->target;
  copy->target_remote_id = g_strdup (change->target_remote_id);
  copy->target_token = ref_bytes (change->target_token);
  copy->target_top = change->target_top;
  copy->add_flags = change->add_flags;
  copy->remove_flags = change->remove_flags;
  copy->add_words = g_strdup (change->add_words);
  copy->remove_words = g_strdup (change->remove_words);
  copy->list_token = ref_bytes (change->list_token);
  copy->name = g_strdup (change->name);
  copy->subscribed = change->subscribed;
  for (guint i = 0; i < change->items->len; i++)
    {
      const SurelChangeItem *from = surel_change_item (change, i);
      SurelChangeItem item = { .message = from->message,
                               .remote_id = { from->remote_id.number, g_strdup (from->remote_id.text) },
                               .identity = from->identity,
                               .server_words = g_strdup (from->server_words),
                               .flags = from->flags,
                               .words = g_strdup (from->words),
                               .received = from->received,
                               .likeness = from->likeness,
                               .size = from->size,
                               .octets = ref_bytes (from->octets) };

      g_array_append_val (copy->items, item);
    }
  return copy;
}

/**
 * step_new:
 * @change: (transfer full)
 */
Step *
step_new (SurelChange *change)
{
  Step *self = g_new0 (Step, 1);

  self->change = change;
  self->again = copy_change (change);
  return self;
}

void
step_free (Step *self)
{
  surel_change_free (self->change);
  surel_change_free (self->again);
  g_free (self);
}

/* What is durable when it returns: all that settling has. */
static gboolean
note (const char *evidence, gpointer user_data, GError **error)
{
  Step *self = user_data;

  self->asked++;
  g_free (self->again->evidence);
  self->again->evidence = g_strdup (evidence);
  for (guint i = 0; i < self->change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (self->again, i);

      g_free (item->evidence);
      item->evidence = g_strdup (surel_change_item (self->change, i)->evidence);
    }
  if (self->forbid)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL, "It can't be noted");
  return !self->forbid;
}

/**
 * step_run:
 *
 * Does it; what comes of it is in its change alone.
 */
gboolean
step_run (Step *self, Device *device, GError **error)
{
  return surel_remote_apply (device->remote, self->change, note, self, NULL, error);
}

/**
 * step_resume:
 * @device: with a remote that knows nothing of it
 *
 * Goes on with it as the engine does (engine/push.c), from what was noted. What is told to be not done, and can be asked
 * again, is asked again.
 */
void
step_resume (Step *self, Device *device)
{
  g_autoptr (GError) error = NULL;
  gboolean settled = self->again->evidence != NULL;
  gboolean left = FALSE;

  if (settled)
    surel_remote_settle (device->remote, self->again, NULL, &error);
  else
    surel_remote_apply (device->remote, self->again, allow, NULL, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < self->again->items->len; i++)
    {
      g_assert_cmpint (surel_change_item (self->again, i)->outcome, !=, SUREL_OUTCOME_OPEN);
      left = left || surel_change_item (self->again, i)->outcome == SUREL_OUTCOME_NOT_DONE;
    }
  device_take (device, self->again);
  if (!settled || !left)
    return;
  {
    SurelChange *once_more = copy_change (self->again);

    for (guint i = self->again->items->len; i > 0; i--)
      if (surel_change_item (self->again, i - 1)->outcome != SUREL_OUTCOME_NOT_DONE)
        g_array_remove_index (once_more->items, i - 1);
    surel_change_free (self->again);
    self->again = once_more;
    device_try_apply (device, once_more);
  }
}
