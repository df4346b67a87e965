/* Keywords and flags: what a server calls them, and what it lets be changed in a mailbox. */
#include "remote/imap/imap-keywords.h"

#include <string.h>

/* The flags every server has (RFC 9051 §2.3.2). */
static const struct
{
  guint flag;
  guint bit;
  const char *name;
} system_flags[] = {
  { SUREL_IMAP_FLAG_SEEN, SUREL_KEYWORD_SEEN, "\\Seen" },
  { SUREL_IMAP_FLAG_DRAFT, SUREL_KEYWORD_DRAFT, "\\Draft" },
  { SUREL_IMAP_FLAG_ANSWERED, SUREL_KEYWORD_ANSWERED, "\\Answered" },
  { SUREL_IMAP_FLAG_FLAGGED, SUREL_KEYWORD_FLAGGED, "\\Flagged" },
  { SUREL_IMAP_FLAG_DELETED, SUREL_KEYWORD_DELETED, "\\Deleted" },
};

/* Keywords that are known everywhere (RFC 5788), and what old mail programs call them. */
static const struct
{
  guint bit;
  const char *name;
  const char *old; /* nullable */
  const char *older; /* nullable */
} known_keywords[] = {
  { SUREL_KEYWORD_FORWARDED, "$Forwarded", "Forwarded", NULL },
  { SUREL_KEYWORD_JUNK, "$Junk", "Junk", NULL },
  { SUREL_KEYWORD_NOTJUNK, "$NotJunk", "NonJunk", "NotJunk" },
};

static guint
bit_of_known (const char *keyword)
{
  for (guint i = 0; i < G_N_ELEMENTS (known_keywords); i++)
    if (g_ascii_strcasecmp (keyword, known_keywords[i].name) == 0
        || g_ascii_strcasecmp (keyword, known_keywords[i].old) == 0
        || (known_keywords[i].older != NULL && g_ascii_strcasecmp (keyword, known_keywords[i].older) == 0))
      return known_keywords[i].bit;
  return 0;
}

/**
 * surel_imap_keywords_of:
 * @user: (out): the user keywords, as base/keywords.h keeps them
 *
 * Returns: #SurelKeyword bits
 */
guint
surel_imap_keywords_of (const SurelImapFlags *flags, char **user)
{
  g_autoptr (GPtrArray) words = NULL;
  guint bits = 0;

  *user = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (system_flags); i++)
    if ((flags->system & system_flags[i].flag) != 0)
      bits |= system_flags[i].bit;
  if (flags->keywords == NULL)
    return bits;
  words = g_ptr_array_new ();
  for (guint i = 0; flags->keywords[i] != NULL; i++)
    {
      guint bit = bit_of_known (flags->keywords[i]) | surel_keyword_bit (flags->keywords[i]);

      if (bit != 0)
        bits |= bit;
      else if (surel_keyword_is_valid (flags->keywords[i]))
        g_ptr_array_add (words, (gpointer) flags->keywords[i]);
    }
  *user = surel_keywords_join (words);
  return bits;
}

/* How the server spells a keyword in this mailbox; NULL where it has none of that name. */
static const char *
spelling_of (const SurelImapMailbox *mailbox, const char *keyword)
{
  for (guint i = 0; mailbox->keywords != NULL && i < mailbox->keywords->len; i++)
    if (g_ascii_strcasecmp (mailbox->keywords->pdata[i], keyword) == 0)
      return mailbox->keywords->pdata[i];
  return NULL;
}

static void
spell_known (const SurelImapMailbox *mailbox, guint bit, GStrvBuilder *names)
{
  for (guint i = 0; i < G_N_ELEMENTS (known_keywords); i++)
    if (known_keywords[i].bit == bit)
      {
        const char *spelling = spelling_of (mailbox, known_keywords[i].name);
        const char *old = spelling_of (mailbox, known_keywords[i].old);

        g_strv_builder_add (names, spelling != NULL ? spelling : known_keywords[i].name);
        /* Those that know only the old name see it too. */
        if (old != NULL)
          g_strv_builder_add (names, old);
      }
}

/**
 * surel_imap_keywords_spell:
 * @flags: #SurelKeyword bits
 * @words: (nullable): user keywords as base/keywords.h keeps them
 *
 * Returns: (transfer full): them as flags of the server, in its own spelling
 */
GStrv
surel_imap_keywords_spell (const SurelImapMailbox *mailbox, guint flags, const char *words)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_auto (GStrv) list = g_strsplit (words != NULL ? words : "", " ", -1);

  for (guint i = 0; i < G_N_ELEMENTS (system_flags); i++)
    if ((flags & system_flags[i].bit) != 0)
      g_strv_builder_add (names, system_flags[i].name);
  for (guint i = 0; i < G_N_ELEMENTS (known_keywords); i++)
    if ((flags & known_keywords[i].bit) != 0)
      spell_known (mailbox, known_keywords[i].bit, names);
  for (guint i = 0; list[i] != NULL; i++)
    if (list[i][0] != '\0')
      {
        const char *spelling = spelling_of (mailbox, list[i]);

        g_strv_builder_add (names, spelling != NULL ? spelling : list[i]);
      }
  return g_strv_builder_end (names);
}

/* Whether the server keeps a keyword of that name: one it knows there, or any (RFC 9051 §7.1, PERMANENTFLAGS). */
static gboolean
keeps (const SurelImapMailbox *mailbox, const char *keyword)
{
  if (!mailbox->says_permanent || (mailbox->permanent & SUREL_IMAP_FLAG_ANY_KEYWORD) != 0)
    return TRUE;
  for (guint i = 0; mailbox->permanent_keywords != NULL && i < mailbox->permanent_keywords->len; i++)
    if (g_ascii_strcasecmp (mailbox->permanent_keywords->pdata[i], keyword) == 0)
      return TRUE;
  return FALSE;
}

/**
 * surel_imap_keywords_unfit:
 * @flags: #SurelKeyword bits
 * @words: (nullable): user keywords as base/keywords.h keeps them
 * @unfit: (out) (nullable): those of @words that the server doesn't keep in this mailbox
 *
 * Returns: those of @flags that it doesn't keep
 */
guint
surel_imap_keywords_unfit (const SurelImapMailbox *mailbox, guint flags, const char *words, char **unfit)
{
  g_auto (GStrv) list = g_strsplit (words != NULL ? words : "", " ", -1);
  g_autoptr (GPtrArray) not_kept = g_ptr_array_new ();
  guint none = 0;

  for (guint i = 0; i < G_N_ELEMENTS (system_flags); i++)
    if ((flags & system_flags[i].bit) != 0 && mailbox->says_permanent
        && (mailbox->permanent & system_flags[i].flag) == 0)
      none |= system_flags[i].bit;
  for (guint i = 0; i < G_N_ELEMENTS (known_keywords); i++)
    if ((flags & known_keywords[i].bit) != 0 && !keeps (mailbox, known_keywords[i].name))
      none |= known_keywords[i].bit;
  for (guint i = 0; list[i] != NULL; i++)
    if (list[i][0] != '\0' && !keeps (mailbox, list[i]))
      g_ptr_array_add (not_kept, list[i]);
  *unfit = surel_keywords_join (not_kept);
  return none;
}
