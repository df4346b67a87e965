#pragma once

#include "engine/link.h"

G_BEGIN_DECLS

gboolean surel_push (const SurelContext *context,
                     gint64 account,
                     SurelRemote *remote,
                     gint64 since,
                     gboolean listed,
                     gboolean *list,
                     GCancellable *cancellable,
                     GError **error);
gboolean surel_push_needs_list (const SurelContext *context, gint64 account);
gint64 surel_push_next_due (const SurelContext *context, gint64 account);

G_END_DECLS
