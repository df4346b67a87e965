#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What of a message tells the thread that it belongs to. Strings are nullable. */
typedef struct
{
  const char *server; /* the server's id of the thread (RFC 8474); NULL where it has none */
  const char *subject;
  const char *message_id; /* without angle brackets */
  const char *in_reply_to; /* ids with one space between */
  const char *references; /* likewise */
} SurelThreadTraits;

char *surel_base_subject (const char *subject);
GArray *surel_thread_keys (gint64 account, const SurelThreadTraits *traits);

G_END_DECLS
