#pragma once

#include "bus/service.h"

G_BEGIN_DECLS

/* What comes of a message's bytes. */
typedef struct
{
  GVariant *values; /* (transfer floating): the tuple that the call returns; a handle in it is 0 */
  int fd; /* what that handle is; taken over; -1 for none */
} SurelContentReply;

/**
 * SurelContentUse:
 * @fd: the message's bytes, borrowed
 * @digest: their SHA-256
 * @reply: (out): what to answer
 *
 * Runs in a reader's thread.
 *
 * Returns: %FALSE with @error set where there is nothing to answer
 */
typedef gboolean (*SurelContentUse) (
    int fd, const guint8 *digest, gpointer data, SurelContentReply *reply, GError **error);

void surel_content_call (SurelService *service,
                         GDBusMethodInvocation *invocation,
                         guint64 id,
                         SurelContentUse func,
                         gpointer data,
                         GDestroyNotify free_data);
void surel_content_lose (SurelStore *store, GBytes *digest);

G_END_DECLS
