#pragma once

#include "engine/link.h"

G_BEGIN_DECLS

typedef enum
{
  SUREL_STATUS_DISABLED,
  SUREL_STATUS_OFFLINE,
  SUREL_STATUS_CONNECTING,
  SUREL_STATUS_SYNCING,
  SUREL_STATUS_IDLE,
  SUREL_STATUS_THROTTLED,
  SUREL_STATUS_AUTH_REQUIRED,
  SUREL_STATUS_LOCKED,
  SUREL_STATUS_ERROR,
} SurelStatus;

/* What a worker tells the main thread; borrowed for the call. */
typedef struct
{
  SurelStatus status;
  const GError *error; /* nullable */
  SurelCertificate *rejected; /* nullable */
  gint64 next_attempt; /* seconds since the epoch; 0 for none */
  gint64 last_sync; /* likewise */
  double progress; /* 0 to 1, -1 unknown */
  guint new_messages; /* of the pass, so far */
  guint64 done; /* requests up to this one are done, well or not; 0 while they aren't */
  const char *alert; /* nullable */
  const char *inbox; /* its remote id; nullable */
  SurelQuota quota;
  gboolean signed_in; /* the server has taken the password */
} SurelReport;

typedef void (*SurelReportFunc) (const SurelReport *report, gpointer data);

/**
 * SurelWorker:
 *
 * The thread that keeps an account in sync: it owns the connection for background work.
 */
typedef struct _SurelWorker SurelWorker;

SurelWorker *surel_worker_start (const SurelContext *context,
                                 SurelAccountRow *account,
                                 GThread *predecessor,
                                 SurelReportFunc func,
                                 gpointer data);
void surel_worker_sync (SurelWorker *self, guint64 number);
void surel_worker_push (SurelWorker *self);
GThread *surel_worker_stop (SurelWorker *self);

G_END_DECLS
