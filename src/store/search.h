#pragma once

#include "store/store.h"

G_BEGIN_DECLS

#define SUREL_SEARCH_WORDS_MAX 64 /* words in one condition; of scripts that don't part them each pair of characters is one */
#define SUREL_SEARCH_ALL_WORDS_MAX 200 /* in all conditions of a filter */

/* Where a condition looks (RFC 8621 §4.4.1). */
typedef enum
{
  SUREL_SEARCH_ANYWHERE,
  SUREL_SEARCH_SUBJECT,
  SUREL_SEARCH_FROM,
  SUREL_SEARCH_TO,
  SUREL_SEARCH_CC,
  SUREL_SEARCH_BCC,
  SUREL_SEARCH_BODY,
} SurelSearchField;

/* A message whose text isn't in the index yet, and its bytes are here. */
typedef struct
{
  gint64 message;
  GBytes *digest; /* owned */
} SurelUnsearched;

void surel_unsearched_clear (SurelUnsearched *self);

char *surel_search_expression (SurelSearchField field, const char *text, guint *left, GError **error);

gboolean surel_search_note_row (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_search_note_copy (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_search_note_gone (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_search_note_content (SurelTxn *txn, gint64 message, GBytes *digest, GError **error);
gboolean surel_search_index (SurelSql *sql, guint most, gboolean *more, GError **error);
gboolean surel_search_begin_anew (SurelSql *sql, GError **error);
gboolean surel_search_forget (SurelTxn *txn, GError **error);
gboolean surel_search_is_stale (SurelSql *sql);
gboolean surel_search_is_behind (SurelSql *sql);

GArray *surel_search_next (SurelReader *reader, guint most, GError **error);
gboolean surel_search_put_text (SurelTxn *txn, gint64 message, GBytes *digest, const char *text, const char *preview, GError **error);
gboolean surel_search_is_complete (SurelReader *reader, gboolean bodies, gboolean *complete, GError **error);

G_END_DECLS
