#!/usr/bin/python3
"""The cases that every protocol has to pass (tests/remote), on real servers. What is on them is put there by another
program; all else the cases do themselves."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

COUNT = 120  # messages in a folder: STAGE_COUNT
# Octets that a server may be tempted to change, and more of them than go into one piece.
LARGE = message(1000, body="Grüße. =20\r\n.\r\n\r\n" + "x" * 900 + "\r\n" + "From here on it is all the same.\r\n" * 20000,
                extra="MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n")


class Conformance(unittest.TestCase):
    def conform(self, kind, extra, settings, *options):
        if not kind.is_there():
            self.skipTest(kind.name + " isn't there")
        server = kind(extra)
        self.addCleanup(server.stop)
        imap = server.imap()
        self.addCleanup(imap.logout)
        for name in ("Stock", "Many", "Large"):
            box = server.wire_name(name)
            imap.create(box)
            if name == "Large":
                imap.append(box, None, None, LARGE)
            else:
                fill(imap, box, 1, COUNT)
        with open(server.dir + "/large", "wb") as file:
            file.write(LARGE)
        words = {key: value if isinstance(value, GLib.Variant) else GLib.Variant("s", value)
                 for key, value in {"address": "alice@surel.test", "user": "alice", **settings(server)}.items()}
        environment = {**os.environ, "SUREL_TEST_SETTINGS": GLib.Variant("a{sv}", words).print_(True), "SUREL_TEST_PASSWORD": "secret",
                       "SUREL_TEST_LARGE": server.dir + "/large"}
        run = subprocess.run([BUILD + "/tests/remote/conformance", *options], env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False)
        said = run.stdout.decode(errors="replace")
        self.assertEqual(run.returncode, 0, said[-8000:])
        self.assertRegex(said, r"(?m)^ok ")

    def imap(self, kind, extra, *options):
        self.conform(kind, extra, lambda server: {"protocol": "imap", "host": "localhost", "port": GLib.Variant("q", server.port),
                                           "security": "none"}, *options)

    def test_imap_on_dovecot(self):
        self.imap(Dovecot, "")

    def test_imap_on_cyrus(self):
        # It looks for what is new but once a minute, and any password will do.
        self.imap(Cyrus, "imapidlepoll: 1", "-s", "/open/wrong-password")

    def test_eas_on_sogo(self):
        self.conform(Sogo, "", lambda server: server.account())


if __name__ == "__main__":
    main()
