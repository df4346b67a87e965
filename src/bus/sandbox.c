/* Whether a process is in a Flatpak or a Snap, by what the kernel shows of it. */
#include "bus/sandbox.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
has_file (int root, const char *name)
{
  struct stat status;

  return fstatat (root, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static char *
read_file (const char *process, const char *name)
{
  g_autofree char *path = g_build_filename (process, name, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : g_strdup ("");
}

/**
 * surel_sandbox_contains:
 * @process: a process's folder in `/proc`
 *
 * A Flatpak has its description at the root its processes see; a Snap's processes are in a control group, and
 * where there is AppArmor have a label, of that name.
 *
 * Returns: whether the process is in one; %TRUE too where its root can't be looked at, for it isn't one of
 *   ours then
 */
gboolean
surel_sandbox_contains (const char *process)
{
  g_autofree char *root_path = g_build_filename (process, "root", NULL);
  g_autofree char *groups = read_file (process, "cgroup");
  g_autofree char *label = read_file (process, "attr/current");
  int root = open (root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
  gboolean is_flatpak;

  if (root < 0)
    return TRUE;
  is_flatpak = has_file (root, ".flatpak-info");
  close (root);
  return is_flatpak || strstr (groups, "/snap.") != NULL || g_str_has_prefix (label, "snap.");
}
