/* What a server lets one do in each folder (RFC 4314), in the words of RFC 8621 §2. It is asked for folders that others
 * share: in one's own it is all, and not worth a command each. */
#include "remote/imap/imap-rights.h"

#include <string.h>

#include "base/folder.h"
#include "remote/imap/imap-quirks.h"

static gboolean
has_all (const char *letters, const char *wanted)
{
  for (; *wanted != '\0'; wanted++)
    if (strchr (letters, *wanted) == NULL)
      return FALSE;
  return TRUE;
}

/**
 * surel_imap_rights_of:
 * @letters: what MYRIGHTS says (RFC 4314 §2.1)
 *
 * Of a server that has none of the newer letters, `c` and `d` are what they were (RFC 2086): there they stand for
 * several (RFC 4314 §2.1.1).
 *
 * Returns: #SurelRight bits
 */
guint
surel_imap_rights_of (const char *letters)
{
  static const struct
  {
    const char *letters;
    guint right;
  } rights[] = {
    { "lr", SUREL_RIGHT_READ_ITEMS }, { "i", SUREL_RIGHT_ADD_ITEMS },    { "te", SUREL_RIGHT_REMOVE_ITEMS },
    { "s", SUREL_RIGHT_SET_SEEN },    { "w", SUREL_RIGHT_SET_KEYWORDS }, { "k", SUREL_RIGHT_CREATE_CHILD },
    { "x", SUREL_RIGHT_RENAME },      { "x", SUREL_RIGHT_DELETE },       { "p", SUREL_RIGHT_SUBMIT },
  };
  gboolean old = strpbrk (letters, "kxte") == NULL;
  g_autofree char *all = g_strconcat (letters, old && strchr (letters, 'c') != NULL ? "kx" : "",
                                      old && strchr (letters, 'd') != NULL ? "te" : "", NULL);
  guint result = 0;

  for (guint i = 0; i < G_N_ELEMENTS (rights); i++)
    if (has_all (all, rights[i].letters))
      result |= rights[i].right;
  return result;
}

static guint
send_ask (SurelImapSession *session, const char *mailbox, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("MYRIGHTS");

  surel_imap_command_mailbox (command, mailbox);
  return surel_imap_session_send (session, command, cancellable, error);
}

typedef void (*TakeRightsFunc) (gpointer user_data, const char *mailbox, guint rights);

/* Where it can't be asked nothing is known, and all may be tried. */
static gboolean
read_rights (
    SurelImapSession *session, guint tag, TakeRightsFunc take, gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) own = NULL;
  const SurelImapResponse *response;
  int result;

  while ((result = surel_imap_session_next (session, tag, &response, cancellable, &own)) > 0)
    if (response->kind == SUREL_IMAP_MYRIGHTS)
      take (user_data, response->list.name, surel_imap_rights_of (response->text));
  if (result == 0 || surel_imap_error_is_refusal (own))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static void
take_for_entry (gpointer user_data, const char *mailbox, guint rights)
{
  SurelFolderEntry *entry = g_hash_table_lookup (user_data, mailbox);

  if (entry != NULL)
    entry->rights = rights;
}

static void
take_alone (gpointer user_data, const char *mailbox G_GNUC_UNUSED, guint rights)
{
  *(guint *) user_data = rights;
}

/**
 * surel_imap_ask_rights:
 * @entries: (element-type SurelFolderEntry): those that are others' get their rights
 * @by_name: the same by their names on the wire
 */
gboolean
surel_imap_ask_rights (
    SurelImapSession *session, GPtrArray *entries, GHashTable *by_name, GCancellable *cancellable, GError **error)
{
  g_autoptr (GArray) tags = g_array_new (FALSE, FALSE, sizeof (guint));
  guint done = 0;

  for (guint i = 0; i < entries->len && surel_imap_session_can (session, SUREL_IMAP_CAN_ACL); i++)
    {
      const SurelFolderEntry *entry = entries->pdata[i];
      guint tag;

      if (!entry->selectable || entry->namespace_kind == SUREL_NAMESPACE_PERSONAL)
        continue;
      tag = send_ask (session, entry->remote_id, cancellable, error);
      if (tag == 0)
        return FALSE;
      g_array_append_val (tags, tag);
      if (tags->len - done >= SUREL_IMAP_IN_FLIGHT_MAX
          && !read_rights (session, g_array_index (tags, guint, done++), take_for_entry, by_name, cancellable, error))
        return FALSE;
    }
  while (done < tags->len)
    if (!read_rights (session, g_array_index (tags, guint, done++), take_for_entry, by_name, cancellable, error))
      return FALSE;
  return TRUE;
}

/**
 * surel_imap_ask_rights_of:
 * @rights: (out): all where the server doesn't say
 */
gboolean
surel_imap_ask_rights_of (
    SurelImapSession *session, const char *mailbox, guint *rights, GCancellable *cancellable, GError **error)
{
  guint tag;

  *rights = SUREL_RIGHT_ALL;
  if (!surel_imap_session_can (session, SUREL_IMAP_CAN_ACL))
    return TRUE;
  tag = send_ask (session, mailbox, cancellable, error);
  return tag != 0 && read_rights (session, tag, take_alone, rights, cancellable, error);
}
