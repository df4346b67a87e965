#!/usr/bin/python3
"""surel doctor: what is wrong is found at the step where it is, and told with what to do."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403
from movable import Movable  # noqa: E402
from scripted import Listener, Scripted  # noqa: E402


class Clear(Listener):
    """What speaks no TLS."""

    def serve(self, plain):
        plain.sendall(b"* OK hello\r\n")
        plain.recv(1000)
        plain.close()


class Doctor(Changing):
    count = 1

    def doctor(self, *words):
        """The leak checker doesn't survive the threads of the TLS library."""
        return subprocess.run([BUILD + "/src/cli/surel", "doctor", *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=0:exitcode=99", "DBUS_SESSION_BUS_ADDRESS": self.bus.address})

    def verdicts(self, failed):
        done = self.doctor("--json")
        self.assertEqual((done.returncode != 0, "Not all is well" in done.stderr), (failed, failed), done)
        return {row["step"]: row for row in json.loads(done.stdout)}

    def configure(self, **settings):
        self.daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})",
                         {key: GLib.Variant("q" if key == "port" else "s", value) for key, value in settings.items()}, {})

    def test_all_is_well(self):
        self.daemon = self.prepare()
        found = self.verdicts(False)
        self.assertEqual([step for step in found if step != "quota"], ["daemon", "dns", "tcp", "tls", "account", "server", "changes"])
        self.assertEqual({row["verdict"] for row in found.values()} - {"warning"}, {"ok"})
        self.assertIn(found["tls"]["verdict"], ("ok", "warning"))  # the tests' certificates don't live for long
        self.assertIn("is valid from", found["tls"]["text"])
        self.assertEqual((found["daemon"]["account"], found["dns"]["account"]), ("", "alice@surel.test"))
        text = self.doctor("alice@surel.test")
        self.assertEqual((text.returncode, text.stderr), (0, ""))
        self.assertIn("alice@surel.test\n  dns          ok: localhost: ", text.stdout)
        self.assertIn("changes      ok: 0 changes wait for the server, 0 were refused", text.stdout)
        self.assertNotEqual(self.doctor("nobody").returncode, 0)
        self.assertEqual(self.doctor("one", "two").returncode, 2)

    def test_what_is_wrong_is_told_where_it_is(self):
        self.daemon = self.prepare()
        clear = Clear()
        self.addCleanup(clear.stop)
        right = {"host": "localhost", "port": self.server.port}
        for settings, step, advice in (({"host": "x" * 70 + ".test"}, "dns", "account set --host"), ({"port": 1}, "tcp", "account set --port"),
                                       ({"port": clear.port}, "tls", "account set --security")):
            self.configure(**{**right, **settings})
            wait_for(lambda: self.daemon.get(self.account, "Account", "Error")[0])
            found = self.verdicts(True)
            self.assertEqual((found[step]["verdict"], found["account"]["verdict"]), ("failed", "failed"), settings)
            self.assertIn(advice, found[step]["advice"])
            self.assertLessEqual(set(found), {"daemon", "dns", "tcp", "tls", "account", "server", "quota", "changes", "network"})
        self.assertRegex(self.doctor().stdout, r"  tls          FAILED: .*\n               → What answers there")

    def test_a_password_that_is_wrong(self):
        self.daemon = self.start()
        self.account, job = self.daemon.add_account(self.server, password="wrong")
        self.assertFails("AuthenticationFailed", self.daemon.wait_job, job)
        wait_for(lambda: self.daemon.get(self.account, "Account", "Status") == "auth-required")
        found = self.verdicts(True)
        self.assertEqual([step for step, row in found.items() if row["verdict"] == "failed"], ["account"])
        self.assertIn("surel account set ACCOUNT password", found["account"]["advice"])

    def test_certificates_of_another_time(self):
        self.daemon = self.prepare()
        for name, step, text, advice in (("expired", "tls", "2020-01-01 to 2020-01-02", "has run out"), ("early", "clock", "it is 20", "clock right")):
            scripted = Scripted(self.server.dir + "/tls", Movable(), name)
            self.addCleanup(scripted.stop)
            self.configure(port=scripted.port)
            wait_for(lambda: self.daemon.get(self.account, "Account", "Error")[0].endswith("CertificateRejected"))
            found = self.verdicts(True)
            self.assertEqual((found[step]["verdict"], found["account"]["verdict"]), ("failed", "failed"))
            self.assertIn(text, found[step]["text"])
            self.assertIn(advice, found[step]["advice"])
            self.assertIn("fingerprint", found["account"]["advice"])
            self.configure(port=self.server.port + 1)
            wait_for(lambda: self.daemon.get(self.account, "Account", "Status") == "idle")

    def test_a_mailbox_that_is_nearly_full(self):
        class Full(Movable):
            capability = Movable.capability + b" QUOTA"

            def do_GETQUOTAROOT(self, peer, tag, _):
                peer.send(b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 98 100)\r\n' + tag + b" OK done\r\n")
        self.daemon = self.start()
        scripted = Scripted(self.server.dir + "/tls", Full())
        self.addCleanup(scripted.stop)
        self.account, job = self.daemon.add_account(scripted, port=scripted.port)
        self.daemon.wait_job(job)
        wait_for(lambda: self.daemon.get(self.account, "Account", "Quota"))
        found = self.verdicts(False)["quota"]
        self.assertEqual((found["verdict"], found["text"]), ("warning", "100.4\u00a0kB of 102.4\u00a0kB"))

    def test_a_change_that_waits(self):
        self.daemon = self.prepare()
        self.configure(port=1)
        self.modify(self.daemon, list(self.ids(self.daemon).values()), {"addKeywords": strings("$flagged")})
        self.assertIn("1 changes wait", self.verdicts(True)["changes"]["text"])


if __name__ == "__main__":
    main()
