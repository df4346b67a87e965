#pragma once

#include "store/store.h"

G_BEGIN_DECLS

/* A message of which bytes are wanted. */
typedef struct
{
  gint64 account;
  gint64 message;
} SurelWanted;

gboolean surel_transfers_wanted (SurelReader *reader, GArray *wanted, GError **error);

G_END_DECLS
