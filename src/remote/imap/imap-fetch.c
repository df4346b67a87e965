/* A message's octets, brought in pieces: no more than one of them is held in memory. */
#include "remote/imap/imap-fetch.h"

#include "base/errors.h"

#define PIECE (256 * 1024) /* octets of a body asked for at once: what may be held in memory */
#define BODY_MAX (G_GUINT64_CONSTANT (1) << 32) /* octets: no server takes a larger message */

typedef struct
{
  gboolean found; /* the message answered */
  gboolean nil; /* it answered that there is nothing */
  gboolean broken; /* it answered with what wasn't asked for */
  GBytes *octets; /* nullable */
  guint64 size; /* RFC822.SIZE */
} Piece;

static void
take_piece (Piece *piece, const SurelImapFetch *fetch, gint64 uid, guint64 offset)
{
  if (fetch->uid != uid)
    return;
  for (guint i = 0; i < fetch->n_sections; i++)
    {
      const SurelImapSection *section = &fetch->sections[i];

      if (section->section[0] != '\0' || section->binary)
        continue;
      if (section->origin != (gint64) offset || piece->octets != NULL || section->length > PIECE)
        piece->broken = TRUE;
      else if (section->data == NULL)
        piece->nil = TRUE;
      else
        {
          piece->octets = g_bytes_new (section->data, section->length);
          piece->found = TRUE;
        }
    }
  if (fetch->has_size)
    piece->size = fetch->size;
}

/* Asks for a piece of a message; what answers for another, or another piece, is not taken for it. */
static gboolean
fetch_piece (SurelImapSession *session, gint64 uid, guint64 offset, Piece *piece, GCancellable *cancellable, GError **error)
{
  g_autoptr (SurelImapCommand) command = surel_imap_command_new ("UID FETCH");
  const SurelImapResponse *response;
  int result = -1;
  guint tag;

  *piece = (Piece){ 0 };
  surel_imap_command_number (command, (guint64) uid);
  surel_imap_command_open (command);
  surel_imap_command_atom (command, "UID");
  surel_imap_command_atom (command, "RFC822.SIZE");
  surel_imap_command_section (command, "BODY.PEEK", "", NULL, (gint64) offset, PIECE);
  surel_imap_command_close (command);
  tag = surel_imap_session_send (session, command, cancellable, error);
  while (tag != 0
         && (result = surel_imap_session_next (session, tag, &response, cancellable, error)) > 0)
    if (response->kind == SUREL_IMAP_FETCH)
      take_piece (piece, &response->fetch, uid, offset);
  if (tag == 0 || result < 0)
    return FALSE;
  if (piece->broken)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
                   "The server sent another part of the message than was asked for");
      return FALSE;
    }
  /* NIL is a message that can't be had (RFC 9051 §7.5.2), but for an empty one and behind the end. */
  if (!piece->found && piece->nil && piece->size <= offset)
    {
      piece->octets = g_bytes_new (NULL, 0);
      piece->found = TRUE;
    }
  if (piece->found)
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND,
               "The server has the message no more, or can't deliver it");
  return FALSE;
}

/* What has come since the folder was opened isn't there before the server has said so on this connection, which NOOP has it do
 * (RFC 9051 §5.2). */
static gboolean
fetch_first_piece (SurelImapSession *session, gint64 uid, Piece *piece, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) own = NULL;

  if (fetch_piece (session, uid, 0, piece, cancellable, &own))
    return TRUE;
  if (g_error_matches (own, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
    return surel_imap_session_run (session, surel_imap_command_new ("NOOP"), cancellable, error)
           && fetch_piece (session, uid, 0, piece, cancellable, error);
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/**
 * surel_imap_fetch_octets:
 * @uid: of a message in the mailbox that is open
 * @func: gets them, piece by piece, and may end it with an error
 *
 * Errors may be of %SUREL_IMAP_ERROR. %SUREL_ERROR_NOT_FOUND where the message isn't there any more.
 */
gboolean
surel_imap_fetch_octets (
    SurelImapSession *session, gint64 uid, SurelContentFunc func, gpointer user_data, GCancellable *cancellable, GError **error)
{
  guint64 offset = 0;
  guint64 size = 0;
  gsize length = PIECE;

  /* A piece that isn't full is the last, unless the message is said to be longer: then an empty one is. */
  while (length == PIECE || (length > 0 && offset < size))
    {
      Piece piece;
      gboolean success = offset == 0 ? fetch_first_piece (session, uid, &piece, cancellable, error)
                                     : fetch_piece (session, uid, offset, &piece, cancellable, error);
      g_autoptr (GBytes) octets = piece.octets;

      if (!success)
        return FALSE;
      size = piece.size;
      length = g_bytes_get_size (octets);
      offset += length;
      if (offset > BODY_MAX)
        {
          g_set_error (error, SUREL_ERROR, SUREL_ERROR_TOO_LARGE, "The message has no end");
          return FALSE;
        }
      if (length > 0 && !func (g_bytes_get_data (octets, NULL), length, user_data, error))
        return FALSE;
    }
  return TRUE;
}
