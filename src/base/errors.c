/* The one public error domain and its names on the bus. Layers below may have domains of their own
 * (the IMAP one, GIO's); surel_error_to_public() is the border where those become public codes. */
#include "base/errors.h"

static const GDBusErrorEntry entries[] = {
  { SUREL_ERROR_NOT_FOUND, SUREL_ERROR_PREFIX "NotFound" },
  { SUREL_ERROR_INVALID_ARGUMENT, SUREL_ERROR_PREFIX "InvalidArgument" },
  { SUREL_ERROR_AUTHENTICATION_FAILED, SUREL_ERROR_PREFIX "AuthenticationFailed" },
  { SUREL_ERROR_SECRETS_LOCKED, SUREL_ERROR_PREFIX "SecretsLocked" },
  { SUREL_ERROR_OFFLINE, SUREL_ERROR_PREFIX "Offline" },
  { SUREL_ERROR_TLS_REQUIRED, SUREL_ERROR_PREFIX "TlsRequired" },
  { SUREL_ERROR_CERTIFICATE_REJECTED, SUREL_ERROR_PREFIX "CertificateRejected" },
  { SUREL_ERROR_SERVER_MISBEHAVED, SUREL_ERROR_PREFIX "ServerMisbehaved" },
  { SUREL_ERROR_PERMISSION_DENIED, SUREL_ERROR_PREFIX "PermissionDenied" },
  { SUREL_ERROR_CANNOT_CALCULATE_CHANGES, SUREL_ERROR_PREFIX "CannotCalculateChanges" },
  { SUREL_ERROR_STORE_REPLACED, SUREL_ERROR_PREFIX "StoreReplaced" },
  { SUREL_ERROR_STATE_MISMATCH, SUREL_ERROR_PREFIX "StateMismatch" },
  { SUREL_ERROR_CONFLICT, SUREL_ERROR_PREFIX "Conflict" },
  { SUREL_ERROR_EXISTS, SUREL_ERROR_PREFIX "Exists" },
  { SUREL_ERROR_TOO_LARGE, SUREL_ERROR_PREFIX "TooLarge" },
  { SUREL_ERROR_LIMIT_EXCEEDED, SUREL_ERROR_PREFIX "LimitExceeded" },
  { SUREL_ERROR_NOT_SUPPORTED, SUREL_ERROR_PREFIX "NotSupported" },
  { SUREL_ERROR_SERVER_REJECTED, SUREL_ERROR_PREFIX "ServerRejected" },
  { SUREL_ERROR_RATE_LIMITED, SUREL_ERROR_PREFIX "RateLimited" },
  { SUREL_ERROR_QUOTA_EXCEEDED, SUREL_ERROR_PREFIX "QuotaExceeded" },
  { SUREL_ERROR_STORAGE_FULL, SUREL_ERROR_PREFIX "StorageFull" },
  { SUREL_ERROR_CANCELLED, SUREL_ERROR_PREFIX "Cancelled" },
  { SUREL_ERROR_OUTCOME_UNKNOWN, SUREL_ERROR_PREFIX "OutcomeUnknown" },
  { SUREL_ERROR_FAILED, SUREL_ERROR_PREFIX "Failed" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (entries) == SUREL_N_ERRORS);

/**
 * surel_error_quark:
 *
 * Returns: the domain of #SurelError, registered with GDBus under the names the bus uses
 */
GQuark
surel_error_quark (void)
{
  static gsize quark = 0;

  g_dbus_error_register_error_domain ("surel-error-quark", &quark, entries, G_N_ELEMENTS (entries));
  return (GQuark) quark;
}

/**
 * surel_error_name:
 * @error: an error of any domain
 *
 * Returns: (transfer none): its name on the bus; `Failed` for what is none of ours
 */
const char *
surel_error_name (const GError *error)
{
  if (error->domain == SUREL_ERROR && error->code >= 0 && error->code < SUREL_N_ERRORS)
    return entries[error->code].dbus_error_name;
  return SUREL_ERROR_PREFIX "Failed";
}

static SurelError
code_of_io_error (int code)
{
  switch (code)
    {
    case G_IO_ERROR_CANCELLED:
      return SUREL_ERROR_CANCELLED;
    case G_IO_ERROR_NO_SPACE:
      return SUREL_ERROR_STORAGE_FULL;
    case G_IO_ERROR_PERMISSION_DENIED:
      return SUREL_ERROR_PERMISSION_DENIED;
    case G_IO_ERROR_CONNECTION_REFUSED:
    case G_IO_ERROR_CONNECTION_CLOSED: /* the same code as BROKEN_PIPE */
    case G_IO_ERROR_HOST_NOT_FOUND:
    case G_IO_ERROR_HOST_UNREACHABLE:
    case G_IO_ERROR_NETWORK_UNREACHABLE:
    case G_IO_ERROR_NOT_CONNECTED:
    case G_IO_ERROR_TIMED_OUT:
    case G_IO_ERROR_PROXY_FAILED:
    case G_IO_ERROR_PARTIAL_INPUT:
      return SUREL_ERROR_OFFLINE;
    default:
      return SUREL_ERROR_FAILED;
    }
}

/**
 * surel_error_to_public:
 * @error: (inout): an error of any domain, set
 *
 * Makes @error one of the public domain: what says that the network or the server can't be reached
 * becomes %SUREL_ERROR_OFFLINE, a full disk %SUREL_ERROR_STORAGE_FULL, a cancelled call
 * %SUREL_ERROR_CANCELLED. The message is kept.
 */
void
surel_error_to_public (GError **error)
{
  SurelError code = SUREL_ERROR_FAILED;

  if ((*error)->domain == SUREL_ERROR)
    return;
  if ((*error)->domain == G_IO_ERROR)
    code = code_of_io_error ((*error)->code);
  else if ((*error)->domain == G_RESOLVER_ERROR)
    code = SUREL_ERROR_OFFLINE;
  else if ((*error)->domain == G_TLS_ERROR)
    code = (*error)->code == G_TLS_ERROR_BAD_CERTIFICATE ? SUREL_ERROR_CERTIFICATE_REJECTED
                                                          : SUREL_ERROR_OFFLINE;
  (*error)->domain = SUREL_ERROR;
  (*error)->code = (int) code;
}
