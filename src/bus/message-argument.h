#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "base/message.h"

G_BEGIN_DECLS

gboolean surel_message_argument_take (GVariant *value, GUnixFDList *fds, int *fd, GBytes **octets, GError **error);
gboolean surel_message_argument_take_keywords (GVariant *options, SurelMessage *message, GError **error);

G_END_DECLS
