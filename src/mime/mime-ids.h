#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SUREL_MIME_IDS_MAX 1000 /* ids of one field: the first and the last 999 */
#define SUREL_MIME_ID_MAX 998 /* octets of one id: a line's length */

char *surel_mime_parse_ids (const char *raw, gsize length);

G_END_DECLS
