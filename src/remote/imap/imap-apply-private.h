#pragma once

#include "remote/imap/imap-apply.h"

G_BEGIN_DECLS

/* What the files that change a mailbox share. */

typedef struct
{
  SurelImapSession *session;
  SurelChange *change;
  GCancellable *cancellable;
} SurelImapApply;

/* @some: indices into the change's items, with their UIDs going up. */
typedef gboolean (*SurelImapSendFunc) (SurelImapApply *self, const GArray *some, GError **error);

int surel_imap_apply_compare_uids (gconstpointer a, gconstpointer b, gpointer change);
GArray *surel_imap_apply_all_open (SurelImapApply *self);
SurelUidSet *surel_imap_apply_set_of (SurelImapApply *self, const GArray *some);
gboolean surel_imap_apply_in_pieces (SurelImapApply *self, const GArray *some, SurelImapSendFunc send, GError **error);
gboolean surel_imap_apply_send_destroy (SurelImapApply *self, const GArray *some, GError **error);
gboolean surel_imap_apply_describe_target (SurelImapApply *self, char **evidence, GError **error);
gboolean surel_imap_apply_take_refusal (SurelImapApply *self, GError *own, GError **error);
gboolean surel_imap_apply_take_refused_folder (SurelImapApply *self, GError *own, GError **error);
void surel_imap_apply_note_reason (SurelImapApply *self, SurelError code, const char *message);

gboolean surel_imap_prove_present (SurelImapApply *self, const GArray *some, GError **error);
gboolean surel_imap_prove_arrived (SurelImapApply *self, const char *evidence, GError **error);
gboolean surel_imap_find_appended (SurelImapApply *self, const char *evidence, GError **error);

G_END_DECLS
