#!/usr/bin/python3
"""A draft that is saved, moved or copied while its last version is on its way, and the connection breaks, its folder is numbered
anew or another device has its own wishes: what was accepted last is on the server, once, and nobody else's text is lost."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from movable import *  # noqa: E402,F403


class Breaking(Looked):
    """Breaks off at the next command that begins with `at`, once `go` is set: it is done by then, unless `unheard`."""

    def __init__(self, *names, **options):
        super().__init__(*names, **options)
        self.validity = {b"Drafts": 8}
        self.at, self.unheard, self.renumbers = None, False, False
        self.reached, self.go = threading.Event(), threading.Event()
        self.dates = {}

    def read_append(self, peer, command):
        flags, octets = super().read_append(peer, command)
        self.dates[octets] = re.search(rb'\) ("[^"]*") \{', command)[1]
        return flags, octets

    def row(self, n, full):
        date = self.dates.get(self.messages[self.uids[n - 1]][1])
        return re.sub(rb'INTERNALDATE "[^"]*"', b"INTERNALDATE " + date, super().row(n, full)) if date else super().row(n, full)

    def do_UID_FETCH(self, peer, tag, command):
        if b"BODY.PEEK[]" not in command:
            return super().do_UID_FETCH(peer, tag, command)
        for uid in self.of_set(command.split(b" ")[2]):
            octets = self.messages[uid][1]
            peer.send(b"* %d FETCH (UID %d RFC822.SIZE %d BODY[]<0> {%d}\r\n%s)\r\n" % (self.uids.index(uid) + 1, uid, len(octets), len(octets), octets))
        peer.send(tag + b" OK done\r\n")

    def arm(self, at, unheard=False, renumbers=False):
        self.reached.clear()
        self.go.clear()
        self.at, self.unheard, self.renumbers = at, unheard, renumbers

    def before(self, peer, tag, command):
        if self.at is None or not command.startswith(self.at):
            return
        self.at = None
        if not self.unheard:
            words = command.split(b" ")
            name = words[0] if words[0] != b"UID" else b"UID_" + words[1]
            peer.send = lambda octets: None
            self.turn_back(peer)
            getattr(self, "do_" + name.decode())(peer, tag, command)
        self.reached.set()
        self.go.wait(30)
        if self.renumbers:
            box = self.boxes[b"Drafts"]
            kept = list(box.values())
            box.clear()
            box.update(enumerate(kept, 6))
            self.validity[b"Drafts"] += 1
        peer.close()
        raise EOFError


class InFlight(Drafting):
    def saved(self, server=Breaking, **options):
        """A draft that is on the server."""
        self.begin(server(b"Drafts", b"Work", **options))
        draft, operation = self.save(0, b"one")
        self.assertEqual(self.ended(operation)[0], "done")
        self.daemon.sync()
        return draft

    def again(self):
        self.daemon.stop()
        self.data += "x"

    def test_its_folder_is_numbered_anew_while_it_is_saved(self):
        for at in (b"APPEND", b"UID STORE", b"UID EXPUNGE"):
            for texts in ([b"two"], [b"two", b"three"]):
                draft = self.saved()
                self.mailbox.arm(at, renumbers=True)
                operations = [self.save(draft, texts[0])[1]]
                self.assertTrue(self.mailbox.reached.wait(20))
                operations += [self.save(draft, text)[1] for text in texts[1:]]
                self.mailbox.go.set()
                for operation in operations:
                    self.assertEqual(self.ended(operation), ("done", ""), (at, texts))
                self.daemon.sync()
                self.assertEqual((self.texts(b"Drafts"), self.drafts()), ([texts[-1]], [draft]), (at, texts))
                self.assertEqual(self.ended(self.save(draft, b"last")[1])[0], "done")
                self.assertEqual(self.texts(b"Drafts"), [b"last"])
                self.again()

    def test_its_version_on_the_server_is_marked_deleted(self):
        """That was for the old text: the new one is put there without the mark."""
        class Later(Breaking):
            def do_APPEND(self, peer, tag, command):
                if not self.later:
                    return super().do_APPEND(peer, tag, command)
                self.read_appends(peer, command)
                self.later = False
                for flags, _ in self.boxes[b"Drafts"].values():
                    flags.add(b"\\Deleted")
                peer.send(tag + b" NO [UNAVAILABLE] Later\r\n")
        Later.later = False
        draft = self.saved(Later)
        self.mailbox.later = True
        operation = self.save(draft, b"two")[1]
        wait_for(lambda: not self.mailbox.later)
        self.daemon.sync()
        self.assertEqual(self.ended(operation), ("done", ""))
        self.daemon.sync()
        self.assertEqual((self.texts(b"Drafts"), self.drafts()), ([b"two"], [draft]))

    def test_another_device_saves_a_version_of_the_same_size(self):
        """It isn't taken for the one that was on its way."""
        for unheard in (True, False):
            draft = self.saved()
            self.enable(False)
            operation = self.save(draft, b"new")[1]
            self.mailbox.boxes[b"Drafts"][50] = [{b"\\Draft"}, self.octets(b"dev")]
            self.mailbox.arm(b"APPEND", unheard=unheard)
            self.mailbox.go.set()
            self.enable(True)
            self.assertEqual(self.ended(operation), ("done", ""))
            self.assertTrue(self.mailbox.reached.is_set())
            self.daemon.sync()
            self.assertEqual(self.texts(b"Drafts"), [b"dev", b"new"])
            self.assertEqual(self.ended(self.save(draft, b"newer")[1])[0], "done")
            self.assertEqual(self.texts(b"Drafts"), [b"dev", b"newer"])
            self.again()

    def test_another_device_saves_one_of_the_same_size_while_ours_is_refused(self):
        class Full(Breaking):
            full = False

            def do_APPEND(self, peer, tag, command):
                if not self.full:
                    return super().do_APPEND(peer, tag, command)
                (_, ours), = self.read_appends(peer, command)
                self.boxes[b"Drafts"][50] = [{b"\\Draft"}, ours.replace(b"new", b"dev")]
                self.dates[ours.replace(b"new", b"dev")] = self.dates[ours]
                peer.send(tag + b" NO [OVERQUOTA] Full\r\n")
        draft = self.saved(Full)
        self.mailbox.full = True
        operation = self.save(draft, b"new")[1]
        self.assertEqual(self.ended(operation), ("failed", "QuotaExceeded"))
        self.daemon.sync()
        self.assertEqual((self.texts(b"Drafts"), len(self.drafts())), ([b"dev", b"one"], 2))

    def test_copies_of_copies_and_saves_do_not_wait_for_one_another(self):
        draft = self.saved()
        self.enable(False)
        operation, _, result = self.operations("Modify", "(ata{sv}a{sv})", [draft], {"addFolders": GLib.Variant("ao", [self.folders["Work"]])}, {})
        copy = result["copies"][0][2]
        operations = [operation, self.save(draft, b"two")[1], self.copy([draft], "INBOX"), self.copy([copy], "INBOX"),
                      self.modify([copy], destroy=GLib.Variant("b", True))]
        self.enable(True)
        for operation in operations:
            self.assertEqual(self.ended(operation), ("done", ""))
        self.daemon.sync()
        texts = [text for text in self.texts(b"INBOX") if text]
        self.assertEqual((self.texts(b"Drafts"), self.texts(b"Work"), texts), ([b"two"], [], [b"one", b"two"]))

    def test_its_version_on_the_server_is_taken_out_while_more_waits(self):
        """What was to be done with that doesn't keep the new one waiting."""
        for theirs in (None, b"dev, longer"):
            draft = self.saved()
            self.enable(False)
            flagged = self.modify([draft], addKeywords=GLib.Variant("as", ["$flagged"]))
            copied = self.copy([draft], "Work")
            saved = self.save(draft, b"two")[1]
            box = self.mailbox.boxes[b"Drafts"]
            box.clear()
            self.mailbox.tops[id(box)] = 60
            if theirs:
                box[50] = [{b"\\Draft"}, self.octets(theirs)]
            self.enable(True)
            self.assertEqual((self.ended(flagged), self.ended(copied), self.ended(saved)), (("done", ""), ("failed", "NotFound"), ("done", "")))
            self.daemon.sync()
            self.assertEqual((self.texts(b"Drafts"), self.texts(b"Work")), (sorted([b"two"] + [theirs] * bool(theirs)), []))
            flags = next(flags for flags, octets in box.values() if octets.endswith(b"two\r\n"))
            self.assertIn(b"\\Flagged", flags)
            self.assertIn(draft, self.drafts())
            self.again()

    def test_it_is_saved_while_it_is_moved(self):
        for move in (True, False):
            for at in (b"UID MOVE",) if move else (b"UID COPY", b"UID STORE", b"UID EXPUNGE"):
                draft = self.saved(move=move)
                self.mailbox.arm(at)
                moved = self.move([draft], "Work")
                self.assertTrue(self.mailbox.reached.wait(20))
                operation = self.save(draft, b"two and more")[1]
                self.mailbox.go.set()
                self.assertEqual((self.ended(moved), self.ended(operation)), (("done", ""), ("done", "")), at)
                self.daemon.sync()
                self.assertEqual((self.texts(b"Drafts"), self.texts(b"Work"), self.drafts("Work")), ([], [b"two and more"], [draft]), at)
                self.again()

    def test_it_is_copied_while_it_is_saved(self):
        for at in (b"APPEND", b"UID STORE"):
            draft = self.saved()
            self.mailbox.arm(at, renumbers=True)
            operation = self.save(draft, b"two")[1]
            self.assertTrue(self.mailbox.reached.wait(20))
            copied = self.copy([draft], "Work")
            self.mailbox.go.set()
            self.assertEqual((self.ended(operation), self.ended(copied)), (("done", ""), ("done", "")), at)
            self.daemon.sync()
            self.assertEqual((self.texts(b"Drafts"), self.texts(b"Work")), ([b"two"], [b"two"]), at)
            self.again()


if __name__ == "__main__":
    main()
