/* BODYSTRUCTURE (RFC 9051 §7.5.2, and BODY, its shorter form). What can't be read costs the message its
 * tree and nothing else. */
#include "remote/imap/imap-quirks.h"

#include <string.h>

#define DEPTH_MAX 64 /* parts within parts: no mail is nested deeper on purpose */
#define PARTS_MAX 1000 /* parts of one message */

typedef struct
{
  SurelImapLexer *lexer;
  guint parts;
} Tree;

static SurelImapPart *parse_part (Tree *tree, guint depth);

static const char *
lower (SurelImapLexer *lexer, const char *text)
{
  char *copy;

  if (text == NULL)
    return NULL;
  copy = surel_imap_arena_string (lexer->arena, text, strlen (text));
  for (char *p = copy; *p != '\0'; p++)
    *p = g_ascii_tolower (*p);
  return copy;
}

static const char *
next_text (SurelImapLexer *lexer)
{
  surel_imap_lex_spaces (lexer);
  return surel_imap_lex_text (lexer);
}

/* Parameters: names and values in turn, names in lower case. */
static gboolean
parse_parameters (SurelImapLexer *lexer, const char ***parameters)
{
  surel_imap_lex_spaces (lexer);
  if (!surel_imap_lex_strings (lexer, parameters))
    return FALSE;
  for (guint i = 0; *parameters != NULL && (*parameters)[i] != NULL; i += 2)
    {
      (*parameters)[i] = lower (lexer, (*parameters)[i]);
      if ((*parameters)[i + 1] == NULL) /* a name without a value */
        {
          (*parameters)[i] = NULL;
          break;
        }
    }
  return TRUE;
}

static gboolean
parse_disposition (SurelImapLexer *lexer, SurelImapPart *part)
{
  const char *string;

  surel_imap_lex_spaces (lexer);
  if (surel_imap_quirk_disposition_is_string (lexer, &string))
    {
      part->disposition = lower (lexer, string);
      return TRUE;
    }
  surel_imap_lex_char (lexer, '(');
  part->disposition = lower (lexer, next_text (lexer));
  if (!parse_parameters (lexer, &part->disposition_parameters))
    return FALSE;
  surel_imap_lex_spaces (lexer);
  return surel_imap_lex_char (lexer, ')');
}

static gboolean
parse_languages (SurelImapLexer *lexer, SurelImapPart *part)
{
  const char *one;
  const char **list;

  surel_imap_lex_spaces (lexer);
  if (surel_imap_lex_is (lexer, '('))
    return surel_imap_lex_strings (lexer, &part->languages);
  one = surel_imap_lex_text (lexer);
  if (one != NULL)
    {
      list = surel_imap_arena_alloc (lexer->arena, 2 * sizeof (char *));
      list[0] = one;
      part->languages = list;
    }
  return TRUE;
}

static gboolean
at_end (SurelImapLexer *lexer)
{
  surel_imap_lex_spaces (lexer);
  return surel_imap_lex_is (lexer, ')');
}

/* What may follow, and be left off at any point: disposition, languages, location, what is not known. */
static gboolean
parse_extension (SurelImapLexer *lexer, SurelImapPart *part)
{
  if (!at_end (lexer) && !parse_disposition (lexer, part))
    return FALSE;
  if (!at_end (lexer) && !parse_languages (lexer, part))
    return FALSE;
  if (!at_end (lexer))
    part->location = surel_imap_lex_text (lexer);
  while (!at_end (lexer))
    if (!surel_imap_lex_skip (lexer))
      return FALSE;
  return surel_imap_lex_char (lexer, ')');
}

static gboolean
parse_multipart (Tree *tree, SurelImapPart *part, guint depth)
{
  SurelImapLexer *lexer = tree->lexer;
  g_autoptr (GPtrArray) children = g_ptr_array_new ();

  while (surel_imap_lex_is (lexer, '('))
    {
      SurelImapPart *child = parse_part (tree, depth + 1);

      if (child == NULL)
        return FALSE;
      g_ptr_array_add (children, child);
      surel_imap_lex_spaces (lexer);
    }
  part->children = surel_imap_arena_alloc (lexer->arena, (children->len + 1) * sizeof (gpointer));
  memcpy (part->children, children->pdata, children->len * sizeof (gpointer));
  part->type = "multipart";
  part->subtype = lower (lexer, surel_imap_lex_text (lexer));
  if (part->subtype == NULL)
    part->subtype = "mixed";
  if (!at_end (lexer) && !parse_parameters (lexer, &part->parameters))
    return FALSE;
  return parse_extension (lexer, part);
}

static guint64
next_number (SurelImapLexer *lexer)
{
  guint64 number;

  surel_imap_lex_spaces (lexer);
  surel_imap_quirk_size_is_wrong (lexer, &number);
  return number;
}

/* message/rfc822 has its envelope, the tree of what it holds and its lines. */
static gboolean
parse_message (Tree *tree, SurelImapPart *part, guint depth)
{
  SurelImapLexer *lexer = tree->lexer;
  SurelImapPart *child;

  if (surel_imap_quirk_message_has_no_envelope (lexer))
    return TRUE;
  if (!surel_imap_lex_skip (lexer))
    return FALSE;
  surel_imap_lex_spaces (lexer);
  if (!surel_imap_lex_is (lexer, '('))
    return TRUE;
  child = parse_part (tree, depth + 1);
  if (child == NULL)
    return FALSE;
  part->children = surel_imap_arena_alloc (lexer->arena, 2 * sizeof (gpointer));
  part->children[0] = child;
  if (!at_end (lexer))
    part->lines = next_number (lexer);
  return TRUE;
}

static gboolean
parse_single (Tree *tree, SurelImapPart *part, guint depth)
{
  SurelImapLexer *lexer = tree->lexer;
  const char *type = lower (lexer, next_text (lexer));
  const char *subtype = lower (lexer, next_text (lexer));

  part->type = type != NULL ? type : "application";
  part->subtype = subtype != NULL ? subtype : "octet-stream";
  if (!parse_parameters (lexer, &part->parameters))
    return FALSE;
  part->id = next_text (lexer);
  part->description = next_text (lexer);
  part->encoding = lower (lexer, next_text (lexer));
  part->size = next_number (lexer);
  if (strcmp (part->type, "text") == 0 && !at_end (lexer))
    part->lines = next_number (lexer);
  else if (strcmp (part->type, "message") == 0
           && (strcmp (part->subtype, "rfc822") == 0 || strcmp (part->subtype, "global") == 0)
           && !parse_message (tree, part, depth))
    return FALSE;
  if (!at_end (lexer))
    part->md5 = surel_imap_lex_text (lexer);
  return parse_extension (lexer, part);
}

static SurelImapPart *
parse_part (Tree *tree, guint depth)
{
  SurelImapLexer *lexer = tree->lexer;
  SurelImapPart *part;

  if (depth > DEPTH_MAX || ++tree->parts > PARTS_MAX || !surel_imap_lex_char (lexer, '('))
    return NULL;
  part = SUREL_IMAP_NEW (lexer->arena, SurelImapPart);
  surel_imap_lex_spaces (lexer);
  if (surel_imap_lex_is (lexer, '(') ? parse_multipart (tree, part, depth)
                                     : parse_single (tree, part, depth))
    return part;
  return NULL;
}

/**
 * surel_imap_parse_structure:
 *
 * Returns: (nullable): the tree that stands there; %NULL where it can't be read, and then the lexer may
 *   stand anywhere in it
 */
const SurelImapPart *
surel_imap_parse_structure (SurelImapLexer *lexer)
{
  Tree tree = { lexer, 0 };

  return parse_part (&tree, 0);
}
