#pragma once

#include "store/modify.h"

G_BEGIN_DECLS

SurelPatch *surel_patch_parse (GVariant *patch, GVariant *options, GError **error);

G_END_DECLS
