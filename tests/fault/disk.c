/* Preloaded into a daemon: makes its disk full or broken at the word of a test. The file that
 * SUREL_TEST_DISK names is shared with the test: an errno to fail with (0 for none), and which calls
 * fail, as bits. Only files below the folder that SUREL_TEST_DISK lies beside are touched. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum
{
  WRITES = 1,
  SYNCS = 2,
  READS = 4,
  CHANGES = 8, /* of what the folder holds: opening to write, making, naming and removing */
  CONTENT = 16, /* reading what isn't the database */
};

typedef struct
{
  volatile int32_t error;
  volatile int32_t calls;
} Control;

static Control *control;
static char folder[4096]; /* with its slash */

__attribute__ ((constructor)) static void
set_up (void)
{
  const char *path = getenv ("SUREL_TEST_DISK");
  int fd = path != NULL ? open (path, O_RDWR | O_CLOEXEC) : -1;
  void *memory = fd >= 0 ? mmap (NULL, sizeof (Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

  if (fd >= 0)
    close (fd);
  if (memory == MAP_FAILED || realpath (path, folder) == NULL)
    return;
  strrchr (folder, '/')[1] = '\0';
  control = memory;
}

static int
fails (int fd, int call)
{
  char link[64];
  char path[4096];
  ssize_t length;

  if (control == NULL || control->error == 0 || (control->calls & call) == 0)
    return 0;
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink (link, path, sizeof path);
  if (length < (ssize_t) strlen (folder) || strncmp (path, folder, strlen (folder)) != 0)
    return 0;
  errno = control->error;
  return 1;
}

/* The next one in line, which may be a sanitizer's. */
#define REAL(name) (__extension__ (__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

ssize_t
write (int fd, const void *data, size_t length)
{
  return fails (fd, WRITES) ? -1 : REAL (write) (fd, data, length);
}

ssize_t
pwrite64 (int fd, const void *data, size_t length, off64_t offset)
{
  return fails (fd, WRITES) ? -1 : REAL (pwrite64) (fd, data, length, offset);
}

ssize_t
read (int fd, void *data, size_t length)
{
  return fails (fd, CONTENT) ? -1 : REAL (read) (fd, data, length);
}

ssize_t
pread64 (int fd, void *data, size_t length, off64_t offset)
{
  return fails (fd, READS) ? -1 : REAL (pread64) (fd, data, length, offset);
}

int
fsync (int fd)
{
  return fails (fd, SYNCS) ? -1 : REAL (fsync) (fd);
}

int
fdatasync (int fd)
{
  return fails (fd, SYNCS) ? -1 : REAL (fdatasync) (fd);
}

int
ftruncate64 (int fd, off64_t length)
{
  return fails (fd, WRITES) ? -1 : REAL (ftruncate64) (fd, length);
}

static int
name_fails (const char *path)
{
  if (control == NULL || control->error == 0 || (control->calls & CHANGES) == 0
      || strncmp (path, folder, strlen (folder)) != 0)
    return 0;
  errno = control->error;
  return 1;
}

/* What is built for large files, as all of ours is, calls no other. */
int
open64 (const char *path, int flags, ...)
{
  va_list arguments;
  mode_t mode;

  va_start (arguments, flags);
  mode = (flags & O_CREAT) != 0 ? va_arg (arguments, mode_t) : 0;
  va_end (arguments);
  if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0 && name_fails (path))
    return -1;
  return REAL (open64) (path, flags, mode);
}

int
mkdir (const char *path, mode_t mode)
{
  return name_fails (path) ? -1 : REAL (mkdir) (path, mode);
}

int
unlink (const char *path)
{
  return name_fails (path) ? -1 : REAL (unlink) (path);
}

int
rename (const char *from, const char *to)
{
  return name_fails (from) || name_fails (to) ? -1 : REAL (rename) (from, to);
}
