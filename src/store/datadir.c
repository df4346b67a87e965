/* The directory that holds a person's mail: theirs alone, no link to somewhere else, and in use by
 * one daemon at a time. */
#include "store/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errors.h"

static gboolean
refuse (const char *path, const char *why, GError **error)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_PERMISSION_DENIED,
               "The data directory %s is not used: %s", path, why);
  return FALSE;
}

/**
 * surel_data_dir_make:
 * @path: a directory
 *
 * Makes @path where it isn't there, and makes sure that it is a directory of the calling user's own,
 * not reached by a symbolic link, and that nobody else may enter it.
 *
 * Returns: %FALSE with %SUREL_ERROR_PERMISSION_DENIED, or what making it gave
 */
gboolean
surel_data_dir_make (const char *path, GError **error)
{
  struct stat status;
  int fd;

  if (g_mkdir_with_parents (path, 0700) != 0 && errno != EEXIST)
    {
      g_set_error (error, SUREL_ERROR,
                   errno == ENOSPC ? SUREL_ERROR_STORAGE_FULL : SUREL_ERROR_PERMISSION_DENIED,
                   "The data directory %s can't be made: %s", path, g_strerror (errno));
      return FALSE;
    }
  fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return refuse (path, errno == ELOOP || errno == ENOTDIR ? "it is a symbolic link or no directory"
                                                            : g_strerror (errno), error);
  if (fstat (fd, &status) != 0 || status.st_uid != geteuid ())
    {
      close (fd);
      return refuse (path, "it belongs to another user", error);
    }
  if ((status.st_mode & 0077) != 0 && fchmod (fd, 0700) != 0)
    {
      close (fd);
      return refuse (path, "others may enter it and that can't be changed", error);
    }
  close (fd);
  return TRUE;
}

/**
 * surel_data_dir_prepare:
 * @path: the data directory
 * @lock: (out): a descriptor that holds its lock for as long as it is open
 *
 * Makes the directory fit and locks it.
 *
 * Returns: %FALSE with %SUREL_ERROR_CONFLICT where another daemon uses it, or an error of
 *   surel_data_dir_make()
 */
gboolean
surel_data_dir_prepare (const char *path, int *lock, GError **error)
{
  g_autofree char *file = g_build_filename (path, "lock", NULL);

  if (!surel_data_dir_make (path, error))
    return FALSE;
  *lock = open (file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (*lock < 0)
    return refuse (path, g_strerror (errno), error);
  if (flock (*lock, LOCK_EX | LOCK_NB) != 0)
    {
      close (*lock);
      *lock = -1;
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_CONFLICT,
                   "Another sureld uses the data directory %s; stop that one first, or start this "
                   "one with --replace",
                   path);
      return FALSE;
    }
  return TRUE;
}
