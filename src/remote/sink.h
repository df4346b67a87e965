#pragma once

#include "base/message.h"
#include "base/uidset.h"

G_BEGIN_DECLS

/**
 * SurelSink:
 *
 * Where a remote puts what it learnt of one scope, in order. What surel_sink_close() closes is stored
 * in one transaction with its token, so that what was taken is never asked for again and nothing is
 * passed over. A remote keeps no state: comparing is the other end's work.
 */
typedef struct _SurelSink SurelSink;

typedef struct
{
  gboolean (*put_messages) (SurelSink *self, GPtrArray *messages, GError **error);
  gboolean (*put_keyword_names) (SurelSink *self, GHashTable *names, GError **error);
  gboolean (*put_flags) (SurelSink *self, GArray *flags, GError **error);
  gboolean (*put_gone) (SurelSink *self, const SurelUidSet *uids, GError **error);
  gboolean (*put_gone_named) (SurelSink *self, const char *const *remote_ids, GError **error);
  gboolean (*put_present) (SurelSink *self,
                           guint32 first,
                           guint32 last,
                           GArray *present,
                           gboolean with_flags,
                           SurelUidSet *missing,
                           SurelUidSet *gone,
                           GError **error);
  gboolean (*restart) (SurelSink *self, GError **error);
  gboolean (*close) (SurelSink *self, GBytes *token, GError **error);
  gboolean (*listed) (SurelSink *self, GError **error);
  gboolean (*count) (SurelSink *self, guint64 *count, GError **error);
  gboolean (*synced) (SurelSink *self, guint32 server_messages, gboolean proven, GError **error);
} SurelSinkClass;

struct _SurelSink
{
  const SurelSinkClass *klass;
};

gboolean surel_sink_put_messages (SurelSink *self, GPtrArray *messages, GError **error);
gboolean surel_sink_put_keyword_names (SurelSink *self, GHashTable *names, GError **error);
gboolean surel_sink_put_flags (SurelSink *self, GArray *flags, GError **error);
gboolean surel_sink_put_gone (SurelSink *self, const SurelUidSet *uids, GError **error);
gboolean surel_sink_put_gone_named (SurelSink *self, const char *const *remote_ids, GError **error);
gboolean surel_sink_put_present (SurelSink *self,
                                 guint32 first,
                                 guint32 last,
                                 GArray *present,
                                 gboolean with_flags,
                                 SurelUidSet *missing,
                                 SurelUidSet *gone,
                                 GError **error);
gboolean surel_sink_restart (SurelSink *self, GError **error);
gboolean surel_sink_close (SurelSink *self, GBytes *token, GError **error);
gboolean surel_sink_listed (SurelSink *self, GError **error);
gboolean surel_sink_count (SurelSink *self, guint64 *count, GError **error);
gboolean
surel_sink_synced (SurelSink *self, guint32 server_messages, gboolean proven, GError **error);

G_END_DECLS
