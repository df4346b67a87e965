"""A scripted server with several mailboxes, among which messages are copied and moved, and which have names of their own."""

import re

from scripted import MESSAGE, Scripted
from surel_test import *  # noqa: F403
from writable import Boxes


def message(n):
    return (MESSAGE % n).replace(b"Subject: m", b"Subject: Message %d" % n)


class Movable(Boxes):
    """`validity`: of those that aren't 7. `tops`: the next UID, by mailbox."""

    capability = b"IMAP4rev1 LITERAL- UIDPLUS AUTH=PLAIN SASL-IR"
    copyuid = True

    def __init__(self, *names, count=3, move=False):
        if move:
            self.capability = self.capability.replace(b"UIDPLUS", b"UIDPLUS MOVE")
        super().__init__(count, *names)
        for uid in self.messages:
            self.messages[uid][1] = message(uid)
        self.validity, self.tops = {}, {}

    def uidvalidity(self):
        return self.validity.get(getattr(self.of_thread, "about", b"INBOX"), 7)

    def next_uid(self):
        key = id(self.messages)
        self.tops[key] = max(max(self.messages, default=0) + 1, self.tops.get(key, 0))
        return self.tops[key]

    def turn_to(self, command):
        self.of_thread.about = super().turn_to(command)
        return self.of_thread.about

    def do_UID_FETCH(self, peer, tag, command):
        if self.uids:
            super().do_UID_FETCH(peer, tag, command)
        else:
            peer.send(tag + b" OK done\r\n")

    def copy(self, peer, command):
        """Returns the UIDs that were copied, and those of the copies."""
        uids, source = self.of_set(command.split(b" ")[2]), self.messages
        self.messages, made = self.boxes[command.split(b'"')[1]], []
        for uid in uids:
            made.append(self.next_uid())
            self.messages[made[-1]] = [set(source[uid][0]), source[uid][1]]
        self.turn_back(peer)
        return uids, made

    def code(self, uids, made):
        return b"[COPYUID 7 %s %s]" % (b",".join(b"%d" % uid for uid in uids), b",".join(b"%d" % uid for uid in made))

    def do_UID_COPY(self, peer, tag, command):
        if not self.is_missing(peer, tag, command):
            uids, made = self.copy(peer, command)
            peer.send(tag + b" OK " + (self.code(uids, made) if uids and self.copyuid else b"") + b" done\r\n")

    def take_out(self, peer, uids):
        for uid in uids:
            peer.send(b"* %d EXPUNGE\r\n" % (sorted(peer.box).index(uid) + 1))
            del peer.box[uid]

    def do_UID_MOVE(self, peer, tag, command):
        if not self.is_missing(peer, tag, command):
            uids, made = self.copy(peer, command)
            if uids and self.copyuid:
                peer.send(b"* OK " + self.code(uids, made) + b" moved\r\n")
            self.take_out(peer, uids)
            peer.send(tag + b" OK done\r\n")

    def do_RENAME(self, peer, tag, command):
        if not self.is_missing(peer, tag, command):
            _, old, _, new, _ = command.split(b'"')
            self.rename(old, new)
            peer.send(tag + b" OK done\r\n")

    def rename(self, old, new):
        for name in list(self.boxes):
            if name == old or name.startswith(old + b"/"):
                self.boxes[new + name[len(old):]] = self.boxes.pop(name)

    def do_DELETE(self, peer, tag, command):
        if not self.is_missing(peer, tag, command):
            del self.boxes[command.split(b'"')[1]]
            peer.send(tag + b" OK done\r\n")

    def subjects(self):
        """What is in each mailbox, by the numbers of the messages; what is marked \\Deleted is negative."""
        return {name.decode(): sorted(int(re.search(rb"Subject: Message (\d+)", octets)[1]) * (-1 if b"\\Deleted" in flags else 1)
                                      for flags, octets in box.values()) for name, box in self.boxes.items()}


class Moving(Case):
    """An account on such a server, changed by one device here, and looked at on both sides."""

    def connect(self, mailbox, user="alice"):
        scripted = Scripted(self.server.dir + "/tls", mailbox)
        self.addCleanup(scripted.stop)
        account, job = self.daemon.add_account(scripted, user=user, port=scripted.port)
        self.daemon.wait_job(job)
        wait_for(lambda: self.daemon.get(account, "Account", "Status") == "idle")
        self.daemon.sync()
        return account, scripted

    def begin(self, mailbox):
        self.mailbox = mailbox
        self.daemon = self.start()
        self.account, self.scripted = self.connect(mailbox)
        self.folders = self.daemon.folders()
        return self.ids("INBOX")

    def ids(self, path):
        """Number in the subject → id."""
        rows = self.daemon.query({"inMailbox": GLib.Variant("o", self.folders[path])}, properties=["id", "subject"], limit=100)
        return {int(row["subject"].split()[-1]): row["id"] for row in rows["messages"]}

    def shown(self):
        self.folders = self.daemon.folders()
        return {path: sorted(self.ids(path)) for path in self.folders}

    def of_folder(self, path, method, signature, *args):
        """Its operation."""
        result = self.daemon.call(self.folders[path], "Folder", method, signature, *args)
        return result[0] if result else 0

    def create(self, name, parent="/"):
        path, operation = self.daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", name, parent, {})
        return path, operation

    def operations(self, method, signature, *args):
        return self.daemon.call(PATH, "Operations", method, signature, *args)

    def modify(self, ids, **patch):
        return self.operations("Modify", "(ata{sv}a{sv})", list(ids), patch, {})[0]

    def move(self, ids, path):
        return self.modify(ids, moveTo=GLib.Variant("o", self.folders[path]))

    def copy(self, ids, path):
        return self.modify(ids, addFolders=GLib.Variant("ao", [self.folders[path]]))

    def append(self, path, n):
        return self.daemon.call(self.folders[path], "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(n)), {})[1]

    def enable(self, enabled):
        """Once this returns with @enabled false nothing goes to the server any more."""
        self.daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", enabled)}, {})
        wait_for(lambda: enabled or all(peer.ended for peer in self.scripted.peers))

    def operation(self, id):
        return self.operations("List", "(a{sv})", {"ids": GLib.Variant("at", [id])})[0]["operations"][0]

    def ended(self, id, seconds=30):
        wait_for(lambda: self.operation(id)["state"] not in ("pending", "running"), seconds, lambda: str(self.operation(id)))
        found = self.operation(id)
        return found["state"], found["error"][0].rsplit(".", 1)[-1] if found["state"] != "done" else ""

    def check(self, **expected):
        """What is here and on the server, after syncing, by mailbox."""
        self.daemon.sync()
        self.assertEqual(self.mailbox.subjects(), expected)
        self.assertEqual(self.shown(), expected)


class Looked(Movable):
    """What is looked for by any UID SEARCH is found."""

    def do_UID_SEARCH(self, peer, tag, command):
        words = command.split(b" ")
        found = self.of_set(words[words.index(b"UID", 1) + 1]) if b"UID" in words[1:] else sorted(self.messages)
        peer.send(b"* SEARCH" + b"".join(b" %d" % uid for uid in found) + b"\r\n" + tag + b" OK done\r\n")


class Drafting(Moving):
    """Saves a draft, message 9."""

    def octets(self, text):
        return b"From: a@b\r\nSubject: Message 9\r\nMessage-ID: <m9@x>\r\n\r\n" + text + b"\r\n"

    def save(self, replaces, text):
        return self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, replaces, GLib.Variant("ay", self.octets(text)), {})

    def texts(self, name):
        return sorted(octets.split(b"\r\n\r\n", 1)[1].strip() for flags, octets in self.mailbox.boxes[name].values() if b"\\Deleted" not in flags)

    def drafts(self, path="Drafts"):
        rows = self.daemon.query({"inMailbox": GLib.Variant("o", self.folders[path])}, properties=["id"])["messages"]
        return [row["id"] for row in rows]
