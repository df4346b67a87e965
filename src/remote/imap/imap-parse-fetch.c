/* FETCH (RFC 9051 §7.5.2). An item that can't be read costs that item; one that isn't known is passed
 * over. */
#include "remote/imap/imap-quirks.h"

#include <string.h>

#define SECTIONS_MAX 64 /* sections of one answer: more were never asked for */

static gint
month_of (const char *p)
{
  static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

  for (gint i = 0; i < 12; i++)
    if (g_ascii_strncasecmp (p, names + 3 * i, 3) == 0)
      return i + 1;
  return 0;
}

static gboolean
two_digits (const char *p, gint *value)
{
  if ((!g_ascii_isdigit (p[0]) && p[0] != ' ') || !g_ascii_isdigit (p[1]))
    return FALSE;
  *value = (p[0] == ' ' ? 0 : (p[0] - '0') * 10) + (p[1] - '0');
  return TRUE;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static gint64
days_of (gint64 year, gint month, gint day)
{
  gint64 y = year - (month <= 2);
  gint64 era = (y >= 0 ? y : y - 399) / 400;
  gint64 of_era = y - era * 400;
  gint64 of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* `dd-Mmm-yyyy hh:mm:ss +zzzz` (RFC 9051 §9, date-time), and with a day of one digit. */
static gboolean
parse_date (SurelImapString string, gint64 *date)
{
  char text[27] = { 0 };
  gint day, month, hour, minute, second, zone_hour, zone_minute, century, year;
  gint64 zone;

  if (string.data == NULL || string.length < 25 || string.length > 26)
    return FALSE;
  text[0] = ' ';
  memcpy (text + (string.length == 25), string.data, string.length);
  month = month_of (text + 3);
  if (month == 0 || !two_digits (text, &day) || !two_digits (text + 7, &century)
      || !two_digits (text + 9, &year) || !two_digits (text + 12, &hour)
      || !two_digits (text + 15, &minute) || !two_digits (text + 18, &second)
      || (text[21] != '+' && text[21] != '-') || !two_digits (text + 22, &zone_hour)
      || !two_digits (text + 24, &zone_minute) || day < 1 || day > 31 || hour > 24 || minute > 59
      || second > 60)
    return FALSE;
  zone = (zone_hour * 60 + zone_minute) * 60 * (text[21] == '-' ? -1 : 1);
  *date = days_of (century * 100 + year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
  return TRUE;
}

static char *
upper (SurelImapLexer *lexer, const char *data, gsize length)
{
  char *copy = surel_imap_arena_string (lexer->arena, data, length);

  for (char *p = copy; *p != '\0'; p++)
    *p = g_ascii_toupper (*p);
  return copy;
}

/* `[section]<origin> nstring`, behind BODY or BINARY. */
static gboolean
parse_section (SurelImapLexer *lexer, SurelImapSection *section, gboolean binary)
{
  const char *start = ++lexer->p;
  SurelImapString string;
  guint64 origin;

  while (lexer->p < lexer->end && *lexer->p != ']' && *lexer->p != '\n')
    lexer->p++;
  if (!surel_imap_lex_is (lexer, ']'))
    return FALSE;
  *section = (SurelImapSection){ .section = upper (lexer, start, (gsize) (lexer->p - start)),
                                 .binary = binary,
                                 .origin = -1 };
  lexer->p++;
  if (surel_imap_lex_char (lexer, '<'))
    {
      const char *digits = lexer->p;
      SurelImapLexer inner = *lexer;

      while (lexer->p < lexer->end && g_ascii_isdigit (*lexer->p))
        lexer->p++;
      inner.p = digits;
      inner.end = lexer->p;
      if (!surel_imap_lex_number (&inner, G_MAXINT64, &origin) || !surel_imap_lex_char (lexer, '>'))
        return FALSE;
      section->origin = (gint64) origin;
    }
  surel_imap_lex_spaces (lexer);
  if (!surel_imap_lex_string (lexer, &string))
    return FALSE;
  section->data = string.data;
  section->length = string.length;
  return TRUE;
}

static gboolean
parse_modseq (SurelImapLexer *lexer, SurelImapFetch *fetch)
{
  if (!surel_imap_lex_char (lexer, '('))
    return FALSE;
  if (!surel_imap_lex_number (lexer, G_MAXINT64, &fetch->modseq))
    fetch->modseq = 0;
  return surel_imap_lex_char (lexer, ')');
}

/* `(id)` of OBJECTID (RFC 8474), or the bare number of Gmail. */
static gboolean
parse_id (SurelImapLexer *lexer, const char **id)
{
  gboolean list = surel_imap_lex_char (lexer, '(');

  *id = surel_imap_lex_text (lexer);
  return !list || surel_imap_lex_char (lexer, ')');
}

static void
parse_body_structure (SurelImapLexer *lexer, SurelImapFetch *fetch)
{
  const char *start = lexer->p;

  fetch->structure = surel_imap_parse_structure (lexer);
  if (fetch->structure != NULL)
    return;
  fetch->structure_broken = TRUE;
  lexer->p = start;
  if (!surel_imap_lex_skip (lexer))
    lexer->p = lexer->end;
}

/* Reads the value of one item. FALSE where what follows can't be found any more. */
static gboolean
parse_item (SurelImapLexer *lexer, const char *name, SurelImapFetch *fetch)
{
  SurelImapString string;
  guint64 number;

  surel_imap_lex_spaces (lexer);
  if (g_ascii_strcasecmp (name, "UID") == 0)
    {
      fetch->uid = surel_imap_lex_number (lexer, G_MAXUINT32, &number) ? (guint32) number : 0;
      return TRUE;
    }
  if (g_ascii_strcasecmp (name, "FLAGS") == 0)
    return fetch->has_flags = surel_imap_lex_flags (lexer, &fetch->flags);
  if (g_ascii_strcasecmp (name, "INTERNALDATE") == 0)
    {
      if (!surel_imap_lex_string (lexer, &string))
        return surel_imap_lex_skip (lexer);
      fetch->has_date = parse_date (string, &fetch->date);
      return TRUE;
    }
  if (g_ascii_strcasecmp (name, "SAVEDATE") == 0)
    {
      if (!surel_imap_lex_string (lexer, &string)) /* NIL: the mailbox doesn't keep it */
        return surel_imap_lex_skip (lexer);
      if (!parse_date (string, &fetch->saved))
        fetch->saved = 0;
      return TRUE;
    }
  if (g_ascii_strcasecmp (name, "RFC822.SIZE") == 0)
    {
      fetch->has_size = !surel_imap_quirk_size_is_wrong (lexer, &fetch->size);
      return TRUE;
    }
  if (g_ascii_strcasecmp (name, "MODSEQ") == 0)
    return parse_modseq (lexer, fetch) || surel_imap_lex_skip (lexer);
  if (g_ascii_strcasecmp (name, "BODYSTRUCTURE") == 0 || g_ascii_strcasecmp (name, "BODY") == 0)
    {
      parse_body_structure (lexer, fetch);
      return TRUE;
    }
  if (g_ascii_strcasecmp (name, "PREVIEW") == 0)
    {
      fetch->preview = surel_imap_lex_text (lexer);
      return TRUE;
    }
  if (g_ascii_strcasecmp (name, "EMAILID") == 0 || g_ascii_strcasecmp (name, "X-GM-MSGID") == 0)
    return parse_id (lexer, &fetch->email_id);
  if (g_ascii_strcasecmp (name, "THREADID") == 0 || g_ascii_strcasecmp (name, "X-GM-THRID") == 0)
    return parse_id (lexer, &fetch->thread_id);
  if (g_ascii_strcasecmp (name, "X-GM-LABELS") == 0)
    return surel_imap_lex_strings (lexer, &fetch->labels);
  return surel_imap_lex_skip (lexer);
}

/**
 * surel_imap_parse_fetch:
 * @fetch: (inout): gets all that can be read of the list that stands there
 *
 * Returns: %FALSE where there is no list
 */
gboolean
surel_imap_parse_fetch (SurelImapLexer *lexer, SurelImapFetch *fetch)
{
  SurelImapSection sections[SECTIONS_MAX];
  guint n = 0;

  if (!surel_imap_lex_char (lexer, '('))
    return FALSE;
  for (;;)
    {
      const char *name;
      gboolean read;

      surel_imap_lex_spaces (lexer);
      if (lexer->p >= lexer->end || surel_imap_lex_char (lexer, ')'))
        break;
      name = surel_imap_lex_atom (lexer, "[");
      if (name == NULL)
        break;
      if (surel_imap_lex_is (lexer, '['))
        {
          read = n < SECTIONS_MAX
                 && parse_section (lexer, &sections[n], g_ascii_strcasecmp (name, "BINARY") == 0);
          n += read ? 1 : 0;
        }
      else
        read = parse_item (lexer, name, fetch);
      if (!read)
        break;
    }
  if (n > 0)
    {
      SurelImapSection *kept = surel_imap_arena_alloc (lexer->arena, n * sizeof *kept);

      memcpy (kept, sections, n * sizeof *kept);
      fetch->sections = kept;
      fetch->n_sections = n;
    }
  return TRUE;
}
