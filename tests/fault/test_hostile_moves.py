#!/usr/bin/python3
"""Servers that say they did what they didn't, or that they didn't what they did, where messages are copied, moved and put
there, and other devices that give names to other folders meanwhile. Nothing is taken away that wasn't seen where it was to
go, and nothing is there twice."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from movable import Movable, Moving, message  # noqa: E402
from surel_test import *  # noqa: E402,F403


class Moves(Moving):
    # --- It says it did, and did nothing ---

    def test_nothing_is_taken_out_that_was_not_copied(self):
        class Lying(Movable):
            def do_UID_COPY(self, peer, tag, command):
                peer.send(tag + b" OK done\r\n")
        ids = self.begin(Lying("Two".encode()))
        operation = self.move([ids[1], ids[2]], "Two")
        self.assertEqual(self.ended(operation), ("failed", "ServerMisbehaved"))
        self.check(INBOX=[1, 2, 3], Two=[])
        self.assertEqual(self.scripted.said(b"UID STORE") + self.scripted.said(b"UID EXPUNGE"), [])
        self.assertEqual(self.ids("INBOX"), ids)

    def test_what_was_copied_in_part_is_taken_out_in_part(self):
        class Lying(Movable):
            copyuid = False

            def do_UID_COPY(self, peer, tag, command):
                super().do_UID_COPY(peer, tag, command.replace(b" 1:3 ", b" 1,3 "))
        ids = self.begin(Lying(b"Two"))
        operation = self.move(ids.values(), "Two")
        self.assertEqual(self.ended(operation), ("partial", "ServerMisbehaved"))
        self.check(INBOX=[2], Two=[1, 3])
        self.assertEqual(self.ids("Two"), {1: ids[1], 3: ids[3]})

    def test_what_another_account_did_not_take_stays_where_it_was(self):
        class Lying(Movable):
            def do_APPEND(self, peer, tag, command):
                self.turn_to(command)
                self.read_appends(peer, command)
                peer.send(tag + b" OK done\r\n")
        self.begin(Lying(b"Two", count=0))
        imap = self.server.imap("bob")
        fill(imap, "INBOX", 1, 3)
        other, job = self.daemon.add_account(self.server, user="bob")
        self.daemon.wait_job(job)
        self.daemon.sync()
        inbox = next(path for path, faces in self.daemon.objects().items()
                     if path.startswith(other) and faces.get(NAME + ".Folder", {}).get("Path") == "INBOX")
        here = {"inMailbox": GLib.Variant("o", inbox)}
        ids = [row["id"] for row in self.daemon.query(here)["messages"]]
        operation = self.move(ids, "Two")
        self.assertEqual(self.ended(operation), ("failed", "ServerMisbehaved"))
        self.daemon.sync()
        self.assertEqual([row["id"] for row in self.daemon.query(here)["messages"]], ids)
        self.assertEqual(self.ids("Two"), {})
        self.assertEqual(imap.select("INBOX")[1], [b"3"])

    def test_what_was_not_taken_stays_here(self):
        class Lying(Movable):
            lies = True

            def do_APPEND(self, peer, tag, command):
                self.turn_to(command)
                if not self.lies:
                    super().do_APPEND(peer, tag, command)
                else:
                    self.read_appends(peer, command)
                    peer.send(tag + b" OK done\r\n")
        self.begin(Lying(b"Two"))
        operation = self.append("Two", 9)
        self.assertEqual(self.ended(operation), ("failed", "ServerMisbehaved"))
        self.daemon.sync()
        self.assertEqual(self.shown(), {"INBOX": [1, 2, 3], "Two": [9]})
        self.mailbox.lies = False
        self.operations("Retry", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[1, 2, 3], Two=[9])

    def check_not_taken_out(self, mailbox, name):
        """Returns the operation that moves two of three."""
        ids = self.begin(mailbox)
        destroyed = self.modify([ids[3]], destroy=GLib.Variant("b", True))
        self.assertEqual(self.ended(destroyed), ("failed", name))
        operation = self.move([ids[1], ids[2]], "Two")
        self.assertEqual(self.ended(operation), ("failed", name))
        self.check(INBOX=[1, 2, 3], Two=[1, 2])
        return operation, ids

    def test_what_can_not_be_taken_out_is_not_copied_again(self):
        class Refusing(Movable):
            refuses = True

            def do_UID_EXPUNGE(self, peer, tag, command):
                if self.refuses:
                    peer.send(tag + b" NO [NOPERM] You may not\r\n")
                else:
                    super().do_UID_EXPUNGE(peer, tag, command)
        operation, ids = self.check_not_taken_out(Refusing(b"Two"), "PermissionDenied")
        self.operations("Retry", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(operation), ("failed", "PermissionDenied"))
        self.check(INBOX=[1, 2, 3], Two=[1, 2])
        self.mailbox.boxes[b"Two"][1][0].add(b"\\Flagged")
        self.daemon.sync()
        self.mailbox.refuses = False
        self.operations("Retry", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[3], Two=[1, 2])
        self.assertEqual(self.ids("Two"), {1: ids[1], 2: ids[2]})
        row = self.daemon.call(PATH, "Messages", "Get", "(atas)", [ids[1]], ["keywords"])[0][0]
        self.assertIn("$flagged", row["keywords"])
        self.assertEqual(len(self.scripted.said(b"UID COPY")), 1)

    def test_what_is_there_still_was_not_taken_out(self):
        class Lying(Movable):
            def do_UID_EXPUNGE(self, peer, tag, command):
                peer.send(tag + b" OK done\r\n")
        operation, ids = self.check_not_taken_out(Lying(b"Two"), "ServerMisbehaved")
        self.operations("Cancel", "(ta{sv})", operation, {})
        self.check(INBOX=[1, 2, 3], Two=[1, 2])
        self.assertEqual(self.ids("INBOX"), ids)

    def test_what_was_there_before_is_no_copy(self):
        """COPYUID and APPENDUID name messages of others: they aren't taken away with what was put there."""
        class Lying(Movable):
            def code(self, uids, made):
                return b"[COPYUID 7 %s %s]" % (b",".join(b"%d" % uid for uid in uids), b",".join(b"%d" % n for n in range(1, 1 + len(uids))))

            def do_APPEND(self, peer, tag, command):
                self.turn_to(command)
                for one in self.read_appends(peer, command):
                    self.take(*one)
                peer.send(tag + b" OK [APPENDUID 7 3] done\r\n")
        for move in (False, True):
            mailbox = Lying(b"Two", move=move)
            mailbox.boxes[b"Two"].update({n: [set(), message(20 + n)] for n in (1, 2, 3)})
            ids = self.begin_with_copies(mailbox)
            self.assertEqual(self.ids("Two")[1], ids[1])
            for n in (1, 9):
                self.assertEqual(self.ended(self.modify([self.ids("Two")[n]], destroy=GLib.Variant("b", True))), ("done", ""))
            self.check(INBOX=[2, 3], Two=[2, 21, 22, 23])
            self.daemon.stop()
            self.data += "x"

    def test_copies_whose_names_are_mixed_up_are_put_right(self):
        """COPYUID names what is new there, but one for the other, or what isn't there at all."""
        class Mixing(Movable):
            def code(self, uids, made):
                made = made[::-1] if self.mixes else [uid + 40 for uid in made]
                return b"[COPYUID 7 %s %s]" % (b",".join(b"%d" % uid for uid in uids), b",".join(b"%d" % uid for uid in made))
        for mixes in (True, False):
            for move in (False, True):
                mailbox = Mixing(b"Two", move=move)
                mailbox.mixes = mixes
                ids = self.begin(mailbox)
                self.assertEqual(self.ended(self.move([ids[1], ids[2]], "Two")), ("done", ""))
                self.check(INBOX=[3], Two=[1, 2])
                if mixes:
                    self.assertEqual(self.ids("Two"), {1: ids[1], 2: ids[2]})
                self.assertEqual(self.ended(self.modify([self.ids("Two")[1]], destroy=GLib.Variant("b", True))), ("done", ""))
                self.check(INBOX=[3], Two=[2])
                self.daemon.stop()
                self.data += "x"

    def begin_with_copies(self, mailbox):
        ids = self.begin(mailbox)
        for operation in (self.move([ids[1]], "Two"), self.copy([ids[2]], "Two"), self.append("Two", 9)):
            self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[2, 3], Two=[1, 2, 9, 21, 22, 23])
        return ids

    def test_an_old_version_of_a_draft_that_is_left_there_is_no_other_message(self):
        """Its taking out is refused at first, or for good; then it is told, and shown."""
        class Refusing(Movable):
            def do_UID_STORE(self, peer, tag, command):
                if self.refusals:
                    self.refusals -= 1
                    peer.send(tag + b" NO [%s] Not now\r\n" % self.word)
                else:
                    super().do_UID_STORE(peer, tag, command)
        for refusals, word, left in ((1, b"NOPERM", 1), (2, b"INUSE", 1), (99, b"NOPERM", 2)):
            mailbox = Refusing(b"Drafts")
            mailbox.refusals, mailbox.word = refusals, word
            self.begin(mailbox)
            draft, first = self.save(0, 1)
            self.assertEqual(self.ended(first), ("done", ""))
            self.assertEqual(self.ended(self.save(draft, 2)[1]), ("done", ""))
            wait_for(lambda: not any(one["state"] in ("pending", "running") for one in self.operations("List", "(a{sv})", {})[0]["operations"]))
            self.daemon.sync()
            states = [one["state"] for one in self.operations("List", "(a{sv})", {})[0]["operations"]]
            self.assertEqual(len(mailbox.boxes[b"Drafts"]), left, states)
            self.assertEqual((len(self.ids_in("Drafts")), states.count("failed")), (left, left - 1), states)
            self.assertIn(draft, self.ids_in("Drafts"))
            self.daemon.stop()
            self.data += "x"

    def save(self, draft, n):
        return self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, draft, GLib.Variant("ay", message(n)), {})

    def ids_in(self, path):
        return [row["id"] for row in self.daemon.query({"inMailbox": GLib.Variant("o", self.daemon.folders()[path])})["messages"]]

    # --- It says it didn't, and did ---

    def test_what_was_copied_and_refused_is_not_copied_again(self):
        class Refusing(Movable):
            def do_UID_COPY(self, peer, tag, command):
                self.copy(peer, command)
                peer.send(tag + b" NO sorry\r\n")
        ids = self.begin(Refusing(b"Two", b"Three"))
        operations = self.move([ids[1], ids[2]], "Two"), self.copy([ids[1], ids[3]], "Three")
        for operation in operations:
            self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[3], Two=[1, 2], Three=[1, 3])
        self.assertEqual(self.ids("Two"), {1: ids[1], 2: ids[2]})

    def test_what_was_moved_and_refused_was_moved(self):
        class Refusing(Movable):
            taken = [1, 3]

            def do_UID_MOVE(self, peer, tag, command):
                uids, made = self.copy(peer, command)
                peer.send(b"* OK " + self.code(uids, made) + b" moved\r\n")
                self.take_out(peer, [uid for uid in uids if uid in self.taken])
                peer.send(tag + b" NO sorry\r\n")
        ids = self.begin(Refusing(b"Two", move=True))
        operation = self.move(ids.values(), "Two")
        self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[], Two=[1, 2, 3])
        self.assertEqual(self.ids("Two"), ids)

    def test_what_was_named_and_refused_was_not_moved(self):
        class Refusing(Movable):
            def do_UID_MOVE(self, peer, tag, command):
                peer.send(b"* OK [COPYUID 7 1:2 1:2] moved\r\n" + tag + b" NO sorry\r\n")
        ids = self.begin(Refusing(b"Two", move=True))
        operation = self.move([ids[1], ids[2]], "Two")
        self.assertEqual(self.ended(operation), ("failed", "ServerRejected"))
        self.check(INBOX=[1, 2, 3], Two=[])

    def test_what_was_put_there_and_refused_is_not_put_there_again(self):
        class Refusing(Movable):
            def do_APPEND(self, peer, tag, command):
                self.turn_to(command)
                for one in self.read_appends(peer, command):
                    self.take(*one)
                peer.send(tag + b" NO sorry\r\n")
        self.begin(Refusing(b"Two"))
        operation = self.append("Two", 9)
        id = self.ids("Two")[9]
        self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[1, 2, 3], Two=[9])
        self.assertEqual(self.ids("Two"), {9: id})

    def test_a_date_of_its_own_makes_no_other_message(self):
        """A server that has no APPENDUID, and whose messages are all of one date."""
        mailbox = Movable(b"Two")
        mailbox.appenduid = False
        self.begin(mailbox)
        operation = self.append("Two", 9)
        id = self.ids("Two")[9]
        self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[1, 2, 3], Two=[9])
        self.assertEqual(self.ids("Two"), {9: id})

    def test_each_is_told_why(self):
        """One command for several, which are refused for different reasons."""
        class Refusing(Movable):
            def do_UID_COPY(self, peer, tag, command):
                uids = self.of_set(command.split(b" ")[2])
                if 1 in uids:
                    peer.send(tag + b" NO [OVERQUOTA] The first is too much\r\n")
                elif 3 in uids:
                    peer.send(tag + b" NO [NOPERM] You may not\r\n")
                else:
                    super().do_UID_COPY(peer, tag, command)
        ids = self.begin(Refusing(b"Two"))
        operation = self.move(ids.values(), "Two")
        self.assertEqual(self.ended(operation)[0], "partial")
        failures = dict(self.operation(operation)["failures"])
        self.assertEqual(set(failures), {ids[1], ids[3]})
        self.assertIn("The first is too much", failures[ids[1]])
        self.assertIn("You may not", failures[ids[3]])
        self.check(INBOX=[1, 3], Two=[2])

    def test_what_was_moved_while_its_folder_was_numbered_anew_was_moved(self):
        """Also where a list shows it in the other folder before it shows that it is gone from the first."""
        class Renumbering(Movable):
            def do_UID_MOVE(self, peer, tag, command):
                for uid in self.copy(peer, command)[0]:
                    del peer.box[uid]
                self.validity[b"Work"] = 9
                peer.close()
                raise EOFError
        mailbox = Renumbering(b"Two", b"Work", count=0, move=True)
        mailbox.validity = {b"Work": 8}
        mailbox.boxes[b"Work"].update({uid: [set(), message(uid)] for uid in (1, 2, 3)})
        self.begin(mailbox)
        ids = self.ids("Work")
        operation = self.move([ids[1], ids[2]], "Two")
        self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[], Two=[1, 2], Work=[3])
        self.assertEqual((self.ids("Work"), self.ids("Two")), ({3: ids[3]}, {1: ids[1], 2: ids[2]}))

    # --- Another folder has the name ---

    def test_a_copy_is_looked_for_in_the_folder_that_was_meant(self):
        """The folder is renamed, and another gets its name, between COPY and what comes then."""
        class Renaming(Movable):
            cut = False

            def meanwhile(self, peer):
                self.cut = True
                self.rename(b"Two", b"Deux")
                self.boxes[b"Two"] = {}
                self.validity = {b"Two": 9, b"Deux": 8}
                peer.close()
                raise EOFError

            def do_UID_COPY(self, peer, tag, command):
                if self.cut or self.answers_it:
                    super().do_UID_COPY(peer, tag, command)
                else:
                    self.copy(peer, command)
                    self.meanwhile(peer)

            def do_UID_STORE(self, peer, tag, command):
                if not self.cut:
                    self.meanwhile(peer)
                super().do_UID_STORE(peer, tag, command)
        for answers_it in (False, True):
            mailbox = Renaming(b"Two")
            mailbox.validity, mailbox.answers_it = {b"Two": 8}, answers_it
            mailbox.code = lambda uids, made: b"[COPYUID 8 %s %s]" % (b",".join(b"%d" % uid for uid in uids),
                                                                      b",".join(b"%d" % uid for uid in made))
            ids = self.begin(mailbox)
            operation = self.move([ids[1], ids[2]], "Two")
            self.assertEqual(self.ended(operation), ("done", ""), answers_it)
            self.check(INBOX=[3], Two=[], Deux=[1, 2])
            self.assertEqual(self.ids("Deux"), {1: ids[1], 2: ids[2]})
            self.daemon.stop()
            self.data += "x"

    def test_names_that_were_swapped(self):
        """While what is to go there waits."""
        for move in (False, True):
            mailbox = Movable(b"Two", b"Three", move=move)
            mailbox.validity = {b"Two": 8, b"Three": 9}
            for n, name in ((20, b"Two"), (30, b"Three")):
                mailbox.boxes[name][1] = [set(), message(n)]
            mailbox.code = lambda uids, made: b""
            ids = self.begin(mailbox)
            self.enable(False)
            operations = self.move([ids[1]], "Two"), self.copy([ids[2]], "Three"), self.append("Two", 9)
            boxes = mailbox.boxes
            boxes[b"Two"], boxes[b"Three"] = boxes[b"Three"], boxes[b"Two"]
            mailbox.validity = {b"Two": 9, b"Three": 8}
            self.enable(True)
            for operation in operations:
                self.assertEqual(self.ended(operation), ("done", ""), move)
            self.daemon.sync()
            self.assertEqual(mailbox.subjects(), {"INBOX": [2, 3], "Two": [2, 30], "Three": [1, 9, 20]}, move)
            self.assertEqual(self.shown(), mailbox.subjects(), move)
            self.daemon.stop()
            self.data += "x"

    def test_what_was_copied_out_of_a_folder_that_is_renamed_is_taken_out_there(self):
        """The answer is lost, or some of them aren't there, and where they came from can't be opened under its name."""
        class Renaming(Movable):
            made, copyuid = 0, False

            def do_UID_COPY(self, peer, tag, command):
                self.made += 1
                if self.made > 1:
                    super().do_UID_COPY(peer, tag, command)
                    return
                self.copy(peer, command.replace(b" 1:3 ", b" 1:2 ") if self.lacks_one else command)
                self.rename(b"Was", b"Is")
                if self.breaks:
                    peer.close()
                    raise EOFError
                peer.send(tag + b" OK done\r\n")
        for breaks, lacks_one in ((True, False), (True, True), (False, True)):
            mailbox = Renaming(b"Was", b"Two", count=0)
            mailbox.breaks, mailbox.lacks_one = breaks, lacks_one
            mailbox.validity = {b"Was": 8, b"Is": 8, b"Two": 9}
            mailbox.boxes[b"Was"].update({uid: [set(), message(uid)] for uid in (1, 2, 3)})
            self.begin(mailbox)
            ids = self.ids("Was")
            operation = self.move(ids.values(), "Two")
            self.assertEqual(self.ended(operation), ("done", ""), (breaks, lacks_one))
            self.check(INBOX=[], Is=[], Two=[1, 2, 3])
            self.assertEqual(self.ids("Two"), ids)
            self.assertEqual(mailbox.made, 2 if lacks_one else 1)
            self.daemon.stop()
            self.data += "x"

    def test_nothing_is_taken_out_of_another_folder(self):
        """The folder where the originals are is another after the copies were looked for."""
        class Renaming(Movable):
            copyuid, looked = False, False

            def do_EXAMINE(self, peer, tag, command):
                super().do_SELECT(peer, tag, command)
                if self.scripted_copy and not self.looked:
                    self.looked = True
                    self.rename(b"One", b"Un")
                    self.boxes[b"One"] = {uid: [set(), message(uid + 40)] for uid in (1, 2, 3)}
                    self.validity = {b"One": 9, b"Un": 8}

            scripted_copy = False

            def do_UID_COPY(self, peer, tag, command):
                super().do_UID_COPY(peer, tag, command)
                self.scripted_copy = True
        mailbox = Renaming(b"One", b"Two", count=0)
        mailbox.validity = {b"One": 8}
        mailbox.boxes[b"One"].update({uid: [set(), message(uid)] for uid in (1, 2, 3)})
        self.begin(mailbox)
        ids = self.ids("One")
        operation = self.move([ids[1], ids[2]], "Two")
        self.assertEqual(self.ended(operation), ("done", ""))
        self.check(INBOX=[], One=[41, 42, 43], Two=[1, 2], Un=[3])
        self.assertEqual(len(self.scripted.said(b"UID COPY")), 1)

    def test_a_save_that_was_refused_is_not_tried_again_once_there_is_a_later_one(self):
        class Refusing(Movable):
            refuses = 1

            def do_APPEND(self, peer, tag, command):
                if self.refuses > 0:
                    self.refuses -= 1
                    self.read_append(peer, command)
                    peer.send(tag + b" NO [NOPERM] Not now\r\n")
                else:
                    super().do_APPEND(peer, tag, command)

        def save(n, draft=0):
            return self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, draft, GLib.Variant("ay", message(n)), {})
        for refuses in (1, 2):
            mailbox = Refusing(b"Drafts")
            mailbox.refuses = refuses
            self.begin(mailbox)
            draft, first = save(7)
            self.assertEqual(self.ended(first), ("failed", "PermissionDenied"))
            _, second = save(8, draft)
            self.assertEqual(self.ended(second)[0], "done" if refuses == 1 else "failed")
            if refuses == 2:
                self.operations("Retry", "(ta{sv})", second, {})
                self.assertEqual(self.ended(second)[0], "done")
            self.assertFails("Conflict", self.operations, "Retry", "(ta{sv})", first, {})
            self.check(INBOX=[1, 2, 3], Drafts=[8])
            self.assertEqual(self.ids("Drafts"), {8: draft})
            self.daemon.stop()
            self.data += "2"

    def test_a_no_that_is_said_for_half_an_hour_is_one_for_good(self):
        """As Dovecot says it of a move out of a folder where one may not expunge."""
        class Refusing(Movable):
            def do_UID_MOVE(self, peer, tag, command):
                peer.send(tag + b" NO [EXPUNGEISSUED] Some of the requested messages no longer exist.\r\n")
        ids = self.begin(Refusing(b"Two", move=True))
        operation = self.move([ids[1]], "Two")
        wait_for(lambda: self.operation(operation)["attempts"] > 3, 40)
        self.enable(False)
        with sqlite3.connect(self.data + "/surel.db", timeout=20) as database:  # as time has passed
            self.assertEqual(database.execute("UPDATE operation SET attempts = 10, next_attempt = 0").rowcount, 1)
        database.close()
        self.enable(True)
        self.assertEqual(self.ended(operation, 60), ("failed", "ServerRejected"))
        self.assertIn("no longer exist", self.operation(operation)["error"][1])
        self.assertEqual(self.ids("INBOX"), ids, "it is back")


if __name__ == "__main__":
    main()
