#!/usr/bin/python3
"""A daemon that is given little, or whose surroundings go away."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from scripted import Mailbox, Scripted  # noqa: E402
from surel_test import *  # noqa: E402,F403


class Limits(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fill(cls.server.imap(), "INBOX", 1, 3000)

    def count(self, daemon):
        return daemon.query(limit=1, calculateTotal=GLib.Variant("b", True))["total"]

    def test_sigterm_in_a_sync_ends_it_soon_and_clean(self):
        secrets = "file:" + self.dir + "/secrets"
        daemon = self.start(secrets=secrets)
        daemon.add_account(self.server)
        for _ in range(5):
            wait_for(lambda: self.count(daemon) > 0)
            begin = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - begin, 5)
            daemon = self.start(secrets=secrets)
        wait_for(lambda: self.count(daemon) == 3000)

    def test_sigterm_while_a_server_holds_us(self):
        def never(peer, tag, command):
            peer.read()
        daemon = self.start()
        for name in ("one", "two", "three"):
            scripted = Scripted(self.server.dir + "/tls", Mailbox(LSUB=never))
            self.addCleanup(scripted.stop)
            daemon.add_account(scripted, user=name, port=scripted.port)
        time.sleep(0.5)
        begin = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, 5)

    def test_the_bus_goes_away(self):
        daemon = self.start()
        daemon.add_account(self.server)
        wait_for(lambda: self.count(daemon) > 0)
        self.bus.process.kill()
        self.bus.process.wait()
        self.assertEqual(daemon.process.wait(5), 0)
        self.assertIn("the session bus is gone", daemon.read_log())

    def limited(self, limit, **more):
        return self.start(lead=["prlimit", limit], **more)

    def test_with_few_descriptors(self):
        daemon = self.limited("--nofile=64")
        accounts = []
        for n in range(12):
            scripted = Scripted(self.server.dir + "/tls", Mailbox())
            self.addCleanup(scripted.stop)
            accounts.append(daemon.add_account(scripted, user=f"user{n}", port=scripted.port)[0])
        time.sleep(2)
        self.assertIsNone(daemon.process.poll(), daemon.read_log())
        states = [daemon.get(account, "Account", "Status") for account in accounts]
        self.assertIn("idle", states)
        for account in accounts[3:]:
            daemon.call(account, "Account", "Remove", "(a{sv})", {})
        for account in accounts[:3]:
            daemon.call(account, "Account", "Sync", "(a{sv})", {})
        wait_for(lambda: all(daemon.get(a, "Account", "Status") == "idle" for a in accounts[:3]), 30)

    def test_with_little_memory(self):
        if SANITIZED:  # which takes terabytes of addresses: what is resident is limited then
            daemon = self.start(env={"ASAN_OPTIONS": "detect_leaks=0:exitcode=99:hard_rss_limit_mb=400"})
        else:
            daemon = self.limited(f"--as={400 << 20}")
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        wait_for(lambda: self.count(daemon) == 3000)
        number = daemon.query(limit=1)["messages"][0]["id"]
        self.assertTrue(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", number, "", 0, 65536, {})[0])

    def test_nesting_with_a_small_stack(self):
        deep = b"(" * 500000

        def fetch(peer, tag, command):
            if b"HEADER" in command:
                for n in (1, 2, 3):
                    head = b"Subject: %d\r\n\r\n" % n
                    peer.send(b'* %d FETCH (UID %d FLAGS () BODYSTRUCTURE %s BODY[HEADER.FIELDS (SUBJECT)] {%d}\r\n%s)\r\n'
                              % (n, n, b"(" * 10000 + b')' * 10000, len(head), head))
                peer.send(tag + b" OK done\r\n")
            else:
                mailbox.do_FETCH(peer, tag, command)

        def lists(peer, tag, command):
            peer.send(b"* LIST " + deep + b"\r\n")
            peer.send(b'* LIST (\\Noselect) "/" "' + b"/".join([b"a"] * 10000) + b'"\r\n')
            mailbox.do_LIST(peer, tag, command)
        mailbox = Mailbox(FETCH=fetch, LIST=lists)
        scripted = Scripted(self.server.dir + "/tls", mailbox)
        self.addCleanup(scripted.stop)
        stack = 1024 if SANITIZED else 256  # a sanitizer's frames are larger
        daemon = self.limited(f"--stack={stack << 10}")
        account, job = daemon.add_account(scripted, port=scripted.port)
        daemon.wait_job(job)
        wait_for(lambda: daemon.get(account, "Account", "Status") == "idle",
                 say=lambda: str((daemon.get(account, "Account", "Status"), daemon.get(account, "Account", "Error"),
                                  [p.said[-2:] for p in scripted.peers])))
        self.assertEqual(len(daemon.query({"account": GLib.Variant("o", account)})["messages"]), 3)


if __name__ == "__main__":
    main()
