#pragma once

#include <gio/gio.h>

#include "remote/eas/eas-tags.h"

G_BEGIN_DECLS

typedef struct _SurelEasWriter SurelEasWriter;

SurelEasWriter *surel_eas_writer_new (void);
void surel_eas_writer_free (SurelEasWriter *self);
void surel_eas_writer_open (SurelEasWriter *self, SurelEasTag tag);
void surel_eas_writer_close (SurelEasWriter *self);
void surel_eas_writer_empty (SurelEasWriter *self, SurelEasTag tag);
void surel_eas_writer_text (SurelEasWriter *self, SurelEasTag tag, const char *text);
void surel_eas_writer_number (SurelEasWriter *self, SurelEasTag tag, guint64 number);
void surel_eas_writer_bytes (SurelEasWriter *self, SurelEasTag tag, GBytes *bytes);
GInputStream *surel_eas_writer_finish (SurelEasWriter *self, goffset *length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelEasWriter, surel_eas_writer_free)

G_END_DECLS
