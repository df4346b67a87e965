/* Modified UTF-7, in which servers name mailboxes (RFC 3501 §5.1.3). */
#include "remote/imap/imap-command.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static void
put_unit (GString *out, guint32 *bits, guint *n, guint16 unit)
{
  *bits = (*bits << 16) | unit;
  *n += 16;
  while (*n >= 6)
    {
      *n -= 6;
      g_string_append_c (out, digits[(*bits >> *n) & 0x3f]);
      *bits &= (1u << *n) - 1;
    }
}

/**
 * surel_imap_utf7_encode:
 * @utf8: a name
 *
 * Returns: (transfer full) (nullable): the name on the wire; %NULL where @utf8 is none
 */
char *
surel_imap_utf7_encode (const char *utf8)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *p = utf8;

  if (!g_utf8_validate (utf8, -1, NULL))
    return NULL;
  while (*p != '\0')
    {
      guint32 bits = 0;
      guint n = 0;

      if ((guchar) *p >= ' ' && (guchar) *p < 0x7f)
        {
          g_string_append_c (out, *p);
          if (*p == '&')
            g_string_append_c (out, '-');
          p++;
          continue;
        }
      g_string_append_c (out, '&');
      while (*p != '\0' && ((guchar) *p < ' ' || (guchar) *p >= 0x7f))
        {
          gunichar c = g_utf8_get_char (p);

          if (c >= 0x10000)
            put_unit (out, &bits, &n, (guint16) (0xd800 + ((c - 0x10000) >> 10)));
          put_unit (out, &bits, &n,
                    (guint16) (c >= 0x10000 ? 0xdc00 + ((c - 0x10000) & 0x3ff) : c));
          p = g_utf8_next_char (p);
        }
      if (n > 0)
        g_string_append_c (out, digits[(bits << (6 - n)) & 0x3f]);
      g_string_append_c (out, '-');
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* Decodes up to the `-`. Returns where it goes on, NULL for what is none. */
static const char *
decode_run (const char *p, GString *out)
{
  guint32 bits = 0;
  guint n = 0;
  guint16 high = 0;

  for (; *p != '-'; p++)
    {
      const char *digit = *p != '\0' ? strchr (digits, *p) : NULL;
      guint16 unit;

      if (digit == NULL)
        return NULL;
      bits = (bits << 6) | (guint32) (digit - digits);
      n += 6;
      if (n < 16)
        continue;
      n -= 16;
      unit = (guint16) (bits >> n);
      bits &= (1u << n) - 1;
      if (high != 0)
        {
          if (unit < 0xdc00 || unit > 0xdfff)
            return NULL;
          g_string_append_unichar (out, 0x10000u + ((guint32) (high - 0xd800) << 10) + (unit - 0xdc00u));
          high = 0;
        }
      else if (unit >= 0xd800 && unit <= 0xdbff)
        high = unit;
      else if ((unit >= 0xdc00 && unit <= 0xdfff) || (unit >= ' ' && unit < 0x7f) || unit == 0)
        return NULL;
      else
        g_string_append_unichar (out, unit);
    }
  return high == 0 && n < 6 && bits == 0 ? p + 1 : NULL;
}

/**
 * surel_imap_utf7_decode:
 * @wire: a name on the wire
 *
 * Returns: (transfer full) (nullable): the name as UTF-8; %NULL where @wire isn't modified UTF-7
 */
char *
surel_imap_utf7_decode (const char *wire)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *p = wire;

  while (*p != '\0')
    {
      if ((guchar) *p < ' ' || (guchar) *p >= 0x7f)
        return NULL;
      if (*p != '&')
        g_string_append_c (out, *p++);
      else if (p[1] == '-')
        {
          g_string_append_c (out, '&');
          p += 2;
        }
      else
        {
          p = decode_run (p + 1, out);
          if (p == NULL)
            return NULL;
        }
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
