/* Secrets in a key file, for who asks for that in so many words: a machine without a keyring. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/secrets.h"
#include "base/errors.h"

typedef struct
{
  SurelSecrets parent;
  char *path;
  pthread_mutex_t mutex; /* of who changes it: from the file's reading to its writing */
} File;

static GKeyFile *
load (File *self, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) own = NULL;

  if (!g_key_file_load_from_file (file, self->path, G_KEY_FILE_NONE, &own)
      && !g_error_matches (own, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The secrets file %s can't be read: %s",
                   self->path, own->message);
      return NULL;
    }
  return g_steal_pointer (&file);
}

static gboolean
save (File *self, GKeyFile *file, GError **error)
{
  g_autofree char *data = g_key_file_to_data (file, NULL, NULL);
  g_autoptr (GError) own = NULL;

  if (g_file_set_contents_full (self->path, data, -1,
                                G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, &own))
    return TRUE;
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_FAILED, "The secrets file %s can't be written: %s",
               self->path, own->message);
  return FALSE;
}

static gboolean
file_set (SurelSecrets *secrets,
          const char *account,
          const char *key,
          const char *label G_GNUC_UNUSED,
          const char *secret,
          GCancellable *cancellable G_GNUC_UNUSED,
          GError **error)
{
  File *self = (File *) secrets;
  g_autoptr (GKeyFile) file = NULL;
  gboolean success = FALSE;

  pthread_mutex_lock (&self->mutex);
  file = load (self, error);
  if (file != NULL)
    {
      g_key_file_set_string (file, account, key, secret);
      success = save (self, file, error);
    }
  pthread_mutex_unlock (&self->mutex);
  return success;
}

static char *
file_get (SurelSecrets *secrets,
          const char *account,
          const char *key,
          GCancellable *cancellable G_GNUC_UNUSED,
          GError **error)
{
  g_autoptr (GKeyFile) file = load ((File *) secrets, error);

  return file != NULL ? g_key_file_get_string (file, account, key, NULL) : NULL;
}

static gboolean
file_remove (SurelSecrets *secrets,
             const char *account,
             GCancellable *cancellable G_GNUC_UNUSED,
             GError **error)
{
  File *self = (File *) secrets;
  g_autoptr (GKeyFile) file = NULL;
  gboolean success = FALSE;

  pthread_mutex_lock (&self->mutex);
  file = load (self, error);
  if (file != NULL)
    success = !g_key_file_remove_group (file, account, NULL) || save (self, file, error);
  pthread_mutex_unlock (&self->mutex);
  return success;
}

static void
file_free (SurelSecrets *secrets)
{
  File *self = (File *) secrets;

  pthread_mutex_destroy (&self->mutex);
  g_free (self->path);
  g_free (self);
}

/**
 * surel_secrets_new_file:
 * @path: a key file of the user's own that nobody else can read; made where it isn't there
 *
 * Returns: (transfer full) (nullable): %NULL with %SUREL_ERROR_PERMISSION_DENIED where it isn't so
 */
SurelSecrets *
surel_secrets_new_file (const char *path, GError **error)
{
  static const SurelSecretsClass klass = { file_free, file_set, file_get, file_remove };
  int fd = open (path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  struct stat status;
  gboolean fit = fd >= 0 && fstat (fd, &status) == 0 && S_ISREG (status.st_mode)
                 && status.st_uid == geteuid () && (status.st_mode & 0077) == 0;
  File *self;

  if (fd < 0 && errno != ELOOP)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_PERMISSION_DENIED,
                   "The secrets file %s can't be opened: %s", path, g_strerror (errno));
      return NULL;
    }
  if (fd >= 0)
    close (fd);
  if (!fit)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_PERMISSION_DENIED,
                   "The secrets file %s is not used: it has to be your own regular file that nobody else "
                   "can read (chmod 600)",
                   path);
      return NULL;
    }
  self = g_new0 (File, 1);
  self->parent.klass = &klass;
  self->path = g_strdup (path);
  pthread_mutex_init (&self->mutex, NULL);
  return &self->parent;
}
