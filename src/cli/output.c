/* What goes to a person's terminal: no control or bidi characters, whoever wrote them. */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/cli.h"

#define TEXT_MAX 65536 /* octets of one value */

/**
 * surel_cli_clean:
 *
 * Returns: (transfer full): @text without what could move a cursor or turn the reading direction round
 */
char *
surel_cli_clean (const char *text)
{
  return surel_text_clean (text, -1, TEXT_MAX);
}

static guint
cells_of (gunichar c)
{
  return g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
}

/**
 * surel_cli_width:
 * @text: clean
 *
 * Returns: how many cells of a terminal it takes
 */
guint
surel_cli_width (const char *text)
{
  guint width = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    width += cells_of (g_utf8_get_char (text));
  return width;
}

/**
 * surel_cli_column:
 * @text: clean
 * @width: in cells of a terminal
 *
 * Returns: (transfer full): @text, cut or filled up to @width
 */
char *
surel_cli_column (const char *text, guint width)
{
  GString *column = g_string_new (NULL);
  guint used = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    {
      gunichar c = g_utf8_get_char (text);
      guint cells = cells_of (c);

      if (used + cells > width)
        break;
      g_string_append_unichar (column, c);
      used += cells;
    }
  g_string_append_printf (column, "%*s", (int) (width - used), "");
  return g_string_free (column, FALSE);
}

/**
 * surel_cli_time:
 * @time: seconds since the epoch, 0 for never
 */
char *
surel_cli_time (gint64 time)
{
  g_autoptr (GDateTime) date = time != 0 ? g_date_time_new_from_unix_local (time) : NULL;

  return date != NULL ? g_date_time_format (date, "%Y-%m-%d %H:%M") : g_strdup (_ ("never"));
}

void
surel_cli_print (const char *format, ...)
{
  va_list arguments;
  g_autofree char *text = NULL;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  fputs (text, stdout);
}

/**
 * surel_cli_flush:
 *
 * At the end, so that what nobody got is a failure; and in between where it is printed again and again: GDBus has
 * SIGPIPE ignored, so that one that is read by `head` would never end.
 */
gboolean
surel_cli_flush (GError **error)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("Standard output takes no more"));
  return FALSE;
}

/**
 * surel_cli_json:
 * @value: anything from the bus
 * @pretty: for a person; else it is one line
 *
 * Returns: (transfer full)
 */
char *
surel_cli_json (GVariant *value, gboolean pretty)
{
  g_autoptr (JsonNode) node = json_gvariant_serialize (value);

  return json_to_string (node, pretty);
}

void
surel_cli_print_json (GVariant *value)
{
  g_autofree char *text = surel_cli_json (value, TRUE);

  puts (text);
}
