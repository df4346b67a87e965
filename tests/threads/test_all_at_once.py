#!/usr/bin/python3
"""All threads at work at once: three accounts sync, are stopped and started, one comes and goes, clients read,
fetch, change and leave, and the daemon is ended in the midst of it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

MESSAGES = 600
ROUNDS = 6


class Clients:
    """Calls that nobody waits for one by one, from connections of their own."""

    def __init__(self, bus):
        self.bus, self.made, self.answered = bus, 0, 0
        self.connection = bus.connect()

    def call(self, path, interface, method, signature, *args):
        self.made += 1
        self.connection.call(NAME, path, f"{NAME}.{interface}", method, GLib.Variant(signature, args), None, 0, 60000,
                             None, self.on_answer)

    def on_answer(self, connection, result):
        self.answered += 1
        try:
            connection.call_finish(result)
        except GLib.Error:
            pass  # of a message or an account that is gone by now

    def leave_in_mid_call(self):
        connection = self.bus.connect()
        for _ in range(10):
            connection.call(NAME, PATH, NAME + ".Manager", "Changes", GLib.Variant("(sta{sv})", ("", 0, {})), None, 0,
                            60000, None, None)
        connection.flush_sync(None)
        connection.close_sync(None)

    def all_answered(self):
        while GLib.MainContext.default().iteration(False):
            pass
        return self.answered == self.made


class AllAtOnce(Case):
    def test_all_at_once(self):
        for user in ("alice", "bob", "carol"):
            imap = self.server.imap(user)
            fill(imap, "INBOX", 1, MESSAGES)
            imap.create("Work")
            fill(imap, "Work", 10001, 100)
        daemon = self.start(secrets="file:" + self.dir + "/secrets")
        accounts = [daemon.add_account(self.server, user)[0] for user in ("alice", "bob")]
        clients = Clients(self.bus)
        other = self.server.imap("alice")
        other.select("INBOX")
        for n in range(ROUNDS):
            passing, _ = daemon.add_account(self.server, "carol")
            ids = [row["id"] for row in daemon.query(limit=20)["messages"]]
            for i in ids[:8]:
                clients.call(PATH, "Messages", "Open", "(ta{sv})", i, {})
                clients.call(PATH, "Messages", "Read", "(tstua{sv})", i, "", 0, 1000, {})
            clients.call(PATH, "Messages", "Get", "(atas)", ids, [])
            for _ in range(5):
                clients.call(PATH, "Manager", "Changes", "(sta{sv})", "", 0, {"limit": GLib.Variant("u", 100)})
                clients.call(PATH, "Messages", "Query", "(a{sv}asa{sv}as)", {"subject": GLib.Variant("s", "Message 7")},
                             ["subject"], {}, [])
            other.append("INBOX", "", None, message(20000 + n))
            other.uid("STORE", f"{n * 20 + 1}:{n * 20 + 15}", "+FLAGS", "(\\Seen)")
            for account in accounts:
                key = {"key": GLib.Variant("s", f"{account}-{n // 2}")}
                clients.call(account, "Account", "Sync", "(a{sv})", key)
                clients.call(account, "Account", "Configure", "(a{sv}a{sv})", {"name": GLib.Variant("s", str(n))}, {})
            clients.call(accounts[n % 2], "Account", "Configure", "(a{sv}a{sv})",
                         {"enabled": GLib.Variant("b", n % 4 > 1)}, {})
            clients.call(accounts[n % 2], "Account", "SetSecrets", "(a{sv}a{sv})",
                         {"password": GLib.Variant("s", "secret")}, {})
            clients.leave_in_mid_call()
            daemon.call(passing, "Account", "Remove", "(a{sv})", {})
        wait_for(clients.all_answered, 60, lambda: f"{clients.answered} of {clients.made} calls were answered")
        for account in accounts:
            daemon.call(account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        daemon.sync()
        self.assertEqual(daemon.query(limit=1, calculateTotal=GLib.Variant("b", True))["total"],
                         2 * (MESSAGES + 100) + ROUNDS)
        # Ended while some of it begins once more.
        daemon.add_account(self.server, "carol")
        for i in ids:
            clients.call(PATH, "Messages", "Open", "(ta{sv})", i, {})
        self.assertEqual(daemon.stop(), 0, daemon.read_log())


if __name__ == "__main__":
    main()
