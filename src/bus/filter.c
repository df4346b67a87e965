/* Filters, sort keys and windows from the bus, checked and made a query. */
#include "bus/filter.h"

#include <string.h>

#include "base/errors.h"
#include "base/keywords.h"
#include "bus/call.h"
#include "bus/header-match.h"
#include "bus/path.h"
#include "mime/mime-form.h"
#include "store/search.h"

#define DEPTH_MAX 10 /* operators within operators: D-Bus itself nests 64 containers at most */
#define CONDITIONS_MAX 200 /* conditions of one filter, all in all */
#define FOLDERS_MAX 500 /* folders in one condition */
#define SORT_MAX 8 /* sort keys */
#define LIMIT_MAX 1000 /* rows */
#define LIMIT_USUAL 50

static const char *const later_filters[] = { "held", NULL };

/* Conditions on text: where they look. */
static const struct
{
  const char *key;
  SurelSearchField field;
} text_fields[] = {
  { "text", SUREL_SEARCH_ANYWHERE }, { "subject", SUREL_SEARCH_SUBJECT }, { "from", SUREL_SEARCH_FROM }, { "to", SUREL_SEARCH_TO },
  { "cc", SUREL_SEARCH_CC },         { "bcc", SUREL_SEARCH_BCC },         { "body", SUREL_SEARCH_BODY },
};

typedef struct
{
  guint conditions;
  guint words_left;
} Parse;

static gboolean
fail (GError **error, const char *key, const char *why)
{
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "The filter key `%s` %s", key, why);
  return FALSE;
}

static gboolean
take_folder (GVariant *value, const char *key, gint64 *folder, GError **error)
{
  gint64 account;
  const char *path;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH)
      && !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return fail (error, key, "takes a folder's object path");
  path = g_variant_get_string (value, NULL);
  return surel_path_to_folder (path, &account, folder)
         || fail (error, key, "takes a folder's object path");
}

static gboolean
take_folders (GVariant *value, const char *key, SurelFilter *condition, GError **error)
{
  gsize n;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH_ARRAY)
      && !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    return fail (error, key, "takes a list of folders' object paths");
  n = g_variant_n_children (value);
  if (n > FOLDERS_MAX)
    return fail (error, key, "has too many folders");
  condition->numbers = g_array_new (FALSE, FALSE, sizeof (gint64));
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
      gint64 folder;

      if (!take_folder (child, key, &folder, error))
        return FALSE;
      g_array_append_val (condition->numbers, folder);
    }
  return TRUE;
}

static gboolean
take_keyword (GVariant *value, const char *key, SurelFilter *condition, GError **error)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
      || !surel_keyword_is_valid (g_variant_get_string (value, NULL)))
    return fail (error, key, "takes a keyword (RFC 8621 section 4.1.1)");
  condition->text = g_ascii_strdown (g_variant_get_string (value, NULL), -1);
  return TRUE;
}

static gboolean
take_roles (GVariant *value, const char *key, SurelFilter *condition, GError **error)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY) || g_variant_n_children (value) > 20)
    return fail (error, key, "takes a list of at most 20 roles");
  condition->texts = g_variant_dup_strv (value, NULL);
  return TRUE;
}

static gboolean
take_text (Parse *parse, GVariant *value, const char *key, SurelFilter *condition, GError **error)
{
  guint i = 0;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return fail (error, key, "takes words");
  while (!g_str_equal (text_fields[i].key, key))
    i++;
  condition->text = surel_search_expression (text_fields[i].field, g_variant_get_string (value, NULL), &parse->words_left, error);
  g_prefix_error (error, "The filter key `%s`: ", key);
  return condition->text != NULL;
}

/* One or two texts: a field's name, and what its value has to contain. */
static gboolean
take_header (GVariant *value, const char *key, SurelFilter *condition, GError **error)
{
  g_auto (GStrv) words = g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY) ? g_variant_dup_strv (value, NULL) : NULL;
  guint n = words != NULL ? g_strv_length (words) : 0;
  const char *p = n > 0 ? words[0] : "";

  while (*p > ' ' && *p < 0x7f && *p != ':')
    p++;
  if (n < 1 || n > 2 || p == words[0] || *p != '\0' || p - words[0] > SUREL_MIME_NAME_OF_FIELD_MAX)
    return fail (error, key, "takes the name of a header field and, perhaps, what it has to contain");
  condition->texts = g_new0 (char *, 3);
  condition->texts[0] = g_strdup (words[0]);
  condition->texts[1] = n == 2 ? g_utf8_casefold (words[1], -1) : NULL;
  return TRUE;
}

static gboolean
take_condition (Parse *parse, const char *key, GVariant *value, SurelFilter *condition, GError **error)
{
  g_autoptr (GVariant) dict = NULL;

  switch (condition->kind)
    {
    case SUREL_FILTER_IN_MAILBOX:
      return take_folder (value, key, &condition->number, error);
    case SUREL_FILTER_IN_OTHER_THAN:
      return take_folders (value, key, condition, error);
    case SUREL_FILTER_ACCOUNT:
      return ((g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH)
               || g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
              && surel_path_to_account (g_variant_get_string (value, NULL), &condition->number))
             || fail (error, key, "takes an account's object path");
    case SUREL_FILTER_IN_ROLE:
      if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        return fail (error, key, "takes a role");
      condition->text = g_variant_dup_string (value, NULL);
      return TRUE;
    case SUREL_FILTER_NOT_IN_ROLES:
      return take_roles (value, key, condition, error);
    case SUREL_FILTER_HAS_KEYWORD:
    case SUREL_FILTER_NOT_KEYWORD:
    case SUREL_FILTER_ALL_IN_THREAD:
    case SUREL_FILTER_SOME_IN_THREAD:
    case SUREL_FILTER_NONE_IN_THREAD:
      return take_keyword (value, key, condition, error);
    case SUREL_FILTER_HEADER:
      return take_header (value, key, condition, error);
    case SUREL_FILTER_TEXT:
    case SUREL_FILTER_TEXT_OF_BODY:
      return take_text (parse, value, key, condition, error);
    case SUREL_FILTER_HAS_ATTACHMENT:
      if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
        return fail (error, key, "takes true or false");
      condition->number = g_variant_get_boolean (value);
      return TRUE;
    default:
      {
        GVariantBuilder builder;

        g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add (&builder, "{sv}", key, value);
        dict = g_variant_ref_sink (g_variant_builder_end (&builder));
      }
      return surel_call_get_number (dict, key, condition->kind == SUREL_FILTER_THREAD ? 1 : G_MININT64, G_MAXINT64, &condition->number, error);
    }
}

static gboolean
kind_of (const char *key, SurelFilterKind *kind)
{
  static const struct
  {
    const char *key;
    SurelFilterKind kind;
  } kinds[] = {
    { "inMailbox", SUREL_FILTER_IN_MAILBOX },   { "inMailboxOtherThan", SUREL_FILTER_IN_OTHER_THAN },
    { "inRole", SUREL_FILTER_IN_ROLE },         { "notInRoles", SUREL_FILTER_NOT_IN_ROLES },
    { "account", SUREL_FILTER_ACCOUNT },        { "before", SUREL_FILTER_BEFORE },
    { "after", SUREL_FILTER_AFTER },            { "minSize", SUREL_FILTER_MIN_SIZE },
    { "maxSize", SUREL_FILTER_MAX_SIZE },       { "hasKeyword", SUREL_FILTER_HAS_KEYWORD },
    { "notKeyword", SUREL_FILTER_NOT_KEYWORD }, { "hasAttachment", SUREL_FILTER_HAS_ATTACHMENT },
    { "thread", SUREL_FILTER_THREAD },          { "header", SUREL_FILTER_HEADER },
    { "allInThreadHaveKeyword", SUREL_FILTER_ALL_IN_THREAD },
    { "someInThreadHaveKeyword", SUREL_FILTER_SOME_IN_THREAD },
    { "noneInThreadHaveKeyword", SUREL_FILTER_NONE_IN_THREAD },
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_equal (kinds[i].key, key))
      {
        *kind = kinds[i].kind;
        return TRUE;
      }
  for (guint i = 0; i < G_N_ELEMENTS (text_fields); i++)
    if (g_str_equal (text_fields[i].key, key))
      {
        gboolean in_body = text_fields[i].field == SUREL_SEARCH_ANYWHERE || text_fields[i].field == SUREL_SEARCH_BODY;

        *kind = in_body ? SUREL_FILTER_TEXT_OF_BODY : SUREL_FILTER_TEXT;
        return TRUE;
      }
  return FALSE;
}

static SurelFilter *parse_filter (Parse *parse, GVariant *filter, guint depth, GError **error);

static SurelFilter *
parse_operator (Parse *parse, GVariant *filter, GVariant *operator, guint depth, GError **error)
{
  g_autoptr (GVariant) conditions
      = g_variant_lookup_value (filter, "conditions", G_VARIANT_TYPE ("aa{sv}"));
  const char *word = g_variant_is_of_type (operator, G_VARIANT_TYPE_STRING)
                         ? g_variant_get_string (operator, NULL)
                         : "";
  g_autoptr (SurelFilter) self = NULL;
  GVariantIter iter;
  GVariant *child;

  if (conditions == NULL || g_variant_n_children (filter) != 2)
    {
      fail (error, "operator", "goes with `conditions` (aa{sv}) and nothing else");
      return NULL;
    }
  if (g_str_equal (word, "AND"))
    self = surel_filter_new (SUREL_FILTER_AND);
  else if (g_str_equal (word, "OR"))
    self = surel_filter_new (SUREL_FILTER_OR);
  else if (g_str_equal (word, "NOT"))
    self = surel_filter_new (SUREL_FILTER_NOT);
  else
    {
      fail (error, "operator", "is `AND`, `OR` or `NOT`");
      return NULL;
    }
  g_variant_iter_init (&iter, conditions);
  while ((child = g_variant_iter_next_value (&iter)) != NULL)
    {
      SurelFilter *parsed = parse_filter (parse, child, depth + 1, error);

      g_variant_unref (child);
      if (parsed == NULL)
        return NULL;
      g_ptr_array_add (self->children, parsed);
    }
  return g_steal_pointer (&self);
}

static SurelFilter *
parse_filter (Parse *parse, GVariant *filter, guint depth, GError **error)
{
  g_autoptr (GVariant) operator = g_variant_lookup_value (filter, "operator", NULL);
  g_autoptr (SurelFilter) self = NULL;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (depth > DEPTH_MAX || ++parse->conditions > CONDITIONS_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED,
                   "A filter has at most %d conditions, %d deep", CONDITIONS_MAX, DEPTH_MAX);
      return NULL;
    }
  if (operator != NULL)
    return parse_operator (parse, filter, operator, depth, error);
  self = surel_filter_new (SUREL_FILTER_AND);
  g_variant_iter_init (&iter, filter);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) owned = value;
      SurelFilterKind kind;
      SurelFilter *condition;

      if (!kind_of (key, &kind))
        {
          gboolean later = g_strv_contains (later_filters, key);

          g_set_error (error, SUREL_ERROR,
                       later ? SUREL_ERROR_NOT_SUPPORTED : SUREL_ERROR_INVALID_ARGUMENT,
                       later ? "The filter key `%s` is not supported yet" : "There is no filter key `%s`",
                       key);
          return NULL;
        }
      condition = surel_filter_new (kind);
      g_ptr_array_add (self->children, condition);
      if (!take_condition (parse, key, owned, condition, error))
        return NULL;
    }
  return g_steal_pointer (&self);
}

static gboolean
parse_sort (const char *text, SurelSort *sort, GError **error)
{
  static const struct
  {
    const char *name;
    SurelSortKey key;
  } keys[] = {
    { "receivedAt", SUREL_SORT_RECEIVED }, { "sentAt", SUREL_SORT_SENT },       { "from", SUREL_SORT_FROM },
    { "to", SUREL_SORT_TO },               { "subject", SUREL_SORT_SUBJECT },   { "size", SUREL_SORT_SIZE },
  };
  const char *name = text[0] == '-' ? text + 1 : text;

  *sort = (SurelSort){ .descending = text[0] == '-' };
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (g_str_equal (name, keys[i].name))
      {
        sort->key = keys[i].key;
        return TRUE;
      }
  if (g_str_has_prefix (name, "hasKeyword:") && surel_keyword_is_valid (name + strlen ("hasKeyword:")))
    {
      sort->key = SUREL_SORT_KEYWORD;
      sort->keyword = g_ascii_strdown (name + strlen ("hasKeyword:"), -1);
      return TRUE;
    }
  g_set_error (error, SUREL_ERROR, SUREL_ERROR_INVALID_ARGUMENT, "There is no sort key `%s`", text);
  return FALSE;
}

static gboolean
parse_window (GVariant *window, SurelQuery *query, GError **error)
{
  static const char *const keys[]
      = { "position", "anchor", "anchorOffset", "limit", "collapseThreads", "calculateTotal", NULL };
  gint64 position = 0;
  gint64 offset = 0;
  gint64 limit = LIMIT_USUAL;

  if (!surel_call_check_options (window, keys, error)
      || !surel_call_get_number (window, "position", 0, G_MAXUINT32, &position, error)
      || !surel_call_get_number (window, "anchor", 1, G_MAXINT64, &query->anchor, error)
      || !surel_call_get_number (window, "anchorOffset", G_MININT32, G_MAXINT32, &offset, error)
      || !surel_call_get_number (window, "limit", 0, G_MAXUINT32, &limit, error)
      || !surel_call_get_boolean (window, "collapseThreads", &query->collapse, error)
      || !surel_call_get_boolean (window, "calculateTotal", &query->calculate_total, error))
    return FALSE;
  query->position = (guint) position;
  query->anchor_offset = (gint) offset;
  query->limit = (guint) MIN (limit, LIMIT_MAX);
  return TRUE;
}

/**
 * surel_filter_parse:
 * @store: which the query is of; outlives it
 *
 * Returns: (transfer full) (nullable): the query; %NULL with %SUREL_ERROR_INVALID_ARGUMENT, which names
 *   what is wrong, %SUREL_ERROR_NOT_SUPPORTED or %SUREL_ERROR_LIMIT_EXCEEDED
 */
SurelQuery *
surel_filter_parse (
    SurelStore *store, GVariant *filter, const char *const *sort, GVariant *window, GError **error)
{
  g_autoptr (SurelQuery) query = surel_query_new ();
  Parse parse = { .words_left = SUREL_SEARCH_ALL_WORDS_MAX };

  if (g_strv_length ((char **) sort) > SORT_MAX)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_LIMIT_EXCEEDED, "There are at most %d sort keys",
                   SORT_MAX);
      return NULL;
    }
  for (guint i = 0; sort[i] != NULL; i++)
    {
      SurelSort key;

      if (!parse_sort (sort[i], &key, error))
        return NULL;
      g_array_append_val (query->sort, key);
    }
  if (!parse_window (window, query, error))
    return NULL;
  query->has_header = surel_header_match;
  query->has_header_data = store;
  if (g_variant_n_children (filter) > 0)
    {
      query->filter = parse_filter (&parse, filter, 0, error);
      if (query->filter == NULL)
        return NULL;
    }
  return g_steal_pointer (&query);
}
