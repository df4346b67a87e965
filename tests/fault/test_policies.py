#!/usr/bin/python3
"""ActiveSync servers that let nobody in who doesn't accept their policies, or doesn't say what device it is."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from eas_case import *  # noqa: E402,F403
from scripted_eas import Mailbox, Raw, child, element, encode, text  # noqa: E402


class Policies(EasCase):
    class Enforcing(Mailbox):
        """Lets nobody do anything who hasn't accepted its policies."""
        key, demands, how = "0", [], "status"

        def policy_of(self, key, *inside):
            return element("14:Provision", element("14:Status", 1), element("14:Policies", element(
                "14:Policy", element("14:PolicyType", "MS-EAS-Provisioning-WBXML"), element("14:Status", 1),
                element("14:PolicyKey", key), *inside)))

        def do_Provision(self, request):
            policy = child(child(request, "Policies"), "Policy")
            if text(policy, "PolicyKey") is None:
                self.offered = self.new_key()
                return self.policy_of(self.offered, element("14:Data", element("14:EASProvisionDoc", *self.demands)))
            assert (text(policy, "PolicyKey"), text(policy, "Status")) == (self.offered, "1")
            self.key = self.new_key()
            return self.policy_of(self.key)

        def before(self, name, request):
            if name == "Provision" or self.here.headers.get("X-MS-PolicyKey") == self.key:
                return
            if self.how == "http":
                raise Raw(449)
            answers = {"FolderSync": element("7:FolderSync", element("7:Status", 142)), "Sync": element("0:Sync", element("0:Status", 142)),
                       "Ping": element("13:Ping", element("13:Status", 142)),
                       "MoveItems": element("5:MoveItems", element("5:Status", 144)),
                       "ItemOperations": element("20:ItemOperations", element("20:Status", 143))}
            raise Raw(body=encode(answers[name]))

    def test_policies_that_can_be_met_are_accepted(self):
        for how in ("status", "http"):
            mailbox = self.Enforcing()
            mailbox.how = how
            self.begin(mailbox)
            ids = self.settled()
            self.assertEqual(len(self.said("Provision")), 2)
            self.ended(self.modify([ids["Message 1"]], addKeywords=strings("$seen")))
            self.daemon.stop()
            self.daemon = self.start(secrets=self.secrets)
            self.daemon.sync()
            self.assertEqual(len(self.said("Provision")), 2)  # the key is remembered
            with mailbox.lock:
                mailbox.key = "changed"  # the policies were
            self.ended(self.modify([ids["Message 1"]], moveTo=GLib.Variant("o", self.daemon.folders()["Archive"])))
            bytes(self.daemon.call(PATH, "Messages", "Read", "(tstua{sv})", ids["Message 2"], "", 0, 65536, {})[0])
            self.daemon.sync()
            time.sleep(1)
            self.assertEqual(len(self.said("Provision")), 4)  # once, by one of the connections
            self.daemon.stop()
            self.data += "2"

    def test_policies_that_cant_be_met(self):
        mailbox = self.Enforcing()
        mailbox.demands = [element("14:DevicePasswordEnabled", 1)]
        self.begin(mailbox)
        wait_for(lambda: self.daemon.get(self.account, "Account", "Error")[0].endswith(".PermissionDenied"))
        self.assertIn("DevicePasswordEnabled", self.daemon.get(self.account, "Account", "Error")[1])
        self.assertEqual(mailbox.key, "0")  # it wasn't accepted

    def test_a_demand_to_wipe(self):
        mailbox = self.Enforcing()
        self.begin(mailbox)
        self.settled()
        with mailbox.lock:
            mailbox.key = "changed"
            mailbox.do_Provision = lambda request: element("14:Provision", element("14:Status", 1), element("14:RemoteWipe"))
        self.assertFails("PermissionDenied", self.daemon.sync)
        self.assertIn("wiped", self.daemon.get(self.account, "Account", "Error")[1])
        self.assertEqual(len(self.ids()), 5)

    def test_policies_without_end(self):
        class Never(self.Enforcing):
            def before(self, name, request):
                if name != "Provision":
                    raise Raw(449)
        self.begin(Never())
        wait_for(lambda: self.daemon.get(self.account, "Account", "Error")[0] != "")
        self.assertLess(len(self.said("Provision")), 10)

    class Curious(Enforcing):
        """Gives no policies before the device was told of."""
        told, knows = 0, True

        def do_Provision(self, request):
            if not self.told:
                return element("14:Provision", element("14:Status", 165))
            return super().do_Provision(request)

        def before(self, name, request):
            if name != "Settings":
                super().before(name, request)

        def set_deviceinformation(self, request):
            assert text(child(request, "Set"), "Model") == "Surel", request
            self.told += self.knows
            return element("18:DeviceInformation", element("18:Status", 1))

    def test_a_server_that_wants_to_know_the_device(self):
        for versions in ("14.1", "14.0", "12.1"):
            mailbox = self.Curious()
            mailbox.versions = versions
            self.begin(mailbox)
            self.settled()
            self.assertEqual((self.count_told(), len(self.said("Provision"))), (1, 3))
            self.daemon.stop()
            self.data += "2"

    def test_a_server_that_never_knows_it(self):
        mailbox = self.Curious()
        mailbox.knows = False
        self.begin(mailbox)
        wait_for(lambda: self.daemon.get(self.account, "Account", "Error")[0] != "")
        self.assertIn("status 165 of Provision", self.daemon.get(self.account, "Account", "Error")[1])
        self.assertLess(self.count_told(), 5)

    def count_told(self):
        return len([one for one in self.said("Settings") if child(one, "DeviceInformation")])

    def test_another_command_wants_to_know_the_device(self):
        class Later(Mailbox):
            key, asked = "0", 0

            def do_Provision(self, request):
                assert child(request, "DeviceInformation") or child(child(child(request, "Policies"), "Policy"), "PolicyKey")
                self.asked += 1
                return Policies.Enforcing.policy_of(self, self.new_key())

            def before(self, name, request):
                if name == "FolderSync" and self.asked < 2:
                    raise Raw(body=encode(element("7:FolderSync", element("7:Status", 165))))
        self.begin(Later())
        self.settled()
        self.assertEqual(self.mailbox.asked, 2)


if __name__ == "__main__":
    main()
