"""Those who act: IMAP devices on one server, and D-Bus clients of daemons that each have a bus, a data directory
and a link of their own."""

import collections
import imaplib
import os
import re
import time

from surel_test import *  # noqa: F403
from surel_test import NAME, PATH, Bus, Daemon, Power, error_name
from wire import FaultProxy, Mailboxes

ACCOUNT = "alice"
PROPERTIES = ["id", "messageId", "mailboxIds", "keywords"]
ENDED = ("done", "partial", "failed", "cancelled")
SYSTEM = {"\\seen": "$seen", "\\flagged": "$flagged", "\\answered": "$answered", "\\draft": "$draft"}


class Failed(Exception):
    """What has to be true, isn't. Its arguments are lines that say so."""


def keywords_of(flags):
    """As the bus has them; None for what is marked \\Deleted."""
    words = {flag.lower() for flag in flags}
    if "\\deleted" in words:
        return None
    return tuple(sorted(SYSTEM.get(word, word) for word in words if word != "\\recent"))


def name_of(message_id):
    return re.search(r"m(\w+)@", message_id)[1]


class Device:
    """A plain IMAP client."""

    def __init__(self, server, name, mailboxes):
        self.server, self.name, self.mailboxes, self.imap = server, name, mailboxes, None

    def client(self):
        if self.imap is None:
            self.imap = self.server.imap(ACCOUNT)
        return self.imap

    def stop(self):
        if self.imap is not None:
            self.imap.shutdown()
            self.imap = None

    def select(self, folder):
        """What its mailbox is known by and {UID: (name, flags)}, or None where there is no such folder."""
        client, wire_name = self.client(), self.server.wire_name(folder)
        if client.select(wire_name)[0] != "OK":
            return None
        mailbox = self.mailboxes.opened(wire_name, *(client.response(code)[1][-1] for code in
                                                     ("UIDVALIDITY", "MAILBOXID")))
        found = {}
        for item in client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
            if isinstance(item, tuple):
                uid = int(re.search(rb"UID (\d+)", item[0])[1])
                flags = re.search(rb"FLAGS \(([^)]*)\)", item[0])[1].decode().split()
                found[uid] = (name_of(item[1].decode()), flags)
        return mailbox, found

    def has(self, folder):
        return self.client().status(self.server.wire_name(folder), "(MESSAGES)")[0] == "OK"

    def folders(self):
        found = []
        for line in self.client().list()[1]:
            match = re.match(r'\(([^)]*)\) "." "?([^"]+)"?', line.decode())
            if "\\noselect" not in match[1].lower():
                found.append(self.server.path_of(match[2]))
        return sorted(found)

    def view(self):
        """How often each (folder, name, keywords) is there, and where. Notes how they are numbered."""
        found, self.numbers = collections.Counter(), {}
        for folder in self.folders():
            opened = self.select(folder)
            self.numbers[folder] = opened and (opened[0], set(opened[1]))
            for name, flags in (opened[1] if opened else {}).values():
                words = keywords_of(flags)
                if words is not None:
                    found[folder, name, words] += 1
        self.client().unselect()
        return found

    def every(self):
        """How often each message is there, those that are marked \\Deleted among them."""
        found = collections.Counter()
        for folder in self.folders():
            opened = self.select(folder)
            found.update(name for name, _ in (opened[1] if opened else {}).values())
        return found


class Client:
    """A D-Bus client: what it knows it has from Changes alone."""

    def __init__(self, station, name):
        self.station, self.name = station, name
        self.connection = station.bus.connect()
        self.state, self.store = 0, ""
        self.rows, self.folders = {}, {}  # id → (name, folder objects, keywords); object → path
        self.taken_out = []  # names of what was there, and was told to be gone
        self.folders_taken_out = []  # likewise their paths
        self.own = {}  # id → (whether it has this one's own keyword, the operation that has set or taken it)
        self.finished = collections.defaultdict(list)  # operation → states it ended with
        self.connection.signal_subscribe(NAME, NAME + ".Operations", "Finished", PATH, None, 0, self.on_finished)

    def on_finished(self, *arguments):
        operation, state, _ = arguments[5].unpack()
        self.finished[operation].append(state)

    def call(self, path, interface, method, parameters, timeout=30000):
        if "." not in interface:
            interface = f"{NAME}.{interface}"
        return self.connection.call_sync(NAME, path, interface, method, parameters, None, 0, timeout, None).unpack()

    def look(self):
        """Brings the mirror up to date."""
        more = True
        while more:
            page = self.changes()
            for folder in page.get("foldersDestroyed", ()):
                if path := self.folders.pop(folder, None):
                    self.folders_taken_out.append(path)
            for folder in {*page.get("foldersCreated", ()), *page.get("foldersUpdated", ())}:
                self.read_folder(folder)
            for key in page.get("messagesDestroyed", ()):
                if row := self.rows.pop(key, None):
                    self.taken_out.append(row[0])
            self.read_rows(sorted({*page.get("messagesCreated", ()), *page.get("messagesUpdated", ())}))
            self.state, self.store, more = page["state"], page["store"], page["hasMore"]

    def changes(self):
        options = {"limit": GLib.Variant("u", 300)}
        try:
            return self.call(PATH, "Manager", "Changes", GLib.Variant("(sta{sv})", (self.store, self.state, options)))[0]
        except GLib.Error as error:
            if error_name(error) not in ("CannotCalculateChanges", "StoreReplaced"):
                raise
        self.state, self.store, self.rows, self.folders = 0, "", {}, {}  # a power failure took the state: anew
        return self.call(PATH, "Manager", "Changes", GLib.Variant("(sta{sv})", ("", 0, options)))[0]

    def read_folder(self, folder):
        try:
            values = self.call(folder, "org.freedesktop.DBus.Properties", "GetAll",
                               GLib.Variant("(s)", (NAME + ".Folder",)))[0]
            self.folders[folder] = values["Path"]
        except GLib.Error:  # gone since
            self.folders.pop(folder, None)

    def read_rows(self, ids):
        while ids:
            some, ids = ids[:1000], ids[1000:]
            rows, missing, left = self.call(PATH, "Messages", "Get", GLib.Variant("(atas)", (some, PROPERTIES)))
            for row in rows:
                self.rows[row["id"]] = (name_of(row["messageId"][0]), row["mailboxIds"],
                                        tuple(sorted(row["keywords"])))
            for key in missing:
                self.rows.pop(key, None)
            ids = left + ids

    def view(self):
        found = collections.Counter()
        for name, folders, words in self.rows.values():
            for folder in folders:
                found[self.folders.get(folder, folder), name, words] += 1
        return found

    def in_folder(self, path):
        """id → name"""
        return {key: name for key, (name, folders, _) in self.rows.items()
                if path in (self.folders.get(folder) for folder in folders)}

    def folder(self, path):
        return next((key for key, value in self.folders.items() if value == path), None)


class Station:
    """A daemon that may die and come back, with its bus, its store, its link and its clients."""

    def __init__(self, server, directory, name, options, clients=2, proxied=True):
        self.server, self.name, self.options = server, name, options
        self.data = f"{directory}/{name}"
        self.bus = Bus()
        self.proxy = FaultProxy(server.port, f"{directory}/{name}.wire") if proxied else None
        self.power = Power(self.data)
        self.options = {**options, **self.power.env}
        self.daemon, self.starts, self.cuts = None, 0, 0  # cuts: how often its power failed
        self.start()
        port = self.proxy.port if proxied else server.port
        settings = {"security": GLib.Variant("s", "none")}
        self.account, job = self.daemon.add_account(server, ACCOUNT, host="127.0.0.1", port=port, settings=settings)
        self.daemon.wait_job(job)
        self.clients = [Client(self, f"{name}{n}") for n in range(clients)]

    def start(self):
        if self.daemon is None:
            self.starts += 1
            self.daemon = Daemon(self.bus, self.data, secrets="file:" + self.data + ".secrets", env=self.options)

    def kill(self):
        if self.daemon is not None:
            self.look_alive()
            self.daemon.kill()
            self.daemon = None

    def cut_power(self):
        """What was not fsynced is gone."""
        self.kill()
        self.cuts += 1
        self.power.cut()

    def look_alive(self):
        if self.daemon is not None and self.daemon.process.poll() is not None:
            raise Failed(f"{self.name}: sureld ended by itself with {self.daemon.process.returncode}",
                         self.log_tail(6000))

    def sync(self, wait):
        job = self.daemon.call(PATH, "Manager", "Sync", "(a{sv})", {})[0]
        if wait:
            try:
                self.daemon.wait_job(job)
            except GLib.Error as error:
                return f"{error_name(error)}: {error.message}"
        return ""

    def list_operations(self):
        """id → what List says of it."""
        found, after, more = {}, 0, True
        while more:
            page = self.daemon.call(PATH, "Operations", "List", "(a{sv})",
                                    {"after": GLib.Variant("t", after), "limit": GLib.Variant("u", 500)})[0]
            for row in page["operations"]:
                if row["id"] in found:
                    raise Failed(f"{self.name}: operation {row['id']} is listed twice")
                found[row["id"]] = row
                after = max(after, row["id"])
            more = page["hasMore"]
        return found

    def view(self):
        """What a client that comes now sees."""
        client = Client(self, "fresh")
        client.look()
        client.connection.close_sync(None)
        return client.view()

    def counts(self):
        """Folder → (messages, unread), as the properties say."""
        return {values[NAME + ".Folder"]["Path"]: (values[NAME + ".Folder"]["TotalMessages"],
                                                  values[NAME + ".Folder"]["UnreadMessages"])
                for values in self.daemon.objects().values() if NAME + ".Folder" in values}

    def log_tail(self, count=2500):
        with open(self.data + ".log", encoding="utf-8", errors="replace") as file:
            return file.read()[-count:]

    def stop(self):
        if self.daemon is not None and self.daemon.process.poll() is None:
            self.daemon.kill()
        if self.proxy is not None:
            self.proxy.stop()
        self.bus.stop()


class World:
    """All of it."""

    DEVICES, STATIONS = 3, 2

    def __init__(self, directory, server, mutation=None):
        self.directory = directory
        self.options = {"SUREL_MUTATION": mutation} if mutation else {}
        self.server = server()
        self.renumbered = 0  # how often a folder got a new UIDVALIDITY
        self.mailboxes = Mailboxes()
        self.seen = {}  # (mailbox, UID) → name: what devices saw
        self.devices, self.stations = [], []
        try:
            self.devices = [Device(self.server, f"dev{n}", self.mailboxes) for n in range(self.DEVICES)]
            for n in range(self.STATIONS):
                self.stations.append(Station(self.server, directory, f"bus{n}", self.options))
        except BaseException:
            self.stop()
            raise
        self.built = self.probe()

    def probe(self):
        """Which members do what they are for."""
        client = self.stations[0].clients[0]
        client.look()
        inbox, options = client.folder("INBOX"), {}
        if inbox is None:
            raise Failed("the first sync brought no INBOX", self.stations[0].log_tail())
        tries = {
            "Modify": (PATH, "Operations", "Modify", "(ata{sv}a{sv})", ([], {"destroy": GLib.Variant("b", True)}, options)),
            "moveToRole": (PATH, "Operations", "Modify", "(ata{sv}a{sv})",
                           ([1], {"moveToRole": GLib.Variant("s", "trash")}, {"dryRun": GLib.Variant("b", True)})),
            "List": (PATH, "Operations", "List", "(a{sv})", (options,)),
            "Append": (inbox, "Folder", "Append", "(va{sv})", (GLib.Variant("s", ""), options)),
            "CreateFolder": (self.stations[0].account, "Account", "CreateFolder", "(soa{sv})", ("", "/", options)),
            "Rename": (inbox, "Folder", "Rename", "(sa{sv})", ("", options)),
            "Delete": (inbox, "Folder", "Delete", "(a{sv})", (options,)),
        }
        built = set()
        for member, (path, interface, method, signature, arguments) in tries.items():
            try:
                client.call(path, interface, method, GLib.Variant(signature, arguments))
                built.add(member)
            except GLib.Error as error:
                if error_name(error) != "NotSupported":
                    built.add(member)
        return built

    def station(self, name):
        return self.stations[int(name[3])]

    def client(self, name):
        return self.station(name).clients[int(name[4])]

    def device(self, name):
        return self.devices[int(name[3])]

    def look_alive(self):
        for station in self.stations:
            station.look_alive()

    def stop(self):
        for device in self.devices:
            device.stop()
        for station in self.stations:
            station.stop()
        self.server.stop()


def heed_signals():
    context = GLib.MainContext.default()
    while context.iteration(False):
        pass


def pause(milliseconds):
    time.sleep(milliseconds / 1000)
