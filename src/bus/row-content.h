#pragma once

#include "bus/row-out.h"
#include "mime/mime-form.h"
#include "store/rows.h"

G_BEGIN_DECLS

/* What a row shall tell of a message's bytes. */
typedef struct
{
  GPtrArray *headers; /* (element-type SurelMimeFormWanted) */
  gboolean structure;
  gboolean text;
  gboolean html;
  gboolean attachments;
} SurelRowContent;

GMappedFile *surel_row_content_open (SurelStore *store, const guint8 *digest, gboolean *unreadable);
void surel_row_content_add (
    const SurelRowContent *self, SurelRowOut *out, SurelStore *store, const SurelRow *row, guint64 *read);

G_END_DECLS
