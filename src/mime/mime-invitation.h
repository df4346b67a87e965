#pragma once

#include <glib.h>

#include "base/change.h"

G_BEGIN_DECLS

gboolean surel_mime_answer_invitation (GBytes *mail,
                                       const char *const *addresses,
                                       SurelAnswer answer,
                                       gint64 now,
                                       char **reply,
                                       GError **error);

G_END_DECLS
