#pragma once

#include "bus/content.h"

G_BEGIN_DECLS

/* What of a message OpenPart and Read are asked for. */
typedef struct
{
  char *part; /* its id; empty for the whole */
  gboolean utf8; /* text is converted */
  gboolean raw; /* the transfer encoding is left on */
  guint64 offset; /* of Read */
  guint count; /* likewise */
} SurelPartWanted;

SurelPartWanted *surel_part_wanted_new (const char *part, GVariant *options, GError **error);
void surel_part_wanted_free (gpointer self);
int surel_part_reopen (int fd, GError **error);
gboolean
surel_part_open (int fd, const guint8 *digest, gpointer wanted, SurelContentReply *reply, GError **error);
gboolean
surel_part_read (int fd, const guint8 *digest, gpointer wanted, SurelContentReply *reply, GError **error);

G_END_DECLS
