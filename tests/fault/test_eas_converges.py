#!/usr/bin/python3
"""Two daemons with the same ActiveSync account, and another device, do what chance has them do, while answers are lost,
keys forgotten and daemons killed. Then all is quiet, and all agree; what nobody has destroyed is there, once.

SUREL_SEED chooses what is done, SUREL_STEPS how much."""

import collections
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from scripted_eas import EasServer, Mailbox, Raw, encode  # noqa: E402
from surel_test import *  # noqa: E402,F403

STEPS = int(os.environ.get("SUREL_STEPS") or 150)


class Lossy(Mailbox):
    """Loses answers, wholly or in part, after what was asked for was done."""

    def __init__(self, dice):
        super().__init__()
        self.dice, self.loses = dice, 0.0

    def answer(self, name, request):
        answer = super().answer(name, request)
        with self.lock:
            if name != "Ping" and self.dice.random() < self.loses:
                octets = encode(answer)
                raise Raw(body=octets, cut=self.dice.choice((0, len(octets) // 2)))
        return answer

    # --- The other device ---

    def of_mail(self):
        return [id for id, (_, _, kind) in self.folders.items() if kind != 8]

    def all(self):
        return [(folder, id) for folder in self.of_mail() for id in self.items[folder]]

    def view(self):
        with self.lock:
            return collections.Counter((self.folders[folder][1], name_of(item.octets), item.read, item.flagged)
                                       for folder in self.of_mail() for item in self.items[folder].values())


def name_of(octets):
    return re.search(rb"Subject: (.*)\r", octets)[1].decode()


class Converges(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = None

    @classmethod
    def tearDownClass(cls):
        pass

    def begin(self, seed):
        print("seed", seed, flush=True)
        self.dice = random.Random(seed)
        self.tls = self.dir + "/tls"
        subprocess.run([HERE + "/certificates.sh", self.tls], check=True)
        self.mailbox = Lossy(random.Random(seed + 1))
        self.eas = EasServer(self.tls, self.mailbox)
        self.addCleanup(self.eas.stop)
        self.put, self.destroyed, self.told = 0, set(), collections.defaultdict(list)
        self.copies = []
        for n in range(2):
            bus = Bus()
            self.addCleanup(bus.stop)
            self.copies.append([bus, f"{self.dir}/data{n}", None, None])
        for n in range(20):
            self.do_put()
        for n in range(2):
            self.run_daemon(n)
            self.copies[n][3], job = self.daemon(n).call(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", {
                "protocol": GLib.Variant("s", "eas"), "address": GLib.Variant("s", "alice@surel.test"),
                "user": GLib.Variant("s", "alice"), "url": GLib.Variant("s", self.eas.url())},
                {"password": GLib.Variant("s", "secret")}, {})
            self.daemon(n).wait_job(job)
            wait_for(lambda n=n: len(self.rows(n)) == 20)

    def run_daemon(self, n):
        bus, data, _, _ = self.copies[n]
        self.copies[n][2] = Daemon(bus, data, "--ca-file", self.tls + "/ca.pem", secrets=f"file:{data}.secrets")
        self.daemons.append(self.copies[n][2])

    def daemon(self, n):
        return self.copies[n][2]

    def rows(self, n):
        return self.daemon(n).query(properties=["id", "subject", "mailboxIds", "keywords"], limit=1000)["messages"]

    def folders(self, n):
        return {object: path.rsplit("/", 1)[-1] for path, object in self.daemon(n).folders().items()}

    def view(self, n):
        names = self.folders(n)
        return collections.Counter((names.get(folder), row["subject"], "$seen" in row["keywords"], "$flagged" in row["keywords"])
                                   for row in self.rows(n) for folder in row["mailboxIds"])

    # --- What is done ---

    def do_put(self):
        self.put += 1
        self.mailbox.put(message(self.put), self.dice.choice((None, "arch")))

    def do_touch(self):
        with self.mailbox.lock:
            if there := self.mailbox.all():
                folder, id = self.dice.choice(there)
                item = self.mailbox.items[folder][id]
                setattr(item, *self.dice.choice((("read", True), ("read", False), ("flagged", True), ("flagged", False))))
                self.mailbox.touch(item)

    def do_take_away(self):
        with self.mailbox.lock:
            if there := self.mailbox.all():
                folder, id = self.dice.choice(there)
                self.destroyed.add(name_of(self.mailbox.items[folder].pop(id).octets))

    def do_move_there(self):
        with self.mailbox.lock:
            for _ in range(self.dice.choice((1, 3))):
                if there := self.mailbox.all():
                    folder, id = self.dice.choice(there)
                    self.mailbox.made += 1
                    self.mailbox.items[self.dice.choice(self.mailbox.of_mail())][f"m{self.mailbox.made}"] \
                        = self.mailbox.items[folder].pop(id)

    def do_forget(self):
        with self.mailbox.lock:
            (self.mailbox.keys if self.dice.random() < 0.7 else self.mailbox.hierarchy).clear()

    def do_lose(self):
        self.mailbox.loses = self.dice.choice((0, 0, 0.1, 0.4))

    def do_sync(self):
        self.daemon(self.dice.randrange(2)).call(PATH, "Manager", "Sync", "(a{sv})", {})

    def do_kill(self):
        n = self.dice.randrange(2)
        self.daemon(n).kill()
        self.run_daemon(n)

    def do_wait(self):
        time.sleep(self.dice.random() * 0.2)

    def do_modify(self):
        n = self.dice.randrange(2)
        rows = self.rows(n)
        some = self.dice.sample(rows, min(len(rows), self.dice.choice((1, 1, 3, 10))))
        words = GLib.Variant("as", [self.dice.choice(("$seen", "$flagged"))])
        what = self.dice.choices(("add", "remove", "move", "destroy"), (5, 4, 5, 1))[0]
        if what == "destroy":
            self.destroyed |= {row["subject"] for row in some}
        places = [object for object, path in self.folders(n).items()]
        patch = {"add": {"addKeywords": words}, "remove": {"removeKeywords": words},
                 "destroy": {"destroy": GLib.Variant("b", True)},
                 "move": {"moveTo": GLib.Variant("o", self.dice.choice(places))}}[what]
        self.daemon(n).call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", [row["id"] for row in some], patch, {})

    def do_folder(self):
        n = self.dice.randrange(2)
        self.made = getattr(self, "made", 0) + 1
        names = {path: object for object, path in self.folders(n).items()}
        own = [path for path in names if path.startswith("made")]
        try:
            if own and self.dice.random() < 0.5:
                self.daemon(n).call(names[self.dice.choice(own)], "Folder", "Rename", "(sa{sv})", f"made{self.made}", {})
            else:
                self.daemon(n).call(self.copies[n][3], "Account", "CreateFolder", "(soa{sv})", f"made{self.made}", "/", {})
        except GLib.Error as error:
            self.assertIn(error_name(error), ("Exists", "NotFound", "Conflict"))

    def settled(self):
        lines = []
        for n in range(2):
            try:
                self.daemon(n).sync()
            except GLib.Error as error:
                lines.append(f"{n}: {error.message}")
            if self.daemon(n).get(self.copies[n][3], "Account", "PendingOperations"):
                lines.append(f"{n}: " + str([one for one in self.daemon(n).call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]
                                             if one["state"] in ("pending", "running")]))
        there = self.mailbox.view()
        for n in range(2):
            here = self.view(n)
            if here != there:
                lines.append(f"{n}: too much {here - there}, missing {there - here}")
        self.lines = lines
        return not lines

    def run_seed(self, seed):
        self.begin(seed)
        acts, weights = zip(*((self.do_put, 4), (self.do_touch, 8), (self.do_take_away, 2), (self.do_move_there, 5),
                              (self.do_forget, 1), (self.do_lose, 2), (self.do_sync, 8), (self.do_kill, 1), (self.do_wait, 6),
                              (self.do_modify, 16), (self.do_folder, 2)))
        for _ in range(STEPS):
            self.dice.choices(acts, weights)[0]()
        self.mailbox.loses = 0
        wait_for(self.settled, 60, say=lambda: "\n".join(self.lines))
        there = collections.Counter(name for _, name, _, _ in self.mailbox.view().elements())
        self.assertEqual({name: count for name, count in there.items() if count != 1}, {}, "doubled")
        every = {f"Message {n}" for n in range(1, self.put + 1)}
        self.assertLessEqual(every - set(there), self.destroyed, "lost")
        odd = [one for n in range(2) for one in self.daemon(n).call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]
               if one["state"] not in ("done", "cancelled") and not one["error"][0].endswith((".NotFound", ".Exists", ".Conflict"))]
        self.assertEqual(odd, [])

    def test_all_agree_in_the_end(self):
        seed = int(os.environ.get("SUREL_SEED") or random.randrange(10 ** 6))
        self.run_seed(seed)


if __name__ == "__main__":
    main()
