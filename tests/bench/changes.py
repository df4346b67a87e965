#!/usr/bin/python3
"""changes.py COUNT: changes of an inbox of COUNT messages, both ways, beside a raw client of the same server and the
disk's own fdatasync in the same run. Prints medians with their spread."""

import re
import ssl
import threading

from bench import *  # noqa: F403

ONES = 200  # changes of one message
ROUNDS = 5  # of all that is about many
ELSEWHERE = 1000  # flags that another device changes


class Raw:
    """Another device, over TLS as the daemon."""

    def __init__(self, server):
        context = ssl.create_default_context(cafile=server.ca)
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port + 1)),
                                          server_hostname="localhost")
        self.file, self.number = self.socket.makefile("rb", 1 << 16), 0
        self.file.readline()
        self.run("LOGIN alice secret")
        self.run("ENABLE QRESYNC")

    def run(self, command):
        """The lines of the answer."""
        self.number += 1
        tag = b"r%d " % self.number
        self.socket.sendall(tag + command.encode() + b"\r\n")
        lines = []
        while True:
            lines.append(self.file.readline())
            if lines[-1].startswith(tag):
                if not lines[-1].startswith(tag + b"OK"):
                    raise RuntimeError(lines[-1])
                return lines


class Ear(threading.Thread):
    """Listens to the inbox by IDLE, and notes when it is told of so many messages."""

    def __init__(self, server, count):
        super().__init__(daemon=True)
        self.raw, self.count, self.heard = Raw(server), count, 0
        self.raw.run("SELECT INBOX")
        self.raw.socket.sendall(b"idle IDLE\r\n")
        self.raw.file.readline()
        self.start()

    def run(self):
        while self.count > 0:
            self.count -= b" FETCH " in self.raw.file.readline()
        self.heard = time.monotonic()


class Changes(Bench):
    def modify(self, ids, **patch):
        return self.daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", ids,
                                {key: GLib.Variant("as", ["$flagged"]) for key in patch}, {})[0]

    def finished(self, operation):
        while operation not in self.ended:
            GLib.MainContext.default().iteration(True)

    def test_changes(self):
        imap = self.server.imap()
        for first in range(0, COUNT, 1000):
            fill(imap, "INBOX", first, min(1000, COUNT - first))
        imap.logout()
        self.daemon = self.start()
        self.ended = set()
        self.daemon.connection.signal_subscribe(NAME, NAME + ".Operations", "Finished", PATH, None, 0,
                                                lambda *args: self.ended.add(args[5].unpack()[0]))
        account, job = self.daemon.add_account(self.server)
        self.daemon.wait_job(job)
        self.daemon.sync()
        ids = []
        while len(ids) < COUNT:
            ids += [row["id"] for row in self.daemon.query(limit=1000, position=len(ids), properties=["id"])["messages"]]
        raw = Raw(self.server)
        raw.run("SELECT INBOX")
        print(f"\n{COUNT} messages in the inbox, release build" if "release" in BUILD else f"\n{COUNT} messages")
        self.one(ids[:ONES], QUIET)
        self.one(ids[ONES:2 * ONES], 0)
        self.many(ids, raw)
        self.elsewhere(raw)

    def one(self, ids, quiet):
        bus, raw = self.helper("bus"), self.helper("raw", *self.as_alice())
        raw("SELECT INBOX")
        read, disk, durable, there, store = [], [], [], [], []
        with open(self.dir + "/disk", "wb") as file:
            for n in range(len(ids)):
                read.append(bus("read", quiet)[0])
                begin = time.monotonic()
                file.write(b"x" * 4096)
                file.flush()
                os.fdatasync(file.fileno())
                disk.append(time.monotonic() - begin)
                seconds, operation = bus(f"modify {ids[n]}", quiet)
                durable.append(seconds)
                begin = time.monotonic()
                self.finished(operation)
                there.append(seconds + time.monotonic() - begin)
                store.append(raw(f"UID STORE {n + 1} +FLAGS (\\Answered)", quiet)[0])
        print(f"{len(ids)} changes, each {f'after {quiet * 1000:.0f} ms of quiet' if quiet else 'right after the one before'}")
        show("the bus: a property read", read, "ms", 1000)
        show("the disk: 4 KiB and fdatasync", disk, "ms", 1000)
        show("Modify of one message, to its durable return", durable, "ms", 1000)
        show("  more than the disk's fdatasync", [a - b for a, b in zip(durable, disk)], "ms", 1000)
        show("  and than a call that does nothing", [a - b - c for a, b, c in zip(durable, disk, read)], "ms", 1000)
        show("  until the server has it (Finished)", there, "ms", 1000)
        show("raw client's UID STORE", store, "ms", 1000)
        show_ratio("  until the server has it, as a ratio to raw", there, store)

    def many(self, ids, raw):
        accepted, there, store = [], [], []
        for n in range(ROUNDS):
            begin = time.monotonic()
            operation = self.modify(ids[:10000], **{"removeKeywords" if n % 2 else "addKeywords": True})
            accepted.append(time.monotonic() - begin)
            self.finished(operation)
            there.append(time.monotonic() - begin)
            begin = time.monotonic()
            raw.run(f"UID STORE 1:* {'-' if n % 2 else '+'}FLAGS.SILENT (\\Draft)")
            store.append(time.monotonic() - begin)
            self.daemon.sync()
        show(f"Modify of {min(COUNT, 10000)}, to its durable return", accepted, "ms", 1000)
        show("  until the server has it", there, "ms", 1000)
        show("raw client's UID STORE of as many", store, "ms", 1000)
        show_ratio("  until the server has it, as a ratio to raw", there, store)

    def elsewhere(self, raw):
        known, heard, told = [], [], []
        other = Raw(self.server)
        for n in range(ROUNDS):
            self.daemon.sync()
            time.sleep(1)  # after a change nothing is listened to for a quarter of a second
            modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", b"".join(raw.run("STATUS INBOX (HIGHESTMODSEQ)"))).group(1))
            uidvalidity = int(re.search(rb"UIDVALIDITY (\d+)", b"".join(raw.run("STATUS INBOX (UIDVALIDITY)"))).group(1))
            state, seen = self.daemon.get(PATH, "Manager", "State"), set()
            ear = Ear(self.server, min(ELSEWHERE, COUNT))
            raw.run(f"UID STORE 1:{ELSEWHERE} {'-' if n % 2 else '+'}FLAGS.SILENT (elsewhere)")
            begin = time.monotonic()
            while len(seen) < min(ELSEWHERE, COUNT):
                changes = self.daemon.changes(state, wait=5)
                state = changes["state"]
                seen.update(changes.get("messagesUpdated", ()))
            heard.append(time.monotonic() - begin)
            ear.join()
            told.append(ear.heard - begin)
            begin = time.monotonic()
            lines = other.run(f"EXAMINE INBOX (QRESYNC ({uidvalidity} {modseq}))")
            known.append(time.monotonic() - begin)
            self.assertEqual(sum(b" FETCH " in line for line in lines), min(ELSEWHERE, COUNT))
            other.run("UNSELECT")
        show(f"{ELSEWHERE} flags changed elsewhere, until Changes has them", heard, "ms", 1000)
        show("  after a raw client is told by IDLE", [a - b for a, b in zip(heard, told)], "ms", 1000)
        show("raw client's IDLE, until it is told", told, "ms", 1000)
        show("raw client's QRESYNC", known, "ms", 1000)
        show_ratio("  until Changes has them, as a ratio to raw", heard, [a + b for a, b in zip(told, known)])


if __name__ == "__main__":
    COUNT = int(sys.argv.pop(1))
    main()
