#pragma once

#include <gio/gio.h>

#include "remote/eas/eas-tags.h"
#include "remote/remote.h"

G_BEGIN_DECLS

#define SUREL_EAS_DEPTH_MAX 64 /* elements inside of one another; real answers have twelve */

typedef struct _SurelEasReader SurelEasReader;

SurelEasReader *surel_eas_reader_new (GInputStream *stream, guint64 limit, GCancellable *cancellable);
void surel_eas_reader_free (SurelEasReader *self);
gboolean surel_eas_reader_child (SurelEasReader *self, guint *tag);
void surel_eas_reader_skip (SurelEasReader *self);
char *surel_eas_reader_text (SurelEasReader *self, gsize max);
gint64 surel_eas_reader_number (SurelEasReader *self);
void surel_eas_reader_content (SurelEasReader *self, SurelContentFunc func, gpointer user_data);
gboolean surel_eas_reader_is_empty (SurelEasReader *self);
gboolean surel_eas_reader_finish (SurelEasReader *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelEasReader, surel_eas_reader_free)

G_END_DECLS
