/* What a server demands of a device before it lets it in (MS-ASPROV): its policies are asked for, and accepted in a second
 * step where a desktop meets them. Nothing is accepted that Surel can't see to: then the server's administrator can exempt
 * the device. A demand to wipe is passed on to the person, and never obeyed by itself. */
#include "remote/eas/eas-provision.h"

#include <string.h>

#include "base/errors.h"
#include "base/text.h"
#include "remote/eas/eas-status.h"

#define TYPE_WBXML "MS-EAS-Provisioning-WBXML"
#define KEY_MAX 64 /* octets: MS-ASPROV §2.2.2.42 */

/* Policies that only somebody can see to who owns the whole machine, and the value that demands nothing. */
static const struct
{
  SurelEasTag tag;
  gint64 lax;
  const char *what;
} demands[] = {
  { SUREL_EAS_POLICY_PASSWORD, 0, "that the device has a password (DevicePasswordEnabled)" },
  { SUREL_EAS_POLICY_ENCRYPTION, 0, "that the device is encrypted (RequireDeviceEncryption)" },
  { SUREL_EAS_POLICY_CARD_ENCRYPTION, 0, "that storage cards are encrypted (RequireStorageCardEncryption)" },
  { SUREL_EAS_POLICY_ATTACHMENTS, 1, "that attachments aren't brought (AttachmentsEnabled)" },
  { SUREL_EAS_POLICY_EMAIL_AGE, 0, "that older mail isn't brought (MaxEmailAgeFilter)" },
  { SUREL_EAS_POLICY_SIGNED, 0, "that mail is signed (RequireSignedSMIMEMessages)" },
  { SUREL_EAS_POLICY_ENCRYPTED, 0, "that mail is encrypted (RequireEncryptedSMIMEMessages)" },
};

typedef struct
{
  gint64 status; /* of the whole; -1 where it wasn't said */
  gint64 policy_status; /* likewise of the policy */
  char *key; /* nullable */
  gboolean wipe;
  const char *unmet; /* nullable: the first that can't be seen to */
} Answer;

static void
answer_clear (Answer *answer)
{
  g_free (answer->key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

static void
read_document (SurelEasReader *reader, Answer *answer)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    {
      guint i;

      for (i = 0; i < G_N_ELEMENTS (demands) && demands[i].tag != tag; i++)
        ;
      if (i == G_N_ELEMENTS (demands))
        surel_eas_reader_skip (reader);
      else if (surel_eas_reader_number (reader) != demands[i].lax && answer->unmet == NULL)
        answer->unmet = demands[i].what;
    }
}

static void
read_policy (SurelEasReader *reader, Answer *answer)
{
  guint tag;

  while (surel_eas_reader_child (reader, &tag))
    switch (tag)
      {
      case SUREL_EAS_POLICY_STATUS:
        answer->policy_status = surel_eas_reader_number (reader);
        break;
      case SUREL_EAS_POLICY_KEY:
        g_free (answer->key);
        answer->key = surel_eas_reader_text (reader, KEY_MAX);
        break;
      case SUREL_EAS_POLICY_DATA:
        while (surel_eas_reader_child (reader, &tag))
          if (tag == SUREL_EAS_POLICY_DOCUMENT)
            read_document (reader, answer);
          else
            surel_eas_reader_skip (reader);
        break;
      default:
        surel_eas_reader_skip (reader);
      }
}

static void
read_answer (SurelEasReader *reader, gpointer data)
{
  Answer *answer = data;
  guint tag;

  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_POLICY_STATUS)
      answer->status = surel_eas_reader_number (reader);
    else if (tag == SUREL_EAS_POLICY_REMOTE_WIPE || tag == SUREL_EAS_POLICY_ACCOUNT_WIPE)
      {
        answer->wipe = TRUE;
        surel_eas_reader_skip (reader);
      }
    else if (tag == SUREL_EAS_POLICIES)
      while (surel_eas_reader_child (reader, &tag))
        if (tag == SUREL_EAS_POLICY)
          read_policy (reader, answer);
        else
          surel_eas_reader_skip (reader);
    else
      surel_eas_reader_skip (reader);
}

static void
describe_device (SurelEasWriter *request)
{
  surel_eas_writer_open (request, SUREL_EAS_DEVICE);
  surel_eas_writer_open (request, SUREL_EAS_SETTINGS_SET);
  surel_eas_writer_text (request, SUREL_EAS_DEVICE_MODEL, "Surel");
  surel_eas_writer_text (request, SUREL_EAS_DEVICE_OS, "Linux");
  surel_eas_writer_text (request, SUREL_EAS_DEVICE_AGENT, "Surel/" SUREL_VERSION);
  surel_eas_writer_close (request);
  surel_eas_writer_close (request);
}

/* @key is NULL to ask for the policies, and what the server calls them to accept them. */
static gboolean
ask (SurelEasSession *session, const char *key, Answer *answer, GCancellable *cancellable, GError **error)
{
  SurelEasWriter *request = surel_eas_writer_new ();

  surel_eas_writer_open (request, SUREL_EAS_PROVISION);
  /* 14.1 wants to be told here what it has to do with; before that it takes nothing but policies (MS-ASPROV §2.2.2.43). */
  if (key == NULL && strcmp (surel_eas_session_get_version (session), "14.0") > 0)
    describe_device (request);
  surel_eas_writer_open (request, SUREL_EAS_POLICIES);
  surel_eas_writer_open (request, SUREL_EAS_POLICY);
  surel_eas_writer_text (request, SUREL_EAS_POLICY_TYPE, TYPE_WBXML);
  if (key != NULL)
    {
      surel_eas_writer_text (request, SUREL_EAS_POLICY_KEY, key);
      surel_eas_writer_number (request, SUREL_EAS_POLICY_STATUS, SUREL_EAS_STATUS_OK);
    }
  for (guint i = 0; i < 3; i++)
    surel_eas_writer_close (request);
  answer_clear (answer);
  *answer = (Answer){ .status = -1, .policy_status = -1 };
  if (!surel_eas_session_command (session, "Provision", request, read_answer, answer, NULL, cancellable, error))
    return FALSE;
  if (answer->wipe)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_PERMISSION_DENIED,
                   "The server demands that all of this account is wiped from this device; remove the account to do so. "
                   "Nothing was deleted");
      return FALSE;
    }
  return surel_eas_check_status ("Provision", answer->status, error);
}

static void
read_settings (SurelEasReader *reader, gpointer data)
{
  gint64 *status = data;
  guint tag;

  *status = -1;
  if (!surel_eas_reader_child (reader, &tag))
    return;
  while (surel_eas_reader_child (reader, &tag))
    if (tag == SUREL_EAS_SETTINGS_STATUS)
      *status = surel_eas_reader_number (reader);
    else
      surel_eas_reader_skip (reader);
}

/* MS-ASCMD §2.2.1.18 (Settings: DeviceInformation) */
static gboolean
tell_of_device (SurelEasSession *session, GCancellable *cancellable, GError **error)
{
  SurelEasWriter *request = surel_eas_writer_new ();
  gint64 status = -1;

  surel_eas_writer_open (request, SUREL_EAS_SETTINGS);
  describe_device (request);
  surel_eas_writer_close (request);
  return surel_eas_session_command (session, "Settings", request, read_settings, &status, &status, cancellable, error)
         && surel_eas_check_status ("Settings", status, error);
}

/* Some want the device told of before, in a way of its own. */
static gboolean
ask_for_policies (SurelEasSession *session, Answer *offer, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) own = NULL;

  if (ask (session, NULL, offer, cancellable, &own))
    return TRUE;
  if (offer->status == SUREL_EAS_STATUS_WANTS_DEVICE)
    return tell_of_device (session, cancellable, error) && ask (session, NULL, offer, cancellable, error);
  g_propagate_error (error, g_steal_pointer (&own));
  return FALSE;
}

static gboolean
check_policy (const Answer *answer, GError **error)
{
  if (answer->unmet != NULL)
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_PERMISSION_DENIED,
                   "The server demands %s, which Surel can't see to; its administrator can exempt this device", answer->unmet);
      return FALSE;
    }
  if (answer->policy_status != SUREL_EAS_STATUS_OK || answer->key == NULL || answer->key[0] == '\0'
      || !surel_text_is_clean (answer->key))
    {
      g_set_error (error, SUREL_ERROR, SUREL_ERROR_SERVER_MISBEHAVED,
                   "The server wants its policies to be accepted, and gives none (status %" G_GINT64_FORMAT ")",
                   answer->policy_status);
      return FALSE;
    }
  return TRUE;
}

/**
 * surel_eas_provision:
 *
 * Accepts the server's policies; from here on the session shows that it has.
 *
 * Returns: %FALSE with %SUREL_ERROR_PERMISSION_DENIED where they can't be met, or the server demands a wipe
 */
gboolean
surel_eas_provision (SurelEasSession *session, GCancellable *cancellable, GError **error)
{
  g_auto (Answer) offer = { 0 };
  g_auto (Answer) agreed = { 0 };

  if (!ask_for_policies (session, &offer, cancellable, error) || !check_policy (&offer, error)
      || !ask (session, offer.key, &agreed, cancellable, error) || !check_policy (&agreed, error))
    return FALSE;
  surel_eas_session_take_policy_key (session, g_steal_pointer (&agreed.key));
  return TRUE;
}
