#!/usr/bin/env python3
"""The parts of messages, and their text, on the bus."""

import base64
import fcntl
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403

MESSAGE = b"""From: A <a@surel.test>
Subject: parts
Message-ID: <m900@surel.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="o"

--o
Content-Type: multipart/alternative; boundary=i

--i
Content-Type: text/plain; charset=utf-8; format=flowed

Gr\xc3\xbc\xc3\x9fe 
aus
--i
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<p>Gr=FC=DFe</p><img src=3D"cid:p@q">
--r
Content-Type: image/png
Content-ID: <p@q>
Content-Transfer-Encoding: base64

cG5n
--r--
--i--
--o
Content-Type: application/octet-stream; name="../x.bin"
Content-Disposition: attachment
Content-Transfer-Encoding: base64

%s
--o--
""".replace(b"\n", b"\r\n")
OCTETS = bytes(range(256)) * 4096


class Bodies(Changing):
    count = 1

    def begin(self):
        daemon = self.prepare()
        self.imap.append("Work", None, None, MESSAGE % base64.encodebytes(OCTETS).replace(b"\n", b"\r\n"))
        daemon.sync()
        return daemon, self.ids(daemon, "Work")["parts"]

    def body(self, daemon, id, **options):
        return daemon.call(PATH, "Messages", "GetBody", "(ta{sv})", id, options)[0]

    def open_part(self, daemon, id, part, **options):
        """Its octets, and what is said of them."""
        reply, fds = daemon.connection.call_with_unix_fd_list_sync(
            NAME, PATH, NAME + ".Messages", "OpenPart", GLib.Variant("(tsa{sv})", (id, part, options)), None, 0, 30000, None, None)
        self.fd = fds.get(reply.unpack()[0])
        self.addCleanup(os.close, self.fd)
        with open(os.dup(self.fd), "rb") as file:
            return file.read(), reply.unpack()[1]

    def read(self, daemon, id, part, offset=0, count=1 << 20, **options):
        return bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, part, offset, count, options)[0])

    def test_what_a_message_consists_of(self):
        daemon, id = self.begin()
        body = self.body(daemon, id)
        blob = self.row(daemon, id, "blobId")["blobId"]
        text = {"partId": "1.1", "blobId": blob + "/1.1", "type": "text/plain", "charset": "utf-8", "size": 13}
        page = {"partId": "1.2.1", "blobId": blob + "/1.2.1", "type": "text/html", "charset": "iso-8859-1", "size": 31}
        picture = {"partId": "1.2.2", "blobId": blob + "/1.2.2", "type": "image/png", "cid": "p@q", "size": 3}
        file = {"partId": "2", "blobId": blob + "/2", "type": "application/octet-stream", "name": "x.bin",
                "disposition": "attachment", "size": len(OCTETS)}
        self.assertEqual(body, {
            "bodyStructure": {"type": "multipart/mixed", "subParts": [
                {"type": "multipart/alternative", "subParts": [
                    text, {"type": "multipart/related", "subParts": [page, picture]}]}, file]},
            "textBody": [text], "htmlBody": [page], "attachments": [picture, file], "bodyValues": {}})

        plain, html = ("Gr\u00fc\u00dfe aus", False, False), ('<p>Gr\u00fc\u00dfe</p><img src="cid:p@q">', False, False)
        for values, expected in (("text", {"1.1": plain}), ("html", {"1.2.1": html}), ("all", {"1.1": plain, "1.2.1": html})):
            self.assertEqual(self.body(daemon, id, values=GLib.Variant("s", values))["bodyValues"], expected)
        self.assertEqual(self.body(daemon, id, values=GLib.Variant("s", "text"), maxBytes=GLib.Variant("u", 4))["bodyValues"],
                         {"1.1": ("Gr\u00fc", False, True)})
        self.assertFails("InvalidArgument", self.body, daemon, id, values=GLib.Variant("s", "pictures"))
        self.assertFails("InvalidArgument", self.body, daemon, id, fetchTextBodyValues=GLib.Variant("b", True))
        self.assertFails("NotFound", self.body, daemon, 999999)

    def test_a_message_of_any_depth_is_told(self):
        """D-Bus tells of so many things within one another, and whoever sends more is put off the bus."""
        daemon = self.prepare()
        deep = b"Subject: deep\r\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(60))
        wide = (b"Subject: wide\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                + b"".join(b"--b\r\nContent-ID: <%s>\r\nContent-Type: text/plain; charset=%s\r\n\r\nx\r\n" % (b"\xff" * 400, b"\xff" * 400)
                           for n in range(1000)))
        for octets in (deep + b"\r\ndeep", wide):
            id, _ = self.append(daemon, "Work", octets)
            body = self.body(daemon, id, values=GLib.Variant("s", "all"))
            self.assertTrue(body["textBody"] or body["attachments"])
        self.assertEqual((len(body["textBody"]), "cid" in body["textBody"][0], body["textBody"][0]["charset"]), (999, False, "us-ascii"))
        part, depth = self.body(daemon, self.append(daemon, "Work", deep)[0])["bodyStructure"], 0
        while "subParts" in part:
            part, depth = part["subParts"][0], depth + 1
        self.assertEqual(depth, 14)

    def test_one_part_is_read(self):
        daemon, id = self.begin()
        octets, info = self.open_part(daemon, id, "2")
        self.assertEqual((octets, info), (OCTETS, {"type": "application/octet-stream", "name": "x.bin", "size": len(OCTETS),
                                                   "encodingProblem": False}))
        seals = fcntl.fcntl(self.fd, fcntl.F_GET_SEALS)
        self.assertTrue(seals & fcntl.F_SEAL_WRITE and seals & fcntl.F_SEAL_SEAL)
        page = "<p>Gr\u00fc\u00dfe</p><img src=\"cid:p@q\">"
        self.assertEqual(self.open_part(daemon, id, "1.2.1"), (page.encode("latin-1"), {
            "type": "text/html", "charset": "iso-8859-1", "size": 31, "encodingProblem": False}))
        self.assertEqual(self.open_part(daemon, id, "1.2.1", utf8=GLib.Variant("b", True)), (page.encode(), {
            "type": "text/html", "charset": "utf-8", "size": 33, "encodingProblem": False}))
        self.assertEqual(self.open_part(daemon, id, "1.2.2", raw=GLib.Variant("b", True))[0], b"cG5n")
        whole, info = self.open_part(daemon, id, "")
        self.assertEqual((whole, info["type"], info["size"]), (self.read(daemon, id, "", 0) + self.read(daemon, id, "", 1 << 19)
                                                               + self.read(daemon, id, "", 1 << 20), "message/rfc822", len(whole)))

        self.assertEqual(self.read(daemon, id, "2", 300, 1000), OCTETS[300:1300])
        read = b""
        while len(piece := self.read(daemon, id, "2", len(read))) > 0:
            self.assertLessEqual(len(piece), 524288)
            read += piece
        self.assertEqual(read, OCTETS)
        self.assertEqual(self.read(daemon, id, "1.2.1", utf8=GLib.Variant("b", True)), page.encode())
        for part in ("3", "1", "1.2", "2.1", "0", "x", "1.1 "):
            self.assertFails("NotFound", self.read, daemon, id, part)
        self.assertFails("NotFound", self.open_part, daemon, id, "1")
        self.assertFails("InvalidArgument", self.read, daemon, id, "2", utf8=GLib.Variant("b", True), raw=GLib.Variant("b", True))
        self.assertFails("InvalidArgument", self.open_part, daemon, id, "2", colour=GLib.Variant("s", "red"))

    def test_what_has_just_come_is_read(self):
        """The connection for what people read has had the folder open since before."""
        daemon = self.prepare()
        for n in range(200, 204):
            fill(self.imap, "Work", n, 1)
            daemon.sync()
            self.assertIn(b"Subject: Message %d" % n, self.read(daemon, self.ids(daemon, "Work")[f"Message {n}"], "", 0, 10000))

    def fetch(self, daemon, ids, **options):
        return daemon.call(PATH, "Messages", "Fetch", "(ata{sv})", ids, options)[0]

    def fetched(self, daemon, ids):
        rows = daemon.call(PATH, "Messages", "Get", "(atas)", list(ids), ["fetched"])[0]
        return sum(row["fetched"] for row in rows)

    def test_many_are_brought_at_once(self):
        daemon = self.prepare()
        fill(self.imap, "Work", 100, 60)
        daemon.sync()
        ids = list(self.ids(daemon, "Work").values())
        self.read(daemon, ids[0], "", 0, 10)
        self.assertEqual(self.fetched(daemon, ids), 1)
        job = self.fetch(daemon, ids + ids[:5] + [999999, 1 << 63])
        self.assertEqual(daemon.call(job, "Job", "Wait", "()")[0], {"messages": 60})
        self.assertEqual((self.fetched(daemon, ids), daemon.get(job, "Job", "Progress"), daemon.get(job, "Job", "Kind")), (60, 1, "fetch"))
        self.assertEqual(daemon.call(self.fetch(daemon, ids), "Job", "Wait", "()")[0], {"messages": 60})
        self.assertEqual(daemon.call(self.fetch(daemon, []), "Job", "Wait", "()")[0], {"messages": 0})
        self.assertFails("LimitExceeded", self.fetch, daemon, list(range(10001)))
        self.assertFails("NotSupported", self.fetch, daemon, ids, parts=strings("1"))
        self.assertFails("InvalidArgument", self.fetch, daemon, ids, colour=strings("red"))

    def test_what_cannot_be_brought_is_told(self):
        daemon = self.prepare()
        fill(self.imap, "Work", 100, 40)
        daemon.sync()
        ids = list(self.ids(daemon, "Work").values())
        self.enable(daemon, False)
        job = self.fetch(daemon, ids)
        self.assertFails("Offline", daemon.call, job, "Job", "Wait", "()")
        self.enable(daemon, True)
        job = self.fetch(daemon, ids)
        daemon.call(job, "Job", "Cancel", "()")
        self.assertFails("Cancelled", daemon.call, job, "Job", "Wait", "()")
        self.assertEqual(daemon.call(self.fetch(daemon, ids), "Job", "Wait", "()")[0], {"messages": 40})


if __name__ == "__main__":
    main()
