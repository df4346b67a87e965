/* A queue in which those who ask take turns: the items of one come in their order, but a thousand
 * of them don't keep another's single one waiting. Each owner has a line; who pops takes the first
 * item of the first line, and what is left of the line goes behind all others. */
#include "base/turns.h"

#include <pthread.h>

typedef struct
{
  gconstpointer owner;
  GQueue items;
} Line;

struct _SurelTurns
{
  pthread_mutex_t mutex;
  pthread_cond_t not_empty;
  GQueue lines;         /* Line, none of them empty; under the mutex, like all below */
  GHashTable *by_owner; /* owner → Line */
  gboolean closed;
  GDestroyNotify destroy; /* nullable: for items that nobody took */
};

/**
 * surel_turns_new:
 * @destroy: (nullable): frees the items left at the end
 *
 * Returns: (transfer full): an open, empty queue
 */
SurelTurns *
surel_turns_new (GDestroyNotify destroy)
{
  SurelTurns *self = g_new0 (SurelTurns, 1);

  pthread_mutex_init (&self->mutex, NULL);
  pthread_cond_init (&self->not_empty, NULL);
  g_queue_init (&self->lines);
  self->by_owner = g_hash_table_new (NULL, NULL);
  self->destroy = destroy;
  return self;
}

/* Returns: (nullable): the item whose turn it is. Under the mutex. */
static gpointer
take (SurelTurns *self)
{
  Line *line = g_queue_pop_head (&self->lines);
  gpointer item;

  if (line == NULL)
    return NULL;
  item = g_queue_pop_head (&line->items);
  if (line->items.length > 0)
    g_queue_push_tail (&self->lines, line);
  else
    {
      g_hash_table_remove (self->by_owner, line->owner);
      g_free (line);
    }
  return item;
}

/**
 * surel_turns_free:
 * @self: a queue no other thread uses any more
 */
void
surel_turns_free (SurelTurns *self)
{
  gpointer item;

  while ((item = take (self)) != NULL)
    if (self->destroy != NULL)
      self->destroy (item);
  g_hash_table_unref (self->by_owner);
  pthread_cond_destroy (&self->not_empty);
  pthread_mutex_destroy (&self->mutex);
  g_free (self);
}

/**
 * surel_turns_push:
 * @owner: (nullable): whose item it is; only compared. What has no owner shares a line of its own
 * @item: (transfer full) (not nullable): handed over whole
 *
 * Returns: %FALSE where the queue is closed, and @item is still the caller's
 */
gboolean
surel_turns_push (SurelTurns *self, gconstpointer owner, gpointer item)
{
  gboolean open;
  Line *line;

  pthread_mutex_lock (&self->mutex);
  open = !self->closed;
  if (open)
    {
      line = g_hash_table_lookup (self->by_owner, owner);
      if (line == NULL)
        {
          line = g_new0 (Line, 1);
          line->owner = owner;
          g_hash_table_insert (self->by_owner, (gpointer) owner, line);
          g_queue_push_tail (&self->lines, line);
        }
      g_queue_push_tail (&line->items, item);
      pthread_cond_signal (&self->not_empty);
    }
  pthread_mutex_unlock (&self->mutex);
  return open;
}

/**
 * surel_turns_pop:
 *
 * Waits for an item.
 *
 * Returns: (transfer full) (nullable): the item whose turn it is; %NULL when the queue is closed
 * and empty
 */
gpointer
surel_turns_pop (SurelTurns *self)
{
  gpointer item;

  pthread_mutex_lock (&self->mutex);
  while (self->lines.length == 0 && !self->closed)
    pthread_cond_wait (&self->not_empty, &self->mutex);
  item = take (self);
  pthread_mutex_unlock (&self->mutex);
  return item;
}

/**
 * surel_turns_close:
 *
 * Lets nobody push any more and wakes all who wait; what is in the queue can still be popped.
 */
void
surel_turns_close (SurelTurns *self)
{
  pthread_mutex_lock (&self->mutex);
  self->closed = TRUE;
  pthread_cond_broadcast (&self->not_empty);
  pthread_mutex_unlock (&self->mutex);
}
