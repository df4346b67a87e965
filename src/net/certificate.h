#pragma once

#include <gio/gio.h>

#include "base/refcount.h"

G_BEGIN_DECLS

/* A server's certificate as a person is shown it; immutable. */
typedef struct
{
  SurelRefCount references;
  char *host; /* the one that was asked for */
  char *sha256; /* of the certificate, lower-case hex, no colons */
  char *subject; /* clean text */
  char *pem;
  GStrv problems; /* what is wrong with it: `wrong-host`, `expired` …; empty for nothing */
} SurelCertificate;

SurelCertificate *
surel_certificate_new (const char *host, GTlsCertificate *certificate, GTlsCertificateFlags errors);
SurelCertificate *surel_certificate_ref (SurelCertificate *self);
void surel_certificate_unref (SurelCertificate *self);
char *surel_certificate_describe (const SurelCertificate *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelCertificate, surel_certificate_unref)

G_END_DECLS
