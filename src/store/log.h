#pragma once

#include "store/store.h"

G_BEGIN_DECLS

#define SUREL_CHANGES_LIMIT_MAX 10000 /* ids: with a commit of 10,000 more still below 1 MiB */

/* What one page of Changes says. */
typedef struct
{
  guint64 state; /* where to go on from */
  gboolean has_more;
  SurelChanges *changes;
} SurelPage;

SurelPage *surel_log_read (SurelReader *reader, guint64 since, guint limit, GError **error);
gboolean surel_log_read_since (SurelSql *sql, guint64 since, SurelChanges *changes, gint64 *known, GError **error);
void surel_page_free (SurelPage *self);
gboolean surel_log_trim (SurelTxn *txn, GError **error);
gboolean surel_log_append (SurelSql *sql, guint64 state, gint64 time, SurelChanges *changes, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelPage, surel_page_free)

G_END_DECLS
