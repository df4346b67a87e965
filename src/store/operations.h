#pragma once

#include "base/refcount.h"
#include "store/store.h"

G_BEGIN_DECLS

#define SUREL_OPERATION_KEPT_SECONDS (24 * 3600) /* how long one that is done can be seen */

typedef enum
{
  SUREL_OPERATION_PENDING,
  SUREL_OPERATION_RUNNING,
  SUREL_OPERATION_DONE,
  SUREL_OPERATION_PARTIAL, /* some of it failed */
  SUREL_OPERATION_FAILED,
  SUREL_OPERATION_UNKNOWN, /* whether a server has done it can't be found out */
  SUREL_OPERATION_CANCELLED,
} SurelOperationState;

/* An operation as the store has it; immutable. */
typedef struct
{
  SurelRefCount references;
  gint64 id;
  char *kind;
  char *client; /* who asked for it */
  SurelOperationState state;
  GArray *accounts; /* gint64 */
  guint attempts;
  gint64 next_attempt; /* seconds since the epoch; 0 for now */
  char *error; /* a public name, or empty */
  char *error_text;
} SurelOperationRow;

SurelOperationRow *surel_operation_row_ref (SurelOperationRow *self);
void surel_operation_row_unref (SurelOperationRow *self);
gboolean surel_operation_row_has_ended (const SurelOperationRow *self);

gboolean surel_operations_load (SurelSql *sql, gint64 id, GPtrArray *rows, GError **error);
gboolean surel_operations_load_open (SurelSql *sql, GPtrArray *rows, GError **error);
gint64 surel_operations_add (SurelTxn *txn, const char *kind, const char *client, GError **error);
gboolean surel_operations_opened (SurelTxn *txn, gint64 id, guint count, GError **error);
gboolean surel_operations_settle (SurelTxn *txn, gint64 id, guint done, guint failed, GError **error);
gboolean surel_operations_withdraw (SurelTxn *txn, gint64 id, GError **error);
gboolean surel_operations_fail (SurelTxn *txn, gint64 id, const char *error_name, const char *text, GError **error);
gboolean surel_operations_put_off (SurelTxn *txn,
                                   gint64 id,
                                   guint spared,
                                   const char *error_name,
                                   const char *text,
                                   GError **error);
gboolean surel_operations_put_off_refused (SurelTxn *txn, gint64 id, const GError *why, GError **error);
gboolean surel_operations_name (SurelTxn *txn, gint64 id, const char *kind, GError **error);
gboolean surel_operations_trim (SurelTxn *txn, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelOperationRow, surel_operation_row_unref)

G_END_DECLS
