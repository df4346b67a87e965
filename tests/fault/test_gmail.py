#!/usr/bin/python3
"""A server as Gmail's, whose folders are labels: a message is in All Mail and in each folder whose label it has, under
a UID of its own; to move it takes one label for another, only Trash and Spam take it out of all. And it limits what an
account may do in a day, in words that other servers use for a full mailbox or a wrong password."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from scripted import Mailbox, Scripted  # noqa: E402
from surel_test import *  # noqa: E402,F403

ALL, TRASH, SPAM = b"[Gmail]/All Mail", b"[Gmail]/Trash", b"[Gmail]/Spam"
BEFORE = (b"IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN "
          b"AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER")
# It has COMPRESS=DEFLATE, too, which isn't spoken here.
AFTER = (b"IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE ESEARCH "
         b"UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584")


def strings(*words):
    return GLib.Variant("as", words)


class Mail:
    def __init__(self, number):
        self.number, self.flags, self.modseq = number, set(), 0
        self.octets = (b"From: Sender <s@surel.test>\r\nSubject: Mail %d\r\nMessage-ID: <%d@x>\r\n\r\nHello, %d.\r\n"
                       % (number, number, number))


class Box:
    def __init__(self, validity, attributes):
        self.validity, self.attributes = validity, attributes
        self.mails, self.deleted, self.next, self.modseq = {}, set(), 1, 1

    def uid_of(self, mail):
        return next((uid for uid, other in self.mails.items() if other is mail), None)


class Gmail(Mailbox):
    """Each peer has a mailbox open, and is told of what others do there: at once while it idles, else with the answer
    to its next command that may do so."""

    def __init__(self, **answers):
        super().__init__((), **answers)
        self.lock, self.modseq, self.count = threading.RLock(), 1, 0
        self.boxes = {name: Box(n, attributes) for n, (name, attributes) in enumerate((
            (b"INBOX", b"\\HasNoChildren"), (b"Work", b"\\HasNoChildren"), (ALL, b"\\All \\HasNoChildren"),
            (b"[Gmail]/Drafts", b"\\Drafts \\HasNoChildren"), (b"[Gmail]/Sent Mail", b"\\HasNoChildren \\Sent"),
            (SPAM, b"\\HasNoChildren \\Junk"), (TRASH, b"\\HasNoChildren \\Trash")), 7)}
        self.open = {}  # peer → its mailbox's name, and the UIDs it knows of, in order
        self.idling = set()
        self.answers.setdefault("greeting", b"* OK [CAPABILITY " + BEFORE + b"] Gimap ready for requests\r\n")

    # --- Labels ---

    def deliver(self, *labels, box=ALL):
        """New mail, in All Mail and under labels. It isn't told of before somebody asks."""
        with self.lock:
            self.count += 1
            mail = Mail(self.count)
            for name in (box, *labels):
                self.put(name, mail)
        return mail

    def put(self, name, mail):
        """Its UID there: what is there already keeps the one it has."""
        box = self.boxes[name]
        uid = box.uid_of(mail)
        if uid is None:
            uid = box.next
            box.next += 1
            box.mails[uid] = mail
            self.touch(mail)
        return uid

    def take(self, name, mail):
        box = self.boxes[name]
        uid = box.uid_of(mail)
        if uid is not None:
            del box.mails[uid]
            box.deleted.discard(uid)
            self.modseq += 1
            box.modseq = self.modseq

    def touch(self, mail):
        self.modseq += 1
        mail.modseq = self.modseq
        for box in self.boxes.values():
            if box.uid_of(mail) is not None:
                box.modseq = self.modseq

    def move(self, source, mail, target):
        if target in (TRASH, SPAM) or source in (TRASH, SPAM):
            for name in self.boxes:
                self.take(name, mail)
        elif source != ALL:
            self.take(source, mail)
        if target not in (TRASH, SPAM):
            self.put(ALL, mail)
        return self.put(target, mail)

    def where(self, mail):
        with self.lock:
            return {name for name, box in self.boxes.items() if box.uid_of(mail) is not None}

    # --- What peers are told by themselves ---

    def tell(self, peer):
        if peer not in self.open:
            return
        name, known = self.open[peer]
        there = sorted(self.boxes[name].mails)
        gone = [uid for uid in known if uid not in self.boxes[name].mails]
        for uid in reversed(gone):
            peer.send(b"* %d EXPUNGE\r\n" % (known.index(uid) + 1))
            known.remove(uid)
        if len(there) > len(known):
            peer.send(b"* %d EXISTS\r\n" % len(there))
        known[:] = there

    def tell_idle(self):
        for peer in list(self.idling):
            try:
                self.tell(peer)
            except OSError:
                self.idling.discard(peer)

    def end(self, peer, tag, words=b"Success"):
        self.tell(peer)
        peer.send(tag + b" OK " + words + b"\r\n")
        self.tell_idle()

    # --- Commands ---

    def do_AUTHENTICATE(self, peer, tag, _):
        peer.send(b"* CAPABILITY " + AFTER + b"\r\n" + tag + b" OK alice@surel.test authenticated (Success)\r\n")

    def do_NAMESPACE(self, peer, tag, _):
        peer.send(b'* NAMESPACE (("" "/")) NIL NIL\r\n' + tag + b" OK Success\r\n")

    def do_LIST(self, peer, tag, command):
        with self.lock:
            peer.send(b'* LIST (\\HasChildren \\Noselect) "/" "[Gmail]"\r\n')
            for name, box in self.boxes.items():
                peer.send(b'* LIST (%s) "/" "%s"\r\n' % (box.attributes, name))
                if b"STATUS" in command:
                    peer.send(b'* STATUS "%s" (MESSAGES %d UIDNEXT %d UIDVALIDITY %d HIGHESTMODSEQ %d)\r\n'
                              % (name, len(box.mails), box.next, box.validity, box.modseq))
            peer.send(tag + b" OK Success\r\n")

    def do_STATUS(self, peer, tag, command):
        with self.lock:
            name = command.split(b'"')[1]
            box = self.boxes[name]
            peer.send(b'* STATUS "%s" (MESSAGES %d UIDNEXT %d UIDVALIDITY %d)\r\n%s OK Success\r\n'
                      % (name, len(box.mails), box.next, box.validity, tag))

    def do_SELECT(self, peer, tag, command):
        with self.lock:
            name = command.split(b'"')[1]
            box = self.boxes[name]
            self.open[peer] = (name, sorted(box.mails))
            peer.send(b"* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n* OK [PERMANENTFLAGS (\\Answered "
                      b"\\Flagged \\Draft \\Deleted \\Seen \\*)] Flags permitted.\r\n* OK [UIDVALIDITY %d] UIDs valid.\r\n"
                      b"* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDNEXT %d] Predicted next UID.\r\n* OK [HIGHESTMODSEQ %d]\r\n"
                      b"%s OK [%s] %s selected. (Success)\r\n"
                      % (box.validity, len(box.mails), box.next, box.modseq, tag,
                         b"READ-ONLY" if command.startswith(b"EXAMINE") else b"READ-WRITE", name))

    do_EXAMINE = do_SELECT

    def do_UNSELECT(self, peer, tag, _):
        self.open.pop(peer, None)
        peer.send(tag + b" OK Success\r\n")

    def do_NOOP(self, peer, tag, _):
        with self.lock:
            self.end(peer, tag)

    def do_IDLE(self, peer, tag, _):
        with self.lock:
            peer.send(b"+ idling\r\n")
            self.idling.add(peer)
            self.tell(peer)
        line = peer.file.readline()
        with self.lock:
            self.idling.discard(peer)
            if not line:
                raise EOFError
            self.end(peer, tag)

    def answer_for(self, peer, uid, command):
        name, known = self.open[peer]
        box = self.boxes[name]
        mail = box.mails.get(uid)
        if mail is None:
            return b""  # it tells later that it is gone
        flags = b" ".join(sorted(mail.flags | ({b"\\Deleted"} if uid in box.deleted else set())))
        said = b"UID %d MODSEQ (%d) FLAGS (%s)" % (uid, mail.modseq, flags)
        if b"HEADER" in command:
            head = mail.octets.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
            said += (b' INTERNALDATE "14-Nov-2023 22:13:%02d +0000" RFC822.SIZE %d BODY[HEADER.FIELDS (SUBJECT)] {%d}\r\n%s'
                     % (mail.number, len(mail.octets), len(head), head))
        elif b"BODY.PEEK[]" in command:
            at = int(command.split(b"<")[1].split(b".")[0])
            piece = mail.octets[at:]
            said += b" RFC822.SIZE %d BODY[]<%d> {%d}\r\n%s" % (len(mail.octets), at, len(piece), piece)
        return b"* %d FETCH (%s)\r\n" % (known.index(uid) + 1, said)

    def understands(self, peer, tag, command):
        known = not any(item in command for item in (b"SAVEDATE", b"PREVIEW", b"EMAILID", b"THREADID"))
        if not known:
            peer.send(tag + b" BAD Could not parse command\r\n")
        return known

    def do_FETCH(self, peer, tag, command):
        if not self.understands(peer, tag, command):
            return
        with self.lock:
            first, _, last = command.split(b" ")[1].partition(b":")
            known = self.open[peer][1][int(first) - 1:int(last or first)]
            peer.send(b"".join(self.answer_for(peer, uid, command) for uid in known) + tag + b" OK Success\r\n")

    def of_set(self, peer, words):
        known = self.open[peer][1]
        pieces = [piece.partition(b":") for piece in words.split(b",")]
        return [uid for uid in known if any(int(first) <= uid <= (known[-1] if last == b"*" else int(last or first))
                                            for first, _, last in pieces)]

    def do_UID_FETCH(self, peer, tag, command):
        if not self.understands(peer, tag, command):
            return
        with self.lock:
            for uid in self.of_set(peer, command.split(b" ")[2]):
                peer.send(self.answer_for(peer, uid, command))
            self.end(peer, tag)

    def do_UID_SEARCH(self, peer, tag, command):
        with self.lock:
            words = command.split(b" ")
            box = self.boxes[self.open[peer][0]]
            found = [uid for uid in self.of_set(peer, words[words.index(b"UID", 1) + 1]) if uid in box.mails]
            peer.send(b"* SEARCH" + b"".join(b" %d" % uid for uid in found) + b"\r\n")
            self.end(peer, tag)

    def do_UID_STORE(self, peer, tag, command):
        with self.lock:
            _, _, uids, how, flags = command.split(b" ", 4)
            flags = set(flags.strip(b"()").split())
            box = self.boxes[self.open[peer][0]]
            for uid in self.of_set(peer, uids):
                if uid not in box.mails:
                    continue
                mail = box.mails[uid]
                if b"\\Deleted" in flags:  # that one is the folder's, all others are the message's
                    (box.deleted.add if how.startswith(b"+") else box.deleted.discard)(uid)
                others = flags - {b"\\Deleted"}
                mail.flags = mail.flags | others if how.startswith(b"+") else mail.flags - others
                self.touch(mail)
                if not how.endswith(b".SILENT"):
                    peer.send(self.answer_for(peer, uid, b""))
            self.end(peer, tag)

    def do_UID_MOVE(self, peer, tag, command):
        with self.lock:
            source, target = self.open[peer][0], command.split(b'"')[1]
            old, new = [], []
            for uid in self.of_set(peer, command.split(b" ")[2]):
                mail = self.boxes[source].mails.get(uid)
                if mail is not None:
                    old.append(b"%d" % uid)
                    new.append(b"%d" % self.move(source, mail, target))
            words = b"(Success)"
            if old:
                words = b"[COPYUID %d %s %s] (Success)" % (self.boxes[target].validity, b",".join(old), b",".join(new))
            self.end(peer, tag, words)

    def do_UID_EXPUNGE(self, peer, tag, command):
        with self.lock:
            name = self.open[peer][0]
            box = self.boxes[name]
            for uid in self.of_set(peer, command.split(b" ")[2]):
                if uid in box.deleted and name != ALL:  # what has no label is archived, and stays there
                    self.take(name, box.mails[uid])
            self.end(peer, tag)


class Labels(Case):
    def begin(self, gmail=None, idle=True, **options):
        self.gmail = gmail or Gmail()
        self.scripted = Scripted(self.server.dir + "/tls", self.gmail)
        self.addCleanup(self.scripted.stop)
        self.daemon = self.start(**options)
        self.account, _ = self.daemon.add_account(self.scripted, user="alice", port=self.scripted.port)
        if idle:
            self.idle()

    def idle(self):
        wait_for(lambda: self.status() == "idle", say=lambda: str((self.status(), self.error())))

    def status(self):
        return self.daemon.get(self.account, "Account", "Status")

    def error(self):
        return self.daemon.get(self.account, "Account", "Error")

    def modify(self, ids, **patch):
        return self.daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", ids, patch, {})[0]

    def operation(self, id):
        return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [id])})[0]["operations"][0]

    def ended(self, id):
        wait_for(lambda: self.operation(id)["state"] not in ("pending", "running"), say=lambda: str(self.operation(id)))
        return self.operation(id)["state"]

    def ids(self, path):
        folder = GLib.Variant("o", self.daemon.folders()[path])
        return [row["id"] for row in self.daemon.query({"inMailbox": folder}, limit=100)["messages"]]

    def places(self):
        """Path → ids there, of folders that have any."""
        return {path: ids for path in self.daemon.folders() for ids in [self.ids(path)] if ids}

    def read(self, id):
        return bytes(self.daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, "", 0, 100000, {})[0])

    # --- One message, several folders ---

    def test_folders_have_their_roles(self):
        self.begin()
        roles = {path: self.daemon.get(folder, "Folder", "Role") for path, folder in self.daemon.folders().items()}
        self.assertEqual(roles, {"INBOX": "inbox", "Work": "", "[Gmail]": "", "[Gmail]/All Mail": "all",
                                 "[Gmail]/Drafts": "drafts", "[Gmail]/Sent Mail": "sent", "[Gmail]/Spam": "junk",
                                 "[Gmail]/Trash": "trash"})

    def test_its_bytes_are_kept_once(self):
        gmail = Gmail()
        mail = gmail.deliver(b"INBOX", b"Work")
        self.begin(gmail)
        ids = [self.ids(path)[0] for path in ("INBOX", "Work", "[Gmail]/All Mail")]
        self.assertEqual(len(set(ids)), 3)
        for id in ids:
            self.assertEqual(self.read(id), mail.octets)
        files = [name for _, _, names in os.walk(self.data + "/content") for name in names]
        self.assertEqual(len(files), 1, files)

    def test_a_flag_set_in_one_is_in_all(self):
        gmail = Gmail()
        gmail.deliver(b"INBOX", b"Work")
        self.begin(gmail)
        one = self.ids("Work")[0]
        self.assertEqual(self.ended(self.modify([one], addKeywords=strings("$seen"))), "done")
        self.daemon.sync()
        rows = self.daemon.query(limit=10, properties=["keywords"])["messages"]
        self.assertEqual([row["keywords"] for row in rows], [["$seen"]] * 3)

    # --- Deleting ---

    def test_deleted_is_in_trash_and_nowhere_else(self):
        gmail = Gmail()
        mail, other = gmail.deliver(b"INBOX", b"Work"), gmail.deliver(b"INBOX", b"Work")
        self.begin(gmail)
        before = self.places()
        one = before["INBOX"][-1]  # the first
        self.assertEqual(self.ended(self.modify([one], moveToRole=GLib.Variant("s", "trash"))), "done")
        self.assertEqual((gmail.where(mail), gmail.where(other)), ({TRASH}, {b"INBOX", b"Work", ALL}))
        self.daemon.sync()
        after = self.places()
        self.assertEqual(after.pop("[Gmail]/Trash"), [one])
        self.assertEqual(after, {path: ids[:1] for path, ids in before.items()})
        self.assertEqual(self.scripted.said(b"UID EXPUNGE") + self.scripted.said(b"EXPUNGE"), [])

    def test_deleted_in_all_its_folders_at_once(self):
        """Once the first is in Trash the others are gone: what was asked of them ends, and takes nothing along."""
        gmail = Gmail()
        mail, other = gmail.deliver(b"INBOX", b"Work"), gmail.deliver(b"INBOX", b"Work")
        self.begin(gmail)
        before = self.places()
        operation = self.modify([ids[-1] for ids in before.values()], moveToRole=GLib.Variant("s", "trash"))
        self.ended(operation)
        self.daemon.sync()
        self.assertEqual((gmail.where(mail), gmail.where(other)), ({TRASH}, {b"INBOX", b"Work", ALL}))
        after = self.places()
        self.assertIn(after.pop("[Gmail]/Trash"), [[ids[-1]] for ids in before.values()])
        self.assertEqual(after, {path: ids[:1] for path, ids in before.items()})

    def test_destroyed_under_a_label_loses_the_label(self):
        """Gmail's own doing. What was not asked for is still here, too."""
        gmail = Gmail()
        mail = gmail.deliver(b"INBOX", b"Work")
        self.begin(gmail)
        before = self.places()
        operation = self.modify(before["Work"], destroy=GLib.Variant("b", True))
        self.assertEqual(self.ended(operation), "done")
        self.daemon.sync()
        self.assertEqual(gmail.where(mail), {b"INBOX", ALL})
        del before["Work"]
        self.assertEqual(self.places(), before)

    # --- Archiving ---

    def test_archived_elsewhere(self):
        """It is told at once; in All Mail nothing changes."""
        gmail = Gmail()
        mail = gmail.deliver(b"INBOX")
        self.begin(gmail)
        before = self.places()
        wait_for(lambda: gmail.idling, say="INBOX is not watched")
        with gmail.lock:
            gmail.take(b"INBOX", mail)
            gmail.tell_idle()
        del before["INBOX"]
        wait_for(lambda: self.places() == before, say=lambda: str(self.places()))

    def test_archived_is_in_all_mail(self):
        """No folder is made for it; the message keeps its id, and is there once."""
        gmail = Gmail()
        mail, other = gmail.deliver(b"INBOX", b"Work"), gmail.deliver(b"INBOX")
        self.begin(gmail)
        folders, before = self.daemon.folders(), self.places()
        one = before["INBOX"][-1]
        self.assertEqual(self.ended(self.modify([one], moveToRole=GLib.Variant("s", "archive"))), "done")
        self.daemon.sync()
        self.assertEqual((gmail.where(mail), gmail.where(other)), ({b"Work", ALL}, {b"INBOX", ALL}))
        self.assertEqual(self.daemon.folders(), folders)
        self.assertEqual(self.places(), {"INBOX": before["INBOX"][:1], "Work": before["Work"],
                                         "[Gmail]/All Mail": [before["[Gmail]/All Mail"][0], one]})

    # --- New mail ---

    def test_new_mail_is_told_once(self):
        """All Mail has it as well; and there alone is what a filter has archived, and what is sent from elsewhere."""
        gmail = Gmail()
        gmail.deliver(b"INBOX")
        self.begin(gmail)
        mirror = Mirror()
        mirror.catch_up(self.daemon)
        gmail.deliver(b"INBOX")
        gmail.deliver(b"Work")
        gmail.deliver()
        self.daemon.sync()
        mirror.catch_up(self.daemon)
        self.assertEqual(sorted(mirror.new_mail), sorted([self.ids("INBOX")[0], self.ids("Work")[0]]))

    def test_new_mail_with_several_labels_is_told_once(self):
        gmail = Gmail()
        self.begin(gmail)
        mirror = Mirror()
        mirror.catch_up(self.daemon)
        gmail.deliver(b"INBOX", b"Work")
        gmail.deliver(b"INBOX", b"Work")
        self.daemon.sync()
        mirror.catch_up(self.daemon)
        self.assertEqual(sorted(mirror.new_mail), sorted(self.ids("INBOX")))

    def test_a_server_that_does_not_tell_what_changed(self):
        """It says that it can: then all is compared."""
        class Forgetful(Gmail):
            def do_UID_FETCH(self, peer, tag, command):
                if b"CHANGEDSINCE" in command:
                    peer.send(tag + b" BAD Could not parse command\r\n")
                else:
                    super().do_UID_FETCH(peer, tag, command)
        gmail = Forgetful()
        for _ in range(3):
            gmail.deliver(b"INBOX", b"Work")
        self.begin(gmail)
        self.daemon.sync()
        with gmail.lock:
            mail = next(iter(gmail.boxes[b"Work"].mails.values()))
            mail.flags.add(b"\\Flagged")
            gmail.touch(mail)
        self.daemon.sync()
        self.assertTrue(self.scripted.said(b"UID_FETCH") or self.scripted.said(b"UID FETCH"))
        flagged = self.daemon.query({"hasKeyword": GLib.Variant("s", "$flagged"), "inMailbox": GLib.Variant("o", self.daemon.folders()["Work"])})
        self.assertEqual((len(flagged["messages"]), self.error()), (1, ("", "")))

    # --- Limits ---

    LIMITS = b"Account exceeded command or bandwidth limits."

    def refuse(self, command, words):
        def answer(peer, tag, _):
            peer.send(words.replace(b"TAG", tag))
            if words.startswith(b"* BYE"):
                peer.close()
                raise EOFError
        self.gmail.answers[command] = answer

    def limited(self, command, words):
        """What comes while the server refuses a command: told, waited out, and nothing taken for gone."""
        self.gmail.deliver(b"INBOX", b"Work")
        self.refuse(command, words)
        connections = len(self.scripted.peers)
        before = self.places()
        with self.assertRaises(GLib.Error) as caught:
            self.daemon.wait_job(self.daemon.call(self.account, "Account", "Sync", "(a{sv})", {})[0])
        self.assertEqual(error_name(caught.exception), "RateLimited")
        wait_for(lambda: self.status() == "throttled", say=lambda: str((self.status(), self.error())))
        self.assertTrue(self.error()[0].endswith(".RateLimited"))
        self.assertIn("limits" if b"limits" in words else "simultaneous", self.error()[1])
        self.assertGreater(self.daemon.get(self.account, "Account", "NextAttempt"), time.time())
        # What people do and read meanwhile is no reason to ask before.
        self.assertFails("RateLimited", self.read, before["INBOX"][0])
        operations = [self.modify([before["INBOX"][0]], addKeywords=strings(f"k{n}")) for n in range(5)]
        time.sleep(0.3)
        self.assertEqual(len(self.scripted.peers), connections)
        self.assertEqual(self.places(), before)
        del self.gmail.answers[command]
        self.daemon.sync()
        self.idle()
        self.assertEqual(self.error(), ("", ""))
        self.assertEqual([self.ended(operation) for operation in operations], ["done"] * 5)
        after = self.places()
        self.assertEqual({path: ids[1:] for path, ids in after.items()}, before)

    def limit(self, command, words):
        gmail = Gmail()
        gmail.deliver(b"INBOX", b"Work")
        self.begin(gmail)
        # All connections are there, and nothing that was asked for before is under way.
        wait_for(lambda: gmail.idling, say="INBOX is not watched")
        self.daemon.sync()
        self.limited(command, words)

    def test_no_bandwidth_left_for_fetch(self):
        self.limit("UID_FETCH", b"TAG NO [OVERQUOTA] " + self.LIMITS + b"\r\n")

    def test_no_bandwidth_left_for_opening(self):
        self.limit("EXAMINE", b"TAG NO [OVERQUOTA] " + self.LIMITS + b"\r\n")

    def test_no_bandwidth_left_and_goodbye(self):
        self.limit("EXAMINE", b"* BYE [OVERQUOTA] " + self.LIMITS + b"\r\n")

    def test_no_bandwidth_left_for_what_people_do(self):
        """It isn't refused for good, as where a mailbox is full."""
        gmail = Gmail()
        gmail.deliver(b"INBOX")
        self.begin(gmail)
        self.refuse("UID_STORE", b"TAG NO [OVERQUOTA] " + self.LIMITS + b"\r\n")
        one = self.ids("INBOX")[0]
        operation = self.modify([one], addKeywords=strings("$flagged"))
        wait_for(lambda: self.status() == "throttled")
        self.assertIn(self.operation(operation)["state"], ("pending", "running"))
        self.assertTrue(self.operation(operation)["error"][0].endswith(".RateLimited"))
        del gmail.answers["UID_STORE"]
        self.daemon.sync()
        self.assertEqual(self.ended(operation), "done")

    def test_too_many_connections(self):
        """It is no wrong password: nobody is asked for another, and it is tried again by itself."""
        gmail = Gmail()
        gmail.deliver(b"INBOX")
        refusing = True

        def authenticate(peer, tag, command):
            if refusing:
                peer.send(tag + b" NO [ALERT] Too many simultaneous connections. (Failure)\r\n")
            else:
                gmail.do_AUTHENTICATE(peer, tag, command)
        gmail.answers["AUTHENTICATE"] = authenticate
        # Our clock runs fast: its seconds of waiting are less.
        self.begin(gmail, idle=False, env={"LD_PRELOAD": BUILD + "/tests/fault/clock.so", "SUREL_TEST_SPEED": "5",
                                           "ASAN_OPTIONS": "detect_leaks=0:exitcode=99:verify_asan_link_order=0"})
        wait_for(lambda: self.status() == "throttled", say=lambda: str((self.status(), self.error())))
        self.assertTrue(self.error()[0].endswith(".RateLimited"))
        self.assertIn("Too many simultaneous connections", self.error()[1])
        refusing = False
        self.idle()
        self.assertEqual(len(self.ids("INBOX")), 1)


if __name__ == "__main__":
    main()
