#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SurelRemoteId:
 *
 * Where a server has a message in its folder: a number that grows (an IMAP UID), or a text that means nothing to us (an
 * ActiveSync ServerId). One of them is set; neither where the id isn't known.
 */
typedef struct
{
  gint64 number; /* 0 for none */
  char *text; /* NULL for none */
} SurelRemoteId;

#define SUREL_REMOTE_ID_NUMBER(number) ((SurelRemoteId){ (number), NULL })

static inline gboolean
surel_remote_id_is_known (const SurelRemoteId *self)
{
  return self->number != 0 || self->text != NULL;
}

static inline void
surel_remote_id_clear (SurelRemoteId *self)
{
  self->number = 0;
  g_clear_pointer (&self->text, g_free);
}

/* Takes @value over. */
static inline void
surel_remote_id_set (SurelRemoteId *self, SurelRemoteId value)
{
  surel_remote_id_clear (self);
  *self = value;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SurelRemoteId, surel_remote_id_clear)

G_END_DECLS
