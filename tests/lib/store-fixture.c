/* A store for tests. */
#include "store-fixture.h"

static gboolean
add_account (SurelTxn *txn, gpointer data, GError **error)
{
  g_autoptr (GVariant) settings
      = g_variant_ref_sink (g_variant_new_parsed ("@a{sv} {'protocol': <'imap'>, 'address': <'a@b'>}"));
  StoreFixture *fixture = data;

  fixture->account = surel_accounts_add (txn, settings, "secret", error);
  return fixture->account != 0;
}

static gboolean
add_folders (SurelTxn *txn, gpointer data, GError **error)
{
  StoreFixture *fixture = data;
  g_autoptr (GPtrArray) entries
      = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_entry_free);
  SurelFolderEntry *inbox = surel_folder_entry_new ("INBOX", "INBOX");

  inbox->role = "inbox";
  g_ptr_array_add (entries, inbox);
  g_ptr_array_add (entries, surel_folder_entry_new ("Work", "Work"));
  return surel_folders_put_all (txn, fixture->account, entries, error);
}

static void
load_folders (SurelReader *reader, gpointer data)
{
  StoreFixture *fixture = data;
  g_autoptr (GPtrArray) rows
      = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_folder_row_unref);

  g_assert_no_error (reader->error);
  g_assert_true (surel_folders_load_account (reader->sql, fixture->account, rows, NULL));
  for (guint i = 0; i < rows->len; i++)
    {
      SurelFolderRow *row = rows->pdata[i];

      *(row->role[0] != '\0' ? &fixture->inbox : &fixture->other) = row->id;
    }
}

void
store_fixture_open_store (StoreFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture->store = surel_store_open (fixture->dir, &error);
  g_assert_no_error (error);
}

void
store_fixture_close_store (StoreFixture *fixture)
{
  surel_store_close (fixture->store);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_clear_object (&fixture->store);
}

guint64
store_fixture_latest_state (StoreFixture *fixture)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
  return surel_store_get_state (fixture->store);
}

void
store_fixture_set_up (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("surel-test-XXXXXX", &error);
  store_fixture_open_store (fixture);
  g_assert_true (surel_store_write_sync (fixture->store, add_account, fixture, &error));
  g_assert_true (surel_store_write_sync (fixture->store, add_folders, fixture, &error));
  surel_store_read_sync (fixture->store, load_folders, fixture);
  g_assert_cmpint (fixture->inbox, >, 0);
}

void
store_fixture_tear_down (StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *command = g_strdup_printf ("rm -rf '%s'", fixture->dir);

  store_fixture_close_store (fixture);
  g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL);
  g_free (fixture->dir);
}

SurelMessage *
store_fixture_make_message (gint64 uid, guint flags)
{
  SurelMessage *message = surel_message_new ();

  message->remote_id.number = uid;
  message->flags = flags;
  message->received = 1700000000 + uid;
  message->size = 1000 + (guint64) uid;
  message->subject = g_strdup_printf ("Subject %" G_GINT64_FORMAT, uid);
  message->message_id = g_strdup_printf ("%" G_GINT64_FORMAT "@test", uid);
  message->from = g_bytes_new_static ("Ann\0ann@test", 13);
  return message;
}

gboolean
store_fixture_write_batch (SurelTxn *txn, gpointer data, GError **error)
{
  StoreBatch *batch = data;
  gboolean more;

  return (!batch->restart || surel_messages_restart (txn, batch->folder, error))
         && (batch->messages == NULL
             || surel_messages_put (txn, batch->folder, batch->messages, error))
         && (batch->gone == NULL
             || surel_messages_put_gone (txn, batch->folder, batch->gone, batch->since, &more, error))
         && (!batch->drop || surel_messages_drop_stale (txn, batch->folder, &more, error))
         && (!batch->listed || surel_folders_set_listed (txn, batch->folder, error));
}

void
store_fixture_put (StoreFixture *fixture, gint64 folder, gint64 first, gint64 last, guint flags)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) messages
      = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_message_free);
  StoreBatch batch = { .folder = folder, .messages = messages };

  for (gint64 uid = first; uid <= last; uid++)
    g_ptr_array_add (messages, store_fixture_make_message (uid, flags));
  surel_store_write_sync (fixture->store, store_fixture_write_batch, &batch, &error);
  g_assert_no_error (error);
}

void
store_fixture_take_out (StoreFixture *fixture, gint64 folder, const char *uids)
{
  store_fixture_take_out_since (fixture, folder, uids, SUREL_NO_NEWCOMERS);
}

/* What came after the message @since is new in this sync. */
void
store_fixture_take_out_since (StoreFixture *fixture, gint64 folder, const char *uids, gint64 since)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SurelUidSet) set = surel_uid_set_parse (uids, -1);
  StoreBatch batch = { .folder = folder, .gone = set, .since = since };

  surel_store_write_sync (fixture->store, store_fixture_write_batch, &batch, &error);
  g_assert_no_error (error);
}

typedef struct
{
  gint64 account;
  gint64 since;
} End;

static gboolean
drop_lost (SurelTxn *txn, gpointer data, GError **error)
{
  const End *end = data;
  gboolean more;

  return surel_messages_drop_lost (txn, end->account, end->since, &more, error);
}

/* All folders have been brought up to date. */
void
store_fixture_end_sync (StoreFixture *fixture, gint64 since)
{
  g_autoptr (GError) error = NULL;
  End end = { fixture->account, since };

  surel_store_write_sync (fixture->store, drop_lost, &end, &error);
  g_assert_no_error (error);
}
