#pragma once

#include "net/certificate.h"

G_BEGIN_DECLS

typedef enum
{
  SUREL_SECURITY_TLS, /* from the first octet */
  SUREL_SECURITY_STARTTLS, /* once the protocol has agreed on it */
  SUREL_SECURITY_NONE, /* loopback alone */
} SurelSecurity;

/* Where to connect to, and whom to trust there. */
typedef struct
{
  char *host;
  guint16 port;
  SurelSecurity security;
  char *pin; /* SHA-256 of a certificate that is accepted whatever is wrong with it; NULL for none */
  GTlsDatabase *trust; /* trusted beside the system's; nullable */
} SurelEndpoint;

void surel_endpoint_clear (SurelEndpoint *self);
gboolean surel_endpoint_trusts (const SurelEndpoint *self,
                                GTlsCertificate *certificate,
                                GTlsCertificateFlags errors,
                                SurelCertificate **rejected);

/**
 * SurelConnection:
 *
 * A connection to a server, of one thread, blocking; every call can be cancelled.
 */
typedef struct _SurelConnection SurelConnection;

SurelConnection *surel_connection_open (const SurelEndpoint *endpoint,
                                        SurelCertificate **rejected,
                                        GCancellable *cancellable,
                                        GError **error);
gboolean surel_connection_start_tls (SurelConnection *self,
                                     const SurelEndpoint *endpoint,
                                     SurelCertificate **rejected,
                                     GCancellable *cancellable,
                                     GError **error);
void surel_connection_free (SurelConnection *self);
gssize surel_connection_read (SurelConnection *self,
                              void *buffer,
                              gsize size,
                              gint64 timeout_us,
                              GCancellable *cancellable,
                              GError **error);
gboolean surel_connection_write (SurelConnection *self,
                                 const void *data,
                                 gsize length,
                                 GCancellable *cancellable,
                                 GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelConnection, surel_connection_free)

G_END_DECLS
