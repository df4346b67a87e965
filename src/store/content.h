#pragma once

#include "store/store.h"

G_BEGIN_DECLS

#define SUREL_DIGEST_SIZE 32 /* octets of a SHA-256 */

/**
 * SurelContentWriter:
 *
 * A message's bytes on their way to the disk: nothing of them can be seen before
 * surel_content_writer_finish().
 */
typedef struct _SurelContentWriter SurelContentWriter;

SurelContentWriter *surel_content_writer_new (const char *content_dir, GError **error);
gboolean surel_content_writer_write (SurelContentWriter *self,
                                     const void *data,
                                     gsize length,
                                     GError **error);
GBytes *surel_content_writer_finish (SurelContentWriter *self, guint64 *size, GError **error);
void surel_content_writer_free (SurelContentWriter *self);

gboolean
surel_content_add (SurelTxn *txn, gint64 message, GBytes *digest, guint64 size, GError **error);
gboolean surel_content_forget (SurelTxn *txn, GBytes *digest, GError **error);
gboolean surel_content_sweep (SurelTxn *txn, const char *content_dir, GPtrArray *paths, GError **error);
void surel_content_unlink (GPtrArray *paths, gboolean committed);
int surel_content_open (const char *content_dir, const guint8 *digest, GError **error);
void surel_content_clean_up (const char *content_dir);
gboolean surel_content_adopt (SurelTxn *txn, GBytes *digest, GError **error);

/**
 * SurelContentWalk:
 *
 * Goes through the files of content that are there, known to the database or not.
 */
typedef struct _SurelContentWalk SurelContentWalk;

SurelContentWalk *surel_content_walk_new (const char *content_dir);
GBytes *surel_content_walk_next (SurelContentWalk *self);
void surel_content_walk_free (SurelContentWalk *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelContentWriter, surel_content_writer_free)

G_END_DECLS
