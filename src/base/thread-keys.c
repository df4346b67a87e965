/* What messages of one thread have in common (RFC 8621 §3): a message id in Message-ID, In-Reply-To or References, and the same
 * subject but for what programs put before and behind it. Both together, so that who answers an old message only to have the
 * address, and writes of something else, begins a thread. Each id with the subject makes a key, and so does the server's id of the
 * thread, where it tells one; messages that share a key are in one thread: in whichever order they come.
 *
 * The base subject is RFC 5256 §2.1's, with what other languages' programs write for `Re:` and `Fwd:`, too. */
#include "base/thread-keys.h"

#include <string.h>

#include "base/hash.h"

#define IDS_MAX 100 /* ids of one field that make keys: the first, and the last of them */
#define PREFIX_MAX 24 /* octets of the longest word below */
#define WIDE_COLON "\357\274\232" /* U+FF1A, as programs in East Asia write it */

/* Folded, as g_utf8_casefold() does it. */
static const char *const prefixes[] = {
  "re",   "fw",   "fwd",  "aw",   "wg",  "antw",   "antwort", "doorst", "sv",  "vs",   "vb",   "vl",  "fs",
  "tr",   "réf",  "ref",  "rif",  "r",   "i",      "inoltra", "rv",     "res", "enc",  "odp",  "pd",  "vá",
  "ynt",  "ilt",  "i̇lt", "bls",  "trs", "atb",    "yml",     "απ",     "σχετ", "πρθ", "отв",  "на",  "пересл",
  "תגובה", "הועבר", "رد",   "إعادة توجيه", "回复", "回覆", "答复",   "转发",    "轉寄",   "返信", "転送", "답장",
};

static gboolean
is_prefix (const char *word, gsize length)
{
  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (strncmp (prefixes[i], word, length) == 0 && prefixes[i][length] == '\0')
      return TRUE;
  return FALSE;
}

/* `[2]`, `(2)`, `^2`, `*2` or `2`: how many answers there were. */
static const char *
skip_count (const char *p)
{
  const char *start = p;

  if (*p == '[' || *p == '(' || *p == '^' || *p == '*')
    p++;
  if (!g_ascii_isdigit (*p))
    return start;
  while (g_ascii_isdigit (*p))
    p++;
  return *p == ']' || *p == ')' ? p + 1 : p;
}

static const char *
skip_space (const char *p)
{
  while (*p != '\0' && g_unichar_isspace (g_utf8_get_char (p)))
    p = g_utf8_next_char (p);
  return p;
}

/* `Re:` and the like; returns @p where there is none. */
static const char *
skip_prefix (const char *p)
{
  const char *end = p;
  const char *word;

  while (end - p <= PREFIX_MAX && *end != '\0' && *end != ':' && strchr ("[(^*", *end) == NULL && !g_ascii_isdigit (*end)
         && !g_str_has_prefix (end, WIDE_COLON))
    end++;
  for (word = end; word > p && word[-1] == ' ';)
    word--;
  if (word == p || !is_prefix (p, (gsize) (word - p)))
    return p;
  end = skip_space (skip_count (end));
  return *end == ':' ? end + 1 : g_str_has_prefix (end, WIDE_COLON) ? end + strlen (WIDE_COLON) : p;
}

/* A list's `[name]` with something behind it; returns @p where there is none. */
static const char *
skip_tag (const char *p, const char *end)
{
  const char *close = *p == '[' ? memchr (p, ']', (gsize) (end - p)) : NULL;
  const char *inner = close != NULL ? memchr (p + 1, '[', (gsize) (close - p - 1)) : NULL;

  return close != NULL && inner == NULL && skip_space (close + 1) < end ? close + 1 : p;
}

/* Programs also put the whole of a subject between `[Fwd:` and `]`, and `(fwd)` behind it. */
static const char *
trim_end (const char *start, const char *end)
{
  static const char suffix[] = "(fwd)";

  for (;;)
    {
      const char *last = end > start ? g_utf8_find_prev_char (start, end) : NULL;

      if (last != NULL && g_unichar_isspace (g_utf8_get_char (last)))
        end = last;
      else if (end > start && (gsize) (end - start) >= strlen (suffix) && memcmp (end - strlen (suffix), suffix, strlen (suffix)) == 0)
        end -= strlen (suffix);
      else
        return end;
    }
}

/**
 * surel_base_subject:
 * @subject: (nullable): clean UTF-8
 *
 * Returns: (transfer full): what is the same in a subject and in that of an answer to it (RFC 5256 §2.1), folded to one case and
 *   without white space: for comparing, not for showing
 */
char *
surel_base_subject (const char *subject)
{
  g_autofree char *folded = g_utf8_casefold (subject != NULL ? subject : "", -1);
  GString *base = g_string_new (NULL);
  const char *p = folded;
  const char *end = folded + strlen (folded);

  for (const char *before = NULL; p != before;)
    {
      before = p;
      end = trim_end (p, end);
      p = MIN (skip_space (p), end);
      if (p < end && end[-1] == ']' && g_str_has_prefix (p, "[fwd:"))
        {
          p += strlen ("[fwd:");
          end--;
        }
      else if (p < end)
        p = skip_tag (MIN (skip_prefix (p), end), end);
    }
  for (; p < end; p = g_utf8_next_char (p))
    if (!g_unichar_isspace (g_utf8_get_char (p)))
      g_string_append_len (base, p, g_utf8_next_char (p) - p);
  return g_string_free (base, FALSE);
}

static void
add_key (GArray *keys, guint64 hash)
{
  gint64 key = (gint64) surel_hash_end (hash);

  for (guint i = 0; i < keys->len; i++)
    if (g_array_index (keys, gint64, i) == key)
      return;
  g_array_append_val (keys, key);
}

/* Of a list of ids that somebody made without end some have to do: the first, which began the thread, and the last ones. */
static void
add_ids (GArray *keys, guint64 start, const char *list)
{
  g_auto (GStrv) ids = g_strsplit (list, " ", -1);
  guint n = g_strv_length (ids);

  for (guint i = 0; i < n; i++)
    if (ids[i][0] != '\0' && (i == 0 || n - i < IDS_MAX))
      add_key (keys, surel_hash_add (start, ids[i], strlen (ids[i])));
}

/**
 * surel_thread_keys:
 * @account: the account that the message is in: threads are an account's
 *
 * Returns: (transfer full) (element-type gint64): keys of the message, never 0
 */
GArray *
surel_thread_keys (gint64 account, const SurelThreadTraits *traits)
{
  const char *lists[] = { traits->message_id, traits->in_reply_to, traits->references };
  GArray *keys = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autofree char *subject = surel_base_subject (traits->subject);
  guint64 start = surel_hash_add (SUREL_HASH_START, &account, sizeof account);

  if (traits->server != NULL)
    add_key (keys, surel_hash_add (start, traits->server, strlen (traits->server)));
  start = surel_hash_add (start, subject, strlen (subject));
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    if (lists[i] != NULL)
      add_ids (keys, start, lists[i]);
  return keys;
}
