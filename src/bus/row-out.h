#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A row in the making: 64 KiB on the wire at most, and the names of what was shortened for that. */
typedef struct
{
  GVariantBuilder dict;
  gsize size; /* octets of texts and lists so far */
  GPtrArray *cut; /* borrowed names; nullable */
} SurelRowOut;

void surel_row_out_init (SurelRowOut *self);
void surel_row_out_clear (SurelRowOut *self);
void surel_row_out_reserve (SurelRowOut *self, const char *name);
gsize surel_row_out_get_room (const SurelRowOut *self, const char *name);
void surel_row_out_note_cut (SurelRowOut *self, const char *name);
void surel_row_out_add (SurelRowOut *self, const char *name, GVariant *value);
void surel_row_out_add_text (SurelRowOut *self, const char *name, const char *text);
void surel_row_out_add_addresses (SurelRowOut *self, const char *name, const char *list, gsize length);
void surel_row_out_add_ids (SurelRowOut *self, const char *name, const char *ids);
GVariant *surel_row_out_end (SurelRowOut *self);

G_END_DECLS
