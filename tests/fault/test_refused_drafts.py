#!/usr/bin/python3
"""A draft whose new version the server won't take, or whose old one it won't let go of; and places that fold into one."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from movable import *  # noqa: E402,F403


class Refusing(Looked):
    refused = ()

    def refuses(self, peer, tag, command):
        name = command.split(b" ")[0 if command.startswith(b"APPEND") else 1]
        if name in self.refused:
            peer.send(tag + b" NO [NOPERM] Not here\r\n")
        return name in self.refused

    def do_APPEND(self, peer, tag, command):
        if b"APPEND" in self.refused:
            self.read_appends(peer, command)
            self.refuses(peer, tag, command)
        else:
            super().do_APPEND(peer, tag, command)

    def do_UID_EXPUNGE(self, peer, tag, command):
        if not self.refuses(peer, tag, command):
            super().do_UID_EXPUNGE(peer, tag, command)


class Drafts(Drafting):
    def refused_save(self):
        """A draft whose first version is on the server, and whose second was refused."""
        self.begin(Refusing(b"Drafts", b"Work"))
        draft, operation = self.save(0, b"old")
        self.assertEqual(self.ended(operation)[0], "done")
        self.mailbox.refused = (b"APPEND",)
        operation = self.save(draft, b"new")[1]
        self.assertEqual(self.ended(operation), ("failed", "PermissionDenied"))
        self.mailbox.refused = ()
        return draft, operation

    def test_what_the_server_has_not_is_not_copied(self):
        draft, operation = self.refused_save()
        self.assertFails("Conflict", self.copy, [draft], "Work")
        self.operations("Retry", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(operation)[0], "done")
        self.assertEqual(self.ended(self.copy([draft], "Work"))[0], "done")
        self.assertEqual((self.texts(b"Drafts"), self.texts(b"Work")), ([b"new"], [b"new"]))

    def test_a_copy_of_a_version_that_is_refused_then_is_not_made(self):
        self.begin(Refusing(b"Drafts", b"Work"))
        draft, operation = self.save(0, b"old")
        self.ended(operation)
        self.enable(False)
        operation = self.save(draft, b"new")[1]
        copied = self.copy([draft], "Work")
        self.mailbox.refused = (b"APPEND",)
        self.enable(True)
        self.assertEqual((self.ended(operation), self.ended(copied)), (("failed", "PermissionDenied"), ("failed", "NotFound")))
        self.daemon.sync()
        self.assertEqual((self.texts(b"Drafts"), self.texts(b"Work"), self.ids("Work")), ([b"old"], [], {}))

    def test_it_is_tried_again_where_it_was_moved_to(self):
        draft, operation = self.refused_save()
        self.assertEqual(self.ended(self.move([draft], "Work"))[0], "done")
        self.operations("Retry", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(operation)[0], "done")
        self.assertEqual((self.texts(b"Drafts"), self.texts(b"Work")), ([], [b"new"]))

    def test_it_is_not_taken_back_to_a_text_that_is_not_here(self):
        draft, operation = self.refused_save()
        self.assertFails("NotSupported", self.operations, "Cancel", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(self.save(draft, b"newer")[1])[0], "done")
        self.operations("Cancel", "(ta{sv})", operation, {})
        self.assertEqual((self.operation(operation)["state"], self.texts(b"Drafts")), ("cancelled", [b"newer"]))

    def test_it_is_one_message_however_often_its_folder_is_numbered_anew(self):
        mailbox = Refusing(b"Drafts", b"Work")
        mailbox.boxes[b"Drafts"][1] = [{b"\\Draft"}, self.octets(b"old")]
        self.begin(mailbox)
        draft = self.ids("Drafts")[9]
        mailbox.refused = (b"APPEND",)
        operation = self.save(draft, b"new")[1]
        self.assertEqual(self.ended(operation), ("failed", "PermissionDenied"))
        mailbox.refused = ()
        for validity in (8, 9, 10):
            mailbox.validity = {b"Drafts": validity}
            self.daemon.sync()
            self.daemon.sync()
            self.assertEqual(self.drafts(), [draft])
        self.operations("Retry", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(operation)[0], "done")
        self.assertEqual(self.texts(b"Drafts"), [b"new"])

    def test_an_old_version_that_stays_is_whole(self):
        self.begin(Refusing(b"Drafts", b"Work"))
        draft, operation = self.save(0, b"old")
        self.ended(operation)
        self.mailbox.refused = (b"EXPUNGE",)
        self.assertEqual(self.ended(self.save(draft, b"new text")[1])[0], "done")
        wait_for(lambda: any(one["state"] == "failed" for one in self.operations("List", "(a{sv})", {})[0]["operations"]))
        self.daemon.sync()
        self.daemon.sync()
        rows = self.daemon.query({"inMailbox": GLib.Variant("o", self.folders["Drafts"])}, properties=["id", "subject", "messageId", "from", "size"])["messages"]
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertEqual((row["subject"], row["messageId"], row["from"]), ("Message 9", ["m9@x"], [("", "a@b")]))

    def test_moved_there_it_is_not_copied_there_as_well(self):
        ids = self.begin(Refusing(b"Work", b"Archive"))
        one, two, three = (ids[n] for n in (1, 2, 3))
        work = GLib.Variant("ao", [self.folders["Work"]])
        for operation in (self.modify([one], moveTo=GLib.Variant("o", self.folders["Work"]), addFolders=work),
                          self.modify([two], moveTo=GLib.Variant("o", self.folders["Work"]), addFolders=work,
                                      removeFolders=GLib.Variant("ao", [self.folders["INBOX"]])),
                          self.modify([three], moveToRole=GLib.Variant("s", "archive"), addFolders=GLib.Variant("ao", [self.folders["Archive"]]))):
            self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[], Work=[1, 2], Archive=[3])

    def test_moved_away_a_copy_stays_where_it_is_to_be_as_well(self):
        ids = self.begin(Movable(b"Work", b"Archive"))
        inbox = GLib.Variant("ao", [self.folders["INBOX"]])
        for id, more in ((ids[1], {}), (ids[2], {"moveFrom": GLib.Variant("o", self.folders["INBOX"])})):
            operation, _, result = self.operations("Modify", "(ata{sv}a{sv})", [id], {"moveTo": GLib.Variant("o", self.folders["Work"]), "addFolders": inbox, **more}, {})
            self.assertEqual([copy[:2] for copy in result["copies"]], [(id, self.folders["INBOX"])])
            self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[1, 2, 3], Work=[1, 2], Archive=[])
        self.assertEqual([self.ids("Work")[n] for n in (1, 2)], [ids[1], ids[2]])


if __name__ == "__main__":
    main()
