#pragma once

#include <gio/gio.h>

#include "base/uidset.h"

G_BEGIN_DECLS

/*
 * What a server says, typed. All of it is borrowed from the parser: it lives in the parser's arena or
 * its input buffer and is valid until the next call on that parser. Strings are NUL-terminated and as
 * the server sent them (not cleaned; perhaps no UTF-8). Flags, atoms and keywords of the protocol are
 * compared without case.
 */

#define SUREL_IMAP_ERROR (surel_imap_error_quark ())
GQuark surel_imap_error_quark (void);

typedef enum
{
  SUREL_IMAP_ERROR_NO, /* the server refused the command */
  SUREL_IMAP_ERROR_BAD, /* the server didn't understand it */
  SUREL_IMAP_ERROR_BYE, /* the server ended the connection */
  SUREL_IMAP_ERROR_SYNTAX, /* octets that are no IMAP: the connection can't go on */
  SUREL_IMAP_ERROR_LIMIT, /* longer or deeper than any limit here allows */
} SurelImapError;

/* System flags as bits (RFC 9051 §2.3.2); all others are keywords. */
typedef enum
{
  SUREL_IMAP_FLAG_SEEN = 1 << 0,
  SUREL_IMAP_FLAG_ANSWERED = 1 << 1,
  SUREL_IMAP_FLAG_FLAGGED = 1 << 2,
  SUREL_IMAP_FLAG_DELETED = 1 << 3,
  SUREL_IMAP_FLAG_DRAFT = 1 << 4,
  SUREL_IMAP_FLAG_RECENT = 1 << 5,
  SUREL_IMAP_FLAG_ANY_KEYWORD = 1 << 6, /* `\*` in PERMANENTFLAGS */
} SurelImapFlag;

typedef struct
{
  guint system; /* SurelImapFlag bits */
  const char **keywords; /* NULL-terminated, or NULL for none; as the server spells them */
} SurelImapFlags;

typedef enum
{
  SUREL_IMAP_OK,
  SUREL_IMAP_NO,
  SUREL_IMAP_BAD,
  SUREL_IMAP_PREAUTH,
  SUREL_IMAP_BYE,
} SurelImapCondition;

/* The bracketed code of a status response (RFC 9051 §7.1, RFC 5530, RFC 7162, RFC 4315). */
typedef struct
{
  const char *name; /* upper-case, as `UIDVALIDITY`; NULL for none */
  const char *argument; /* what stood behind the name up to `]`, as it was; NULL for none */
  guint64 number; /* UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ, UNSEEN, APPENDLIMIT …; 0 where none or wrong */
  SurelImapFlags flags; /* PERMANENTFLAGS */
  const char **words; /* CAPABILITY, BADCHARSET: NULL-terminated; else NULL */
  guint32 uidvalidity; /* APPENDUID, COPYUID */
  const char *mailbox_id; /* MAILBOXID (RFC 8474), or NULL */
  SurelUidSet *uids; /* MODIFIED; the source set of COPYUID; APPENDUID's; else NULL. Order is lost */
  SurelUidSet *uids_to; /* COPYUID's destination; else NULL */
} SurelImapCode;

gboolean surel_imap_code_copied (const SurelImapCode *code, GArray **from, GArray **to);
GArray *surel_imap_code_appended (const SurelImapCode *code);

typedef enum
{
  SUREL_IMAP_CONTINUATION, /* `+ …`: text */
  SUREL_IMAP_TAGGED, /* tag, condition, code, text */
  SUREL_IMAP_UNTAGGED, /* `* OK|NO|BAD|PREAUTH|BYE`: condition, code, text */
  SUREL_IMAP_CAPABILITY, /* words */
  SUREL_IMAP_ENABLED, /* words */
  SUREL_IMAP_FLAGS, /* flags */
  SUREL_IMAP_LIST, /* list; also for LSUB */
  SUREL_IMAP_STATUS, /* status */
  SUREL_IMAP_NAMESPACE, /* namespaces */
  SUREL_IMAP_ID, /* words: name, value, name, value …; a NIL value is "" */
  SUREL_IMAP_SEARCH, /* search; both SEARCH and ESEARCH */
  SUREL_IMAP_EXISTS, /* number */
  SUREL_IMAP_RECENT, /* number */
  SUREL_IMAP_EXPUNGE, /* number */
  SUREL_IMAP_FETCH, /* fetch */
  SUREL_IMAP_VANISHED, /* vanished */
  SUREL_IMAP_QUOTA, /* quota */
  SUREL_IMAP_MYRIGHTS, /* list.name and text: the rights */
  SUREL_IMAP_OTHER, /* well-formed and not known here, or an untagged line that can't be read: skip it */
} SurelImapKind;

typedef struct
{
  const char **attributes; /* NULL-terminated, without `\`, as `HasNoChildren`; never NULL */
  char delimiter; /* 0 for NIL */
  const char *name; /* on the wire: modified UTF-7, or UTF-8 where that is enabled; literal octets */
  const char **extended; /* CHILDINFO, OLDNAME …: name, value pairs; NULL for none */
} SurelImapList;

/* Each number is -1 where the server didn't say it, or said something that is none. */
typedef struct
{
  const char *name; /* on the wire */
  gint64 messages;
  gint64 uidnext;
  gint64 uidvalidity;
  gint64 unseen;
  gint64 highestmodseq;
  gint64 size;
  gint64 append_limit;
  const char *mailbox_id; /* OBJECTID (RFC 8474), or NULL */
} SurelImapMailboxStatus;

typedef struct
{
  const char *prefix; /* on the wire */
  char delimiter; /* 0 for NIL */
} SurelImapNamespace;

typedef struct
{
  const SurelImapNamespace *personal; /* arrays of n_…; NULL where n is 0 */
  const SurelImapNamespace *others;
  const SurelImapNamespace *shared;
  guint n_personal;
  guint n_others;
  guint n_shared;
} SurelImapNamespaces;

typedef struct
{
  const char *tag; /* ESEARCH's correlator; NULL for none */
  gboolean uid; /* ESEARCH said UID */
  SurelUidSet *all; /* SEARCH's numbers, or ESEARCH's ALL; NULL where ESEARCH gave none */
  gint64 count; /* ESEARCH COUNT, else -1 */
  gint64 min;
  gint64 max;
  guint64 modseq; /* 0 for none */
} SurelImapSearch;

typedef struct _SurelImapPart SurelImapPart;

/* A node of BODYSTRUCTURE (RFC 9051 §7.5.2), the same for its basic form. Strings are NULL for NIL. */
struct _SurelImapPart
{
  const char *type; /* lower-case, as `text`, `multipart`; never NULL */
  const char *subtype; /* lower-case; never NULL */
  const char **parameters; /* name (lower-case), value pairs; NULL-terminated; NULL for none */
  const char *id; /* Content-ID as sent */
  const char *description;
  const char *encoding; /* lower-case */
  guint64 size; /* octets, still encoded */
  guint64 lines;
  const char *md5;
  const char *disposition; /* lower-case */
  const char **disposition_parameters; /* like parameters */
  const char **languages; /* NULL-terminated; NULL for none */
  const char *location;
  SurelImapPart **children; /* of a multipart, or the one of message/rfc822; NULL-terminated; NULL for none */
};

typedef struct
{
  const char *section; /* between the brackets, upper-case: "" for BODY[], "HEADER.FIELDS (DATE FROM)", "1.MIME" */
  gboolean binary; /* BINARY[…] */
  gint64 origin; /* of a partial fetch; -1 for a whole one */
  const char *data; /* octets, perhaps with NULs; NULL for NIL */
  gsize length;
} SurelImapSection;

typedef struct
{
  guint32 sequence;
  guint32 uid; /* 0 where the server didn't say it or said none that is allowed */
  gboolean has_flags;
  SurelImapFlags flags;
  gboolean has_date;
  gint64 date; /* INTERNALDATE, seconds since the epoch */
  gint64 saved; /* SAVEDATE (RFC 8514), seconds since the epoch; 0 for none or NIL */
  gboolean has_size;
  guint64 size; /* RFC822.SIZE */
  guint64 modseq; /* 0 where not said or not allowed */
  const SurelImapPart *structure; /* NULL where not asked, or it couldn't be read */
  gboolean structure_broken; /* it came and couldn't be read */
  const SurelImapSection *sections;
  guint n_sections;
  const char *preview; /* NULL for none or NIL */
  const char *email_id; /* EMAILID or X-GM-MSGID; NULL for none */
  const char *thread_id; /* THREADID or X-GM-THRID */
  const char **labels; /* X-GM-LABELS, on the wire; NULL for none */
} SurelImapFetch;

typedef struct
{
  gboolean earlier; /* VANISHED (EARLIER) */
  SurelUidSet *uids; /* never NULL */
} SurelImapVanished;

typedef struct
{
  const char *root;
  gint64 used; /* STORAGE, in units of 1,024 octets; -1 for none */
  gint64 limit;
  gint64 messages; /* MESSAGE; -1 for none */
  gint64 message_limit;
} SurelImapQuota;

typedef struct
{
  SurelImapKind kind;
  const char *tag; /* TAGGED */
  SurelImapCondition condition;
  SurelImapCode code;
  const char *text; /* for people; never NULL in CONTINUATION, TAGGED and UNTAGGED */
  guint32 number;
  const char **words;
  SurelImapFlags flags;
  SurelImapList list;
  SurelImapMailboxStatus status;
  SurelImapNamespaces namespaces;
  SurelImapSearch search;
  SurelImapFetch fetch;
  SurelImapVanished vanished;
  SurelImapQuota quota;
} SurelImapResponse;

G_END_DECLS
