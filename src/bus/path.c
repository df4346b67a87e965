/* Object paths, made and read. */
#include "bus/path.h"

#include <string.h>

#define ACCOUNTS SUREL_PATH "/accounts/a"

char *
surel_path_of_account (gint64 account)
{
  return g_strdup_printf (ACCOUNTS "%" G_GINT64_FORMAT, account);
}

char *
surel_path_of_folder (gint64 account, gint64 folder)
{
  return g_strdup_printf (ACCOUNTS "%" G_GINT64_FORMAT "/folders/%" G_GINT64_FORMAT, account, folder);
}

char *
surel_path_of_job (guint64 job)
{
  return g_strdup_printf (SUREL_PATH "/jobs/%" G_GUINT64_FORMAT, job);
}

/* A number as it is written in a path: digits alone, no zero before others. */
static const char *
read_number (const char *p, gint64 *number)
{
  gint64 value = 0;
  const char *start = p;

  for (; g_ascii_isdigit (*p) && value < ((gint64) 1 << 53); p++)
    value = value * 10 + (*p - '0');
  *number = value;
  return p > start && *start != '0' ? p : NULL;
}

/**
 * surel_path_to_account:
 *
 * Returns: whether @path is an account's, be there one or not
 */
gboolean
surel_path_to_account (const char *path, gint64 *account)
{
  const char *rest
      = g_str_has_prefix (path, ACCOUNTS) ? read_number (path + strlen (ACCOUNTS), account) : NULL;

  return rest != NULL && *rest == '\0';
}

/**
 * surel_path_to_folder:
 *
 * Returns: whether @path is a folder's, be there one or not
 */
gboolean
surel_path_to_folder (const char *path, gint64 *account, gint64 *folder)
{
  const char *rest
      = g_str_has_prefix (path, ACCOUNTS) ? read_number (path + strlen (ACCOUNTS), account) : NULL;

  if (rest == NULL || !g_str_has_prefix (rest, "/folders/"))
    return FALSE;
  rest = read_number (rest + strlen ("/folders/"), folder);
  return rest != NULL && *rest == '\0';
}
