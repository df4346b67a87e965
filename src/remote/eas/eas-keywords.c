/* What an ActiveSync server has a place for of a change of keywords, and how that is written. */
#include "remote/eas/eas-keywords.h"

#include <string.h>

#include "remote/eas/eas-category.h"

#define FITS (SUREL_KEYWORD_SEEN | SUREL_KEYWORD_FLAGGED) /* of those that all protocols know */
#define FLAG_ACTIVE 2 /* MS-ASEMAIL §2.2.2.34 */
#define FLAG_TYPE "for Follow Up"
#define CATEGORIES_MAX 300 /* MS-ASEMAIL §2.2.2.17 */

/* Of user keywords: those that can be categories. */
static char *
keep_categories (const char *words, GVariant *names)
{
  g_auto (GStrv) all = g_strsplit (words, " ", -1);
  g_autoptr (GPtrArray) kept = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; all[i] != NULL; i++)
    {
      g_autofree char *category = surel_eas_category_of_keyword (all[i], names);

      if (category != NULL)
        g_ptr_array_add (kept, g_strdup (all[i]));
    }
  return surel_keywords_join (kept);
}

static gboolean
changes_categories (const SurelChange *change)
{
  g_autofree char *added = keep_categories (change->add_words, change->keyword_names);
  g_autofree char *removed = keep_categories (change->remove_words, change->keyword_names);

  return added != NULL || removed != NULL;
}

/**
 * surel_eas_keywords_fit:
 *
 * Returns: whether there is anything in the change that a server has a place for
 */
gboolean
surel_eas_keywords_fit (const SurelChange *change)
{
  return ((change->add_flags | change->remove_flags) & FITS) != 0 || changes_categories (change);
}

/**
 * surel_eas_keep_here:
 *
 * Notes what no server has a place for.
 */
void
surel_eas_keep_here (SurelChange *change)
{
  g_autofree char *fits = keep_categories (change->add_words, change->keyword_names);

  for (guint i = 0; i < change->items->len; i++)
    {
      SurelChangeItem *item = surel_change_item (change, i);

      item->here_flags = change->add_flags & ~FITS;
      g_free (item->here_words);
      item->here_words = surel_keywords_combine (change->add_words, NULL, fits);
    }
}

/**
 * surel_eas_check_words:
 * @has: (nullable): the user keywords that the server has, after it took the change
 *
 * What it hasn't of those that were added is kept here.
 */
void
surel_eas_check_words (const SurelChange *change, SurelChangeItem *item, const char *has)
{
  g_autofree char *lacks = surel_keywords_combine (change->add_words, NULL, has);
  g_autofree char *here = surel_keywords_combine (item->here_words, lacks, NULL);

  g_free (item->here_words);
  item->here_words = g_steal_pointer (&here);
}

/* The categories that the message is to have from now on; a server has no place for other keywords. NULL where not all of
 * those that it has can be written again: they would be lost. */
static GPtrArray *
list_categories (const SurelChange *change, const SurelChangeItem *item)
{
  g_autofree char *all = surel_keywords_combine (item->server_words, change->add_words, change->remove_words);
  g_autofree char *added = surel_keywords_combine (change->add_words, NULL, item->server_words);
  g_auto (GStrv) words = g_strsplit (all != NULL ? all : "", " ", -1);
  g_auto (GStrv) new_words = g_strsplit (added != NULL ? added : "", " ", -1);
  g_autoptr (GPtrArray) categories = g_ptr_array_new_with_free_func (g_free);

  /* What would have passed the limit of what is kept of a message's keywords isn't known here. */
  if (item->server_words != NULL && strlen (item->server_words) + SUREL_KEYWORD_MAX >= SUREL_KEYWORDS_MAX)
    return NULL;
  for (guint i = 0; words[i] != NULL; i++)
    {
      char *category = surel_eas_category_of_keyword (words[i], change->keyword_names);

      if (category != NULL)
        g_ptr_array_add (categories, category);
      else if (words[i][0] != '\0' && !g_strv_contains ((const char *const *) new_words, words[i]))
        return NULL;
    }
  return categories->len <= CATEGORIES_MAX ? g_steal_pointer (&categories) : NULL;
}

/* All of them are written at once (MS-ASEMAIL §2.2.2.17). */
static void
write_categories (SurelEasWriter *request, const SurelChange *change, const SurelChangeItem *item)
{
  g_autoptr (GPtrArray) categories = list_categories (change, item);

  if (categories == NULL)
    return; /* the message is asked for afterwards: what it lacks then is kept here */
  if (categories->len == 0)
    {
      surel_eas_writer_empty (request, SUREL_EAS_EMAIL_CATEGORIES);
      return;
    }
  surel_eas_writer_open (request, SUREL_EAS_EMAIL_CATEGORIES);
  for (guint i = 0; i < categories->len; i++)
    surel_eas_writer_text (request, SUREL_EAS_EMAIL_CATEGORY, categories->pdata[i]);
  surel_eas_writer_close (request);
}

/**
 * surel_eas_write_keywords:
 * @request: at a Change of @item
 */
void
surel_eas_write_keywords (SurelEasWriter *request, const SurelChange *change, const SurelChangeItem *item)
{
  guint both = change->add_flags | change->remove_flags;

  surel_eas_writer_open (request, SUREL_EAS_SYNC_DATA);
  if (both & SUREL_KEYWORD_SEEN)
    surel_eas_writer_number (request, SUREL_EAS_EMAIL_READ, (change->add_flags & SUREL_KEYWORD_SEEN) != 0);
  if (change->add_flags & SUREL_KEYWORD_FLAGGED)
    {
      surel_eas_writer_open (request, SUREL_EAS_EMAIL_FLAG);
      surel_eas_writer_number (request, SUREL_EAS_EMAIL_FLAG_STATUS, FLAG_ACTIVE);
      surel_eas_writer_text (request, SUREL_EAS_EMAIL_FLAG_TYPE, FLAG_TYPE);
      surel_eas_writer_close (request);
    }
  else if (change->remove_flags & SUREL_KEYWORD_FLAGGED)
    surel_eas_writer_empty (request, SUREL_EAS_EMAIL_FLAG);
  if (changes_categories (change))
    write_categories (request, change, item);
  surel_eas_writer_close (request);
}
