"""Accounts on a scripted ActiveSync server."""

import shutil
import subprocess
import tempfile

from scripted_eas import EasServer, Mailbox
from surel_test import *  # noqa: F403


class Certificates:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="surel-tls-")
        subprocess.run([HERE + "/certificates.sh", self.dir], check=True)
        self.ca = self.dir + "/ca.pem"

    def stop(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def strings(*words):
    return GLib.Variant("as", words)


class EasCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Certificates()

    def begin(self, mailbox=None, count=5, **more):
        self.mailbox = mailbox or Mailbox()
        for n in range(1, count + 1):
            self.mailbox.put(message(n))
        self.eas = EasServer(self.server.dir, self.mailbox)
        self.addCleanup(self.eas.stop)
        self.secrets = "file:" + self.dir + "/secrets"
        self.daemon = self.start(secrets=self.secrets)
        self.account, self.job = self.add(**more)
        return self.daemon

    def add(self, url=None, user="alice", **more):
        return self.daemon.call(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", {
            "protocol": GLib.Variant("s", "eas"), "address": GLib.Variant("s", user + "@surel.test"), "user": GLib.Variant("s", user),
            "url": GLib.Variant("s", url or self.eas.url()), **more}, {"password": GLib.Variant("s", "secret")}, {})

    def ids(self, path=None):
        """Subject → id."""
        where = {"inMailbox": GLib.Variant("o", self.daemon.folders()[path])} if path else {}
        return {row["subject"]: row["id"] for row in self.daemon.query(where, properties=["id", "subject"], limit=1000)["messages"]}

    def is_idle(self):
        return self.daemon.get(self.account, "Account", "Status") == "idle"

    def settled(self, count=5):
        self.daemon.wait_job(self.job)
        wait_for(lambda: self.is_idle() and len(self.ids()) == count, 20, say=lambda: str((
            self.daemon.get(self.account, "Account", "Error"), self.ids())))
        return self.ids()

    def enable(self, enabled):
        self.daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", enabled)}, {})

    def modify(self, ids, **patch):
        return self.daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", ids, patch, {})[0]

    def ended(self, id):
        def operation():
            return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [id])})[0]["operations"][0]
        wait_for(lambda: operation()["state"] not in ("pending", "running"), 40, say=lambda: str(operation()))
        return operation()

    def keywords(self, id):
        return set(self.daemon.call(PATH, "Messages", "Get", "(atas)", [id], ["keywords"])[0][0]["keywords"])

    def said(self, name):
        return [request for command, request in self.mailbox.said if command == name]
