#pragma once

#include "remote/eas/eas-session.h"

G_BEGIN_DECLS

#define SUREL_EAS_ID_MAX 1024 /* octets of a message's ServerId */
#define SUREL_EAS_NO_KEY "0"

/* Reads one Add, Change, Delete, Fetch …, or passes it over. */
typedef void (*SurelEasCommandFunc) (SurelEasReader *reader, guint tag, gpointer user_data);

/* What a Sync is answered of one folder. */
typedef struct
{
  SurelEasCommandFunc read_command; /* nullable: they are passed over */
  SurelEasCommandFunc read_response; /* likewise */
  gpointer user_data;

  gboolean answered; /* it said anything at all */
  gint64 status; /* -1 where it wasn't said */
  char *key; /* for the next request; NULL where none was given that can be used */
  gboolean more; /* there is more to be asked for */
  gboolean brings; /* it tells of changes on the server */
} SurelEasCollection;

void surel_eas_collection_clear (SurelEasCollection *self);
gboolean surel_eas_collection_sync (SurelEasCollection *self,
                                    SurelEasSession *session,
                                    SurelEasWriter *request,
                                    GCancellable *cancellable,
                                    GError **error);
SurelEasWriter *surel_eas_collection_begin (const char *folder, const char *key);
void surel_eas_collection_write_options (SurelEasWriter *request);
void surel_eas_collection_end (SurelEasWriter *request);
char *surel_eas_read_id (SurelEasReader *reader, gsize max);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SurelEasCollection, surel_eas_collection_clear)

G_END_DECLS
