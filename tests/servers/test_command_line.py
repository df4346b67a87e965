#!/usr/bin/python3
"""surel, the command line, where it goes on for longer than one call."""

import json
import os
import pty
import re
import signal
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403


class Watching:
    """A `surel` that runs; all it has said, and says, is in text()."""

    def __init__(self, case, *words, terminal=False):
        self.path = case.dir + "/watching"
        self.error_path = case.dir + "/watching-errors"
        env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": case.bus.address}
        self.master = None
        with open(self.path, "wb") as out, open(self.error_path, "wb") as errors:
            if terminal:
                self.master, out = pty.openpty()
                os.set_blocking(self.master, False)
                self.said = b""
            self.process = subprocess.Popen([BUILD + "/src/cli/surel", *words], env=env,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
            if terminal:
                os.close(out)
        case.addCleanup(self.stop)

    def text(self):
        if self.master is None:
            with open(self.path, encoding="utf-8") as file:
                return file.read()
        try:
            while piece := os.read(self.master, 65536):
                self.said += piece
        except OSError:
            pass
        return self.said.decode()

    def errors(self):
        with open(self.error_path, encoding="utf-8") as file:
            return file.read()

    def says(self, pattern):
        wait_for(lambda: re.search(pattern, self.text(), re.DOTALL), say=lambda: self.text() + self.errors())

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.master is not None:
            os.close(self.master)


class StatusWatch(Case):
    def add(self, daemon, user="alice"):
        account, job = daemon.add_account(self.server, user=user)
        daemon.wait_job(job)
        wait_for(lambda: daemon.get(account, "Account", "Status") == "idle")
        return account

    def test_each_change_is_shown(self):
        daemon = self.start()
        watching = Watching(self, "status", "--watch")
        watching.says("There are no accounts")
        account = self.add(daemon)
        watching.says(r"\n\nalice@surel\.test: idle, last synced 2")
        daemon.call(account, "Account", "Configure", "(a{sv}a{sv})",
                    {"enabled": GLib.Variant("b", False)}, {})
        watching.says(r"\n\nalice@surel\.test: disabled, last synced [^\n]*\n$")
        daemon.call(account, "Account", "Remove", "(a{sv})", {})
        watching.says(r"disabled.*\n\nThere are no accounts[^\n]*\n$")
        self.assertEqual(watching.interrupt(), 0, watching.errors())
        self.assertEqual(watching.errors(), "")

    def test_a_daemon_that_goes_is_waited_for(self):
        watching = Watching(self, "status", "--watch")
        watching.says("sureld is not there")
        secrets = "file:" + self.dir + "/secrets"
        daemon = self.start(secrets=secrets)
        self.add(daemon)
        watching.says(r"alice@surel\.test: idle[^\n]*\n$")
        for end in (Daemon.stop, Daemon.kill):
            end(daemon)
            watching.says(r"alice@surel\.test: idle[^\n]*\n\nsureld is not there[^\n]*\n$")
            daemon = self.start(secrets=secrets)
            watching.says(r"alice@surel\.test: idle[^\n]*\n$")
            daemon.stop()
            daemon = self.start(secrets=secrets)
            watching.says(r"alice@surel\.test: idle[^\n]*\n$")
        self.assertEqual(watching.interrupt(), 0)

    def test_json_is_a_document_a_line(self):
        daemon = self.start()
        watching = Watching(self, "status", "--watch", "--json")
        watching.says(r"^\{\}\n$")
        account = self.add(daemon)
        watching.says('"Status":"idle"')
        for n in range(2):
            daemon.call(account, "Account", "Configure", "(a{sv}a{sv})",
                        {"name": GLib.Variant("s", f"Name {n}")}, {})
            watching.says(f'"Name":"Name {n}"')
        daemon.stop()
        wait_for(lambda: "sureld is not there" in watching.errors())
        self.assertEqual(watching.interrupt(), 0)
        documents = [json.loads(line) for line in watching.text().splitlines()]
        self.assertEqual(documents[0], {})
        self.assertEqual(documents[-1][account]["Name"], "Name 1")

    def test_a_burst_is_shown_a_few_times_a_second(self):
        # The daemon doesn't tell of more than a few changes a second; this one does.
        fake = self.bus.connect()
        account = PATH + "/accounts/fake"
        node = Gio.DBusNodeInfo.new_for_xml(
            "<node><interface name='org.freedesktop.DBus.ObjectManager'><method name='GetManagedObjects'>"
            "<arg direction='out' type='a{oa{sa{sv}}}'/></method></interface></node>")
        fake.register_object(PATH, node.interfaces[0], lambda *a: a[6].return_value(GLib.Variant(
            "(a{oa{sa{sv}}})", ({account: {NAME + ".Account": {"Name": GLib.Variant("s", "new")}}},))), None, None)
        fake.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                       GLib.Variant("(su)", (NAME, 0)), None, 0, -1, None)
        watching = Watching(self, "status", "--watch", "--json")

        def shows(name):
            while GLib.MainContext.default().iteration(False):
                pass
            return f'"Name":"{name}"' in watching.text()
        wait_for(lambda: shows("new"))
        begin = time.monotonic()
        sent = 0
        while time.monotonic() - begin < 1:
            sent += 1
            fake.emit_signal(None, account, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                             GLib.Variant("(sa{sv}as)", (NAME + ".Account",
                                                         {"Name": GLib.Variant("s", f"Name {sent}")}, [])))
            fake.flush_sync(None)
        wait_for(lambda: shows(f"Name {sent}"))
        most = (time.monotonic() - begin) / 0.3 + 2
        self.assertGreater(sent, 50)
        shown = len(watching.text().splitlines())
        self.assertTrue(3 <= shown <= most, f"{shown} of {sent} changes are shown, {most:.1f} at most")
        self.assertEqual(watching.interrupt(), 0)

    def test_progress_is_shown_in_place_on_a_terminal(self):
        imap = self.server.imap("bob")
        for n in range(30):
            imap.create(f"Box{n:02}")
            fill(imap, f"Box{n:02}", 1, 300)
        imap.logout()
        daemon = self.start()
        self.add(daemon)
        watching = Watching(self, "status", "--watch", terminal=True)
        watching.says(r"alice@surel\.test: idle")
        self.add(daemon, "bob")
        watching.says(r"bob@surel\.test: idle[^\n]*\n[^\n]*$")
        text = watching.text()
        self.assertRegex(text, r"bob@surel\.test: syncing, +\d+ % done")
        # Each drawing but the first goes up by what the one before was.
        drawings = re.split(r"(?:\x1b\[(\d+)A)?\r\x1b\[J\x1b\[\?7l", text)
        self.assertGreater(len(drawings), 4)
        self.assertIsNone(drawings[1])
        for before, up in zip(drawings[2::2], drawings[3::2]):
            self.assertEqual(before.count("\n"), int(up))
        self.assertEqual(watching.interrupt(), 0)

    def test_nobody_reads_any_more(self):
        daemon = self.start()
        process = subprocess.Popen([BUILD + "/src/cli/surel", "status", "--watch"],
                                   env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address},
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(b"There are no accounts", process.stdout.readline())
        process.stdout.close()
        self.add(daemon)
        try:
            self.assertEqual(process.wait(10), 1)
            self.assertIn(b"takes no more", process.stderr.read())
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


class Commands(Case):
    def run_surel(self, *words, shell=""):
        """Through a shell where something is to be done with its output."""
        env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address}
        command = [BUILD + "/src/cli/surel", *map(str, words)]
        if shell:
            command = ["sh", "-c", '"$@" ' + shell, "sh", *command]
        return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def surel(self, *words):
        done = self.run_surel(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def empty(self, user):
        imap = self.server.imap(user)
        if imap.select("INBOX")[1] != [b"0"]:
            imap.store("1:*", "+FLAGS", "\\Deleted")
        imap.close()
        return imap

    def add(self, daemon, user):
        account, job = daemon.add_account(self.server, user=user)
        daemon.wait_job(job)
        daemon.sync()
        return account

    def test_what_cant_be_written_is_a_failure(self):
        daemon = self.start()
        imap = self.empty("alice")
        imap.append("INBOX", "", None, message(1))
        self.add(daemon, "alice")
        newest = daemon.query()["messages"][0]["id"]
        for words in (("status",), ("account", "list"), ("account", "show", "alice@surel.test"), ("folders",), ("ops",),
                      ("list", "inbox"), ("show", newest), ("show", newest, "--raw"),
                      ("list", "inbox", "--json"), ("status", "--json"), ("--version",)):
            for shell in (">/dev/full", ">&-"):
                with self.subTest(words=words, shell=shell):
                    said = self.surel(*words)
                    done = self.run_surel(*words, shell=shell)
                    if not said:
                        self.assertEqual(done.returncode, 0, done.stderr)
                        continue
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn("takes no more", done.stderr)

    def test_a_long_line_is_printed_whole(self):
        daemon = self.start()
        line = ("x" + "\u4f1a\u00e4" * 600000)[:1200000]
        imap = self.empty("alice")
        imap.append("INBOX", "", None, message(1, body=line + "  \r\n\r\nend \x1b[31m"))
        self.add(daemon, "alice")
        said = self.surel("show", daemon.query()["messages"][0]["id"]).split("\n\n", 1)[1]
        self.assertEqual(said.split("\n")[0], line)
        self.assertTrue(said.endswith("\n\nend [31m\n"), said[-30:])

    def test_a_message_is_shown_as_a_person_reads_it(self):
        daemon = self.start()
        imap = self.empty("alice")
        parts = ("--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
                 "--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Gr\u00fc\u00dfe \x1b[31m"
                 "<p>See <a href='https://surel.test/x'>here</a>\r\n--a--\r\n"
                 "--m\r\nContent-Type: application/zip; name=\"../a\x1bb.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
                 "--m\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\n\r\npng\r\n--m--\r\n")
        imap.append("INBOX", "", None, message(1, body=parts, extra="MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n"
                                               "Cc: =?utf-8?q?B=C3=B6b?= <bob@surel.test>, x@surel.test\r\n"))
        self.add(daemon, "alice")
        id = daemon.query()["messages"][0]["id"]
        said = self.surel("show", id)
        self.assertIn("\nSubject: Message 1\n\nGr\u00fc\u00dfe [31m\n\nSee here <https://surel.test/x>\n\nAttached:\n", said)
        self.assertIn("Cc: B\u00f6b <bob@surel.test>, x@surel.test\n", said)
        self.assertRegex(said, r"\n  2 +application/zip.*ab.zip\n  3 +image/png")
        self.assertEqual(self.surel("show", id, "--part", "2"), "hello")
        self.assertIn("Content-Type: multipart/mixed", self.surel("show", id, "--headers"))

        where = self.dir + "/saved"
        os.mkdir(where)
        for expected in (["ab.zip", "part-3"], ["ab (2).zip", "part-3 (2)"]):
            self.assertEqual(self.surel("show", id, "--save", where).splitlines(), [f"{where}/{name}" for name in expected])
        self.assertEqual(self.surel("show", id, "--save", where, "--part", "1.1"), f"{where}/part-1.1\n")
        with open(where + "/ab (2).zip") as file:
            self.assertEqual(file.read(), "hello")
        inline = message(2, extra="MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n", body=(
            "--m\r\n\r\nBefore\r\n--m\r\nContent-Type: image/png; name=photo.png\r\nContent-Disposition: inline\r\n\r\npng\r\n"
            "--m\r\n\r\nAfter\r\n--m--\r\n"))
        imap.append("INBOX", "", None, inline)
        daemon.sync()
        photo = next(row["id"] for row in daemon.query()["messages"] if row["subject"] == "Message 2")
        self.assertRegex(self.surel("show", photo), r"Before\n  2 +image/png +3 bytes  photo.png\nAfter\n$")
        self.assertEqual(self.surel("show", photo, "--save", where), f"{where}/photo.png\n")
        self.assertEqual(self.run_surel("show", id, "--part", "1.1", "--raw").returncode, 2)
        os.symlink(self.dir + "/elsewhere", where + "/part-2")
        for words in (("--part", "9"), ("--save", where + "/none"), ("--part", "9", "--save", where), ("--save", where + "/ab.zip")):
            done = self.run_surel("show", id, *words)
            self.assertEqual((done.returncode, done.stdout), (1, ""), words)
        self.assertFalse(os.path.exists(self.dir + "/elsewhere"))

    def test_as_many_are_listed_as_are_asked_for(self):
        daemon = self.start()
        fill(self.empty("carol"), "INBOX", 1, 2300)
        self.add(daemon, "carol")
        everything = [line.split()[0] for line in self.surel("list", "inbox", "--count", 5000).splitlines()]
        self.assertEqual((len(everything), len(set(everything))), (2300, 2300))
        some = [str(row["id"]) for row in json.loads(self.surel("list", "inbox", "--count", 2100, "--json"))]
        self.assertEqual(some, everything[:2100])
        self.assertEqual(len(self.surel("list", "inbox").splitlines()), 50)
        for words in (("list", "inbox", "--count", "-1"), ("list", "inbox", "--count", "0"),
                      ("account", "add", "a@surel.test", "--port", "0"),
                      ("account", "add", "a@surel.test", "--port", "65536")):
            done = self.run_surel(*words)
            self.assertEqual(done.returncode, 2, done.stderr)

    def test_columns_are_as_wide_as_they_look(self):
        daemon = self.start()
        imap = self.empty("alice")
        names = ("plain", "\u4f1a\u8b70\u306e\u304a\u77e5\u3089\u305b\u3067\u3059\u3002\u9577\u3044\u540d\u524d",
                 "e\u0301e\u0301e\u0301", "\u00e9" * 40)
        for n, name in enumerate(names):
            imap.append("INBOX", "", None, f"From: {name} <a@surel.test>\r\nSubject: S{n}\r\n\r\nx\r\n".encode())
        self.add(daemon, "alice")

        def cells(text):
            return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
                       for c in text)
        lines = self.surel("list", "inbox").splitlines()
        self.assertEqual(len(lines), len(names))
        self.assertEqual({cells(re.sub(r"  S\d$", "", line)) for line in lines}, {54})

    def test_folders_are_in_order(self):
        daemon = self.start()
        paths = ["Alpha", "Alpha/One", "Alpha/Two", "INBOX", "Zeta"]
        for user, boxes in (("carol", reversed(paths)), ("bob", paths)):
            imap = self.server.imap(user)
            for box in boxes:
                imap.create(box)
            self.add(daemon, user)
        said = [line.split()[-1] for line in self.surel("folders").splitlines()]
        said = [path for path in said if path in paths]
        self.assertEqual(said, paths * 2)
        found = json.loads(self.surel("folders", "bob@surel.test", "--json"))
        self.assertEqual([v["Path"] for v in found.values() if v["Path"] in paths], paths)

    def test_watch_waits_for_a_daemon_that_goes(self):
        secrets = "file:" + self.dir + "/secrets"
        daemon = self.start(secrets=secrets)
        watching = Watching(self, "watch")
        wait_for(lambda: self.bus.connect().call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                      "org.freedesktop.DBus", "ListNames", None, None, 0, -1, None))
        time.sleep(0.5)
        daemon.stop()
        wait_for(lambda: "sureld is not there" in watching.errors())
        daemon = self.start(secrets=secrets)
        account = self.add(daemon, "alice")
        watching.says("1 accounts added")
        daemon.kill()
        wait_for(lambda: watching.errors().count("sureld is not there") == 2)
        daemon = self.start(secrets=secrets)
        daemon.call(account, "Account", "Configure", "(a{sv}a{sv})", {"name": GLib.Variant("s", "New")}, {})
        watching.says("1 accounts changed")
        self.assertEqual(watching.interrupt(), -signal.SIGINT)

    def test_options_are_in_the_man_page_and_completed(self):
        self.assertRegex(self.surel("--version"), r"^surel \d+\.\d+")
        offered = re.findall(r"^  (?:-h, )?--([a-z]+)", self.surel("--help"), re.MULTILINE)
        self.assertGreater(len(offered), 10)
        with open(ROOT + "/data/man/surel.1", encoding="utf-8") as file:
            page = file.read()
        with open(ROOT + "/data/completions/surel", encoding="utf-8") as file:
            completion = file.read()
        for option in set(offered) - {"help"}:
            self.assertRegex(page, rf"(?m)Fl -{option}\b")
            self.assertIn("--" + option, completion)

    def test_secrets_of_no_kind(self):
        for kind in ("foo", "file:", ""):
            done = subprocess.run([BUILD + "/src/daemon/sureld", "--data-dir", self.data, "--secrets", kind],
                                  env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address},
                                  capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--secrets takes", done.stderr)


if __name__ == "__main__":
    main()
