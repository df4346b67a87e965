/* Brings the bytes of messages that are to go to another account, and wakes the account whose turn it is. What is to
 * be done, and in which order, the store knows: see store/transfers.c. Lives in the main thread. */
#include "engine/transfers.h"

#include "base/post.h"
#include "store/transfers.h"

#define RETRY_SECONDS 5 /* until what can't be had now is asked for again */

struct _SurelTransfers
{
  SurelEngine *engine; /* borrowed; NULL once it is over */
  GHashTable *asked; /* ids of messages that are being brought */
  gboolean looking;
  gboolean look_again;
  guint look_source; /* looks once who did something has the answer */
  guint retry_source;
};

/* What is looked up, and one message that is brought. */
typedef struct
{
  SurelTransfers *transfers;
  GArray *wanted;
  gint64 message;
} Step;

static Step *
step_new (SurelTransfers *self)
{
  Step *step = g_new0 (Step, 1);

  step->transfers = g_rc_box_acquire (self);
  return step;
}

static void
clear (gpointer data)
{
  g_hash_table_unref (((SurelTransfers *) data)->asked);
}

static void
step_free (gpointer data)
{
  Step *step = data;

  g_clear_pointer (&step->wanted, g_array_unref);
  g_rc_box_release_full (step->transfers, clear);
  g_free (step);
}

static gboolean
on_retry (gpointer data)
{
  SurelTransfers *self = data;

  self->retry_source = 0;
  surel_transfers_check (self);
  return G_SOURCE_REMOVE;
}

static void
push_all (SurelTransfers *self)
{
  g_autoptr (GList) accounts = surel_engine_list_accounts (self->engine);

  for (GList *l = accounts; l != NULL; l = l->next)
    surel_account_push (l->data);
}

static void
on_fetched (const GError *error, gpointer data)
{
  Step *step = data;
  SurelTransfers *self = step->transfers;

  g_hash_table_remove (self->asked, (gpointer) (guintptr) step->message);
  if (self->engine != NULL && error != NULL && self->retry_source == 0)
    self->retry_source = g_timeout_add_seconds (RETRY_SECONDS, on_retry, self);
  else if (self->engine != NULL && error == NULL)
    {
      push_all (self);
      if (g_hash_table_size (self->asked) == 0)
        surel_transfers_check (self); /* there may be more */
    }
  step_free (step);
}

static void
bring (SurelTransfers *self, const SurelWanted *wanted)
{
  SurelAccount *account = surel_engine_find_account (self->engine, wanted->account);
  Step *step;

  if (account == NULL || !g_hash_table_add (self->asked, (gpointer) (guintptr) wanted->message))
    return;
  step = step_new (self);
  step->message = wanted->message;
  surel_account_fetch (account, wanted->message, NULL, on_fetched, step);
}

static void
on_looked_up (gpointer data)
{
  Step *step = data;
  SurelTransfers *self = step->transfers;

  self->looking = FALSE;
  for (guint i = 0; self->engine != NULL && i < step->wanted->len; i++)
    bring (self, &g_array_index (step->wanted, SurelWanted, i));
  if (self->look_again)
    surel_transfers_check (self);
}

/* In a thread of the store. */
static void
look_up (SurelReader *reader, gpointer data)
{
  Step *step = data;

  if (reader->error == NULL)
    surel_transfers_wanted (reader, step->wanted, NULL);
  surel_post (NULL, on_looked_up, step, step_free);
}

/**
 * surel_transfers_check:
 *
 * Looks for messages whose bytes have to be brought.
 */
void
surel_transfers_check (SurelTransfers *self)
{
  Step *step;

  self->look_again = self->looking;
  if (self->looking || self->engine == NULL)
    return;
  self->looking = TRUE;
  step = step_new (self);
  step->wanted = g_array_new (FALSE, FALSE, sizeof (SurelWanted));
  surel_store_read (surel_engine_get_store (self->engine), look_up, step, NULL, NULL);
}

static gboolean
concerns (const SurelOperationRow *row, gint64 account)
{
  for (guint i = 0; i < row->accounts->len; i++)
    if (g_array_index (row->accounts, gint64, i) == account)
      return TRUE;
  return FALSE;
}

static gboolean
on_look_time (gpointer data)
{
  SurelTransfers *self = data;

  self->look_source = 0;
  surel_transfers_check (self);
  return G_SOURCE_REMOVE;
}

/* What was to be destroyed in another account may have waited for its copy to be in this one. */
static void
push_others (SurelTransfers *self, const SurelOperationRow *row)
{
  g_autoptr (GList) accounts = surel_engine_list_accounts (self->engine);

  for (GList *l = accounts; l != NULL; l = l->next)
    if (surel_account_get_pending (l->data) > 0 && !concerns (row, surel_account_get_id (l->data)))
      surel_account_push (l->data);
}

/**
 * surel_transfers_note:
 * @row: an operation that has changed
 *
 * One that isn't done may need bytes, and where it concerns several accounts it may be another one's turn now.
 */
void
surel_transfers_note (SurelTransfers *self, const SurelOperationRow *row)
{
  if (surel_operation_row_has_ended (row))
    {
      push_others (self, row);
      return;
    }
  for (guint i = 0; row->accounts->len > 1 && i < row->accounts->len; i++)
    {
      SurelAccount *account = surel_engine_find_account (self->engine, g_array_index (row->accounts, gint64, i));

      if (account != NULL)
        surel_account_push (account);
    }
  if (self->look_source == 0)
    self->look_source = g_idle_add_full (G_PRIORITY_DEFAULT, on_look_time, self, NULL);
}

/**
 * surel_transfers_new:
 * @engine: outlives this
 */
SurelTransfers *
surel_transfers_new (SurelEngine *engine)
{
  SurelTransfers *self = g_rc_box_new0 (SurelTransfers);

  self->engine = engine;
  self->asked = g_hash_table_new (NULL, NULL);
  surel_transfers_check (self);
  return self;
}

void
surel_transfers_free (SurelTransfers *self)
{
  self->engine = NULL;
  g_clear_handle_id (&self->look_source, g_source_remove);
  g_clear_handle_id (&self->retry_source, g_source_remove);
  g_rc_box_release_full (self, clear);
}
