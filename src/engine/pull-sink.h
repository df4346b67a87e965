#pragma once

#include "remote/sink.h"
#include "store/store.h"

G_BEGIN_DECLS

/**
 * SurelPullSink:
 *
 * A sink whose other end is a folder of the store.
 */
typedef struct _SurelPullSink SurelPullSink;

SurelPullSink *surel_pull_sink_new (SurelStore *store, gint64 account, gint64 folder, gint64 since);
gboolean surel_pull_sink_finish (SurelPullSink *self, GError **error);
guint surel_pull_sink_get_count (SurelPullSink *self);
void surel_pull_sink_free (SurelPullSink *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelPullSink, surel_pull_sink_free)

G_END_DECLS
