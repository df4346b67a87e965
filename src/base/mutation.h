/* Faults that tests/converge has to find: a build with AddressSanitizer has the one that SUREL_MUTATION names. In
 * any other build there is nothing of them. */
#pragma once

#include <glib.h>

#if defined(__SANITIZE_ADDRESS__)
#define SUREL_HAS_MUTATIONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) /* clang */
#define SUREL_HAS_MUTATIONS 1
#endif
#endif

#ifdef SUREL_HAS_MUTATIONS
static inline gboolean
surel_mutation (const char *name)
{
  return g_strcmp0 (g_getenv ("SUREL_MUTATION"), name) == 0;
}
#else
#define surel_mutation(name) FALSE
#endif
