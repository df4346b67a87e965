#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _SurelQueue SurelQueue;

SurelQueue *surel_queue_new (guint capacity, GDestroyNotify destroy);
void surel_queue_free (SurelQueue *self);
gboolean surel_queue_push (SurelQueue *self, gpointer item);
gboolean surel_queue_try_push (SurelQueue *self, gpointer item);
void surel_queue_push_urgent (SurelQueue *self, gpointer item);
gboolean surel_queue_has_urgent (SurelQueue *self);
gpointer surel_queue_pop (SurelQueue *self, gint64 timeout_us);
gpointer surel_queue_try_pop (SurelQueue *self);
gpointer surel_queue_try_pop_alike (SurelQueue *self, gboolean urgent);
void surel_queue_close (SurelQueue *self);
gboolean surel_queue_is_closed (SurelQueue *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelQueue, surel_queue_free)

G_END_DECLS
