#!/usr/bin/python3
"""What is sent by ActiveSync, on SOGo: once, and the same message from Drafts to Sent."""

import base64
import os
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403
from smtp_sink import SmtpSink  # noqa: E402

LETTER = (b"From: Alice <alice@surel.test>\r\nTo: Bob <bob@surel.test>\r\nCc: carol@surel.test\r\nBcc: dora@surel.test\r\n"
          b"Subject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n%s\r\nHello Bob.\r\n.\r\nThat was a dot.\r\n")


def read(daemon, id):
    return bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, "", 0, 100000, {})[0])


class Sending(Changing):
    count = 2

    @classmethod
    def setUpClass(cls):
        cls.sink = SmtpSink()
        cls.server = Sogo(f"-SOGoMailingMechanism\nsmtp\n-SOGoSMTPServer\nsmtp://127.0.0.1:{cls.sink.port}")
        cls.addClassCleanup(cls.sink.stop)

    def begin(self):
        self.sink.messages.clear()
        self.sink.refused.clear()
        client = self.server.imap()
        client.create("Sent")
        if client.select("Sent")[1] != [b"0"]:
            client.store("1:*", "+FLAGS", "\\Deleted")
            client.expunge()
        self.daemon = self.prepare()
        return self.daemon

    def submit(self, method, signature, *arguments, **options):
        return self.daemon.call(PATH, "Submission", method, signature, *arguments, options)

    def send(self, octets, **options):
        return self.submit("Send", "(ova{sv})", self.account, GLib.Variant("ay", octets), **options)

    def where(self, id):
        (path,) = self.daemon.call(PATH, "Messages", "Get", "(atas)", [id], ["mailboxIds"])[0][0]["mailboxIds"]
        return self.daemon.get(path, "Folder", "Role")

    def state(self, operation):
        return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [operation])})[0]["operations"][0]

    def ended(self, operation):
        wait_for(lambda: self.state(operation)["state"] not in ("pending", "running"), 30, say=lambda: str(self.state(operation)))
        return self.state(operation)

    def test_it_goes_once_and_is_the_same_in_sent(self):
        daemon = self.begin()
        id, operation = self.send(LETTER % (b"once", b""))
        self.assertEqual(self.ended(operation)["state"], "done")
        self.assertEqual(self.where(id), "sent")
        self.quiet(daemon)
        daemon.sync()
        (sender, to, octets), = self.sink.messages
        self.assertEqual((sender, set(to)), ("alice@surel.test", {"bob@surel.test", "carol@surel.test", "dora@surel.test"}))
        self.assertNotIn(b"dora", octets)
        self.assertIn(b"Hello Bob.\r\n.\r\nThat was a dot.\r\n", octets)
        self.assertRegex(octets, rb"\nMessage-ID: <[-0-9a-f]+@surel\.test>")
        self.assertRegex(octets, rb"(?m)^Date: ")
        self.assertEqual(self.ids(daemon, "Sent"), {"once": id})
        self.assertEqual(self.ids(daemon, "Drafts"), {})
        self.assertEqual(set(self.row(daemon, id, "keywords")["keywords"]), {"$seen"})
        self.imap.select("Sent")
        self.assertEqual(read(daemon, id), self.imap.fetch("1", "(BODY.PEEK[])")[1][0][1])
        self.assertIn(b"Bcc: dora@surel.test", read(daemon, id))
        self.assertEqual(daemon.get(self.folders_now()["Outbox"], "Folder", "TotalMessages"), 0)
        self.assertFails("NotSupported", daemon.call, PATH, "Operations", "Cancel", "(ta{sv})", operation, {})

    def folders_now(self):
        return self.daemon.folders()

    def save(self, octets, replaces=0):
        return self.submit("SaveDraft", "(otva{sv})", self.account, replaces, GLib.Variant("ay", octets))[0]

    def test_a_draft_goes_from_the_outbox_to_sent_under_one_id(self):
        daemon = self.begin()
        draft = self.save(LETTER % (b"draft", b""))
        (operation,) = self.submit("SendDraft", "(ta{sv})", draft, undoSeconds=GLib.Variant("u", 3600))
        self.assertEqual(self.where(draft), "outbox")
        outbox = self.folders_now()["Outbox"]
        self.assertEqual(self.state(operation)["kind"], "send")
        self.assertGreater(self.state(operation)["nextAttempt"], time.time() + 3500)
        self.assertFails("Conflict", self.modify, daemon, [draft], {"moveToRole": GLib.Variant("s", "trash")})
        self.assertFails("Conflict", self.save, LETTER % (b"other", b""), draft)
        self.assertFails("Conflict", self.submit, "SendDraft", "(ta{sv})", draft)
        _, _, result = daemon.call(PATH, "Operations", "ModifyMatching", "(a{sv}a{sv}a{sv})", {}, {"addKeywords": strings("$flagged")}, {})
        self.assertEqual(result["changed"], self.count)  # what is on its way out is left alone
        daemon.sync()  # no server has that folder
        self.assertEqual(daemon.get(outbox, "Folder", "TotalMessages"), 1)
        self.submit("Reschedule", "(txa{sv})", operation, 0)
        self.assertEqual(self.ended(operation)["state"], "done")
        self.quiet(daemon)
        daemon.sync()
        self.assertEqual(self.ids(daemon, "Sent"), {"draft": draft})
        self.assertEqual(len(self.sink.messages), 1)
        self.assertFails("Conflict", self.submit, "Reschedule", "(txa{sv})", operation, 0)
        self.assertFails("InvalidArgument", self.submit, "SendDraft", "(ta{sv})", draft)

    def test_taken_back_it_is_a_draft_again(self):
        daemon = self.begin()
        id, operation = self.send(LETTER % (b"back", b""), sendAt=GLib.Variant("x", int(time.time()) + 3600))
        self.assertEqual(self.where(id), "outbox")
        self.enable(daemon, False)
        self.enable(daemon, True)
        daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})
        self.assertEqual((self.state(operation)["state"], self.where(id)), ("cancelled", "drafts"))
        self.assertEqual(set(self.row(daemon, id, "keywords")["keywords"]), {"$seen", "$draft"})
        (operation,) = self.submit("SendDraft", "(ta{sv})", id)
        self.assertEqual(self.ended(operation)["state"], "done")
        self.assertEqual(len(self.sink.messages), 1)

    def test_a_draft_of_another_device(self):
        """Its bytes are brought first, and the server's draft is gone in the end."""
        daemon = self.begin()
        self.imap.append("Drafts", "\\Draft \\Seen", None, LETTER % (b"theirs", b"Message-ID: <theirs@surel.test>\r\n"))
        daemon.sync()
        draft = self.ids(daemon, "Drafts")["theirs"]
        self.assertEqual(set(self.row(daemon, draft, "keywords")["keywords"]), {"$draft", "$seen"})
        (operation,) = self.submit("SendDraft", "(ta{sv})", draft)
        self.assertEqual(self.ended(operation)["state"], "done")
        self.quiet(daemon)
        daemon.sync()
        self.assertEqual((self.ids(daemon, "Sent"), self.ids(daemon, "Drafts")), ({"theirs": draft}, {}))
        self.imap.select("Drafts")
        self.assertEqual(self.imap.search(None, "UNDELETED")[1], [b""])
        self.assertEqual(len(self.sink.messages), 1)

    def test_refused_it_stays_in_the_outbox(self):
        daemon = self.begin()
        self.sink.refused.add("bob@surel.test")
        id, operation = self.send(LETTER % (b"refused", b""))
        state = self.ended(operation)
        self.assertEqual((state["state"], self.where(id)), ("failed", "outbox"), state)
        self.assertTrue(state["error"][0].endswith(".ServerRejected"), state)
        self.assertIn("120", state["error"][1])
        daemon.sync()
        self.assertEqual(self.where(id), "outbox")
        self.sink.refused.clear()
        daemon.call(PATH, "Operations", "Retry", "(ta{sv})", operation, {})
        self.assertEqual(self.ended(operation)["state"], "done")
        self.assertEqual(len(self.sink.messages), 1)
        self.assertFails("Conflict", daemon.call, PATH, "Operations", "Retry", "(ta{sv})", operation, {})

    def test_answers_and_forwards_mark_what_they_are_about(self):
        daemon = self.begin()
        ids = self.ids(daemon)
        for key, keyword, id in (("inReplyTo", "$answered", ids["Message 1"]), ("forwardOf", "$forwarded", ids["Message 2"])):
            _, operation = self.send(LETTER % (key.encode(), b"In-Reply-To: <m1@surel.test>\r\n"), **{key: GLib.Variant("t", id)})
            self.assertEqual(self.ended(operation)["state"], "done")
            self.quiet(daemon)
            daemon.sync()
            self.assertIn(keyword, self.row(daemon, id, "keywords")["keywords"])
            octets = self.sink.messages[-1][2]
            self.assertEqual(octets.count(b"Hello"), 1, octets)
        there = self.on_server("INBOX")
        self.assertIn("\\Answered", there[1])
        self.assertIn("$Forwarded", there[2])
        self.assertEqual(len(self.sink.messages), 2)

    def surel(self, *words, **more):
        env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address, "LC_ALL": "C.UTF-8"}
        return subprocess.run([BUILD + "/src/cli/surel", *words], env=env, capture_output=True, text=True, timeout=60,
                              check=False, **more)

    def test_from_the_command_line(self):
        daemon = self.begin()
        letter = self.dir + "/letter.eml"
        with open(letter, "wb") as out:
            out.write(LETTER % (b"file", b""))
        for arguments, stdin in ((["alice@surel.test", letter], None), (["alice@surel.test"], letter)):
            with open(stdin or os.devnull, "rb") as source:
                done = self.surel("send", "--wait", *arguments, stdin=source)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertRegex(done.stdout, r"^Operation \d+\n$")
        draft = self.save(LETTER % (b"draft", b""))
        self.assertEqual(self.surel("send", "--wait", str(draft)).returncode, 0)
        self.quiet(daemon)
        self.assertEqual(len(self.sink.messages), 3)
        for arguments, status in (([], 2), (["a", "b", "c"], 2), (["nobody@surel.test", letter], 1), ([str(draft)], 1),
                                  (["alice@surel.test", letter + "x"], 1), (["alice@surel.test", self.dir], 1)):
            done = self.surel("send", *arguments)
            self.assertEqual((done.returncode, done.stdout), (status, ""), (arguments, done))
            self.assertTrue(done.stderr.startswith("surel: "), done)

    def test_what_cannot_be_sent(self):
        daemon = self.begin()
        for octets in (b"Subject: nobody\r\n\r\nHello\r\n", b"From: alice@surel.test\r\n\r\nHello\r\n",
                       b"To: bob@surel.test\r\n\r\nHello\r\n", b""):
            self.assertFails("InvalidArgument", self.send, octets)
        letter = LETTER % (b"x", b"")
        for options in ({"sendAt": GLib.Variant("x", -1)}, {"undoSeconds": GLib.Variant("u", 10**6)}, {"nonsense": GLib.Variant("u", 1)},
                        {"inReplyTo": GLib.Variant("t", self.ids(daemon)["Message 1"]), "forwardOf": GLib.Variant("t", 1)}):
            self.assertFails("InvalidArgument", self.send, letter, **options)
        self.assertFails("NotSupported", self.send, letter, envelope=GLib.Variant("a{sv}", {}))
        self.assertFails("NotFound", self.send, letter, inReplyTo=GLib.Variant("t", 999999))
        self.assertFails("NotFound", self.submit, "SendDraft", "(ta{sv})", 999999)
        self.assertFails("InvalidArgument", self.submit, "SendDraft", "(ta{sv})", self.ids(daemon)["Message 1"])
        self.assertFails("NotFound", self.submit, "Reschedule", "(txa{sv})", 999999, 0)
        self.assertEqual(self.ids(daemon, "Drafts"), {})
        self.assertEqual(self.sink.messages, [])

    def test_the_outbox_is_no_folder_of_a_server(self):
        daemon = self.begin()
        id, _ = self.send(LETTER % (b"later", b""), undoSeconds=GLib.Variant("u", 3600))
        outbox = self.folders_now()["Outbox"]
        for method, signature, arguments in (("Rename", "(sa{sv})", ("Other", {})), ("MoveTo", "(oa{sv})", (self.folders["Archive"], {})),
                                             ("Delete", "(a{sv})", ({"removeMessages": GLib.Variant("b", True)},)),
                                             ("SetSubscribed", "(ba{sv})", (True, {})), ("Configure", "(a{sv}a{sv})", ({"role": GLib.Variant("s", "")}, {})),
                                             ("Append", "(va{sv})", (GLib.Variant("ay", LETTER % (b"x", b"")), {}))):
            self.assertFails("NotSupported", daemon.call, outbox, "Folder", method, signature, *arguments)
        self.assertFails("NotSupported", self.modify, daemon, [self.ids(daemon)["Message 1"]], {"moveTo": GLib.Variant("o", outbox)})
        self.assertFails("NotSupported", self.modify, daemon, [self.ids(daemon)["Message 1"]], {"moveToRole": GLib.Variant("s", "outbox")})
        self.assertFails("NotSupported", daemon.call, self.account, "Account", "CreateFolder", "(soa{sv})", "Below", outbox, {})
        self.assertFails("Conflict", daemon.call, self.account, "Account", "Remove", "(a{sv})", {})
        self.assertEqual(self.where(id), "outbox")

    def test_an_invitation_is_answered(self):
        """SOGo puts it into the calendar, and tells who invites, too, which not all servers do: our own message is one."""
        daemon = self.begin()
        uid = f"meeting-{time.time_ns()}"
        event = ("BEGIN:VCALENDAR\r\nPRODID:-//Surel//Tests//EN\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:%s\r\n"
                 "DTSTAMP:20261101T080000Z\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\nSUMMARY:At nine\r\n"
                 "ORGANIZER:mailto:host@elsewhere.test\r\nATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:alice@surel.test\r\n"
                 "END:VEVENT\r\nEND:VCALENDAR\r\n" % uid)
        self.imap.append("INBOX", None, None, (
            "From: host@elsewhere.test\r\nTo: alice@surel.test\r\nSubject: Come\r\nMessage-ID: <come@elsewhere.test>\r\n"
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST; "
            "charset=utf-8\r\n\r\n" + event).encode())
        daemon.sync()
        wait_for(lambda: "Come" in self.ids(daemon))
        operation = daemon.call(PATH, "Items", "Respond", "(tsa{sv})", self.ids(daemon)["Come"], "accepted", {})[0]
        self.assertEqual(self.ended(operation)["state"], "done")
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.port}/SOGo/dav/alice/Calendar/personal/{uid}.ics", headers={
            "Authorization": "Basic " + base64.b64encode(b"alice:secret").decode()})
        self.assertIn(b"PARTSTAT=ACCEPTED", urllib.request.urlopen(request, timeout=20).read())
        (sender, to, octets), = [sent for sent in self.sink.messages if b"PRODID:-//Surel//Surel//EN" in sent[2]]
        self.assertEqual((sender, to), ("alice@surel.test", ["host@elsewhere.test"]))
        self.assertIn(b"PARTSTAT=3DACCEPTED:mailto:alice@surel.test", octets)
        wait_for(lambda: "Accepted: At nine" in self.ids(daemon, "Sent"))
        wrong = daemon.call(PATH, "Items", "Respond", "(tsa{sv})", self.ids(daemon)["Message 1"], "accepted", {})[0]
        self.assertEqual((self.ended(wrong)["state"], self.ended(wrong)["error"][0].rsplit(".", 1)[-1]), ("failed", "InvalidArgument"))


if __name__ == "__main__":
    main()
