#pragma once

#include "store/store.h"

G_BEGIN_DECLS

/* Of a call that is to be done once; empty for others. */
typedef struct
{
  char *key; /* nullable */
  GBytes *call; /* what it asks for, or a digest of that */
} SurelKey;

void surel_key_copy (const SurelKey *self, SurelKey *copy);
void surel_key_clear (SurelKey *self);

gboolean surel_calls_find (SurelSql *sql, const SurelKey *key, GVariant **reply, GError **error);
gboolean surel_calls_keep (SurelTxn *txn, const SurelKey *key, GVariant *reply, GError **error);
gboolean surel_calls_keep_part (SurelTxn *txn, const SurelKey *key, GBytes *messages, GVariant *so_far, GError **error);
gboolean surel_calls_find_part (SurelTxn *txn,
                                const SurelKey *key,
                                const GVariantType *type,
                                GBytes **messages,
                                GVariant **so_far,
                                GError **error);
gboolean surel_calls_trim (SurelTxn *txn, GError **error);

G_END_DECLS
