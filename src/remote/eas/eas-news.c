/* What a Sync tells of other devices (MS-ASCMD §2.2.1.21): messages that came, changed and went. */
#include "remote/eas/eas-news.h"

#include "remote/eas/eas-collection.h"
#include "remote/eas/eas-message.h"

void
surel_eas_news_init (SurelEasNews *self)
{
  *self = (SurelEasNews){ .news = surel_news_new (), .by_id = g_hash_table_new (g_str_hash, g_str_equal) };
}

void
surel_eas_news_clear (SurelEasNews *self)
{
  g_clear_pointer (&self->by_id, g_hash_table_unref);
  g_clear_pointer (&self->news, surel_news_free);
}

/* What is told of a message later in the same answer counts. */
static void
drop_message (SurelEasNews *self, const char *id)
{
  SurelMessage *before = g_hash_table_lookup (self->by_id, id);

  if (before == NULL)
    return;
  g_hash_table_remove (self->by_id, id);
  g_ptr_array_remove (self->news->messages, before);
}

/**
 * surel_eas_news_read:
 * @command: an Add, a Change or a Delete; others are passed over
 *
 * Where it is about no message that can be named it is passed over, too. A SoftDelete is no evidence that a message is gone:
 * it is only out of the filter.
 */
void
surel_eas_news_read (SurelEasNews *self, SurelEasReader *reader, guint command)
{
  g_autofree char *id = NULL;
  g_autoptr (SurelMessage) message = NULL;
  SurelMessageFlags flags = { 0 };
  guint tag;

  if ((command != SUREL_EAS_SYNC_ADD && command != SUREL_EAS_SYNC_CHANGE && command != SUREL_EAS_SYNC_DELETE)
      || self->count > SUREL_EAS_NEWS_MAX)
    {
      surel_eas_reader_skip (reader);
      return;
    }
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SYNC_SERVER_ID && id == NULL)
      id = surel_eas_read_id (reader, SUREL_EAS_ID_MAX);
    else if (tag == SUREL_EAS_SYNC_DATA && command == SUREL_EAS_SYNC_ADD && message == NULL)
      message = surel_eas_read_message (reader, self->news->keyword_names);
    else if (tag == SUREL_EAS_SYNC_DATA && command == SUREL_EAS_SYNC_CHANGE && flags.unsaid == 0)
      flags = surel_eas_read_flags (reader, self->news->keyword_names);
    else
      surel_eas_reader_skip (reader);
  self->count++;
  if (id != NULL && command == SUREL_EAS_SYNC_DELETE)
    {
      drop_message (self, id);
      g_ptr_array_add (self->news->gone, g_steal_pointer (&id));
    }
  else if (id != NULL && message != NULL)
    {
      drop_message (self, id);
      message->remote_id.text = g_steal_pointer (&id);
      g_hash_table_insert (self->by_id, message->remote_id.text, message);
      g_ptr_array_add (self->news->messages, g_steal_pointer (&message));
    }
  else if (id != NULL && command == SUREL_EAS_SYNC_CHANGE)
    {
      flags.remote_id.text = g_steal_pointer (&id);
      g_array_append_val (self->news->flags, flags);
      flags = (SurelMessageFlags){ 0 };
    }
  surel_message_flags_clear (&flags);
}
