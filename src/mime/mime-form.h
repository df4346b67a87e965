#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SUREL_MIME_NAME_OF_FIELD_MAX 100 /* octets */

/* The forms in which a header field can be told (RFC 8621 §4.1.2). */
typedef enum
{
  SUREL_MIME_RAW,
  SUREL_MIME_TEXT,
  SUREL_MIME_ADDRESSES,
  SUREL_MIME_GROUPED_ADDRESSES,
  SUREL_MIME_MESSAGE_IDS,
  SUREL_MIME_DATE,
  SUREL_MIME_URLS,
} SurelMimeForm;

/* A header property (RFC 8621 §4.1.3). */
typedef struct
{
  char *property; /* all of it, as it was asked for */
  char *field; /* the field's name, likewise */
  SurelMimeForm form;
  gboolean all; /* all instances of the field; else the last */
} SurelMimeFormWanted;

SurelMimeFormWanted *surel_mime_form_parse (const char *property, GError **error);
void surel_mime_form_free (SurelMimeFormWanted *self);
char *surel_mime_form_raw (const char *raw, gsize length, gsize max, gboolean *cut);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelMimeFormWanted, surel_mime_form_free)

G_END_DECLS
