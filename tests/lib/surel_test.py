"""What the tests against real servers share: a private bus, a Dovecot or a Cyrus, a sureld, and IMAP by another
device. Python's own library and GLib's bindings; no network but loopback."""

import imaplib
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("SUREL_BUILD", os.path.join(ROOT, ".build", "dev"))
# A sanitizer takes memory and stack of its own: what is limited is judged without one.
SANITIZED = re.search("test-[at]san", BUILD) is not None
NAME, PATH = "org.surel.Sync1", "/org/surel/Sync1"


def free_port():
    """A pair of free ports below those of outgoing connections; two that ask at once get different ones."""
    for port in random.sample(range(12000, 31000, 2), 2000):
        try:
            for offset in (0, 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return port
        except OSError:
            continue
    raise RuntimeError("no free port")


def wait_for(what, seconds=20, say="it did not happen"):
    """Waits until what() is true; looks often, gives up late."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = what()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(say() if callable(say) else say)


class Server:
    """A mail server in a folder of its own, started by a script; and what is different from server to server."""

    name = None
    program = None  # whose script starts it; as its name
    personal, separator = "", "/"  # what stands before one's own folders, and between them

    def __init__(self, extra=""):
        program = self.program or self.name
        self.script = f"{HERE}/{program}.sh"
        self.dir = tempfile.mkdtemp(prefix=f"surel-{self.name}-")
        os.chmod(self.dir, 0o755)
        env = dict(os.environ, **{program.upper() + "_EXTRA": extra})
        for _ in range(3):  # where another took the port in between, the next one
            self.port = free_port()
            if subprocess.run([self.script, "start", self.dir, str(self.port)], env=env,
                              stdout=subprocess.DEVNULL, check=False).returncode == 0:
                break
        else:
            raise RuntimeError(self.name + " does not start")
        self.ca = self.dir + "/tls/ca.pem"

    @classmethod
    def is_there(cls):
        return True

    def stop(self):
        subprocess.run([self.script, "stop", self.dir], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def imap(self, user="alice"):
        """Another device."""
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(user, "secret")
        return client

    def wire_name(self, path):
        """What the server calls a folder."""
        return path if path == "INBOX" else self.personal + path.replace("/", self.separator)

    def path_of(self, wire_name):
        return wire_name.removeprefix(self.personal).replace(self.separator, "/")

    def renumber(self, user, folder, validity):
        """Gives the folder a new UIDVALIDITY. Returns whether the server can."""
        return False


class Dovecot(Server):
    name = "dovecot"

    def renumber(self, user, folder, validity):
        self.doveadm("mailbox", "update", "-u", user, "--uid-validity", str(validity), folder)
        return True

    def doveadm(self, *words):
        subprocess.run(["doveadm", "-c", self.dir + "/dovecot.conf", *words], check=True,
                       stdout=subprocess.DEVNULL)


class Condstore(Dovecot):
    """Tells what changed, as Gmail does, but not what has vanished."""

    name = "condstore"
    program = "dovecot"

    def __init__(self, extra=""):
        super().__init__("protocol imap {\n  imap_capability = IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE NAMESPACE UNSELECT UIDPLUS MOVE "
                         "LIST-EXTENDED LIST-STATUS SPECIAL-USE ESEARCH CONDSTORE\n}\n" + extra)


class Cyrus(Server):
    name = "cyrus"
    personal, separator = "INBOX.", "."

    @classmethod
    def is_there(cls):
        """It can't be installed beside Dovecot: it has to be fetched."""
        return subprocess.run([HERE + "/cyrus.sh", "there"], check=False).returncode == 0


class Sogo(Server):
    """ActiveSync, and the Dovecot behind it, on which another device plays."""

    name = "sogo"

    def __init__(self, extra=""):
        super().__init__(extra)
        self.ca = self.dir + "/dovecot/tls/ca.pem"

    @classmethod
    def is_there(cls):
        return subprocess.run([HERE + "/sogo.sh", "there"], check=False).returncode == 0

    def imap(self, user="alice"):
        client = imaplib.IMAP4("127.0.0.1", self.port + 3)
        client.login(user, "secret")
        return client

    def url(self, host="localhost"):
        return f"http://{host}:{self.port}/SOGo/Microsoft-Server-ActiveSync"

    def account(self):
        """What stands for host and port in the settings of an account."""
        return {"protocol": GLib.Variant("s", "eas"), "url": GLib.Variant("s", self.url())}


def message(n, subject=None, body="Hello.", extra=""):
    return (f"From: Sender {n} <s{n}@surel.test>\r\nTo: alice@surel.test\r\n"
            f"Subject: {subject or f'Message {n}'}\r\nMessage-ID: <m{n}@surel.test>\r\n"
            f"Date: Tue, 14 Nov 2023 22:{n // 60 % 60:02}:{n % 60:02} +0000\r\n{extra}\r\n{body}\r\n").encode()


def fill(client, folder, first, count, flags=""):
    """Messages by MULTIAPPEND with LITERAL+: thousands a second."""
    step = 500
    for start in range(first, first + count, step):
        parts = []
        for n in range(start, min(start + step, first + count)):
            octets = message(n)
            parts.append(b" (%s) {%d+}\r\n%s" % (flags.encode(), len(octets), octets))
        tag = client._new_tag()
        client.send(tag + b" APPEND " + folder.encode() + b"".join(parts) + b"\r\n")
        while True:
            line = client.readline()
            if line.startswith(tag):
                if b" OK" not in line:
                    raise RuntimeError(line)
                break
    client.tagged_commands.clear()


class Bus:
    """A session bus nobody else is on."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="surel-bus-")
        self.address = f"unix:path={self.dir}/bus"
        self.process = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile",
                                         "--address=" + self.address], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.listens)
        self.connections = []

    def listens(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.dir + "/bus") == 0

    def connect(self):
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                 | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        connection = Gio.DBusConnection.new_for_address_sync(self.address, flags, None, None)
        self.connections.append(connection)
        return connection

    def stop(self):
        for connection in self.connections:
            if not connection.is_closed():
                connection.close_sync(None)
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Daemon:
    """A sureld on a bus."""

    def __init__(self, bus, data, *options, env=None, secrets="memory", lead=()):
        self.bus, self.data, self.log_path = bus, data, data + ".log"
        self.may_end_with = (0, -signal.SIGTERM, -signal.SIGKILL)
        self.log = open(self.log_path, "ab")
        environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus.address, "G_DEBUG": "fatal-warnings",
                       "ASAN_OPTIONS": "detect_leaks=0:exitcode=99", "GIO_USE_PROXY_RESOLVER": "dummy", **(env or {})}
        self.process = subprocess.Popen([*lead, BUILD + "/src/daemon/sureld", "--data-dir", data, "--secrets",
                                         secrets, *options], env=environment, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        self.connection = bus.connect()
        wait_for(lambda: self.process.poll() is not None or self.is_there(), say="sureld does not start")
        if self.process.poll() is not None:
            raise RuntimeError("sureld ended: " + self.read_log())

    def is_there(self):
        return self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                         "org.freedesktop.DBus", "NameHasOwner",
                                         GLib.Variant("(s)", (NAME,)), None, 0, -1, None)[0]

    def read_log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def call(self, path, interface, method, signature=None, *args, timeout=30000):
        parameters = GLib.Variant(signature, args) if signature else None
        return self.connection.call_sync(NAME, path, f"{NAME}.{interface}", method, parameters, None, 0,
                                         timeout, None).unpack()

    def get(self, path, interface, name):
        return self.connection.call_sync(NAME, path, "org.freedesktop.DBus.Properties", "Get",
                                         GLib.Variant("(ss)", (f"{NAME}.{interface}", name)), None, 0,
                                         30000, None).unpack()[0]

    def add_account(self, server, user="alice", password="secret", host="localhost", port=None, **options):
        settings = {"address": GLib.Variant("s", user + "@surel.test"), "user": GLib.Variant("s", user),
                    **(server.account() if isinstance(server, Sogo) else
                       {"host": GLib.Variant("s", host), "port": GLib.Variant("i", port or server.port + 1)})}
        for key, value in options.pop("settings", {}).items():
            settings[key] = value
        return self.call(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", settings,
                         {"password": GLib.Variant("s", password)},
                         {k: GLib.Variant("b", v) for k, v in options.items()})

    def wait_job(self, job):
        return self.call(job, "Job", "Wait", timeout=120000)[0]

    def sync(self):
        return self.wait_job(self.call(PATH, "Manager", "Sync", "(a{sv})", {})[0])

    def changes(self, since=0, store="", **options):
        return self.call(PATH, "Manager", "Changes", "(sta{sv})", store, since,
                         {k: GLib.Variant("u", v) for k, v in options.items()})[0]

    def query(self, filter=None, sort=(), properties=(), **window):
        return self.call(PATH, "Messages", "Query", "(a{sv}asa{sv}as)", filter or {}, list(sort),
                         {k: v if isinstance(v, GLib.Variant) else GLib.Variant("t", v)
                          for k, v in window.items()}, list(properties))[0]

    def objects(self):
        return self.connection.call_sync(NAME, PATH, "org.freedesktop.DBus.ObjectManager",
                                         "GetManagedObjects", None, None, 0, 30000, None).unpack()[0]

    def folders(self):
        """Path → object path."""
        return {v[NAME + ".Folder"]["Path"]: k for k, v in self.objects().items()
                if NAME + ".Folder" in v}

    def memory(self, key="VmHWM"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(key))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        self.log.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Power:
    """Kept beside a data directory: what a power failure would leave of it (tests/converge/power.c)."""

    def __init__(self, data):
        self.data, self.copies = data, data + ".power"
        os.mkdir(self.copies)
        for path in self.files():  # what is there already is on the disk
            shutil.copy(path, self.copy_of(path))
        # A sanitizer wants to be the first library, and is, but for this one.
        self.env = {"LD_PRELOAD": BUILD + "/tests/converge/power.so", "SUREL_TEST_POWER": self.copies,
                    "SUREL_TEST_POWER_OF": data + "/", "ASAN_OPTIONS": "detect_leaks=0:exitcode=99:verify_asan_link_order=0"}

    def cut(self):
        """What was not fsynced is gone. The daemon has been killed."""
        for path in self.files():
            if os.path.exists(self.copy_of(path)):
                with open(self.copy_of(path), "rb") as source, open(path, "r+b") as file:
                    file.write(source.read())
                    file.truncate()
            else:
                os.unlink(path)

    def files(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.data) for name in names]

    def copy_of(self, path):
        return f"{self.copies}/{os.stat(path).st_ino}"


class Mirror:
    """A copy of the store's message ids, kept by Changes alone."""

    def __init__(self):
        self.state, self.store = 0, ""
        self.messages, self.folders, self.accounts, self.new_mail = set(), set(), set(), []

    def catch_up(self, daemon, **options):
        more = True
        while more:
            page = daemon.changes(self.state, self.store, **options)
            for kind in ("messages", "folders", "accounts"):
                mine = getattr(self, kind)
                mine.update(page.get(kind + "Created", ()))
                mine.difference_update(page.get(kind + "Destroyed", ()))
            self.new_mail += page.get("newMail", ())
            self.state, self.store, more = page["state"], page["store"], page["hasMore"]


def error_name(error):
    return Gio.DBusError.get_remote_error(error).rsplit(".", 1)[-1]


class Case(unittest.TestCase):
    """A bus and a data directory for each test; a server for each class that wants one."""

    server_extra = None

    @classmethod
    def setUpClass(cls):
        cls.server = Dovecot(cls.server_extra or "")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.bus = Bus()
        self.dir = tempfile.mkdtemp(prefix="surel-data-")
        self.data = self.dir + "/surel"
        self.daemons = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        odd = ""
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
            # One that was ending already keeps its own status.
            if daemon.process.returncode not in daemon.may_end_with:
                odd += f"sureld ended with {daemon.process.returncode}:\n{daemon.read_log()[-6000:]}\n"
        self.bus.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.assertFalse(odd, odd)  # whether or not the test has noticed

    def start(self, *options, **more):
        daemon = Daemon(self.bus, self.data, "--ca-file", self.server.ca, *options, **more)
        self.daemons.append(daemon)
        return daemon

    def assertFails(self, name, call, *args, **more):
        with self.assertRaises(GLib.Error) as caught:
            call(*args, **more)
        self.assertEqual(error_name(caught.exception), name, caught.exception.message)
        return caught.exception.message


def main():
    unittest.main(verbosity=2)
