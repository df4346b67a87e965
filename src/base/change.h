#pragma once

#include <gio/gio.h>

#include "base/keywords.h"
#include "base/news.h"
#include "base/remote-id.h"

G_BEGIN_DECLS

/* What is to be done with messages on a server. Kept in the database: never renumbered. */
typedef enum
{
  SUREL_CHANGE_KEYWORDS = 1, /* adds and removes */
  SUREL_CHANGE_MOVE = 2,
  SUREL_CHANGE_DESTROY = 3,
  SUREL_CHANGE_COPY = 4,
  SUREL_CHANGE_APPEND = 5,
  SUREL_CHANGE_REPLACE = 6, /* a draft's new version; the item's remote id is the old one's, 0 for none */
  SUREL_CHANGE_SEND = 7, /* its folder and its item's remote id are of the message it answers or passes on; if any */
  SUREL_CHANGE_RESPOND = 8, /* answers an invitation */
  SUREL_CHANGE_CREATE_FOLDER = 10, /* from here on they are about folders */
  SUREL_CHANGE_RENAME_FOLDER = 11, /* or moves it, or both */
  SUREL_CHANGE_DELETE_FOLDER = 12,
  SUREL_CHANGE_SUBSCRIBE_FOLDER = 13,
  SUREL_CHANGE_SET_VACATION = 20, /* from here on they are about the account; it can be done again */
} SurelChangeKind;

static inline gboolean
surel_change_kind_is_of_folder (SurelChangeKind kind)
{
  return kind >= SUREL_CHANGE_CREATE_FOLDER && kind < SUREL_CHANGE_SET_VACATION;
}

/* To an invitation. Kept in the database: never renumbered. */
typedef enum
{
  SUREL_ANSWER_ACCEPTED = 1,
  SUREL_ANSWER_TENTATIVE = 2,
  SUREL_ANSWER_DECLINED = 3,
} SurelAnswer;

/* What a server did with one. */
typedef enum
{
  SUREL_OUTCOME_OPEN, /* it wasn't asked, or nothing is known */
  SUREL_OUTCOME_DONE,
  SUREL_OUTCOME_NOT_DONE, /* it was asked, and has not done it: it can be asked again */
  SUREL_OUTCOME_REFUSED, /* for good */
} SurelOutcome;

typedef struct
{
  /* The store's. */
  gint64 intent;
  gint64 operation;
  gint64 message;

  SurelRemoteId remote_id; /* where the server has it; of a copy: where it has what is to be copied */
  guint64 identity; /* surel_message_identity() */

  char *server_words; /* of one whose user keywords change: those the server says it has before; nullable */

  /* Of one that is appended. */
  guint flags; /* SurelKeyword bits */
  char *words; /* user keywords as base/keywords.h keeps them; nullable */
  gint64 received; /* seconds since the epoch */
  guint64 likeness; /* see surel_message_likeness() */
  guint64 size; /* octets */
  GBytes *digest; /* of its octets, as the store knows them; nullable */
  GBytes *octets; /* nullable */

  /* Of one that is sent. */
  char *header; /* fields that go before its octets, instead of those it has of the same names; nullable */
  char *message_id; /* its own, or the one in `header`; nullable */

  /* To be filled in by a remote. */
  char *evidence; /* what the remote notes before a step, where that isn't the same for all; nullable */
  SurelOutcome outcome;
  GError *error; /* of the public domain: why it was refused or not done, where that isn't the same for all; nullable */
  SurelRemoteId new_remote_id; /* in the target; unknown where the server doesn't tell */
  gboolean doubt; /* with _NOT_DONE: it may have been done, and others have taken it on: the next list tells */
  gboolean halfway; /* with _NOT_DONE and _REFUSED: it is in the target, or that can't be looked at, and it may be where it was,
                     * too: it is to be settled by what was noted, after the next list, or when a person wants it tried again;
                     * with _DONE, of a draft: the server has the old version still */
  gboolean told; /* the server named it in its answer */
  guint here_flags; /* of what was to be added: what the server has no place for */
  char *here_words; /* likewise; owned; nullable */
} SurelChangeItem;

/* What can be done with some messages of a folder, or with one folder, in one step: handed to a remote, and back
 * with outcomes. One that is about a folder or the account has one item; so has a draft's new version. */
typedef struct
{
  SurelChangeKind kind;
  gint64 account;
  gint64 folder; /* where the messages are */
  char *folder_remote_id;
  GBytes *folder_token; /* nullable */
  gint64 target; /* where they go, or the folder that a folder is to be in; 0 for none */
  char *target_remote_id; /* nullable */
  GBytes *target_token; /* nullable */
  gint64 since; /* the largest id of a message before this sync: see surel_messages_put_gone() */
  gint64 target_top; /* the largest remote id that is known there; 0 for none */
  guint add_flags; /* SurelKeyword bits */
  guint remove_flags;
  char *add_words; /* user keywords as base/keywords.h keeps them; empty for none */
  char *remove_words;
  GVariant *keyword_names; /* a{ss}, of one that changes user keywords: what a server calls them; nullable */
  char *evidence; /* of one that may have been done already: what the remote noted before; nullable */
  GBytes *list_token; /* of one about a folder: of the last list; nullable */
  char *name; /* of a folder that is made, renamed or moved; nullable */
  gboolean subscribed; /* whether a folder is to be */
  GVariant *vacation; /* a{sv}: what is to be set of the absence notice; nullable */
  SurelAnswer answer; /* to an invitation */
  GStrv addresses; /* those that an invitation may be for, the account's first; nullable */
  GArray *items; /* SurelChangeItem */

  /* To be filled in by a remote. */
  GBytes *new_folder_token; /* of the folder the messages are in, from now on; nullable */
  gboolean doubts_list; /* it refuses what is asked: what is known of the folder may be wrong */
  SurelNews *news; /* what it was told of that folder before the token; nullable */
  GBytes *new_list_token; /* of one about a folder: the list's from now on; nullable */
  char *new_folder_id; /* the folder's remote id from now on; nullable */
  char *old_prefix; /* what remote ids of folders below it begin with, and begin with from now on; nullable */
  char *new_prefix;

  GError *error; /* of the public domain: why any was refused or not done; nullable */
} SurelChange;

SurelChange *surel_change_new (void);
void surel_change_free (SurelChange *self);
void surel_change_item_clear (SurelChangeItem *item);
void surel_change_set_all (SurelChange *self, SurelOutcome outcome);

static inline SurelChangeItem *
surel_change_item (SurelChange *self, guint i)
{
  return &g_array_index (self->items, SurelChangeItem, i);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SurelChange, surel_change_free)

G_END_DECLS
