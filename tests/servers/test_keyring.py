#!/usr/bin/python3
"""Secrets in a real gnome-keyring-daemon on the private bus."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403


class Keyring(Case):
    def start_keyring(self, *options, password=b"keyring"):
        home = self.dir + "/home"
        os.makedirs(home + "/run", exist_ok=True)
        os.chmod(home + "/run", 0o700)
        env = dict(os.environ, HOME=home, XDG_RUNTIME_DIR=home + "/run", XDG_DATA_HOME=home + "/share",
                   DBUS_SESSION_BUS_ADDRESS=self.bus.address)
        keyring = subprocess.Popen(["gnome-keyring-daemon", "--components=secrets", "--foreground", *options],
                                   env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        keyring.stdin.write(password)
        keyring.stdin.close()
        self.addCleanup(self.stop_keyring, keyring)
        connection = self.bus.connect()
        wait_for(lambda: connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                              "org.freedesktop.DBus", "NameHasOwner",
                                              GLib.Variant("(s)", ("org.freedesktop.secrets",)), None, 0, -1,
                                              None)[0], say="the keyring does not start")
        return keyring

    @staticmethod
    def stop_keyring(keyring):
        keyring.kill()
        keyring.wait()

    def test_secrets_live_in_the_keyring_and_a_locked_one_is_told(self):
        keyring = self.start_keyring("--unlock")
        daemon = self.start(secrets="service")
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start(secrets="service")
        wait_for(lambda: daemon.get(account, "Account", "Status") == "idle",
                 say="the password is not found again")
        self.assertEqual(daemon.stop(), 0)
        self.stop_keyring(keyring)
        keyring = self.start_keyring()  # nobody has unlocked this one
        daemon = self.start(secrets="service")
        wait_for(lambda: daemon.get(account, "Account", "Status") == "locked",
                 say="the status is " + daemon.get(account, "Account", "Status"))
        self.assertEqual(daemon.get(account, "Account", "Error")[0], NAME + ".Error.SecretsLocked")
        self.stop_keyring(keyring)
        self.start_keyring("--unlock")
        job = daemon.call(account, "Account", "SignIn", "(a{sv})", {})[0]
        daemon.wait_job(job)
        daemon.call(account, "Account", "Remove", "(a{sv})", {})
        wait_for(lambda: not self.stored())

    def stored(self):
        """Secrets of ours in the keyring."""
        reply = self.bus.connect().call_sync("org.freedesktop.secrets", "/org/freedesktop/secrets",
                                             "org.freedesktop.Secret.Service", "SearchItems",
                                             GLib.Variant("(a{ss})", ({"key": "password"},)), None, 0, -1, None)
        return [path for paths in reply.unpack() for path in paths]


if __name__ == "__main__":
    main()
