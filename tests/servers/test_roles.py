#!/usr/bin/env python3
"""What a folder is for: as a person says, whatever it is called."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403


class Roles(Changing):
    count = 4

    def configure(self, daemon, path, **settings):
        return daemon.call(self.folders[path], "Folder", "Configure", "(a{sv}a{sv})", settings, {})[0]

    def role(self, daemon, path):
        return daemon.get(daemon.folders()[path], "Folder", "Role")

    def archive(self, daemon, subject):
        self.ended(daemon, self.modify(daemon, [self.ids(daemon)[subject]], {"moveToRole": GLib.Variant("s", "archive")})[0])

    def test_a_person_says_what_a_folder_is_for(self):
        daemon = self.prepare()
        self.assertEqual(self.configure(daemon, "Work", role=GLib.Variant("s", "archive"), watch=GLib.Variant("b", True)), 0)
        self.assertEqual([self.role(daemon, path) for path in ("Work", "Archive")], ["archive", ""])
        self.assertTrue(daemon.get(self.folders["Work"], "Folder", "Watch"))
        self.archive(daemon, "Message 1")
        self.assertEqual(list(self.on_server("Work")), [1])

        # It stays so, through a list of all folders and a restart, and is taken back in the same way.
        daemon.sync()
        daemon.stop()
        daemon = self.start(secrets=self.secrets)
        self.assertEqual([self.role(daemon, path) for path in ("Work", "Archive")], ["archive", ""])
        self.configure(daemon, "Archive", role=GLib.Variant("s", "archive"))
        self.assertEqual([self.role(daemon, path) for path in ("Work", "Archive")], ["", "archive"])
        self.assertTrue(daemon.get(self.folders["Work"], "Folder", "Watch"))

        for settings, error in (({"role": GLib.Variant("s", "attic")}, "InvalidArgument"),
                                ({"role": GLib.Variant("s", "inbox")}, "InvalidArgument"),
                                ({"watch": GLib.Variant("s", "yes")}, "InvalidArgument"),
                                ({"colour": GLib.Variant("s", "red")}, "InvalidArgument"),
                                ({"retention": GLib.Variant("a{sv}", {})}, "NotSupported")):
            self.assertFails(error, self.configure, daemon, "Work", **settings)
        self.assertFails("InvalidArgument", self.configure, daemon, "INBOX", role=GLib.Variant("s", "junk"))

    def test_a_folder_that_is_not_the_archive_is_not_made_it(self):
        daemon = self.prepare()
        self.configure(daemon, "Archive", role=GLib.Variant("s", ""))
        self.archive(daemon, "Message 1")
        self.assertEqual([self.role(daemon, path) for path in ("Archive", "Archive 2")], ["", "archive"])
        self.assertEqual((list(self.on_server("Archive")), list(self.on_server("Archive 2"))), ([], [1]))

        # One that another role was given, likewise; and what was made is used again.
        self.configure(daemon, "Archive", role=GLib.Variant("s", "junk"))
        self.archive(daemon, "Message 2")
        self.assertEqual(self.role(daemon, "Archive"), "junk")
        self.assertEqual(sorted(self.on_server("Archive 2")), [1, 2])
        self.imap.delete('"Archive 2"')

    def test_one_folder_a_role_whatever_comes_back(self):
        """A deletion that is taken back, and a folder that the server makes by itself."""
        daemon = self.prepare()
        work = GLib.Variant("s", "archive")
        self.enable(daemon, False)
        deletion = daemon.call(self.folders["Archive"], "Folder", "Delete", "(a{sv})", {"removeMessages": GLib.Variant("b", True)})[0]
        self.configure(daemon, "Work", role=work)
        daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", deletion, {})
        self.assertEqual([self.role(daemon, path) for path in ("Work", "Archive")], ["archive", ""])
        self.configure(daemon, "Archive", role=work)
        daemon.call(self.folders["Archive"], "Folder", "Delete", "(a{sv})", {"removeMessages": GLib.Variant("b", True)})
        self.configure(daemon, "Work", role=work)
        self.enable(daemon, True)
        self.quiet(daemon, "cancelled")
        if "Archive" not in self.boxes():
            self.imap.create("Archive")
        daemon.sync()
        self.assertEqual([self.role(daemon, path) for path in ("Work", "Archive")], ["archive", ""])

    def test_a_folder_that_is_deleted_has_its_role_if_it_stays(self):
        """What is to go into the trash needs one, while the old one is on its way out."""
        daemon = self.prepare()
        old = self.folders["Trash"]
        self.enable(daemon, False)
        daemon.call(old, "Folder", "Delete", "(a{sv})", {"removeMessages": GLib.Variant("b", True)})
        self.modify(daemon, [self.ids(daemon)["Message 1"]], {"moveToRole": GLib.Variant("s", "trash")})
        self.assertNotEqual(daemon.folders()["Trash"], old)
        with sqlite3.connect(f"file:{self.data}/surel.db?mode=ro", uri=True, timeout=20) as store:
            self.assertEqual(store.execute("SELECT role_set FROM folder WHERE id = ?", (old.rsplit("/", 1)[1],)).fetchall(), [(None,)])
        self.enable(daemon, True)
        self.quiet(daemon)
        daemon.sync()
        self.assertEqual((self.role(daemon, "Trash"), set(self.on_server("Trash"))), ("trash", {1}))


if __name__ == "__main__":
    main()
