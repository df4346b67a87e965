/* Work that takes its time, as the main thread sees it. */
#include "engine/job.h"

#include "base/errors.h"

struct _SurelJob
{
  GObject parent_instance;
  const char *kind; /* a constant */
  gint64 account; /* 0 for all */
  SurelJobState state;
  double progress; /* 0 to 1, -1 unknown */
  char *description;
  GVariant *question; /* a{sv}; NULL for none */
  GError *error;
  guint count; /* of what it is about: new messages */
};

G_DEFINE_FINAL_TYPE (SurelJob, surel_job, G_TYPE_OBJECT)

enum
{
  CHANGED, /* any of its values */
  CANCELLED, /* somebody wants it to end */
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
surel_job_finalize (GObject *object)
{
  SurelJob *self = SUREL_JOB (object);

  g_free (self->description);
  g_clear_pointer (&self->question, g_variant_unref);
  g_clear_error (&self->error);
  G_OBJECT_CLASS (surel_job_parent_class)->finalize (object);
}

static void
surel_job_class_init (SurelJobClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = surel_job_finalize;
  signals[CHANGED] = g_signal_new ("changed", SUREL_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
  signals[CANCELLED] = g_signal_new ("cancelled", SUREL_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                     G_TYPE_NONE, 0);
}

static void
surel_job_init (SurelJob *self)
{
  self->progress = -1;
  self->description = g_strdup ("");
}

/**
 * surel_job_new:
 * @kind: a constant of the interface's
 * @account: whose it is, 0 for all
 *
 * Returns: (transfer full): a running job
 */
SurelJob *
surel_job_new (const char *kind, gint64 account)
{
  SurelJob *self = g_object_new (SUREL_TYPE_JOB, NULL);

  self->kind = kind;
  self->account = account;
  return self;
}

const char *
surel_job_get_kind (SurelJob *self)
{
  return self->kind;
}

gint64
surel_job_get_account (SurelJob *self)
{
  return self->account;
}

SurelJobState
surel_job_get_state (SurelJob *self)
{
  return self->state;
}

double
surel_job_get_progress (SurelJob *self)
{
  return self->progress;
}

const char *
surel_job_get_description (SurelJob *self)
{
  return self->description;
}

GVariant *
surel_job_get_question (SurelJob *self)
{
  return self->question;
}

const GError *
surel_job_get_error (SurelJob *self)
{
  return self->error;
}

guint
surel_job_get_count (SurelJob *self)
{
  return self->count;
}

gboolean
surel_job_has_ended (SurelJob *self)
{
  return self->state >= SUREL_JOB_DONE;
}

void
surel_job_set_progress (SurelJob *self, double progress, const char *description)
{
  if (surel_job_has_ended (self))
    return;
  self->progress = progress;
  if (description != NULL)
    {
      g_free (self->description);
      self->description = g_strdup (description);
    }
  g_signal_emit (self, signals[CHANGED], 0);
}

void
surel_job_add_count (SurelJob *self, guint count)
{
  self->count += count;
}

/**
 * surel_job_ask:
 * @question: an a{sv} for `Job.Question`
 */
void
surel_job_ask (SurelJob *self, GVariant *question)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (question);

  if (surel_job_has_ended (self))
    return;
  g_clear_pointer (&self->question, g_variant_unref);
  self->question = g_steal_pointer (&owned);
  self->state = SUREL_JOB_WAITING;
  g_signal_emit (self, signals[CHANGED], 0);
}

void
surel_job_answered (SurelJob *self)
{
  if (self->state != SUREL_JOB_WAITING)
    return;
  g_clear_pointer (&self->question, g_variant_unref);
  self->state = SUREL_JOB_RUNNING;
  g_signal_emit (self, signals[CHANGED], 0);
}

/**
 * surel_job_finish:
 * @error: (nullable): why it failed
 */
void
surel_job_finish (SurelJob *self, const GError *error)
{
  if (surel_job_has_ended (self))
    return;
  g_clear_pointer (&self->question, g_variant_unref);
  self->error = error != NULL ? g_error_copy (error) : NULL;
  self->state = error == NULL                                                     ? SUREL_JOB_DONE
                : g_error_matches (error, SUREL_ERROR, SUREL_ERROR_CANCELLED) ? SUREL_JOB_CANCELLED
                                                                                  : SUREL_JOB_FAILED;
  if (error == NULL)
    self->progress = 1;
  g_signal_emit (self, signals[CHANGED], 0);
}

/**
 * surel_job_cancel:
 *
 * Ends the job as cancelled; who does its work is told.
 */
void
surel_job_cancel (SurelJob *self)
{
  g_autoptr (GError) error
      = g_error_new (SUREL_ERROR, SUREL_ERROR_CANCELLED, "The job was cancelled");

  if (surel_job_has_ended (self))
    return;
  g_signal_emit (self, signals[CANCELLED], 0);
  surel_job_finish (self, error);
}
