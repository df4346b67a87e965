#pragma once

#include "base/message.h"

G_BEGIN_DECLS

/* What a server told of a folder from one token to the next: what is gone went before the others came. */
typedef struct
{
  GHashTable *keyword_names; /* user keyword → what the server calls it, where that is another name */
  GPtrArray *gone; /* remote ids, which are texts */
  GPtrArray *messages; /* SurelMessage */
  GArray *flags; /* SurelMessageFlags */
} SurelNews;

SurelNews *surel_news_new (void);
void surel_news_free (SurelNews *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelNews, surel_news_free)

G_END_DECLS
