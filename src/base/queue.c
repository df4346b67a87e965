/* The one way threads hand things to one another: a bounded queue on a pthread mutex. Not
 * GAsyncQueue, for ThreadSanitizer doesn't see into Debian's GLib and would report each hand-over. */
#include "base/queue.h"

#include <pthread.h>
#include <time.h>

struct _SurelQueue
{
  pthread_mutex_t mutex;
  pthread_cond_t not_empty;
  pthread_cond_t not_full;
  GQueue items; /* under the mutex, like all below */
  guint n_urgent; /* how many at the head are urgent */
  guint capacity; /* 0 for none */
  gboolean closed;
  GDestroyNotify destroy; /* nullable: for items that nobody took */
};

/**
 * surel_queue_new:
 * @capacity: how many items may wait before surel_queue_push() blocks, 0 for any number
 * @destroy: (nullable): frees the items left at the end
 *
 * Returns: (transfer full): an open, empty queue
 */
SurelQueue *
surel_queue_new (guint capacity, GDestroyNotify destroy)
{
  SurelQueue *self = g_new0 (SurelQueue, 1);
  pthread_condattr_t attributes;

  pthread_mutex_init (&self->mutex, NULL);
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&self->not_empty, &attributes);
  pthread_cond_init (&self->not_full, &attributes);
  pthread_condattr_destroy (&attributes);
  g_queue_init (&self->items);
  self->capacity = capacity;
  self->destroy = destroy;
  return self;
}

/**
 * surel_queue_free:
 * @self: a queue no other thread uses any more
 */
void
surel_queue_free (SurelQueue *self)
{
  gpointer item;

  while ((item = g_queue_pop_head (&self->items)) != NULL)
    if (self->destroy != NULL)
      self->destroy (item);
  pthread_cond_destroy (&self->not_empty);
  pthread_cond_destroy (&self->not_full);
  pthread_mutex_destroy (&self->mutex);
  g_free (self);
}

/**
 * surel_queue_push:
 * @item: (transfer full) (not nullable): handed over whole
 *
 * Appends @item; waits while the queue is full.
 *
 * Returns: %FALSE where the queue is closed, and @item is still the caller's
 */
gboolean
surel_queue_push (SurelQueue *self, gpointer item)
{
  gboolean open;

  pthread_mutex_lock (&self->mutex);
  while (!self->closed && self->capacity > 0 && self->items.length >= self->capacity)
    pthread_cond_wait (&self->not_full, &self->mutex);
  open = !self->closed;
  if (open)
    {
      g_queue_push_tail (&self->items, item);
      pthread_cond_signal (&self->not_empty);
    }
  pthread_mutex_unlock (&self->mutex);
  return open;
}

/**
 * surel_queue_push_urgent:
 * @item: (transfer full) (not nullable): handed over whole
 *
 * Puts @item before all that isn't urgent and behind what is, without waiting: past the capacity if
 * need be, and also when the queue is closed (it is then taken by who still pops, or destroyed with
 * the queue).
 */
void
surel_queue_push_urgent (SurelQueue *self, gpointer item)
{
  pthread_mutex_lock (&self->mutex);
  g_queue_push_nth (&self->items, item, (gint) self->n_urgent++);
  pthread_cond_signal (&self->not_empty);
  pthread_mutex_unlock (&self->mutex);
}

/**
 * surel_queue_try_push:
 * @item: (transfer full) (not nullable): handed over whole
 *
 * Appends @item where there is room for it.
 *
 * Returns: %FALSE where the queue is full or closed, and @item is still the caller's
 */
gboolean
surel_queue_try_push (SurelQueue *self, gpointer item)
{
  gboolean taken;

  pthread_mutex_lock (&self->mutex);
  taken = !self->closed && (self->capacity == 0 || self->items.length < self->capacity);
  if (taken)
    {
      g_queue_push_tail (&self->items, item);
      pthread_cond_signal (&self->not_empty);
    }
  pthread_mutex_unlock (&self->mutex);
  return taken;
}

/**
 * surel_queue_has_urgent:
 *
 * Returns: whether the next item is one of surel_queue_push_urgent()
 */
gboolean
surel_queue_has_urgent (SurelQueue *self)
{
  gboolean has;

  pthread_mutex_lock (&self->mutex);
  has = self->n_urgent > 0;
  pthread_mutex_unlock (&self->mutex);
  return has;
}

static struct timespec
deadline_after (gint64 timeout_us)
{
  struct timespec deadline;

  clock_gettime (CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += timeout_us / G_USEC_PER_SEC;
  deadline.tv_nsec += (timeout_us % G_USEC_PER_SEC) * 1000;
  if (deadline.tv_nsec >= 1000000000)
    {
      deadline.tv_sec++;
      deadline.tv_nsec -= 1000000000;
    }
  return deadline;
}

/**
 * surel_queue_pop:
 * @timeout_us: how long to wait at most, in microseconds, -1 for as long as it takes
 *
 * Returns: (transfer full) (nullable): the first item; %NULL when the time is over or the queue is
 *   closed and empty
 */
gpointer
surel_queue_pop (SurelQueue *self, gint64 timeout_us)
{
  struct timespec deadline = { 0 };
  gboolean in_time = timeout_us != 0;
  gpointer item;

  if (timeout_us > 0)
    deadline = deadline_after (timeout_us);
  pthread_mutex_lock (&self->mutex);
  while (self->items.length == 0 && !self->closed && in_time)
    {
      if (timeout_us < 0)
        pthread_cond_wait (&self->not_empty, &self->mutex);
      else
        in_time = pthread_cond_timedwait (&self->not_empty, &self->mutex, &deadline) == 0;
    }
  item = g_queue_pop_head (&self->items);
  if (item != NULL && self->n_urgent > 0)
    self->n_urgent--;
  pthread_cond_signal (&self->not_full);
  pthread_mutex_unlock (&self->mutex);
  return item;
}

/**
 * surel_queue_try_pop:
 *
 * Returns: (transfer full) (nullable): the first item, or %NULL where none waits
 */
gpointer
surel_queue_try_pop (SurelQueue *self)
{
  return surel_queue_pop (self, 0);
}

/**
 * surel_queue_try_pop_alike:
 * @urgent: which kind may be taken
 *
 * Looks and takes at once: between surel_queue_has_urgent() and surel_queue_pop() another may be put first.
 *
 * Returns: (transfer full) (nullable): the first item, or %NULL where none waits or it is of the other kind
 */
gpointer
surel_queue_try_pop_alike (SurelQueue *self, gboolean urgent)
{
  gpointer item = NULL;

  pthread_mutex_lock (&self->mutex);
  if ((self->n_urgent > 0) == (urgent != FALSE))
    item = g_queue_pop_head (&self->items);
  if (item != NULL && self->n_urgent > 0)
    self->n_urgent--;
  pthread_cond_signal (&self->not_full);
  pthread_mutex_unlock (&self->mutex);
  return item;
}

/**
 * surel_queue_close:
 *
 * Lets nobody push any more and wakes all who wait; what is in the queue can still be popped.
 */
void
surel_queue_close (SurelQueue *self)
{
  pthread_mutex_lock (&self->mutex);
  self->closed = TRUE;
  pthread_cond_broadcast (&self->not_empty);
  pthread_cond_broadcast (&self->not_full);
  pthread_mutex_unlock (&self->mutex);
}

gboolean
surel_queue_is_closed (SurelQueue *self)
{
  gboolean closed;

  pthread_mutex_lock (&self->mutex);
  closed = self->closed;
  pthread_mutex_unlock (&self->mutex);
  return closed;
}
