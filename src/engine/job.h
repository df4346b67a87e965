#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SUREL_TYPE_JOB (surel_job_get_type ())
G_DECLARE_FINAL_TYPE (SurelJob, surel_job, SUREL, JOB, GObject)

typedef enum
{
  SUREL_JOB_RUNNING,
  SUREL_JOB_WAITING,
  SUREL_JOB_DONE,
  SUREL_JOB_FAILED,
  SUREL_JOB_CANCELLED,
} SurelJobState;

SurelJob *surel_job_new (const char *kind, gint64 account);
const char *surel_job_get_kind (SurelJob *self);
gint64 surel_job_get_account (SurelJob *self);
SurelJobState surel_job_get_state (SurelJob *self);
double surel_job_get_progress (SurelJob *self);
const char *surel_job_get_description (SurelJob *self);
GVariant *surel_job_get_question (SurelJob *self);
const GError *surel_job_get_error (SurelJob *self);
guint surel_job_get_count (SurelJob *self);
gboolean surel_job_has_ended (SurelJob *self);

void surel_job_set_progress (SurelJob *self, double progress, const char *description);
void surel_job_add_count (SurelJob *self, guint count);
void surel_job_ask (SurelJob *self, GVariant *question);
void surel_job_answered (SurelJob *self);
void surel_job_finish (SurelJob *self, const GError *error);
void surel_job_cancel (SurelJob *self);

G_END_DECLS
