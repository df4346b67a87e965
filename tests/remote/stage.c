/* The account that the cases play on. It is on a real server where the environment names one, else in memory:
 *
 * SUREL_TEST_SETTINGS: an account's settings, as the text of an a{sv}
 * SUREL_TEST_PASSWORD: its password
 * SUREL_TEST_LARGE: a file with the octets of the message m1000
 *
 * Messages come to a case's folder as they do where nothing can be put: the other device moves them there from the stock. */
#include "stage.h"

#include <string.h>

#include "remote/eas/eas-remote.h"
#include "remote/imap/imap-remote.h"

#define FAKE_PASSWORD "secret"

static struct
{
  GVariant *settings; /* nullable */
  FakeServer *fake; /* NULL where there are settings */
  GBytes *large;
  Device *other;
  char *stock; /* as the other knows it */
  guint given; /* messages of the stock */
  guint names;
} stage;

/* --- In memory --- */

static GBytes *
make_message (guint number, const char *body)
{
  char *text = g_strdup_printf ("From: Sender <s%u@surel.test>\r\nTo: alice@surel.test\r\nSubject: Message %u\r\n"
                                "Message-ID: <m%u@surel.test>\r\nDate: Tue, 14 Nov 2023 22:00:00 +0000\r\n\r\n%s\r\n",
                                number, number, number, body);

  return g_bytes_new_take (text, strlen (text));
}

static void
fill_fake (const char *folder)
{
  fake_server_add_folder (stage.fake, folder, NULL);
  for (guint i = 1; i <= STAGE_COUNT; i++)
    {
      g_autoptr (GBytes) octets = make_message (i, "Hello.");

      fake_server_add_message (stage.fake, folder, octets);
    }
}

static void
open_fake (void)
{
  static const char *const roles[][2]
      = { { "INBOX", "inbox" }, { "Drafts", "drafts" }, { "Sent", "sent" }, { "Trash", "trash" } };
  g_autofree char *body = g_strnfill (10000, 'x');

  stage.fake = fake_server_new (FAKE_PASSWORD);
  for (guint i = 0; i < G_N_ELEMENTS (roles); i++)
    fake_server_add_folder (stage.fake, roles[i][0], roles[i][1]);
  fill_fake (STAGE_STOCK);
  fill_fake (STAGE_MANY);
  fake_server_add_folder (stage.fake, STAGE_LARGE, NULL);
  stage.large = make_message (1000, body);
  fake_server_add_message (stage.fake, STAGE_LARGE, stage.large);
}

/* --- On a server --- */

static void
open_real (const char *settings)
{
  g_autoptr (GError) error = NULL;
  char *octets = NULL;
  gsize length = 0;

  stage.settings = g_variant_parse (G_VARIANT_TYPE_VARDICT, settings, NULL, NULL, &error);
  g_assert_no_error (error);
  g_file_get_contents (g_getenv ("SUREL_TEST_LARGE"), &octets, &length, &error);
  g_assert_no_error (error);
  stage.large = g_bytes_new_take (octets, length);
}

/**
 * stage_new_remote:
 * @device: who asks: to a server that tells each device what has changed since it asked
 *
 * Returns: (transfer full): a remote that isn't open yet
 */
SurelRemote *
stage_new_remote (const char *device, const char *password)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (stage.settings);
  g_autoptr (GVariant) settings = NULL;
  SurelRemoteConfig config = { .password = (char *) password };
  g_autoptr (GError) error = NULL;
  const char *protocol = "";
  SurelRemote *remote;

  g_variant_dict_insert (&dict, "deviceId", "s", device);
  config.settings = settings = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (stage.fake != NULL)
    return fake_remote_new (stage.fake, &config);
  g_variant_lookup (settings, "protocol", "&s", &protocol);
  remote = (g_str_equal (protocol, "eas") ? surel_eas_remote_new : surel_imap_remote_new) (&config, &error);
  g_assert_no_error (error);
  return remote;
}

/**
 * stage_open_remote:
 *
 * Returns: (transfer full): a remote that is signed in
 */
SurelRemote *
stage_open_remote (const char *device)
{
  SurelRemote *remote = stage_new_remote (device, stage.fake != NULL ? FAKE_PASSWORD : g_getenv ("SUREL_TEST_PASSWORD"));
  g_autoptr (GError) error = NULL;

  surel_remote_open (remote, NULL, NULL, &error);
  g_assert_no_error (error);
  return remote;
}

void
stage_open (void)
{
  const char *settings = g_getenv ("SUREL_TEST_SETTINGS");

  if (settings != NULL)
    open_real (settings);
  else
    open_fake ();
}

void
stage_close (void)
{
  g_clear_pointer (&stage.other, device_free);
  g_clear_pointer (&stage.settings, g_variant_unref);
  g_clear_pointer (&stage.fake, fake_server_free);
  g_clear_pointer (&stage.large, g_bytes_unref);
  g_clear_pointer (&stage.stock, g_free);
}

/**
 * stage_get_fake:
 *
 * Returns: (transfer none) (nullable): the server in memory, where it is that
 */
FakeServer *
stage_get_fake (void)
{
  return stage.fake;
}

/**
 * stage_get_large:
 *
 * Returns: (transfer none): the octets of the message m1000
 */
GBytes *
stage_get_large (void)
{
  return stage.large;
}

/* --- A case's --- */

static void
place_clear (Place *place)
{
  g_clear_pointer (&place->name, g_free);
  g_clear_pointer (&place->mine, g_free);
  g_clear_pointer (&place->theirs, g_free);
}

/* The other device makes a folder. */
static void
make_place (Scene *self, Place *place)
{
  place->name = scene_new_name ("Case");
  device_apply (self->other, device_change_folder (self->other, SUREL_CHANGE_CREATE_FOLDER, NULL, place->name, NULL));
  place->theirs = device_need (self->other, place->name);
  place->mine = device_need (self->me, place->name);
}

void
scene_set_up (Scene *self, gconstpointer data G_GNUC_UNUSED)
{
  if (stage.other == NULL)
    {
      stage.other = device_new (stage_open_remote (STAGE_OTHER));
      stage.stock = device_need (stage.other, STAGE_STOCK);
    }
  self->other = stage.other;
  self->me = device_new (stage_open_remote (STAGE_ME));
  make_place (self, &self->here);
}

void
scene_tear_down (Scene *self, gconstpointer data G_GNUC_UNUSED)
{
  device_free (self->me);
  place_clear (&self->here);
  place_clear (&self->there);
}

/**
 * scene_make_there:
 *
 * The other device makes another folder, which I have pulled.
 */
void
scene_make_there (Scene *self)
{
  make_place (self, &self->there);
  device_pull (self->me, self->there.mine, SUREL_PULL_CHANGES);
}

/**
 * scene_reconnect:
 *
 * From here on it is another connection: it knows of nothing that the last one did.
 */
void
scene_reconnect (Scene *self)
{
  device_replace_remote (self->me, stage_open_remote (STAGE_ME));
}

gboolean
scene_can (Scene *self, const char *capability)
{
  g_auto (GStrv) can = surel_remote_get_capabilities (self->me->remote);

  return g_strv_contains ((const char *const *) can, capability);
}

/**
 * scene_new_name:
 *
 * Returns: (transfer full): a name that begins with @name, and that no folder has had
 */
char *
scene_new_name (const char *name)
{
  return g_strdup_printf ("%s %u", name, ++stage.names);
}

/**
 * scene_give:
 *
 * The other device puts messages into the case's folder.
 *
 * Returns: (transfer full): their labels, sorted, with a space between
 */
char *
scene_give (Scene *self, guint count)
{
  g_autoptr (GPtrArray) labels = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  SurelChange *change;

  for (guint i = 0; i < count; i++)
    g_ptr_array_add (labels, g_strdup_printf ("m%u", ++stage.given));
  text = mirror_list (labels);
  device_pull (self->other, stage.stock, SUREL_PULL_CHANGES);
  change = device_change (self->other, SUREL_CHANGE_MOVE, stage.stock, text);
  device_set_target (self->other, change, self->here.theirs);
  device_apply (self->other, change);
  device_pull (self->other, self->here.theirs, SUREL_PULL_CHANGES);
  return g_steal_pointer (&text);
}

/**
 * scene_expect:
 * @came: labels, sorted, with a space between: of messages that a pull has to bring
 * @changed: of those whose flags
 * @went: of those that are gone
 *
 * Brings a folder up to date, and sees that this is told, each once, and nothing else.
 */
void
scene_expect (Scene *self, const Place *place, const char *came, const char *changed, const char *went)
{
  Mirror *mirror = device_pull (self->me, place->mine, SUREL_PULL_CHANGES);
  g_autofree char *they_came = mirror_list (mirror->came);
  g_autofree char *they_changed = mirror_list (mirror->changed);
  g_autofree char *they_went = mirror_list (mirror->went);

  g_assert_cmpstr (they_came, ==, came);
  g_assert_cmpstr (they_changed, ==, changed);
  g_assert_cmpstr (they_went, ==, went);
}

/**
 * scene_see_anew:
 *
 * Returns: (transfer full): what a third device, which knows nothing yet, sees there
 */
char *
scene_see_anew (const Place *place)
{
  g_autoptr (Device) device = device_new (stage_open_remote (STAGE_ANOTHER));
  g_autofree char *folder = device_need (device, place->name);

  return mirror_describe (device_pull (device, folder, SUREL_PULL_CHANGES));
}
