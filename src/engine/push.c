/* From the store's intents to the server: what may have been done already is settled first, then what waits is
 * done, alike things together, and what came of it is written. Idempotent: whatever is lost on the way, a crash
 * or a link, is done once when this runs again. */
#include "engine/push.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/errors.h"
#include "base/mutation.h"
#include "store/append-intents.h"
#include "store/content.h"
#include "store/folder-intents.h"
#include "store/intents.h"
#include "store/intents-next.h"
#include "store/sends.h"
#include "store/responses.h"
#include "store/vacations.h"

/* A server may have others' changes to tell before it takes each of ours, but not for ever. */
#define IN_VAIN_MAX 50

typedef struct
{
  const SurelContext *context;
  gint64 account;
  gint64 since;
  gboolean listed; /* nothing was in doubt since the last whole list */
  GCancellable *cancellable; /* nullable */
  SurelChange *change; /* nullable */
  const char *evidence;
  gint64 when;
  gboolean doubt;
  GError *error;
} Push;

static gboolean
find_next (SurelReader *reader, Push *push, GError **error)
{
  gint64 now = surel_clock_now ();

  g_clear_pointer (&push->change, surel_change_free);
  return surel_folder_intents_next (reader, push->account, now, &push->change, error)
         && (push->change != NULL || surel_vacations_next (reader, push->account, now, &push->change, error))
         && (push->change != NULL || surel_append_intents_next (reader, push->account, now, push->listed, &push->change, error))
         && (push->change != NULL || surel_responses_next (reader, push->account, now, &push->change, error))
         && (push->change != NULL || surel_sends_next (reader, push->account, now, push->listed, &push->change, error))
         && (push->change != NULL || surel_intents_next (reader, push->account, now, push->listed, &push->change, error));
}

static void
look (SurelReader *reader, gpointer data)
{
  Push *push = data;

  if (reader->error != NULL)
    push->error = g_error_copy (reader->error);
  else
    find_next (reader, push, &push->error);
}

/* Read and claimed at one moment: what waits can be changed, merged and cancelled until then, and not after. What a person
 * does once the account is disabled waits. */
static gboolean
claim_next (SurelTxn *txn, gpointer data, GError **error)
{
  SurelReader reader = { .sql = txn->sql };
  Push *push = data;
  gboolean forgotten = FALSE;
  gboolean adopted = FALSE;

  if (g_cancellable_set_error_if_cancelled (push->cancellable, error))
    return FALSE;
  do
    if (!find_next (&reader, push, error)
        || (push->change != NULL && (!surel_intents_forget_unsent (txn, push->change, &forgotten, error)
                                     || (!forgotten && !surel_intents_adopt (txn, push->change, &adopted, error)))))
      return FALSE;
  while (push->change != NULL && (forgotten || adopted));
  return push->change == NULL || surel_intents_claim (txn, push->change, error);
}

/* Mostly nothing waits: then nothing is written. */
static gboolean
take_next (Push *push, GError **error)
{
  surel_store_read_sync (push->context->store, look, push);
  if (push->error != NULL)
    {
      g_propagate_error (error, push->error);
      return FALSE;
    }
  return push->change == NULL || surel_store_write_sync (push->context->store, claim_next, push, error);
}

static gboolean
write_sent (SurelTxn *txn, gpointer data, GError **error)
{
  Push *push = data;

  return surel_intents_mark_sent (txn, push->change, push->evidence, error);
}

static gboolean
before_step (const char *evidence, gpointer data, GError **error)
{
  Push *push = data;

  push->evidence = evidence;
  return surel_store_write_durable (push->context->store, write_sent, push, error);
}

static gboolean
record (SurelTxn *txn, SurelChange *change, GError **error)
{
  if (change->kind == SUREL_CHANGE_SET_VACATION)
    return surel_vacations_record (txn, change, error);
  if (change->kind == SUREL_CHANGE_RESPOND)
    return surel_intents_record_lone (txn, change, error);
  return surel_change_kind_is_of_folder (change->kind) ? surel_folder_intents_record (txn, change, error)
                                                       : surel_intents_record (txn, change, error);
}

static gboolean
write_outcomes (SurelTxn *txn, gpointer data, GError **error)
{
  Push *push = data;
  SurelChange *change = push->change;

  change->since = push->since;
  if (!record (txn, change, error))
    return FALSE;
  return push->error == NULL || surel_intents_interrupted (txn, change, push->error, error);
}

/* An answer that says nothing of some of them mustn't have them asked for on and on. */
static void
close_outcomes (SurelChange *change)
{
  gboolean open = FALSE;

  if (change->kind == SUREL_CHANGE_SEND)
    return; /* it may have been sent: see surel_sent_judge() */
  for (guint i = 0; i < change->items->len; i++)
    open = open || surel_change_item (change, i)->outcome == SUREL_OUTCOME_OPEN;
  if (open && change->error == NULL)
    change->error = g_error_new (SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED, "The server did not say what it did");
  surel_change_set_all (change, SUREL_OUTCOME_NOT_DONE);
}

static guint
count_left (SurelChange *change)
{
  guint left = 0;

  for (guint i = 0; i < change->items->len; i++)
    left += surel_change_item (change, i)->outcome == SUREL_OUTCOME_NOT_DONE ? 1 : 0;
  return left;
}

/* Whether a list has to say where something is now, or has to come before it is tried again. */
static gboolean
needs_list (SurelChange *change)
{
  if (surel_change_kind_is_of_folder (change->kind) || count_left (change) > 0)
    return TRUE;
  if (change->kind == SUREL_CHANGE_RESPOND) /* mostly the invitation goes, and an answer comes into another folder */
    return TRUE;
  for (guint i = 0; i < change->items->len; i++)
    {
      const SurelChangeItem *item = surel_change_item (change, i);

      if (item->outcome == SUREL_OUTCOME_DONE && change->target != 0 && !surel_remote_id_is_known (&item->new_remote_id))
        return TRUE;
    }
  return FALSE;
}

/* The bytes of a message that goes to the server. */
static GBytes *
map_octets (Push *push, GBytes *digest, GError **error)
{
  g_autoptr (GMappedFile) file = NULL;
  int fd = digest != NULL ? surel_content_open (surel_store_get_content_dir (push->context->store),
                                                g_bytes_get_data (digest, NULL), error)
                          : -1;

  if (fd >= 0)
    {
      file = g_mapped_file_new_from_fd (fd, FALSE, error);
      close (fd);
    }
  return file != NULL ? g_mapped_file_get_bytes (file) : NULL;
}

static gboolean
has_octets (SurelChangeKind kind)
{
  return kind == SUREL_CHANGE_APPEND || kind == SUREL_CHANGE_REPLACE || kind == SUREL_CHANGE_SEND;
}

/* Where they are gone it never will get there; where the disk fails it will once that is over. Sets @any to whether any can
 * go now. */
static gboolean
open_octets (Push *push, gboolean *any, GError **error)
{
  SurelChange *change = push->change;

  *any = FALSE;
  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);
      g_autoptr (GError) own = NULL;

      if (has_octets (change->kind))
        item->octets = map_octets (push, item->digest, &own);
      if (item->octets != NULL || !has_octets (change->kind))
        {
          *any = TRUE;
          continue;
        }
      if (own != NULL && !g_error_matches (own, SUREL_ERROR, SUREL_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
      g_clear_error (&change->error);
      change->error = g_error_new (SUREL_ERROR, SUREL_ERROR_FAILED, "The message's bytes can't be read any more: %s",
                                   own != NULL ? own->message : "they are gone");
      item->outcome = SUREL_OUTCOME_REFUSED;
    }
  return TRUE;
}

/* A person has disabled the account, or the daemon ends: that is no attempt. */
static gboolean
is_cancelled (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_CANCELLED);
}

static gboolean
push_one (Push *push, SurelRemote *remote, GCancellable *cancellable, GError **error)
{
  SurelChange *change = push->change;
  g_autoptr (GError) own = NULL;
  /* What may be there already isn't looked for. */
  gboolean blind = change->kind == SUREL_CHANGE_APPEND && surel_mutation ("resend-append");
  gboolean any;
  gboolean success = open_octets (push, &any, &own);

  if (success && any)
    success = change->evidence != NULL && !blind ? surel_remote_settle (remote, change, cancellable, &own)
                                                 : surel_remote_apply (remote, change, before_step, push, cancellable, &own);
  if (success)
    close_outcomes (change);
  if (own != NULL && !is_cancelled (own))
    push->error = own;
  /* What is known is known, also where the conversation broke off. What can't be repeated is never to be in doubt
   * again, not after a power failure either: others may have taken away by then what would tell. */
  if ((change->kind == SUREL_CHANGE_KEYWORDS ? surel_store_write_sync : surel_store_write_durable) (
          push->context->store, write_outcomes, push, success ? error : NULL)
      && success)
    return TRUE;
  if (own != NULL)
    g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

/**
 * surel_push:
 * @since: the largest id of a message before the last list, or %SUREL_NO_NEWCOMERS
 * @listed: whether a whole list has just come: what was in doubt is tried again only then
 * @list: (inout): set where all is to be listed now: something landed where only a list can tell
 *
 * Does on the server all that waits to be done there and is due.
 *
 * Returns: %FALSE with @error set where the connection is of no use any more
 */
gboolean
surel_push (const SurelContext *context,
            gint64 account,
            SurelRemote *remote,
            gint64 since,
            gboolean listed,
            gboolean *list,
            GCancellable *cancellable,
            GError **error)
{
  guint in_vain = 0; /* steps in a row */

  for (;;)
    {
      Push push = { .context = context, .account = account, .since = since, .listed = listed, .cancellable = cancellable };
      gboolean success;

      if (!take_next (&push, error))
        {
          g_clear_pointer (&push.change, surel_change_free);
          return FALSE;
        }
      if (push.change == NULL)
        return TRUE;
      success = push_one (&push, remote, cancellable, error);
      *list = *list || needs_list (push.change);
      listed = listed && count_left (push.change) == 0;
      in_vain = count_left (push.change) == push.change->items->len ? in_vain + 1 : 0;
      surel_change_free (push.change);
      if (!success)
        return FALSE;
      if (in_vain == IN_VAIN_MAX)
        {
          g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
                       "%d changes in a row had no effect: the server takes back what it says", IN_VAIN_MAX);
          return FALSE;
        }
    }
}

static void
read_doubt (SurelReader *reader, gpointer data)
{
  Push *push = data;

  if (reader->error == NULL)
    surel_intents_are_in_doubt (reader, push->account, surel_clock_now (), &push->doubt, NULL);
}

/**
 * surel_push_needs_list:
 *
 * Returns: whether something that is due, and may have been done before, waits for a whole list
 */
gboolean
surel_push_needs_list (const SurelContext *context, gint64 account)
{
  Push push = { .context = context, .account = account };

  surel_store_read_sync (context->store, read_doubt, &push);
  return push.doubt;
}

static void
read_due (SurelReader *reader, gpointer data)
{
  Push *push = data;

  if (reader->error == NULL)
    surel_intents_next_due (reader, push->account, &push->when, NULL);
}

/**
 * surel_push_next_due:
 *
 * Returns: when what was put off is to be tried again, in seconds since the epoch; 0 for never
 */
gint64
surel_push_next_due (const SurelContext *context, gint64 account)
{
  Push push = { .context = context, .account = account };

  surel_store_read_sync (context->store, read_due, &push);
  return push.when;
}
