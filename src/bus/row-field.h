#pragma once

#include "mime/mime-form.h"
#include "store/rows.h"

G_BEGIN_DECLS

/* What lists show of a header field, in the form that it is kept in. */
typedef struct
{
  SurelMimeForm form; /* addresses, text, ids or a date */
  const SurelRowList *list; /* of addresses */
  const char *text; /* of the text, and of ids with one space between; nullable */
} SurelRowField;

gboolean surel_row_field_find (const SurelRow *row, const char *name, SurelRowField *field);

G_END_DECLS
