/* The patch and options of Operations.Modify, checked key by key. */
#include "bus/patch.h"

#include "base/errors.h"
#include "base/keywords.h"
#include "bus/call.h"
#include "bus/path.h"

#define KEYWORDS_MAX 100 /* keywords in one patch */
#define FOLDERS_MAX 100 /* folders in one patch */

static gboolean
fail (GError **error, const char *key, const char *what)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "`%s` %s", key, what);
  return FALSE;
}

static gboolean
take_keywords (GVariant *value, const char *key, guint *flags, char **words, GError **error)
{
  g_autofree const char **keywords = NULL;
  g_autoptr (GPtrArray) user = g_ptr_array_new ();

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("as")))
    return fail (error, key, "has to be an array of strings");
  keywords = g_variant_get_strv (value, NULL);
  if (g_strv_length ((char **) keywords) > KEYWORDS_MAX)
    return fail (error, key, "has more than 100 keywords");
  for (guint i = 0; keywords[i] != NULL; i++)
    {
      guint bit = surel_keyword_bit (keywords[i]);

      if (bit == 0 && !surel_keyword_is_valid (keywords[i]))
        {
          g_autofree char *shown = g_utf8_make_valid (keywords[i], (gssize) MIN (strlen (keywords[i]), 100));

          g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT,
                       "`%s` is no keyword: it has 1 to 255 letters of ASCII, without spaces and ( ) { ] %% * \" \\", shown);
          return FALSE;
        }
      *flags |= bit;
      if (bit == 0)
        g_ptr_array_add (user, (gpointer) keywords[i]);
    }
  *words = surel_keywords_join (user);
  return TRUE;
}

static gboolean
take_folder (SurelPatch *patch, GVariant *value, const char *key, gint64 *folder, GError **error)
{
  SurelFolderPath path;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH)
      || !surel_path_to_folder (g_variant_get_string (value, NULL), &path.account, &path.folder))
    return fail (error, key, "has to be the path of a folder");
  *folder = path.folder;
  g_array_append_val (patch->paths, path);
  return TRUE;
}

static gboolean
take_folders (SurelPatch *patch, GVariant *value, const char *key, GArray *folders, GError **error)
{
  GVariantIter iter;
  GVariant *child;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("ao")) || g_variant_n_children (value) > FOLDERS_MAX)
    return fail (error, key, "has to be an array of at most 100 paths of folders");
  g_variant_iter_init (&iter, value);
  while ((child = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) owned = child;
      gint64 folder;

      if (!take_folder (patch, owned, key, &folder, error))
        return FALSE;
      for (guint i = 0; i < folders->len; i++)
        if (g_array_index (folders, gint64, i) == folder)
          return fail (error, key, "names a folder twice");
      g_array_append_val (folders, folder);
    }
  return TRUE;
}

static gboolean
take_role (GVariant *value, char **role, GError **error)
{
  static const char *const roles[]
      = { "inbox", "sent", "drafts", "trash", "junk", "archive", "all", "flagged", "important", "outbox", NULL };

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
      || !g_strv_contains (roles, g_variant_get_string (value, NULL)))
    return fail (error, "moveToRole", "has to be a role");
  *role = g_variant_dup_string (value, NULL);
  return TRUE;
}

static gboolean
take_key (SurelPatch *patch, const char *key, GVariant *value, GError **error)
{
  if (g_str_equal (key, "addKeywords"))
    return take_keywords (value, key, &patch->add_flags, &patch->add_words, error);
  if (g_str_equal (key, "removeKeywords"))
    return take_keywords (value, key, &patch->remove_flags, &patch->remove_words, error);
  if (g_str_equal (key, "moveTo"))
    return take_folder (patch, value, key, &patch->move_to, error);
  if (g_str_equal (key, "moveToRole"))
    return take_role (value, &patch->move_to_role, error);
  if (g_str_equal (key, "moveFrom"))
    return take_folder (patch, value, key, &patch->from, error);
  if (g_str_equal (key, "addFolders"))
    return take_folders (patch, value, key, patch->add_folders, error);
  if (g_str_equal (key, "removeFolders"))
    return take_folders (patch, value, key, patch->remove_folders, error);
  if (g_str_equal (key, "destroy"))
    {
      if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
        return fail (error, key, "has to be true or false");
      patch->destroy = g_variant_get_boolean (value);
      return TRUE;
    }
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "There is no key `%s` in a patch", key);
  return FALSE;
}

static gboolean
have_common (const GArray *a, const GArray *b)
{
  for (guint i = 0; i < a->len; i++)
    for (guint k = 0; k < b->len; k++)
      if (g_array_index (a, gint64, i) == g_array_index (b, gint64, k))
        return TRUE;
  return FALSE;
}

/* What contradicts itself has no meaning that could be guessed. */
static gboolean
check (const SurelPatch *patch, GError **error)
{
  g_autofree char *rest = surel_keywords_combine (patch->add_words, NULL, patch->remove_words);

  if ((patch->add_flags & patch->remove_flags) != 0 || g_strcmp0 (rest, patch->add_words) != 0)
    return fail (error, "addKeywords", "and `removeKeywords` have a keyword in common");
  if (have_common (patch->add_folders, patch->remove_folders))
    return fail (error, "addFolders", "and `removeFolders` have a folder in common");
  for (guint i = 0; i < patch->remove_folders->len; i++)
    if (patch->move_to != 0 && g_array_index (patch->remove_folders, gint64, i) == patch->move_to)
      return fail (error, "removeFolders", "has the folder that `moveTo` says");
  if (patch->move_to != 0 && patch->move_to_role != NULL)
    return fail (error, "moveTo", "and `moveToRole` can't be given together");
  if (patch->from != 0 && patch->move_to == 0 && patch->move_to_role == NULL)
    return fail (error, "moveFrom", "goes with `moveTo` or `moveToRole`");
  if (patch->destroy
      && (patch->move_to != 0 || patch->move_to_role != NULL || patch->add_flags != 0 || patch->remove_flags != 0
          || patch->add_words != NULL || patch->remove_words != NULL || patch->add_folders->len > 0
          || patch->remove_folders->len > 0))
    return fail (error, "destroy", "goes with nothing else");
  return TRUE;
}

/**
 * surel_patch_parse:
 * @patch: an a{sv} as Operations.Modify takes it
 * @options: likewise
 *
 * Returns: (transfer full) (nullable): it, without ids; %NULL with %SUREL_ERROR_INVALID_ARGUMENT, which names the key
 */
SurelPatch *
surel_patch_parse (GVariant *patch, GVariant *options, GError **error)
{
  static const char *const keys[] = { "key", "ifState", "dryRun", NULL };
  g_autoptr (SurelPatch) self = surel_patch_new ();
  GVariantIter iter;
  const char *key;
  GVariant *value;
  gint64 state = 0;

  g_variant_iter_init (&iter, patch);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;

      if (!take_key (self, key, owned, error))
        return NULL;
    }
  if (!check (self, error) || !surel_call_check_options (options, keys, error)
      || !surel_call_get_number (options, "ifState", 1, G_MAXINT64, &state, error)
      || !surel_call_get_boolean (options, "dryRun", &self->dry_run, error))
    return NULL;
  self->if_state = (guint64) state;
  return g_steal_pointer (&self);
}
