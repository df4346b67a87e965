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

/* The parts of a message, told one property at a time; lives no longer than the octets it was found in. */
typedef struct _SurelBody SurelBody;

/* Lists of parts (RFC 8621 §4.1.4). */
typedef enum
{
  SUREL_BODY_TEXT,
  SUREL_BODY_HTML,
  SUREL_BODY_ATTACHMENTS
} SurelBodyList;

SurelBody *surel_body_new (const char *message, gsize length, const guint8 *digest);
void surel_body_free (SurelBody *self);
GVariant *surel_body_tell_structure (const SurelBody *self, guint depth);
GVariant *surel_body_tell (const SurelBody *self, SurelBodyList list, gsize max, gboolean *cut);

gboolean surel_body_take_options (GVariant *options, SurelBodyWanted *wanted, GError **error);
gboolean
surel_body_describe (int fd, const guint8 *digest, gpointer wanted, SurelContentReply *reply, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelBody, surel_body_free)

G_END_DECLS
