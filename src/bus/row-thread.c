/* What a row tells of the thread that its message is in: of all its messages that are shown, in whichever folders. */
#include "bus/row-thread.h"

#include "base/keywords.h"

#define COST 256 /* octets that are read for each message of a thread, about */

static const struct
{
  const char *name;
  SurelRowThreadProperty property;
} known[] = {
  { "threadSize", SUREL_ROW_THREAD_SIZE },
  { "threadUnread", SUREL_ROW_THREAD_UNREAD },
  { "threadKeywords", SUREL_ROW_THREAD_KEYWORDS },
  { "threadFrom", SUREL_ROW_THREAD_FROM },
};

/**
 * surel_row_thread_property:
 *
 * Returns: the #SurelRowThreadProperty of that name, 0 where there is none
 */
guint
surel_row_thread_property (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_str_equal (known[i].name, name))
      return known[i].property;
  return 0;
}

/**
 * surel_row_thread_add:
 * @wanted: #SurelRowThreadProperty bits
 * @thread: 0 where it isn't known yet: nothing is told then
 * @read: (inout): gets more by the octets that were looked at
 *
 * Returns: %FALSE with @error set where the store can't be read
 */
gboolean
surel_row_thread_add (guint wanted, SurelRowOut *out, SurelReader *reader, gint64 thread, guint64 *read, GError **error)
{
  g_autoptr (SurelRowThread) found = NULL;
  g_auto (GStrv) words = NULL;

  if (wanted == 0 || thread == 0)
    return TRUE;
  found = surel_row_read_thread (reader, thread, error);
  if (found == NULL)
    return FALSE;
  *read += (guint64) found->size * COST;
  if ((wanted & SUREL_ROW_THREAD_SIZE) != 0)
    surel_row_out_add (out, "threadSize", g_variant_new_uint32 (found->size));
  if ((wanted & SUREL_ROW_THREAD_UNREAD) != 0)
    surel_row_out_add (out, "threadUnread", g_variant_new_uint32 (found->unread));
  if ((wanted & SUREL_ROW_THREAD_FROM) != 0)
    surel_row_out_add_addresses (out, "threadFrom", (const char *) found->from->data, found->from->len);
  words = surel_keywords_to_strv (found->flags, found->keywords);
  if ((wanted & SUREL_ROW_THREAD_KEYWORDS) != 0)
    surel_row_out_add (out, "threadKeywords", g_variant_new_strv ((const char *const *) words, -1));
  return TRUE;
}
