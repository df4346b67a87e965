#!/usr/bin/python3
"""surel, the command line, where it changes mail."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403


class Changes(Changing):
    def run_surel(self, *words):
        env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address}
        return subprocess.run([BUILD + "/src/cli/surel", *map(str, words)], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def surel(self, *words):
        done = self.run_surel(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def refused(self, status, pattern, *words):
        done = self.run_surel(*words)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, pattern)

    def test_keywords_go_on_and_off(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        one, two = ids["Message 1"], ids["Message 2"]
        said = self.surel("flag", one, two, "+flagged", "+seen", "+Proyek", "--wait")
        self.assertRegex(said, r"^Operation \d+\n$")
        self.assertEqual(self.on_server("INBOX")[2], {"\\Flagged", "\\Seen", "proyek"})
        self.surel("flag", one, "-flagged", "+answered", "-proyek", "--wait")
        self.assertEqual(self.on_server("INBOX")[1], {"\\Seen", "\\Answered"})
        self.assertEqual(sorted(self.row(daemon, one, "keywords")["keywords"]), ["$answered", "$seen"])
        self.refused(2, "usage: surel flag", "flag", one)
        self.refused(2, "usage: surel flag", "flag", "+seen")
        self.refused(2, "usage: surel flag", "flag", one, "seen")
        self.refused(1, "There is no such message: 99999\n.*No message was changed", "flag", 99999, "+seen")
        self.refused(1, "keyword", "flag", one, "+a(b")
        self.assertEqual(json.loads(self.surel("flag", one, "+seen", "--json"))[0], 0)

    def test_into_folders_and_roles(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        ids = [ids[f"Message {n}"] for n in range(1, 9)]
        self.surel("move", *ids[:2], "Work", "--wait")
        self.surel("copy", ids[2], "Work", "--wait")
        self.surel("archive", ids[3], "--wait")
        self.surel("junk", ids[4], ids[5], "--wait")
        self.surel("junk", "--not", ids[5], "--wait")
        self.surel("delete", ids[6], "--wait")
        self.surel("delete", ids[7], "--forever", "--wait")
        self.assertEqual(set(self.on_server("Work")), {1, 2, 3})
        self.assertEqual(set(self.on_server("Archive")), {4})
        self.assertEqual(self.on_server("Junk"), {5: {"$Junk"}})
        self.assertEqual(set(self.on_server("Trash")), {7})
        inbox = self.on_server("INBOX")
        self.assertEqual(set(inbox), {3, 6, 9, 10, 11, 12})
        self.assertEqual(inbox[6], {"$NotJunk"})
        self.refused(1, "There is no folder “Nowhere”", "move", ids[0], "Nowhere")
        self.refused(1, "There is no folder “”", "move", ids[0], "")  # a folder without a role has an empty one
        self.refused(1, "There is no folder “”", "folder", "delete", "", "--force")
        self.refused(1, "Not all messages were changed", "flag", ids[0], "999999", "+seen")
        self.refused(2, "usage: surel move", "move", ids[0])
        self.refused(2, "usage: surel delete", "delete", "Trash")

    def test_folders(self):
        daemon = self.prepare()
        self.surel("folder", "create", "Proyek", "--wait")
        self.surel("folder", "create", "Proyek/50%25", "--wait")
        self.surel("folder", "rename", "Proyek", "Projects", "--wait")
        self.assertEqual(self.boxes(), {"Projects", "Projects/50%"})
        self.assertIn("Projects/50%", str(self.imap.lsub()[1]))
        self.surel("folder", "move", "Projects/50%25", "/", "--wait")
        self.assertEqual(self.boxes(), {"Projects", "50%"})
        self.surel("move", self.ids(daemon)["Message 1"], "Projects", "--wait")
        self.refused(1, "--force", "folder", "delete", "Projects")
        self.surel("folder", "unsubscribe", "50%25", "--wait")
        self.assertNotIn("50%", str(self.imap.lsub()[1]))
        self.surel("folder", "delete", "Projects", "--force", "--wait")
        self.assertEqual(self.boxes(), {"50%"})
        for words, name, path in (("per%cent", "per%cent", "per%25cent"), ("50%20off", "50%20off", "50%2520off"), ("%2525", "%25", "%2525")):
            self.surel("folder", "create", words, "--wait")
            self.assertEqual(self.boxes(), {"50%", name})
            self.surel("folder", "delete", path, "--wait")
        self.refused(1, "can't have a “/”", "folder", "create", "a%2fb")  # it stands between folders on this server
        for wrong in (("folder", "create", "a\udcff"), ("flag", "1", "+a\udcff"), ("flag", "1", "-a\udcff")):
            self.refused(2, "UTF-8", *wrong)
        self.surel("delete", self.ids(daemon)["Message 2"], "--wait")
        self.surel("folder", "empty", "trash", "--wait")
        self.assertEqual(self.on_server("Trash"), {})
        self.refused(1, "inbox", "folder", "delete", "inbox", "--force")
        self.refused(2, "usage: surel folder", "folder", "explode", "Work")

    def test_a_folder_is_subscribed_to_or_not(self):
        daemon = self.prepare()
        for word, subscribed in (("subscribe", True), ("unsubscribe", False), ("subscribe", True)):
            self.surel("folder", word, "Work", "--wait")
            self.assertEqual("Work" in str(self.imap.lsub()[1]), subscribed)
            self.assertEqual(daemon.get(self.folders["Work"], "Folder", "Subscribed"), subscribed)
        self.refused(1, "There is no folder “Nowhere”", "folder", "subscribe", "Nowhere")
        self.refused(2, "usage: surel folder", "folder", "unsubscribe")

    def test_of_several_accounts_one_is_named(self):
        daemon = self.prepare()
        device = self.server.imap("bob")
        device.create("Work")
        device.create("bob@surel.test:own")
        account, job = daemon.add_account(self.server, user="bob", settings={"name": GLib.Variant("s", "The other")})
        daemon.wait_job(job)
        daemon.sync()
        for n, name in enumerate((daemon.get(account, "Account", "Id"), "bob@surel.test", "The other", "the OTHER")):
            self.surel("folder", "create", f"{name}:Work/New {n}", "--wait")
            self.surel("folder", "create", f"{name}:Top {n}", "--wait")
        names = str(device.list()[1])
        for n in range(4):
            self.assertTrue(f"Work/New {n}" in names and f'"Top {n}"' in names, names)
        self.assertEqual(self.boxes(), set())
        one = self.ids(daemon)["Message 1"]
        self.surel("move", one, "alice@surel.test:Work", "--wait")
        self.assertEqual(set(self.on_server("Work")), {1})
        self.surel("move", one, "bob@surel.test:trash", "--wait")
        self.quiet(daemon)
        self.assertEqual((device.select("Trash", readonly=True)[1], self.on_server("Work")), ([b"1"], {}))
        self.refused(1, "“Work” fits more than one", "folder", "unsubscribe", "Work")
        self.refused(1, "There are several accounts: say which", "folder", "create", "New")
        self.refused(1, "There is no account “carol@surel.test”", "folder", "subscribe", "carol@surel.test:Work")
        self.refused(1, "There is no folder", "folder", "subscribe", "alice@surel.test:Work/New 0")

    def test_only_what_is_not_known_is_confirmed(self):
        daemon = self.prepare()
        self.surel("flag", self.ids(daemon)["Message 1"], "+seen", "--wait")
        done = json.loads(self.surel("ops", "--json"))[-1]["id"]
        self.refused(1, "is known", "ops", "confirm", done)
        self.assertEqual(json.loads(self.surel("ops", "--json"))[-1]["state"], "done")
        self.refused(1, "operation", "ops", "confirm", 99999)
        self.refused(2, "usage: surel ops", "ops", "confirm", "one")

    def test_what_is_cancelled_or_tried_again_is_waited_for(self):
        daemon = self.prepare()
        self.surel("move", self.ids(daemon)["Message 1"], "Work", "--wait")
        moved = json.loads(self.surel("ops", "--json"))[-1]["id"]
        self.surel("ops", "cancel", moved, "--wait")
        self.assertEqual((1 in self.on_server("INBOX"), self.on_server("Work")), (True, {}))
        self.enable(daemon, False)
        self.imap.create("Taken")
        self.surel("folder", "rename", "Work", "Taken")
        refused = json.loads(self.surel("ops", "--json"))[-1]["id"]
        self.enable(daemon, True)
        self.ended(daemon, refused)
        self.refused(1, f"{refused}: failed", "ops", "retry", refused, "--wait")

    def test_what_waits_is_listed_and_cancelled(self):
        daemon = self.prepare()
        one = self.ids(daemon)["Message 1"]
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
        self.surel("flag", one, "+flagged")
        self.surel("folder", "create", "Later")
        listed = self.surel("ops").splitlines()
        self.assertEqual([line.split()[1:4] for line in listed if "pending" in line or "running" in line],
                         [["pending", "modify", "1"], ["pending", "create-folder", "0"]], listed)
        operations = json.loads(self.surel("ops", "--json"))
        self.surel("ops", "retry", operations[-2]["id"])
        self.surel("ops", "cancel", operations[-2]["id"])
        self.assertEqual(self.row(daemon, one, "keywords")["keywords"], [])
        self.refused(1, "1 changes or drafts ", "account", "remove", "alice@surel.test")
        self.assertIn("alice", self.surel("account", "list"))
        self.refused(1, "operation", "ops", "cancel", 99999)
        self.refused(2, "usage: surel ops", "ops", "cancel")
        self.refused(2, "usage: surel account set", "account", "set", "alice@surel.test")
        self.surel("account", "remove", "alice@surel.test", "--force")
        self.assertEqual(self.surel("account", "list"), "")


if __name__ == "__main__":
    main()
