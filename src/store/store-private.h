#pragma once

#include "base/turns.h"
#include "store/store.h"

G_BEGIN_DECLS

/* What the files of the store share: store.c opens and closes it and hands jobs in, store-writer.c is the
 * thread that writes, store-reader.c those that read. */

#define SUREL_READERS 2 /* threads, and spare connections: as many as a small machine has cores */
#define SUREL_STATES_RESERVED 4096 /* commits to one reservation */
#define SUREL_IDS_RESERVED 65536 /* ids to one reservation */

typedef struct
{
  SurelWriteFunc func;
  gpointer data;
  GDestroyNotify destroy;
  SurelDoneFunc done; /* nullable */
  gpointer done_data;
  gboolean urgent;
  SurelQueue *answer; /* of surel_store_write_sync(): gets the job back, and done isn't called */
  guint64 state; /* once done */
  GError *error; /* once done: why it failed */
} SurelWrite;

struct _SurelStore
{
  GObject parent_instance;

  char *dir;
  char *path;
  char *content_dir;
  char *id;
  int lock;
  gboolean unclean; /* the last end wasn't a clean one */
  gboolean is_new; /* there was no store before */
  gint doubted; /* atomic: SQLite says that the database is damaged, and it wasn't looked at since */
  gint damaged; /* atomic: it is */
  GCancellable *ending;
  guint64 shown_state; /* main thread: of the last commit signalled */

  SurelQueue *jobs;
  SurelTurns *reads;
  SurelQueue *spare; /* SurelSql: connections that threads read by themselves with, while nobody does */
  SurelQueue *checkpoints; /* anything pushed asks for one */
  GThread *writer;
  GThread *readers[SUREL_READERS];
  GThread *checkpointer;
  SurelQueue *copies; /* anything pushed asks for a copy of what waits for the servers */
  GThread *copier;
  SurelQueue *checks; /* anything pushed asks for a look at the database */
  GThread *checker;

  /* The writer's own. */
  SurelSql *sql;
  gboolean durable; /* synchronous is FULL */
  guint64 state;
  guint64 next_state;
  guint64 states_end; /* behind the last reserved */
  gint64 next_id;
  gint64 ids_end;
  gint64 searched; /* the rows of messages up to this id are in the text index; -1 where that isn't known */
  gboolean search_noted; /* and some are to be put in anew */
  gboolean search_behind; /* there may be more than a commit takes along */
  gboolean threads_behind; /* messages may have no thread yet */
  guint unswept; /* messages that are gone since keys of threads were looked through for theirs */
  gboolean sweeping; /* that is being done */
  gint64 swept; /* up to which key */
  guint slices; /* how many it takes; of the last time where it isn't being done */
  SurelCommit *doubtful; /* whose COMMIT failed: it may have been done all the same; nullable */
};

void surel_store_commit_free (SurelCommit *commit);
void surel_store_job_free (gpointer job);
void surel_store_read_free (gpointer read);
gpointer surel_store_writer_main (gpointer store);
gpointer surel_store_checkpointer_main (gpointer store);
gpointer surel_store_reader_main (gpointer store);
gpointer surel_store_check_main (gpointer store);
gpointer surel_store_copier_main (gpointer store);
void surel_store_report_damage (SurelStore *self);
void surel_store_emit_damaged (SurelStore *self);
void surel_store_emit_indexed (SurelStore *self);
void surel_store_emit_committed (SurelStore *self, SurelCommit *commit);
gboolean surel_store_put_meta (SurelSql *sql, const char *key, gint64 value, GError **error);
gboolean
surel_store_reserve (SurelStore *self, guint64 states_end, gint64 ids_end, GError **error);

G_END_DECLS
