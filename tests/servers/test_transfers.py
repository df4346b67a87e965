#!/usr/bin/python3
"""Messages moved to another account: put there, proven to be there, and only then taken away here."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403
from scripted import Scripted  # noqa: E402
from writable import Writable  # noqa: E402


class Transfers(Changing):
    def prepare_two(self):
        bob = self.server.imap("bob")
        bob.create("Work")
        for box in ("INBOX", "Work"):
            if bob.select(box)[1] != [b"0"]:
                bob.store("1:*", "+FLAGS", "\\Deleted")
                bob.expunge()
        daemon = self.prepare()
        self.bob = bob
        self.bobs, job = daemon.add_account(self.server, user="bob")
        daemon.wait_job(job)
        daemon.sync()
        self.to = next(path for path, interfaces in daemon.objects().items()
                       for folder in [interfaces.get("org.surel.Sync1.Folder")]
                       if folder and folder["Account"] == self.bobs and folder["Path"] == "Work")
        return daemon

    def enable(self, daemon, account, enabled):
        daemon.call(account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", enabled)}, {})

    def of_bob(self):
        """Message-ID's number → its octets."""
        self.bob.select("Work", readonly=True)
        uids = self.bob.uid("SEARCH", "ALL")[1][0].split()
        octets = [self.bob.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1] for uid in uids]
        found = {int(re.search(rb"<m(\d+)@", one).group(1)): one for one in octets}
        self.assertEqual(len(found), len(octets), "a message is there twice")
        return found

    def ids_of(self, daemon, folder):
        return {row["id"] for row in daemon.query({"inMailbox": GLib.Variant("o", folder)}, limit=1000)["messages"]}

    def quiet(self, daemon, seconds=40):
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0
                 and daemon.get(self.bobs, "Account", "PendingOperations") == 0, seconds=seconds,
                 say=lambda: str(daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"])[-1500:])

    def test_a_message_moves_to_another_account(self):
        daemon = self.prepare_two()
        ids = self.ids(daemon)
        one = ids["Message 1"]
        self.imap.select("INBOX", readonly=True)
        octets = self.imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
        received = self.row(daemon, one, "receivedAt")
        self.ended(daemon, self.modify(daemon, [one], {"addKeywords": strings("$flagged", "mine")})[0])
        operation, _, result = self.modify(daemon, [one, ids["Message 2"]], {"moveTo": GLib.Variant("o", self.to)})
        self.assertEqual([(source, folder) for source, folder, _ in result["copies"]],
                         [(one, self.to), (ids["Message 2"], self.to)])
        new = result["copies"][0][2]
        self.assertIsNone(self.row(daemon, one, "id"))
        self.assertEqual(set(self.row(daemon, new, "keywords")["keywords"]), {"$flagged", "mine"})
        self.assertEqual(self.row(daemon, new, "mailboxIds")["mailboxIds"], [self.to])
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(set(self.of_bob()), {1, 2})
        self.assertEqual(self.of_bob()[1], octets)
        self.assertEqual(set(self.on_server("INBOX")), set(range(3, self.count + 1)))
        daemon.sync()
        self.assertEqual(self.ids_of(daemon, self.to), {copy for _, _, copy in result["copies"]})
        self.assertEqual(self.row(daemon, new, "receivedAt"), received)
        # A copy leaves the one here as it is.
        operation, _, result = self.modify(daemon, [ids["Message 3"]], {"addFolders": GLib.Variant("ao", [self.to])})
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual((set(self.of_bob()), 3 in self.on_server("INBOX")), ({1, 2, 3}, True))
        # And back again.
        operation, _, result = self.modify(daemon, [new], {"moveTo": GLib.Variant("o", self.folders["Archive"])})
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual((set(self.of_bob()), set(self.on_server("Archive"))), ({2, 3}, {1}))

    def test_out_of_its_folder_and_into_another_accounts(self):
        daemon = self.prepare_two()
        one = self.ids(daemon)["Message 1"]
        operation, _, result = self.modify(daemon, [one], {
            "removeFolders": GLib.Variant("ao", [self.folders["INBOX"]]),
            "addFolders": GLib.Variant("ao", [self.to, self.folders["Archive"]])})
        self.assertEqual({folder for _, folder, _ in result["copies"]}, {self.to, self.folders["Archive"]})
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.quiet(daemon)
        self.assertEqual((set(self.of_bob()), set(self.on_server("Archive"))), ({1}, {1}))
        self.assertNotIn(1, self.on_server("INBOX"))

    def test_it_waits_for_both_servers(self):
        for first in (0, 1):
            daemon = self.prepare_two()
            ids = self.ids(daemon)
            accounts = [self.account, self.bobs]
            for account in accounts:
                self.enable(daemon, account, False)
            operation, _, result = self.modify(daemon, [ids["Message 1"]], {"moveTo": GLib.Variant("o", self.to)})
            new = result["copies"][0][2]
            self.assertEqual(self.ids_of(daemon, self.to), {new})
            self.enable(daemon, accounts[first], True)
            wait_for(lambda: daemon.get(accounts[first], "Account", "Status") == "idle")
            daemon.call(accounts[first], "Account", "Sync", "(a{sv})", {})
            time.sleep(0.3)
            self.assertIn(1, self.on_server("INBOX"), "it is taken away before it is there")
            self.enable(daemon, accounts[1 - first], True)
            self.quiet(daemon)
            self.assertEqual((set(self.of_bob()), 1 in self.on_server("INBOX")), ({1}, False))
            daemon.stop()
            self.data += "2"

    def test_cancelled_and_its_account_removed(self):
        daemon = self.prepare_two()
        ids = self.ids(daemon)
        self.enable(daemon, self.bobs, False)
        operation, _, result = self.modify(daemon, [ids["Message 1"]], {"moveTo": GLib.Variant("o", self.to)})
        daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})
        self.assertEqual(self.ids(daemon)["Message 1"], ids["Message 1"])
        self.assertEqual(self.ids_of(daemon, self.to), set())
        operation, _, result = self.modify(daemon, [ids["Message 1"]], {"moveTo": GLib.Variant("o", self.to)})
        self.assertNotIn("Message 1", self.ids(daemon))
        self.assertFails("Conflict", daemon.call, self.bobs, "Account", "Remove", "(a{sv})", {})
        daemon.call(self.bobs, "Account", "Remove", "(a{sv})", {"force": GLib.Variant("b", True)})
        wait_for(lambda: "Message 1" in self.ids(daemon))
        self.assertEqual(self.ids(daemon)["Message 1"], ids["Message 1"])
        daemon.sync()
        self.assertIn(1, self.on_server("INBOX"))
        self.assertEqual(daemon.get(self.account, "Account", "PendingOperations"), 0)

    def test_what_another_device_does_to_it_meanwhile_goes_along(self):
        daemon = self.prepare_two()
        ids = self.ids(daemon)
        self.imap.select("INBOX")
        self.imap.store("2", "+FLAGS", "(\\Seen other)")
        daemon.sync()
        self.enable(daemon, self.bobs, False)
        self.modify(daemon, [ids["Message 3"]], {"addKeywords": strings("$answered")})
        moved = [self.modify(daemon, [ids[f"Message {n}"]], {"moveTo": GLib.Variant("o", self.to)})[0] for n in (1, 2, 3)]
        there = {row["subject"]: row["id"] for row in daemon.query({"inMailbox": GLib.Variant("o", self.to)},
                                                                   properties=["id", "subject"], limit=10)["messages"]}
        self.modify(daemon, [there["Message 3"]], {"removeKeywords": strings("$answered")})
        self.modify(daemon, [there["Message 1"]], {"addKeywords": strings("mine")})
        self.imap.select("INBOX")
        self.imap.store("1", "+FLAGS", "(\\Flagged word)")
        self.imap.store("2", "-FLAGS", "(\\Seen other)")
        daemon.sync()
        self.assertEqual(set(self.row(daemon, there["Message 1"], "keywords")["keywords"]), {"$flagged", "word", "mine"})
        self.enable(daemon, self.bobs, True)
        self.assertEqual([self.ended(daemon, operation)["state"] for operation in moved], ["done"] * 3)
        self.quiet(daemon)
        daemon.sync()
        self.bob.select("Work", readonly=True)
        found = {}
        for part in self.bob.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
            if isinstance(part, tuple):
                found[int(re.search(rb"<m(\d+)@", part[1]).group(1))] = set(
                    re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).decode().split()) - {"\\Recent"}
        self.assertEqual(found, {1: {"\\Flagged", "word", "mine"}, 2: set(), 3: set()})
        self.assertEqual({n: set(self.row(daemon, there[f"Message {n}"], "keywords")["keywords"]) for n in (1, 2, 3)},
                         {1: {"$flagged", "word", "mine"}, 2: set(), 3: set()})

    def test_the_account_it_comes_from_is_removed(self):
        for key, kind in (("addFolders", "ao"), ("moveTo", "o")):
            daemon = self.prepare_two()
            ids = self.ids(daemon)
            self.enable(daemon, self.account, False)
            to = GLib.Variant(kind, [self.to] if kind == "ao" else self.to)
            operation, _, result = self.modify(daemon, [ids["Message 1"]], {key: to})
            new = result["copies"][0][2]
            self.assertEqual(self.ids_of(daemon, self.to), {new})
            self.assertFails("Conflict", daemon.call, self.account, "Account", "Remove", "(a{sv})", {})
            daemon.call(self.account, "Account", "Remove", "(a{sv})", {"force": GLib.Variant("b", True)})
            ended = self.ended(daemon, operation)
            self.assertEqual((ended["state"], ended["error"][0].rsplit(".", 1)[-1]), ("failed", "NotFound"))
            self.assertEqual(self.ids_of(daemon, self.to), set())
            self.assertEqual(daemon.get(self.bobs, "Account", "PendingOperations"), 0)
            self.assertIn(1, self.on_server("INBOX"))
            daemon.stop()
            self.data += "2"

    def test_a_move_into_a_folder_that_is_deleted(self):
        """Cancelled, the message is there again, and comes there; else it is gone from where it was, as was wanted."""
        daemon = self.prepare_two()
        ids = self.ids(daemon)
        for n, undone in ((1, True), (2, False)):
            self.enable(daemon, self.bobs, False)
            self.modify(daemon, [ids[f"Message {n}"]], {"moveTo": GLib.Variant("o", self.to)})
            operation = daemon.call(self.to, "Folder", "Delete", "(a{sv})", {"removeMessages": GLib.Variant("b", True)})[0]
            if undone:
                daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})
                self.assertEqual(len(self.ids_of(daemon, self.to)), 1)
            self.enable(daemon, self.bobs, True)
            self.quiet(daemon)
            daemon.sync()
            self.assertNotIn(n, self.on_server("INBOX"))
            if undone:
                self.assertEqual(set(self.of_bob()), {1})
            else:
                self.assertNotEqual(self.bob.select("Work")[0], "OK")

    def test_a_chain_that_breaks_is_taken_back(self):
        daemon = self.prepare_two()
        self.bob.create("Between")
        daemon.sync()
        between = next(path for path, interfaces in daemon.objects().items()
                       if interfaces.get("org.surel.Sync1.Folder", {}).get("Path") == "Between")
        ids = self.ids(daemon)
        one = ids["Message 1"]
        daemon.call(PATH, "Messages", "Read", "(tstua{sv})", one, "", 0, 65536, {})  # its bytes are here
        for account in (self.account, self.bobs):
            self.enable(daemon, account, False)
        first, _, result = self.modify(daemon, [one], {"moveTo": GLib.Variant("o", between)})
        second, _, result = self.modify(daemon, [result["copies"][0][2]], {"moveTo": GLib.Variant("o", self.folders["Archive"])})
        self.bob.select("INBOX")
        self.bob.delete("Between")
        for account in (self.bobs, self.account):
            self.enable(daemon, account, True)
        for operation in (first, second):
            ended = self.ended(daemon, operation)
            self.assertEqual((ended["state"], ended["error"][0].rsplit(".", 1)[-1]), ("failed", "NotFound"))
        daemon.sync()
        self.assertEqual((1 in self.on_server("INBOX"), self.on_server("Archive")), (True, {}))
        self.assertEqual(self.ids(daemon)["Message 1"], one)
        self.assertEqual(self.ids(daemon, "Archive"), {})

    def test_what_another_device_moves_meanwhile_goes(self):
        daemon = self.prepare_two()
        ids = self.ids(daemon)
        self.enable(daemon, self.bobs, False)
        operation, _, result = self.modify(daemon, [ids["Message 1"], ids["Message 2"]], {"moveTo": GLib.Variant("o", self.to)})
        self.imap.select("INBOX")
        self.imap.uid("MOVE", "1:2", "Archive")
        daemon.call(self.account, "Account", "Sync", "(a{sv})", {})
        wait_for(lambda: daemon.get(self.account, "Account", "LastSync") > 0 and not self.ids(daemon, "Archive"))
        self.enable(daemon, self.bobs, True)
        self.quiet(daemon)
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual((set(self.of_bob()), self.on_server("Archive"), 1 in self.on_server("INBOX")), ({1, 2}, {}, False))

    def test_the_folder_it_comes_from_is_renamed_meanwhile(self):
        daemon = self.prepare_two()
        self.imap.create("Was")
        fill(self.imap, "Was", 50, 2)
        daemon.sync()
        self.folders = daemon.folders()
        ids = self.ids(daemon, "Was")
        self.enable(daemon, self.bobs, False)
        operation = self.modify(daemon, [ids["Message 50"]], {"moveTo": GLib.Variant("o", self.to)})[0]
        self.ended(daemon, self.modify(daemon, [ids["Message 51"]], {"addKeywords": strings("$seen")})[0])  # it is open now
        self.imap.rename("Was", "Is")
        self.enable(daemon, self.bobs, True)
        self.quiet(daemon)
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual((set(self.of_bob()), set(self.on_server("Is"))), ({50}, {51}))

    def test_one_that_is_refused_stays(self):
        class Full(Writable):
            def do_APPEND(self, peer, tag, command):
                self.read_append(peer, command)
                peer.send(tag + b" NO [OVERQUOTA] Full\r\n")
        daemon = self.prepare_two()
        ids = self.ids(daemon)
        scripted = Scripted(self.server.dir + "/tls", Full())
        self.addCleanup(scripted.stop)
        account, _ = daemon.add_account(scripted, user="carol", port=scripted.port)
        wait_for(lambda: daemon.get(account, "Account", "Status") == "idle")
        folder = next(path for path, interfaces in daemon.objects().items()
                      if interfaces.get("org.surel.Sync1.Folder", {}).get("Account") == account)
        operation, _, result = self.modify(daemon, [ids["Message 1"]], {"moveTo": GLib.Variant("o", folder)})
        ended = self.ended(daemon, operation)
        self.assertEqual((ended["state"], ended["error"][0].rsplit(".", 1)[-1]), ("failed", "QuotaExceeded"))
        self.assertEqual(self.ids(daemon)["Message 1"], ids["Message 1"])
        self.assertIsNone(self.row(daemon, result["copies"][0][2], "id"))
        self.assertFails("Conflict", daemon.call, PATH, "Operations", "Retry", "(ta{sv})", operation, {})
        daemon.sync()
        self.assertIn(1, self.on_server("INBOX"))

    def test_killed_at_any_moment_each_is_in_one_place(self):
        seed = int(os.environ.get("SUREL_SEED", random.randrange(1 << 30)))
        print("seed", seed, flush=True)
        dice = random.Random(seed)
        self.secrets = "file:" + self.dir + "/secrets"
        daemon = self.prepare_two()
        ids = list(self.ids(daemon).values())
        for n in range(0, self.count, 2):
            self.modify(daemon, ids[n:n + 2], {"moveTo": GLib.Variant("o", self.to)})
            time.sleep(dice.random() * 0.15)
            daemon.kill()
            daemon = self.start(secrets=self.secrets)
        self.quiet(daemon, 60)
        daemon.sync()
        self.assertEqual((set(self.of_bob()), self.on_server("INBOX")), (set(range(1, self.count + 1)), {}))
        self.assertEqual(len(self.ids_of(daemon, self.to)), self.count)


if __name__ == "__main__":
    main()
