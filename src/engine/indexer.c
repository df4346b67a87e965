/* Brings the text of bodies into the text index, once their bytes are here: a thread of its own reads them, a few at a time, and
 * hands their words to the store. Whatever it hasn't come to is noted there (store/search.c), so it can end at any time. */
#include "engine/indexer.h"

#include <string.h>
#include <unistd.h>

#include "base/errors.h"
#include "mime/mime-words.h"
#include "store/content.h"
#include "store/search.h"

#define AT_ONCE 50 /* messages to a transaction */
#define WORDS_MAX (1 << 20) /* octets of one message's text that can be found */
#define WORDS_AT_ONCE (4 << 20) /* octets to a transaction, about */
#define GATHER (100 * 1000) /* microseconds, for what comes together */

struct _SurelIndexer
{
  SurelStore *store;
  SurelQueue *asks; /* anything pushed asks for a look */
  GThread *thread;
  gulong committed;
  gulong indexed;
};

typedef struct
{
  GArray *messages; /* SurelUnsearched */
  GPtrArray *words; /* of each of the first; NULL where its bytes are lost */
  GPtrArray *previews; /* likewise */
} Batch;

static void
find_next (SurelReader *reader, gpointer data)
{
  Batch *batch = data;

  if (reader->error == NULL)
    batch->messages = surel_search_next (reader, AT_ONCE, NULL);
}

/* Returns %FALSE where the bytes can't be read now. */
static gboolean
read_words (SurelIndexer *self, GBytes *digest, char **words, char **preview)
{
  g_autoptr (GError) error = NULL;
  int fd = surel_content_open (surel_store_get_content_dir (self->store), g_bytes_get_data (digest, NULL), &error);
  g_autoptr (GMappedFile) file = fd >= 0 ? g_mapped_file_new_from_fd (fd, FALSE, NULL) : NULL;

  if (fd >= 0)
    close (fd);
  *words = file != NULL ? surel_mime_words (g_mapped_file_get_contents (file), g_mapped_file_get_length (file), WORDS_MAX, preview) : NULL;
  return file != NULL || g_error_matches (error, SUREL_ERROR, SUREL_ERROR_NOT_FOUND);
}

static gboolean
put_words (SurelTxn *txn, gpointer data, GError **error)
{
  Batch *batch = data;

  for (guint i = 0; i < batch->words->len; i++)
    {
      const SurelUnsearched *message = &g_array_index (batch->messages, SurelUnsearched, i);

      if (!surel_search_put_text (txn, message->message, message->digest, batch->words->pdata[i], batch->previews->pdata[i], error))
        return FALSE;
    }
  return TRUE;
}

/* Returns whether there may be more. */
static gboolean
put_next (SurelIndexer *self)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) previews = g_ptr_array_new_with_free_func (g_free);
  Batch batch = { NULL, words, previews };
  gboolean readable = TRUE;
  gboolean more = FALSE;
  gsize size = 0;

  surel_store_read_sync (self->store, find_next, &batch);
  for (guint i = 0; batch.messages != NULL && i < batch.messages->len && size < WORDS_AT_ONCE && !surel_queue_is_closed (self->asks); i++)
    {
      char *preview = NULL;
      char *text = NULL;

      readable = read_words (self, g_array_index (batch.messages, SurelUnsearched, i).digest, &text, &preview);
      if (!readable)
        break;
      size += text != NULL ? strlen (text) : 0;
      g_ptr_array_add (words, text);
      g_ptr_array_add (previews, preview);
    }
  if (words->len > 0)
    more = surel_store_write_sync (self->store, put_words, &batch, NULL) && readable;
  g_clear_pointer (&batch.messages, g_array_unref);
  return more;
}

static gpointer
index_all (gpointer data)
{
  SurelIndexer *self = data;

  while (surel_queue_pop (self->asks, -1) != NULL)
    {
      while (put_next (self))
        ;
      if (!surel_queue_is_closed (self->asks))
        g_usleep (GATHER);
    }
  return NULL;
}

static void
ask (SurelIndexer *self)
{
  surel_queue_try_push (self->asks, self);
}

static void
on_committed (SurelStore *store G_GNUC_UNUSED, SurelCommit *commit, SurelIndexer *self)
{
  if (surel_changes_count (commit->changes) > 0)
    ask (self);
}

static void
on_indexed (SurelStore *store G_GNUC_UNUSED, SurelIndexer *self)
{
  ask (self);
}

/**
 * surel_indexer_new:
 * @store: outlives the indexer
 *
 * Returns: (transfer full): an indexer at work. Lives in the main thread.
 */
SurelIndexer *
surel_indexer_new (SurelStore *store)
{
  SurelIndexer *self = g_new0 (SurelIndexer, 1);

  self->store = store;
  self->asks = surel_queue_new (1, NULL);
  self->committed = g_signal_connect (store, "committed", G_CALLBACK (on_committed), self);
  self->indexed = g_signal_connect (store, "indexed", G_CALLBACK (on_indexed), self);
  self->thread = g_thread_new ("surel-indexer", index_all, self);
  ask (self);
  return self;
}

/**
 * surel_indexer_free:
 *
 * Ends it, after the few messages that it is at.
 */
void
surel_indexer_free (SurelIndexer *self)
{
  g_clear_signal_handler (&self->committed, self->store);
  g_clear_signal_handler (&self->indexed, self->store);
  surel_queue_close (self->asks);
  g_thread_join (self->thread);
  surel_queue_free (self->asks);
  g_free (self);
}
