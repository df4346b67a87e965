#!/usr/bin/env python3
"""What a server won't take, and what was to be done with it; what is cancelled under something that goes on from it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403

TOO_LONG = "x" * 200  # a keyword that Dovecot refuses
REFUSED = "~bad"  # a folder that it refuses


class Refused(Changing):
    count = 4

    def operation(self, daemon, id):
        return daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [id])})[0]["operations"][0]

    def places(self, daemon, id):
        names = {path: name for name, path in daemon.folders().items()}
        return [names[path] for path in self.row(daemon, id, "mailboxIds")["mailboxIds"]]

    def save(self, daemon, replaces, text):
        return daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, replaces, GLib.Variant("s", text), {})

    def move(self, daemon, id, folder):
        return self.modify(daemon, [id], {"moveTo": GLib.Variant("o", folder)})[0]

    def copy_of_refused(self, moved):
        daemon = self.prepare()
        self.enable(daemon, False)
        id, operation = self.append(daemon, "Work", message(80, "Put"), keywords=strings(TOO_LONG))
        if moved:
            self.move(daemon, id, self.folders["Trash"])
        copying, _, result = self.modify(daemon, [id], {"addFolders": GLib.Variant("ao", [self.folders["Archive"]])})
        onward, _, _ = self.modify(daemon, [result["copies"][0][2]], {"addKeywords": strings("$flagged")})
        self.enable(daemon, True)
        self.assertEqual([self.ended(daemon, one)["state"] for one in (operation, copying, onward)], ["failed"] * 3)
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        self.assertEqual((self.ids_of(daemon, self.folders["Archive"]), self.places(daemon, id)), (set(), ["Trash" if moved else "Work"]))
        self.assertFails("Conflict", daemon.call, PATH, "Operations", "Retry", "(ta{sv})", copying, {})

    def test_a_copy_of_what_is_refused_is_refused(self):
        self.copy_of_refused(False)

    def test_a_copy_of_what_is_refused_and_was_moved_is_refused(self):
        self.copy_of_refused(True)

    def draft(self, daemon):
        id, operation = self.save(daemon, 0, "Subject: v0\r\nMessage-ID: <m800@surel.test>\r\n\r\n")
        self.ended(daemon, operation)
        daemon.sync()
        return id

    def test_a_move_of_a_draft_that_was_saved_since_is_cancelled(self):
        daemon = self.prepare()
        for saves in (1, 2):
            id = self.draft(daemon)
            self.enable(daemon, False)
            operation = self.move(daemon, id, self.folders["Work"])
            for n in range(saves):
                self.save(daemon, id, f"Subject: v{n + 1}\r\nMessage-ID: <m800@surel.test>\r\n\r\n")
            self.assertEqual(self.places(daemon, id), ["Work"])
            daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})
            self.assertEqual(self.places(daemon, id), ["Drafts"])
            self.enable(daemon, True)
            self.quiet(daemon, "cancelled")
            daemon.sync()
            self.assertEqual((self.places(daemon, id), self.row(daemon, id, "subject")), (["Drafts"], {"subject": f"v{saves}"}))
            self.assertEqual((set(self.on_server("Drafts")), self.on_server("Work")), ({800}, {}))
            self.ended(daemon, self.modify(daemon, [id], {"destroy": GLib.Variant("b", True)})[0])

    def test_a_draft_does_not_go_to_a_folder_that_is_refused(self):
        daemon = self.prepare()
        id = self.draft(daemon)
        self.enable(daemon, False)
        folder, making = self.create(daemon, REFUSED)
        moving = self.move(daemon, id, folder)
        saving = self.save(daemon, id, "Subject: v1\r\nMessage-ID: <m800@surel.test>\r\n\r\n")[1]
        tree = daemon.call(self.folders["Work"], "Folder", "MoveTo", "(oa{sv})", folder, {})[0]
        self.enable(daemon, True)
        self.assertEqual([self.ended(daemon, one)["state"] for one in (making, moving, saving, tree)], ["failed", "failed", "done", "failed"])
        daemon.sync()
        self.assertEqual((self.places(daemon, id), self.row(daemon, id, "subject")), (["Drafts"], {"subject": "v1"}))
        self.assertEqual(set(self.on_server("Drafts")), {800})
        # Nor does anything else, when it is tried again.
        self.assertFails("Conflict", daemon.call, PATH, "Operations", "Retry", "(ta{sv})", tree, {})
        self.assertEqual(self.operation(daemon, tree)["state"], "failed")
        self.assertIn("Work", daemon.folders())

    def test_messages_are_counted_and_not_what_is_done_with_them(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        operation, _, result = self.modify(daemon, [ids["Message 1"], ids["Message 2"]], {
            "moveTo": GLib.Variant("o", self.folders["Work"]), "addKeywords": strings("$flagged"),
            "addFolders": GLib.Variant("ao", [self.folders["Archive"]])})
        ended = self.ended(daemon, operation)
        self.assertEqual((ended["messageCount"], set(ended["messages"])),
                         (4, {ids["Message 1"], ids["Message 2"], *(copy[2] for copy in result["copies"])}))
        # What a folder is made for is what the operation is.
        self.imap.delete("Archive")
        daemon.sync()
        operation, _, _ = self.modify(daemon, [ids["Message 3"]], {"moveToRole": GLib.Variant("s", "archive")})
        self.assertEqual((self.ended(daemon, operation)["kind"], self.ended(daemon, operation)["messageCount"]), ("modify", 1))

    def test_one_of_several_at_once_wins(self):
        """Each has seen the same state, and what one does is in the same commit as what the others would do."""
        daemon = self.prepare()
        self.enable(daemon, False)
        id = self.ids(daemon)["Message 1"]
        for turn in range(20):
            state = daemon.query(limit=1)["state"]
            won, answered = [], []

            def on_answer(connection, result, n):
                answered.append(n)
                try:
                    connection.call_finish(result)
                    won.append(n)
                except GLib.Error as error:
                    self.assertEqual(error_name(error), "StateMismatch")
            for n in range(5):
                daemon.connection.call(NAME, PATH, NAME + ".Operations", "Modify", GLib.Variant("(ata{sv}a{sv})", (
                    [id], {"addKeywords": strings(f"k{turn}-{n}")}, {"ifState": GLib.Variant("t", state)})), None, 0, 30000, None, on_answer, n)
            while len(answered) < 5:
                GLib.MainContext.default().iteration(True)
            self.assertEqual(won, [0])
            self.assertEqual({word for word in self.row(daemon, id, "keywords")["keywords"] if word.startswith(f"k{turn}-")}, {f"k{turn}-0"})


if __name__ == "__main__":
    main()
