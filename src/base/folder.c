/* What all layers know of folders: the value a remote hands up, paths, rights, and the names by which
 * a folder's role is told where the server doesn't. */
#include "base/folder.h"

/**
 * surel_folder_entry_new:
 * @remote_id: the scope's name on the wire
 * @name: as a person reads it
 *
 * Returns: (transfer full): a selectable personal folder with all rights
 */
SurelFolderEntry *
surel_folder_entry_new (const char *remote_id, const char *name)
{
  SurelFolderEntry *self = g_new0 (SurelFolderEntry, 1);

  self->remote_id = g_strdup (remote_id);
  self->name = g_strdup (name);
  self->rights = SUREL_RIGHT_ALL;
  self->selectable = TRUE;
  return self;
}

void
surel_folder_entry_free (SurelFolderEntry *self)
{
  g_free (self->remote_id);
  g_free (self->parent_remote_id);
  g_free (self->name);
  g_free (self->owner);
  g_free (self->identity);
  g_clear_pointer (&self->hint, g_bytes_unref);
  g_free (self);
}

/* Names, folded, as mail programs and providers use them; most specific languages' own words. */
static const struct
{
  const char *role;
  const char *names;
} well_known[] = {
  { "sent", "sent|sent items|sent messages|sent mail|terkirim|pesan terkirim|gesendet|gesendete objekte|"
            "gesendete elemente|envoyés|éléments envoyés|messages envoyés|enviados|elementos enviados|"
            "mensajes enviados|itens enviados|posta inviata|inviati|inviata|verzonden|"
            "verzonden items|skickat|skickade objekt|sendt|sendte elementer|lähetetyt|wysłane|"
            "elementy wysłane|odeslané|odeslaná pošta|elküldött|trimise|gönderilmiş öğeler|"
            "gönderilenler|отправленные|надіслані|απεσταλμένα|送信済み|送信済みメール|送信済みアイテム|"
            "已发送|已发送邮件|寄件備份|已傳送|보낸 편지함|보낸편지함|ส่งแล้ว|đã gửi|thư đã gửi" },
  { "drafts", "drafts|draft|draf|konsep|entwürfe|brouillons|borradores|rascunhos|bozze|concepten|"
              "utkast|kladder|luonnokset|szkice|wersje robocze|koncepty|rozepsané|piszkozatok|ciorne|"
              "taslaklar|черновики|чернетки|πρόχειρα|下書き|草稿|草稿箱|임시 보관함|임시보관함|แบบร่าง|"
              "thư nháp" },
  { "trash", "trash|deleted items|deleted messages|deleted|bin|sampah|tong sampah|item terhapus|"
             "papierkorb|gelöschte objekte|gelöschte elemente|corbeille|éléments supprimés|papelera|"
             "elementos eliminados|lixeira|lixo|itens excluídos|cestino|posta eliminata|prullenbak|"
             "verwijderde items|papperskorgen|borttagna objekt|papirkurv|roskakori|poistetut|kosz|"
             "elementy usunięte|koš|odstraněná pošta|kuka|törölt elemek|coș de gunoi|çöp kutusu|"
             "silinmiş öğeler|корзина|удаленные|кошик|κάδος|ごみ箱|ゴミ箱|削除済みアイテム|已删除|"
             "已删除邮件|垃圾桶|刪除的郵件|휴지통|지운 편지함|ถังขยะ|thùng rác" },
  { "junk", "junk|junk e-mail|junk-e-mail|junk email|junk mail|spam|bulk mail|spamverdacht|unerwünscht|courrier "
            "indésirable|indésirables|pourriel|correo no deseado|lixo eletrônico|posta indesiderata|"
            "ongewenste e-mail|skräppost|uønsket e-post|roskaposti|wiadomości-śmieci|nevyžádaná pošta|"
            "levélszemét|gereksiz|önemsiz e-posta|спам|нежелательная почта|небажана пошта|迷惑メール|"
            "垃圾邮件|垃圾郵件|스팸|스팸메일함|정크 메일|อีเมลขยะ|thư rác" },
  { "archive", "archive|archives|arsip|archiv|archivo|arquivo|archivio|archief|arkiv|arkisto|archiwum|"
               "archív|arhivă|arşiv|архив|архів|αρχείο|アーカイブ|归档|存档|封存|보관함|보관|lưu trữ" },
};

static gpointer
fold_well_known (gpointer data G_GNUC_UNUSED)
{
  GHashTable *roles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (well_known); i++)
    {
      g_auto (GStrv) names = g_strsplit (well_known[i].names, "|", -1);

      for (guint k = 0; names[k] != NULL; k++)
        g_hash_table_insert (roles, g_utf8_casefold (names[k], -1), (gpointer) well_known[i].role);
    }
  return roles;
}

/**
 * surel_folder_role_of_name:
 * @name: a top-level folder's name
 *
 * Returns: (nullable): the role (RFC 8621 §2) that mail programs in many languages give a folder of
 *   that name
 */
const char *
surel_folder_role_of_name (const char *name)
{
  static GOnce once = G_ONCE_INIT; /* each list of folders asks for most of them */
  g_autofree char *folded = g_utf8_casefold (name, -1);

  return g_hash_table_lookup (g_once (&once, fold_well_known, NULL), folded);
}

/**
 * surel_folder_path_join:
 * @parent: (nullable): the parent's path
 * @name: a name; in the path its `%` is `%25` and its `/` is `%2F`
 *
 * Returns: (transfer full): the path
 */
char *
surel_folder_path_join (const char *parent, const char *name)
{
  GString *path = g_string_new (parent);

  if (path->len > 0)
    g_string_append_c (path, '/');
  for (const char *p = name; *p != '\0'; p++)
    {
      if (*p == '%')
        g_string_append (path, "%25");
      else if (*p == '/')
        g_string_append (path, "%2F");
      else
        g_string_append_c (path, *p);
    }
  return g_string_free (path, FALSE);
}

/**
 * surel_folder_rights_to_strv:
 *
 * Returns: (transfer full): the names of those of RFC 8621's `myRights` that are true
 */
GStrv
surel_folder_rights_to_strv (guint rights)
{
  static const char *const names[]
      = { "mayReadItems",   "mayAddItems", "mayRemoveItems", "maySetSeen", "maySetKeywords",
          "mayCreateChild", "mayRename",   "mayDelete",      "maySubmit" };
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if ((rights & (1u << i)) != 0)
      g_strv_builder_add (builder, names[i]);
  return g_strv_builder_end (builder);
}
