/* Text into the words that it is found by. Case and accents are folded, so that `Łódź` is `lodz` and `Straße` is
 * `strasse`. Scripts that don't part their words are cut into pairs of neighbours, which overlap: any two of them or more
 * are found by what stands in a row, and one alone by what begins with it; that is why the last of a run also stands for
 * itself, which keeps two runs apart, too. What is looked for may go on where its last run ends. */
#include "store/tokenizer.h"

#include <string.h>

#define TOKEN_MAX 128 /* octets of a word: of a longer one the beginning is kept, here and in what is looked for */
#define STROKE_LAST 0x167 /* the last of `strokes` */
#define FINAL_SIGMA 0x3c2
#define SIGMA 0x3c3

typedef int (*TokenFunc) (void *data, int flags, const char *token, int length, int start, int end);

typedef struct
{
  TokenFunc func;
  void *data;
  gboolean is_query; /* it is what is looked for */
  char word[TOKEN_MAX];
  gsize length; /* octets of the word under way */
  gboolean full; /* no more goes into it */
  char last[8]; /* the one before in the run under way */
  gsize last_length; /* 0: there is no run */
  guint run; /* how many it has */
  gunichar held; /* a sign that what follows may be a piece of; 0 for none */
  int result; /* SQLITE_OK while it goes on */
} Split;

/* --- Letters --- */

/* Letters that Unicode doesn't take apart, and people do. */
static const struct
{
  gunichar letter; /* lower-case */
  char ascii[3];
} strokes[] = {
  { 0xdf, "ss" }, { 0xe6, "ae" }, { 0xf0, "d" },  { 0xf8, "o" },  { 0xfe, "th" }, { 0x111, "d" },
  { 0x127, "h" }, { 0x131, "i" }, { 0x142, "l" }, { 0x153, "oe" }, { 0x167, "t" },
};

/* Marks that a letter can do without: not the vowels of Indic scripts, which are marks, too. */
static gboolean
is_accent (gunichar c)
{
  return (c >= 0x300 && c <= 0x36f) || (c >= 0x591 && c <= 0x5c7) || (c >= 0x610 && c <= 0x61a) || (c >= 0x64b && c <= 0x65f)
         || c == 0x670 || (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x1dc0 && c <= 0x1dff) || (c >= 0x20d0 && c <= 0x20ff)
         || (c >= 0xfe00 && c <= 0xfe2f) || c == 0xad || (c >= 0x200b && c <= 0x200f);
}

/* Of a script that doesn't part its words: Han, kana, Hangul (which does, and takes endings), Thai, Lao, Burmese, Khmer. */
static gboolean
is_unparted (gunichar c)
{
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3041 && c <= 0x30ff && c != 0x30fb && c != 0x30a0) || (c >= 0xac00 && c <= 0xd7a3)
         || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x3ffff) || (c >= 0xf900 && c <= 0xfaff)
         || (c >= 0x3005 && c <= 0x3007) || (c >= 0x3105 && c <= 0x312f) || (c >= 0x31a0 && c <= 0x31ff) || (c >= 0xe01 && c <= 0xe4e)
         || (c >= 0xe81 && c <= 0xece) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17d3);
}

static gboolean
is_of_word (gunichar c)
{
  return g_unichar_isalnum (c) || g_unichar_ismark (c);
}

/* Whether what follows may be a piece of the same sign: kana and their voicing, Hangul's letters. */
static gboolean
may_go_on (gunichar c)
{
  return (c >= 0x3041 && c <= 0x30ff) || (c >= 0x1100 && c <= 0x1112) || (c >= 0xac00 && c <= 0xd7a3 && (c - 0xac00) % 28 == 0);
}

/* --- Words --- */

static void
give (Split *split, const char *token, gsize length)
{
  if (split->result == SQLITE_OK)
    split->result = split->func (split->data, 0, token, (int) length, 0, 0);
}

static void
end_word (Split *split)
{
  if (split->length > 0)
    give (split, split->word, split->length);
  split->length = 0;
  split->full = FALSE;
}

static void
end_run (Split *split, gboolean may_go_on)
{
  if (split->run == 1 || (split->run > 1 && !may_go_on))
    give (split, split->last, split->last_length);
  split->run = 0;
  split->last_length = 0;
}

static void
add_to_word (Split *split, const char *octets, gsize length)
{
  if (split->full || split->length + length > TOKEN_MAX)
    {
      split->full = TRUE;
      return;
    }
  memcpy (split->word + split->length, octets, length);
  split->length += length;
}

static void
add_to_run (Split *split, gunichar c)
{
  char pair[16];
  gsize length = (gsize) g_unichar_to_utf8 (c, pair + split->last_length);

  memcpy (pair, split->last, split->last_length);
  if (split->run > 0)
    give (split, pair, split->last_length + length);
  memcpy (split->last, pair + split->last_length, length);
  split->last_length = length;
  split->run++;
}

static void
add_letter (Split *split, gunichar letter)
{
  gunichar c = g_unichar_tolower (letter);
  char octets[8];
  guint s = G_N_ELEMENTS (strokes);

  if (c <= STROKE_LAST)
    for (s = 0; s < G_N_ELEMENTS (strokes) && strokes[s].letter != c; s++)
      ;
  if (s < G_N_ELEMENTS (strokes))
    add_to_word (split, strokes[s].ascii, strlen (strokes[s].ascii));
  else
    add_to_word (split, octets, (gsize) g_unichar_to_utf8 (c == FINAL_SIGMA ? SIGMA : c, octets));
}

static void
add_sign (Split *split, gunichar c)
{
  if (is_unparted (c))
    {
      end_word (split);
      add_to_run (split, c);
    }
  else if (!is_accent (c))
    {
      end_run (split, FALSE);
      if (is_of_word (c))
        add_letter (split, c);
      else
        end_word (split);
    }
}

static void
let_go (Split *split)
{
  if (split->held != 0)
    add_sign (split, split->held);
  split->held = 0;
}

/* One that is made of no others, put together with the one before where they are one sign. Not by normalizing the whole text: that
 * takes a time that is quadratic in how many marks stand in a row. */
static void
add_piece (Split *split, gunichar c)
{
  gunichar whole;

  if (split->held != 0 && g_unichar_compose (split->held, c, &whole))
    {
      split->held = whole;
      return;
    }
  let_go (split);
  if (may_go_on (c))
    split->held = c;
  else
    add_sign (split, c);
}

/* In pieces, so that one that only looks otherwise is the same: but for those of scripts that have signs made of others. */
static void
add_character (Split *split, gunichar c)
{
  gunichar pieces[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];
  gsize n = is_unparted (c) && (c < 0xf900 || (c > 0xfaff && c < 0x2f800))
                ? 0
                : g_unichar_fully_decompose (c, TRUE, pieces, G_N_ELEMENTS (pieces));

  if (n == 0)
    add_piece (split, c);
  for (gsize i = 0; i < n; i++)
    add_piece (split, pieces[i]);
}

static void
split_text (Split *split, const char *text, gsize length)
{
  const char *p = text;
  const char *end = text + length;

  while (p < end && split->result == SQLITE_OK)
    {
      guchar octet = (guchar) *p;
      gunichar c;

      if (octet < 0x80)
        {
          char lower = g_ascii_tolower (*p);

          let_go (split);
          if (split->run > 0)
            end_run (split, FALSE);
          if (g_ascii_isalnum (lower))
            add_to_word (split, &lower, 1);
          else
            end_word (split);
          p++;
          continue;
        }
      c = g_utf8_get_char_validated (p, end - p);
      if (c == (gunichar) -1 || c == (gunichar) -2)
        {
          let_go (split);
          end_run (split, FALSE);
          end_word (split);
          p++;
          continue;
        }
      add_character (split, c);
      p = g_utf8_next_char (p);
    }
  let_go (split);
  end_run (split, split->is_query);
  end_word (split);
}

/* --- What SQLite calls: https://sqlite.org/fts5.html#custom_tokenizers --- */

static int
create (void *context G_GNUC_UNUSED, const char **arguments G_GNUC_UNUSED, int n G_GNUC_UNUSED, Fts5Tokenizer **tokenizer)
{
  static int state; /* there is none, and NULL would be a failure */

  *tokenizer = (Fts5Tokenizer *) &state;
  return SQLITE_OK;
}

static void
delete (Fts5Tokenizer *tokenizer G_GNUC_UNUSED)
{
}

static int
tokenize (Fts5Tokenizer *tokenizer G_GNUC_UNUSED, void *data, int flags, const char *text, int length, TokenFunc func)
{
  Split split = { .func = func, .data = data, .is_query = (flags & FTS5_TOKENIZE_QUERY) != 0, .result = SQLITE_OK };

  if (text != NULL && length > 0)
    split_text (&split, text, (gsize) length);
  return split.result;
}

/**
 * surel_tokenizer_register:
 *
 * Has the tokenizer known to a connection as `surel`.
 *
 * Returns: %FALSE where this SQLite has no FTS5
 */
gboolean
surel_tokenizer_register (sqlite3 *db)
{
  static fts5_tokenizer functions = { create, delete, tokenize };
  fts5_api *api = NULL;
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (db, "SELECT fts5(?1)", -1, &statement, NULL) == SQLITE_OK)
    {
      sqlite3_bind_pointer (statement, 1, &api, "fts5_api_ptr", NULL);
      sqlite3_step (statement);
    }
  sqlite3_finalize (statement);
  return api != NULL && api->xCreateTokenizer (api, "surel", NULL, &functions, NULL) == SQLITE_OK;
}

typedef struct
{
  SurelTokenFunc func;
  gpointer data;
} Given;

static int
pass_on (void *data, int flags G_GNUC_UNUSED, const char *token, int length, int start G_GNUC_UNUSED, int end G_GNUC_UNUSED)
{
  Given *given = data;

  return given->func (token, (gsize) length, given->data) ? SQLITE_OK : SQLITE_DONE;
}

/**
 * surel_tokenizer_split:
 * @text: UTF-8
 * @func: is given each word that a search for @text would look for; %FALSE ends it
 */
void
surel_tokenizer_split (const char *text, gsize length, SurelTokenFunc func, gpointer data)
{
  Given given = { func, data };

  tokenize (NULL, &given, FTS5_TOKENIZE_QUERY, text, (int) MIN (length, (gsize) G_MAXINT), pass_on);
}
