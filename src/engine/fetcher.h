#pragma once

#include "engine/link.h"

G_BEGIN_DECLS

typedef void (*SurelFetchedFunc) (const GError *error, gpointer data);

/* @vacation: NULL with @error. */
typedef void (*SurelVacationFunc) (GVariant *vacation, const GError *error, gpointer data);

/**
 * SurelFetcher:
 *
 * The thread that brings what a person waits for, on a connection of its own, so that no background work
 * is in its way.
 */
typedef struct _SurelFetcher SurelFetcher;

SurelFetcher *surel_fetcher_start (const SurelContext *context,
                                   SurelAccountRow *account,
                                   GThread *predecessor);
void surel_fetcher_fetch (SurelFetcher *self,
                          gint64 message,
                          GCancellable *cancellable,
                          SurelFetchedFunc func,
                          gpointer data);
void surel_fetcher_read_vacation (SurelFetcher *self, GCancellable *cancellable, SurelVacationFunc func, gpointer data);
GThread *surel_fetcher_stop (SurelFetcher *self);

G_END_DECLS
