/* Preloaded into a daemon: its clock runs SUREL_TEST_SPEED times as fast, and what waits with poll() waits
 * as much shorter, so that a test needn't wait for minutes. */
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define REAL(name) (__extension__ (__typeof__ (&name)) dlsym (RTLD_NEXT, #name))
#define NANO 1000000000LL

static long long speed = 1;
static long long monotonic_start;
static long long boottime_start;

static long long
real_now (clockid_t clock)
{
  struct timespec time;

  REAL (clock_gettime) (clock, &time);
  return time.tv_sec * NANO + time.tv_nsec;
}

__attribute__ ((constructor)) static void
set_up (void)
{
  const char *text = getenv ("SUREL_TEST_SPEED");

  monotonic_start = real_now (CLOCK_MONOTONIC);
  boottime_start = real_now (CLOCK_BOOTTIME);
  if (text != NULL)
    speed = atoll (text);
}

int
clock_gettime (clockid_t clock, struct timespec *time)
{
  int result = REAL (clock_gettime) (clock, time);
  long long start = clock == CLOCK_MONOTONIC ? monotonic_start : clock == CLOCK_BOOTTIME ? boottime_start : 0;
  long long now;

  if (result != 0 || start == 0)
    return result;
  now = start + (time->tv_sec * NANO + time->tv_nsec - start) * speed;
  time->tv_sec = now / NANO;
  time->tv_nsec = now % NANO;
  return 0;
}

int
poll (struct pollfd *fds, nfds_t n, int timeout)
{
  return REAL (poll) (fds, n, timeout > 0 ? (int) ((timeout + speed - 1) / speed) : timeout);
}

/* The daemon waits by the monotonic clock alone. */
int
pthread_cond_timedwait (pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
  long long end = monotonic_start + (until->tv_sec * NANO + until->tv_nsec - monotonic_start) / speed;
  struct timespec time = { end / NANO, end % NANO };

  return REAL (pthread_cond_timedwait) (cond, mutex, &time);
}
