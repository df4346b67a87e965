#include "imap-describe.h"

static void
words (GString *out, const char *name, const char **list)
{
  if (list == NULL)
    return;
  g_string_append_printf (out, " %s=[", name);
  for (guint i = 0; list[i] != NULL; i++)
    g_string_append_printf (out, "%s%s", i > 0 ? "|" : "", list[i]);
  g_string_append_c (out, ']');
}

static void
text (GString *out, const char *name, const char *value)
{
  if (value != NULL)
    g_string_append_printf (out, " %s=<%s>", name, value);
}

static void
number (GString *out, const char *name, gint64 value)
{
  g_string_append_printf (out, " %s=%" G_GINT64_FORMAT, name, value);
}

static void
set (GString *out, const char *name, const SurelUidSet *uids)
{
  g_autofree char *shown = uids != NULL ? surel_uid_set_to_string (uids) : NULL;

  text (out, name, shown);
}

static void
part (GString *out, const SurelImapPart *node)
{
  g_string_append_printf (out, " (%s/%s", node->type, node->subtype);
  words (out, "params", node->parameters);
  text (out, "id", node->id);
  text (out, "enc", node->encoding);
  text (out, "disp", node->disposition);
  words (out, "dparams", node->disposition_parameters);
  number (out, "size", (gint64) node->size);
  for (guint i = 0; node->children != NULL && node->children[i] != NULL; i++)
    part (out, node->children[i]);
  g_string_append_c (out, ')');
}

static void
fetch (GString *out, const SurelImapFetch *f)
{
  number (out, "seq", f->sequence);
  number (out, "uid", f->uid);
  if (f->has_flags)
    {
      number (out, "flags", f->flags.system);
      words (out, "keywords", f->flags.keywords);
    }
  if (f->has_date)
    number (out, "date", f->date);
  if (f->saved != 0)
    number (out, "saved", f->saved);
  if (f->has_size)
    number (out, "size", (gint64) f->size);
  number (out, "modseq", (gint64) f->modseq);
  if (f->structure != NULL)
    part (out, f->structure);
  if (f->structure_broken)
    g_string_append (out, " broken");
  for (guint i = 0; i < f->n_sections; i++)
    {
      const SurelImapSection *s = &f->sections[i];

      g_string_append_printf (out, " [%s]@%" G_GINT64_FORMAT "=", s->section, s->origin);
      if (s->data != NULL)
        g_string_append_len (out, s->data, (gssize) s->length);
      else
        g_string_append (out, "NIL");
    }
  text (out, "preview", f->preview);
  text (out, "email", f->email_id);
  text (out, "thread", f->thread_id);
  words (out, "labels", f->labels);
}

void
surel_imap_describe (const SurelImapResponse *r, GString *out)
{
  number (out, "kind", r->kind);
  text (out, "tag", r->tag);
  if (r->kind == SUREL_IMAP_TAGGED || r->kind == SUREL_IMAP_UNTAGGED)
    number (out, "condition", r->condition);
  text (out, "code", r->code.name);
  text (out, "argument", r->code.argument);
  if (r->code.name != NULL)
    number (out, "n", (gint64) r->code.number);
  words (out, "cwords", r->code.words);
  set (out, "uids", r->code.uids);
  set (out, "to", r->code.uids_to);
  text (out, "text", r->text);
  words (out, "words", r->words);
  if (r->kind == SUREL_IMAP_FLAGS)
    number (out, "flags", r->flags.system);
  if (r->kind == SUREL_IMAP_LIST)
    {
      words (out, "attributes", r->list.attributes);
      number (out, "delimiter", r->list.delimiter);
      text (out, "name", r->list.name);
    }
  if (r->kind == SUREL_IMAP_STATUS)
    {
      text (out, "name", r->status.name);
      number (out, "messages", r->status.messages);
      number (out, "uidnext", r->status.uidnext);
      number (out, "modseq", r->status.highestmodseq);
      text (out, "mailbox", r->status.mailbox_id);
    }
  if (r->kind == SUREL_IMAP_SEARCH)
    {
      set (out, "all", r->search.all);
      number (out, "count", r->search.count);
    }
  if (r->kind == SUREL_IMAP_VANISHED)
    set (out, "uids", r->vanished.uids);
  if (r->kind == SUREL_IMAP_FETCH)
    fetch (out, &r->fetch);
  else
    number (out, "number", r->number);
  g_string_append_c (out, '\n');
}

/* All responses of @octets, pushed @step octets at a time; how it ended last. */
char *
surel_imap_describe_all (const char *octets, gsize length, gsize step)
{
  g_autoptr (SurelImapParser) parser = surel_imap_parser_new (NULL);
  GString *out = g_string_new (NULL);
  gsize at = 0;

  for (;;)
    {
      const SurelImapResponse *response;
      g_autoptr (GError) error = NULL;
      SurelImapStatus status = surel_imap_parser_next (parser, &response, &error);

      if (status == SUREL_IMAP_RESPONSE)
        surel_imap_describe (response, out);
      else if (status == SUREL_IMAP_BROKEN)
        {
          g_string_append_printf (out, "broken %d\n", error->code);
          break;
        }
      else if (at == length)
        break;
      else
        {
          gsize n = MIN (step, length - at);

          surel_imap_parser_push (parser, octets + at, n);
          at += n;
        }
    }
  return g_string_free (out, FALSE);
}
