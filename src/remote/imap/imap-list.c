/* The list of folders, with what STATUS says of each: one command where the server has LIST-STATUS
 * (RFC 5819), else LIST, LSUB and a STATUS a folder. */
#include "remote/imap/imap-list.h"

#include <string.h>

#include "base/errors.h"
#include "base/folder.h"
#include "base/mutation.h"
#include "base/text.h"
#include "remote/imap/imap-quirks.h"
#include "remote/imap/imap-rights.h"
#include "remote/imap/imap-token.h"

typedef struct
{
  SurelImapSession *session;
  GCancellable *cancellable;
  GPtrArray *entries; /* SurelFolderEntry */
  GHashTable *by_name; /* wire name → SurelFolderEntry, borrowed */
  GHashTable *delimiters; /* wire name → delimiter */
  SurelImapSpaces *spaces; /* borrowed */
} Listing;

typedef void (*AddItemsFunc) (Listing *listing, SurelImapCommand *command);

static void
listing_clear (Listing *listing)
{
  g_clear_pointer (&listing->entries, g_ptr_array_unref);
  g_hash_table_unref (listing->by_name);
  g_hash_table_unref (listing->delimiters);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Listing, listing_clear)

static gboolean
has_attribute (const SurelImapList *list, const char *name)
{
  for (guint i = 0; list->attributes[i] != NULL; i++)
    if (g_ascii_strcasecmp (list->attributes[i], name) == 0)
      return TRUE;
  return FALSE;
}

static const char *
role_of (const SurelImapList *list)
{
  static const char *const uses[][2] = {
    { "Sent", "sent" }, { "Drafts", "drafts" },   { "Trash", "trash" },     { "Junk", "junk" },
    { "Archive", "archive" }, { "All", "all" }, { "Flagged", "flagged" }, { "Important", "important" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (uses); i++)
    if (has_attribute (list, uses[i][0]))
      return uses[i][1];
  return NULL;
}

/* A name as a person reads it; one that can't be decoded is shown as it came. */
static char *
name_of (const char *wire)
{
  g_autofree char *decoded = surel_imap_utf7_decode (wire);

  return surel_text_clean (decoded != NULL ? decoded : wire, -1, SUREL_FOLDER_NAME_MAX);
}

static guint
depth_of (const char *name, char delimiter)
{
  guint depth = 0;

  for (const char *p = name; *p != '\0' && delimiter != '\0'; p++)
    depth += *p == delimiter;
  return depth;
}

/* Below the prefix of others' folders stands first whose they are (RFC 2342 §5). */
static void
take_owner (SurelFolderEntry *entry, const char *relative, char delimiter)
{
  const char *end = delimiter != '\0' ? strchr (relative, delimiter) : NULL;
  g_autofree char *first = end != NULL ? g_strndup (relative, (gsize) (end - relative)) : g_strdup (relative);

  g_free (entry->owner);
  entry->owner = name_of (first);
}

/* Names the folder and says what it is in; one in too many others stands alone, under its whole name. */
static void
place (Listing *listing, SurelFolderEntry *entry, char delimiter)
{
  const char *wire = entry->remote_id;
  const char *relative = wire;
  const char *last;
  GHashTableIter iter;
  gpointer prefix;
  gpointer kind;

  if (listing->spaces->prefix != NULL && g_str_has_prefix (wire, listing->spaces->prefix)
      && wire[strlen (listing->spaces->prefix)] != '\0')
    relative = wire + strlen (listing->spaces->prefix);
  g_hash_table_iter_init (&iter, listing->spaces->others);
  while (g_hash_table_iter_next (&iter, &prefix, &kind))
    if (g_str_has_prefix (wire, prefix))
      {
        entry->namespace_kind = GPOINTER_TO_UINT (kind);
        if (entry->namespace_kind == SUREL_NAMESPACE_OTHERS)
          take_owner (entry, wire + strlen (prefix), delimiter);
      }
  last = delimiter != '\0' && depth_of (relative, delimiter) < SUREL_FOLDER_DEPTH_MAX ? strrchr (relative, delimiter)
                                                                                      : NULL;
  g_free (entry->name);
  entry->name = name_of (last != NULL && last[1] != '\0' ? last + 1 : relative);
  if (last != NULL && last[1] != '\0' && last > relative)
    entry->parent_remote_id = g_strndup (wire, (gsize) (last - wire));
}

static void
add (Listing *listing, const SurelImapList *list)
{
  gboolean is_inbox = g_ascii_strcasecmp (list->name, "INBOX") == 0;
  const char *wire = is_inbox ? "INBOX" : list->name;
  SurelFolderEntry *entry = g_hash_table_lookup (listing->by_name, wire);

  if (entry == NULL)
    {
      /* One more than are kept, so that the engine sees that there were more. */
      if (list->name[0] == '\0' || listing->entries->len > SUREL_FOLDERS_MAX)
        return;
      entry = surel_folder_entry_new (wire, "");
      g_ptr_array_add (listing->entries, entry);
      g_hash_table_insert (listing->by_name, entry->remote_id, entry);
      g_hash_table_insert (listing->delimiters, entry->remote_id,
                           GINT_TO_POINTER ((gint) list->delimiter));
    }
  entry->role = is_inbox ? "inbox" : role_of (list);
  entry->subscribed = has_attribute (list, "Subscribed");
  entry->selectable = !has_attribute (list, "Noselect") && !has_attribute (list, "NonExistent");
}

static void
add_status (Listing *listing, const SurelImapMailboxStatus *status)
{
  const char *wire = g_ascii_strcasecmp (status->name, "INBOX") == 0 ? "INBOX" : status->name;
  SurelFolderEntry *entry = g_hash_table_lookup (listing->by_name, wire);
  SurelImapToken hint = { .unseen = status->unseen };

  if (entry == NULL)
    return;
  if (status->mailbox_id != NULL)
    {
      g_free (entry->identity);
      entry->identity = g_strdup (status->mailbox_id);
    }
  if (status->messages < 0) /* it is the one that tells the id alone */
    return;
  hint.uidvalidity = (guint32) CLAMP (status->uidvalidity, 0, (gint64) G_MAXUINT32);
  hint.uidnext = (guint32) CLAMP (status->uidnext, 0, (gint64) G_MAXUINT32);
  hint.messages = (guint32) CLAMP (status->messages, 0, (gint64) G_MAXUINT32);
  hint.highestmodseq = (guint64) MAX (status->highestmodseq, 0);
  entry->messages = hint.messages;
  g_clear_pointer (&entry->hint, g_bytes_unref);
  entry->hint = surel_imap_token_to_bytes (&hint);
}

/* What stays when the folder is renamed: its MAILBOXID, else its UIDVALIDITY. */
static void
identify (SurelFolderEntry *entry)
{
  SurelImapToken hint;

  if (!surel_imap_token_parse (entry->hint, &hint))
    return;
  hint.id = surel_imap_token_id_of (entry->identity);
  g_bytes_unref (entry->hint);
  entry->hint = surel_imap_token_to_bytes (&hint);
  if (entry->identity == NULL && hint.uidvalidity != 0)
    entry->identity = g_strdup_printf ("%u", hint.uidvalidity);
}

static void
mark_subscribed (Listing *listing, const SurelImapList *list)
{
  const char *wire = g_ascii_strcasecmp (list->name, "INBOX") == 0 ? "INBOX" : list->name;
  SurelFolderEntry *entry = g_hash_table_lookup (listing->by_name, wire);

  if (entry != NULL)
    entry->subscribed = TRUE;
}

static void
add_status_items (Listing *listing, SurelImapCommand *command)
{
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "MESSAGES");
  surel_imap_command_atom (command, "UIDNEXT");
  surel_imap_command_atom (command, "UIDVALIDITY");
  if (surel_imap_session_can (listing->session, SUREL_IMAP_CAN_CONDSTORE))
    surel_imap_command_atom (command, "HIGHESTMODSEQ");
  else
    surel_imap_command_atom (command, "UNSEEN");
  surel_imap_command_close (command);
}

static void
add_mailbox_id (Listing *listing G_GNUC_UNUSED, SurelImapCommand *command)
{
  surel_imap_quirk_ask_mailbox_id_alone (command);
}

/* Of the mailbox that is open STATUS may tell what we were told last (RFC 9051 §6.3.11): so none is. UNSELECT
 * goes along with the listing; it is not waited for. Without it NOOP has the server look first, which can't be
 * sent along: Dovecot puts off what NOOP asks for while more commands wait. */
static gboolean
let_go_of_mailbox (SurelImapSession *session, guint *tag, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelImapCommand) unselect = surel_imap_command_new ("UNSELECT");

  *tag = 0;
  if (surel_imap_session_get_mailbox (session)->name == NULL)
    return TRUE;
  if (!surel_imap_session_can (session, SUREL_IMAP_CAN_UNSELECT))
    return surel_imap_session_run (session, surel_imap_command_new ("NOOP"), cancellable, error);
  surel_imap_session_forget_mailbox (session, NULL);
  *tag = surel_imap_session_send (session, unselect, cancellable, error);
  return *tag != 0;
}

/**
 * surel_imap_let_go_of_mailbox:
 *
 * Has no mailbox open, as far as the server can do that.
 */
gboolean
surel_imap_let_go_of_mailbox (SurelImapSession *session, GCancellable *cancellable, GError **error)
{
  guint tag;

  return let_go_of_mailbox (session, &tag, cancellable, error)
         && (tag == 0 || surel_imap_session_finish (session, tag, cancellable, error));
}

static guint
send_list (Listing *listing, AddItemsFunc add_items, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("LIST");

  surel_imap_command_string (command, "", 0);
  surel_imap_command_mailbox (command, "*");
  surel_imap_command_atom (command, "RETURN");
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "SUBSCRIBED");
  if (surel_imap_session_can (listing->session, SUREL_IMAP_CAN_SPECIAL_USE))
    surel_imap_command_atom (command, "SPECIAL-USE");
  surel_imap_command_atom (command, "STATUS");
  add_items (listing, command);
  surel_imap_command_close (command);
  return surel_imap_session_send (listing->session, command, listing->cancellable, error);
}

static gboolean
read_list (Listing *listing, guint tag, GError **error)
{
  const SurelImapResponse *response;
  int result;

  while ((result = surel_imap_session_next (listing->session, tag, &response, listing->cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_LIST)
      add (listing, &response->list);
    else if (response->kind == SUREL_IMAP_STATUS)
      add_status (listing, &response->status);
  if (result < 0 && surel_mutation ("delete-unlisted"))
    {
      g_clear_error (error); /* what came before it broke off is taken for all there is */
      return TRUE;
    }
  return result == 0;
}

/* Both are the same but for what STATUS tells: so it doesn't matter where their answers come mixed. */
static gboolean
list_at_once (Listing *listing, GError **error)
{
  guint tag = send_list (listing, add_status_items, error);
  guint second = 0;

  if (tag == 0)
    return FALSE;
  if (surel_imap_session_can (listing->session, SUREL_IMAP_CAN_OBJECTID)
      && (second = send_list (listing, add_mailbox_id, error)) == 0)
    return FALSE;
  return read_list (listing, tag, error) && (second == 0 || read_list (listing, second, error));
}

static gboolean
list_plainly (Listing *listing, const char *name, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new (name);
  gboolean subscribed = strcmp (name, "LSUB") == 0;
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_command_string (command, "", 0);
  surel_imap_command_mailbox (command, "*");
  tag = surel_imap_session_send (listing->session, command, listing->cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (listing->session, tag, &response, listing->cancellable,
                                               error))
                > 0)
    if (response->kind == SUREL_IMAP_LIST)
      (subscribed ? mark_subscribed : add) (listing, &response->list);
  return tag != 0 && result == 0;
}

/* A folder that can't be asked is listed without a hint. */
static gboolean
read_status (Listing *listing, guint tag, GError **error)
{
  g_autoptr (GError) own = NULL;
  const SurelImapResponse *response;
  int result;

  while ((result = surel_imap_session_next (listing->session, tag, &response, listing->cancellable, &own))
         > 0)
    if (response->kind == SUREL_IMAP_STATUS)
      add_status (listing, &response->status);
  if (result == 0 || surel_imap_error_is_refusal (own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static gboolean
ask_each_status (Listing *listing, AddItemsFunc add_items, GError **error)
{
  g_autoptr (GArray) tags = g_array_new (FALSE, FALSE, sizeof (guint));
  guint done = 0;

  for (guint i = 0; i < listing->entries->len; i++)
    {
      SurelFolderEntry *entry = listing->entries->pdata[i];
      g_autoptr (SurelImapCommand) command = surel_imap_command_new ("STATUS");
      guint tag;

      if (!entry->selectable)
        continue;
      surel_imap_command_mailbox (command, entry->remote_id);
      add_items (listing, command);
      tag = surel_imap_session_send (listing->session, command, listing->cancellable, error);
      if (tag == 0)
        return FALSE;
      g_array_append_val (tags, tag);
      if (tags->len - done >= SUREL_IMAP_IN_FLIGHT_MAX
          && !read_status (listing, g_array_index (tags, guint, done++), error))
        return FALSE;
    }
  while (done < tags->len)
    if (!read_status (listing, g_array_index (tags, guint, done++), error))
      return FALSE;
  return TRUE;
}

static gboolean
list_one_by_one (Listing *listing, GError **error)
{
  return list_plainly (listing, "LIST", error) && list_plainly (listing, "LSUB", error)
         && ask_each_status (listing, add_status_items, error)
         && (!surel_imap_session_can (listing->session, SUREL_IMAP_CAN_OBJECTID)
             || ask_each_status (listing, add_mailbox_id, error));
}

/**
 * surel_imap_spaces_clear:
 *
 * Forgets what was learnt of a connection's namespaces.
 */
void
surel_imap_spaces_clear (SurelImapSpaces *self)
{
  g_clear_pointer (&self->others, g_hash_table_unref);
  g_clear_pointer (&self->prefix, g_free);
}

/* LIST "" "" says nothing but what stands between folders (RFC 9051 §6.3.9). */
static gboolean
ask_delimiter (SurelImapSession *session, SurelImapSpaces *spaces, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("LIST");
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  surel_imap_command_string (command, "", 0);
  surel_imap_command_string (command, "", 0);
  tag = surel_imap_session_send (session, command, cancellable, error);
  while (tag != 0 && (result = surel_imap_session_next (session, tag, &response, cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_LIST)
      spaces->delimiter = response->list.delimiter;
  return tag != 0 && result == 0;
}

static void
take_namespaces (SurelImapSpaces *spaces, const SurelImapNamespaces *said)
{
  if (said->n_personal > 0)
    {
      spaces->delimiter = said->personal[0].delimiter;
      g_free (spaces->prefix);
      spaces->prefix = said->personal[0].prefix[0] != '\0' ? g_strdup (said->personal[0].prefix) : NULL;
    }
  for (guint i = 0; i < said->n_others; i++)
    if (said->others[i].prefix[0] != '\0')
      g_hash_table_insert (spaces->others, g_strdup (said->others[i].prefix),
                           GUINT_TO_POINTER (SUREL_NAMESPACE_OTHERS));
  for (guint i = 0; i < said->n_shared; i++)
    if (said->shared[i].prefix[0] != '\0')
      g_hash_table_insert (spaces->others, g_strdup (said->shared[i].prefix),
                           GUINT_TO_POINTER (SUREL_NAMESPACE_SHARED));
}

/**
 * surel_imap_learn_spaces:
 * @spaces: (inout): asked for once a connection: they don't change
 */
gboolean
surel_imap_learn_spaces (SurelImapSession *session, SurelImapSpaces *spaces, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("NAMESPACE");
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  if (spaces->others != NULL)
    return TRUE;
  spaces->others = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!surel_imap_session_can (session, SUREL_IMAP_CAN_NAMESPACE))
    return ask_delimiter (session, spaces, cancellable, error);
  tag = surel_imap_session_send (session, command, cancellable, error);
  while (tag != 0 && (result = surel_imap_session_next (session, tag, &response, cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_NAMESPACE)
      take_namespaces (spaces, &response->namespaces);
  return tag != 0 && result == 0;
}

/* Parents that the server didn't list are made up: they can't hold messages. */
static void
add_missing_parents (Listing *listing)
{
  for (guint i = 0; i < listing->entries->len && listing->entries->len <= SUREL_FOLDERS_MAX; i++)
    {
      SurelFolderEntry *entry = listing->entries->pdata[i];
      const char *parent = entry->parent_remote_id;

      if (parent != NULL && !g_hash_table_contains (listing->by_name, parent))
        {
          SurelFolderEntry *made = surel_folder_entry_new (parent, "");
          gpointer delimiter = g_hash_table_lookup (listing->delimiters, entry->remote_id);

          made->selectable = FALSE;
          g_ptr_array_add (listing->entries, made);
          g_hash_table_insert (listing->by_name, made->remote_id, made);
          g_hash_table_insert (listing->delimiters, made->remote_id, delimiter);
          place (listing, made, (char) GPOINTER_TO_INT (delimiter));
        }
    }
}

/* Roles by name, where no folder has one by the server's word. */
static void
guess_roles (Listing *listing)
{
  g_autoptr (GHashTable) given = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < listing->entries->len; i++)
    {
      SurelFolderEntry *entry = listing->entries->pdata[i];

      if (entry->role != NULL)
        g_hash_table_add (given, (gpointer) entry->role);
    }
  for (guint i = 0; i < listing->entries->len; i++)
    {
      SurelFolderEntry *entry = listing->entries->pdata[i];
      const char *role;

      if (entry->role != NULL || entry->parent_remote_id != NULL || !entry->selectable
          || entry->namespace_kind != SUREL_NAMESPACE_PERSONAL)
        continue;
      role = surel_folder_role_of_name (entry->name);
      if (role != NULL && g_hash_table_add (given, (gpointer) role))
        entry->role = role;
    }
}

/**
 * surel_imap_list:
 * @spaces: (inout): the connection's namespaces, asked for where they aren't known
 *
 * Returns: (transfer full) (element-type SurelFolderEntry) (nullable): all folders, each with its hint:
 *   one more than %SUREL_FOLDERS_MAX where there are more
 */
GPtrArray *
surel_imap_list (SurelImapSession *session, SurelImapSpaces *spaces, GCancellable *cancellable, GError **error)
{
  g_auto (Listing) listing
      = { .session = session,
          .cancellable = cancellable,
          .entries = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_entry_free),
          .by_name = g_hash_table_new (g_str_hash, g_str_equal),
          .delimiters = g_hash_table_new (g_str_hash, g_str_equal),
          .spaces = spaces };
  guint unselect;
  gboolean at_once
      = surel_imap_session_can (session, SUREL_IMAP_CAN_LIST_EXTENDED | SUREL_IMAP_CAN_LIST_STATUS);

  if (!surel_imap_learn_spaces (session, spaces, cancellable, error))
    return NULL;
  if (!let_go_of_mailbox (session, &unselect, cancellable, error))
    return NULL;
  if (at_once ? !list_at_once (&listing, error) : !list_one_by_one (&listing, error))
    return NULL;
  if (unselect != 0 && !surel_imap_session_finish (session, unselect, cancellable, error))
    return NULL;
  for (guint i = 0; i < listing.entries->len; i++)
    {
      SurelFolderEntry *entry = listing.entries->pdata[i];

      identify (entry);
      place (&listing, entry,
             (char) GPOINTER_TO_INT (g_hash_table_lookup (listing.delimiters, entry->remote_id)));
    }
  if (!surel_imap_ask_rights (session, listing.entries, listing.by_name, cancellable, error))
    return NULL;
  add_missing_parents (&listing);
  guess_roles (&listing);
  return g_steal_pointer (&listing.entries);
}
