#pragma once

#include "base/message.h"
#include "remote/eas/eas-reader.h"

G_BEGIN_DECLS

#define SUREL_EAS_HEADER_OCTETS 10240 /* of each message that are asked for: most headers fit */

SurelMessage *surel_eas_read_message (SurelEasReader *reader, GHashTable *keyword_names);
SurelMessageFlags surel_eas_read_flags (SurelEasReader *reader, GHashTable *keyword_names);

G_END_DECLS
