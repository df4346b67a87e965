/* What a server told of a folder: a value that is handed over whole. */
#include "base/news.h"

SurelNews *
surel_news_new (void)
{
  SurelNews *self = g_new0 (SurelNews, 1);

  self->keyword_names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->gone = g_ptr_array_new_with_free_func (g_free);
  self->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
  self->flags = surel_message_flags_array_new ();
  return self;
}

void
surel_news_free (SurelNews *self)
{
  g_clear_pointer (&self->keyword_names, g_hash_table_unref);
  g_clear_pointer (&self->gone, g_ptr_array_unref);
  g_clear_pointer (&self->messages, g_ptr_array_unref);
  g_clear_pointer (&self->flags, g_array_unref);
  g_free (self);
}
