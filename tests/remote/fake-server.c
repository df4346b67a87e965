/* A server in memory, for one account. Its messages have numbers that grow, and each thing that happens gets a number, too.
 * What is to fail on purpose is set here: the nth call of a kind, with any error; or a step that is done and never
 * answered. */
#include "fake-server.h"

void
fake_message_free (gpointer data)
{
  FakeMessage *message = data;

  g_free (message->words);
  g_free (message->id);
  g_bytes_unref (message->octets);
  g_free (message);
}

static void
folder_free (gpointer data)
{
  FakeFolder *folder = data;

  g_free (folder->id);
  g_free (folder->name);
  g_free (folder->parent);
  g_ptr_array_unref (folder->messages);
  g_array_unref (folder->gone);
  g_free (folder);
}

/**
 * fake_server_happen:
 *
 * Something happens in the folder, and wakes those that wait for it.
 *
 * Returns: its number
 */
gint64
fake_server_happen (FakeServer *self, FakeFolder *folder)
{
  g_cond_broadcast (&self->happened);
  folder->changed = ++self->now;
  return self->now;
}

FakeFolder *
fake_server_find_folder (FakeServer *self, const char *id)
{
  for (guint i = 0; i < self->folders->len; i++)
    if (g_strcmp0 (((FakeFolder *) self->folders->pdata[i])->id, id) == 0)
      return self->folders->pdata[i];
  return NULL;
}

/**
 * fake_server_find_named:
 * @parent: (nullable): the id of the one that it is in
 *
 * Returns: (transfer none) (nullable): the folder of that name
 */
FakeFolder *
fake_server_find_named (FakeServer *self, const char *parent, const char *name)
{
  for (guint i = 0; i < self->folders->len; i++)
    {
      FakeFolder *folder = self->folders->pdata[i];

      if (g_str_equal (folder->name, name) && g_strcmp0 (folder->parent, parent) == 0)
        return folder;
    }
  return NULL;
}

FakeFolder *
fake_server_make_folder (FakeServer *self, const char *parent, const char *name, const char *role)
{
  FakeFolder *folder = g_new0 (FakeFolder, 1);

  folder->changed = ++self->now;
  folder->id = g_strdup_printf ("f%" G_GINT64_FORMAT, folder->changed);
  folder->name = g_strdup (name);
  folder->parent = g_strdup (parent);
  folder->role = role;
  folder->subscribed = TRUE;
  folder->messages = g_ptr_array_new_with_free_func (fake_message_free);
  folder->gone = g_array_new (FALSE, FALSE, sizeof (FakeGone));
  g_ptr_array_add (self->folders, folder);
  return folder;
}

/**
 * fake_server_put:
 * @message: (transfer full): gets the folder's next number
 */
void
fake_server_put (FakeServer *self, FakeFolder *folder, FakeMessage *message)
{
  message->uid = ++folder->last_uid;
  message->came = message->changed = fake_server_happen (self, folder);
  g_ptr_array_add (folder->messages, message);
}

/**
 * fake_folder_find:
 * @index: (out) (optional): where it is in the folder
 *
 * Returns: (transfer none) (nullable): the message of that number
 */
FakeMessage *
fake_folder_find (const FakeFolder *folder, gint64 uid, guint *index)
{
  for (guint i = 0; i < folder->messages->len; i++)
    if (((FakeMessage *) folder->messages->pdata[i])->uid == uid)
      {
        if (index != NULL)
          *index = i;
        return folder->messages->pdata[i];
      }
  return NULL;
}

/**
 * fake_server_take_out:
 * @uid: of a message that is there
 *
 * Returns: (transfer full): it
 */
FakeMessage *
fake_server_take_out (FakeServer *self, FakeFolder *folder, gint64 uid)
{
  FakeGone gone = { uid, fake_server_happen (self, folder) };
  guint index = 0;

  fake_folder_find (folder, uid, &index);
  g_array_append_val (folder->gone, gone);
  return g_ptr_array_steal_index (folder->messages, index);
}

FakeMessage *
fake_message_new (FakeServer *self, GBytes *octets, gint64 received)
{
  FakeMessage *message = g_new0 (FakeMessage, 1);

  message->id = g_strdup_printf ("M%" G_GINT64_FORMAT, ++self->now);
  message->octets = g_bytes_ref (octets);
  message->received = received;
  return message;
}

/**
 * fake_server_new:
 * @password: the account's
 */
FakeServer *
fake_server_new (const char *password)
{
  FakeServer *self = g_new0 (FakeServer, 1);

  g_mutex_init (&self->lock);
  g_cond_init (&self->happened);
  self->password = g_strdup (password);
  self->folders = g_ptr_array_new_with_free_func (folder_free);
  return self;
}

void
fake_server_free (FakeServer *self)
{
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->happened);
  g_free (self->password);
  g_ptr_array_unref (self->folders);
  g_free (self);
}

/**
 * fake_server_add_folder:
 * @role: (nullable): a constant
 */
void
fake_server_add_folder (FakeServer *self, const char *name, const char *role)
{
  fake_server_make_folder (self, NULL, name, role);
}

/**
 * fake_server_add_message:
 * @folder: the name of one that is in no other
 */
void
fake_server_add_message (FakeServer *self, const char *folder, GBytes *octets)
{
  fake_server_put (self, fake_server_find_named (self, NULL, folder), fake_message_new (self, octets, 1700000000));
}

/**
 * fake_server_fail:
 * @nth: which call of that kind, of any remote: 1 for the next
 * @code: what it fails with, before anything is done
 */
void
fake_server_fail (FakeServer *self, FakeCall call, guint nth, SurelError code)
{
  self->until[call] = nth;
  self->code[call] = code;
}

/**
 * fake_server_lose_answer:
 *
 * The next change that is applied is done, and its answer lost.
 */
void
fake_server_lose_answer (FakeServer *self)
{
  self->lose_answer = TRUE;
}
