#!/usr/bin/python3
"""The absence notice of an account: asked for, set, and set while its server isn't there."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403
from eas_case import *  # noqa: E402,F403
from scripted_eas import AUDIENCES, Mailbox, Raw, child, element  # noqa: E402

FROM, TO = 1_800_000_000, 1_800_600_000
TYPES = {bool: "b", int: "x", str: "s"}


class Vacation(EasCase):
    def start_with(self, mailbox=None):
        self.begin(mailbox, count=1)
        self.settled(1)
        self.assertIn("vacation", self.daemon.get(self.account, "Account", "Capabilities"))

    def read(self):
        return self.daemon.call(self.account, "Account", "GetVacation", "(a{sv})", {})[0]

    def set(self, options=None, **values):
        return self.daemon.call(self.account, "Account", "SetVacation", "(a{sv}a{sv})",
                                {key: GLib.Variant(TYPES[type(value)], value) for key, value in values.items()}, options or {})[0]

    def sets(self):
        """What the server was asked to set, one after the other."""
        return [request for request in self.said("Settings") if "18:Set'" in str(request)]

    def test_it_is_set_and_read(self):
        self.start_with()
        self.assertEqual(self.read(), {"isEnabled": False})
        operation = self.ended(self.set(isEnabled=True, textBody="Away.\r\nBack on Monday. \u2603"))
        self.assertEqual((operation["state"], operation["kind"], operation["accounts"]), ("done", "set-vacation", [self.account]))
        self.assertEqual(self.mailbox.oof, {"OofState": "1"})
        self.assertEqual(set(self.mailbox.notices.values()), {("1", "Away.\r\nBack on Monday. \u2603", "Text")})
        self.assertEqual(self.read(), {"isEnabled": True, "textBody": "Away.\r\nBack on Monday. \u2603",
                                       "htmlBody": "HTML(Away.\r\nBack on Monday. \u2603)"})
        self.assertEqual(self.ended(self.set(fromDate=FROM, toDate=TO))["state"], "done")
        self.assertEqual(self.mailbox.oof, {"OofState": "2", "StartTime": "2027-01-15T08:00:00.000Z",
                                            "EndTime": "2027-01-22T06:40:00.000Z"})
        self.assertEqual((self.read()["fromDate"], self.read()["toDate"]), (FROM, TO))
        self.assertEqual(self.ended(self.set(htmlBody="<p>Away", textBody="Away"))["state"], "done")
        self.assertEqual(set(self.mailbox.notices.values()), {("1", "<p>Away", "HTML")})
        self.assertEqual(self.mailbox.oof["OofState"], "2", "the time stays as it is")
        self.assertEqual(self.ended(self.set(isEnabled=False))["state"], "done")
        self.assertEqual((self.mailbox.oof, self.read()["isEnabled"]), ({"OofState": "0"}, False))
        self.assertEqual(set(self.mailbox.notices.values()), {("1", "<p>Away", "HTML")}, "the text stays as it is")

    def test_one_date_alone(self):
        self.start_with()
        self.ended(self.set(isEnabled=True, toDate=TO, textBody="Away"))
        self.assertEqual((self.read()["toDate"], abs(self.read()["fromDate"] - time.time()) < 60), (TO, True))
        self.ended(self.set(fromDate=FROM, toDate=0))
        self.assertEqual(self.read()["fromDate"], FROM)
        self.assertGreater(self.read()["toDate"], FROM + 9 * 365 * 86400)
        self.ended(self.set(fromDate=0, toDate=0))
        self.assertEqual((self.mailbox.oof, self.read()["isEnabled"]), ({"OofState": "1"}, True))

    def test_what_others_set_for_some_stays(self):
        self.start_with()
        self.mailbox.oof = {"OofState": "1"}
        self.mailbox.notices = dict(zip(AUDIENCES, [("1", "inside", "Text"), ("1", "known", "Text"), ("0", "", "Text")]))
        self.assertEqual(self.read()["textBody"], "inside")
        before = dict(self.mailbox.notices)
        self.ended(self.set(fromDate=FROM, toDate=TO))
        self.assertEqual(self.mailbox.notices, before)

    def test_it_is_set_offline_and_merged(self):
        self.start_with()
        self.enable(False)
        self.assertFails("Offline", self.read)
        first = self.set(isEnabled=True, textBody="First", fromDate=FROM)
        second = self.set(textBody="Second")
        third = self.set(toDate=TO)
        self.assertEqual(self.daemon.get(self.account, "Account", "PendingOperations"), 1)
        self.assertFails("NotSupported", self.daemon.call, PATH, "Operations", "Cancel", "(ta{sv})", first, {})
        self.daemon.kill()
        self.daemon = self.start(secrets=self.secrets)
        self.enable(True)
        self.assertEqual([self.ended(one)["state"] for one in (first, second, third)], ["done"] * 3)
        self.assertEqual(self.mailbox.oof["OofState"], "2")
        self.assertEqual(set(self.mailbox.notices.values()), {("1", "Second", "Text")})
        self.assertEqual(len(self.sets()), 1)
        self.daemon.stop()
        with sqlite3.connect(self.data + "/surel.db") as database:  # texts aren't kept with what has ended
            self.assertEqual(database.execute("SELECT DISTINCT add_words FROM intent WHERE kind = 20").fetchall(), [("",)])
        database.close()

    def test_it_waits_for_the_server(self):
        class Busy(Mailbox):
            busy = 0

            def set_oof(self, request):
                return element("18:Oof", element("18:Status", 4)) if self.busy == 2 else super().set_oof(request)

        self.start_with(Busy())
        self.refused = True
        self.mailbox.before = self.refuse
        waiting = self.set(isEnabled=True)
        wait_for(lambda: len([one for one in self.said("Settings") if child(one, "Oof")]) > 1, 30)
        self.assertEqual(self.daemon.get(self.account, "Account", "PendingOperations"), 1)
        self.refused = False
        self.mailbox.busy = 2
        self.daemon.call(PATH, "Operations", "Retry", "(ta{sv})", waiting, {})
        wait_for(lambda: "status 4" in self.operation(waiting)["error"][1], say=lambda: str(self.operation(waiting)))
        self.assertEqual(self.operation(waiting)["state"], "pending")
        self.mailbox.busy = 0
        self.daemon.call(PATH, "Operations", "Retry", "(ta{sv})", waiting, {})
        self.assertEqual(self.ended(waiting)["state"], "done")
        self.assertEqual(self.mailbox.oof, {"OofState": "1"})

    def operation(self, id):
        return self.daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [id])})[0]["operations"][0]

    def refuse(self, name, request):
        if name == "Settings" and self.refused:
            raise Raw(500)

    def test_it_is_cancelled(self):
        self.start_with()
        done = self.set(isEnabled=True)
        self.ended(done)
        self.assertFails("NotSupported", self.daemon.call, PATH, "Operations", "Cancel", "(ta{sv})", done, {})
        self.enable(False)
        waiting = self.set(isEnabled=False)
        self.daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", waiting, {})
        self.assertEqual(self.daemon.get(self.account, "Account", "PendingOperations"), 0)
        self.assertEqual(self.ended(waiting)["state"], "cancelled")
        self.enable(True)
        wait_for(self.is_idle)
        self.assertTrue(self.read()["isEnabled"])

    def test_what_waits_is_shown(self):
        class Slow(Mailbox):
            slow = True

            def set_oof(self, request):
                if "18:Set'" in str(request):
                    self.changed.wait_for(lambda: not self.slow, 20)
                return super().set_oof(request)

        self.start_with(Slow())
        waiting = self.set(isEnabled=True, textBody="Away")
        wait_for(self.sets)
        self.assertTrue(self.read()["isEnabled"])
        self.assertEqual(self.read()["textBody"], "Away")
        with self.mailbox.lock:
            self.mailbox.slow = False
            self.mailbox.changed.notify_all()
        self.assertEqual(self.ended(waiting)["state"], "done")

    def test_what_the_server_says_is_told(self):
        class Refusing(Mailbox):
            status = 1

            def set_oof(self, request):
                return element("18:Oof", element("18:Status", self.status)) if self.status != 1 else super().set_oof(request)

        self.start_with(Refusing())
        for status, name in ((3, "PermissionDenied"), (5, "ServerRejected"), (7, "PermissionDenied")):
            self.mailbox.status = status
            self.assertFails(name, self.read)
            operation = self.ended(self.set(isEnabled=True))
            self.assertEqual((operation["state"], operation["error"][0]), ("failed", f"{NAME}.Error.{name}"))
            self.assertIn(f"status {status} of Settings", operation["error"][1])
        self.mailbox.status = 1
        self.daemon.call(PATH, "Operations", "Retry", "(ta{sv})", operation["id"], {})
        self.assertEqual(self.ended(operation["id"])["state"], "done")
        self.assertEqual(self.mailbox.oof, {"OofState": "1"})
        wait_for(self.is_idle, say=lambda: str(self.daemon.get(self.account, "Account", "Error")))

    def test_a_server_that_has_none(self):
        """As SOGo answers."""
        class Without(Mailbox):
            def do_Settings(self, request):
                return element("18:Settings", element("18:Status", 1)) if child(request, "Oof") else super().do_Settings(request)

        self.start_with(Without())
        self.assertIn("no absence notice", self.assertFails("NotSupported", self.read))
        operation = self.ended(self.set(isEnabled=True))
        self.assertEqual((operation["state"], operation["error"][0]), ("failed", NAME + ".Error.NotSupported"))
        wait_for(self.is_idle, say=lambda: str(self.daemon.get(self.account, "Account", "Error")))

    def test_no_subject(self):
        self.start_with()
        operation = self.ended(self.set(isEnabled=True, subject="Away"))
        self.assertEqual((operation["state"], operation["error"][0]), ("failed", NAME + ".Error.NotSupported"))
        self.assertEqual(self.sets(), [])
        self.assertEqual(self.ended(self.set(isEnabled=True, subject=""))["state"], "done")

    def test_wrong_arguments(self):
        self.start_with()
        for values, words in (({}, "Nothing"), ({"enabled": True}, "`enabled` is nothing"), ({"isEnabled": 1}, "type b"),
                              ({"fromDate": "x"}, "type x"), ({"toDate": -1}, "seconds"), ({"fromDate": 5, "toDate": 5}, "ends before it begins"),
                              ({"subject": "a\nb"}, "one line"), ({"textBody": "x" * 65537}, "too long")):
            self.assertIn(words, self.assertFails("InvalidArgument", self.set, **values))
        self.assertFails("InvalidArgument", self.set, {"nothing": GLib.Variant("b", True)}, isEnabled=True)
        self.assertFails("InvalidArgument", self.daemon.call, self.account, "Account", "GetVacation", "(a{sv})",
                         {"nothing": GLib.Variant("b", True)})
        self.assertEqual(self.sets(), [])

    def test_hostile_answers(self):
        class Hostile(Mailbox):
            oofs = iter(())

            def do_Settings(self, request):
                if not child(request, "Oof"):
                    return super().do_Settings(request)
                return element("18:Settings", element("18:Status", 1), *next(self.oofs))

        def oof(*inside):
            return [element("18:Oof", element("18:Status", 1), *inside)]

        self.start_with(Hostile())
        for answer, expected in (
                (oof(), {"isEnabled": False}),
                (oof(element("18:Get", element("18:OofState", "many"), element("18:StartTime", "never"))), {"isEnabled": False}),
                (oof(element("18:Get", element("18:OofState", 2), element("18:StartTime", "9" * 5000),
                             element("18:EndTime", "2027-01-22T06:40:00.000Z"))), {"isEnabled": True, "toDate": TO}),
                (oof(*[element("18:Get", element("18:OofMessage", element("18:ReplyMessage", "x" * 70000)))] * 3),
                 {"isEnabled": False, "textBody": "x" * 65536}),
                (oof(element("18:Get", element("18:OofMessage", element("18:ReplyMessage", b"\xff\xfe"), element("18:Enabled")))),
                 {"isEnabled": False, "textBody": "\ufffd\ufffd"})):
            self.mailbox.oofs = iter([answer, answer])
            self.assertEqual(self.read(), expected)
        self.mailbox.oofs = iter([[]])
        self.assertFails("NotSupported", self.read)
        self.mailbox.oofs = iter([oof()])
        self.assertEqual(self.ended(self.set(textBody="Away"))["state"], "failed", "it would be turned off")
        self.assertEqual(self.sets(), [])

    def test_the_same_call_again(self):
        self.start_with()
        key = {"key": GLib.Variant("s", "once")}
        first = self.set(key, isEnabled=True)
        self.assertEqual(self.set(key, isEnabled=True), first)
        self.ended(first)
        self.assertEqual(len(self.sets()), 1)


class OnImap(Changing):
    def test_imap_has_none(self):
        daemon = self.prepare()
        self.assertNotIn("vacation", daemon.get(self.account, "Account", "Capabilities"))
        enabled = {"isEnabled": GLib.Variant("b", True)}
        self.assertFails("NotSupported", daemon.call, self.account, "Account", "GetVacation", "(a{sv})", {})
        self.assertFails("NotSupported", daemon.call, self.account, "Account", "SetVacation", "(a{sv}a{sv})", enabled, {})

    def test_imap_that_was_not_reached_yet(self):
        daemon = self.prepare()
        account, _ = daemon.add_account(self.server, port=free_port(), user="bob")
        operation = daemon.call(account, "Account", "SetVacation", "(a{sv}a{sv})", {"isEnabled": GLib.Variant("b", True)}, {})[0]
        daemon.call(account, "Account", "Configure", "(a{sv}a{sv})", {"port": GLib.Variant("i", self.server.port + 1)}, {})

        def listed():
            return daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [operation])})[0]["operations"][0]
        wait_for(lambda: listed()["state"] == "failed", 30, say=lambda: str(listed()))
        self.assertEqual(listed()["error"][0], NAME + ".Error.NotSupported")


if __name__ == "__main__":
    main()
