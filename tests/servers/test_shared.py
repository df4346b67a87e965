#!/usr/bin/python3
"""Folders that another user shares: what may be done in them, and what becomes of what mayn't."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403

ALL = "lrwstipekxa"


class Shared(Changing):
    count = 3

    @classmethod
    def setUpClass(cls):
        kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(kept.cleanup)
        os.chmod(kept.name, 0o777)
        cls.server_extra = """
mail_plugins = acl
protocol imap {
  mail_plugins = acl imap_acl
}
namespace {
  type = shared
  separator = /
  prefix = shared/%%u/
  location = mdbox:%%h/mdbox
  subscriptions = no
  list = children
}
plugin {
  acl = vfile
  acl_shared_dict = file:""" + kept.name + """/dict
}
"""
        super().setUpClass()

    def boxes(self):
        return {box for box in super().boxes() if not box.startswith("shared")}

    def share(self, **rights):
        """The daemon of alice, with whom bob shares these folders, each with three messages in it."""
        self.bob = self.server.imap("bob")
        for box in sorted(self.of_bob(), reverse=True):
            self.bob.setacl(box, "bob", ALL)
            self.bob.delete(box)
        for box, letters in rights.items():
            self.bob.create(box)
            fill(self.bob, box, 100, 3)
            self.bob.setacl(box, "alice", letters)
        return self.prepare()

    def of_bob(self):
        return {line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in self.bob.list()[1]} - {
            "INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive"}

    def count_of_bob(self, box):
        return int(self.bob.select(box, readonly=True)[1][0])

    def test_rights_and_owner(self):
        daemon = self.share(all=ALL, read="lr", post="lrip", tidy="lrste")
        get = lambda path, name: daemon.get(self.folders[path], "Folder", name)  # noqa: E731
        everything = ["mayReadItems", "mayAddItems", "mayRemoveItems", "maySetSeen", "maySetKeywords", "mayCreateChild",
                      "mayRename", "mayDelete", "maySubmit"]
        self.assertEqual(get("shared/bob/all", "Rights"), everything)
        self.assertEqual(get("shared/bob/read", "Rights"), ["mayReadItems"])
        self.assertEqual(get("shared/bob/post", "Rights"), ["mayReadItems", "mayAddItems", "maySubmit"])
        self.assertEqual(get("shared/bob/tidy", "Rights"), ["mayReadItems", "mayRemoveItems", "maySetSeen"])
        self.assertEqual(get("Work", "Rights"), everything)
        self.assertEqual((get("shared/bob/read", "Namespace"), get("shared/bob/read", "Owner")), ("others", "bob"))
        self.assertEqual((get("Work", "Namespace"), get("Work", "Owner")), ("personal", ""))
        self.bob.setacl("read", "alice", "lrs")
        self.enable(daemon, False)  # Dovecot keeps for a connection what it has read of them
        self.enable(daemon, True)
        daemon.sync()
        self.assertEqual(get("shared/bob/read", "Rights"), ["mayReadItems", "maySetSeen"])

    def test_a_deleted_folder_is_gone(self):
        daemon = self.share(one=ALL, tree=ALL, **{"tree/leaf": ALL})
        for path in ("shared/bob/one", "shared/bob/tree/leaf"):
            operation, *_ = daemon.call(self.folders[path], "Folder", "Delete", "(a{sv})", {"removeMessages": GLib.Variant("b", True)})
            self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.of_bob(), {"tree"})

    def test_what_may_not_be_taken_out_stays(self):
        """Neither where it may not be marked, nor where it may and not be expunged, of which Dovecot says that it has a bug."""
        daemon = self.share(write="lrwsi", mark="lrwsti")
        for box in ("write", "mark"):
            rows = self.ids(daemon, "shared/bob/" + box)
            for n, patch in ((100, {"destroy": GLib.Variant("b", True)}), (101, {"moveTo": GLib.Variant("o", self.folders["Work"])})):
                operation, *_ = self.modify(daemon, [rows[f"Message {n}"]], patch)
                ended = self.ended(daemon, operation)
                self.assertEqual((ended["state"], ended["error"][0].rsplit(".", 1)[-1]), ("failed", "PermissionDenied"), (box, n, ended))
            self.assertEqual((self.ids(daemon, "shared/bob/" + box), self.ids(daemon, "Work")), (rows, {}))
            self.assertEqual((self.count_of_bob(box), self.on_server("Work")), (3, {}))
            self.assertEqual(self.bob.uid("SEARCH", "DELETED")[1], [b""])

    def test_a_move_to_another_account_is_not_begun_where_it_cannot_end(self):
        daemon = self.share(write="lrwsi")
        carol, job = daemon.add_account(self.server, user="carol")
        daemon.wait_job(job)
        daemon.sync()
        there = next(path for path, found in daemon.objects().items()
                     if found.get(NAME + ".Folder", {}).get("Account") == carol and found[NAME + ".Folder"]["Path"] == "Archive")
        rows = self.ids(daemon, "shared/bob/write")
        with self.assertRaises(GLib.Error) as caught:
            self.modify(daemon, [rows["Message 100"]], {"moveTo": GLib.Variant("o", there)})
        self.assertEqual(error_name(caught.exception), "PermissionDenied")
        operation, *_ = self.modify(daemon, [rows["Message 100"]], {"addFolders": GLib.Variant("ao", [there])})
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.count_of_bob("write"), 3)

    def test_a_folder_that_may_not_be_deleted_is_not_emptied(self):
        daemon = self.share(stays="lrwstie", tree=ALL, **{"tree/leaf": "lrwstie"})
        options = {"removeMessages": GLib.Variant("b", True), "removeChildren": GLib.Variant("b", True)}
        for path in ("shared/bob/stays", "shared/bob/tree"):
            with self.assertRaises(GLib.Error) as caught:
                daemon.call(self.folders[path], "Folder", "Delete", "(a{sv})", options)
            self.assertEqual(error_name(caught.exception), "PermissionDenied")
        self.assertEqual([self.count_of_bob(box) for box in ("stays", "tree", "tree/leaf")], [3, 3, 3])


if __name__ == "__main__":
    main()
