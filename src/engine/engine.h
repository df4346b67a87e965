#pragma once

#include "engine/account.h"
#include "store/calls.h"
#include "store/folders.h"

G_BEGIN_DECLS

#define SUREL_TYPE_ENGINE (surel_engine_get_type ())
G_DECLARE_FINAL_TYPE (SurelEngine, surel_engine, SUREL, ENGINE, GObject)

SurelEngine *surel_engine_new (const SurelContext *context);
void surel_engine_start (SurelEngine *self);
void surel_engine_stop (SurelEngine *self);
SurelStore *surel_engine_get_store (SurelEngine *self);
GList *surel_engine_list_accounts (SurelEngine *self);
SurelAccount *surel_engine_find_account (SurelEngine *self, gint64 id);

/* Makes the reply, in the store thread: it is kept with the account, in one transaction. */
typedef GVariant *(*SurelAddedReplyFunc) (gint64 account, gpointer data);
typedef void (*SurelAddedFunc) (GVariant *reply, SurelJob *job, const GError *error, gpointer data);

void surel_engine_add_account (SurelEngine *self,
                               GVariant *settings,
                               GHashTable *secrets,
                               gboolean check,
                               const SurelKey *key,
                               SurelAddedReplyFunc reply,
                               SurelAddedFunc func,
                               gpointer data);
void surel_engine_configure (SurelEngine *self,
                             gint64 account,
                             GVariant *settings,
                             const SurelKey *key,
                             SurelDoneFunc done,
                             gpointer data);
void surel_engine_set_secrets (SurelEngine *self,
                               gint64 account,
                               GHashTable *secrets,
                               SurelDoneFunc done,
                               gpointer data);
void surel_engine_remove_account (SurelEngine *self,
                                  gint64 account,
                                  gboolean force,
                                  const SurelKey *key,
                                  SurelDoneFunc done,
                                  gpointer data);
SurelJob *surel_engine_sync (SurelEngine *self, gint64 account);
SurelJob *surel_engine_sign_in (SurelEngine *self, gint64 account);
gboolean surel_engine_answer (SurelEngine *self, SurelJob *job, gboolean accept, GError **error);

G_END_DECLS
