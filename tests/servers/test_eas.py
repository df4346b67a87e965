#!/usr/bin/python3
"""ActiveSync on SOGo: the same mail as over IMAP, on the same bus."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403


class Eas(Changing):
    count = 5

    @classmethod
    def setUpClass(cls):
        cls.server = Sogo()

    def test_mail_is_there(self):
        daemon = self.prepare()
        self.assertEqual(set(self.ids(daemon)), {f"Message {n}" for n in range(1, 6)})
        row = self.row(daemon, self.ids(daemon)["Message 2"], "from", "to", "messageId", "sentAt", "receivedAt", "keywords", "replyTo")
        self.assertEqual((row["from"], row["to"], row["messageId"], row["keywords"]),
                         ([("Sender 2", "s2@surel.test")], [("", "alice@surel.test")], ["m2@surel.test"], []))
        self.assertNotIn("replyTo", row)
        self.assertEqual([one["email"] for one in daemon.get(self.account, "Account", "Identities")], ["alice@surel.test"])
        store = sqlite3.connect(f"file:{self.data}/surel.db?mode=ro", uri=True)
        self.addCleanup(store.close)
        self.assertEqual(store.execute("SELECT addresses FROM account").fetchall(), [("alice@surel.test",)], "as SOGo tells")
        roles = {v[NAME + ".Folder"]["Role"] for v in daemon.objects().values() if NAME + ".Folder" in v}
        self.assertLessEqual({"inbox", "drafts", "sent", "trash", "junk", "archive"}, roles)

    def test_changes_elsewhere_arrive(self):
        daemon = self.prepare()
        before = self.ids(daemon)
        self.imap.select("INBOX")
        self.imap.store("1", "+FLAGS", "\\Seen \\Flagged")
        self.imap.store("2", "+FLAGS", "\\Deleted")
        self.imap.expunge()
        self.imap.uid("MOVE", self.imap.uid("SEARCH", "3")[1][0], "Archive")
        self.imap.append("INBOX", None, None, message(50))
        daemon.sync()
        ids = self.ids(daemon)
        self.assertEqual(set(ids), {"Message 1", "Message 3", "Message 5", "Message 50"})
        self.assertEqual(set(self.row(daemon, ids["Message 1"], "keywords")["keywords"]), {"$seen", "$flagged"})
        self.assertEqual(self.ids(daemon, "Archive"), {"Message 4": before["Message 4"]})  # it keeps its id
        self.assertEqual({subject: ids[subject] for subject in ("Message 1", "Message 3", "Message 5")},
                         {subject: before[subject] for subject in ("Message 1", "Message 3", "Message 5")})

    def test_what_people_do_reaches_the_server(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        self.modify(daemon, [ids["Message 1"]], {"addKeywords": strings("$seen", "$flagged", "$answered")})
        self.modify(daemon, [ids["Message 2"], ids["Message 3"]], {"moveTo": GLib.Variant("o", self.folders["Archive"])})
        self.modify(daemon, [ids["Message 4"]], {"destroy": GLib.Variant("b", True)})
        self.quiet(daemon)
        there = self.on_server("INBOX")
        self.assertEqual((there[1], set(self.on_server("Archive"))), ({"\\Seen", "\\Flagged"}, {2, 3}))
        self.assertIn("\\Deleted", there.get(4, {"\\Deleted"}))
        self.modify(daemon, [ids["Message 1"]], {"removeKeywords": strings("$seen", "$flagged")})
        self.quiet(daemon)
        self.assertEqual(self.on_server("INBOX")[1], set())
        daemon.sync()
        self.assertEqual(self.ids(daemon), {f"Message {n}": ids[f"Message {n}"] for n in (1, 5)})
        self.assertEqual(self.ids(daemon, "Archive"), {f"Message {n}": ids[f"Message {n}"] for n in (2, 3)})
        self.assertEqual(self.row(daemon, ids["Message 1"], "keywords")["keywords"], ["$answered"])  # it has no place there

    def test_categories(self):
        """SOGo has those that a person has set up there, which are keywords on IMAP, and drops all others without a word."""
        daemon = self.prepare()
        id = self.ids(daemon)["Message 1"]
        self.imap.select("INBOX")
        self.imap.store("1", "+FLAGS", "$label1 $label2")
        daemon.sync()
        self.assertEqual(set(self.row(daemon, id, "keywords")["keywords"]), {"important", "work"})
        self.assertEqual(daemon.get(self.account, "Account", "KeywordNames"), {"important": "Important", "work": "Work"})
        other = self.ids(daemon)["Message 2"]
        self.modify(daemon, [id, other], {"addKeywords": strings("important", "nobody-knows-it"), "removeKeywords": strings("work")})
        self.quiet(daemon)
        there = self.on_server("INBOX")
        self.assertEqual((there[1], there[2]), ({"$label1"}, {"$label1"}))
        daemon.sync()
        for one in (id, other):
            self.assertEqual(set(self.row(daemon, one, "keywords")["keywords"]), {"important", "nobody-knows-it"})

    def test_folders_are_made_renamed_and_deleted(self):
        daemon = self.prepare()
        made, operation = self.create(daemon, "Made")
        inner, _ = self.create(daemon, "Inner", parent=made)
        self.quiet(daemon)
        self.assertIn("Made/Inner", self.boxes())
        one = self.ids(daemon)["Message 1"]
        self.modify(daemon, [one], {"moveTo": GLib.Variant("o", inner)})
        daemon.call(made, "Folder", "Rename", "(sa{sv})", "Gemäß", {})
        self.quiet(daemon)
        daemon.sync()
        self.folders = daemon.folders()
        self.assertEqual((self.folders["Gemäß"], self.folders["Gemäß/Inner"]), (made, inner))
        self.assertEqual(self.ids(daemon, "Gemäß/Inner"), {"Message 1": one})
        self.assertFails("Conflict", daemon.call, made, "Folder", "Delete", "(a{sv})", {})
        remove = {key: GLib.Variant("b", True) for key in ("removeMessages", "removeChildren")}
        daemon.call(made, "Folder", "Delete", "(a{sv})", remove)
        self.quiet(daemon)
        daemon.sync()
        self.assertNotIn(made, daemon.objects())
        self.assertEqual({name for name in self.boxes() if "Ma" in name or "Gem" in name}, set())

    def test_folders_of_other_devices(self):
        daemon = self.prepare()
        self.imap.create("Other")
        fill(self.imap, "Other", 80, 3)
        daemon.sync()
        other = daemon.folders()["Other"]
        ids = {row["id"] for row in daemon.query({"inMailbox": GLib.Variant("o", other)})["messages"]}
        self.assertEqual(len(ids), 3)
        self.imap.select("INBOX")
        self.imap.rename("Other", "Else")
        daemon.sync()
        self.assertEqual(daemon.folders()["Else"], other)
        self.assertEqual({row["id"] for row in daemon.query({"inMailbox": GLib.Variant("o", other)})["messages"]}, ids)
        self.imap.delete("Else")
        daemon.sync()
        self.assertNotIn("Else", daemon.folders())

    def test_a_message_is_read(self):
        daemon = self.prepare()
        octets = message(60, body="Grüße.\r\n" * 5000, extra="Content-Type: text/plain; charset=utf-8\r\n")
        self.imap.append("INBOX", None, None, octets)
        daemon.sync()
        one = self.ids(daemon)["Message 60"]
        found = b""
        while True:
            piece = bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", one, "", len(found), 65536, {})[0])
            found += piece
            if not piece:
                break
        self.assertEqual(found, octets)

    def test_it_goes_on_after_a_restart(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        daemon.stop()
        self.imap.select("INBOX")
        self.imap.store("1", "+FLAGS", "\\Deleted")
        self.imap.expunge()
        daemon = self.start(secrets=self.secrets)
        self.modify(daemon, [ids["Message 2"]], {"addKeywords": strings("$seen")})
        self.quiet(daemon)
        daemon.sync()
        self.assertEqual(self.ids(daemon), {f"Message {n}": ids[f"Message {n}"] for n in range(2, 6)})
        self.assertEqual(self.on_server("INBOX")[2], {"\\Seen"})

    def test_new_mail_is_told_at_once(self):
        daemon = self.prepare()
        wait_for(lambda: daemon.get(self.account, "Account", "Push"), 20)
        self.imap.append("INBOX", None, None, message(70))
        wait_for(lambda: "Message 70" in self.ids(daemon), 30)

    def test_what_there_is_no_way_to_do_is_told_at_once(self):
        daemon = self.prepare()
        one = self.ids(daemon)["Message 1"]
        self.assertEqual(daemon.get(self.account, "Account", "Capabilities"), ["keywords", "folders", "respond", "send", "vacation"])
        self.assertFails("NotSupported", self.append, daemon, "Archive", message(90))
        self.assertFails("NotSupported", self.modify, daemon, [one], {"addFolders": GLib.Variant("ao", [self.folders["Archive"]])})
        self.assertFails("NotSupported", daemon.call, self.folders["Archive"], "Folder", "SetSubscribed", "(ba{sv})", False, {})
        self.assertEqual(self.ids(daemon)["Message 1"], one)

    def save_draft(self, daemon, octets, replaces=0, **options):
        return daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, replaces, GLib.Variant("ay", octets), options)

    def test_drafts_live_here_alone(self):
        """They are in Drafts, and change and move as others do; nothing of it is sent, and nothing is lost."""
        daemon = self.prepare()
        drafts = {"inMailbox": GLib.Variant("o", self.folders["Drafts"])}

        def shown(path="Drafts"):
            return {row["subject"]: row["id"] for row in daemon.query({"inMailbox": GLib.Variant("o", self.folders[path])},
                                                                     properties=["id", "subject"])["messages"]}

        def read(id):
            return bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, "", 0, 10000, {})[0])
        draft, operation = self.save_draft(daemon, message(90))
        self.assertEqual((self.ended(daemon, operation)["state"], shown()), ("done", {"Message 90": draft}))
        self.assertEqual(daemon.get(self.folders["Drafts"], "Folder", "TotalMessages"), 1)
        self.assertEqual(self.save_draft(daemon, message(91, body="newer"), draft)[0], draft)
        row = self.row(daemon, draft, "keywords", "blobId", "subject")
        self.assertEqual((set(row["keywords"]), row["subject"], read(draft)), ({"$draft", "$seen"}, "Message 91", message(91, body="newer")))
        self.assertFails("Conflict", self.save_draft, daemon, message(92), draft, blobId=GLib.Variant("s", "00"))
        self.modify(daemon, [draft], {"addKeywords": strings("$flagged", "mine")})
        for _ in range(2):
            daemon.sync()
        daemon.kill()
        daemon = self.start(secrets=self.secrets)
        wait_for(lambda: daemon.get(self.account, "Account", "Status") == "idle")
        for _ in range(2):
            daemon.sync()
        self.assertEqual((shown(), self.on_server("Drafts")), ({"Message 91": draft}, {}))
        self.assertEqual(set(self.row(daemon, draft, "keywords")["keywords"]), {"$draft", "$seen", "$flagged", "mine"})
        self.assertEqual(daemon.get(self.account, "Account", "PendingOperations"), 0)
        self.assertFails("Conflict", daemon.call, self.account, "Account", "Remove", "(a{sv})", {})  # it is nowhere else
        self.assertFails("NotSupported", self.modify, daemon, [draft], {"addFolders": GLib.Variant("ao", [self.folders["Archive"]])})
        other, operation = self.save_draft(daemon, message(95))
        daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})
        self.assertEqual(shown(), {"Message 91": draft})
        self.modify(daemon, [draft], {"moveToRole": GLib.Variant("s", "trash")})
        daemon.sync()
        self.assertEqual((shown(), shown("Trash")), ({}, {"Message 91": draft}))
        daemon.call(self.folders["Trash"], "Folder", "Empty", "(a{sv})", {})
        self.assertEqual(shown("Trash"), {})
        self.imap.append("Drafts", "\\Draft", None, message(93))
        daemon.sync()
        theirs = shown()["Message 93"]
        self.assertFails("NotSupported", self.save_draft, daemon, message(94), theirs)  # it is on the server
        self.assertEqual(shown(), {"Message 93": theirs})

    def test_wrong_settings_are_told(self):
        daemon = self.start()
        for url in ("https://user:secret@localhost/x", "http://surel.test/x", "ftp://localhost/", "nonsense", "https://localhost/x?y"):
            self.assertFails("InvalidArgument", daemon.add_account, self.server, settings={"url": GLib.Variant("s", url)})
        self.assertFails("InvalidArgument", daemon.add_account, self.server, settings={"port": GLib.Variant("i", 1)})
        account, job = daemon.add_account(self.server, password="wrong")
        self.assertFails("AuthenticationFailed", daemon.wait_job, job)
        account, job = daemon.add_account(self.server, user="bob", settings={
            "url": GLib.Variant("s", f"http://localhost:{self.server.port}/nowhere")})
        self.assertFails("ServerRejected", daemon.wait_job, job)

    def test_it_keeps_no_absence_notice(self):
        daemon = self.prepare()
        self.assertFails("NotSupported", daemon.call, self.account, "Account", "GetVacation", "(a{sv})", {})
        operation = daemon.call(self.account, "Account", "SetVacation", "(a{sv}a{sv})", {"isEnabled": GLib.Variant("b", True)}, {})[0]
        ended = self.ended(daemon, operation)
        self.assertEqual((ended["state"], ended["error"][0]), ("failed", NAME + ".Error.NotSupported"))



if __name__ == "__main__":
    main()
