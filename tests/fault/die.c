/* Preloaded into a daemon: ends it at a step that a test has chosen. A step is what others can see or what lasts:
 * octets sent to a server or come from it, a file synced, named or removed. The file that SUREL_TEST_DIE names is
 * shared with the test: how many steps are left to live (0 for as many as there are), and how many there were. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* The next one in line, which may be a sanitizer's. */
#define REAL(name) (__extension__ (__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

typedef struct
{
  int32_t left;
  int32_t counted;
} Control;

static Control *control;

__attribute__ ((constructor)) static void
set_up (void)
{
  const char *path = getenv ("SUREL_TEST_DIE");
  int fd = path != NULL ? open (path, O_RDWR | O_CLOEXEC) : -1;
  void *memory = fd >= 0 ? mmap (NULL, sizeof (Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

  if (fd >= 0)
    close (fd);
  if (memory != MAP_FAILED)
    control = memory;
}

static void
step (void)
{
  if (control == NULL)
    return;
  __atomic_add_fetch (&control->counted, 1, __ATOMIC_SEQ_CST);
  if (control->left > 0 && __atomic_sub_fetch (&control->left, 1, __ATOMIC_SEQ_CST) == 0)
    raise (SIGKILL);
}

/* The bus is no server. */
static int
is_of_a_server (int fd)
{
  struct sockaddr_storage address = { 0 };
  socklen_t length = sizeof address;

  return getsockname (fd, (struct sockaddr *) &address, &length) == 0
         && (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

ssize_t
send (int fd, const void *data, size_t length, int flags)
{
  int counts = is_of_a_server (fd);
  ssize_t result;

  if (counts)
    step ();
  result = REAL (send) (fd, data, length, flags);
  if (counts)
    step ();
  return result;
}

ssize_t
sendmsg (int fd, const struct msghdr *message, int flags)
{
  int counts = is_of_a_server (fd);
  ssize_t result;

  if (counts)
    step ();
  result = REAL (sendmsg) (fd, message, flags);
  if (counts)
    step ();
  return result;
}

ssize_t
recv (int fd, void *data, size_t length, int flags)
{
  ssize_t result = REAL (recv) (fd, data, length, flags);

  if (result > 0 && is_of_a_server (fd))
    step ();
  return result;
}

int
fsync (int fd)
{
  int result;

  step ();
  result = REAL (fsync) (fd);
  step ();
  return result;
}

int
fdatasync (int fd)
{
  int result;

  step ();
  result = REAL (fdatasync) (fd);
  step ();
  return result;
}

int
rename (const char *from, const char *to)
{
  step ();
  return REAL (rename) (from, to);
}

int
unlink (const char *path)
{
  step ();
  return REAL (unlink) (path);
}
