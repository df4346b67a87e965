/* A change of more messages than one commit may name: done in parts, all of them one operation.
 *
 * Where the call has a key, what is left of it is kept with each part. The same call made again, after a failure or a
 * restart, goes on from there with the messages that were meant the first time: what it has changed already may match
 * no more, or would be copied twice.
 *
 * Servers aren't told before all parts are there: an operation has one end, and it isn't that of its first part. */
#include "store/modify-parts.h"

#include "base/errors.h"

#define SO_FAR "(utuata(xxxx))" /* how many are done, operation, changed, not found, copies */
#define REST_SECONDS 60 /* that servers wait for the next part; then they are told of what is there */
#define COPIES_KEPT (SUREL_MODIFY_MAX + 1) /* one more than a reply has room for: it tells of those that are cut */

static GVariant *
describe (guint done, const SurelModified *result)
{
  GVariantBuilder copies;

  g_variant_builder_init (&copies, G_VARIANT_TYPE ("a(xxxx)"));
  for (guint i = 0; i < MIN (result->copies->len, COPIES_KEPT); i++)
    {
      const SurelCopied *copied = &g_array_index (result->copies, SurelCopied, i);

      g_variant_builder_add (&copies, "(xxxx)", copied->account, copied->source, copied->folder, copied->copy);
    }
  return g_variant_new ("(utu@at@a(xxxx))", done, (guint64) result->operation, result->changed,
                        g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, result->not_found->data, result->not_found->len,
                                                   sizeof (guint64)),
                        g_variant_builder_end (&copies));
}

static void
take (GVariant *so_far, guint *done, SurelModified *result)
{
  g_autoptr (GVariant) not_found = NULL;
  g_autoptr (GVariantIter) copies = NULL;
  guint64 operation;
  SurelCopied copied;
  gsize n;
  const guint64 *ids;

  g_variant_get (so_far, "(utu@ata(xxxx))", done, &operation, &result->changed, &not_found, &copies);
  result->operation = (gint64) operation;
  ids = g_variant_get_fixed_array (not_found, &n, sizeof (guint64));
  g_array_append_vals (result->not_found, ids, (guint) n);
  while (g_variant_iter_next (copies, "(xxxx)", &copied.account, &copied.source, &copied.folder, &copied.copy))
    g_array_append_val (result->copies, copied);
}

static gboolean
keep (SurelTxn *txn, const SurelKey *key, gboolean is_first, GArray *ids, guint done, const SurelModified *result,
      GError **error)
{
  g_autoptr (GVariant) so_far = g_variant_ref_sink (describe (done, result));
  g_autoptr (GBytes) octets = is_first ? g_bytes_new_static (ids->data, (gsize) ids->len * sizeof (gint64)) : NULL;

  return surel_calls_keep_part (txn, key, octets, so_far, error);
}

/* Goes on where the call ended before its end. */
static gboolean
take_up (SurelTxn *txn, const SurelKey *key, GArray *ids, guint *done, SurelModified *result, GError **error)
{
  g_autoptr (GBytes) octets = NULL;
  g_autoptr (GVariant) so_far = NULL;

  if (!surel_calls_find_part (txn, key, G_VARIANT_TYPE (SO_FAR), &octets, &so_far, error))
    return FALSE;
  if (so_far == NULL)
    return TRUE;
  g_array_set_size (ids, 0);
  g_array_append_vals (ids, g_bytes_get_data (octets, NULL), (guint) (g_bytes_get_size (octets) / sizeof (gint64)));
  take (so_far, done, result);
  return TRUE;
}

/* Nothing is added to an operation that a person has cancelled, nor to one that is forgotten: what is left is another. */
static gboolean
check_operation (SurelTxn *txn, guint done, const GArray *ids, SurelModified *result, GError **error)
{
  gint64 cancelled = -1;

  if (!surel_sql_get (txn->sql, &cancelled, error, "SELECT cancelled FROM operation WHERE id = ?", "i", result->operation))
    return FALSE;
  if (cancelled < 0)
    result->operation = 0;
  if (cancelled <= 0)
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_CANCELLED, "It was cancelled when %u of %u messages had been changed", done,
               ids->len);
  return FALSE;
}

static gboolean
hold_back (SurelTxn *txn, gint64 operation, gint64 until, GError **error)
{
  return surel_sql_run (txn->sql, error, "UPDATE operation SET next_attempt = ? WHERE id = ?", "ii", until, operation);
}

/**
 * surel_modify_part:
 * @patch: what is wanted of how many messages ever; where the call was begun before, its ids become those of then
 * @key: of the call
 * @done: (inout): how many of its messages are done, 0 at first
 * @result: (inout): what was done so far
 *
 * Does with the next messages, as many as a commit may name, what @patch says; all are done once @done is their number.
 *
 * Returns: as surel_modify(); %SUREL_ERROR_CANCELLED also where the operation was cancelled meanwhile
 */
gboolean
surel_modify_part (SurelTxn *txn, SurelPatch *patch, const SurelKey *key, guint *done, SurelModified *result, GError **error)
{
  g_autoptr (GError) own = NULL;
  gboolean is_first;
  guint count;

  if (*done == 0 && key->key != NULL && !take_up (txn, key, patch->ids, done, result, error))
    return FALSE;
  is_first = *done == 0;
  if (!is_first && !patch->dry_run && !check_operation (txn, *done, patch->ids, result, error))
    return FALSE;
  count = MIN (patch->ids->len - *done, SUREL_MODIFY_MAX / (1 + patch->add_folders->len));
  if (surel_modify (txn, patch, *done, count, result, &own))
    {
      *done += count;
      if (*done == patch->ids->len)
        return is_first || hold_back (txn, result->operation, 0, error);
      return hold_back (txn, result->operation, txn->time + REST_SECONDS, error)
             && (key->key == NULL || keep (txn, key, is_first, patch->ids, *done, result, error));
    }
  if (patch->dry_run && g_error_matches (own, SUREL_ERROR, SUREL_ERROR_CANCELLED))
    *done += count;
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}
