#!/usr/bin/python3
"""Whom mail of an ActiveSync account may come from, as its server tells."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from eas_case import *  # noqa: E402,F403
from scripted_eas import Mailbox, Raw, child, element  # noqa: E402


class Addresses(EasCase):
    def identities(self):
        return {one["id"]: (one["email"], one["default"]) for one in self.daemon.get(self.account, "Account", "Identities")}

    def test_the_server_tells_them(self):
        for versions in ("14.1", "12.1"):
            mailbox = Mailbox()
            mailbox.versions = versions
            mailbox.addresses = [["a.main@surel.test", "Alice@surel.test", "A.MAIN@surel.test", "sales@surel.test"]]
            self.begin(mailbox, count=1)
            self.settled(1)
            wait_for(lambda: len(self.identities()) == 3, say=lambda: str(self.identities()))
            self.assertEqual(list(self.identities().items()), [
                ("default", ("alice@surel.test", True)), ("a.main@surel.test", ("a.main@surel.test", False)),
                ("sales@surel.test", ("sales@surel.test", False))])
            self.daemon.stop()
            self.eas.stop()
            self.daemon = self.start(secrets=self.secrets)
            self.assertEqual(len(self.identities()), 3, "they are known while the server is away")
            settings = {"identities": GLib.Variant("aa{sv}", [{"id": GLib.Variant("s", "own"), "default": GLib.Variant("b", True),
                                                               "email": GLib.Variant("s", "own@surel.test")}])}
            self.daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", settings, {})
            self.assertEqual(self.identities(), {"own": ("own@surel.test", True)})
            self.daemon.stop()
            self.data += "2"

    def test_accounts_that_it_does_not_send_for(self):
        class Several(Mailbox):
            def set_userinformation(self, request):
                answer = super().set_userinformation(request)
                child(child(answer, "Get"), "Accounts")[1][1][1].insert(0, ((18, 0x29), ["1"]))
                return answer
        mailbox = Several()
        mailbox.addresses = [["alice@surel.test", "a@surel.test"], ["alice@elsewhere.test"], ["third@surel.test"]]
        self.begin(mailbox, count=1)
        self.settled(1)
        wait_for(lambda: list(self.identities()) == ["default", "a@surel.test", "third@surel.test"], say=lambda: str(self.identities()))

    def test_hostile_answers(self):
        wrong = ["", "nobody", "two words@surel.test", "<a@surel.test>", "x" * 400 + "@surel.test", "a\x01@surel.test", b"\xff@surel.test",
                 "a@b,c@d", "\u202ea@surel.test"]
        for answer in (
                lambda request: element("18:Settings", element("18:Status", 2)),
                lambda request: element("18:Settings", element("18:Status", 1)),
                lambda request: element("18:Settings", element("18:Status", 1), element("18:UserInformation", element("18:Get", element(
                    "18:EmailAddresses", *[element("18:SmtpAddress", one) for one in wrong], element("18:PrimarySmtpAddress"))))),
                lambda request: self.refuse(500), lambda request: self.refuse(403), lambda request: self.refuse(501)):
            mailbox = Mailbox()
            mailbox.do_Settings = answer
            self.begin(mailbox, count=1)
            ids = self.settled(1)
            wait_for(lambda mailbox=mailbox: self.said("Settings"))
            self.ended(self.modify(list(ids.values()), addKeywords=strings("$seen")))
            self.assertEqual(set(self.identities()), {"default"})
            self.assertTrue(self.said("Sync") and self.daemon.get(self.account, "Account", "Error")[0] == "")
            self.daemon.stop()
            self.data += "2"

    def test_a_great_many(self):
        mailbox = Mailbox()
        mailbox.addresses = [[f"a{n}@surel.test" for n in range(1000)]]
        self.begin(mailbox, count=1)
        self.settled(1)
        wait_for(lambda: len(self.identities()) > 1)
        self.assertEqual(len(self.identities()), 101)

    def refuse(self, status):
        raise Raw(status)


if __name__ == "__main__":
    main()
