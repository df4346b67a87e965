#!/usr/bin/python3
"""What people did is undone, and what failed is tried again."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403


class Undo(Changing):
    def test_cancelled_is_undone(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        id = ids["Message 4"]
        operation, _, _ = self.modify(daemon, [id], {"addKeywords": strings("$flagged"),
                                                      "moveTo": GLib.Variant("o", self.folders["Work"])})
        self.ended(daemon, operation)
        daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})
        self.assertEqual(self.row(daemon, id, "keywords", "mailboxIds"),
                         {"keywords": [], "mailboxIds": [self.folders["INBOX"]]})
        wait_for(lambda: self.on_server("INBOX").get(4) == set())
        self.assertEqual(self.on_server("Work"), {})

    def test_cancelled_are_folders_and_what_was_put_there(self):
        daemon = self.prepare()

        def cancel(operation):
            daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})

        def quiet():
            wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        for offline in (False, True):
            if offline:
                daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
            before = daemon.folders()
            made, operation = self.create(daemon, "Made")
            if not offline:
                self.ended(daemon, operation)
            cancel(operation)
            self.assertEqual(daemon.folders(), before)
            work = self.folders["Work"]
            subscribed = daemon.get(work, "Folder", "Subscribed")
            for method, kind, value, prop in (("Rename", "s", "Labour", "Path"), ("MoveTo", "o", self.folders["Archive"], "Path"),
                                              ("SetSubscribed", "b", not subscribed, "Subscribed")):
                was = daemon.get(work, "Folder", prop)
                operation = daemon.call(work, "Folder", method, f"({kind}a{{sv}})", value, {})[0]
                self.assertNotEqual(daemon.get(work, "Folder", prop), was)
                if not offline:
                    self.ended(daemon, operation)
                cancel(operation)
                self.assertEqual(daemon.get(work, "Folder", prop), was)
                if not offline:
                    quiet()
            id, operation = self.append(daemon, "Work", message(900))
            if not offline:
                self.ended(daemon, operation)
            cancel(operation)
            self.assertIsNone(self.row(daemon, id, "id"))
            if not offline:
                quiet()
                self.assertEqual((self.on_server("Work"), self.boxes()), ({}, set()))
        self.assertEqual(daemon.get(self.account, "Account", "PendingOperations"), 0)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        daemon.sync()
        self.assertEqual((self.on_server("Work"), self.boxes()), ({}, set()))
        self.assertEqual(daemon.folders(), before)

    def cancel(self, daemon, operation):
        daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})

    def move(self, daemon, id, path):
        return self.modify(daemon, [id], {"moveTo": GLib.Variant("o", self.folders[path])})[0]

    def place(self, daemon, id):
        return self.row(daemon, id, "mailboxIds")["mailboxIds"]

    def moved_twice(self, daemon):
        """A message that went to Work and on to Archive, with both operations: done, then waiting."""
        ids = self.ids(daemon)
        for offline, subject in ((False, "Message 1"), (True, "Message 2")):
            self.enable(daemon, not offline)
            operations = []
            for path in ("Work", "Archive"):
                operations.append(self.move(daemon, ids[subject], path))
                if not offline:
                    self.ended(daemon, operations[-1])
            yield ids[subject], *operations
        self.enable(daemon, True)
        self.quiet(daemon, "cancelled")

    def test_the_later_of_two_moves(self):
        """The first is as it was, whether the server has heard of it or not."""
        daemon = self.prepare()
        for id, _, later in self.moved_twice(daemon):
            self.cancel(daemon, later)
            self.assertEqual(self.place(daemon, id), [self.folders["Work"]])
        self.assertEqual((set(self.on_server("Work")), self.on_server("Archive")), ({1, 2}, {}))

    def test_the_first_of_two_moves(self):
        """What was moved on since stays where it is."""
        daemon = self.prepare()
        for id, first, _ in self.moved_twice(daemon):
            self.cancel(daemon, first)
            self.assertEqual(self.place(daemon, id), [self.folders["Archive"]])
        self.assertEqual((self.on_server("Work"), set(self.on_server("Archive"))), ({}, {1, 2}))

    def copy(self, daemon, id, path):
        operation, _, result = self.modify(daemon, [id], {"addFolders": GLib.Variant("ao", [self.folders[path]])})
        return operation, result["copies"][0][2]

    def test_a_copy_of_a_copy_stays(self):
        daemon = self.prepare()
        id = self.ids(daemon)["Message 3"]
        self.enable(daemon, False)
        first, one = self.copy(daemon, id, "Work")
        _, two = self.copy(daemon, one, "Archive")
        self.cancel(daemon, first)
        _, three = self.copy(daemon, two, "Trash")
        self.modify(daemon, [two], {"destroy": GLib.Variant("b", True)})
        self.assertEqual((self.row(daemon, one, "id"), self.row(daemon, two, "id")), (None, None))
        self.assertEqual(self.place(daemon, three), [self.folders["Trash"]])
        self.enable(daemon, True)
        self.quiet(daemon, "cancelled")
        self.assertEqual((self.on_server("Work"), self.on_server("Archive"), set(self.on_server("Trash"))), ({}, {}, {3}))
        daemon.sync()
        self.assertEqual(self.ids(daemon, "Trash"), {"Message 3": three})

    def test_a_copy_whose_original_is_gone_stays(self):
        daemon = self.prepare()
        operation, copy = self.copy(daemon, self.ids(daemon)["Message 3"], "Work")
        self.quiet(daemon)
        self.imap.select("INBOX")
        self.imap.store("3", "+FLAGS", "\\Deleted")
        self.imap.expunge()
        self.imap.unselect()
        daemon.sync()
        self.assertFails("NotSupported", self.cancel, daemon, operation)
        self.assertEqual((set(self.on_server("Work")), self.ended(daemon, operation)["state"]), ({3}, "done"))
        self.assertEqual(self.place(daemon, copy), [self.folders["Work"]])

    def test_what_was_done_before_a_cancelled_one_stays_done(self):
        """Read and moved, then destroyed for good, or put into another account; and that is thought better of."""
        daemon = self.prepare()
        away = self.folder_of_bob(daemon)
        one, two = (self.ids(daemon)[f"Message {n}"] for n in (3, 4))
        bob = self.server.imap("bob")
        before = bob.select("INBOX")[1]
        self.enable(daemon, False)
        for id, patch in ((one, {"destroy": GLib.Variant("b", True)}), (two, {"moveTo": GLib.Variant("o", away)})):
            self.modify(daemon, [id], {"addKeywords": strings("$seen")})
            self.modify(daemon, [id], {"moveTo": GLib.Variant("o", self.folders["Work"])})
            operation, _, _ = self.modify(daemon, [id], patch)
            self.assertIsNone(self.row(daemon, id, "id"))
            self.cancel(daemon, operation)
            self.assertEqual((self.place(daemon, id), self.row(daemon, id, "keywords")["keywords"]),
                             ([self.folders["Work"]], ["$seen"]))
        self.enable(daemon, True)
        self.quiet(daemon, "cancelled")
        daemon.sync()
        self.assertEqual((self.on_server("Work"), self.ids(daemon, "Work")),
                         ({3: {"\\Seen"}, 4: {"\\Seen"}}, {"Message 3": one, "Message 4": two}))
        self.assertEqual(bob.select("INBOX")[1], before)
        bob.logout()

    def folder_of_bob(self, daemon):
        """Of another account, which it adds."""
        other, job = daemon.add_account(self.server, "bob")
        daemon.wait_job(job)
        daemon.sync()
        return next(path for path, values in daemon.objects().items()
                    if values.get(NAME + ".Folder", {}).get("Account") == other)

    def all_done(self, daemon):
        """In all accounts."""
        def states():
            return {one["state"] for one in daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]}
        wait_for(lambda: not states() & {"pending", "running"}, 40, say=lambda: str(daemon.call(PATH, "Operations", "List", "(a{sv})", {})))
        self.assertEqual(states(), {"done"})

    def save(self, daemon, draft, n):
        text = f"Subject: Draft\r\nMessage-ID: <d@x>\r\n\r\nText {n}\r\n"
        return daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, draft, GLib.Variant("s", text), {})

    def test_the_first_save_of_a_draft_does_not_take_the_later_text_along(self):
        daemon = self.prepare()
        draft, first = self.save(daemon, 0, 1)
        self.quiet(daemon)
        self.save(daemon, draft, 2)
        self.quiet(daemon)
        self.assertFails("NotSupported", self.cancel, daemon, first)
        self.assertIn(b"Text 2", bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", draft, "", 0, 1000, {})[0]))

    def test_a_copy_is_not_taken_back_from_what_is_destroyed(self):
        """Here and in another account, done and waiting."""
        daemon = self.prepare()
        away = self.folder_of_bob(daemon)
        ids = self.ids(daemon)
        for n, (target, offline) in enumerate(((away, False), (away, True), (self.folders["Work"], True)), 3):
            self.enable(daemon, not offline)
            id = ids[f"Message {n}"]
            operation, _, result = self.modify(daemon, [id], {"addFolders": GLib.Variant("ao", [target])})
            if not offline:
                self.all_done(daemon)
            self.modify(daemon, [id], {"destroy": GLib.Variant("b", True)})
            self.assertFails("NotSupported", self.cancel, daemon, operation)
            self.enable(daemon, True)
            self.all_done(daemon)
            self.assertEqual(self.place(daemon, result["copies"][0][2]), [target])

    def test_what_was_moved_on_in_another_account_stays(self):
        daemon = self.prepare()
        away = self.folder_of_bob(daemon)
        ids = self.ids(daemon)
        self.enable(daemon, False)
        for n, patch in ((3, {"moveTo": GLib.Variant("o", self.folders["Archive"])}), (4, {"addKeywords": strings("$seen")})):
            operation, _, result = self.modify(daemon, [ids[f"Message {n}"]], {"moveTo": GLib.Variant("o", away)})
            self.modify(daemon, [result["copies"][0][2]], patch)
            self.assertFails("NotSupported", self.cancel, daemon, operation)
        self.enable(daemon, True)
        self.all_done(daemon)
        daemon.sync()
        self.assertEqual(set(self.on_server("Archive")), {3})
        self.assertFalse({3, 4} & set(self.on_server("INBOX")))

    def test_waiting_moves_cancelled_one_by_one_go_back(self):
        daemon = self.prepare()
        id = self.ids(daemon)["Message 3"]
        self.enable(daemon, False)
        operations = [self.modify(daemon, [id], {"moveTo": GLib.Variant("o", self.folders[path])})[0]
                      for path in ("Work", "Archive", "Trash")]
        for operation, path in zip(reversed(operations), ("Archive", "Work", "INBOX")):
            self.cancel(daemon, operation)
            self.assertEqual(self.place(daemon, id), [self.folders[path]])
        self.enable(daemon, True)
        self.quiet(daemon, "cancelled")
        daemon.sync()
        self.assertIn(3, self.on_server("INBOX"))
        self.assertEqual(self.ids(daemon)["Message 3"], id)

    def folder(self, daemon, path, method, *arguments):
        return daemon.call(path, "Folder", method, {"Rename": "(sa{sv})", "MoveTo": "(oa{sv})", "Delete": "(a{sv})"}[method],
                           *arguments, {})[0]

    def test_no_two_folders_get_one_name(self):
        for method, arguments in (("Rename", ["W2"]), ("MoveTo", [self.account_folder("Archive")]), ("Delete", [])):
            with self.subTest(method=method):
                daemon = self.prepare()
                self.enable(daemon, False)
                operation = self.folder(daemon, self.folders["Work"], method,
                                        *[argument(daemon) if callable(argument) else argument for argument in arguments])
                daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "Work", "/", {})
                self.assertFails("Exists", self.cancel, daemon, operation)
                paths = [values[NAME + ".Folder"]["Path"] for values in daemon.objects().values() if NAME + ".Folder" in values]
                self.assertEqual(paths.count("Work"), 1)
                self.enable(daemon, True)
                self.quiet(daemon)
                daemon.stop()
                self.daemons.remove(daemon)
                self.data += "x"

    def test_names_that_folders_have_exchanged(self):
        """The first of them needs the name that the second wants to have."""
        daemon = self.prepare()
        self.ended(daemon, self.create(daemon, "Other")[1])
        other = daemon.folders()["Other"]
        self.enable(daemon, False)
        work = self.folders["Work"]
        first, _, last = [self.folder(daemon, folder, "Rename", name) for folder, name in ((work, "Third"), (other, "Work"), (work, "Other"))]
        self.assertFails("Exists", self.cancel, daemon, first)
        self.cancel(daemon, last)
        self.enable(daemon, True)
        self.quiet(daemon, "cancelled")
        self.assertEqual((daemon.get(work, "Folder", "Path"), daemon.get(other, "Folder", "Path")), ("Third", "Work"))
        self.assertEqual(self.boxes() - {"Work"}, {"Third"})

    def test_what_waits_to_come_into_a_folder_that_is_deleted(self):
        """It comes back when that is cancelled, and else never goes to the server."""
        daemon = self.prepare()
        ids = self.ids(daemon)
        for undone in (True, False):
            self.enable(daemon, False)
            work = daemon.folders()["Work"]
            daemon.call(work, "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(70 + undone)), {})
            self.modify(daemon, [ids["Message 1"]], {"addFolders": GLib.Variant("ao", [work])})
            operation = daemon.call(work, "Folder", "Delete", "(a{sv})", {"removeMessages": GLib.Variant("b", True)})[0]
            self.assertNotIn("Work", daemon.folders())
            if undone:
                self.cancel(daemon, operation)
                self.assertEqual(set(self.ids(daemon, "Work")), {"Message 1", "Message 71"})
            self.enable(daemon, True)
            self.quiet(daemon, "cancelled")
            daemon.sync()
            if undone:
                self.assertEqual(set(self.on_server("Work")), {1, 71})
                self.ended(daemon, self.modify(daemon, list(self.ids(daemon, "Work").values()), {"destroy": GLib.Variant("b", True)})[0])
            else:
                self.assertNotEqual(self.imap.select("Work")[0], "OK")
                self.assertEqual(set(self.ids(daemon)), set(ids))

    def account_folder(self, path):
        return lambda daemon: daemon.folders()[path]

    def test_the_first_of_two_renames(self):
        """What a folder was called since, and where it was moved to since, stays."""
        for then, expected in ((("Rename", "W3"), "W3"), (("MoveTo", "Archive"), "Archive/Work")):
            with self.subTest(then=then[0]):
                daemon = self.prepare()
                work = self.folders["Work"]
                first = self.folder(daemon, work, "Rename", "W2")
                self.quiet(daemon)
                self.folder(daemon, work, then[0], then[1] if then[0] == "Rename" else self.folders[then[1]])
                self.quiet(daemon)
                self.cancel(daemon, first)
                self.quiet(daemon, "cancelled")
                self.assertEqual(daemon.get(work, "Folder", "Path"), expected)
                daemon.stop()
                self.daemons.remove(daemon)
                self.data += "x"

    def test_what_was_destroyed_since_is_not_undone(self):
        daemon = self.prepare()
        one = self.ids(daemon)["Message 1"]
        operation, _, _ = self.modify(daemon, [one], {"moveTo": GLib.Variant("o", self.folders["Work"])})
        self.quiet(daemon)
        self.modify(daemon, [one], {"destroy": GLib.Variant("b", True)})
        self.assertFails("NotSupported", self.cancel, daemon, operation)
        self.quiet(daemon)
        self.assertFails("NotSupported", self.cancel, daemon, operation)
        self.assertEqual(self.ended(daemon, operation)["state"], "done")

    def test_it_is_cancelled_once(self):
        """What is done again after that is left alone, and nobody is told twice."""
        daemon = self.prepare()
        told = []
        daemon.connection.signal_subscribe(NAME, NAME + ".Operations", "Finished", PATH, None, 0,
                                           lambda *args: told.append(args[5].unpack()[:2]))
        id = self.ids(daemon)["Message 3"]
        operation, _, _ = self.modify(daemon, [id], {"moveTo": GLib.Variant("o", self.folders["Work"])})
        self.quiet(daemon)
        self.cancel(daemon, operation)
        self.quiet(daemon, "cancelled")
        self.modify(daemon, [id], {"moveTo": GLib.Variant("o", self.folders["Work"])})
        self.cancel(daemon, operation)
        self.quiet(daemon, "cancelled")
        self.assertEqual((self.place(daemon, id), set(self.on_server("Work"))), ([self.folders["Work"]], {3}))
        while GLib.MainContext.default().iteration(False):
            pass
        self.assertEqual(told.count((operation, "cancelled")), 1)

    def test_a_copy_of_what_was_never_sent_stays(self):
        daemon = self.prepare()
        self.enable(daemon, False)
        id, operation = self.append(daemon, "Work", message(900))
        _, copy = self.copy(daemon, id, "Archive")
        self.cancel(daemon, operation)
        self.assertIsNone(self.row(daemon, id, "id"))
        self.enable(daemon, True)
        self.quiet(daemon, "cancelled")
        self.assertEqual((self.on_server("Work"), set(self.on_server("Archive"))), ({}, {900}))
        daemon.sync()
        self.assertEqual(self.ids(daemon, "Archive"), {"Message 900": copy})

    def save_draft(self, daemon, replaces, text):
        return daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, replaces,
                           GLib.Variant("ay", message(800, "Draft", text)), {})

    def delete_what_no_server_knows(self):
        """A new folder, one in it, and what was put into both, deleted offline. Returns the daemon, the ids, and the
        operations that made the folder and deleted it."""
        daemon = self.prepare()
        ids = self.ids(daemon)
        self.enable(daemon, False)
        fresh, made = self.create(daemon, "Fresh")
        below, _ = self.create(daemon, "Below", fresh)
        self.modify(daemon, [ids["Message 1"]], {"moveTo": GLib.Variant("o", fresh)})
        self.modify(daemon, [ids["Message 2"]], {"addFolders": GLib.Variant("ao", [below])})
        both = {"removeMessages": GLib.Variant("b", True), "removeChildren": GLib.Variant("b", True)}
        operation = daemon.call(fresh, "Folder", "Delete", "(a{sv})", both)[0]
        self.assertEqual({"Fresh", "Fresh/Below"} & set(daemon.folders()), set())
        self.assertNotIn("Message 1", self.ids(daemon))
        return daemon, ids, made, operation

    def test_a_folder_that_no_server_knows_goes_with_what_is_in_it(self):
        daemon, _, _, _ = self.delete_what_no_server_knows()
        self.imap.select("INBOX")
        self.enable(daemon, True)
        self.quiet(daemon, "failed")
        daemon.sync()
        self.assertEqual(self.boxes(), set())
        self.assertNotIn("Message 1", self.ids(daemon))
        self.assertEqual({1, 2} & set(self.on_server("INBOX")), {2})

    def test_what_was_in_a_folder_that_no_server_knows_comes_back(self):
        daemon, ids, _, operation = self.delete_what_no_server_knows()
        self.cancel(daemon, operation)
        self.enable(daemon, True)
        self.quiet(daemon, "failed", "cancelled")
        daemon.sync()
        self.assertEqual(self.ids(daemon)["Message 1"], ids["Message 1"])
        self.assertEqual({1, 2} & set(self.on_server("INBOX")), {1, 2})

    def test_another_folder_of_that_name_stays(self):
        daemon = self.prepare()
        self.enable(daemon, False)
        fresh, made = self.create(daemon, "Fresh")
        below, _ = self.create(daemon, "Below", fresh)
        daemon.call(below, "Folder", "Delete", "(a{sv})", {})
        again, _ = self.create(daemon, "Again")
        daemon.call(again, "Folder", "Delete", "(a{sv})", {})
        self.cancel(daemon, made)
        for name in ("Below", "Again"):
            self.imap.create(name)
        self.enable(daemon, True)
        daemon.sync()
        self.quiet(daemon, "cancelled")
        daemon.sync()
        self.assertEqual(self.boxes(), {"Below", "Again"})
        self.assertLess({"Below", "Again"}, set(daemon.folders()))

    def test_a_draft_saved_again_is_not_taken_away(self):
        daemon = self.prepare()
        self.enable(daemon, False)
        draft, operation = self.save_draft(daemon, 0, "one")
        _, again = self.save_draft(daemon, draft, "two")
        self.assertEqual(again, operation)
        self.assertFails("NotSupported", self.cancel, daemon, again)
        self.assertEqual(self.place(daemon, draft), [self.folders["Drafts"]])
        self.enable(daemon, True)
        self.quiet(daemon, "cancelled")
        _, third = self.save_draft(daemon, draft, "three")
        self.assertFails("NotSupported", self.cancel, daemon, third)
        self.ended(daemon, third)
        self.assertEqual(set(self.on_server("Drafts")), {800})

    def test_a_folder_that_is_in_use_is_not_unmade(self):
        daemon = self.prepare()
        for online in (False, True):
            self.enable(daemon, online)
            made, operation = self.create(daemon, f"Made {online}")
            id, put = daemon.call(made, "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(70)), {})
            with self.assertRaises(GLib.Error) as caught:
                self.cancel(daemon, operation)
            self.assertIn("isn't empty any more", str(caught.exception))
            self.assertEqual(self.place(daemon, id), [made])
            self.modify(daemon, [id], {"destroy": GLib.Variant("b", True)})
            if online:
                self.quiet(daemon, "cancelled")
            self.cancel(daemon, operation)
            self.assertNotIn(f"Made {online}", daemon.folders())
        self.quiet(daemon, "cancelled")
        self.assertEqual(self.boxes(), set())

    def retry(self, daemon, operation):
        daemon.call(PATH, "Operations", "Retry", "(ta{sv})", operation, {})

    def test_a_refused_rename_is_tried_again(self):
        daemon = self.prepare()
        self.enable(daemon, False)
        self.imap.create("Taken")
        work = self.folders["Work"]
        operation = daemon.call(work, "Folder", "Rename", "(sa{sv})", "Taken", {})[0]
        self.enable(daemon, True)
        self.assertEqual(self.ended(daemon, operation)["state"], "failed")
        self.assertEqual(daemon.get(work, "Folder", "Path"), "Work")
        self.imap.delete("Taken")
        daemon.sync()
        self.retry(daemon, operation)
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(daemon.get(work, "Folder", "Path"), "Taken")
        self.assertIn("Taken", self.boxes())
        self.assertFails("Conflict", self.retry, daemon, operation)

    def test_a_cancelled_one_is_not_tried_again(self):
        daemon = self.prepare()
        self.enable(daemon, False)
        self.imap.create("Taken")
        operation = daemon.call(self.folders["Work"], "Folder", "Rename", "(sa{sv})", "Taken", {})[0]
        self.enable(daemon, True)
        self.assertEqual(self.ended(daemon, operation)["state"], "failed")
        self.cancel(daemon, operation)
        self.assertFails("Conflict", self.retry, daemon, operation)

    def test_what_is_no_operation_is_named(self):
        daemon = self.prepare()
        for id in (12345678, 2 ** 63, 2 ** 64 - 1):
            for method in ("Cancel", "Retry", "Confirm"):
                with self.assertRaises(GLib.Error) as caught:
                    daemon.call(PATH, "Operations", method, "(ta{sv})", id, {})
                self.assertIn("NotFound", str(caught.exception))
                self.assertIn(str(id), str(caught.exception))


class Poor(Undo):
    """No MOVE, no UIDPLUS, no CONDSTORE: the safe old ways."""

    server_extra = "protocol imap {\n  imap_capability = IMAP4rev1 LITERAL+ NAMESPACE\n}\n"


if __name__ == "__main__":
    main()
