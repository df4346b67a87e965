#pragma once

#include "engine/link.h"

G_BEGIN_DECLS

/**
 * SurelWatcher:
 *
 * A connection that does nothing but wait for the server to tell of changes. It lives until the server
 * ends it or it is stopped; whether there is to be another one is for its owner to say.
 */
typedef struct _SurelWatcher SurelWatcher;

/* What a watcher tells the main thread; borrowed for the call. */
typedef struct
{
  gboolean changed; /* something may have: to be asked for */
  gboolean ended; /* the connection is gone */
  const GError *error; /* why it ended; nullable */
  const char *alert; /* nullable */
} SurelWatchReport;

typedef void (*SurelWatchFunc) (const SurelWatchReport *report, gpointer data);

SurelWatcher *surel_watcher_start (const SurelContext *context,
                                   SurelAccountRow *account,
                                   const char *scope,
                                   GThread *predecessor,
                                   SurelWatchFunc func,
                                   gpointer data);
GThread *surel_watcher_stop (SurelWatcher *self);

G_END_DECLS
