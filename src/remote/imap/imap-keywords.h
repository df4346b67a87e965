#pragma once

#include "base/keywords.h"
#include "remote/imap/imap-session.h"

G_BEGIN_DECLS

guint surel_imap_keywords_of (const SurelImapFlags *flags, char **user);
GStrv surel_imap_keywords_spell (const SurelImapMailbox *mailbox, guint flags, const char *words);
guint surel_imap_keywords_unfit (const SurelImapMailbox *mailbox, guint flags, const char *words, char **unfit);

G_END_DECLS
