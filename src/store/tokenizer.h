#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

typedef gboolean (*SurelTokenFunc) (const char *token, gsize length, gpointer data);

gboolean surel_tokenizer_register (sqlite3 *db);
void surel_tokenizer_split (const char *text, gsize length, SurelTokenFunc func, gpointer data);

G_END_DECLS
