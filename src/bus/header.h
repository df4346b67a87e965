#pragma once

#include "mime/mime-form.h"

G_BEGIN_DECLS

/* A message's header, of which values are told; lives no longer than the octets it is in. */
typedef struct _SurelHeader SurelHeader;

SurelHeader *surel_header_new (const char *octets, gsize length);
void surel_header_free (SurelHeader *self);
gboolean surel_header_has (SurelHeader *self, const char *field, const char *text, gboolean *complete);
gsize surel_header_get_read (const SurelHeader *self);
GVariant *surel_header_tell_addresses (const char *list, gsize length, gsize max, gboolean *cut);
GVariant *surel_header_tell (SurelHeader *self, const SurelMimeFormWanted *wanted, gsize max, gboolean *cut);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelHeader, surel_header_free)

G_END_DECLS
