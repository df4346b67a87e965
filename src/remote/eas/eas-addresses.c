/* Whose mailbox it is (MS-ASCMD §2.2.1.18, Settings: UserInformation): the addresses that its mail may come from. From 14.1
 * on they are of accounts, some of which the server doesn't send for. */
#include "remote/eas/eas-addresses.h"

#include <string.h>

#include "base/errors.h"
#include "base/text.h"
#include "remote/eas/eas-status.h"

#define ADDRESSES_MAX 100
#define ADDRESS_MAX 320 /* octets: RFC 3696 §3 (erratum 1690 allows fewer) */

typedef struct
{
  gint64 status; /* of the whole; -1 where it wasn't said */
  GPtrArray *addresses; /* char */
} Answer;

static void
take_address (GPtrArray *addresses, char *address, int where)
{
  gboolean fits = addresses->len < ADDRESSES_MAX && surel_text_is_clean (address) && strchr (address, '@') != NULL
                  && strpbrk (address, " <>\",;") == NULL && strlen (address) < ADDRESS_MAX;

  if (!fits)
    g_free (address);
  else
    g_ptr_array_insert (addresses, where, address);
}

static void
read_email_addresses (SurelEasReader *reader, GPtrArray *addresses)
{
  int first = (int) addresses->len;
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_USER_ADDRESS || tag == SUREL_EAS_USER_PRIMARY_ADDRESS)
      take_address (addresses, surel_eas_reader_text (reader, ADDRESS_MAX), tag == SUREL_EAS_USER_PRIMARY_ADDRESS ? first : -1);
    else
      surel_eas_reader_skip (reader);
}

/* One of other accounts that the server may not send for tells of that first. */
static void
read_account (SurelEasReader *reader, GPtrArray *addresses)
{
  gboolean sends = TRUE;
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_USER_SEND_DISABLED)
      sends = surel_eas_reader_number (reader) != 1;
    else if (tag == SUREL_EAS_USER_ADDRESSES && sends)
      read_email_addresses (reader, addresses);
    else
      surel_eas_reader_skip (reader);
}

static void
read_user (SurelEasReader *reader, GPtrArray *addresses)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SETTINGS_GET)
      read_user (reader, addresses);
    else if (tag == SUREL_EAS_USER_ADDRESSES)
      read_email_addresses (reader, addresses);
    else if (tag == SUREL_EAS_USER_ACCOUNTS)
      while (surel_eas_reader_child (reader, &tag))
        if (tag == SUREL_EAS_USER_ACCOUNT)
          read_account (reader, addresses);
        else
          surel_eas_reader_skip (reader);
    else
      surel_eas_reader_skip (reader);
}

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  Answer *answer = data;
  guint tag;

  answer->status = -1;
  g_ptr_array_set_size (answer->addresses, 0);
  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SETTINGS_STATUS)
      answer->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_USER)
      read_user (reader, answer->addresses);
    else
      surel_eas_reader_skip (reader);
}

/* The same address may be told twice, and with other letters. */
static GStrv
make_list (GPtrArray *addresses)
{
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < addresses->len; i++)
    if (g_hash_table_add (known, g_utf8_casefold (addresses->pdata[i], -1)))
      g_ptr_array_add (list, g_strdup (addresses->pdata[i]));
  g_ptr_array_add (list, NULL);
  return (GStrv) g_ptr_array_free (list, FALSE);
}

/**
 * surel_eas_read_addresses:
 *
 * Implements surel_remote_read_addresses(). Mail goes on where a server doesn't tell them.
 */
gboolean
surel_eas_read_addresses (SurelEasSession *session, GStrv *addresses, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) own = NULL;
  Answer answer = { -1, found };
  SurelEasWriter *request = surel_eas_writer_new ();

  *addresses = NULL;
  surel_eas_writer_open (request, SUREL_EAS_SETTINGS);
  surel_eas_writer_open (request, SUREL_EAS_USER);
  surel_eas_writer_empty (request, SUREL_EAS_SETTINGS_GET);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
  if (surel_eas_session_command (session, "Settings", request, read_answer, &answer, &answer.status, cancellable, &own)
      && surel_eas_check_status ("Settings", answer.status, &own))
    {
      *addresses = make_list (found);
      return TRUE;
    }
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  g_debug ("eas: whose mailbox it is isn't told: %s", own->message);
  return TRUE;
}
