/* What every protocol has to do alike: cases against the remote interface alone, on whatever server stage.c is told. What a
 * protocol can't do its capabilities say. The account is seen by two devices; what one does the other has to hear of, once.
 * What people do, and its answers that are lost, is in conformance-changes.c. */
#include "conformance.h"

#include <string.h>

#define SECONDS 60 /* that a server may take to tell of a change */

/* --- Folders are listed --- */

static void
test_list (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const roles[] = { "drafts", "sent", "trash" };
  g_autofree char *first = device_describe_list (s->me);
  g_autofree char *second = NULL;
  const SurelFolderEntry *inbox = device_find_role (s->me, "inbox");

  g_assert_nonnull (inbox);
  g_assert_true (inbox->selectable);
  for (guint i = 0; i < G_N_ELEMENTS (roles); i++)
    g_assert_nonnull (device_find_role (s->me, roles[i]));
  device_list (s->me); /* with the last one's token */
  second = device_describe_list (s->me);
  g_assert_cmpstr (second, ==, first);
}

static void
test_list_anew (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *name = scene_new_name ("Other's");
  g_autofree char *theirs = NULL;

  device_apply (s->other, device_change_folder (s->other, SUREL_CHANGE_CREATE_FOLDER, NULL, name, NULL));
  theirs = device_need (s->other, name);
  scene_reconnect (s);
  device_list (s->me);
  g_assert_nonnull (device_find (s->me, name));
  device_apply (s->other, device_change_folder (s->other, SUREL_CHANGE_DELETE_FOLDER, theirs, NULL, NULL));
  device_list (s->me);
  g_assert_null (device_find (s->me, name));
  g_assert_nonnull (device_find (s->me, s->here.name));
}

/* --- Signing in --- */

static void
test_wrong_password (Scene *s G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (SurelRemote) remote = stage_new_remote (STAGE_ME, "not the password");
  g_autoptr (SurelCertificate) rejected = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (surel_remote_open (remote, &rejected, NULL, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_AUTHENTICATION_FAILED);
  g_assert_null (rejected);
}

static void
test_capabilities (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  SurelQuota quota = { 1, 1, 1, 1 };
  g_autoptr (GError) error = NULL;

  surel_remote_read_quota (s->me->remote, &quota, NULL, &error);
  g_assert_no_error (error);
  if (!scene_can (s, "quota"))
    g_assert_cmpint (quota.limit, ==, -1);
}

/* --- Folders are pulled --- */

static void
change_keywords (Device *device, const char *folder, const char *labels, guint add, guint remove)
{
  SurelChange *change = device_change (device, SUREL_CHANGE_KEYWORDS, folder, labels);

  change->add_flags = add;
  change->remove_flags = remove;
  device_apply (device, change);
}

static void
destroy (Device *device, const char *folder, const char *labels)
{
  device_apply (device, device_change (device, SUREL_CHANGE_DESTROY, folder, labels));
}

static void
test_from_nothing (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 3);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  g_autofree char *expected = g_strdup_printf ("%s[$seen] %s[$flagged] %s", each[0], each[1], each[2]);
  g_autofree char *seen = NULL;

  change_keywords (s->other, s->here.theirs, each[0], SUREL_KEYWORD_SEEN, 0);
  change_keywords (s->other, s->here.theirs, each[1], SUREL_KEYWORD_FLAGGED, 0);
  scene_expect (s, &s->here, labels, "", "");
  seen = mirror_describe (device_mirror (s->me, s->here.mine));
  g_assert_cmpstr (seen, ==, expected);
  g_assert_true (device_mirror (s->me, s->here.mine)->proven);
  g_assert_false (device_mirror (s->me, s->here.mine)->restarted);
}

static void
test_empty (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  scene_expect (s, &s->here, "", "", "");
  scene_expect (s, &s->here, "", "", "");
}

static void
test_nothing_new (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 3);

  scene_expect (s, &s->here, labels, "", "");
  scene_expect (s, &s->here, "", "", "");
  scene_reconnect (s);
  scene_expect (s, &s->here, "", "", "");
}

static void
test_new_elsewhere (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *before = scene_give (s, 2);
  g_autofree char *after = NULL;

  scene_expect (s, &s->here, before, "", "");
  after = scene_give (s, 2);
  scene_expect (s, &s->here, after, "", "");
  scene_expect (s, &s->here, "", "", "");
}

static void
test_flags_elsewhere (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 2);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  MirrorMessage *known;

  scene_expect (s, &s->here, labels, "", "");
  change_keywords (s->other, s->here.theirs, each[0], SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED, 0);
  scene_expect (s, &s->here, "", each[0], "");
  known = mirror_find (device_mirror (s->me, s->here.mine), each[0]);
  g_assert_cmpuint (known->flags, ==, SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED);
  change_keywords (s->other, s->here.theirs, each[0], 0, SUREL_KEYWORD_SEEN);
  scene_expect (s, &s->here, "", each[0], "");
  g_assert_cmpuint (known->flags, ==, SUREL_KEYWORD_FLAGGED);
  scene_expect (s, &s->here, "", "", "");
}

static void
test_destroyed_elsewhere (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 3);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);

  scene_expect (s, &s->here, labels, "", "");
  destroy (s->other, s->here.theirs, each[1]);
  scene_expect (s, &s->here, "", "", each[1]);
  scene_expect (s, &s->here, "", "", "");
}

static void
test_moved_elsewhere (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 2);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  SurelChange *change;
  guint64 identity;

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  identity = mirror_find (device_mirror (s->me, s->here.mine), each[0])->identity;
  change = device_change (s->other, SUREL_CHANGE_MOVE, s->here.theirs, each[0]);
  device_set_target (s->other, change, s->there.theirs);
  device_apply (s->other, change);
  scene_expect (s, &s->there, each[0], "", "");
  scene_expect (s, &s->here, "", "", each[0]);
  scene_expect (s, &s->there, "", "", "");
  g_assert_cmpuint (mirror_find (device_mirror (s->me, s->there.mine), each[0])->identity, ==, identity);
}

/* A list that says nothing changed is believed. */
static void
test_hint (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 2);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  SurelScope scope;

  for (guint i = 0; i < 4; i++)
    {
      device_pull (s->me, s->here.mine, SUREL_PULL_CHANGES);
      if (i == 0)
        change_keywords (s->other, s->here.theirs, each[0], SUREL_KEYWORD_SEEN, 0);
      else if (i == 1)
        change_keywords (s->other, s->here.theirs, each[0], 0, SUREL_KEYWORD_SEEN);
      else if (i == 2)
        destroy (s->other, s->here.theirs, each[1]);
      else
        g_free (scene_give (s, 1));
      device_list (s->me);
      scope = device_scope (s->me, s->here.mine);
      g_assert_true (surel_remote_needs_pull (s->me->remote, &scope));
    }
}

/* What was lost here is found, and what is known and isn't there is taken out. */
static void
test_prove (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 4);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  g_autofree char *seen = NULL;
  g_autofree char *expected = NULL;
  Mirror *mirror;

  scene_expect (s, &s->here, labels, "", "");
  mirror = device_mirror (s->me, s->here.mine);
  mirror_drop (mirror, &mirror_find (mirror, each[0])->remote_id);
  mirror_find (mirror, each[1])->flags = SUREL_KEYWORD_FLAGGED;
  change_keywords (s->other, s->here.theirs, each[2], SUREL_KEYWORD_SEEN, 0);
  destroy (s->other, s->here.theirs, each[3]);
  device_pull (s->me, s->here.mine, SUREL_PULL_PROVE);
  g_assert_true (mirror->proven);
  seen = mirror_describe (mirror);
  expected = scene_see_anew (&s->here);
  g_assert_cmpstr (seen, ==, expected);
  g_assert_nonnull (strstr (expected, "[$seen]"));
  scene_expect (s, &s->here, "", "", "");
}

static void
test_newest_first (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *many = device_need (s->me, STAGE_MANY);
  Mirror *mirror = device_mirror (s->me, many);
  g_autoptr (GError) error = NULL;
  guint newest;

  device_try_pull (s->me, many, SUREL_PULL_NEWEST, NULL, &error);
  g_assert_no_error (error);
  newest = mirror->came->len;
  g_assert_cmpuint (newest, >, 0);
  g_assert_cmpuint (newest, <=, 50);
  g_assert_false (mirror->synced);
  device_pull (s->me, many, SUREL_PULL_CHANGES);
  g_assert_cmpuint (mirror->came->len, ==, STAGE_COUNT - newest);
  g_assert_cmpuint (mirror_count (mirror), ==, STAGE_COUNT);
  device_pull (s->me, many, SUREL_PULL_NEWEST); /* from here on it is like all others */
  g_assert_cmpuint (mirror->came->len, ==, 0);
}

/* Whatever it ends in, nothing that is there is told to be gone. */
static void
pull_with_token (Scene *s, GBytes *token)
{
  Mirror *mirror = device_mirror (s->me, s->here.mine);
  g_autofree char *before = mirror_describe (mirror);
  g_autofree char *after = NULL;
  g_autofree char *went = NULL;
  g_autoptr (GError) error = NULL;
  gboolean success;

  scene_reconnect (s);
  g_clear_pointer (&mirror->token, g_bytes_unref);
  mirror->token = g_bytes_ref (token);
  success = device_try_pull (s->me, s->here.mine, SUREL_PULL_CHANGES, NULL, &error);
  g_assert_true (success || error->domain == SUREL_ERROR);
  went = mirror_list (mirror->went);
  g_assert_cmpstr (went, ==, "");
  after = mirror_describe (mirror);
  g_assert_cmpstr (after, ==, before);
}

static void
test_garbage_token (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const texts[] = { "garbage", "-1", "1 2 3 4 5 6 7 8", "f1 0 0" };
  g_autofree char *labels = scene_give (s, 3);

  scene_expect (s, &s->here, labels, "", "");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GBytes) token = g_bytes_new_static (texts[i], strlen (texts[i]));

      pull_with_token (s, token);
    }
}

static void
test_other_folders_token (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 3);

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  pull_with_token (s, device_mirror (s->me, s->there.mine)->token);
}

/* A server may have nothing to say of it (SOGo): the next list does. */
static void
test_folder_is_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = NULL;
  g_autoptr (GError) error = NULL;

  scene_make_there (s);
  device_pull (s->other, s->there.theirs, SUREL_PULL_CHANGES);
  device_apply (s->other, device_change_folder (s->other, SUREL_CHANGE_DELETE_FOLDER, s->there.theirs, NULL, NULL));
  if (!device_try_pull (s->me, s->there.mine, SUREL_PULL_CHANGES, NULL, &error))
    g_assert_true (g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND)
                   || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED));
  device_list (s->me); /* that says so, whatever the pull did */
  g_assert_null (device_find (s->me, s->there.name));
  labels = scene_give (s, 1);
  scene_expect (s, &s->here, labels, "", ""); /* it is usable still */
}

/* --- What breaks off --- */

static void
test_cancelled_before (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (device_try_pull (s->me, s->here.mine, SUREL_PULL_CHANGES, cancellable, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_CANCELLED);
  scene_reconnect (s);
  scene_expect (s, &s->here, labels, "", "");
}

/* What was taken before stays taken: the rest comes, and nothing twice. */
static void
test_cancelled_between (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *many = device_need (s->me, STAGE_MANY);
  Mirror *mirror = device_mirror (s->me, many);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  guint taken;

  mirror->cancel = cancellable;
  g_assert_false (device_try_pull (s->me, many, SUREL_PULL_CHANGES, cancellable, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_CANCELLED);
  taken = mirror->came->len;
  g_assert_cmpuint (taken, <, STAGE_COUNT);
  scene_reconnect (s);
  device_pull (s->me, many, SUREL_PULL_CHANGES);
  g_assert_cmpuint (taken + mirror->came->len, ==, STAGE_COUNT);
  g_assert_cmpuint (mirror_count (mirror), ==, STAGE_COUNT);
}

static void
test_sink_fails (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 2);
  g_autoptr (GError) error = NULL;

  device_mirror (s->me, s->here.mine)->fail = SUREL_ERROR_STORAGE_FULL;
  g_assert_false (device_try_pull (s->me, s->here.mine, SUREL_PULL_CHANGES, NULL, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL);
  scene_reconnect (s);
  scene_expect (s, &s->here, labels, "", "");
}

/* Where it can be made to fail: each call ends in each error, as it is said. */
static void
test_failures_come_through (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  static const SurelError codes[] = { SUREL_ERROR_OFFLINE, SUREL_ERROR_RATE_LIMITED, SUREL_ERROR_SERVER_MISBEHAVED };

  if (stage_get_fake () == NULL)
    {
      g_test_skip ("this server doesn't fail on purpose");
      return;
    }
  g_free (scene_give (s, 1));
  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      g_autoptr (GError) error = NULL;

      device_pull (s->me, s->here.mine, SUREL_PULL_CHANGES);
      fake_server_fail (stage_get_fake (), FAKE_PULL, 2, codes[i]);
      scene_expect (s, &s->here, "", "", "");
      g_assert_false (device_try_pull (s->me, s->here.mine, SUREL_PULL_CHANGES, NULL, &error));
      g_assert_error (error, SUREL_ERROR, (gint) codes[i]);
      scene_reconnect (s);
    }
}

/* --- Content --- */

typedef struct
{
  GByteArray *octets;
  guint pieces;
  gboolean fail;
} Content;

static gboolean
take_content (const void *data, gsize length, gpointer user_data, GError **error)
{
  Content *content = user_data;

  g_assert_cmpuint (length, >, 0);
  content->pieces++;
  g_byte_array_append (content->octets, data, (guint) length);
  if (content->fail)
    g_set_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL, "There is no room for it");
  return !content->fail;
}

static gboolean
fetch (Scene *s, const char *folder, const SurelRemoteId *id, Content *content, GError **error)
{
  SurelScope scope = device_scope (s->me, folder);

  *content = (Content){ g_byte_array_new (), 0, content->fail };
  return surel_remote_fetch (s->me->remote, &scope, id, take_content, content, NULL, error);
}

static void
test_fetch (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *folder = device_need (s->me, STAGE_LARGE);
  Mirror *mirror = device_pull (s->me, folder, SUREL_PULL_CHANGES);
  GBytes *large = stage_get_large ();
  Content content = { 0 };
  g_autoptr (GError) error = NULL;

  fetch (s, folder, &mirror_find (mirror, "m1000")->remote_id, &content, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (content.octets->data, content.octets->len, g_bytes_get_data (large, NULL), g_bytes_get_size (large));
  g_assert_cmpuint (content.pieces, >, 1);
  g_byte_array_unref (content.octets);
}

static void
test_fetch_stopped (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *folder = device_need (s->me, STAGE_LARGE);
  Mirror *mirror = device_pull (s->me, folder, SUREL_PULL_CHANGES);
  Content content = { .fail = TRUE };
  g_autoptr (GError) error = NULL;

  g_assert_false (fetch (s, folder, &mirror_find (mirror, "m1000")->remote_id, &content, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL);
  g_assert_cmpuint (content.pieces, ==, 1);
  g_byte_array_unref (content.octets);
}

static gboolean
has_label (const Content *content, const char *label)
{
  g_autofree char *field = g_strdup_printf ("Message-ID: <%s@surel.test>\r\n", label);

  return content->octets->len > 0 && g_strstr_len ((const char *) content->octets->data, content->octets->len, field) != NULL;
}

/* A server may hide what is destroyed, and give it still (SOGo does): then it is that message and no other. */
static void
test_fetch_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 2);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  Content content = { 0 };
  g_autoptr (GError) error = NULL;
  Mirror *mirror;

  scene_expect (s, &s->here, labels, "", "");
  mirror = device_mirror (s->me, s->here.mine);
  destroy (s->other, s->here.theirs, each[0]);
  scene_reconnect (s); /* a server may give what a connection has seen before */
  if (fetch (s, s->here.mine, &mirror_find (mirror, each[0])->remote_id, &content, &error))
    g_assert_true (has_label (&content, each[0]));
  else
    {
      g_assert_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
      g_assert_cmpuint (content.pieces, ==, 0);
    }
  g_byte_array_unref (content.octets);
  g_clear_error (&error);
  /* It is usable still. */
  fetch (s, s->here.mine, &mirror_find (mirror, each[1])->remote_id, &content, &error);
  g_assert_no_error (error);
  g_assert_true (has_label (&content, each[1]));
  g_byte_array_unref (content.octets);
  scene_expect (s, &s->here, "", "", each[0]);
}

static void
test_fetch_folder_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 1);
  Content content = { 0 };
  g_autoptr (GError) error = NULL;
  Mirror *mirror;

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  mirror = device_mirror (s->me, s->here.mine);
  destroy (s->other, s->here.theirs, labels);
  device_apply (s->other, device_change_folder (s->other, SUREL_CHANGE_DELETE_FOLDER, s->here.theirs, NULL, NULL));
  scene_reconnect (s);
  g_assert_false (fetch (s, s->here.mine, &mirror_find (mirror, labels)->remote_id, &content, &error));
  /* Some servers only say that they won't. */
  if (!g_error_matches (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED))
    g_assert_error (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
  g_assert_cmpuint (content.pieces, ==, 0);
  g_byte_array_unref (content.octets);
  scene_expect (s, &s->there, "", "", ""); /* it is usable still */
}

/* --- Waiting --- */

typedef struct
{
  const char *folder;
  GCancellable *wake;
  gint calls; /* how often it has returned; atomic */
  gint told; /* how often with a change; atomic */
  GError *error;
} Watch;

static gpointer
watch (gpointer data)
{
  Watch *self = data;
  g_autoptr (SurelRemote) remote = stage_open_remote (STAGE_ME);
  SurelScope scope = { .remote_id = self->folder };

  do
    {
      gboolean changed = FALSE;

      if (!surel_remote_wait (remote, &scope, SECONDS * G_USEC_PER_SEC, self->wake, &changed, &self->error))
        break;
      if (changed)
        g_atomic_int_inc (&self->told);
      g_atomic_int_inc (&self->calls);
    }
  while (!g_cancellable_is_cancelled (self->wake));
  g_atomic_int_set (&self->calls, G_MAXINT);
  return NULL;
}

static void
wait_until (gint *number, gint least)
{
  for (guint i = 0; i < SECONDS * 100 && g_atomic_int_get (number) < least; i++)
    g_usleep (10000);
  g_assert_cmpint (g_atomic_int_get (number), >=, least);
}

static void
test_wait (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *before = scene_give (s, 1);
  g_autofree char *after = NULL;
  g_autoptr (GCancellable) wake = g_cancellable_new ();
  Watch self = { .folder = s->here.mine, .wake = wake };
  gint64 begin;
  GThread *thread;
  gint told;

  scene_expect (s, &s->here, before, "", "");
  thread = g_thread_new ("watch", watch, &self);
  wait_until (&self.calls, 1); /* the first says so at once: from there on nothing is missed */
  if (g_error_matches (self.error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED))
    g_test_skip ("this server tells nothing by itself");
  else
    {
      told = g_atomic_int_get (&self.told);
      g_assert_cmpint (told, >=, 1);
      after = scene_give (s, 1);
      wait_until (&self.told, told + 1);
      scene_expect (s, &s->here, after, "", "");
      g_usleep (G_USEC_PER_SEC / 2); /* so that it waits again */
      begin = g_get_monotonic_time ();
      g_cancellable_cancel (wake);
      wait_until (&self.calls, G_MAXINT);
      g_assert_cmpint (g_get_monotonic_time () - begin, <, 10 * G_USEC_PER_SEC);
      g_assert_no_error (self.error);
    }
  g_thread_join (thread);
  g_clear_error (&self.error);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  stage_open ();
  conformance_add ("/list/inbox-and-roles", test_list);
  conformance_add ("/list/what-others-did", test_list_anew);
  conformance_add ("/open/wrong-password", test_wrong_password);
  conformance_add ("/open/capabilities", test_capabilities);
  conformance_add ("/pull/from-nothing", test_from_nothing);
  conformance_add ("/pull/empty-folder", test_empty);
  conformance_add ("/pull/nothing-new", test_nothing_new);
  conformance_add ("/pull/new-elsewhere", test_new_elsewhere);
  conformance_add ("/pull/flags-elsewhere", test_flags_elsewhere);
  conformance_add ("/pull/destroyed-elsewhere", test_destroyed_elsewhere);
  conformance_add ("/pull/moved-elsewhere", test_moved_elsewhere);
  conformance_add ("/pull/hint-tells-of-changes", test_hint);
  conformance_add ("/pull/prove", test_prove);
  conformance_add ("/pull/newest-first", test_newest_first);
  conformance_add ("/pull/garbage-token", test_garbage_token);
  conformance_add ("/pull/other-folders-token", test_other_folders_token);
  conformance_add ("/pull/folder-is-gone", test_folder_is_gone);
  conformance_add ("/pull/cancelled-before", test_cancelled_before);
  conformance_add ("/pull/cancelled-between", test_cancelled_between);
  conformance_add ("/pull/sink-fails", test_sink_fails);
  conformance_add ("/pull/failures-come-through", test_failures_come_through);
  conformance_add ("/fetch/octets", test_fetch);
  conformance_add ("/fetch/stopped", test_fetch_stopped);
  conformance_add ("/fetch/gone", test_fetch_gone);
  conformance_add ("/fetch/folder-is-gone", test_fetch_folder_gone);
  conformance_add ("/wait/change-and-wake", test_wait);
  conformance_add_changes ();
  status = g_test_run ();
  stage_close ();
  return status;
}
