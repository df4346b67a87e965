/* What people did to folders (MS-ASCMD §2.2.1.2 to §2.2.1.4: FolderCreate, FolderDelete, FolderUpdate). Each begins with the
 * key of the list and gives the next one, so the list is brought up to date first; its new token is stored with the
 * outcome. That tells, too, whether an earlier attempt was done, of which no answer came. (SOGo doesn't tell a device what
 * that device did, and refuses what is done already by HTTP alone: then all is listed anew.) */
#include "remote/eas/eas-folder-changes.h"

#include "base/errors.h"
#include "remote/eas/eas-folders.h"
#include "remote/eas/eas-status.h"
#include "remote/eas/eas-sync.h"

#define EVIDENCE "made"

/* Of all three commands. */
typedef enum
{
  FOLDER_EXISTS = 2,
  FOLDER_IS_SPECIAL = 3,
  FOLDER_IS_GONE = 4,
  FOLDER_PARENT_IS_GONE = 5,
  FOLDER_KEY_IS_REFUSED = SUREL_EAS_STATUS_FOLDER_KEY,
} FolderStatus;

typedef struct
{
  gint64 status; /* -1 where it wasn't said */
  char *key; /* nullable */
  char *id; /* nullable */
} Answer;

static void
answer_clear (Answer *answer)
{
  g_free (answer->key);
  g_free (answer->id);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

typedef struct
{
  SurelEasSession *session;
  SurelChange *change;
  SurelEasList *list; /* owned; nullable */
  SurelBeforeFunc before; /* NULL where an earlier attempt may have been made */
  gpointer user_data;
  GCancellable *cancellable;
} Apply;

static gboolean
end (Apply *self, SurelOutcome outcome, SurelError code, const char *why)
{
  SurelChange *change = self->change;

  if (why != NULL)
    {
      g_clear_error (&change->error);
      change->error = g_error_new_literal (SUREL_ERROR, (gint) code, why);
    }
  surel_change_item (change, 0)->outcome = outcome;
  g_clear_pointer (&change->new_list_token, g_bytes_unref);
  change->new_list_token = surel_eas_list_to_token (self->list);
  return TRUE;
}

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  Answer *answer = data;
  guint tag;

  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_FOLDER_STATUS)
      answer->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_FOLDER_SYNC_KEY && answer->key == NULL)
      answer->key = surel_eas_read_folder_id (reader);
    else if (tag == SUREL_EAS_FOLDER_SERVER_ID && answer->id == NULL)
      answer->id = surel_eas_read_folder_id (reader);
    else
      surel_eas_reader_skip (reader);
}

/* @parent and @name are NULL where the command has none, and so is @id. */
static gboolean
ask (Apply *self, const char *command, SurelEasTag root, const char *id, const char *parent, Answer *answer, GError **error)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  answer->status = -1;
  surel_eas_writer_open (request, root);
  surel_eas_writer_text (request, SUREL_EAS_FOLDER_SYNC_KEY, self->list->key);
  if (id != NULL)
    surel_eas_writer_text (request, SUREL_EAS_FOLDER_SERVER_ID, id);
  if (parent != NULL)
    {
      surel_eas_writer_text (request, SUREL_EAS_FOLDER_PARENT_ID, parent);
      surel_eas_writer_text (request, SUREL_EAS_FOLDER_DISPLAY_NAME, self->change->name);
    }
  if (parent != NULL && id == NULL)
    surel_eas_writer_number (request, SUREL_EAS_FOLDER_TYPE, SUREL_EAS_FOLDER_IS_MAIL);
  surel_eas_writer_close (request);
  if (!surel_eas_session_command (self->session, command, request, read_answer, answer, &answer->status, self->cancellable, error))
    return FALSE;
  if (answer->status == SUREL_EAS_STATUS_OK)
    surel_eas_list_take_key (self->list, g_steal_pointer (&answer->key));
  return TRUE;
}

/* Sets @refused where the server doesn't do it, and says no more than that; then the list is whole. */
static gboolean
run (Apply *self,
     const char *command,
     SurelEasTag root,
     const char *id,
     const char *parent,
     Answer *answer,
     GError **refused,
     GError **error)
{
  SurelEasList *anew;
  g_autoptr (GError) own = NULL;

  if (ask (self, command, root, id, parent, answer, &own))
    return TRUE;
  if (!g_error_matches (own, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED))
    {
      g_propagate_error (error, g_steal_pointer (&own));
      return FALSE;
    }
  anew = surel_eas_sync_folders (self->session, NULL, self->cancellable, error);
  if (anew == NULL)
    return FALSE;
  surel_eas_list_free (self->list);
  self->list = anew;
  g_propagate_error (refused, g_steal_pointer (&own));
  return TRUE;
}

static gboolean
take_refusal (Apply *self, const char *command, gint64 status, GError **error)
{
  g_autoptr (GError) why = NULL;

  switch ((FolderStatus) status)
    {
    case FOLDER_EXISTS:
      return end (self, SUREL_OUTCOME_REFUSED, SUREL_ERROR_EXISTS, "The server has another folder of that name there");
    case FOLDER_IS_SPECIAL:
      return end (self, SUREL_OUTCOME_REFUSED, SUREL_ERROR_PERMISSION_DENIED, "The server doesn't let this folder be changed");
    case FOLDER_IS_GONE:
      return end (self, SUREL_OUTCOME_REFUSED, SUREL_ERROR_NOT_FOUND, "The folder was deleted before");
    case FOLDER_KEY_IS_REFUSED:
      return end (self, SUREL_OUTCOME_NOT_DONE, SUREL_ERROR_SERVER_REJECTED,
                  "The server has forgotten which folders are known here; they are listed first");
    case FOLDER_PARENT_IS_GONE:
      return end (self, SUREL_OUTCOME_REFUSED, SUREL_ERROR_NOT_FOUND, "The folder it was to be in was deleted before");
    default:
      surel_eas_check_status (command, status, &why);
    }
  if (g_error_matches (why, SUREL_ERROR, SUREL_ERROR_OFFLINE) || g_error_matches (why, SUREL_ERROR, SUREL_ERROR_RATE_LIMITED))
    {
      g_propagate_error (error, g_steal_pointer (&why));
      return FALSE;
    }
  return end (self, SUREL_OUTCOME_REFUSED, (SurelError) why->code, why->message);
}

static gboolean
take_words (Apply *self, const GError *refused)
{
  return end (self, SUREL_OUTCOME_REFUSED, SUREL_ERROR_SERVER_REJECTED, refused->message);
}

static const char *
parent_of (const SurelChange *change)
{
  return change->target_remote_id != NULL ? change->target_remote_id : SUREL_EAS_TOP;
}

/* --- Each of them --- */

static gboolean
be (Apply *self, const char *id)
{
  self->change->new_folder_id = g_strdup (id);
  surel_eas_list_put (self->list, surel_eas_folder_new (id, parent_of (self->change), self->change->name, SUREL_EAS_FOLDER_IS_MAIL));
  return end (self, SUREL_OUTCOME_DONE, 0, NULL);
}

static gboolean
create (Apply *self, GError **error)
{
  const SurelEasFolder *there = surel_eas_list_find_named (self->list, parent_of (self->change), self->change->name);
  g_autoptr (GError) refused = NULL;
  g_auto (Answer) answer = { 0 };

  if (there != NULL && self->before == NULL)
    return be (self, there->id);
  if (there != NULL)
    return take_refusal (self, "FolderCreate", FOLDER_EXISTS, error);
  if ((self->before != NULL && !self->before (EVIDENCE, self->user_data, error))
      || !run (self, "FolderCreate", SUREL_EAS_FOLDER_CREATE, NULL, parent_of (self->change), &answer, &refused, error))
    return FALSE;
  there = refused != NULL ? surel_eas_list_find_named (self->list, parent_of (self->change), self->change->name) : NULL;
  if (there != NULL && self->before == NULL)
    return be (self, there->id);
  if (refused != NULL)
    return there != NULL ? take_refusal (self, "FolderCreate", FOLDER_EXISTS, error) : take_words (self, refused);
  if (answer.status != SUREL_EAS_STATUS_OK)
    return take_refusal (self, "FolderCreate", answer.status, error);
  if (answer.id != NULL && answer.id[0] != '\0')
    return be (self, answer.id);
  return end (self, SUREL_OUTCOME_REFUSED, SUREL_ERROR_SERVER_MISBEHAVED, "The server made a folder, and does not say which");
}

static gboolean
rename_folder (Apply *self, GError **error)
{
  const char *id = self->change->folder_remote_id;
  const SurelEasFolder *folder = surel_eas_list_find (self->list, id);
  const SurelEasFolder *there = surel_eas_list_find_named (self->list, parent_of (self->change), self->change->name);
  g_autoptr (GError) refused = NULL;
  g_auto (Answer) answer = { .status = SUREL_EAS_STATUS_OK };

  if (folder != NULL && there == NULL)
    {
      if (!run (self, "FolderUpdate", SUREL_EAS_FOLDER_RENAME, id, parent_of (self->change), &answer, &refused, error))
        return FALSE;
      folder = surel_eas_list_find (self->list, id);
      there = surel_eas_list_find_named (self->list, parent_of (self->change), self->change->name);
    }
  if (folder == NULL)
    return take_refusal (self, "FolderUpdate", FOLDER_IS_GONE, error);
  if (there != NULL && there != folder)
    return take_refusal (self, "FolderUpdate", FOLDER_EXISTS, error);
  if (refused != NULL && there == NULL)
    return take_words (self, refused);
  if (refused == NULL && answer.status != SUREL_EAS_STATUS_OK)
    return take_refusal (self, "FolderUpdate", answer.status, error);
  self->change->new_folder_id = g_strdup (id);
  surel_eas_list_put (self->list, surel_eas_folder_new (id, parent_of (self->change), self->change->name, 0));
  return end (self, SUREL_OUTCOME_DONE, 0, NULL);
}

/* Only the messages that a person named were destroyed before; what came since isn't taken along. */
static gboolean
delete_folder (Apply *self, GError **error)
{
  const char *id = self->change->folder_remote_id;
  const SurelEasFolder *folder = surel_eas_list_find (self->list, id);
  SurelScope scope = { id, self->change->folder_token, NULL };
  g_autoptr (GError) refused = NULL;
  g_auto (Answer) answer = { 0 };
  gboolean has_new;

  if (folder == NULL)
    return end (self, SUREL_OUTCOME_DONE, 0, NULL);
  /* Not every server refuses it: SOGo deletes the inbox. */
  if (folder->type != SUREL_EAS_FOLDER_IS_MAIL && folder->type != SUREL_EAS_FOLDER_IS_GENERIC)
    return take_refusal (self, "FolderDelete", FOLDER_IS_SPECIAL, error);
  if (!surel_eas_has_new (self->session, &scope, &has_new, self->cancellable, error))
    return FALSE;
  if (has_new)
    return end (self, SUREL_OUTCOME_REFUSED, SUREL_ERROR_CONFLICT,
                "Messages have come to the folder since it was to be deleted; it stays");
  if (!run (self, "FolderDelete", SUREL_EAS_FOLDER_REMOVE, id, NULL, &answer, &refused, error))
    return FALSE;
  if (refused != NULL)
    return surel_eas_list_find (self->list, id) != NULL ? take_words (self, refused) : end (self, SUREL_OUTCOME_DONE, 0, NULL);
  if (answer.status != SUREL_EAS_STATUS_OK && answer.status != FOLDER_IS_GONE)
    return take_refusal (self, "FolderDelete", answer.status, error);
  surel_eas_list_drop (self->list, id);
  return end (self, SUREL_OUTCOME_DONE, 0, NULL);
}

static gboolean
apply (Apply *self, GError **error)
{
  switch (self->change->kind)
    {
    case SUREL_CHANGE_CREATE_FOLDER:
      return create (self, error);
    case SUREL_CHANGE_RENAME_FOLDER:
      return rename_folder (self, error);
    case SUREL_CHANGE_DELETE_FOLDER:
      return delete_folder (self, error);
    case SUREL_CHANGE_SUBSCRIBE_FOLDER:
    default:
      return end (self, SUREL_OUTCOME_REFUSED, SUREL_ERROR_NOT_SUPPORTED, "ActiveSync has no subscriptions");
    }
}

/**
 * surel_eas_apply_to_folder:
 * @before: (nullable): %NULL where an earlier attempt may have been made
 *
 * Implements surel_remote_apply() and surel_remote_settle() for changes of folders.
 */
gboolean
surel_eas_apply_to_folder (SurelEasSession *session,
                           SurelChange *change,
                           SurelBeforeFunc before,
                           gpointer user_data,
                           GCancellable *cancellable,
                           GError **error)
{
  Apply self = { session, change, NULL, before, user_data, cancellable };
  gboolean success;

  self.list = surel_eas_sync_folders (session, change->list_token, cancellable, error);
  if (self.list == NULL)
    return FALSE;
  success = apply (&self, error);
  surel_eas_list_free (self.list);
  return success;
}
