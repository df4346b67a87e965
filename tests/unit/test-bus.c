/* What of the bus can be tested without one. */
#include <glib/gstdio.h>

#include "bus/sandbox.h"

static void
put (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* A process's folder as the kernel shows it. */
static void
assert_contains (gboolean expected, const char *groups, const char *label, const char *file)
{
  g_autofree char *process = g_dir_make_tmp ("surel-process-XXXXXX", NULL);

  g_assert_nonnull (process);
  put (process, "root/etc", "");
  put (process, "cgroup", groups);
  if (label != NULL)
    put (process, "attr/current", label);
  if (file != NULL)
    put (process, file, "");
  g_assert_true (surel_sandbox_contains (process) == expected);
}

static void
test_sandboxes_are_told_by_what_the_kernel_shows (void)
{
  const char *session = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice\n";

  assert_contains (FALSE, session, NULL, NULL);
  assert_contains (FALSE, session, "unconfined\n", NULL);
  assert_contains (FALSE, session, "/usr/bin/evince (enforce)\n", NULL);
  assert_contains (TRUE, session, NULL, "root/.flatpak-info");
  assert_contains (TRUE, session, "snap.thunderbird.thunderbird (enforce)\n", NULL);
  assert_contains (TRUE, "0::/user.slice/user-1000.slice/user@1000.service/app.slice/snap.thunderbird.thunderbird-1.scope\n",
                   NULL, NULL);
  assert_contains (TRUE, "9:freezer:/snap.thunderbird\n0::/\n", NULL, NULL);
  g_assert_true (surel_sandbox_contains ("/nonexistent/1"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/bus/sandboxes-are-told-by-what-the-kernel-shows", test_sandboxes_are_told_by_what_the_kernel_shows);
  return g_test_run ();
}
