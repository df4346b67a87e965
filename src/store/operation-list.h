#pragma once

#include "store/operations.h"

G_BEGIN_DECLS

#define SUREL_OPERATION_MESSAGES_MAX 1000 /* ids of messages that are listed of one operation */

typedef struct
{
  GArray *ids; /* gint64; nullable: all */
  gint64 account; /* 0 for all */
  int state; /* a SurelOperationState; -1 for all */
  char *kind; /* nullable: all */
  gint64 after; /* an operation's id: those with higher ones */
  guint limit;
} SurelOperationFilter;

/* An operation with what it is about. */
typedef struct
{
  SurelOperationRow *row;
  GArray *messages; /* guint64: the first SUREL_OPERATION_MESSAGES_MAX */
  gint64 message_count; /* all of them */
  GPtrArray *failures; /* SurelOperationFailure */
} SurelListedOperation;

typedef struct
{
  guint64 message;
  char *text;
} SurelOperationFailure;

void surel_operation_filter_clear (SurelOperationFilter *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SurelOperationFilter, surel_operation_filter_clear)

/* (element-type SurelListedOperation) */
GPtrArray *
surel_operations_list (SurelReader *reader, const SurelOperationFilter *filter, gboolean *more, GError **error);

G_END_DECLS
