#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a server said it can do. Nothing else of it decides what is sent. */
typedef enum
{
  SUREL_IMAP_CAN_REV2 = 1 << 0,
  SUREL_IMAP_CAN_LITERAL_PLUS = 1 << 1,
  SUREL_IMAP_CAN_LITERAL_MINUS = 1 << 2,
  SUREL_IMAP_CAN_SASL_IR = 1 << 3,
  SUREL_IMAP_CAN_AUTH_PLAIN = 1 << 4,
  SUREL_IMAP_LOGIN_DISABLED = 1 << 5,
  SUREL_IMAP_CAN_ENABLE = 1 << 6,
  SUREL_IMAP_CAN_ID = 1 << 7,
  SUREL_IMAP_CAN_NAMESPACE = 1 << 8,
  SUREL_IMAP_CAN_LIST_EXTENDED = 1 << 9,
  SUREL_IMAP_CAN_LIST_STATUS = 1 << 10,
  SUREL_IMAP_CAN_SPECIAL_USE = 1 << 11,
  SUREL_IMAP_CAN_CONDSTORE = 1 << 12,
  SUREL_IMAP_CAN_QRESYNC = 1 << 13,
  SUREL_IMAP_CAN_ESEARCH = 1 << 14,
  SUREL_IMAP_CAN_IDLE = 1 << 15,
  SUREL_IMAP_CAN_PREVIEW = 1 << 16,
  SUREL_IMAP_CAN_OBJECTID = 1 << 17,
  SUREL_IMAP_CAN_QUOTA = 1 << 18,
  SUREL_IMAP_CAN_UNSELECT = 1 << 19,
  SUREL_IMAP_CAN_UIDPLUS = 1 << 20,
  SUREL_IMAP_CAN_MOVE = 1 << 21,
  SUREL_IMAP_CAN_MULTIAPPEND = 1 << 22,
  SUREL_IMAP_CAN_STARTTLS = 1 << 23,
  SUREL_IMAP_CAN_SAVEDATE = 1 << 24,
  SUREL_IMAP_CAN_ACL = 1 << 25,
  SUREL_IMAP_HAS_LABELS = 1 << 26, /* folders are labels, and one of them has all: Gmail */
  SUREL_IMAP_HAS_APPEND_LIMITS = 1 << 27, /* of each mailbox, not of all: STATUS tells it (RFC 7889) */
} SurelImapCan;

guint surel_imap_capabilities_of (const char *const *words);
guint64 surel_imap_append_limit_of (const char *const *words);

G_END_DECLS
