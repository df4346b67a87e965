/* Values of a message on their way from a remote to the store. */
#include "base/message.h"

#include <string.h>

#define HASH_START G_GUINT64_CONSTANT (0xcbf29ce484222325) /* FNV-1a */

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
  g_free (self);
}

/* FNV-1a, 64 bits, with a NUL behind each field so that they can't run into one another. */
static guint64
mix (guint64 hash, const void *data, gsize length)
{
  const guchar *p = data;

  for (gsize i = 0; i < length; i++)
    hash = (hash ^ p[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash * G_GUINT64_CONSTANT (0x100000001b3);
}

/* SQLite has signed integers alone; 0 stands for none. */
static guint64
fit (guint64 hash)
{
  hash &= G_MAXINT64;
  return hash != 0 ? hash : 1;
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
  guint64 hash = HASH_START;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    hash = mix (hash, texts[i] != NULL ? texts[i] : "", texts[i] != NULL ? strlen (texts[i]) : 0);
  if (self->from != NULL)
    hash = mix (hash, g_bytes_get_data (self->from, NULL), g_bytes_get_size (self->from));
  hash = mix (hash, &self->size, sizeof self->size);
  hash = mix (hash, &self->received, sizeof self->received);
  hash = mix (hash, &self->sent, sizeof self->sent);
  return fit (hash);
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
  return self->email_id != NULL ? fit (mix (HASH_START, self->email_id, strlen (self->email_id)))
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
