#!/usr/bin/python3
"""One account, by ActiveSync and by IMAP: a daemon on SOGo, another on the Dovecot behind it, and a plain IMAP client do what
chance has them do, while daemons are killed. Then all is quiet, and all agree; what nobody has destroyed is there.

What is allowed for, as SOGo has it: its Delete puts a message into the trash, and a change of what another device has just
moved has no effect, and is said to be done. What it was told to delete then, and didn't, it never tells again, nor what it
failed at otherwise: if they don't agree in time the daemon on SOGo lists all from the beginning, as it does once a week, and
then they have to. Two that move a message at once, one of them by SOGo, which copies and marks it,
may leave it in both places.

SUREL_SEED chooses what is done, SUREL_STEPS how much."""

import collections
import imaplib
import os
import random
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

STEPS = int(os.environ.get("SUREL_STEPS") or 80)
KEYWORDS = {"$seen": "\\Seen", "$flagged": "\\Flagged"}


class Converges(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Sogo()

    def begin(self, seed):
        print("seed", seed, flush=True)
        self.dice = random.Random(seed)
        self.imap = self.server.imap()
        self.put, self.made, self.destroyed, self.movers = 0, 0, set(), collections.defaultdict(set)
        self.history, self.begun = collections.defaultdict(list), time.monotonic()
        for box in ("INBOX", "Work", "Archive"):
            self.imap.create(box)
        for _ in range(20):
            self.do_put()
        self.stations = []
        for n, settings in enumerate(({}, {"protocol": GLib.Variant("s", "imap"), "host": GLib.Variant("s", "localhost"),
                                           "port": GLib.Variant("i", self.server.port + 3), "security": GLib.Variant("s", "none")})):
            bus = Bus()
            self.addCleanup(bus.stop)
            self.stations.append([bus, f"{self.dir}/data{n}", None, None])
            self.run_daemon(n)
            if n == 0:
                self.stations[n][3], job = self.daemon(n).add_account(self.server)
            else:
                self.stations[n][3], job = self.daemon(n).call(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", {
                    "address": GLib.Variant("s", "alice@surel.test"), "user": GLib.Variant("s", "alice"), **settings},
                    {"password": GLib.Variant("s", "secret")}, {})
            self.daemon(n).wait_job(job)
            wait_for(lambda n=n: len(self.rows(n)) == 20)

    def run_daemon(self, n):
        bus, data, _, _ = self.stations[n]
        self.stations[n][2] = Daemon(bus, data, secrets=f"file:{data}.secrets")
        self.daemons.append(self.stations[n][2])

    def daemon(self, n):
        return self.stations[n][2]

    def rows(self, n):
        return self.daemon(n).query(properties=["id", "subject", "mailboxIds", "keywords"], limit=1000)["messages"]

    def folders(self, n):
        """Name → object, of those that both ways show."""
        return {path: object for path, object in self.daemon(n).folders().items()
                if path in ("INBOX", "Work", "Archive", "Trash") or path.startswith("made")}

    # --- How it is ---

    def view(self, n):
        names = {object: path for path, object in self.folders(n).items()}
        return collections.Counter((names.get(folder), row["subject"], *sorted(set(row["keywords"]) & set(KEYWORDS)))
                                   for row in self.rows(n) for folder in row["mailboxIds"])

    def boxes(self):
        lines = self.again(lambda: self.imap.list())[1]
        return [name for name in (line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in lines)
                if name in ("INBOX", "Work", "Archive", "Trash") or name.startswith("made")]

    def there(self):
        found = collections.Counter()
        for box in self.boxes():
            for _, name, flags in self.messages(box):
                if "\\Deleted" not in flags:
                    found[(box, name, *sorted(word for word, flag in KEYWORDS.items() if flag in flags))] += 1
        return found

    def again(self, what):
        """Dovecot ends a session whose mailbox it finds changed behind its back, as it may under load."""
        try:
            return what()
        except imaplib.IMAP4.abort:
            self.imap.shutdown()
            self.imap = self.server.imap()
        return what()

    def messages(self, box):
        """(UID, name, flags)"""
        return self.again(lambda: self.messages_of(box))

    def messages_of(self, box):
        status, count = self.imap.select(f'"{box}"')
        if status != "OK" or count == [b"0"]:
            return []
        answer = self.imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return [(re.search(rb"UID (\d+)", part[0])[1].decode(), part[1].decode().strip().removeprefix("Subject: "),
                 re.search(rb"FLAGS \(([^)]*)\)", part[0])[1].decode().split()) for part in answer if isinstance(part, tuple)]

    # --- What is done ---

    def do_put(self):
        self.put += 1
        with self.server.imap() as imap:
            imap.append(self.dice.choice(("INBOX", "Archive")), None, None, message(self.put))

    def some(self, box):
        there = [one for one in self.messages(box) if "\\Deleted" not in one[2]]
        return self.dice.sample(there, min(len(there), self.dice.choice((1, 1, 3))))

    def do_device(self):
        box = self.dice.choice(self.boxes())
        some = self.some(box)
        if not some:
            return
        uids, names = ",".join(uid for uid, _, _ in some), {name for _, name, _ in some}
        what = self.dice.choices(("flag", "move", "destroy"), (5, 5, 1))[0]
        how = (self.dice.choice("+-") + "FLAGS", self.dice.choice(list(KEYWORDS.values()))) if what == "flag" else \
            (self.dice.choice(self.boxes()),) if what == "move" else ()
        self.note(names, "device", what, *how)
        if what == "flag":
            self.imap.uid("STORE", uids, *how)
        elif what == "move":
            self.imap.uid("MOVE", uids, *how)
            self.moved(names, "device")
        else:
            self.imap.uid("STORE", uids, "+FLAGS", "\\Deleted")
            self.imap.uid("EXPUNGE", uids)
            self.destroyed |= names

    def note(self, names, *what):
        for name in names:
            self.history[name].append(f"{time.monotonic() - self.begun:.2f} " + " ".join(map(str, what)))

    def told(self):
        """The lines, and what was done with the messages that they name."""
        lines = "\n".join(self.lines)
        return "\n".join([lines, "killed: " + "; ".join(self.history["killed"]), *(f"{name}: " + "; ".join(self.history[name]) for name in set(re.findall(r"Message \d+", lines)))])

    def moved(self, names, who):
        for name in names:
            self.movers[name].add(who)

    def do_modify(self):
        n = self.dice.randrange(2)
        rows = self.rows(n)
        some = self.dice.sample(rows, min(len(rows), self.dice.choice((1, 1, 3, 10))))
        names = {row["subject"] for row in some}
        words = GLib.Variant("as", [self.dice.choice(list(KEYWORDS))])
        what = self.dice.choices(("add", "remove", "move", "destroy"), (5, 4, 5, 1))[0]
        if what == "destroy":
            self.destroyed |= names
        if what != "add" and what != "remove":
            self.moved(names, n)
        path, target = self.dice.choice(list(self.folders(n).items()))
        self.note(names, ("eas", "imap")[n], what, path if what == "move" else words)
        patch = {"add": {"addKeywords": words}, "remove": {"removeKeywords": words},
                 "destroy": {"destroy": GLib.Variant("b", True)},
                 "move": {"moveTo": GLib.Variant("o", target)}}[what]
        self.daemon(n).call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", [row["id"] for row in some], patch, {})

    def do_folder(self):
        n = self.dice.randrange(3)
        self.made += 1
        name = f"made{self.made}"
        own = [box for box in self.boxes() if box.startswith("made")]
        rename = own and self.dice.random() < 0.5
        if n == 2:
            self.imap.select("INBOX")
            if rename:
                self.imap.rename(self.dice.choice(own), name)
            else:
                self.imap.create(name)
            return
        own = [object for path, object in self.folders(n).items() if path.startswith("made")]
        try:
            if rename and own:
                self.daemon(n).call(self.dice.choice(own), "Folder", "Rename", "(sa{sv})", name, {})
            else:
                self.daemon(n).call(self.stations[n][3], "Account", "CreateFolder", "(soa{sv})", name, "/", {})
        except GLib.Error as error:
            self.assertIn(error_name(error), ("Exists", "NotFound", "Conflict"))

    def do_sync(self):
        self.daemon(self.dice.randrange(2)).call(PATH, "Manager", "Sync", "(a{sv})", {})

    def do_kill(self):
        n = self.dice.randrange(2)
        self.note(("killed",), ("eas", "imap")[n])
        self.daemon(n).kill()
        self.run_daemon(n)

    def do_wait(self):
        time.sleep(self.dice.random())

    # --- The end ---

    def settled(self):
        lines = []
        for n in range(2):
            try:
                self.daemon(n).sync()
            except GLib.Error as error:
                lines.append(f"{n}: {error.message}")
            if self.daemon(n).get(self.stations[n][3], "Account", "PendingOperations"):
                lines.append(f"{n}: " + str([one for one in self.daemon(n).call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]
                                             if one["state"] in ("pending", "running")]))
        there = self.there()
        for n in range(2):
            here = self.view(n)
            if here != there:
                lines.append(f"{n}: too much {here - there}, missing {there - here}")
            if set(self.folders(n)) != set(self.boxes()):
                lines.append(f"{n}: folders {set(self.folders(n)) ^ set(self.boxes())}")
        self.lines = lines
        return not lines

    def list_anew(self):
        self.daemon(0).kill()
        database = sqlite3.connect(self.stations[0][1] + "/surel.db")
        with database:
            database.execute("UPDATE folder SET last_proven = 1")
        database.close()
        self.run_daemon(0)

    def test_all_agree_in_the_end(self):
        self.begin(int(os.environ.get("SUREL_SEED") or random.randrange(10 ** 6)))
        acts, weights = zip(*((self.do_put, 4), (self.do_device, 12), (self.do_sync, 8), (self.do_kill, 1), (self.do_wait, 6),
                              (self.do_modify, 16), (self.do_folder, 2)))
        for _ in range(STEPS):
            self.again(self.dice.choices(acts, weights)[0])
        try:
            wait_for(self.settled, 60)
        except AssertionError:
            print("listed anew:", self.told(), flush=True)
            self.list_anew()
            wait_for(self.settled, 90, say=self.told)
        there = collections.Counter(key[1] for key in self.there().elements())
        self.assertEqual({name: count for name, count in there.items()
                          if count > len(self.movers[name] | {0})}, {}, "doubled")
        self.assertLessEqual({f"Message {n}" for n in range(1, self.put + 1)} - set(there), self.destroyed, "lost")
        odd = [one for n in range(2) for one in self.daemon(n).call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]
               if one["state"] not in ("done", "cancelled") and not one["kind"].endswith("-folder") and not one["error"][0].endswith((".NotFound", ".Exists", ".Conflict"))]
        self.assertEqual(odd, [])


if __name__ == "__main__":
    main()
