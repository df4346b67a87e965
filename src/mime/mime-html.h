#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *surel_mime_html_to_text (const char *html, gboolean links);

G_END_DECLS
