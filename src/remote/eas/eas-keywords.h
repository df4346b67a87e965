#pragma once

#include "base/change.h"
#include "remote/eas/eas-writer.h"

G_BEGIN_DECLS

gboolean surel_eas_keywords_fit (const SurelChange *change);
void surel_eas_keep_here (SurelChange *change);
void surel_eas_check_words (const SurelChange *change, SurelChangeItem *item, const char *has);
void surel_eas_write_keywords (SurelEasWriter *request, const SurelChange *change, const SurelChangeItem *item);

G_END_DECLS
