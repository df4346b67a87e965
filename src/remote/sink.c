/* The sink, as a remote calls it. */
#include "remote/sink.h"

/**
 * surel_sink_put_messages:
 * @messages: (transfer full) (element-type SurelMessage): at most 1,000; those that are known already
 *   take the keywords they say
 *
 * Returns: %FALSE with @error set where the sink can take no more (a full disk, a stop): the pull ends
 */
gboolean
surel_sink_put_messages (SurelSink *self, GPtrArray *messages, GError **error)
{
  return self->klass->put_messages (self, messages, error);
}

/**
 * surel_sink_put_keyword_names:
 * @names: (transfer full) (element-type utf8 utf8): user keywords → what the server calls them, where that is another name
 */
gboolean
surel_sink_put_keyword_names (SurelSink *self, GHashTable *names, GError **error)
{
  return self->klass->put_keyword_names (self, names, error);
}

/**
 * surel_sink_put_flags:
 * @flags: (transfer full) (element-type SurelMessageFlags): of messages that may be known
 */
gboolean
surel_sink_put_flags (SurelSink *self, GArray *flags, GError **error)
{
  return self->klass->put_flags (self, flags, error);
}

/**
 * surel_sink_put_gone:
 * @uids: what the server says is gone: VANISHED (RFC 7162 §3.2.10), or evidence as good
 */
gboolean
surel_sink_put_gone (SurelSink *self, const SurelUidSet *uids, GError **error)
{
  return self->klass->put_gone (self, uids, error);
}

/**
 * surel_sink_put_gone_named:
 * @remote_ids: what the server says is gone, where its ids are texts: an ActiveSync Delete; 1,000 at most
 */
gboolean
surel_sink_put_gone_named (SurelSink *self, const char *const *remote_ids, GError **error)
{
  return self->klass->put_gone_named (self, remote_ids, error);
}

/**
 * surel_sink_put_present:
 * @first: the lowest UID of a range
 * @last: the highest
 * @present: (element-type SurelMessageFlags): exactly what the server has in that range, by UID
 * @with_flags: whether their keywords are known
 * @missing: gets the UIDs that aren't known yet: the remote fetches and puts them
 * @gone: gets those that are known and aren't listed: the remote makes sure, and puts them as gone
 *
 * Says what is there, where no server says what is gone. Waits until it is compared.
 */
gboolean
surel_sink_put_present (SurelSink *self,
                        guint32 first,
                        guint32 last,
                        GArray *present,
                        gboolean with_flags,
                        SurelUidSet *missing,
                        SurelUidSet *gone,
                        GError **error)
{
  return self->klass->put_present (self, first, last, present, with_flags, missing, gone, error);
}

/**
 * surel_sink_restart:
 *
 * The remote ids of the scope mean nothing any more; a listing of all of it follows.
 */
gboolean
surel_sink_restart (SurelSink *self, GError **error)
{
  return self->klass->restart (self, error);
}

/**
 * surel_sink_close:
 * @token: from where the next pull goes on, once all that was put so far is stored
 */
gboolean
surel_sink_close (SurelSink *self, GBytes *token, GError **error)
{
  return self->klass->close (self, token, error);
}

/**
 * surel_sink_listed:
 *
 * All of the scope has been listed: what follows is new, and what was there before surel_sink_restart()
 * and found no match is gone.
 */
gboolean
surel_sink_listed (SurelSink *self, GError **error)
{
  return self->klass->listed (self, error);
}

/**
 * surel_sink_count:
 * @count: (out): how many messages of the scope are known, once all that was put is stored
 */
gboolean
surel_sink_count (SurelSink *self, guint64 *count, GError **error)
{
  return self->klass->count (self, count, error);
}

/**
 * surel_sink_synced:
 * @server_messages: how many messages the server counts
 * @proven: whether its list was compared in full
 */
gboolean
surel_sink_synced (SurelSink *self, guint32 server_messages, gboolean proven, GError **error)
{
  return self->klass->synced (self, server_messages, proven, error);
}
