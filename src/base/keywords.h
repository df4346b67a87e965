#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The keywords every protocol knows, as bits; all others are text (RFC 8621 §4.1.1). */
typedef enum
{
  SUREL_KEYWORD_SEEN = 1 << 0,
  SUREL_KEYWORD_FLAGGED = 1 << 1,
  SUREL_KEYWORD_ANSWERED = 1 << 2,
  SUREL_KEYWORD_FORWARDED = 1 << 3,
  SUREL_KEYWORD_DRAFT = 1 << 4,
  SUREL_KEYWORD_JUNK = 1 << 5,
  SUREL_KEYWORD_NOTJUNK = 1 << 6,
  /* Marked \Deleted (RFC 9051 §2.3.2): neither shown nor counted. Not a keyword on the bus. */
  SUREL_KEYWORD_DELETED = 1 << 16,
} SurelKeyword;

#define SUREL_KEYWORD_MAX 255 /* octets of one keyword: RFC 8621 §4.1.1 */
#define SUREL_KEYWORDS_MAX 16384 /* octets of all of a message's user keywords */

guint surel_keyword_bit (const char *keyword);
const char *surel_keyword_name (guint bit);
gboolean surel_keyword_is_valid (const char *keyword);
GStrv surel_keywords_to_strv (guint bits, const char *user);
char *surel_keywords_join (GPtrArray *user);
char *surel_keywords_combine (const char *set, const char *add, const char *remove);

G_END_DECLS
