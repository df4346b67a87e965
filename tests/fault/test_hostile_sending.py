#!/usr/bin/python3
"""Sending to ActiveSync servers that refuse, break off and say nothing: nothing is sent twice, and what isn't known is told."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from eas_case import *  # noqa: E402,F403
from scripted_eas import Mailbox, Raw, child, element, text  # noqa: E402

LETTER = b"From: alice@surel.test\r\nTo: bob@surel.test\r\nSubject: %s\r\n\r\nHello.\r\n"


class Sending(EasCase):
    def begin(self, mailbox=None, count=1, **more):
        super().begin(mailbox, count=count, **more)
        return self.settled(count)

    def send(self, subject=b"letter", **options):
        return self.daemon.call(PATH, "Submission", "Send", "(ova{sv})", self.account, GLib.Variant("ay", LETTER % subject), options)

    def state(self, id):
        return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [id])})[0]["operations"][0]

    def where(self, id):
        (path,) = self.daemon.call(PATH, "Messages", "Get", "(atas)", [id], ["mailboxIds"])[0][0]["mailboxIds"]
        return self.daemon.get(path, "Folder", "Role")

    def decide(self, method, id):
        self.daemon.call(PATH, "Operations", method, "(ta{sv})", id, {})

    def is_in_sent(self, id, count=1):
        self.daemon.sync()
        self.assertEqual(list(self.ids("Sent Items").values()), [id])
        self.assertEqual(len(self.mailbox.sent), count)

    class Breaking(Mailbox):
        """The first answer to what is sent is lost; with `acts`, after it was sent."""
        acts, breaks = True, 1

        def do_SendMail(self, request):
            if self.breaks == 0:
                return super().do_SendMail(request)
            self.breaks -= 1
            if self.acts:
                super().do_SendMail(request)
            raise Raw(cut=0, headers={"Content-Length": "5"})

    def test_an_answer_that_is_lost_is_looked_for_in_sent(self):
        self.begin(self.Breaking())
        id, operation = self.send()
        self.assertEqual(self.ended(operation)["state"], "done")
        self.is_in_sent(id)

    def test_what_is_not_in_sent_is_unknown(self):
        """Whether it was sent or not: a person is asked, and nothing is sent again by itself. A copy may come after all."""
        mailbox = self.Breaking()
        mailbox.saves, mailbox.breaks = False, 3
        self.begin(mailbox)
        sent, sends = self.send(b"sent")
        wait_for(lambda: self.mailbox.breaks == 2)
        late, comes = self.send(b"late")
        wait_for(lambda: self.mailbox.breaks == 1)
        mailbox.acts = False
        lost, loses = self.send(b"lost")
        for id, operation in ((sent, sends), (late, comes), (lost, loses)):
            wait_for(lambda: self.state(operation)["state"] == "unknown", 90, say=lambda: str(self.state(operation)))
            self.assertTrue(self.state(operation)["error"][0].endswith(".OutcomeUnknown"))
            self.assertFails("NotSupported", self.decide, "Cancel", operation)
            self.assertFails("Conflict", self.daemon.call, PATH, "Submission", "SendDraft", "(ta{sv})", id, {})
            self.assertFails("Conflict", self.modify, [id], destroy=GLib.Variant("b", True))
        self.assertEqual((self.where(sent), self.where(lost), len(self.mailbox.sent)), ("outbox", "outbox", 2))
        self.mailbox.put(next(octets for octets in self.mailbox.sent if b"late" in octets), "sent")
        self.daemon.sync()
        self.assertEqual((self.state(comes)["state"], list(self.ids("Sent Items").values())), ("done", [late]))
        self.decide("Confirm", sends)
        with self.assertRaisesRegex(GLib.Error, "Conflict.*is known"):
            self.decide("Confirm", sends)
        self.decide("Retry", loses)
        for operation in (sends, loses):
            self.assertEqual(self.ended(operation)["state"], "done")
            self.assertFails("Conflict", self.decide, "Retry", operation)
        self.daemon.sync()
        self.assertEqual((self.where(sent), self.where(lost), len(self.mailbox.sent)), ("sent", "sent", 3))

    def test_a_person_confirms_it_by_the_command_line(self):
        mailbox = self.Breaking()
        mailbox.acts = False
        self.begin(mailbox)
        id, operation = self.send()
        wait_for(lambda: self.state(operation)["state"] == "unknown", 90, say=lambda: str(self.state(operation)))
        done = subprocess.run([BUILD + "/src/cli/surel", "ops", "confirm", str(operation), "--wait"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((self.state(operation)["state"], self.where(id), self.mailbox.sent), ("done", "sent", []))

    def test_policies_that_fail_while_it_is_sent(self):
        """The server wants its policies accepted first, and has none to give, or its answer is cut off: nothing was sent, and
        that is known."""
        class Wanting(Mailbox):
            fails = 2

            def do_SendMail(self, request):
                if self.fails:
                    raise Raw(449)
                return super().do_SendMail(request)

            def do_Provision(self, request):
                self.fails -= 1
                if self.fails:
                    raise Raw(cut=0, headers={"Content-Length": "5"})
                raise Raw(500)
        self.begin(Wanting())
        id, operation = self.send()
        wait_for(lambda: self.mailbox.fails == 1)
        self.assertIn(self.state(operation)["state"], ("pending", "running"))
        wait_for(lambda: self.state(operation)["state"] == "done", 60, say=lambda: str(self.state(operation)))
        self.is_in_sent(id)

    def test_it_can_not_be_confirmed_while_it_is_looked_for(self):
        mailbox = self.Breaking()
        mailbox.acts = False
        self.begin(mailbox)
        _, operation = self.send(b"letter")
        self.in_doubt(operation)
        with self.assertRaisesRegex(GLib.Error, "Conflict.*looked for"):
            self.decide("Confirm", operation)

    def in_doubt(self, operation):
        wait_for(lambda: "OutcomeUnknown" in self.state(operation)["error"][0] or self.state(operation)["state"] == "done", 20,
                 say=lambda: str(self.state(operation)))
        self.assertNotEqual(self.state(operation)["state"], "done")

    def test_only_a_copy_that_came_since_proves_it(self):
        octets = LETTER.replace(b"\r\n\r\n", b"\r\nMessage-ID: <same@surel.test>\r\n\r\n")
        mailbox = self.Breaking()
        mailbox.acts = False
        self.begin(mailbox)
        draft, _ = self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, 0,
                                    GLib.Variant("ay", octets % b"mine"), {})
        self.mailbox.put(octets % b"mine", "sent")
        self.daemon.sync()
        (operation,) = self.daemon.call(PATH, "Submission", "SendDraft", "(ta{sv})", draft, {})
        self.in_doubt(operation)
        self.assertEqual((self.where(draft), len(self.ids("Sent Items"))), ("outbox", 1))

    def test_an_answer_that_says_nothing_proves_nothing(self):
        answers = [element("21:SendMail", element("21:Status", status)) for status in ("abc", "-5", "-1", "0", "9" * 23)]
        answers += [element("0:Sync", element("0:Status", 1)), element("21:SendMail"), Raw(body=b"<html>", headers={"Content-Type": "text/html"})]

        class Vague(Mailbox):
            answer_next = None

            def do_SendMail(self, request):
                if isinstance(self.answer_next, Raw):
                    raise self.answer_next
                return self.answer_next
        for version, some in (("14.1", answers), ("12.1", answers[-1:])):
            mailbox = Vague()
            mailbox.versions = version
            self.begin(mailbox)
            for n, answer in enumerate(some):
                mailbox.answer_next = answer
                id, operation = self.send(b"letter %d" % n)
                self.in_doubt(operation)
                self.assertEqual(self.where(id), "outbox")
            self.daemon.stop()
            self.data += "x"

    def test_one_message_goes_by_one_operation(self):
        class Refusing(Mailbox):
            refuses = True

            def do_SendMail(self, request):
                if self.refuses:
                    raise Raw(413)
                return super().do_SendMail(request)
        self.begin(Refusing())
        id, first = self.send()
        self.assertEqual(self.ended(first)["state"], "failed")
        (second,) = self.daemon.call(PATH, "Submission", "SendDraft", "(ta{sv})", id, {"undoSeconds": GLib.Variant("u", 3600)})
        self.mailbox.refuses = False
        self.assertFails("Conflict", self.decide, "Retry", first)
        self.decide("Cancel", first)
        self.assertEqual(self.where(id), "outbox")
        self.daemon.call(PATH, "Submission", "Reschedule", "(txa{sv})", second, 0, {})
        self.assertEqual(self.ended(second)["state"], "done")
        self.is_in_sent(id)

    def test_an_answer_to_what_waits(self):
        self.begin()
        first, _ = self.send(b"first", undoSeconds=GLib.Variant("u", 3600))
        id, operation = self.send(b"second", inReplyTo=GLib.Variant("t", first))
        self.assertEqual(self.ended(operation)["state"], "done")
        self.is_in_sent(id)
        self.assertEqual(self.where(first), "outbox")

    def test_mail_comes_while_sending_is_refused(self):
        class Refusing(Mailbox):
            status = 0

            def do_SendMail(self, request):
                raise Raw(self.status, headers={"Retry-After": "1"})
        self.begin(Refusing())
        for n, status in enumerate((503, 401, 403, 404)):
            self.mailbox.status = status
            id, operation = self.send(b"letter %d" % n)
            wait_for(lambda: self.state(operation)["error"][0], 60)
            self.mailbox.put(message(10 + n))
            wait_for(lambda: f"Message {10 + n}" in self.ids("INBOX"), 60)
            self.assertEqual(self.where(id), "outbox")
            self.assertIn(self.state(operation)["state"], ("pending", "running"))
            wait_for(lambda: self.state(operation)["state"] == "pending")
            self.decide("Cancel", operation)

    def test_taken_back_where_there_are_no_drafts(self):
        mailbox = Mailbox()
        del mailbox.folders["drafts"]
        self.begin(mailbox)
        id, operation = self.send(undoSeconds=GLib.Variant("u", 3600))
        self.assertEqual(self.state(operation)["kind"], "send")
        self.decide("Cancel", operation)
        self.daemon.sync()
        self.assertEqual((self.where(id), self.state(operation)["state"]), ("drafts", "cancelled"))

    def test_accounts_that_cannot_send(self):
        """An IMAP account that was never reached."""
        self.begin()
        account, _ = self.daemon.call(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", {
            "protocol": GLib.Variant("s", "imap"), "address": GLib.Variant("s", "bob@surel.test"), "host": GLib.Variant("s", "localhost"),
            "port": GLib.Variant("q", 1)}, {"password": GLib.Variant("s", "secret")}, {})
        self.assertFails("NotSupported", self.daemon.call, PATH, "Submission", "Send", "(ova{sv})", account,
                         GLib.Variant("ay", LETTER % b"x"), {})

    def test_killed_at_each_step(self):
        for acts in (False, True):
            class Killing(Mailbox):
                def do_SendMail(self, request):
                    if acts:
                        super().do_SendMail(request)
                    outer.daemon.kill()
                    raise Raw(cut=0)
            outer = self
            self.begin(Killing())
            self.enable(False)
            id, operation = self.send()
            self.daemon.kill()
            self.daemon = self.start(secrets=self.secrets)
            self.assertEqual(self.where(id), "outbox")
            try:
                self.enable(True)
            except GLib.Error:
                pass  # it was killed before it answered
            wait_for(lambda: self.daemon.process.poll() is not None)
            self.daemon = self.start(secrets=self.secrets)
            if acts:
                self.assertEqual(self.ended(operation)["state"], "done")
                self.is_in_sent(id)
            else:
                wait_for(lambda: "OutcomeUnknown" in self.state(operation)["error"][0], 60)
                self.assertEqual((self.where(id), self.mailbox.sent), ("outbox", []))
            self.assertEqual(len(self.said("SendMail")), 1)
            self.daemon.stop()
            self.data += "x"

    def test_refused_and_tried_again(self):
        """What says that nothing was sent is believed, and nothing else."""
        cases = ((Raw(503, headers={"Retry-After": "1"}), "done"), (Raw(413), "failed"), (Raw(400), "failed"),
                 (element("21:SendMail", element("21:Status", 120)), "failed"), (element("21:SendMail", element("21:Status", 111)), "done"),
                 (element("21:SendMail", element("21:Status", 110)), "done"), (element("21:SendMail", element("21:Status", 1)), "done"),
                 (element("21:SendMail", element("21:Status", 118)), "done"))

        class Refusing(Mailbox):
            answer_once = None

            def do_SendMail(self, request):
                answer, self.answer_once = self.answer_once, None
                if isinstance(answer, Raw):
                    raise answer
                return answer if answer is not None else super().do_SendMail(request)
        self.begin(Refusing())
        for n, (answer, state) in enumerate(cases):
            self.mailbox.answer_once = answer
            self.mailbox.sent.clear()
            id, operation = self.send(b"letter %d" % n)
            wait_for(lambda: self.state(operation)["state"] == state, 60, say=lambda: str((answer, self.state(operation))))
            told = not isinstance(answer, Raw) and text(answer, "Status") in ("1", "118", 1, 118)
            self.assertEqual(len(self.mailbox.sent), int(state == "done" and not told), (answer, state))
            self.assertEqual(self.where(id), "sent" if state == "done" else "outbox")
            if state == "failed":
                self.decide("Cancel", operation)
                self.assertEqual(self.where(id), "drafts")

    def test_an_error_of_the_server_may_hide_that_it_was_sent(self):
        class Failing(Mailbox):
            def do_SendMail(self, request):
                super().do_SendMail(request)
                raise Raw(500)
        self.begin(Failing())
        id, operation = self.send()
        self.assertEqual(self.ended(operation)["state"], "done")
        self.is_in_sent(id)
        self.assertEqual(len(self.said("SendMail")), 1)

    def test_a_server_that_cannot_be_reached_is_asked_later(self):
        self.begin()
        self.eas.stop()
        id, operation = self.send()
        time.sleep(3)
        self.assertEqual((self.where(id), self.state(operation)["state"]), ("outbox", "pending"))
        self.decide("Cancel", operation)
        self.assertEqual(self.where(id), "drafts")

    def test_it_is_the_same_message_whatever_the_server_makes_of_it(self):
        """Another date, another size, another header."""
        class Rewriting(Mailbox):
            def put(self, octets, folder=None):
                return super().put(b"Received: by the server\r\nX-More: words\r\n" + octets if folder == "sent" else octets, folder)
        self.begin(Rewriting())
        id, operation = self.send()
        self.assertEqual(self.ended(operation)["state"], "done")
        self.is_in_sent(id)
        octets = bytes(self.daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, "", 0, 100000, {})[0])
        self.assertTrue(octets.startswith(b"Received: by the server"))
        self.ended(self.modify([id], moveToRole=GLib.Variant("s", "trash")))
        self.daemon.sync()
        self.assertEqual(list(self.ids("Trash").values()), [id])

    def test_no_field_goes_out_twice(self):
        """A Message-ID that is none, or far down, and a Date that can't be read: what is put instead takes their place."""
        self.begin()
        ids = []
        for wrong in (b"Message-ID: <>\r\nDate: some day\r\n", b"X-Long: " + b"x" * 900 + b"\r\n", b"Message-ID: nonsense\r\n"):
            octets = (wrong * 20 + b"Message-ID: <far@down.test>\r\n" if wrong.startswith(b"X-Long") else wrong) + LETTER % b"once"
            id, operation = self.daemon.call(PATH, "Submission", "Send", "(ova{sv})", self.account, GLib.Variant("ay", octets), {})
            self.assertEqual(self.ended(operation)["state"], "done")
            header = self.mailbox.sent[-1].lower().partition(b"\r\n\r\n")[0]
            self.assertEqual([header.count(b"\nmessage-id:") + header.startswith(b"message-id:"),
                              header.count(b"\ndate:") + header.startswith(b"date:")], [1, 1], header)
            ids.append(id)
            self.daemon.sync()
            there = self.daemon.query({"inMailbox": GLib.Variant("o", self.daemon.folders()["Sent Items"])}, properties=["id"])["messages"]
            self.assertEqual(sorted(row["id"] for row in there), ids)

    def test_a_server_that_saves_nothing(self):
        """It stays in Sent, here alone."""
        mailbox = Mailbox()
        mailbox.saves = False
        self.begin(mailbox)
        id, operation = self.send()
        self.assertEqual(self.ended(operation)["state"], "done")
        self.is_in_sent(id)
        self.daemon.kill()
        self.daemon = self.start(secrets=self.secrets)
        self.is_in_sent(id)

    def test_what_is_marked_before_its_copy_comes_stays_marked(self):
        mailbox = Mailbox()
        mailbox.saves = False
        self.begin(mailbox)
        id, operation = self.send()
        self.assertEqual(self.ended(operation)["state"], "done")
        self.modify([id], addKeywords=strings("$flagged", "holiday"))
        mailbox.put(mailbox.sent[0], "sent")
        self.is_in_sent(id)
        wait_for(lambda: self.daemon.get(self.account, "Account", "PendingOperations") == 0)
        (copy,) = mailbox.items["sent"].values()
        self.assertEqual((copy.flagged, copy.categories), (True, ["holiday"]))
        self.assertLessEqual({"$flagged", "holiday"}, self.keywords(id))

    def test_what_is_moved_before_its_copy_comes_is_moved(self):
        mailbox = Mailbox()
        mailbox.saves = False
        self.begin(mailbox)
        id, operation = self.send()
        self.assertEqual(self.ended(operation)["state"], "done")
        self.modify([id], moveTo=GLib.Variant("o", self.daemon.folders()["Archive"]))
        self.assertEqual(self.where(id), "archive")
        mailbox.put(mailbox.sent[0], "sent")
        self.daemon.sync()
        wait_for(lambda: self.daemon.get(self.account, "Account", "PendingOperations") == 0)
        self.daemon.sync()
        self.assertEqual((len(mailbox.items["sent"]), len(mailbox.items["arch"])), (0, 1))
        self.assertEqual(self.ids(), {"Message 1": self.ids()["Message 1"], "letter": id})
        self.assertEqual(self.where(id), "archive")

    def test_what_is_destroyed_before_its_copy_comes_is_destroyed(self):
        mailbox = Mailbox()
        mailbox.saves = False
        self.begin(mailbox)
        mirror = Mirror()
        mirror.catch_up(self.daemon)
        id, operation = self.send()
        self.assertEqual(self.ended(operation)["state"], "done")
        self.modify([id], destroy=GLib.Variant("b", True))
        self.assertNotIn(id, self.ids().values())
        self.daemon.kill()
        self.daemon = self.start(secrets=self.secrets)
        self.daemon.sync()
        mailbox.put(mailbox.sent[0], "sent")
        self.daemon.sync()
        wait_for(lambda: self.daemon.get(self.account, "Account", "PendingOperations") == 0)
        self.daemon.sync()
        self.assertEqual(len(mailbox.items["sent"]), 0)
        self.assertEqual(set(self.ids()), {"Message 1"})
        mirror.catch_up(self.daemon)
        self.assertEqual((mirror.new_mail, set(mirror.messages)), ([], set(self.ids().values())))

    def test_what_is_destroyed_is_forgotten_where_no_copy_comes(self):
        mailbox = Mailbox()
        mailbox.saves = False
        self.begin(mailbox)

        def destroy_sent():
            id, operation = self.send()
            self.assertEqual(self.ended(operation)["state"], "done")
            self.modify([id], destroy=GLib.Variant("b", True))
            return id
        id = destroy_sent()
        self.daemon.kill()
        with sqlite3.connect(self.data + "/surel.db", timeout=20) as store:
            store.execute("UPDATE operation SET ended = ended - 90000")  # as after a day
        self.daemon = self.start(secrets=self.secrets)
        with sqlite3.connect(f"file:{self.data}/surel.db?mode=ro", uri=True, timeout=20) as store:
            wait_for(lambda: store.execute("SELECT count(*) FROM message WHERE id = ?", (id,)).fetchone()[0] == 0)
        # Nor is it in the way of anything before.
        destroy_sent()
        self.daemon.call(self.account, "Account", "Remove", "(a{sv})", {})

    def test_somebody_has_to_get_it(self):
        self.begin()
        for to in (b"To: undisclosed-recipients:;", b"To: ", b"To: Bob the Builder", b"Cc: <>"):
            with self.assertRaises(GLib.Error) as caught:
                self.daemon.call(PATH, "Submission", "Send", "(ova{sv})", self.account,
                                 GLib.Variant("ay", b"From: a@surel.test\r\n" + to + b"\r\nSubject: x\r\n\r\nx\r\n"), {})
            self.assertEqual(error_name(caught.exception), "InvalidArgument", to)
        self.assertEqual(self.ids("Outbox") if "Outbox" in self.daemon.folders() else {}, {})
        self.assertEqual(set(self.ids()), {"Message 1"})

    def test_a_message_id_is_one_whatever_the_address(self):
        for address, domain in (("al>ice@su>rel.test", "localhost"), ("alice@grün.test", "xn--grn-ioa.test"), ("alice@surel.test", "surel.test")):
            self.begin(address=GLib.Variant("s", address))
            self.ended(self.send()[1])
            self.assertRegex(self.mailbox.sent[0], rb"(?m)^Message-ID: <[0-9a-f-]{36}@" + domain.encode() + rb">\r$")
            self.daemon.stop()
            self.data += "x"

    def test_requests(self):
        """As the version has them: a ClientId of its own for each message, the original's folder and id, ReplaceMime."""
        for version in ("12.1", "14.1", "16.1"):
            class Versioned(Mailbox):
                versions = version
                paths = []

                def before(self, name, request):
                    if name == "SendMail":
                        self.paths.append(self.here.path)
            mailbox = Versioned()
            ids = self.begin(mailbox, 2)
            one = self.send(b"one")[1]
            self.ended(one)
            self.ended(self.send(b"two", inReplyTo=GLib.Variant("t", ids["Message 1"]))[1])
            self.ended(self.send(b"three", forwardOf=GLib.Variant("t", ids["Message 2"]))[1])
            if version == "12.1":
                self.assertEqual(len(self.said("SendMail")), 3)
                self.assertTrue(all("&SaveInSent=T" in path for path in mailbox.paths))
            else:
                requests = [self.said(name) for name in ("SendMail", "SmartReply", "SmartForward")]
                self.assertEqual([len(one) for one in requests], [1, 1, 1])
                clients = {text(one[0], "ClientId") for one in requests}
                self.assertEqual(({len(client) for client in clients}, len(clients)), ({40}, 3))
                for n, (request,) in enumerate(requests):
                    self.assertIsNotNone(child(request, "SaveInSentItems"))
                    self.assertEqual(child(request, "ReplaceMime") is not None, n > 0)
                    self.assertEqual((text(child(request, "Source"), "FolderId"), text(child(request, "Source"), "ItemId")) if n else None,
                                     (Mailbox.inbox, str(n)) if n else None)
            self.assertEqual(self.keywords(ids["Message 1"]) | self.keywords(ids["Message 2"]), {"$answered", "$forwarded"})
            for octets in self.mailbox.sent:
                self.assertRegex(octets, rb"(?s)^Date: .*Message-ID: <[-0-9a-f]+@surel.test>\r\nFrom: alice")
            self.daemon.stop()
            self.data += "x"

    def test_the_original_may_be_gone(self):
        """As the server knows, and Surel doesn't yet; and some know no such command."""
        class Gone(Mailbox):
            def do_SmartReply(self, request):
                if self.knows_it:
                    return element("21:SmartReply", element("21:Status", 150))
                raise Raw(501)
        for knows_it in (True, False):
            mailbox = Gone()
            mailbox.knows_it = knows_it
            ids = self.begin(mailbox)
            id, operation = self.send(inReplyTo=GLib.Variant("t", ids["Message 1"]))
            self.assertEqual(self.ended(operation)["state"], "done", knows_it)
            self.is_in_sent(id)
            self.daemon.stop()
            self.data += "x"

    def test_a_key_sends_once(self):
        self.begin()
        for _ in range(2):
            id, operation = self.send(key=GLib.Variant("s", "the same"))
            self.assertEqual(self.ended(operation)["state"], "done")
        self.is_in_sent(id)

    def test_later(self):
        """Also where it was killed meanwhile, or is to be tried again: it is to go later all the same."""
        self.begin()
        begin = time.time()
        id, operation = self.send(sendAt=GLib.Variant("x", int(begin) + 4))
        self.daemon.kill()
        self.daemon = self.start(secrets=self.secrets)
        self.daemon.call(PATH, "Operations", "Retry", "(ta{sv})", operation, {})
        self.daemon.sync()
        self.assertEqual((self.where(id), self.mailbox.sent), ("outbox", []))
        self.assertEqual(self.ended(operation)["state"], "done")
        self.assertGreaterEqual(time.time(), int(begin) + 4)
        self.is_in_sent(id)


if __name__ == "__main__":
    main()
