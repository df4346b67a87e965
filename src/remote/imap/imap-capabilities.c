/* From the words of CAPABILITY (RFC 9051 §7.2.2) to what is done with them. */
#include "remote/imap/imap-capabilities.h"

static const struct
{
  const char *word;
  guint can;
} known[] = {
  { "IMAP4REV2", SUREL_IMAP_CAN_REV2 | SUREL_IMAP_CAN_LITERAL_MINUS | SUREL_IMAP_CAN_SASL_IR
                     | SUREL_IMAP_CAN_ENABLE | SUREL_IMAP_CAN_NAMESPACE | SUREL_IMAP_CAN_LIST_EXTENDED
                     | SUREL_IMAP_CAN_LIST_STATUS | SUREL_IMAP_CAN_ESEARCH | SUREL_IMAP_CAN_IDLE
                     | SUREL_IMAP_CAN_UNSELECT | SUREL_IMAP_CAN_UIDPLUS | SUREL_IMAP_CAN_MOVE },
  { "LITERAL+", SUREL_IMAP_CAN_LITERAL_PLUS },
  { "LITERAL-", SUREL_IMAP_CAN_LITERAL_MINUS },
  { "SASL-IR", SUREL_IMAP_CAN_SASL_IR },
  { "STARTTLS", SUREL_IMAP_CAN_STARTTLS },
  { "AUTH=PLAIN", SUREL_IMAP_CAN_AUTH_PLAIN },
  { "LOGINDISABLED", SUREL_IMAP_LOGIN_DISABLED },
  { "ENABLE", SUREL_IMAP_CAN_ENABLE },
  { "ID", SUREL_IMAP_CAN_ID },
  { "NAMESPACE", SUREL_IMAP_CAN_NAMESPACE },
  { "LIST-EXTENDED", SUREL_IMAP_CAN_LIST_EXTENDED },
  { "LIST-STATUS", SUREL_IMAP_CAN_LIST_STATUS },
  { "SPECIAL-USE", SUREL_IMAP_CAN_SPECIAL_USE },
  { "CONDSTORE", SUREL_IMAP_CAN_CONDSTORE },
  { "QRESYNC", SUREL_IMAP_CAN_QRESYNC | SUREL_IMAP_CAN_CONDSTORE },
  { "ESEARCH", SUREL_IMAP_CAN_ESEARCH },
  { "IDLE", SUREL_IMAP_CAN_IDLE },
  { "PREVIEW", SUREL_IMAP_CAN_PREVIEW },
  { "OBJECTID", SUREL_IMAP_CAN_OBJECTID },
  { "SAVEDATE", SUREL_IMAP_CAN_SAVEDATE },
  { "QUOTA", SUREL_IMAP_CAN_QUOTA },
  { "UNSELECT", SUREL_IMAP_CAN_UNSELECT },
  { "UIDPLUS", SUREL_IMAP_CAN_UIDPLUS },
  { "MOVE", SUREL_IMAP_CAN_MOVE },
  { "MULTIAPPEND", SUREL_IMAP_CAN_MULTIAPPEND },
  { "ACL", SUREL_IMAP_CAN_ACL },
  { "APPENDLIMIT", SUREL_IMAP_HAS_APPEND_LIMITS }, /* one with a value is of all mailboxes */
  { "X-GM-EXT-1", SUREL_IMAP_HAS_LABELS },
};

/**
 * surel_imap_capabilities_of:
 * @words: (nullable): what the server said, in any case
 *
 * Returns: #SurelImapCan bits
 */
guint
surel_imap_capabilities_of (const char *const *words)
{
  guint can = 0;

  for (guint i = 0; words != NULL && words[i] != NULL; i++)
    for (guint k = 0; k < G_N_ELEMENTS (known); k++)
      if (g_ascii_strcasecmp (words[i], known[k].word) == 0)
        can |= known[k].can;
  return can;
}

/**
 * surel_imap_append_limit_of:
 * @words: (nullable): what the server said, in any case
 *
 * Returns: the most octets a message may have (RFC 7889); 0 where it doesn't say
 */
guint64
surel_imap_append_limit_of (const char *const *words)
{
  guint64 limit = 0;

  for (guint i = 0; words != NULL && words[i] != NULL; i++)
    if (g_ascii_strncasecmp (words[i], "APPENDLIMIT=", 12) == 0)
      g_ascii_string_to_unsigned (words[i] + 12, 10, 0, G_MAXUINT32, &limit, NULL);
  return limit;
}
