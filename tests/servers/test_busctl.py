#!/usr/bin/python3
"""The whole story by busctl alone: what a script in a shell can do."""

import base64
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

MANAGER, MESSAGES = NAME + ".Manager", NAME + ".Messages"


class Story(Case):
    def busctl(self, *words):
        done = subprocess.run(["busctl", "--address=" + self.bus.address, "--json=short", "--timeout=60", "--", *words],
                              capture_output=True, text=True, timeout=90, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["data"] if done.stdout.strip() else None

    def call(self, path, interface, member, *words):
        return self.busctl("call", NAME, path, interface, member, *words)

    def get(self, path, interface, name):
        return self.busctl("get-property", NAME, path, interface, name)

    def test_by_busctl_alone(self):
        imap = self.server.imap()
        fill(imap, "INBOX", 1, 30)
        self.start()
        account, job = self.call(
            PATH, MANAGER, "AddAccount", "a{sv}a{sv}a{sv}", "4", "address", "s", "alice@surel.test", "user", "s", "alice",
            "host", "s", "localhost", "port", "i", str(self.server.port + 1), "1", "password", "s", "secret", "0")
        self.call(job, NAME + ".Job", "Wait")
        job = self.call(account, NAME + ".Account", "Sync", "a{sv}", "0")[0]
        self.call(job, NAME + ".Job", "Wait")
        self.assertEqual(self.get(account, NAME + ".Account", "Status"), "idle")
        objects = self.call(PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]
        inbox = next(path for path, interfaces in objects.items() if NAME + ".Folder" in interfaces
                     and interfaces[NAME + ".Folder"]["Role"]["data"] == "inbox")
        self.assertEqual(self.get(inbox, NAME + ".Folder", "TotalMessages"), 30)
        page = self.call(PATH, MESSAGES, "Query", "a{sv}asa{sv}as", "1", "inMailbox", "o", inbox, "1", "-receivedAt",
                         "1", "limit", "u", "3", "3", "id", "subject", "keywords")[0]
        self.assertEqual(len(page["messages"]["data"]), 3)
        self.assertTrue(page["hasMore"]["data"])
        number = page["messages"]["data"][0]["id"]["data"]
        rows = self.call(PATH, MESSAGES, "Get", "atas", "1", str(number), "1", "subject")
        self.assertEqual(rows[0][0]["subject"]["data"], page["messages"]["data"][0]["subject"]["data"])
        octets = bytes(self.call(PATH, MESSAGES, "Read", "tstua{sv}", str(number), "", "0", "65536", "0")[0])
        self.assertIn(b"Message-ID", octets)
        state = self.get(PATH, MANAGER, "State")
        imap.append("INBOX", "", None, message(77, "By another device"))
        changes = self.call(PATH, MANAGER, "Changes", "sta{sv}", "", str(state), "1", "wait", "u", "20")[0]
        self.assertGreater(changes["state"]["data"], state)
        job = self.call(PATH, MANAGER, "Sync", "a{sv}", "0")[0]
        self.call(job, NAME + ".Job", "Wait")
        self.assertEqual(self.get(inbox, NAME + ".Folder", "TotalMessages"), 31)
        self.call(account, NAME + ".Account", "Configure", "a{sv}a{sv}", "1", "name", "s", "Mine", "0")
        self.assertEqual(self.get(account, NAME + ".Account", "Name"), "Mine")
        self.call(account, NAME + ".Account", "Remove", "a{sv}", "0")
        objects = self.call(PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]
        self.assertFalse([path for path in objects if "/accounts/" in path])


class Private(Case):
    def test_no_content_in_a_log(self):
        imap = self.server.imap("carol")
        imap.append("INBOX", "", None, message(1, "pl4nted-subject", "pl4nted-b0dy"))
        daemon = self.start(env={"G_MESSAGES_DEBUG": "all", "SUREL_DEBUG": "all"})
        account, job = daemon.add_account(self.server, user="carol")
        daemon.wait_job(job)
        daemon.sync()
        row = daemon.query(properties=["id", "subject"])["messages"][0]
        self.assertEqual(row["subject"], "pl4nted-subject")
        octets = bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", row["id"], "", 0, 65536, {})[0])
        self.assertIn(b"pl4nted-b0dy", octets)
        daemon.stop()
        self.assertNotIn("pl4nted", daemon.read_log())

    def traced(self, wanted):
        """What a daemon shows that signs in, syncs and reads a message, each with something planted in it."""
        self.data += "-" + (wanted or "none").replace(",", "-")
        daemon = self.start(env={"G_MESSAGES_DEBUG": "", **({"SUREL_DEBUG": wanted} if wanted else {})})
        account, job = daemon.add_account(self.server, user="dave", password="pl4nted-s3cret")
        daemon.wait_job(job)
        daemon.sync()
        row = daemon.query(properties=["id", "subject"])["messages"][0]
        self.assertEqual(row["subject"], "pl4nted-subject")
        octets = bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", row["id"], "", 0, 65536, {})[0])
        self.assertIn(b"pl4nted-b0dy", octets)
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("pl4nted", daemon.read_log())
        self.assertNotIn(base64.b64encode(b"\0dave\0pl4nted-s3cret").decode(), daemon.read_log())
        return daemon.read_log()

    def test_the_parts_that_are_named_are_traced(self):
        imap = imaplib.IMAP4("127.0.0.1", self.server.port)
        imap.login("dave", "pl4nted-s3cret")
        imap.append("INBOX", "", None, message(1, "pl4nted-subject", "pl4nted-b0dy"))
        imap.logout()
        parts = ("bus", "imap", "net", "store")
        self.assertEqual(self.traced(None), "")
        for wanted in ("imap", "store,net", "all"):
            log = self.traced(wanted)
            for part in parts:
                shown = f" {part}: " in log
                self.assertEqual(shown, wanted == "all" or part in wanted.split(","), f"{part} by {wanted}: {log}")
        self.assertIn("imap: > S1 AUTHENTICATE PLAIN ***\n", log)
        self.assertRegex(log, r"imap: > S\d+ (UID )?FETCH ")
        self.assertRegex(log, r"bus: :[0-9.]+ calls Query of /org/surel/Sync1\n")
        self.assertRegex(log, r"net: connected to localhost, port \d+\n")
        self.assertRegex(log, r"store: state \d+ is committed\n")

    def test_a_part_that_is_not_there_is_told_once(self):
        log = self.start(env={"SUREL_DEBUG": "imp, net ,imp", "G_MESSAGES_DEBUG": ""}).read_log()
        self.assertEqual(log, "sureld: SUREL_DEBUG has no part “imp”; there are bus, eas, engine, imap, net, store and all\n")


if __name__ == "__main__":
    main()
