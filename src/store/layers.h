#pragma once

#include "base/message.h"
#include "store/message-row.h"

G_BEGIN_DECLS

gboolean surel_layers_put_server_flags (SurelTxn *txn,
                                        const SurelMessageRow *row,
                                        guint flags,
                                        const char *keywords,
                                        GError **error);
gboolean surel_layers_complete_flags (SurelTxn *txn,
                                      gint64 message,
                                      const SurelMessageFlags *said,
                                      guint *flags,
                                      char **keywords,
                                      GError **error);
gboolean surel_layers_keep_here (SurelTxn *txn,
                                 gint64 message,
                                 guint flags,
                                 const char *keywords,
                                 GError **error);
gboolean surel_layers_forget_here (SurelTxn *txn,
                                   gint64 message,
                                   guint flags,
                                   const char *keywords,
                                   GError **error);
gboolean surel_layers_take_effect (SurelTxn *txn,
                                   gint64 message,
                                   guint add,
                                   guint remove,
                                   const char *add_words,
                                   const char *remove_words,
                                   GError **error);
gboolean surel_layers_replay_flags (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_layers_replay_place (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_layers_note_version (SurelTxn *txn, gint64 message, guint64 identity, GError **error);
gboolean surel_layers_arrive (SurelTxn *txn,
                              gint64 message,
                              gint64 from,
                              gint64 folder,
                              gint64 epoch,
                              const SurelRemoteId *remote_id,
                              GError **error);
gboolean surel_layers_hide_here (SurelTxn *txn, gint64 message, GError **error);
gboolean surel_layers_put_here (SurelTxn *txn, gint64 message, gint64 folder, GError **error);
gboolean surel_layers_take_out (SurelTxn *txn,
                                gint64 message,
                                gint64 folder,
                                gint64 epoch,
                                const SurelRemoteId *remote_id,
                                gboolean *nowhere,
                                GError **error);
gboolean surel_layers_vanish (SurelTxn *txn, gint64 message, GError **error);

G_END_DECLS
