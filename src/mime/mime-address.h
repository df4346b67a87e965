#pragma once

#include <glib.h>

#include "base/message.h"

G_BEGIN_DECLS

#define SUREL_MIME_ADDRESS_MAX 1024 /* octets of an address; longer ones are cut */
#define SUREL_MIME_NAME_MAX 1024 /* octets of a name */

/* A group of addresses (RFC 5322 §3.4). */
typedef struct
{
  char *name; /* clean UTF-8; NULL for addresses that are in no group */
  GByteArray *addresses; /* as surel_mime_parse_addresses() tells them */
} SurelMimeGroup;

GBytes *surel_mime_parse_addresses (const char *raw, gsize length);
GPtrArray *surel_mime_parse_groups (const char *raw, gsize length);

G_END_DECLS
