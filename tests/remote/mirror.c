/* What a device knows of one folder: a sink that keeps what it is told, as the store does (engine/pull-sink.c). What was put
 * and not closed is dropped at the end; what is asked for is answered with all that was put before. Beside it counts what a
 * pull said, so that a test sees what was said twice. */
#include "mirror.h"

#include <string.h>

#include "base/errors.h"

static void
message_free (gpointer data)
{
  MirrorMessage *message = data;

  surel_remote_id_clear (&message->remote_id);
  g_free (message->label);
  g_free (message->words);
  g_free (message);
}

static char *
key_of (const SurelRemoteId *id)
{
  return id->text != NULL ? g_strdup (id->text) : g_strdup_printf ("%" G_GINT64_FORMAT, id->number);
}

static MirrorMessage *
lookup (Mirror *self, const SurelRemoteId *id)
{
  g_autofree char *key = key_of (id);

  return g_hash_table_lookup (self->known, key);
}

static char *
label_of (const char *message_id)
{
  const char *at = message_id != NULL ? strchr (message_id, '@') : NULL;

  return at != NULL ? g_strndup (message_id, (gsize) (at - message_id)) : g_strdup ("?");
}

static void
take_message (Mirror *self, const SurelMessage *message)
{
  MirrorMessage *known = g_new0 (MirrorMessage, 1);

  known->remote_id = (SurelRemoteId){ message->remote_id.number, g_strdup (message->remote_id.text) };
  known->label = label_of (message->message_id);
  known->identity = surel_message_identity (message);
  known->flags = message->flags;
  known->words = g_strdup (message->keywords);
  g_ptr_array_add (self->came, g_strdup (known->label));
  g_hash_table_replace (self->known, key_of (&message->remote_id), known);
}

static void
take_flags (Mirror *self, const SurelMessageFlags *flags)
{
  MirrorMessage *known = lookup (self, &flags->remote_id);

  if (known == NULL)
    return;
  g_ptr_array_add (self->changed, g_strdup (known->label));
  known->flags = (flags->flags & ~flags->unsaid) | (known->flags & flags->unsaid);
  if (flags->keywords_unsaid)
    return;
  g_free (known->words);
  known->words = g_strdup (flags->keywords);
}

static void
take_gone (Mirror *self, const SurelRemoteId *id)
{
  MirrorMessage *known = lookup (self, id);

  if (known == NULL)
    return;
  g_ptr_array_add (self->went, g_strdup (known->label));
  mirror_drop (self, id);
}

/* Takes what was put. */
static void
flush (Mirror *self)
{
  for (guint i = 0; i < self->flags->len; i++)
    take_flags (self, &g_array_index (self->flags, SurelMessageFlags, i));
  for (guint i = 0; i < self->messages->len; i++)
    take_message (self, self->messages->pdata[i]);
  g_array_set_size (self->flags, 0);
  g_ptr_array_set_size (self->messages, 0);
}

/* --- The sink --- */

static gboolean
put_messages (SurelSink *sink, GPtrArray *messages, GError **error)
{
  Mirror *self = (Mirror *) sink;

  g_assert_cmpuint (messages->len, <=, 1000);
  if (self->cancel != NULL)
    g_cancellable_cancel (self->cancel);
  if (self->fail >= 0)
    {
      g_ptr_array_unref (messages);
      g_set_error (error, SUREL_ERROR, self->fail, "The sink can take no more");
      return FALSE;
    }
  g_ptr_array_extend_and_steal (self->messages, messages);
  return TRUE;
}

static gboolean
put_keyword_names (SurelSink *sink G_GNUC_UNUSED, GHashTable *names, GError **error G_GNUC_UNUSED)
{
  g_hash_table_unref (names);
  return TRUE;
}

static gboolean
put_flags (SurelSink *sink, GArray *flags, GError **error G_GNUC_UNUSED)
{
  Mirror *self = (Mirror *) sink;

  flush (self);
  g_array_unref (self->flags);
  self->flags = flags;
  return TRUE;
}

static gboolean
put_gone (SurelSink *sink, const SurelUidSet *uids, GError **error G_GNUC_UNUSED)
{
  Mirror *self = (Mirror *) sink;
  g_autoptr (GList) all = NULL;

  flush (self);
  all = g_hash_table_get_values (self->known);
  for (GList *l = all; l != NULL; l = l->next)
    {
      const SurelRemoteId *id = &((MirrorMessage *) l->data)->remote_id;

      if (surel_uid_set_contains (uids, (guint32) id->number))
        take_gone (self, id);
    }
  return TRUE;
}

static gboolean
put_gone_named (SurelSink *sink, const char *const *remote_ids, GError **error G_GNUC_UNUSED)
{
  Mirror *self = (Mirror *) sink;

  flush (self);
  for (guint i = 0; remote_ids[i] != NULL; i++)
    take_gone (self, &(SurelRemoteId){ 0, (char *) remote_ids[i] });
  return TRUE;
}

static gboolean
put_present (SurelSink *sink,
             guint32 first,
             guint32 last,
             GArray *present,
             gboolean with_flags,
             SurelUidSet *missing,
             SurelUidSet *gone,
             GError **error G_GNUC_UNUSED)
{
  Mirror *self = (Mirror *) sink;
  g_autoptr (SurelUidSet) there = surel_uid_set_new ();
  GHashTableIter iter;
  gpointer value;

  flush (self);
  for (guint i = 0; i < present->len; i++)
    {
      const SurelMessageFlags *flags = &g_array_index (present, SurelMessageFlags, i);
      MirrorMessage *known = lookup (self, &flags->remote_id);

      surel_uid_set_add (there, (guint32) flags->remote_id.number);
      if (known == NULL || known->stale)
        surel_uid_set_add (missing, (guint32) flags->remote_id.number);
      else if (with_flags && (known->flags != flags->flags || g_strcmp0 (known->words, flags->keywords) != 0))
        take_flags (self, flags);
    }
  g_hash_table_iter_init (&iter, self->known);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      guint32 uid = (guint32) ((MirrorMessage *) value)->remote_id.number;

      if (uid >= first && uid <= last && !((MirrorMessage *) value)->stale && !surel_uid_set_contains (there, uid))
        surel_uid_set_add (gone, uid);
    }
  return TRUE;
}

static gboolean
restart (SurelSink *sink, GError **error G_GNUC_UNUSED)
{
  Mirror *self = (Mirror *) sink;
  GHashTableIter iter;
  gpointer value;

  flush (self);
  self->restarted = TRUE;
  g_clear_pointer (&self->token, g_bytes_unref);
  g_hash_table_iter_init (&iter, self->known);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    ((MirrorMessage *) value)->stale = TRUE;
  return TRUE;
}

static gboolean
close_batch (SurelSink *sink, GBytes *token, GError **error G_GNUC_UNUSED)
{
  Mirror *self = (Mirror *) sink;

  flush (self);
  g_clear_pointer (&self->token, g_bytes_unref);
  self->token = g_bytes_ref (token);
  return TRUE;
}

/* All is listed: what is stale isn't there any more. */
static gboolean
listed (SurelSink *sink, GError **error G_GNUC_UNUSED)
{
  Mirror *self = (Mirror *) sink;
  g_autoptr (GList) all = NULL;

  flush (self);
  all = g_hash_table_get_values (self->known);
  for (GList *l = all; l != NULL; l = l->next)
    if (((MirrorMessage *) l->data)->stale)
      take_gone (self, &((MirrorMessage *) l->data)->remote_id);
  return TRUE;
}

static gboolean
count (SurelSink *sink, guint64 *number, GError **error G_GNUC_UNUSED)
{
  flush ((Mirror *) sink);
  *number = mirror_count ((Mirror *) sink);
  return TRUE;
}

static gboolean
synced (SurelSink *sink, guint32 server_messages, gboolean proven, GError **error)
{
  Mirror *self = (Mirror *) sink;

  self->synced = TRUE;
  self->proven = proven;
  self->server_messages = server_messages;
  return listed (sink, error);
}

/* --- For tests --- */

Mirror *
mirror_new (void)
{
  static const SurelSinkClass klass = { put_messages, put_keyword_names, put_flags, put_gone, put_gone_named, put_present,
                                        restart,      close_batch,       listed,    count,    synced };
  Mirror *self = g_new0 (Mirror, 1);

  self->parent.klass = &klass;
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, message_free);
  self->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
  self->flags = surel_message_flags_array_new ();
  self->came = g_ptr_array_new_with_free_func (g_free);
  self->changed = g_ptr_array_new_with_free_func (g_free);
  self->went = g_ptr_array_new_with_free_func (g_free);
  self->fail = -1;
  return self;
}

void
mirror_free (Mirror *self)
{
  g_hash_table_unref (self->known);
  g_clear_pointer (&self->token, g_bytes_unref);
  g_clear_pointer (&self->hint, g_bytes_unref);
  g_ptr_array_unref (self->messages);
  g_array_unref (self->flags);
  g_ptr_array_unref (self->came);
  g_ptr_array_unref (self->changed);
  g_ptr_array_unref (self->went);
  g_free (self);
}

/**
 * mirror_begin:
 *
 * Forgets what the last pull said, but not what is known by it.
 */
void
mirror_begin (Mirror *self)
{
  g_ptr_array_set_size (self->came, 0);
  g_ptr_array_set_size (self->changed, 0);
  g_ptr_array_set_size (self->went, 0);
  self->restarted = self->synced = self->proven = FALSE;
}

/**
 * mirror_end:
 *
 * Drops what was put and not closed.
 */
void
mirror_end (Mirror *self)
{
  g_ptr_array_set_size (self->messages, 0);
  g_array_set_size (self->flags, 0);
  self->cancel = NULL;
  self->fail = -1;
}

/**
 * mirror_find:
 *
 * Returns: (transfer none) (nullable): a message of that label
 */
MirrorMessage *
mirror_find (Mirror *self, const char *label)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->known);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (g_str_equal (((MirrorMessage *) value)->label, label))
      return value;
  return NULL;
}

void
mirror_drop (Mirror *self, const SurelRemoteId *remote_id)
{
  g_autofree char *key = key_of (remote_id);

  g_hash_table_remove (self->known, key);
}

/**
 * mirror_put_news:
 *
 * Takes what a change's answer told of others' changes. It isn't counted.
 */
void
mirror_put_news (Mirror *self, const SurelNews *news)
{
  for (guint i = 0; i < news->gone->len; i++)
    mirror_drop (self, &(SurelRemoteId){ 0, news->gone->pdata[i] });
  for (guint i = 0; i < news->messages->len; i++)
    take_message (self, news->messages->pdata[i]);
  for (guint i = 0; i < news->flags->len; i++)
    take_flags (self, &g_array_index (news->flags, SurelMessageFlags, i));
}

/**
 * mirror_count:
 *
 * Returns: how many messages are known, but for stale ones
 */
guint
mirror_count (Mirror *self)
{
  GHashTableIter iter;
  gpointer value;
  guint number = 0;

  g_hash_table_iter_init (&iter, self->known);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    number += ((MirrorMessage *) value)->stale ? 0 : 1;
  return number;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/**
 * mirror_list:
 * @labels: (element-type utf8): sorted by this
 *
 * Returns: (transfer full): them with a space between
 */
char *
mirror_list (GPtrArray *labels)
{
  g_autoptr (GString) text = g_string_new (NULL);

  g_ptr_array_sort (labels, compare);
  for (guint i = 0; i < labels->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", (const char *) labels->pdata[i]);
  return g_strdup (text->str);
}

/**
 * mirror_describe:
 *
 * Returns: (transfer full): all messages by their labels, with keywords behind those that have any: `m1 m2[$seen work]`
 */
char *
mirror_describe (Mirror *self)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->known);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const MirrorMessage *message = value;
      g_auto (GStrv) keywords = surel_keywords_to_strv (message->flags, message->words);
      g_autofree char *joined = g_strjoinv (" ", keywords);

      g_ptr_array_add (all, joined[0] != '\0' ? g_strdup_printf ("%s[%s]", message->label, joined) : g_strdup (message->label));
    }
  return mirror_list (all);
}
