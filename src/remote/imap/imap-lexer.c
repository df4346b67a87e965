/* The words of IMAP (RFC 9051 §9): atoms, strings, numbers, lists. Every function stops at the end of
 * the response and leaves it to its caller what to make of what it didn't find. */
#include "remote/imap/imap-quirks.h"

#include <string.h>

#define COPIED_MAX 100000 /* UIDs in one COPYUID: more were never asked for */

#define ARENA_CHUNK 16384 /* octets: a FETCH answer takes some hundred */
#define OBJECT_ID_MAX 255 /* octets (RFC 8474 §7) */
#define WORDS_MAX 10000 /* words of one list that are kept */

void
surel_imap_arena_init (SurelImapArena *self)
{
  self->chunks = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->chunks, g_malloc (ARENA_CHUNK));
  self->sets = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_uid_set_free);
  self->used = 0;
}

void
surel_imap_arena_clear (SurelImapArena *self)
{
  g_ptr_array_unref (self->chunks);
  g_ptr_array_unref (self->sets);
}

/* Keeps the first chunk alone: most responses need no more. */
void
surel_imap_arena_reset (SurelImapArena *self)
{
  self->used = 0;
  if (self->chunks->len > 1)
    g_ptr_array_set_size (self->chunks, 1);
  if (self->sets->len > 0)
    g_ptr_array_set_size (self->sets, 0);
}

/**
 * surel_imap_arena_alloc:
 *
 * Returns: zeroed memory that lives until the arena is reset
 */
gpointer
surel_imap_arena_alloc (SurelImapArena *self, gsize size)
{
  gsize rounded = (size + 7) & ~(gsize) 7;
  char *memory;

  if (rounded > ARENA_CHUNK)
    {
      /* Before the current chunk, which stays the last. */
      memory = g_malloc0 (rounded);
      g_ptr_array_insert (self->chunks, (gint) self->chunks->len - 1, memory);
      return memory;
    }
  if (self->used + rounded > ARENA_CHUNK)
    {
      g_ptr_array_add (self->chunks, g_malloc (ARENA_CHUNK));
      self->used = 0;
    }
  memory = (char *) self->chunks->pdata[self->chunks->len - 1] + self->used;
  self->used += rounded;
  return memset (memory, 0, rounded);
}

char *
surel_imap_arena_string (SurelImapArena *self, const char *data, gsize length)
{
  char *copy = surel_imap_arena_alloc (self, length + 1);

  memcpy (copy, data, length);
  return copy;
}

SurelUidSet *
surel_imap_arena_take_set (SurelImapArena *self, SurelUidSet *set)
{
  if (set != NULL)
    g_ptr_array_add (self->sets, set);
  return set;
}

gboolean
surel_imap_lex_is (SurelImapLexer *self, char c)
{
  return self->p < self->end && *self->p == c;
}

gboolean
surel_imap_lex_char (SurelImapLexer *self, char c)
{
  if (!surel_imap_lex_is (self, c))
    return FALSE;
  self->p++;
  return TRUE;
}

void
surel_imap_lex_spaces (SurelImapLexer *self)
{
  while (surel_imap_lex_is (self, ' '))
    self->p++;
}

static gboolean
is_atom_char (char c, const char *stops)
{
  return (guchar) c > ' ' && c != 0x7f && c != '(' && c != ')' && c != '"'
         && (stops == NULL || strchr (stops, c) == NULL);
}

/**
 * surel_imap_lex_atom:
 * @stops: (nullable): octets that end it besides white space, parentheses and quotes
 *
 * Returns: (nullable): an atom as it stands, 8-bit octets and `]` included, for servers put them there
 */
const char *
surel_imap_lex_atom (SurelImapLexer *self, const char *stops)
{
  const char *start = self->p;

  while (self->p < self->end && is_atom_char (*self->p, stops))
    self->p++;
  return self->p > start ? surel_imap_arena_string (self->arena, start, (gsize) (self->p - start)) : NULL;
}

/**
 * surel_imap_lex_word:
 *
 * Returns: whether @word stands there, in any case, and nothing of an atom behind it; it is taken then
 */
gboolean
surel_imap_lex_word (SurelImapLexer *self, const char *word)
{
  gsize length = strlen (word);

  if ((gsize) (self->end - self->p) < length || g_ascii_strncasecmp (self->p, word, length) != 0)
    return FALSE;
  if (self->p + length < self->end && is_atom_char (self->p[length], "[]"))
    return FALSE;
  self->p += length;
  return TRUE;
}

/**
 * surel_imap_lex_number:
 * @max: the largest that is allowed
 * @number: (out): it, where it is allowed
 *
 * Takes what stands there up to the next space or parenthesis, be it a number or not.
 *
 * Returns: whether it was a number of digits alone, at most @max
 */
gboolean
surel_imap_lex_number (SurelImapLexer *self, guint64 max, guint64 *number)
{
  const char *start = self->p;
  guint64 value = 0;
  gboolean fits = TRUE;

  for (; self->p < self->end && is_atom_char (*self->p, "[]"); self->p++)
    {
      guint digit = (guint) (*self->p - '0');

      if (!g_ascii_isdigit (*self->p) || value > (max - MIN (digit, max)) / 10)
        fits = FALSE;
      if (fits)
        value = value * 10 + digit;
    }
  if (self->p == start || !fits)
    return FALSE;
  *number = value;
  return TRUE;
}

static gboolean
lex_quoted (SurelImapLexer *self, SurelImapString *string)
{
  const char *start = ++self->p;
  gboolean escaped = FALSE;
  char *copy;
  gsize length = 0;

  while (self->p < self->end && *self->p != '"' && *self->p != '\n')
    {
      if (*self->p == '\\' && self->p + 1 < self->end)
        {
          escaped = TRUE;
          self->p++;
        }
      self->p++;
    }
  if (self->p >= self->end || *self->p != '"')
    return FALSE;
  string->data = start;
  string->length = (gsize) (self->p++ - start);
  if (!escaped)
    return TRUE;
  copy = surel_imap_arena_alloc (self->arena, string->length + 1);
  for (gsize i = 0; i < string->length; i++)
    {
      if (start[i] == '\\' && i + 1 < string->length)
        i++;
      copy[length++] = start[i];
    }
  string->data = copy;
  string->length = length;
  return TRUE;
}

static gboolean
lex_literal (SurelImapLexer *self, SurelImapString *string)
{
  guint64 length = 0;
  const char *p = self->p;

  if (*p == '~') /* literal8 (RFC 9051 §4.3) */
    p++;
  if (p >= self->end || *p++ != '{')
    return FALSE;
  while (p < self->end && g_ascii_isdigit (*p) && length <= G_MAXUINT32)
    length = length * 10 + (guint64) (*p++ - '0');
  if (p < self->end && *p == '+')
    p++;
  if (p >= self->end || *p++ != '}')
    return FALSE;
  if (p < self->end && *p == '\r')
    p++;
  if (p >= self->end || *p++ != '\n' || length > (guint64) (self->end - p))
    return FALSE;
  string->data = p;
  string->length = (gsize) length;
  self->p = p + length;
  return TRUE;
}

/**
 * surel_imap_lex_string:
 * @string: (out): a string or NIL
 *
 * Returns: %FALSE where neither stands there; nothing is taken then
 */
gboolean
surel_imap_lex_string (SurelImapLexer *self, SurelImapString *string)
{
  const char *start = self->p;
  gboolean found = FALSE;

  *string = (SurelImapString){ NULL, 0 };
  if (self->p >= self->end)
    return FALSE;
  if (*self->p == '"')
    found = lex_quoted (self, string);
  else if (*self->p == '{' || *self->p == '~')
    found = lex_literal (self, string);
  else
    found = surel_imap_lex_word (self, "NIL");
  if (!found)
    self->p = start;
  return found;
}

/**
 * surel_imap_lex_text:
 *
 * Returns: (nullable): a string, an atom or a number as text; %NULL for NIL and for what is none
 */
const char *
surel_imap_lex_text (SurelImapLexer *self)
{
  SurelImapString string;

  if (surel_imap_lex_string (self, &string))
    return string.data != NULL ? surel_imap_arena_string (self->arena, string.data, string.length) : NULL;
  return surel_imap_lex_atom (self, NULL);
}

/**
 * surel_imap_lex_object_id:
 *
 * Returns: (nullable): an id of OBJECTID (RFC 8474 §7, objectid); %NULL for what is none
 */
const char *
surel_imap_lex_object_id (SurelImapLexer *self)
{
  const char *text = surel_imap_lex_text (self);
  gsize length = text != NULL ? strlen (text) : 0;

  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '-' && text[i] != '_')
      return NULL;
  return length > 0 && length <= OBJECT_ID_MAX ? text : NULL;
}

/**
 * surel_imap_lex_astring:
 *
 * Returns: (nullable): a string or an atom; `NIL` is an atom here
 */
const char *
surel_imap_lex_astring (SurelImapLexer *self)
{
  SurelImapString string;

  if (self->p < self->end && (*self->p == '"' || *self->p == '{' || *self->p == '~')
      && surel_imap_lex_string (self, &string))
    return surel_imap_arena_string (self->arena, string.data, string.length);
  return surel_imap_lex_atom (self, NULL);
}

/**
 * surel_imap_lex_skip:
 *
 * Passes over one value, whatever it is: a string, an atom, a list with all that is in it.
 *
 * Returns: %FALSE where it doesn't end
 */
gboolean
surel_imap_lex_skip (SurelImapLexer *self)
{
  SurelImapString string;
  guint depth = 0;

  do
    {
      surel_imap_lex_spaces (self);
      if (self->p >= self->end)
        return FALSE;
      if (surel_imap_lex_char (self, '('))
        depth++;
      else if (surel_imap_lex_is (self, ')'))
        {
          if (depth == 0)
            return FALSE;
          depth--;
          self->p++;
        }
      else if (!surel_imap_lex_string (self, &string))
        {
          const char *start = self->p;

          while (self->p < self->end && is_atom_char (*self->p, NULL))
            self->p++;
          if (self->p == start)
            self->p++; /* a stray octet */
        }
    }
  while (depth > 0);
  return TRUE;
}

/**
 * surel_imap_lex_strings:
 * @strings: (out): the strings and atoms of a list, NULL-terminated; NIL is ""; %NULL for NIL or none
 *
 * Returns: %FALSE where there is no list of such
 */
gboolean
surel_imap_lex_strings (SurelImapLexer *self, const char ***strings)
{
  g_autoptr (GPtrArray) words = NULL;

  *strings = NULL;
  if (surel_imap_lex_word (self, "NIL"))
    return TRUE;
  if (!surel_imap_lex_char (self, '('))
    return FALSE;
  words = g_ptr_array_new ();
  for (;;)
    {
      const char *before;
      const char *word;

      surel_imap_lex_spaces (self);
      if (surel_imap_lex_char (self, ')'))
        break;
      if (surel_imap_lex_is (self, '('))
        {
          if (!surel_imap_lex_skip (self))
            return FALSE;
          continue;
        }
      before = self->p;
      word = surel_imap_lex_text (self);
      if (self->p == before)
        return FALSE;
      if (words->len < WORDS_MAX)
        g_ptr_array_add (words, (gpointer) (word != NULL ? word : ""));
    }
  if (words->len == 0)
    return TRUE;
  *strings = surel_imap_arena_alloc (self->arena, (words->len + 1) * sizeof (char *));
  memcpy (*strings, words->pdata, words->len * sizeof (char *));
  return TRUE;
}

static guint
system_flag (const char *flag)
{
  static const struct
  {
    const char *name;
    guint flag;
  } names[] = {
    { "\\Seen", SUREL_IMAP_FLAG_SEEN },         { "\\Answered", SUREL_IMAP_FLAG_ANSWERED },
    { "\\Flagged", SUREL_IMAP_FLAG_FLAGGED },   { "\\Deleted", SUREL_IMAP_FLAG_DELETED },
    { "\\Draft", SUREL_IMAP_FLAG_DRAFT },       { "\\Recent", SUREL_IMAP_FLAG_RECENT },
    { "\\*", SUREL_IMAP_FLAG_ANY_KEYWORD },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (flag, names[i].name) == 0)
      return names[i].flag;
  return 0;
}

/**
 * surel_imap_lex_flags:
 *
 * Reads a list of flags (RFC 9051 §2.3.2).
 */
gboolean
surel_imap_lex_flags (SurelImapLexer *self, SurelImapFlags *flags)
{
  g_autoptr (GPtrArray) keywords = NULL; /* mostly there are none */

  *flags = (SurelImapFlags){ 0, NULL };
  if (surel_imap_quirk_flags_are_nil (self))
    return TRUE;
  if (!surel_imap_lex_char (self, '('))
    return FALSE;
  for (;;)
    {
      const char *flag;
      guint system;

      surel_imap_lex_spaces (self);
      if (surel_imap_lex_char (self, ')'))
        break;
      flag = surel_imap_lex_astring (self);
      if (flag == NULL)
        return FALSE;
      system = flag[0] == '\\' ? system_flag (flag) : 0;
      flags->system |= system;
      if (system != 0 || flag[0] == '\\')
        continue;
      if (keywords == NULL)
        keywords = g_ptr_array_new ();
      if (keywords->len < WORDS_MAX)
        g_ptr_array_add (keywords, (gpointer) flag);
    }
  if (keywords == NULL)
    return TRUE;
  flags->keywords = surel_imap_arena_alloc (self->arena, (keywords->len + 1) * sizeof (char *));
  memcpy (flags->keywords, keywords->pdata, keywords->len * sizeof (char *));
  return TRUE;
}

/**
 * surel_imap_lex_set:
 * @set: (out): a sequence set
 */
gboolean
surel_imap_lex_set (SurelImapLexer *self, SurelUidSet **set)
{
  const char *start = self->p;

  while (self->p < self->end && (g_ascii_isdigit (*self->p) || *self->p == ':' || *self->p == ','))
    self->p++;
  *set = self->p > start ? surel_imap_arena_take_set (
             self->arena, surel_uid_set_parse (start, (gssize) (self->p - start)))
                         : NULL;
  return *set != NULL;
}

/* Numbers and ranges, in the order they stand. */
static GArray *
numbers_of (const char **text)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint32));
  const char *p = *text;

  while (g_ascii_isdigit (*p))
    {
      char *end;
      guint64 first = g_ascii_strtoull (p, &end, 10);
      guint64 last = first;

      if (*end == ':')
        last = g_ascii_strtoull (end + 1, &end, 10);
      if (first == 0 || first > G_MAXUINT32 || last < first || last > G_MAXUINT32
          || numbers->len + (last - first) >= COPIED_MAX)
        return NULL;
      for (guint64 number = first; number <= last; number++)
        {
          guint32 uid = (guint32) number;

          g_array_append_val (numbers, uid);
        }
      p = *end == ',' ? end + 1 : end;
    }
  *text = p;
  return numbers->len > 0 ? g_steal_pointer (&numbers) : NULL;
}

/**
 * surel_imap_code_copied:
 * @code: COPYUID (RFC 4315 §3)
 * @from: (out) (element-type guint32): UIDs in the mailbox they were copied from
 * @to: (out) (element-type guint32): their UIDs in the other one, each in the same place
 *
 * Returns: %FALSE where the server's words don't say that, and nothing is set
 */
gboolean
surel_imap_code_copied (const SurelImapCode *code, GArray **from, GArray **to)
{
  g_autoptr (GArray) sources = NULL;
  g_autoptr (GArray) targets = NULL;
  const char *p = code->argument;

  if (p == NULL)
    return FALSE;
  p += strspn (p, "0123456789");
  p += strspn (p, " ");
  sources = numbers_of (&p);
  p += strspn (p, " ");
  targets = numbers_of (&p);
  if (sources == NULL || targets == NULL || sources->len != targets->len)
    return FALSE;
  *from = g_steal_pointer (&sources);
  *to = g_steal_pointer (&targets);
  return TRUE;
}

/**
 * surel_imap_code_appended:
 * @code: APPENDUID (RFC 4315 §3)
 *
 * Returns: (transfer full) (element-type guint32) (nullable): the UIDs of what was appended, in its order; %NULL where
 *   the server's words don't say that
 */
GArray *
surel_imap_code_appended (const SurelImapCode *code)
{
  const char *p = code->argument;

  if (p == NULL)
    return NULL;
  p += strspn (p, "0123456789");
  p += strspn (p, " ");
  return numbers_of (&p);
}
