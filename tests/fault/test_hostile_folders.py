#!/usr/bin/python3
"""Servers that say they made, renamed or deleted folders and didn't, and other devices that do the same things at the same
time: what can't be done is told, no folder is taken for another, and what was to go with a folder goes only from there."""

import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from movable import Movable, Moving, message  # noqa: E402
from surel_test import *  # noqa: E402,F403

WITH_MESSAGES = {"removeMessages": GLib.Variant("b", True)}


class Folders(Moving):
    def delete(self, path):
        return self.of_folder(path, "Delete", "(a{sv})", WITH_MESSAGES)

    def rename(self, path, name):
        return self.of_folder(path, "Rename", "(sa{sv})", name, {})

    def fill(self, name, *numbers):
        self.mailbox.boxes[name].update({uid: [set(), message(n)] for uid, n in enumerate(numbers, 1)})

    def begin_with(self, mailbox, **boxes):
        self.mailbox = mailbox
        for name, numbers in boxes.items():
            self.fill(name.encode(), *numbers)
        return self.begin(mailbox)

    # --- It says it did, and did nothing ---

    def check_create(self, mailbox, name):
        """A folder that can't be made, and what was to be done with it and in it."""
        ids = self.begin(mailbox)
        self.enable(False)
        path, made = self.create("New")
        _, child = self.create("Child", path)
        self.folders = self.daemon.folders()
        more = [self.move([ids[1]], "New"), self.move([ids[2]], "New/Child"), self.of_folder("Two", "MoveTo", "(oa{sv})", path, {})]
        self.enable(True)
        self.assertEqual(self.ended(made), ("failed", name))
        for operation in [child, *more]:
            self.assertEqual(self.ended(operation), ("failed", "NotFound"))
        self.check(INBOX=[1, 2, 3], Two=[])
        self.assertEqual(self.ids("INBOX"), ids)

    def test_a_folder_that_may_not_be_made(self):
        class Refusing(Movable):
            def do_CREATE(self, peer, tag, command):
                peer.send(tag + b" NO [NOPERM] never\r\n")
        self.check_create(Refusing(b"Two"), "PermissionDenied")

    def test_a_folder_that_was_not_made(self):
        class Lying(Movable):
            def do_CREATE(self, peer, tag, command):
                peer.send(tag + b" OK done\r\n")
        self.check_create(Lying(b"Two"), "ServerMisbehaved")

    def test_a_folder_that_was_not_renamed_or_deleted(self):
        class Lying(Movable):
            def do_RENAME(self, peer, tag, command):
                peer.send(tag + b" OK done\r\n")

            do_DELETE = do_RENAME
        ids = self.begin_with(Lying(b"Two", b"Three"), Two=[20])
        operations = self.rename("Two", "Deux"), self.delete("Three")
        for operation in operations:
            self.assertEqual(self.ended(operation), ("failed", "ServerMisbehaved"))
        self.check(INBOX=[1, 2, 3], Two=[20], Three=[])
        self.assertEqual(self.ended(self.move([ids[1]], "Three")), ("done", ""))

    def test_a_name_that_the_server_spells_in_its_own_way(self):
        class Spelling(Movable):
            def do_CREATE(self, peer, tag, command):
                super().do_CREATE(peer, tag, command.replace(b"new", b"New"))

            def do_LIST(self, peer, tag, command):
                super().do_LIST(peer, tag, command.replace(b'"new"', b'"New"'))
        self.begin(Spelling())
        _, made = self.create("new")
        self.assertEqual(self.ended(made), ("done", ""))
        self.check(INBOX=[1, 2, 3], New=[])

    # --- Another device ---

    def test_what_another_device_has_deleted_is_not_renamed(self):
        class Strict(Movable):
            def do_RENAME(self, peer, tag, command):
                above = command.split(b'"')[3].rpartition(b"/")[0]
                if above and above not in self.boxes:
                    peer.send(tag + b" NO [NONEXISTENT] There is nothing to put it into\r\n")
                else:
                    super().do_RENAME(peer, tag, command)
        self.begin_with(Strict(b"Two", b"Three", b"Four", b"Five"), Two=[20])
        self.enable(False)
        failed = [self.rename("Two", "Deux"), self.of_folder("Three", "MoveTo", "(oa{sv})", self.folders["Four"], {})]
        done = self.delete("Five")
        for name in (b"Two", b"Four", b"Five"):
            del self.mailbox.boxes[name]
        self.enable(True)
        for operation in failed:
            self.assertEqual(self.ended(operation), ("failed", "NotFound"))
        self.assertEqual(self.ended(done), ("done", ""))
        self.check(INBOX=[1, 2, 3], Three=[])

    def test_a_folder_that_another_device_made_of_that_name_is_left_alone(self):
        """After a RENAME whose answer is lost, and while a folder is to be deleted."""
        class Cutting(Movable):
            cut = False

            def do_RENAME(self, peer, tag, command):
                super().do_RENAME(peer, tag, command)
                if not self.cut:
                    self.cut = True
                    self.rename(b"Deux", b"Zwei")
                    self.boxes[b"Two"] = {1: [set(), message(40)]}
                    self.validity = {b"Zwei": 8, b"Two": 10, b"Three": 9}
                    peer.close()
                    raise EOFError
        mailbox = Cutting(b"Two", b"Three")
        mailbox.validity = {b"Two": 8, b"Deux": 8, b"Three": 9}
        self.begin_with(mailbox, Two=[20])
        mailbox.validity[b"Deux"] = 8
        folder = self.folders["Two"]
        renamed = self.rename("Two", "Deux")
        wait_for(lambda: mailbox.cut)
        self.assertEqual(self.ended(renamed), ("done", ""))
        self.daemon.sync()
        self.assertEqual(mailbox.subjects(), {"INBOX": [1, 2, 3], "Two": [40], "Three": [], "Deux": [20]})
        self.assertEqual(self.shown(), mailbox.subjects())
        self.assertEqual(self.folders["Deux"], folder)
        self.enable(False)
        deleted = self.delete("Three")
        mailbox.rename(b"Three", b"Drei")
        mailbox.boxes[b"Three"] = {}
        mailbox.validity.update({b"Drei": 9, b"Three": 11, b"Deux": 8})
        self.enable(True)
        self.assertEqual(self.ended(deleted), ("done", ""))
        self.check(INBOX=[1, 2, 3], Two=[40], Three=[], Deux=[20])

    def test_what_another_device_has_taken_out_does_not_go_with_the_folder(self):
        self.begin_with(Movable(b"Two", b"Trash", b"Three"), Two=[20, 21], Trash=[30, 31])
        two, trash = self.ids("Two"), self.ids("Trash")
        self.enable(False)
        operations = self.delete("Two"), self.of_folder("Trash", "Empty", "(a{sv})", {})
        kinds = [self.operation(operation)["kind"] for operation in operations]
        self.assertEqual(kinds, ["delete-folder", "modify"])
        boxes = self.mailbox.boxes
        boxes[b"Three"] = {1: boxes[b"Two"].pop(1), 2: boxes[b"Trash"].pop(2)}
        self.enable(True)
        for operation in operations:
            self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[1, 2, 3], Trash=[], Three=[20, 31])
        self.assertEqual(self.ids("Three"), {20: two[20], 31: trash[31]})

    def check_what_comes(self, mailbox, cut=False):
        """A message comes to the folder once it was seen to be empty."""
        self.begin(mailbox)
        two = self.folders["Two"]
        deleted = self.delete("Two")
        self.assertEqual(self.ended(deleted), ("failed", "Conflict"))
        self.check(INBOX=[1, 2, 3], Two=[9])
        self.assertEqual(self.folders["Two"], two)

    def test_what_comes_to_a_folder_while_it_is_deleted_stays(self):
        class Racing(Movable):
            renamed = 0

            def do_RENAME(self, peer, tag, command):
                self.renamed += 1
                if self.renamed == 1:
                    self.boxes[b"Two"][1] = [set(), message(9)]
                super().do_RENAME(peer, tag, command)
                if self.renamed in self.cuts:
                    peer.close()
                    raise EOFError
        for cuts in ((), (1,), (2,)):
            mailbox = Racing(b"Two")
            mailbox.validity, mailbox.cuts = {b"INBOX": 8}, cuts
            self.check_what_comes(mailbox)
            self.daemon.stop()
            self.data += "x"

    def test_a_deletion_that_is_cut_off_is_done_once(self):
        """At any of its commands, before it is done and after."""
        class Cutting(Movable):
            asked = 0

            def before(self, peer, tag, command):
                counts = self.counts and command.split(b" ")[0] in (b"LIST", b"RENAME", b"STATUS", b"DELETE", b"UNSUBSCRIBE")
                self.asked += counts
                self.cuts_now = counts and self.asked == self.at
                if self.cuts_now and not self.late:
                    peer.close()
                    raise EOFError

            def do_RENAME(self, peer, tag, command):
                super().do_RENAME(peer, tag, command)
                if self.cuts_now:
                    peer.close()

            def do_DELETE(self, peer, tag, command):
                super().do_DELETE(peer, tag, command)
                if self.cuts_now:
                    peer.close()
        for at in range(1, 9):
            for late in (False, True):
                mailbox = Cutting(b"Two")
                mailbox.validity, mailbox.counts, mailbox.at, mailbox.late = {b"INBOX": 8}, False, at, late
                self.begin(mailbox)
                mailbox.counts = True
                deleted = self.delete("Two")
                self.assertEqual(self.ended(deleted), ("done", ""), (at, late))
                mailbox.counts = False
                self.check(INBOX=[1, 2, 3])
                self.daemon.stop()
                self.data += "x"

    def test_a_folder_that_is_not_seen_while_it_is_deleted(self):
        """A list lacks it once."""
        class Hiding(Movable):
            hidden = False

            def do_LIST(self, peer, tag, command):
                if b"-surel-deletes-" in command and not self.hidden:
                    self.hidden = True
                    peer.send(tag + b" OK done\r\n")
                else:
                    super().do_LIST(peer, tag, command)
        mailbox = Hiding(b"Two")
        mailbox.validity = {b"INBOX": 8}
        self.begin(mailbox)
        self.assertEqual(self.ended(self.delete("Two")), ("done", ""))
        self.check(INBOX=[1, 2, 3])

    def test_a_folder_renamed_while_it_is_listed_keeps_its_id(self):
        """It is in the list, and isn't there any more once it is asked for its state."""
        class Renamed(Movable):
            renames = False

            def do_STATUS(self, peer, tag, command):
                if self.renames and command.split(b'"')[1] == b"Two":
                    self.renames = False
                    self.rename(b"Two", b"Three")
                super().do_STATUS(peer, tag, command)
        mailbox = Renamed(b"Two")
        mailbox.validity = {b"INBOX": 8, b"Two": 9, b"Three": 9}
        self.begin_with(mailbox, Two=[4, 5])
        folder, ids = self.folders["Two"], self.ids("Two")
        mailbox.renames = True
        self.daemon.sync()
        self.daemon.sync()
        self.folders = self.daemon.folders()
        self.assertEqual(self.folders.get("Three"), folder)
        self.assertEqual(self.ids("Three"), ids)

    def test_two_devices_delete_a_folder(self):
        """The names that it is put aside under don't add up, and what came to it has it get its own back."""
        class Racing(Movable):
            asides = ()

            def do_RENAME(self, peer, tag, command):
                self.asides += tuple(re.findall(rb"\S*-surel-deletes-\w*", command.split(b" ")[2]))
                if self.comes:
                    self.comes = False
                    self.boxes[b"Two-surel-deletes-0123abcd"][1] = [set(), message(9)]
                super().do_RENAME(peer, tag, command)
        for comes in (False, True):
            mailbox = Racing(b"Two")
            mailbox.validity, mailbox.comes = {b"INBOX": 8}, comes
            self.begin(mailbox)
            mailbox.rename(b"Two", b"Two-surel-deletes-0123abcd")
            self.daemon.sync()
            self.folders = self.daemon.folders()
            self.assertEqual(self.ended(self.delete("Two-surel-deletes-0123abcd"))[0], "failed" if comes else "done")
            self.assertEqual([aside.count(b"surel") for aside in mailbox.asides], [1])
            self.check(**{"INBOX": [1, 2, 3], **({"Two": [9]} if comes else {})})
            self.daemon.stop()
            self.data += "x"

    def test_one_that_may_not_be_renamed_is_deleted_as_it_is(self):
        class Refusing(Movable):
            def do_RENAME(self, peer, tag, command):
                peer.send(tag + b" NO [NOPERM] You may not\r\n")
        self.begin(Refusing(b"Two", b"Three", b"Three/Child"))
        self.assertEqual(self.ended(self.delete("Two")), ("done", ""))
        self.check(**{"INBOX": [1, 2, 3], "Three": [], "Three/Child": []})

    def test_what_did_not_come_to_the_folder_does_not_go_with_it(self):
        """Its move there is taken back, or refused."""
        class Refusing(Movable):
            def do_UID_MOVE(self, peer, tag, command):
                if b"2" in command.split(b" ")[2]:
                    peer.send(tag + b" NO [NOPERM] You may not\r\n")
                else:
                    super().do_UID_MOVE(peer, tag, command)
        ids = self.begin_with(Refusing(b"Two", move=True), Two=[20])
        self.enable(False)
        taken_back, refused, moved = (self.move([ids[n]], "Two") for n in (1, 2, 3))
        deleted = self.delete("Two")
        self.operations("Cancel", "(ta{sv})", taken_back, {})
        self.enable(True)
        self.assertEqual(self.ended(refused), ("failed", "PermissionDenied"))
        self.assertEqual(self.ended(moved), ("done", ""))
        self.assertEqual(self.ended(deleted), ("done", ""))
        self.check(INBOX=[1, 2])
        self.assertEqual(self.ids("INBOX"), {n: ids[n] for n in (1, 2)})

    def test_a_copy_that_was_moved_on_is_not_taken_back(self):
        """Whether the server has heard of it or not."""
        for waits in (True, False):
            ids = self.begin(Movable(b"Two", b"Three", move=True))
            self.enable(not waits)
            copied = self.copy([ids[1]], "Two")
            appended = self.append("Two", 9)
            if not waits:
                self.ended(copied), self.ended(appended)
            copies = self.ids("Two")
            moved = self.move(copies.values(), "Three")
            if not waits:
                self.ended(moved)
            for operation in (copied, appended):
                self.operations("Cancel", "(ta{sv})", operation, {})
            self.enable(True)
            self.assertEqual(self.ended(moved), ("done", ""), waits)
            self.check(INBOX=[1, 2, 3], Two=[], Three=[1, 9])
            self.assertEqual(self.ids("Three"), copies, waits)
            self.daemon.stop()
            self.data += "x"

    def test_a_no_that_is_said_for_half_an_hour_is_one_for_good_of_a_folder(self):
        class Refusing(Movable):
            def do_RENAME(self, peer, tag, command):
                peer.send(tag + b" NO [SERVERBUG] Internal error\r\n")
        self.begin(Refusing(b"Two"))
        operation = self.of_folder("Two", "Rename", "(sa{sv})", "Three", {})
        wait_for(lambda: self.operation(operation)["attempts"] > 3, 40)
        self.assertIn("Three", self.shown())
        self.enable(False)
        with sqlite3.connect(self.data + "/surel.db", timeout=20) as database:  # as time has passed
            self.assertEqual(database.execute("UPDATE operation SET attempts = 10, next_attempt = 0").rowcount, 1)
        database.close()
        self.enable(True)
        self.assertEqual(self.ended(operation), ("failed", "ServerRejected"))
        self.assertIn("Two", self.shown())


if __name__ == "__main__":
    main()
