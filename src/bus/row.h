#pragma once

#include "store/rows.h"

G_BEGIN_DECLS

/* Which properties a caller wants; immutable. */
typedef struct _SurelProperties SurelProperties;

SurelProperties *surel_properties_new (const char *const *names, gboolean collapsed, GError **error);
void surel_properties_free (SurelProperties *self);
int surel_properties_read (const SurelProperties *self,
                           SurelStore *store,
                           SurelReader *reader,
                           gint64 id,
                           guint64 *read,
                           GVariant **row,
                           GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelProperties, surel_properties_free)

G_END_DECLS
