#!/usr/bin/python3
"""Copies of one message: each is made, and what is done with one before it is made is done with it then."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403


class Copies(Changing):
    count = 3

    def enable(self, daemon, enabled):
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", enabled)}, {})

    def copy(self, daemon, id, path="Work"):
        """The operation, and the copy."""
        operation, _, result = self.modify(daemon, [id], {"addFolders": GLib.Variant("ao", [self.folders[path]])})
        return operation, result["copies"][0][2]

    def count_in(self, path):
        return int(self.imap.select(path, readonly=True)[1][0])

    def flags_in(self, path):
        self.count_in(path)
        return [re.search(rb"FLAGS \(([^)]*)\)", part).group(1).replace(b"\\Recent", b"").strip() for part in self.imap.fetch("1:*", "(FLAGS)")[1]]

    def test_the_same_copy_several_times(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        for n, offline in ((1, True), (2, False)):
            if offline:
                self.enable(daemon, False)
            made = [self.copy(daemon, ids[f"Message {n}"]) for _ in range(4)]
            self.enable(daemon, True)
            self.assertEqual([self.ended(daemon, operation)["state"] for operation, _ in made], ["done"] * 4)
            daemon.sync()
            self.assertEqual((self.count_in("Work"), daemon.get(self.folders["Work"], "Folder", "TotalMessages")), (4 * n, 4 * n))
            found = {row["id"] for row in daemon.query({"inMailbox": GLib.Variant("o", self.folders["Work"])}, limit=100)["messages"]}
            self.assertLessEqual({id for _, id in made}, found)

    def test_a_copy_outlives_the_original_and_the_copy_before(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        self.enable(daemon, False)
        destroy = {"destroy": GLib.Variant("b", True)}
        first, second = (self.copy(daemon, ids["Message 1"])[1] for _ in range(2))
        self.modify(daemon, [ids["Message 1"], first], destroy)
        moved = self.copy(daemon, ids["Message 2"])[1]
        self.modify(daemon, [moved], {"moveTo": GLib.Variant("o", self.folders["Archive"])})
        stays = self.copy(daemon, ids["Message 2"])[1]
        self.modify(daemon, [ids["Message 2"]], destroy)
        self.enable(daemon, True)
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0, 40)
        daemon.sync()
        states = {one["state"] for one in daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]}
        self.assertEqual(states, {"done"})
        self.assertEqual(self.ids(daemon, "Work"), {"Message 1": second, "Message 2": stays})
        self.assertEqual(self.ids(daemon, "Archive"), {"Message 2": moved})
        self.assertEqual((self.count_in("INBOX"), self.count_in("Work"), self.count_in("Archive")), (1, 2, 1))

    def test_keywords_of_a_copy_that_is_not_made_yet(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        flagged = strings("$flagged")
        self.modify(daemon, [ids["Message 2"]], {"addKeywords": flagged})
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        self.enable(daemon, False)
        self.modify(daemon, [ids["Message 1"]], {"addKeywords": flagged})
        _, without = self.copy(daemon, ids["Message 1"])
        operation = self.modify(daemon, [without], {"removeKeywords": flagged})[0]
        self.assertNotEqual(operation, 0)
        self.modify(daemon, [ids["Message 2"]], {"removeKeywords": flagged})
        _, flagged_copy = self.copy(daemon, ids["Message 2"], "Archive")
        self.modify(daemon, [flagged_copy], {"addKeywords": flagged})
        self.enable(daemon, True)
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0, 40)
        daemon.sync()
        self.assertEqual((self.row(daemon, without, "keywords")["keywords"], self.flags_in("Work")), ([], [b""]))
        self.assertEqual((self.row(daemon, flagged_copy, "keywords")["keywords"], self.flags_in("Archive")),
                         (["$flagged"], [b"\\Flagged"]))

    def test_a_folder_has_one_path(self):
        """Under the path of another account it isn't there."""
        daemon = self.prepare()
        ids = self.ids(daemon)
        bobs, job = daemon.add_account(self.server, user="bob")
        daemon.wait_job(job)
        number = self.folders["Work"].rsplit("/", 1)[1]
        for account in (bobs, self.account.rsplit("/", 1)[0] + "/a1"):
            path = f"{account}/folders/{number}"
            for patch in ({"moveTo": GLib.Variant("o", path)}, {"addFolders": GLib.Variant("ao", [path])},
                          {"moveFrom": GLib.Variant("o", path), "moveToRole": GLib.Variant("s", "archive")}):
                self.assertFails("NotFound", self.modify, daemon, [ids["Message 1"]], patch)
        self.assertEqual(self.ids(daemon), ids)

    def test_what_waited_for_an_account_that_is_removed_has_failed(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        self.enable(daemon, False)
        operations = [self.modify(daemon, [ids["Message 1"]], {"addKeywords": strings("$flagged")})[0],
                      self.modify(daemon, [ids["Message 2"]], {"moveTo": GLib.Variant("o", self.folders["Work"])})[0],
                      self.copy(daemon, ids["Message 3"])[0],
                      daemon.call(self.folders["Work"], "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(90)), {})[1],
                      daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "New", "/", {})[1]]
        daemon.call(self.account, "Account", "Remove", "(a{sv})", {"force": GLib.Variant("b", True)})
        for operation in operations:
            ended = self.ended(daemon, operation)
            self.assertEqual((ended["state"], ended["error"][0]), ("failed", NAME + ".Error.NotFound"))
            with self.subTest(kind=ended["kind"]):
                self.assertFails("Conflict", daemon.call, PATH, "Operations", "Retry", "(ta{sv})", operation, {})

    def test_a_copy_of_a_draft_that_is_saved_again(self):
        """It has the text that the draft had then, whether the server has that or not."""
        daemon = self.prepare()
        for n, known in enumerate((True, False)):
            def save(id, text):
                octets = GLib.Variant("ay", message(900 + n, text, body=text))
                return daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, id, octets, {})
            self.enable(daemon, known)
            draft, operation = save(0, "old")
            if known:
                self.ended(daemon, operation)
                self.enable(daemon, False)
            self.copy(daemon, draft)
            save(draft, "new")
            self.enable(daemon, True)
            self.quiet(daemon)
            daemon.sync()
            self.assertEqual(self.count_in("Work"), n + 1)
            self.assertEqual(self.imap.fetch(str(n + 1), "(BODY[TEXT])")[1][0][1].strip(), b"old")
            self.assertEqual(self.count_in("Drafts"), n + 1)
            self.assertEqual(self.imap.fetch(str(n + 1), "(BODY[TEXT])")[1][0][1].strip(), b"new")

    def test_a_copy_of_a_copy_that_is_never_made(self):
        """It becomes one of the original, as that was then: what was done with the original since comes after it."""
        daemon = self.prepare()
        ids = self.ids(daemon)
        self.enable(daemon, False)
        destroy, flag = {"destroy": GLib.Variant("b", True)}, {"addKeywords": strings("$flagged")}
        original = ids["Message 1"]
        self.modify(daemon, [original], {"moveTo": GLib.Variant("o", self.folders["Archive"])})
        first = self.copy(daemon, original, "INBOX")[1]
        self.modify(daemon, [original], flag)
        self.modify(daemon, [original], destroy)
        second = self.copy(daemon, first, "Trash")[1]
        third = self.copy(daemon, second)[1]
        self.modify(daemon, [second], flag)
        fourth = self.copy(daemon, second)[1]
        self.modify(daemon, [first], destroy)
        self.modify(daemon, [second], destroy)
        self.enable(daemon, True)
        self.quiet(daemon)
        daemon.sync()
        self.assertEqual((self.count_in("INBOX"), self.count_in("Archive"), self.count_in("Trash")), (2, 0, 0))
        self.assertEqual(sorted(self.flags_in("Work")), [b"", b"\\Flagged"])
        found = daemon.query({"inMailbox": GLib.Variant("o", self.folders["Work"])}, properties=["id", "keywords"], limit=100)["messages"]
        self.assertEqual({row["id"]: "$flagged" in row["keywords"] for row in found}, {third: False, fourth: True})


if __name__ == "__main__":
    main()
