#pragma once

#include <glib.h>

#include "base/message.h"

G_BEGIN_DECLS

#define SUREL_MIME_ADDRESS_MAX 1024 /* octets of an address; longer ones are cut */
#define SUREL_MIME_NAME_MAX 1024 /* octets of a name */

GBytes *surel_mime_parse_addresses (const char *raw, gsize length);

G_END_DECLS
