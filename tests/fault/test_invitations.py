#!/usr/bin/python3
"""Answers to invitations: by the server from 16.0 on, by a message of ours before; each once, whatever breaks off."""

import email
import email.policy
import os
import sqlite3
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403
from eas_case import *  # noqa: E402,F403
from scripted_eas import Mailbox, Raw, child, element, text  # noqa: E402

EVENT = """BEGIN:VCALENDAR
PRODID:-//Surel//Tests//EN
VERSION:2.0
METHOD:REQUEST
BEGIN:VEVENT
UID:meeting-1@surel.test
SEQUENCE:3
DTSTAMP:20261101T080000Z
DTSTART:20261201T090000Z
DTEND:20261201T100000Z
SUMMARY:Caf\u00e9 at nine
ORGANIZER;CN=Host:mailto:host@elsewhere.test
ATTENDEE;CN=Other;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:other@surel.test
ATTENDEE;CN=Alice;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:MAILTO:Alice@Surel.Test
END:VEVENT
END:VCALENDAR
"""


def invitation(n=1, event=EVENT):
    return (f"From: Host <host@elsewhere.test>\r\nTo: alice@surel.test\r\nSubject: Invitation {n}\r\nMessage-ID: <i{n}@elsewhere.test>\r\n"
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nCome.\r\n--b\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n" + event.replace("\n", "\r\n") + "--b--\r\n").encode()


class Invitations(EasCase):
    def start_with(self, versions="14.1", event=EVENT, mailbox=None):
        mailbox = mailbox or Mailbox()
        mailbox.versions = versions
        mailbox.put(invitation(event=event))
        self.begin(mailbox, count=1)
        self.settled(2)
        self.invitation = self.ids()["Invitation 1"]
        self.assertIn("respond", self.daemon.get(self.account, "Account", "Capabilities"))

    def respond(self, answer="accepted", id=None, **options):
        return self.daemon.call(PATH, "Items", "Respond", "(tsa{sv})", id or self.invitation, answer, options)[0]

    def replies(self):
        return [email.message_from_bytes(octets, policy=email.policy.default) for octets in self.mailbox.sent]

    def calendar_of(self, reply):
        self.assertEqual(reply.get_content_type(), "multipart/alternative")
        part = [part for part in reply.walk() if part.get_content_type() == "text/calendar"][0]
        self.assertEqual(part.get_param("method"), "REPLY")
        return part.get_content().replace("\r\n", "\n").replace("\n ", "").split("\n")

    def test_before_16_who_invites_is_told_by_mail(self):
        for versions in ("12.1", "14.1"):
            for answer, number, said, word in (("accepted", "1", "ACCEPTED", "Accepted"), ("tentative", "2", "TENTATIVE", "Tentative"),
                                               ("declined", "3", "DECLINED", "Declined")):
                with self.subTest(versions=versions, answer=answer):
                    self.start_with(versions)
                    operation = self.ended(self.respond(answer))
                    self.assertEqual((operation["state"], operation["kind"], operation["messages"]), ("done", "respond", [self.invitation]))
                    self.assertEqual(self.mailbox.responses, [(number, False)])
                    (reply,) = self.replies()
                    self.assertEqual((reply["From"], reply["To"], reply["Subject"], reply["In-Reply-To"]),
                                     ("alice@surel.test", "host@elsewhere.test", word + ": Caf\u00e9 at nine", "<i1@elsewhere.test>"))
                    lines = self.calendar_of(reply)
                    for line in ("METHOD:REPLY", "UID:meeting-1@surel.test", "SEQUENCE:3", "ORGANIZER;CN=Host:mailto:host@elsewhere.test",
                                 "DTSTART:20261201T090000Z", "SUMMARY:Caf\u00e9 at nine"):
                        self.assertIn(line, lines)
                    (attendee,) = [line for line in lines if line.startswith("ATTENDEE")]
                    self.assertIn("PARTSTAT=" + said, attendee)
                    self.assertTrue(attendee.endswith(":MAILTO:Alice@Surel.Test"), attendee)
                    wait_for(lambda: "Invitation 1" not in self.ids(), say="the server took it away")
                    wait_for(lambda: word + ": Caf\u00e9 at nine" in self.ids("Sent Items"))
                    self.daemon.stop()
                    self.data = self.dir + "/" + versions + answer

    def test_from_16_on_the_server_tells(self):
        self.start_with("14.1,16.0,16.1")
        self.assertEqual(self.ended(self.respond("tentative"))["state"], "done")
        self.assertEqual((self.mailbox.responses, self.mailbox.sent), ([("2", True)], []))
        self.assertEqual(self.said("ItemOperations"), [])

    def test_nobody_is_told_who_wants_no_answer(self):
        for event in (EVENT.replace("RSVP=TRUE:MAILTO", "RSVP=FALSE:MAILTO"), EVENT.replace("host@elsewhere.test", "alice@surel.test"),
                      EVENT.replace("mailto:host@elsewhere.test", "urn:uuid:1")):
            with self.subTest(event=event):
                self.start_with(event=event)
                self.assertEqual(self.ended(self.respond())["state"], "done")
                self.assertEqual((self.mailbox.responses, self.mailbox.sent), ([("1", False)], []))
                self.daemon.stop()
                self.data += "x"

    def test_wrong_calls_are_told(self):
        self.start_with()
        other = self.ids()["Message 1"]
        with self.assertRaises(GLib.Error) as caught:
            self.respond("maybe")
        self.assertEqual(error_name(caught.exception), "InvalidArgument")
        with self.assertRaises(GLib.Error) as caught:
            self.respond(id=4711)
        self.assertEqual(error_name(caught.exception), "NotFound")
        for versions in ("14.1", "16.1"):
            operation = self.ended(self.respond(id=other))
            self.assertEqual((operation["state"], operation["error"][0].rsplit(".", 1)[-1]), ("failed", "InvalidArgument"))
            self.mailbox.versions = "16.1"
            self.enable(False)
            self.enable(True)
        self.assertIn("Message 1", self.ids())

    def test_without_its_server_it_waits(self):
        self.start_with()
        self.enable(False)
        first, second = self.respond("declined"), self.respond("accepted")
        self.assertEqual(self.ended(first)["state"], "done", "the later one has taken its place")
        self.assertIn("Invitation 1", self.ids("INBOX"))
        third = self.respond("tentative", key=GLib.Variant("s", "k"))
        self.assertEqual(third, self.respond("tentative", key=GLib.Variant("s", "k")))
        self.assertEqual(self.ended(second)["state"], "done")
        self.daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", third, {})
        self.assertEqual(self.ended(third)["state"], "cancelled")
        fourth = self.respond("accepted")
        self.modify([self.invitation], destroy=GLib.Variant("b", True))
        self.enable(True)
        self.assertEqual(self.ended(fourth)["state"], "done")
        self.assertEqual((self.mailbox.responses, len(self.mailbox.sent)), ([("1", False)], 1))

    def test_a_server_that_cannot_deliver_it(self):
        """A no that is said for half an hour is one for good: what is to be done with the invitation else goes on."""
        class Losing(Mailbox):
            def do_ItemOperations(self, request):
                return element("20:ItemOperations", element("20:Status", 1), element("20:Response", element(
                    "20:Fetch", element("20:Status", 6))))
        self.start_with(mailbox=Losing())
        operation = self.respond()
        read = self.modify([self.invitation], addKeywords=strings("$seen"))
        wait_for(lambda: self.said("ItemOperations"))
        self.daemon.stop()
        with sqlite3.connect(self.data + "/surel.db", timeout=20) as database:  # as time has passed
            database.execute("UPDATE operation SET attempts = 10, next_attempt = 0 WHERE kind = 'respond'")
        database.close()
        self.daemon = self.start(secrets=self.secrets)
        ended = self.ended(operation)
        self.assertEqual((ended["state"], ended["error"][0].rsplit(".", 1)[-1]), ("failed", "NotFound"))
        self.assertEqual((self.ended(read)["state"], self.mailbox.responses, self.mailbox.sent), ("done", [], []))

    def test_what_a_person_cuts_off_is_no_attempt(self):
        class Slow(Mailbox):
            asked, go_on = threading.Event(), threading.Event()

            def before(self, name, request):
                if name == "MeetingResponse" and not self.asked.is_set():
                    self.asked.set()
                    self.lock.release()
                    self.go_on.wait(20)
                    self.lock.acquire()
                    raise Raw(503)
        self.start_with("16.1", mailbox=Slow())
        operation = self.respond()
        self.assertTrue(self.mailbox.asked.wait(20))
        self.enable(False)
        time.sleep(1)
        found = self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [operation])})[0]["operations"][0]
        self.assertEqual((found["attempts"], found["nextAttempt"], found["error"]), (0, 0, ("", "")))
        self.mailbox.go_on.set()
        self.enable(True)
        self.assertEqual(self.ended(operation)["state"], "done")

    def test_what_breaks_off_is_ended(self):
        """The server has done it, and taken the invitation away; its answer is lost, or ours can't be sent yet."""
        cut = Raw(200, b"x" * 50, cut=10)
        for command, versions, how in (("MeetingResponse", "14.1", cut), ("MeetingResponse", "16.1", cut), ("SendMail", "14.1", cut),
                                       ("SendMail", "14.1", Raw(503, headers={"Retry-After": "1"}))):
            for kill in (False, True):
                with self.subTest(command=command, versions=versions, how=how.status, kill=kill):
                    self.break_off(command, versions, how, kill)

    def break_off(self, command, versions, how, kill):
        class Broken(Mailbox):
            broken, held = False, threading.Event()

            def answer(self, name, request):
                answer = super().answer(name, request)
                if name == command and not self.broken:
                    self.broken = True
                    self.held.set()
                    raise how
                return answer

        Broken.held = threading.Event()
        self.start_with(versions, mailbox=Broken())
        operation = self.respond("accepted")
        self.assertTrue(self.mailbox.held.wait(20))
        if kill:
            self.daemon.kill()
            self.daemon = self.start(secrets=self.secrets)
        self.daemon.call(PATH, "Manager", "Sync", "(a{sv})", {})
        self.assertEqual(self.ended(operation)["state"], "done")
        self.assertEqual({answer for answer, _ in self.mailbox.responses}, {"1"})
        replies = self.replies()
        self.assertEqual(len({reply["Message-ID"] for reply in replies}), 0 if versions == "16.1" else 1)
        self.assertEqual(self.daemon.get(self.account, "Account", "PendingOperations"), 0)
        self.daemon.stop()
        self.data += "x"


if __name__ == "__main__":
    main()
