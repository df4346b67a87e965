#!/usr/bin/python3
"""Servers that take what people do badly: refuse it, forget it, break off over it. Nothing is lost, nothing is done
twice, and what waits doesn't hold up what doesn't depend on it."""

import os
import re
import select
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from scripted import MESSAGE, Scripted  # noqa: E402
from surel_test import *  # noqa: E402,F403
from writable import Boxes, Writable  # noqa: E402


def strings(*words):
    return GLib.Variant("as", words)


class Changes(Case):
    def begin(self, mailbox):
        self.mailbox = mailbox
        self.scripted = Scripted(self.server.dir + "/tls", mailbox)
        self.addCleanup(self.scripted.stop)
        self.daemon = self.start()
        self.account, _ = self.daemon.add_account(self.scripted, user="alice", port=self.scripted.port)
        wait_for(lambda: self.daemon.get(self.account, "Account", "Status") == "idle",
                 say=str(self.daemon.get(self.account, "Account", "Error")))
        self.inbox = self.daemon.folders()["INBOX"]
        return self.ids()

    def ids(self):
        return sorted(row["id"] for row in self.daemon.query(limit=1000)["messages"])

    def modify(self, ids, **patch):
        return self.daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", ids, patch, {})[0]

    def append(self, octets=b"Subject: put\r\nMessage-ID: <put@x>\r\n\r\nHello\r\n", **options):
        return self.daemon.call(self.inbox, "Folder", "Append", "(va{sv})", GLib.Variant("ay", octets), options)

    def operation(self, id):
        return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [id])})[0]["operations"][0]

    def ended(self, id):
        wait_for(lambda: self.operation(id)["state"] not in ("pending", "running"), say="the operation does not end")
        return self.operation(id)["state"]

    def keywords(self, id):
        return set(self.daemon.call(PATH, "Messages", "Get", "(atas)", [id], ["keywords"])[0][0]["keywords"])

    def copies(self):
        return sum(b"<put@x>" in octets for _, octets in self.mailbox.messages.values())

    # --- Copies ---

    def test_a_copy_that_was_found_is_not_made_again(self):
        """Its answer is lost, and the connection breaks once it was found, while others are looked for. Then another
        device moves it on."""
        class Copying(Boxes):
            made, cut = 0, False

            def next_uid(self):
                return 10

            def do_UID_COPY(self, peer, tag, command):
                if 1 in self.of_set(command.split(b" ")[2]):
                    self.made += 1
                    self.boxes[b"INBOX"].pop(2, None)  # another device has destroyed that one
                    self.boxes[b"Two"][10] = self.boxes[b"INBOX"][1]
                    peer.close()
                peer.send(tag + b" OK done\r\n")

            looked = 0

            def do_EXAMINE(self, peer, tag, command):
                self.looked += self.made and b"Two" in command
                if self.looked == 2 and not self.cut:
                    self.cut = True
                    self.boxes[b"Two"].clear()
                    peer.close()
                super().do_EXAMINE(peer, tag, command)
        mailbox = Copying(2, b"Two")
        ids = self.begin(mailbox)
        two = self.daemon.folders()["Two"]
        operation = self.modify(ids, addFolders=GLib.Variant("ao", [two]))
        # A server that hangs up twice is left alone for a while.
        wait_for(lambda: self.operation(operation)["state"] == "partial", 60, lambda: str(self.operation(operation)))
        self.assertTrue(mailbox.cut)
        self.assertEqual(mailbox.made, 1)

    def test_what_was_copied_from_a_folder_that_is_renamed_is_not_copied_again(self):
        """The answer is lost, or some of them aren't there, and where they came from can't be opened."""
        class Renaming(Boxes):
            made, given, lacks = 0, 9, ()

            def uidvalidity(self):
                return {b"INBOX": 7, b"Two": 8}.get(self.name, 9)

            def turn_to(self, command):
                self.name = super().turn_to(command)
                return self.name

            def do_UID_COPY(self, peer, tag, command):
                self.made += 1
                source = self.boxes[b"Was" if self.made == 1 else b"Is"]
                for uid in self.of_set(command.split(b" ")[2]):
                    if uid not in self.lacks:
                        self.given += 1
                        self.boxes[b"Two"][self.given] = [set(), source[uid][1]]
                self.lacks = ()
                if self.made == 1:
                    self.boxes[b"Is"] = self.boxes.pop(b"Was")
                    if self.breaks:
                        peer.close()
                        raise EOFError
                peer.send(tag + b" OK done\r\n")

            def do_SELECT(self, peer, tag, command):
                if command.split(b'"')[1] not in self.boxes:
                    peer.send(tag + b" NO There is no such mailbox\r\n")
                else:
                    super().do_SELECT(peer, tag, command)

            do_EXAMINE = do_SELECT
        for breaks, lacks in ((True, ()), (True, (3,)), (False, (3,))):
            mailbox = Renaming(0, b"Was", b"Two")
            mailbox.breaks, mailbox.lacks = breaks, lacks
            mailbox.boxes[b"Was"].update({uid: [set(), (MESSAGE % uid).replace(b"Subject: m", b"Subject: Message %d" % uid)]
                                          for uid in (1, 2, 3)})
            ids = self.begin(mailbox)
            two = self.daemon.folders()["Two"]
            operation = self.modify(ids, addFolders=GLib.Variant("ao", [two]))
            wait_for(lambda: self.operation(operation)["state"] == "done", 30, lambda: str(self.operation(operation)))
            self.assertEqual(mailbox.made, 2 if lacks else 1, (breaks, lacks))
            self.daemon.sync()
            folders = self.daemon.folders()
            self.assertEqual(sorted(octets for _, octets in mailbox.boxes[b"Two"].values()),
                             [(MESSAGE % uid).replace(b"Subject: m", b"Subject: Message %d" % uid) for uid in (1, 2, 3)])
            self.assertEqual({subject: sorted(where) for subject, where in self.places().items()},
                             {f"Message {n}": sorted([folders["Two"], folders["Is"]]) for n in (1, 2, 3)}, (breaks, lacks))
            self.assertEqual(set(mailbox.boxes[b"Is"]), {1, 2, 3})
            self.daemon.stop()
            self.data += "x"

    def places(self):
        """Subject → folders, of all copies."""
        found = {}
        for row in self.daemon.query(properties=["subject", "mailboxIds"], limit=1000)["messages"]:
            found.setdefault(row["subject"], []).extend(row["mailboxIds"])
        return found

    def test_copies_that_another_device_has_moved_on_are_not_made_again(self):
        """All of them, and the answer was lost: where UIDs are gone that were given since, a list tells where they are. Where
        none is gone they never came, and are made."""
        class Copying(Boxes):
            made, given = 0, 0

            def next_uid(self):
                return 10 + self.given if self.messages is self.boxes[b"Two"] else 30

            def do_UID_COPY(self, peer, tag, command):
                self.made += 1
                if self.made == 1 and self.moves:
                    self.given = 2
                    self.boxes[b"Three"].update({20: self.boxes[b"INBOX"][1], 21: self.boxes[b"INBOX"][2]})
                if self.made == 1:
                    peer.close()
                    raise EOFError
                self.boxes[b"Two"].update({10: self.boxes[b"INBOX"][1], 11: self.boxes[b"INBOX"][2]})
                peer.send(tag + b" OK [COPYUID 7 1:2 10:11] done\r\n")
        for moves in (True, False):
            mailbox = Copying(2, b"Two", b"Three")
            mailbox.moves = moves
            ids = self.begin(mailbox)
            folders = self.daemon.folders()
            operation = self.modify(ids, addFolders=GLib.Variant("ao", [folders["Two"]]))
            wait_for(lambda: self.operation(operation)["state"] == "done", 60, lambda: str(self.operation(operation)))
            self.daemon.sync()
            self.assertEqual(mailbox.made, 1 if moves else 2)
            rows = self.daemon.query(properties=["id", "mailboxIds"])["messages"]
            self.assertEqual(sorted(row["mailboxIds"][0] for row in rows),
                             sorted([self.inbox] * 2 + [folders["Three" if moves else "Two"]] * 2))
            self.daemon.stop()
            self.data += "x"

    def test_what_is_in_doubt_waits_for_a_list_however_slow_the_rest_is(self):
        """What was appended, and another device has moved, isn't where it is looked for: it isn't tried again before a list,
        which may come late."""
        class Moving(Boxes):
            appends = 0

            def next_uid(self):
                return 30 if self.appends else 10

            def do_APPEND(self, peer, tag, command):
                self.appends += 1
                self.boxes[b"Two" if self.appends == 1 else b"INBOX"][20 + self.appends] = list(self.read_append(peer, command))
                peer.close()
                raise EOFError

            def do_UID_STORE(self, peer, tag, command):
                time.sleep(1.5)
                super().do_UID_STORE(peer, tag, command)
        mailbox = Moving(1, b"Two")
        ids = self.begin(mailbox)
        two = self.daemon.folders()["Two"]
        self.enable(False)
        put, operation = self.append(receivedAt=GLib.Variant("x", 1700000000))
        self.modify(ids, addKeywords=strings("$flagged"))
        self.enable(True)
        wait_for(lambda: self.operation(operation)["state"] == "done", 60, lambda: str(self.operation(operation)))
        self.daemon.sync()
        rows = self.daemon.query(properties=["id", "mailboxIds"])["messages"]
        self.assertEqual({row["id"]: row["mailboxIds"] for row in rows}, {ids[0]: [self.inbox], put: [two]})
        self.assertEqual(mailbox.appends, 1)

    def test_what_another_device_has_moved_there_is_no_copy(self):
        """A server says OK where it copies nothing."""
        class Moving(Boxes):
            def do_UID_COPY(self, peer, tag, command):
                self.boxes[b"Two"][10] = self.boxes[b"INBOX"].pop(1)
                self.uids.remove(1)
                peer.send(tag + b" OK done\r\n")
        mailbox = Moving(2, b"Two")
        one, other = self.begin(mailbox)
        # No list is under way, not that with which watching begins either: it is moved between two.
        wait_for(lambda: len(self.scripted.said(b"AUTHENTICATE")) >= 2)
        time.sleep(0.5)
        self.daemon.sync()
        two = self.daemon.folders()["Two"]
        operation = self.modify([one], addFolders=GLib.Variant("ao", [two]))
        self.assertEqual(self.ended(operation), "failed")
        self.assertTrue(self.operation(operation)["error"][0].endswith(".NotFound"))
        self.daemon.sync()
        rows = self.daemon.query(properties=["id", "mailboxIds"])["messages"]
        self.assertEqual({row["id"]: row["mailboxIds"] for row in rows}, {one: [two], other: [self.inbox]})

    # --- Keywords ---

    def test_any_number_of_keywords(self):
        mailbox = Writable()
        mailbox.messages[1][0] |= {b"k%03d" % n for n in range(300)}
        one = self.begin(mailbox)[0]
        self.assertEqual(self.keywords(one), {f"k{n:03}" for n in range(300)})
        self.assertEqual(self.ended(self.modify([one], removeKeywords=strings("k299"))), "done")
        self.assertNotIn(b"k299", mailbox.messages[1][0])

    def test_a_keyword_that_is_not_permanent_is_kept_here(self):
        mailbox = Writable()
        mailbox.permanent = b"\\Seen \\Deleted"
        one = self.begin(mailbox)[0]
        self.assertEqual(self.ended(self.modify([one], addKeywords=strings("$flagged", "mine", "$seen"))), "done")
        self.assertEqual(mailbox.messages[1][0], {b"\\Seen"})
        for _ in range(3):
            self.daemon.sync()
        self.assertEqual(self.keywords(one), {"$flagged", "mine", "$seen"})
        self.assertEqual(len(self.scripted.said(b"UID STORE")), 1)
        self.modify([one], removeKeywords=strings("mine"))
        self.assertEqual(self.keywords(one), {"$flagged", "$seen"})

    def test_a_keyword_that_is_dropped_without_a_word_is_kept_here(self):
        class Forgetful(Writable):
            def keep(self, flags):
                return flags - {b"mine"}
        one = self.begin(Forgetful())[0]
        self.assertEqual(self.ended(self.modify([one], addKeywords=strings("mine"))), "done")
        for _ in range(3):
            self.daemon.sync()
        self.assertEqual(self.keywords(one), {"mine"})
        self.assertEqual(len(self.scripted.said(b"UID STORE")), 1)

    def test_a_keyword_that_is_not_set_though_the_server_says_so_is_kept_here(self):
        class Lying(Writable):
            def do_UID_STORE(self, peer, tag, command):
                peer.send(tag + b" OK done\r\n")
        one, two = self.begin(Lying(2))
        for id, word in ((one, "mine"), (two, "$flagged")):
            self.assertEqual(self.ended(self.modify([id], addKeywords=strings(word))), "done")
            self.daemon.sync()
            self.assertEqual(self.keywords(id), {word})

    def test_no_permanent_flags_at_all(self):
        mailbox = Writable()
        mailbox.permanent = b""
        one = self.begin(mailbox)[0]
        self.assertEqual(self.ended(self.modify([one], addKeywords=strings("$seen"))), "done")
        self.daemon.sync()
        self.assertEqual(self.keywords(one), {"$seen"})
        self.assertEqual(self.scripted.said(b"UID STORE"), [])

    def test_odd_flags_are_read_and_never_sent_back(self):
        mailbox = Writable()
        mailbox.messages[1][0] = {b"\\Recent", b"[Gmail]/x]", b"\\Unheard"}
        one = self.begin(mailbox)[0]
        self.ended(self.modify([one], addKeywords=strings("$seen")))
        self.assertEqual(re.findall(rb"\(.*\)", self.scripted.said(b"UID STORE")[0]), [b"(\\Seen)"])
        self.assertEqual(self.keywords(one), {"$seen"}, "RFC 8621 has no keywords with a bracket")

    def stored_once(self, mailbox, stores):
        """A keyword is set, by so many commands, and shown from then on."""
        one, other, _ = self.begin(mailbox)
        self.assertEqual(self.ended(self.modify([one], addKeywords=strings("$seen"))), "done")
        for _ in range(4):
            self.daemon.sync()
            self.assertEqual((self.keywords(one), self.keywords(other)), ({"$seen"}, set()))
        self.assertEqual(len(self.scripted.said(b"UID STORE")), stores)
        self.assertEqual(self.daemon.get(self.account, "Account", "Error"), ("", ""))

    def test_flags_that_are_nil(self):
        class Nothing(Writable):
            def row(self, n, full):
                return super().row(n, full).replace(b"FLAGS ()", b"FLAGS NIL")

            def do_SELECT(self, peer, tag, _):
                peer.send(b"* FLAGS NIL\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4] x\r\n"
                          b"* OK [PERMANENTFLAGS NIL] No permanent flags permitted\r\n%s OK done\r\n" % tag)

            do_EXAMINE = do_SELECT
        self.stored_once(Nothing(), 0)

    def test_flags_that_are_nil_after_they_were_stored(self):
        """What was set is set for this server, and kept here: it isn't set again."""
        class Forgetful(Writable):
            def keep(self, flags):
                return set()

            def row(self, n, full):
                return super().row(n, full).replace(b"FLAGS ()", b"FLAGS NIL")

            def do_UID_STORE(self, peer, tag, command):
                super().do_UID_STORE(peer, tag, command.replace(b".SILENT", b""))
        self.stored_once(Forgetful(), 1)

    def test_flags_with_brackets_and_recent_ones_are_stored_once(self):
        """Also where each STORE is answered with them."""
        class Odd(Writable):
            permanent = b"[Gmail]/x] a]b " + Writable.permanent

            def row(self, n, full):
                return super().row(n, full).replace(b"FLAGS (", b"FLAGS (\\Recent [Gmail]/x] a]b ").replace(b" )", b")")

            def do_SELECT(self, peer, tag, command):
                peer.send(b"* FLAGS (\\Seen \\Recent [Gmail]/x] a]b)\r\n* 3 RECENT\r\n")
                super().do_SELECT(peer, tag, command)

            do_EXAMINE = do_SELECT

            def do_UID_STORE(self, peer, tag, command):
                super().do_UID_STORE(peer, tag, command.replace(b".SILENT", b""))
        self.stored_once(Odd(), 1)
        self.assertEqual(re.findall(rb"\(.*\)", self.scripted.said(b"UID STORE")[0]), [b"(\\Seen)"])

    # --- Folders ---

    def test_a_folder_whose_renaming_is_refused_for_now_is_renamed_later(self):
        """What says that it is for now is a response code, or that the folder isn't there: then it has another name."""
        class Refusing(Boxes):
            asked = 0

            def uidvalidity(self):
                return 7 if self.messages is self.boxes[b"INBOX"] else 8

            def do_RENAME(self, peer, tag, command):
                self.asked += 1
                _, old, _, new, _ = command.split(b'"')
                if self.asked == 1 and self.moves:
                    self.boxes[b"Else"] = self.boxes.pop(b"Was")
                if self.asked == 1 and not self.moves:
                    peer.send(tag + b" NO [INUSE] Not now\r\n")
                elif old not in self.boxes:
                    peer.send(tag + b" NO There is no such mailbox\r\n")
                else:
                    self.boxes[new] = self.boxes.pop(old)
                    peer.send(tag + b" OK done\r\n")
        for moves in (False, True):
            mailbox = Refusing(1, b"Was")
            mailbox.moves = moves
            mailbox.boxes[b"Was"][5] = [set(), MESSAGE % 5]
            self.begin(mailbox)
            folder = self.daemon.folders()["Was"]
            operation = self.daemon.call(folder, "Folder", "Rename", "(sa{sv})", "Is", {})[0]
            self.assertEqual(self.ended(operation), "done", moves)
            self.daemon.sync()
            self.assertEqual(self.daemon.folders().get("Is"), folder, moves)
            self.assertEqual(set(mailbox.boxes), {b"INBOX", b"Is"})
            self.daemon.stop()
            self.data += "x"

    # --- One that is refused, or broken off over, and the others ---

    def test_one_that_is_refused_goes_back_and_holds_up_no_other(self):
        class Refusing(Writable):
            def do_UID_STORE(self, peer, tag, command):
                if 2 in self.of_set(command.split(b" ")[2]):
                    peer.send(tag + b" NO [NOPERM] Not that one, \x1b[1mfriend\r\n")
                else:
                    super().do_UID_STORE(peer, tag, command)
        ids = self.begin(Refusing())
        operation = self.modify(ids, addKeywords=strings("$flagged"))
        self.assertEqual(self.ended(operation), "partial")
        found = self.operation(operation)
        self.assertEqual([id for id, _ in found["failures"]], [ids[1]])
        self.assertIn("Not that one", found["error"][1])
        self.assertNotIn("\x1b", str(found))
        self.assertEqual([self.keywords(id) for id in ids], [{"$flagged"}, set(), {"$flagged"}])

    def test_why_it_failed_is_said_though_the_rest_was_put_off_since(self):
        class Refusing(Boxes):
            busy = True

            def do_UID_STORE(self, peer, tag, command):
                if self.messages is self.boxes[self.refused]:
                    peer.send(tag + b" NO [NOPERM] Not that one\r\n")
                elif self.busy:
                    self.busy = False
                    peer.send(tag + b" NO [INUSE] Not now\r\n")
                else:
                    super().do_UID_STORE(peer, tag, command)
        for refused in (b"INBOX", b"Two"):
            mailbox = Refusing(1, b"Two")
            mailbox.refused = refused
            mailbox.boxes[b"Two"][1] = [set(), MESSAGE % 5]
            operation = self.modify(self.begin(mailbox), addKeywords=strings("$flagged"))
            self.assertEqual(self.ended(operation), "partial")
            self.assertFalse(mailbox.busy)
            self.assertIn("Not that one", self.operation(operation)["error"][1])
            self.daemon.stop()
            self.data += "x"

    def test_one_that_the_server_hangs_up_on_is_put_off(self):
        class Touchy(Writable):
            def do_UID_STORE(self, peer, tag, command):
                if b"bomb" in command:
                    peer.close()
                    raise EOFError
                super().do_UID_STORE(peer, tag, command)
        ids = self.begin(Touchy())
        bomb = self.modify([ids[0]], addKeywords=strings("bomb"))
        wait_for(lambda: self.daemon.get(self.account, "Account", "Status") != "idle")
        good = self.modify([ids[1]], addKeywords=strings("$seen"))
        for _ in range(12):
            if self.operation(good)["state"] == "done":
                break
            job = self.daemon.call(self.account, "Account", "Sync", "(a{sv})", {})[0]
            try:
                self.daemon.wait_job(job)
            except GLib.Error:
                pass
        self.assertEqual(self.ended(good), "done")
        self.assertIn(self.operation(bomb)["state"], ("pending", "running"))
        wait_for(lambda: self.operation(bomb)["nextAttempt"] > time.time())  # an attempt may just be due
        self.assertEqual(self.keywords(ids[0]), {"bomb"})

    def test_a_server_that_is_busy_is_asked_again(self):
        class Busy(Writable):
            busy = True

            def do_UID_STORE(self, peer, tag, command):
                if self.busy:
                    peer.send(tag + b" NO [UNAVAILABLE] Later\r\n")
                else:
                    super().do_UID_STORE(peer, tag, command)
        mailbox = Busy()
        one = self.begin(mailbox)[0]
        operation = self.modify([one], addKeywords=strings("$seen"))
        wait_for(lambda: self.operation(operation)["attempts"] > 0)
        self.assertEqual((self.operation(operation)["state"], self.keywords(one)), ("pending", {"$seen"}))
        self.assertTrue(self.operation(operation)["error"][0].endswith(".Offline"))
        mailbox.busy = False
        self.daemon.call(PATH, "Operations", "Retry", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(operation), "done")
        self.assertEqual(self.operation(operation)["error"], ("", ""))

    def test_sets_fit_a_line(self):
        mailbox = Writable(uids=range(1000000001, 1000002001, 2))
        ids = self.begin(mailbox)
        self.assertEqual(len(ids), 1000)
        self.assertEqual(self.ended(self.modify(ids, addKeywords=strings("$seen"))), "done")
        self.assertTrue(all(flags == {b"\\Seen"} for flags, _ in mailbox.messages.values()))
        self.assertLess(max(map(len, self.scripted.said(b"UID STORE"))), 8192)

    # --- Messages put there ---

    def test_a_message_too_large_for_the_server_is_not_sent(self):
        class Small(Writable):
            capability = Writable.capability + b" APPENDLIMIT=100"
        self.begin(Small())
        id, operation = self.append(b"Subject: put\r\nMessage-ID: <put@x>\r\n\r\n" + b"x" * 100 + b"\r\n")
        self.assertEqual(self.ended(operation), "failed")
        self.assertTrue(self.operation(operation)["error"][0].endswith(".TooLarge"))
        self.assertEqual(self.scripted.said(b"APPEND"), [])
        self.assertEqual(self.keywords(id), set(), "what a person wrote stays shown")

    def test_a_message_too_large_for_its_mailbox_is_not_sent(self):
        """The server has a limit for each, and tells it where it is asked."""
        class Limited(Boxes):
            capability = Boxes.capability + b" APPENDLIMIT"
            limits = {b"INBOX": b"100", b"Wide": b"1000", b"Endless": b"NIL", b"Untold": None}

            def do_STATUS(self, peer, tag, command):
                if b"APPENDLIMIT" not in command:
                    super().do_STATUS(peer, tag, command)
                    return
                name = command.split(b'"')[1]
                if self.limits[name] is None:
                    peer.send(tag + b" BAD What is that?\r\n")
                else:
                    peer.send(b"* STATUS Other (APPENDLIMIT 1)\r\n* STATUS %s (APPENDLIMIT %s)\r\n%s OK done\r\n" % (name, self.limits[name], tag))
        mailbox = Limited(0, b"Wide", b"Endless", b"Untold")
        self.begin(mailbox)

        def put(path, size):
            octets = b"Subject: put\r\nMessage-ID: <put@x>\r\n\r\n".ljust(size - 2, b"x") + b"\r\n"
            return self.daemon.call(self.daemon.folders()[path], "Folder", "Append", "(va{sv})", GLib.Variant("ay", octets), {})
        for path, size in (("INBOX", 101), ("Wide", 1001)):
            id, operation = put(path, size)
            self.assertEqual(self.ended(operation), "failed")
            self.assertTrue(self.operation(operation)["error"][0].endswith(".TooLarge"))
            self.assertEqual(self.scripted.said(b"APPEND"), [])
            self.assertEqual(self.keywords(id), set(), "what a person wrote stays shown")
        for n, (path, size) in enumerate((("INBOX", 100), ("Wide", 101), ("Wide", 1000), ("Endless", 5000), ("Untold", 5000)), 1):
            operation = put(path, size)[1]
            self.assertEqual(self.ended(operation), "done", str(self.operation(operation)))
            self.assertEqual(len(self.scripted.said(b"APPEND")), n)
        self.assertEqual([len(box) for box in mailbox.boxes.values()], [1, 2, 1, 1])

    def test_refused_after_its_upload(self):
        class Full(Writable):
            def do_APPEND(self, peer, tag, command):
                self.read_append(peer, command)
                peer.send(tag + b" NO [OVERQUOTA] Full\r\n")
        self.begin(Full())
        id, operation = self.append()
        self.assertEqual(self.ended(operation), "failed")
        self.assertTrue(self.operation(operation)["error"][0].endswith(".QuotaExceeded"))
        for _ in range(3):
            self.daemon.sync()
        self.assertEqual((len(self.scripted.said(b"APPEND")), self.keywords(id)), (1, set()))
        # No server has it: what is done with it is done, and waits for nothing.
        self.modify([id], addKeywords=strings("$flagged", "mine"))
        self.assertEqual(self.keywords(id), {"$flagged", "mine"})
        self.assertFails("Conflict", self.modify, [id], moveToRole=GLib.Variant("s", "archive"))
        self.modify([id], destroy=GLib.Variant("b", True))
        self.assertNotIn(id, self.ids())
        self.assertEqual(self.daemon.get(self.account, "Account", "PendingOperations"), 0)

    def test_refused_where_it_was_moved_to_it_is_tried_again(self):
        """And what no server has can't be copied there."""
        class Full(Boxes):
            def do_APPEND(self, peer, tag, command):
                self.read_append(peer, command)
                peer.send(tag + b" NO [OVERQUOTA] Full\r\n")
        self.begin(Full(1, b"Two"))
        two = self.daemon.folders()["Two"]
        self.enable(False)
        id, operation = self.append()
        self.modify([id], moveTo=GLib.Variant("o", two))
        self.enable(True)
        for _ in range(2):
            self.assertEqual(self.ended(operation), "failed")
            row = self.daemon.call(PATH, "Messages", "Get", "(atas)", [id], ["mailboxIds"])[0][0]
            self.assertEqual(row["mailboxIds"], [two])
            self.assertFails("Conflict", self.modify, [id], addFolders=GLib.Variant("ao", [self.inbox]))
            self.daemon.call(PATH, "Operations", "Retry", "(ta{sv})", operation, {})
        self.assertIn(b"Two", self.scripted.said(b"APPEND")[-1])

    def test_refused_with_more_to_be_done(self):
        class Full(Writable):
            def do_APPEND(self, peer, tag, command):
                self.read_append(peer, command)
                peer.send(tag + b" NO [OVERQUOTA] Full\r\n")
        self.begin(Full())
        self.enable(False)
        kept, first = self.append()
        gone, second = self.append()
        flagged = self.modify([kept, gone], addKeywords=strings("$flagged"))
        destroyed = self.modify([gone], destroy=GLib.Variant("b", True))
        self.enable(True)
        self.assertEqual((self.ended(first), self.ended(second), self.ended(destroyed)), ("failed", "done", "done"))
        wait_for(lambda: self.daemon.get(self.account, "Account", "PendingOperations") == 0)
        self.assertEqual(self.operation(flagged)["state"], "done")
        self.assertEqual(self.keywords(kept), {"$flagged"})
        self.assertNotIn(gone, self.ids())

    def test_refused_and_cancelled_it_goes(self):
        class Full(Writable):
            def do_APPEND(self, peer, tag, command):
                self.read_append(peer, command)
                peer.send(tag + b" NO [OVERQUOTA] Full\r\n")
        before = self.begin(Full())
        id, operation = self.append()
        self.assertEqual(self.ended(operation), "failed")
        self.assertIn(id, self.ids())
        self.daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})
        self.assertEqual((self.ids(), self.operation(operation)["state"]), (before, "cancelled"))

    def test_refused_and_its_folder_goes_it_is_in_the_inbox(self):
        """No server has it: it mustn't go with a folder that another device deletes."""
        class Full(Boxes):
            def do_APPEND(self, peer, tag, command):
                if b"Two" not in command:
                    return super().do_APPEND(peer, tag, command)
                self.read_append(peer, command)
                peer.send(tag + b" NO [OVERQUOTA] Full\r\n")
        mailbox = Full(1, b"Two")
        before = self.begin(mailbox)
        inbox, self.inbox = self.inbox, self.daemon.folders()["Two"]
        id, operation = self.append()
        self.assertEqual(self.ended(operation), "failed")
        del mailbox.boxes[b"Two"]
        for _ in range(3):
            self.daemon.sync()
        self.assertEqual(self.ended(operation), "done")
        row = self.daemon.call(PATH, "Messages", "Get", "(atas)", [id], ["mailboxIds"])[0][0]
        self.assertEqual((row["mailboxIds"], self.ids()), ([inbox], sorted(before + [id])))
        self.assertEqual(sum(b"<put@x>" in octets for _, octets in mailbox.boxes[b"INBOX"].values()), 1)

    def enable(self, enabled):
        self.daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", enabled)}, {})

    def test_without_appenduid_it_is_found(self):
        mailbox = Writable()
        mailbox.appenduid = False
        before = self.begin(mailbox)
        id, operation = self.append()
        self.assertEqual(self.ended(operation), "done")
        self.daemon.sync()
        self.assertEqual((self.ids(), self.copies()), (sorted(before + [id]), 1))
        octets = mailbox.messages[4][1]
        self.assertTrue(octets.endswith(b"\r\n") and b"\r\r" not in octets)

    def test_large_literals_are_synchronising(self):
        self.begin(Writable())
        _, operation = self.append(b"Subject: put\r\nMessage-ID: <put@x>\r\n\r\n" + b"x" * 5000 + b"\r\n")
        self.assertEqual(self.ended(operation), "done")
        self.assertRegex(self.scripted.said(b"APPEND")[0], rb"\{\d+\}\r\n$")

    def cut(self, where):
        """APPEND whose connection breaks at a point; afterwards there is one copy."""
        class Cutting(Writable):
            done = False

            def do_APPEND(self, peer, tag, command):
                if self.done:
                    return super().do_APPEND(peer, tag, command)
                self.done = True
                if where == "in":
                    peer.send(b"+ go on\r\n" if command.endswith(b"}") and b"+}" not in command else b"")
                    peer.file.read(10)
                elif where == "after":
                    self.take(*self.read_append(peer, command))
                elif where == "gone":
                    uid = self.take(*self.read_append(peer, command))
                    self.uids.remove(uid)
                    del self.messages[uid]
                elif where == "bye":
                    peer.send(b"* BYE maintenance\r\n")
                peer.close()
                raise EOFError
        mailbox = Cutting()
        before = self.begin(mailbox)
        id, operation = self.append()
        wait_for(lambda: self.scripted.said(b"APPEND"))
        for _ in range(3):
            self.daemon.sync()
        self.assertEqual(self.ended(operation), "done")
        self.daemon.sync()
        self.assertEqual((self.copies(), self.ids()), (1, sorted(before + [id])))
        self.assertEqual(len(self.scripted.said(b"APPEND")), 1 if where == "after" else 2)

    def test_cut_before_the_literal(self):
        self.cut("before")

    def test_cut_in_the_literal(self):
        self.cut("in")

    def test_cut_after_the_last_octet(self):
        self.cut("after")

    def test_destroyed_by_another_before_it_was_looked_for(self):
        """That it was there can't be known: rather it comes back than that it is lost."""
        self.cut("gone")

    def test_a_bye_instead_of_an_answer(self):
        self.cut("bye")

    def test_equal_ones_of_which_one_is_unclear(self):
        """Each is there once, whether the server had taken the first or not, and however often its answer is lost."""
        class Cutting(Writable):
            def do_APPEND(self, peer, tag, command):
                self.appends += 1
                octets = self.read_append(peer, command)
                if self.appends > self.cuts:
                    self.take(*octets)
                    peer.send(tag + b" OK done\r\n")
                    return
                if self.appends == 1 and self.takes:
                    self.take(*octets)
                peer.close()
                raise EOFError
        for takes, cuts in ((False, 1), (False, 2), (False, 4), (True, 1), (True, 3)):
            with self.subTest(takes=takes, cuts=cuts):
                mailbox = Cutting()
                mailbox.appends, mailbox.cuts, mailbox.takes = 0, cuts, takes
                before = self.begin(mailbox)
                self.enable(False)
                ids = [self.append()[0] for _ in range(3)]
                self.enable(True)

                def all_sent():
                    self.daemon.call(PATH, "Manager", "Sync", "(a{sv})", {})
                    return self.daemon.get(self.account, "Account", "PendingOperations") == 0
                wait_for(all_sent, 30)
                self.daemon.sync()
                self.daemon.sync()
                there = self.copies(), self.ids()
                self.daemon.stop()
                self.scripted.stop()
                self.data += "x"
                self.assertEqual(there, (3, sorted(before + ids)))

    def put_many(self, mailbox, numbers=(0, 1, 2, 3, 4, 4, 5)):
        """Messages that wait for the server at once, two of them alike; their ids and operations."""
        self.begin(mailbox)
        self.enable(False)
        puts = [self.append(b"Subject: put %d\r\nMessage-ID: <put%d@x>\r\n\r\nHello %d\r\n" % (n, n, n),
                            keywords=strings("$flagged") if n == 2 else strings()) for n in numbers]
        self.enable(True)
        return puts

    def there(self):
        """How often the server has each of them."""
        found = re.findall(rb"<put(\d)@x>", b"".join(octets for _, octets in self.mailbox.messages.values()))
        return [found.count(b"%d" % n) for n in range(6)]

    def check_many(self, puts, commands):
        self.assertEqual([self.ended(operation) for _, operation in puts], ["done"] * 7)
        self.daemon.sync()
        self.assertEqual((self.there(), len(self.ids())), ([1, 1, 1, 1, 2, 1], 3 + 7))
        self.assertLessEqual({id for id, _ in puts}, set(self.ids()))
        self.assertEqual(self.keywords(puts[2][0]), {"$flagged"})
        self.assertEqual(len(self.scripted.said(b"APPEND")), commands)

    def test_many_go_together(self):
        class Multi(Writable):
            capability = Writable.capability + b" MULTIAPPEND"
        self.check_many(self.put_many(Multi()), 2)  # no two that are alike together
        self.assertEqual([flags for flags, octets in self.mailbox.messages.values() if b"<put2@x>" in octets],
                         [{b"\\Flagged"}])

    def test_many_without_multiappend(self):
        self.check_many(self.put_many(Writable()), 7)

    def test_many_without_appenduid_are_found(self):
        class Multi(Writable):
            capability = Writable.capability + b" MULTIAPPEND"
            appenduid = False
        self.check_many(self.put_many(Multi()), 2)

    def test_many_under_one_uid_are_looked_for(self):
        """A server that lies about where they are takes none of them away."""
        class Lying(Writable):
            capability = Writable.capability + b" MULTIAPPEND"

            def do_APPEND(self, peer, tag, command):
                uids = [self.take(*one) for one in self.read_appends(peer, command)]
                peer.send(tag + b" OK [APPENDUID 7 %s] done\r\n" % b",".join([b"%d" % uids[0]] * len(uids)))
        self.check_many(self.put_many(Lying()), 2)

    def test_cut_while_many_are_looked_for(self):
        """They are there, and the server has told of them nowhere: none is put there again, and none gets another id."""
        class Cutting(Boxes):
            capability = Writable.capability + b" MULTIAPPEND"
            appenduid, cut = False, False

            def do_SELECT(self, peer, tag, command):
                if self.cut is False and any(b"<put0@x>" in octets for _, octets in self.boxes[b"INBOX"].values()):
                    self.cut = True
                    peer.close()
                super().do_SELECT(peer, tag, command)

            do_EXAMINE = do_SELECT
        puts = self.put_many(Cutting(3))
        self.check_many(puts, 2)
        self.assertTrue(self.mailbox.cut)

    def refuse_together(self, taken):
        """@taken: how many the server has taken all the same. One it never takes."""
        class Refusing(Writable):
            capability = Writable.capability + b" MULTIAPPEND"

            def do_APPEND(self, peer, tag, command):
                found = self.read_appends(peer, command)
                bad = any(b"<put1@x>" in octets for _, octets in found)
                for one in found[:taken * (len(found) > 1) if bad else None]:
                    self.take(*one)
                peer.send(tag + (b" NO [TOOBIG] no\r\n" if bad else b" OK done\r\n"))
        puts = self.put_many(Refusing())
        states = [self.ended(operation) for _, operation in puts]
        self.assertEqual(states, ["done", "failed", "done", "done", "done", "done", "done"])
        self.assertTrue(self.operation(puts[1][1])["error"][0].endswith(".TooLarge"))
        self.daemon.sync()
        self.assertEqual((self.there(), len(self.ids())), ([1, 0, 1, 1, 2, 1], 3 + 7))

    def test_one_that_is_refused_does_not_keep_the_others(self):
        self.refuse_together(0)

    def test_what_a_refused_command_has_done_is_not_done_again(self):
        self.refuse_together(1)

    def cut_many(self, takes):
        class Cutting(Writable):
            capability = Writable.capability + b" MULTIAPPEND"
            cut = False

            def do_APPEND(self, peer, tag, command):
                if self.cut:
                    return super().do_APPEND(peer, tag, command)
                self.cut = True
                for one in self.read_appends(peer, command)[:takes]:
                    self.take(*one)
                peer.close()
                raise EOFError
        puts = self.put_many(Cutting())
        wait_for(lambda: self.scripted.said(b"APPEND"))
        begin = time.monotonic()
        for _ in range(3):
            self.daemon.sync()
        self.check_many(puts, {None: 2, 0: 7, 2: 5}[takes])
        self.assertLess(time.monotonic() - begin, 5, "they are looked for one by one")

    def test_cut_after_many(self):
        self.cut_many(None)

    def test_cut_before_many(self):
        self.cut_many(0)

    def test_cut_with_some_of_many_taken(self):
        self.cut_many(2)

    def test_a_folder_that_the_server_denies_without_a_code_is_waited_for(self):
        """As one that another device is just making, and no list has told of."""
        class Denying(Boxes):
            denied = 0

            def do_STATUS(self, peer, tag, command):
                if b"New" not in command or self.denied:
                    return super().do_STATUS(peer, tag, command)
                self.denied += 1
                peer.send(tag + b" NO Mailbox doesn't exist\r\n")
        mailbox = Denying(1)
        self.begin(mailbox)
        self.enable(False)
        self.inbox, _ = self.daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "New", "/", {})
        _, operation = self.append()
        self.enable(True)
        self.assertEqual((self.ended(operation), mailbox.denied), ("done", 1))
        self.assertEqual(len(mailbox.boxes[b"New"]), 1)

    def test_a_folder_that_is_to_be_made_first_is_looked_for_and_given_up(self):
        class Missing(Writable):
            def do_APPEND(self, peer, tag, command):
                self.read_append(peer, command)
                peer.send(tag + b" NO [TRYCREATE] No such mailbox\r\n")
        self.begin(Missing())
        id, operation = self.append()
        self.assertEqual(self.ended(operation), "failed")
        self.assertTrue(self.operation(operation)["error"][0].endswith(".NotFound"))
        self.assertIn(len(self.scripted.said(b"APPEND")), range(2, 6))
        self.assertEqual(self.scripted.said(b"CREATE"), [], "nobody has asked for a folder")
        self.assertIn(id, self.ids(), "what a person wrote stays shown")

    # --- Maintenance ---

    def sync_until_ended(self, operation):
        def look():
            try:
                self.daemon.wait_job(self.daemon.call(self.account, "Account", "Sync", "(a{sv})", {})[0])
            except GLib.Error:
                pass  # it is told that the server has hung up
            return self.operation(operation)["state"] not in ("pending", "running")
        wait_for(look, say="the operation does not end")
        return self.operation(operation)["state"]

    def test_a_bye_at_any_command(self):
        class Leaving(Writable):
            left = 0  # commands until it goes; 0 for never

            def before(self, peer, tag, command):
                if self.left > 0:
                    self.left -= 1
                    if self.left == 0:
                        peer.send(b"* BYE maintenance\r\n")
                        peer.close()
                        raise EOFError
        mailbox = Leaving()
        ids = self.begin(mailbox)
        for n in range(1, 13):
            mailbox.left = n
            keyword = f"n{n}"
            flag = self.modify([ids[n % 3]], addKeywords=strings(keyword))
            id, put = self.append(f"Subject: put\r\nMessage-ID: <put{n}@x>\r\n\r\nHello\r\n".encode())
            self.assertEqual((self.sync_until_ended(flag), self.sync_until_ended(put)), ("done", "done"), n)
            mailbox.left = 0
            self.assertEqual(sum(keyword.encode() in flags for flags, _ in mailbox.messages.values()), 1, n)
            self.assertEqual(sum(b"<put%d@x>" % n in octets for _, octets in mailbox.messages.values()), 1, n)
            ids.append(id)
        self.daemon.sync()
        self.assertEqual(self.ids(), sorted(ids))

    def test_a_bye_while_it_is_listened_to(self):
        class Restless(Writable):
            capability = Writable.capability + b" IDLE"
            idles = 0

            def do_IDLE(self, peer, tag, _):
                self.idles += 1
                peer.send(b"+ idling\r\n")
                if self.idles == 1:
                    peer.send(b"* BYE Idle for too long\r\n")
                    peer.close()
                    raise EOFError
                peer.file.readline()
                peer.send(tag + b" OK done\r\n")
        mailbox = Restless()
        ids = self.begin(mailbox)
        wait_for(lambda: mailbox.idles > 1)
        self.assertLess(len(self.scripted.peers), 10, "it is gone back to at once, again and again")
        self.assertEqual(self.ended(self.modify([ids[0]], addKeywords=strings("$seen"))), "done")
        self.assertEqual(self.daemon.get(self.account, "Account", "Error"), ("", ""))

    def test_much_is_told_at_once(self):
        """Dovecot's way: a DONE that comes while it has more to tell is answered much later."""
        class Bursting(Writable):
            capability = Writable.capability + b" IDLE"
            idles = early = 0

            def do_IDLE(self, peer, tag, _):
                self.idles += 1
                peer.send(b"+ idling\r\n")
                if self.idles == 1:
                    for n, uid in enumerate(self.uids, 1):
                        self.messages[uid][0].add(b"\\Flagged")
                        peer.send(self.row(n, False))
                        if select.select([peer.connection], [], [], 0.001)[0]:
                            self.early += 1
                            threading.Event().wait(30)
                peer.file.readline()
                peer.send(tag + b" OK done\r\n")
        mailbox = Bursting(50)
        ids = self.begin(mailbox)
        wait_for(lambda: all(self.keywords(id) == {"$flagged"} for id in ids), 8)
        self.assertEqual(mailbox.early, 0)

    def test_few_commands_wait_at_a_time(self):
        class Reader:
            """Lines, and whether one more comes soon."""

            def __init__(self, connection):
                self.connection, self.octets = connection, b""

            def readline(self):
                while b"\n" not in self.octets:
                    some = self.connection.recv(65536)
                    if not some:
                        return b""
                    self.octets += some
                line, _, self.octets = self.octets.partition(b"\n")
                return line + b"\n"

            def has_more(self):
                return b"\n" in self.octets or bool(select.select([self.connection], [], [], 0.05)[0])

        class Slow(Writable):
            """Answers once nothing more is asked."""

            most = 0

            def __call__(self, peer):
                peer.file, peer.waiting = Reader(peer.connection), []
                super().__call__(peer)

            def do_LIST(self, peer, tag, _):
                peer.send(b"".join(b'* LIST () "/" "Folder %d"\r\n' % n for n in range(100)) + b'* LIST () "/" INBOX\r\n'
                          + tag + b" OK done\r\n")

            def do_STATUS(self, peer, tag, command):
                name = command[len(b"STATUS "):command.rindex(b" (")]
                peer.waiting.append(b"* STATUS %s (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 UNSEEN 0)\r\n%s OK done\r\n"
                                    % (name, tag))
                self.most = max(self.most, len(peer.waiting))
                if not peer.file.has_more():
                    peer.send(b"".join(peer.waiting))
                    peer.waiting = []
        mailbox = Slow()
        self.begin(mailbox)
        self.daemon.sync()
        self.assertEqual(len(self.daemon.folders()), 101)
        self.assertIn(mailbox.most, range(2, 21))

    # --- Numbers that shift ---

    def test_vanished_is_told_of_what_was_never_there(self):
        """VANISHED (EARLIER) of unknown UIDs, of a hundred million of them, and twice; VANISHED and EXPUNGE in the middle."""
        class Vanishing(Writable):
            capability = b"IMAP4rev1 LITERAL- UIDPLUS ENABLE CONDSTORE QRESYNC AUTH=PLAIN SASL-IR"
            modseq, earlier = 5, b""

            def do_ENABLE(self, peer, tag, _):
                peer.send(b"* ENABLED QRESYNC\r\n" + tag + b" OK done\r\n")

            def do_STATUS(self, peer, tag, _):
                peer.send(b"* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY 7 UNSEEN 0 HIGHESTMODSEQ %d)\r\n%s OK done\r\n"
                          % (len(self.messages), self.next_uid(), self.modseq, tag))

            def do_SELECT(self, peer, tag, command):
                peer.send(b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT %d] x\r\n* OK [PERMANENTFLAGS (%s)] x\r\n"
                          b"* OK [HIGHESTMODSEQ %d] x\r\n" % (len(self.messages), self.next_uid(), self.permanent, self.modseq))
                if b"QRESYNC" in command:
                    peer.send(self.earlier)
                peer.send(tag + b" OK [READ-WRITE] done\r\n")

            do_EXAMINE = do_SELECT

            def next_uid(self):
                return 6

            def row(self, n, full):
                return super().row(n, full).replace(b" FLAGS (", b" MODSEQ (%d) FLAGS (" % self.modseq, 1)
        mailbox = Vanishing(5)
        ids = self.begin(mailbox)
        for uid, told in ((2, b"* VANISHED (EARLIER) 2,900:1000,4000000000\r\n* VANISHED (EARLIER) 2\r\n"),
                          (3, b"* VANISHED (EARLIER) 2:3,100:100000000\r\n* 9 EXPUNGE\r\n* VANISHED 77\r\n")):
            del mailbox.messages[uid]
            mailbox.uids.remove(uid)
            mailbox.modseq += 1
            mailbox.earlier = told
            self.daemon.sync()
            self.assertEqual(self.ids(), [ids[n - 1] for n in mailbox.uids], uid)
        self.assertGreaterEqual(sum(b"QRESYNC" in line for line in self.scripted.said(b"EXAMINE")), 2)
        mailbox.earlier = b""
        self.ended(self.modify([ids[4]], addKeywords=strings("$seen")))
        self.assertEqual(mailbox.messages[5][0], {b"\\Seen"})
        self.assertEqual(self.ids(), [ids[0], ids[3], ids[4]])

    def test_expunged_while_flags_are_stored(self):
        class Shifting(Writable):
            def do_UID_STORE(self, peer, tag, command):
                if 1 in self.messages:
                    self.uids.remove(1)
                    del self.messages[1]
                    peer.send(b"* 1 EXPUNGE\r\n* 9 EXPUNGE\r\n* 1 FETCH (FLAGS (wrong))\r\n")
                super().do_UID_STORE(peer, tag, command)
        ids = self.begin(Shifting())
        self.assertEqual(self.ended(self.modify(ids[1:], addKeywords=strings("$seen"))), "done")
        self.daemon.sync()
        self.assertEqual(self.ids(), ids[1:])
        self.assertEqual([self.keywords(id) for id in ids[1:]], [{"$seen"}, {"$seen"}])

    def test_another_is_expunged_and_told_wrongly_while_flags_are_stored(self):
        class Shifting(Writable):
            told = b""

            def do_UID_STORE(self, peer, tag, command):
                told, self.told = self.told, b""
                if told and self.first:
                    del self.messages[self.uids.pop(0)]
                peer.send(told)
                super().do_UID_STORE(peer, tag, command)
                if told and not self.first:
                    del self.messages[self.uids.pop(0)]
                    peer.send(told)
        mailbox = Shifting(12)
        ids = self.begin(mailbox)
        shown = dict(zip(mailbox.uids, ids))
        for n, told in enumerate((b"* 1 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n" * 2, b"* 900 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n* 900 EXPUNGE\r\n")):
            for mailbox.first in (True, False):
                mailbox.told = told
                uids = mailbox.uids[1:]
                self.assertEqual(self.ended(self.modify([shown[uid] for uid in uids], addKeywords=strings(f"n{n}{mailbox.first}"))), "done")
                for _ in range(2):
                    self.daemon.sync()
                self.assertEqual(self.ids(), [shown[uid] for uid in mailbox.uids])
                for uid in uids:
                    self.assertEqual(self.keywords(shown[uid]), {flag.decode().lower() for flag in mailbox.messages[uid][0]})
        self.assertEqual(len(mailbox.uids), 4)


if __name__ == "__main__":
    main()
