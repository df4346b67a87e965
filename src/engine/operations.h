#pragma once

#include "engine/engine.h"
#include "store/appends.h"
#include "store/calls.h"
#include "store/folder-changes.h"
#include "store/modify.h"
#include "store/operations.h"
#include "store/sends.h"
#include "store/responses.h"
#include "store/vacations.h"

G_BEGIN_DECLS

#define SUREL_TYPE_OPERATIONS (surel_operations_get_type ())
G_DECLARE_FINAL_TYPE (SurelOperations, surel_operations, SUREL, OPERATIONS, GObject)

SurelOperations *surel_operations_new (SurelEngine *engine);

/* Makes the reply, in the store thread: it is kept with the change, in one transaction. */
typedef GVariant *(*SurelReplyFunc) (guint64 state, const SurelModified *result);
typedef void (*SurelModifiedFunc) (GVariant *reply, const GError *error, gpointer data);

void surel_operations_modify (SurelOperations *self,
                              SurelPatch *patch,
                              const SurelKey *key,
                              SurelReplyFunc reply,
                              SurelModifiedFunc func,
                              gpointer data);
/* What makes the reply of what was put somewhere. */
typedef GVariant *(*SurelAppendReplyFunc) (const SurelAppend *append, const SurelModified *result);

void surel_operations_append (SurelOperations *self,
                              SurelAppend *append,
                              int fd,
                              GBytes *octets,
                              const SurelKey *key,
                              SurelAppendReplyFunc reply,
                              SurelModifiedFunc func,
                              gpointer data);

/* What makes the reply of what is sent. */
typedef GVariant *(*SurelSendReplyFunc) (const SurelSend *send, const SurelModified *result);

void surel_operations_send (SurelOperations *self,
                            SurelSend *send,
                            int fd,
                            GBytes *octets,
                            const SurelKey *key,
                            SurelSendReplyFunc reply,
                            SurelModifiedFunc func,
                            gpointer data);
void surel_operations_reschedule (SurelOperations *self,
                                  gint64 operation,
                                  gint64 at,
                                  const SurelKey *key,
                                  SurelReplyFunc reply,
                                  SurelModifiedFunc func,
                                  gpointer data);

void surel_operations_respond (SurelOperations *self,
                               gint64 message,
                               SurelAnswer answer,
                               const char *client,
                               const SurelKey *key,
                               SurelReplyFunc reply,
                               SurelModifiedFunc func,
                               gpointer data);
void surel_operations_set_vacation (SurelOperations *self,
                                    gint64 account,
                                    GVariant *vacation,
                                    const char *client,
                                    const SurelKey *key,
                                    SurelReplyFunc reply,
                                    SurelModifiedFunc func,
                                    gpointer data);

/* surel_folder_rename() and its like, and what makes the reply of what they did. */
typedef gboolean (*SurelFolderFunc) (SurelTxn *txn, SurelFolderChange *change, SurelModified *result, GError **error);
typedef GVariant *(*SurelFolderReplyFunc) (const SurelFolderChange *change, const SurelModified *result);

void surel_operations_change_folder (SurelOperations *self,
                                     SurelFolderFunc folder_func,
                                     SurelFolderChange *change,
                                     const SurelKey *key,
                                     SurelFolderReplyFunc reply,
                                     SurelModifiedFunc func,
                                     gpointer data);
void surel_operations_cancel (SurelOperations *self,
                              gint64 operation,
                              const char *client,
                              const SurelKey *key,
                              SurelReplyFunc reply,
                              SurelModifiedFunc func,
                              gpointer data);
void surel_operations_confirm (SurelOperations *self,
                               gint64 operation,
                               const SurelKey *key,
                               SurelReplyFunc reply,
                               SurelModifiedFunc func,
                               gpointer data);
void surel_operations_retry (SurelOperations *self,
                             gint64 operation,
                             const SurelKey *key,
                             SurelReplyFunc reply,
                             SurelModifiedFunc func,
                             gpointer data);

G_END_DECLS
