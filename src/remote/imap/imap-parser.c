/* The response parser: octets in, typed responses out, no I/O. A response is framed first, its lines and
 * literals together, each octet looked at once however it arrives; then read in one go. Over a limit the
 * stream is broken, since where the next response begins can't be known any more. */
#include "remote/imap/imap-parser.h"

#include <string.h>

#include "remote/imap/imap-quirks.h"

#define LINE_MAX_DEFAULT (1024 * 1024) /* octets; no server sends a longer line on purpose */
#define LITERAL_MAX_DEFAULT (8 * 1024 * 1024) /* octets; bodies are asked for in smaller pieces */
#define RESPONSE_MAX_DEFAULT (32 * 1024 * 1024) /* octets, its literals included */
#define DEPTH_MAX_DEFAULT 64 /* parentheses within parentheses; structures have a limit of their own */
#define COMPACT_SIZE 65536 /* octets read before what is left is moved to the front */

struct _SurelImapParser
{
  SurelImapLimits limits;
  GByteArray *input;
  gsize start; /* of the response under way */
  gsize line; /* where its present line begins */
  gsize scanned; /* up to here no line ends */
  gsize literals; /* octets of its literals so far */
  guint64 pushed;
  SurelImapArena arena;
  SurelImapResponse response;
  GError *broken; /* set for good */
};

G_DEFINE_QUARK (surel-imap-error-quark, surel_imap_error)

/**
 * surel_imap_parser_new:
 * @limits: (nullable): %NULL for those that every connection has
 *
 * Returns: (transfer full): a parser for one connection
 */
SurelImapParser *
surel_imap_parser_new (const SurelImapLimits *limits)
{
  static const SurelImapLimits usual
      = { LINE_MAX_DEFAULT, LITERAL_MAX_DEFAULT, RESPONSE_MAX_DEFAULT, DEPTH_MAX_DEFAULT };
  SurelImapParser *self = g_new0 (SurelImapParser, 1);

  self->limits = limits != NULL ? *limits : usual;
  self->input = g_byte_array_new ();
  surel_imap_arena_init (&self->arena);
  return self;
}

void
surel_imap_parser_free (SurelImapParser *self)
{
  g_byte_array_unref (self->input);
  surel_imap_arena_clear (&self->arena);
  g_clear_error (&self->broken);
  g_free (self);
}

/**
 * surel_imap_parser_push:
 *
 * Adds octets as they came. What a response borrowed is no longer valid.
 */
void
surel_imap_parser_push (SurelImapParser *self, const void *data, gsize length)
{
  self->pushed += length;
  if (self->broken != NULL)
    return;
  if (self->start == self->input->len || self->start >= COMPACT_SIZE)
    {
      g_byte_array_remove_range (self->input, 0, (guint) self->start);
      self->line -= self->start;
      self->scanned -= self->start;
      self->start = 0;
    }
  g_byte_array_append (self->input, data, (guint) length);
}

guint64
surel_imap_parser_n_pushed (SurelImapParser *self)
{
  return self->pushed;
}

/**
 * surel_imap_parser_is_between:
 *
 * Returns: whether no part of a response is held
 */
gboolean
surel_imap_parser_is_between (SurelImapParser *self)
{
  return self->start == self->input->len;
}

static SurelImapStatus
break_off (SurelImapParser *self, SurelImapError code, const char *why, GError **error)
{
  if (self->broken == NULL)
    {
      self->broken = g_error_new (SUREL_IMAP_ERROR, code, "The server's answer can't be read: %s", why);
      g_byte_array_set_size (self->input, 0);
      self->start = self->line = self->scanned = 0;
    }
  g_propagate_error (error, g_error_copy (self->broken));
  return SUREL_IMAP_BROKEN;
}

/* --- Framing --- */

/* Text for people may end in `{5}` and mean nothing by it: only data has literals. */
static gboolean
may_have_literals (SurelImapParser *self)
{
  const char *p = (const char *) self->input->data + self->start;
  gsize length = self->input->len - self->start;

  if (length < 3 || p[0] != '*' || p[1] != ' ')
    return FALSE;
  return !(length > 4 && (g_ascii_strncasecmp (p + 2, "OK", 2) == 0 || g_ascii_strncasecmp (p + 2, "NO", 2) == 0)
           && (p[4] == ' ' || p[4] == '\r'))
         && g_ascii_strncasecmp (p + 2, "BAD ", MIN (4, length - 2)) != 0
         && g_ascii_strncasecmp (p + 2, "BYE ", MIN (4, length - 2)) != 0;
}

/* The literal a line ends with: `{n}`, `{n+}` or `~{n}`. */
static gboolean
ends_with_literal (const char *line, gsize length, guint64 *size)
{
  gsize i = length;
  guint64 factor = 1;

  *size = 0;
  if (i == 0 || line[--i] != '}')
    return FALSE;
  if (i > 0 && line[i - 1] == '+')
    i--;
  if (i == 0 || !g_ascii_isdigit (line[i - 1]))
    return FALSE;
  while (i > 0 && g_ascii_isdigit (line[i - 1]))
    {
      i--;
      if (factor <= G_GUINT64_CONSTANT (10000000000))
        {
          *size += factor * (guint64) (line[i] - '0');
          factor *= 10;
        }
      else if (line[i] != '0')
        *size = G_MAXUINT32 * G_GUINT64_CONSTANT (1000);
    }
  return i > 0 && line[i - 1] == '{';
}

/* Finds the end of the response under way. Returns its length with the line's end, 0 where more is needed,
 * -1 where a limit is passed. */
static gssize
frame (SurelImapParser *self)
{
  for (;;)
    {
      const char *data = (const char *) self->input->data;
      gsize end = self->input->len;
      const char *lf = self->scanned < end ? memchr (data + self->scanned, '\n', end - self->scanned) : NULL;
      gsize line_length;
      guint64 literal;

      if (self->scanned > end) /* within a literal */
        return 0;
      if ((lf != NULL ? (gsize) (lf - data) : end) - self->start - self->literals > self->limits.line)
        return -1;
      if (lf == NULL)
        {
          self->scanned = end;
          return 0;
        }
      line_length = (gsize) (lf - data) - self->line;
      if (line_length > 0 && data[self->line + line_length - 1] == '\r')
        line_length--;
      self->scanned = self->line = (gsize) (lf - data) + 1;
      if (!may_have_literals (self)
          || !ends_with_literal (lf - (lf > data && lf[-1] == '\r') - line_length, line_length, &literal))
        return (gssize) (self->line - self->start);
      if (literal > self->limits.literal || self->literals + literal > self->limits.response)
        return -1;
      self->literals += literal;
      self->line += literal;
      self->scanned = self->line;
    }
}

/* --- Status responses and their codes --- */

static const char *
rest_of (SurelImapLexer *lexer)
{
  const char *start = lexer->p;

  lexer->p = lexer->end;
  return surel_imap_arena_string (lexer->arena, start, (gsize) (lexer->end - start));
}

static const char **
words_of (SurelImapLexer *lexer)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  const char **kept;
  const char *word;

  for (;;)
    {
      surel_imap_lex_spaces (lexer);
      word = surel_imap_lex_atom (lexer, NULL);
      if (word == NULL)
        break;
      g_ptr_array_add (words, (gpointer) word);
    }
  kept = surel_imap_arena_alloc (lexer->arena, (words->len + 1) * sizeof (char *));
  for (guint i = 0; i < words->len; i++)
    kept[i] = g_ptr_array_index (words, i);
  return kept;
}

/* `(id)` of a mailbox (RFC 8474). */
static const char *
parse_mailbox_id (SurelImapLexer *lexer)
{
  const char *id;

  surel_imap_lex_char (lexer, '(');
  id = surel_imap_lex_object_id (lexer);
  surel_imap_lex_char (lexer, ')');
  return id;
}

/* Reads what stands between the brackets. */
static void
parse_code (SurelImapLexer *lexer, SurelImapCode *code)
{
  static const char *const numbers[] = { "UIDVALIDITY", "UIDNEXT",     "HIGHESTMODSEQ",
                                         "UNSEEN",      "APPENDLIMIT", NULL };
  const char *name = surel_imap_lex_atom (lexer, "[]");
  guint64 number;
  char *upper;

  if (name == NULL)
    return;
  upper = surel_imap_arena_string (lexer->arena, name, strlen (name));
  for (char *p = upper; *p != '\0'; p++)
    *p = g_ascii_toupper (*p);
  code->name = upper;
  surel_imap_lex_spaces (lexer);
  if (lexer->p < lexer->end)
    code->argument
        = surel_imap_arena_string (lexer->arena, lexer->p, (gsize) (lexer->end - lexer->p));
  if (g_strv_contains (numbers, upper))
    {
      if (surel_imap_lex_number (lexer, G_MAXINT64, &number))
        code->number = number;
    }
  else if (strcmp (upper, "PERMANENTFLAGS") == 0)
    surel_imap_lex_flags (lexer, &code->flags);
  else if (strcmp (upper, "CAPABILITY") == 0)
    code->words = words_of (lexer);
  else if (strcmp (upper, "BADCHARSET") == 0)
    surel_imap_lex_strings (lexer, &code->words);
  else if (strcmp (upper, "MAILBOXID") == 0)
    code->mailbox_id = parse_mailbox_id (lexer);
  else if (strcmp (upper, "MODIFIED") == 0)
    surel_imap_lex_set (lexer, &code->uids);
  else if (strcmp (upper, "APPENDUID") == 0 || strcmp (upper, "COPYUID") == 0)
    {
      if (surel_imap_lex_number (lexer, G_MAXUINT32, &number))
        code->uidvalidity = (guint32) number;
      surel_imap_lex_spaces (lexer);
      surel_imap_lex_set (lexer, &code->uids);
      surel_imap_lex_spaces (lexer);
      surel_imap_lex_set (lexer, &code->uids_to);
    }
}

/* `[code] text`, either of which may be missing. */
static void
parse_status_text (SurelImapLexer *lexer, SurelImapResponse *response)
{
  surel_imap_lex_spaces (lexer);
  if (surel_imap_lex_is (lexer, '['))
    {
      const char *end = surel_imap_quirk_code_end (lexer->p, lexer->end);
      SurelImapLexer inner = *lexer;

      if (end != NULL)
        {
          inner.p++;
          inner.end = end;
          parse_code (&inner, &response->code);
          lexer->p = end + 1;
          surel_imap_lex_spaces (lexer);
        }
    }
  response->text = rest_of (lexer);
}

static gboolean
parse_condition (SurelImapLexer *lexer, SurelImapCondition *condition)
{
  static const char *const names[] = { "OK", "NO", "BAD", "PREAUTH", "BYE" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (surel_imap_lex_word (lexer, names[i]))
      {
        *condition = (SurelImapCondition) i;
        return TRUE;
      }
  return FALSE;
}

/* --- Data --- */

static gboolean
parse_list (SurelImapLexer *lexer, SurelImapList *list)
{
  static const char *nothing[] = { NULL };
  SurelImapString delimiter;
  const char **attributes;

  surel_imap_lex_spaces (lexer);
  if (!surel_imap_lex_strings (lexer, &attributes))
    return FALSE;
  for (guint i = 0; attributes != NULL && attributes[i] != NULL; i++)
    if (attributes[i][0] == '\\')
      attributes[i]++;
  list->attributes = attributes != NULL ? attributes : nothing;
  surel_imap_lex_spaces (lexer);
  if (!surel_imap_lex_string (lexer, &delimiter))
    return FALSE;
  list->delimiter = delimiter.length > 0 ? delimiter.data[0] : '\0';
  surel_imap_lex_spaces (lexer);
  list->name = surel_imap_lex_astring (lexer);
  surel_imap_lex_spaces (lexer);
  if (surel_imap_lex_is (lexer, '('))
    surel_imap_lex_strings (lexer, &list->extended);
  return list->name != NULL;
}

static gboolean
parse_mailbox_status (SurelImapLexer *lexer, SurelImapMailboxStatus *status)
{
  struct
  {
    const char *name;
    gint64 *value;
  } items[] = {
    { "MESSAGES", &status->messages },           { "UIDNEXT", &status->uidnext },
    { "UIDVALIDITY", &status->uidvalidity },     { "UNSEEN", &status->unseen },
    { "HIGHESTMODSEQ", &status->highestmodseq }, { "SIZE", &status->size },
    { "APPENDLIMIT", &status->append_limit },
  };

  for (guint i = 0; i < G_N_ELEMENTS (items); i++)
    *items[i].value = -1;
  surel_imap_lex_spaces (lexer);
  status->name = surel_imap_lex_astring (lexer);
  surel_imap_lex_spaces (lexer);
  if (status->name == NULL || !surel_imap_lex_char (lexer, '('))
    return FALSE;
  for (;;)
    {
      const char *name;
      gboolean known = FALSE;
      guint64 number;

      surel_imap_lex_spaces (lexer);
      if (lexer->p >= lexer->end || surel_imap_lex_char (lexer, ')'))
        return TRUE;
      name = surel_imap_lex_atom (lexer, NULL);
      if (name == NULL)
        return FALSE;
      surel_imap_lex_spaces (lexer);
      for (guint i = 0; i < G_N_ELEMENTS (items); i++)
        if (g_ascii_strcasecmp (name, items[i].name) == 0)
          {
            known = TRUE;
            if (surel_imap_lex_number (lexer, G_MAXINT64, &number))
              *items[i].value = (gint64) number;
          }
      if (g_ascii_strcasecmp (name, "MAILBOXID") == 0)
        {
          known = TRUE;
          status->mailbox_id = parse_mailbox_id (lexer);
        }
      if (!known && !surel_imap_lex_skip (lexer))
        return FALSE;
    }
}

static gboolean
parse_namespace (SurelImapLexer *lexer, const SurelImapNamespace **spaces, guint *n)
{
  SurelImapNamespace found[16];
  SurelImapNamespace *kept;
  SurelImapString string;

  surel_imap_lex_spaces (lexer);
  if (surel_imap_lex_word (lexer, "NIL"))
    return TRUE;
  if (!surel_imap_lex_char (lexer, '('))
    return FALSE;
  for (;;)
    {
      surel_imap_lex_spaces (lexer);
      if (surel_imap_lex_char (lexer, ')'))
        break;
      if (!surel_imap_lex_char (lexer, '(') || *n == G_N_ELEMENTS (found))
        return FALSE;
      found[*n].prefix = surel_imap_lex_astring (lexer);
      surel_imap_lex_spaces (lexer);
      if (found[*n].prefix == NULL || !surel_imap_lex_string (lexer, &string))
        return FALSE;
      found[(*n)++].delimiter = string.length > 0 ? string.data[0] : '\0';
      for (surel_imap_lex_spaces (lexer); !surel_imap_lex_char (lexer, ')'); surel_imap_lex_spaces (lexer))
        if (!surel_imap_lex_skip (lexer))
          return FALSE;
    }
  kept = surel_imap_arena_alloc (lexer->arena, MAX (*n, 1) * sizeof *kept);
  memcpy (kept, found, *n * sizeof *kept);
  *spaces = kept;
  return TRUE;
}

static gboolean
parse_search (SurelImapLexer *lexer, SurelImapSearch *search)
{
  guint64 number;

  search->count = search->min = search->max = -1;
  search->all = surel_imap_arena_take_set (lexer->arena, surel_uid_set_new ());
  for (;;)
    {
      surel_imap_lex_spaces (lexer);
      if (lexer->p >= lexer->end)
        return TRUE;
      if (surel_imap_lex_char (lexer, '(')) /* (MODSEQ n) */
        {
          if (surel_imap_lex_word (lexer, "MODSEQ"))
            {
              surel_imap_lex_spaces (lexer);
              surel_imap_lex_number (lexer, G_MAXINT64, &search->modseq);
            }
          lexer->p = lexer->end;
        }
      else
        {
          const char *start = lexer->p;

          if (surel_imap_lex_number (lexer, G_MAXUINT32, &number) && number > 0)
            surel_uid_set_add (search->all, (guint32) number);
          else if (lexer->p == start)
            return FALSE;
        }
    }
}

/* ESEARCH (RFC 4731, RFC 9051 §7.3.4). */
static gboolean
parse_esearch (SurelImapLexer *lexer, SurelImapSearch *search)
{
  guint64 number;

  search->count = search->min = search->max = -1;
  surel_imap_lex_spaces (lexer);
  if (surel_imap_lex_char (lexer, '('))
    {
      if (surel_imap_lex_word (lexer, "TAG"))
        {
          surel_imap_lex_spaces (lexer);
          search->tag = surel_imap_lex_astring (lexer);
        }
      if (!surel_imap_lex_char (lexer, ')'))
        return FALSE;
    }
  for (;;)
    {
      gint64 *value = NULL;

      surel_imap_lex_spaces (lexer);
      if (lexer->p >= lexer->end)
        return TRUE;
      if (surel_imap_lex_word (lexer, "UID"))
        {
          search->uid = TRUE;
          continue;
        }
      if (surel_imap_lex_word (lexer, "ALL"))
        {
          surel_imap_lex_spaces (lexer);
          if (!surel_imap_lex_set (lexer, &search->all))
            return FALSE;
          continue;
        }
      if (surel_imap_lex_word (lexer, "COUNT"))
        value = &search->count;
      else if (surel_imap_lex_word (lexer, "MIN"))
        value = &search->min;
      else if (surel_imap_lex_word (lexer, "MAX"))
        value = &search->max;
      else if (!surel_imap_lex_skip (lexer))
        return FALSE;
      surel_imap_lex_spaces (lexer);
      if (value != NULL && surel_imap_lex_number (lexer, G_MAXUINT32, &number))
        *value = (gint64) number;
      else if (value == NULL && lexer->p < lexer->end && !surel_imap_lex_skip (lexer))
        return FALSE;
    }
}

static gboolean
parse_vanished (SurelImapLexer *lexer, SurelImapVanished *vanished)
{
  surel_imap_lex_spaces (lexer);
  if (surel_imap_lex_char (lexer, '('))
    {
      vanished->earlier = surel_imap_lex_word (lexer, "EARLIER");
      if (!surel_imap_lex_char (lexer, ')'))
        return FALSE;
      surel_imap_lex_spaces (lexer);
    }
  return surel_imap_lex_set (lexer, &vanished->uids);
}

static gboolean
parse_quota (SurelImapLexer *lexer, SurelImapQuota *quota)
{
  quota->used = quota->limit = quota->messages = quota->message_limit = -1;
  surel_imap_lex_spaces (lexer);
  quota->root = surel_imap_lex_astring (lexer);
  surel_imap_lex_spaces (lexer);
  if (!surel_imap_lex_char (lexer, '('))
    return FALSE;
  for (;;)
    {
      const char *name;
      guint64 used = 0;
      guint64 limit = 0;

      surel_imap_lex_spaces (lexer);
      if (surel_imap_lex_char (lexer, ')'))
        return TRUE;
      name = surel_imap_lex_atom (lexer, NULL);
      surel_imap_lex_spaces (lexer);
      if (name == NULL || !surel_imap_lex_number (lexer, G_MAXINT64, &used))
        return FALSE;
      surel_imap_lex_spaces (lexer);
      if (!surel_imap_lex_number (lexer, G_MAXINT64, &limit))
        return FALSE;
      if (g_ascii_strcasecmp (name, "STORAGE") == 0)
        {
          quota->used = (gint64) used;
          quota->limit = (gint64) limit;
        }
      else if (g_ascii_strcasecmp (name, "MESSAGE") == 0)
        {
          quota->messages = (gint64) used;
          quota->message_limit = (gint64) limit;
        }
    }
}

/* `* n EXISTS` and the like. */
static gboolean
parse_numbered (SurelImapLexer *lexer, SurelImapResponse *response)
{
  guint64 number = 0;
  gboolean fits = surel_imap_lex_number (lexer, G_MAXUINT32, &number);

  if (!fits)
    return FALSE;
  response->number = (guint32) number;
  surel_imap_lex_spaces (lexer);
  if (surel_imap_lex_word (lexer, "FETCH"))
    {
      response->kind = SUREL_IMAP_FETCH;
      response->fetch.sequence = (guint32) number;
      surel_imap_lex_spaces (lexer);
      return surel_imap_parse_fetch (lexer, &response->fetch);
    }
  if (surel_imap_lex_word (lexer, "EXISTS"))
    response->kind = SUREL_IMAP_EXISTS;
  else if (surel_imap_lex_word (lexer, "EXPUNGE"))
    response->kind = SUREL_IMAP_EXPUNGE;
  else if (surel_imap_lex_word (lexer, "RECENT"))
    response->kind = SUREL_IMAP_RECENT;
  else
    return FALSE;
  return TRUE;
}

static gboolean
parse_data (SurelImapLexer *lexer, SurelImapResponse *response)
{
  static const struct
  {
    const char *name;
    SurelImapKind kind;
  } names[] = {
    { "CAPABILITY", SUREL_IMAP_CAPABILITY }, { "ENABLED", SUREL_IMAP_ENABLED },
    { "FLAGS", SUREL_IMAP_FLAGS },           { "LIST", SUREL_IMAP_LIST },
    { "LSUB", SUREL_IMAP_LIST },             { "STATUS", SUREL_IMAP_STATUS },
    { "NAMESPACE", SUREL_IMAP_NAMESPACE },   { "ID", SUREL_IMAP_ID },
    { "SEARCH", SUREL_IMAP_SEARCH },         { "ESEARCH", SUREL_IMAP_SEARCH },
    { "VANISHED", SUREL_IMAP_VANISHED },     { "QUOTA", SUREL_IMAP_QUOTA },
    { "MYRIGHTS", SUREL_IMAP_MYRIGHTS },
  };
  const char *start = lexer->p;
  guint i;

  if (lexer->p < lexer->end && g_ascii_isdigit (*lexer->p))
    return parse_numbered (lexer, response);
  for (i = 0; i < G_N_ELEMENTS (names) && !surel_imap_lex_word (lexer, names[i].name); i++)
    ;
  if (i == G_N_ELEMENTS (names))
    return FALSE;
  response->kind = names[i].kind;
  surel_imap_lex_spaces (lexer);
  switch (response->kind)
    {
    case SUREL_IMAP_CAPABILITY:
    case SUREL_IMAP_ENABLED:
      response->words = words_of (lexer);
      return TRUE;
    case SUREL_IMAP_FLAGS:
      return surel_imap_lex_flags (lexer, &response->flags);
    case SUREL_IMAP_LIST:
      return parse_list (lexer, &response->list);
    case SUREL_IMAP_STATUS:
      return parse_mailbox_status (lexer, &response->status);
    case SUREL_IMAP_NAMESPACE:
      return parse_namespace (lexer, &response->namespaces.personal, &response->namespaces.n_personal)
             && parse_namespace (lexer, &response->namespaces.others, &response->namespaces.n_others)
             && parse_namespace (lexer, &response->namespaces.shared, &response->namespaces.n_shared);
    case SUREL_IMAP_ID:
      return surel_imap_lex_strings (lexer, &response->words);
    case SUREL_IMAP_SEARCH:
      return g_ascii_toupper (*start) == 'E' ? parse_esearch (lexer, &response->search)
                                             : parse_search (lexer, &response->search);
    case SUREL_IMAP_VANISHED:
      return parse_vanished (lexer, &response->vanished);
    case SUREL_IMAP_QUOTA:
      return parse_quota (lexer, &response->quota);
    case SUREL_IMAP_MYRIGHTS:
      response->list.name = surel_imap_lex_astring (lexer);
      surel_imap_lex_spaces (lexer);
      response->text = surel_imap_lex_astring (lexer);
      return response->list.name != NULL && response->text != NULL;
    default:
      return FALSE;
    }
}

static void
make_other (SurelImapResponse *response)
{
  *response = (SurelImapResponse){ .kind = SUREL_IMAP_OTHER };
}

static void
parse_untagged (SurelImapLexer *lexer, SurelImapResponse *response)
{
  surel_imap_lex_spaces (lexer);
  if (parse_condition (lexer, &response->condition))
    {
      response->kind = SUREL_IMAP_UNTAGGED;
      parse_status_text (lexer, response);
    }
  else if (!parse_data (lexer, response))
    make_other (response);
}

/* A tag, and how the command ended; where that can't be read it is taken as not understood. */
static gboolean
parse_tagged (SurelImapLexer *lexer, SurelImapResponse *response)
{
  response->kind = SUREL_IMAP_TAGGED;
  response->tag = surel_imap_lex_atom (lexer, "{*%\\");
  if (response->tag == NULL)
    return FALSE;
  surel_imap_lex_spaces (lexer);
  if (!parse_condition (lexer, &response->condition) || response->condition > SUREL_IMAP_BAD)
    response->condition = SUREL_IMAP_BAD;
  parse_status_text (lexer, response);
  return TRUE;
}

static gboolean
parse_response (SurelImapParser *self, const char *data, gsize length)
{
  SurelImapLexer lexer = { data, data + length, &self->arena, self->limits.depth };
  SurelImapResponse *response = &self->response;

  if (length > 0 && data[length - 1] == '\n')
    lexer.end--;
  if (lexer.end > data && lexer.end[-1] == '\r')
    lexer.end--;
  *response = (SurelImapResponse){ .kind = SUREL_IMAP_OTHER };
  if (lexer.p == lexer.end)
    return TRUE; /* an empty line */
  if (surel_imap_lex_char (&lexer, '*'))
    parse_untagged (&lexer, response);
  else if (surel_imap_lex_char (&lexer, '+'))
    {
      response->kind = SUREL_IMAP_CONTINUATION;
      parse_status_text (&lexer, response);
    }
  else if (!parse_tagged (&lexer, response))
    make_other (response);
  return TRUE;
}

/**
 * surel_imap_parser_next:
 * @out: (out): the next response, borrowed until the next call
 *
 * Returns: what there is; with %SUREL_IMAP_BROKEN @error is set
 */
SurelImapStatus
surel_imap_parser_next (SurelImapParser *self, const SurelImapResponse **out, GError **error)
{
  gssize length;
  const char *data;

  if (self->broken != NULL)
    return break_off (self, SUREL_IMAP_ERROR_SYNTAX, "", error);
  surel_imap_arena_reset (&self->arena);
  length = frame (self);
  if (length < 0)
    return break_off (self, SUREL_IMAP_ERROR_LIMIT, "it is longer than any answer may be", error);
  if (length == 0)
    return SUREL_IMAP_NEED_MORE;
  data = (const char *) self->input->data + self->start;
  self->start += (gsize) length;
  self->line = self->scanned = self->start;
  self->literals = 0;
  parse_response (self, data, (gsize) length);
  *out = &self->response;
  return SUREL_IMAP_RESPONSE;
}
