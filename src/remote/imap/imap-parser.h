#pragma once

#include "remote/imap/imap-response.h"

G_BEGIN_DECLS

typedef struct _SurelImapParser SurelImapParser;

typedef enum
{
  SUREL_IMAP_NEED_MORE, /* push more octets */
  SUREL_IMAP_RESPONSE, /* there is one */
  SUREL_IMAP_BROKEN, /* the stream can't go on; this stays so */
} SurelImapStatus;

typedef struct
{
  gsize line; /* octets of a response, its literals not counted */
  gsize literal; /* octets of one literal */
  gsize response; /* octets of a response, all in all */
  guint depth; /* parentheses within parentheses */
} SurelImapLimits;

SurelImapParser *surel_imap_parser_new (const SurelImapLimits *limits);
void surel_imap_parser_free (SurelImapParser *self);
void surel_imap_parser_push (SurelImapParser *self, const void *data, gsize length);
SurelImapStatus
surel_imap_parser_next (SurelImapParser *self, const SurelImapResponse **out, GError **error);
gboolean surel_imap_parser_is_between (SurelImapParser *self);
guint64 surel_imap_parser_n_pushed (SurelImapParser *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelImapParser, surel_imap_parser_free)

G_END_DECLS
