#!/usr/bin/python3
"""first-sync.py COUNT: the first sync of COUNT messages in 21 folders, and a check with nothing new, beside a
raw client of the same server in the same run. Prints medians of five with their spread."""

import base64
import email.utils
import os
import random

from bench import *  # noqa: F403

ROUNDS = 5
CHECKS = 40  # in turn with the raw client's
FOLDERS = ["INBOX"] + [f"Folder {n}" for n in range(1, 16)]  # and the five that the server makes
TOPICS = ["Rapat hari Senin", "会議のお知らせ", "Quarterly figures", "Foto liburan di Bali", "Grüße aus Köln",
          "お見積書の件", "Build failed", "Undangan makan malam", "Re-reading the contract", "Kabar baik!"]
NAMES = ["Ayu Lestari", "佐藤 花子", "Jürgen Weiß", "Bob", "Zoë O'Hara", "Berita Harian", "Build Server", "Mum"]
TEXT = ("Selamat pagi,\r\n\r\nbesok kita bertemu pukul sembilan.\r\n\r\nSalam,\r\nAyu\r\n" * 8)
YEARS = 10 * 365 * 86400
END = 1735689600


def word(text, dice):
    if text.isascii():
        return text
    if dice.random() < 0.7:
        return "=?UTF-8?B?" + base64.b64encode(text.encode()).decode() + "?="
    return "=?utf-8?q?" + "".join(f"={o:02X}" for o in text.encode()) + "?="


class Generator:
    """Messages as people have them: threads, lists, attachments, HTML, ten years of dates."""

    def __init__(self, count):
        self.dice, self.count, self.recent = random.Random(count), count, []

    def message(self, n):
        dice = self.dice
        topic, name = dice.choice(TOPICS), dice.choice(NAMES)
        number = f"<{n}.{dice.getrandbits(64):016x}@mail{n % 97}.surel.test>"
        head = [f"Return-Path: <u{n % 500}@surel.test>", f"Received: from mx{n % 9}.surel.test by mail.surel.test; "
                + email.utils.formatdate(END - YEARS + n * YEARS // self.count),
                f"From: {word(name, dice)} <u{n % 500}@surel.test>", "To: Alice <alice@surel.test>"]
        if dice.random() < 0.3:
            head.append("Cc: " + ", ".join(f"{word(dice.choice(NAMES), dice)} <c{k}@surel.test>"
                                           for k in range(dice.randint(1, 6))))
        references = []
        if self.recent and dice.random() < 0.6:
            topic, references = dice.choice(self.recent)
        head += [f"Subject: {'Re: ' if references else ''}{word(topic, dice)}",
                 "Date: " + email.utils.formatdate(END - YEARS + n * YEARS // self.count), f"Message-ID: {number}"]
        if references:
            head += [f"In-Reply-To: {references[-1]}", "References: " + "\r\n ".join(references[-10:])]
        self.recent = (self.recent + [(topic, references + [number])])[-200:]
        if dice.random() < 0.2:
            head += [f"List-Id: <list{n % 20}.surel.test>", f"List-Unsubscribe: <mailto:off{n}@list.surel.test>"]
        kind = dice.random()
        if kind < 0.4:
            head += ["MIME-Version: 1.0", 'Content-Type: multipart/alternative; boundary="=_b"']
            body = (f"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{TEXT}\r\n--=_b\r\nContent-Type: text/html; "
                    f"charset=utf-8\r\n\r\n<p>{TEXT}</p>\r\n--=_b--\r\n")
        elif kind < 0.55:
            head += ["MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="=_b"']
            body = (f"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{TEXT}\r\n--=_b\r\nContent-Type: "
                    f'application/pdf; name="figures.pdf"\r\nContent-Disposition: attachment; filename="figures.pdf"\r\n'
                    f"Content-Transfer-Encoding: base64\r\n\r\n{'JVBERi0xLjQK' * 60}\r\n--=_b--\r\n")
        else:
            head += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
            body = TEXT
        return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def seed(server, count):
    client = server.imap()
    generator = Generator(count)
    share = count // 2 // (len(FOLDERS) - 1)
    number = 0
    for folder in FOLDERS:
        if folder != "INBOX":
            client.create(f'"{folder}"')
        left = share if folder != "INBOX" else count - share * (len(FOLDERS) - 1)
        while left:
            step = min(left, 500)
            parts = []
            for n in range(number, number + step):
                octets = generator.message(n)
                flags = b"\\Seen" if n % 10 else b""
                parts.append(b' (%s) "%s" {%d+}\r\n%s' % (flags, time.strftime(
                    "%d-%b-%Y %H:%M:%S +0000", time.gmtime(END - YEARS + n * YEARS // count)).encode(), len(octets), octets))
            tag = client._new_tag()
            client.send(tag + b' APPEND "' + folder.encode() + b'"' + b"".join(parts) + b"\r\n")
            while not client.readline().startswith(tag):
                pass
            client.tagged_commands.clear()
            number, left = number + step, left - step
    client.logout()


def server_seconds(server):
    """CPU seconds that the processes of the server have used."""
    total = 0  # of those that live, and of those that the master has waited for
    with open(server.dir + "/run/master.pid", encoding="ascii") as file:
        group = int(file.read())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            total += int(fields[11]) + int(fields[12]) + (int(fields[13]) + int(fields[14])) * (int(pid) == group)
    return total / os.sysconf("SC_CLK_TCK")


class First(Bench):
    def test_first_sync(self):
        seed(self.server, COUNT)
        self.raw_first()  # the server's caches are warm
        raw, busy, first, indexed, newest, memory, checks, calls, raw_checks = [], [], [], [], [], [], [], [], []
        for n in range(ROUNDS):
            before = server_seconds(self.server)
            raw.append(self.raw_first())
            busy.append((server_seconds(self.server) - before) / raw[-1])
            self.data = f"{self.dir}/surel{n}"
            daemon = self.start()
            begin = time.monotonic()
            account, job = daemon.add_account(self.server)
            while True:
                folder = daemon.folders().get("INBOX")
                if folder and len(daemon.query({"inMailbox": GLib.Variant("o", folder)}, limit=50)["messages"]) == 50:
                    break
                time.sleep(0.002)
            newest.append(time.monotonic() - begin)
            daemon.wait_job(job)
            daemon.wait_job(daemon.call(account, "Account", "Sync", "(a{sv})", {})[0])
            first.append(time.monotonic() - begin)
            while not daemon.query({"subject": GLib.Variant("s", "zzz")})["complete"]:
                time.sleep(0.005)
            indexed.append(time.monotonic() - begin)
            memory.append(daemon.memory() / 1024)
            self.assertEqual(sum(v[NAME + ".Folder"]["TotalMessages"] for v in daemon.objects().values()
                                 if NAME + ".Folder" in v), COUNT)
            wait_for(lambda: daemon.get(account, "Account", "Status") == "idle")
            bus, raw_client = self.helper("bus"), self.helper("raw", *self.as_alice())
            one, nothing, raw_one = zip(*[(bus("check")[0], bus("read")[0], raw_client("check")[0]) for _ in range(CHECKS)])
            checks.append(statistics.median(one))
            calls.append(statistics.median(nothing))
            raw_checks.append(statistics.median(raw_one))
            daemon.stop()
        print(f"\n{COUNT} messages, {len(FOLDERS) + 5} folders, medians of {ROUNDS} (least to most)")
        show("raw client, headers of all folders", raw)
        show("  the server's CPU meanwhile", busy, "of a core")
        show("first sync", first)
        show("  as a ratio to raw", [a / b for a, b in zip(first, raw)], "")
        show("  with the text index of their headers done", indexed)
        show("  as a ratio to raw", [a / b for a, b in zip(indexed, raw)], "")
        show("  the inbox's newest 50 on the bus after", newest)
        show("  peak memory of sureld (VmHWM)", memory, "MiB")
        show("raw check", raw_checks, "ms", 1000)
        show("check with nothing new, on the bus", checks, "ms", 1000)
        show("  as a ratio to raw", [a / b for a, b in zip(checks, raw_checks)], "")
        show("a call that does nothing, on the bus", calls, "ms", 1000)
        show("check without the call it takes, to raw", [(a - c) / b for a, b, c in zip(checks, raw_checks, calls)], "")


if __name__ == "__main__":
    COUNT = int(sys.argv.pop(1))
    main()
