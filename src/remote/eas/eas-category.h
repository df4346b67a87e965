#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SUREL_EAS_CATEGORY_MAX 255 /* octets; MS-ASEMAIL §2.2.2.18 */

char *surel_eas_keyword_of_category (const char *category);
char *surel_eas_category_of_keyword (const char *keyword, GVariant *names);

G_END_DECLS
