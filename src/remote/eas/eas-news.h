#pragma once

#include "base/news.h"
#include "remote/eas/eas-reader.h"

G_BEGIN_DECLS

#define SUREL_EAS_WINDOW 100 /* messages in one answer: with their first octets they are in memory at once */
#define SUREL_EAS_NEWS_MAX 2000 /* that are held of an answer: 512 is the most that can be asked for, but not all heed that */

/* What an answer tells of other devices. */
typedef struct
{
  SurelNews *news;
  guint count; /* commands; more than %SUREL_EAS_NEWS_MAX aren't read */
  GHashTable *by_id; /* of the messages; borrowed */
} SurelEasNews;

void surel_eas_news_init (SurelEasNews *self);
void surel_eas_news_clear (SurelEasNews *self);
void surel_eas_news_read (SurelEasNews *self, SurelEasReader *reader, guint command);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SurelEasNews, surel_eas_news_clear)

G_END_DECLS
