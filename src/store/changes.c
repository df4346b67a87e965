/* Sets of changes: folded as commits follow one another, and written down as one row of the log. */
#include "store/changes.h"

#include "base/refcount.h"

struct _SurelChanges
{
  SurelRefCount references;
  GHashTable *events[SUREL_N_FAMILIES]; /* id → SurelEvent + 1 */
  GHashTable *new_mail; /* set of ids */
};

G_STATIC_ASSERT (sizeof (gpointer) == sizeof (guint64)); /* ids are keys of hash tables */

SurelChanges *
surel_changes_new (void)
{
  SurelChanges *self = g_new0 (SurelChanges, 1);

  surel_ref_count_init (&self->references);
  for (guint i = 0; i < SUREL_N_FAMILIES; i++)
    self->events[i] = g_hash_table_new (NULL, NULL);
  self->new_mail = g_hash_table_new (NULL, NULL);
  return self;
}

SurelChanges *
surel_changes_ref (SurelChanges *self)
{
  surel_ref_count_inc (&self->references);
  return self;
}

void
surel_changes_unref (SurelChanges *self)
{
  if (!surel_ref_count_dec (&self->references))
    return;
  for (guint i = 0; i < SUREL_N_FAMILIES; i++)
    g_hash_table_unref (self->events[i]);
  g_hash_table_unref (self->new_mail);
  g_free (self);
}

/**
 * surel_changes_add:
 *
 * Adds what happened next. Created and then updated stays created, destroyed and then updated stays destroyed (its
 * counts went down with it); else the last event counts. Created
 * and then destroyed stays destroyed: who lists a store from 0 may have met the message in between.
 */
void
surel_changes_add (SurelChanges *self, SurelFamily family, guint64 id, SurelEvent event)
{
  gpointer key = (gpointer) (guintptr) id;
  guint before = GPOINTER_TO_UINT (g_hash_table_lookup (self->events[family], key));

  if (before == 0 || event != SUREL_UPDATED)
    g_hash_table_insert (self->events[family], key, GUINT_TO_POINTER (event + 1));
  if (family == SUREL_FAMILY_MESSAGE && event == SUREL_DESTROYED)
    g_hash_table_remove (self->new_mail, key);
}

void
surel_changes_add_new_mail (SurelChanges *self, guint64 message)
{
  g_hash_table_add (self->new_mail, (gpointer) (guintptr) message);
}

/**
 * surel_changes_has:
 *
 * Returns: whether anything happened to @id
 */
gboolean
surel_changes_has (SurelChanges *self, SurelFamily family, guint64 id)
{
  return g_hash_table_contains (self->events[family], (gpointer) (guintptr) id);
}

/**
 * surel_changes_count:
 *
 * Returns: how many ids there are, all in all, new mail not counted again
 */
guint
surel_changes_count (SurelChanges *self)
{
  guint count = 0;

  for (guint i = 0; i < SUREL_N_FAMILIES; i++)
    count += g_hash_table_size (self->events[i]);
  return count;
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  guint64 x = *(const guint64 *) a;
  guint64 y = *(const guint64 *) b;

  return x < y ? -1 : x > y;
}

static GArray *
keys (GHashTable *table, guint value)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  GHashTableIter iter;
  gpointer key;
  gpointer event;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, &key, &event))
    if (value == 0 || GPOINTER_TO_UINT (event) == value)
      {
        guint64 id = (guint64) (guintptr) key;

        g_array_append_val (ids, id);
      }
  g_array_sort (ids, compare_ids);
  return ids;
}

/**
 * surel_changes_list:
 *
 * Returns: (transfer full) (element-type guint64): the ids, ascending
 */
GArray *
surel_changes_list (SurelChanges *self, SurelFamily family, SurelEvent event)
{
  return keys (self->events[family], event + 1);
}

GArray *
surel_changes_list_new_mail (SurelChanges *self)
{
  return keys (self->new_mail, 0);
}

/* The log's form: for each list that isn't empty its number (family × 3 + event; new mail is the last),
 * its length, and its ids, each as what is added to the one before; all as base-128 numbers. */
#define NEW_MAIL_LIST (SUREL_N_FAMILIES * SUREL_N_EVENTS)

static void
put_number (GByteArray *out, guint64 number)
{
  do
    {
      guint8 octet = (guint8) (number & 0x7f);

      number >>= 7;
      if (number != 0)
        octet |= 0x80;
      g_byte_array_append (out, &octet, 1);
    }
  while (number != 0);
}

static gboolean
get_number (const guint8 **p, const guint8 *end, guint64 *number)
{
  *number = 0;
  for (guint shift = 0; *p < end && shift < 64; shift += 7)
    {
      guint8 octet = *(*p)++;

      *number |= (guint64) (octet & 0x7f) << shift;
      if ((octet & 0x80) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
put_list (GByteArray *out, guint number, GArray *ids)
{
  guint64 last = 0;

  if (ids->len == 0)
    return;
  put_number (out, number);
  put_number (out, ids->len);
  for (guint i = 0; i < ids->len; i++)
    {
      guint64 id = g_array_index (ids, guint64, i);

      put_number (out, id - last);
      last = id;
    }
}

/**
 * surel_changes_encode:
 *
 * Returns: (transfer full): the changes as the log keeps them
 */
GBytes *
surel_changes_encode (SurelChanges *self)
{
  GByteArray *out = g_byte_array_new ();
  g_autoptr (GArray) new_mail = surel_changes_list_new_mail (self);

  for (guint family = 0; family < SUREL_N_FAMILIES; family++)
    for (guint event = 0; event < SUREL_N_EVENTS; event++)
      {
        g_autoptr (GArray) ids = surel_changes_list (self, family, event);

        put_list (out, family * SUREL_N_EVENTS + event, ids);
      }
  put_list (out, NEW_MAIL_LIST, new_mail);
  return g_byte_array_free_to_bytes (out);
}

/**
 * surel_changes_add_encoded:
 * @data: what surel_changes_encode() gave for the commit that came next
 *
 * Returns: %FALSE where @data is damaged
 */
gboolean
surel_changes_add_encoded (SurelChanges *self, const void *data, gsize length)
{
  const guint8 *p = data;
  const guint8 *end = p + length;

  while (p < end)
    {
      guint64 list;
      guint64 n;
      guint64 id = 0;
      guint64 delta;

      if (!get_number (&p, end, &list) || !get_number (&p, end, &n) || list > NEW_MAIL_LIST)
        return FALSE;
      for (; n > 0; n--)
        {
          if (!get_number (&p, end, &delta))
            return FALSE;
          id += delta;
          if (list == NEW_MAIL_LIST)
            surel_changes_add_new_mail (self, id);
          else
            surel_changes_add (self, (SurelFamily) (list / SUREL_N_EVENTS), id,
                               (SurelEvent) (list % SUREL_N_EVENTS));
        }
    }
  return TRUE;
}

/**
 * surel_changes_add_all:
 * @other: what came next
 */
void
surel_changes_add_all (SurelChanges *self, SurelChanges *other)
{
  GHashTableIter iter;
  gpointer key;
  gpointer event;

  for (guint family = 0; family < SUREL_N_FAMILIES; family++)
    {
      g_hash_table_iter_init (&iter, other->events[family]);
      while (g_hash_table_iter_next (&iter, &key, &event))
        surel_changes_add (self, family, (guint64) (guintptr) key, GPOINTER_TO_UINT (event) - 1);
    }
  g_hash_table_iter_init (&iter, other->new_mail);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_hash_table_add (self->new_mail, key);
}
