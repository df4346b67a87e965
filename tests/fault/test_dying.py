#!/usr/bin/python3
"""Killed at every step of every kind of change: the end is the one that nothing has disturbed, exactly once.

Each run starts from the same mailbox and the same store, does one kind of change, dies at its nth step (tests/fault/die.c
says what a step is) and is started again; the client repeats the call that got no answer, with its key. With
SUREL_TEST_ALL=1 each step is tried, else one or two that SUREL_SEED chooses."""

import ctypes
import mmap
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403
from eas_case import EasCase  # noqa: E402
from scripted_eas import Mailbox, Raw  # noqa: E402

ALL = os.environ.get("SUREL_TEST_ALL") == "1"
SEED = int(os.environ.get("SUREL_SEED") or random.randrange(10 ** 6))
USERS = ("alice", "bob")


def path_of(path):
    return GLib.Variant("o", path)


def control_of(path):
    """How many steps are left to live, and how many there were."""
    with open(path, "wb") as file:
        file.write(bytes(8))
    with open(path, "r+b") as file:
        return (ctypes.c_int32 * 2).from_buffer(mmap.mmap(file.fileno(), 8))


def mortal(control):
    return {"SUREL_TEST_DIE": control, "LD_PRELOAD": BUILD + "/tests/fault/die.so",
            "ASAN_OPTIONS": "detect_leaks=0:exitcode=99:verify_asan_link_order=0"}


class Dying(Case):
    server_extra = """
mail_plugins = acl
protocol imap {
  mail_plugins = acl imap_acl
}
plugin {
  acl = vfile
}
"""
    samples = 2
    together = 4  # messages that are put by one command

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.random = random.Random(SEED)
        cls.kept = tempfile.mkdtemp(prefix="surel-start-")
        cls.known = None
        print(f"seed {SEED}", file=sys.stderr)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.kept)

    # --- Where each run starts ---

    def setUp(self):
        super().setUp()
        self.secrets = "file:" + self.kept + "/secrets"
        self.control_path = self.dir + "/control"
        self.control = control_of(self.control_path)
        if self.known is None:
            self.make_start()

    def make_start(self):
        """A mailbox and a store that has it, both kept to begin from."""
        for user in USERS:
            device = self.server.imap(user)
            for box in ("INBOX", "Work", "Archive", "Drafts", "Trash", "Old", "Old/Sub"):
                device.create(box)
                device.subscribe(box)
            fill(device, "INBOX", 1, 8)
            fill(device, "Work", 20, 2)
            fill(device, "Trash", 30, 2)
            fill(device, "Old", 40, 2)
            fill(device, "Old/Sub", 50, 2)
            device.logout()
        daemon = self.start(secrets=self.secrets)
        for user in USERS:
            daemon.wait_job(daemon.add_account(self.server, user=user)[1])
        daemon.sync()
        self.learn(daemon)
        type(self).known = {row["id"] for row in daemon.query(limit=1000, properties=["id"])["messages"]}
        daemon.stop()
        self.wait_for_sessions()
        self.copy(self.server.dir + "/home", self.kept + "/home")
        self.copy(self.data, self.kept + "/start")

    def empty_homes(self):
        self.wait_for_sessions()
        for user in USERS:
            shutil.rmtree(f"{self.server.dir}/home/{user}", ignore_errors=True)

    def wait_for_sessions(self):
        def none():
            return subprocess.run(["doveadm", "-c", self.server.dir + "/dovecot.conf", "who", "-1"], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.count(b"\n") <= 1
        wait_for(none, say="a session does not end")

    def copy(self, source, target):
        subprocess.run(["cp", "-a", source + "/.", target], check=True)

    def begin(self):
        self.empty_homes()
        self.copy(self.kept + "/home", self.server.dir + "/home")
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data, 0o700)
        self.copy(self.kept + "/start", self.data)
        self.n_calls = 0
        self.control[0] = self.control[1] = 0
        self.daemon = self.start(secrets=self.secrets, env={**mortal(self.control_path), "SUREL_DEBUG": "imap"})
        self.learn(self.daemon)
        self.daemon.sync()

    def learn(self, daemon):
        """Paths of accounts and folders, and ids by (user, folder, subject)."""
        objects = daemon.objects()
        self.accounts = {interfaces[NAME + ".Account"]["Address"].split("@")[0]: path
                         for path, interfaces in objects.items() if NAME + ".Account" in interfaces}
        users = {path: user for user, path in self.accounts.items()}
        self.folders = {(users[interfaces[NAME + ".Folder"]["Account"]], interfaces[NAME + ".Folder"]["Path"]): path
                        for path, interfaces in objects.items() if NAME + ".Folder" in interfaces}
        rows = daemon.query(limit=1000, properties=["id", "subject", "mailboxIds"])["messages"]
        where = {path: name for name, path in self.folders.items()}
        self.ids = {(*where[row["mailboxIds"][0]], row["subject"]): row["id"] for row in rows}

    # --- What is done ---

    def revive(self):
        self.daemon.process.wait(10)
        self.daemon = self.start(secrets=self.secrets)

    def dies(self):
        try:
            self.daemon.process.wait(1)
        except subprocess.TimeoutExpired:
            return False
        return True

    def act(self, path, interface, method, signature, *arguments, options=None):
        """A call with a key, again where the daemon died under it."""
        self.n_calls += 1
        options = {"key": GLib.Variant("s", f"call {self.n_calls}"), **(options or {})}
        while True:
            try:
                return self.daemon.call(path, interface, method, signature, *arguments, options)
            except GLib.Error:
                if not self.dies():
                    raise
                self.revive()

    def modify(self, where, patch):
        ids = [self.ids["alice", folder, f"Message {n}"] for folder, n in where]
        return self.act(PATH, "Operations", "Modify", "(ata{sv}a{sv})", ids, patch)

    def at(self, path, user="alice"):
        return self.folders[user, path]

    def settle(self):
        def ended():
            operations = self.daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]
            return all(one["state"] not in ("pending", "running") for one in operations) and operations
        while True:
            try:
                wait_for(ended, 60, say="an operation does not end")
                self.control[0] = 0
                self.daemon.sync()
                return
            except GLib.Error:
                if not self.dies():
                    raise
                self.revive()

    # --- What came of it ---

    def on_server(self, user):
        """What the server has, its numbers left out, and with them."""
        device = self.server.imap(user)
        names = [line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in device.list()[1]]
        subscribed = sorted(line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in device.lsub()[1] if line)
        plain, exact = {}, {}
        for name in names:
            device.select(f'"{name}"', readonly=True)
            found = []
            if device.untagged_responses.get("EXISTS", [b"0"])[-1] != b"0":
                for part in device.fetch("1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
                    if isinstance(part, tuple):
                        flags = re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).decode().replace("\\Recent", "")
                        uid = int(re.search(rb"UID (\d+)", part[0]).group(1))
                        found.append((part[1].decode().strip(), " ".join(sorted(flags.split())), uid))
            plain[name] = sorted(one[:2] for one in found)
            exact[name] = sorted(found)
        device.logout()
        return (plain, subscribed), exact

    def on_bus(self):
        self.learn(self.daemon)
        where = {path: name for name, path in self.folders.items()}
        rows = self.daemon.query(limit=1000, properties=["id", "subject", "mailboxIds", "keywords", "pending"])
        return sorted((where[row["mailboxIds"][0]], row["subject"], sorted(row["keywords"]),
                       row["id"] if row["id"] in self.known else "new", row["pending"])
                      for row in rows["messages"]), sorted((*name, self.daemon.get(path, "Folder", "Role"))
                                                           for name, path in self.folders.items())

    def outcome(self):
        operations = self.daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]
        odd = [one for one in operations if one["state"] not in ("done", "cancelled")]
        self.assertFalse(odd)
        servers = [self.on_server(user) for user in USERS]
        return (self.on_bus(), [plain for plain, _ in servers]), [exact for _, exact in servers]

    def check(self, change, before=lambda: None):
        """@before is what goes before it, and is not broken off."""
        self.begin()
        before()
        self.control[1] = 0
        change()
        self.settle()
        total = self.control[1]
        expected, _ = self.outcome()
        self.daemon.stop()
        steps = range(1, total + 1) if ALL else sorted(self.random.sample(range(1, total + 1), min(self.samples, total)))
        for n in steps:
            with self.subTest(step=n, of=total, seed=SEED):
                self.begin()
                before()
                self.control[0] = n
                change()
                self.settle()
                found, exact = self.outcome()
                self.assertEqual(found, expected)
                self.daemon.stop()
                self.daemon = self.start(secrets=self.secrets)
                self.daemon.sync()
                self.assertEqual(self.outcome(), (expected, exact), "one more run changes something")
            self.daemon.stop()
            self.daemons.remove(self.daemon)

    # --- The kinds of changes ---

    def test_keywords(self):
        def change():
            self.modify([("INBOX", 1), ("INBOX", 2), ("Work", 20)], {"addKeywords": strings("$flagged", "urgent")})
            self.modify([("INBOX", 2)], {"removeKeywords": strings("urgent"), "addKeywords": strings("$seen")})
        self.check(change)

    def test_move(self):
        self.check(lambda: self.modify([("INBOX", 1), ("INBOX", 2), ("Old", 40)], {"moveTo": path_of(self.at("Work"))}))

    def test_move_there_and_back(self):
        def change():
            self.modify([("INBOX", 1), ("INBOX", 2)], {"moveTo": path_of(self.at("Work"))})
            self.modify([("INBOX", 1)], {"addKeywords": strings("$flagged")})
            self.modify([("INBOX", 1)], {"moveTo": path_of(self.at("INBOX"))})
        self.check(change)

    def test_move_to_a_role(self):
        self.check(lambda: self.modify([("INBOX", 1), ("Work", 20)], {"moveToRole": GLib.Variant("s", "trash")}))

    def test_out_of_folders(self):
        """One is where it is taken out of, and moves; the other isn't, and is copied."""
        self.check(lambda: self.modify([("INBOX", 1), ("Work", 20)], {
            "removeFolders": GLib.Variant("ao", [self.at("INBOX"), self.at("Old")]),
            "addFolders": GLib.Variant("ao", [self.at("Archive")])}))

    def test_copy(self):
        self.check(lambda: self.modify([("INBOX", 1), ("INBOX", 2)], {
            "addFolders": GLib.Variant("ao", [self.at("Work"), self.at("Archive")])}))

    def test_destroy(self):
        self.check(lambda: self.modify([("INBOX", 1), ("Work", 20)], {"destroy": GLib.Variant("b", True)}))

    def test_all_that_match(self):
        self.check(lambda: self.act(PATH, "Operations", "ModifyMatching", "(a{sv}a{sv}a{sv})",
                                    {"inMailbox": path_of(self.at("INBOX"))}, {"moveTo": path_of(self.at("Archive"))}))

    def test_all_that_match_and_are_more_than_a_commit(self):
        """In two parts: one operation, of each message once."""
        def change():
            return self.act(PATH, "Operations", "ModifyMatching", "(a{sv}a{sv}a{sv})", {"inMailbox": path_of(self.at("INBOX"))},
                            {"moveTo": path_of(self.at("Archive"))})
        count = 10050
        n, total = 0, 4
        while n <= min(total, 8):
            self.begin()
            device = self.server.imap()
            fill(device, "INBOX", 100, count)
            device.logout()
            self.daemon.sync()
            self.control[1] = 0
            self.control[0] = n
            with self.subTest(step=n, of=total):
                operation, _, result = change()
                total = self.control[1] if n == 0 else total
                self.assertEqual(result["changed"], count + 8)
                self.settle()
                operations = self.daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]
                self.assertEqual([(one["id"], one["state"], one["messageCount"]) for one in operations],
                                 [(operation, "done", count + 8)])
                self.assertEqual(self.daemon.get(self.at("INBOX"), "Folder", "TotalMessages"), 0)
                self.assertEqual(self.daemon.get(self.at("Archive"), "Folder", "TotalMessages"), count + 8)
            n += 1
            self.daemon.stop()
            self.daemons.remove(self.daemon)

    def test_cancelled(self):
        def change():
            operation = self.modify([("INBOX", 1), ("INBOX", 2)], {"moveTo": path_of(self.at("Work"))})[0]
            self.act(PATH, "Operations", "Cancel", "(ta{sv})", operation)
        self.check(change)

    def test_to_another_account(self):
        self.check(lambda: self.modify([("INBOX", 1), ("INBOX", 2)], {"moveTo": path_of(self.at("Work", "bob"))}))

    def test_append(self):
        self.check(lambda: self.append(self.at("Work"), 90))

    def dies_once_it_is_there(self, change, folder, subject, before=lambda: None):
        """At the first step after the server has it, and before its answer is noted. Returns a device that has opened the
        folder, the UID there, and what the change returned."""
        for n in range(1, 200):
            self.begin()
            before()
            self.control[0] = n
            result = change()
            wait_for(lambda: self.daemon.process.poll() is not None or self.control[0] == 0)
            device = self.server.imap()
            device.select(folder)
            found = device.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
            if found and self.dies():
                return device, device.fetch(found[0], "(UID)")[1][0].split()[2].strip(b")").decode(), result
            device.logout()
            self.daemon.kill()
            self.daemons.remove(self.daemon)
        raise AssertionError("it never died in between")

    def places(self, subject):
        return sorted(name for name, rows in self.on_server("alice")[0][0].items() for row in rows if subject in row[0])

    def test_append_and_another_moves_it_on(self):
        device, uid, (one, _) = self.dies_once_it_is_there(lambda: self.append(self.at("Work"), 90), "Work", "Message 90")
        device.uid("STORE", uid, "+FLAGS", "(\\Flagged Urgent)")
        device.uid("MOVE", uid, "Archive")
        device.logout()
        self.revive()
        self.settle()
        self.assertEqual(self.places("Message 90"), ["Archive"])
        self.learn(self.daemon)
        self.assertEqual(self.ids["alice", "Archive", "Message 90"], one)
        self.assertNotIn(("alice", "Work", "Message 90"), self.ids)
        row = self.daemon.call(PATH, "Messages", "Get", "(atas)", [one], ["keywords"])[0][0]
        self.assertEqual(set(row["keywords"]), {"$flagged", "urgent"})

    def test_copy_and_another_moves_one_on(self):
        """The server copies all or nothing: one that isn't there any more isn't copied again."""
        device, uid, _ = self.dies_once_it_is_there(
            lambda: self.modify([("INBOX", k) for k in (6, 7, 8)], {"addFolders": GLib.Variant("ao", [self.at("Work")])}),
            "Work", "Message 7")
        device.uid("MOVE", uid, "Archive")
        device.logout()
        self.revive()
        self.settle()
        self.assertEqual(self.places("Message 7"), ["Archive", "INBOX"])
        self.learn(self.daemon)
        self.assertNotIn(("alice", "Work", "Message 7"), self.ids)

    def append(self, folder, n):
        return self.act(folder, "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(n)))

    def enable(self, enabled):
        self.act(self.accounts["alice"], "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", enabled)})

    def test_many_that_are_put_together(self):
        def change():
            self.enable(False)
            for n in range(90, 94):
                self.append(self.at("Work"), n)
            self.enable(True)
        self.check(change)
        commands = re.findall(r"\bAPPEND .*", self.daemon.read_log())
        self.assertEqual(max(line.count("{") for line in commands), self.together, "it wasn't the way that was meant")

    def test_a_draft_and_its_next_version(self):
        def change():
            draft, _ = self.save(0, 90)
            self.save(draft, 91)
        self.check(change)

    def test_a_draft_whose_next_version_another_marks(self):
        def save_first():
            self.draft, _ = self.save(0, 90)
            self.settle()
        device, uid, _ = self.dies_once_it_is_there(lambda: self.save(self.draft, 91), "Drafts", "Message 91", save_first)
        device.uid("STORE", uid, "+FLAGS", "(\\Flagged Urgent)")
        device.logout()
        self.revive()
        self.settle()
        self.assertEqual((self.places("Message 90"), self.places("Message 91")), ([], ["Drafts"]))
        row = self.daemon.call(PATH, "Messages", "Get", "(atas)", [self.draft], ["keywords"])[0][0]
        self.assertLess({"$flagged", "urgent"}, set(row["keywords"]))

    def save(self, draft, n):
        return self.act(PATH, "Submission", "SaveDraft", "(otva{sv})", self.accounts["alice"], draft,
                        GLib.Variant("ay", message(n)))

    def create(self, name, parent="/"):
        return self.act(self.accounts["alice"], "Account", "CreateFolder", "(soa{sv})", name, parent)[0]

    def test_a_new_folder_and_mail_in_it(self):
        def change():
            folder = self.create("New")
            self.append(folder, 90)
            self.modify([("INBOX", 1)], {"moveTo": path_of(folder)})
        self.check(change)

    def test_a_new_folder_used_and_deleted(self):
        def change():
            folder = self.create("New")
            one, _ = self.append(folder, 90)
            self.act(PATH, "Operations", "Modify", "(ata{sv}a{sv})", [one], {"moveTo": path_of(self.at("Work"))})
            self.act(folder, "Folder", "Rename", "(sa{sv})", "Newer")
            self.act(folder, "Folder", "Delete", "(a{sv})")
        self.check(change)

    def test_a_folder_made_renamed_and_deleted(self):
        def change():
            folder = self.create("One", self.at("Old"))
            self.act(folder, "Folder", "Rename", "(sa{sv})", "Two")
            self.act(folder, "Folder", "Delete", "(a{sv})")
        self.check(change)

    def test_rename(self):
        self.check(lambda: self.act(self.at("Old"), "Folder", "Rename", "(sa{sv})", "Older"))

    def test_move_a_folder(self):
        self.check(lambda: self.act(self.at("Old"), "Folder", "MoveTo", "(oa{sv})", self.at("Work")))

    def test_delete_a_folder(self):
        self.check(lambda: self.delete(self.at("Old")))

    def delete(self, folder):
        options = {"removeMessages": GLib.Variant("b", True), "removeChildren": GLib.Variant("b", True)}
        return self.act(folder, "Folder", "Delete", "(a{sv})", options=options)

    def test_empty(self):
        self.check(lambda: self.act(self.at("Trash"), "Folder", "Empty", "(a{sv})"))

    def test_subscription(self):
        self.check(lambda: self.act(self.at("Old"), "Folder", "SetSubscribed", "(ba{sv})", False))

    def test_a_role(self):
        """It is another folder's no longer, and what goes by the role goes there."""
        def change():
            self.act(self.at("Old"), "Folder", "Configure", "(a{sv}a{sv})", {"role": GLib.Variant("s", "trash")})
            self.modify([("INBOX", 1)], {"moveToRole": GLib.Variant("s", "trash")})
        self.check(change)
        self.assertEqual(self.places("Message 1"), ["Old"])

    # --- What was refused, tried again ---

    def refused(self, begin):
        """What @begin has begun is refused. The account is disabled meanwhile."""
        self.enable(False)
        self.failed = operation = begin()[0]
        self.enable(True)

        def state():
            return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [operation])})[0]["operations"][0]
        wait_for(lambda: state()["state"] == "failed", say=lambda: str(state()))

    def retry(self):
        self.act(PATH, "Operations", "Retry", "(ta{sv})", self.failed)

    def test_a_refused_rename_is_tried_again(self):
        def before():
            device = self.server.imap()

            def rename():
                device.create("Taken")
                return self.act(self.at("Old"), "Folder", "Rename", "(sa{sv})", "Taken")
            self.refused(rename)
            device.delete("Taken")
            device.logout()
            self.daemon.sync()
        self.check(self.retry, before)

    def test_a_refused_move_is_tried_again(self):
        def before():
            device = self.server.imap()

            def move():
                device.setacl("Work", "alice", "lrs")
                return self.modify([("INBOX", 1), ("INBOX", 2)], {"moveTo": path_of(self.at("Work"))})
            self.refused(move)
            device.setacl("Work", "alice", "lrwstipekxa")
            device.logout()
            self.enable(False)  # Dovecot keeps for a connection what it has read of rights
            self.enable(True)
        self.check(self.retry, before)
        self.assertEqual(self.places("Message 1"), ["Work"])

    def test_an_account_removed_and_added(self):
        """Each is done once, wherever it dies; and what is answered for a key names no job of another life."""
        settings = {key: GLib.Variant("s", value) for key, value in
                    {"address": "bob@surel.test", "user": "bob", "host": "localhost"}.items()}
        settings["port"] = GLib.Variant("i", self.server.port + 1)
        secrets, jobs = {"password": GLib.Variant("s", "secret")}, set()

        def change():
            self.act(self.accounts["bob"], "Account", "Remove", "(a{sv})", options={"force": GLib.Variant("b", True)})
            account, job = self.act(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", settings, secrets)
            jobs.add(job)
            return account

        self.secrets = "file:" + self.dir + "/secrets"
        shutil.copy(self.kept + "/secrets", self.dir + "/secrets")
        self.begin()
        change()
        total = self.control[1]
        for n in range(1, total + 1) if ALL else sorted(self.random.sample(range(1, total + 1), 6)):
            with self.subTest(step=n, of=total, seed=SEED):
                self.daemon.kill()
                self.daemons.remove(self.daemon)
                shutil.copy(self.kept + "/secrets", self.dir + "/secrets")
                self.begin()
                self.control[0] = n
                account = change()
                self.control[0] = 0
                if self.dies():
                    self.revive()
                self.assertNotIn(self.daemon.call(PATH, "Manager", "Sync", "(a{sv})", {})[0], jobs)
                self.daemon.sync()
                accounts = {path for path, interfaces in self.daemon.objects().items() if NAME + ".Account" in interfaces}
                self.assertEqual(accounts, {self.accounts["alice"], account})
                wait_for(lambda: self.daemon.get(account, "Account", "Status") == "idle")
                wait_for(lambda: self.kept_secrets() == 2, say="secrets of no account are kept")

    def kept_secrets(self):
        """Of how many accounts the file has secrets."""
        with open(self.dir + "/secrets", encoding="utf-8") as file:
            return len(re.findall(r"^\[", file.read(), re.M))


class DyingTheOldWay(Dying):
    """The same without MOVE, UIDPLUS, CONDSTORE and QRESYNC."""

    samples, together = 1, 1
    server_extra = Dying.server_extra + "imap_capability = IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE NAMESPACE UNSELECT SPECIAL-USE"
    test_a_draft_whose_next_version_another_marks = None
    test_append_and_another_moves_it_on = test_copy_and_another_moves_one_on = None  # alike
    test_an_account_removed_and_added = test_all_that_match_and_are_more_than_a_commit = None


class Unknown(EasCase):
    """What is said of an operation whose outcome isn't known. Only sending has such ones, and only ActiveSync sends."""

    class Lossy(Mailbox):
        """What is sent is lost without a word, once."""

        lost = 0

        def do_SendMail(self, request):
            if self.lost == 0:
                self.lost += 1
                raise Raw(cut=0, headers={"Content-Length": "5"})
            return super().do_SendMail(request)

    def operation(self):
        return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [self.unknown])})[0]["operations"][0]

    def begin_unknown(self):
        self.begin(self.Lossy(), count=0)
        self.settled(0)
        letter = b"From: alice@surel.test\r\nTo: bob@surel.test\r\nSubject: letter\r\n\r\nHello.\r\n"
        self.letter, self.unknown = self.daemon.call(PATH, "Submission", "Send", "(ova{sv})", self.account, GLib.Variant("ay", letter), {})
        wait_for(lambda: self.operation()["state"] == "unknown", 90, say=lambda: str(self.operation()))
        self.daemon.stop()
        self.control = control_of(self.dir + "/control")
        shutil.copytree(self.data, self.dir + "/kept")

    def decide(self, method, n):
        """The daemon dies at the nth step of the call, which is made again then. Returns how many steps there were."""
        shutil.rmtree(self.data)
        shutil.copytree(self.dir + "/kept", self.data)
        self.control[0] = 0
        self.daemon = self.start(secrets=self.secrets, env=mortal(self.dir + "/control"))
        self.daemon.sync()
        self.control[1], self.control[0] = 0, n
        for _ in range(2):
            try:
                self.daemon.call(PATH, "Operations", method, "(ta{sv})", self.unknown, {"key": GLib.Variant("s", "once")})
            except GLib.Error:
                self.daemon.process.wait(10)
                self.daemon = self.start(secrets=self.secrets)
        self.control[0] = 0
        return self.control[1]

    def test_confirmed(self):
        self.begin_unknown()
        steps = n = 0
        while n <= steps:
            with self.subTest(step=n, of=steps):
                taken = self.decide("Confirm", n)
                steps = taken if n == 0 else steps
                self.daemon.sync()
                (path,) = self.daemon.call(PATH, "Messages", "Get", "(atas)", [self.letter], ["mailboxIds"])[0][0]["mailboxIds"]
                self.assertEqual((self.operation()["state"], self.daemon.get(path, "Folder", "Role"), self.mailbox.sent), ("done", "sent", []))
                self.daemon.stop()
            n += 1
        self.assertGreater(steps, 0)


if __name__ == "__main__":
    main()
