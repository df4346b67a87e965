/* The list of folders as it is known, and its token: the key in the first line, all folders in the others, as a server
 * tells but what has changed since a key. */
#include "remote/eas/eas-list.h"

#include <string.h>

#include "base/folder.h"

/* Strings that are NULL aren't known. */
SurelEasFolder *
surel_eas_folder_new (const char *id, const char *parent, const char *name, gint64 type)
{
  SurelEasFolder *self = g_new0 (SurelEasFolder, 1);

  self->id = g_strdup (id);
  self->parent = g_strdup (parent);
  self->name = g_strdup (name);
  self->type = type;
  return self;
}

void
surel_eas_folder_free (SurelEasFolder *self)
{
  g_free (self->id);
  g_free (self->parent);
  g_free (self->name);
  g_free (self);
}

gboolean
surel_eas_folder_is_mail (const SurelEasFolder *self)
{
  return self->type == SUREL_EAS_FOLDER_IS_MAIL
         || (self->type >= SUREL_EAS_FOLDER_IS_GENERIC && self->type <= SUREL_EAS_FOLDER_IS_OUTBOX);
}

static void
read_token (SurelEasList *self, GBytes *token)
{
  g_autofree char *text = g_strndup (g_bytes_get_data (token, NULL), g_bytes_get_size (token));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  if (lines[0] == NULL)
    return;
  surel_eas_list_take_key (self, g_strdup (lines[0]));
  for (guint i = 1; lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], "\t", 4);

      if (g_strv_length (fields) == 4)
        surel_eas_list_put (self, surel_eas_folder_new (fields[0], fields[1], fields[3], g_ascii_strtoll (fields[2], NULL, 10)));
    }
}

/**
 * surel_eas_list_new:
 * @token: (nullable): what surel_eas_list_to_token() gave
 */
SurelEasList *
surel_eas_list_new (GBytes *token)
{
  SurelEasList *self = g_new0 (SurelEasList, 1);

  self->folders = g_ptr_array_new_with_free_func ((GDestroyNotify) surel_eas_folder_free);
  self->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  self->key = g_strdup (SUREL_EAS_NO_KEY);
  if (token != NULL)
    read_token (self, token);
  return self;
}

void
surel_eas_list_free (SurelEasList *self)
{
  g_ptr_array_unref (self->folders);
  g_hash_table_unref (self->by_id);
  g_free (self->key);
  g_free (self);
}

GBytes *
surel_eas_list_to_token (const SurelEasList *self)
{
  GString *text = g_string_new (self->key);

  for (guint i = 0; i < self->folders->len; i++)
    {
      const SurelEasFolder *folder = self->folders->pdata[i];

      g_string_append_printf (text, "\n%s\t%s\t%" G_GINT64_FORMAT "\t%s", folder->id,
                              folder->parent != NULL ? folder->parent : SUREL_EAS_TOP, folder->type,
                              folder->name != NULL ? folder->name : "");
    }
  return g_string_free_to_bytes (text);
}

/**
 * surel_eas_list_take_key:
 * @key: (transfer full) (nullable): %NULL leaves it as it is
 */
void
surel_eas_list_take_key (SurelEasList *self, char *key)
{
  if (key == NULL)
    return;
  g_free (self->key);
  self->key = key;
}

static void
take (char **known, char **said)
{
  if (*said == NULL)
    return;
  g_free (*known);
  *known = g_steal_pointer (said);
}

/**
 * surel_eas_list_put:
 * @folder: (transfer full): of one that is known what it doesn't say stays; one without an id is passed over
 */
void
surel_eas_list_put (SurelEasList *self, SurelEasFolder *folder)
{
  SurelEasFolder *known = surel_eas_list_find (self, folder->id);

  if (known != NULL)
    {
      known->type = folder->type > 0 ? folder->type : known->type;
      take (&known->parent, &folder->parent);
      take (&known->name, &folder->name);
    }
  /* Those beyond are left out (engine/folder-list.c), and one more tells that there are some. */
  if (known != NULL || folder->id == NULL || folder->id[0] == '\0' || self->folders->len > SUREL_FOLDERS_MAX)
    {
      surel_eas_folder_free (folder);
      return;
    }
  g_ptr_array_add (self->folders, folder);
  g_hash_table_insert (self->by_id, folder->id, folder);
}

/**
 * surel_eas_list_drop:
 * @id: (nullable): one that isn't known is passed over
 */
void
surel_eas_list_drop (SurelEasList *self, const char *id)
{
  SurelEasFolder *folder = surel_eas_list_find (self, id);

  if (folder == NULL)
    return;
  g_hash_table_remove (self->by_id, id);
  g_ptr_array_remove (self->folders, folder);
}

/**
 * surel_eas_list_find:
 * @id: (nullable)
 */
SurelEasFolder *
surel_eas_list_find (const SurelEasList *self, const char *id)
{
  return id != NULL ? g_hash_table_lookup (self->by_id, id) : NULL;
}

/**
 * surel_eas_list_find_named:
 *
 * Returns: (nullable) (transfer none): the folder of mail with that parent and name
 */
SurelEasFolder *
surel_eas_list_find_named (const SurelEasList *self, const char *parent, const char *name)
{
  for (guint i = 0; i < self->folders->len; i++)
    {
      SurelEasFolder *folder = self->folders->pdata[i];

      if (surel_eas_folder_is_mail (folder) && g_strcmp0 (folder->name, name) == 0
          && g_strcmp0 (folder->parent != NULL ? folder->parent : SUREL_EAS_TOP, parent) == 0)
        return folder;
    }
  return NULL;
}
