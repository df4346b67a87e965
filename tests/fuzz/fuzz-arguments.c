/* Any values as arguments from the bus, as GVariant text: four lines for a filter, sort keys, a window and an
 * account's settings. What is refused says why. */
#include "base/errors.h"
#include "bus/filter.h"
#include "engine/settings.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* What stands there, or an empty value: what GDBus hands out is always of the type it should be. */
static GVariant *
value_of (char **lines, guint i, const char *type)
{
  GVariant *value = i < g_strv_length (lines)
                        ? g_variant_parse (G_VARIANT_TYPE (type), lines[i], NULL, NULL, NULL)
                        : NULL;

  return value != NULL ? value : g_variant_ref_sink (g_variant_new_array (g_variant_type_element (G_VARIANT_TYPE (type)), NULL, 0));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_utf8_make_valid ((const char *) data, (gssize) size); /* GVariant's text is */
  g_auto (GStrv) lines = g_strsplit (text, "\n", 4);
  g_autoptr (GVariant) filter = value_of (lines, 0, "a{sv}");
  g_autoptr (GVariant) sort = value_of (lines, 1, "as");
  g_autoptr (GVariant) window = value_of (lines, 2, "a{sv}");
  g_autoptr (GVariant) settings = value_of (lines, 3, "a{sv}");
  g_autofree const char **keys = g_variant_get_strv (sort, NULL);
  g_autoptr (GError) filter_error = NULL;
  g_autoptr (GError) settings_error = NULL;
  g_autoptr (SurelQuery) query = surel_filter_parse (NULL, filter, keys, window, &filter_error);
  g_autoptr (GVariant) checked = surel_settings_check (settings, NULL, &settings_error);

  g_assert_true ((query != NULL) == (filter_error == NULL));
  g_assert_true ((checked != NULL) == (settings_error == NULL));
  return 0;
}
