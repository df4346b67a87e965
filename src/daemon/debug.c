/* SUREL_DEBUG: shows what the parts that it names say of their work. Each trace is a g_debug() that begins with
 * its part, as `imap: > S1 NOOP`; secrets and content are never in one, so this needs to hide nothing. */
#include "daemon/debug.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

static const char *const parts[] = { "bus", "eas", "engine", "imap", "net", "store", NULL };

static gboolean wanted_parts[G_N_ELEMENTS (parts)]; /* written before there is another thread */

/* Whether @message begins with a part that is wanted. */
static gboolean
is_wanted (const char *message)
{
  for (guint i = 0; parts[i] != NULL; i++)
    if (wanted_parts[i] && g_str_has_prefix (message, parts[i]) && message[strlen (parts[i])] == ':')
      return TRUE;
  return FALSE;
}

/* In any thread. Ours have no log domain: what GLib and its friends trace is theirs. */
static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  const char *message = NULL;
  gboolean ours = TRUE;
  g_autofree char *line = NULL;

  for (gsize i = 0; i < n_fields; i++)
    {
      if (g_str_equal (fields[i].key, "MESSAGE") && fields[i].length < 0)
        message = fields[i].value;
      else if (g_str_equal (fields[i].key, "GLIB_DOMAIN"))
        ours = FALSE;
    }
  if ((level & G_LOG_LEVEL_DEBUG) == 0 || !ours || message == NULL || !is_wanted (message))
    return g_log_writer_default (level, fields, n_fields, data);
  line = g_log_writer_format_fields (level, fields, n_fields, FALSE);
  fprintf (stderr, "%s\n", line); /* one call: threads don't mix their lines */
  return G_LOG_WRITER_HANDLED;
}

/* Returns whether there is a part @name. */
static gboolean
want (const char *name)
{
  gboolean all = g_str_equal (name, "all");
  gboolean known = all;

  for (guint i = 0; parts[i] != NULL; i++)
    if (all || g_str_equal (name, parts[i]))
      wanted_parts[i] = known = TRUE;
  return known;
}

/**
 * surel_debug_start:
 * @wanted: (nullable): the parts to trace, with commas between, or `all`
 *
 * Shows them on standard error from now on; a part that there isn't is told there. To be called once, before
 * there is another thread.
 */
void
surel_debug_start (const char *wanted)
{
  g_auto (GStrv) names = g_strsplit (wanted != NULL ? wanted : "", ",", -1);

  for (guint i = 0; names[i] != NULL; i++)
    g_strstrip (names[i]);
  for (guint i = 0; names[i] != NULL; i++)
    {
      const char *name = names[i];

      if (name[0] != '\0' && !want (name) && !g_strv_contains ((const char *const *) names + i + 1, name))
        {
          g_autofree char *list = g_strjoinv (", ", (char **) parts);

          g_printerr (_ ("sureld: SUREL_DEBUG has no part “%s”; there are %s and all\n"), name, list);
        }
    }
  g_log_set_writer_func (write_log, NULL, NULL);
}
