#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SUREL_MIME_FIELDS_MAX 1000 /* fields of one message that are looked at */
#define SUREL_MIME_FIELD_MAX (256 * 1024) /* octets of one field that are looked at */

/* One header field, borrowed from the octets it was found in. */
typedef struct
{
  const char *name;
  gsize name_length;
  const char *value; /* behind the colon, line ends of folding included */
  gsize value_length; /* without the last line end */
  gsize total; /* octets from the name to behind the last line end */
} SurelMimeField;

gboolean surel_mime_next_field (const char **p, const char *end, SurelMimeField *field);
gboolean surel_mime_field_is (const SurelMimeField *field, const char *name);
GBytes *surel_mime_put_fields (GBytes *message, const char *fields);

G_END_DECLS
