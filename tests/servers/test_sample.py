#!/usr/bin/python3
"""The mailbox that the demo shows: many scripts, HTML, attachments and messages that are broken."""

import collections
import os
import subprocess
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # by UAX #9
MARKS = "\u061c\u200e\u200f"
ALL = ["id", "account", "mailboxIds", "keywords", "size", "receivedAt", "sentAt", "subject", "from", "sender",
       "replyTo", "to", "cc", "bcc", "messageId", "inReplyTo", "references", "preview", "hasAttachment", "blobId", "fetched",
       "pending", "threadId", "held"]
BOXES = ("INBOX", "Kerja", "Kerja/Proyek", "Archive")


def texts(value):
    """All strings of a row, however deep; its keys as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from texts(key)
            yield from texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from texts(part)


def unfit(text):
    return [f"U+{ord(c):04X}" for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in MARKS
            or unicodedata.bidirectional(c) in TURNING]


class Sample(Case):
    def setUp(self):
        super().setUp()
        subprocess.run([sys.executable, ROOT + "/tests/lib/sample-mailbox.py", str(self.server.port)], check=True)
        self.daemon = self.start()
        _, job = self.daemon.add_account(self.server)
        self.daemon.wait_job(job)
        self.daemon.sync()

    def open(self, number):
        _, fds = self.daemon.connection.call_with_unix_fd_list_sync(
            NAME, PATH, NAME + ".Messages", "Open", GLib.Variant("(ta{sv})", (number, {})), None, 0, 30000, None,
            None)
        with os.fdopen(fds.get(0), "rb") as file:
            return file.read()

    def test_each_message_is_whole_and_its_row_clean(self):
        imap = self.server.imap()
        total = 0
        for path, folder in self.daemon.folders().items():
            rows = self.daemon.query({"inMailbox": GLib.Variant("o", folder)}, limit=1000)["messages"]
            if path not in BOXES:
                self.assertEqual(rows, [], path)
                continue
            imap.select(f'"{path}"', readonly=True)
            theirs = collections.Counter(answer[1] for answer in imap.fetch("1:*", "(BODY.PEEK[])")[1]
                                         if isinstance(answer, tuple))
            ours = collections.Counter(self.open(row["id"]) for row in rows)
            self.assertEqual(ours, theirs, path)
            total += len(rows)
        self.assertEqual(total, 216)
        # What a list shows, and all there is of a row once the bytes are here.
        for properties in ([], ALL):
            rows = self.daemon.query(limit=1000, properties=properties)["messages"]
            self.assertEqual(len(rows), total)
            for row in rows:
                for text in texts(row):
                    self.assertEqual(unfit(text), [], text)
        subjects = {row.get("subject") for row in rows}
        self.assertLessEqual({"会議のお知らせ", "Re: Grüße aus Köln", "[31mred[0m and  turned round"}, subjects)


if __name__ == "__main__":
    main()
