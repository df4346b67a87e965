#!/usr/bin/python3
"""How a daemon hears of what happens elsewhere, and what it costs to ask."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from scripted import Mailbox, Scripted  # noqa: E402
from surel_test import *  # noqa: E402,F403


def commands(log):
    """The commands sent, in their order."""
    return [line.split()[-1] if "> S" not in line else " ".join(line.split("> S", 1)[1].split()[1:])
            for line in log.splitlines() if "imap: > " in line]


class Watch(Case):
    def signed_in(self, **more):
        daemon = self.start(env={"G_MESSAGES_DEBUG": "all"})
        self.account, job = daemon.add_account(self.server, **more)
        daemon.wait_job(job)
        daemon.sync()
        return daemon

    def reason(self, daemon):
        return daemon.get(self.account, "Account", "PushReason")

    def test_a_check_with_nothing_new_is_one_command(self):
        daemon = self.signed_in()
        wait_for(lambda: "IDLE" in commands(daemon.read_log()))
        daemon.sync()
        before = len(commands(daemon.read_log()))
        daemon.sync()
        sent = commands(daemon.read_log())[before:]
        self.assertEqual([command.split()[0] for command in sent], ["LIST"])
        self.assertIn("STATUS", sent[0])

    def test_every_folder_is_proven_by_its_first_listing(self):
        fill(self.server.imap("carol"), "INBOX", 1, 20)
        daemon = self.signed_in(user="carol")
        for path in daemon.folders().values():
            self.assertGreater(daemon.get(path, "Folder", "LastProven"), 0, daemon.get(path, "Folder", "Path"))
            self.assertGreater(daemon.get(path, "Folder", "LastSync"), 0)

    def test_a_watch_that_is_cut_is_begun_anew(self):
        daemon = self.signed_in()
        for n in range(2):
            wait_for(lambda: commands(daemon.read_log()).count("IDLE") > n)
            self.server.doveadm("kick", "alice")
        imap = self.server.imap()
        wait_for(lambda: daemon.get(self.account, "Account", "Status") == "idle")
        imap.append("INBOX", "", None, message(1, "Heard"))
        wait_for(lambda: daemon.query(properties=["subject"])["messages"] == [{"subject": "Heard"}])

    def test_few_connections_are_respected(self):
        daemon = self.signed_in(user="bob", settings={"maxConnections": GLib.Variant("u", 2)})
        self.assertNotIn("watched", self.reason(daemon))
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"maxConnections": GLib.Variant("u", 3)}, {})
        wait_for(lambda: "watched" in self.reason(daemon))
        wait_for(lambda: "IDLE" in commands(daemon.read_log()))


class Told(Case):
    server_extra = """
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = count:all
  quota_vsizes = yes
  quota_rule = *:storage=2M:messages=500
}
"""

    def test_how_full_the_account_is(self):
        fill(self.server.imap(), "INBOX", 1, 20)
        daemon = self.start()
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        quota = daemon.get(account, "Account", "Quota")
        self.assertEqual((quota["limit"], quota["messages"], quota["messageLimit"]), (2 << 20, 20, 500))
        self.assertGreater(quota["used"], 1000)
        self.assertIn("quota", daemon.get(account, "Account", "Capabilities"))

    def test_an_alert_while_nothing_is_asked_for(self):
        go = threading.Event()

        def idle(peer, tag, command):
            peer.send(b"+ idling\r\n")
            go.wait()
            peer.send(b"* OK [ALERT] Down on \xe2\x80\xaeSunday\x1b[31m\r\n")
            peer.read()
            peer.send(tag + b" OK done\r\n")
        scripted = Scripted(self.server.dir + "/tls", Mailbox(
            greeting=b"* OK [CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN SASL-IR IDLE] scripted\r\n", IDLE=idle,
            CAPABILITY=lambda peer, tag, command: peer.send(
                b"* CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN SASL-IR IDLE\r\n" + tag + b" OK done\r\n")))
        self.addCleanup(scripted.stop)
        daemon = self.start()
        account, job = daemon.add_account(scripted, port=scripted.port)
        daemon.wait_job(job)
        daemon.sync()
        self.assertEqual(daemon.get(account, "Account", "Alert"), "")
        go.set()
        wait_for(lambda: daemon.get(account, "Account", "Alert") == "Down on Sunday[31m")
        before = len(scripted.said(b"IDLE"))
        time.sleep(1)
        self.assertLess(len(scripted.said(b"IDLE")) - before, 10)  # it has that to tell each time


class OneConnection(Case):
    server_extra = "protocol imap {\n  mail_max_userip_connections = 1\n}\n"

    def test_a_server_that_takes_no_second_one_is_asked_now_and_then(self):
        daemon = self.start()
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        wait_for(lambda: "watched" not in daemon.get(account, "Account", "PushReason"))
        self.assertEqual(daemon.get(account, "Account", "Error"), ("", ""))
        daemon.sync()
        self.assertEqual(daemon.get(account, "Account", "Status"), "idle")


if __name__ == "__main__":
    main()
