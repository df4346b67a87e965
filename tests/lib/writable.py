"""A scripted server whose mailbox can be changed, and that can be told to do it badly."""

import re
import threading

from scripted import MESSAGE, Mailbox


class Writable(Mailbox):
    """One INBOX. `messages`: UID → [flags, octets]. What a test wants otherwise it replaces as in Mailbox."""

    capability = b"IMAP4rev1 LITERAL- UIDPLUS AUTH=PLAIN SASL-IR"
    permanent = b"\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*"
    appenduid = True

    def __init__(self, count=3, **answers):
        super().__init__(answers.pop("uids", range(1, count + 1)), **answers)
        self.messages = {uid: [set(), MESSAGE % uid] for uid in self.uids}
        self.answers.setdefault("greeting", b"* OK [CAPABILITY " + self.capability + b"] scripted\r\n")

    def do_CAPABILITY(self, peer, tag, _):
        peer.send(b"* CAPABILITY " + self.capability + b"\r\n" + tag + b" OK done\r\n")

    def uidvalidity(self):
        return 7

    def next_uid(self):
        return max(self.messages, default=0) + 1

    def do_STATUS(self, peer, tag, _):
        peer.send(b"* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY 7 UNSEEN 0)\r\n%s OK done\r\n"
                  % (len(self.messages), self.next_uid(), tag))

    def do_SELECT(self, peer, tag, _):
        peer.send(b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n* OK [UIDNEXT %d] x\r\n* OK [PERMANENTFLAGS (%s)] x\r\n"
                  b"%s OK [READ-WRITE] done\r\n"
                  % (len(self.messages), self.uidvalidity(), self.next_uid(), self.permanent, tag))

    do_EXAMINE = do_SELECT

    def row(self, n, full):
        uid = self.uids[n - 1]
        flags, octets = self.messages[uid]
        flags = b" ".join(sorted(flags))
        if not full:
            return b"* %d FETCH (UID %d FLAGS (%s))\r\n" % (n, uid, flags)
        head = octets.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"
        return (b'* %d FETCH (UID %d FLAGS (%s) INTERNALDATE "14-Nov-2023 22:13:20 +0000" RFC822.SIZE %d '
                b'BODY[HEADER.FIELDS (SUBJECT)] {%d}\r\n%s)\r\n' % (n, uid, flags, len(octets), len(head), head))

    def of_set(self, words):
        wanted = set()
        for part in words.split(b","):
            first, _, last = part.partition(b":")
            top = max(self.messages, default=0) if last == b"*" else int(last or first)
            wanted.update(uid for uid in self.messages if int(first) <= uid <= top)
        return sorted(wanted)

    def do_UID_STORE(self, peer, tag, command):
        _, _, uids, how, flags = command.split(b" ", 4)
        flags = set(flags.strip(b"()").split())
        for uid in self.of_set(uids):
            kept = self.keep(flags)
            if how.startswith(b"+"):
                self.messages[uid][0] |= kept
            else:
                self.messages[uid][0] -= flags
            if not how.endswith(b".SILENT"):
                peer.send(self.row(self.uids.index(uid) + 1, False))
        peer.send(tag + b" OK done\r\n")

    def keep(self, flags):
        return flags

    def expunge(self, peer, tag, uids):
        for uid in sorted(uids, reverse=True):
            if b"\\Deleted" in self.messages[uid][0]:
                peer.send(b"* %d EXPUNGE\r\n" % (self.uids.index(uid) + 1))
                self.uids.remove(uid)
                del self.messages[uid]
        peer.send(tag + b" OK done\r\n")

    def do_UID_EXPUNGE(self, peer, tag, command):
        self.expunge(peer, tag, self.of_set(command.split(b" ")[2]))

    def do_EXPUNGE(self, peer, tag, _):
        self.expunge(peer, tag, list(self.messages))

    def take(self, flags, octets):
        uid = self.next_uid()
        self.messages[uid] = [flags, octets]
        self.uids.append(uid)
        return uid

    def read_append(self, peer, command):
        """Its flags and octets."""
        flags = set(re.search(rb"\(([^)]*)\)", command).group(1).split())
        size, plus = re.search(rb"\{(\d+)([+-]?)\}$", command).groups()
        if not plus:
            peer.send(b"+ go on\r\n")
        octets = peer.file.read(int(size))
        if len(octets) < int(size):
            raise EOFError
        self.behind = peer.file.readline().rstrip(b"\r\n")  # the next message of the command
        return flags, octets

    def read_appends(self, peer, command):
        found = [self.read_append(peer, command)]
        while self.behind:
            found.append(self.read_append(peer, self.behind))
        return found

    def do_APPEND(self, peer, tag, command):
        uids = [b"%d" % self.take(*one) for one in self.read_appends(peer, command)]
        peer.send(tag + (b" OK [APPENDUID 7 %s] done\r\n" % b",".join(uids) if self.appenduid else b" OK done\r\n"))


class Boxes(Writable):
    """Several mailboxes: `boxes`, by name, as `messages`, which is the one that the command is about: each connection has a
    thread of its own, and all others see INBOX."""

    def __init__(self, count, *names):
        self.of_thread = threading.local()
        super().__init__(count)
        self.boxes = {b"INBOX": self.messages, **{name: {} for name in names}}
        self.of_thread.__dict__.clear()

    @property
    def messages(self):
        seen = self.of_thread.__dict__
        return seen["messages"] if "messages" in seen else self.boxes[b"INBOX"]

    @messages.setter
    def messages(self, box):
        self.of_thread.messages = box

    @property
    def uids(self):
        seen = self.of_thread.__dict__
        if "uids" not in seen:
            seen["uids"] = sorted(self.messages)
        return seen["uids"]

    @uids.setter
    def uids(self, uids):
        self.of_thread.uids = uids

    def do_LIST(self, peer, tag, command):
        wanted = command.split(b'"')[-2]
        names = [name for name in self.boxes if wanted in (b"*", name)] or [wanted] * (wanted == b"")
        peer.send(b"".join(b'* LIST () "/" "%s"\r\n' % name for name in names) + tag + b" OK done\r\n")

    def do_CREATE(self, peer, tag, command):
        self.boxes[command.split(b'"')[1]] = {}
        peer.send(tag + b" OK done\r\n")

    def turn_to(self, command):
        name = command.split(b'"')[1]
        self.messages = self.boxes[name]
        self.uids = sorted(self.messages)
        return name

    def turn_back(self, peer):
        self.messages = getattr(peer, "box", self.messages)
        self.uids = sorted(self.messages)

    def is_missing(self, peer, tag, command):
        if command.split(b'"')[1] in self.boxes:
            return False
        peer.send(tag + b" NO [NONEXISTENT] There is no such mailbox\r\n")
        return True

    def do_STATUS(self, peer, tag, command):
        if self.is_missing(peer, tag, command):
            return
        peer.send(b"* STATUS %s (MESSAGES %d UIDNEXT %d UIDVALIDITY %d UNSEEN 0)\r\n%s OK done\r\n"
                  % (self.turn_to(command), len(self.uids), self.next_uid(), self.uidvalidity(), tag))

    def do_SELECT(self, peer, tag, command):
        if self.is_missing(peer, tag, command):
            return
        self.turn_to(command)
        peer.box = self.messages
        super().do_SELECT(peer, tag, command)

    do_EXAMINE = do_SELECT

    def do_APPEND(self, peer, tag, command):
        self.turn_to(command)
        super().do_APPEND(peer, tag, command)
