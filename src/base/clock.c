/* All time comes from here, so that tests can drive it. */
#include "base/clock.h"

#include <time.h>

static gint64 test_now = -1;
static gint64 test_monotonic = -1;

/**
 * surel_clock_now:
 *
 * Returns: seconds since the epoch, UTC
 */
gint64
surel_clock_now (void)
{
  gint64 set = __atomic_load_n (&test_now, __ATOMIC_RELAXED);

  return set >= 0 ? set : g_get_real_time () / G_USEC_PER_SEC;
}

/**
 * surel_clock_monotonic:
 *
 * Returns: microseconds on a clock that never goes back and goes on while the machine sleeps
 *   (`CLOCK_BOOTTIME`), so a time-out that passed in the sleep is seen at once
 */
gint64
surel_clock_monotonic (void)
{
  gint64 set = __atomic_load_n (&test_monotonic, __ATOMIC_RELAXED);
  struct timespec time;

  if (set >= 0)
    return set;
  clock_gettime (CLOCK_BOOTTIME, &time);
  return (gint64) time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

/**
 * surel_clock_wait:
 * @cancellable: what ends the wait
 * @ms: milliseconds, of the machine's own clock
 *
 * Has the thread wait; not the main one's.
 */
void
surel_clock_wait (GCancellable *cancellable, int ms)
{
  GPollFD fd;

  if (!g_cancellable_make_pollfd (cancellable, &fd))
    return;
  g_poll (&fd, 1, ms);
  g_cancellable_release_fd (cancellable);
}

/**
 * surel_clock_set_for_test:
 * @now: what surel_clock_now() shall give, or -1 for the real clock
 * @monotonic: what surel_clock_monotonic() shall give, or -1 for the real one
 *
 * For tests alone.
 */
void
surel_clock_set_for_test (gint64 now, gint64 monotonic)
{
  __atomic_store_n (&test_now, now, __ATOMIC_RELAXED);
  __atomic_store_n (&test_monotonic, monotonic, __ATOMIC_RELAXED);
}
