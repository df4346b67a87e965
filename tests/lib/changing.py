"""A mailbox that is changed from both sides, and what is looked at then."""

import re

from surel_test import *  # noqa: F403


def strings(*words):
    return GLib.Variant("as", words)


class Changing(Case):
    count = 12

    def prepare(self, **more):
        self.imap = self.server.imap()
        for box in sorted(self.boxes(), reverse=True):
            self.imap.delete(f'"{box}"')
        for box in ("INBOX", "Work", "Archive", "Drafts", "Trash"):
            self.imap.create(box)
            if self.imap.select(box)[1] != [b"0"]:
                self.imap.store("1:*", "+FLAGS", "\\Deleted")
                self.imap.expunge()
        self.imap.select("Trash")
        fill(self.imap, "INBOX", 1, self.count)
        self.secrets = "file:" + self.dir + "/secrets"
        daemon = self.start(secrets=self.secrets, **more)
        self.account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        self.folders = daemon.folders()
        return daemon

    def ids(self, daemon, path="INBOX"):
        """Subject → id."""
        rows = daemon.query({"inMailbox": GLib.Variant("o", self.folders[path])}, properties=["id", "subject"],
                            limit=1000)["messages"]
        return {row["subject"]: row["id"] for row in rows}

    def modify(self, daemon, ids, patch, **options):
        return daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", list(ids), patch, options)

    def ended(self, daemon, operation):
        def state():
            found = daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [operation])})[0]
            return found["operations"][0] if found["operations"][0]["state"] not in ("pending", "running") else None
        return wait_for(state, say="the operation does not end")

    def boxes(self):
        """Names on the wire, without the ones the server made by itself."""
        return {line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in self.imap.list()[1]
                if isinstance(line, bytes)} - {"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive", "Work"}

    def on_server(self, path):
        """Message-ID's number → flags."""
        self.imap.select(f'"{path}"', readonly=True)
        found = {}
        if self.imap.untagged_responses.get("EXISTS", [b"0"])[-1] == b"0":
            return found
        for part in self.imap.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
            if isinstance(part, tuple):
                number = int(re.search(rb"<m(\d+)@", part[1]).group(1))
                self.assertNotIn(number, found, "a message is there twice")
                flags = set(re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).decode().split()) - {"\\Recent"}
                found[number] = flags
        return found

    def row(self, daemon, id, *properties):
        rows = daemon.call(PATH, "Messages", "Get", "(atas)", [id], list(properties))[0]
        return rows[0] if rows else None

    def enable(self, daemon, enabled):
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", enabled)}, {})

    def quiet(self, daemon, *also):
        """All operations are done, or ended in another way that is meant."""
        def operations():
            return daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0]["operations"]
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0, 40, say=lambda: str(operations())[-1500:])
        self.assertLessEqual({one["state"] for one in operations()}, {"done", *also}, str(operations())[-3000:])

    def create(self, daemon, name, parent="/"):
        return daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", name, parent, {})

    def ids_of(self, daemon, folder):
        return {row["id"] for row in daemon.query({"inMailbox": GLib.Variant("o", folder)})["messages"]}

    def append(self, daemon, path, octets, **options):
        return daemon.call(self.folders[path], "Folder", "Append", "(va{sv})",
                           octets if isinstance(octets, GLib.Variant) else GLib.Variant("ay", octets), options)
