#pragma once

#include "remote/imap/imap-response.h"

G_BEGIN_DECLS

/* Memory for the values of one response, given back all at once. */
typedef struct
{
  GPtrArray *chunks; /* blocks of ARENA_CHUNK octets, or one larger value each */
  gsize used; /* octets of the current chunk */
  guint current; /* its index */
  GPtrArray *sets; /* SurelUidSet handed out */
} SurelImapArena;

void surel_imap_arena_init (SurelImapArena *self);
void surel_imap_arena_clear (SurelImapArena *self);
void surel_imap_arena_reset (SurelImapArena *self);
gpointer surel_imap_arena_alloc (SurelImapArena *self, gsize size);
char *surel_imap_arena_string (SurelImapArena *self, const char *data, gsize length);
SurelUidSet *surel_imap_arena_take_set (SurelImapArena *self, SurelUidSet *set);

#define SUREL_IMAP_NEW(arena, type) ((type *) surel_imap_arena_alloc ((arena), sizeof (type)))

/* A framed response being read: from @p to @end, literals in place. */
typedef struct
{
  const char *p;
  const char *end;
  SurelImapArena *arena;
  guint depth_max;
} SurelImapLexer;

/* A string, or NIL: @data is NULL then. */
typedef struct
{
  const char *data; /* in the input, or in the arena where it had to be unescaped */
  gsize length;
} SurelImapString;

gboolean surel_imap_lex_char (SurelImapLexer *self, char c);
gboolean surel_imap_lex_is (SurelImapLexer *self, char c);
void surel_imap_lex_spaces (SurelImapLexer *self);
const char *surel_imap_lex_atom (SurelImapLexer *self, const char *stops);
gboolean surel_imap_lex_word (SurelImapLexer *self, const char *word);
gboolean surel_imap_lex_number (SurelImapLexer *self, guint64 max, guint64 *number);
gboolean surel_imap_lex_string (SurelImapLexer *self, SurelImapString *string);
const char *surel_imap_lex_text (SurelImapLexer *self);
const char *surel_imap_lex_object_id (SurelImapLexer *self);
const char *surel_imap_lex_astring (SurelImapLexer *self);
gboolean surel_imap_lex_skip (SurelImapLexer *self);
gboolean surel_imap_lex_strings (SurelImapLexer *self, const char ***strings);
gboolean surel_imap_lex_flags (SurelImapLexer *self, SurelImapFlags *flags);
gboolean surel_imap_lex_set (SurelImapLexer *self, SurelUidSet **set);

/* imap-parse-fetch.c */
gboolean surel_imap_parse_fetch (SurelImapLexer *lexer, SurelImapFetch *fetch);
/* imap-parse-structure.c */
const SurelImapPart *surel_imap_parse_structure (SurelImapLexer *lexer);

G_END_DECLS
