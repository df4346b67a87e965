#pragma once

#include "base/message.h"

G_BEGIN_DECLS

/* What a list of messages shows of a header. Strings are clean UTF-8; address lists are
 * `name NUL address NUL`, repeated; what isn't there is NULL. */
typedef struct
{
  char *subject;
  gint64 sent_at; /* seconds since the epoch; 0 for none */
  GBytes *from;
  GBytes *sender;
  GBytes *reply_to;
  GBytes *to;
  GBytes *cc;
  GBytes *bcc;
  char *message_id;
  char *in_reply_to;
  char *references;
  GBytes *extra; /* all other fields, as they were */
} SurelMimeSummary;

#define SUREL_MIME_EXTRA_MAX (16 * 1024) /* octets of `extra` */

SurelMimeSummary *surel_mime_summary_new (const char *raw, gsize length);
void surel_mime_summary_give (SurelMimeSummary *self, SurelMessage *message);
void surel_mime_summary_free (SurelMimeSummary *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelMimeSummary, surel_mime_summary_free)

G_END_DECLS
