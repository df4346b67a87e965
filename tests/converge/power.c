/* Preloaded into a daemon: keeps, of each file below SUREL_TEST_POWER_OF, what would be left after a power failure,
 * in the folder that SUREL_TEST_POWER names: a copy as of its last fsync, under its inode. So whoever kills the
 * daemon and puts the copies in place has cut the power, in the worst way there is: nothing that was not fsynced has
 * reached the disk. Names are kept as they are. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* The next one in line, which may be a sanitizer's. */
#define REAL(name) (__extension__ (__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

/* Whether the file is below the folder; sets what its copy is called. */
static int
find_copy (int fd, char *copy, size_t size)
{
  const char *folder = getenv ("SUREL_TEST_POWER_OF");
  const char *copies = getenv ("SUREL_TEST_POWER");
  struct stat status;
  char path[4096];
  char name[64];
  ssize_t length;

  if (folder == NULL || copies == NULL || fstat (fd, &status) != 0 || !S_ISREG (status.st_mode))
    return 0;
  snprintf (name, sizeof name, "/proc/self/fd/%d", fd);
  length = readlink (name, path, sizeof path - 1);
  if (length < (ssize_t) strlen (folder) || strncmp (path, folder, strlen (folder)) != 0)
    return 0;
  return snprintf (copy, size, "%s/%llu", copies, (unsigned long long) status.st_ino) < (int) size;
}

/* A copy that isn't whole is never seen: the daemon may be killed here, too. */
static void
keep (int fd)
{
  char copy[4096];
  char half[4200];
  char buffer[65536];
  off64_t offset = 0;
  ssize_t n;
  int out;

  if (!find_copy (fd, copy, sizeof copy))
    return;
  snprintf (half, sizeof half, "%s.%d", copy, gettid ()); /* two threads may be at it */
  out = open64 (half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0)
    abort ();
  while ((n = pread64 (fd, buffer, sizeof buffer, offset)) > 0)
    {
      if (write (out, buffer, (size_t) n) != n)
        abort ();
      offset += n;
    }
  if (n < 0 || close (out) != 0 || rename (half, copy) != 0)
    abort ();
}

int
fsync (int fd)
{
  int result = REAL (fsync) (fd);

  if (result == 0)
    keep (fd);
  return result;
}

int
fdatasync (int fd)
{
  int result = REAL (fdatasync) (fd);

  if (result == 0)
    keep (fd);
  return result;
}

/* Another file may get its inode. */
int
unlink (const char *path)
{
  char copy[4096];
  int fd = open64 (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd >= 0)
    {
      if (find_copy (fd, copy, sizeof copy))
        REAL (unlink) (copy);
      close (fd);
    }
  return REAL (unlink) (path);
}
