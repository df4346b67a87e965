#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SUREL_MIME_DEPTH_MAX 14 /* multiparts within one another: what D-Bus can tell of, which nests 64 containers */
#define SUREL_MIME_PARTS_MAX 1000 /* parts of one message */

typedef struct _SurelMimePart SurelMimePart;

/* A part of a message (RFC 2045, RFC 2046). Where it is is told in octets from the beginning of the message that it was found
 * in, which is not kept. */
struct _SurelMimePart
{
  char *id; /* its section in IMAP (RFC 9051 §6.4.5), `1` for a message that is no multipart; NULL for a multipart */
  char *type; /* in lower case, as `text/plain` */
  char *charset; /* of text: as declared, in lower case; else NULL */
  char *name; /* that a file may have; nullable */
  char *disposition; /* in lower case; nullable */
  char *cid; /* without angle brackets; nullable */
  char *encoding; /* of transfer, in lower case; nullable */
  gboolean flowed; /* lines are wrapped as RFC 3676 has it */
  gboolean delsp; /* with the last space of each taken off */
  gsize header; /* where its header begins */
  gsize body; /* where its content begins */
  gsize end; /* where that ends */
  GPtrArray *parts; /* (element-type SurelMimePart): of a multipart; else NULL */
};

typedef gboolean (*SurelMimeChunkFunc) (const char *octets, gsize length, gpointer data);

SurelMimePart *surel_mime_part_parse (const char *message, gsize length);
void surel_mime_part_free (SurelMimePart *self);
const SurelMimePart *surel_mime_part_find (const SurelMimePart *self, const char *id);
gboolean surel_mime_part_is (const SurelMimePart *self, const char *type);
void surel_mime_part_decode (const SurelMimePart *self, const char *message, SurelMimeChunkFunc func, gpointer data);
guint64 surel_mime_part_size (const SurelMimePart *self, const char *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelMimePart, surel_mime_part_free)

G_END_DECLS
