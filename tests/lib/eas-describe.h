#pragma once

#include "remote/eas/eas-reader.h"

char *eas_describe (GBytes *document, gsize piece, guint64 limit, GError **error);
