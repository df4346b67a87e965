#pragma once

#include "base/message.h"
#include "store/modify.h"

G_BEGIN_DECLS

/* A message that a person puts somewhere, its bytes kept already: surel_content_writer_finish(). */
typedef struct
{
  gint64 account;
  gint64 folder; /* 0 for the account's drafts */
  gint64 replaces; /* the draft it is a new version of; 0 for none */
  char *expected; /* that draft's blobId, in hex; nullable: whatever it is */
  SurelMessage *message;
  GBytes *digest;
  guint64 size; /* octets */
  char *client;
  gint64 id; /* set by the call: the message */
} SurelAppend;

void surel_append_free (SurelAppend *self);
gboolean surel_append (SurelTxn *txn, SurelAppend *append, SurelModified *result, GError **error);
gboolean surel_append_here (SurelTxn *txn, SurelAppend *append, SurelModified *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelAppend, surel_append_free)

G_END_DECLS
