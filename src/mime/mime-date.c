/* Dates (RFC 5322 §3.3, and the obsolete forms of §4.3). */
#include "mime/mime-date.h"

#include <string.h>

#define TOKENS_MAX 16 /* words of a date */
#define LENGTH_MAX 256 /* octets of one */

/* Takes comments out, and splits at white space, commas and hyphens between words. */
static guint
split (const char *raw, gsize length, char *buffer, char **tokens)
{
  guint n = 0;
  guint depth = 0;
  gboolean within = FALSE;
  gsize k = 0;

  for (gsize i = 0; i < MIN (length, LENGTH_MAX) && n <= TOKENS_MAX; i++)
    {
      char c = raw[i];

      if (c == '(')
        depth++;
      else if (c == ')' && depth > 0)
        depth--;
      else if (depth == 0 && (guchar) c > ' ' && c != ','
               && !(c == '-' && within && k > 0 && i + 1 < length && g_ascii_isalnum (raw[i + 1])))
        {
          if (!within && n == TOKENS_MAX)
            break;
          if (!within)
            tokens[n++] = buffer + k;
          buffer[k++] = c;
          within = TRUE;
          continue;
        }
      if (within)
        buffer[k++] = '\0';
      within = FALSE;
    }
  buffer[k] = '\0';
  return n;
}

static gint
month_of (const char *token)
{
  static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

  for (gint i = 0; i < 12; i++)
    if (g_ascii_strncasecmp (token, names + 3 * i, 3) == 0)
      return i + 1;
  return 0;
}

/* Minutes east of UTC. */
static gint
zone_of (const char *token)
{
  static const struct
  {
    const char *name;
    gint minutes;
  } names[] = { { "EST", -300 }, { "EDT", -240 }, { "CST", -360 }, { "CDT", -300 }, { "MST", -420 },
                { "MDT", -360 }, { "PST", -480 }, { "PDT", -420 }, { "JST", 540 },  { "WIB", 420 },
                { "CET", 60 },   { "CEST", 120 }, { "MET", 60 },   { "BST", 60 },   { "IST", 330 } };

  if ((token[0] == '+' || token[0] == '-') && strlen (token) >= 5)
    {
      gint value = 0;

      for (guint i = 1; i < 5; i++)
        {
          if (!g_ascii_isdigit (token[i]))
            return 0;
          value = value * 10 + (token[i] - '0');
        }
      value = value / 100 * 60 + value % 100;
      return token[0] == '-' ? -value : value;
    }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (token, names[i].name) == 0)
      return names[i].minutes;
  return 0;
}

static gint
number_of (const char *token, gsize digits_max)
{
  gint value = 0;
  gsize i;

  for (i = 0; i < digits_max && g_ascii_isdigit (token[i]); i++)
    value = value * 10 + (token[i] - '0');
  return i > 0 ? value : -1;
}

static gint64
seconds_of (gint year, gint month, gint day, const char *time, gint zone)
{
  g_autoptr (GDateTime) date = NULL;
  gint hour = 0;
  gint minute = 0;
  gint second = 0;
  const char *colon;

  if (time != NULL)
    {
      hour = number_of (time, 2);
      colon = strchr (time, ':');
      minute = number_of (colon + 1, 2);
      colon = strchr (colon + 1, ':');
      second = colon != NULL ? number_of (colon + 1, 2) : 0;
    }
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    hour = minute = second = 0;
  date = g_date_time_new_utc (year, month, day, hour, minute, MIN (second, 59));
  return date != NULL ? g_date_time_to_unix (date) - zone * 60 : 0;
}

/**
 * surel_mime_parse_date:
 * @raw: the value of Date
 *
 * Returns: seconds since the epoch; 0 where it can't be told
 */
gint64
surel_mime_parse_date (const char *raw, gsize length)
{
  char buffer[LENGTH_MAX + 2];
  char *tokens[TOKENS_MAX + 1];
  guint n = split (raw, length, buffer, tokens);
  gint day = -1;
  gint month = 0;
  gint year = -1;
  const char *time = NULL;
  gint zone = 0;

  for (guint i = 0; i < n; i++)
    {
      const char *token = tokens[i];

      if (strchr (token, ':') != NULL && time == NULL)
        time = token;
      else if (g_ascii_isdigit (token[0]))
        {
          gint number = number_of (token, 5);

          if (day < 0 && number >= 1 && number <= 31 && strlen (token) <= 2)
            day = number;
          else if (year < 0)
            year = number + (strlen (token) <= 2 ? (number < 50 ? 2000 : 1900) : strlen (token) == 3 ? 1900 : 0);
        }
      else if (month == 0 && month_of (token) != 0)
        month = month_of (token);
      else if (time != NULL)
        zone = zone_of (token);
    }
  if (day < 1 || month == 0 || year < 1900 || year > 9999)
    return 0;
  return seconds_of (year, month, day, time, zone);
}
