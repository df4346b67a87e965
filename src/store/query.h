#pragma once

#include "store/store.h"

G_BEGIN_DECLS

/* A condition or an operator of a filter (RFC 8621 §4.4.1, RFC 8620 §5.5). */
typedef enum
{
  SUREL_FILTER_AND,
  SUREL_FILTER_OR,
  SUREL_FILTER_NOT, /* none of its children */
  SUREL_FILTER_IN_MAILBOX, /* number: a folder */
  SUREL_FILTER_IN_OTHER_THAN, /* numbers: folders */
  SUREL_FILTER_IN_ROLE, /* text */
  SUREL_FILTER_NOT_IN_ROLES, /* texts */
  SUREL_FILTER_ACCOUNT, /* number: an account */
  SUREL_FILTER_BEFORE, /* number: seconds since the epoch */
  SUREL_FILTER_AFTER,
  SUREL_FILTER_MIN_SIZE, /* number: octets */
  SUREL_FILTER_MAX_SIZE,
  SUREL_FILTER_HAS_KEYWORD, /* text */
  SUREL_FILTER_NOT_KEYWORD,
  SUREL_FILTER_HAS_ATTACHMENT, /* number: 0 or 1 */
  SUREL_FILTER_THREAD, /* number: a thread */
  SUREL_FILTER_ALL_IN_THREAD, /* text: a keyword that all of its thread have */
  SUREL_FILTER_SOME_IN_THREAD, /* likewise: that one of them has, or more */
  SUREL_FILTER_NONE_IN_THREAD,
  SUREL_FILTER_HEADER, /* texts: a field's name, and perhaps what its value has to contain, folded to one case */
  SUREL_FILTER_TEXT, /* text: an expression of store/search.h */
  SUREL_FILTER_TEXT_OF_BODY, /* likewise, which a body that isn't here could match */
} SurelFilterKind;

typedef struct
{
  SurelFilterKind kind;
  GPtrArray *children; /* SurelFilter; of the operators */
  gint64 number;
  GArray *numbers; /* gint64 */
  char *text;
  GStrv texts;
} SurelFilter;

typedef enum
{
  SUREL_SORT_RECEIVED,
  SUREL_SORT_SENT,
  SUREL_SORT_FROM,
  SUREL_SORT_TO,
  SUREL_SORT_SUBJECT,
  SUREL_SORT_SIZE,
  SUREL_SORT_KEYWORD, /* those that have it come last; first where descending */
} SurelSortKey;

typedef struct
{
  SurelSortKey key;
  gboolean descending;
  char *keyword; /* of SUREL_SORT_KEYWORD */
} SurelSort;

/**
 * SurelHeaderFunc:
 * @wanted: of a %SUREL_FILTER_HEADER
 * @looked: (inout): gets one more where the message's bytes were looked at
 * @complete: (inout): made %FALSE where the field may be in bytes that aren't here, or mayn't be looked at any more
 *
 * Returns: whether the message has the field
 */
typedef gboolean (*SurelHeaderFunc) (
    SurelReader *reader, gint64 id, const char *const *wanted, guint *looked, gboolean *complete, gpointer data);

typedef struct
{
  SurelFilter *filter; /* nullable */
  SurelHeaderFunc has_header; /* answers conditions on header fields */
  gpointer has_header_data;
  GArray *sort; /* SurelSort; empty for the newest first; ties go by id */
  guint position;
  gint64 anchor; /* a message, or 0 for none: position is then not used */
  gint anchor_offset;
  guint limit;
  gboolean collapse; /* of each thread the first that there is, alone */
  gboolean calculate_total;
} SurelQuery;

typedef struct
{
  GArray *ids; /* gint64 */
  gboolean has_more;
  guint64 total; /* where asked for */
  guint looked; /* messages whose bytes were looked at */
  GHashTable *answers; /* SurelFilter → (message or thread → whether it is met), of what SQLite doesn't see by itself */
  gboolean complete; /* nothing that isn't in the text index yet could match, nor bytes that weren't looked at, nor are there messages whose thread isn't known yet */
} SurelQueryResult;

SurelFilter *surel_filter_new (SurelFilterKind kind);
void surel_filter_free (SurelFilter *self);
SurelQuery *surel_query_new (void);
void surel_query_free (SurelQuery *self);
SurelQueryResult *surel_query_run (SurelReader *reader, const SurelQuery *query, GError **error);
gboolean surel_query_excludes (const SurelQuery *self);
void surel_query_result_free (SurelQueryResult *self);
char *surel_query_explain (SurelReader *reader, const SurelQuery *query, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelFilter, surel_filter_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelQuery, surel_query_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelQueryResult, surel_query_result_free)

G_END_DECLS
