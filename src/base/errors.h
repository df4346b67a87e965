#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SurelError:
 *
 * What went wrong, by what a caller can do next. The order is part of the interface: codes are only
 * appended. Each is `org.surel.Sync1.Error.NAME` on the bus, with the name surel_error_name() gives.
 */
typedef enum
{
  SUREL_ERROR_NOT_FOUND,
  SUREL_ERROR_INVALID_ARGUMENT,
  SUREL_ERROR_AUTHENTICATION_FAILED,
  SUREL_ERROR_SECRETS_LOCKED,
  SUREL_ERROR_OFFLINE,
  SUREL_ERROR_TLS_REQUIRED,
  SUREL_ERROR_CERTIFICATE_REJECTED,
  SUREL_ERROR_SERVER_MISBEHAVED,
  SUREL_ERROR_PERMISSION_DENIED,
  SUREL_ERROR_CANNOT_CALCULATE_CHANGES,
  SUREL_ERROR_STORE_REPLACED,
  SUREL_ERROR_STATE_MISMATCH,
  SUREL_ERROR_CONFLICT,
  SUREL_ERROR_EXISTS,
  SUREL_ERROR_TOO_LARGE,
  SUREL_ERROR_LIMIT_EXCEEDED,
  SUREL_ERROR_NOT_SUPPORTED,
  SUREL_ERROR_SERVER_REJECTED,
  SUREL_ERROR_RATE_LIMITED,
  SUREL_ERROR_QUOTA_EXCEEDED,
  SUREL_ERROR_STORAGE_FULL,
  SUREL_ERROR_CANCELLED,
  SUREL_ERROR_OUTCOME_UNKNOWN,
  SUREL_ERROR_FAILED,
  SUREL_N_ERRORS
} SurelError;

#define SUREL_ERROR (surel_error_quark ())
#define SUREL_ERROR_PREFIX "org.surel.Sync1.Error."

GQuark surel_error_quark (void);
const char *surel_error_name (const GError *error);
void surel_error_to_public (GError **error);

G_END_DECLS
