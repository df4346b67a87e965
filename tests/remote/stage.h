#pragma once

#include "device.h"
#include "fake-remote.h"

G_BEGIN_DECLS

/* A folder, and its remote ids: a server may have others for each device. */
typedef struct
{
  char *name;
  char *mine;
  char *theirs;
} Place;

/* What each case has: the account under test, seen by two devices, and a folder of its own. */
typedef struct
{
  Device *me; /* with a remote of its own for each case */
  Device *other; /* the same one in all cases */
  Place here;
  Place there; /* for those that want another one: see scene_make_there() */
} Scene;

/* The folders that are there before: of the first two, messages `m1` to `m120` each, of the last one `m1000`. */
#define STAGE_STOCK "Stock"
#define STAGE_MANY "Many"
#define STAGE_LARGE "Large"
#define STAGE_COUNT 120

void stage_open (void);
void stage_close (void);
FakeServer *stage_get_fake (void);
SurelRemote *stage_new_remote (const char *device, const char *password);
SurelRemote *stage_open_remote (const char *device);
GBytes *stage_get_large (void);

void scene_set_up (Scene *self, gconstpointer data);
void scene_tear_down (Scene *self, gconstpointer data);
void scene_reconnect (Scene *self);
gboolean scene_can (Scene *self, const char *capability);
char *scene_new_name (const char *name);
void scene_make_there (Scene *self);
char *scene_give (Scene *self, guint count);
void scene_expect (Scene *self, const Place *place, const char *came, const char *changed, const char *went);
char *scene_see_anew (const Place *place);

#define STAGE_ME "surelconformance1"
#define STAGE_OTHER "surelconformance2"
#define STAGE_ANOTHER "surelconformance3"

G_END_DECLS
