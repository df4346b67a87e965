#!/usr/bin/python3
"""Messages that people put into folders, and drafts that they save again and again."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403


class Put(Changing):
    def octets_on_server(self, path):
        self.imap.select(path, readonly=True)
        uids = self.imap.uid("SEARCH", "ALL")[1][0].split()
        return [self.imap.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1] for uid in uids]

    def test_a_message_is_put_there(self):
        daemon = self.prepare()
        mirror = Mirror()
        mirror.catch_up(daemon)
        id, operation = self.append(daemon, "Work", message(700, "Put"), keywords=strings("$seen", "mine"),
                                    receivedAt=GLib.Variant("x", 1600000000))
        row = self.row(daemon, id, "subject", "keywords", "receivedAt", "mailboxIds", "from", "fetched")
        self.assertEqual((row["subject"], set(row["keywords"]), row["receivedAt"], row["fetched"]),
                         ("Put", {"$seen", "mine"}, 1600000000, True))
        self.assertEqual(row["mailboxIds"], [self.folders["Work"]])
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.octets_on_server("Work"), [message(700, "Put")])
        self.assertEqual({f.lower() for f in self.on_server("Work")[700]}, {"\\seen", "mine"})
        daemon.sync()
        mirror.catch_up(daemon)
        self.assertEqual((self.ids(daemon, "Work"), mirror.new_mail), ({"Put": id}, []))
        # Lines end as they have to, whatever they ended in; a descriptor is as good.
        reader, writer = os.pipe()
        fds = Gio.UnixFDList.new_from_array([reader])
        os.write(writer, b"Subject: piped\nMessage-ID: <m701@surel.test>\n\none\rtwo\r\nthree")
        os.close(writer)
        reply, _ = daemon.connection.call_with_unix_fd_list_sync(
            NAME, self.folders["Work"], NAME + ".Folder", "Append",
            GLib.Variant("(va{sv})", (GLib.Variant("h", 0), {})), None, 0, 30000, fds, None)
        self.ended(daemon, reply.unpack()[1])
        self.assertIn(b"Subject: piped\r\nMessage-ID: <m701@surel.test>\r\n\r\none\r\ntwo\r\nthree\r\n",
                      self.octets_on_server("Work"))
        for wrong in (GLib.Variant("ay", b""), GLib.Variant("ay", b"a\0b"), GLib.Variant("u", 1), GLib.Variant("h", 5)):
            self.assertFails("InvalidArgument", self.append, daemon, "Work", wrong)

    def test_one_draft_is_one_message(self):
        daemon = self.prepare()
        drafts = self.folders["Drafts"]
        self.assertFails("InvalidArgument", self.save, daemon, 0, "Subject: x\r\n\r\n", blobId=GLib.Variant("s", "00" * 32))
        id, operation = self.save(daemon, 0, "Subject: first\r\nMessage-ID: <m800@surel.test>\r\n\r\nx\r\n")
        self.ended(daemon, operation)
        first = self.row(daemon, id, "blobId", "keywords", "mailboxIds")
        self.assertEqual((set(first["keywords"]), first["mailboxIds"]), ({"$draft", "$seen"}, [drafts]))
        for n in range(3):
            again, operation = self.save(daemon, id, f"Subject: version {n}\r\nMessage-ID: <m800@surel.test>\r\n\r\ny{n}\r\n")
            self.assertEqual(again, id)
        self.ended(daemon, operation)
        daemon.sync()
        self.assertEqual(self.row(daemon, id, "subject"), {"subject": "version 2"})
        self.assertEqual(len(self.octets_on_server("Drafts")), 1)
        self.assertIn(b"version 2", self.octets_on_server("Drafts")[0])
        self.assertEqual(self.ids_of(daemon, drafts), {id})
        self.assertFails("Conflict", self.save, daemon, id, "Subject: late\r\n\r\n", blobId=GLib.Variant("s", first["blobId"]))
        self.assertFails("InvalidArgument", self.save, daemon, self.ids(daemon)["Message 1"], "Subject: no draft\r\n\r\n")
        self.assertFails("NotFound", self.save, daemon, 999999, "Subject: none\r\n\r\n")

    def save(self, daemon, replaces, text, **options):
        """The draft's id, and the operation."""
        return daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, replaces, GLib.Variant("s", text),
                           options)

    def save_elsewhere(self, text):
        """What another device does: it puts its version there, and then takes away the one it knew."""
        self.imap.select("Drafts")
        self.imap.append("Drafts", "(\\Draft \\Seen)", None, text.encode())
        self.imap.store("1", "+FLAGS", "\\Deleted")
        self.imap.expunge()

    def test_a_draft_that_another_device_has_saved(self):
        daemon = self.prepare()
        header = "Message-ID: <m800@surel.test>\r\n\r\n"
        id, operation = self.save(daemon, 0, "Subject: ours\r\n" + header)
        self.ended(daemon, operation)
        blob = self.row(daemon, id, "blobId")["blobId"]
        self.save_elsewhere("Subject: theirs\r\n" + header)
        daemon.sync()
        theirs = self.ids(daemon, "Drafts")["theirs"]
        self.assertNotEqual(theirs, id)
        for options in ({}, {"blobId": GLib.Variant("s", blob)}):
            message = self.assertFails("Conflict", self.save, daemon, id, "Subject: ours, too\r\n" + header, **options)
            self.assertIn(f"message {theirs}", message)
        self.ended(daemon, self.save(daemon, 0, "Subject: ours, too\r\n" + header)[1])
        self.assertEqual(set(self.ids(daemon, "Drafts")), {"theirs", "ours, too"})
        self.assertEqual(len(self.octets_on_server("Drafts")), 2)

    def test_a_draft_that_two_devices_save_at_once(self):
        daemon = self.prepare()
        header = "Message-ID: <m800@surel.test>\r\n\r\n"
        id, operation = self.save(daemon, 0, "Subject: first\r\n" + header)
        self.ended(daemon, operation)
        self.enable(daemon, False)
        _, operation = self.save(daemon, id, "Subject: ours\r\n" + header)
        self.save_elsewhere("Subject: theirs\r\n" + header)
        self.enable(daemon, True)
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        daemon.sync()
        drafts = self.ids(daemon, "Drafts")
        self.assertEqual((set(drafts), drafts["ours"]), ({"ours", "theirs"}, id))
        self.assertEqual(len(self.octets_on_server("Drafts")), 2)

    def test_a_draft_that_was_saved_since_is_numbered_anew(self):
        """It is one message all the same, whichever comes first, the list or the save."""
        daemon = self.prepare()
        for killed in (False, True):
            id, operation = self.save(daemon, 0, "Subject: v0\r\nMessage-ID: <m800@surel.test>\r\n\r\n")
            self.ended(daemon, operation)
            daemon.sync()
            self.enable(daemon, False)
            self.save(daemon, id, "Subject: the first\r\nMessage-ID: <m800@surel.test>\r\n\r\n")
            self.server.renumber("alice", "Drafts", random.randrange(1, 1 << 31))
            _, operation = self.save(daemon, id, "Subject: the second one\r\nMessage-ID: <m800@surel.test>\r\n\r\n")
            if killed:
                daemon.kill()
                daemon = self.start(secrets=self.secrets)
            self.enable(daemon, True)
            self.assertEqual(self.ended(daemon, operation)["state"], "done")
            daemon.sync()
            self.assertEqual(self.ids(daemon, "Drafts"), {"the second one": id})
            self.assertEqual(len(self.octets_on_server("Drafts")), 1)
            self.ended(daemon, self.modify(daemon, [id], {"destroy": GLib.Variant("b", True)})[0])

    def test_a_draft_that_two_devices_saved_is_numbered_anew(self):
        """Both texts stay: what another device saved isn't the version that ours replaces."""
        daemon = self.prepare()
        header = "Message-ID: <m800@surel.test>\r\n\r\n"
        for first in (False, True):
            id, operation = self.save(daemon, 0, "Subject: v0\r\n" + header)
            self.ended(daemon, operation)
            daemon.sync()
            self.enable(daemon, False)
            _, operation = self.save(daemon, id, "Subject: ours\r\n" + header)
            if first:
                self.server.renumber("alice", "Drafts", random.randrange(1, 1 << 31))
            self.save_elsewhere("Subject: theirs\r\n" + header)
            if not first:
                self.server.renumber("alice", "Drafts", random.randrange(1, 1 << 31))
            self.enable(daemon, True)
            self.assertEqual(self.ended(daemon, operation)["state"], "done")
            daemon.sync()
            drafts = self.ids(daemon, "Drafts")
            self.assertEqual((set(drafts), drafts["ours"]), ({"ours", "theirs"}, id))
            self.assertEqual(len(self.octets_on_server("Drafts")), 2)
            self.assertTrue(all(self.opens(daemon, draft) for draft in drafts.values()))
            self.ended(daemon, self.modify(daemon, list(drafts.values()), {"destroy": GLib.Variant("b", True)})[0])

    def opens(self, daemon, id):
        return daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, "", 0, 1000, {})[0]

    def test_a_message_is_opened_after_its_folder_was_numbered_anew(self):
        daemon = self.prepare()
        ids = list(self.ids(daemon).values())
        self.opens(daemon, ids[0])  # the folder is open from here on
        for id in ids[1:3]:
            self.server.renumber("alice", "INBOX", random.randrange(1, 1 << 31))
            daemon.sync()
            self.assertTrue(self.opens(daemon, id))

    def test_what_another_device_marked_a_draft_with_stays(self):
        daemon = self.prepare()
        id, operation = self.save(daemon, 0, "Subject: one\r\nMessage-ID: <m800@surel.test>\r\n\r\nx\r\n")
        self.ended(daemon, operation)
        operation, _, _ = self.modify(daemon, [id], {"addKeywords": strings("$flagged", "mine")})
        self.ended(daemon, operation)
        self.imap.select("Drafts")
        self.imap.store("1:*", "+FLAGS", "(theirs \\Answered)")
        self.imap.store("1:*", "-FLAGS", "(mine \\Seen)")
        _, operation = self.save(daemon, id, "Subject: two\r\nMessage-ID: <m800@surel.test>\r\n\r\ny\r\n")
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.on_server("Drafts"), {800: {"\\Draft", "\\Flagged", "\\Answered", "theirs"}})
        daemon.sync()
        self.assertEqual(set(self.row(daemon, id, "keywords")["keywords"]), {"$draft", "$flagged", "$answered", "theirs"})

    def test_killed_at_any_moment_what_is_put_there_is_there_once(self):
        seed = int(os.environ.get("SUREL_SEED", random.randrange(1 << 30)))
        print("seed", seed, flush=True)
        dice = random.Random(seed)
        daemon = self.prepare()
        texts, draft = set(), 0
        for n in range(12):
            for k in range(3):
                number = 1000 + n * 3 + k
                self.append(daemon, "Work", message(number))
                texts.add(number)
            draft, _ = daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, draft, GLib.Variant(
                "s", f"Subject: draft {n}\r\nMessage-ID: <m999@surel.test>\r\n\r\n{n}\r\n"), {})
            time.sleep(dice.random() * 0.04)
            daemon.kill()
            daemon = self.start(secrets=self.secrets)
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0
                 and daemon.get(self.account, "Account", "Status") == "idle")
        daemon.sync()
        self.assertEqual(set(self.on_server("Work")), texts)
        self.assertEqual([b"draft 11" in octets for octets in self.octets_on_server("Drafts")], [True])
        self.assertEqual(self.ids_of(daemon, self.folders["Drafts"]), {draft})
        self.assertEqual(len(self.ids(daemon, "Work")), len(texts))


class PutPoorly(Put):
    """No UIDPLUS, no CONDSTORE: the safe old ways."""

    server_extra = "protocol imap {\n  imap_capability = IMAP4rev1 LITERAL+ NAMESPACE\n}\n"


if __name__ == "__main__":
    main()
