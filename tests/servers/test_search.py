#!/usr/bin/env python3
"""Mail found by its words: the same as a plain look through all of it finds."""

import base64
import json
import os
import quopri
import random
import re
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403

# Some of what people write in ten languages. Those below the line don't part their words.
LANGUAGES = [
    "the budget for next year was approved by a committee on Tuesday and résumés are due".split(),
    "Grüße aus Köln die Straße ist gesperrt wegen Überschwemmung am Dienstag nächster Woche Maßnahmen".split(),
    "l'été dernier nous avons déjà reçu les élèves à l'école près de la forêt où naïve".split(),
    "Zażółć gęślą jaźń spotkanie w Łodzi środa źródło pieniądze książki".split(),
    "Ёлка стоит в лесу мой отчёт готов встреча во вторник бюджет объём".split(),
    "η συνάντηση είναι την Τρίτη ο προϋπολογισμός Οδός Άθως εγκρίθηκε".split(),
    "الاجتماع يوم الثلاثاء المُوازَنة تقرير جديد مدرسة كتاب".split(),
    "बैठक मंगलवार को है बजट रिपोर्ट नई किताब हिंदी".split(),
    "İstanbul toplantı salı günü bütçe çalışma öğrenci ağaç şehir".split(),
    "cuộc họp thứ ba ngân sách được phê duyệt Nguyễn Việt Nam đường".split(),
]
UNPARTED = [
    "会議は火曜日に開かれます予算が承認されました見積書を添付します",
    "会议将于星期二举行预算已获批准请查收附件中的报价单",
    "회의는화요일에열립니다예산이승인되었습니다",
    "การประชุมจะมีขึ้นในวันอังคารงบประมาณได้รับอนุมัติแล้ว",
]


def fold(text):
    text = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l").replace("đ", "d").replace("ı", "i"))
    return unicodedata.normalize("NFC", "".join(c for c in text if not unicodedata.combining(c) or "\u0e00" < c < "\u0eff" or "\u0900" < c < "\u097f" or c in "\u3099\u309a"))


def words(text):
    return re.findall(r"[\w\u0900-\u097f]+", fold(text))


def is_unparted(word):
    return "\u0e00" < word[0] < "\u0e7f" or word[0] > "\u3000"


def finds(text, wanted):
    """Whether each word of @wanted begins one of @text, or is in it where words aren't parted."""
    has = words(text)
    return all(any(w in h if is_unparted(w) else h.startswith(w) for h in has) for w in words(wanted))


def text(words_):
    return GLib.Variant("s", words_)


def tree(*conditions):
    return GLib.Variant("aa{sv}", conditions)


class Search(Changing):
    count = 0

    def begin(self, messages):
        self.daemon = self.prepare()
        for folder, octets in messages:
            self.imap.append(folder, None, None, octets)
        self.daemon.sync()
        return self.daemon

    def surel(self, *words_):
        return subprocess.run([BUILD + "/src/cli/surel", *words_], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              text=True, check=False, env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address})

    def query(self, filter, properties=("id", "subject"), **window):
        window = {"limit": GLib.Variant("u", 1000), "calculateTotal": GLib.Variant("b", True), **window}
        reply = self.daemon.call(PATH, "Messages", "Query", "(a{sv}asa{sv}as)", filter, [], window, list(properties))[0]
        self.assertEqual(reply["total"], len(reply["messages"]))
        return reply

    def found(self, **filter):
        return sorted(row["subject"] for row in self.query({key: text(value) for key, value in filter.items()})["messages"])

    def fetch_all(self):
        ids = [row["id"] for row in self.query({})["messages"]]
        job = self.daemon.call(PATH, "Messages", "Fetch", "(ata{sv})", ids, {})[0]
        self.daemon.wait_job(job)
        wait_for(lambda: self.query({"body": text("zzz")})["complete"], 60)

    def make(self, n, random):
        """A message of random words, as its row and its body will say it."""
        def some(k):
            return [random.choice(random.choice(LANGUAGES)) for _ in range(k)] + \
                   [(lambda run: run[(at := random.randrange(len(run) - 4)):at + random.randrange(2, 9)])(random.choice(UNPARTED)) for _ in range(k // 3)]
        subject = " ".join([f"S{n}"] + some(3))
        name = " ".join(some(2))
        body = "\n".join(" ".join(some(6)) for _ in range(5))
        encoded = "=?utf-8?B?" + base64.b64encode(subject.encode()).decode() + "?="
        person = "=?utf-8?B?" + base64.b64encode(name.encode()).decode() + "?="
        octets = body.encode()
        if n % 3 == 0:
            kind, how, octets = "text/plain; charset=utf-8", "base64", base64.encodebytes(octets)
        elif n % 3 == 1:
            kind, how, octets = "text/html; charset=utf-8", "quoted-printable", quopri.encodestring(b"<p>" + octets.replace(b"\n", b"</p>\n<p>") + b"</p><script>hidden</script>")
        else:
            kind, how, octets = "text/plain; charset=utf-8", "8bit", octets
        octets = (f"From: {person} <p{n}@surel.test>\nTo: Someone <to{n % 7}@example.net>\nSubject: {encoded}\nMessage-ID: <s{n}@surel.test>\n"
                  f"Date: Tue, 3 Mar 2026 10:00:{n % 60:02} +0000\nMIME-Version: 1.0\nContent-Type: {kind}\nContent-Transfer-Encoding: {how}\n\n").encode() + octets
        return {"n": n, "subject": subject, "from": f"{name} p{n}@surel.test", "to": f"Someone to{n % 7}@example.net", "body": body,
                "octets": octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")}

    def test_equal_to_a_plain_look_in_ten_languages(self):
        seed = random.randrange(1 << 30)
        print("seed", seed, file=sys.stderr)
        chance = random.Random(seed)
        mail = [self.make(n, chance) for n in range(150)]
        self.begin([("INBOX" if m["n"] % 2 else "Work", m["octets"]) for m in mail])
        inbox = self.daemon.folders()["INBOX"]
        wait_for(lambda: self.query({"subject": text("s")})["complete"])
        self.assertEqual(len(self.query({"subject": text("s")})["messages"]), len(mail))
        self.assertFalse(self.query({"text": text("s")})["complete"])  # no body is here
        for with_bodies in (False, True):
            if with_bodies:
                self.fetch_all()
            for _ in range(150):
                source = chance.choice(mail)
                key = chance.choice(["subject", "from", "to"] + ["text", "body"] * with_bodies)
                said = " ".join([source["subject"], source["from"], source["body"]]) if key == "text" else source[key]
                wanted = " ".join(w[:chance.randrange(1, len(w) + 1)] for w in chance.sample(words(said), min(len(words(said)), chance.randrange(1, 4))))
                if not words(wanted):
                    continue
                expected = sorted(m["n"] for m in mail if finds(
                    " ".join([m["subject"], m["from"], m["to"], m["body"]]) if key == "text" else m[key], wanted))
                rows = self.query({key: text(wanted)})["messages"]
                self.assertEqual(sorted(int(row["subject"].split()[0][1:]) for row in rows), expected, (seed, key, wanted))
                in_inbox = self.query({key: text(wanted), "inMailbox": GLib.Variant("o", inbox)})["messages"]
                self.assertEqual(sorted(int(row["subject"].split()[0][1:]) for row in in_inbox), [n for n in expected if n % 2], (seed, key, wanted))
                self.assertEqual([row["id"] for row in rows], [row["id"] for row in self.query({})["messages"] if row["id"] in {row["id"] for row in rows}])

    def letter(self, n, subject, body="x", kind="text/plain"):
        return (f"From: Ann <ann@surel.test>\r\nCc: Carl <carl@example.org>\r\nBcc: Berta <berta@example.org>\r\nSubject: {subject}\r\n"
                f"Message-ID: <l{n}@surel.test>\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n{body}\r\n").encode()

    def test_where_and_how(self):
        self.begin([("INBOX", self.letter(1, "Annual report", "the figures are attached")), ("INBOX", self.letter(2, "Report of the annual fair", "no figures")),
                    ("Work", self.letter(3, "Fair", "annual report of figures", "text/html"))])
        self.fetch_all()
        self.assertEqual(self.found(text="annual report"), ["Annual report", "Fair", "Report of the annual fair"])
        self.assertEqual(self.found(text='"annual report"'), ["Annual report", "Fair"])
        self.assertEqual(self.found(subject='"annual report"'), ["Annual report"])
        self.assertEqual(self.found(text="ann rep fig att"), ["Annual report"])
        self.assertEqual(self.found(body="annual"), ["Fair"])
        self.assertEqual(self.found(subject="fair", body="figures"), ["Fair", "Report of the annual fair"])
        self.assertEqual(len(self.found(**{"from": "ann@surel.test"})), 3)
        self.assertEqual(len(self.found(**{"from": "carl"})), 0)
        self.assertEqual(len(self.found(cc="CARL example")), 3)
        self.assertEqual(len(self.found(bcc="berta")), 3)
        self.assertEqual(self.found(text="nothing such"), [])
        trees = [("OR", [{"subject": text("annual")}, {"body": text("annual")}], 3), ("NOT", [{"body": text("annual")}], 2),
                 ("AND", [{"text": text("report")}, {"operator": text("NOT"), "conditions": GLib.Variant("aa{sv}", [{"subject": text("fair")}])}], 1)]
        for operator, conditions, count in trees:
            for more in ({}, {"inMailbox": GLib.Variant("o", self.daemon.folders()["INBOX"])}):
                rows = self.query({"operator": text("AND"), "conditions": GLib.Variant("aa{sv}", [
                    {"operator": text(operator), "conditions": tree(*conditions)}, more])})["messages"]
                self.assertEqual(len(rows), count - (operator == "OR") * bool(more))
        by_subject = self.daemon.call(PATH, "Messages", "Query", "(a{sv}asa{sv}as)", {"text": text("annual")}, ["subject"], {}, ["subject"])[0]
        self.assertEqual([row["subject"] for row in by_subject["messages"]], ["Annual report", "Fair", "Report of the annual fair"])
        second = self.query({"text": text("annual")}, anchor=GLib.Variant("t", self.query({"text": text("annual")})["messages"][0]["id"]))
        self.assertEqual(len(second["messages"]), 3)
        for bad in ("", " - ", '""'):
            self.assertFails("InvalidArgument", self.query, {"text": text(bad)})
        self.assertFails("InvalidArgument", self.query, {"text": GLib.Variant("u", 5)})
        for long in ("a " * 65, '"' + "a " * 65 + '"', "a." * 65, "会議" * 40):
            self.assertFails("LimitExceeded", self.query, {"text": text(long)})
        self.assertFails("LimitExceeded", self.query, {"operator": text("OR"), "conditions": tree(*[{"text": text("a " * 60)}] * 4)})
        self.query({"text": text("a" * 100000 + " " + "b " * 10)})

    def test_changes_are_found_at_once(self):
        self.begin([("INBOX", self.letter(1, "Annual report"))])
        wait_for(lambda: self.query({"subject": text("annual")})["complete"], 10)
        imap = self.server.imap("alice")
        for n in range(20):
            imap.append("INBOX", None, None, self.letter(100 + n, f"Arrival {n:03}"))
            wait_for(lambda: any(row["subject"] == f"Arrival {n:03}" for row in self.query({})["messages"]), 30)
            self.assertEqual(self.found(subject=f"arrival {n:03}"), [f"Arrival {n:03}"])
        drafts = self.daemon.folders()["Drafts"]
        draft, _ = self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, 0, GLib.Variant("ay", self.letter(200, "First thoughts", "plums")), {})
        self.assertEqual(self.found(subject="thoughts"), ["First thoughts"])
        wait_for(lambda: self.found(body="plums") == ["First thoughts"], 10)
        self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, draft, GLib.Variant("ay", self.letter(200, "Second ideas", "pears")), {})
        self.assertEqual((self.found(subject="thoughts"), self.found(subject="ideas")), ([], ["Second ideas"]))
        wait_for(lambda: self.found(body="pears") == ["Second ideas"], 10)
        self.assertEqual(self.found(body="plums"), [])
        self.assertEqual(len(self.query({"text": text("ideas"), "inMailbox": GLib.Variant("o", drafts)})["messages"]), 1)
        self.daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", [draft], {"destroy": GLib.Variant("b", True)}, {})
        self.assertEqual(self.found(subject="ideas"), [])

    def test_a_copy_is_found_by_its_text(self):
        self.begin([("INBOX", self.letter(1, "Annual report", "and so on " * 100 + "walnuts"))])
        self.fetch_all()
        one = self.query({"body": text("walnuts")})["messages"][0]["id"]
        work = GLib.Variant("ao", [self.daemon.folders()["Work"]])
        self.daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", [one], {"addFolders": work}, {})
        wait_for(lambda: len(self.query({"body": text("walnuts")})["messages"]) == 2)
        self.assertTrue(self.query({"body": text("walnuts")})["complete"])

    def test_previews_of_what_is_here(self):
        """Where the server tells none, as of drafts, they are made of the text, without what it quotes."""
        self.begin([])
        long = "Grüße " * 100
        for body, kind, expected in (("> old\r\n\r\nHello  there,\r\n\tyou\r\n> quoted\r\nbye", "text/plain", "Hello there, you bye"),
                                     ("<p>Hello <b>there</b></p><style>p {}</style>", "text/html", "Hello there"), ("", "text/plain", None),
                                     (long, "text/plain", long[:256].rstrip())):
            draft, _ = self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, 0,
                                        GLib.Variant("ay", self.letter(300, "Preview", body, kind)), {})
            wait_for(lambda: self.query({"body": text("zzz")})["complete"])
            self.assertEqual(self.row(self.daemon, draft, "preview").get("preview"), expected)
            self.daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", [draft], {"destroy": GLib.Variant("b", True)}, {})

    def test_after_a_restart_and_without_the_account(self):
        daemon = self.begin([("INBOX", self.letter(1, "Annual report", "figures"))])
        self.fetch_all()
        daemon.kill()
        self.daemon = daemon = self.start()
        wait_for(lambda: self.found(text="annual figures") == ["Annual report"], 20)
        daemon.call(self.account, "Account", "Remove", "(a{sv})", {"force": GLib.Variant("b", True)})
        wait_for(lambda: not daemon.folders(), 20)
        wait_for(lambda: self.found(text="annual") == [])

    def test_header_conditions(self):
        def mail(n, more=""):
            return (f"From: =?utf-8?q?Ren=C3=A9e?= <r{n}@surel.test>\r\nTo: Bob <bob@example.net>, carol@example.net\r\nSubject: S{n} =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
                    f"Message-ID: <h{n}@surel.test>\r\nReferences: <a@surel.test>\r\n <h0@surel.test>\r\n{more}\r\nText\r\n").encode()
        daemon = self.begin([("INBOX", mail(1, "X-Spam: =?utf-8?q?No,_=C3=84pfel?=\r\n")), ("INBOX", mail(2, "x-spam: yes,\r\n\tvery\r\nX-SPAM: maybe\r\n")),
                             ("Work", mail(3, "List-Id: <dev.surel.test>\r\nX-Spammer: x\r\n")), ("Work", mail(4).replace(b"Message-ID", b"X-Old-ID"))])

        def has(*words_):
            reply = self.query({"header": GLib.Variant("as", words_)})
            return [int(row["subject"].split()[0][1:]) for row in sorted(reply["messages"], key=lambda row: row["subject"])], reply["complete"]
        # What lists show needs no bytes.
        for wanted, found in ((["Message-ID"], [1, 2, 3]), (["message-id", "<H2@surel.test>"], [2]), (["MESSAGE-ID", "h2@surel"], [2]),
                              (["References", "a@surel.test> <h0"], [1, 2, 3, 4]), (["Subject", "GRÜSSE"], [1, 2, 3, 4]), (["From", "renée <r3"], [3]),
                              (["To", "<bob@example.net>, carol@"], [1, 2, 3, 4]), (["Cc"], []), (["Bcc", ""], []), (["From", ""], [1, 2, 3, 4])):
            self.assertEqual(has(*wanted), (found, True), wanted)
        # All else does; what came beside it is known.
        self.assertEqual(has("X-Spam"), ([], False))
        self.assertEqual(has("List-ID", "dev.surel"), ([3], False))
        neither = {"operator": text("NOT"), "conditions": tree({"header": GLib.Variant("as", ["X-Spam"])})}
        self.assertEqual((len(self.query(neither)["messages"]), self.query(neither)["complete"]), (4, False))
        flag = {"addKeywords": GLib.Variant("as", ["$flagged"])}
        self.assertFails("NotSupported", daemon.call, PATH, "Operations", "ModifyMatching", "(a{sv}a{sv}a{sv})", neither, flag, {})
        self.assertEqual(self.query({"hasKeyword": text("$flagged")})["messages"], [])
        self.fetch_all()
        for wanted, found in ((["X-Spam"], [1, 2]), (["x-spam", "ÄPFEL"], [1]), (["X-Spam", "yes, very"], [2]), (["X-Spam", "MAYBE"], [2]), (["X-Spam", "never"], []),
                              (["X-Spammer"], [3]), (["X-Old-ID", "<h4"], [4]), (["List-Id"], [3]), (["X-Spam", ""], [1, 2])):
            self.assertEqual(has(*wanted), (found, True), wanted)
        rows = self.query({"header": GLib.Variant("as", ["X-Spam"]), "subject": text("s2")})["messages"]
        self.assertEqual([row["subject"] for row in rows], ["S2 Grüße"])
        self.assertEqual(daemon.call(PATH, "Operations", "ModifyMatching", "(a{sv}a{sv}a{sv})", neither, flag, {})[2]["changed"], 2)
        self.assertEqual(sorted(row["subject"] for row in self.query({"hasKeyword": text("$flagged")})["messages"]), ["S3 Grüße", "S4 Grüße"])
        # Nor does it by what isn't known to be there of a keyword that nobody has.
        octets = mail(5, "X-Long: " + "\r\n ".join(["x" * 900] * 10) + " end\r\nX-Short: " + "y" * 900 + "\r\n")
        self.imap.append("INBOX", None, None, octets)
        daemon.sync()
        lacks = {"noneInThreadHaveKeyword": text("nobody"), "header": GLib.Variant("as", ["X-Long"])}
        self.assertFails("NotSupported", daemon.call, PATH, "Operations", "ModifyMatching", "(a{sv}a{sv}a{sv})", lacks, flag, {})
        self.fetch_all()
        self.assertEqual((has("X-Long"), has("X-Long", "xxx")), (([5], True), ([5], True)))
        self.assertEqual((has("X-Long", "end"), has("X-Short", "end")), (([], False), ([], True)))  # 8 KiB of text are looked at
        for wrong in [], ["X", "y", "z"], [""], ["a b"], ["X:"], ["Ä"], ["x" * 1000]:
            self.assertFails("InvalidArgument", self.query, {"header": GLib.Variant("as", wrong)})
        self.assertFails("InvalidArgument", self.query, {"header": text("X-Spam")})

    def test_by_the_command(self):
        daemon = self.begin([("INBOX", self.letter(1, "Annual report", "figures")), ("Work", self.letter(2, "Annual fair", "rides"))])
        rows = json.loads(self.surel("search", "annual", "--json").stdout)
        self.assertEqual(sorted(row["subject"] for row in rows), ["Annual fair", "Annual report"])
        for words_, expected in ((("annual", "in:Work"), "Annual fair"), (("subject:report",), "Annual report"), (("ann", "rep"), "Annual report"),
                                 (('"annual fair"',), "Annual fair"), (("from:ann", "is:unread", "subject:fair", "after:2020-01-01"), "Annual fair")):
            out = self.surel("search", *words_)
            self.assertEqual((out.returncode, [line.split("  ")[-1].strip() for line in out.stdout.splitlines()]), (0, [expected]), words_)
        self.assertIn("There may be more", self.surel("search", "annual").stderr)
        self.assertEqual(self.surel("search", "before:2000-01-01").stdout, "")
        self.assertEqual(self.surel("search").returncode, 2)
        self.assertEqual(self.surel("search", "before:soon").returncode, 2)
        self.assertEqual(self.surel("search", "in:Nowhere", "x").returncode, 1)
        self.assertEqual(self.surel("search", "--", "-").returncode, 1)


if __name__ == "__main__":
    main()
