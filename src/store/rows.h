#pragma once

#include "store/store.h"

G_BEGIN_DECLS

/* An address list as it is stored: `name NUL address NUL`, repeated; NULL where there is none. */
typedef struct
{
  const char *data;
  gsize length;
} SurelRowList;

gboolean surel_row_list_next (SurelRowList *rest, const char **name, const char **address);

/* A message for reading. All strings are borrowed until the next call that reads a row, and NULL where
 * the message has none or it isn't known. */
typedef struct
{
  gint64 id;
  gint64 account;
  gint64 thread; /* 0 where it isn't known yet */
  guint flags; /* SurelKeyword bits */
  const char *keywords;
  guint64 size; /* octets */
  gint64 received; /* seconds since the epoch */
  gint64 saved; /* seconds since the epoch; 0 where not known, as while a move waits */
  gint64 sent; /* likewise; 0 for none */
  const char *subject;
  SurelRowList from;
  SurelRowList sender;
  SurelRowList reply_to;
  SurelRowList to;
  SurelRowList cc;
  SurelRowList bcc;
  const char *message_id;
  const char *in_reply_to;
  const char *references;
  const char *preview;
  gboolean has_attachment;
  SurelRowList extra; /* header fields that have no place above, as they were */
  gboolean pending; /* something of it is on its way to the server */
  const guint8 *digest; /* SHA-256 of the bytes, 32 octets; NULL where they aren't here */
} SurelRow;

int surel_row_read (SurelReader *reader, gint64 id, SurelRow *row, GError **error);
GArray *surel_row_read_folders (SurelReader *reader, gint64 id, GError **error);

/* A thread, as all its messages together make it. */
typedef struct
{
  guint size; /* messages */
  guint unread;
  guint flags; /* SurelKeyword bits that any of them has */
  char *keywords; /* user keywords that any of them has, as base/keywords.h keeps them; NULL for none */
  GByteArray *from; /* who wrote in it, as a SurelRowList has it: who came first is first */
} SurelRowThread;

void surel_row_thread_free (SurelRowThread *self);
SurelRowThread *surel_row_read_thread (SurelReader *reader, gint64 thread, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelRowThread, surel_row_thread_free)

/* Where the server has a message. */
typedef struct
{
  gint64 account;
  gint64 folder;
  SurelRemoteId remote_id;
  char *folder_remote_id;
  GBytes *token; /* the folder's; nullable */
  guint64 size; /* octets, as the server said */
} SurelWhere;

void surel_where_free (SurelWhere *self);
SurelWhere *surel_row_find (SurelReader *reader, gint64 id, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelWhere, surel_where_free)

G_END_DECLS
