/* What FETCH says, made a message. ENVELOPE is never asked for: servers get it wrong; the header
 * fields are read by our own code, the same for all protocols. */
#include "remote/imap/imap-message.h"

#include <string.h>

#include "base/text.h"
#include "mime/mime-summary.h"
#include "remote/imap/imap-keywords.h"

#define PREVIEW_MAX 1024 /* octets: 256 characters */

static const char *const fields[]
    = { "DATE",      "FROM",       "SENDER",       "REPLY-TO",   "TO",
        "CC",        "BCC",        "SUBJECT",      "MESSAGE-ID", "IN-REPLY-TO",
        "REFERENCES", "LIST-ID",   "LIST-POST",    "LIST-UNSUBSCRIBE", "LIST-UNSUBSCRIBE-POST",
        "AUTO-SUBMITTED", "IMPORTANCE", "X-PRIORITY", "DISPOSITION-NOTIFICATION-TO", "CONTENT-TYPE",
        NULL };

/**
 * surel_imap_add_items:
 *
 * Adds what is asked for of a new message: header fields and BODYSTRUCTURE, no body.
 */
void
surel_imap_add_items (SurelImapCommand *command, SurelImapSession *session)
{
  static const char *const items[]
      = { "UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODYSTRUCTURE" };

  surel_imap_command_open (command);
  for (guint i = 0; i < G_N_ELEMENTS (items); i++)
    surel_imap_command_atom (command, items[i]);
  if (surel_imap_session_can (session, SUREL_IMAP_CAN_OBJECTID))
    {
      surel_imap_command_atom (command, "EMAILID");
      surel_imap_command_atom (command, "THREADID");
    }
  if (surel_imap_session_can (session, SUREL_IMAP_CAN_SAVEDATE))
    surel_imap_command_atom (command, "SAVEDATE");
  if (surel_imap_session_can (session, SUREL_IMAP_CAN_PREVIEW))
    {
      surel_imap_command_atom (command, "PREVIEW");
      surel_imap_command_open (command);
      surel_imap_command_atom (command, "LAZY");
      surel_imap_command_close (command);
    }
  surel_imap_command_section (command, "BODY.PEEK", "HEADER.FIELDS", fields, -1, 0);
  surel_imap_command_close (command);
}

/* A part a person would see as a file (RFC 8621 §4.1.4, hasAttachment). Iterative: the parser has capped
 * the depth, and the stack is as deep. */
static gboolean
has_attachment (const SurelImapPart *part)
{
  static const char *const machinery[]
      = { "pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-encrypted" };

  if (part->children != NULL && strcmp (part->type, "multipart") == 0)
    {
      for (guint i = 0; part->children[i] != NULL; i++)
        if (has_attachment (part->children[i]))
          return TRUE;
      return FALSE;
    }
  if (part->disposition != NULL && strcmp (part->disposition, "attachment") == 0)
    {
      for (guint i = 0; i < G_N_ELEMENTS (machinery); i++)
        if (strcmp (part->subtype, machinery[i]) == 0)
          return FALSE;
      return TRUE;
    }
  if (strcmp (part->type, "text") == 0)
    return part->disposition == NULL && strcmp (part->subtype, "plain") != 0
           && strcmp (part->subtype, "html") != 0;
  if (strcmp (part->type, "multipart") == 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (machinery); i++)
    if (strcmp (part->subtype, machinery[i]) == 0)
      return FALSE;
  return !(part->id != NULL && strcmp (part->type, "image") == 0);
}

static const SurelImapSection *
find_header (const SurelImapFetch *fetch)
{
  for (guint i = 0; i < fetch->n_sections; i++)
    if (g_str_has_prefix (fetch->sections[i].section, "HEADER.FIELDS"))
      return &fetch->sections[i];
  return NULL;
}

/**
 * surel_imap_message_of:
 * @fetch: an answer to surel_imap_add_items()
 *
 * Returns: (transfer full) (nullable): the message; %NULL where the answer isn't one: it has no UID, or
 *   not the fields that were asked for
 */
SurelMessage *
surel_imap_message_of (const SurelImapFetch *fetch)
{
  const SurelImapSection *header = find_header (fetch);
  SurelMessage *message;

  if (fetch->uid == 0 || header == NULL || !fetch->has_flags)
    return NULL;
  message = surel_message_new ();
  message->remote_id.number = fetch->uid;
  message->flags = surel_imap_keywords_of (&fetch->flags, &message->keywords);
  message->received = fetch->has_date ? fetch->date : 0;
  message->saved = fetch->saved;
  message->size = fetch->has_size ? fetch->size : 0;
  if (header->data != NULL)
    {
      g_autoptr (SurelMimeSummary) summary = surel_mime_summary_new (header->data, header->length);

      surel_mime_summary_give (summary, message);
    }
  if (!fetch->has_date)
    message->received = message->sent;
  message->preview = fetch->preview != NULL && fetch->preview[0] != '\0'
                         ? surel_text_clean (fetch->preview, -1, PREVIEW_MAX)
                         : NULL;
  message->email_id = g_strdup (fetch->email_id);
  message->thread_id = g_strdup (fetch->thread_id);
  message->has_attachment = fetch->structure != NULL && has_attachment (fetch->structure);
  return message;
}
