#pragma once

#include "base/change.h"
#include "store/store.h"

G_BEGIN_DECLS

gboolean surel_folder_intents_next (SurelReader *reader, gint64 account, gint64 now, SurelChange **next, GError **error);
gboolean surel_folder_intents_record (SurelTxn *txn, SurelChange *change, GError **error);
gboolean surel_folder_intents_gone (SurelTxn *txn, gint64 account, gint64 folder, GError **error);
gboolean surel_folder_intents_drop_new (SurelTxn *txn, gint64 account, gint64 folder, GError **error);
gboolean surel_folder_intents_are_open (SurelTxn *txn, gint64 folder, gboolean *open, GError **error);

G_END_DECLS
