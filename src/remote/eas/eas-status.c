/* What the numbers mean that ActiveSync servers answer with (MS-ASCMD §2.2.2 for those from 101 on, which are the same for
 * all commands; §2.2.3.177 for those below, which each command has of its own). */
#include "remote/eas/eas-status.h"

#include <string.h>

#include "base/errors.h"

static const struct
{
  const char *command; /* NULL for all */
  gint64 first;
  gint64 last;
  SurelError code;
  const char *what;
} statuses[] = {
  { NULL, 115, 115, SUREL_ERROR_QUOTA_EXCEEDED, "lets this user send no more for now" },
  { NULL, 116, 116, SUREL_ERROR_SERVER_REJECTED, "does not know somebody it goes to" },
  { NULL, 119, 119, SUREL_ERROR_SERVER_REJECTED, "finds nobody it goes to" },
  { NULL, 120, 121, SUREL_ERROR_SERVER_REJECTED, "could not send the message: somebody it goes to may not exist" },
  { "FolderSync", 6, 6, SUREL_ERROR_OFFLINE, "has an error of its own, which may pass" },
  { "FolderSync", 10, 10, SUREL_ERROR_SERVER_MISBEHAVED, "could not read what Surel sent" },
  { "Sync", 4, 4, SUREL_ERROR_SERVER_MISBEHAVED, "could not read what Surel sent" },
  { "Sync", 5, 5, SUREL_ERROR_OFFLINE, "has an error of its own, which may pass" },
  { "Sync", 8, 8, SUREL_ERROR_NOT_FOUND, "does not have the folder or message any more" },
  { "Sync", 9, 9, SUREL_ERROR_QUOTA_EXCEEDED, "has no room left in the mailbox" },
  { "Sync", 12, 12, SUREL_ERROR_NOT_FOUND, "has other folders by now; they are listed again" },
  { "Sync", 16, 16, SUREL_ERROR_OFFLINE, "wants it to be tried again" },
  { "Settings", 2, 2, SUREL_ERROR_SERVER_MISBEHAVED, "could not read what Surel sent" },
  { "Settings", 3, 3, SUREL_ERROR_PERMISSION_DENIED, "does not let this user do that" },
  { "Settings", 4, 4, SUREL_ERROR_OFFLINE, "has an error of its own, which may pass" },
  { "Settings", 5, 6, SUREL_ERROR_SERVER_REJECTED, "does not take what is to be set" },
  { "Settings", 7, 7, SUREL_ERROR_PERMISSION_DENIED, "has a policy against that" },
  { "MeetingResponse", 2, 2, SUREL_ERROR_INVALID_ARGUMENT, "finds no invitation in the message that could be answered" },
  { "MeetingResponse", 3, 4, SUREL_ERROR_OFFLINE, "has an error of its own, which may pass" },
  { "ItemOperations", 2, 2, SUREL_ERROR_SERVER_MISBEHAVED, "could not read what Surel sent" },
  { "ItemOperations", 3, 3, SUREL_ERROR_OFFLINE, "has an error of its own, which may pass" },
  { "ItemOperations", 6, 6, SUREL_ERROR_NOT_FOUND, "does not have the message any more" },
  { "ItemOperations", 8, 8, SUREL_ERROR_NOT_FOUND, "does not have the message any more" },
  { "ItemOperations", 11, 11, SUREL_ERROR_TOO_LARGE, "finds the message too large" },
  { "ItemOperations", 14, 14, SUREL_ERROR_SERVER_REJECTED, "can't give the message as MIME" },
  { NULL, 101, 109, SUREL_ERROR_SERVER_MISBEHAVED, "could not read what Surel sent" },
  { NULL, 110, 110, SUREL_ERROR_OFFLINE, "has an error of its own, which may pass" },
  { NULL, 111, 111, SUREL_ERROR_RATE_LIMITED, "wants it to be tried again later" },
  { NULL, 112, 112, SUREL_ERROR_PERMISSION_DENIED, "does not let this user in" },
  { NULL, 113, 113, SUREL_ERROR_QUOTA_EXCEEDED, "has no room left in the mailbox" },
  { NULL, 126, 131, SUREL_ERROR_AUTHENTICATION_FAILED, "does not let this user, or this device, in by ActiveSync" },
  { NULL, 132, 136, SUREL_ERROR_OFFLINE, "has lost what it knew of this device" },
  { NULL, 138, 138, SUREL_ERROR_SERVER_MISBEHAVED, "does not take this version of the protocol for that device" },
  { NULL, 139, 140, SUREL_ERROR_PERMISSION_DENIED, "finds its policies not followed, or wants this device to be wiped" },
  { NULL, 141, 141, SUREL_ERROR_PERMISSION_DENIED, "takes no device that it can't give policies to" },
  { NULL, 142, 144, SUREL_ERROR_PERMISSION_DENIED, "wants policies to be accepted again and again" },
  { NULL, 150, 150, SUREL_ERROR_NOT_FOUND, "does not have the message any more" },
  { NULL, 165, 165, SUREL_ERROR_SERVER_REJECTED, "wants to know more of this device" },
  { NULL, 177, 177, SUREL_ERROR_LIMIT_EXCEEDED, "lets this user have no more devices; remove one there" },
};

/**
 * surel_eas_status_wants_policy:
 *
 * Returns: whether the server wants policies to be accepted first, or anew, or to be told of the device, which comes with
 *   that (MS-ASCMD §2.2.2)
 */
gboolean
surel_eas_status_wants_policy (gint64 status)
{
  return (status >= 142 && status <= 144) || status == SUREL_EAS_STATUS_WANTS_DEVICE;
}

/**
 * surel_eas_check_status:
 * @command: the command's name
 * @status: what the server answered; -1 where it said nothing that is a number
 *
 * Returns: %TRUE where @status says that all is well; else %FALSE with an error of the public domain
 */
gboolean
surel_eas_check_status (const char *command, gint64 status, GError **error)
{
  if (status == SUREL_EAS_STATUS_OK)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (status >= statuses[i].first && status <= statuses[i].last
        && (statuses[i].command == NULL || strcmp (statuses[i].command, command) == 0))
      {
        g_set_error (error, SUREL_ERROR, (gint) statuses[i].code, "The server %s (status %" G_GINT64_FORMAT " of %s)",
                     statuses[i].what, status, command);
        return FALSE;
      }
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_REJECTED,
               "The server refused %s (status %" G_GINT64_FORMAT ")", command, status);
  return FALSE;
}
