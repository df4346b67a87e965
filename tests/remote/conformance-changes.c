/* What people do, by the remote interface alone: messages that change, move, go and come, and folders; what another device
 * did before; and steps of which nobody heard what came. A lost answer is one that isn't looked at; where the server can be
 * made to, it never comes. */
#include "conformance.h"

#include <string.h>

#include "mime/mime-summary.h"

#define WORD "work" /* a user keyword that all servers may have: SOGo has it as a category */
#define RECEIVED 1700000000

static void
expect_elsewhere (const Place *place, const char *expected)
{
  g_autofree char *seen = scene_see_anew (place);

  g_assert_cmpstr (seen, ==, expected);
}

/* What I know is what is there, and is it after one more pull. */
static void
expect_same (Scene *s, const Place *place)
{
  g_autofree char *mine = NULL;
  g_autofree char *after = NULL;

  mine = mirror_describe (device_pull (s->me, place->mine, SUREL_PULL_CHANGES));
  after = mirror_describe (device_pull (s->me, place->mine, SUREL_PULL_CHANGES));
  g_assert_cmpstr (after, ==, mine);
  expect_elsewhere (place, mine);
}

/* --- Keywords --- */

static void
test_keywords (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 3);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  g_autofree char *two = g_strdup_printf ("%s %s", each[0], each[1]);
  g_autofree char *expected = g_strdup_printf ("%s[$seen $flagged] %s[$seen $flagged] %s", each[0], each[1], each[2]);
  SurelChange *change;

  scene_expect (s, &s->here, labels, "", "");
  change = device_change (s->me, SUREL_CHANGE_KEYWORDS, s->here.mine, two);
  change->add_flags = SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED;
  device_apply (s->me, change);
  expect_elsewhere (&s->here, expected);
  expect_same (s, &s->here);
  change = device_change (s->me, SUREL_CHANGE_KEYWORDS, s->here.mine, two);
  change->add_flags = 0;
  change->remove_flags = SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED;
  device_apply (s->me, change);
  expect_elsewhere (&s->here, labels);
  expect_same (s, &s->here);
}

/* What a server has no place for it doesn't drop: it is told to be kept here. */
static void
test_user_keywords (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 1);
  g_autoptr (SurelChange) change = NULL;
  g_autofree char *mine = NULL;
  const SurelChangeItem *item;
  guint here;

  scene_expect (s, &s->here, labels, "", "");
  change = device_change (s->me, SUREL_CHANGE_KEYWORDS, s->here.mine, labels);
  change->add_flags = SUREL_KEYWORD_SEEN | SUREL_KEYWORD_ANSWERED;
  g_free (change->add_words);
  change->add_words = g_strdup (WORD);
  device_try_apply (s->me, change);
  item = surel_change_item (change, 0);
  g_assert_cmpint (item->outcome, ==, SUREL_OUTCOME_DONE);
  g_assert_cmpuint (item->here_flags & SUREL_KEYWORD_SEEN, ==, 0);
  mine = mirror_describe (device_mirror (s->me, s->here.mine)); /* without what is kept here */
  expect_elsewhere (&s->here, mine);
  here = item->here_flags;
  g_assert_cmpuint (mirror_find (device_mirror (s->me, s->here.mine), labels)->flags | here, ==,
                    SUREL_KEYWORD_SEEN | SUREL_KEYWORD_ANSWERED);
  expect_same (s, &s->here);
}

/* --- Moving and destroying --- */

static SurelChange *
make_change (Scene *s, SurelChangeKind kind, const char *labels)
{
  SurelChange *change = device_change (s->me, kind, s->here.mine, labels);

  if (kind == SUREL_CHANGE_MOVE)
    device_set_target (s->me, change, s->there.mine);
  if (kind == SUREL_CHANGE_KEYWORDS)
    change->add_flags = SUREL_KEYWORD_SEEN;
  return change;
}

static void
test_move (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 3);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  g_autofree char *two = g_strdup_printf ("%s %s", each[0], each[2]);
  g_autoptr (SurelChange) change = NULL;
  Mirror *there;

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  change = make_change (s, SUREL_CHANGE_MOVE, two);
  device_try_apply (s->me, change);
  expect_elsewhere (&s->here, each[1]);
  expect_elsewhere (&s->there, two);
  scene_expect (s, &s->there, two, "", "");
  expect_same (s, &s->here);
  there = device_mirror (s->me, s->there.mine);
  for (guint i = 0; i < 2; i++)
    {
      const SurelChangeItem *item = surel_change_item (change, i);
      const MirrorMessage *known = mirror_find (there, each[2 * i]);

      g_assert_cmpint (item->outcome, ==, SUREL_OUTCOME_DONE);
      g_assert_cmpuint (known->identity, ==, item->identity);
      if (!surel_remote_id_is_known (&item->new_remote_id))
        continue;
      g_assert_cmpint (known->remote_id.number, ==, item->new_remote_id.number);
      g_assert_cmpstr (known->remote_id.text, ==, item->new_remote_id.text);
    }
}

/* Also where another one is marked by somebody: it isn't ours to take out. */
static void
test_destroy (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 4);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  g_autofree char *two = g_strdup_printf ("%s %s", each[1], each[3]);
  g_autofree char *left = g_strdup_printf ("%s %s", each[0], each[2]);

  scene_expect (s, &s->here, labels, "", "");
  device_apply (s->me, device_change (s->me, SUREL_CHANGE_DESTROY, s->here.mine, two));
  expect_elsewhere (&s->here, left);
  expect_same (s, &s->here);
}

/* --- What another device did before --- */

static void
destroy_elsewhere (Scene *s, const char *labels)
{
  device_apply (s->other, device_change (s->other, SUREL_CHANGE_DESTROY, s->here.theirs, labels));
}

static gboolean
take_piece (const void *data, gsize length, gpointer user_data, GError **error G_GNUC_UNUSED)
{
  g_byte_array_append (user_data, data, (guint) length);
  return TRUE;
}

/* Whether the server has it still, to those who know its id. */
static gboolean
is_only_hidden (Scene *s, const char *label)
{
  g_autoptr (SurelRemote) remote = stage_open_remote (STAGE_ME);
  const MirrorMessage *known = mirror_find (device_mirror (s->me, s->here.mine), label);
  SurelScope scope = device_scope (s->me, s->here.mine);
  g_autoptr (GByteArray) octets = g_byte_array_new ();

  return surel_remote_fetch (remote, &scope, &known->remote_id, take_piece, octets, NULL, NULL);
}

static void
expect_not_done (SurelChange *change, guint i)
{
  if (change->error != NULL)
    g_assert_error (change->error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
  g_assert_cmpint (surel_change_item (change, i)->outcome, ==, SUREL_OUTCOME_NOT_DONE);
}

/* It says that nothing was done with what is gone, or, where it was to go, that it is as it was to be. The others aren't held
 * up. */
static void
change_gone (Scene *s, SurelChangeKind kind)
{
  g_autofree char *labels = scene_give (s, 2);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  g_autofree char *seen = g_strdup_printf ("%s[$seen]", each[1]);
  g_autoptr (SurelChange) change = NULL;

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  change = make_change (s, kind, labels);
  destroy_elsewhere (s, each[0]);
  if (kind == SUREL_CHANGE_MOVE && is_only_hidden (s, each[0]))
    {
      g_test_skip ("the server hides what is destroyed, and moves it when it is asked to");
      return;
    }
  device_try_apply (s->me, change);
  if (kind != SUREL_CHANGE_DESTROY || surel_change_item (change, 0)->outcome != SUREL_OUTCOME_DONE)
    expect_not_done (change, 0);
  g_assert_cmpint (surel_change_item (change, 1)->outcome, ==, SUREL_OUTCOME_DONE);
  expect_elsewhere (&s->here, kind == SUREL_CHANGE_KEYWORDS ? seen : "");
  expect_elsewhere (&s->there, kind == SUREL_CHANGE_MOVE ? each[1] : "");
  expect_same (s, &s->here);
  expect_same (s, &s->there);
}

static void
test_keywords_of_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  change_gone (s, SUREL_CHANGE_KEYWORDS);
}

static void
test_move_of_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  change_gone (s, SUREL_CHANGE_MOVE);
}

static void
test_destroy_of_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  change_gone (s, SUREL_CHANGE_DESTROY);
}

static void
test_source_is_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  static const SurelChangeKind kinds[] = { SUREL_CHANGE_KEYWORDS, SUREL_CHANGE_MOVE, SUREL_CHANGE_DESTROY };
  g_autofree char *labels = scene_give (s, 1);

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  destroy_elsewhere (s, labels);
  device_apply (s->other, device_change_folder (s->other, SUREL_CHANGE_DELETE_FOLDER, s->here.theirs, NULL, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (SurelChange) change = make_change (s, kinds[i], labels);

      device_try_apply (s->me, change);
      g_assert_nonnull (change->error);
      expect_not_done (change, 0);
    }
  scene_expect (s, &s->there, "", "", ""); /* it is usable still */
}

/* What it was to go to isn't there: it stays where it is. */
static void
test_target_is_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 2);
  g_autoptr (SurelChange) change = NULL;
  g_autofree char *more = NULL;

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  change = make_change (s, SUREL_CHANGE_MOVE, labels);
  device_pull (s->other, s->there.theirs, SUREL_PULL_CHANGES);
  device_apply (s->other, device_change_folder (s->other, SUREL_CHANGE_DELETE_FOLDER, s->there.theirs, NULL, NULL));
  device_try_apply (s->me, change);
  g_assert_error (change->error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (surel_change_item (change, i)->outcome, ==, SUREL_OUTCOME_NOT_DONE);
  expect_elsewhere (&s->here, labels);
  more = scene_give (s, 1);
  scene_expect (s, &s->here, more, "", "");
}

/* --- Putting --- */

static void
add_octets (SurelChange *change, const char *label)
{
  char *text = g_strdup_printf ("From: Sender <sender@surel.test>\r\nTo: alice@surel.test\r\nSubject: Put there\r\n"
                                "Message-ID: <%s@surel.test>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\nHello.\r\n",
                                label);
  g_autoptr (SurelMimeSummary) summary = surel_mime_summary_new (text, strlen (text));
  SurelMessage *message = surel_message_new ();
  SurelChangeItem item = { .received = RECEIVED, .flags = SUREL_KEYWORD_SEEN, .size = strlen (text) };

  surel_mime_summary_give (summary, message);
  message->received = item.received;
  message->size = item.size;
  item.identity = surel_message_fingerprint (message);
  item.likeness = surel_message_likeness (message);
  item.octets = g_bytes_new_take (text, strlen (text));
  surel_message_free (message);
  g_array_append_val (change->items, item);
}

/* Of two messages. */
static SurelChange *
make_append (Scene *s)
{
  SurelChange *change = surel_change_new ();

  change->kind = SUREL_CHANGE_APPEND;
  change->account = 1;
  device_set_target (s->me, change, s->here.mine);
  add_octets (change, "put1");
  add_octets (change, "put2");
  return change;
}

static void
test_append (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 1);
  g_autofree char *expected = g_strdup_printf ("%s put1[$seen] put2[$seen]", labels);
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  g_autoptr (SurelChange) change = NULL;
  g_autoptr (GError) error = NULL;
  const SurelChangeItem *item;
  SurelScope scope;

  scene_expect (s, &s->here, labels, "", "");
  change = make_append (s);
  device_try_apply (s->me, change);
  if (!scene_can (s, "append"))
    { /* then it says so, for good, and nothing is done */
      g_assert_error (change->error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED);
      for (guint i = 0; i < 2; i++)
        g_assert_cmpint (surel_change_item (change, i)->outcome, ==, SUREL_OUTCOME_REFUSED);
      expect_elsewhere (&s->here, labels);
      return;
    }
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (surel_change_item (change, i)->outcome, ==, SUREL_OUTCOME_DONE);
  expect_elsewhere (&s->here, expected);
  scene_expect (s, &s->here, "put1 put2", "", "");
  item = surel_change_item (change, 1);
  g_assert_cmpint (mirror_find (device_mirror (s->me, s->here.mine), "put2")->remote_id.number, ==, item->new_remote_id.number);
  scope = device_scope (s->me, s->here.mine);
  surel_remote_fetch (s->me->remote, &scope, &item->new_remote_id, take_piece, octets, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (octets->data, octets->len, g_bytes_get_data (item->octets, NULL), item->size);
}

/* --- Steps that can't be repeated --- */

/* It is done, and nobody hears of it. */
static void
lose (Scene *s, Step *step)
{
  g_autoptr (GError) error = NULL;

  if (stage_get_fake () != NULL)
    fake_server_lose_answer (stage_get_fake ());
  if (step_run (step, s->me, &error))
    g_assert_null (stage_get_fake ());
  else
    g_assert_error (error, SUREL_ERROR, SUREL_ERROR_OFFLINE);
  for (guint i = 0; error != NULL && i < step->change->items->len; i++)
    g_assert_cmpint (surel_change_item (step->change, i)->outcome, ==, SUREL_OUTCOME_OPEN);
  scene_reconnect (s);
}

static void
expect_done (Step *step)
{
  g_assert_no_error (step->again->error);
  for (guint i = 0; i < step->again->items->len; i++)
    g_assert_cmpint (surel_change_item (step->again, i)->outcome, ==, SUREL_OUTCOME_DONE);
}

static void
test_move_unanswered (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 3);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  g_autofree char *two = g_strdup_printf ("%s %s", each[0], each[1]);
  g_autoptr (Step) step = NULL;

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  step = step_new (make_change (s, SUREL_CHANGE_MOVE, two));
  lose (s, step);
  g_assert_cmpuint (step->asked, ==, 1);
  step_resume (step, s->me);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (surel_change_item (step->again, i)->outcome, ==, SUREL_OUTCOME_DONE);
  expect_elsewhere (&s->here, each[2]);
  expect_elsewhere (&s->there, two);
  expect_same (s, &s->here);
  scene_expect (s, &s->there, two, "", "");
}

/* The step was noted, and what came of it isn't known: nothing did. */
static void
test_move_not_made (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 2);
  g_autoptr (GError) error = NULL;
  g_autoptr (Step) step = NULL;

  scene_make_there (s);
  scene_expect (s, &s->here, labels, "", "");
  step = step_new (make_change (s, SUREL_CHANGE_MOVE, labels));
  step->forbid = TRUE;
  g_assert_false (step_run (step, s->me, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL);
  g_assert_cmpuint (step->asked, ==, 1);
  expect_elsewhere (&s->here, labels);
  expect_elsewhere (&s->there, "");
  scene_reconnect (s);
  step_resume (step, s->me);
  expect_done (step);
  expect_elsewhere (&s->here, "");
  expect_elsewhere (&s->there, labels);
}

static void
test_append_unanswered (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 1);
  g_autofree char *expected = g_strdup_printf ("%s put1[$seen] put2[$seen]", labels);
  g_autoptr (Step) step = NULL;

  if (!scene_can (s, "append"))
    {
      g_test_skip ("nothing can be put there");
      return;
    }
  scene_expect (s, &s->here, labels, "", "");
  step = step_new (make_append (s));
  lose (s, step);
  g_assert_cmpuint (step->asked, ==, 1);
  step_resume (step, s->me);
  expect_done (step);
  expect_elsewhere (&s->here, expected);
  scene_expect (s, &s->here, "put1 put2", "", "");
}

static void
test_append_not_made (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 1);
  g_autofree char *expected = g_strdup_printf ("%s put1[$seen] put2[$seen]", labels);
  g_autoptr (GError) error = NULL;
  g_autoptr (Step) step = NULL;

  if (!scene_can (s, "append"))
    {
      g_test_skip ("nothing can be put there");
      return;
    }
  scene_expect (s, &s->here, labels, "", "");
  step = step_new (make_append (s));
  step->forbid = TRUE;
  g_assert_false (step_run (step, s->me, &error));
  g_assert_error (error, SUREL_ERROR, SUREL_ERROR_STORAGE_FULL);
  expect_elsewhere (&s->here, labels);
  scene_reconnect (s);
  step_resume (step, s->me);
  expect_done (step);
  expect_elsewhere (&s->here, expected);
}

/* What can be repeated is, with what was known before. */
static void
test_repeated (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *labels = scene_give (s, 3);
  g_auto (GStrv) each = g_strsplit (labels, " ", -1);
  g_autofree char *expected = g_strdup_printf ("%s[$seen] %s", each[0], each[2]);
  SurelChange *change;

  scene_expect (s, &s->here, labels, "", "");
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (Step) step = NULL;

      change = device_change (s->me, i == 0 ? SUREL_CHANGE_KEYWORDS : SUREL_CHANGE_DESTROY, s->here.mine, each[i]);
      change->add_flags = i == 0 ? SUREL_KEYWORD_SEEN : 0;
      step = step_new (change);
      lose (s, step);
      g_assert_cmpuint (step->asked, ==, 0);
      step_resume (step, s->me);
      expect_same (s, &s->here);
    }
  expect_elsewhere (&s->here, expected);
}

/* --- Folders --- */

static void
test_folders (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *name = scene_new_name ("Made");
  g_autofree char *inner_name = scene_new_name ("Inner");
  g_autofree char *renamed = scene_new_name ("Renamed");
  g_autofree char *made = NULL;
  g_autofree char *inner = NULL;
  const SurelFolderEntry *entry;

  if (!scene_can (s, "folders"))
    {
      g_test_skip ("folders can't be changed there");
      return;
    }
  device_apply (s->me, device_change_folder (s->me, SUREL_CHANGE_CREATE_FOLDER, NULL, name, NULL));
  made = device_need (s->me, name);
  device_apply (s->me, device_change_folder (s->me, SUREL_CHANGE_CREATE_FOLDER, NULL, inner_name, made));
  device_list (s->other);
  entry = device_find (s->other, inner_name);
  g_assert_nonnull (entry);
  g_assert_cmpstr (entry->parent_remote_id, ==, device_find (s->other, name)->remote_id);
  device_apply (s->me, device_change_folder (s->me, SUREL_CHANGE_RENAME_FOLDER, made, renamed, NULL));
  g_free (made);
  made = device_need (s->me, renamed);
  inner = device_need (s->me, inner_name);
  device_list (s->other);
  g_assert_null (device_find (s->other, name));
  entry = device_find (s->other, inner_name);
  g_assert_cmpstr (entry->parent_remote_id, ==, device_find (s->other, renamed)->remote_id);
  device_apply (s->me, device_change_folder (s->me, SUREL_CHANGE_DELETE_FOLDER, inner, NULL, NULL));
  device_apply (s->me, device_change_folder (s->me, SUREL_CHANGE_DELETE_FOLDER, made, NULL, NULL));
  device_list (s->other);
  g_assert_null (device_find (s->other, inner_name));
  g_assert_null (device_find (s->other, renamed));
  device_list (s->me);
  g_assert_null (device_find (s->me, renamed));
}

/* What a folder is called and what it is named in the answer are the same. */
static void
test_folder_ids (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *name = scene_new_name ("Grün & Blau");
  g_autofree char *renamed = scene_new_name ("Rot");
  g_autoptr (SurelChange) create = device_change_folder (s->me, SUREL_CHANGE_CREATE_FOLDER, NULL, name, NULL);
  g_autoptr (SurelChange) rename = NULL;
  g_autofree char *made = NULL;
  g_autofree char *after = NULL;

  device_try_apply (s->me, create);
  g_assert_no_error (create->error);
  made = device_need (s->me, name);
  g_assert_cmpstr (create->new_folder_id, ==, made);
  rename = device_change_folder (s->me, SUREL_CHANGE_RENAME_FOLDER, made, renamed, NULL);
  device_try_apply (s->me, rename);
  g_assert_no_error (rename->error);
  after = device_need (s->me, renamed);
  g_assert_cmpstr (rename->new_folder_id, ==, after);
}

static void
test_folder_steps_unanswered (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *name = scene_new_name ("Made");
  g_autofree char *renamed = scene_new_name ("Renamed");
  g_autofree char *made = NULL;

  for (guint i = 0; i < 3; i++)
    {
      static const SurelChangeKind kinds[]
          = { SUREL_CHANGE_CREATE_FOLDER, SUREL_CHANGE_RENAME_FOLDER, SUREL_CHANGE_DELETE_FOLDER };
      const char *now = i == 0 ? name : i == 1 ? renamed : NULL;
      g_autoptr (Step) step = step_new (device_change_folder (s->me, kinds[i], made, now, NULL));

      lose (s, step);
      step_resume (step, s->me);
      expect_done (step);
      if (now == NULL)
        continue;
      g_free (made);
      made = device_need (s->me, now);
      g_assert_cmpstr (step->again->new_folder_id, ==, made);
    }
  device_list (s->other);
  g_assert_null (device_find (s->other, name));
  g_assert_null (device_find (s->other, renamed));
}

/* What nobody has named isn't destroyed with its folder. */
static void
test_folder_is_in_use (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr (SurelChange) change = NULL;
  g_autofree char *labels = NULL;

  scene_expect (s, &s->here, "", "", "");
  labels = scene_give (s, 1);
  change = device_change_folder (s->me, SUREL_CHANGE_DELETE_FOLDER, s->here.mine, NULL, NULL);
  device_try_apply (s->me, change);
  g_assert_error (change->error, SUREL_ERROR, SUREL_ERROR_CONFLICT);
  g_assert_cmpint (surel_change_item (change, 0)->outcome, ==, SUREL_OUTCOME_REFUSED);
  expect_elsewhere (&s->here, labels);
}

/* Another device has deleted it before. */
static void
test_folder_is_gone (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *renamed = scene_new_name ("Renamed");
  g_autoptr (SurelChange) rename = NULL;
  g_autoptr (SurelChange) deletion = NULL;
  g_autofree char *labels = NULL;

  scene_make_there (s);
  device_pull (s->other, s->there.theirs, SUREL_PULL_CHANGES);
  device_apply (s->other, device_change_folder (s->other, SUREL_CHANGE_DELETE_FOLDER, s->there.theirs, NULL, NULL));
  rename = device_change_folder (s->me, SUREL_CHANGE_RENAME_FOLDER, s->there.mine, renamed, NULL);
  device_try_apply (s->me, rename);
  g_assert_error (rename->error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
  g_assert_cmpint (surel_change_item (rename, 0)->outcome, !=, SUREL_OUTCOME_DONE);
  /* It may have been renamed, for all that some servers tell: then the list does. */
  deletion = device_change_folder (s->me, SUREL_CHANGE_DELETE_FOLDER, s->there.mine, NULL, NULL);
  device_try_apply (s->me, deletion);
  if (surel_change_item (deletion, 0)->outcome != SUREL_OUTCOME_DONE)
    {
      g_assert_cmpint (surel_change_item (deletion, 0)->outcome, ==, SUREL_OUTCOME_NOT_DONE);
      g_assert_error (deletion->error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
    }
  device_list (s->me);
  g_assert_null (device_find (s->me, s->there.name));
  g_assert_null (device_find (s->me, renamed));
  labels = scene_give (s, 1);
  scene_expect (s, &s->here, labels, "", "");
}

static void
test_reserved_name (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *reserved = surel_remote_get_reserved (s->me->remote);
  g_autofree char *name = NULL;
  g_autoptr (SurelChange) change = NULL;

  if (reserved[0] == '\0')
    {
      g_test_skip ("a folder can have any name");
      return;
    }
  name = g_strdup_printf ("A%sB", reserved);
  change = device_change_folder (s->me, SUREL_CHANGE_CREATE_FOLDER, NULL, name, NULL);
  device_try_apply (s->me, change);
  g_assert_error (change->error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT);
  g_assert_cmpint (surel_change_item (change, 0)->outcome, ==, SUREL_OUTCOME_REFUSED);
  device_list (s->me);
  g_assert_null (device_find (s->me, "A"));
}

static void
test_subscriptions (Scene *s, gconstpointer data G_GNUC_UNUSED)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (SurelChange) change = device_change_folder (s->me, SUREL_CHANGE_SUBSCRIBE_FOLDER, s->here.mine, NULL, NULL);
      SurelOutcome expected = scene_can (s, "subscriptions") ? SUREL_OUTCOME_DONE : SUREL_OUTCOME_REFUSED;

      change->subscribed = i == 1;
      device_try_apply (s->me, change);
      g_assert_cmpint (surel_change_item (change, 0)->outcome, ==, expected);
      device_list (s->other);
      if (expected == SUREL_OUTCOME_DONE)
        g_assert_cmpint (device_find (s->other, s->here.name)->subscribed, ==, change->subscribed);
      else
        g_assert_error (change->error, SUREL_ERROR, SUREL_ERROR_NOT_SUPPORTED);
    }
}

void
conformance_add_changes (void)
{
  conformance_add ("/change/keywords", test_keywords);
  conformance_add ("/change/user-keywords", test_user_keywords);
  conformance_add ("/change/move", test_move);
  conformance_add ("/change/destroy-only-what-is-named", test_destroy);
  conformance_add ("/change/append", test_append);
  conformance_add ("/change/repeated", test_repeated);
  conformance_add ("/gone/keywords", test_keywords_of_gone);
  conformance_add ("/gone/move", test_move_of_gone);
  conformance_add ("/gone/destroy", test_destroy_of_gone);
  conformance_add ("/gone/source", test_source_is_gone);
  conformance_add ("/gone/target", test_target_is_gone);
  conformance_add ("/unanswered/move", test_move_unanswered);
  conformance_add ("/unanswered/append", test_append_unanswered);
  conformance_add ("/unanswered/folders", test_folder_steps_unanswered);
  conformance_add ("/forbidden/move", test_move_not_made);
  conformance_add ("/forbidden/append", test_append_not_made);
  conformance_add ("/folders/made-renamed-deleted", test_folders);
  conformance_add ("/folders/ids", test_folder_ids);
  conformance_add ("/folders/in-use", test_folder_is_in_use);
  conformance_add ("/folders/gone", test_folder_is_gone);
  conformance_add ("/folders/reserved-name", test_reserved_name);
  conformance_add ("/folders/subscribed", test_subscriptions);
}
