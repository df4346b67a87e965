/* Tokens and hints, as text: readable in a database, and small. */
#include "remote/imap/imap-token.h"

#include <stdio.h>

/**
 * surel_imap_token_id_of:
 * @mailbox_id: (nullable): a MAILBOXID (RFC 8474)
 *
 * Returns: it as a number (FNV-1a), which is never 0; 0 for none
 */
guint64
surel_imap_token_id_of (const char *mailbox_id)
{
  guint64 id = 14695981039346656037u;

  if (mailbox_id == NULL)
    return 0;
  for (const char *p = mailbox_id; *p != '\0'; p++)
    id = (id ^ (guchar) *p) * 1099511628211u;
  return MAX (id, 1);
}

/**
 * surel_imap_token_is_of:
 * @uidvalidity: of a mailbox
 * @id: of its MAILBOXID; 0 where the server has none
 *
 * Cyrus gives mailboxes that it makes in the same second the same UIDVALIDITY. Where one of them is deleted and
 * another gets its name, only the MAILBOXID tells that UIDs mean something else there now.
 *
 * Returns: whether that is the mailbox the token was made for
 */
gboolean
surel_imap_token_is_of (const SurelImapToken *self, guint32 uidvalidity, guint64 id)
{
  return self->uidvalidity == uidvalidity && (self->id == id || self->id == 0 || id == 0);
}

GBytes *
surel_imap_token_to_bytes (const SurelImapToken *self)
{
  char *text = g_strdup_printf ("1 %u %u %" G_GUINT64_FORMAT " %u %" G_GINT64_FORMAT
                                " %u %" G_GUINT64_FORMAT,
                                self->uidvalidity, self->uidnext, self->highestmodseq, self->messages,
                                self->unseen, self->low, self->id);

  return g_bytes_new_take (text, strlen (text));
}

/**
 * surel_imap_token_parse:
 * @bytes: (nullable): what surel_imap_token_to_bytes() made
 *
 * Returns: %FALSE where there is none, or one of a form that isn't known: all is listed anew then
 */
gboolean
surel_imap_token_parse (GBytes *bytes, SurelImapToken *self)
{
  g_autofree char *text = NULL;
  guint version;

  if (bytes == NULL)
    return FALSE;
  self->id = 0; /* those of earlier versions have none */
  text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  return sscanf (text, "%u %u %u %" G_GUINT64_FORMAT " %u %" G_GINT64_FORMAT " %u %" G_GUINT64_FORMAT, &version,
                 &self->uidvalidity, &self->uidnext, &self->highestmodseq, &self->messages,
                 &self->unseen, &self->low, &self->id)
             >= 7
         && version == 1;
}
