#pragma once

#include "bus/content.h"

G_BEGIN_DECLS

/* What GetBody is asked for. */
typedef struct
{
  gboolean text; /* values of `textBody` */
  gboolean html; /* of `htmlBody` */
  gboolean all; /* of all parts of text */
  guint32 most; /* octets of each */
} SurelBodyWanted;

gboolean surel_body_take_options (GVariant *options, SurelBodyWanted *wanted, GError **error);
gboolean
surel_body_describe (int fd, const guint8 *digest, gpointer wanted, SurelContentReply *reply, GError **error);

G_END_DECLS
