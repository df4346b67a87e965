#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SUREL_EAS_CATEGORY_MAX 1024 /* octets; MS-ASEMAIL §2.2.2.18 has 255 characters */

char *surel_eas_keyword_of_category (const char *category);
char *surel_eas_category_of_keyword (const char *keyword, GVariant *names);

G_END_DECLS
