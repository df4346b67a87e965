#pragma once

#include "base/change.h"
#include "store/modify.h"

G_BEGIN_DECLS

gboolean surel_vacation_set (SurelTxn *txn, gint64 account, GVariant *vacation, const char *client, SurelModified *result,
                             GError **error);
gboolean surel_vacations_next (SurelReader *reader, gint64 account, gint64 now, SurelChange **next, GError **error);
gboolean surel_vacations_record (SurelTxn *txn, SurelChange *change, GError **error);
GVariant *surel_vacations_apply_waiting (SurelReader *reader, gint64 account, GVariant *vacation);

G_END_DECLS
