#pragma once

#include "bus/row-out.h"
#include "store/rows.h"

G_BEGIN_DECLS

typedef enum
{
  SUREL_ROW_THREAD_SIZE = 1 << 0,
  SUREL_ROW_THREAD_UNREAD = 1 << 1,
  SUREL_ROW_THREAD_KEYWORDS = 1 << 2,
  SUREL_ROW_THREAD_FROM = 1 << 3,
  SUREL_ROW_THREAD_ALL = (1 << 4) - 1,
} SurelRowThreadProperty;

guint surel_row_thread_property (const char *name);
gboolean surel_row_thread_add (guint wanted,
                               SurelRowOut *out,
                               SurelReader *reader,
                               gint64 thread,
                               guint64 *read,
                               GError **error);

G_END_DECLS
