#pragma once

#include <gio/gio.h>

#include "base/uidset.h"

G_BEGIN_DECLS

/**
 * SurelImapCommand:
 *
 * A command on its way to a server, made of typed parts. This is the one place where octets for a
 * server are made: nothing from a caller can end a line, open a literal or act as a wildcard.
 */
typedef struct _SurelImapCommand SurelImapCommand;

/* How literals may be sent (RFC 7888). */
typedef enum
{
  SUREL_IMAP_LITERAL_SYNC, /* wait for `+` before each */
  SUREL_IMAP_LITERAL_MINUS, /* without waiting up to 4,096 octets */
  SUREL_IMAP_LITERAL_PLUS, /* never wait */
} SurelImapLiterals;

SurelImapCommand *surel_imap_command_new (const char *name);
void surel_imap_command_free (SurelImapCommand *self);

/* Each appends one part, with the space before it where it takes one. */
void surel_imap_command_atom (SurelImapCommand *self, const char *atom);
void surel_imap_command_number (SurelImapCommand *self, guint64 number);
void surel_imap_command_string (SurelImapCommand *self, const char *octets, gssize length);
void surel_imap_command_mailbox (SurelImapCommand *self, const char *wire_name);
void surel_imap_command_set (SurelImapCommand *self, const SurelUidSet *set);
void surel_imap_command_range (SurelImapCommand *self, guint32 first, guint32 last);
void surel_imap_command_literal (SurelImapCommand *self, GBytes *octets);
void surel_imap_command_open (SurelImapCommand *self);
void surel_imap_command_close (SurelImapCommand *self);
void surel_imap_command_section (SurelImapCommand *self,
                                 const char *item,
                                 const char *part,
                                 const char *const *fields,
                                 gint64 origin,
                                 guint64 count);
void surel_imap_command_secret (SurelImapCommand *self, const char *octets);

GPtrArray *surel_imap_command_finish (SurelImapCommand *self,
                                      const char *tag,
                                      SurelImapLiterals literals,
                                      GError **error);
const char *surel_imap_command_describe (SurelImapCommand *self);

char *surel_imap_utf7_encode (const char *utf8);
char *surel_imap_utf7_decode (const char *wire);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelImapCommand, surel_imap_command_free)

G_END_DECLS
