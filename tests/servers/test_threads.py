#!/usr/bin/env python3
"""Threads on the bus: the same as a plain look through all mail finds, whatever order it came in."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403
from movable import Movable, Moving  # noqa: E402

WORDS = {"some": "someInThreadHaveKeyword", "all": "allInThreadHaveKeyword", "none": "noneInThreadHaveKeyword"}
THREAD = ("id", "subject", "threadId", "threadSize", "threadUnread", "threadKeywords", "threadFrom")


def mail(n, subject, references=(), sender=None, flags=""):
    """Message @n, which is @n minutes old."""
    octets = (f"From: {sender or f'Person {n} <p{n}@surel.test>'}\r\nTo: alice@surel.test\r\nSubject: {subject}\r\nMessage-ID: <t{n}@surel.test>\r\n"
              + (f"References: {' '.join(f'<t{r}@surel.test>' for r in references)}\r\n" if references else "")
              + f"X-Number: {n}\r\n\r\nText {n}\r\n")
    return octets.encode(), f'"14-Nov-2026 {10 + n // 60:02}:{n % 60:02}:00 +0000"', flags


class Threads(Changing):
    count = 0

    def begin(self, messages):
        """@messages: (folder, what mail() made)."""
        self.daemon = self.prepare()
        for folder, (octets, date, flags) in messages:
            self.imap.append(folder, flags, date, octets)
        self.daemon.sync()
        return self.daemon

    def query(self, filter=None, properties=(), collapse=True, sort=(), **window):
        window = {"calculateTotal": GLib.Variant("b", True), "collapseThreads": GLib.Variant("b", collapse), **window}
        return self.daemon.call(PATH, "Messages", "Query", "(a{sv}asa{sv}as)", filter or {}, list(sort), window, list(properties))[0]

    def numbers(self, *args, **more):
        """The messages found, by the numbers that their subjects end in."""
        return [int(row["subject"].split()[-1]) for row in self.query(*args, properties=["subject"], **more)["messages"]]

    def test_what_a_list_of_threads_shows(self):
        daemon = self.begin([("INBOX", mail(1, "Lunch")), ("INBOX", mail(2, "Another matter", flags="\\Seen")),
                             ("Work", mail(3, "Re: Lunch", [1], "Bob <bob@surel.test>", "\\Seen \\Flagged")),
                             ("INBOX", mail(4, "AW: Lunch", [1, 3], "Bob B. <BOB@surel.test>", "later")),
                             ("INBOX", mail(5, "Dinner", [4]))])
        inbox = daemon.folders()["INBOX"]
        rows = self.query()["messages"]
        self.assertEqual([row["subject"] for row in rows], ["Dinner", "AW: Lunch", "Another matter"])
        self.assertEqual([(row["threadSize"], row["threadUnread"]) for row in rows], [(1, 1), (3, 2), (1, 0)])
        self.assertEqual(sorted(rows[1]["threadKeywords"]), ["$flagged", "$seen", "later"])
        self.assertEqual(rows[1]["threadFrom"], [("Person 1", "p1@surel.test"), ("Bob", "bob@surel.test")])
        self.assertIn("from", rows[1])
        # All of one, wherever they are, and in a folder.
        thread = {"thread": GLib.Variant("t", rows[1]["threadId"])}
        plain = self.query(thread, collapse=False)["messages"]
        self.assertEqual([row["subject"] for row in plain], ["AW: Lunch", "Re: Lunch", "Lunch"])
        self.assertNotIn("threadSize", plain[0])
        self.assertEqual({row["threadId"] for row in plain}, {rows[1]["threadId"]})
        self.assertEqual([row["subject"] for row in self.query({**thread, "inMailbox": GLib.Variant("o", inbox)}, collapse=False)["messages"]],
                         ["AW: Lunch", "Lunch"])
        self.assertEqual(self.query({"thread": GLib.Variant("t", 1)})["messages"], [])
        # Asked for by name, where nothing is collapsed, too.
        row = daemon.call(PATH, "Messages", "Get", "(atas)", [plain[2]["id"]], list(THREAD))[0][0]
        self.assertEqual((row["threadSize"], row["threadUnread"], row["subject"]), (3, 2, "Lunch"))
        # What is done to one of them shows in the thread; what is in the trash belongs to it, what is gone doesn't.
        operation = self.modify(daemon, [plain[1]["id"]], {"moveToRole": GLib.Variant("s", "trash")})[0]
        self.assertEqual(self.query()["messages"][1]["threadSize"], 3)
        self.ended(daemon, operation)
        operation = self.modify(daemon, [plain[1]["id"]], {"destroy": GLib.Variant("b", True)})[0]
        row = self.query()["messages"][1]
        self.assertEqual((row["threadSize"], row["threadKeywords"], row["threadFrom"][1:]), (2, ["later"], [("Bob B.", "BOB@surel.test")]))
        self.ended(daemon, operation)

    def test_a_late_message_joins_two_threads(self):
        daemon = self.begin([("INBOX", mail(1, "Lunch")), ("INBOX", mail(3, "Re: Lunch", [2]))])
        rows = self.query(properties=THREAD)["messages"]
        self.assertEqual([row["threadSize"] for row in rows], [1, 1])
        before = daemon.changes()
        octets, date, flags = mail(2, "Re: Lunch", [1])
        self.imap.append("INBOX", flags, date, octets)
        daemon.sync()
        rows = self.query(properties=THREAD, collapse=False)["messages"]
        self.assertEqual([row["subject"] for row in rows], ["Re: Lunch", "Re: Lunch", "Lunch"])
        self.assertEqual(len({row["threadId"] for row in rows}), 1)
        changes = daemon.changes(before["state"], before["store"])
        self.assertEqual(len({rows[0]["id"], rows[2]["id"]} & set(changes["messagesUpdated"])), 1, changes)

    def test_equal_to_a_plain_look(self):
        seed = random.randrange(1 << 30)
        print("seed", seed, file=sys.stderr)
        chance = random.Random(seed)
        self.places, self.matter, self.chain, self.flags = {}, {}, {}, {}
        made = []
        for n in range(200):
            parent = chance.randrange(n) if n and chance.random() < .7 else None
            self.matter[n] = self.matter[parent] if parent is not None and chance.random() < .9 else chance.randrange(30)
            self.chain[n] = ([parent] + self.chain[parent]) if parent is not None else []
            self.flags[n] = {flag for flag in ("\\Seen", "\\Flagged", "later") if chance.random() < .5}
            self.places[n] = chance.choice(("INBOX", "Work"))
            subject = f"Matter {self.matter[n]} of"
            subject = ("Re: " if parent is not None else "") + subject
            # The number at the end is for the test, and would be another subject for each: it goes where it doesn't count.
            made.append((self.places[n], mail(n, f"[{n}] {subject}", reversed(self.chain[n]), flags=" ".join(self.flags[n]))))
        chance.shuffle(made)
        self.begin(made)
        group = {n: n for n in range(200)}  # by a fixed point: the least of those with an id and a matter in common
        while True:
            least, after = {}, {}
            for n in group:
                for known in [n] + self.chain[n]:
                    key = (known, self.matter[n])
                    least[key] = min(least.get(key, n), group[n])
            for n in group:
                after[n] = min(least[known, self.matter[n]] for known in [n] + self.chain[n])
            if after == group:
                break
            group = after
        members = {}
        for n, root in group.items():
            members.setdefault(root, set()).add(n)

        def number(row):
            return int(row["subject"].split("]")[0][1:])

        def collapsed(numbers):
            seen, kept = set(), []
            for n in numbers:
                if group[n] not in seen:
                    seen.add(group[n])
                    kept.append(n)
            return kept
        newest = sorted(group, reverse=True)
        rows = self.query(properties=THREAD, collapse=False, limit=GLib.Variant("u", 1000))["messages"]
        self.assertEqual([number(row) for row in rows], newest)
        thread_ids = {}
        for row in rows:
            self.assertEqual(thread_ids.setdefault(group[number(row)], row["threadId"]), row["threadId"], (seed, row))
            self.assertEqual(row["threadSize"], len(members[group[number(row)]]))
            self.assertEqual(row["threadUnread"], sum("\\Seen" not in self.flags[n] for n in members[group[number(row)]]))
        self.assertEqual(len(set(thread_ids.values())), len(members))
        inbox = {"inMailbox": GLib.Variant("o", self.daemon.folders()["INBOX"])}
        here = [n for n in newest if self.places[n] == "INBOX"]
        for filter, wanted in ({}, newest), (inbox, here):
            wanted = collapsed(wanted)
            for position, limit in (0, 1000), (0, 5), (7, 5), (len(wanted) - 2, 5), (500, 5):
                reply = self.query(filter, ["subject", "id"], position=GLib.Variant("u", position), limit=GLib.Variant("u", limit))
                self.assertEqual([number(row) for row in reply["messages"]], wanted[position:position + limit], (seed, position))
                self.assertEqual((reply["total"], reply["hasMore"], reply["complete"]), (len(wanted), position + limit < len(wanted), True))
            anchor = self.query(filter, ["subject", "id"], position=GLib.Variant("u", 9))["messages"][0]
            reply = self.query(filter, ["subject"], anchor=GLib.Variant("t", anchor["id"]), anchorOffset=GLib.Variant("i", -2))
            self.assertEqual([number(row) for row in reply["messages"]][:6], wanted[7:13])
        for sort in ["subject"], ["receivedAt"], ["hasKeyword:$flagged", "-receivedAt"]:
            plain = [number(row) for row in self.query(properties=["subject"], collapse=False, sort=sort, limit=GLib.Variant("u", 1000))["messages"]]
            rows = self.query(properties=["subject"], sort=sort, limit=GLib.Variant("u", 1000))["messages"]
            self.assertEqual([number(row) for row in rows], collapsed(plain), (seed, sort))
        for keyword, flag in ("$seen", "\\Seen"), ("later", "later"):
            for word, holds in ("some", any), ("all", all), ("none", lambda has: not any(has)):
                wanted = [n for n in newest if holds([flag in self.flags[k] for k in members[group[n]]])]
                filter = {WORDS[word]: GLib.Variant("s", keyword)}
                for collapse in False, True:
                    rows = self.query(filter, ["subject"], collapse, limit=GLib.Variant("u", 1000))["messages"]
                    self.assertEqual([number(row) for row in rows], collapsed(wanted) if collapse else wanted, (seed, word, keyword))
                rows = self.query({**filter, **inbox}, ["subject"], limit=GLib.Variant("u", 1000))["messages"]
                self.assertEqual([number(row) for row in rows], collapsed([n for n in wanted if n in here]), (seed, word, keyword))
        # What the words of one find, and of its thread.
        rows = self.query({"subject": GLib.Variant("s", "matter 3")}, ["subject"], limit=GLib.Variant("u", 1000))["messages"]
        self.assertTrue(rows)
        self.assertEqual([number(row) for row in rows], collapsed([n for n in newest if str(self.matter[n]).startswith("3") or str(n).startswith("3")]))
        for root, ours in list(members.items())[:20]:
            rows = self.query({"thread": GLib.Variant("t", thread_ids[root])}, ["subject"], False, limit=GLib.Variant("u", 1000))["messages"]
            self.assertEqual([number(row) for row in rows], sorted(ours, reverse=True))

    def test_wrong_arguments(self):
        self.begin([])
        for filter in {"thread": GLib.Variant("s", "1")}, {"thread": GLib.Variant("i", -1)}, {"someInThreadHaveKeyword": GLib.Variant("s", "a b")}, \
                {"allInThreadHaveKeyword": GLib.Variant("as", [])}, {"noneInThreadHaveKeyword": GLib.Variant("s", "")}:
            with self.subTest(filter):
                self.assertFails("InvalidArgument", self.query, filter)
        self.assertFails("InvalidArgument", self.query, None, (), True, (), collapseThreads=GLib.Variant("u", 1))


class OfServer(Moving):
    def test_the_servers_threads(self):
        class Knowing(Movable):
            capability = Movable.capability + b" OBJECTID"

            def row(self, n, full):
                row = super().row(n, full)
                if full:
                    thread = {1: b"(T1)", 2: b"(T1)", 3: b"NIL", 4: b"(T2)"}[self.uids[n - 1]]
                    row = row.replace(b"RFC822.SIZE", b"EMAILID (M%d) THREADID %s RFC822.SIZE" % (n, thread))
                return row
        self.begin(Knowing(b"Two", count=4))
        rows = self.daemon.query(properties=["id", "threadId"])["messages"]
        threads = {row["id"]: row["threadId"] for row in rows}
        first, second, third, fourth = (threads[self.ids("INBOX")[n]] for n in range(1, 5))
        self.assertEqual((first, len({first, third, fourth})), (second, 3))
        self.assertIn("threads", self.daemon.get(self.account, "Account", "Capabilities"))


if __name__ == "__main__":
    main()
