#!/usr/bin/python3
"""What the README tells people to type works, and installing puts everything below its prefix."""

import os
import re
import shlex
import subprocess
import sys
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

with open(ROOT + "/README.md", encoding="utf-8") as readme:
    TEXT = readme.read()


def fenced(language):
    return re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL).group(1)


def indented(lead):
    """The block of commands behind a line."""
    block = TEXT.split(lead + "\n\n", 1)[1].split("\n\n", 1)[0]
    return textwrap.dedent(block)


class Readme(Case):
    def setUp(self):
        super().setUp()
        imap = self.server.imap()
        fill(imap, "INBOX", 1, 20)
        imap.logout()
        self.daemon = self.start()
        self.env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address,
                    "PATH": BUILD + "/src/cli:" + os.environ["PATH"],
                    "ASAN_OPTIONS": "detect_leaks=0:exitcode=99"}  # the leak checker doesn't survive the TLS library's threads

    def run_it(self, words, **more):
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=60, check=False, **more)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done.stdout

    def sync(self):
        _, job = self.daemon.add_account(self.server)
        self.daemon.wait_job(job)
        self.daemon.sync()

    def test_the_terminal(self):
        for line in indented("From a terminal:").splitlines():
            words = shlex.split(line.replace("alice@example.org", "alice@surel.test").replace(
                "imap.example.org", f"localhost --port {self.server.port + 1} --user alice"))
            if words[1:] == ["watch"]:
                watching = subprocess.Popen(words, env=self.env, stdout=subprocess.PIPE, text=True)
                time.sleep(0.5)
                self.assertIsNone(watching.poll())
                watching.terminate()
                watching.communicate()
                continue
            if "1234" in words:
                words[words.index("1234")] = str(self.daemon.query(limit=1)["messages"][0]["id"])
            shown = self.run_it(words, input="secret\n")
            if words[1] in ("list", "show") and "--save" not in words:
                self.assertIn("Message ", shown)

    def test_a_script(self):
        self.sync()
        message = self.daemon.query(limit=1)["messages"][0]["id"]
        shown = self.run_it(["sh", "-e", "-c", indented("From a script:").replace("1234", str(message))])
        self.assertEqual(self.daemon.query({"hasKeyword": GLib.Variant("s", "$seen")}, calculateTotal=GLib.Variant("b", True))["total"], 1)
        self.assertIn("messagesCreated", shown)
        self.assertIn("Message 1", shown)

    def test_python(self):
        self.sync()
        shown = self.run_it(["/usr/bin/python3", "-W", "ignore", "-c", fenced("python")])
        self.assertEqual(len(shown.splitlines()), 10)

    def test_c(self):
        self.sync()
        program = """#include <gio/gio.h>
            int main (void) {
              g_autoptr (GError) error = NULL;
              GDBusConnection *bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, &error);
              GVariant *reply;
              %s
              g_print ("%%s", error != NULL ? error->message : g_variant_print (reply, FALSE));
              return error != NULL; }""" % fenced("c")
        flags = self.run_it(["pkg-config", "--cflags", "--libs", "gio-2.0"]).split()
        self.run_it(["cc", "-x", "c", "-", "-o", self.dir + "/program", *flags], input=program)
        self.assertIn("Message ", self.run_it([self.dir + "/program"]))

    def test_the_loop(self):
        self.sync()
        mirror = set()

        class Page(dict):
            state = property(lambda self: self["state"])

        def changes(store, since, wait):
            page = Page(self.daemon.changes(since, store))
            return page if page["state"] != since else None  # the real one would wait for more

        exec("state = 0\n" + TEXT.split("```\nstate = 0\n")[1].split("```")[0], {"Changes": changes, "apply": lambda page: mirror.update(page.get("messagesCreated", ()))})
        self.assertEqual(len(mirror), self.daemon.query(limit=1, calculateTotal=GLib.Variant("b", True))["total"])

    def test_the_demo(self):
        env = {key: value for key, value in self.env.items() if key != "DBUS_SESSION_BUS_ADDRESS"}
        done = subprocess.run(["data/demo"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=400, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        for words in ("new mail", "Member=StateChanged", "pending   rename-folder", "done      rename-folder",
                      "Rencana2027: 1 message", "all of it is stopped"):
            self.assertIn(words, done.stdout)

    def test_installing_stays_below_the_prefix(self):
        root = self.dir + "/root"
        self.run_it(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root])
        files = [os.path.join(folder, name)[len(root):] for folder, _, names in os.walk(root) for name in names]
        self.assertEqual([name for name in files if not name.startswith("/usr/local/")], [])
        for name in ("libexec/sureld", "bin/surel", "share/dbus-1/services/org.surel.Sync1.service",
                     "share/dbus-1/interfaces/org.surel.Sync1.Manager.xml", "share/man/man8/sureld.8",
                     "share/locale/id/LC_MESSAGES/surel.mo"):
            self.assertTrue(any(f.endswith(name) or f.endswith(name + ".gz") for f in files), name)


if __name__ == "__main__":
    main()
