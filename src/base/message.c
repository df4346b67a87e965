/* Values of a message on their way from a remote to the store. */
#include "base/message.h"

#include <string.h>

#include "base/hash.h"

SurelMessage *
surel_message_new (void)
{
  return g_new0 (SurelMessage, 1);
}

void
surel_message_free (SurelMessage *self)
{
  GBytes *lists[] = { self->from, self->sender, self->reply_to, self->to,
                      self->cc,   self->bcc,    self->extra };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    g_clear_pointer (&lists[i], g_bytes_unref);
  surel_remote_id_clear (&self->remote_id);
  g_free (self->keywords);
  g_free (self->subject);
  g_free (self->message_id);
  g_free (self->in_reply_to);
  g_free (self->references);
  g_free (self->preview);
  g_free (self->email_id);
  g_free (self->thread_id);
  g_free (self);
}

/**
 * surel_message_fingerprint:
 *
 * What is the same wherever the message is, and before a server has it, too: Message-ID, size, received date, sent
 * date, subject and sender together.
 *
 * Returns: a 64-bit hash of it, never 0
 */
guint64
surel_message_fingerprint (const SurelMessage *self)
{
  const char *texts[] = { self->message_id, self->subject };
  guint64 hash = SUREL_HASH_START;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    hash = surel_hash_add (hash, texts[i] != NULL ? texts[i] : "", texts[i] != NULL ? strlen (texts[i]) : 0);
  if (self->from != NULL)
    hash = surel_hash_add (hash, g_bytes_get_data (self->from, NULL), g_bytes_get_size (self->from));
  hash = surel_hash_add (hash, &self->size, sizeof self->size);
  hash = surel_hash_add (hash, &self->received, sizeof self->received);
  hash = surel_hash_add (hash, &self->sent, sizeof self->sent);
  return surel_hash_end (hash);
}

/**
 * surel_message_likeness:
 *
 * What stays also where a server gives a message it is handed another date or another size: its Message-ID; without
 * one subject, sender and sent date. Only for telling whether one of a few new messages is the one just handed over.
 *
 * Returns: a 64-bit hash of it, never 0
 */
guint64
surel_message_likeness (const SurelMessage *self)
{
  SurelMessage part = { .message_id = self->message_id };

  if (self->message_id == NULL || self->message_id[0] == '\0')
    part = (SurelMessage) { .subject = self->subject, .from = self->from, .sent = self->sent };
  return surel_message_fingerprint (&part);
}

/**
 * surel_message_identity:
 *
 * What is the same when a message turns up in another folder or under another UID: the server's own
 * id where it has one, else its fingerprint.
 *
 * Returns: a 64-bit hash of it, never 0
 */
guint64
surel_message_identity (const SurelMessage *self)
{
  return self->email_id != NULL ? surel_hash_end (surel_hash_add (SUREL_HASH_START, self->email_id, strlen (self->email_id)))
                                : surel_message_fingerprint (self);
}

void
surel_message_flags_clear (SurelMessageFlags *self)
{
  surel_remote_id_clear (&self->remote_id);
  g_free (self->keywords);
}

/**
 * surel_message_flags_array_new:
 *
 * Returns: (transfer full) (element-type SurelMessageFlags): an empty array that frees its elements
 */
GArray *
surel_message_flags_array_new (void)
{
  GArray *array = g_array_new (FALSE, TRUE, sizeof (SurelMessageFlags));

  g_array_set_clear_func (array, (GDestroyNotify) surel_message_flags_clear);
  return array;
}
