/* Sets of UIDs. They stay ranges throughout: `1:4294967295` from a server costs eight octets. */
#include "base/uidset.h"

#include <string.h>

#define RANGES_MAX 1000000 /* ranges: a mailbox of 2,000,000 with every second message gone */

struct _SurelUidSet
{
  GArray *ranges; /* SurelUidRange, ascending, apart by at least one */
};

/**
 * surel_uid_set_new:
 *
 * Returns: (transfer full): an empty set
 */
SurelUidSet *
surel_uid_set_new (void)
{
  SurelUidSet *self = g_new (SurelUidSet, 1);

  self->ranges = g_array_new (FALSE, FALSE, sizeof (SurelUidRange));
  return self;
}

void
surel_uid_set_free (SurelUidSet *self)
{
  g_array_unref (self->ranges);
  g_free (self);
}

/* The index of the first range that ends at or after @uid. */
static guint
find (const SurelUidSet *self, guint32 uid)
{
  guint low = 0;
  guint high = self->ranges->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (surel_uid_set_range (self, middle)->last < uid)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

void
surel_uid_set_add (SurelUidSet *self, guint32 uid)
{
  surel_uid_set_add_range (self, uid, uid);
}

/**
 * surel_uid_set_add_range:
 * @first: one end, not 0
 * @last: the other; the ends may come in either order (RFC 9051 §9, seq-range)
 */
void
surel_uid_set_add_range (SurelUidSet *self, guint32 first, guint32 last)
{
  SurelUidRange range = { MIN (first, last), MAX (first, last) };
  guint i;
  guint n = 0;

  g_return_if_fail (range.first > 0);
  i = find (self, range.first > 1 ? range.first - 1 : 1);
  while (i + n < self->ranges->len)
    {
      const SurelUidRange *next = surel_uid_set_range (self, i + n);

      if (range.last < G_MAXUINT32 && next->first > range.last + 1)
        break;
      range.first = MIN (range.first, next->first);
      range.last = MAX (range.last, next->last);
      n++;
    }
  if (n == 0)
    g_array_insert_val (self->ranges, i, range);
  else
    {
      g_array_index (self->ranges, SurelUidRange, i) = range;
      if (n > 1)
        g_array_remove_range (self->ranges, i + 1, n - 1);
    }
}

/**
 * surel_uid_set_remove_range:
 * @first: the lowest UID to take out
 * @last: the highest; not below @first
 */
void
surel_uid_set_remove_range (SurelUidSet *self, guint32 first, guint32 last)
{
  guint i = find (self, first);

  g_return_if_fail (first <= last);
  while (i < self->ranges->len)
    {
      SurelUidRange *range = &g_array_index (self->ranges, SurelUidRange, i);

      if (range->first > last)
        return;
      if (range->first < first && range->last > last)
        {
          SurelUidRange tail = { last + 1, range->last };

          range->last = first - 1;
          g_array_insert_val (self->ranges, i + 1, tail);
          return;
        }
      if (range->first >= first && range->last <= last)
        g_array_remove_index (self->ranges, i);
      else if (range->first < first)
        {
          range->last = first - 1;
          i++;
        }
      else
        {
          range->first = last + 1;
          return;
        }
    }
}

gboolean
surel_uid_set_contains (const SurelUidSet *self, guint32 uid)
{
  guint i = find (self, uid);

  return i < self->ranges->len && surel_uid_set_range (self, i)->first <= uid;
}

/**
 * surel_uid_set_count:
 *
 * Returns: how many UIDs are in the set
 */
guint64
surel_uid_set_count (const SurelUidSet *self)
{
  guint64 count = 0;

  for (guint i = 0; i < self->ranges->len; i++)
    {
      const SurelUidRange *range = surel_uid_set_range (self, i);

      count += (guint64) range->last - range->first + 1;
    }
  return count;
}

guint
surel_uid_set_n_ranges (const SurelUidSet *self)
{
  return self->ranges->len;
}

const SurelUidRange *
surel_uid_set_range (const SurelUidSet *self, guint i)
{
  return &g_array_index (self->ranges, SurelUidRange, i);
}

static gboolean
parse_number (const char **p, const char *end, guint32 *number)
{
  guint64 value = 0;
  const char *start = *p;

  while (*p < end && g_ascii_isdigit (**p) && value <= G_MAXUINT32)
    value = value * 10 + (guint64) (*(*p)++ - '0');
  *number = (guint32) value;
  return *p > start && value > 0 && value <= G_MAXUINT32;
}

/**
 * surel_uid_set_parse:
 * @text: a sequence-set without `*` (RFC 9051 §9)
 * @length: its octets, -1 for up to a NUL
 *
 * Returns: (transfer full) (nullable): the set; %NULL where @text is none, or has over a million ranges
 */
SurelUidSet *
surel_uid_set_parse (const char *text, gssize length)
{
  g_autoptr (SurelUidSet) self = surel_uid_set_new ();
  const char *p = text;
  const char *end = text + (length >= 0 ? (gsize) length : strlen (text));

  do
    {
      guint32 first;
      guint32 last;

      if (!parse_number (&p, end, &first))
        return NULL;
      last = first;
      if (p < end && *p == ':')
        {
          p++;
          if (!parse_number (&p, end, &last))
            return NULL;
        }
      surel_uid_set_add_range (self, first, last);
      if (self->ranges->len > RANGES_MAX)
        return NULL;
    }
  while (p < end && *p == ',' && p++ < end);
  return p == end ? g_steal_pointer (&self) : NULL;
}

/**
 * surel_uid_set_to_string:
 *
 * Returns: (transfer full): the set as IMAP writes it; empty for an empty one
 */
char *
surel_uid_set_to_string (const SurelUidSet *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->ranges->len; i++)
    {
      const SurelUidRange *range = surel_uid_set_range (self, i);

      g_string_append_printf (text, "%s%u", i > 0 ? "," : "", range->first);
      if (range->last != range->first)
        g_string_append_printf (text, ":%u", range->last);
    }
  return g_string_free (text, FALSE);
}
