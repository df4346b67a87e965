#pragma once

#include "mime/mime-part.h"

G_BEGIN_DECLS

char *surel_mime_part_text (
    const SurelMimePart *part, const char *message, gsize most, gboolean *problem, gboolean *truncated);

G_END_DECLS
