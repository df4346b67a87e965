#pragma once

#include "base/errors.h"
#include "base/change.h"

G_BEGIN_DECLS

typedef struct
{
  gint64 uid;
  gint64 came; /* when */
  gint64 changed;
  guint flags;
  char *words; /* nullable */
  gint64 received;
  char *id; /* the same in any folder */
  GBytes *octets;
} FakeMessage;

typedef struct
{
  gint64 uid;
  gint64 when;
} FakeGone;

typedef struct
{
  char *id; /* stays when it is renamed */
  char *name;
  char *parent; /* nullable */
  const char *role; /* nullable */
  gboolean subscribed;
  gint64 last_uid;
  gint64 changed;
  GPtrArray *messages; /* FakeMessage, by uid */
  GArray *gone; /* FakeGone */
} FakeFolder;

/* What a remote is asked for. */
typedef enum
{
  FAKE_OPEN,
  FAKE_LIST,
  FAKE_PULL,
  FAKE_APPLY,
  FAKE_SETTLE,
  FAKE_FETCH,
  FAKE_QUOTA,
  FAKE_WAIT,
  FAKE_N_CALLS
} FakeCall;

/* A server in memory: of an account. It outlives its remotes, which may be of several threads. */
typedef struct
{
  GMutex lock;
  GCond happened;
  char *password;
  GPtrArray *folders; /* FakeFolder */
  gint64 now; /* how much has happened */

  /* What is to fail. */
  guint until[FAKE_N_CALLS]; /* which call from now on; 0 for none */
  SurelError code[FAKE_N_CALLS];
  gboolean lose_answer;
} FakeServer;

FakeServer *fake_server_new (const char *password);
void fake_server_free (FakeServer *self);
void fake_server_add_folder (FakeServer *self, const char *name, const char *role);
void fake_server_add_message (FakeServer *self, const char *folder, GBytes *octets);
void fake_server_fail (FakeServer *self, FakeCall call, guint nth, SurelError code);
void fake_server_lose_answer (FakeServer *self);

/* For its remotes. */
gint64 fake_server_happen (FakeServer *self, FakeFolder *folder);
FakeFolder *fake_server_find_folder (FakeServer *self, const char *id);
FakeFolder *fake_server_find_named (FakeServer *self, const char *parent, const char *name);
FakeFolder *fake_server_make_folder (FakeServer *self, const char *parent, const char *name, const char *role);
void fake_server_put (FakeServer *self, FakeFolder *folder, FakeMessage *message);
FakeMessage *fake_server_take_out (FakeServer *self, FakeFolder *folder, gint64 uid);
FakeMessage *fake_folder_find (const FakeFolder *folder, gint64 uid, guint *index);
FakeMessage *fake_message_new (FakeServer *server, GBytes *octets, gint64 received);
void fake_message_free (gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeServer, fake_server_free)

G_END_DECLS
