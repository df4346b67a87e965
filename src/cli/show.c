/* surel show: a message as a person reads it, its parts, and its octets. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "mime/mime-html.h"

#define PIECE 16384 /* octets of a line that are cleaned at once */
#define TEXT_MAX (16 << 20) /* octets of a text that are shown */
#define SAME_NAME_MAX 1000 /* files of one name */

/* In pieces that end with a character: a line may be as long as its message. */
static void
print_clean (const char *line, gsize length)
{
  while (length > 0)
    {
      gsize piece = MIN (length, PIECE);
      g_autofree char *clean = NULL;

      for (guint back = 0; piece < length && back < 3 && ((guchar) line[piece] & 0xc0) == 0x80; back++)
        piece--;
      clean = surel_text_clean (line, (gssize) piece, G_MAXINT);
      fputs (clean, stdout);
      line += piece;
      length -= piece;
    }
}

/* A line of a message for a terminal. */
static void
print_line (const char *line, gsize length)
{
  while (length > 0 && g_ascii_isspace (line[length - 1]))
    length--;
  print_clean (line, length);
  putchar ('\n');
}

/* The message as it is, or its header. */
static gboolean
print_message (SurelCli *cli, int fd, GError **error)
{
  FILE *file = fdopen (fd, "r");
  char *line = NULL;
  size_t size = 0;
  ssize_t length;

  if (file == NULL)
    {
      close (fd);
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("The message can't be read"));
      return FALSE;
    }
  while ((length = getline (&line, &size, file)) > 0)
    {
      if (cli->headers && (line[0] == '\n' || (line[0] == '\r' && line[1] == '\n')))
        break;
      if (cli->raw)
        fwrite (line, 1, (gsize) length, stdout);
      else
        print_line (line, (gsize) length);
    }
  free (line);
  fclose (file);
  return TRUE;
}

/* @properties: (nullable): those that a list shows */
static GVariant *
get_row (SurelCli *cli, guint64 id, const char *const *properties, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) rows = NULL;
  GVariant *wanted = properties != NULL ? g_variant_new_strv (properties, -1) : g_variant_new_strv (NULL, 0);

  reply = surel_cli_call (cli, SUREL_CLI_PATH, "Messages", "Get",
                          g_variant_new ("(@at@as)", g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, &id, 1, sizeof id), wanted),
                          error);
  if (reply == NULL)
    return NULL;
  rows = g_variant_get_child_value (reply, 0);
  if (g_variant_n_children (rows) > 0)
    return g_variant_get_child_value (rows, 0);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("There is no such message"));
  return NULL;
}

static gboolean
print_json (SurelCli *cli, guint64 id, GError **error)
{
  g_autoptr (GVariant) row = get_row (cli, id, NULL, error);

  if (row != NULL)
    surel_cli_print_json (row);
  return row != NULL;
}

/* --- As a person reads it --- */

static void
print_text (const char *text)
{
  while (*text != '\0')
    {
      gsize length = strcspn (text, "\n");

      print_line (text, length);
      text += length + (text[length] == '\n');
    }
}

static void
print_field (const char *name, const char *value)
{
  if (value != NULL && value[0] != '\0')
    {
      fputs (name, stdout);
      fputs (": ", stdout);
      print_line (value, strlen (value));
    }
}

static void
print_people (GVariant *row, const char *key, const char *name)
{
  g_autoptr (GVariant) people = g_variant_lookup_value (row, key, G_VARIANT_TYPE ("a(ss)"));
  g_autoptr (GString) line = g_string_new (NULL);

  for (gsize i = 0; people != NULL && i < g_variant_n_children (people); i++)
    {
      const char *who;
      const char *address;

      g_variant_get_child (people, i, "(&s&s)", &who, &address);
      g_string_append_printf (line, who[0] != '\0' ? "%s%s <%s>" : "%s%s%s", i > 0 ? ", " : "", who, address);
    }
  print_field (name, line->str);
}

static gboolean
print_header (SurelCli *cli, guint64 id, GError **error)
{
  static const char *const properties[] = { "from", "to", "cc", "bcc", "sentAt", "receivedAt", "subject", NULL };
  g_autoptr (GVariant) row = get_row (cli, id, properties, error);
  g_autofree char *date = NULL;
  const char *subject = NULL;
  gint64 time = 0;

  if (row == NULL)
    return FALSE;
  if (!g_variant_lookup (row, "sentAt", "x", &time))
    g_variant_lookup (row, "receivedAt", "x", &time);
  date = surel_cli_time (time);
  g_variant_lookup (row, "subject", "&s", &subject);
  print_people (row, "from", "From");
  print_people (row, "to", "To");
  print_people (row, "cc", "Cc");
  print_people (row, "bcc", "Bcc");
  print_field ("Date", date);
  print_field ("Subject", subject);
  putchar ('\n');
  return TRUE;
}

static const char *
string_of (GVariant *part, const char *key)
{
  const char *value = NULL;

  g_variant_lookup (part, key, "&s", &value);
  return value != NULL ? value : "";
}

static void
print_attached (GVariant *part)
{
  guint64 size = 0;
  g_autofree char *octets = NULL;
  g_autofree char *line = NULL;

  g_variant_lookup (part, "size", "t", &size);
  octets = g_format_size (size);
  line = g_strdup_printf ("%-8s %-30s %10s  %s", string_of (part, "partId"), string_of (part, "type"), octets, string_of (part, "name"));
  fputs ("  ", stdout);
  print_line (line, strlen (line));
}

static void
print_part (GVariant *part, GVariant *values)
{
  g_autofree char *plain = NULL;
  const char *id = string_of (part, "partId");
  const char *text = NULL;
  gboolean truncated = FALSE;

  if (!g_variant_lookup (values, id, "(&sbb)", &text, NULL, &truncated))
    {
      print_attached (part); /* a picture between texts */
      return;
    }
  if (g_str_equal (string_of (part, "type"), "text/html"))
    plain = surel_mime_html_to_text (text, TRUE);
  print_text (plain != NULL ? plain : text);
  if (truncated)
    surel_cli_print (_ ("(There is more; --part %s prints all of it)\n"), id);
}

static GVariant *
get_body (SurelCli *cli, guint64 id, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "values", g_variant_new_string ("text"));
  g_variant_builder_add (&options, "{sv}", "maxBytes", g_variant_new_uint32 (TEXT_MAX));
  reply = surel_cli_call (cli, SUREL_CLI_PATH, "Messages", "GetBody", g_variant_new ("(ta{sv})", id, &options), error);
  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

static gboolean
print_readable (SurelCli *cli, guint64 id, GError **error)
{
  g_autoptr (GVariant) body = get_body (cli, id, error);
  g_autoptr (GVariant) texts = body != NULL ? g_variant_lookup_value (body, "textBody", NULL) : NULL;
  g_autoptr (GVariant) attached = body != NULL ? g_variant_lookup_value (body, "attachments", NULL) : NULL;
  g_autoptr (GVariant) values = body != NULL ? g_variant_lookup_value (body, "bodyValues", NULL) : NULL;

  if (body == NULL || !print_header (cli, id, error))
    return FALSE;
  for (gsize i = 0; i < g_variant_n_children (texts); i++)
    {
      g_autoptr (GVariant) part = g_variant_get_child_value (texts, i);

      print_part (part, values);
    }
  if (g_variant_n_children (attached) > 0)
    surel_cli_print (_ ("\nAttached:\n"));
  for (gsize i = 0; i < g_variant_n_children (attached); i++)
    {
      g_autoptr (GVariant) part = g_variant_get_child_value (attached, i);

      print_attached (part);
    }
  return TRUE;
}

/* --- Octets --- */

/* @part: empty for the whole. Returns a descriptor; -1 with @error set. */
static int
open_part (SurelCli *cli, guint64 id, const char *part, gboolean utf8, char **type, GError **error)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GVariant) reply = NULL;
  GVariantBuilder options;
  gint handle;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (utf8)
    g_variant_builder_add (&options, "{sv}", "utf8", g_variant_new_boolean (TRUE));
  reply = g_dbus_connection_call_with_unix_fd_list_sync (
      cli->bus, SUREL_CLI_NAME, SUREL_CLI_PATH, SUREL_CLI_NAME ".Messages", "OpenPart",
      g_variant_new ("(tsa{sv})", id, part, &options), G_VARIANT_TYPE ("(ha{sv})"), G_DBUS_CALL_FLAGS_NONE,
      SUREL_CLI_TIMEOUT, NULL, &fds, NULL, error);
  if (reply == NULL)
    {
      g_dbus_error_strip_remote_error (*error);
      return -1;
    }
  g_variant_get (reply, "(h@a{sv})", &handle, &info);
  if (type != NULL)
    *type = g_strdup (string_of (info, "type"));
  return g_unix_fd_list_get (fds, handle, error);
}

static gboolean
fail_errno (GError **error, const char *path)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("%s can't be written: %s"), path, g_strerror (errno));
  return FALSE;
}

static gboolean
copy_to (int from, int to, const char *path, GError **error)
{
  char buffer[65536];
  gssize n;

  while ((n = read (from, buffer, sizeof buffer)) > 0)
    for (gssize done = 0; done < n;)
      {
        gssize written = write (to, buffer + done, (gsize) (n - done));

        if (written < 0 && errno != EINTR)
          return fail_errno (error, path);
        done += MAX (written, 0);
      }
  return n == 0 || fail_errno (error, path);
}

/* What isn't text does things to a terminal. */
static gboolean
print_octets (SurelCli *cli, guint64 id, GError **error)
{
  g_autofree char *type = NULL;
  int fd = open_part (cli, id, cli->part, isatty (STDOUT_FILENO), &type, error);
  gboolean success;

  if (fd < 0)
    return FALSE;
  if (isatty (STDOUT_FILENO) && g_str_has_prefix (type, "text/"))
    return print_message (cli, fd, error);
  success = !isatty (STDOUT_FILENO) && copy_to (fd, STDOUT_FILENO, _ ("The output"), error);
  if (!success && *error == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("That is no text: let it go into a file, or use --save"));
  close (fd);
  return success;
}

/* --- Files --- */

/* A file that wasn't there, called @name or like that: nothing is written over. */
static int
create_file (int directory, const char *name, char **called, GError **error)
{
  const char *dot = strrchr (name, '.');
  gsize stem = dot != NULL && dot != name ? (gsize) (dot - name) : strlen (name);
  int fd = -1;

  errno = EEXIST;
  for (guint n = 1; fd < 0 && errno == EEXIST && n <= SAME_NAME_MAX; n++)
    {
      g_free (*called);
      *called = n == 1 ? g_strdup (name) : g_strdup_printf ("%.*s (%u)%s", (int) stem, name, n, name + stem);
      fd = openat (directory, *called, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    }
  if (fd < 0)
    fail_errno (error, *called);
  return fd;
}

static gboolean
save_part (SurelCli *cli, guint64 id, GVariant *part, int directory, GError **error)
{
  const char *section = string_of (part, "partId");
  g_autofree char *unnamed = g_strdup_printf ("part-%s", section);
  const char *name = string_of (part, "name")[0] != '\0' ? string_of (part, "name") : unnamed;
  g_autofree char *called = NULL;
  g_autofree char *path = NULL;
  int from = open_part (cli, id, section, FALSE, NULL, error);
  int to = from >= 0 ? create_file (directory, name, &called, error) : -1;
  gboolean success = to >= 0 && copy_to (from, to, called, error);

  if (from >= 0)
    close (from);
  if (to >= 0 && close (to) != 0 && success)
    success = fail_errno (error, called);
  if (!success && to >= 0)
    unlinkat (directory, called, 0);
  if (!success)
    return FALSE;
  path = g_build_filename (cli->save, called, NULL);
  surel_cli_print ("%s\n", path);
  return TRUE;
}

/* The part of that id in @tree; NULL for none. */
static GVariant *
find_part (GVariant *tree, const char *id)
{
  g_autoptr (GVariant) parts = g_variant_lookup_value (tree, "subParts", NULL);
  GVariant *found = g_str_equal (string_of (tree, "partId"), id) ? g_variant_ref (tree) : NULL;

  for (gsize i = 0; found == NULL && parts != NULL && i < g_variant_n_children (parts); i++)
    {
      g_autoptr (GVariant) part = g_variant_get_child_value (parts, i);

      found = find_part (part, id);
    }
  return found;
}

static gboolean
save_one (SurelCli *cli, guint64 id, GVariant *body, int directory, GError **error)
{
  g_autoptr (GVariant) tree = g_variant_lookup_value (body, "bodyStructure", NULL);
  g_autoptr (GVariant) part = find_part (tree, cli->part);

  if (part == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("The message has no part %s"), cli->part);
  return part != NULL && save_part (cli, id, part, directory, error);
}

/* @texts: whether those of text are meant, too: pictures stand between them */
static gboolean
save_all (SurelCli *cli, guint64 id, GVariant *parts, gboolean texts, int directory, guint *saved, GError **error)
{
  for (gsize i = 0; i < g_variant_n_children (parts); i++)
    {
      g_autoptr (GVariant) part = g_variant_get_child_value (parts, i);

      if (!texts && g_str_has_prefix (string_of (part, "type"), "text/"))
        continue;
      if (!save_part (cli, id, part, directory, error))
        return FALSE;
      (*saved)++;
    }
  return TRUE;
}

static gboolean
save (SurelCli *cli, guint64 id, GError **error)
{
  g_autoptr (GVariant) body = get_body (cli, id, error);
  g_autoptr (GVariant) attached = body != NULL ? g_variant_lookup_value (body, "attachments", NULL) : NULL;
  g_autoptr (GVariant) texts = body != NULL ? g_variant_lookup_value (body, "textBody", NULL) : NULL;
  guint saved = 0;
  int directory = body != NULL ? open (cli->save, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  gboolean success = TRUE;

  if (body == NULL)
    return FALSE;
  if (directory < 0)
    return fail_errno (error, cli->save);
  if (cli->part != NULL)
    success = save_one (cli, id, body, directory, error);
  else
    success = save_all (cli, id, texts, FALSE, directory, &saved, error) && save_all (cli, id, attached, TRUE, directory, &saved, error);
  if (success && cli->part == NULL && saved == 0)
    surel_cli_print (_ ("Nothing is attached.\n"));
  close (directory);
  return success;
}

gboolean
surel_cli_show (SurelCli *cli, char **arguments, GError **error)
{
  guint64 id;
  int fd;

  if (arguments[0] == NULL || arguments[1] != NULL || !g_ascii_string_to_unsigned (arguments[0], 10, 1, G_MAXINT64, &id, NULL))
    return surel_cli_usage (error, "show ID [--raw|--headers|--part PART|--save DIR]");
  if ((cli->part != NULL || cli->save != NULL) && (cli->raw || cli->headers))
    return surel_cli_usage (error, "show ID [--raw|--headers|--part PART|--save DIR]");
  if (cli->json)
    return print_json (cli, id, error);
  if (cli->save != NULL)
    return save (cli, id, error);
  if (cli->part != NULL)
    return print_octets (cli, id, error);
  if (!cli->raw && !cli->headers)
    return print_readable (cli, id, error);
  fd = open_part (cli, id, "", FALSE, NULL, error);
  return fd >= 0 && print_message (cli, fd, error);
}
