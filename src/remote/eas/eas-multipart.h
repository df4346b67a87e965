#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

#define SUREL_EAS_MULTIPART_TYPE "application/vnd.ms-sync.multipart"

gboolean surel_eas_multipart_read (GInputStream *body,
                                   SurelEasAnswerFunc answer,
                                   SurelContentFunc content,
                                   gpointer user_data,
                                   GCancellable *cancellable,
                                   GError **error);

G_END_DECLS
