/* What goes from a thread to a main context goes through here, and through nothing else: it is the
 * one place that tells ThreadSanitizer of the hand-over, which it can't see inside Debian's GLib. */
#include "base/post.h"

#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(p) __tsan_release (p)
#define TAKE_OVER(p) __tsan_acquire (p)
#else
#define HAND_OVER(p) ((void) (p))
#define TAKE_OVER(p) ((void) (p))
#endif

/**
 * surel_hand_over:
 * @p: what another thread will be given by ways that ThreadSanitizer can't see
 */
void
surel_hand_over (gpointer p)
{
  HAND_OVER (p);
}

/**
 * surel_take_over:
 * @p: what another thread has handed over
 */
void
surel_take_over (gpointer p)
{
  TAKE_OVER (p);
}

typedef struct
{
  SurelPostFunc func;
  gpointer data; /* owned where there is a destroy */
  GDestroyNotify destroy; /* nullable */
} Post;

static gboolean
dispatch (gpointer data)
{
  Post *post = data;

  surel_take_over (post);
  post->func (post->data);
  return G_SOURCE_REMOVE;
}

static void
post_free (gpointer data)
{
  Post *post = data;

  surel_take_over (post);
  if (post->destroy != NULL)
    post->destroy (post->data);
  g_free (post);
}

/**
 * surel_post:
 * @context: (nullable): where @func shall run, %NULL for the main one
 * @func: called once, in an iteration of @context, never from within this call
 * @data: handed over whole
 * @destroy: (nullable): frees @data after the call, or without it where the context ends first
 *
 * Calls from one thread run in their order.
 */
void
surel_post (GMainContext *context, SurelPostFunc func, gpointer data, GDestroyNotify destroy)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  Post *post = g_new (Post, 1);

  *post = (Post){ func, data, destroy };
  surel_hand_over (post);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, dispatch, post, post_free);
  g_source_attach (source, context);
}
