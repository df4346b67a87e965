/* Changes on their way to a server: a value that is handed over whole. */
#include "base/change.h"

void
surel_change_item_clear (SurelChangeItem *item)
{
  surel_remote_id_clear (&item->remote_id);
  g_free (item->server_words);
  g_free (item->words);
  g_clear_pointer (&item->digest, g_bytes_unref);
  g_clear_pointer (&item->octets, g_bytes_unref);
  g_free (item->header);
  g_free (item->message_id);
  g_free (item->evidence);
  g_clear_error (&item->error);
  surel_remote_id_clear (&item->new_remote_id);
  g_free (item->here_words);
}

SurelChange *
surel_change_new (void)
{
  SurelChange *self = g_new0 (SurelChange, 1);

  self->items = g_array_new (FALSE, TRUE, sizeof (SurelChangeItem));
  g_array_set_clear_func (self->items, (GDestroyNotify) surel_change_item_clear);
  return self;
}

void
surel_change_free (SurelChange *self)
{
  g_free (self->folder_remote_id);
  g_clear_pointer (&self->folder_token, g_bytes_unref);
  g_free (self->target_remote_id);
  g_clear_pointer (&self->target_token, g_bytes_unref);
  g_free (self->add_words);
  g_free (self->remove_words);
  g_clear_pointer (&self->keyword_names, g_variant_unref);
  g_free (self->evidence);
  g_free (self->name);
  g_clear_pointer (&self->vacation, g_variant_unref);
  g_strfreev (self->addresses);
  g_clear_pointer (&self->new_folder_token, g_bytes_unref);
  g_clear_pointer (&self->news, surel_news_free);
  g_clear_pointer (&self->list_token, g_bytes_unref);
  g_clear_pointer (&self->new_list_token, g_bytes_unref);
  g_free (self->new_folder_id);
  g_free (self->old_prefix);
  g_free (self->new_prefix);
  g_array_unref (self->items);
  g_clear_error (&self->error);
  g_free (self);
}

/**
 * surel_change_set_all:
 *
 * Gives all that are open one outcome.
 */
void
surel_change_set_all (SurelChange *self, SurelOutcome outcome)
{
  for (guint i = 0; i < self->items->len; i++)
    if (surel_change_item (self, i)->outcome == SUREL_OUTCOME_OPEN)
      surel_change_item (self, i)->outcome = outcome;
}
