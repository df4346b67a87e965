#pragma once

#include "remote/imap/imap-parser.h"

/* A response as text, so that two can be compared. */
void surel_imap_describe (const SurelImapResponse *response, GString *out);
char *surel_imap_describe_all (const char *octets, gsize length, gsize step);
