#pragma once

#include <gio/gio.h>

#include "base/message.h"

G_BEGIN_DECLS

/**
 * SurelIntake:
 *
 * The thread that takes in messages from callers: it may have to wait for a pipe, and for the disk.
 */
typedef struct _SurelIntake SurelIntake;

/* (message: (transfer full): what lists show of it; digest: (transfer full): of its bytes, which are kept)
 * In the main thread; with @error set where it can't be had. */
typedef void (*SurelIntakeFunc) (SurelMessage *message, GBytes *digest, guint64 size, const GError *error, gpointer data);

SurelIntake *surel_intake_new (const char *content_dir);
void surel_intake_free (SurelIntake *self);
void surel_intake_take (SurelIntake *self, int fd, GBytes *inline_octets, SurelIntakeFunc func, gpointer data);

G_END_DECLS
