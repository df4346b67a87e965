#pragma once

#include "store/store.h"

G_BEGIN_DECLS

#define SUREL_MODIFY_MAX 10000 /* messages in one call, copies counted: a commit names as many */

/* A folder has one path, which names its account. */
typedef struct
{
  gint64 account;
  gint64 folder;
} SurelFolderPath;

/* What a person wants of some messages: `Operations.Modify`. */
typedef struct
{
  GArray *ids; /* gint64 */
  guint add_flags;
  guint remove_flags;
  char *add_words; /* user keywords, as base/keywords.h keeps them; nullable */
  char *remove_words; /* nullable */
  gint64 move_to; /* a folder; 0 for none */
  char *move_to_role; /* each account's own; nullable */
  GArray *add_folders; /* gint64 */
  GArray *remove_folders; /* gint64 */
  gboolean destroy;
  GArray *paths; /* SurelFolderPath: what its folders were named by */
  gint64 from; /* moved or destroyed only while it is there: a folder; 0 for wherever it is */
  guint64 if_state; /* 0 for none */
  gboolean dry_run;
  gboolean spares_sent; /* what is on its way out is left alone; else the call is refused */
  const char *kind; /* of the operation, as `Operations.List` names it; static; NULL for `modify` */
  char *client;
} SurelPatch;

typedef struct
{
  gint64 account;
  gint64 source;
  gint64 folder;
  gint64 copy;
} SurelCopied;

typedef struct
{
  gint64 operation; /* 0 where nothing is to be pushed */
  guint changed;
  GArray *not_found; /* guint64 */
  GArray *copies; /* SurelCopied */
  GArray *accounts; /* gint64: where there is something to push */
} SurelModified;

SurelPatch *surel_patch_new (void);
void surel_patch_free (SurelPatch *self);
SurelModified *surel_modified_new (void);
void surel_modified_free (SurelModified *self);
gboolean surel_modify (SurelTxn *txn,
                       const SurelPatch *patch,
                       guint first,
                       guint count,
                       SurelModified *result,
                       GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelPatch, surel_patch_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelModified, surel_modified_free)

G_END_DECLS
