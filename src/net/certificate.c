/* What a person has to know of a certificate to decide whether to pin it. */
#include "net/certificate.h"

#include "base/text.h"

#define SUBJECT_MAX 512 /* octets */

static GStrv
problems_of (GTlsCertificateFlags errors)
{
  static const struct
  {
    GTlsCertificateFlags flag;
    const char *name;
  } names[] = {
    { G_TLS_CERTIFICATE_UNKNOWN_CA, "unknown-issuer" }, { G_TLS_CERTIFICATE_BAD_IDENTITY, "wrong-host" },
    { G_TLS_CERTIFICATE_NOT_ACTIVATED, "not-yet-valid" }, { G_TLS_CERTIFICATE_EXPIRED, "expired" },
    { G_TLS_CERTIFICATE_REVOKED, "revoked" },           { G_TLS_CERTIFICATE_INSECURE, "insecure" },
    { G_TLS_CERTIFICATE_GENERIC_ERROR, "invalid" },
  };
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if ((errors & names[i].flag) != 0)
      g_strv_builder_add (builder, names[i].name);
  return g_strv_builder_end (builder);
}

/**
 * surel_certificate_new:
 * @host: the host that was asked for
 * @certificate: what it showed
 * @errors: what is wrong with that
 */
SurelCertificate *
surel_certificate_new (const char *host, GTlsCertificate *certificate, GTlsCertificateFlags errors)
{
  SurelCertificate *self = g_new0 (SurelCertificate, 1);
  g_autoptr (GByteArray) der = NULL;
  g_autofree char *subject = g_tls_certificate_get_subject_name (certificate);

  surel_ref_count_init (&self->references);
  g_object_get (certificate, "certificate", &der, "certificate-pem", &self->pem, NULL);
  self->host = g_strdup (host);
  self->sha256 = g_compute_checksum_for_data (G_CHECKSUM_SHA256, der->data, der->len);
  self->subject = surel_text_clean (subject != NULL ? subject : "", -1, SUBJECT_MAX);
  self->problems = problems_of (errors);
  return self;
}

SurelCertificate *
surel_certificate_ref (SurelCertificate *self)
{
  surel_ref_count_inc (&self->references);
  return self;
}

void
surel_certificate_unref (SurelCertificate *self)
{
  if (!surel_ref_count_dec (&self->references))
    return;
  g_free (self->host);
  g_free (self->sha256);
  g_free (self->subject);
  g_free (self->pem);
  g_strfreev (self->problems);
  g_free (self);
}

/**
 * surel_certificate_describe:
 *
 * Returns: (transfer full): a sentence for an error
 */
char *
surel_certificate_describe (const SurelCertificate *self)
{
  g_autofree char *problems = g_strjoinv (", ", self->problems);

  return g_strdup_printf ("The certificate of %s is not trusted (%s; SHA-256 %s); nothing was sent to it. "
                          "If it is the right one, answer the sign-in's question or set `pin` to that "
                          "fingerprint",
                          self->host, problems, self->sha256);
}
