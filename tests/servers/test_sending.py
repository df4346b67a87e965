#!/usr/bin/python3
"""What is sent by ActiveSync, on SOGo: once, and the same message from Drafts to Sent."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403
from smtp_sink import SmtpSink  # noqa: E402

LETTER = (b"From: Alice <alice@surel.test>\r\nTo: Bob <bob@surel.test>\r\nCc: carol@surel.test\r\nBcc: dora@surel.test\r\n"
          b"Subject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n%s\r\nHello Bob.\r\n.\r\nThat was a dot.\r\n")


def read(daemon, id):
    return bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, "", 0, 100000, {})[0])


class Sending(Changing):
    count = 2

    @classmethod
    def setUpClass(cls):
        cls.sink = SmtpSink()
        cls.server = Sogo(f"-SOGoMailingMechanism\nsmtp\n-SOGoSMTPServer\nsmtp://127.0.0.1:{cls.sink.port}")
        cls.addClassCleanup(cls.sink.stop)

    def begin(self):
        self.sink.messages.clear()
        self.sink.refused.clear()
        daemon = self.prepare()
        self.daemon = daemon
        return daemon

    def submit(self, method, signature, *arguments, **options):
        return self.daemon.call(PATH, "Submission", method, signature, *arguments, options)

    def send(self, octets, **options):
        return self.submit("Send", "(ova{sv})", self.account, GLib.Variant("ay", octets), **options)

    def where(self, id):
        (path,) = self.daemon.call(PATH, "Messages", "Get", "(atas)", [id], ["mailboxIds"])[0][0]["mailboxIds"]
        return self.daemon.get(path, "Folder", "Role")

    def state(self, operation):
        return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [operation])})[0]["operations"][0]

    def ended(self, operation):
        wait_for(lambda: self.state(operation)["state"] not in ("pending", "running"), 30, say=lambda: str(self.state(operation)))
        return self.state(operation)

    def test_it_goes_once_and_is_the_same_in_sent(self):
        daemon = self.begin()
        id, operation = self.send(LETTER % (b"once", b""))
        self.assertEqual(self.ended(operation)["state"], "done")
        self.assertEqual(self.where(id), "sent")
        self.quiet(daemon)
        daemon.sync()
        (sender, to, octets), = self.sink.messages
        self.assertEqual((sender, set(to)), ("alice@surel.test", {"bob@surel.test", "carol@surel.test", "dora@surel.test"}))
        self.assertNotIn(b"dora", octets)
        self.assertIn(b"Hello Bob.\r\n.\r\nThat was a dot.\r\n", octets)
        self.assertRegex(octets, rb"\nMessage-ID: <[-0-9a-f]+@surel\.test>")
        self.assertRegex(octets, rb"(?m)^Date: ")
        self.assertEqual(self.ids(daemon, "Sent"), {"once": id})
        self.assertEqual(self.ids(daemon, "Drafts"), {})
        self.assertEqual(set(self.row(daemon, id, "keywords")["keywords"]), {"$seen"})
        self.imap.select("Sent")
        there = self.imap.fetch("1", "(BODY.PEEK[] FLAGS)")[1][0]
        print(there)
        self.assertEqual(read(daemon, id), there[1])


if __name__ == "__main__":
    main()
