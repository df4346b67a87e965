#!/usr/bin/python3
"""The main line on a real Dovecot: an account is added, synced and published."""

import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403


def server_uids(client, folder):
    client.select(folder, readonly=True)
    return [int(n) for n in client.uid("SEARCH", "ALL")[1][0].split()]


class MainLine(Case):
    def sync_alice(self, count=120):
        imap = self.server.imap()
        for box in ("INBOX", "Work"):
            imap.create(box)
            if imap.select(box)[1] != [b"0"]:
                imap.store("1:*", "+FLAGS", "\\Deleted")
                imap.expunge()
        imap.close()
        fill(imap, "INBOX", 1, count)
        fill(imap, "Work", 10001, 30, "\\Seen")
        daemon = self.start()
        self.account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        return daemon, imap

    def test_first_sync_lists_all(self):
        daemon, _ = self.sync_alice()
        folders = daemon.folders()
        inbox, work = folders["INBOX"], folders["Work"]
        self.assertEqual(daemon.get(inbox, "Folder", "TotalMessages"), 120)
        self.assertEqual(daemon.get(inbox, "Folder", "UnreadMessages"), 120)
        self.assertEqual(daemon.get(inbox, "Folder", "Role"), "inbox")
        self.assertEqual(daemon.get(work, "Folder", "UnreadMessages"), 0)
        self.assertEqual(daemon.get(PATH, "Manager", "InboxUnread"), 120)
        self.assertEqual(daemon.get(self.account, "Account", "Status"), "idle")
        self.assertGreater(daemon.get(inbox, "Folder", "LastProven"), 0)
        first = daemon.query({"inMailbox": GLib.Variant("o", inbox)}, limit=2,
                             calculateTotal=GLib.Variant("b", True))
        self.assertEqual((first["total"], first["hasMore"], len(first["messages"])), (120, True, 2))
        newest = first["messages"][0]
        self.assertEqual(newest["mailboxIds"], [inbox])
        self.assertEqual(newest["from"][0][1], newest["subject"].replace("Message ", "s") + "@surel.test")

    def test_changes_elsewhere_arrive(self):
        daemon, imap = self.sync_alice()
        mirror = Mirror()
        mirror.catch_up(daemon)
        imap.append("INBOX", "", None, message(9001, "Fresh"))
        wait_for(lambda: daemon.get(PATH, "Manager", "State") != mirror.state, say="new mail is not noticed")
        mirror.catch_up(daemon)
        self.assertEqual(len(mirror.new_mail), 1)
        rows, missing, left = daemon.call(PATH, "Messages", "Get", "(atas)", mirror.new_mail, ["subject"])
        self.assertEqual((rows, missing, left), ([{"subject": "Fresh"}], [], []))
        first = server_uids(imap, "INBOX")[0]
        imap.select("INBOX")
        imap.uid("STORE", str(first), "+FLAGS", "(\\Seen \\Flagged Urgent)")
        daemon.sync()
        found = daemon.query({"hasKeyword": GLib.Variant("s", "urgent")}, properties=["keywords"])
        self.assertEqual(found["messages"], [{"keywords": ["$seen", "$flagged", "urgent"]}])
        imap.uid("STORE", str(first), "+FLAGS", "(\\Deleted)")
        imap.expunge()
        daemon.sync()
        self.assertEqual(daemon.query({"hasKeyword": GLib.Variant("s", "urgent")})["messages"], [])
        mirror.catch_up(daemon)
        everything = daemon.query(limit=1000, properties=["id"])["messages"]
        self.assertEqual(mirror.messages, {row["id"] for row in everything})

    def test_bytes_are_the_servers(self):
        daemon, imap = self.sync_alice(20)
        odd = (b"Subject: odd\r\n\r\n", b"\r\nno header\r\n", b"Subject: 8bit \xff\xfe\r\n\r\nx\r\n",
               b"From: a\r\n\r\n" + b"long line " * 40000 + b"\r\n",
               "Subject: =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\r\n\r\n会議\r\n".encode())
        for octets in odd:
            imap.append("INBOX", "", None, octets)
        daemon.sync()
        imap.select("INBOX", readonly=True)
        kept = sorted(hashlib.sha256(imap.uid("FETCH", str(uid), "(BODY.PEEK[])")[1][0][1]).hexdigest()
                      for uid in server_uids(imap, "INBOX"))
        inbox = daemon.folders()["INBOX"]
        got = []
        for row in daemon.query({"inMailbox": GLib.Variant("o", inbox)}, limit=100)["messages"]:
            reply, fds = daemon.connection.call_with_unix_fd_list_sync(
                NAME, PATH, NAME + ".Messages", "Open", GLib.Variant("(ta{sv})", (row["id"], {})), None, 0,
                30000, None, None)
            with os.fdopen(fds.get(0), "rb") as file:
                octets = file.read()
            got.append(hashlib.sha256(octets).hexdigest())
            inline = b""
            while True:
                piece = bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", row["id"], "",
                                          len(inline), 100000, {})[0])
                if not piece:
                    break
                inline += piece
            self.assertEqual(inline, octets)
        self.assertEqual(sorted(got), kept)
        subjects = [row.get("subject") for row in daemon.query(limit=100)["messages"]]
        self.assertIn("会議", subjects)

    def test_restart_goes_on_from_any_state(self):
        daemon, imap = self.sync_alice()
        mirror = Mirror()
        mirror.catch_up(daemon)
        state = mirror.state
        self.assertEqual(daemon.stop(), 0)
        imap.append("INBOX", "", None, message(9002))
        daemon = self.start()
        self.assertEqual(daemon.get(PATH, "Manager", "State"), state)
        daemon.call(self.account, "Account", "SetSecrets", "(a{sv}a{sv})",
                    {"password": GLib.Variant("s", "secret")}, {})
        daemon.sync()
        mirror.catch_up(daemon)
        self.assertEqual(len(mirror.new_mail), 1)
        self.assertEqual(len(mirror.messages), 151)

    def test_two_clients_see_the_same_numbers(self):
        daemon, imap = self.sync_alice(10)
        heard = [[], []]
        for n, seen in enumerate(heard):
            connection = self.bus.connect()
            connection.signal_subscribe(NAME, NAME + ".Manager", "StateChanged", PATH, None, 0,
                                        lambda *a, seen=seen: seen.append(a[5].unpack()[:2]))
        context = GLib.MainContext.default()
        for n in range(3):
            imap.append("INBOX", "", None, message(9100 + n))
            daemon.sync()
        end = daemon.get(PATH, "Manager", "State")

        def all_heard():
            while context.iteration(False):
                pass
            return all(h and h[-1][1] == end for h in heard)
        wait_for(all_heard)
        # One began to listen later than the other.
        first = max(h[0][0] for h in heard)
        heard = [[s for s in h if s[0] >= first] for h in heard]
        self.assertEqual(heard[0], heard[1])
        for before, after in zip(heard[0], heard[0][1:]):
            self.assertEqual(before[1], after[0])

    def test_removed_account_leaves_nothing(self):
        daemon, _ = self.sync_alice(10)
        mirror = Mirror()
        mirror.catch_up(daemon)
        id = daemon.query(limit=1)["messages"][0]["id"]
        daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, "", 0, 100, {})

        def bodies():
            return [name for _, _, names in os.walk(self.data + "/content") for name in names]
        self.assertEqual(len(bodies()), 1)
        daemon.call(self.account, "Account", "Remove", "(a{sv})", {})
        wait_for(lambda: not daemon.query()["messages"])
        wait_for(lambda: not bodies())
        mirror.catch_up(daemon)
        self.assertEqual((mirror.messages, mirror.folders, mirror.accounts), (set(), set(), set()))
        self.assertEqual([p for p in daemon.objects() if "/accounts/" in p], [])


class Rejections(Case):
    def test_wrong_password_is_told(self):
        daemon = self.start()
        account, job = daemon.add_account(self.server, password="wrong")
        self.assertFails("AuthenticationFailed", daemon.wait_job, job)
        self.assertEqual(daemon.get(account, "Account", "Status"), "auth-required")
        daemon.call(account, "Account", "SetSecrets", "(a{sv}a{sv})",
                    {"password": GLib.Variant("s", "secret")}, {})
        wait_for(lambda: daemon.get(account, "Account", "Status") == "idle")

    def test_check_keeps_no_account_that_fails(self):
        daemon = self.start()
        account, job = daemon.add_account(self.server, password="wrong", check=True)
        self.assertFails("AuthenticationFailed", daemon.wait_job, job)
        wait_for(lambda: account not in daemon.objects())

    def test_same_account_twice_is_refused(self):
        daemon = self.start()
        daemon.add_account(self.server)
        self.assertFails("Exists", daemon.add_account, self.server)
        self.assertFails("Exists", daemon.add_account, self.server, host="LocalHost.")  # a host's other spellings

    def test_an_address_has_one_sign(self):
        daemon = self.start()
        for address in ("a@b@surel.test", "@surel.test", "alice@", "alice", "al ice@surel.test"):
            self.assertFails("InvalidArgument", daemon.add_account, self.server, settings={"address": GLib.Variant("s", address)})

    def test_bad_certificates_are_refused_and_can_be_pinned(self):
        daemon = self.start()
        for n, (host, problem) in enumerate((("127.0.0.2", "wrong-host"), ("127.0.0.3", "expired"),
                                             ("127.0.0.4", "unknown-issuer"))):
            account, job = daemon.add_account(self.server, host=host, user=("alice", "bob", "carol")[n])
            question = wait_for(lambda: daemon.get(job, "Job", "Question"))
            self.assertEqual(question["kind"], "certificate")
            self.assertIn(problem, question["problems"])
            self.assertEqual(daemon.get(account, "Account", "Error")[0], NAME + ".Error.CertificateRejected")
            self.assertEqual(daemon.get(account, "Account", "Certificate")["sha256"], question["sha256"])
            accept = n == 2
            self.assertFails("InvalidArgument", daemon.call, job, "Job", "Answer", "(a{sv})", {})  # it is no no
            for key in ("password", "redirect"):
                self.assertFails("NotSupported", daemon.call, job, "Job", "Answer", "(a{sv})", {key: GLib.Variant("s", "x")})
            daemon.call(job, "Job", "Answer", "(a{sv})", {"accept": GLib.Variant("b", accept)})
            if accept:
                daemon.wait_job(job)
                wait_for(lambda: daemon.get(account, "Account", "Status") == "idle")
            else:
                self.assertFails("CertificateRejected", daemon.wait_job, job)

    def test_a_second_daemon_says_why_it_ends(self):
        self.start()
        env = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=self.bus.address)
        second = subprocess.run([BUILD + "/src/daemon/sureld", "--data-dir", self.data + "2"], env=env,
                                capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another sureld runs", second.stderr)
        other = Bus()
        try:
            env["DBUS_SESSION_BUS_ADDRESS"] = other.address
            third = subprocess.run([BUILD + "/src/daemon/sureld", "--data-dir", self.data], env=env,
                                   capture_output=True, text=True, timeout=20, check=False)
        finally:
            other.stop()
        self.assertEqual(third.returncode, 1)
        self.assertIn("data directory", third.stderr)

    def test_replace_takes_over(self):
        first = self.start()
        context, owners = GLib.MainContext.default(), []
        first.connection.signal_subscribe("org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                                          "/org/freedesktop/DBus", NAME, 0, lambda *a: owners.append(a[5].unpack()[2]))
        second = self.start("--replace")
        self.assertEqual(first.process.wait(20), 0)
        wait_for(second.is_there)
        # Whoever sees the name finds the objects under it, and goes on finding them.
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertEqual(second.get(PATH, "Manager", "InboxUnread"), 0)
            self.assertIsNone(second.process.poll(), second.read_log())
            time.sleep(0.02)
        while context.iteration(False):
            pass
        self.assertEqual((len(owners), owners[0]), (2, ""))
        self.assertEqual(second.stop(), 0)

    def test_replace_gives_up_where_the_other_stays(self):
        first = self.start()
        first.process.send_signal(signal.SIGSTOP)
        try:
            env = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=self.bus.address)
            second = subprocess.run([BUILD + "/src/daemon/sureld", "--data-dir", self.data, "--replace"], env=env,
                                    capture_output=True, text=True, timeout=40, check=False)
        finally:
            first.process.send_signal(signal.SIGCONT)
        self.assertEqual(second.returncode, 1)
        self.assertIn("doesn't end", second.stderr)
        self.assertEqual(first.process.wait(20), 0)

    def test_password_is_nowhere(self):
        daemon = self.start(env={"SUREL_DEBUG": "imap", "G_MESSAGES_DEBUG": "all"})
        secret = "pl4nted-s3cret"
        account, job = daemon.add_account(self.server, user="dave", password=secret)
        daemon.wait_job(job)
        daemon.sync()
        for root, _, files in os.walk(self.data):
            for name in files:
                with open(os.path.join(root, name), "rb") as file:
                    self.assertNotIn(secret.encode(), file.read(), name)
        self.assertNotIn(secret, daemon.read_log())
        self.assertNotIn(secret, str(daemon.objects()))
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{daemon.process.pid}/{name}", "rb") as file:
                    self.assertNotIn(secret.encode(), file.read(), name)
            except PermissionError:  # but for root's eyes that is how it should be
                self.assertNotEqual((os.getuid(), name), (0, name))

    def test_a_crash_leaves_no_core(self):
        folder = self.dir + "/cores"
        os.mkdir(folder)
        lead = ["env", "-C", folder, "prlimit", "--core=unlimited"]
        # What is to be missed below has to be there where nothing is done against it.
        subprocess.run([*lead, "sh", "-c", "kill -SEGV $$"], check=False)
        if not os.listdir(folder):
            self.skipTest("this machine puts cores elsewhere, or nowhere")
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        daemon = self.start(lead=lead, env={
            "ASAN_OPTIONS": "detect_leaks=0:exitcode=99:handle_segv=0:disable_coredump=0",
            "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + ":handle_segv=0:disable_coredump=0"})
        _, job = daemon.add_account(self.server, user="dave", password="pl4nted-s3cret")
        daemon.wait_job(job)
        daemon.may_end_with = (-signal.SIGSEGV,)
        daemon.process.send_signal(signal.SIGSEGV)
        self.assertEqual(daemon.process.wait(20), -signal.SIGSEGV)
        self.assertEqual(os.listdir(folder), [])

    def test_files_are_ones_own(self):
        os.umask(0)
        daemon = self.start()
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        os.umask(0o022)
        for root, dirs, files in os.walk(self.data):
            self.assertEqual(os.stat(root).st_mode & 0o777, 0o700, root)
            for name in files:
                self.assertEqual(os.stat(os.path.join(root, name)).st_mode & 0o777, 0o600, name)


if __name__ == "__main__":
    main()
