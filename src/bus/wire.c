/* How much room a value takes in a message of D-Bus, whose alignment takes up to several times what GVariant's does. */
#include "bus/wire.h"

#include <string.h>

static gsize
align (gsize at, gsize to)
{
  return (at + to - 1) / to * to;
}

static gsize
alignment_of (const GVariantType *type)
{
  switch (g_variant_type_peek_string (type)[0])
    {
    case 'y':
    case 'g':
    case 'v':
      return 1;
    case 'n':
    case 'q':
      return 2;
    case 'x':
    case 't':
    case 'd':
    case '(':
    case '{':
      return 8;
    default:
      return 4;
    }
}

/* Returns where @value ends that begins at @at, behind its padding. */
static gsize
end_of (GVariant *value, gsize at)
{
  const GVariantType *type = g_variant_get_type (value);
  char class = g_variant_type_peek_string (type)[0];
  gsize n = g_variant_is_container (value) ? g_variant_n_children (value) : 0;

  at = align (at, alignment_of (type));
  if (class == 's' || class == 'o')
    at += 4 + strlen (g_variant_get_string (value, NULL)) + 1;
  else if (class == 'g')
    at += 1 + strlen (g_variant_get_string (value, NULL)) + 1;
  else if (!g_variant_is_container (value))
    at += alignment_of (type);
  else if (class == 'a')
    at = align (at + 4, alignment_of (g_variant_type_element (type)));
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (class == 'v')
        at += 1 + strlen (g_variant_get_type_string (child)) + 1;
      at = end_of (child, at);
    }
  return at;
}

/**
 * surel_wire_size:
 * @value: of types that D-Bus has
 *
 * Returns: octets that @value takes in a message (the D-Bus specification, `Marshaling`), where it begins at a multiple of eight
 */
gsize
surel_wire_size (GVariant *value)
{
  return end_of (value, 0);
}
