#!/usr/bin/python3
"""An ActiveSync account on a SOGo: its first sync, and how soon new mail is told, each beside a raw client of the same server
in the same run."""

import base64
import http.client
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import *  # noqa: E402,F403
from scripted_eas import child, children, decode, element, encode, text  # noqa: E402

ROUNDS = 3
ARRIVALS = 6
WINDOW = 100  # messages in one answer: what Surel asks for
INBOX = "2"
MAIL = ("2", "3", "4", "5", "6", "12")  # types of folders: MS-ASCMD §2.2.3.186.3


class Raw:
    """Asks as Surel does, and keeps nothing."""

    def __init__(self, server, device):
        self.port, self.keys = server.port, {}
        self.query = f"&User=alice&DeviceId={device}&DeviceType=Raw"
        self.headers = {"Authorization": "Basic " + base64.b64encode(b"alice:secret").decode(), "MS-ASProtocolVersion": "14.1",
                        "Content-Type": "application/vnd.ms-sync.wbxml"}

    def __call__(self, name, request, timeout=120):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.request("POST", f"/SOGo/Microsoft-Server-ActiveSync?Cmd={name}{self.query}", encode(request), self.headers)
        octets = connection.getresponse().read()
        connection.close()
        return decode(octets) if octets else ("", [])

    def folders(self):
        answer = self("FolderSync", element("7:FolderSync", element("7:SyncKey", 0)))
        return {text(one, "ServerId"): text(one, "Type") for one in children(child(answer, "Changes"), "Add")
                if text(one, "Type") in MAIL}

    def sync(self, folder):
        """Whether there is more, and how many came."""
        key = self.keys.get(folder, "0")
        options = [] if key == "0" else [
            element("0:DeletesAsMoves", 0), element("0:GetChanges", 1), element("0:WindowSize", WINDOW),
            element("0:Options", element("0:FilterType", 0), element("0:MIMETruncation", 4), element("0:MIMESupport", 2),
                    element("17:BodyPreference", element("17:Type", 4), element("17:TruncationSize", 10240)))]
        answer = self("Sync", element("0:Sync", element("0:Collections", element(
            "0:Collection", element("0:SyncKey", key), element("0:CollectionId", folder), *options))))
        collections = child(answer, "Collections")
        if collections is None:
            return False, 0
        collection = child(collections, "Collection")
        self.keys[folder] = text(collection, "SyncKey") or key
        if key == "0":  # SOGo finds a folder empty until it was asked how much there is
            self("GetItemEstimate", element("6:GetItemEstimate", element("6:Collections", element(
                "6:Collection", element("0:SyncKey", self.keys[folder]), element("6:CollectionId", folder)))))
        return key == "0" or child(collection, "MoreAvailable") is not None, len(children(child(collection, "Commands"), "Add"))

    def first(self):
        """How many messages there are. Asked for its folders anew SOGo forgets what a device has."""
        total = 0
        folders = self.folders()
        self.inbox = next(folder for folder, kind in folders.items() if kind == INBOX)
        for folder in folders:
            more = True
            while more:
                more, count = self.sync(folder)
                total += count
        return total

    def ping(self, folder):
        return text(self("Ping", element("13:Ping", element("13:HeartbeatInterval", 60), element("13:Folders", element(
            "13:Folder", element("13:Id", folder), element("13:Class", "Email"))))), "Status")


class Eas(Bench):
    @classmethod
    def setUpClass(cls):
        cls.server = Sogo()

    def test_first_sync_and_arrivals(self):
        client = self.server.imap()
        fill(client, "INBOX", 1, COUNT)
        Raw(self.server, "warm").first()
        raw, first = [], []
        for n in range(ROUNDS):
            begin = time.monotonic()
            self.assertEqual(Raw(self.server, f"raw{n}").first(), COUNT)
            raw.append(time.monotonic() - begin)
            self.data = f"{self.dir}/surel{n}"
            daemon = self.start()
            begin = time.monotonic()
            account, job = daemon.add_account(self.server)
            daemon.wait_job(job)
            wait_for(lambda: sum(v[NAME + ".Folder"]["TotalMessages"] for v in daemon.objects().values()
                                 if NAME + ".Folder" in v) == COUNT, 300)
            first.append(time.monotonic() - begin)
            wait_for(lambda: daemon.get(account, "Account", "Status") == "idle", 60)
            if n < ROUNDS - 1:
                daemon.stop()
        print(f"\n{COUNT} messages on a SOGo, medians (least to most)")
        show("raw client, first sync", raw)
        show("first sync", first)
        show("  as a ratio to raw", [a / b for a, b in zip(first, raw)], "")
        pings, told = zip(*self.arrivals(daemon, client))
        show("new mail: a raw client's Ping is answered after", pings)
        show("  StateChanged after (SOGo looks every 5 s)", told)

    def arrivals(self, daemon, client):
        """Seconds until a raw client's Ping is answered, and until StateChanged."""
        raw = Raw(self.server, "pings")
        raw.first()
        seen, times = [], []
        subscription = daemon.connection.signal_subscribe(NAME, NAME + ".Manager", "StateChanged", PATH, None, 0,
                                                          lambda *_: seen.append(time.monotonic()))
        for n in range(ARRIVALS):
            answered, begun = [], []

            def wait_for_ping():
                while not answered:  # right after a Sync SOGo says once that there is something, and there is nothing
                    while raw.sync(raw.inbox)[0]:
                        pass
                    if raw.ping(raw.inbox) == "2" and begun:
                        answered.append(time.monotonic())
            thread = threading.Thread(target=wait_for_ping)
            thread.start()
            time.sleep(2)
            seen.clear()
            begun.append(time.monotonic())
            client.append("INBOX", None, None, message(900000 + n))
            while not seen:
                GLib.MainContext.default().iteration(False)
                time.sleep(0.002)
            thread.join()
            times.append((answered[0] - begun[0], seen[0] - begun[0]))
        daemon.connection.signal_unsubscribe(subscription)
        return times


if __name__ == "__main__":
    COUNT = int(sys.argv.pop(1))
    main()
