/* planted-race CASE: threads begun and called as ours are, and in each case but one a race of theirs. */
#include <gio/gio.h>
#include <stdio.h>

#include "base/post.h"
#include "base/queue.h"
#include "base/refcount.h"

typedef struct
{
  SurelRefCount references; /* the main thread's and the other's */
  guint written; /* what is raced for */
} Value;

typedef struct
{
  GMainLoop *loop;
  SurelQueue *queue;
  GCancellable *cancellable;
  Value *value;
} Scene;

static void
value_unref (Value *self)
{
  if (surel_ref_count_dec (&self->references))
    g_free (self);
}

/* In the main thread, below GLib's main loop. */
static void
write_and_quit (gpointer data)
{
  Scene *scene = data;

  scene->value->written++;
  g_main_loop_quit (scene->loop);
}

/* The one that is right: all that is written is written before it is handed over. */
static gpointer
write_and_post (gpointer data)
{
  Scene *scene = data;

  scene->value->written++;
  surel_post (NULL, write_and_quit, scene, NULL);
  return NULL;
}

static gpointer
post_and_write (gpointer data)
{
  Scene *scene = data;

  surel_post (NULL, write_and_quit, scene, NULL);
  scene->value->written++;
  return NULL;
}

static gpointer
push_and_write (gpointer data)
{
  Scene *scene = data;

  surel_queue_push (scene->queue, scene->value);
  scene->value->written++;
  return NULL;
}

static gpointer
pop_and_write (gpointer data)
{
  Scene *scene = data;
  Value *value = surel_queue_pop (scene->queue, -1);

  value->written++;
  surel_post (NULL, (SurelPostFunc) g_main_loop_quit, scene->loop, NULL);
  return NULL;
}

static void
on_cancelled (GCancellable *cancellable G_GNUC_UNUSED, Scene *scene)
{
  scene->value->written++;
}

/* Written below libgobject and libgio. */
static gpointer
post_and_emit (gpointer data)
{
  Scene *scene = data;

  surel_post (NULL, write_and_quit, scene, NULL);
  g_cancellable_cancel (scene->cancellable);
  return NULL;
}

static void
let_go_and_quit (gpointer data)
{
  Scene *scene = data;

  value_unref (scene->value);
  g_main_loop_quit (scene->loop);
}

/* Written after it was let go of: the main thread frees it. */
static gpointer
let_go_and_write (gpointer data)
{
  Scene *scene = data;
  Value *value = scene->value;

  value_unref (value);
  surel_post (NULL, let_go_and_quit, scene, NULL);
  value->written++;
  return NULL;
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    GThreadFunc threads[2];
  } cases[] = {
    { "none", { write_and_post } },
    { "main-loop", { post_and_write } },
    { "queue", { push_and_write, pop_and_write } },
    { "signal", { post_and_emit } },
    { "freed", { let_go_and_write } },
  };
  Scene scene = { g_main_loop_new (NULL, FALSE), surel_queue_new (0, NULL), g_cancellable_new (), g_new0 (Value, 1) };

  surel_ref_count_init (&scene.value->references);
  surel_ref_count_inc (&scene.value->references);
  g_signal_connect (scene.cancellable, "cancelled", G_CALLBACK (on_cancelled), &scene);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    if (argc == 2 && g_str_equal (argv[1], cases[i].name))
      {
        GThread *threads[2] = { NULL };

        for (guint k = 0; k < 2 && cases[i].threads[k] != NULL; k++)
          threads[k] = g_thread_new ("surel-race", cases[i].threads[k], &scene);
        g_main_loop_run (scene.loop);
        for (guint k = 0; k < 2 && threads[k] != NULL; k++)
          g_thread_join (threads[k]);
        puts ("nothing was told");
        return 0;
      }
  return 2;
}
