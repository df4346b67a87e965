/* Tokens and hints, as text: readable in a database, and small. */
#include "remote/imap/imap-token.h"

#include <stdio.h>

GBytes *
surel_imap_token_to_bytes (const SurelImapToken *self)
{
  char *text = g_strdup_printf ("1 %u %u %" G_GUINT64_FORMAT " %u %" G_GINT64_FORMAT " %u",
                                self->uidvalidity, self->uidnext, self->highestmodseq, self->messages,
                                self->unseen, self->low);

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
  text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  return sscanf (text, "%u %u %u %" G_GUINT64_FORMAT " %u %" G_GINT64_FORMAT " %u", &version,
                 &self->uidvalidity, &self->uidnext, &self->highestmodseq, &self->messages,
                 &self->unseen, &self->low)
             == 7
         && version == 1;
}
