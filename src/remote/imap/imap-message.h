#pragma once

#include "base/message.h"
#include "remote/imap/imap-session.h"

G_BEGIN_DECLS

void surel_imap_add_items (SurelImapCommand *command, SurelImapSession *session);
SurelMessage *surel_imap_message_of (const SurelImapFetch *fetch);

G_END_DECLS
