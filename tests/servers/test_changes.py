#!/usr/bin/python3
"""Changes is complete: applied to a copy of any time, it gives the present."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

SEED = int(os.environ.get("SUREL_SEED", random.SystemRandom().randrange(1 << 30)))
CUTS = 1000


class Copy:
    """What a client knows: rows by id, and folders with their counts."""

    def __init__(self, state=0, messages=(), folders=()):
        self.state, self.messages, self.folders = state, dict(messages), dict(folders)
        self.stale = set()  # known to have changed, and not read again yet

    def clone(self):
        return Copy(self.state, self.messages, self.folders)

    def apply(self, page):
        for kind, mine in (("messages", self.messages), ("folders", self.folders)):
            for event in ("Created", "Updated"):
                for key in page.get(kind + event, ()):
                    mine.setdefault(key)
                    self.stale.add(key)
            for key in page.get(kind + "Destroyed", ()):
                mine.pop(key, None)
                self.stale.discard(key)
        self.state = page["state"]


class Complete(Case):
    def rows(self, daemon):
        found, position = {}, 0
        while True:
            page = daemon.query(position=position, limit=1000, properties=["id", "keywords", "mailboxIds"])
            for row in page["messages"]:
                found[row["id"]] = (tuple(sorted(row["keywords"])), tuple(row["mailboxIds"]))
            position += len(page["messages"])
            if not page["hasMore"]:
                return found

    def present(self, daemon):
        folders = {path: (values[NAME + ".Folder"]["TotalMessages"], values[NAME + ".Folder"]["UnreadMessages"])
                   for path, values in daemon.objects().items() if NAME + ".Folder" in values}
        return self.rows(daemon), folders

    def check(self, copy, rows, folders):
        self.assertEqual(set(copy.messages), set(rows))
        self.assertEqual(set(copy.folders), set(folders))
        for known, real in ((copy.messages, rows), (copy.folders, folders)):
            for key, value in known.items():
                if key not in copy.stale:
                    self.assertEqual(value, real[key], key)

    def test_replayed_from_a_thousand_cuts(self):
        dice = random.Random(SEED)
        print("seed", SEED)
        imap = self.server.imap()
        fill(imap, "INBOX", 1, 700)
        imap.create("Work")
        secrets = "file:" + self.dir + "/secrets"
        daemon = self.start(secrets=secrets)
        account, job = daemon.add_account(self.server)
        copies = [Copy()]
        number = 1000
        for step in range(25):
            folder = dice.choice(("INBOX", "Work"))
            imap.select(folder)
            count = len(imap.search(None, "ALL")[1][0].split())
            act = dice.choice(("append", "flag", "unflag", "expunge", "copy", "folder"))
            some = ",".join(str(n) for n in sorted(dice.sample(range(1, count + 1), min(count, dice.randint(1, 40)))))
            if act == "append" or not some:
                fill(imap, folder, number, dice.randint(1, 60))
                number += 100
            elif act in ("flag", "unflag"):
                imap.store(some, "+FLAGS" if act == "flag" else "-FLAGS",
                           dice.choice(("\\Seen", "\\Flagged", "$Label1", "\\Deleted")))
            elif act == "expunge":
                imap.store(some, "+FLAGS", "\\Deleted")
                imap.expunge()
            elif act == "copy":
                imap.copy(some, "Work")
            elif dice.random() < 0.5:
                imap.create(f"Folder {step}")
            else:
                imap.delete(f"Folder {step - 1}")
            if dice.random() < 0.2:
                daemon.kill()
                daemon = self.start(secrets=secrets)
            daemon.sync()
            while True:
                before = daemon.get(PATH, "Manager", "State")
                rows, folders = self.present(daemon)
                if daemon.get(PATH, "Manager", "State") == before:
                    break
            copies.append(Copy(before, rows, folders))
        rows, folders = self.present(daemon)
        for _ in range(CUTS):
            copy = dice.choice(copies).clone()
            more = True
            while more:
                page = daemon.changes(copy.state, limit=dice.choice((1, 7, 50, 1000, dice.randint(1, 1000))))
                copy.apply(page)
                more = page["hasMore"]
                if dice.random() < 0.05 and len(copies) < 60 and not copy.stale:
                    copies.append(copy.clone())
            self.check(copy, rows, folders)


if __name__ == "__main__":
    main()
