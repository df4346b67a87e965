/* Encoded words (RFC 2047) and the text around them. Our own: GMime 3.2.13 drops what follows a padded
 * base64 word of the same charset. The octets of adjacent words of one charset are put together before
 * they are converted, for encoders split characters between words. */
#include "mime/mime-decode.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define CHARSET_MAX 64 /* octets of a charset's name */

typedef struct
{
  const char *charset;
  gsize charset_length;
  char encoding; /* `B` or `Q` */
  const char *text;
  gsize text_length;
  const char *endless; /* no word ends that begins before this; nullable: what was searched once isn't searched again */
} Word;

static gboolean
is_space (char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* An encoded word at @p: `=?charset?B?text?=`. Returns where it ends, NULL for none. */
static const char *
find_word (const char *p, const char *end, Word *word)
{
  const char *q;

  if (end - p < 8 || p[0] != '=' || p[1] != '?')
    return NULL;
  word->charset = p + 2;
  q = memchr (word->charset, '?', (gsize) MIN (end - word->charset, CHARSET_MAX));
  if (q == NULL || q == word->charset || end - q < 4 || q[2] != '?')
    return NULL;
  word->charset_length = (gsize) (q - word->charset);
  for (gsize i = 0; i < word->charset_length; i++)
    if (is_space (word->charset[i]))
      return NULL;
    else if (word->charset[i] == '*') /* a language follows (RFC 2231 §5) */
      word->charset_length = i;
  word->encoding = g_ascii_toupper (q[1]);
  if (word->encoding != 'B' && word->encoding != 'Q')
    return NULL;
  word->text = q + 3;
  if (word->endless != NULL && word->text < word->endless)
    return NULL;
  for (q = word->text; q + 1 < end && *q != '\n' && !(q[0] == '?' && q[1] == '='); q++)
    if (*q == '?' && word->encoding == 'B')
      return NULL;
  if (q + 1 >= end || *q == '\n')
    {
      word->endless = q;
      return NULL;
    }
  word->text_length = (gsize) (q - word->text);
  return q + 2;
}

static void
decode_q (GByteArray *out, const Word *word)
{
  for (gsize i = 0; i < word->text_length; i++)
    {
      guint8 c = (guint8) word->text[i];

      if (c == '_')
        c = ' ';
      else if (c == '=' && i + 2 < word->text_length && g_ascii_isxdigit (word->text[i + 1])
               && g_ascii_isxdigit (word->text[i + 2]))
        {
          c = (guint8) (g_ascii_xdigit_value (word->text[i + 1]) * 16
                        + g_ascii_xdigit_value (word->text[i + 2]));
          i += 2;
        }
      g_byte_array_append (out, &c, 1);
    }
}

/* What is behind padding in the same word is decoded like a word of its own. */
static void
decode_b (GByteArray *out, const Word *word)
{
  gint state = 0;
  guint save = 0;
  gsize from = 0;

  while (from < word->text_length)
    {
      const char *pad = memchr (word->text + from, '=', word->text_length - from);
      gsize to = pad != NULL ? (gsize) (pad - word->text) : word->text_length;
      gsize room = (to - from) * 3 / 4 + 6;
      guint before = out->len;

      g_byte_array_set_size (out, before + (guint) room);
      state = 0;
      save = 0;
      room = g_base64_decode_step (word->text + from, to - from, out->data + before, &state, &save);
      if (state != 0) /* bits that wait for padding */
        {
          gsize rest = 0;

          rest = g_base64_decode_step ("==", 2, out->data + before + room, &state, &save);
          room += rest;
        }
      g_byte_array_set_size (out, before + (guint) room);
      from = to;
      while (from < word->text_length && word->text[from] == '=')
        from++;
    }
}

static const char *
alias_of (const char *charset)
{
  static const char *const aliases[][2] = {
    { "gb2312", "GB18030" },     { "gbk", "GB18030" },         { "x-gbk", "GB18030" },
    { "iso-8859-1", "CP1252" },  { "latin1", "CP1252" },       { "us-ascii", "CP1252" },
    { "ascii", "CP1252" },       { "ansi_x3.4-1968", "CP1252" }, { "iso-8859-8-i", "ISO-8859-8" },
    { "ks_c_5601-1987", "CP949" }, { "euc-kr", "CP949" },      { "shift_jis", "CP932" },
    { "shift-jis", "CP932" },    { "x-sjis", "CP932" },        { "iso-2022-jp", "ISO-2022-JP-2" },
    { "utf8", "UTF-8" },         { "unicode-1-1-utf-7", "UTF-7" }, { "big5", "BIG5-HKSCS" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (g_ascii_strcasecmp (charset, aliases[i][0]) == 0)
      return aliases[i][1];
  return charset;
}

/* What is said in vain: what it is in is for the octets to say. */
static gboolean
says_nothing (const char *charset)
{
  static const char *const names[] = { "us-ascii", "ascii", "unknown-8bit", "x-unknown", "unknown", "default", "x-user-defined", "" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (charset, names[i]) == 0)
      return TRUE;
  return FALSE;
}

/* Octets that are none in that charset become U+FFFD, each; half a character at the end of what was cut is dropped. NULL where
 * nobody knows the charset. */
static char *
convert (const char *octets, gsize length, const char *charset, gboolean is_cut, gboolean *problem)
{
  GIConv converter = g_iconv_open ("UTF-8", charset);
  g_autoptr (GString) out = g_string_new (NULL);
  gchar *in = (gchar *) octets;
  gsize left = length;
  gboolean ended = FALSE;

  if (converter == (GIConv) -1)
    return NULL;
  while (!ended)
    {
      char buffer[4096];
      gchar *to = buffer;
      gsize room = sizeof buffer;
      gsize result = g_iconv (converter, &in, &left, &to, &room);
      int failure = errno;

      g_string_append_len (out, buffer, to - buffer);
      if (result != (gsize) -1)
        ended = TRUE;
      else if (failure != E2BIG)
        {
          gboolean is_half = failure == EINVAL;

          ended = is_half || failure != EILSEQ;
          if (is_half && is_cut)
            continue;
          *problem = TRUE;
          g_string_append (out, "\357\277\275");
          in++;
          left--;
          ended = ended || left == 0;
        }
    }
  g_iconv_close (converter);
  return g_utf8_make_valid (out->str, (gssize) out->len);
}

/* Half a character of UTF-8 at the end is none of the text. */
static gsize
without_half (const char *octets, gsize length)
{
  for (gsize back = 1; back <= 3 && back <= length; back++)
    if (g_utf8_get_char_validated (octets + length - back, (gssize) back) == (gunichar) -2)
      return length - back;
  return length;
}

static gboolean
is_seven_bit (const char *octets, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if ((guchar) octets[i] >= 0x80)
      return FALSE;
  return TRUE;
}

/* As UTF-8, or else as windows-1252. */
static char *
guess (const char *octets, gsize length, gboolean is_cut, gboolean *problem)
{
  gsize whole = is_cut ? without_half (octets, length) : length;
  gboolean ignored;

  if (g_utf8_validate_len (octets, whole, NULL))
    return g_strndup (octets, whole);
  *problem = TRUE;
  return convert (octets, length, "CP1252", is_cut, &ignored);
}

/**
 * surel_mime_convert:
 * @octets: text
 * @charset: (nullable): what it is said to be in; %NULL where nothing is said
 * @is_cut: whether there is more of it: half a character at the end is none then
 * @problem: (out): whether it isn't all in that, or can't be in what is taken for it where nothing is said
 *
 * Returns: (transfer full): the text as valid UTF-8 without NUL, with U+FFFD for what can't be told; text of which nothing is
 *   said, or nothing that is known, is taken for UTF-8 where it is that, for ISO-2022-JP where it has its escapes, else for
 *   windows-1252
 */
char *
surel_mime_convert (const char *octets, gsize length, const char *charset, gboolean is_cut, gboolean *problem)
{
  char *text = NULL;

  *problem = FALSE;
  if (length == 0) /* there may be no octets to point to */
    return g_strdup ("");
  if (charset != NULL && says_nothing (charset))
    charset = NULL;
  if (charset == NULL && g_strstr_len (octets, (gssize) length, "\033$") != NULL && is_seven_bit (octets, length))
    charset = "ISO-2022-JP";
  if (charset == NULL)
    return guess (octets, length, is_cut, problem);
  if (g_ascii_strncasecmp (charset, "utf-8", 5) == 0 || g_ascii_strcasecmp (charset, "utf8") == 0)
    {
      length = is_cut ? without_half (octets, length) : length;
      *problem = !g_utf8_validate_len (octets, length, NULL);
      return g_utf8_make_valid (octets, (gssize) length);
    }
  text = convert (octets, length, alias_of (charset), is_cut, problem);
  if (text != NULL)
    return text;
  *problem = TRUE;
  return guess (octets, length, is_cut, problem);
}

/**
 * surel_mime_to_utf8:
 *
 * As surel_mime_convert().
 */
char *
surel_mime_to_utf8 (const char *octets, gsize length, const char *charset)
{
  gboolean problem;

  return surel_mime_convert (octets, length, charset, FALSE, &problem);
}

static void
append_octets (GString *out, const char *octets, gsize length, const char *charset)
{
  g_autofree char *text = surel_mime_to_utf8 (octets, length, charset);

  g_string_append (out, text);
}

/* Plain text between words: folding becomes a space, 8-bit octets are guessed. */
static void
append_plain (GString *out, const char *p, gsize length)
{
  g_autoptr (GString) unfolded = g_string_sized_new (length + 1);

  for (gsize i = 0; i < length; i++)
    if (p[i] != '\r' && p[i] != '\n' && p[i] != '\0')
      g_string_append_c (unfolded, p[i] == '\t' ? ' ' : p[i]);
  append_octets (out, unfolded->str, unfolded->len, NULL);
}

/* The words from @p on that belong together. Returns where they end. */
static const char *
append_words (GString *out, const char *p, const char *end, Word *word)
{
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  g_autofree char *charset = g_strndup (word->charset, word->charset_length);
  const char *next = find_word (p, end, word);

  for (;;)
    {
      const char *gap = next;
      const char *after;

      if (word->encoding == 'B')
        decode_b (octets, word);
      else
        decode_q (octets, word);
      while (gap < end && is_space (*gap))
        gap++;
      after = find_word (gap, end, word);
      if (after == NULL || word->charset_length != strlen (charset)
          || g_ascii_strncasecmp (word->charset, charset, word->charset_length) != 0)
        {
          append_octets (out, (const char *) octets->data, octets->len, charset);
          return after != NULL ? gap : next; /* white space between words is none */
        }
      next = after;
    }
}

/**
 * surel_mime_decode_append:
 * @out: where the decoded text is added; it may still have control characters
 * @raw: a header's value, or a part of one
 */
void
surel_mime_decode_append (GString *out, const char *raw, gsize length)
{
  const char *p = raw;
  const char *end = raw + length;
  const char *plain = raw;
  Word word = { .endless = NULL };

  while (p < end && out->len < 2 * SUREL_MESSAGE_TEXT_MAX)
    {
      const char *mark = memchr (p, '=', (gsize) (end - p));

      if (mark == NULL)
        break;
      if (find_word (mark, end, &word) == NULL)
        {
          p = mark + 1;
          continue;
        }
      append_plain (out, plain, (gsize) (mark - plain));
      p = plain = append_words (out, mark, end, &word);
    }
  if (out->len < 2 * SUREL_MESSAGE_TEXT_MAX)
    append_plain (out, plain, (gsize) (end - plain));
}

static gboolean
is_simple (const char *raw, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if ((guchar) raw[i] < ' ' || (guchar) raw[i] >= 0x7f || (raw[i] == '=' && i + 1 < length && raw[i + 1] == '?'))
      return FALSE;
  return length <= SUREL_MESSAGE_TEXT_MAX;
}

/**
 * surel_mime_decode_text:
 * @raw: a header's value
 *
 * Returns: (transfer full): clean text without the white space around it
 */
char *
surel_mime_decode_text (const char *raw, gsize length)
{
  g_autoptr (GString) decoded = NULL;
  char *clean;

  while (length > 0 && is_space (raw[0]))
    {
      raw++;
      length--;
    }
  while (length > 0 && is_space (raw[length - 1]))
    length--;
  if (is_simple (raw, length))
    return g_strndup (raw, length);
  decoded = g_string_new (NULL);
  surel_mime_decode_append (decoded, raw, length);
  clean = surel_text_clean (decoded->str, (gssize) decoded->len, SUREL_MESSAGE_TEXT_MAX);
  return g_strstrip (clean);
}
