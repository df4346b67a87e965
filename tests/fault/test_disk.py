#!/usr/bin/python3
"""Disks that are full or broken, stores that are damaged: nothing of the mail is lost, and all of it mends
itself."""

import ctypes
import errno
import hashlib
import mmap
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403

COUNT = 1500


class Stored(Case):
    """A server with mail on it, and daemons whose passwords outlive them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fill(cls.server.imap(), "INBOX", 1, COUNT)

    def start(self, *options, **more):
        return super().start(*options, secrets="file:" + self.dir + "/secrets", **more)

    def complete(self, daemon):
        def is_complete():
            folder = daemon.folders().get("INBOX")
            return folder and daemon.get(folder, "Folder", "TotalMessages") == COUNT
        wait_for(is_complete, 30)

    def query(self, daemon):
        return daemon.query(limit=10, properties=["id", "subject"])["messages"]

    def synced(self):
        daemon = self.start()
        self.account, _ = daemon.add_account(self.server)
        self.complete(daemon)
        return daemon


class Disk(Stored):
    """The disk is at the test's command, by a library in front of libc."""

    WRITES, SYNCS, READS, CHANGES, CONTENT = 1, 2, 4, 8, 16

    def start(self, *options, **more):
        self.data = self.dir + "/disk/surel"
        os.makedirs(self.dir + "/disk", exist_ok=True)
        path = self.dir + "/disk/control"
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(bytes(8))
            with open(path, "r+b") as file:
                self.control = (ctypes.c_int32 * 2).from_buffer(mmap.mmap(file.fileno(), 8))
        env = {"SUREL_TEST_DISK": path, "LD_PRELOAD": BUILD + "/tests/fault/disk.so",
               "ASAN_OPTIONS": "detect_leaks=0:exitcode=99:verify_asan_link_order=0"}
        return super().start(*options, env=env, **more)

    def spoil(self, number, calls=0):
        self.control[1] = calls
        self.control[0] = number

    def test_a_full_disk_pauses_the_sync_and_it_resumes_alone(self):
        daemon = self.start()
        account, _ = daemon.add_account(self.server)
        wait_for(lambda: daemon.query(limit=1)["messages"])
        self.spoil(errno.ENOSPC, self.WRITES)
        if daemon.query(limit=1, calculateTotal=GLib.Variant("b", True))["total"] < COUNT:
            wait_for(lambda: daemon.get(account, "Account", "Error")[0].endswith(".StorageFull"))
        self.assertTrue(self.query(daemon), "reading works")
        message = self.assertFails("StorageFull", daemon.call, account, "Account", "Configure", "(a{sv}a{sv})",
                                   {"name": GLib.Variant("s", "Full")}, {})
        self.assertIn("free some space", message)
        self.assertNotEqual(daemon.get(account, "Account", "Name"), "Full")
        self.spoil(0)
        self.complete(daemon)
        wait_for(lambda: daemon.get(account, "Account", "Error")[0] == "")
        self.assertEqual(daemon.stop(), 0)

    def test_a_full_disk_leaves_no_half_message(self):
        daemon = self.synced()
        first = self.query(daemon)[0]["id"]
        self.spoil(errno.ENOSPC, self.WRITES)
        self.assertFails("StorageFull", daemon.call, PATH, "Messages", "Read", "(tstua{sv})", first, "", 0, 4096,
                         {})
        self.spoil(0)
        left = [name for _, _, names in os.walk(self.data + "/content") for name in names]
        self.assertEqual(left, [])
        octets = bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", first, "", 0, 4096, {})[0])
        self.assertIn(b"Message-ID", octets)

    def test_a_disk_full_at_the_start_is_told(self):
        daemon = self.synced()
        daemon.stop()
        self.spoil(errno.ENOSPC, self.WRITES)
        with self.assertRaisesRegex(RuntimeError, "full; free some space"):
            self.start()
        self.daemons[-1:] = []
        self.spoil(0)
        self.assertTrue(self.query(self.start()))

    def test_a_failed_fsync_is_not_passed_over(self):
        daemon = self.synced()
        mirror = Mirror()
        mirror.catch_up(daemon)
        log = os.path.getsize(self.data + "/surel.db-wal")
        self.assertGreater(log, 1 << 18)
        for calls in (self.SYNCS, self.WRITES, self.READS | self.WRITES | self.SYNCS):
            with self.subTest(calls=calls):
                self.spoil(errno.EIO, calls)
                message = self.assertFails("Failed", daemon.call, self.account, "Account", "Configure",
                                           "(a{sv}a{sv})", {"name": GLib.Variant("s", f"Broken {calls}")}, {})
                self.assertIn("disk", message)
                self.spoil(0)
                name = f"Mended {calls}"
                daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})",
                            {"name": GLib.Variant("s", name)}, {})
                wait_for(lambda name=name: daemon.get(self.account, "Account", "Name") == name)
                mirror.catch_up(daemon)
                self.assertEqual(len(mirror.messages), COUNT)
                # What might not have reached the disk was written into the database first.
                self.assertLess(os.path.getsize(self.data + "/surel.db-wal"), log / 2)
        daemon.kill()
        daemon = self.start()
        self.assertEqual(daemon.get(self.account, "Account", "Name"), name)
        mirror.catch_up(daemon)
        self.assertEqual(len(mirror.messages), COUNT)

    def test_a_disk_that_cannot_be_read_is_no_damage(self):
        """SQLite takes EIO for damage."""
        daemon = self.synced()
        store = daemon.get(PATH, "Manager", "Store")
        rows = self.query(daemon)
        for _ in range(2):
            checkpoint(self.data)  # what a connection has in memory is too old now
            self.spoil(errno.EIO, self.READS)
            self.assertIn("disk", self.assertFails("Failed", self.query, daemon))
            wait_for(lambda: "surel.db can't be read" in daemon.read_log())
            self.spoil(0)
            self.assertEqual(self.query(daemon), rows)
            self.assertEqual(daemon.get(PATH, "Manager", "Store"), store)
            daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"name": GLib.Variant("s", "Here")}, {})
            daemon.kill()
            self.spoil(errno.EIO, self.READS)
            with self.assertRaisesRegex(RuntimeError, "surel.db can't be read"):
                self.start()
            self.daemons[-1:] = []
            self.spoil(0)
            daemon = self.start()
            self.assertEqual(daemon.get(PATH, "Manager", "Store"), store)
            self.assertEqual(self.query(daemon), rows)
        self.assertEqual(daemon.stop(), 0)

    def test_what_lives_here_alone_is_not_lost_where_it_cannot_be_read(self):
        daemon = self.synced()
        imap = self.server.imap()
        self.addCleanup(imap.logout)
        imap.create("Drafts")
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
        text = message(9998, "Nowhere else")
        draft, operation = daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, 0, GLib.Variant("ay", text), {})
        read = (PATH, "Messages", "Read", "(tstua{sv})", draft, "", 0, 4096, {})
        self.spoil(errno.EIO, self.CONTENT)
        self.assertIn("disk", self.assertFails("Failed", daemon.call, *read))
        self.spoil(0)
        self.assertEqual(bytes(daemon.call(*read)[0]), text)
        path = next(os.path.join(folder, name) for folder, _, names in os.walk(self.data + "/content") for name in names)
        os.rename(path, path + "~")
        self.assertFails("Offline", daemon.call, *read)
        daemon.kill()
        daemon = self.start()
        os.rename(path + "~", path)
        self.assertEqual(bytes(daemon.call(*read)[0]), text, "what a person got back is read")
        self.spoil(errno.EIO, self.CONTENT)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        wait_for(lambda: "disk" in daemon.get(self.account, "Account", "Error")[1], 30)

        def listed():
            return daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [operation])})[0]["operations"][0]
        self.assertEqual(listed()["state"] in ("pending", "running"), True, listed())
        self.spoil(0)
        wait_for(lambda: listed()["state"] == "done", 60, say=lambda: str(listed()))
        imap.select("Drafts", readonly=True)
        self.assertIn(b"Nowhere else", imap.fetch("1", "BODY.PEEK[]")[1][0][1])

    def test_rows_of_content_that_is_damaged_or_cannot_be_read(self):
        """What is damaged isn't here; what the disk doesn't give out now is named."""
        daemon = self.synced()
        number = self.query(daemon)[0]["id"]
        names = ["fetched", "textBody", "header:Subject", "header:Subject:asText", "header:Nothing:all"]

        def row():
            return daemon.call(PATH, "Messages", "Get", "(atas)", [number], names)[0][0]
        known = row()
        self.assertEqual(sorted(known), ["fetched", "header:Subject:asText"])
        self.assertFalse(known["fetched"])
        daemon.call(PATH, "Messages", "Read", "(tstua{sv})", number, "", 0, 1, {})
        whole = row()
        self.assertEqual(sorted(whole), sorted(names))
        self.spoil(errno.EIO, self.CONTENT)
        self.assertEqual(row(), {**known, "fetched": True, "cut": names[2:] + ["textBody"]})
        self.spoil(0)
        self.assertEqual(row(), whole)
        path = next(os.path.join(folder, name) for folder, _, found in os.walk(self.data + "/content") for name in found)
        os.truncate(path, 10)
        self.assertEqual(row(), {**known, "fetched": True})
        wait_for(lambda: row() == known)

    def test_a_disk_that_turns_read_only(self):
        daemon = self.synced()
        mirror = Mirror()
        mirror.catch_up(daemon)
        before = set(mirror.messages)
        imap = self.server.imap()
        self.addCleanup(self.empty_again, imap)
        first = self.query(daemon)
        read = (PATH, "Messages", "Read", "(tstua{sv})", first[0]["id"], "", 0, 4096, {})
        self.spoil(errno.EROFS, self.WRITES | self.SYNCS | self.CHANGES)
        imap.append("INBOX", "", None, message(9999, "While it could not be written"))
        wait_for(lambda: daemon.get(self.account, "Account", "Error")[0].endswith(".Failed"))
        self.assertRegex(daemon.get(self.account, "Account", "Error")[1], "disk|readonly")
        self.assertEqual(self.query(daemon), first, "reading works")
        self.assertIn("Read-only", self.assertFails("Failed", daemon.call, *read))
        self.assertFails("Failed", daemon.call, self.account, "Account", "Configure", "(a{sv}a{sv})",
                         {"name": GLib.Variant("s", "Not kept")}, {})
        mirror.catch_up(daemon)
        self.assertEqual(mirror.messages, before)
        self.spoil(0)

        def has_arrived():
            mirror.catch_up(daemon)
            return len(mirror.messages) == COUNT + 1
        wait_for(has_arrived, 60)
        self.assertEqual(before - mirror.messages, set())
        rows, _, _ = daemon.call(PATH, "Messages", "Get", "(atas)", list(mirror.messages - before), ["subject"])
        self.assertEqual(rows, [{"subject": "While it could not be written"}])
        wait_for(lambda: daemon.get(self.account, "Account", "Error")[0] == "")
        self.assertNotEqual(daemon.get(self.account, "Account", "Name"), "Not kept")
        self.assertIn(b"Message-ID", bytes(daemon.call(*read)[0]))
        self.assertEqual(daemon.stop(), 0)

    def empty_again(self, imap):
        """Takes the message out that a test has added."""
        imap.select("INBOX")
        imap.store("*", "+FLAGS", "\\Deleted")
        imap.expunge()
        imap.logout()


class ReadOnly(Stored):
    """A real one: the folder is mounted read-only where the daemon looks."""

    def refused(self, data, secrets):
        """What a daemon says that doesn't start."""
        mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        done = subprocess.run(["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), "sh", "-c",
                               mount, self.dir + "/disk", BUILD + "/src/daemon/sureld", "--data-dir", data, "--secrets",
                               secrets], capture_output=True, text=True, timeout=20, check=False,
                              env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address})
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_a_start_on_a_read_only_disk_is_told(self):
        if subprocess.run(["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), "true"],
                          stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.data = self.dir + "/disk/surel"
        os.mkdir(self.dir + "/disk")
        daemon = self.synced()
        rows = self.query(daemon)
        daemon.stop()
        said = self.refused(self.data, "memory")
        self.assertEqual(said, f"sureld: The data directory {self.data} is not used: Read-only file system\n")
        said = self.refused(self.data + "2", "memory")
        self.assertEqual(said, f"sureld: The data directory {self.data}2 can't be made: Read-only file system\n")
        path = self.dir + "/disk/secrets"
        self.assertEqual(self.refused(self.dir + "/other", "file:" + path),
                         f"sureld: The secrets file {path} can't be opened: Read-only file system\n")
        self.assertEqual(self.query(self.start()), rows)


class DamagedWithWork(Changing):
    """What people did while the account was offline, and then the database is damaged."""

    def work(self):
        daemon = self.prepare()
        self.imap.append("Drafts", "\\Draft", '"14-Nov-2023 22:13:20 +0000"', message(70))
        daemon.sync()
        ids = self.ids(daemon)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
        self.modify(daemon, [ids["Message 1"]], {"addKeywords": strings("$flagged", "mine")})
        self.modify(daemon, [ids["Message 2"]], {"moveTo": GLib.Variant("o", self.folders["Work"])})
        self.modify(daemon, [ids["Message 3"]], {"destroy": GLib.Variant("b", True)})
        self.modify(daemon, [ids["Message 4"]], {"addFolders": GLib.Variant("ao", [self.folders["Work"]])})
        folder = daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "New", "/", {})[0]
        daemon.call(folder, "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(71)),
                    {"keywords": strings("$seen")})
        self.modify(daemon, [ids["Message 5"]], {"moveTo": GLib.Variant("o", folder)})
        self.draft = self.ids(daemon, "Drafts")["Message 70"]
        daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, self.draft,
                    GLib.Variant("ay", message(72)), {})
        self.store = daemon.get(PATH, "Manager", "Store")
        self.known = ids
        return daemon

    def look(self):
        """Started anew, all of it is there still, and reaches the server once it is online."""
        daemon = self.start(secrets=self.secrets)

        def is_new():  # the name goes and comes back
            try:
                return daemon.get(PATH, "Manager", "Store") != self.store
            except GLib.Error:
                return False
        wait_for(is_new, 30)
        self.folders = daemon.folders()
        self.assertEqual(daemon.get(self.account, "Account", "PendingOperations"), 8)
        self.assertEqual(set(self.row(daemon, self.known["Message 1"], "keywords")["keywords"]), {"$flagged", "mine"})
        self.assertEqual(set(self.ids(daemon, "Work")), {"Message 2", "Message 4"})
        self.assertEqual(set(self.ids(daemon, "New")), {"Message 5", "Message 71"})
        self.assertEqual(self.ids(daemon, "Drafts"), {"Message 72": self.draft})
        self.assertEqual(daemon.get(self.folders["New"], "Folder", "UnreadMessages"), 1)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0, 40,
                 say=lambda: str(daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"])[-1500:])
        daemon.sync()
        states = {one["state"] for one in daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]}
        self.assertEqual(states, {"done"})
        there = {path: self.on_server(path) for path in ("INBOX", "Work", "New", "Drafts")}
        self.assertEqual(set(there["INBOX"]), set(range(1, self.count + 1)) - {2, 3, 5})
        self.assertEqual(there["INBOX"][1], {"\\Flagged", "mine"})
        # Of a draft both texts stay: the one that the server has isn't known to be an older one.
        self.assertEqual((set(there["Work"]), set(there["New"]), set(there["Drafts"])), ({2, 4}, {5, 71}, {70, 72}))
        self.assertEqual(there["New"][71], {"\\Seen"})
        for path, found in there.items():
            self.assertEqual({f"Message {n}" for n in found}, set(self.ids(daemon, path)), path)
            self.assertEqual(daemon.get(daemon.folders()[path], "Folder", "TotalMessages"), len(found), path)
        self.assertEqual(self.ids(daemon)["Message 1"], self.known["Message 1"])
        self.assertEqual(daemon.stop(), 0)

    def test_what_waits_is_read_from_a_damaged_database(self):
        daemon = self.work()
        daemon.kill()
        checkpoint(self.data)
        path = self.data + "/surel.db"
        with sqlite3.connect(path) as database:
            root = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'log'").fetchone()[0]
            size = database.execute("PRAGMA page_size").fetchone()[0]
        database.close()
        with open(path, "r+b") as file:
            file.seek((root - 1) * size)
            file.write(b"\x5a" * size)
        self.look()

    def behead(self, daemon, count):
        """Once the copy holds all that waits."""
        def copied():
            try:
                with sqlite3.connect(f"file:{self.data}/queue?mode=ro", uri=True) as copy:
                    return copy.execute("SELECT count(*) FROM intent WHERE state < 2").fetchone()[0] == count
            except sqlite3.Error:
                return False
        wait_for(copied)
        self.assertEqual(os.stat(self.data + "/queue").st_mode & 0o77, 0)
        daemon.kill()
        checkpoint(self.data)
        with open(self.data + "/surel.db", "r+b") as file:
            file.write(b"no database\n" * 400)

    def test_what_was_sent_meanwhile_is_not_sent_again(self):
        daemon = self.prepare()
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
        one = daemon.call(self.folders["Work"], "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(71)), {})[0]
        received = time.gmtime(self.row(daemon, one, "receivedAt")["receivedAt"])
        self.behead(daemon, 1)
        self.imap.append("Work", None, time.strftime('"%d-%b-%Y %H:%M:%S +0000"', received), message(71))
        daemon = self.start(secrets=self.secrets)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        daemon.sync()
        self.assertEqual(set(self.on_server("Work")), {71})
        self.folders = daemon.folders()
        self.assertEqual(set(self.ids(daemon, "Work")), {"Message 71"})

    def test_a_damaged_copy_is_passed_over(self):
        daemon = self.work()
        self.behead(daemon, 8)
        with open(self.data + "/queue", "r+b") as file:
            file.seek(8192)
            file.write(b"\x5a" * 32768)
        daemon = self.start(secrets=self.secrets)
        self.assertNotEqual(daemon.get(PATH, "Manager", "Store"), self.store)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        wait_for(lambda: daemon.get(self.account, "Account", "Status") == "idle")
        self.assertEqual(daemon.stop(), 0)

    def test_what_waits_is_kept_beside_the_database(self):
        self.behead(self.work(), 8)
        self.look()
        wait_for(lambda: not os.path.exists(self.data + "/queue"), say="the copy stays with nothing in it")


class Damaged(Stored):
    def damage(self, how):
        """Damages the database of a daemon that is then started again, and looks how it mends itself."""
        daemon = self.synced()
        store = daemon.get(PATH, "Manager", "Store")
        state = daemon.get(PATH, "Manager", "State")
        checkpoint(self.data)
        daemon.kill()
        how(self.data + "/surel.db")
        daemon = self.start()

        def is_new():  # the name goes and comes back
            try:
                return daemon.get(PATH, "Manager", "Store") != store
            except GLib.Error:
                return False
        wait_for(is_new, 30)
        self.complete(daemon)
        wait_for(lambda: daemon.get(self.account, "Account", "Status") == "idle")
        self.assertFails("StoreReplaced", daemon.changes, state, store)
        self.assertEqual([p for p in daemon.objects() if p.count("/") == 5], [self.account])
        self.assertEqual(daemon.stop(), 0)

    def test_a_damaged_page_is_found_in_the_background(self):
        def scribble(path):
            size = os.path.getsize(path)
            with open(path, "r+b") as file:
                for at in range(size // 3, size - 8192, 65536):
                    file.seek(at)
                    file.write(b"\x5a" * 3000)
        self.damage(scribble)

    def test_a_database_without_its_header(self):
        def behead(path):
            with open(path, "r+b") as file:
                file.write(b"no database\n" * 400)
        self.damage(behead)

    def test_a_database_cut_short(self):
        self.damage(lambda path: os.truncate(path, os.path.getsize(path) // 2))

    def test_a_newer_schema_is_refused_and_left_alone(self):
        daemon = self.synced()
        daemon.stop()
        path = self.data + "/surel.db"
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version=99")
        connection.close()
        with open(path, "rb") as file:
            before = hashlib.sha256(file.read()).digest()
        with self.assertRaisesRegex(RuntimeError, "newer Surel"):
            self.start()
        with open(path, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).digest(), before)

    def test_damaged_and_lost_content_is_fetched_again(self):
        daemon = self.synced()
        number = self.query(daemon)[0]["id"]

        def read():
            return bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", number, "", 0, 65536, {})[0])

        octets = read()
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(self.data + "/content") for name in names]
        self.assertEqual(len(paths), 1)
        for spoil in (lambda: os.truncate(paths[0], 10), lambda: os.unlink(paths[0]), self.replace(paths[0])):
            spoil()
            self.assertEqual(read(), octets)

    @staticmethod
    def replace(path):
        def do():
            with open(path, "r+b") as file:
                file.write(b"another's")
        return do

    def test_content_that_nobody_knows_is_found(self):
        daemon = self.synced()
        daemon.kill()
        digest = "ab" * 32
        os.makedirs(self.data + "/content/ab", exist_ok=True)
        path = self.data + "/content/ab/" + digest[2:]
        with open(path, "wb") as file:
            file.write(b"left by a crash")
        self.start()
        store = sqlite3.connect(f"file:{self.data}/surel.db?mode=ro", uri=True)
        self.addCleanup(store.close)
        # Known, so that it is swept with all else that no message has; or swept already.
        wait_for(lambda: not os.path.exists(path) or store.execute("SELECT count(*) FROM content WHERE digest = ?",
                                       (bytes.fromhex(digest),)).fetchone()[0])

    def test_a_file_where_the_store_should_be(self):
        os.makedirs(self.data)
        os.mkdir(self.data + "/surel.db")
        with self.assertRaisesRegex(RuntimeError, "mail store"):
            self.start()


def checkpoint(data):
    """Brings all that is committed into the database's file."""
    connection = sqlite3.connect(data + "/surel.db", timeout=10)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


if __name__ == "__main__":
    main()
