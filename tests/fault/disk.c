/* Preloaded into a daemon: makes its disk full or broken at the word of a test. The file that
 * SUREL_TEST_DISK names is shared with the test: an errno to fail with (0 for none), and which calls
 * fail, as bits. Only files below the folder that SUREL_TEST_DISK lies beside are touched. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum
{
  WRITES = 1,
  SYNCS = 2,
  READS = 4,
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
