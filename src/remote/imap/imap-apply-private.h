#pragma once

#include "remote/imap/imap-apply.h"

G_BEGIN_DECLS

/* What the files that change a mailbox share. */

#define SUREL_IMAP_DID_NOTHING "The server said it was done, and did nothing"
#define SUREL_IMAP_NUMBERED_ANEW "The server has numbered the folder's messages anew; it is synced first"

typedef struct
{
  SurelImapSession *session;
  SurelChange *change;
  GCancellable *cancellable;
  gboolean refused; /* any of what was to be taken out */
  const char *evidence; /* of what is being put somewhere: what was noted before */
  SurelUidSet *named; /* of messages that were there before, and that the server names as what was put there; nullable */
} SurelImapApply;

/* What was noted before messages were put into a mailbox, and what is seen when it is looked at. */
typedef struct
{
  guint uidvalidity; /* 0 where it isn't known */
  guint uidnext;
  guint found_under; /* the UIDVALIDITY of what was found when it was looked at; 0 where it wasn't */
  gboolean gaps; /* not all that came there since is there still */
  gboolean another; /* the mailbox of that name is another now: nothing is known of the one that was meant */
} SurelImapEvidence;

/* @some: indices into the change's items, with their UIDs going up. */
typedef gboolean (*SurelImapSendFunc) (SurelImapApply *self, const GArray *some, GError **error);

int surel_imap_apply_compare_uids (gconstpointer a, gconstpointer b, gpointer change);
GArray *surel_imap_apply_all_open (SurelImapApply *self);
GArray *surel_imap_apply_open_of (SurelImapApply *self, const GArray *some);
SurelUidSet *surel_imap_apply_set_of (SurelImapApply *self, const GArray *some);
gboolean surel_imap_apply_in_pieces (
    SurelImapApply *self, const GArray *some, SurelImapSendFunc send, SurelImapSendFunc look, GError **error);
gboolean surel_imap_apply_open_source (SurelImapApply *self, gboolean *fit, GError **error);
SurelImapCommand *surel_imap_flags_command (const SurelUidSet *set);
SurelImapCommand *surel_imap_store_command (const SurelUidSet *set, const char *how, const char *const *flags);
gboolean surel_imap_apply_destroy (SurelImapApply *self, const GArray *some, GError **error);
gboolean surel_imap_apply_take_refusal (SurelImapApply *self, GError *own, GError **error);
gboolean surel_imap_apply_take_refused_folder (SurelImapApply *self, GError *own, GError **error);
void surel_imap_apply_set_done (SurelImapApply *self, const GArray *some);
void surel_imap_apply_end (SurelImapApply *self, guint index, SurelOutcome outcome, SurelError code, const char *message);
void surel_imap_apply_note_reason (SurelImapApply *self, SurelError code, const char *message);

gboolean surel_imap_apply_to_target (SurelImapApply *self, SurelBeforeFunc before, gpointer user_data, GError **error);
gboolean surel_imap_take_out_copied (SurelImapApply *self, const GArray *some, GError **error);

gboolean surel_imap_target_describe (SurelImapApply *self, char **evidence, GError **error);
SurelImapEvidence surel_imap_target_read_evidence (const char *text);
gboolean surel_imap_target_find (SurelImapApply *self, const GArray *some, SurelImapEvidence *evidence, GError **error);
gboolean
surel_imap_target_find_again (SurelImapApply *self, const GArray *some, SurelImapEvidence *evidence, GError **error);
gboolean
surel_imap_target_find_refused (SurelImapApply *self, const GArray *some, SurelImapEvidence *evidence, GError **error);
void surel_imap_target_forget_foreign (SurelImapApply *self, const SurelImapEvidence *evidence);

gboolean surel_imap_find_in_source (SurelImapApply *self, const GArray *some, SurelUidSet *there, GError **error);
gboolean surel_imap_prove_present (SurelImapApply *self, const GArray *some, GError **error);
gboolean surel_imap_prove_arrived (SurelImapApply *self, const char *evidence, GError **error);
gboolean surel_imap_prove_appended (SurelImapApply *self, const char *evidence, GError **error);

G_END_DECLS
