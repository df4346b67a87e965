#pragma once

#include "engine/fetcher.h"
#include "engine/job.h"
#include "engine/watcher.h"
#include "engine/worker.h"

G_BEGIN_DECLS

#define SUREL_TYPE_ACCOUNT (surel_account_get_type ())
G_DECLARE_FINAL_TYPE (SurelAccount, surel_account, SUREL, ACCOUNT, GObject)

SurelAccount *surel_account_new (const SurelContext *context, SurelAccountRow *row);
void surel_account_start (SurelAccount *self);
void surel_account_stop (SurelAccount *self, GPtrArray *threads);
void surel_account_set_row (SurelAccount *self, SurelAccountRow *row);
void surel_account_sign_in_again (SurelAccount *self);
void surel_account_poke (SurelAccount *self);
SurelAccountRow *surel_account_get_row (SurelAccount *self);
gint64 surel_account_get_id (SurelAccount *self);
SurelStatus surel_account_get_status (SurelAccount *self);
const GError *surel_account_get_error (SurelAccount *self);
SurelCertificate *surel_account_get_certificate (SurelAccount *self);
gint64 surel_account_get_next_attempt (SurelAccount *self);
gint64 surel_account_get_last_sync (SurelAccount *self);
double surel_account_get_progress (SurelAccount *self);
const char *surel_account_get_alert (SurelAccount *self);
const SurelQuota *surel_account_get_quota (SurelAccount *self);
gboolean surel_account_is_watching (SurelAccount *self);
void surel_account_sync (SurelAccount *self, SurelJob *job);
void surel_account_push (SurelAccount *self);
void surel_account_set_pending (SurelAccount *self, guint operations);
guint surel_account_get_pending (SurelAccount *self);
void surel_account_sign_in (SurelAccount *self, SurelJob *job);
void surel_account_fetch (SurelAccount *self,
                          gint64 message,
                          GCancellable *cancellable,
                          SurelFetchedFunc func,
                          gpointer data);
void surel_account_read_vacation (SurelAccount *self, GCancellable *cancellable, SurelVacationFunc func, gpointer data);

G_END_DECLS
