#pragma once

#include "mime/mime-part.h"

G_BEGIN_DECLS

/* Which parts of a message a person reads, and which come with it (RFC 8621 §4.1.4). */
typedef struct
{
  GPtrArray *text; /* (element-type SurelMimePart): in their order; borrowed of the message */
  GPtrArray *html; /* likewise, for who can show HTML */
  GPtrArray *attachments; /* likewise */
} SurelMimeBody;

SurelMimeBody *surel_mime_body_new (const SurelMimePart *message);
void surel_mime_body_free (SurelMimeBody *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelMimeBody, surel_mime_body_free)

G_END_DECLS
