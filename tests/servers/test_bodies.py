#!/usr/bin/env python3
"""The parts of messages, and their text, on the bus."""

import base64
import fcntl
import os
import re
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


def strings_of(value):
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in strings_of(one)]
    return [text for one in value for text in strings_of(one)] if isinstance(value, (list, tuple)) else []


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

    def get(self, daemon, ids, *properties):
        """Rows, by as many calls as it takes: each answers something."""
        rows, left = [], list(ids)
        while left:
            found, _, after = daemon.call(PATH, "Messages", "Get", "(atas)", left, list(properties))
            self.assertLess(len(after), len(left))
            rows, left = rows + found, after
        return rows

    def test_what_a_row_tells_of_parts(self):
        daemon, id = self.begin()
        names = ["bodyStructure", "textBody", "htmlBody", "attachments"]
        self.assertEqual(self.row(daemon, id, *names), {})  # it isn't here
        self.assertEqual(self.row(daemon, id, "fetched"), {"fetched": False})
        body = self.body(daemon, id)
        del body["bodyValues"]
        self.assertEqual(self.row(daemon, id, *names), body)
        self.assertEqual(self.row(daemon, id, "textBody"), {"textBody": body["textBody"]})
        rows = daemon.query({"inMailbox": GLib.Variant("o", self.folders["Work"])}, properties=names + ["id"])["messages"]
        self.assertEqual(rows, [{**body, "id": id}])
        self.assertFails("NotSupported", self.row, daemon, id, "bodyValues")

    def test_rows_of_parts_are_bounded(self):
        """Too wide, too deep for a row inside a reply, or too much to be read for one."""
        daemon = self.prepare()
        deep = [b"Subject: deep%d\r\n" % levels
                + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)) + b"\r\ndeep"
                for levels in (13, 14)]
        wide = (b"Subject: wide\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                + b"".join(b"--b\r\nContent-Type: text/plain; charset=%s\r\n\r\nx\r\n" % (b"c" * 200) for n in range(900)))
        ids = [self.append(daemon, "Work", octets)[0] for octets in (*deep, wide)]
        for rows in (self.get(daemon, ids, "bodyStructure", "textBody", "htmlBody", "subject"),
                     sorted(daemon.query({"inMailbox": GLib.Variant("o", self.folders["Work"])}, [],
                                         ["id", "bodyStructure", "textBody", "htmlBody", "subject"])["messages"], key=lambda row: row["id"])):
            self.assertEqual(len(rows), 3)
            part, depth = rows[0]["bodyStructure"], 0
            while "subParts" in part:
                part, depth = part["subParts"][0], depth + 1
            self.assertEqual((depth, "cut" in rows[0]), (13, False))
            self.assertEqual((rows[1]["cut"], len(rows[1]["textBody"])), (["bodyStructure"], 1))
            self.assertNotIn("bodyStructure", rows[1])
            self.assertEqual(sorted(rows[2]["cut"]), ["bodyStructure", "htmlBody", "textBody"])
            self.assertGreater(len(rows[2]["textBody"]), 100)
            self.assertEqual((rows[2]["subject"], len(rows[2].get("htmlBody", [])) < 10), ("wide", True))
        self.assertNotIn("cut", self.row(daemon, ids[2], "attachments"))

        large = b"Subject: large\r\n\r\n" + b"x" * (6 << 20)
        ids = [self.append(daemon, "Archive", GLib.Variant.new_from_bytes(
            GLib.VariantType("ay"), GLib.Bytes.new(b"X-N: %d\r\n" % n + large), True))[0] for n in range(8)]
        rows, missing, left = daemon.call(PATH, "Messages", "Get", "(atas)", ids, ["header:X-N"])
        self.assertEqual((rows, missing, left), ([{"header:X-N": f" {n}"} for n in range(6)], [], ids[6:]))
        self.assertEqual([row["header:X-N"] for row in self.get(daemon, ids, "header:X-N")], [f" {n}" for n in range(8)])
        self.assertEqual(len(daemon.call(PATH, "Messages", "Get", "(atas)", ids, ["subject", "header:X-N"])[0]), 6)
        page = daemon.query({"inMailbox": GLib.Variant("o", self.folders["Archive"])}, [], ["textBody"])
        self.assertEqual((len(page["messages"]), page["hasMore"]), (6, True))
        self.assertEqual(len(daemon.call(PATH, "Messages", "Get", "(atas)", ids, ["subject"])[0]), 8)

    def test_header_fields(self):
        """The same where the message is here and where it isn't, of what can be told then."""
        daemon = self.prepare()
        self.imap.append("Work", None, None, b"""Received: one
Received: two
From: A <a@surel.test>
To: team: B <b@surel.test>, c@surel.test;, =?utf-8?Q?J=C3=BCrgen?= <j@surel.test>
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
 to [31m you
Date: Tue, 14 Nov 2023 22:13:20 +0000
Message-ID: <m900@surel.test>
References: <one@surel.test>
 <two@surel.test>
List-Unsubscribe: <mailto:off@surel.test>,
 (or) <https://surel.test/off>
List-Id: The list <list.surel.test>
X-Own: mine

text
""".replace(b"\n", b"\r\n"))
        daemon.sync()
        id = self.ids(daemon, "Work")["Gr\u00fc\u00dfe to [31m you"]
        known = {
            "header:subject:asText": "Gr\u00fc\u00dfe to [31m you",
            "header:Date:asDate": 1700000000,
            "header:From:asAddresses": [("A", "a@surel.test")],
            "header:To:asAddresses": [("B", "b@surel.test"), ("", "c@surel.test"), ("J\u00fcrgen", "j@surel.test")],
            "header:Message-ID:asMessageIds": ["m900@surel.test"],
            "header:References:asMessageIds": ["one@surel.test", "two@surel.test"],
            "header:List-Unsubscribe:asURLs": ["mailto:off@surel.test", "https://surel.test/off"],
            "header:List-Unsubscribe": " <mailto:off@surel.test>, (or) <https://surel.test/off>",
            "header:List-Id:asText": "The list <list.surel.test>",
            "header:LIST-ID:asRaw": " The list <list.surel.test>",
        }
        whole = {
            "header:Subject": " =?utf-8?Q?Gr=C3=BC=C3=9Fe?= to [31m you",
            "header:To:asGroupedAddresses": [("team", [("B", "b@surel.test"), ("", "c@surel.test")]), ("", [("J\u00fcrgen", "j@surel.test")])],
            "header:Received": " two",
            "header:Received:all": [" one", " two"],
            "header:X-Own:asText:all": ["mine"],
            "header:List-Id:asText:all": ["The list <list.surel.test>"],
            "header:Date:asDate:all": [1700000000],
            "header:From:asAddresses:all": [[("A", "a@surel.test")]],
            "header:References:asMessageIds:all": [["one@surel.test", "two@surel.test"]],
            "header:Nothing:all": [],
        }
        absent = ["header:Nothing", "header:Nothing:asText", "header:Cc:asAddresses", "header:List-Post:asURLs", "header:X-Own:asDate"]
        names = [*known, *whole, *absent]
        self.assertEqual(self.row(daemon, id, "fetched", *names), {"fetched": False, **known})
        self.read(daemon, id, "", 0, 1)
        self.assertEqual(self.row(daemon, id, "fetched", *names, *names), {"fetched": True, **known, **whole})
        rows = daemon.query({"inMailbox": GLib.Variant("o", self.folders["Work"])}, properties=names)["messages"]
        self.assertEqual(rows, [{**known, **whole}])
        for name in ("header:From:asText", "header:Subject:asAddresses", "header:Received:asDate", "header:", "header:X:asHtml",
                     "header:X:all:asText", "header:S\u00fcbject"):
            self.assertFails("InvalidArgument", self.row, daemon, id, name)

    def test_rows_of_hostile_headers(self):
        """A thousand fields, a field of a mebibyte, and a hundred properties: a row is a row, clean, and says what it lacks."""
        daemon = self.prepare()
        many = b"".join(b"X: <a%d@b>\r\n" % n for n in range(10000)) + b"\r\n"
        large = b"X: " + b"<a@b>, =?utf-8?Q?=1B=E2=80=AE?= \x1b\xff" * 40000 + b"\r\n\r\n"
        tiny = b"X: " + b"a," * 900 + b"\r\n\r\n"
        names = ["header:" + name + form + suffix for name in ("X", "x") for suffix in ("", ":all") for form in (
            "", ":asRaw", ":asText", ":asAddresses", ":asGroupedAddresses", ":asMessageIds", ":asDate", ":asURLs")]
        names += ["header:" + chr(97 + n) * 100 + ":asGroupedAddresses:all" for n in range(26)]
        for octets in (many, large, tiny):
            id, _ = self.append(daemon, "Work", octets)
            reply = daemon.connection.call_sync(NAME, PATH, NAME + ".Messages", "Get", GLib.Variant("(atas)", ([id], names)), None, 0,
                                                30000, None)
            row = reply.unpack()[0][0]
            message = Gio.DBusMessage.new_signal("/", "a.b", "C")
            message.set_body(GLib.Variant.new_tuple(reply.get_child_value(0).get_child_value(0)))
            self.assertLess(len(message.to_blob(Gio.DBusCapabilityFlags.NONE)), 65536)
            self.assertIsNone(re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", "".join(strings_of(row))))
            if octets is not tiny:
                self.assertIn("header:X:all", row["cut"])
            self.assertIn("header:x:asText", [*row, *row.get("cut", [])])

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
