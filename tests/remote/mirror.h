#pragma once

#include "base/change.h"
#include "remote/sink.h"

G_BEGIN_DECLS

/* A message as a device knows it. */
typedef struct
{
  SurelRemoteId remote_id;
  char *label; /* its Message-ID up to the @ */
  guint64 identity;
  guint flags; /* SurelKeyword bits */
  char *words; /* user keywords; nullable */
  gboolean stale; /* it was known before all was listed anew, and wasn't told of since */
} MirrorMessage;

/* What a device knows of one folder. */
typedef struct
{
  SurelSink parent;
  GHashTable *known; /* remote id as text → MirrorMessage */
  GBytes *token; /* nullable */
  GBytes *hint; /* nullable */

  /* Closed together, or not at all. */
  GPtrArray *messages; /* SurelMessage */
  GArray *flags; /* SurelMessageFlags */

  /* What the last pull said: labels, one for each time that it said so. */
  GPtrArray *came;
  GPtrArray *changed; /* flags of what was known */
  GPtrArray *went;
  gboolean restarted;
  gboolean synced;
  gboolean proven;
  guint32 server_messages;

  /* What a test wants of the next pull. */
  GCancellable *cancel; /* cancelled when the first messages come; nullable */
  int fail; /* a SurelError that is given then; -1 for none */
} Mirror;

Mirror *mirror_new (void);
void mirror_free (Mirror *self);
void mirror_begin (Mirror *self);
void mirror_end (Mirror *self);
MirrorMessage *mirror_find (Mirror *self, const char *label);
void mirror_drop (Mirror *self, const SurelRemoteId *remote_id);
void mirror_put_news (Mirror *self, const SurelNews *news);
guint mirror_count (Mirror *self);
char *mirror_describe (Mirror *self);
char *mirror_list (GPtrArray *labels);

G_END_DECLS
