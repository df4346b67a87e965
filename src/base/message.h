#pragma once

#include <gio/gio.h>

#include "base/keywords.h"
#include "base/remote-id.h"

G_BEGIN_DECLS

#define SUREL_MESSAGE_TEXT_MAX 8192 /* octets of one decoded text that are kept */
#define SUREL_MESSAGE_ADDRESSES_MAX 1000 /* addresses of one field that are kept */

/**
 * SurelMessage:
 *
 * What a server told of a message, short of its body: made by a remote, handed over whole to the
 * store. Strings are clean UTF-8. Address lists are `name NUL address NUL`, repeated.
 */
typedef struct
{
  SurelRemoteId remote_id; /* in its folder */
  guint flags; /* SurelKeyword bits */
  char *keywords; /* user keywords as base/keywords.h keeps them; NULL for none */
  gint64 received; /* seconds since the epoch: INTERNALDATE */
  gint64 saved; /* seconds since the epoch: when it came into the folder it is in, SAVEDATE; 0 where that isn't known */
  gint64 sent; /* seconds since the epoch: Date; 0 where there is none */
  guint64 size; /* octets: RFC822.SIZE */
  char *subject; /* NULL where the message has none */
  GBytes *from; /* address lists; NULL where the field isn't there */
  GBytes *sender;
  GBytes *reply_to;
  GBytes *to;
  GBytes *cc;
  GBytes *bcc;
  char *message_id; /* without angle brackets; NULL for none */
  char *in_reply_to; /* ids with one space between; NULL for none */
  char *references; /* ids with one space between; NULL for none */
  char *preview; /* NULL where not known yet */
  char *email_id; /* the server's id for the message in any folder (RFC 8474); NULL for none */
  char *thread_id; /* the server's id of the thread it is in (RFC 8474); NULL where it tells none */
  GBytes *extra; /* header fields that were fetched and have no place above, as they were; NULL for none */
  gboolean has_attachment;
} SurelMessage;

SurelMessage *surel_message_new (void);
void surel_message_free (SurelMessage *self);
guint64 surel_message_identity (const SurelMessage *self);
guint64 surel_message_fingerprint (const SurelMessage *self);
guint64 surel_message_likeness (const SurelMessage *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelMessage, surel_message_free)

/* What a server told of the keywords of a message that may be known already. */
typedef struct
{
  SurelRemoteId remote_id;
  guint flags; /* SurelKeyword bits */
  char *keywords; /* like SurelMessage's */
  guint unsaid; /* SurelKeyword bits of which it says nothing: they stay */
  gboolean keywords_unsaid; /* likewise of user keywords */
} SurelMessageFlags;

void surel_message_flags_clear (SurelMessageFlags *self);
GArray *surel_message_flags_array_new (void);

G_END_DECLS
