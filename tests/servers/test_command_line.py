#!/usr/bin/python3
"""surel, the command line, where it goes on for longer than one call."""

import json
import os
import pty
import re
import signal
import sys

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


if __name__ == "__main__":
    main()
