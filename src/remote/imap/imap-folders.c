/* Folders made, renamed, deleted and subscribed to. Each can be done again: where a server refuses, it is looked
 * whether things are as they were to be, since an earlier attempt may have got through. */
#include "remote/imap/imap-folders.h"

#include <string.h>

#include "base/errors.h"
#include "remote/imap/imap-apply.h"
#include "remote/imap/imap-status.h"

typedef struct
{
  SurelImapSession *session;
  SurelImapSpaces *spaces;
  SurelChange *change;
  SurelBeforeFunc before; /* nullable: the evidence is there already */
  gpointer user_data; /* for @before */
  GCancellable *cancellable;
  SurelOutcome outcome; /* of what was refused last */
  SurelError public; /* likewise */
} Apply;

static void
set_outcome (Apply *self, SurelOutcome outcome)
{
  surel_change_item (self->change, 0)->outcome = outcome;
}

static gboolean
refuse (Apply *self, SurelError code, const char *message)
{
  g_clear_error (&self->change->error);
  self->change->error = g_error_new_literal (SUREL_ERROR, (gint) code, message);
  set_outcome (self, SUREL_OUTCOME_REFUSED);
  return TRUE;
}

/* A command about one mailbox, or two. Returns 1 where it was done, 0 where it was refused (@own says why, and is judged at
 * once: whatever is asked next takes the response code away), -1 with @error set. */
static int
command (Apply *self, const char *name, const char *mailbox, const char *other, GError **own, GError **error)
{
  SurelImapCommand *sent = surel_imap_command_new (name);

  surel_imap_command_mailbox (sent, mailbox);
  if (other != NULL)
    surel_imap_command_mailbox (sent, other);
  g_clear_error (own);
  if (surel_imap_session_run (self->session, sent, self->cancellable, own))
    return 1;
  if (surel_imap_error_is_refusal (*own))
    {
      self->outcome = surel_imap_judge (surel_imap_session_get_code (self->session), &self->public);
      return 0;
    }
  g_propagate_error (error, g_steal_pointer (own));
  return -1;
}

/**
 * surel_imap_folder_exists:
 * @there: (out): whether there is a mailbox of that name
 * @opens: (out) (optional): and it isn't said that it can't be opened
 *
 * A name is no pattern: wildcards in it would match others, so what comes is compared, but for case, which a server may have
 * its own way with.
 */
gboolean
surel_imap_folder_exists (SurelImapSession *session,
                          const char *mailbox,
                          gboolean *there,
                          gboolean *opens,
                          GCancellable *cancellable,
                          GError **error)
{
  g_autoptr (SurelImapCommand) list = surel_imap_command_new ("LIST");
  const SurelImapResponse *response;
  gboolean bare = FALSE;
  int result = -1;
  guint tag;

  *there = FALSE;
  surel_imap_command_string (list, "", 0);
  surel_imap_command_mailbox (list, mailbox);
  tag = surel_imap_session_send (session, list, cancellable, error);
  while (tag != 0 && (result = surel_imap_session_next (session, tag, &response, cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_LIST
        && (strcmp (response->list.name, mailbox) == 0
            || (strpbrk (mailbox, "*%") == NULL && g_ascii_strcasecmp (response->list.name, mailbox) == 0)))
      {
        *there = TRUE;
        bare = FALSE;
        for (guint i = 0; response->list.attributes[i] != NULL; i++)
          {
            *there = *there && g_ascii_strcasecmp (response->list.attributes[i], "NonExistent") != 0;
            bare = bare || g_ascii_strcasecmp (response->list.attributes[i], "Noselect") == 0;
          }
      }
  if (opens != NULL)
    *opens = *there && !bare;
  return tag != 0 && result == 0;
}

static gboolean
exists (Apply *self, const char *mailbox, gboolean *there, GError **error)
{
  return surel_imap_folder_exists (self->session, mailbox, there, NULL, self->cancellable, error);
}

/* What a server renames may be there and not in its list, as Dovecot's that others share: it is asked for. */
static gboolean
find (Apply *self, const char *mailbox, gboolean *there, GError **error)
{
  g_autoptr (GError) own = NULL;
  SurelImapStatus status;

  *there = surel_imap_ask_status (self->session, mailbox, &status, self->cancellable, &own);
  if (*there)
    return TRUE;
  if (surel_imap_error_is_refusal (own))
    return exists (self, mailbox, there, error);
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/* Whether @name is that of @folder, or of one below it. */
static gboolean
is_at_or_below (Apply *self, const char *name, const char *folder)
{
  gsize length = strlen (folder);

  return g_str_has_prefix (name, folder)
         && (name[length] == '\0' || (self->spaces->delimiter != '\0' && name[length] == self->spaces->delimiter));
}

static gboolean
has_folders (Apply *self, const char *name, gboolean *has, GError **error)
{
  g_autoptr (SurelImapCommand) list = surel_imap_command_new ("LIST");
  g_autofree char *pattern = g_strdup_printf ("%s%c%%", name, self->spaces->delimiter);
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  *has = FALSE;
  if (self->spaces->delimiter == '\0')
    return TRUE;
  surel_imap_command_string (list, "", 0);
  surel_imap_command_mailbox (list, pattern);
  tag = surel_imap_session_send (self->session, list, self->cancellable, error);
  while (tag != 0 && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, error)) > 0)
    *has = *has || (response->kind == SUREL_IMAP_LIST && is_at_or_below (self, response->list.name, name)
                    && strcmp (response->list.name, name) != 0);
  return tag != 0 && result == 0;
}

/* Another device may have renamed it, or deleted it, which the next list tells. */
static gboolean
put_off (Apply *self, const char *why)
{
  refuse (self, SUREL_ERROR_NOT_FOUND, why);
  set_outcome (self, SUREL_OUTCOME_NOT_DONE);
  return TRUE;
}

static gboolean
refuse_nothing_done (Apply *self)
{
  return refuse (self, SUREL_ERROR_SERVER_MISBEHAVED, "The server said it was done, and did nothing");
}

/* The name on the wire of what the change names; NULL where there is none, and it is refused. */
static char *
wire_name (Apply *self)
{
  const SurelChange *change = self->change;
  char delimiter = self->spaces->delimiter;
  const char *above = change->target_remote_id != NULL ? change->target_remote_id
                      : self->spaces->prefix != NULL   ? self->spaces->prefix
                                                       : "";
  const char between[] = { change->target_remote_id != NULL ? delimiter : '\0', '\0' };
  g_autofree char *encoded = surel_imap_utf7_encode (change->name);

  if (encoded == NULL || (delimiter != '\0' && strchr (encoded, delimiter) != NULL))
    {
      g_autofree char *message
          = g_strdup_printf ("A folder's name can't have a “%c” on this server: it stands between folders", delimiter);

      refuse (self, SUREL_ERROR_INVALID_ARGUMENT, message);
      return NULL;
    }
  if (change->target_remote_id != NULL && delimiter == '\0')
    {
      refuse (self, SUREL_ERROR_NOT_SUPPORTED, "This server has no folders within folders");
      return NULL;
    }
  return g_strconcat (above, between, encoded, NULL);
}

static gboolean
take_refusal (Apply *self, GError *own)
{
  refuse (self, self->public, own->message);
  set_outcome (self, self->outcome);
  return TRUE;
}

/* CREATE makes what isn't there above, too. A server need not list what is only above others. */
static gboolean
is_parent_there (Apply *self, gboolean *there, GError **error)
{
  const char *parent = self->change->target_remote_id;

  *there = TRUE;
  return parent == NULL || (find (self, parent, there, error) && (*there || has_folders (self, parent, there, error)));
}

static gboolean
create (Apply *self, GError **error)
{
  g_autofree char *name = wire_name (self);
  g_autoptr (GError) own = NULL;
  g_autoptr (GError) ignored = NULL;
  gboolean there = FALSE;
  int result;

  if (name == NULL)
    return TRUE;
  if (!is_parent_there (self, &there, error))
    return FALSE;
  if (!there)
    return put_off (self, "The folder that it is to be in isn't there");
  result = command (self, "CREATE", name, NULL, &own, error);
  if (result < 0 || !exists (self, name, &there, error))
    return FALSE;
  if (!there)
    return result == 0 ? take_refusal (self, own) : refuse_nothing_done (self);
  self->change->new_folder_id = g_strdup (name);
  set_outcome (self, SUREL_OUTCOME_DONE);
  /* Other mail programs show only those that are subscribed to. */
  return command (self, "SUBSCRIBE", name, NULL, &ignored, error) >= 0;
}

/* The names of @folder and of those below it that are subscribed to. */
static gboolean
find_subscribed (Apply *self, const char *folder, GPtrArray *names, GError **error)
{
  g_autoptr (SurelImapCommand) lsub = surel_imap_command_new ("LSUB");
  g_autofree char *pattern = g_strconcat (folder, "*", NULL);
  g_autoptr (GError) own = NULL;
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_command_string (lsub, "", 0);
  surel_imap_command_mailbox (lsub, pattern);
  tag = surel_imap_session_send (self->session, lsub, self->cancellable, &own);
  while (tag != 0 && (result = surel_imap_session_next (self->session, tag, &response, self->cancellable, &own)) > 0)
    if (response->kind == SUREL_IMAP_LIST && is_at_or_below (self, response->list.name, folder))
      g_ptr_array_add (names, g_strdup (response->list.name));
  if (result == 0 || surel_imap_error_is_refusal (own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/* A subscription is to a name, in IMAP, and stays as it was when a server renames: it moves with the folder, and with
 * each one below. To the new name first: what the old one had tells, should this be broken off, what is left to do. */
static gboolean
move_subscriptions (Apply *self, const char *from, const char *to, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) ignored = NULL;

  if (!find_subscribed (self, from, names, error))
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      const char *old = names->pdata[i];
      g_autofree char *name = g_strconcat (to, old + strlen (from), NULL);

      if (command (self, "SUBSCRIBE", name, NULL, &ignored, error) < 0
          || command (self, "UNSUBSCRIBE", old, NULL, &ignored, error) < 0)
        return FALSE;
    }
  return TRUE;
}

/* Another device may have given the folder's name to another. Where it can't be asked for there is none of that name, or it
 * holds no messages. */
static gboolean
check_identity (Apply *self, const char *name, SurelImapStatus *status, gboolean *same, GError **error)
{
  g_autoptr (GError) own = NULL;

  *same = TRUE;
  if (!surel_imap_ask_status (self->session, name, status, self->cancellable, &own))
    {
      if (surel_imap_error_is_refusal (own))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  *same = surel_imap_status_is_of (status, self->change->folder_token);
  if (!*same)
    {
      refuse (self, SUREL_ERROR_NOT_FOUND, "Another folder has its name by now");
      set_outcome (self, SUREL_OUTCOME_NOT_DONE);
    }
  return TRUE;
}

/* Whether the mailbox is there as it was. */
static gboolean
is_unchanged (Apply *self, const char *name, gboolean *unchanged, GError **error)
{
  g_autoptr (GError) own = NULL;
  SurelImapStatus status;

  *unchanged = FALSE;
  if (surel_imap_ask_status (self->session, name, &status, self->cancellable, &own))
    *unchanged = self->change->folder_token != NULL && status.uidvalidity > 0
                 && surel_imap_status_is_of (&status, self->change->folder_token);
  if (own == NULL || surel_imap_error_is_refusal (own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static gboolean
rename_folder (Apply *self, GError **error)
{
  SurelChange *change = self->change;
  const char *old = change->folder_remote_id;
  const char *from = change->evidence != NULL ? change->evidence : old; /* a list may have told of the new name */
  g_autofree char *name = wire_name (self);
  g_autoptr (GError) own = NULL;
  SurelImapStatus status;
  gboolean same;
  gboolean old_there = TRUE;
  gboolean there = FALSE;
  int result = 1;

  if (name == NULL)
    return TRUE;
  if (!surel_imap_let_go_of_mailbox (self->session, self->cancellable, error)
      || !check_identity (self, old, &status, &same, error))
    return FALSE;
  if (!same)
    return TRUE;
  if (self->before != NULL && !self->before (old, self->user_data, error))
    return FALSE;
  if (strcmp (name, old) != 0)
    result = command (self, "RENAME", old, name, &own, error);
  if (result < 0 || (strcmp (name, old) != 0 && (!exists (self, name, &there, error) || !exists (self, old, &old_there, error))))
    return FALSE;
  if (result == 0 && !old_there && !there)
    { /* many servers say so in words alone: another device has deleted it, or renamed it, which the next list tells */
      self->outcome = SUREL_OUTCOME_NOT_DONE;
      self->public = SUREL_ERROR_NOT_FOUND;
    }
  if (result == 0 && (old_there || !there))
    return take_refusal (self, own);
  /* What else has a name now another device may have done since. */
  if (result == 1 && strcmp (name, old) != 0 && !there && old_there)
    return refuse_nothing_done (self);
  change->new_folder_id = g_strdup (name);
  if (self->spaces->delimiter != '\0')
    {
      change->old_prefix = g_strdup_printf ("%s%c", old, self->spaces->delimiter);
      change->new_prefix = g_strdup_printf ("%s%c", name, self->spaces->delimiter);
    }
  set_outcome (self, SUREL_OUTCOME_DONE);
  return strcmp (name, from) == 0 || move_subscriptions (self, from, name, error);
}

/* --- Deleting --- */

/* DELETE takes along whatever is in a folder, also what another device puts there after it was seen to be empty. So it gets
 * a name first under which nobody puts anything, and is looked at again. Only the messages that a person named were
 * destroyed before; what came since has it get its name back. */
#define ASIDE "-surel-deletes-"
#define ASIDE_LENGTH (strlen (ASIDE) + 8)

typedef struct
{
  char *name; /* that it had */
  char *aside; /* that it is given */
  gboolean moved; /* it has that now */
} Deletion;

static void
deletion_clear (Deletion *deletion)
{
  g_free (deletion->name);
  g_free (deletion->aside);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Deletion, deletion_clear)

/* @name as people know it: another device that deletes it, too, may have given it a name aside. */
static char *
name_for_people (const char *name)
{
  gsize length = strlen (name);
  const char *aside = length > ASIDE_LENGTH ? name + length - ASIDE_LENGTH : NULL;

  return aside != NULL && g_str_has_prefix (aside, ASIDE) ? g_strndup (name, (gsize) (aside - name)) : g_strdup (name);
}

static void
name_aside (Deletion *deletion, const char *name)
{
  g_autofree char *known = name_for_people (name);

  deletion_clear (deletion);
  *deletion = (Deletion){ g_strdup (name), g_strdup_printf ("%s" ASIDE "%08x", known, g_random_int ()), FALSE };
}

/* Both names, with a line end between them: no name has one. */
static gboolean
begin_deletion (Apply *self, Deletion *deletion, GError **error)
{
  const char *name = self->change->folder_remote_id;
  const char *end = self->change->evidence != NULL ? strchr (self->change->evidence, '\n') : NULL;

  if (end == NULL)
    {
      name_aside (deletion, name);
      return TRUE;
    }
  /* A list may have told of the name that it has aside. */
  deletion->aside = g_strndup (self->change->evidence, end - self->change->evidence);
  deletion->name = g_strdup (strcmp (name, deletion->aside) == 0 ? end + 1 : name);
  if (!find (self, deletion->aside, &deletion->moved, error))
    return FALSE;
  if (!deletion->moved && strcmp (name, end + 1) != 0) /* another device has renamed it, or what it is in, since */
    name_aside (deletion, name);
  return TRUE;
}

/* One with folders in it stays where it is, as they would go along; so does one that the server doesn't let be renamed. Sets
 * @there to whether it is there under any of the names. */
static gboolean
set_aside (Apply *self, Deletion *deletion, gboolean *there, GError **error)
{
  g_autofree char *evidence = g_strdup_printf ("%s\n%s", deletion->aside, deletion->name);
  g_autoptr (GError) refused = NULL;
  gboolean has;

  *there = TRUE;
  if (!has_folders (self, deletion->name, &has, error))
    return FALSE;
  if (has)
    return TRUE;
  if (self->before != NULL && !self->before (evidence, self->user_data, error))
    return FALSE;
  if (command (self, "RENAME", deletion->name, deletion->aside, &refused, error) < 0
      || !find (self, deletion->aside, &deletion->moved, error))
    return FALSE;
  if (!deletion->moved && !exists (self, deletion->name, there, error))
    return FALSE;
  return TRUE;
}

/* Where another folder has its name by now it is listed under the one that it has. */
static gboolean
give_back (Apply *self, Deletion *deletion, GError **error)
{
  g_autofree char *known = name_for_people (deletion->name);
  g_autoptr (GError) ignored = NULL;

  return !deletion->moved || command (self, "RENAME", deletion->aside, known, &ignored, error) >= 0;
}

static gboolean
check_empty (Apply *self, Deletion *deletion, gboolean *empty, GError **error)
{
  g_autoptr (GError) own = NULL;
  SurelImapStatus status;
  gboolean has;

  *empty = TRUE;
  if (!deletion->moved)
    return TRUE;
  if (!has_folders (self, deletion->aside, &has, error))
    return FALSE;
  if (!surel_imap_ask_status (self->session, deletion->aside, &status, self->cancellable, &own) && !surel_imap_error_is_refusal (own))
    {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  *empty = !has && status.messages <= 0;
  return TRUE;
}

static gboolean
refuse_full (Apply *self)
{
  return refuse (self, SUREL_ERROR_CONFLICT, "Messages have come to the folder since it was to be deleted; it stays");
}

static gboolean
delete_empty (Apply *self, Deletion *deletion, GError **error)
{
  const char *name = deletion->moved ? deletion->aside : deletion->name;
  g_autoptr (GError) own = NULL;
  g_autoptr (GError) ignored = NULL;
  gboolean there = FALSE;
  gboolean unchanged = FALSE;
  int result = command (self, "DELETE", name, NULL, &own, error);

  if (result < 0 || !exists (self, name, &there, error))
    return FALSE;
  /* The name alone may be left, for the folders below it, or as that of a folder that the server always has. */
  if (result > 0 && there && !is_unchanged (self, name, &unchanged, error))
    return FALSE;
  if (result == 0 && !there && self->before != NULL) /* else an earlier attempt got through */
    return put_off (self, own->message);
  if (unchanged || (result == 0 && there))
    return (result == 0 ? take_refusal (self, own) : refuse_nothing_done (self)) && give_back (self, deletion, error);
  set_outcome (self, SUREL_OUTCOME_DONE);
  return command (self, "UNSUBSCRIBE", deletion->name, NULL, &ignored, error) >= 0;
}

static gboolean
delete_folder (Apply *self, GError **error)
{
  g_auto (Deletion) deletion = { 0 };
  SurelImapStatus status;
  gboolean same;
  gboolean there;
  gboolean empty;

  if (!surel_imap_let_go_of_mailbox (self->session, self->cancellable, error) || !begin_deletion (self, &deletion, error))
    return FALSE;
  if (!deletion.moved)
    {
      if (!check_identity (self, deletion.name, &status, &same, error))
        return FALSE;
      if (!same || status.messages > 0)
        return !same || refuse_full (self);
      if (!set_aside (self, &deletion, &there, error))
        return FALSE;
      if (!there && self->outcome == SUREL_OUTCOME_OPEN) /* it was renamed, and where to can't be seen */
        return put_off (self, "The folder isn't where it was put to be deleted");
    }
  if (!check_empty (self, &deletion, &empty, error))
    return FALSE;
  return empty ? delete_empty (self, &deletion, error) : refuse_full (self) && give_back (self, &deletion, error);
}

/* --- Subscribing --- */

static gboolean
subscribe (Apply *self, GError **error)
{
  g_autoptr (GError) own = NULL;
  gboolean there;
  int result = command (self, self->change->subscribed ? "SUBSCRIBE" : "UNSUBSCRIBE", self->change->folder_remote_id, NULL,
                        &own, error);

  if (result == 0)
    return find (self, self->change->folder_remote_id, &there, error)
           && (there ? take_refusal (self, own) : put_off (self, own->message));
  set_outcome (self, SUREL_OUTCOME_DONE);
  return result > 0;
}

/**
 * surel_imap_apply_to_folder:
 * @before: (nullable): %NULL where an earlier attempt may have been made, and the change has its evidence
 *
 * Implements surel_remote_apply() and surel_remote_settle() for changes of folders; errors may be of
 * %SUREL_IMAP_ERROR.
 */
gboolean
surel_imap_apply_to_folder (SurelImapSession *session,
                            SurelImapSpaces *spaces,
                            SurelChange *change,
                            SurelBeforeFunc before,
                            gpointer user_data,
                            GCancellable *cancellable,
                            GError **error)
{
  Apply self = { session, spaces, change, before, user_data, cancellable, SUREL_OUTCOME_OPEN, SUREL_ERROR_FAILED };

  if (!surel_imap_learn_spaces (session, spaces, cancellable, error))
    return FALSE;
  switch (change->kind)
    {
    case SUREL_CHANGE_CREATE_FOLDER:
      return create (&self, error);
    case SUREL_CHANGE_RENAME_FOLDER:
      return rename_folder (&self, error);
    case SUREL_CHANGE_DELETE_FOLDER:
      return delete_folder (&self, error);
    case SUREL_CHANGE_SUBSCRIBE_FOLDER:
      return subscribe (&self, error);
    default:
      g_assert_not_reached ();
    }
}
