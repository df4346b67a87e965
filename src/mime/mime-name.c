/* Names that strangers give to files. */
#include "mime/mime-name.h"

#include <string.h>

#define NAME_MAX_OCTETS 200 /* leaves room for what a program puts before or after */
#define KIND_MAX_OCTETS 16 /* of what is behind the last dot, with that */

/* Those that turn the direction of what follows: `exe.pdf` may be shown for what is `fdp.exe`. */
static gboolean
turns (gunichar c)
{
  return c == 0x200e || c == 0x200f || c == 0x061c || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* What kind of a file it is stays to be seen. */
static void
shorten (GString *name)
{
  const char *dot = strrchr (name->str, '.');
  g_autofree char *kind = g_strdup (dot != NULL && strlen (dot) <= KIND_MAX_OCTETS ? dot : "");
  const char *end;

  if (name->len <= NAME_MAX_OCTETS)
    return;
  end = g_utf8_find_prev_char (name->str, name->str + NAME_MAX_OCTETS - strlen (kind) + 1);
  g_string_truncate (name, (gsize) (end - name->str));
  g_string_append (name, kind);
}

/**
 * surel_mime_safe_name:
 * @name: what a stranger calls a file
 *
 * Returns: (transfer full) (nullable): the last part of that path, as a name that is safe to be shown and to make a file of: no
 *   directory, nothing hidden, no control or direction characters, 200 octets at most; %NULL where nothing is left
 */
char *
surel_mime_safe_name (const char *name)
{
  g_autofree char *valid = g_utf8_make_valid (name, -1);
  g_autoptr (GString) safe = g_string_new (NULL);
  const char *last = valid;

  for (const char *p = valid; *p != '\0'; p++)
    if (*p == '/' || *p == '\\')
      last = p + 1;
  for (const char *p = last; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (turns (c) || (safe->len == 0 && (c == '.' || g_unichar_isspace (c))))
        continue;
      g_string_append_unichar (safe, g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029 ? '_' : c);
    }
  g_string_truncate (safe, strlen (g_strchomp (safe->str)));
  shorten (safe);
  return safe->len > 0 ? g_strdup (safe->str) : NULL;
}
